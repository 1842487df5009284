//! Inventories as SBOMs again: CycloneDX 1.6, SPDX 2.3 and SPDX 3.0, the same bytes for the same inventory.
//!
//! Not a copy of the document that was read: what the model does not hold is gone, and what a format has no word for is listed beside it.

mod cyclonedx;
mod spdx2;
mod spdx3;

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

pub use cyclonedx::cyclonedx;
pub use spdx2::spdx2;
pub use spdx3::spdx3;

use crate::Instant;
use crate::component::{Inventory, Kind};
use crate::sbom::schemas;

/// What a document says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// The name of the document.
    pub name: String,
    /// An IRI that no other document has, without `#`.
    pub namespace: String,
    /// When it is made.
    pub created: Instant,
    /// Who makes it: a tool and its version.
    pub tool: String,
}

/// Something that the format cannot say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unsaid {
    /// The component's reference, or what stands for it.
    pub of: String,
    /// What.
    pub what: String,
}

/// A document, and what it does not say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Written {
    /// JSON with a line feed at its end.
    pub text: String,
    /// What the format has no word for.
    pub unsaid: Vec<Unsaid>,
}

fn written(document: &Value, unsaid: Vec<Unsaid>) -> Written {
    Written { text: format!("{document:#}\n"), unsaid }
}

fn unsaid(list: &mut Vec<Unsaid>, of: &str, what: impl Into<String>) {
    list.push(Unsaid { of: of.to_owned(), what: what.into() });
}

/// An object of those members that say something.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    Value::Object(
        members
            .into_iter()
            .filter(|(_, value)| says(value))
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}

/// Dependencies between components of the inventory, by what depends; the others are counted.
fn dependencies<'a>(inventory: &'a Inventory, list: &mut Vec<Unsaid>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let known: HashSet<&str> = inventory.components.iter().map(|component| component.reference.as_str()).collect();
    let mut by_origin: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut outside = 0_usize;
    for (from, to) in &inventory.dependencies {
        if known.contains(from.as_str()) && known.contains(to.as_str()) {
            let targets = by_origin.entry(from).or_default();
            if !targets.contains(&to.as_str()) {
                targets.push(to);
            }
        } else {
            outside = outside.saturating_add(1);
        }
    }
    if outside > 0 {
        unsaid(list, "dependencies", format!("{outside} that lead to what is no component"));
    }
    by_origin
}

/// Whether a licence is an identifier of the SPDX list.
fn is_listed(licence: &str) -> bool {
    schemas::text("spdx.schema.json")
        .is_some_and(|list| list.contains(&format!("\"{licence}\"")) && !licence.contains('"'))
}

/// Whether it is an expression of more than one identifier.
fn is_compound(licence: &str) -> bool {
    [" AND ", " OR ", " WITH "].iter().any(|operator| licence.contains(operator))
}

/// The algorithms as CycloneDX and SPDX spell them.
fn algorithm(name: &str) -> Option<(&'static str, Option<&'static str>, &'static str)> {
    // (CycloneDX, SPDX 2.3 where it has one, SPDX 3)
    Some(match name {
        "md5" => ("MD5", Some("MD5"), "md5"),
        "sha1" => ("SHA-1", Some("SHA1"), "sha1"),
        "sha256" => ("SHA-256", Some("SHA256"), "sha256"),
        "sha384" => ("SHA-384", Some("SHA384"), "sha384"),
        "sha512" => ("SHA-512", Some("SHA512"), "sha512"),
        "sha3256" => ("SHA3-256", Some("SHA3-256"), "sha3_256"),
        "sha3384" => ("SHA3-384", Some("SHA3-384"), "sha3_384"),
        "sha3512" => ("SHA3-512", Some("SHA3-512"), "sha3_512"),
        "blake2b256" => ("BLAKE2b-256", Some("BLAKE2b-256"), "blake2b256"),
        "blake2b384" => ("BLAKE2b-384", Some("BLAKE2b-384"), "blake2b384"),
        "blake2b512" => ("BLAKE2b-512", Some("BLAKE2b-512"), "blake2b512"),
        "blake3" => ("BLAKE3", Some("BLAKE3"), "blake3"),
        _ => return None,
    })
}

/// A kind as (CycloneDX, SPDX 2.3, SPDX 3) say it; `None` where a format has no word.
fn kind(kind: Kind) -> (Option<&'static str>, Option<&'static str>, &'static str) {
    match kind {
        Kind::Application => (Some("application"), Some("APPLICATION"), "application"),
        Kind::Framework => (Some("framework"), Some("FRAMEWORK"), "framework"),
        Kind::Library => (Some("library"), Some("LIBRARY"), "library"),
        Kind::Container => (Some("container"), Some("CONTAINER"), "container"),
        Kind::Platform => (Some("platform"), None, "platform"),
        Kind::OperatingSystem => (Some("operating-system"), Some("OPERATING-SYSTEM"), "operatingSystem"),
        Kind::Device => (Some("device"), Some("DEVICE"), "device"),
        Kind::Driver => (Some("device-driver"), None, "deviceDriver"),
        Kind::Firmware => (Some("firmware"), Some("FIRMWARE"), "firmware"),
        Kind::File => (Some("file"), Some("FILE"), "file"),
        Kind::Model => (Some("machine-learning-model"), None, "model"),
        Kind::Data => (Some("data"), None, "data"),
        Kind::Source => (None, Some("SOURCE"), "source"),
        Kind::Service => (None, None, "other"),
    }
}
