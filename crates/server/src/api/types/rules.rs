//! Rules as people answer for them.

use super::{SeverityName, Text, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether people hear of what a rule finds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// Its alerts are alerts.
    Live,
    /// Its alerts are kept, and shown to who asks for them.
    Shadow,
}

/// What an alert turned out to be; OCSF's verdicts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// What the rule says happened, and should not have.
    TruePositive,
    /// The rule was wrong: what it says did not happen.
    FalsePositive,
    /// What the rule says happened, and was expected or allowed.
    Benign,
    /// Nobody can tell from what there is.
    InsufficientData,
}

/// The rules that are active.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleList {
    /// So many days back alerts, hidden matches and pauses are counted.
    pub days: u32,
    /// What a rule may cost, in nanoseconds of judging an event.
    pub budget_ns: u64,
    /// All rules and correlations, in the order of their files.
    pub rules: Vec<RuleSummary>,
    /// The filters that narrow rules.
    pub exceptions: Vec<ExceptionView>,
}

/// A rule or a correlation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleSummary {
    /// Its id.
    pub id: String,
    /// One line.
    pub title: Text,
    /// Its level.
    pub level: SeverityName,
    /// Whether people hear of it.
    pub stage: StageName,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether it counts what other rules match.
    pub correlation: bool,
    /// Whether its matches are alerts; if not, a correlation counts them.
    pub alerts: bool,
    /// SHA-256 over what it detects: its version.
    pub digest: String,
    /// The file it came from.
    pub path: String,
    /// ATT&CK tactics that its tags name.
    pub tactics: Vec<String>,
    /// ATT&CK techniques that its tags name.
    pub techniques: Vec<String>,
    /// Alerts that were raised in these days, but for those of the shadow.
    pub alerts_raised: u64,
    /// Alerts that were kept in the shadow in these days.
    pub alerts_shadow: u64,
    /// When the newest of both was raised; absent if there is none in these days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_raised: Option<Time>,
    /// What its alerts of these days turned out to be.
    pub precision: Precision,
    /// What it costs this process; absent if nothing was measured here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Why it rests, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// Events of these days that it did not judge.
    pub events_not_judged: u64,
    /// Ids of the exceptions that narrow it.
    pub exceptions: Vec<String>,
}

/// How often a rule was right, of the alerts that people closed. Versions of a rule are not told apart.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Precision {
    /// True positives.
    pub true_positive: u64,
    /// False positives.
    pub false_positive: u64,
    /// Right, but expected or allowed: counts for neither.
    pub benign: u64,
    /// Nobody can tell: counts for neither.
    pub insufficient_data: u64,
    /// True and false positives together.
    pub n: u64,
    /// True positives over `n`; absent if `n` is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// What a rule costs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Cost {
    /// Nanoseconds an event of what only this rule causes.
    pub ns: f64,
    /// Its share of all judging, 0 to 1.
    pub share: f64,
    /// So many events were measured.
    pub events: u64,
}

/// Why a rule rests.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Pause {
    /// The rule that was too costly: this one, or one that it counts.
    pub cause: String,
    /// What that cost an event, in nanoseconds.
    pub cost_ns: u64,
    /// Since when.
    pub since: Time,
    /// When it is tried again; absent if another process judges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// Events that a rule did not judge.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct NotJudged {
    /// The rule that was too costly: this one, or one that it counts.
    pub cause: String,
    /// What that cost an event, in nanoseconds.
    pub cost_ns: u64,
    /// When the first of them was received.
    pub first: Time,
    /// When the last of them was received.
    pub last: Time,
    /// How many.
    pub events: u64,
}

/// A filter that narrows rules.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExceptionView {
    /// Its id.
    pub id: String,
    /// One line.
    pub title: String,
    /// Why it is right not to hear of it; absent if the filter does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Events from this time on are not excepted; absent if it never ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// Whether that time is over.
    pub expired: bool,
    /// Ids of the rules that it narrows.
    pub rules: Vec<String>,
    /// The file it came from.
    pub path: String,
    /// Matches that it hid in these days: pairs of rule and event.
    pub hidden: u64,
}

/// One rule with what explains it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleDetail {
    /// The rule.
    pub rule: RuleSummary,
    /// What it looks for.
    pub description: String,
    /// What to do when it fires.
    pub what_to_do: Text,
    /// Known reasons for a false alarm.
    pub falsepositives: Vec<String>,
    /// What it needs, a sentence each.
    pub needs: Vec<String>,
    /// What would make it slow, a sentence each.
    pub slow: Vec<String>,
    /// What it did not judge in these days, the newest first.
    pub not_judged: Vec<NotJudged>,
    /// The exceptions that narrow it.
    pub exceptions: Vec<ExceptionView>,
    /// Its YAML text.
    pub source: String,
    /// The files with its tests.
    pub tests: Vec<TestFile>,
}

/// A file with tests of a rule.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct TestFile {
    /// Where it lies.
    pub path: String,
    /// The YAML text.
    pub source: String,
}
