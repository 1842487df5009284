//! The detector: routes each frame through what its profile says of bus and identifier.
//!
//! Not a filter chain: events are bounded by [`crate::EPISODE_WINDOW`], not qualified. Error frames are not judged here.
//! Invariants: events depend only on the frames' order and their times relative to the first; calls of
//! [`Detector::handle_timeout`] decide when an event is told, never which. A frame that is not legal for its identifier
//! neither moves that identifier's schedule nor proves its presence. Cost: ADR-0004.

use crate::clock::BusClock;
use crate::early::Timing;
use crate::episodes::Episodes;
use crate::load::Load;
use crate::profile::{BUSES_MAX, IdRow, Profile};
use crate::silence::{Attendance, Presence, SESSION_GAP, STEPS};
use core::fmt;
use yagura_model::{CanContext, EventId, Frame, FrameKind, Micros, SecurityEvent};

/// Takes security events.
pub trait Sink {
    /// Takes one.
    fn raise(&mut self, event: SecurityEvent);
}

impl<F: FnMut(SecurityEvent)> Sink for F {
    fn raise(&mut self, event: SecurityEvent) {
        self(event);
    }
}

/// The profile has more identifiers than the detector was built for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CapacityExceeded {
    /// Identifiers in the profile.
    pub ids: usize,
    /// Identifiers the detector has room for.
    pub capacity: usize,
}

impl fmt::Display for CapacityExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "profile of {} identifiers exceeds this detector's maximum {}", self.ids, self.capacity)
    }
}

impl core::error::Error for CapacityExceeded {}

#[derive(Clone, Copy, Debug, Default)]
struct IdState {
    timing: Timing,
    presence: Presence,
    bus: u8,
}

#[derive(Clone, Copy, Debug, Default)]
struct BusState {
    clock: BusClock,
    load: Load,
    attendance: Attendance,
    /// Busy time at which the bus started anew.
    session: u64,
    /// Steady time until which frames held back by a pause may come in a heap.
    heap_until: u64,
}

/// A pause of the bus excuses frames that come in a heap after it for as long as it lasted, at most this, µs.
pub const HEAP_MAX: u64 = 1_000_000;

impl BusState {
    fn advance(&mut self, time: Micros, idle_cap: u32) {
        let gap = self.clock.advance(time, idle_cap);
        if gap > u64::from(idle_cap) {
            self.heap_until = self.clock.steady().saturating_add(gap.min(HEAP_MAX));
        }
        if gap >= SESSION_GAP {
            self.session = self.clock.busy();
        }
    }

    const fn is_heap(&self) -> bool {
        self.clock.steady() < self.heap_until
    }
}

/// Judges frames against a profile of at most `IDS` identifiers.
#[derive(Clone, Debug)]
pub struct Detector<'p, const IDS: usize> {
    profile: Profile<'p>,
    clock: BusClock,
    next_end: u64,
    cursor: usize,
    buses: [BusState; BUSES_MAX],
    unknown: Episodes,
    length: Episodes,
    early: Episodes,
    flood: Episodes,
    ids: [IdState; IDS],
}

impl<'p, const IDS: usize> Detector<'p, IDS> {
    /// A detector that has seen nothing yet.
    ///
    /// # Errors
    /// [`CapacityExceeded`] if the profile has more than `IDS` identifiers.
    pub fn new(profile: Profile<'p>) -> Result<Self, CapacityExceeded> {
        if profile.ids_len() > IDS {
            return Err(CapacityExceeded { ids: profile.ids_len(), capacity: IDS });
        }
        let mut ids = [IdState::default(); IDS];
        for (state, row) in ids.iter_mut().zip(profile.ids()) {
            state.bus = profile.bus_index(row.bus).and_then(|bus| u8::try_from(bus).ok()).unwrap_or(u8::MAX);
        }
        Ok(Self {
            profile,
            clock: BusClock::default(),
            next_end: u64::MAX,
            cursor: 0,
            buses: [BusState::default(); BUSES_MAX],
            unknown: Episodes::new(EventId::CAN_UNKNOWN_ID),
            length: Episodes::new(EventId::CAN_WRONG_LENGTH),
            early: Episodes::new(EventId::CAN_EARLY_FRAME),
            flood: Episodes::new(EventId::CAN_BUS_FLOOD),
            ids,
        })
    }

    /// The profile in use.
    #[must_use]
    pub const fn profile(&self) -> &Profile<'p> {
        &self.profile
    }

    /// Judges a frame. Frames come in the order in which the sensor received them.
    pub fn handle_frame(&mut self, frame: &Frame, sink: &mut impl Sink) {
        self.clock.advance(frame.time, 0);
        let now = self.clock.steady();
        if now >= self.next_end {
            self.end_windows(now, sink);
        }
        if matches!(frame.kind, FrameKind::Error) {
            return;
        }
        let subject = IdRow::sort_key(frame.bus, frame.id.key());
        let Some(bus) = self.profile.bus_index(frame.bus) else {
            let context = CanContext::of(frame, 0, 0);
            let end = self.unknown.note(now, frame.time, subject, context, sink);
            self.next_end = self.next_end.min(end);
            return;
        };
        let end = self.judge_bus(bus, now, frame, sink).min(self.judge_id(bus, now, subject, frame, sink));
        self.next_end = self.next_end.min(end);
        self.look_for_silence(frame, sink);
    }

    /// Tells what was counted until `now`. Call it with no frame older than `now` outstanding; at the end of a capture with
    /// [`Micros::MAX`].
    pub fn handle_timeout(&mut self, now: Micros, sink: &mut impl Sink) {
        self.end_windows(self.clock.steady_at(now), sink);
    }

    /// When [`Self::handle_timeout`] has something to tell; [`Micros::MAX`] for never.
    #[must_use]
    pub fn poll_timeout(&self) -> Micros {
        if self.next_end == u64::MAX { Micros::MAX } else { self.clock.time_of(self.next_end) }
    }

    fn judge_bus(&mut self, bus: usize, now: u64, frame: &Frame, sink: &mut impl Sink) -> u64 {
        let (Some(state), Some(row)) = (self.buses.get_mut(bus), self.profile.bus(bus)) else { return u64::MAX };
        state.advance(frame.time, row.idle_cap);
        let rate = state.load.take(row.pace, state.clock.steady());
        let Some(rate) = rate.filter(|_| !state.is_heap()) else { return u64::MAX };
        let context = CanContext::of(frame, row.peak_per_second, rate);
        self.flood.note(now, frame.time, u64::from(frame.bus.0), context, sink)
    }

    fn judge_id(&mut self, bus: usize, now: u64, subject: u64, frame: &Frame, sink: &mut impl Sink) -> u64 {
        let index = self.profile.id_index(frame.bus, frame.id);
        let known = index.and_then(|index| Some((self.ids.get_mut(index)?, self.profile.id(index)?)));
        let (Some((state, row)), Some(bus)) = (known, self.buses.get_mut(bus)) else {
            return self.unknown.note(now, frame.time, subject, CanContext::of(frame, 0, 0), sink);
        };
        if !row.lengths.allows(frame) {
            let (expected, observed) = (u32::from(row.lengths.longest()), u32::from(frame.payload.len()));
            return self.length.note(now, frame.time, subject, CanContext::of(frame, expected, observed), sink);
        }
        if matches!(frame.kind, FrameKind::Remote { .. }) {
            return u64::MAX;
        }
        state.presence.see(bus.clock.busy(), row.silence, &mut bus.attendance);
        let Some(gap) = state.timing.take(&row, bus.clock.steady()).filter(|_| !bus.is_heap()) else { return u64::MAX };
        self.early.note(now, frame.time, subject, CanContext::of(frame, row.period, gap), sink)
    }

    fn look_for_silence(&mut self, frame: &Frame, sink: &mut impl Sink) {
        for _ in 0..STEPS {
            let index = self.cursor;
            self.cursor = index.saturating_add(1);
            let Some(state) = self.ids.get_mut(..self.profile.ids_len()).and_then(|ids| ids.get_mut(index)) else {
                self.cursor = 0;
                continue;
            };
            let Some(bus) = self.buses.get_mut(usize::from(state.bus)) else { continue };
            if state.presence.is_calm(bus.clock.busy()) {
                continue;
            }
            let Some(row) = self.profile.id(index) else { continue };
            if !state.presence.check(bus.clock.busy(), bus.session, row.silence, &mut bus.attendance) {
                continue;
            }
            let absent = u32::try_from(state.timing.gap(bus.clock.steady())).unwrap_or(u32::MAX);
            let context = CanContext::of_absence(row.bus, row.id, row.silence, absent);
            sink.raise(SecurityEvent { id: EventId::CAN_SILENT_ID, time: frame.time, count: 1, context });
        }
    }

    /// Ends windows in the order of their ends, so that it does not matter how often this is called.
    fn end_windows(&mut self, now: u64, sink: &mut impl Sink) {
        loop {
            let pools = [&mut self.unknown, &mut self.length, &mut self.early, &mut self.flood];
            let Some(first) = pools.into_iter().min_by_key(|pool| pool.next_end()) else { return };
            self.next_end = first.next_end();
            if self.next_end > now || self.next_end == u64::MAX {
                return;
            }
            first.end_window(self.next_end, sink);
        }
    }
}
