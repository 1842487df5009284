//! The report as JSON, for `yagura scan --json`: the shape is in `docs/format/findings.md`.
//!
//! Not the model: names here are part of an interface that scripts rely on, and only ever added to.

use serde::Serialize;

use crate::component::Component;

use super::{Document, Finding, Place, Report, source_word, status_word};

#[derive(Serialize)]
struct Whole<'r> {
    findings: Vec<One<'r>>,
    unidentified: Vec<Unknown<'r>>,
    unversioned: Vec<Named<'r>>,
    documents: Vec<Read<'r>>,
}

#[derive(Serialize)]
struct Named<'r> {
    document: &'r str,
    reference: &'r str,
    name: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'r str>,
}

#[derive(Serialize)]
struct Unknown<'r> {
    #[serde(flatten)]
    component: Named<'r>,
    tried: &'r [String],
}

#[derive(Serialize)]
struct One<'r> {
    component: Named<'r>,
    identity: &'r str,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'r str>,
    advisory: &'r str,
    aliases: &'r [&'r str],
    group: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'r str>,
    title: &'r str,
    range: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed: Option<&'r str>,
    source: &'static str,
    by: &'r str,
    confidence: f64,
    certainty: &'static str,
    reason: &'r str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    running_on: &'r [&'r str],
    scores: Vec<Scored<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kev: Option<Listed<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epss: Option<Chance>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decided<'r>>,
}

#[derive(Serialize)]
struct Scored<'r> {
    vector: &'r str,
    by: &'r str,
}

#[derive(Serialize)]
struct Listed<'r> {
    added: &'r str,
    due: &'r str,
    ransomware: bool,
}

#[derive(Serialize)]
struct Chance {
    score: f64,
    percentile: f64,
}

#[derive(Serialize)]
struct Decided<'r> {
    status: &'static str,
    author: &'r str,
    why: &'r str,
}

#[derive(Serialize)]
struct Read<'r> {
    name: &'r str,
    components: usize,
    statements: usize,
    anomalies: Vec<Wrong<'r>>,
}

#[derive(Serialize)]
struct Wrong<'r> {
    place: &'r str,
    what: &'r str,
}

/// The report as JSON text.
///
/// # Errors
/// None in practice: what is written has no maps with odd keys and no numbers that are none.
pub fn to_json(report: &Report<'_>, documents: &[Document<'_>]) -> Result<String, serde_json::Error> {
    let whole = Whole {
        findings: report.findings.iter().filter_map(|finding| one(finding, documents)).collect(),
        unidentified: report
            .unidentified
            .iter()
            .filter_map(|unknown| Some(Unknown { component: named(unknown.place, documents)?, tried: &unknown.tried }))
            .collect(),
        unversioned: report.unversioned.iter().filter_map(|place| named(*place, documents)).collect(),
        documents: documents.iter().map(read).collect(),
    };
    serde_json::to_string(&whole)
}

fn named<'r>(place: Place, documents: &[Document<'r>]) -> Option<Named<'r>> {
    let document = documents.get(place.document)?;
    let component: &Component = document.components.get(place.component)?;
    Some(Named {
        document: document.name,
        reference: &component.reference,
        name: &component.name,
        version: component.version.as_deref(),
        purl: component.purls.first().map(String::as_str),
    })
}

fn one<'r>(finding: &'r Finding<'_>, documents: &[Document<'r>]) -> Option<One<'r>> {
    Some(One {
        component: named(finding.place, documents)?,
        identity: &finding.identity,
        method: finding.method.word(),
        version: finding.version.as_deref(),
        advisory: finding.advisory,
        aliases: &finding.aliases,
        group: finding.group,
        document: finding.document,
        title: finding.title,
        range: &finding.range,
        fixed: finding.fixed,
        source: source_word(finding.source),
        by: finding.by,
        confidence: f64::from((finding.confidence.share() * 100.0).round()) / 100.0,
        certainty: finding.confidence.word(),
        reason: &finding.reason,
        running_on: &finding.running_on,
        scores: finding.scores.iter().map(|score| Scored { vector: &score.vector, by: &score.by }).collect(),
        kev: finding.exploited.as_ref().map(|kev| Listed {
            added: &kev.added,
            due: &kev.due,
            ransomware: kev.is_used_by_ransomware,
        }),
        epss: finding.epss.as_ref().map(|epss| Chance { score: epss.probability, percentile: epss.percentile }),
        status: status_word(finding.status),
        decision: finding.decision.as_ref().map(|decision| Decided {
            status: status_word(decision.status),
            author: &decision.author,
            why: &decision.why,
        }),
    })
}

fn read<'r>(document: &Document<'r>) -> Read<'r> {
    let wrong = document.anomalies.iter().map(|anomaly| Wrong { place: &anomaly.place, what: &anomaly.what });
    Read {
        name: document.name,
        components: document.components.len(),
        statements: document.statements.len(),
        anomalies: wrong.collect(),
    }
}
