//! Signals that measure the same thing and no longer agree: masquerade seen by physics.
//!
//! Not a model of the vehicle: relations come from the profile, each with the limit that clean traffic kept. A relation alone
//! says that one of two signals lies, not which; a signal is blamed if most identifiers that know it contradict it and at least
//! two signals do. Other fields of the same identifier count as one such identifier, and only beside an independent one.
//! Invariants: a frame changes only the state of its own identifier's signals; the frame that is told contradicts its
//! witnesses itself. State: 164 bytes a signal, 33 a relation. Cost: a dozen instructions a frame and followed signal, some
//! forty a relation of its signals (ADR-0015).

mod link;
mod row;
mod signal;

pub use link::Link;
pub use row::{Comparison, Derived, RelationRow, SignalRow};
pub use signal::{GRACE, Signal, WINDOW};

use crate::finding::{Check, Strength, Tray};
use crate::payload::{Arrival, Spans, word};
use crate::profile::{Profile, Tables};
use yagura_model::{CanContext, Frame, Place};

/// The most identifiers that are heard about a signal.
const VOICES_MAX: usize = 6;

/// The state of all signals and relations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relations<const SIGNALS: usize, const RELATIONS: usize> {
    signals: [Signal; SIGNALS],
    links: [Link; RELATIONS],
    /// How many identifiers contradict each signal.
    accused: [u8; SIGNALS],
    /// Nothing is judged before; units of 1,024 µs.
    start: u32,
}

/// What one identifier says about a signal.
#[derive(Clone, Copy, Debug, Default)]
struct Voice {
    owner: u16,
    live: u8,
    broken: u8,
    /// Whether a relation that cannot be chance is broken.
    exact: bool,
}

impl Voice {
    const fn is_against(self) -> bool {
        self.exact || self.broken.saturating_mul(2) > self.live
    }
}

/// What all identifiers say about a signal.
#[derive(Clone, Copy, Debug, Default)]
struct Vote {
    voices: [Voice; VOICES_MAX],
    len: usize,
    /// Relations of the signal, and those among them whose witness is live.
    known: u8,
    live: u8,
    /// Broken relations by weight.
    weight: u8,
    /// The first contradiction by another identifier: its signal, and the value it expects.
    against: Option<(u16, i32)>,
}

impl Vote {
    fn count(&mut self, owner: u16, broken: bool, exact: bool) {
        let known = self.voices.iter().take(self.len).position(|voice| voice.owner == owner);
        let index = known.unwrap_or(self.len);
        let Some(voice) = self.voices.get_mut(index) else { return };
        if known.is_none() {
            *voice = Voice { owner, ..Voice::default() };
            self.len = self.len.saturating_add(1);
        }
        voice.live = voice.live.saturating_add(1);
        voice.broken = voice.broken.saturating_add(u8::from(broken));
        voice.exact |= broken && exact;
    }

    /// How many identifiers contradict the signal; its own counts for two.
    fn accusers(&self, own: u16) -> u8 {
        let weight = |voice: &Voice| u8::from(voice.is_against()) << u8::from(voice.owner == own);
        self.voices.iter().take(self.len).fold(0, |sum, voice| sum.saturating_add(weight(voice)))
    }

    /// Whether the signal of `own` is the one that lies: [`Strength::Hint`] if only one signal says so.
    fn verdict(&self, own: u16) -> Option<Strength> {
        let (mut against, mut for_it, mut others) = (0_u8, 0_u8, 0_u8);
        for voice in self.voices.iter().take(self.len) {
            if voice.is_against() {
                against = against.saturating_add(1);
                others = others.saturating_add(u8::from(voice.owner != own));
            } else {
                for_it = for_it.saturating_add(1);
            }
        }
        let blamed = others > 0 && against > for_it && self.live.saturating_mul(2) > self.known;
        blamed.then_some(if self.weight > 1 { Strength::Certain } else { Strength::Hint })
    }
}

impl<const SIGNALS: usize, const RELATIONS: usize> Relations<SIGNALS, RELATIONS> {
    pub(crate) const fn new() -> Self {
        Self {
            signals: [Signal::REST; SIGNALS],
            links: [const { Link::new() }; RELATIONS],
            accused: [0; SIGNALS],
            start: 0,
        }
    }

    /// The vehicle started at `now`, steady time, µs.
    pub(crate) fn restart(&mut self, now: u64) {
        self.start = u32::try_from(now >> 10).unwrap_or(u32::MAX).saturating_add(GRACE);
    }

    /// Takes up a frame of an identifier and judges its signals.
    pub(crate) fn judge(&mut self, profile: &Profile<'_>, spans: Spans, at: Arrival<'_>, tray: &mut Tray) {
        let Arrival { frame, now, .. } = at;
        let tables = profile.tables();
        let word = word(&frame.payload);
        for index in spans.signals.indices() {
            if let (Some(row), Some(signal)) = (tables.signals.get(index), self.signals.get_mut(index)) {
                signal.take(&row, word, now, self.start);
            }
        }
        let time = u32::try_from(now >> 10).unwrap_or(u32::MAX);
        let (mut judged, mut vote) = ((0, u16::MAX), Vote::default());
        for index in spans.relations.indices() {
            let Some(row) = tables.relations.get(index) else { continue };
            if row.judged != judged.1 {
                self.tell(profile, judged, &vote, frame, tray);
                (judged, vote) = ((row.owner, row.judged), Vote::default());
            }
            self.compare(tables, &row, index, time, &mut vote);
        }
        self.tell(profile, judged, &vote, frame, tray);
    }

    fn compare(&mut self, tables: &Tables<'_>, row: &RelationRow, index: usize, time: u32, vote: &mut Vote) {
        let (judged, witness) = (usize::from(row.judged), usize::from(row.witness));
        let rows = (tables.signals.get(judged), tables.signals.get(witness), self.links.get_mut(index));
        let (Some(judged_row), Some(witness_row), Some(link)) = rows else { return };
        let (Some(judged), Some(witness)) = (self.signals.get(judged), self.signals.get(witness)) else { return };
        vote.known = vote.known.saturating_add(1);
        let excess = link.excess(row, judged_row.bits, (judged, witness), time);
        // Who is contradicted by two identifiers, or within its own, does not testify against another.
        let credible = self.accused.get(usize::from(row.witness)).is_some_and(|accusers| *accusers < 2);
        let comparable = credible && Link::is_comparable(row, judged_row.bits, witness);
        if !comparable || time < self.start || !judged.is_judged(judged_row.derived) || !witness.is_live(time) {
            link.pass();
            return;
        }
        vote.live = vote.live.saturating_add(1);
        link.weigh(row, excess, time);
        let broken = link.is_broken(time);
        vote.count(witness_row.owner, broken, row.weight > 1);
        vote.weight = vote.weight.saturating_add(if broken { row.weight } else { 0 });
        if broken && witness_row.owner != row.owner && vote.against.is_none() {
            vote.against = Some((row.witness, row.expected(witness.value())));
        }
    }

    fn tell(
        &mut self,
        profile: &Profile<'_>,
        (owner, judged): (u16, u16),
        vote: &Vote,
        frame: &Frame,
        tray: &mut Tray,
    ) {
        if let Some(accused) = self.accused.get_mut(usize::from(judged)) {
            *accused = vote.accusers(owner);
        }
        let (Some((witness, expected)), Some(strength)) = (vote.against, vote.verdict(owner)) else { return };
        let tables = profile.tables();
        let rows = (tables.signals.get(usize::from(judged)), tables.signals.get(usize::from(witness)));
        let (Some(row), Some(witness)) = rows else { return };
        let id = profile.id(usize::from(witness.owner)).map(|row| row.id);
        let place = Place { start: row.bits.start(), bits: row.bits.len, witness: id };
        let observed = row.bits.value(word(&frame.payload)).cast_unsigned();
        let expected = if row.derived == Derived::Level { expected.cast_unsigned() } else { observed };
        tray.put(Check::Relation, strength, CanContext::of(frame, expected, observed).at(place));
    }
}
