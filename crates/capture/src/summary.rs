//! What a capture held.
//!
//! Not statistics of traffic (that is `profile`). Invariant: `frames + unreadable` and the remarks are all non-blank lines. Cost:
//! a few additions a frame.

use crate::buses::Bus;
use yagura_model::Micros;

/// What a capture held, so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// The format, by name; `None` while it is unknown.
    pub format: Option<&'static str>,
    /// Lines or records that were frames.
    pub frames: u64,
    /// Non-blank lines or records that were neither frames nor remarks of their format.
    pub unreadable: u64,
    /// Frames without a time of their own; they carry the time of the frame before.
    pub untimed: u64,
    /// Frames that are earlier than the one before: the clock was set back, or several buses were merged unsorted.
    pub backward: u64,
    /// How often the clock was below zero and had to be shifted; see [`Reader::shift_micros`](crate::Reader::shift_micros).
    pub shifts: u64,
    /// What to add to the time of the last frame for the time as written, in microseconds.
    pub shift_micros: i64,
    /// The interfaces in the order of their first frame.
    pub buses: Vec<Bus>,
    /// The names of attacks, if the capture has labels, in the order of their first frame.
    pub attacks: Vec<String>,
    /// The earliest time.
    pub first: Option<Micros>,
    /// The latest time.
    pub last: Option<Micros>,
}

impl Summary {
    pub(crate) fn count(&mut self, time: Micros, is_timed: bool, previous: Micros) {
        self.frames = self.frames.saturating_add(1);
        self.untimed = self.untimed.saturating_add(u64::from(!is_timed));
        self.backward = self.backward.saturating_add(u64::from(time < previous));
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }
}
