//! One attack is one episode, not one event a frame: the first happening is raised at once, the rest are counted.
//!
//! Not the filter chain of the vehicle (`idsm` is): this only bounds what a detector says, whatever an attacker sends. An
//! episode is raised again each [`EPISODE_WINDOW`] with the count since, and ends with a window without happenings. An event
//! has at most [`EPISODES_MAX`] places, the last of them for all its other subjects, so thousands of random identifiers cost
//! no more than that a window. Should all [`PLACES_MAX`] be taken, the one whose window ends first is raised and gives way.
//! Invariant: happenings = sum of the counts raised + those still pending. State: 120 bytes a place.

use crate::finding::Sink;
use yagura_model::{CanContext, EventId, Micros, SecurityEvent};

/// How long happenings are counted before they are raised together, µs.
pub const EPISODE_WINDOW: u64 = 1_000_000;
/// Episodes of one event at a time; the last place stands for all further subjects.
pub const EPISODES_MAX: usize = 8;
/// Episodes of all events at a time.
pub const PLACES_MAX: usize = 32;

/// What an episode is about: an event, and an identifier or a bus.
type Key = (EventId, u64);

#[derive(Clone, Copy, Debug)]
struct Episode {
    key: Key,
    until: u64,
    time: Micros,
    pending: u16,
    context: CanContext,
}

impl Episode {
    fn raise(&mut self, sink: &mut impl Sink) {
        let (id, time, count, context) = (self.key.0, self.time, self.pending, self.context);
        self.pending = 0;
        sink.raise(SecurityEvent { id, time, count, context });
    }
}

/// The running episodes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Episodes {
    places: [Option<Episode>; PLACES_MAX],
}

impl Episodes {
    /// Takes up a happening at `time`, which is `now` on the steady clock. Returns when its window ends.
    pub(crate) fn note(&mut self, now: u64, time: Micros, key: Key, context: CanContext, sink: &mut impl Sink) -> u64 {
        if let Some(episode) = self.running(key) {
            if episode.pending == u16::MAX {
                episode.raise(sink);
            }
            episode.pending = episode.pending.saturating_add(1);
            episode.time = time;
            episode.context = context;
            return episode.until;
        }
        let until = now.saturating_add(EPISODE_WINDOW);
        if let Some(place) = self.free_place(sink) {
            *place = Some(Episode { key, until, time, pending: 0, context });
        }
        sink.raise(SecurityEvent { id: key.0, time, count: 1, context });
        until
    }

    /// The episode of `key`, or the one that stands for it because its event has no place left.
    fn running(&mut self, key: Key) -> Option<&mut Episode> {
        let mut of_event = 0_usize;
        let mut last = None;
        for (index, episode) in self.places.iter().enumerate() {
            let Some(episode) = episode.as_ref().filter(|episode| episode.key.0 == key.0) else { continue };
            if episode.key == key {
                return self.places.get_mut(index)?.as_mut();
            }
            of_event = of_event.saturating_add(1);
            last = Some(index);
        }
        let shared = last.filter(|_| of_event >= EPISODES_MAX)?;
        self.places.get_mut(shared)?.as_mut()
    }

    fn free_place(&mut self, sink: &mut impl Sink) -> Option<&mut Option<Episode>> {
        let free = self.places.iter().position(Option::is_none);
        let first_to_end = || {
            let until = |place: &Option<Episode>| place.as_ref().map_or(u64::MAX, |episode| episode.until);
            let least = self.places.iter().enumerate().min_by_key(|(_, place)| until(place));
            least.map(|(index, _)| index)
        };
        let index = free.or_else(first_to_end)?;
        let place = self.places.get_mut(index)?;
        if let Some(episode) = place.as_mut().filter(|episode| episode.pending > 0) {
            episode.raise(sink);
        }
        *place = None;
        Some(place)
    }

    /// When the first window ends; `u64::MAX` without episodes.
    pub(crate) fn next_end(&self) -> u64 {
        self.places.iter().flatten().map(|episode| episode.until).min().unwrap_or(u64::MAX)
    }

    /// Ends the first window that ends at `until`.
    pub(crate) fn end_window(&mut self, until: u64, sink: &mut impl Sink) {
        let Some(place) = self.places.iter_mut().find(|place| place.is_some_and(|e| e.until == until)) else { return };
        let Some(episode) = place else { return };
        if episode.pending == 0 {
            *place = None;
            return;
        }
        episode.until = until.saturating_add(EPISODE_WINDOW);
        episode.raise(sink);
    }
}
