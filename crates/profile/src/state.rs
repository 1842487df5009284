//! Vehicle state from frames: the few signals of a DBC that give an alert its meaning.
//!
//! Not a signal database and not a general decoder. Which signal stands for which quantity is said in `state/names.rs`; a DBC
//! that names them otherwise gives no state, never a wrong one. Invariant: a value older than [`STALE_AFTER`] is `None`.
//! Cost: one map lookup a frame, and a few shifts for the frames that carry a signal.

mod dbc;
mod names;
mod signal;

pub use names::Quantity;

pub(crate) use names::{KNOWN, Meaning, gear_of, unit_scale};

use crate::spec::{DbcError, Specification, parameter_group};
use signal::{Reading, Signal};
use std::collections::HashMap;
use yagura_model::{CanId, Frame, FrameKind, Gear, Micros, VehicleState};

/// A signal not heard for so long is unknown again, µs.
pub const STALE_AFTER: u64 = 5_000_000;

/// A signal in use, for explanation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceSignal {
    /// What it stands for.
    pub quantity: Quantity,
    /// The identifier that carries it.
    pub id: CanId,
    /// Its message in the DBC.
    pub message: String,
    /// Its name in the DBC.
    pub signal: String,
}

/// Reads vehicle state from the frames of any bus.
#[derive(Clone, Debug)]
pub struct StateDecoder {
    signals: Vec<SourceSignal>,
    by_id: HashMap<CanId, Vec<Signal>>,
    by_group: HashMap<u32, Vec<Signal>>,
    speed: Option<Latest<i32>>,
    accelerator: Option<Latest<u16>>,
    brake: Option<Latest<bool>>,
    gear: Option<Latest<Gear>>,
}

/// A worse-ranked signal is used once the better one has not been heard for so long, µs.
const TAKEOVER_AFTER: u64 = 1_000_000;

/// The value in use of one quantity.
#[derive(Clone, Copy, Debug)]
struct Latest<T> {
    time: Micros,
    rank: usize,
    value: T,
}

fn take<T>(latest: &mut Option<Latest<T>>, time: Micros, rank: usize, value: T) {
    let better = latest.as_ref().is_none_or(|old| rank <= old.rank || time.since(old.time) > TAKEOVER_AFTER);
    if better {
        *latest = Some(Latest { time, rank, value });
    }
}

fn fresh<T: Copy>(latest: Option<Latest<T>>, now: Micros) -> Option<T> {
    latest.filter(|latest| now.since(latest.time) <= STALE_AFTER).map(|latest| latest.value)
}

impl StateDecoder {
    /// Finds the signals in the text of a DBC file. A DBC without any known one gives a decoder that never updates.
    ///
    /// # Errors
    /// [`DbcError`] if the text is not a DBC.
    pub fn from_dbc(text: &str) -> Result<Self, DbcError> {
        Ok(Self::new(&Specification::from_dbc(text)?))
    }

    /// Finds the signals in a specification.
    #[must_use]
    pub fn new(specification: &Specification) -> Self {
        let mut by_id: HashMap<CanId, Vec<Signal>> = HashMap::new();
        let mut by_group: HashMap<u32, Vec<Signal>> = HashMap::new();
        let mut signals = Vec::new();
        for (source, group, signal) in dbc::signals(specification) {
            match group {
                Some(group) => by_group.entry(group).or_default().push(signal),
                None => by_id.entry(source.id).or_default().push(signal),
            }
            signals.push(source);
        }
        Self { signals, by_id, by_group, speed: None, accelerator: None, brake: None, gear: None }
    }

    /// The signals in use.
    #[must_use]
    pub fn signals(&self) -> &[SourceSignal] {
        &self.signals
    }

    /// Takes up a frame. Returns whether it carried a signal.
    pub fn update(&mut self, frame: &Frame) -> bool {
        if !matches!(frame.kind, FrameKind::Data | FrameKind::Fd { .. }) {
            return false;
        }
        let of_group = || parameter_group(frame.id).and_then(|group| self.by_group.get(&group));
        let Some(signals) = self.by_id.get(&frame.id).or_else(of_group) else { return false };
        let mut carried = false;
        for signal in signals {
            let Some(reading) = signal.read(frame.payload.as_slice()) else { continue };
            carried = true;
            match reading {
                Reading::Speed(value) => take(&mut self.speed, frame.time, signal.rank, value),
                Reading::Accelerator(value) => take(&mut self.accelerator, frame.time, signal.rank, value),
                Reading::Brake(value) => take(&mut self.brake, frame.time, signal.rank, value),
                Reading::Gear(value) => take(&mut self.gear, frame.time, signal.rank, value),
            }
        }
        carried
    }

    /// What is known at `now`.
    #[must_use]
    pub fn state(&self, now: Micros) -> VehicleState {
        VehicleState {
            time: now,
            speed_centi_kmh: fresh(self.speed, now),
            accelerator_permille: fresh(self.accelerator, now),
            brake_pressed: fresh(self.brake, now),
            gear: fresh(self.gear, now),
        }
    }
}
