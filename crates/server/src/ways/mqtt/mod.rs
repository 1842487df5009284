//! Reports over any MQTT 5 broker: a shared subscription, so that several servers share the vehicles between them.
//!
//! Not a broker, and no enrolment (that is HTTPS). Topics and messages: docs/format/mqtt.md. Invariants: a report is acknowledged to the
//! broker only when it is durable or refused for good, after its receipt (or the reason) went out on the same connection; so a broker or
//! server that dies in between means that the report comes again, and the intake knows it. What the intake cannot take stays
//! unacknowledged, and the broker sends no more than [`RECEIVE_MAX`] of those: that is the back-pressure. Cost: ~60 µs a report.

mod handle;
mod options;
mod report;
mod resume;
mod session;
mod topic;

pub use handle::REVOCATION_LAG_MAX;
pub use options::{MqttConfig, MqttConfigError, RawMqtt};
pub use session::{BACK_OFF_MAX, BACK_OFF_MIN, RECEIVE_MAX, SESSION_EXPIRY_SECONDS, serve};
pub use topic::{DeviceTopic, Kind};

use super::counters::Counters;
use super::idsr::Feed;
use crate::gate;
use crate::identity::Identity;
use crate::intake::Intake;
use crate::state::State;
use std::sync::Arc;

/// What the way over MQTT works with.
#[derive(Clone)]
pub struct MqttParts {
    /// Signs receipts.
    pub identity: Arc<Identity>,
    /// Knows devices and their keys.
    pub state: State,
    /// Where reports go.
    pub intake: Intake,
    /// What the gate counts: a report is a report.
    pub gate: Arc<gate::Counters>,
    /// What is counted here.
    pub counters: Arc<Counters>,
    /// Where messages of foreign sensors go, and under which topics they come.
    pub foreign: Option<Feed>,
}
