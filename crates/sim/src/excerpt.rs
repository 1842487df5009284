//! The frames around an event: a ring of the latest ones, and for each raised event a copy that goes on for a while.
//!
//! Not a recorder. A detector tells a counted event up to a second after its last happening, so the ring reaches back further
//! than an excerpt does. Invariants: at most [`OPEN_MAX`] excerpts are open and each has at most [`BEFORE`] + [`AFTER`] frames; an
//! excerpt that could not be kept is counted in [`Excerpts::take_losses`]. Cost: one copy of a frame a frame, one of
//! the excerpt an event; 100 KB a vehicle.

use std::collections::VecDeque;
use yagura_link::ExcerptFrame;
use yagura_model::{EventId, Frame, Micros, SecurityEvent};

/// Frames up to and with the one that raised the event.
pub const BEFORE: usize = 24;
/// Frames behind it.
pub const AFTER: usize = 16;
/// Frames that are remembered: a second of a bus with 1,000 frames a second.
const RECENT_MAX: usize = 1_024;
/// Excerpts that wait for their event to qualify.
pub const OPEN_MAX: usize = 64;
/// An event that has not qualified by then was filtered; its excerpt goes with it, µs.
const STALE_AFTER: u64 = 3_000_000;

#[derive(Clone, Debug)]
struct Open {
    event: EventId,
    time: Micros,
    after: usize,
    frames: Vec<ExcerptFrame>,
}

/// Keeps the frames around events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Excerpts {
    recent: VecDeque<Frame>,
    open: VecDeque<Open>,
    lost: u64,
}

impl Excerpts {
    /// Takes up a frame, before it is judged.
    pub(crate) fn frame(&mut self, frame: &Frame) {
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(*frame);
        for open in self.open.iter_mut().filter(|open| open.after < AFTER) {
            open.after += 1;
            open.frames.push(ExcerptFrame { frame: *frame, raised: false });
        }
        while self.open.front().is_some_and(|open| frame.time.since(open.time) > STALE_AFTER) {
            self.open.pop_front();
        }
    }

    /// An event was raised by the latest frame or one before it.
    pub(crate) fn raised(&mut self, event: &SecurityEvent) {
        let newer = self.recent.iter().rev().take_while(|frame| frame.time > event.time).count();
        let behind = self.recent.len() - newer;
        if self.open.len() >= OPEN_MAX || behind == 0 {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        let (from, after) = (behind.saturating_sub(BEFORE), newer.min(AFTER));
        let raised = |frame: &Frame| {
            let subject = (frame.time, frame.bus, frame.id);
            subject == (event.time, event.context.bus, event.context.id) && frame.payload == event.context.payload
        };
        let frames = self.recent.range(from..behind + after);
        let frames = frames.map(|frame| ExcerptFrame { frame: *frame, raised: raised(frame) }).collect();
        self.open.push_back(Open { event: event.id, time: event.time, after, frames });
    }

    /// The excerpt of a qualified event. Those of events that were aggregated into it are closed.
    pub(crate) fn take(&mut self, event: &SecurityEvent) -> Option<Vec<ExcerptFrame>> {
        let at = self.open.iter().position(|open| open.event == event.id && open.time == event.time)?;
        self.open.remove(at).map(|open| open.frames)
    }

    /// An excerpt found no room.
    pub(crate) fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }

    /// Excerpts lost since this was asked last.
    pub(crate) fn take_losses(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_model::{BusId, CanContext, CanId, FrameKind, Payload};

    fn frame(time: u64) -> Frame {
        Frame {
            time: Micros(time),
            bus: BusId(0),
            id: CanId::from_key(0x100).unwrap(),
            kind: FrameKind::Data,
            payload: Payload::EMPTY,
        }
    }

    fn event(time: u64) -> SecurityEvent {
        let context = CanContext::of(&frame(time), 0, 0);
        SecurityEvent { id: EventId::CAN_EARLY_FRAME, time: Micros(time), count: 1, context }
    }

    #[test]
    fn an_excerpt_holds_the_frames_before_and_after_and_marks_the_one_that_raised_the_event() {
        let mut excerpts = Excerpts::default();
        for time in 0..100 {
            excerpts.frame(&frame(time));
            if time == 50 {
                excerpts.raised(&event(50));
            }
        }
        let frames = excerpts.take(&event(50)).unwrap();
        assert_eq!(frames.len(), BEFORE + AFTER);
        assert_eq!(frames.iter().position(|frame| frame.raised), Some(BEFORE - 1));
        assert_eq!(frames.last().unwrap().frame.time, Micros(50 + AFTER as u64));
        assert_eq!(excerpts.take(&event(50)), None);
    }

    #[test]
    fn an_event_that_is_told_late_gets_the_frames_around_its_time() {
        let mut excerpts = Excerpts::default();
        (0..500).for_each(|time| excerpts.frame(&frame(time)));
        excerpts.raised(&event(100));
        let frames = excerpts.take(&event(100)).unwrap();
        let (first, last) = (frames.first().unwrap().frame.time, frames.last().unwrap().frame.time);
        assert_eq!((first, last), (Micros(101 - BEFORE as u64), Micros(100 + AFTER as u64)));
    }

    #[test]
    fn excerpts_beyond_the_limit_and_of_forgotten_frames_are_counted() {
        let mut excerpts = Excerpts::default();
        for time in 1_000..3_000 {
            excerpts.frame(&frame(time));
            excerpts.raised(&event(time));
        }
        assert_eq!(excerpts.take_losses(), 2_000 - OPEN_MAX as u64);
        excerpts.raised(&event(3));
        assert_eq!(excerpts.take_losses(), 1);
    }
}
