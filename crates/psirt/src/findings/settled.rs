//! What takes a finding away: statements (VEX) of documents, and patches that a component carries.
//!
//! Not a merge of statements: of several that hold for a finding the latest counts, and the more specific one if none has a date. The finding
//! stays, with who said so.

use std::collections::HashMap;

use crate::component::Component;
use crate::identity::{Cpe, PackageKey, Purl};
use crate::vex::{Statement, Status, Subject};

use super::{Decision, Document, Finding};

/// Statements by the vulnerability that they are about, in upper case.
pub(super) struct Statements<'s> {
    by_id: HashMap<String, Vec<(usize, &'s Statement)>>,
}

impl<'s> Statements<'s> {
    pub(super) fn new(documents: &[Document<'s>]) -> Self {
        let mut by_id: HashMap<String, Vec<(usize, &Statement)>> = HashMap::new();
        for (number, document) in documents.iter().enumerate() {
            for statement in document.statements {
                for id in &statement.vulnerability {
                    by_id.entry(id.to_uppercase()).or_default().push((number, statement));
                }
            }
        }
        Self { by_id }
    }

    /// Applies what holds for a finding.
    pub(super) fn decide(&self, finding: &mut Finding<'_>, component: &Component, document: usize) {
        let ids = || std::iter::once(finding.advisory).chain(finding.aliases.iter().copied());
        let patched = component
            .patches
            .iter()
            .find(|patch| patch.resolves.iter().any(|id| ids().any(|known| known.eq_ignore_ascii_case(id))));
        if let Some(patch) = patched {
            let why = format!("a patch ({}) that resolves it is applied", patch.kind);
            finding.status = Status::Fixed;
            finding.decision =
                Some(Decision { status: Status::Fixed, author: "the SBOM".to_owned(), justification: None, why });
            return;
        }
        if self.by_id.is_empty() {
            return;
        }
        let mut best: Option<(Fit, &Statement)> = None;
        for id in ids() {
            for (from, statement) in self.by_id.get(&id.to_uppercase()).into_iter().flatten() {
                let Some(fit) = fit(statement, component, *from == document) else { continue };
                let rank = |(fit, statement): &(Fit, &Statement)| (statement.since.map(|since| since.0), *fit);
                let candidate = (fit, *statement);
                if best.as_ref().is_none_or(|known| rank(&candidate) >= rank(known)) {
                    best = Some(candidate);
                }
            }
        }
        if let Some((_, statement)) = best {
            finding.status = statement.status;
            finding.decision = Some(Decision {
                status: statement.status,
                author: statement.author.clone().unwrap_or_else(|| "the SBOM".to_owned()),
                justification: statement.justification,
                why: statement.impact.clone().or_else(|| statement.action.clone()).unwrap_or_default(),
            });
        }
    }
}

/// How closely a statement names a component.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fit {
    AnyVersion,
    Version,
    Reference,
}

/// Whether a statement is about a component. Subcomponents, where there are any, are what is meant.
fn fit(statement: &Statement, component: &Component, same_document: bool) -> Option<Fit> {
    let named = if statement.within.is_empty() { &statement.subjects } else { &statement.within };
    named.iter().filter_map(|subject| names(subject, component, same_document)).max()
}

fn names(subject: &Subject, component: &Component, same_document: bool) -> Option<Fit> {
    match subject {
        Subject::Reference(reference) => (same_document && *reference == component.reference).then_some(Fit::Reference),
        Subject::Purl(text) => {
            let subject = Purl::read(text).ok()?;
            component.purls.iter().filter_map(|own| of_purl(&subject, &Purl::read(own).ok()?)).max()
        }
        Subject::Cpe(text) => {
            let subject = Cpe::parse(text).ok()?;
            let meets = |own: &Cpe| subject.meets(own);
            let met = component.cpes.iter().filter_map(|own| Cpe::parse(own).ok()).any(|own| meets(&own));
            let fit = if subject.version().plain().is_some() { Fit::Version } else { Fit::AnyVersion };
            met.then_some(fit)
        }
        Subject::Name(name) => {
            let is_named = *name == component.reference || *name == component.name;
            let with_version =
                || component.version.as_ref().is_some_and(|version| *name == format!("{}@{version}", component.name));
            if with_version() { Some(Fit::Version) } else { is_named.then_some(Fit::AnyVersion) }
        }
    }
}

fn of_purl(subject: &Purl, own: &Purl) -> Option<Fit> {
    let (wanted, found) = (PackageKey::of_purl(subject), PackageKey::of_purl(own));
    if wanted.key != found.key {
        return None;
    }
    match (wanted.version, found.version) {
        (None, _) => Some(Fit::AnyVersion),
        (Some(wanted), Some(found)) => (wanted == found).then_some(Fit::Version),
        (Some(_), None) => None,
    }
}
