//! SPDX 2.1 to 2.3 as JSON, YAML, tag-value and RDF all say it, and how its words map to the model.
//!
//! Not a syntax: `json`, `tag_value` and `rdf` bring each package here. Files and snippets carry no identity in SPDX 2 and are no components;
//! relationships to them are handed on as they stand.

use serde::Deserialize;

use super::shape::{Many, algorithm, said};
use crate::component::{Component, Digest, Kind, Patch, Sink};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Package {
    #[serde(rename = "SPDXID")]
    pub(super) reference: Option<String>,
    pub(super) name: Option<String>,
    #[serde(rename = "versionInfo")]
    pub(super) version: Option<String>,
    pub(super) supplier: Option<String>,
    pub(super) originator: Option<String>,
    #[serde(rename = "downloadLocation")]
    pub(super) download: Option<String>,
    #[serde(rename = "sourceInfo")]
    pub(super) source_info: Option<String>,
    #[serde(rename = "licenseConcluded")]
    pub(super) concluded: Option<String>,
    #[serde(rename = "licenseDeclared")]
    pub(super) declared: Option<String>,
    #[serde(rename = "primaryPackagePurpose")]
    pub(super) purpose: Option<String>,
    pub(super) checksums: Option<Many<Checksum>>,
    #[serde(rename = "externalRefs")]
    pub(super) external: Option<Many<ExternalRef>>,
    #[serde(rename = "hasFiles")]
    pub(super) files: Option<Vec<String>>,
    pub(super) annotations: Option<Vec<Annotation>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Checksum {
    pub(super) algorithm: Option<String>,
    #[serde(rename = "checksumValue")]
    pub(super) value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ExternalRef {
    #[serde(rename = "referenceType")]
    pub(super) kind: Option<String>,
    #[serde(rename = "referenceLocator")]
    pub(super) locator: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation {
    pub(super) comment: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Relationship {
    #[serde(rename = "spdxElementId")]
    pub(super) from: String,
    #[serde(rename = "relationshipType")]
    pub(super) kind: String,
    #[serde(rename = "relatedSpdxElement")]
    pub(super) to: String,
}

/// A document that is read whole (YAML).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Document {
    #[serde(rename = "spdxVersion")]
    pub(super) version: Option<String>,
    pub(super) packages: Option<Vec<Package>>,
    pub(super) relationships: Option<Vec<Relationship>>,
}

/// Hands on a package.
pub(super) fn package(raw: Package, pointer: &str, sink: &mut dyn Sink) {
    let reference = raw.reference.filter(|reference| !reference.is_empty()).unwrap_or_else(|| pointer.to_owned());
    for file in raw.files.iter().flatten() {
        sink.dependency(&reference, file);
    }
    let mut component = Component {
        reference,
        kind: raw.purpose.as_deref().map_or(Kind::Library, purpose),
        name: raw.name.unwrap_or_default(),
        version: said(raw.version),
        supplier: said(raw.supplier).or_else(|| said(raw.originator)).and_then(agent),
        digests: raw.checksums.into_iter().flat_map(|many| many.0).filter_map(digest).collect(),
        licences: [raw.declared, raw.concluded].into_iter().filter_map(said).collect(),
        ..Component::default()
    };
    component.licences.dedup();
    // The prefix "git+" and the like is how SPDX says that the rest is a repository's URL.
    if let Some(location) = said(raw.download) {
        component.sources.push(location);
    }
    for external in raw.external.into_iter().flat_map(|many| many.0) {
        if let (Some(kind), Some(locator)) = (external.kind, said(external.locator)) {
            identifier(&kind, locator, &mut component);
        }
    }
    if let Some(info) = said(raw.source_info) {
        // What OpenEmbedded's create-spdx writes of a recipe's patches.
        match info.strip_prefix("CVEs fixed:") {
            Some(fixed) => component.patches.push(Patch {
                kind: "backport".to_owned(),
                resolves: fixed.split_whitespace().map(str::to_owned).collect(),
            }),
            None => component.properties.push(("sourceInfo".to_owned(), info)),
        }
    }
    if raw.annotations.into_iter().flatten().any(|annotation| annotation.comment.as_deref() == Some("isNative")) {
        component.properties.push(("isNative".to_owned(), "true".to_owned()));
    }
    if component.reference.starts_with("SPDXRef-Recipe-") || component.reference.starts_with("SPDXRef-Download-") {
        component.kind = Kind::Source;
    }
    sink.component(component);
}

/// Files an external reference where the model keeps its kind.
fn identifier(kind: &str, locator: String, component: &mut Component) {
    match kind.rsplit(['/', '#']).next().unwrap_or_default() {
        "purl" | "packageUrl" => component.purls.push(locator),
        "cpe22Type" | "cpe23Type" => component.cpes.push(locator),
        "swid" => component.swids.push(locator),
        "swh" => component.properties.push(("swhid".to_owned(), locator)),
        kind @ ("gitoid" | "maven-central" | "npm" | "nuget" | "bower" | "advisory" | "fix" | "url") => {
            component.properties.push((kind.to_owned(), locator));
        }
        _ => {}
    }
}

fn digest(checksum: Checksum) -> Option<Digest> {
    Some(Digest { algorithm: algorithm(&checksum.algorithm?), hex: said(checksum.value)?.trim().to_ascii_lowercase() })
}

/// `Organization: Example (mail@example.org)` without what is not the name.
pub(super) fn agent(text: String) -> Option<String> {
    let name = text.split_once(':').filter(|(kind, _)| ["Organization", "Person", "Tool"].contains(&kind.trim()));
    let name = name.map_or(text.as_str(), |(_, name)| name).trim();
    let name = match name.rsplit_once('(') {
        Some((name, mail)) if mail.ends_with(')') && (mail.len() == 1 || mail.contains('@')) => name.trim(),
        _ => name,
    };
    said(Some(name.to_owned()))
}

fn purpose(word: &str) -> Kind {
    match word.to_ascii_uppercase().replace('_', "-").as_str() {
        "APPLICATION" | "INSTALL" | "ARCHIVE" => Kind::Application,
        "FRAMEWORK" => Kind::Framework,
        "CONTAINER" => Kind::Container,
        "OPERATING-SYSTEM" => Kind::OperatingSystem,
        "DEVICE" => Kind::Device,
        "FIRMWARE" => Kind::Firmware,
        "SOURCE" => Kind::Source,
        "FILE" => Kind::File,
        _ => Kind::Library,
    }
}

/// Hands on a relationship if it says that one thing is in, needed by, or made of another.
pub(super) fn relationship(relationship: &Relationship, sink: &mut dyn Sink) {
    let Relationship { from, kind, to } = relationship;
    if to == "NOASSERTION" || to == "NONE" || from.is_empty() || to.is_empty() {
        return;
    }
    match kind.to_ascii_uppercase().as_str() {
        "CONTAINS"
        | "DEPENDS_ON"
        | "DESCRIBES"
        | "GENERATED_FROM"
        | "DYNAMIC_LINK"
        | "STATIC_LINK"
        | "HAS_PREREQUISITE"
        | "EXPANDED_FROM_ARCHIVE"
        | "DESCENDANT_OF" => sink.dependency(from, to),
        "CONTAINED_BY"
        | "DEPENDENCY_OF"
        | "DESCRIBED_BY"
        | "GENERATES"
        | "PACKAGE_OF"
        | "PREREQUISITE_FOR"
        | "BUILD_DEPENDENCY_OF"
        | "RUNTIME_DEPENDENCY_OF"
        | "DEV_DEPENDENCY_OF"
        | "OPTIONAL_DEPENDENCY_OF"
        | "PROVIDED_DEPENDENCY_OF"
        | "TEST_DEPENDENCY_OF"
        | "BUILD_TOOL_OF"
        | "DEV_TOOL_OF"
        | "TEST_TOOL_OF"
        | "OPTIONAL_COMPONENT_OF"
        | "ANCESTOR_OF"
        | "PATCH_FOR" => sink.dependency(to, from),
        _ => {}
    }
}
