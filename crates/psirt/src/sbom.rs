//! SBOMs in every format that is met, read one component at a time.
//!
//! Not a judge of quality, and not a validator: [`read`] takes what is there and says what is wrong with it; `validate` holds a document
//! against its schema. The format is known from the content alone. Invariants: what is broken is an anomaly with its place, and the rest is
//! read; memory is that of the largest component, and of what a format forces to be kept (ADR-0038): 8 bytes for each reference that must
//! not occur twice, SPDX 3 elements that others refer to, RDF triples, YAML and protobuf-text documents. Cost: docs/performance.md.

mod archive;
mod cyclonedx;
mod cyclonedx_vex;
mod diff;
mod document;
mod json;
mod protobuf;
mod rdf;
mod schemas;
mod shape;
mod spdx2;
mod spdx3;
mod syft;
mod tag_value;
mod textproto;
mod tree;
mod validate;
mod write;
mod xml;
mod yocto;

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::io::{self, BufReader, Cursor, Read};

use thiserror::Error;

pub use archive::{DECOMPRESSED_BYTES_MAX, ENTRY_BYTES_MAX};
pub use diff::{Diff, diff};
pub use json::ELEMENT_BYTES_MAX;
pub use rdf::TRIPLES_MAX;
pub use spdx3::HELD_MAX;
pub use tree::DEPTH_MAX;
pub use validate::{FINDINGS_MAX, validate};
pub use write::{Header, Unsaid, Written, cyclonedx as write_cyclonedx, spdx2 as write_spdx2, spdx3 as write_spdx3};

use crate::component::{Anomaly, Component, Sink};
use crate::vex::Statement;

/// The formats.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Format {
    /// CycloneDX as JSON.
    CycloneDxJson,
    /// CycloneDX as XML.
    CycloneDxXml,
    /// CycloneDX as binary protobuf.
    CycloneDxProtobuf,
    /// CycloneDX as text protobuf.
    CycloneDxText,
    /// SPDX 2 as JSON.
    SpdxJson,
    /// SPDX 2 as tag-value.
    SpdxTagValue,
    /// SPDX 2 as YAML.
    SpdxYaml,
    /// SPDX 2 as RDF/XML.
    SpdxRdf,
    /// SPDX 3 as JSON-LD.
    Spdx3Json,
    /// Syft's own JSON.
    Syft,
    /// OpenEmbedded's cve-check.
    CveCheck,
    /// A GitHub dependency snapshot.
    GitHubSnapshot,
    /// A tar archive of documents, such as OpenEmbedded's create-spdx writes.
    Archive,
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CycloneDxJson => "CycloneDX JSON",
            Self::CycloneDxXml => "CycloneDX XML",
            Self::CycloneDxProtobuf => "CycloneDX protobuf",
            Self::CycloneDxText => "CycloneDX protobuf text",
            Self::SpdxJson => "SPDX 2 JSON",
            Self::SpdxTagValue => "SPDX 2 tag-value",
            Self::SpdxYaml => "SPDX 2 YAML",
            Self::SpdxRdf => "SPDX 2 RDF/XML",
            Self::Spdx3Json => "SPDX 3 JSON-LD",
            Self::Syft => "syft JSON",
            Self::CveCheck => "cve-check JSON",
            Self::GitHubSnapshot => "GitHub dependency snapshot",
            Self::Archive => "archive",
        })
    }
}

/// What was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// Its format.
    pub format: Format,
    /// The version of the format that it claims: `1.6`, `2.3`, `3.0.1`.
    pub version: Option<String>,
    /// Whether it was read to its end; if not, an anomaly says where and why.
    pub complete: bool,
}

/// Why nothing was read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SbomError {
    /// The input failed, or it decompresses to too much.
    #[error("the input cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error(
        "not an SBOM in a known format; it is or begins '{begins}'; expected CycloneDX, SPDX, syft, cve-check or a GitHub snapshot"
    )]
    Unknown {
        /// How it begins.
        begins: String,
    },
}

/// How much is looked at to know the format of what is not JSON.
const HEAD_BYTES: u64 = 64 << 10;
/// Bytes of a YAML document, which is held whole.
const YAML_BYTES_MAX: u64 = 64 << 20;

/// Reads a document of any format, compressed with gzip or zstd or not, or an archive of such, into `sink`.
///
/// # Errors
/// If the input fails, or is nothing that is known here. What is wrong within a document is an anomaly.
pub fn read(input: impl Read, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    let mut input = archive::decompressed(Box::new(input))?;
    let mut head = Vec::new();
    input.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    if archive::is_tar(&head) {
        return archive::read(Cursor::new(head).chain(input), sink);
    }
    read_one(head, input, &mut Checked::new(sink))
}

/// Reads a single document whose first bytes are `head`.
fn read_one(mut head: Vec<u8>, rest: impl Read, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
    if head.starts_with(BYTE_ORDER_MARK) {
        head.drain(..BYTE_ORDER_MARK.len());
    }
    let syntax = syntax(&head);
    let begins = || String::from_utf8_lossy(&head).trim_start().chars().take(40).collect::<String>();
    let unknown = SbomError::Unknown { begins: begins() };
    let input = Cursor::new(head).chain(rest);
    match syntax {
        Some(Syntax::Json) => document::read(input, sink),
        Some(Syntax::Xml) => xml::read(BufReader::new(input), sink),
        Some(Syntax::Rdf) => rdf::read(input, sink),
        Some(Syntax::TagValue) => tag_value::read(BufReader::new(input), sink),
        Some(Syntax::Yaml) => yaml(input, sink),
        Some(Syntax::ProtobufText) => protobuf::read_text(input, sink),
        Some(Syntax::Protobuf) => protobuf::read_binary(BufReader::new(input), sink),
        None => Err(unknown),
    }
}

enum Syntax {
    Json,
    Xml,
    Rdf,
    TagValue,
    Yaml,
    ProtobufText,
    Protobuf,
}

fn syntax(head: &[u8]) -> Option<Syntax> {
    // Field 1 of the message, of three bytes: `1.x`. Its tag is a line feed.
    if head.starts_with(b"\n\x031.") {
        return Some(Syntax::Protobuf);
    }
    let text = String::from_utf8_lossy(head);
    match text.trim_start().chars().next()? {
        '{' => return Some(Syntax::Json),
        '<' if text.contains("http://www.w3.org/1999/02/22-rdf-syntax-ns#") && text.contains("spdx.org/rdf/terms") => {
            return Some(Syntax::Rdf);
        }
        '<' => return Some(Syntax::Xml),
        _ => {}
    }
    text.split(['\n', '\r']).find_map(|line| {
        let key = line.split([':', '{']).next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        match key {
            "SPDXVersion" => Some(Syntax::TagValue),
            "spdxVersion" => Some(Syntax::Yaml),
            "spec_version" => Some(Syntax::ProtobufText),
            _ if line.starts_with("# proto-message: Bom") => Some(Syntax::ProtobufText),
            _ => None,
        }
    })
}

fn yaml(input: impl Read, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    let mut text = String::new();
    input.take(YAML_BYTES_MAX).read_to_string(&mut text)?;
    let mut document = Document { format: Format::SpdxYaml, version: None, complete: true };
    match serde_saphyr::from_str::<spdx2::Document>(&text) {
        Ok(read) => {
            document.version = read.version.map(|version| version.trim_start_matches("SPDX-").to_owned());
            for (index, package) in read.packages.into_iter().flatten().enumerate() {
                spdx2::package(package, &format!("/packages/{index}"), sink);
            }
            read.relationships.iter().flatten().for_each(|relationship| spdx2::relationship(relationship, sink));
        }
        Err(error) => {
            document.complete = false;
            let place = error.location().map_or_else(
                || "the document".to_owned(),
                |location| format!("line {}, column {}", location.line(), location.column()),
            );
            sink.anomaly(Anomaly { place, what: format!("not SPDX in YAML: {error}") });
        }
    }
    Ok(document)
}

/// A sink that finds references which occur twice.
struct Checked<'a> {
    sink: &'a mut dyn Sink,
    /// Hashes, since the references themselves would grow with the document's text. Two that share a hash by chance cost an anomaly.
    seen: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
}

impl<'a> Checked<'a> {
    fn new(sink: &'a mut dyn Sink) -> Self {
        Self { sink, seen: HashSet::default() }
    }
}

impl Sink for Checked<'_> {
    fn component(&mut self, component: Component) {
        let mut hasher = DefaultHasher::new();
        component.reference.hash(&mut hasher);
        if !self.seen.insert(hasher.finish()) {
            let what = format!(
                "the reference '{}' occurs more than once; dependencies on it are ambiguous",
                component.reference
            );
            self.sink.anomaly(Anomaly { place: component.reference.clone(), what });
        }
        if component.name.is_empty() {
            let what = "a component without a name".to_owned();
            self.sink.anomaly(Anomaly { place: component.reference.clone(), what });
        }
        self.sink.component(component);
    }

    fn licence(&mut self, of: &str, expression: &str) {
        self.sink.licence(of, expression);
    }

    fn dependency(&mut self, from: &str, to: &str) {
        self.sink.dependency(from, to);
    }

    fn statement(&mut self, statement: Statement) {
        self.sink.statement(statement);
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        self.sink.anomaly(anomaly);
    }
}
