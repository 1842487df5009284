//! End-to-end protection that a specification sets, put on trial like everything else it says.
//!
//! Not a search (`integrity` finds what nobody wrote down). Read are profiles 1, 2, 4 to 7, 11 and 22 with their header at its
//! standard place; others are reported as not judged. Invariant: training traffic breaks no checksum that is kept, and a counter that is
//! kept at most once in [`BREAKS_MAX`] frames.

use super::{Message, Protection};
use yagura_ids::{ChecksumRow, CounterRow, DataIdMode, E2eProfile};

/// Fewer frames bear no protection out: chance fits a code of 8 bits once in 256 frames.
const FRAMES_MIN: u32 = 16;
/// A counter may break once in so many frames of training: captures lose frames.
pub(crate) const BREAKS_MAX: u32 = 500;

/// A protection in training.
#[derive(Clone, Debug)]
pub(crate) struct TriedProtection {
    checksum: ChecksumRow,
    counter: CounterRow,
    frames: u32,
    broken: u32,
    last: Option<u16>,
    breaks: u32,
}

/// What the protections of a message ask of its data; `None` for those that a detector cannot judge.
pub(crate) fn protections(message: &Message) -> impl Iterator<Item = Option<TriedProtection>> + '_ {
    let len = message.length.and_then(|len| u8::try_from(len).ok());
    message.protections.iter().map(move |protection| {
        let (checksum, counter) = rows(protection, len?)?;
        Some(TriedProtection { checksum, counter, frames: 0, broken: 0, last: None, breaks: 0 })
    })
}

fn rows(protection: &Protection, len: u8) -> Option<(ChecksumRow, CounterRow)> {
    let bits = u32::from(len).checked_mul(8)?;
    let is_whole = protection.data_length.is_none_or(|length| length == bits);
    let is_standard =
        matches!(protection.crc_offset, None | Some(0)) && matches!(protection.counter_offset, None | Some(8));
    let offset = protection.data_offset.unwrap_or(0);
    let profile = profile(protection)?;
    // Profiles 1 and 2 protect what comes before their header, too: only a header in front is sure.
    let is_short = matches!(profile, E2eProfile::P01 { .. } | E2eProfile::P02 { .. });
    if !is_whole || (is_short && (!is_standard || offset != 0)) || !offset.is_multiple_of(8) {
        return None;
    }
    profile.rows(0, len, u8::try_from(offset / 8).ok()?)
}

/// `PROFILE_01`, `P01`, `E2E_P01`: the number at the end decides.
fn profile(protection: &Protection) -> Option<E2eProfile> {
    let digits = protection.profile.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    let data_id = || u16::try_from(*protection.data_ids.first()?).ok();
    Some(match digits.parse().ok()? {
        1 | 11 => {
            let mode = match protection.data_id_mode.unwrap_or(0) {
                0 => DataIdMode::Both,
                1 => DataIdMode::Alternating,
                2 => DataIdMode::Low,
                3 => DataIdMode::Nibble,
                _ => return None,
            };
            E2eProfile::P01 { data_id: data_id()?, mode }
        }
        2 | 22 => {
            let ids: Vec<u8> = protection.data_ids.iter().filter_map(|id| u8::try_from(*id).ok()).collect();
            E2eProfile::P02 { data_ids: ids.try_into().ok()? }
        }
        4 => E2eProfile::P04,
        5 => E2eProfile::P05 { data_id: data_id()? },
        6 => E2eProfile::P06 { data_id: data_id()? },
        7 => E2eProfile::P07,
        _ => return None,
    })
}

impl TriedProtection {
    /// Takes up a frame of training.
    pub(crate) fn take(&mut self, data: &[u8]) {
        if data.len() != usize::from(self.checksum.len) {
            return;
        }
        self.frames = self.frames.saturating_add(1);
        self.broken = self.broken.saturating_add(u32::from(self.checksum.violation(data).is_some()));
        let value = self.counter.read_value(data);
        if let (Some(last), Some(value)) = (self.last, value) {
            self.breaks = self.breaks.saturating_add(u32::from(value != self.counter.after(last, 1)));
        }
        self.last = value;
    }

    /// Frames that broke the checksum, of all.
    pub(crate) const fn broken(&self) -> (u32, u32) {
        (self.broken, self.frames)
    }

    /// The rows, if training bore the checksum out; that of the counter only if it counted.
    pub(crate) fn rows(&self, owner: u16) -> Option<(ChecksumRow, Option<CounterRow>)> {
        if self.frames < FRAMES_MIN || self.broken > 0 {
            return None;
        }
        let counts = self.breaks.saturating_mul(BREAKS_MAX) <= self.frames;
        let counter = counts.then_some(CounterRow { owner, ..self.counter });
        Some((ChecksumRow { owner, ..self.checksum }, counter))
    }
}

/// Adds what is not there yet: an identifier whose protection of that length was found keeps what was found.
pub(crate) fn add(
    protections: &[(ChecksumRow, Option<CounterRow>)],
    checksums: &mut Vec<ChecksumRow>,
    counters: &mut Vec<CounterRow>,
) {
    for (checksum, counter) in protections {
        let has_checksum = checksums.iter().any(|row| row.owner == checksum.owner && row.len == checksum.len);
        if !has_checksum && checksums.iter().filter(|row| row.owner == checksum.owner).count() < yagura_ids::RULES_MAX {
            checksums.push(*checksum);
        }
        let Some(counter) = counter else { continue };
        let has_counter = counters.iter().any(|row| row.owner == counter.owner);
        if !has_counter {
            counters.push(*counter);
        }
    }
    checksums.sort_by_key(|row| row.owner);
    counters.sort_by_key(|row| row.owner);
}
