//! What one batch of records means for the state.
//!
//! Values only; `apply` writes them. Invariant (ADR-0010): deltas of the same records add up to the same state, however the records
//! were cut. Positions of records outside their vault are places: partition << 48 | position.

use super::registry::EnrolledCertificate;
use super::rules::Unjudged;
use crate::tenant::Tenant;
use yagura_detect::{HIT_EVENTS_MAX, Hidden, LateWindow};
use yagura_model::{DeviceId, UnixMicros};

/// The most events of one alert that are kept for its page: as many as a hit names, so that how records are cut into batches does not
/// change which ones.
pub const ALERT_EVENTS_MAX: usize = HIT_EVENTS_MAX;

/// What one batch of records means for the state.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    /// The next record after the batch, as a position of its vault.
    pub position: u64,
    /// Alerts raised or raised again.
    pub alerts: Vec<AlertRise>,
    /// Windows that it touched and that are to be judged again.
    pub late: Vec<LateWindow>,
    /// What it adds to the chains.
    pub chains: Vec<ChainRow>,
    /// Counts by step of 5 s.
    pub rates: Vec<RateStep>,
    /// Counts by vehicle and hour: whose, which vehicle, start of the hour, events.
    pub hours: Vec<(Tenant, String, UnixMicros, u64)>,
    /// Losses: whose, kind, how many, first noticed.
    pub losses: Vec<(Tenant, &'static str, u64, UnixMicros)>,
    /// Certificates that were issued; the gate has kept them already, unless the state was lost.
    pub certificates: Vec<EnrolledCertificate>,
    /// Revocations that the vault has; the state has them already, unless it was lost.
    pub revocations: Vec<RecordedRevocation>,
    /// Events that rules did not judge.
    pub unjudged: Vec<Unjudged>,
    /// What exceptions hid.
    pub hidden: Vec<Hidden>,
}

/// A revocation as the vault has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordedRevocation {
    /// Whose.
    pub device: DeviceId,
    /// When it was revoked.
    pub at: UnixMicros,
    /// What the operator said about it.
    pub reason: Option<String>,
    /// The place of its record.
    pub place: u64,
}

/// One hit of a rule in one batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AlertRise {
    /// Whose.
    pub tenant: Tenant,
    /// Which alert.
    pub alert_id: [u8; 32],
    /// Which rule.
    pub rule_id: String,
    /// Title, English.
    pub title_en: String,
    /// Title, Japanese.
    pub title_ja: String,
    /// 1 informational .. 5 critical.
    pub severity: i64,
    /// The vehicle, when it is about one.
    pub vehicle: Option<String>,
    /// ATT&CK technique.
    pub technique: Option<String>,
    /// The group as a JSON array of field and value.
    pub group_json: String,
    /// The matched fields as a JSON array of field and value.
    pub match_json: String,
    /// Start of the window.
    pub window: UnixMicros,
    /// Event time of the first event.
    pub first: UnixMicros,
    /// Event time of the last event.
    pub last: UnixMicros,
    /// Events in this batch.
    pub count: u64,
    /// Vehicles that the rule itself counted, if it counts vehicles.
    pub vehicles_counted: u64,
    /// What the rule looks at, by the name of its domain.
    pub domain: &'static str,
    /// Whether the vehicle moved at any of these events; `None` if nobody knows.
    pub moving: Option<bool>,
    /// Whether its rule is in the shadow: people hear nothing of it.
    pub shadow: bool,
    /// The first of its events in this batch: place, entry.
    pub trigger: (u64, u32),
    /// The kept events: place, entry, vehicle.
    pub events: Vec<(u64, u32, String)>,
}

/// What one batch of records adds to what is known of one sensor's chain of reports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChainRow {
    /// Which sensor.
    pub device: DeviceId,
    /// Its highest report of the batch.
    pub highest: Option<LastReport>,
    /// When its last report of the batch came.
    pub last_seen: Option<UnixMicros>,
    /// What it lost, as its reports say: events, frames, excerpts, reports.
    pub lost: [u64; 4],
    /// Reports found missing.
    pub missing: u64,
}

/// A report in its chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LastReport {
    /// Boot of the sensor.
    pub boot: u64,
    /// Number in the boot.
    pub sequence: u64,
    /// SHA-256.
    pub digest: [u8; 32],
    /// Its place.
    pub position: u64,
}

/// Events and reports received in one step of 5 s.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateStep {
    /// Whose.
    pub tenant: Tenant,
    /// Start of the step.
    pub step: UnixMicros,
    /// Security events.
    pub events: u64,
    /// Reports.
    pub reports: u64,
}
