//! One attack is one episode, not one event a frame: the first happening is raised at once, the rest are counted.
//!
//! Not the filter chain of the vehicle (`idsm` is): this only bounds what a detector says, whatever an attacker sends. An
//! episode is raised again each [`EPISODE_WINDOW`] with the count since, and ends with a window without happenings. An event
//! has at most [`EPISODES_MAX`] places, the last of them for all its other subjects, so thousands of random identifiers cost
//! no more than that a window. Should all [`PLACES_MAX`] be taken, the one whose window ends first is raised and gives way.
//! Invariant: happenings = sum of the counts raised + those still pending. State: 136 bytes a place, all zero at rest.

use crate::finding::Sink;
use yagura_model::{BusId, CanContext, CanId, EventId, Micros, Payload, Place, SecurityEvent};

/// How long happenings are counted before they are raised together, µs.
pub const EPISODE_WINDOW: u64 = 1_000_000;
/// Episodes of one event at a time; the last place stands for all further subjects.
pub const EPISODES_MAX: usize = 4;
/// Episodes of all events at a time.
pub const PLACES_MAX: usize = 16;

/// What an episode is about: an event, and an identifier or a bus.
type Key = (EventId, u64);

/// An episode, or room for one.
#[derive(Clone, Copy, Debug)]
struct Episode {
    key: Key,
    time: Micros,
    pending: u16,
    context: CanContext,
}

impl Episode {
    /// All bytes zero, so that a detector at rest takes no flash.
    const FREE: Self = Self {
        key: (EventId(0), 0),
        time: Micros(0),
        pending: 0,
        context: CanContext {
            bus: BusId(0),
            id: CanId::LOWEST,
            kind: 0,
            expected: 0,
            observed: 0,
            payload: Payload::EMPTY,
            place: Place { start: 0, bits: 0, witness: Some(CanId::LOWEST) },
        },
    };

    fn raise(&mut self, sink: &mut impl Sink) {
        let count = core::mem::take(&mut self.pending);
        sink.raise(SecurityEvent { id: self.key.0, time: self.time, count, context: self.context });
    }
}

/// The running episodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Episodes {
    /// Which places are taken: a bit each, so that nobody looks at the others.
    taken: u16,
    /// When the windows end; 0 for a free place.
    ends: [u64; PLACES_MAX],
    /// What they are about: as in their keys.
    events: [EventId; PLACES_MAX],
    places: [Episode; PLACES_MAX],
    /// No window ends before; 0 without episodes.
    next_end: u64,
}

/// The numbers of the bits set, lowest first.
fn places(mut bits: u16) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lowest = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        usize::try_from(lowest).ok().filter(|place| *place < PLACES_MAX)
    })
}

impl Episodes {
    pub(crate) const fn new() -> Self {
        Self {
            taken: 0,
            ends: [0; PLACES_MAX],
            events: [EventId(0); PLACES_MAX],
            places: [Episode::FREE; PLACES_MAX],
            next_end: 0,
        }
    }

    /// Takes up a happening at `time`, which is `now` on the steady clock.
    pub(crate) fn note(&mut self, now: u64, time: Micros, key: Key, context: &CanContext, sink: &mut impl Sink) {
        if let Some(index) = self.running(key, now, sink)
            && let Some(episode) = self.places.get_mut(index)
        {
            if episode.pending == u16::MAX {
                episode.raise(sink);
            }
            episode.pending = episode.pending.saturating_add(1);
            episode.time = time;
            episode.context = *context;
            return;
        }
        let until = now.saturating_add(EPISODE_WINDOW);
        let index = self.free_place(now, sink);
        self.events.get_mut(index).into_iter().for_each(|event| *event = key.0);
        if let (Some(place), Some(end)) = (self.places.get_mut(index), self.ends.get_mut(index)) {
            (place.key, place.time, place.pending, place.context) = (key, time, 0, *context);
            *end = until;
            self.taken |= bit(index);
        }
        self.next_end = if self.next_end == 0 { until } else { self.next_end.min(until) };
        sink.raise(SecurityEvent { id: key.0, time, count: 1, context: *context });
    }

    /// The episode of `key`, or the one that stands for it because its event has no place left.
    fn running(&mut self, key: Key, now: u64, sink: &mut impl Sink) -> Option<usize> {
        let mut of_event = 0_usize;
        let mut last = None;
        let mut of_this = 0_u16;
        for event in self.events.iter().rev() {
            of_this = of_this << 1 | u16::from(*event == key.0);
        }
        for index in places(of_this & self.taken) {
            let Some(found) = self.places.get(index).map(|episode| episode.key) else { continue };
            self.pass(index, now, sink);
            if self.taken & bit(index) == 0 {
                continue;
            }
            if found == key {
                return Some(index);
            }
            of_event = of_event.saturating_add(1);
            last = Some(index);
        }
        last.filter(|_| of_event >= EPISODES_MAX)
    }

    /// Ends the windows of an episode that ended until `now`; afterwards its place is free or its window still runs.
    fn pass(&mut self, index: usize, now: u64, sink: &mut impl Sink) {
        let (Some(episode), Some(end)) = (self.places.get_mut(index), self.ends.get_mut(index)) else { return };
        if *end > now {
            return;
        }
        if episode.pending > 0 {
            *end = end.saturating_add(EPISODE_WINDOW);
            episode.raise(sink);
        }
        if *end <= now {
            *end = 0;
            self.taken &= !bit(index);
        }
    }

    fn free_place(&mut self, now: u64, sink: &mut impl Sink) -> usize {
        if self.taken == u16::MAX {
            places(self.taken).for_each(|index| self.pass(index, now, sink));
        }
        if let Some(index) = places(!self.taken).next() {
            return index;
        }
        let (index, _, _) = self.first_end();
        if let Some(episode) = self.places.get_mut(index).filter(|episode| episode.pending > 0) {
            episode.raise(sink);
        }
        index
    }

    /// The place whose window ends first, when that is, and when the next one ends; [`u64::MAX`] for never.
    fn first_end(&self) -> (usize, u64, u64) {
        if self.taken & self.taken.wrapping_sub(1) == 0 {
            let index = places(self.taken).next().unwrap_or(0);
            return (index, self.ends.get(index).copied().unwrap_or(0), u64::MAX);
        }
        // Distances of 32 bits do for nearly all windows; free places come last.
        let (mut index, mut first, mut next) = (0, u32::MAX, u32::MAX);
        for (place, end) in self.ends.iter().enumerate() {
            let ahead = u32::try_from(end.wrapping_sub(self.next_end)).unwrap_or(u32::MAX);
            if ahead < first {
                (index, next, first) = (place, first, ahead);
            } else if ahead < next {
                next = ahead;
            }
        }
        if next == u32::MAX {
            return self.first_end_far();
        }
        let end = |ahead: u32| self.next_end.saturating_add(u64::from(ahead));
        (index, end(first), end(next))
    }

    /// As [`Self::first_end`], however far the windows are apart.
    #[cold]
    fn first_end_far(&self) -> (usize, u64, u64) {
        let (mut index, mut first, mut next) = (0, u64::MAX, u64::MAX);
        for (place, end) in self.ends.iter().enumerate().filter(|(_, end)| **end != 0) {
            if *end < first {
                (index, next, first) = (place, first, *end);
            } else {
                next = next.min(*end);
            }
        }
        (index, first, next)
    }

    /// When the first window ends; 0 without episodes.
    pub(crate) const fn next_end(&self) -> u64 {
        self.next_end
    }

    /// Ends the first window that ended until `now`. Returns whether there was one.
    #[inline]
    pub(crate) fn end_window(&mut self, now: u64, sink: &mut impl Sink) -> bool {
        self.next_end != 0 && self.next_end <= now && self.end_first(now, sink)
    }

    #[inline(never)]
    fn end_first(&mut self, now: u64, sink: &mut impl Sink) -> bool {
        if self.taken == 0 {
            self.next_end = 0;
            return false;
        }
        let (index, end, next) = self.first_end();
        self.pass(index, end.min(now), sink);
        let own = self.ends.get(index).copied().filter(|end| *end != 0).unwrap_or(u64::MAX);
        self.next_end = if self.taken == 0 { 0 } else { next.min(own) };
        true
    }
}

/// The bit of a place.
fn bit(index: usize) -> u16 {
    u32::try_from(index).ok().and_then(|index| 1_u16.checked_shl(index)).unwrap_or(0)
}
