//! What the register of devices knows, kept at hand for the rules.
//!
//! Not the register (that is `state`). Invariant: what enrolled before the start is known before anything is judged; what enrols or gets
//! another model later is known within `LOOK_EVERY`. Cost: one reading of all devices at the start, about 150 bytes a vehicle; then one
//! indexed query a look, which finds the certificates that were issued since the last.

use crate::clock;
use crate::state::{KnownDevice, State, StateError};
use crate::stop::stopped;
use std::time::Duration;
use tokio::sync::watch;
use yagura_detect::{Facts, SensorFacts};
use yagura_model::UnixMicros;

/// How often it is asked what is new.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How far back a look reaches behind the one before: clocks of several gates differ, and transactions end later than they say, µs.
const OVERLAP_US: i64 = 60_000_000;

/// Learns all that the register knows.
///
/// # Errors
/// [`StateError`]
pub async fn learn_all(state: &State, facts: &Facts) -> Result<(), StateError> {
    let mut after = None;
    loop {
        let page = state.devices_from(after.as_ref()).await?;
        learn(facts, &page);
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.device);
    }
}

/// Learns what is new until told to stop. What could not be asked for is asked for with the next look.
pub async fn attend(state: State, facts: Facts, stop: watch::Receiver<bool>) {
    let mut since = clock::now().plus(-OVERLAP_US);
    loop {
        tokio::select! {
            () = stopped(stop.clone()) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let now = clock::now();
        if let Ok(devices) = state.devices_enrolled_since(since).await {
            learn(&facts, &devices);
            since = now.plus(-OVERLAP_US);
        }
    }
}

fn learn(facts: &Facts, devices: &[KnownDevice]) {
    facts.learn(devices.iter().map(|known| SensorFacts {
        tenant: known.device.tenant.as_str(),
        vehicle: known.device.vehicle.as_str(),
        sensor: known.device.sensor.as_str(),
        model: &known.model,
        enrolled: UnixMicros(known.enrolled.0),
    }));
}
