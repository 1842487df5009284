//! SPDX 2.1 to 2.3 as RDF/XML: triples, which are put together to packages when the document has ended.
//!
//! Not a graph store: only the predicates that the model knows are kept. The format forces the whole of them to be held, since a node may be
//! described in pieces anywhere; [`TRIPLES_MAX`] bounds that.

use std::collections::BTreeMap;
use std::io::Read;

use oxrdf::{NamedOrBlankNode, Term};
use oxrdfxml::RdfXmlParser;

use super::spdx2::{self, Annotation, Checksum, ExternalRef, Package, Relationship};
use super::{Document, Format, SbomError};
use crate::component::{Anomaly, Sink};

/// Statements that are held.
pub const TRIPLES_MAX: usize = 1 << 20;

const TERMS: &str = "http://spdx.org/rdf/terms#";
const TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
const COMMENT: &str = "http://www.w3.org/2000/01/rdf-schema#comment";

/// A node's (predicate, object) pairs; predicates without their namespace.
type Node = Vec<(String, String)>;

pub(super) fn read(input: impl Read, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    let mut document = Document { format: Format::SpdxRdf, version: None, complete: true };
    let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
    let mut held = 0_usize;
    for triple in RdfXmlParser::new().lenient().for_reader(input) {
        let triple = match triple {
            Ok(triple) => triple,
            Err(error) => {
                document.complete = false;
                let what = format!("not RDF/XML from here on: {error}");
                sink.anomaly(Anomaly { place: format!("after {held} statements"), what });
                break;
            }
        };
        let predicate = triple.predicate.as_str();
        let Some(name) = predicate.strip_prefix(TERMS).or(match predicate {
            TYPE => Some("type"),
            COMMENT => Some("comment"),
            _ => None,
        }) else {
            continue;
        };
        held = held.saturating_add(1);
        if held > TRIPLES_MAX {
            document.complete = false;
            let what = format!("more than {TRIPLES_MAX} statements; the rest is not read");
            sink.anomaly(Anomaly { place: format!("after {TRIPLES_MAX} statements"), what });
            break;
        }
        let object = match triple.object {
            Term::Literal(literal) => literal.value().to_owned(),
            Term::NamedNode(node) => node.into_string(),
            Term::BlankNode(node) => node.to_string(),
        };
        let subject = match triple.subject {
            NamedOrBlankNode::NamedNode(node) => node.into_string(),
            NamedOrBlankNode::BlankNode(node) => node.to_string(),
        };
        nodes.entry(subject).or_default().push((name.to_owned(), object));
    }
    for (id, node) in &nodes {
        if let Some(version) = first(node, "specVersion") {
            document.version = Some(version.trim_start_matches("SPDX-").to_owned());
        }
        if all(node, "type").any(|class| class == format!("{TERMS}Package")) {
            spdx2::package(package(id, node, &nodes), id, sink);
        }
        for relationship in all(node, "relationship").filter_map(|id| nodes.get(id)) {
            let kind = first(relationship, "relationshipType").unwrap_or_default();
            spdx2::relationship(
                &Relationship {
                    from: local(id),
                    kind: constant(kind.rsplit("relationshipType_").next().unwrap_or_default()),
                    to: first(relationship, "relatedSpdxElement").map(local).unwrap_or_default(),
                },
                sink,
            );
        }
        for file in all(node, "hasFile") {
            sink.dependency(&local(id), &local(file));
        }
    }
    Ok(document)
}

fn all<'a>(node: &'a Node, predicate: &'a str) -> impl Iterator<Item = &'a str> {
    node.iter().filter(move |(name, _)| name == predicate).map(|(_, object)| object.as_str())
}

fn first<'a>(node: &'a Node, predicate: &'a str) -> Option<&'a str> {
    all(node, predicate).next()
}

fn package(id: &str, node: &Node, nodes: &BTreeMap<String, Node>) -> Package {
    let text = |predicate: &str| first(node, predicate).map(|text| special(text).to_owned());
    let checksums = all(node, "checksum").filter_map(|id| nodes.get(id)).map(|node| Checksum {
        algorithm: first(node, "algorithm").map(str::to_owned),
        value: first(node, "checksumValue").map(str::to_owned),
    });
    let external = all(node, "externalRef").filter_map(|id| nodes.get(id)).map(|node| ExternalRef {
        kind: first(node, "referenceType").map(str::to_owned),
        locator: first(node, "referenceLocator").map(str::to_owned),
    });
    let annotations = all(node, "annotation").filter_map(|id| nodes.get(id));
    let annotations = annotations.map(|node| Annotation { comment: first(node, "comment").map(str::to_owned) });
    Package {
        reference: Some(local(id)),
        name: text("name"),
        version: text("versionInfo"),
        supplier: text("supplier"),
        originator: text("originator"),
        download: text("downloadLocation"),
        source_info: text("sourceInfo"),
        concluded: text("licenseConcluded").filter(|id| !id.starts_with("_:")),
        declared: text("licenseDeclared").filter(|id| !id.starts_with("_:")),
        purpose: first(node, "primaryPackagePurpose")
            .map(|iri| iri.rsplit("purpose_").next().unwrap_or_default().to_owned()),
        checksums: Some(super::shape::Many(checksums.collect())),
        external: Some(super::shape::Many(external.collect())),
        files: None,
        annotations: Some(annotations.collect()),
    }
}

/// The document's own name within its namespace: `…#SPDXRef-x`.
fn local(iri: &str) -> String {
    match iri.rsplit_once('#') {
        Some((_, local)) if local.starts_with("SPDXRef-") => local.to_owned(),
        _ => special(iri).to_owned(),
    }
}

/// `NOASSERTION` and `NONE` are individuals; licences of the list are IRIs.
fn special(text: &str) -> &str {
    match text.strip_prefix(TERMS) {
        Some("noassertion") => "NOASSERTION",
        Some("none") => "NONE",
        _ => text.strip_prefix("http://spdx.org/licenses/").unwrap_or(text),
    }
}

/// `dependsOn` → `DEPENDS_ON`.
fn constant(camel: &str) -> String {
    let mut constant = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            constant.push('_');
        }
        constant.push(letter.to_ascii_uppercase());
    }
    constant
}
