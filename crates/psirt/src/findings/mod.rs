//! Components × index → findings, each with its why; and the components that nothing is known of, named.
//!
//! Not a judgement of risk: scores, KEV and EPSS stand beside a finding as their sources give them. Invariants: the same input gives the same
//! report, in the order of documents and components; every component is identified, unidentified or both named and explained; what a
//! statement takes away stays in the report with who says so. Each distinct package and version is matched once (ADR-0040).

mod json;
mod matching;
mod settled;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::advisory::{Score, Source};
use crate::component::{Anomaly, Component, Kind};
use crate::index::{Database, SegmentError};
use crate::resolve::{Confidence, Method};
use crate::score::epss::Epss;
use crate::score::kev::Kev;
use crate::vex::{Justification, Statement, Status};

pub use json::to_json;

/// One SBOM, or a document of statements alone.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Its name: a path.
    pub name: &'a str,
    /// Its components.
    pub components: &'a [Component],
    /// What is made of, contains or depends on what: (from, to) by their references.
    pub dependencies: &'a [(String, String)],
    /// What it says itself of vulnerabilities.
    pub statements: &'a [Statement],
    /// What is wrong with it.
    pub anomalies: &'a [Anomaly],
}

/// What of the build is known beside the documents.
#[derive(Clone, Copy, Debug, Default)]
pub struct Build<'a> {
    /// Source files that were compiled, relative to their project: `net/sctp/socket.c`. Empty if that is not known.
    pub compiled: &'a [&'a str],
}

/// Who says how a finding stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    /// The status.
    pub status: Status,
    /// Who says so.
    pub author: String,
    /// Why the component is not affected.
    pub justification: Option<Justification>,
    /// The reason in words.
    pub why: String,
}

/// The place of a component.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The document's number.
    pub document: usize,
    /// The component's number in it.
    pub component: usize,
}

/// A component that an advisory concerns.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding<'a> {
    /// The component.
    pub place: Place,
    /// The package key that led here.
    pub identity: String,
    /// By which way.
    pub method: Method,
    /// The version that was compared.
    pub version: Option<String>,
    /// The advisory's id in its source.
    pub advisory: &'a str,
    /// Other ids of it.
    pub aliases: Vec<&'a str>,
    /// The id that all records of the same vulnerability share: the first CVE id, else the smallest id.
    pub group: &'a str,
    /// The document that holds the advisory.
    pub document: Option<&'a str>,
    /// One line.
    pub title: &'a str,
    /// The range in words.
    pub range: String,
    /// The first version known to hold a fix.
    pub fixed: Option<&'a str>,
    /// The source.
    pub source: Source,
    /// Who says so within it.
    pub by: &'a str,
    /// How sure.
    pub confidence: Confidence,
    /// Why, in sentences.
    pub reason: String,
    /// What it must run on or with for the rest to hold.
    pub running_on: Vec<&'a str>,
    /// Scores, side by side.
    pub scores: Vec<Score>,
    /// What KEV says.
    pub exploited: Option<Kev>,
    /// What EPSS says.
    pub epss: Option<Epss>,
    /// `Affected` and `UnderInvestigation` by the advisory itself, or what was decided.
    pub status: Status,
    /// Who decided, if anybody did.
    pub decision: Option<Decision>,
}

impl Finding<'_> {
    /// Whether somebody must still act.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status, Status::Affected | Status::UnderInvestigation)
    }
}

/// A component that led to no package of an advisory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unidentified {
    /// The component.
    pub place: Place,
    /// What was tried.
    pub tried: Vec<String>,
}

/// What there is to say of documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report<'a> {
    /// Findings by document, component, group, source.
    pub findings: Vec<Finding<'a>>,
    /// Components without an identity.
    pub unidentified: Vec<Unidentified>,
    /// Components whose package is known and whose version is not said: no range could be compared.
    pub unversioned: Vec<Place>,
}

/// Finds what concerns the components of documents. Statements of one document hold for the components of all, as far as they name them by
/// package URL or CPE.
///
/// # Errors
/// A segment is damaged.
pub fn scan<'a>(
    database: &Database<'a>,
    documents: &[Document<'_>],
    build: &Build<'_>,
) -> Result<Report<'a>, SegmentError> {
    let statements = settled::Statements::new(documents);
    let mut matcher = matching::Matcher::new(database);
    let mut report = Report::default();
    for (number, document) in documents.iter().enumerate() {
        let recipes = built_from(document);
        for (index, component) in document.components.iter().enumerate() {
            let place = Place { document: number, component: index };
            let start = report.findings.len();
            let recipe = recipes.get(component.reference.as_str()).copied();
            matcher.component(place, component, recipe, &mut report)?;
            let Some(found) = report.findings.get_mut(start..) else { continue };
            for finding in found.iter_mut() {
                for by in recipe.into_iter().chain([component]) {
                    statements.decide(finding, by, number);
                }
                matcher.by_configuration(finding, build);
            }
            found.sort_by(|a, b| {
                let key =
                    |finding: &Finding<'a>| (finding.group, finding.source as u8, finding.advisory, finding.document);
                key(a).cmp(&key(b))
            });
        }
    }
    Ok(report)
}

/// Which component is built from which recipe: its own document names it by nothing but a name, and the recipe by a CPE or package URL.
fn built_from<'c>(document: &Document<'c>) -> HashMap<&'c str, &'c Component> {
    let says_more = |component: &Component| !component.cpes.is_empty() || !component.purls.is_empty();
    let by_reference: HashMap<&str, &Component> =
        document.components.iter().map(|component| (component.reference.as_str(), component)).collect();
    let mut recipes = HashMap::new();
    for (from, to) in document.dependencies {
        let (Some(from), Some(to)) = (by_reference.get(from.as_str()), by_reference.get(to.as_str())) else { continue };
        if from.kind != Kind::Source && !says_more(from) && to.kind == Kind::Source && says_more(to) {
            recipes.entry(from.reference.as_str()).or_insert(*to);
        }
    }
    recipes
}

/// The word of a status in reports and interfaces, as OpenVEX writes it.
#[must_use]
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Affected => "affected",
        Status::NotAffected => "not_affected",
        Status::Fixed => "fixed",
        Status::UnderInvestigation => "under_investigation",
    }
}

/// The word of a source.
#[must_use]
pub fn source_word(source: Source) -> &'static str {
    match source {
        Source::Cve => "CVE",
        Source::Osv => "OSV",
        Source::Csaf => "CSAF",
        Source::Nvd => "NVD",
        Source::Jvn => "JVN",
        Source::Distribution => "distribution",
        Source::Private => "private",
    }
}

/// The id that records of one vulnerability share.
fn group<'a>(id: &'a str, aliases: &[&'a str]) -> &'a str {
    let all = || std::iter::once(id).chain(aliases.iter().copied());
    let cve = all().filter(|id| id.starts_with("CVE-")).min();
    cve.or_else(|| all().min()).unwrap_or(id)
}

/// A text that is cut if it is too long for a report.
fn brief(text: &str) -> Cow<'_, str> {
    const CHARACTERS_MAX: usize = 160;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((at, _)) => Cow::Owned(format!("{}…", text.get(..at).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
