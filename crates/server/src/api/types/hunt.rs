//! Hunts: rules tried on the past.

use crate::hunt::HuntOutcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to hunt for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
pub struct HuntRequest {
    /// Sigma rules, YAML, several documents if need be; the active rules if absent.
    pub rules: Option<String>,
    /// Alerts whose window begins in or after this hour, RFC 3339; from the first event if absent.
    pub from: Option<String>,
    /// Alerts whose window begins in or before this hour, RFC 3339; to the last event if absent.
    pub to: Option<String>,
}

/// Where a hunt stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HuntState {
    /// It reads.
    Running,
    /// It read everything.
    Done,
    /// It was stopped by a person.
    Stopped,
    /// It could not go on.
    Failed,
}

/// A hunt.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Hunt {
    /// Its number.
    pub id: u64,
    /// Where it stands.
    pub state: HuntState,
    /// Events read so far.
    pub events: u64,
    /// Thousandths of the work that are done.
    pub permille: u64,
    /// What it found, when it is done.
    pub outcome: Option<HuntOutcome>,
    /// Why it failed.
    pub problem: Option<String>,
}

/// Hunts, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Hunts {
    /// The hunts, without what they found.
    pub hunts: Vec<Hunt>,
}
