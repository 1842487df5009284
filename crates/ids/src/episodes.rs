//! One attack is one episode, not one event a frame: the first happening is raised at once, the rest are counted.
//!
//! Not the filter chain of the vehicle (`idsm` is): this only bounds what a detector says, whatever an attacker sends. An
//! episode is raised again each [`EPISODE_WINDOW`] with the count since, and ends with a window without happenings. When
//! all places are taken, the last one stands for all others together, so thousands of random identifiers cost no more than
//! [`EPISODES_MAX`] events a window. Invariant: happenings = sum of the counts raised + those still pending.
//! State: 112 bytes an episode.

use crate::detector::Sink;
use yagura_model::{CanContext, EventId, Micros, SecurityEvent};

/// How long happenings are counted before they are raised together, µs.
pub const EPISODE_WINDOW: u64 = 1_000_000;
/// Episodes of one kind at a time; the last place stands for all further ones.
pub const EPISODES_MAX: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Episode {
    subject: u64,
    until: u64,
    time: Micros,
    pending: u16,
    context: CanContext,
}

/// The running episodes of one event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Episodes {
    event: EventId,
    places: [Option<Episode>; EPISODES_MAX],
}

impl Episodes {
    pub(crate) const fn new(event: EventId) -> Self {
        Self { event, places: [None; EPISODES_MAX] }
    }

    /// Takes up a happening at `time`, which is `now` on the steady clock. Returns when its window ends.
    pub(crate) fn note(
        &mut self,
        now: u64,
        time: Micros,
        subject: u64,
        context: CanContext,
        sink: &mut impl Sink,
    ) -> u64 {
        let Some((others, own)) = self.places.split_last_mut() else { return u64::MAX };
        let place = match own.iter().position(|place| place.is_some_and(|e| e.subject == subject)) {
            Some(index) => own.get_mut(index),
            None => own.iter_mut().find(|place| place.is_none()),
        };
        let place = place.unwrap_or(others);
        if let Some(episode) = place {
            episode.pending = episode.pending.saturating_add(1);
            episode.time = time;
            episode.context = context;
            return episode.until;
        }
        let until = now.saturating_add(EPISODE_WINDOW);
        *place = Some(Episode { subject, until, time, pending: 0, context });
        sink.raise(SecurityEvent { id: self.event, time, count: 1, context });
        until
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
        let (time, count, context) = (episode.time, episode.pending, episode.context);
        episode.pending = 0;
        episode.until = until.saturating_add(EPISODE_WINDOW);
        sink.raise(SecurityEvent { id: self.event, time, count, context });
    }
}
