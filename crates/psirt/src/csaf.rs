//! Whether a CSAF document of version 2.0 or 2.1 is valid: its schema, and the tests of section 6 of the standard.
//!
//! Not a reader ([`crate::advisory`] reads what breaks rules too). A test is a small function over the JSON value in the table of its file.
//! What a test would have to fetch (URLs, schemas of extensions) is handed in or judged by its name alone; no clock: a test that asks for now
//! is given it. Overall validity is schema and mandatory tests (ADR-0039).

mod cvss;
mod cwe;
mod dates;
pub(crate) mod document;
mod helper_match;
mod identifiers;
mod informative;
mod naming;
mod overlap;
mod products;
mod profiles;
mod recommended;
mod recommended_2_1;
mod schema;
mod sharing;
mod sorted;
mod ssvc;
mod tracking;

use crate::Instant;
use document::{Document, Place};
use serde_json::Value;

/// How a failed test weighs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Group {
    /// The JSON schema of the version.
    Schema,
    /// Section 6.1: the document is invalid.
    Mandatory,
    /// Section 6.2, called optional in 2.0: the document should be better.
    Recommended,
    /// Section 6.3: the document could be better.
    Informative,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The test: `schema`, `6.1.27.3`.
    pub test: &'static str,
    /// Its group.
    pub group: Group,
    /// The JSON pointer.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// Looks the schema of an extension up by its URL.
pub type Extensions<'s> = &'s dyn Fn(&str) -> Option<Value>;

/// What is known outside of the document.
#[derive(Clone, Copy, Default)]
pub struct Surroundings<'s> {
    /// The instant of the validation, for tests that ask for it.
    pub now: Option<Instant>,
    /// Whether a URL resolves, for who may ask the network.
    pub resolves: Option<&'s dyn Fn(&str) -> bool>,
    /// The schema of an extension by its URL.
    pub extension: Option<Extensions<'s>>,
}

/// The result of a validation.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong, in the order of the tests.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Schema and mandatory tests found nothing.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.findings.iter().all(|finding| finding.group > Group::Mandatory)
    }

    /// Whether a test found nothing.
    #[must_use]
    pub fn passes(&self, test: &str) -> bool {
        self.findings.iter().all(|finding| finding.test != test)
    }
}

/// A document that no test can be run on.
#[derive(Debug, thiserror::Error)]
pub enum CsafError {
    /// It is not JSON.
    #[error("no JSON")]
    NoJson(#[from] serde_json::Error),
    /// It does not say that it is CSAF of a known version.
    #[error("`/document/csaf_version` is {0}; this program knows 2.0 and 2.1")]
    UnknownVersion(String),
}

/// The versions of CSAF that have a test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum In {
    Both,
    V20,
    V21,
}

/// A test: its id, where it is, what it does.
struct Test {
    id: &'static str,
    of: In,
    run: fn(&Document<'_>, &Surroundings<'_>, &mut Findings),
}

const fn test(id: &'static str, of: In, run: fn(&Document<'_>, &Surroundings<'_>, &mut Findings)) -> Test {
    Test { id, of, run }
}

/// Where tests put what they find.
#[derive(Default)]
pub(crate) struct Findings {
    test: &'static str,
    list: Vec<Finding>,
}

impl Findings {
    pub(crate) fn add(&mut self, place: &Place<'_>, what: impl Into<String>) {
        self.at(place.to_string(), what);
    }

    pub(crate) fn at(&mut self, place: impl Into<String>, what: impl Into<String>) {
        let group = match self.test.as_bytes().get(2) {
            Some(b'1') => Group::Mandatory,
            Some(b'2') => Group::Recommended,
            Some(b'3') => Group::Informative,
            _ => Group::Schema,
        };
        self.list.push(Finding { test: self.test, group, place: place.into(), what: what.into() });
    }
}

const TABLES: [&[Test]; 13] = [
    products::TESTS,
    cvss::TESTS,
    identifiers::TESTS,
    tracking::TESTS,
    profiles::TESTS,
    naming::TESTS,
    sharing::TESTS,
    ssvc::TESTS,
    recommended::TESTS,
    recommended_2_1::TESTS,
    overlap::TESTS,
    helper_match::TESTS,
    informative::TESTS,
];

/// Validates bytes, up to and with the tests of `most`.
///
/// # Errors
/// The bytes are no JSON, or no CSAF document.
pub fn validate(bytes: &[u8], most: Group, around: &Surroundings<'_>) -> Result<Report, CsafError> {
    run(&serde_json::from_slice(bytes)?, Some(bytes), most, around)
}

/// Validates a parsed document. What only the text tells (the order of members) is not tested.
///
/// # Errors
/// It is no CSAF document of a known version.
pub fn validate_value(value: &Value, most: Group, around: &Surroundings<'_>) -> Result<Report, CsafError> {
    run(value, None, most, around)
}

fn run(value: &Value, bytes: Option<&[u8]>, most: Group, around: &Surroundings<'_>) -> Result<Report, CsafError> {
    let document = Document::new(value, bytes);
    match value.pointer("/document/csaf_version") {
        Some(Value::String(version)) if version == "2.0" || version == "2.1" => {}
        Some(other) => return Err(CsafError::UnknownVersion(schema::short(&other.to_string()))),
        None => return Err(CsafError::UnknownVersion("missing".to_owned())),
    }
    let mut findings = Findings { test: "schema", list: Vec::new() };
    schema::validate(value, document.is_2_1, &mut findings);
    let tests = TABLES.iter().flat_map(|table| table.iter());
    for test in tests {
        let concerns = test.of == In::Both || (test.of == In::V21) == document.is_2_1;
        findings.test = test.id;
        if concerns && group_of(test.id) <= most {
            (test.run)(&document, around, &mut findings);
        }
    }
    Ok(Report { findings: findings.list })
}

fn group_of(id: &str) -> Group {
    match id.as_bytes().get(2) {
        Some(b'1') => Group::Mandatory,
        Some(b'2') => Group::Recommended,
        _ => Group::Informative,
    }
}
