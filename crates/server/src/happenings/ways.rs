//! What happens on the ways in besides the gate.
//!
//! Not counts of what came (`ways::counters`).

use super::{Happening, chain};
use std::error::Error;
use std::sync::atomic::AtomicU64;
use tracing::{error, info, warn};

/// The connection to the MQTT broker is up.
pub struct MqttUp<'a> {
    /// Which broker.
    pub broker: &'a str,
}
happening!(MqttUp<'_>, |it| info!(broker = it.broker, "connected to the MQTT broker"));

/// The connection to the MQTT broker broke, or could not be made; it is made again.
pub struct MqttBroken<'a> {
    /// Which broker.
    pub broker: &'a str,
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(MqttBroken<'_>, |it| warn!(broker = it.broker, cause = chain(it.cause), "no connection to the MQTT broker"));

/// The state could not say whose key a report over MQTT is to be opened with; the broker sends the report again.
pub struct MqttStateFailed<'a> {
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(MqttStateFailed<'_>, |it| error!(cause = chain(it.cause), "cannot look up a device; its report waits"));

/// A socket for foreign sensors failed; it is tried again.
pub struct IdsrListenFailed<'a> {
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(IdsrListenFailed<'_>, |it| warn!(cause = chain(it.cause), "a socket for foreign sensors failed"));
