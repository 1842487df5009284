//! What the fields of an identifier do by themselves: jumps, values between steps, what only grows, ranges.
//!
//! Not what fields say about each other (`relation`). Rules that clean traffic can break once are hints; rules that alarm alone
//! are given only to fields that were seen to move long enough (ADR-0015). State: 36 bytes a field.

mod bits;
mod row;
mod watch;

pub use bits::{Bits, ByteOrder, word};
pub use row::{ConstantRow, FieldRow, Rules};
pub(crate) use watch::Watch;

use crate::finding::{Check, Strength, Tray};
use crate::profile::Tables;
use crate::spec::Span;
use yagura_model::{CanContext, Frame, Place};

/// Where the rows of an identifier stand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spans {
    pub(crate) fields: Span,
    pub(crate) constants: Span,
    pub(crate) signals: Span,
    pub(crate) relations: Span,
}

impl Spans {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self =
        Self { fields: Span::REST, constants: Span::REST, signals: Span::REST, relations: Span::REST };
}

impl Spans {
    pub(crate) fn of(tables: &Tables<'_>, owner: u16) -> Self {
        Self {
            fields: Span::of(&tables.fields, owner),
            constants: Span::of(&tables.constants, owner),
            signals: Span::of(&tables.signals, owner),
            relations: Span::of(&tables.relations, owner),
        }
    }

    /// The longest of them.
    pub(crate) fn len(self) -> usize {
        let longest = self.fields.len().max(self.constants.len());
        longest.max(self.signals.len()).max(self.relations.len())
    }
}

/// A frame, the period of its identifier and when it came, µs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'f> {
    pub(crate) frame: &'f Frame,
    pub(crate) period: u32,
    pub(crate) now: u64,
}

/// The state of all fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<const FIELDS: usize> {
    states: [Watch; FIELDS],
    /// Grows with each pause; fields seen before it start anew.
    session: u16,
}

impl<const FIELDS: usize> Fields<FIELDS> {
    pub(crate) const fn new() -> Self {
        Self { states: [const { Watch::new() }; FIELDS], session: 0 }
    }

    /// Judges the fields of a frame.
    pub(crate) fn judge(&mut self, tables: &Tables<'_>, spans: Spans, at: Arrival<'_>, tray: &mut Tray) {
        let Arrival { frame, period, now } = at;
        let word = word(&frame.payload);
        let unit = u32::try_from(now >> 10).unwrap_or(u32::MAX);
        let slow = (period >> 10).saturating_mul(8);
        for index in spans.fields.indices() {
            let (Some(row), Some(state)) = (tables.fields.get(index), self.states.get_mut(index)) else { continue };
            if let Some((check, strength, expected)) = state.of_session(self.session).take(&row, word, unit, slow) {
                let observed = row.bits.value(word).cast_unsigned();
                let place = Place { start: row.bits.start(), bits: row.bits.len, witness: None };
                tray.put(check, strength, CanContext::of(frame, expected.cast_unsigned(), observed).at(place));
            }
        }
    }

    /// What else is unusual about a frame in which something was found already. Alone it says nothing, and after an attack it would
    /// speak on where the vehicle is simply in a new state.
    pub(crate) fn add_hints(tables: &Tables<'_>, spans: Spans, frame: &Frame, tray: &mut Tray) {
        let of_bus = |check| matches!(check, Check::Flood | Check::BusError);
        if tray.iter().all(|found| found.strength != Strength::Certain || of_bus(found.check)) {
            return;
        }
        let word = word(&frame.payload);
        for row in spans.fields.rows(&tables.fields).filter(|row| row.rules.has(Rules::RANGE)) {
            let value = row.bits.value(word);
            if value < row.low || value > row.high {
                let limit = if value < row.low { row.low } else { row.high };
                let place = Place { start: row.bits.start(), bits: row.bits.len, witness: None };
                let context = CanContext::of(frame, limit.cast_unsigned(), value.cast_unsigned()).at(place);
                tray.put(Check::Range, Strength::Hint, context);
            }
        }
        for index in spans.constants.indices() {
            let Some(row) = tables.constants.get(index) else { continue };
            let new = (word ^ row.value) & row.mask;
            if new != 0 {
                let start = u16::try_from(new.leading_zeros()).unwrap_or(0);
                let (expected, observed) = (row.value >> 32, word >> 32);
                let narrow = |bits: u64| u32::try_from(bits).unwrap_or(0);
                let context = CanContext::of(frame, narrow(expected), narrow(observed)).at(Place {
                    start,
                    bits: 1,
                    witness: None,
                });
                tray.put(Check::UnusedBits, Strength::Hint, context);
            }
        }
    }

    /// Forgets what was seen before a pause.
    pub(crate) fn restart(&mut self) {
        self.session = self.session.wrapping_add(1);
    }
}
