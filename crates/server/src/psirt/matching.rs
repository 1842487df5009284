//! An SBOM's bytes × the advisories → what the state keeps of a product version: components, findings by vulnerability, words.
//!
//! Not the match (`yagura_psirt::findings`) and not the rows. Findings of several sources on one vulnerability of one component are one, with
//! the sources side by side; the surest gives the reason. Invariant: a pure function of the bytes, the segments and the instant. Cost: that of
//! reading the SBOM and of one scan.

use super::knowledge::Known;
use super::words;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use yagura_feed::FeedError;
use yagura_model::UnixMicros;
use yagura_psirt::component::{Component, Inventory};
use yagura_psirt::findings::{Build, Document, Finding, scan, source_word};
use yagura_psirt::identity::canonical_purl;
use yagura_psirt::index::SegmentError;
use yagura_psirt::resolve::resolve;
use yagura_psirt::sbom::{self, SbomError};
use yagura_psirt::score::cvss;
use yagura_psirt::vex::Status;

/// The most components that an SBOM may have.
pub const COMPONENTS_MAX: usize = 200_000;
/// The most anomalies that are kept of one; the rest is counted.
pub const ANOMALIES_MAX: usize = 200;

/// Why an SBOM was not matched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatchError {
    /// The bytes are no SBOM.
    #[error(transparent)]
    Sbom(#[from] SbomError),
    /// It is too large.
    #[error("the SBOM has {found} components, and at most {COMPONENTS_MAX} are kept: split it")]
    TooMany {
        /// How many it has.
        found: usize,
    },
    /// The advisories cannot be used.
    #[error(transparent)]
    Knowledge(#[from] FeedError),
    /// The advisories are damaged.
    #[error("the advisories cannot be used: remove the directory and import again")]
    Segment(#[from] SegmentError),
}

/// What is one finding: the component by package URL, name and version, and the vulnerability.
type Group<'f> = (Option<&'f str>, &'f str, Option<&'f str>, &'f str);

/// What is kept of an SBOM.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matched {
    /// Its format and version, in words.
    pub format: String,
    /// Its components, in order.
    pub components: Vec<Kept>,
    /// How many have a package but no version.
    pub unversioned: usize,
    /// What is wrong with it: place and what.
    pub anomalies: Vec<(String, String)>,
    /// Words by which new advisories find it.
    pub words: BTreeSet<String>,
    /// What concerns it, by component and vulnerability.
    pub found: Vec<Found>,
}

/// What is kept of a component.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its first package URL, in canonical form if it has one.
    pub purl: Option<String>,
    /// What was tried in vain; `None` if it is identified.
    pub tried: Option<Vec<String>>,
}

/// What one source says of a finding.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Said {
    /// The source.
    pub source: String,
    /// Who says so within it.
    pub by: String,
    /// The advisory's id there.
    pub advisory: String,
    /// The document that holds it.
    pub document: Option<String>,
    /// The range in words.
    pub range: String,
    /// The first version known to hold a fix.
    pub fixed: Option<String>,
    /// The package key that led there.
    pub identity: String,
    /// By which way.
    pub method: String,
    /// How sure, in percent.
    pub confidence: i64,
    /// Why.
    pub reason: String,
    /// Scores as (vector, by whom).
    pub scores: Vec<(String, String)>,
    /// What it must run on for the rest to hold.
    pub running_on: Vec<String>,
}

/// A vulnerability of a component.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The component.
    pub component: Kept,
    /// The id that all sources share.
    pub vulnerability: String,
    /// All its ids.
    pub names: Vec<String>,
    /// One line.
    pub title: String,
    /// 1 none or not said .. 5 critical, the gravest of the sources.
    pub severity: i64,
    /// CVSS in tenths, the gravest of the sources; 0 if nobody says it.
    pub score: i64,
    /// Whether it is known to be exploited.
    pub is_exploited: bool,
    /// Probability that it will be, in millionths.
    pub epss: i64,
    /// What each source says, the surest first.
    pub said: Vec<Said>,
    /// What the SBOM itself or a patch settles: the status, and why.
    pub settled: Option<(Status, String)>,
}

impl Found {
    /// What the surest source says. There is always one.
    #[must_use]
    pub fn first(&self) -> Option<&Said> {
        self.said.first()
    }

    /// What to look at first: exploited before all, then the score, then how sure it is.
    #[must_use]
    pub fn rank(&self) -> i64 {
        let confidence = self.first().map_or(0, |said| said.confidence);
        i64::from(self.is_exploited) * 1_000_000 + self.severity * 100_000 + self.score * 500 + confidence
    }
}

/// Reads an SBOM and finds what concerns it.
///
/// # Errors
/// [`MatchError`]
pub fn match_sbom(known: &Known, bytes: &[u8], now: UnixMicros) -> Result<Matched, MatchError> {
    let mut inventory = Inventory::default();
    let read = sbom::read(bytes, &mut inventory)?;
    inventory.settle();
    if inventory.components.len() > COMPONENTS_MAX {
        return Err(MatchError::TooMany { found: inventory.components.len() });
    }
    let database = known.database(now)?;
    let document = Document {
        name: "SBOM",
        components: &inventory.components,
        dependencies: &inventory.dependencies,
        statements: &inventory.statements,
        anomalies: &inventory.anomalies,
    };
    let of_suppliers = known.statements().iter().map(|one| Document {
        name: &one.place,
        components: &[],
        dependencies: &[],
        statements: &one.read.statements,
        anomalies: &[],
    });
    let documents: Vec<Document<'_>> = [document].into_iter().chain(of_suppliers).collect();
    let report = scan(&database, &documents, &Build::default())?;
    let mut components: Vec<Kept> = inventory.components.iter().map(kept).collect();
    for unknown in report.unidentified {
        if let Some(component) = components.get_mut(unknown.place.component) {
            component.tried = Some(unknown.tried);
        }
    }
    let mut words = BTreeSet::new();
    for component in &inventory.components {
        words::of_component(component, &resolve(&database, component)?, &mut words);
    }
    let mut groups: BTreeMap<Group<'_>, Vec<&Finding<'_>>> = BTreeMap::new();
    for finding in &report.findings {
        if let Some(of) = components.get(finding.place.component) {
            let key = (of.purl.as_deref(), of.name.as_str(), of.version.as_deref(), finding.group);
            groups.entry(key).or_default().push(finding);
        }
    }
    let found = groups.into_values().filter_map(|group| found(&components, group)).collect();
    let version = read.version.map(|version| format!(" {version}")).unwrap_or_default();
    let anomalies = inventory.anomalies.into_iter().map(|anomaly| (anomaly.place, anomaly.what)).collect();
    Ok(Matched {
        format: format!("{}{version}", read.format),
        unversioned: report.unversioned.len(),
        anomalies: cut(anomalies),
        components,
        words,
        found,
    })
}

fn kept(component: &Component) -> Kept {
    Kept {
        name: component.name.clone(),
        version: component.version.clone(),
        purl: component.purls.first().map(|purl| canonical_purl(purl).unwrap_or_else(|_| purl.clone())),
        tried: None,
    }
}

fn cut(mut anomalies: Vec<(String, String)>) -> Vec<(String, String)> {
    let more = anomalies.len().saturating_sub(ANOMALIES_MAX);
    anomalies.truncate(ANOMALIES_MAX);
    if more > 0 {
        anomalies.push((String::new(), format!("and {more} more, which are not kept")));
    }
    anomalies
}

/// Findings of one vulnerability on one component, put together.
fn found(components: &[Kept], mut group: Vec<&Finding<'_>>) -> Option<Found> {
    group.sort_by(|a, b| b.is_open().cmp(&a.is_open()).then_with(|| b.confidence.cmp(&a.confidence)));
    let first = *group.first()?;
    let mut names: BTreeSet<&str> = BTreeSet::from([first.group]);
    for finding in &group {
        names.insert(finding.advisory);
        names.extend(finding.aliases.iter().copied());
    }
    let (severity, score) = group.iter().map(|finding| gravest(finding)).max().unwrap_or((1, 0));
    let title = group.iter().map(|finding| finding.title).find(|title| !title.is_empty()).unwrap_or_default();
    let settled = || {
        let decision = first.decision.as_ref()?;
        Some((first.status, format!("{}: {}", decision.author, decision.why)))
    };
    let mut said: Vec<Said> = group.iter().map(|finding| said_by(finding)).collect();
    said.dedup();
    Some(Found {
        component: Kept { tried: None, ..components.get(first.place.component)?.clone() },
        vulnerability: first.group.to_owned(),
        names: names.into_iter().map(str::to_owned).collect(),
        title: title.to_owned(),
        severity,
        score,
        is_exploited: first.exploited.is_some(),
        epss: first.epss.as_ref().map_or(0, |epss| scaled(epss.probability, 1_000_000.0)),
        said,
        settled: if first.is_open() { None } else { settled() },
    })
}

fn said_by(finding: &Finding<'_>) -> Said {
    Said {
        source: source_word(finding.source).to_owned(),
        by: finding.by.to_owned(),
        advisory: finding.advisory.to_owned(),
        document: finding.document.map(str::to_owned),
        range: finding.range.clone(),
        fixed: finding.fixed.map(str::to_owned),
        identity: finding.identity.clone(),
        method: finding.method.word().to_owned(),
        confidence: scaled(f64::from(finding.confidence.share()), 100.0),
        reason: finding.reason.clone(),
        scores: finding.scores.iter().map(|score| (score.vector.clone(), score.by.clone())).collect(),
        running_on: finding.running_on.iter().map(|&name| name.to_owned()).collect(),
    }
}

/// The gravest of a finding's scores: severity from 1, tenths.
fn gravest(finding: &Finding<'_>) -> (i64, i64) {
    let scored = finding.scores.iter().filter_map(|score| cvss::score(&score.vector).ok()).map(|scored| {
        let score = scored.score();
        let severity = match score.severity {
            cvss::Severity::None => 1,
            cvss::Severity::Low => 2,
            cvss::Severity::Medium => 3,
            cvss::Severity::High => 4,
            cvss::Severity::Critical => 5,
        };
        (severity, scaled(score.value, 10.0))
    });
    let worded = finding.scores.iter().filter_map(|score| match score.vector.to_ascii_lowercase().as_str() {
        "low" | "unimportant" | "negligible" => Some((2, 0)),
        "medium" | "moderate" => Some((3, 0)),
        "high" | "important" => Some((4, 0)),
        "critical" => Some((5, 0)),
        _ => None,
    });
    scored.chain(worded).max().unwrap_or((1, 0))
}

/// A share in whole steps.
fn scaled(value: f64, steps: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is scaled is a score of at most 10 or a share of at most 1"
    )]
    let steps = (value * steps).round() as i64;
    steps
}
