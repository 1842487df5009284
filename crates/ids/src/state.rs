//! The state of the detectors: routes each frame through what the profile says of bus and identifier.
//!
//! Not a filter chain: events are bounded by [`crate::EPISODE_WINDOW`], not qualified.
//! Invariants: events depend only on the frames' order and their times relative to the first; calls of
//! [`State::handle_timeout`] decide when an event is told, never which. A frame that is not legal for its identifier
//! neither moves that identifier's schedule nor proves its presence; a state at rest is all zero bytes, so a static one takes no
//! flash. Cost: ADR-0004.

use crate::bus::Errors;
use crate::clock::BusClock;
use crate::diag::{Diagnostics, Moment};
use crate::early::{Crowd, Timing};
use crate::episodes::Episodes;
use crate::finding::{Check, Finding, Sink, Strength, Tray};
use crate::integrity::{CounterState, RULES_MAX, Rules, Spacing};
use crate::j1939::{J1939, SOURCES_MAX};
use crate::judge::{Evidence, Incidents, Ruling};
use crate::load::Load;
use crate::novelty::{Newcomers, Strangers};
use crate::payload::{Arrival, Fields, Spans};
use crate::profile::{BUSES_MAX, Class, IdRow, Profile};
use crate::relation::Relations;
use crate::silence::{Attendance, Presence, SESSION_GAP, SILENCE_HOLD, STEPS};
use crate::spec::{Driving, DrivingState, SPEC_RULES_MAX, Span, Specified};
use core::fmt;
use yagura_model::{CanContext, Frame, FrameKind, Micros};

/// The profile has more of something than the detector was built for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CapacityExceeded {
    /// Of what there are too many.
    pub what: &'static str,
    /// How many the profile has.
    pub count: usize,
    /// How many the detector has room for.
    pub capacity: usize,
}

impl fmt::Display for CapacityExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, count, capacity } = self;
        write!(f, "profile of {count} {what} exceeds this detector's maximum {capacity}")
    }
}

impl core::error::Error for CapacityExceeded {}

/// Each: of what, how many, and the capacity.
fn check_rooms(rooms: &[(&'static str, usize, usize)]) -> Result<(), CapacityExceeded> {
    let over = rooms.iter().find(|(_, count, room)| count > room);
    over.map_or(Ok(()), |&(what, count, capacity)| Err(CapacityExceeded { what, count, capacity }))
}

/// 72 bytes, in this order without gaps.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct IdState {
    timing: Timing,
    /// Where its bus stands, and [`Self::DIAGNOSTIC`].
    bus: u8,
    presence: Presence,
    evidence: Evidence,
    /// Rows of the specification and state tables.
    specified: Specified,
    /// Rows of the checksum and counter tables.
    rules: Rules,
    /// Rows of the tables of fields, constants, signals and relations.
    payload: Spans,
}

impl IdState {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self {
        timing: Timing::REST,
        presence: Presence::REST,
        evidence: Evidence::REST,
        bus: 0,
        specified: Specified::REST,
        rules: Rules::REST,
        payload: Spans::REST,
    };

    /// The bit of `bus` for identifiers that belong to diagnostics.
    const DIAGNOSTIC: u8 = 0x80;

    const fn is_diagnostic(&self) -> bool {
        self.bus & Self::DIAGNOSTIC != 0
    }

    const fn bus(&self) -> usize {
        (self.bus & !Self::DIAGNOSTIC) as usize
    }

    fn start(&mut self, profile: &Profile<'_>, owner: u16) -> Result<(), CapacityExceeded> {
        self.rules = Rules::of(profile, owner);
        self.specified = Specified::of(profile, owner);
        self.payload = Spans::of(profile.tables(), owner);
        check_rooms(&[
            ("rules of an identifier", self.rules.len(), RULES_MAX),
            ("specified rules of an identifier", self.specified.len(), SPEC_RULES_MAX),
            ("rows of an identifier", self.payload.len(), Span::ROWS_MAX - 1),
        ])
    }
}

#[derive(Clone, Copy, Debug)]
struct BusState {
    clock: BusClock,
    load: Load,
    attendance: Attendance,
    /// Busy time at which the bus started anew.
    session: u64,
    /// Steady time until which frames held back by a pause may come in a heap.
    heap_until: u64,
    newcomers: Newcomers,
    errors: Errors,
    /// About identifiers that the profile does not know, and about the bus itself.
    evidence: Evidence,
}

impl BusState {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self {
        clock: BusClock::REST,
        load: Load::REST,
        attendance: Attendance::REST,
        session: 0,
        heap_until: 0,
        newcomers: Newcomers::REST,
        errors: Errors::REST,
        evidence: Evidence::REST,
    };
}

/// A pause of the bus excuses frames that come in a heap after it for as long as it lasted, at most this, µs.
pub const HEAP_MAX: u64 = 1_000_000;

impl BusState {
    fn advance(&mut self, time: Micros, idle_cap: u32) {
        let is_first = self.clock.steady() == 0;
        let gap = self.clock.advance(time, idle_cap);
        if gap > u64::from(idle_cap) && !is_first {
            self.heap_until = self.clock.steady().saturating_add(gap.min(HEAP_MAX));
        }
        if gap >= SESSION_GAP {
            self.session = self.clock.busy();
            self.newcomers.settle(self.clock.steady());
        }
    }

    const fn is_heap(&self) -> bool {
        self.clock.steady() < self.heap_until
    }
}

/// Payloads are judged on a clock on which a pause counts for at most this, µs.
pub const PAUSE_MAX: u32 = 10_000_000;
/// Fields that a detector has room for, unless it says otherwise.
pub const FIELDS_ROOM: usize = 128;
/// Signals with history that a detector has room for, unless it says otherwise.
pub const SIGNALS_ROOM: usize = 24;
/// Relations that a detector has room for, unless it says otherwise.
pub const RELATIONS_ROOM: usize = 64;

/// What changes while frames are judged. Of use where it must not move, or lie on a stack: in a `static`.
#[derive(Clone, Debug)]
pub struct State<
    const IDS: usize,
    const FIELDS: usize = FIELDS_ROOM,
    const SIGNALS: usize = SIGNALS_ROOM,
    const RELATIONS: usize = RELATIONS_ROOM,
> {
    clock: BusClock,
    cursor: usize,
    buses: [BusState; BUSES_MAX],
    incidents: Incidents,
    /// About buses that the profile does not know.
    stray: Evidence,
    episodes: Episodes,
    driving: Driving,
    diagnostics: Diagnostics,
    j1939: J1939,
    strangers: Strangers,
    fields: Fields<FIELDS>,
    relations: Relations<SIGNALS, RELATIONS>,
    ids: [IdState; IDS],
    /// One for each row of the counter table.
    counters: [CounterState; IDS],
}

impl<const IDS: usize, const FIELDS: usize, const SIGNALS: usize, const RELATIONS: usize> Default
    for State<IDS, FIELDS, SIGNALS, RELATIONS>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<const IDS: usize, const FIELDS: usize, const SIGNALS: usize, const RELATIONS: usize>
    State<IDS, FIELDS, SIGNALS, RELATIONS>
{
    /// A state at rest: all bytes zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            clock: BusClock::REST,
            cursor: 0,
            buses: [BusState::REST; BUSES_MAX],
            incidents: Incidents::REST,
            stray: Evidence::REST,
            episodes: Episodes::new(),
            driving: Driving::REST,
            diagnostics: Diagnostics::REST,
            j1939: J1939::REST,
            strangers: Strangers::REST,
            fields: Fields::new(),
            relations: Relations::new(),
            ids: [IdState::REST; IDS],
            counters: [CounterState::REST; IDS],
        }
    }

    /// Makes a state at rest ready for the frames of a vehicle. All further calls must name the same profile.
    ///
    /// # Errors
    /// [`CapacityExceeded`] if the profile has more of anything than there is room for.
    pub fn start(&mut self, profile: &Profile<'_>) -> Result<(), CapacityExceeded> {
        let tables = profile.tables();
        let rooms = [
            ("identifiers", profile.ids_len(), IDS),
            ("fields", tables.fields.len(), FIELDS),
            ("signals", tables.signals.len(), SIGNALS),
            ("relations", tables.relations.len(), RELATIONS),
            ("counters", tables.counters.len(), IDS),
        ];
        check_rooms(&rooms)?;
        for ((owner, state), row) in (0_u16..).zip(self.ids.iter_mut()).zip(profile.ids()) {
            state.start(profile, owner)?;
            state.bus = profile.bus_index(row.bus).and_then(|bus| u8::try_from(bus).ok()).unwrap_or(u8::MAX);
        }
        for row in tables.diagnostics.iter() {
            self.ids.get_mut(usize::from(row.owner)).into_iter().for_each(|state| state.bus |= IdState::DIAGNOSTIC);
        }
        if !self.j1939.start(profile) {
            return Err(CapacityExceeded { what: "J1939 sources", count: tables.sources.len(), capacity: SOURCES_MAX });
        }
        self.diagnostics.start(profile);
        self.strangers.start(profile);
        Ok(())
    }

    /// What the vehicle is doing, as far as the profile's specification tells.
    #[must_use]
    pub fn driving_state(&self) -> DrivingState {
        self.driving.state(self.clock.steady())
    }

    /// Judges a frame. Frames come in the order in which the sensor received them.
    pub fn handle_frame(&mut self, profile: &Profile<'_>, frame: &Frame, sink: &mut impl Sink) {
        let paused = self.clock.advance(frame.time, PAUSE_MAX) >= SESSION_GAP;
        let now = self.clock.steady();
        if paused {
            self.fields.restart();
            self.relations.restart(self.clock.busy());
        }
        self.episodes.end_window(now, sink);
        if matches!(frame.kind, FrameKind::Error) {
            self.judge_error(profile, frame, now, sink);
            return;
        }
        let mut tray = Tray::default();
        let bus = profile.bus_index(frame.bus);
        let index = bus.and_then(|_| profile.id_index(frame.bus, frame.id));
        match bus {
            Some(bus) => {
                let rate = self.judge_bus(profile, bus, frame);
                match index {
                    Some(index) => self.judge_id(profile, bus, index, frame, &mut tray),
                    None => self.judge_unknown(profile, bus, frame, &mut tray),
                }
                // A flood is told of the frames that make it, not of those that come as they always did.
                if let Some((peak, rate)) = rate.filter(|_| !tray.is_empty() || !Self::is_timed(profile, index)) {
                    tray.put(Check::Flood, Strength::Certain, CanContext::of(frame, peak, rate));
                }
            }
            // A bus that training did not show is not judged: it says more about the sensor's wiring than about the vehicle.
            None => tray.put(Check::UnknownId, Strength::Hint, CanContext::of(frame, 0, 0)),
        }
        if !tray.is_empty() {
            self.settle_all(&tray, (bus, index), now, frame, sink);
        }
        if bus.is_some() {
            self.look_for_silence(profile, now, frame, sink);
        }
    }

    /// Tells what was counted until `now`. Call it with no frame older than `now` outstanding; at the end of a capture with
    /// [`Micros::MAX`].
    pub fn handle_timeout(&mut self, now: Micros, sink: &mut impl Sink) {
        let now = self.clock.steady_at(now);
        while self.episodes.end_window(now, sink) {}
    }

    /// When [`Self::handle_timeout`] has something to tell; [`Micros::MAX`] for never.
    #[must_use]
    pub fn poll_timeout(&self) -> Micros {
        match self.episodes.next_end() {
            0 => Micros::MAX,
            end => self.clock.time_of(end),
        }
    }

    /// An identifier that is not known on its bus may be known on another.
    fn stranger(profile: &Profile<'_>, frame: &Frame) -> Check {
        let elsewhere = profile.buses().any(|row| profile.id_index(row.bus, frame.id).is_some());
        if elsewhere { Check::WrongBus } else { Check::UnknownId }
    }

    /// For a frame that is more than the bus ever carried: the most frames a second in training, and now.
    fn judge_bus(&mut self, profile: &Profile<'_>, bus: usize, frame: &Frame) -> Option<(u32, u32)> {
        let (state, row) = (self.buses.get_mut(bus)?, profile.bus(bus)?);
        state.advance(frame.time, row.idle_cap);
        let rate = state.load.take(row.pace, state.clock.steady());
        rate.filter(|_| !state.is_heap()).map(|rate| (row.peak_per_second, rate))
    }

    /// An error frame is no traffic: it moves no clock but the detector's own.
    fn judge_error(&mut self, profile: &Profile<'_>, frame: &Frame, now: u64, sink: &mut impl Sink) {
        let bus = profile.bus_index(frame.bus);
        let Some(state) = bus.and_then(|bus| self.buses.get_mut(bus)) else { return };
        let at = state.clock.steady_at(frame.time);
        let strength = state.errors.take(frame, at).filter(|_| state.newcomers.is_settled(at) && !state.is_heap());
        if let Some(strength) = strength {
            let context = CanContext::of(frame, 0, frame.id.raw());
            self.settle((bus, None), (now, frame.time), (Check::BusError, strength), &context, sink);
        }
    }

    /// Whether the timing of the identifier is known well enough to tell a legitimate frame from a surplus one.
    fn is_timed(profile: &Profile<'_>, index: Option<usize>) -> bool {
        index.and_then(|index| profile.id(index)).is_some_and(|row| row.pace.interval != 0)
    }

    fn judge_id(&mut self, profile: &Profile<'_>, bus: usize, index: usize, frame: &Frame, tray: &mut Tray) {
        let (Some(state), Some(row)) = (self.ids.get_mut(index), profile.id(index)) else { return };
        let number = bus;
        let Some(bus) = self.buses.get_mut(bus) else { return };
        if !row.lengths.allows(frame) {
            let (expected, observed) = (u32::from(row.lengths.longest()), u32::from(frame.payload.len()));
            tray.put(Check::Length, Strength::Certain, CanContext::of(frame, expected, observed));
            return;
        }
        if matches!(frame.kind, FrameKind::Remote { .. }) {
            return;
        }
        if row.frames == 0 {
            // Known to the specification, never seen: no proof of anything alone.
            tray.put(Check::UnknownId, Strength::Hint, CanContext::of(frame, 0, 0));
        }
        let now = self.clock.steady();
        self.j1939.judge(number, frame, true, now, tray);
        if state.is_diagnostic() {
            let at = Moment { now, state: self.driving.state(now) };
            self.diagnostics.judge_known(profile, index, frame, at, tray);
        }
        state.presence.see(bus.clock.busy(), row.silence, &mut bus.attendance);
        let now = bus.clock.steady();
        let gap = u32::try_from(state.timing.gap(now)).unwrap_or(u32::MAX);
        let may_repeat = row.class != Class::Periodic && gap < row.period / 2;
        let spacing = Spacing { gap, period: row.period, may_repeat };
        let crowd = if bus.load.is_crowded(now) { Crowd::Full } else { Crowd::Free };
        let gap = state.timing.take(&row, now, crowd).filter(|_| !bus.is_heap());
        match gap {
            Some((gap, strength)) => tray.put(Check::Early, strength, CanContext::of(frame, row.period, gap)),
            None => {
                let at = Arrival { frame, period: row.period, now: self.clock.busy() };
                self.fields.judge(profile.tables(), state.payload, at, tray);
                self.relations.judge(profile, state.payload, at, tray);
            }
        }
        // An injected frame must not move the counter that the legitimate ones are judged by.
        if !matches!(gap, Some((_, Strength::Certain))) {
            state.rules.judge(profile, &mut self.counters, frame, spacing, tray);
        }
        state.specified.judge(profile, &mut self.driving, frame, self.clock.steady(), tray);
        Fields::<FIELDS>::add_hints(profile.tables(), state.payload, frame, tray);
    }

    fn judge_unknown(&mut self, profile: &Profile<'_>, bus: usize, frame: &Frame, tray: &mut Tray) {
        let at = Moment { now: self.clock.steady(), state: self.driving_state() };
        let expected = self.diagnostics.judge_unknown(bus, frame, at, tray);
        if self.j1939.judge(bus, frame, false, at.now, tray) || expected {
            return;
        }
        let (Some(state), Some(row)) = (self.buses.get_mut(bus), profile.bus(bus)) else { return };
        let (who, now) = ((frame.bus.0, frame.id), state.clock.steady());
        let Some(strength) = self.strangers.judge(who, &mut state.newcomers, row.novelty, now) else { return };
        tray.put(Self::stranger(profile, frame), strength, CanContext::of(frame, 0, 0));
    }

    fn look_for_silence(&mut self, profile: &Profile<'_>, now: u64, frame: &Frame, sink: &mut impl Sink) {
        for _ in 0..STEPS {
            let index = self.cursor;
            self.cursor = index.saturating_add(1);
            let Some(state) = self.ids.get_mut(index).filter(|_| index < profile.ids_len()) else {
                self.cursor = 0;
                continue;
            };
            let Some(bus) = self.buses.get_mut(state.bus()) else { continue };
            if state.presence.is_calm(bus.clock.busy()) {
                continue;
            }
            let Some(row) = profile.id(index) else { continue };
            // A vehicle that moves does not shut down.
            let hold = if self.driving.state(now) == DrivingState::Driving { 0 } else { SILENCE_HOLD };
            if !state.presence.check(bus.clock.busy(), bus.session, (row.silence, hold), &mut bus.attendance) {
                continue;
            }
            let absent = u32::try_from(state.timing.gap(bus.clock.steady())).unwrap_or(u32::MAX);
            let context = CanContext::of_absence(row.bus, row.id, row.silence, absent);
            let found = (Check::Silent, Strength::Certain);
            self.settle((None, Some(index)), (now, frame.time), found, &context, sink);
        }
    }

    /// Weighs what was found in a frame; what is certain first: it confirms the rest.
    #[inline(never)]
    fn settle_all(
        &mut self,
        tray: &Tray,
        place: (Option<usize>, Option<usize>),
        now: u64,
        frame: &Frame,
        sink: &mut impl Sink,
    ) {
        let mut context = CanContext::of(frame, 0, 0);
        for certain in [true, false] {
            for found in tray.iter().filter(|found| (found.strength == Strength::Certain) == certain) {
                found.put_into(&mut context);
                self.settle(place, (now, frame.time), (found.check, found.strength), &context, sink);
            }
        }
    }

    /// Weighs what was found of a bus or an identifier on it, and tells it if the evidence suffices.
    fn settle(
        &mut self,
        (bus, index): (Option<usize>, Option<usize>),
        (now, time): (u64, Micros),
        (check, strength): (Check, Strength),
        context: &CanContext,
        sink: &mut impl Sink,
    ) {
        let of_bus = matches!(check, Check::Flood | Check::BusError);
        let id = index.filter(|_| !of_bus).and_then(|index| self.ids.get_mut(index)).map(|id| &mut id.evidence);
        let bus = bus.and_then(|bus| self.buses.get_mut(bus)).map(|bus| &mut bus.evidence);
        let unknown =
            if of_bus || index.is_some() { None } else { self.strangers.evidence((context.bus.0, context.id.key())) };
        let evidence = id.or(unknown).or(bus).unwrap_or(&mut self.stray);
        let ruling = evidence.weigh(check, strength, now);
        if ruling == Ruling::Hold {
            return;
        }
        let (qualified, incident) = (ruling == Ruling::Qualify, self.incidents.number(now));
        sink.find(&Finding { check, strength, time, context: *context, qualified, incident });
        if qualified {
            let key = if of_bus { 0 } else { context.id.key() };
            let subject = IdRow::sort_key(context.bus, key);
            self.episodes.note(now, time, (check.event(), subject), context, sink);
        }
    }
}
