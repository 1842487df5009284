//! The JSON API's words: one struct per answer and per body, with the schema that console/openapi.json is made of.
//!
//! Not the domain's types (those are `model`, `columns`, `detect`) and not the rows of the state. Invariant: times are RFC 3339
//! UTC with microseconds, identifiers are texts, an absent value is absent rather than null.

mod finding;
mod fleet;
mod hunt;
mod incident;
mod product;
mod rules;

pub use finding::*;
pub use fleet::*;
pub use hunt::*;
pub use incident::*;
pub use product::*;
pub use rules::*;

use super::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text in the languages of the console.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Text {
    /// English.
    pub en: String,
    /// Japanese.
    pub ja: String,
}

/// An error (RFC 9457).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// A stable name of the kind of problem, relative to the API: `/problems/not-found`.
    pub r#type: String,
    /// The kind of problem in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What exactly is wrong.
    pub detail: String,
    /// What to do about it.
    pub next_step: String,
    /// Names this occurrence in the server's log.
    pub error_id: String,
}

/// A question in SQL.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Query {
    /// One SELECT over the tables events, alerts and vehicle_state.
    pub sql: String,
    /// The most rows wanted; 1000 if absent, at most 100000.
    pub limit: Option<usize>,
    /// Ask the tables as they were: a version of the table, or an RFC 3339 time. They are kept so for some hours.
    pub at: Option<String>,
}

/// The rows that answer a question.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct QueryAnswer {
    /// Its columns, in order.
    pub columns: Vec<QueryColumn>,
    /// Its rows: an object with a value for each column. Bytes are hexadecimal.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<serde_json::Value>,
    /// Whether there are more rows than were wanted.
    pub truncated: bool,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
}

/// A column of an answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct QueryColumn {
    /// Its name.
    pub name: String,
    /// Its type, as Arrow names it.
    pub r#type: String,
}

/// Proof that one may sign in.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct SignIn {
    /// The one-time token of the link that the server printed.
    pub token: String,
}

/// Who is signed in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Me {
    /// Name of the person.
    pub user: String,
    /// Whose fleet they see.
    pub tenant: String,
}

/// How bad it may be.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeverityName {
    /// Worth keeping.
    Informational,
    /// Look when there is time.
    Low,
    /// Look today.
    Medium,
    /// Look now.
    High,
    /// Wake someone.
    Critical,
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// Nobody took it yet.
    Open,
    /// Somebody looks at it.
    Acknowledged,
    /// Done with.
    Closed,
}

/// The state of the tenant's fleet at a glance.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Overview {
    /// The server's clock.
    pub server_time: Time,
    /// Mean of the last 10 s.
    pub events_per_second: f64,
    /// The last 15 minutes in steps of 5 s, oldest first, by receive time; steps without anything are present.
    pub series: Vec<RatePoint>,
    /// Since the data directory exists.
    pub totals: Totals,
    /// Who reports and who does not.
    pub fleet: FleetHealth,
    /// Open and acknowledged alerts.
    pub alerts_open: AlertCounts,
    /// Open and acknowledged incidents.
    pub incidents_open: AlertCounts,
    /// What was lost, and where.
    pub losses: Vec<Loss>,
    /// The evidence log.
    pub vault: VaultStatus,
    /// What needs a person's hand on the server itself; empty when all is well.
    pub problems: Vec<ServerProblem>,
}

/// One step of the series.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct RatePoint {
    /// Start of the step.
    pub time: Time,
    /// Security events received in it.
    pub events: u64,
    /// Reports received in it.
    pub reports: u64,
}

/// Counts since the beginning.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Totals {
    /// Security events.
    pub events: u64,
    /// Reports.
    pub reports: u64,
    /// Records in the vault (all tenants: it is one log).
    pub evidence_records: u64,
}

/// Fleet health.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct FleetHealth {
    /// All enrolled vehicles.
    pub vehicles: u64,
    /// Those heard of lately.
    pub reporting: u64,
    /// Those not heard of lately, or never.
    pub silent: u64,
    /// By model.
    pub models: Vec<ModelHealth>,
}

/// Fleet health of one model.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ModelHealth {
    /// Model name, as given at enrolment.
    pub model: String,
    /// Enrolled vehicles.
    pub vehicles: u64,
    /// Those heard of lately.
    pub reporting: u64,
    /// Open and acknowledged alerts of its vehicles.
    pub alerts_open: u64,
}

/// Alerts by severity.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct AlertCounts {
    /// Wake someone.
    pub critical: u64,
    /// Look now.
    pub high: u64,
    /// Look today.
    pub medium: u64,
    /// Look when there is time.
    pub low: u64,
    /// Worth keeping.
    pub informational: u64,
}

/// One kind of loss.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Loss {
    /// What was lost: `sensor_events`, `sensor_frames`, `sensor_excerpts`, `sensor_reports`, `undecodable`, `missing_reports`,
    /// `refused_reports`, `correlation_evictions`, `late_unjudged`, `incident_keys`.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// Since when.
    pub since: Time,
}

/// The evidence log.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct VaultStatus {
    /// Records.
    pub size: u64,
    /// In how many partitions: a record's position is its number in its partition, with the partition's number above 48 bits.
    pub partitions: u16,
    /// When the newest checkpoint was signed; absent while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_time: Option<Time>,
    /// Name of the log in its checkpoints.
    pub origin: String,
}

/// Something that needs a person's hand on the server.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ServerProblem {
    /// Stable name: `storage` (the vault takes nothing), `judge`, `apply`, `flush`, `incidents` (a step of the pipeline waits).
    pub kind: String,
    /// What is wrong.
    pub detail: String,
    /// What to do.
    pub next_step: String,
    /// Since when.
    pub since: Time,
}

/// A page of alerts, newest first.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct AlertPage {
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One rule's hit for one group and window, deduplicated and counted.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Alert {
    /// 64 hexadecimal digits.
    pub id: String,
    /// UUID of the rule.
    pub rule_id: String,
    /// Title of the rule.
    pub title: Text,
    /// Level of the rule.
    pub severity: SeverityName,
    /// Where it stands.
    pub status: AlertStatus,
    /// The vehicle, when the alert is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<String>,
    /// Vehicles concerned, as far as known: those among its kept events, or as many as the rule counted.
    pub vehicle_count: u64,
    /// ATT&CK technique of the rule, such as `T0855`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
    /// Event time of the first event.
    pub first_time: Time,
    /// Event time of the last event.
    pub last_time: Time,
    /// Events (for a correlation: how often it fired).
    pub count: u64,
    /// When data that came late raised or changed it; absent if all of it came in time. Compare it with the times of the events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<Time>,
    /// Whether people hear of it.
    pub stage: StageName,
    /// What it turned out to be, once it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}

/// One alert with everything that explains it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct AlertDetail {
    /// The alert.
    pub alert: Alert,
    /// The rule that raised it.
    pub rule: RuleView,
    /// Why it fired.
    pub why: Text,
    /// What to do now.
    pub what_to_do: Text,
    /// What the alert groups by.
    pub group: Vec<FieldValue>,
    /// Which fields matched with which values.
    pub matched: Vec<FieldValue>,
    /// The kept events, oldest first; at most 16.
    pub events: Vec<Event>,
    /// Of an alert that counts what other rules find: why each of its events counts.
    pub counted: Vec<CountedEvent>,
    /// The vault records behind the kept events.
    pub evidence: Vec<EvidenceRef>,
    /// The incidents that it belongs to: its story, and the wave if it is part of one; what stands in the list first.
    pub incidents: Vec<Incident>,
    /// What people did with it, oldest first.
    pub history: Vec<StatusChange>,
}

/// Why one event counts for an alert.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct CountedEvent {
    /// Position of its report in the vault.
    pub position: u64,
    /// Which entry of the report.
    pub entry_index: u32,
    /// Title of the rule that found it.
    pub rule: Text,
    /// Why that rule did.
    pub why: Text,
}

/// A rule, for people.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct RuleView {
    /// UUID.
    pub id: String,
    /// Title.
    pub title: Text,
    /// What it looks for.
    pub description: String,
    /// Level.
    pub level: SeverityName,
    /// Sigma tags.
    pub tags: Vec<String>,
    /// Known reasons for a false alarm.
    pub falsepositives: Vec<String>,
    /// The YAML text.
    pub source: String,
    /// Where the rule file lies.
    pub path: String,
}

/// A field and its value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct FieldValue {
    /// Column of the events table.
    pub field: String,
    /// Its value as text.
    pub value: String,
}

/// Where evidence lies.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct EvidenceRef {
    /// Position in the vault.
    pub position: u64,
    /// When it was received.
    pub received_time: Time,
    /// SHA-256 of the record's payload, hexadecimal.
    pub sha256: String,
}

/// A change of an alert's status.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StatusChange {
    /// When.
    pub time: Time,
    /// By whom.
    pub user: String,
    /// To what.
    pub status: AlertStatus,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What it turned out to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}

/// The wish to change an alert's status.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct SetStatus {
    /// The new status.
    pub status: AlertStatus,
    /// Why; at most 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What it turned out to be: required to close it, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}

/// The frames around an alert's events.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct AlertFrames {
    /// One for each kept event whose report carries frames.
    pub excerpts: Vec<Excerpt>,
}

/// The frames around one event.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Excerpt {
    /// Position of the report in the vault.
    pub position: u64,
    /// Which entry of the report is the event.
    pub entry_index: u32,
    /// Event time.
    pub event_time: Time,
    /// The frames, oldest first.
    pub frames: Vec<FrameView>,
}

/// One frame on a bus.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct FrameView {
    /// When.
    pub time: Time,
    /// Which bus.
    pub bus: u8,
    /// Identifier: 3 hexadecimal digits (11 bits) or 8 (29 bits).
    pub id: String,
    /// `data`, `fd`, `remote` or `error`.
    pub kind: String,
    /// Data, hexadecimal.
    pub data: String,
    /// Whether the event is about this frame's identifier on this bus.
    pub marked: bool,
}

/// One qualified security event.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Event {
    /// Event time, by the vehicle's clock.
    pub time: Time,
    /// Receive time, by the server's clock.
    pub received_time: Time,
    /// Vehicle.
    pub vehicle: String,
    /// Sensor.
    pub sensor: String,
    /// Id in the event catalogue, `0x8001`.
    pub event_id: String,
    /// Symbol in the event catalogue.
    pub event_name: String,
    /// Title in the event catalogue.
    pub title: Text,
    /// Severity in the event catalogue.
    pub severity: SeverityName,
    /// How many happenings it stands for.
    pub count: u32,
    /// Which bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<u8>,
    /// Identifier: 3 hexadecimal digits (11 bits) or 8 (29 bits).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_id: Option<String>,
    /// What is allowed, in the unit that the catalogue states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<i64>,
    /// What was seen, in the unit that the catalogue states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<i64>,
    /// Data of the frame, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// Speed of the vehicle then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_kmh: Option<f64>,
    /// Gear then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gear: Option<String>,
    /// Position of its report in the vault.
    pub position: u64,
    /// Which entry of the report.
    pub entry_index: u32,
}
