//! One relation at run time: by how much it is broken, and for how long.
//!
//! Not who lies (`relation` asks all witnesses). A measured relation that is broken in one frame is noise; the score adds up
//! what is above the limit, more for more (a cumulative sum), and is told only after [`HOLD`]. State: 40 bytes.

use super::row::{Comparison, RelationRow};
use super::signal::Signal;

/// A relation must be broken for so long, units of 1,024 µs.
pub(crate) const HOLD: u32 = 98;
/// Score from which on a relation is broken: five frames just above its limit, two far above.
const BROKEN: u8 = 15;
const SCORE_MAX: u8 = 24;
/// A drift that stays beyond its limit so long is a new start of one of the counters, units of 1,024 µs.
const RESTART: u32 = 20_000;

/// State of one relation.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    drift: i64,
    judged: i32,
    witness: i32,
    since: u32,
    last: u32,
    score: u8,
    over: bool,
    /// The drift began with a step.
    held: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

impl Link {
    /// A relation not judged yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { drift: 0, judged: 0, witness: 0, since: 0, last: 0, score: 0, over: false, held: false }
    }

    /// By how much the judged signal, whose frame came at `time`, differs from what its witness allows, whatever the limit.
    pub fn excess(&mut self, row: &RelationRow, judged: &Signal, witness: &Signal, time: u32) -> u32 {
        match row.comparison {
            Comparison::Band => band_excess(row, judged, witness),
            Comparison::Drift => self.drift_excess(row, judged, witness, time),
        }
    }

    fn drift_excess(&mut self, row: &RelationRow, judged: &Signal, witness: &Signal, time: u32) -> u32 {
        let anew = time.saturating_sub(self.last) > 1_000 || self.last == 0;
        self.last = time;
        let moved = judged.count().wrapping_sub(core::mem::replace(&mut self.judged, judged.count()));
        let heard = witness.count().wrapping_sub(core::mem::replace(&mut self.witness, witness.count()));
        if anew {
            self.drift = 0;
            return 0;
        }
        let scaled = i64::from(row.slope).wrapping_mul(i64::from(heard)) >> row.shift.saturating_sub(8);
        let difference = (i64::from(moved).wrapping_shl(8)).saturating_sub(scaled);
        let limit = i64::from(row.limit).wrapping_shl(8);
        let abrupt = difference.saturating_abs() > limit;
        // What was wrong for a while comes right at once: the sender that was suppressed speaks again.
        if abrupt && !self.held && self.drift.saturating_abs() > limit {
            self.drift = 0;
            return 0;
        }
        self.held |= abrupt;
        self.drift = self.drift.saturating_add(difference);
        let excess = u32::try_from(self.drift.unsigned_abs() >> 8).unwrap_or(u32::MAX);
        if excess <= row.limit {
            self.held = false;
        } else if self.over && time.saturating_sub(self.since) > RESTART {
            (self.drift, self.held) = (0, false);
        }
        // A step stays a step for as long as it lasts; what came slowly is forgiven slowly.
        if !self.held {
            self.drift = self.drift.saturating_sub(self.drift >> row.leak);
        }
        excess
    }

    /// Adds an excess to the evidence.
    pub(crate) fn weigh(&mut self, row: &RelationRow, excess: u32, time: u32) {
        self.last = time;
        let over = excess > row.limit;
        if !over {
            self.score >>= 1;
            self.over = false;
            return;
        }
        if !self.over && self.score == 0 {
            self.since = time;
        }
        self.over = true;
        let weight = match excess {
            _ if excess / 4 > row.limit => 8,
            _ if excess / 2 > row.limit => 5,
            _ => 3,
        };
        self.score = self.score.saturating_add(weight).min(SCORE_MAX);
    }

    /// Nothing to judge: half of the evidence is forgotten, and all drift.
    pub(crate) const fn pass(&mut self) {
        (self.drift, self.held) = (0, false);
        self.over = false;
        self.score >>= 1;
    }

    /// Whether it is broken now and has been for long enough.
    pub(crate) const fn is_broken(&self, time: u32) -> bool {
        self.over && self.score >= BROKEN && time.saturating_sub(self.since) >= HOLD
    }
}

fn band_excess(row: &RelationRow, judged: &Signal, witness: &Signal) -> u32 {
    let (low, high) = witness.band();
    let (one, other) = (row.expected(low), row.expected(high));
    let (low, high) = (one.min(other), one.max(other));
    let value = judged.value();
    if value > high {
        value.abs_diff(high)
    } else if value < low {
        value.abs_diff(low)
    } else {
        0
    }
}
