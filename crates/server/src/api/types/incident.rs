//! The API's words about incidents.

use super::{Alert, AlertStatus, SeverityName, StatusChange, Text, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of incident.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IncidentKind {
    /// What happened to one vehicle, account, address or the like.
    Story,
    /// The same alert on several vehicles.
    Wave,
}

/// How a list of incidents is sorted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IncidentSort {
    /// Highest score first.
    Score,
    /// Newest first.
    Newest,
}

/// Alerts that belong together.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Incident {
    /// 64 hexadecimal digits.
    pub id: String,
    /// What kind.
    pub kind: IncidentKind,
    /// What happens, and to whom.
    pub title: Text,
    /// 0 to 100: which one to look at first.
    pub score: u8,
    /// How bad that is.
    pub severity: SeverityName,
    /// Where it stands.
    pub status: AlertStatus,
    /// Event time of the first event.
    pub first_time: Time,
    /// Event time of the last event.
    pub last_time: Time,
    /// When the server put it together.
    pub opened_time: Time,
    /// How many alerts.
    pub alert_count: u64,
    /// Vehicles concerned, as far as known: those that alerts name, or as many as a rule counted.
    pub vehicle_count: u64,
    /// How many rules.
    pub rule_count: u64,
}

/// A page of incidents.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct IncidentPage {
    /// The incidents.
    pub incidents: Vec<Incident>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One incident with everything that explains it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct IncidentDetail {
    /// The incident; if the one asked for is part of an elder one, the elder.
    pub incident: Incident,
    /// What the score is made of: impact, confidence, spread, state.
    pub parts: Vec<ScorePart>,
    /// What happened along the tactics, by first event: one step a rule.
    pub story: Vec<StoryStep>,
    /// Vehicles that its alerts name, at most 200.
    pub vehicles: Vec<String>,
    /// What else its alerts group by (control units, identifiers, accounts, addresses), at most 200.
    pub entities: Vec<super::FieldValue>,
    /// Its alerts by time of their events, at most 200.
    pub alerts: Vec<Alert>,
    /// Other incidents of the same vehicles at about the same time, gravest first, at most 10.
    pub related: Vec<Incident>,
    /// What became of its status, oldest first; without a name, the server opened it again.
    pub history: Vec<StatusChange>,
}

/// One of the things that are weighed.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ScorePart {
    /// `impact`, `confidence`, `spread`, `state`.
    pub part: String,
    /// What it got.
    pub points: u8,
    /// The most that it can get.
    pub most: u8,
    /// Why.
    pub reasons: Vec<ScoreReason>,
}

/// A reason and its points.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ScoreReason {
    /// Its points; less than nothing where it speaks against.
    pub points: i8,
    /// In words.
    pub text: Text,
}

/// What one rule saw of an incident.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StoryStep {
    /// The tactic that it serves, as ATT&CK writes it in data: `lateral-movement`; absent if the rule names no technique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tactic: Option<String>,
    /// ATT&CK technique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
    /// UUID of the rule.
    pub rule_id: String,
    /// Title of the rule.
    pub title: Text,
    /// Level of the rule.
    pub severity: SeverityName,
    /// Event time of its first event.
    pub first_time: Time,
    /// Event time of its last event.
    pub last_time: Time,
    /// How many of its alerts.
    pub alert_count: u64,
}
