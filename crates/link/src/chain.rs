//! The cloud's judgement of each report of one device: in its turn, again, or not to be taken.
//!
//! Not verification (that is `report`) and not storage. Reports of a boot may arrive in any order within the window; a report
//! is missing once the sensor cannot be holding it any more ([`Header::oldest_held`], [`WINDOW_MAX`]). Invariants: nothing is
//! accepted twice; what is missing is said once. Cost: O(32) a report, ≤ 4 KiB a device.

mod saved;

use crate::digest::Digest;
use crate::header::{Header, Losses};
use crate::limits::{MEMORY_MAX, WINDOW_MAX};
use std::collections::VecDeque;
use yagura_model::{DeviceId, EventId, UnixMicros};

/// How far a sensor's clock may run ahead of ours, beyond its own uncertainty, before that is worth saying, in µs.
pub const SKEW_MICROS_MAX: i64 = 60_000_000;

/// Something about a report or its sender that a person should know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Anomaly {
    /// Reports are missing for good.
    SequenceGap {
        /// How many.
        missing: u64,
    },
    /// The report does not follow the one before it: another was there, or the sensor lost its memory.
    ChainBroken {
        /// Digest of the report that is before it here.
        expected: Digest,
        /// Digest that the sensor says is before it.
        found: Digest,
    },
    /// A report of a place that is taken or long past, with other content: forged, or the sensor's memory was turned back.
    Replay {
        /// The boot it says.
        boot: u64,
        /// The sequence it says.
        sequence: u64,
    },
    /// A report whose signature does not verify.
    BadSignature,
    /// A report in the name of another device than the one that is connected.
    WrongDevice {
        /// The name in the report.
        claimed: DeviceId,
    },
    /// A report beyond the limit.
    Oversize {
        /// Its bytes.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// Bytes that are no report.
    Malformed {
        /// Where they stop being one.
        offset: u64,
    },
    /// The sensor lost something and says so.
    Losses(Losses),
    /// The sensor's clock runs ahead of ours.
    ClockSkew {
        /// By how much, in µs.
        ahead_micros: i64,
    },
}

impl Anomaly {
    /// A number for storage; never changes.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::SequenceGap { .. } => 1,
            Self::ChainBroken { .. } => 2,
            Self::Replay { .. } => 3,
            Self::BadSignature => 4,
            Self::WrongDevice { .. } => 5,
            Self::Oversize { .. } => 6,
            Self::Malformed { .. } => 7,
            Self::Losses(_) => 8,
            Self::ClockSkew { .. } => 9,
        }
    }

    /// The platform event in the catalogue: 0x9000 + [`Self::code`].
    #[must_use]
    pub const fn event(&self) -> EventId {
        EventId(0x9000 | self.code() as u16)
    }
}

/// Why a report is refused. The sensor must never send the same bytes again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RefuseReason {
    /// Another report has this boot and sequence.
    Conflict {
        /// The digest that is stored.
        stored: Digest,
    },
    /// The device has started anew since.
    StaleBoot {
        /// The boot that is current.
        current: u64,
    },
    /// Too far back to tell a duplicate from a forgery.
    TooOld {
        /// The oldest sequence that is remembered.
        oldest: u64,
    },
}

impl RefuseReason {
    /// What a person should know of the refused report.
    #[must_use]
    pub const fn anomaly(&self, header: &Header) -> Anomaly {
        Anomaly::Replay { boot: header.boot, sequence: header.sequence }
    }
}

/// What to do with a report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// Store it, and what is to be said about it; then [`Chain::record`] it.
    Accept {
        /// What a person should know.
        anomalies: Vec<Anomaly>,
    },
    /// It is stored already: give its receipt again.
    Duplicate {
        /// Where it is stored.
        position: u64,
    },
    /// Do not store it as a report.
    Refuse(RefuseReason),
}

/// Where a device may go on: the last report up to which nothing is awaited any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Resume {
    /// Its boot.
    pub boot: u64,
    /// Its sequence.
    pub sequence: u64,
    /// Its digest.
    pub digest: Digest,
}

/// A report that was accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Seen {
    sequence: u64,
    digest: Digest,
    previous: Digest,
    position: u64,
}

/// What is known of one device's reports.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chain {
    /// The last report of the boots before.
    base: Option<Resume>,
    /// The boot that speaks; meaningless while `seen` is empty.
    boot: u64,
    /// Reports of this boot, by sequence; the last [`MEMORY_MAX`].
    seen: VecDeque<Seen>,
    /// Sequences below the highest seen that are still on their way, ascending.
    awaited: Vec<u64>,
}

impl Chain {
    /// The chain of a device that never reported.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do with a verified report. Changes nothing: [`Self::record`] it once it is stored.
    #[must_use]
    pub fn judge(&self, header: &Header, digest: &Digest, received: UnixMicros) -> Judgement {
        match self.place(header, digest) {
            Ok(missing) => {
                let gap = (missing > 0).then_some(Anomaly::SequenceGap { missing });
                let anomalies = gap.into_iter().chain(self.breaks(header, digest)).chain(said_by(header, received));
                Judgement::Accept { anomalies: anomalies.collect() }
            }
            Err(judgement) => judgement,
        }
    }

    /// Remembers a report that is stored at `position`; also how the chain is rebuilt from the vault, in its order.
    pub fn record(&mut self, header: &Header, digest: &Digest, position: u64) {
        if self.place(header, digest).is_err() {
            return;
        }
        if !self.is_current(header.boot) {
            self.base = self.last();
            self.boot = header.boot;
            self.seen.clear();
            self.awaited.clear();
        }
        self.awaited = self.awaited_after(header).collect();
        let seen = Seen { sequence: header.sequence, digest: *digest, previous: header.previous, position };
        let at = self.seen.partition_point(|other| other.sequence < seen.sequence);
        self.seen.insert(at, seen);
        if self.seen.len() > MEMORY_MAX {
            self.seen.pop_front();
        }
    }

    /// The last report up to which nothing is awaited; `None` if the device never reported.
    #[must_use]
    pub fn resume(&self) -> Option<Resume> {
        let before = self.awaited.first().copied().unwrap_or(u64::MAX);
        self.seen.iter().rev().find(|seen| seen.sequence < before).map(|seen| self.resume_at(seen)).or(self.base)
    }

    /// As [`Self::resume`], with the position of that report; `None` also while it is of an earlier boot.
    #[must_use]
    pub fn standing(&self) -> Option<(Resume, u64)> {
        let before = self.awaited.first().copied().unwrap_or(u64::MAX);
        self.seen.iter().rev().find(|seen| seen.sequence < before).map(|seen| (self.resume_at(seen), seen.position))
    }

    /// How many reports became missing with this one, or why it is not accepted.
    fn place(&self, header: &Header, digest: &Digest) -> Result<u64, Judgement> {
        if !self.is_current(header.boot) {
            let highest = self.last().map_or(0, |last| last.boot);
            if self.last().is_some() && header.boot < highest {
                return Err(Judgement::Refuse(RefuseReason::StaleBoot { current: highest }));
            }
            let given_up = len_u64(self.awaited.len());
            return Ok(given_up.saturating_add(floor(header)));
        }
        if let Some(seen) = self.seen_at(header.sequence) {
            return Err(if seen.digest == *digest {
                Judgement::Duplicate { position: seen.position }
            } else {
                Judgement::Refuse(RefuseReason::Conflict { stored: seen.digest })
            });
        }
        let oldest = self.seen.front().map_or(0, |seen| seen.sequence);
        if self.seen.len() == MEMORY_MAX && header.sequence < oldest && !self.awaited.contains(&header.sequence) {
            return Err(Judgement::Refuse(RefuseReason::TooOld { oldest }));
        }
        let Some(top) = self.top().filter(|top| header.sequence > *top) else { return Ok(0) };
        let floor = floor(header);
        let given_up = len_u64(self.awaited.iter().filter(|sequence| **sequence < floor).count());
        let skipped = floor.saturating_sub(top.saturating_add(1));
        Ok(given_up.saturating_add(skipped))
    }

    /// What is awaited once this report is recorded.
    fn awaited_after<'a>(&'a self, header: &'a Header) -> impl Iterator<Item = u64> + 'a {
        let floor = floor(header);
        let newest = self.top().is_none_or(|top| header.sequence > top);
        let from = self.top().map_or(0, |top| top.saturating_add(1)).max(floor);
        let fresh = if newest { from..header.sequence } else { 0..0 };
        let kept = self.awaited.iter().copied().filter(move |sequence| !newest || *sequence >= floor);
        kept.chain(fresh).filter(|sequence| *sequence != header.sequence)
    }

    /// Where this report does not follow its neighbours.
    fn breaks(&self, header: &Header, digest: &Digest) -> impl Iterator<Item = Anomaly> {
        let current = self.is_current(header.boot);
        let before = match header.sequence.checked_sub(1) {
            Some(sequence) => current.then(|| self.seen_at(sequence)).flatten().map(|seen| seen.digest),
            None => Some(if current { self.base } else { self.last() }.map_or(Digest::ZERO, |base| base.digest)),
        };
        let after = current.then(|| self.seen_at(header.sequence.saturating_add(1))).flatten();
        let broken_before = before
            .filter(|expected| *expected != header.previous)
            .map(|expected| Anomaly::ChainBroken { expected, found: header.previous });
        let broken_after = after
            .filter(|seen| seen.previous != *digest)
            .map(|seen| Anomaly::ChainBroken { expected: *digest, found: seen.previous });
        broken_before.into_iter().chain(broken_after)
    }

    fn is_current(&self, boot: u64) -> bool {
        !self.seen.is_empty() && self.boot == boot
    }

    fn seen_at(&self, sequence: u64) -> Option<&Seen> {
        let at = self.seen.binary_search_by_key(&sequence, |seen| seen.sequence).ok()?;
        self.seen.get(at)
    }

    fn top(&self) -> Option<u64> {
        self.seen.back().map(|seen| seen.sequence)
    }

    /// The highest report of all.
    fn last(&self) -> Option<Resume> {
        self.seen.back().map(|seen| self.resume_at(seen)).or(self.base)
    }

    const fn resume_at(&self, seen: &Seen) -> Resume {
        Resume { boot: self.boot, sequence: seen.sequence, digest: seen.digest }
    }
}

/// The lowest sequence that the sensor may still hold when it sends this report.
fn floor(header: &Header) -> u64 {
    header.oldest_held.max(header.sequence.saturating_sub(WINDOW_MAX.saturating_sub(1)))
}

/// What the header itself says a person should know.
fn said_by(header: &Header, received: UnixMicros) -> impl Iterator<Item = Anomaly> {
    let losses = (!header.losses.is_none()).then_some(Anomaly::Losses(header.losses));
    let ahead_micros = header.clock.unix(header.last).since(received);
    let tolerated = SKEW_MICROS_MAX.saturating_add(i64::from(header.clock.uncertainty));
    let skew = (ahead_micros > tolerated).then_some(Anomaly::ClockSkew { ahead_micros });
    losses.into_iter().chain(skew)
}

fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
