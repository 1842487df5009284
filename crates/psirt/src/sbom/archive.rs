//! Compressed input, and tar archives of SPDX documents as OpenEmbedded's create-spdx writes them.
//!
//! Not a file system: entries are read in order and nothing is unpacked. In an archive a reference is `NAMESPACE#SPDXRef-…`, since each
//! document has its own `SPDXRef-DOCUMENT`; references between documents (`DocumentRef-x:SPDXRef-y`) are resolved to the same form.
//! Invariants: no more than [`DECOMPRESSED_BYTES_MAX`] bytes come out of any input, one entry of [`ENTRY_BYTES_MAX`] bytes is held.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use serde::Deserialize;

use super::{Checked, Document, Format, SbomError, read_one};
use crate::component::{Anomaly, Component, Sink};
use crate::vex::{Statement, Subject};

/// What a compressed input may come to.
pub const DECOMPRESSED_BYTES_MAX: u64 = 8 << 30;
/// Bytes of one document in an archive.
pub const ENTRY_BYTES_MAX: u64 = 64 << 20;
/// Compression around compression.
const LAYERS_MAX: usize = 3;
/// 64 MiB, what `zstd -19 --long` needs and no more.
const WINDOW_LOG_MAX: u32 = 26;
const TAR_MAGIC_AT: usize = 257;

/// The input without gzip and zstd around it.
pub(super) fn decompressed<'a>(input: Box<dyn Read + 'a>) -> Result<Box<dyn Read + 'a>, SbomError> {
    let mut input = BufReader::new(input);
    for _ in 0..LAYERS_MAX {
        let head = input.fill_buf()?;
        let inner: Box<dyn Read + 'a> = if head.starts_with(&[0x1F, 0x8B]) {
            Box::new(flate2::bufread::MultiGzDecoder::new(input))
        } else if is_zstd(head) {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
            decoder.window_log_max(WINDOW_LOG_MAX)?;
            Box::new(decoder)
        } else {
            return Ok(Box::new(input));
        };
        let limited: Box<dyn Read + 'a> = Box::new(Limited { inner, left: DECOMPRESSED_BYTES_MAX });
        input = BufReader::new(limited);
    }
    Err(SbomError::Unknown { begins: format!("more than {LAYERS_MAX} layers of compression") })
}

/// A frame, or one that is to be skipped (pzstd begins so).
fn is_zstd(head: &[u8]) -> bool {
    let skippable = matches!(head, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..]);
    head.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) || skippable
}

struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::other(format!(
                "it decompresses to more than {DECOMPRESSED_BYTES_MAX} bytes, which no SBOM needs"
            ))
        })?;
        Ok(read)
    }
}

pub(super) fn is_tar(head: &[u8]) -> bool {
    head.get(TAR_MAGIC_AT..).is_some_and(|rest| rest.starts_with(b"ustar"))
}

/// What a document says of itself and of others, wherever it says it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Prelude {
    #[serde(rename = "documentNamespace")]
    namespace: Option<String>,
    #[serde(rename = "externalDocumentRefs")]
    external: Option<Vec<ExternalDocument>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ExternalDocument {
    #[serde(rename = "externalDocumentId")]
    id: String,
    #[serde(rename = "spdxDocument")]
    namespace: String,
}

/// Reads every document of a tar archive into `sink`.
pub(super) fn read(input: impl Read, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    let mut whole = Document { format: Format::Archive, version: None, complete: true };
    let mut checked = Checked::new(sink);
    let mut archive = tar::Archive::new(input);
    let mut documents = 0_usize;
    for entry in archive.entries()? {
        let broken = |error: io::Error, sink: &mut dyn Sink| {
            let what = format!("the archive cannot be read on: {error}");
            sink.anomaly(Anomaly { place: format!("after {documents} documents"), what });
        };
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                broken(error, &mut checked);
                whole.complete = false;
                break;
            }
        };
        // The list of documents that create-spdx adds is none itself.
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !entry.header().entry_type().is_file() || name.trim_start_matches("./") == "index.json" {
            continue;
        }
        if entry.size() > ENTRY_BYTES_MAX {
            let what = format!(
                "of {} bytes, the limit for a document in an archive is {ENTRY_BYTES_MAX}; left out",
                entry.size()
            );
            checked.anomaly(Anomaly { place: name, what });
            continue;
        }
        let mut bytes = Vec::new();
        if let Err(error) = entry.read_to_end(&mut bytes) {
            broken(error, &mut checked);
            whole.complete = false;
            break;
        }
        match inner(bytes, &name, &mut checked) {
            Ok(document) => {
                documents = documents.saturating_add(1);
                whole.complete &= document.complete;
                whole.version = whole.version.or(document.version);
            }
            Err(error) => checked.anomaly(Anomaly { place: name, what: error.to_string() }),
        }
    }
    Ok(whole)
}

fn inner(bytes: Vec<u8>, name: &str, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    let mut bytes = bytes;
    if bytes.starts_with(&[0x1F, 0x8B]) || is_zstd(&bytes) {
        let packed = std::mem::take(&mut bytes);
        decompressed(Box::new(Cursor::new(packed)))?.take(ENTRY_BYTES_MAX).read_to_end(&mut bytes)?;
    }
    let prelude: Prelude = serde_json::from_slice(&bytes).unwrap_or_default();
    let external = prelude.external.into_iter().flatten().map(|document| (document.id, document.namespace)).collect();
    let mut scoped = Scoped { sink, name, namespace: prelude.namespace, external };
    read_one(bytes, io::empty(), &mut scoped)
}

/// A sink that makes references unique across documents, and says in which document an anomaly is.
struct Scoped<'a> {
    sink: &'a mut dyn Sink,
    name: &'a str,
    namespace: Option<String>,
    external: HashMap<String, String>,
}

impl Scoped<'_> {
    fn global(&self, reference: &str) -> String {
        if let Some((document, local)) = reference.split_once(':')
            && let Some(namespace) = self.external.get(document)
        {
            return format!("{namespace}#{local}");
        }
        match &self.namespace {
            Some(namespace) if reference.starts_with("SPDXRef-") => format!("{namespace}#{reference}"),
            // Identifiers of SPDX 3 and serial numbers are unique as they are.
            _ if reference.contains("://") || reference.starts_with("urn:") => reference.to_owned(),
            _ => format!("{}#{reference}", self.name),
        }
    }
}

impl Sink for Scoped<'_> {
    fn component(&mut self, mut component: Component) {
        component.reference = self.global(&component.reference);
        self.sink.component(component);
    }

    fn licence(&mut self, of: &str, expression: &str) {
        self.sink.licence(&self.global(of), expression);
    }

    fn dependency(&mut self, from: &str, to: &str) {
        self.sink.dependency(&self.global(from), &self.global(to));
    }

    fn statement(&mut self, mut statement: Statement) {
        for subject in statement.subjects.iter_mut().chain(&mut statement.within) {
            if let Subject::Reference(reference) = subject {
                *reference = self.global(reference);
            }
        }
        self.sink.statement(statement);
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        self.sink.anomaly(Anomaly { place: format!("{}: {}", self.name, anomaly.place), ..anomaly });
    }
}
