//! `vulnerabilities` of CycloneDX as VEX statements.
//!
//! Not a judgement: a vulnerability without an analysis stands as `affects` says.

use serde::Deserialize;

use super::cyclonedx::Issue;
use super::shape::{Many, said};
use crate::Instant;
use crate::component::Sink;
use crate::vex::words::CYCLONEDX;
use crate::vex::{Statement, Status, Subject};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Vulnerability {
    id: Option<String>,
    #[serde(rename = "bom-ref", alias = "bomRef")]
    reference: Option<String>,
    references: Option<Vec<Issue>>,
    recommendation: Option<String>,
    workaround: Option<String>,
    published: Option<String>,
    updated: Option<String>,
    analysis: Option<Analysis>,
    affects: Option<Vec<Affects>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Analysis {
    state: Option<String>,
    justification: Option<String>,
    #[serde(alias = "responses")]
    response: Option<Many<String>>,
    detail: Option<String>,
    #[serde(rename = "firstIssued")]
    issued: Option<String>,
    #[serde(rename = "lastUpdated")]
    updated: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Affects {
    #[serde(rename = "ref")]
    reference: Option<String>,
    versions: Option<Vec<AffectedVersion>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AffectedVersion {
    status: Option<String>,
}

/// Hands on an entry of `vulnerabilities`: a statement for each status that it gives.
pub(super) fn vulnerability(entry: Vulnerability, serial: Option<&str>, sink: &mut dyn Sink) {
    let mut names: Vec<String> = entry.id.into_iter().collect();
    for other in entry.references.into_iter().flatten().filter_map(|reference| reference.id) {
        if !names.contains(&other) {
            names.push(other);
        }
    }
    if names.is_empty() {
        names.extend(entry.reference);
    }
    let analysis = entry.analysis.unwrap_or_default();
    let response = analysis.response.unwrap_or_default().0.join(", ");
    let action = [entry.recommendation, entry.workaround, Some(response)].into_iter().filter_map(said);
    let action = action.collect::<Vec<_>>().join("\n");
    let since = [analysis.updated, analysis.issued, entry.updated, entry.published];
    let statement = Statement {
        vulnerability: names,
        subjects: Vec::new(),
        within: Vec::new(),
        status: Status::Affected,
        justification: analysis.justification.as_deref().and_then(|word| CYCLONEDX.justification(word)),
        impact: said(analysis.detail),
        action: said(Some(action)),
        author: None,
        since: since.into_iter().flatten().find_map(|text| Instant::parse(&text)),
        beyond: Vec::new(),
    };
    let state = analysis.state.as_deref().and_then(|word| CYCLONEDX.status(word));
    let mut by_status: Vec<(Status, Vec<Subject>)> = Vec::new();
    for affected in entry.affects.into_iter().flatten() {
        let Some(reference) = affected.reference else { continue };
        let status = state.unwrap_or_else(|| status_of(affected.versions.as_deref().unwrap_or_default()));
        let subject = subject(reference, serial);
        match by_status.iter_mut().find(|(known, _)| *known == status) {
            Some((_, subjects)) => subjects.push(subject),
            None => by_status.push((status, vec![subject])),
        }
    }
    for (status, subjects) in by_status {
        sink.statement(Statement { status, subjects, ..statement.clone() });
    }
}

/// What `affects` says where there is no analysis.
fn status_of(versions: &[AffectedVersion]) -> Status {
    let says = |word: &str| versions.iter().any(|version| version.status.as_deref() == Some(word));
    let unaffected = says("unaffected") || says("not_affected");
    match (says("affected") || versions.is_empty(), unaffected) {
        (true, _) => Status::Affected,
        (false, true) if !says("unknown") => Status::NotAffected,
        _ if versions.iter().all(|version| version.status.is_none()) => Status::Affected,
        _ => Status::UnderInvestigation,
    }
}

/// A reference within this document, or into another (`urn:cdx:serial/version#reference`).
fn subject(reference: String, serial: Option<&str>) -> Subject {
    let Some(link) = reference.strip_prefix("urn:cdx:") else { return Subject::Reference(reference) };
    let own = serial.and_then(|serial| serial.strip_prefix("urn:uuid:"));
    match (link.split_once('#'), own) {
        (Some((document, local)), Some(own)) if document.split('/').next() == Some(own) => {
            Subject::Reference(local.to_owned())
        }
        _ => Subject::Name(reference),
    }
}
