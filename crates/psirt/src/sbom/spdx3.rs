//! SPDX 3.0.0 and 3.0.1 as JSON-LD: a graph whose elements name each other.
//!
//! Not a JSON-LD processor: the serialisation that SPDX prescribes (one context, compact names) is read, with the spellings `software:Package`
//! and full IRIs tolerated. What the format forces to be kept until the end: agents, vulnerabilities, licence expressions and free-standing
//! identifiers and digests, and whatever refers to one of these that has not come yet. Packages whose parts are inline are handed on at once.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::shape::{Many, algorithm, said};
use crate::Instant;
use crate::component::{Anomaly, Component, Digest, Kind, Sink};
use crate::vex::words::SPDX;
use crate::vex::{Statement, Status, Subject};

/// Elements that are kept because others refer to them, or because what they refer to has not come.
pub const HELD_MAX: usize = 1 << 20;

/// A part given inline, or by the identifier of an element.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Part {
    Reference(String),
    Inline(Box<Element>),
}

/// Any element; what is not of its class is absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Element {
    #[serde(rename = "type", alias = "@type")]
    class: Option<Many<String>>,
    #[serde(rename = "spdxId", alias = "@id")]
    id: Option<String>,
    name: Option<String>,
    #[serde(rename = "suppliedBy")]
    supplied_by: Option<Many<Part>>,
    #[serde(rename = "originatedBy")]
    originated_by: Option<Many<Part>>,
    #[serde(rename = "externalIdentifier")]
    identifiers: Option<Many<Part>>,
    #[serde(rename = "verifiedUsing")]
    verified: Option<Many<Part>>,
    #[serde(rename = "externalIdentifierType")]
    identifier_kind: Option<String>,
    identifier: Option<String>,
    algorithm: Option<String>,
    #[serde(rename = "hashValue")]
    hash: Option<String>,
    #[serde(rename = "software_packageVersion", alias = "software:packageVersion", alias = "packageVersion")]
    version: Option<String>,
    #[serde(rename = "software_packageUrl", alias = "software:packageUrl", alias = "packageUrl")]
    purl: Option<String>,
    #[serde(rename = "software_downloadLocation", alias = "software:downloadLocation", alias = "downloadLocation")]
    download: Option<String>,
    #[serde(rename = "software_sourceInfo", alias = "software:sourceInfo", alias = "sourceInfo")]
    source_info: Option<String>,
    #[serde(rename = "software_primaryPurpose", alias = "software:primaryPurpose", alias = "primaryPurpose")]
    purpose: Option<String>,
    #[serde(rename = "software_contentIdentifier", alias = "software:contentIdentifier")]
    content: Option<Many<Part>>,
    #[serde(rename = "software_contentIdentifierType", alias = "software:contentIdentifierType")]
    content_kind: Option<String>,
    #[serde(rename = "software_contentIdentifierValue", alias = "software:contentIdentifierValue")]
    content_value: Option<String>,
    from: Option<Many<Part>>,
    to: Option<Many<Part>>,
    #[serde(rename = "relationshipType")]
    relationship: Option<String>,
    #[serde(rename = "simplelicensing_licenseExpression", alias = "simplelicensing:licenseExpression")]
    expression: Option<String>,
    #[serde(rename = "security_justificationType", alias = "security:justificationType")]
    justification: Option<String>,
    #[serde(rename = "security_impactStatement", alias = "security:impactStatement")]
    impact: Option<String>,
    #[serde(rename = "security_actionStatement", alias = "security:actionStatement")]
    action: Option<String>,
    #[serde(rename = "security_statusNotes", alias = "security:statusNotes")]
    notes: Option<String>,
    #[serde(rename = "security_assessedElement", alias = "security:assessedElement")]
    assessed: Option<Many<Part>>,
    #[serde(rename = "security_publishedTime", alias = "security:publishedTime")]
    published: Option<String>,
    #[serde(rename = "security_modifiedTime", alias = "security:modifiedTime")]
    modified: Option<String>,
}

/// What is known of the graph so far.
#[derive(Default)]
pub(super) struct Graph {
    agents: HashMap<String, String>,
    vulnerabilities: HashMap<String, Vec<String>>,
    expressions: HashMap<String, String>,
    /// Free-standing identifiers and digests, by their own identifier.
    parts: HashMap<String, Element>,
    /// Packages that refer to what has not come.
    waiting: Vec<(String, Element)>,
    /// Statements, and licences as (package, licence).
    assessments: Vec<(Status, Element)>,
    licences: Vec<(String, String)>,
    associated: Vec<(String, String)>,
    held: usize,
}

impl Graph {
    /// Takes an element of the graph.
    pub(super) fn element(&mut self, element: Element, pointer: &str, sink: &mut dyn Sink) {
        let class = element.class.iter().flat_map(|many| &many.0).next().map(String::as_str).unwrap_or_default();
        match class.rsplit(['_', ':', '/']).next().unwrap_or_default() {
            "Package" | "AIPackage" | "DatasetPackage" => self.package(element, pointer, sink),
            "File" | "Snippet" if has_identity(&element) => self.package(element, pointer, sink),
            "Agent" | "Organization" | "Person" | "SoftwareAgent" | "Tool" => {
                if let (Some(id), Some(name), true) = (element.id, element.name, self.has_room(sink)) {
                    self.agents.insert(id, name);
                }
            }
            "Vulnerability" => self.vulnerability(element, sink),
            "LicenseExpression"
            | "ListedLicense"
            | "CustomLicense"
            | "SimpleLicensingText"
            | "IndividualLicensingInfo" => {
                let text = element.expression.or(element.name);
                if let (Some(id), Some(text), true) = (element.id, text, self.has_room(sink)) {
                    self.expressions.insert(id, text);
                }
            }
            "ExternalIdentifier" | "Hash" | "ContentIdentifier" => {
                if let (Some(id), true) = (element.id.clone(), self.has_room(sink)) {
                    self.parts.insert(id, element);
                }
            }
            class => self.relation(class.to_owned(), element, sink),
        }
    }

    /// Whether one more element may be kept.
    fn has_room(&mut self, sink: &mut dyn Sink) -> bool {
        self.held = self.held.saturating_add(1);
        if self.held == HELD_MAX {
            let what = format!(
                "more than {HELD_MAX} elements that refer to each other; what is said of them after this is left out"
            );
            sink.anomaly(Anomaly { place: "/@graph".to_owned(), what });
        }
        self.held < HELD_MAX
    }

    fn vulnerability(&mut self, element: Element, sink: &mut dyn Sink) {
        let Some(id) = element.id else { return };
        let mut names = Vec::new();
        for part in element.identifiers.into_iter().flat_map(|many| many.0) {
            if let Part::Inline(identifier) = part {
                names.extend(identifier.identifier);
            }
        }
        names.extend(element.name.filter(|_| names.is_empty()));
        if names.is_empty() {
            names.extend(id.rsplit(['/', '#', ':']).next().map(str::to_owned));
        }
        if self.has_room(sink) {
            self.vulnerabilities.insert(id, names);
        }
    }

    fn package(&mut self, element: Element, pointer: &str, sink: &mut dyn Sink) {
        if self.lacks(&element) && self.has_room(sink) {
            self.waiting.push((pointer.to_owned(), element));
        } else {
            let component = self.build(element, pointer);
            sink.component(component);
        }
    }

    /// Whether the element refers to a part that has not come.
    fn lacks(&self, element: &Element) -> bool {
        let unknown = |parts: &Option<Many<Part>>, known: &dyn Fn(&str) -> bool| {
            let mut parts = parts.iter().flat_map(|many| &many.0);
            parts.any(|part| matches!(part, Part::Reference(id) if !known(id)))
        };
        let part = |id: &str| self.parts.contains_key(id);
        unknown(&element.identifiers, &part)
            || unknown(&element.verified, &part)
            || unknown(&element.content, &part)
            || unknown(&element.supplied_by, &|id| self.agents.contains_key(id))
            || unknown(&element.originated_by, &|id| self.agents.contains_key(id))
    }

    fn build(&self, element: Element, pointer: &str) -> Component {
        let agent = |parts: Option<Many<Part>>| {
            parts.into_iter().flat_map(|many| many.0).find_map(|part| match part {
                Part::Reference(id) => self.agents.get(&id).cloned(),
                Part::Inline(agent) => agent.name,
            })
        };
        let class = element.class.iter().flat_map(|many| &many.0).next().map(String::as_str).unwrap_or_default();
        let mut component = Component {
            reference: element.id.unwrap_or_else(|| pointer.to_owned()),
            kind: kind(class, element.purpose.as_deref().unwrap_or_default()),
            name: element.name.unwrap_or_default(),
            version: said(element.version),
            supplier: agent(element.supplied_by).or_else(|| agent(element.originated_by)),
            purls: said(element.purl).into_iter().collect(),
            sources: said(element.download).into_iter().collect(),
            ..Component::default()
        };
        for part in
            [element.identifiers, element.verified, element.content].into_iter().flatten().flat_map(|many| many.0)
        {
            match part {
                Part::Inline(part) => add(&part, &mut component),
                Part::Reference(id) => {
                    if let Some(part) = self.parts.get(&id) {
                        add(part, &mut component);
                    }
                }
            }
        }
        if let Some(info) = said(element.source_info) {
            component.properties.push(("sourceInfo".to_owned(), info));
        }
        if let Some(recipe) = recipe(&component.reference) {
            component.properties.push(("recipe".to_owned(), recipe.to_owned()));
        }
        component
    }

    fn relation(&mut self, class: String, element: Element, sink: &mut dyn Sink) {
        if let Some(status) = SPDX.status(&class) {
            if self.has_room(sink) {
                self.assessments.push((status, element));
            }
            return;
        }
        let Some(kind) = element.relationship.as_deref() else { return };
        let (from, to) = (ids(element.from), ids(element.to));
        for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
            match kind {
                "contains"
                | "dependsOn"
                | "describes"
                | "hasInput"
                | "hasStaticLink"
                | "hasDynamicLink"
                | "hasPrerequisite"
                | "hasOptionalComponent"
                | "hasProvidedDependency"
                | "descendantOf"
                | "packagedBy"
                | "usesTool" => {
                    sink.dependency(from, to);
                }
                "hasOutput" | "generates" | "ancestorOf" | "expandsTo" | "patchedBy" => sink.dependency(to, from),
                "hasConcludedLicense" | "hasDeclaredLicense" if self.has_room(sink) => {
                    self.licences.push((from.clone(), to.clone()));
                }
                "hasAssociatedVulnerability" if self.has_room(sink) => self.associated.push((from.clone(), to.clone())),
                _ => {}
            }
        }
    }

    /// Hands on what had to wait for the end.
    pub(super) fn finish(mut self, sink: &mut dyn Sink) {
        for (pointer, element) in std::mem::take(&mut self.waiting) {
            let component = self.build(element, &pointer);
            sink.component(component);
        }
        for (of, licence) in &self.licences {
            let listed = licence.rsplit('/').next().unwrap_or_default();
            let text = self.expressions.get(licence).map_or(listed, String::as_str);
            if !matches!(text, "NoAssertionLicense" | "NoneLicense" | "NOASSERTION" | "NONE" | "") {
                sink.licence(of, text);
            }
        }
        let mut judged = HashSet::new();
        for (status, element) in std::mem::take(&mut self.assessments) {
            let subjects = ids(element.to);
            let statement = Statement {
                vulnerability: ids(element.from).iter().flat_map(|id| self.names(id)).collect(),
                within: ids(element.assessed).into_iter().map(Subject::Reference).collect(),
                subjects: subjects.iter().cloned().map(Subject::Reference).collect(),
                status,
                justification: element.justification.as_deref().and_then(|word| SPDX.justification(word)),
                impact: said(element.impact).or_else(|| said(element.notes)),
                action: said(element.action),
                author: ids(element.supplied_by).first().and_then(|id| self.agents.get(id).cloned()),
                since: [element.modified, element.published]
                    .into_iter()
                    .flatten()
                    .find_map(|text| Instant::parse(&text)),
                beyond: Vec::new(),
            };
            for subject in subjects {
                judged.extend(statement.vulnerability.iter().map(|name| (subject.clone(), name.clone())));
            }
            sink.statement(statement);
        }
        // A vulnerability that is associated and on which nobody says more is known, and no more.
        for (package, vulnerability) in &self.associated {
            let names = self.names(vulnerability);
            if names.iter().all(|name| !judged.contains(&(package.clone(), name.clone()))) {
                sink.statement(Statement {
                    vulnerability: names,
                    ..Statement::new("", Subject::Reference(package.clone()), Status::UnderInvestigation)
                });
            }
        }
    }

    /// What a vulnerability is called; its identifier if it is not in the document.
    fn names(&self, id: &str) -> Vec<String> {
        let tail = || vec![id.rsplit(['/', '#']).next().unwrap_or(id).to_owned()];
        self.vulnerabilities.get(id).cloned().unwrap_or_else(tail)
    }
}

fn ids(parts: Option<Many<Part>>) -> Vec<String> {
    let parts = parts.into_iter().flat_map(|many| many.0);
    parts
        .filter_map(|part| match part {
            Part::Reference(id) => Some(id),
            Part::Inline(element) => element.id,
        })
        .collect()
}

/// Files an identifier or a digest where the model keeps its kind.
fn add(part: &Element, component: &mut Component) {
    if let (Some(name), Some(hex)) = (&part.algorithm, &part.hash) {
        component.digests.push(Digest { algorithm: algorithm(name), hex: hex.trim().to_ascii_lowercase() });
    }
    if let (Some(kind), Some(value)) = (&part.content_kind, &part.content_value) {
        component.properties.push((kind.clone(), value.clone()));
    }
    let (Some(kind), Some(value)) = (&part.identifier_kind, &part.identifier) else { return };
    match kind.as_str() {
        "packageUrl" | "packageURL" | "purl" if !component.purls.contains(value) => component.purls.push(value.clone()),
        "cpe22" | "cpe23" => component.cpes.push(value.clone()),
        "swid" => component.swids.push(value.clone()),
        "gitoid" | "swhid" => component.properties.push((kind.clone(), value.clone())),
        _ => {}
    }
}

/// A file is a component only if something can be looked up by it.
fn has_identity(element: &Element) -> bool {
    element.identifiers.is_some() || element.content.is_some() || element.purl.is_some()
}

fn kind(class: &str, purpose: &str) -> Kind {
    match purpose {
        "application" | "install" | "archive" | "executable" => Kind::Application,
        "framework" => Kind::Framework,
        "container" | "filesystemImage" | "diskImage" => Kind::Container,
        "platform" => Kind::Platform,
        "operatingSystem" => Kind::OperatingSystem,
        "device" => Kind::Device,
        "deviceDriver" => Kind::Driver,
        "firmware" => Kind::Firmware,
        "file" => Kind::File,
        "model" => Kind::Model,
        "data" | "configuration" => Kind::Data,
        "source" | "patch" | "specification" => Kind::Source,
        _ if class.ends_with("AIPackage") => Kind::Model,
        _ if class.ends_with("DatasetPackage") => Kind::Data,
        _ if class.ends_with("File") || class.ends_with("Snippet") => Kind::File,
        _ => Kind::Library,
    }
}

/// The recipe in an identifier of OpenEmbedded's create-spdx-3.0: `…/spdxdocs/RECIPE-UUID/HASH/package/NAME`.
fn recipe(reference: &str) -> Option<&str> {
    const UUID_CHARACTERS: usize = 36;
    let (_, rest) = reference.split_once("/spdxdocs/")?;
    let (document, rest) = rest.split_once('/')?;
    let at = document.len().checked_sub(UUID_CHARACTERS)?;
    let (recipe, uuid) = document.split_at_checked(at)?;
    let is_uuid = uuid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    recipe.strip_suffix('-').filter(|_| is_uuid && rest.contains("/package/"))
}
