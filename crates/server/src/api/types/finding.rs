//! The API's words about findings, decisions and advisories.

use super::{SeverityName, Time, VersionName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a finding stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FindingStateName {
    /// Nobody has looked at it.
    Open,
    /// Somebody looks at it.
    Triaged,
    /// It is decided whether the product is affected.
    Decided,
    /// This version holds the fix.
    Fixed,
    /// The SBOM or the advisories do not say it any more.
    Gone,
}

/// How a product stands to a vulnerability, in the words of OpenVEX.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VexStatus {
    /// It is affected.
    Affected,
    /// It is not.
    NotAffected,
    /// It holds the fix.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

/// For what a decision holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DecisionScope {
    /// This version of this product.
    Version,
    /// All versions of this product, those to come included.
    Product,
    /// All products of its line.
    Line,
    /// All products.
    Portfolio,
}

/// A vulnerability of a component of a product version.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Finding {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Which version of which product.
    pub version: VersionName,
    /// The component.
    pub component: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component_version: Option<String>,
    /// Its package URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// The id that all sources share.
    pub vulnerability: String,
    /// All its ids.
    pub aliases: Vec<String>,
    /// One line.
    pub title: String,
    /// How bad; `informational` if nobody says.
    pub severity: SeverityName,
    /// CVSS, the gravest of the sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Whether it is known to be exploited (KEV).
    pub exploited: bool,
    /// Probability that it will be exploited within 30 days (EPSS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epss: Option<f64>,
    /// The range in words, as the surest source says it.
    pub range: String,
    /// The first version known to hold a fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_in: Option<String>,
    /// The package that led there.
    pub identity: String,
    /// By which way.
    pub method: String,
    /// How sure, in percent.
    pub confidence: u8,
    /// Why, in sentences.
    pub reason: String,
    /// How the product stands to it.
    pub status: VexStatus,
    /// Where it stands.
    pub state: FindingStateName,
    /// Why that is so; empty if nobody decided.
    pub because: String,
    /// Who is in charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When it was first found.
    pub first_time: Time,
    /// When it last changed.
    pub changed_time: Time,
}

/// A page of findings.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct FindingPage {
    /// The findings.
    pub findings: Vec<Finding>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A score and who gave it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct GivenScore {
    /// The CVSS vector, or another system's word.
    pub vector: String,
    /// Who gave it.
    pub by: String,
    /// Its value, if it is a CVSS vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// What one source says.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct FindingSource {
    /// The source.
    pub source: String,
    /// Who says so within it.
    pub by: String,
    /// The advisory's id there.
    pub advisory: String,
    /// The document that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The range in words.
    pub range: String,
    /// The first version known to hold a fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_in: Option<String>,
    /// The package that led there.
    pub identity: String,
    /// By which way.
    pub method: String,
    /// How sure, in percent.
    pub confidence: u8,
    /// Why.
    pub reason: String,
    /// Scores.
    pub scores: Vec<GivenScore>,
    /// What it must run on for the rest to hold.
    pub running_on: Vec<String>,
}

/// What became of a finding.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingChange {
    /// It appeared.
    Appeared,
    /// It is gone.
    Gone,
    /// Sources say something else.
    Changed,
    /// Somebody decided.
    Decided,
    /// A decision ended.
    DecisionEnded,
}

/// Something that changed.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct FindingEvent {
    /// When.
    pub time: Time,
    /// What became of it.
    pub change: FindingChange,
    /// Which finding.
    pub finding: String,
    /// Who; empty: the server.
    pub user: String,
    /// What exactly.
    pub detail: String,
}

/// What changed since a time.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct FindingEventList {
    /// Oldest first, at most 1,000.
    pub events: Vec<FindingEvent>,
}

/// What somebody decides on a finding.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Decide {
    /// The finding.
    pub finding: String,
    /// For what it holds.
    pub scope: DecisionScope,
    /// Whatever component has the vulnerability; else the finding's component alone.
    #[serde(default)]
    pub any_component: bool,
    /// Only these versions of the component: `<1.3`, `vers:deb/>=1.2|<1.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
    /// What.
    pub status: VexStatus,
    /// Why it is not affected, in the words of OpenVEX: `vulnerable_code_not_present`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// From when it holds no more, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A decision.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Decision {
    /// 64 hexadecimal digits.
    pub id: String,
    /// On which vulnerability.
    pub vulnerability: String,
    /// For what it holds.
    pub scope: DecisionScope,
    /// The product, version or line of the scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// On which component; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// On which of its versions; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
    /// What.
    pub status: VexStatus,
    /// Why it is not affected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// Who decided.
    pub user: String,
    /// When.
    pub time: Time,
    /// From when it holds no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// When it was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone_time: Option<Time>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<String>,
    /// Why it does not hold for the finding that was asked for; absent if it holds, or none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_held: Option<String>,
}

/// Decisions.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct DecisionList {
    /// The newest first, at most 1,000.
    pub decisions: Vec<Decision>,
}

/// One finding with everything that explains it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct FindingDetail {
    /// The finding.
    pub finding: Finding,
    /// What each source says, the surest first.
    pub sources: Vec<FindingSource>,
    /// Decisions on the vulnerability, the newest first, each with why it does not hold here.
    pub decisions: Vec<Decision>,
    /// What became of it, oldest first.
    pub history: Vec<FindingEvent>,
}

/// What one source says of a vulnerability.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct AdvisoryRecord {
    /// The source.
    pub source: String,
    /// Its id there.
    pub id: String,
    /// The document that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// One line.
    pub title: String,
    /// More lines.
    pub description: String,
    /// Scores.
    pub scores: Vec<GivenScore>,
    /// CWE numbers.
    pub weaknesses: Vec<u32>,
    /// What else there is to read.
    pub references: Vec<String>,
    /// What to do, as the source says it.
    pub remedies: Vec<String>,
    /// When it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Time>,
}

/// A vulnerability: what sources say of it, and which products have it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct AdvisoryDetail {
    /// The id that was asked for.
    pub id: String,
    /// What each source says.
    pub records: Vec<AdvisoryRecord>,
    /// Findings of it, at most 500, those that wait for somebody first.
    pub findings: Vec<Finding>,
    /// Product versions that have it and are not known to be unaffected or fixed.
    pub versions: u64,
    /// Vehicles that run these.
    pub vehicles: u64,
}
