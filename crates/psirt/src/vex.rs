//! Statements on whether a vulnerability concerns a product (VEX), whatever format they came in.
//!
//! Not a decision of ours: who said it is kept, and whoever merges statements weighs that. Products are named as the document names them.

mod csaf;
mod cyclonedx;
mod decision;
mod documents;
mod merge;
mod openvex;
mod spdx;
pub mod words;

pub use decision::{About, Decision, Range, Ruling, Scope, rule};
pub use documents::{Format, Head, Lost, Read, Written, read, write};
pub use merge::{Question, Standing, Trust, standing};

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
    /// The products by all their names. A second name of the same kind is another product.
    pub subjects: Vec<Subject>,
    /// Subcomponents of the subjects that the statement is limited to, named in the same way.
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

impl Subject {
    /// A name whose kind is read from its beginning.
    #[must_use]
    pub fn named(text: &str) -> Self {
        if text.starts_with("pkg:") {
            Self::Purl(text.to_owned())
        } else if text.starts_with("cpe:") {
            Self::Cpe(text.to_owned())
        } else {
            Self::Name(text.to_owned())
        }
    }

    /// The name without its kind.
    #[must_use]
    pub fn text(&self) -> &str {
        let (Self::Reference(text) | Self::Purl(text) | Self::Cpe(text) | Self::Name(text)) = self;
        text
    }
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
