//! VEX documents: which format a text is in, and what reading and writing one gives.
//!
//! Not a judgement. A reader drops nothing silently; a writer lists what its format cannot say. Round trip: what is written is read back as it
//! was, but for what is listed as lost and for statements that say the same of several products, which come apart or together.

use crate::Instant;
use crate::component::Anomaly;
use crate::vex::{Statement, Subject, csaf, cyclonedx, openvex, spdx};
use serde_json::Value;

/// A format that carries VEX.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Format {
    /// OpenVEX 0.2.0.
    OpenVex,
    /// CSAF with the profile `csaf_vex`: written as 2.0, read as 2.0 and 2.1.
    Csaf,
    /// The `vulnerabilities` of CycloneDX: written as 1.6, read from 1.4 on.
    CycloneDx,
    /// The security profile of SPDX 3.0.
    Spdx3,
}

/// What a document holds.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// Its statements.
    pub statements: Vec<Statement>,
    /// What is not as its format says.
    pub anomalies: Vec<Anomaly>,
}

impl Read {
    pub(crate) fn wrong(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.anomalies.push(Anomaly { place: place.into(), what: what.into() });
    }
}

/// What a document says of itself when it is written.
#[derive(Clone, Debug)]
pub struct Head {
    /// Its id: an IRI, which CSAF and SPDX need too.
    pub id: String,
    /// Who says so: a name, and for CSAF and SPDX a URL that is theirs.
    pub author: String,
    /// A URL of the author's.
    pub namespace: String,
    /// When it is issued.
    pub issued: Instant,
    /// Its version, from 1.
    pub version: u32,
    /// A title.
    pub title: String,
}

/// Something that a format cannot say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lost {
    /// The statement, by its position.
    pub statement: usize,
    /// What is not in the document.
    pub what: String,
}

/// A document with what is not in it.
#[derive(Clone, Debug)]
pub struct Written {
    /// The document.
    pub document: Value,
    /// What was lost.
    pub lost: Vec<Lost>,
}

/// Reads a document of any of the formats.
#[must_use]
pub fn read(bytes: &[u8]) -> Read {
    let mut taken = Read::default();
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => {
            taken.wrong(format!("line {}, column {}", error.line(), error.column()), error.to_string());
            return taken;
        }
    };
    match format_of(&value) {
        Some(Format::OpenVex) => openvex::read(&value, &mut taken),
        Some(Format::Csaf) => csaf::read(&value, &mut taken),
        Some(Format::CycloneDx) => cyclonedx::read(&value, &mut taken),
        Some(Format::Spdx3) => spdx::read(&value, &mut taken),
        None => taken.wrong("", "neither OpenVEX, CSAF, CycloneDX nor SPDX 3"),
    }
    taken
}

/// Writes statements in a format.
#[must_use]
pub fn write(format: Format, statements: &[Statement], head: &Head) -> Written {
    match format {
        Format::OpenVex => openvex::write(statements, head),
        Format::Csaf => csaf::write(statements, head),
        Format::CycloneDx => cyclonedx::write(statements, head),
        Format::Spdx3 => spdx::write(statements, head),
    }
}

fn format_of(value: &Value) -> Option<Format> {
    let context = value.get("@context");
    let starts = |prefix: &str| context.and_then(Value::as_str).is_some_and(|context| context.starts_with(prefix));
    if starts("https://openvex.dev/ns") || (value.get("statements").is_some() && value.get("author").is_some()) {
        Some(Format::OpenVex)
    } else if value.pointer("/document/csaf_version").is_some() {
        Some(Format::Csaf)
    } else if value.get("bomFormat").is_some() {
        Some(Format::CycloneDx)
    } else if value.get("@graph").is_some() && context.is_some() {
        Some(Format::Spdx3)
    } else {
        None
    }
}

/// What of a statement another format said and `prefix` cannot.
pub(crate) fn foreign<'s>(statements: &'s [Statement], prefix: &'s str) -> impl Iterator<Item = Lost> + 's {
    statements.iter().enumerate().flat_map(move |(index, statement)| {
        let foreign = statement.beyond.iter().filter(move |(name, _)| !name.starts_with(prefix));
        foreign.map(move |(name, value)| Lost { statement: index, what: format!("{name}: {value}") })
    })
}

/// The names of each product in a list: a second name of the same kind begins another product.
pub(crate) fn products(subjects: &[Subject]) -> Vec<Vec<&Subject>> {
    let mut products: Vec<Vec<&Subject>> = Vec::new();
    for subject in subjects {
        let same_kind = |other: &&Subject| std::mem::discriminant(*other) == std::mem::discriminant(subject);
        match products.last_mut() {
            Some(last) if !last.iter().any(same_kind) => last.push(subject),
            _ => products.push(vec![subject]),
        }
    }
    products
}

/// The text under a key.
pub(crate) fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The elements under a key.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Puts a text under a key if there is one.
pub(crate) fn put(value: &mut Value, key: &str, text: Option<&str>) {
    if let (Value::Object(members), Some(text)) = (value, text) {
        members.insert(key.to_owned(), Value::String(text.to_owned()));
    }
}
