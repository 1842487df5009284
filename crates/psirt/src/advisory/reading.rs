//! Bytes → advisories: finds out what a stream holds from its content, and hands each document to the reader of its format.
//!
//! Not a file opener: whoever has files, archives or a network gives streams, one a document or many in one. A name never decides.
//! Text formats other than JSON are read whole, at most [`TEXT_BYTES_MAX`].

use crate::advisory::context::{At, Context, brief, kind};
use crate::advisory::documents::{Document, Documents, elements};
use crate::advisory::{Advisory, csaf, cve, jvn, jvn_xml, kernel, nvd, osv, private, rustsec, yaml};
use crate::component::Anomaly;
use serde_json::Value;
use std::io::Read;

/// No text of XML, YAML or Markdown is larger: the largest yearly feed of JVN iPedia has some 40 MB.
pub(crate) const TEXT_BYTES_MAX: u64 = 128 << 20;
/// How much is looked at to find out what a stream holds.
const HEAD_BYTES: u64 = 4096;
/// How deep wrappers (vunnel's envelope, an array in an array) may lie in each other.
const WRAPPERS_MAX: u8 = 4;

/// Whoever takes what is read.
pub trait Sink {
    /// An advisory.
    fn advisory(&mut self, advisory: Advisory);
    /// Something is wrong. Reading goes on.
    fn anomaly(&mut self, anomaly: Anomaly);
}

/// Reads all advisories of a stream.
///
/// # Errors
/// What `input` says; a broken document is an anomaly, not an error.
pub fn read(input: &mut dyn Read, sink: &mut dyn Sink) -> std::io::Result<()> {
    let mut head = Vec::new();
    Read::take(&mut *input, HEAD_BYTES).read_to_end(&mut head)?;
    if head.starts_with(&[0xef, 0xbb, 0xbf]) {
        head.drain(..3);
    }
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        None => complain(sink, "nothing in it"),
        _ if is_archive(&head) => complain(sink, "an archive or compressed file: unpack it first"),
        Some(b'{' | b'[' | 0x1e) => json(&mut Documents::new(input, head), sink)?,
        Some(_) => text(input, head, sink)?,
    }
    Ok(())
}

/// Reads one JSON value that somebody parsed.
pub(crate) fn value(value: &Value, context: &mut Context<'_>, at: &At<'_>, wrappers: u8) {
    let has = |key: &str| value.get(key).is_some();
    if wrappers > WRAPPERS_MAX {
        context.wrong(at, "more than four wrappers in each other");
    } else if let Value::Array(elements) = value {
        for (index, element) in elements.iter().enumerate() {
            self::value(element, context, &at.index(index), wrappers.saturating_add(1));
        }
    } else if has("cveMetadata") {
        cve::read(value, context, at);
    } else if jvn::is(value) {
        jvn::read(value, context, at);
    } else if value.pointer("/document/csaf_version").is_some() {
        csaf::read(value, context, at);
    } else if value.pointer("/cve/id").is_some() {
        nvd::read(value.get("cve").unwrap_or(value), context, &at.key("cve"));
    } else if has("yagura_advisory") {
        private::read(value, context, at);
    } else if has("id") && (has("modified") || has("affected")) {
        osv::read(value, context, at);
    } else if kernel::is(value) {
        kernel::read(value, context, at);
    } else if let (Some(item), true) = (value.get("item"), has("schema")) {
        self::value(item, context, &at.key("item"), wrappers.saturating_add(1));
    } else if let Some(records @ Value::Array(_)) = value.get("vulnerabilities").filter(|_| has("resultsPerPage")) {
        self::value(records, context, &at.key("vulnerabilities"), wrappers.saturating_add(1));
    } else {
        context.wrong(at, unknown(value));
    }
}

/// How the remark on a document begins that is of no form at all.
const FORMLESS: &str = "no known form of advisory";
/// How the remark on a document ends that is of another form.
const ANOTHER: &str = ", not an advisory";

/// Whether an anomaly says that a document is another thing, rather than that an advisory is wrong.
#[must_use]
pub fn is_foreign(anomaly: &Anomaly) -> bool {
    anomaly.what.starts_with(FORMLESS) || anomaly.what.ends_with(ANOTHER)
}

/// What a document that is no advisory seems to be.
fn unknown(value: &Value) -> String {
    let Value::Object(members) = value else { return format!("expected an advisory, found {}", kind(value)) };
    let known = [
        ("catalogVersion", "the KEV catalogue"),
        ("bomFormat", "a CycloneDX document"),
        ("spdxVersion", "an SPDX document"),
        ("statements", "an OpenVEX document"),
        ("CVE_Items", "an NVD feed of the version 1.1, which NVD retired in 2023: fetch version 2.0"),
        ("aggregator", "a list of CSAF providers"),
        ("feed", "a feed that only lists documents"),
        ("ghsa_id", "GitHub's API form of an advisory: fetch its OSV form"),
    ];
    match known.iter().find(|(key, _)| members.contains_key(*key)) {
        Some((_, name)) => format!("{name}{ANOTHER}"),
        None => {
            let keys: Vec<_> = members.keys().take(5).map(|key| brief(key)).collect();
            format!(
                "{FORMLESS} (CVE 5, OSV, CSAF 2, NVD 2.0, JVN, private); it has the members `{}`",
                keys.join("`, `")
            )
        }
    }
}

fn json(documents: &mut Documents<'_>, sink: &mut dyn Sink) -> std::io::Result<()> {
    while let Some(document) = documents.next()? {
        let parsed = match document.broken {
            Some(broken) => Err((document.line, 0, broken.to_owned())),
            None => serde_json::from_slice::<Value>(&document.bytes).map_err(|error| {
                let line = document.line.saturating_add(error.line() as u64).saturating_sub(1);
                (line, error.column(), error.to_string())
            }),
        };
        match parsed {
            Ok(parsed) => value(&parsed, &mut Context::new(sink, document.line), &At::ROOT, 0),
            Err((line, column, what)) => {
                let place = if column == 0 { format!("line {line}") } else { format!("line {line}, column {column}") };
                // The place of the stream stands in front; that of the document would mislead.
                let what = what.split(" at line ").next().unwrap_or_default().to_owned();
                sink.anomaly(Anomaly { place, what });
                if !documents.resume(&document) {
                    salvage(&document, sink);
                }
            }
        }
    }
    Ok(())
}

/// Reads the records in the arrays of a broken document, if it is a list of records.
fn salvage(document: &Document, sink: &mut dyn Sink) {
    for element in elements(&document.bytes) {
        if let Ok(record) = serde_json::from_slice::<Value>(element)
            && ["cveMetadata", "cve", "VULDEF-Document", "jvn_extension", "affected"]
                .iter()
                .any(|key| record.get(*key).is_some())
        {
            value(&record, &mut Context::new(sink, document.line), &At::ROOT, 0);
        }
    }
}

fn text(input: &mut dyn Read, mut head: Vec<u8>, sink: &mut dyn Sink) -> std::io::Result<()> {
    Read::take(&mut *input, TEXT_BYTES_MAX).read_to_end(&mut head)?;
    if head.len() as u64 >= TEXT_BYTES_MAX {
        complain(sink, "more than 128 MiB of text: split it");
        return Ok(());
    }
    match String::from_utf8(head) {
        Err(error) => complain(sink, format!("no UTF-8 after {} bytes", error.utf8_error().valid_up_to())),
        Ok(text) if text.trim_start().starts_with('<') => jvn_xml::read(&text, sink),
        Ok(text) if text.trim_start().starts_with("```toml") => rustsec::read(&text, sink),
        Ok(text) => yaml::read(&text, sink),
    }
    Ok(())
}

fn is_archive(head: &[u8]) -> bool {
    let magics: [&[u8]; 6] = [b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf"];
    magics.iter().any(|magic| head.starts_with(magic)) || head.get(257..262) == Some(b"ustar")
}

pub(crate) fn complain(sink: &mut dyn Sink, what: impl Into<String>) {
    sink.anomaly(Anomaly { place: "line 1".to_owned(), what: what.into() });
}
