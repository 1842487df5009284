//! Flags frames that come sooner than their identifier's habits allow: injection.
//!
//! Not a flood detector (that is `load`). Two measures: the pace, which tolerates jitter and the odd additional frame but no
//! doubled rate, and the shortest distance, which catches a frame that rides on the back of a legitimate one. One short
//! distance may be chance (a frame sent on change just after the cycle's own); the second within [`SUSPICION`] is not.
//! A refused frame changes nothing, so the legitimate frames between injected ones stay unflagged. State: 24 bytes an
//! identifier.

use crate::profile::IdRow;

/// How long a short distance is remembered, µs.
const SUSPICION: u64 = 1_000_000;

/// When an identifier was last admitted, when it is next due, and until when a short distance is remembered; steady clock of
/// its bus, µs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timing {
    due: u64,
    last: u64,
    suspect_until: u64,
}

impl Timing {
    /// Takes up a frame at `now`. For one that is too early: its distance to the last admitted one, µs.
    pub(crate) fn take(&mut self, row: &IdRow, now: u64) -> Option<u32> {
        let gap = self.gap(now);
        let refused = gap < u64::from(row.distance) && self.is_second_offence(now);
        if !refused && row.pace.judge(&mut self.due, now).admitted {
            self.last = now;
            return None;
        }
        Some(u32::try_from(gap).unwrap_or(u32::MAX))
    }

    const fn is_second_offence(&mut self, now: u64) -> bool {
        let second = now < self.suspect_until;
        self.suspect_until = now.saturating_add(SUSPICION);
        second
    }

    /// How long ago the last admitted frame was, µs.
    pub(crate) const fn gap(&self, now: u64) -> u64 {
        now.saturating_sub(self.last)
    }
}
