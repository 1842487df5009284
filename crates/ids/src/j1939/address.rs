//! Address claims (SAE J1939-81): who takes an address that is in use, and the silence of its owner after it.
//!
//! Not an address manager. A claim is right if its NAME is the one known, if the address was free, or if somebody asked for
//! claims; else a node that runs is being robbed of its address, and it must fall silent. The silence is told once its
//! messages stayed away for a few of its shortest periods, long before their own patience ends. State: 16 bytes a source,
//! [`SOURCES_MAX`] of them, and one watch a network.

use super::row::SourceRow;

/// Sources of all networks.
pub const SOURCES_MAX: usize = 64;
/// How long after a request for claims they are expected: nodes answer within 200 ms, or 0.6 s later if they must wait, µs.
const REQUESTED_SPAN: u64 = 1_250_000;
/// The shortest silence that is told, µs: senders of 10 ms jitter by less.
const SILENCE_MIN: u64 = 60_000;
/// How long a silence is waited for, µs; the loser has 0.25 s to find another address.
const WATCH_SPAN: u64 = 2_000_000;
/// A silence of so many of the shortest periods: three frames in a row lost.
const PERIODS: u64 = 4;

/// What a claim is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Claim {
    /// As it should be.
    Right,
    /// For an address whose owner has another NAME, or runs and was not asked.
    Theft,
}

#[derive(Clone, Copy, Debug, Default)]
struct Source {
    /// Network and address.
    key: Option<(u8, u8)>,
    muted: u8,
    requests: u16,
    /// The two halves of the NAME, mixed; 0 if none is known.
    name: u32,
    period: u32,
}

impl Source {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { key: None, muted: 0, requests: 0, name: 0, period: 0 };
}

/// Waits for the silence of a source that was robbed.
#[derive(Clone, Copy, Debug, Default)]
struct Watch {
    address: Option<u8>,
    claimed: u64,
    seen: u64,
    limit: u64,
}

impl Watch {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { address: None, claimed: 0, seen: 0, limit: 0 };
}

/// Which network of J1939, its sources, and what was claimed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses<const NETWORKS: usize> {
    sources: [Source; SOURCES_MAX],
    watches: [Watch; NETWORKS],
    asked_until: [u64; NETWORKS],
}

impl<const NETWORKS: usize> Default for Addresses<NETWORKS> {
    fn default() -> Self {
        Self::REST
    }
}

impl<const NETWORKS: usize> Addresses<NETWORKS> {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self =
        Self { sources: [Source::REST; SOURCES_MAX], watches: [Watch::REST; NETWORKS], asked_until: [0; NETWORKS] };

    /// Knows a source from the profile. Returns whether there was room.
    pub(super) fn learn(&mut self, slot: u8, row: &SourceRow) -> bool {
        let Some(place) = self.sources.iter_mut().find(|source| source.key.is_none()) else { return false };
        let key = Some((slot, row.address));
        let name = row.name.map_or(0, mix);
        *place = Source { key, muted: row.muted, requests: row.requests, name, period: row.period };
        true
    }

    fn source(&mut self, slot: u8, address: u8) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.key == Some((slot, address)))
    }

    /// What is not judged of a source, and the most requests that training showed in a second.
    pub(super) fn habits(&self, slot: u8, address: u8) -> (u8, u16) {
        let source = self.sources.iter().find(|source| source.key == Some((slot, address)));
        source.map_or((0, 0), |source| (source.muted, source.requests))
    }

    /// Somebody asked for claims.
    pub(super) fn ask(&mut self, slot: u8, now: u64) {
        if let Some(until) = self.asked_until.get_mut(usize::from(slot)) {
            *until = now.saturating_add(REQUESTED_SPAN);
        }
    }

    /// Takes up a claim; `lives`: whether the address was used lately.
    pub(super) fn claim(&mut self, slot: u8, address: u8, name: u64, lives: bool, now: u64) -> Claim {
        let asked = self.asked_until.get(usize::from(slot)).is_some_and(|until| now < *until);
        let name = mix(name);
        let Some(source) = self.source(slot, address) else { return Claim::Right };
        let theft = if source.name == 0 { lives && !asked } else { source.name != name };
        if !theft {
            source.name = name;
            return Claim::Right;
        }
        let period = u64::from(source.period);
        let limit = period.saturating_mul(PERIODS).max(SILENCE_MIN);
        if let Some(watch) = self.watches.get_mut(usize::from(slot)).filter(|_| lives && period != 0) {
            *watch = Watch { address: Some(address), claimed: now, seen: now, limit };
        }
        Claim::Theft
    }

    /// Takes up any frame of a network but claims. Returns the address that fell silent after a claim and since when, µs.
    pub(super) fn watch(&mut self, slot: u8, address: u8, now: u64) -> Option<(u8, u64)> {
        let watch = self.watches.get_mut(usize::from(slot))?;
        let watched = watch.address?;
        if watched == address {
            watch.seen = now;
        }
        if now.saturating_sub(watch.claimed) > WATCH_SPAN {
            watch.address = None;
            return None;
        }
        let absent = now.saturating_sub(watch.seen);
        (absent > watch.limit).then(|| {
            watch.address = None;
            (watched, absent)
        })
    }
}

/// A NAME in 32 bits that differ if the NAME does, for all but one in four thousand million; never 0.
fn mix(name: u64) -> u32 {
    let mixed = name.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    u32::try_from(mixed).unwrap_or(0).max(1)
}
