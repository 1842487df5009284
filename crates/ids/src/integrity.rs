//! What an identifier's own data proves: checksums and counters.
//!
//! Not the meaning of signals. Rows come from learning or a specification; an identifier without rows is not judged. Invariant:
//! a frame is wrong if it breaks a rule and all of that rule's alternatives. Cost: 8 bytes an identifier and 16 a counter; 300
//! instructions for 8 bytes of data with a code and a counter, 900 for 64.

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
use yagura_model::{CanContext, Frame, Place};

/// The most checksum rows that are looked at for one identifier, and the most counter rows.
pub const RULES_MAX: usize = 8;

/// Where the rows of an identifier stand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    checksums: Span,
    counters: Span,
}

impl Rules {
    /// Those of an identifier.
    pub(crate) fn of(profile: &Profile<'_>, owner: u16) -> Self {
        let tables = profile.tables();
        Self { checksums: Span::of(&tables.checksums, owner), counters: Span::of(&tables.counters, owner) }
    }

    /// The longer of both.
    pub(crate) fn len(self) -> usize {
        usize::from(self.checksums.len().max(self.counters.len()))
    }

    /// Judges a data frame.
    pub(crate) fn judge(
        self,
        profile: &Profile<'_>,
        states: &mut [CounterState],
        frame: &Frame,
        spacing: Spacing,
        tray: &mut Tray,
    ) {
        let payload = frame.payload.as_slice();
        let is_forged = self.checksums.len() > 0 && self.judge_checksums(&profile.tables().checksums, frame, tray);
        for index in self.counters.indices() {
            let (Some(row), Some(state)) = (profile.tables().counters.get(index), states.get_mut(index)) else {
                return;
            };
            if is_forged {
                state.pass_over(&row, payload);
                continue;
            }
            let Some(fault) = state.take(&row, payload, spacing) else { continue };
            let strength = if fault.repeated { row.strength } else { Strength::Hint };
            let context = CanContext::of(frame, u32::from(fault.expected), u32::from(fault.observed));
            tray.put(Check::Counter, strength, context.at(row.place()));
        }
    }

    /// Returns whether one is wrong.
    fn judge_checksums(self, table: &Table<'_, ChecksumRow>, frame: &Frame, tray: &mut Tray) -> bool {
        let payload = frame.payload.as_slice();
        let mut found: Option<(ChecksumRow, (u64, u64))> = None;
        let mut any = false;
        for row in self.checksums.rows(table) {
            let violation = row.violation(payload);
            if row.alternative {
                if violation.is_none() && usize::from(row.len) == payload.len() {
                    found = None;
                }
                continue;
            }
            if let Some(found) = found.take() {
                any = true;
                tell(found, frame, tray);
            }
            found = violation.map(|values| (row, values));
        }
        if let Some(found) = found {
            any = true;
            tell(found, frame, tray);
        }
        any
    }
}

fn tell((row, (expected, observed)): (ChecksumRow, (u64, u64)), frame: &Frame, tray: &mut Tray) {
    // A control unit that starts up sends blank frames: evidence only beside something else.
    let blank = frame.payload.as_slice().iter().all(|byte| *byte == 0)
        || frame.payload.as_slice().iter().all(|byte| *byte == u8::MAX);
    let strength = if blank { Strength::Hint } else { row.strength };
    let low = |value: u64| u32::try_from(value & u64::from(u32::MAX)).unwrap_or(0);
    let place = Place { start: row.field.start(), bits: row.field.bits, witness: None };
    tray.put(Check::Checksum, strength, CanContext::of(frame, low(expected), low(observed)).at(place));
}

#[cfg(test)]
mod tests;
