//! Diagnostics on CAN: who talks to which control unit, and whether that is the work of a tester or of an attacker.
//!
//! Not a decoder, and no list of secrets of any maker: ISO-TP, UDS, KWP2000 and OBD as their standards say (ADR-0017). A
//! conversation is one identifier that asks and those that answer it; which they are was learned, or ISO 15765-4 says it.
//! Invariants: bounded state, whatever comes ([`TALKS_MAX`] conversations, the oldest gives way); a check that clean traffic
//! would raise was muted by learning. Cost: nothing for identifiers outside of diagnostics but a look at a flag; state 2 KiB.

mod isotp;
mod row;
mod services;
mod sweep;
#[cfg(test)]
mod tests;
mod uds;

pub use isotp::IsoTp;
pub use row::{DiagRow, Line, Role};
pub use services::Services;

use crate::finding::{Check, Strength, Tray};
use crate::profile::{BUSES_MAX, Profile};
use crate::spec::DrivingState;
use isotp::{FAULTS_MAX, Transfer};
use sweep::Sweep;
use uds::{Asker, Dialogue};
use yagura_model::{CanContext, Frame, FrameKind};

/// Conversations that are followed at a time.
pub const TALKS_MAX: usize = 16;
/// With so many control units asked in training, a search for further ones is daily life on that bus.
const ROAMED_MIN: u8 = 4;

/// What a machine found: the check, its worth, and the two numbers of the context.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Note {
    /// By which check.
    pub check: Check,
    /// How much it is worth alone.
    pub strength: Strength,
    /// As in the event's context.
    pub expected: u32,
    /// As in the event's context.
    pub observed: u32,
}

impl Note {
    pub(crate) const fn new(check: Check, strength: Strength, expected: u32, observed: u32) -> Self {
        Self { check, strength, expected, observed }
    }

    /// The bit of [`DiagRow::muted`] or [`SourceRow::muted`](crate::SourceRow::muted) that keeps it silent.
    #[must_use]
    pub const fn mute(&self) -> u8 {
        match self.check {
            Check::IsoTp | Check::J1939Transport => 1,
            Check::SecurityAccess | Check::J1939Request => 2,
            Check::Scan | Check::J1939Address => 4,
            _ => 8,
        }
    }

    fn put(&self, frame: &Frame, tray: &mut Tray) {
        tray.put(self.check, self.strength, CanContext::of(frame, self.expected, self.observed));
    }
}

/// When a frame came, and what the vehicle was doing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// On a steady clock, µs.
    pub now: u64,
    /// As far as the specification tells.
    pub state: DrivingState,
}

/// What was heard in a frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Heard {
    /// What was found, not muted: transport first.
    pub notes: [Option<Note>; 2],
    /// Whether it is part of a harmless conversation that keeps to the rules.
    pub in_order: bool,
}

impl Heard {
    fn put(&self, frame: &Frame, tray: &mut Tray) {
        self.notes.iter().flatten().for_each(|note| note.put(frame, tray));
    }
}

/// The bit of a bus.
const fn bit(bus: usize) -> u16 {
    if bus < 16 { 1 << bus } else { 0 }
}

#[derive(Clone, Copy, Debug, Default)]
struct Talk {
    /// Bus and key of the identifier that asks; `None` for a free place.
    key: Option<(u8, u32)>,
    seen: u64,
    asking: Transfer,
    answering: Transfer,
    dialogue: Dialogue,
    faults: u8,
}

impl Talk {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self {
        key: None,
        seen: 0,
        asking: Transfer::REST,
        answering: Transfer::REST,
        dialogue: Dialogue::REST,
        faults: 0,
    };
}

impl Talk {
    /// `awaited`: whether all control units were asked lately.
    fn take(&mut self, data: &[u8], line: &Line, at: Moment, awaited: bool) -> Heard {
        let Moment { now, state } = at;
        let awaited = awaited || self.dialogue.expects_answer(now);
        self.seen = now;
        let from_tester = line.role != Role::Response;
        let part = IsoTp::read(data);
        let (points, good) = self.transport(part, from_tester, now);
        let faults = self.faults.saturating_add(points);
        self.faults = if good { faults.saturating_sub(2) } else { faults.min(FAULTS_MAX.saturating_mul(2)) };
        let abused = points > 0 && self.faults >= FAULTS_MAX;
        let transport = abused.then(|| Note::new(Check::IsoTp, Strength::Certain, 0, u32::from(points)));
        let message = match part {
            Some(IsoTp::Single(message) | IsoTp::First { data: message, .. }) => message,
            part => {
                let in_order = part.is_some() && points == 0 && awaited;
                return Heard { notes: [transport, None], in_order };
            }
        };
        let in_order = if from_tester {
            services::is_harmless(message) && !services::is_malformed(message)
        } else {
            awaited && message.first().is_some_and(|first| first & 0x40 != 0)
        };
        let said = if from_tester {
            let functional = line.role == Role::Functional;
            let asker = Asker { services: line.services, state, functional };
            self.dialogue.ask(message, asker, now)
        } else if line.services.is_some() && message.first().is_some_and(|first| first & 0x40 == 0) {
            Some(Note::new(Check::Scan, Strength::Likely, 0, 1))
        } else {
            self.dialogue.answer(message, now)
        };
        Heard { notes: [transport, said], in_order: in_order && said.is_none() && points == 0 }
    }

    /// Points of fault, and whether the frame completes a message or is a right answer to one.
    fn transport(&mut self, part: Option<IsoTp<'_>>, from_tester: bool, now: u64) -> (u8, bool) {
        let (own, other) =
            if from_tester { (&mut self.asking, &mut self.answering) } else { (&mut self.answering, &mut self.asking) };
        match part {
            None => (2, false),
            Some(IsoTp::Single(_)) => {
                own.single();
                (0, true)
            }
            Some(IsoTp::First { len, data }) => (own.first(len, data.len(), now), false),
            Some(IsoTp::Consecutive { number, carried }) => own.consecutive(number, carried, now),
            Some(IsoTp::Flow { status }) => (other.flow(status, now), false),
        }
    }
}

/// The conversations of all buses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Diagnostics {
    talks: [Talk; TALKS_MAX],
    sweep: Sweep,
    /// Until when an answer to a request to all control units is due; 0 before the first.
    called_until: u64,
    /// Buses, as bits, on which training showed a tester with identifiers of ISO 15765-4.
    standard: u16,
    /// Buses on which a tester that asks many control units belongs to daily life.
    roamed: u16,
}

impl Diagnostics {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self =
        Self { talks: [Talk::REST; TALKS_MAX], sweep: Sweep::REST, called_until: 0, standard: 0, roamed: 0 };
}

impl Diagnostics {
    /// Takes up the diagnostics that a profile describes, from rest.
    pub(crate) fn start(&mut self, profile: &Profile<'_>) {
        let mut asked = [0_u8; BUSES_MAX];
        for row in profile.tables().diagnostics.iter() {
            let Some(id) = profile.id(usize::from(row.owner)) else { continue };
            let Some(bus) = profile.bus_index(id.bus) else { continue };
            if Line::standard(id.id).is_some() {
                self.standard |= bit(bus);
            }
            let Some(asked) = asked.get_mut(bus).filter(|_| row.role == Role::Request) else { continue };
            *asked = asked.saturating_add(1);
            if *asked >= ROAMED_MIN {
                self.roamed |= bit(bus);
            }
        }
    }

    /// Takes up a frame of an identifier that belongs to diagnostics.
    pub fn take(&mut self, frame: &Frame, line: &Line, at: Moment) -> Heard {
        let now = at.now;
        if line.role == Role::Functional {
            self.called_until = now.saturating_add(uds::ANSWER_SPAN);
        }
        let awaited = now < self.called_until;
        let Some(talk) = self.talk((frame.bus.0, line.request)) else { return Heard::default() };
        let mut heard = talk.take(frame.payload.as_slice(), line, at, awaited);
        for note in &mut heard.notes {
            *note = note.filter(|note| note.mute() & line.muted == 0);
        }
        heard
    }

    /// Judges a frame of the learned identifier `owner`, which has a row.
    pub(crate) fn judge_known(
        &mut self,
        profile: &Profile<'_>,
        owner: usize,
        frame: &Frame,
        at: Moment,
        tray: &mut Tray,
    ) {
        let table = &profile.tables().diagnostics;
        let row = u16::try_from(owner).ok().and_then(|owner| table.get(table.of(owner).start));
        let Some(line) = row.and_then(|row| Line::of(&row, profile)) else { return };
        self.take(frame, &line, at).put(frame, tray);
    }

    /// Judges a frame of an identifier that training did not show. Returns whether it is expected all the same: a standard
    /// tester's harmless exchange, on a bus where such testers belong.
    pub(crate) fn judge_unknown(&mut self, bus: usize, frame: &Frame, at: Moment, tray: &mut Tray) -> bool {
        if matches!(frame.kind, FrameKind::Remote { .. }) {
            return false;
        }
        if let Some(line) = Line::standard(frame.id) {
            let heard = self.take(frame, &line, at);
            heard.put(frame, tray);
            if self.standard & bit(bus) != 0 && heard.in_order {
                return true;
            }
        }
        if let Some(note) = self.sweep.take(frame, at.now).filter(|_| self.roamed & bit(bus) == 0) {
            note.put(frame, tray);
        }
        false
    }

    fn talk(&mut self, key: (u8, u32)) -> Option<&mut Talk> {
        // Places are taken in their order and never given back: the first free one ends the search.
        let found = self.talks.iter().position(|talk| talk.key.is_none_or(|other| other == key));
        let oldest = || self.talks.iter().enumerate().min_by_key(|(_, talk)| talk.seen).map(|(index, _)| index);
        let place = found.or_else(oldest)?;
        let talk = self.talks.get_mut(place)?;
        if talk.key != Some(key) {
            *talk = Talk { key: Some(key), ..Talk::REST };
        }
        Some(talk)
    }
}
