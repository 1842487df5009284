//! Judges error frames: an attacker who destroys others' frames until their senders leave the bus.
//!
//! Not a fault finder: single errors happen on every bus, and a control unit that wakes up first repeats its frame until
//! somebody acknowledges it. Told is what lasts: more errors than that at once, or a controller that was driven off the bus
//! while it was running. Error classes and their detail are those of Linux (`linux/can/error.h`). State: 8 bytes a bus. Error
//! frames move no clock.

use crate::finding::Strength;
use crate::pace::Pace;
use yagura_model::Frame;

/// Classes of [`Frame::id`].
const CONTROLLER: u32 = 0x04;
const BUS_OFF: u32 = 0x40;
/// Detail of a controller's problem, in the second byte: receiving or sending only passively.
const PASSIVE: u8 = 0x30;

/// An error a frame drives a sender from 0 to error-passive in 16 and off the bus in 32; twice that at once is no wake-up, and
/// fifty a second is a frame in twenty on a busy bus.
const ERROR_PACE: Pace = Pace { interval: 20_000, tolerance: 64 * 20_000 };

/// Error frames of one bus.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Errors {
    due: u64,
}

impl Errors {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { due: 0 };
}

impl Errors {
    /// Takes up an error frame at `now`, steady clock of its bus. Returns what it is worth.
    pub(crate) fn take(&mut self, frame: &Frame, now: u64) -> Option<Strength> {
        let (class, detail) = (frame.id.raw(), frame.payload.as_slice().get(1).copied().unwrap_or(0));
        if !ERROR_PACE.judge(&mut self.due, now).admitted {
            return Some(Strength::Certain);
        }
        if class & BUS_OFF != 0 {
            return Some(Strength::Likely);
        }
        (class & CONTROLLER != 0 && detail & PASSIVE != 0).then_some(Strength::Hint)
    }
}
