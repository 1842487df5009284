//! Statements on whether a vulnerability concerns a product (VEX), whatever format they came in.
//!
//! Not a decision of ours: who said it is kept, and whoever merges statements weighs that. Products are named as the document names them.

pub mod words;

use crate::Instant;

/// How a product stands to a vulnerability (CISA, Minimum Requirements for VEX, April 2023).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Status {
    /// It is affected.
    Affected,
    /// It is not, for a [`Justification`] or an impact statement.
    NotAffected,
    /// It was, and this version holds the fix.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

/// Why a product is not affected (CISA, VEX Status Justifications, June 2022).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Justification {
    /// `component_not_present`
    ComponentNotPresent,
    /// `vulnerable_code_not_present`
    CodeNotPresent,
    /// `vulnerable_code_not_in_execute_path`
    CodeNotInExecutePath,
    /// `vulnerable_code_cannot_be_controlled_by_adversary`
    CodeNotControllable,
    /// `inline_mitigations_already_exist`
    Mitigated,
}

/// What a statement is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Subject {
    /// A component of the document that carries the statement, by its reference.
    Reference(String),
    /// A product by a package URL.
    Purl(String),
    /// A product by a CPE name.
    Cpe(String),
    /// A product by an IRI, a name or a number that only its maker reads.
    Name(String),
}

/// One statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// The vulnerability: its id and other ids of the same.
    pub vulnerability: Vec<String>,
    /// The products; with a `within`, the named component inside them.
    pub subjects: Vec<Subject>,
    /// Subcomponents of the subjects that the statement is limited to.
    pub within: Vec<Subject>,
    /// How they stand.
    pub status: Status,
    /// Why they are not affected.
    pub justification: Option<Justification>,
    /// The same in words.
    pub impact: Option<String>,
    /// What is to be done.
    pub action: Option<String>,
    /// Who says so.
    pub author: Option<String>,
    /// Since when it holds.
    pub since: Option<Instant>,
    /// What its format says beyond this, as (`format.field`, value), such as (`cyclonedx.response`, `update`): the same format writes
    /// it again, another lists it as lost.
    pub beyond: Vec<(String, String)>,
}

impl Statement {
    /// A statement that says no more than this.
    #[must_use]
    pub fn new(vulnerability: impl Into<String>, subject: Subject, status: Status) -> Self {
        Self {
            vulnerability: vec![vulnerability.into()],
            subjects: vec![subject],
            within: Vec::new(),
            status,
            justification: None,
            impact: None,
            action: None,
            author: None,
            since: None,
            beyond: Vec::new(),
        }
    }

    /// What its format says beyond the model under `name`.
    pub fn beyond<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.beyond.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
