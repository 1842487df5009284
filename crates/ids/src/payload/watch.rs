//! One field at run time: jumps to and fro, values between its steps, a counter of distance that goes back.
//!
//! Not a range check alone (that is a hint). A jump alone proves nothing: signals start, stop and become invalid. Four within a
//! second whose directions cancel out are something that no measured quantity does. While that lasts, each frame is told whose value
//! cannot be reached from the last trusted one. State: 36 bytes a field.

use super::row::{FieldRow, Rules};
use crate::finding::{Check, Strength};

/// Jumps that prove something.
pub(crate) const JUMPS: usize = 4;
/// Different patterns in dead bits that prove something, and how long they are collected.
const PATTERNS: u32 = 8;
/// How long jumps and patterns are remembered, units of 1,024 µs.
const SPAN: u32 = 1_000;

/// State of one field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    last: i32,
    /// The last value that no jump led to.
    trusted: i32,
    /// When the last jumps were, newest first; units of 1,024 µs.
    jumps: [u32; JUMPS],
    /// Their directions, newest in the lowest bit.
    signs: u8,
    seen: bool,
    session: u16,
    /// Frames since the trusted value.
    since: u16,
    alarm_until: u32,
    patterns: u32,
    patterns_until: u32,
}

impl Watch {
    pub(crate) const fn new() -> Self {
        Self {
            last: 0,
            trusted: 0,
            jumps: [0; JUMPS],
            signs: 0,
            seen: false,
            session: 0,
            since: 0,
            alarm_until: 0,
            patterns: 0,
            patterns_until: 0,
        }
    }

    /// This state, or a new one if it is of an earlier session.
    pub(crate) fn of_session(&mut self, session: u16) -> &mut Self {
        if self.session != session {
            *self = Self { session, ..Self::new() };
        }
        self
    }

    /// Takes up a frame at `now`, units of 1,024 µs; `span` is how long jumps are remembered at least.
    pub(crate) fn take(&mut self, row: &FieldRow, word: u64, now: u32, slow: u32) -> Option<(Check, Strength, i32)> {
        let value = row.bits.value(word);
        if !self.seen {
            (self.last, self.trusted, self.seen) = (value, value, true);
            return None;
        }
        let last = core::mem::replace(&mut self.last, value);
        let step = row.bits.step(last, value);
        let grid = row.rules.has(Rules::GRID) && self.is_off_grid(row, word, now);
        let backwards = row.rules.has(Rules::RISES) && step < 0 || row.rules.has(Rules::FALLS) && step > 0;
        let jump = row.rules.has(Rules::JUMP) && self.is_jumping(row, value, step, now, slow.max(SPAN));
        if jump {
            return Some((Check::Jump, Strength::Certain, last));
        }
        if grid {
            return Some((Check::Grid, Strength::Certain, last));
        }
        if backwards {
            return Some((Check::Monotone, Strength::Likely, last));
        }
        None
    }

    fn is_jumping(&mut self, row: &FieldRow, value: i32, step: i32, now: u32, span: u32) -> bool {
        let jumped = step.unsigned_abs() > row.jump;
        if jumped {
            self.jumps.rotate_right(1);
            if let Some(newest) = self.jumps.first_mut() {
                *newest = now;
            }
            self.signs = self.signs.wrapping_shl(1) | u8::from(step < 0);
        }
        let oldest = self.jumps.last().copied().unwrap_or(0);
        let mixed = (1..=3).contains(&(self.signs & 0xF).count_ones());
        if jumped && oldest != 0 && now.saturating_sub(oldest) <= span && mixed {
            self.alarm_until = now.saturating_add(span);
        }
        let newest = self.jumps.first().copied().unwrap_or(0);
        let calm = newest == 0 || now.saturating_sub(newest) > span;
        if calm {
            (self.trusted, self.since) = (value, 0);
            return false;
        }
        self.since = self.since.saturating_add(1);
        let reach = row.step.saturating_mul(u32::from(self.since)).saturating_add(row.step).max(row.jump);
        let unexplained = row.bits.step(self.trusted, value).unsigned_abs() > reach;
        now < self.alarm_until && unexplained
    }

    fn is_off_grid(&mut self, row: &FieldRow, word: u64, now: u32) -> bool {
        let below = row.bits.below(word, row.dead) ^ u32::from(row.dead_value);
        if below == 0 {
            return false;
        }
        if now >= self.patterns_until {
            (self.patterns, self.patterns_until) = (0, now.saturating_add(SPAN.saturating_mul(2)));
        }
        self.patterns |= 1_u32.wrapping_shl(below);
        self.patterns.count_ones() >= PATTERNS
    }
}
