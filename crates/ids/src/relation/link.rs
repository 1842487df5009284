//! One relation at run time: by how much it is broken, and for how long.
//!
//! Not who lies (`relation` asks all witnesses). A measured relation that is broken in one frame is noise; the score adds up
//! what is above the limit, more for more (a cumulative sum), and is told only after [`HOLD`]. State: 32 bytes.

use super::row::{Comparison, RelationRow};
use super::signal::Signal;
use crate::payload::Bits;

/// A relation must be broken for so long, units of 1,024 µs.
pub(crate) const HOLD: u32 = 98;
/// Score from which on a relation is broken: five frames just above its limit, two far above.
const BROKEN: u8 = 15;
const SCORE_MAX: u8 = 24;
/// Frames without a step after which steps to and fro are over.
const CALM: u8 = 5;
/// A drift that stays beyond its limit so long is a new start of one of the counters, units of 1,024 µs.
const RESTART: u32 = 12_000;

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
    /// Steps that made the drift what it is, and frames since the last.
    steps: u8,
    calm: u8,
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
        Self { drift: 0, judged: 0, witness: 0, since: 0, last: 0, score: 0, over: false, steps: 0, calm: 0 }
    }

    /// By how much the judged signal, whose frame came at `time`, differs from what its witness allows, whatever the limit.
    pub fn excess(&mut self, row: &RelationRow, bits: Bits, (judged, witness): (&Signal, &Signal), time: u32) -> u32 {
        match row.comparison {
            Comparison::Band => band_excess(row, judged, witness),
            Comparison::Drift => self.drift_excess(row, bits, (judged, witness), time),
        }
    }

    fn drift_excess(&mut self, row: &RelationRow, bits: Bits, (judged, witness): (&Signal, &Signal), time: u32) -> u32 {
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
        let limit = i64::from(row.limit).wrapping_shl(4);
        let abrupt = difference.saturating_abs() > limit;
        let size = self.drift.saturating_abs();
        let opposite = difference.signum() != self.drift.signum() && size > limit >> 1;
        // What was wrong for a while comes right at once: the sender that was suppressed speaks again.
        let ends = abrupt && self.steps == 0 && (opposite || size > limit);
        self.calm = if abrupt { 0 } else { self.calm.saturating_add(1) };
        // After steps to and fro nobody knows where it was before.
        if ends || (self.steps > 1 && self.calm > CALM) {
            (self.drift, self.steps) = (0, 0);
            return 0;
        }
        self.steps = self.steps.saturating_add(u8::from(abrupt));
        // The counter may have wrapped unseen: only the way round its ring counts.
        let unused = 56_u32.saturating_sub(u32::from(bits.len));
        self.drift = self.drift.saturating_add(difference).wrapping_shl(unused).wrapping_shr(unused);
        let excess = u32::try_from(self.drift.unsigned_abs() >> 4).unwrap_or(u32::MAX);
        if excess <= row.limit {
            // Within steps to and fro one may land near the truth by chance.
            if self.steps == 1 || self.calm > CALM {
                self.steps = 0;
            }
        } else if self.over && time.saturating_sub(self.since) > RESTART {
            (self.drift, self.steps) = (0, 0);
        }
        // A step stays a step for as long as it lasts; what came slowly is forgiven slowly.
        if self.steps == 0 {
            self.drift = self.drift.saturating_sub(self.drift >> row.leak);
        }
        excess
    }

    /// Whether the judged field, whose bits are `bits`, can hold what its witness expects; if not, it means something else.
    #[must_use]
    pub fn is_comparable(row: &RelationRow, bits: Bits, witness: &Signal) -> bool {
        let (low, high) = witness.band();
        let room = i32::try_from(row.limit).unwrap_or(i32::MAX);
        // Small numbers below nothing are rounding; at the other end, and at a sign, the value would wrap.
        let below = if bits.signed { room.saturating_neg() } else { room };
        let fits = |value: i32| {
            let value = row.expected(value);
            bits.holds(value.saturating_add(room))
                && (bits.holds(value.saturating_add(below)) || value.saturating_add(room) < 0)
        };
        row.comparison == Comparison::Drift || (fits(low) && fits(high))
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
        (self.drift, self.steps) = (0, 0);
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
