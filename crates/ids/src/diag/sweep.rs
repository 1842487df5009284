//! A search for control units: identifiers that nobody knows, asked one after the other faster than answers are waited for.
//!
//! Not the scan of one control unit (that is in the dialogue). A scanner app in a workshop goes through addresses, too, but
//! waits for each (200 ms at least), and a tester that asks many units at once gets answers. Told are more than
//! [`UNANSWERED_MAX`] different addresses within a second, less the answers; and what follows without a pause.
//! State: 64 bytes.

use super::Note;
use super::isotp::IsoTp;
use crate::finding::{Check, Strength};
use yagura_model::{CanId, Frame};

/// Different addresses asked within [`WINDOW`] that do not answer: one each 200 ms is a tester that waits.
const UNANSWERED_MAX: u32 = 5;
/// How long addresses are counted, µs.
const WINDOW: u64 = 1_000_000;

/// Addresses that were asked lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sweep {
    /// The last eight bits of an 11-bit identifier, or the target of a 29-bit one: a bit each.
    asked: [u32; 8],
    answers: u32,
    start: u64,
    /// Until when further requests belong to a search that was told.
    told_until: u64,
}

impl Sweep {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { asked: [0; 8], answers: 0, start: 0, told_until: 0 };
}

impl Sweep {
    /// Takes up a frame of an identifier that nobody knows.
    pub(super) fn take(&mut self, frame: &Frame, now: u64) -> Option<Note> {
        let address = match frame.id {
            CanId::Standard(id) if id.raw() >= 0x700 => u32::from(id.raw()) & 0xFF,
            CanId::Extended(id) if matches!(id.raw() >> 16, 0x18DA | 0x18DB) => id.raw() >> 8 & 0xFF,
            _ => return None,
        };
        if now.saturating_sub(self.start) > WINDOW {
            *self = Self { start: now, told_until: self.told_until, ..Self::default() };
        }
        let data = frame.payload.as_slice();
        let message = match IsoTp::read(data)? {
            IsoTp::Single(message) | IsoTp::First { data: message, .. } => message,
            IsoTp::Consecutive { .. } | IsoTp::Flow { .. } => return None,
        };
        if message.first()? & 0x40 != 0 {
            self.answers = self.answers.saturating_add(1);
            return None;
        }
        // Testers fill up a frame with one value; random data do not.
        let filled = data.get(message.len().saturating_add(1)..).is_some_and(|rest| rest.windows(2).all(is_pair));
        if !filled || !matches!(message, [0x10..=0x3E | 0x85, _, ..]) {
            return None;
        }
        let word = usize::try_from(address >> 5).ok().and_then(|word| self.asked.get_mut(word))?;
        *word |= 1 << (address & 31);
        let asked: u32 = self.asked.iter().map(|word| word.count_ones()).fold(0, u32::saturating_add);
        let unanswered = asked.saturating_sub(self.answers);
        if unanswered > UNANSWERED_MAX || (now < self.told_until && self.answers == 0) {
            self.told_until = now.saturating_add(WINDOW);
            return Some(Note::new(Check::Scan, Strength::Certain, 0, asked));
        }
        None
    }
}

fn is_pair(bytes: &[u8]) -> bool {
    matches!(bytes, [one, other] if one == other)
}
