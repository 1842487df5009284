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

/// An episode, or room for one while `until` is 0.
#[derive(Clone, Copy, Debug)]
struct Episode {
    key: Key,
    until: u64,
    time: Micros,
    pending: u16,
    context: CanContext,
}

impl Episode {
    /// All bytes zero, so that a detector at rest takes no flash.
    const FREE: Self = Self {
        key: (EventId(0), 0),
        until: 0,
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

    const fn is_free(&self) -> bool {
        self.until == 0
    }

    fn raise(&mut self, sink: &mut impl Sink) {
        let (id, time, count, context) = (self.key.0, self.time, self.pending, self.context);
        self.pending = 0;
        sink.raise(SecurityEvent { id, time, count, context });
    }

    /// Ends the windows that ended until `now`; afterwards the episode is free or its window still runs.
    fn pass(&mut self, now: u64, sink: &mut impl Sink) {
        if self.is_free() || self.until > now {
            return;
        }
        if self.pending > 0 {
            self.until = self.until.saturating_add(EPISODE_WINDOW);
            self.raise(sink);
        }
        if self.until <= now {
            self.until = 0;
        }
    }
}

/// The running episodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Episodes {
    places: [Episode; PLACES_MAX],
    /// No window ends before; 0 without episodes.
    next_end: u64,
}

impl Episodes {
    pub(crate) const fn new() -> Self {
        Self { places: [Episode::FREE; PLACES_MAX], next_end: 0 }
    }

    /// Takes up a happening at `time`, which is `now` on the steady clock.
    pub(crate) fn note(&mut self, now: u64, time: Micros, key: Key, context: CanContext, sink: &mut impl Sink) {
        if let Some(index) = self.running(key, now, sink)
            && let Some(episode) = self.places.get_mut(index)
        {
            if episode.pending == u16::MAX {
                episode.raise(sink);
            }
            episode.pending = episode.pending.saturating_add(1);
            episode.time = time;
            episode.context = context;
            return;
        }
        let until = now.saturating_add(EPISODE_WINDOW);
        if let Some(place) = self.free_place(now, sink) {
            *place = Episode { key, until, time, pending: 0, context };
        }
        self.next_end = if self.next_end == 0 { until } else { self.next_end.min(until) };
        sink.raise(SecurityEvent { id: key.0, time, count: 1, context });
    }

    /// The episode of `key`, or the one that stands for it because its event has no place left.
    fn running(&mut self, key: Key, now: u64, sink: &mut impl Sink) -> Option<usize> {
        let mut of_event = 0_usize;
        let mut last = None;
        for (index, episode) in self.places.iter_mut().enumerate() {
            if episode.key.0 != key.0 {
                continue;
            }
            episode.pass(now, sink);
            if episode.is_free() {
                continue;
            }
            if episode.key == key {
                return Some(index);
            }
            of_event = of_event.saturating_add(1);
            last = Some(index);
        }
        last.filter(|_| of_event >= EPISODES_MAX)
    }

    fn free_place(&mut self, now: u64, sink: &mut impl Sink) -> Option<&mut Episode> {
        let mut index = self.places.iter().position(Episode::is_free);
        if index.is_none() {
            self.places.iter_mut().for_each(|episode| episode.pass(now, sink));
            let first = self.places.iter().enumerate().min_by_key(|(_, episode)| episode.until);
            index = first.map(|(index, _)| index);
        }
        let place = self.places.get_mut(index?)?;
        if place.pending > 0 && !place.is_free() {
            place.raise(sink);
        }
        Some(place)
    }

    /// When the first window ends; 0 without episodes.
    pub(crate) const fn next_end(&self) -> u64 {
        self.next_end
    }

    /// Ends the first window that ended until `now`. Returns whether there was one.
    pub(crate) fn end_window(&mut self, now: u64, sink: &mut impl Sink) -> bool {
        if self.next_end == 0 || self.next_end > now {
            return false;
        }
        let running = self.places.iter_mut().filter(|episode| !episode.is_free());
        let Some(first) = running.min_by_key(|episode| episode.until) else {
            self.next_end = 0;
            return false;
        };
        first.pass(first.until.min(now), sink);
        let running = self.places.iter().filter(|episode| !episode.is_free());
        self.next_end = running.map(|episode| episode.until).min().unwrap_or(0);
        true
    }
}
