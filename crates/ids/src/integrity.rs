//! What an identifier's own data proves: checksums and counters.
//!
//! Not the meaning of signals. Rows come from learning or a specification; an identifier without rows is not judged. Invariant:
//! a frame is wrong if it breaks a rule and all of that rule's alternatives. Cost: 10 bytes an identifier and 16 a counter; 750
//! instructions for 8 bytes of data with a code and a counter, 1,500 for 64.

mod checksum;
mod counter;
mod crc;
mod e2e;

pub use checksum::{Algorithm, ChecksumField, ChecksumRow, Constant, Direction};
pub use counter::{BREAK_SPAN, Break, CounterRow, CounterState, Spacing};
pub use e2e::{DataIdMode, E2eProfile};

use crate::finding::{Check, Strength, Tray};
use crate::profile::{Profile, Table};
use crate::spec::Span;
use yagura_model::{CanContext, Frame};

/// The most checksum rows that are looked at for one identifier, and the most counter rows.
pub const RULES_MAX: usize = 8;

/// Where the rows of an identifier stand, and whether its sender has started up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    checksums: Span,
    counters: Span,
    warmth: Warmth,
}

impl Rules {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { checksums: Span::REST, counters: Span::REST, warmth: Warmth::REST };
}

/// So many right frames in a row, and a control unit has started up.
const WARM_RIGHT: u8 = 8;
/// So many frames, and it should have.
const WARM_FRAMES: u8 = 50;
/// An identifier that stays away for longer than this many of its periods, and [`COLD_GAP_MIN`], starts anew.
const COLD_PERIODS: u64 = 16;
/// A pause shorter than this is no start of a control unit, µs.
const COLD_GAP_MIN: u64 = 500_000;

/// A control unit that starts may send frames that are not complete yet: until it has shown that it keeps its rules, breaking
/// them proves little. State: 2 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Warmth {
    frames: u8,
    right: u8,
}

impl Warmth {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { frames: 0, right: 0 };
}

impl Warmth {
    /// Takes note that a frame comes; returns whether its sender has started up.
    fn is_warm(&mut self, spacing: Spacing) -> bool {
        let cold = u64::from(spacing.period).saturating_mul(COLD_PERIODS).max(COLD_GAP_MIN);
        if u64::from(spacing.gap) > cold {
            *self = Self::default();
        }
        self.frames = self.frames.saturating_add(1);
        self.frames > WARM_FRAMES || self.right >= WARM_RIGHT
    }

    /// Takes note of what became of the frame.
    fn note(&mut self, is_right: bool) {
        if self.right < WARM_RIGHT {
            self.right = if is_right { self.right.saturating_add(1) } else { 0 };
        }
    }
}

impl Rules {
    /// Those of an identifier.
    pub(crate) fn of(profile: &Profile<'_>, owner: u16) -> Self {
        let tables = profile.tables();
        let (checksums, counters) = (Span::of(&tables.checksums, owner), Span::of(&tables.counters, owner));
        Self { checksums, counters, warmth: Warmth::default() }
    }

    /// The longer of both.
    pub(crate) fn len(self) -> usize {
        self.checksums.len().max(self.counters.len())
    }

    /// Judges a data frame.
    pub(crate) fn judge(
        &mut self,
        profile: &Profile<'_>,
        states: &mut [CounterState],
        frame: &Frame,
        spacing: Spacing,
        tray: &mut Tray,
    ) {
        if self.len() == 0 {
            return;
        }
        let payload = frame.payload.as_slice();
        let is_warm = self.warmth.is_warm(spacing);
        let wrong = self.wrong_checksum(&profile.tables().checksums, payload);
        let told = wrong.and_then(|(index, violation)| Some((profile.tables().checksums.get(index)?, violation)));
        if let Some((row, violation)) = told {
            // A control unit that starts up, or falls silent, sends blank frames.
            let is_blank = payload.iter().all(|byte| *byte == 0) || payload.iter().all(|byte| *byte == u8::MAX);
            let strength = if is_warm && !is_blank { row.strength } else { Strength::Hint };
            tray.put(Check::Checksum, strength, row.context(frame, violation));
        }
        let mut is_right = wrong.is_none();
        for index in self.counters.indices() {
            let (Some(row), Some(state)) = (profile.tables().counters.get(index), states.get_mut(index)) else {
                return;
            };
            if wrong.is_some() {
                state.pass_over(&row, payload);
                continue;
            }
            let Some(fault) = state.take(&row, payload, spacing) else { continue };
            is_right = false;
            let strength = if fault.repeated && is_warm { row.strength } else { Strength::Hint };
            let context = CanContext::of(frame, u32::from(fault.expected), u32::from(fault.observed));
            tray.put(Check::Counter, strength, context.at(row.place()));
        }
        self.warmth.note(is_right);
    }

    /// The first rule that a payload breaks together with all of its alternatives. These are looked at only then.
    fn wrong_checksum(&self, table: &Table<'_, ChecksumRow>, payload: &[u8]) -> Option<(usize, (u64, u64))> {
        let mut found: Option<(usize, (u64, u64))> = None;
        for index in self.checksums.indices() {
            let Some(row) = table.get(index).filter(|row| usize::from(row.len) == payload.len()) else { continue };
            match (row.alternative, found) {
                (false, Some(_)) => return found,
                (false, None) => found = row.violation(payload).map(|violation| (index, violation)),
                (true, Some(_)) if row.violation(payload).is_none() => found = None,
                (true, _) => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
