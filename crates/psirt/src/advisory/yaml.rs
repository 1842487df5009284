//! Advisories written in YAML (PyPA, OSS-Fuzz, private reports): the same records as their JSON.
//!
//! Not for hostile tricks: aliases and depth are bounded by the parser's budget, a document of more than [`YAML_BYTES_MAX`] is refused.

use crate::advisory::context::{At, Context, brief};
use crate::advisory::reading::{Sink, complain, value};
use crate::component::Anomaly;
use serde_json::Value;

/// No advisory written by hand is larger; OSS-Fuzz's largest, with all its versions, has 200 kB.
const YAML_BYTES_MAX: usize = 16 << 20;

/// Reads a text of one or more documents.
pub(crate) fn read(text: &str, sink: &mut dyn Sink) {
    if text.len() > YAML_BYTES_MAX {
        complain(sink, "more than 16 MiB of YAML: split it, or write JSON");
        return;
    }
    let mut line = 1_u64;
    for document in documents(text) {
        if !document.trim().is_empty() {
            match serde_saphyr::from_str::<Value>(document) {
                Ok(read @ (Value::Object(_) | Value::Array(_))) => {
                    value(&read, &mut Context::new(sink, line), &At::ROOT, 0)
                }
                Ok(_) => sink.anomaly(Anomaly {
                    place: format!("line {line}"),
                    what: "neither JSON, XML, Markdown nor YAML with fields".to_owned(),
                }),
                Err(error) => {
                    let what = error.to_string();
                    let what = brief(what.lines().next().unwrap_or_default());
                    sink.anomaly(Anomaly { place: format!("line {line}"), what: format!("no YAML: {what}") });
                }
            }
        }
        line = line.saturating_add(document.lines().count() as u64).saturating_add(1);
    }
}

/// The documents between lines of `---`.
fn documents(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n---\n").map(|document| document.strip_prefix("---\n").unwrap_or(document))
}
