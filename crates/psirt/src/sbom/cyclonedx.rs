//! CycloneDX 1.0 to 1.7 as JSON, XML and protobuf all say it, and how its words map to the model.
//!
//! Not a syntax: `json`, `xml` and `protobuf` bring each component here. Names are those of the JSON schema; an alias is what XML (`$text` is
//! an element's text) or protobuf calls the same. Formulation, cryptography, data governance and compositions say nothing about identity
//! and are stepped over.

use serde::Deserialize;

use super::shape::{Many, algorithm, said};
use crate::component::{Component, Digest, Kind, Patch, Sink};

/// Bytes of a property's value that are kept.
const PROPERTY_BYTES_MAX: usize = 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    #[serde(rename = "bom-ref", alias = "bomRef")]
    reference: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    group: Option<String>,
    name: Option<String>,
    version: Option<String>,
    #[serde(rename = "versionRange")]
    version_range: Option<String>,
    publisher: Option<String>,
    supplier: Option<Organisation>,
    manufacturer: Option<Organisation>,
    provider: Option<Organisation>,
    cpe: Option<String>,
    purl: Option<String>,
    swid: Option<Swid>,
    swhid: Option<Many<String>>,
    #[serde(rename = "omniborId")]
    omnibor: Option<Many<String>>,
    hashes: Option<Vec<Hash>>,
    licenses: Option<Many<LicenceChoice>>,
    pedigree: Option<Box<Pedigree>>,
    evidence: Option<Box<Evidence>>,
    #[serde(rename = "externalReferences")]
    references: Option<Vec<ExternalReference>>,
    properties: Option<Vec<Property>>,
    components: Option<Vec<Raw>>,
    services: Option<Vec<Raw>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Organisation {
    #[serde(alias = "$text")]
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Swid {
    #[serde(rename = "tagId")]
    tag: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hash {
    alg: Option<String>,
    #[serde(alias = "$text", alias = "value")]
    content: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LicenceChoice {
    license: Option<Licence>,
    expression: Option<String>,
    #[serde(rename = "expressionDetailed")]
    detailed: Option<DetailedExpression>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Licence {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DetailedExpression {
    expression: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pedigree {
    ancestors: Option<Vec<Raw>>,
    commits: Option<Vec<Commit>>,
    patches: Option<Vec<RawPatch>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Commit {
    uid: Option<String>,
    url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawPatch {
    #[serde(rename = "type")]
    kind: Option<String>,
    resolves: Option<Vec<Issue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Issue {
    pub(super) id: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Evidence {
    identity: Option<Many<Identity>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Identity {
    field: Option<String>,
    #[serde(rename = "concludedValue")]
    concluded: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExternalReference {
    #[serde(rename = "type")]
    kind: Option<String>,
    url: Option<String>,
    hashes: Option<Vec<Hash>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Property {
    name: Option<String>,
    #[serde(alias = "$text")]
    value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Dependency {
    #[serde(rename = "ref")]
    from: Option<String>,
    #[serde(rename = "dependsOn")]
    depends_on: Option<Vec<String>>,
    provides: Option<Many<Reference>>,
    /// XML and protobuf nest them.
    #[serde(alias = "dependencies")]
    dependency: Option<Vec<Dependency>>,
}

/// A reference as text, or as an element that has one.
#[derive(Debug, Deserialize)]
#[serde(from = "ReferenceShape")]
struct Reference(String);

#[derive(Deserialize)]
#[serde(untagged)]
enum ReferenceShape {
    Text(String),
    Element {
        #[serde(rename = "ref")]
        to: String,
    },
}

impl From<ReferenceShape> for Reference {
    fn from(shape: ReferenceShape) -> Self {
        match shape {
            ReferenceShape::Text(to) | ReferenceShape::Element { to } => Self(to),
        }
    }
}

/// Hands `raw` and all that is nested in it to `sink`; gives its reference.
pub(super) fn component(raw: Raw, pointer: &str, sink: &mut dyn Sink) -> String {
    hand_on(raw, pointer, None, Kind::Library, sink)
}

/// The same for a service.
pub(super) fn service(raw: Raw, pointer: &str, sink: &mut dyn Sink) -> String {
    hand_on(raw, pointer, None, Kind::Service, sink)
}

fn hand_on(mut raw: Raw, pointer: &str, parent: Option<&str>, unsaid: Kind, sink: &mut dyn Sink) -> String {
    let components = raw.components.take().unwrap_or_default();
    let services = raw.services.take().unwrap_or_default();
    let component = into_component(raw, pointer, unsaid);
    let reference = component.reference.clone();
    sink.component(component);
    if let Some(parent) = parent {
        sink.dependency(parent, &reference);
    }
    for (list, nested, unsaid) in [("components", components, Kind::Library), ("services", services, Kind::Service)] {
        for (index, raw) in nested.into_iter().enumerate() {
            hand_on(raw, &format!("{pointer}/{list}/{index}"), Some(&reference), unsaid, sink);
        }
    }
    reference
}

fn into_component(raw: Raw, pointer: &str, unsaid: Kind) -> Component {
    let name_of = |organisation: Option<Organisation>| organisation.and_then(|organisation| said(organisation.name));
    let mut component = Component {
        reference: raw.reference.filter(|reference| !reference.is_empty()).unwrap_or_else(|| pointer.to_owned()),
        kind: raw.kind.as_deref().map_or(unsaid, kind),
        group: said(raw.group),
        name: raw.name.unwrap_or_default(),
        version: said(raw.version),
        supplier: name_of(raw.supplier)
            .or_else(|| name_of(raw.manufacturer))
            .or_else(|| name_of(raw.provider))
            .or_else(|| said(raw.publisher)),
        purls: said(raw.purl).into_iter().collect(),
        cpes: said(raw.cpe).into_iter().collect(),
        swids: raw.swid.and_then(|swid| said(swid.tag)).into_iter().collect(),
        digests: raw.hashes.into_iter().flatten().filter_map(digest).collect(),
        sources: Vec::new(),
        licences: raw.licenses.into_iter().flat_map(|many| many.0).filter_map(licence).collect(),
        patches: Vec::new(),
        properties: raw.properties.into_iter().flatten().filter_map(property).collect(),
    };
    let apart = [
        ("swhid", raw.swhid.unwrap_or_default().0),
        ("omniborId", raw.omnibor.unwrap_or_default().0),
        ("versionRange", raw.version_range.into_iter().collect()),
    ];
    for (name, values) in apart {
        component.properties.extend(values.into_iter().map(|value| (name.to_owned(), value)));
    }
    raw.references.into_iter().flatten().for_each(|reference| external(reference, &mut component));
    if let Some(pedigree) = raw.pedigree {
        into_pedigree(*pedigree, &mut component);
    }
    for identity in raw.evidence.and_then(|evidence| evidence.identity).into_iter().flat_map(|many| many.0) {
        let (Some(field), Some(value)) = (identity.field, said(identity.concluded)) else { continue };
        let known = match field.to_ascii_lowercase().as_str() {
            "purl" => &mut component.purls,
            "cpe" => &mut component.cpes,
            "swid" => &mut component.swids,
            _ => continue,
        };
        if !known.contains(&value) {
            known.push(value);
        }
    }
    component
}

fn into_pedigree(pedigree: Pedigree, component: &mut Component) {
    for commit in pedigree.commits.into_iter().flatten() {
        match (said(commit.url), said(commit.uid)) {
            (Some(url), Some(uid)) if !url.contains(&uid) => component.sources.push(format!("{url}@{uid}")),
            (Some(only), _) | (None, Some(only)) => component.sources.push(only),
            (None, None) => {}
        }
    }
    for patch in pedigree.patches.into_iter().flatten() {
        let resolves = patch.resolves.into_iter().flatten().filter_map(|issue| said(issue.id).or(issue.name)).collect();
        component.patches.push(Patch { kind: patch.kind.unwrap_or_else(|| "unofficial".to_owned()), resolves });
    }
    // What it was made from: an advisory on the ancestor may concern it.
    for ancestor in pedigree.ancestors.into_iter().flatten() {
        let name = [ancestor.group, ancestor.name].into_iter().flatten().collect::<Vec<_>>().join("/");
        let named = match ancestor.version {
            Some(version) => format!("{name}@{version}"),
            None => name,
        };
        component.properties.push(("ancestor".to_owned(), said(ancestor.purl).or(said(ancestor.cpe)).unwrap_or(named)));
    }
}

fn external(reference: ExternalReference, component: &mut Component) {
    let Some(url) = said(reference.url) else { return };
    match reference.kind.as_deref() {
        Some("vcs" | "source-distribution" | "source_distribution") if !component.sources.contains(&url) => {
            component.sources.push(url);
        }
        // The content that is fetched from there is the component's.
        Some("distribution") => {
            for digest in reference.hashes.into_iter().flatten().filter_map(digest) {
                if !component.digests.contains(&digest) {
                    component.digests.push(digest);
                }
            }
        }
        _ => {}
    }
}

fn digest(hash: Hash) -> Option<Digest> {
    let hex = said(hash.content)?.trim().to_ascii_lowercase();
    Some(Digest { algorithm: algorithm(&hash.alg?), hex })
}

fn licence(choice: LicenceChoice) -> Option<String> {
    let named = choice.license.and_then(|licence| said(licence.id).or_else(|| said(licence.name)));
    named.or_else(|| said(choice.expression)).or_else(|| said(choice.detailed?.expression))
}

fn property(property: Property) -> Option<(String, String)> {
    let value = property.value.unwrap_or_default();
    property.name.filter(|_| value.len() <= PROPERTY_BYTES_MAX).map(|name| (name, value))
}

fn kind(word: &str) -> Kind {
    // Protobuf's words have underscores.
    match word.replace('_', "-").as_str() {
        "application" => Kind::Application,
        "framework" => Kind::Framework,
        "container" => Kind::Container,
        "platform" => Kind::Platform,
        "operating-system" => Kind::OperatingSystem,
        "device" => Kind::Device,
        "device-driver" => Kind::Driver,
        "firmware" => Kind::Firmware,
        "file" => Kind::File,
        "machine-learning-model" => Kind::Model,
        "data" | "cryptographic-asset" => Kind::Data,
        _ => Kind::Library,
    }
}

/// Hands on an entry of `dependencies`.
pub(super) fn dependency(entry: Dependency, sink: &mut dyn Sink) {
    let Some(from) = entry.from else { return };
    let provided = entry.provides.unwrap_or_default().0.into_iter().map(|reference| reference.0);
    for to in entry.depends_on.into_iter().flatten().chain(provided) {
        sink.dependency(&from, &to);
    }
    for nested in entry.dependency.into_iter().flatten() {
        if let Some(to) = &nested.from {
            sink.dependency(&from, to);
        }
        dependency(nested, sink);
    }
}
