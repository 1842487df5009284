//! Puts a specification on trial: what training traffic contradicts is not believed.
//!
//! Not a proof: a rule that was kept may still be wrong about what training did not show, so what it is worth depends on how
//! well its source did. Invariants: training traffic breaks no rule that is kept; the same frames and specification give the
//! same rows. Cost: a map lookup a frame, and one reading for each rule of its message.

use super::candidates::{Candidate, Unfit, candidates};
use super::protect::{TriedProtection, protections};
use super::states::{Teller, tellers};
use super::{Message, Specification, parameter_group};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use yagura_ids::{
    Allowed, Check, ChecksumRow, Class, CounterRow, IdRow, Lengths, Pace, RuleRow, SPEC_RULES_MAX, StateRow, Strength,
};
use yagura_model::{BusId, CanId, Frame, FrameKind};

/// Rules of a source must have been tested by so many moving signals before a breach of one alone is told: with n tested and
/// none broken, the chance that the next is wrong is about 1 in n (rule of succession).
pub const TESTED_MIN: usize = 20;
/// A rule counts as tested once its signal had so many values.
const VALUES_MIN: usize = 3;
/// Fewer frames say nothing about unused bits.
const FRAMES_MIN: u32 = 100;
/// A bus is one of a source's if it carries at least this part of as many of its messages as the bus with the most: 1 in so many.
const SHARE: usize = 2;

/// A rule that is not kept, or a signal without one.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropped {
    /// On which bus.
    pub bus: BusId,
    /// Of which identifier.
    pub id: CanId,
    /// The message.
    pub message: String,
    /// The signal; empty for bits without one.
    pub signal: String,
    /// Why.
    pub reason: Reason,
}

/// Why a rule is not kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// Training traffic broke it.
    Broken {
        /// What the rule says.
        check: Check,
        /// So many frames.
        frames: u32,
        /// Of so many.
        of: u32,
        /// Raw value of the first, lower 32 bits.
        observed: u32,
    },
    /// Multiplexors within each other are not followed by a detector.
    Nested,
    /// Wider than a detector reads.
    TooWide,
    /// End-to-end protection of a kind or place that is not judged.
    Protection,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bus {} {} {}", self.bus.0, self.id, self.message)?;
        if !self.signal.is_empty() {
            write!(f, ".{}", self.signal)?;
        }
        match self.reason {
            Reason::Broken { check, frames, of, observed } => {
                write!(f, ": {} broken by {frames} of {of} frames, first by raw value {observed}", check.name())
            }
            Reason::Nested => write!(f, ": multiplexors within each other are not judged"),
            Reason::TooWide => write!(f, ": wider than a detector reads"),
            Reason::Protection => write!(f, ": end-to-end protection of a kind or place that is not judged"),
        }
    }
}

/// What became of a specification.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpecificationReport {
    /// Identifiers of training traffic that the specification describes.
    pub seen: usize,
    /// Identifiers of the specification that training traffic did not have.
    pub unseen: usize,
    /// Rules in the profile.
    pub rules: usize,
    /// Of them, those whose breach is told alone.
    pub told_alone: usize,
    /// Signals that tell what the vehicle is doing.
    pub states: usize,
    /// Messages whose end-to-end protection training bore out.
    pub protected: usize,
    /// What was not kept.
    pub dropped: Vec<Dropped>,
    /// Rules that were kept out because an identifier has at most [`SPEC_RULES_MAX`]; narrower ones were kept.
    pub too_many: usize,
    /// Identifiers of the specification for which the profile has no room.
    pub no_room: usize,
}

/// What a specification gives a profile.
pub(crate) struct Specified {
    pub(crate) rules: Vec<RuleRow>,
    pub(crate) states: Vec<StateRow>,
    /// End-to-end protection that training bore out.
    pub(crate) protections: Vec<(ChecksumRow, Option<CounterRow>)>,
    pub(crate) report: SpecificationReport,
}

/// The row of an identifier that only the specification knows: of any length, never early, never missed.
fn never_seen(bus: BusId, id: CanId) -> IdRow {
    let lengths = Lengths { classic: 0x1FF, fd: u16::MAX, remote: true };
    let (class, pace) = (Class::Event, Pace::default());
    IdRow { bus, id, class, lengths, period: 0, pace, distance: 0, silence: 0, frames: 0, gap_min: 0, gap_max: 0 }
}

/// A candidate in training.
#[derive(Clone, Debug)]
struct Tried {
    candidate: Candidate,
    frames: u32,
    broken: u32,
    observed: u32,
    /// The first values it had.
    values: Vec<u64>,
}

/// A message on a bus.
struct Instance {
    message: usize,
    tried: Vec<Tried>,
    tellers: Vec<Teller>,
    protections: Vec<TriedProtection>,
}

/// A specification in training.
pub(crate) struct Trial<'s> {
    specification: &'s Specification,
    by_id: HashMap<CanId, Vec<usize>>,
    by_group: HashMap<u32, Vec<usize>>,
    candidates: Vec<Vec<Candidate>>,
    unfit: Vec<Vec<(usize, Unfit)>>,
    instances: BTreeMap<(BusId, u32, usize), Instance>,
    /// Whether an identifier of a bus has instances, so that most frames cost one lookup.
    known: HashMap<(BusId, u32), Vec<usize>>,
}

impl<'s> Trial<'s> {
    pub(crate) fn new(specification: &'s Specification) -> Self {
        let mut by_id: HashMap<CanId, Vec<usize>> = HashMap::new();
        let mut by_group: HashMap<u32, Vec<usize>> = HashMap::new();
        for (index, message) in specification.messages.iter().enumerate() {
            match message.group {
                Some(group) => by_group.entry(group).or_default().push(index),
                None => by_id.entry(message.id).or_default().push(index),
            }
        }
        let (candidates, unfit) = specification.messages.iter().map(candidates).unzip();
        let (instances, known) = (BTreeMap::new(), HashMap::new());
        Self { specification, by_id, by_group, candidates, unfit, instances, known }
    }

    /// The messages that an identifier may be, at most one of each source.
    fn messages(&self, id: CanId) -> Vec<usize> {
        let of_group = || parameter_group(id).and_then(|group| self.by_group.get(&group));
        let mut messages = self.by_id.get(&id).or_else(of_group).cloned().unwrap_or_default();
        messages.dedup_by_key(|index| self.specification.messages.get(*index).map(|message| message.source));
        messages
    }

    /// Takes up a frame of training.
    pub(crate) fn take(&mut self, frame: &Frame) {
        if self.specification.is_empty() || !matches!(frame.kind, FrameKind::Data | FrameKind::Fd { .. }) {
            return;
        }
        let key = (frame.bus, frame.id.key());
        if !self.known.contains_key(&key) {
            self.known.insert(key, self.messages(frame.id));
        }
        for message in self.known.get(&key).into_iter().flatten() {
            let instance = self.instances.entry((key.0, key.1, *message)).or_insert_with(|| {
                let candidates = self.candidates.get(*message).into_iter().flatten().cloned();
                let tried = |candidate| Tried { candidate, frames: 0, broken: 0, observed: 0, values: Vec::new() };
                let tellers = self.specification.messages.get(*message).map(tellers).unwrap_or_default();
                let of = self.specification.messages.get(*message);
                let protections = of.into_iter().flat_map(protections).flatten().collect();
                Instance { message: *message, tried: candidates.map(tried).collect(), tellers, protections }
            });
            let data = frame.payload.as_slice();
            instance.tried.iter_mut().for_each(|tried| tried.take(data));
            instance.tellers.iter_mut().for_each(|teller| teller.take(data));
            instance.protections.iter_mut().for_each(|protection| protection.take(data));
        }
    }

    /// Messages of each source by bus.
    fn buses(&self) -> BTreeMap<(usize, BusId), usize> {
        let mut counts = BTreeMap::new();
        for ((bus, ..), instance) in &self.instances {
            if let Some(message) = self.specification.messages.get(instance.message) {
                let count: &mut usize = counts.entry((message.source, *bus)).or_default();
                *count = count.saturating_add(1);
            }
        }
        counts
    }

    /// The buses that each source describes.
    fn homes(&self) -> Vec<(usize, BusId)> {
        let counts = self.buses();
        let most = |source: usize| counts.iter().filter(|((s, _), _)| *s == source).map(|(_, n)| *n).max().unwrap_or(0);
        let is_home = |(source, count): (usize, usize)| count.saturating_mul(SHARE) >= most(source);
        counts.iter().filter(|((source, _), count)| is_home((*source, **count))).map(|(key, _)| *key).collect()
    }

    /// Adds the identifiers that training did not show, each on the bus that carries most of its source's messages, as far as
    /// there is room for `ids_max`: they are known, but whoever sends them does what training did not show.
    pub(crate) fn complete(&self, ids: &mut Vec<IdRow>, ids_max: usize) -> usize {
        let mut best: BTreeMap<usize, (usize, BusId)> = BTreeMap::new();
        for ((source, bus), count) in self.buses() {
            let entry = best.entry(source).or_insert((count, bus));
            if count > entry.0 {
                *entry = (count, bus);
            }
        }
        let mut known: HashSet<(BusId, CanId)> = ids.iter().map(|row| (row.bus, row.id)).collect();
        let mut no_room = 0_usize;
        for message in self.specification.messages.iter().filter(|message| message.group.is_none()) {
            let Some((_, bus)) = best.get(&message.source) else { continue };
            if !known.insert((*bus, message.id)) {
                continue;
            }
            if ids.len() >= ids_max {
                no_room = no_room.saturating_add(1);
                continue;
            }
            ids.push(never_seen(*bus, message.id));
        }
        ids.sort_by_key(|row| (row.bus, row.id.key()));
        no_room
    }

    /// What training did not contradict, and what became of the rest. `ids` are the rows of the profile.
    pub(crate) fn finish(&self, ids: &[IdRow]) -> Specified {
        let homes = self.homes();
        let (mut rules, mut states, mut protections) = (Vec::new(), Vec::new(), Vec::new());
        let mut report = SpecificationReport::default();
        for (owner, row) in (0_u16..).zip(ids) {
            let (mut of_id, mut tells) = (Vec::new(), Vec::new());
            let key = (row.bus, row.id.key());
            let instances = self.instances.range((key.0, key.1, 0)..=(key.0, key.1, usize::MAX));
            for instance in instances.map(|(_, instance)| instance) {
                let Some(message) = self.specification.messages.get(instance.message) else { continue };
                if !homes.contains(&(message.source, row.bus)) {
                    continue;
                }
                report.seen = report.seen.saturating_add(1);
                let place = Place { bus: row.bus, id: row.id, message };
                of_id.extend(place.rules(instance, self.trust(message.source, &homes), &mut report.dropped));
                self.note_unfit(instance.message, &place, &mut report.dropped);
                protections.extend(instance.protections.iter().filter_map(|tried| tried.rows(owner)));
                place.note_protections(instance, &mut report.dropped);
                tells.extend(instance.tellers.iter().flat_map(Teller::rows));
            }
            of_id.sort_by_key(|rule| (std::cmp::Reverse(rule.strength), breadth(rule)));
            let too_many = of_id.len().saturating_sub(SPEC_RULES_MAX);
            report.too_many = report.too_many.saturating_add(too_many);
            rules.extend(of_id.into_iter().take(SPEC_RULES_MAX).map(|rule| RuleRow { owner, ..rule }));
            states.extend(tells.into_iter().take(SPEC_RULES_MAX).map(|state| StateRow { owner, ..state }));
        }
        report.unseen = ids.iter().filter(|row| row.frames == 0).count();
        report.rules = rules.len();
        report.told_alone = rules.iter().filter(|row| row.strength > Strength::Hint).count();
        report.states = states.len();
        report.protected = protections.len();
        Specified { rules, states, protections, report }
    }

    fn note_unfit(&self, message: usize, place: &Place<'_>, dropped: &mut Vec<Dropped>) {
        for (signal, unfit) in self.unfit.get(message).into_iter().flatten() {
            let reason = match unfit {
                Unfit::Nested => Reason::Nested,
                Unfit::TooWide => Reason::TooWide,
            };
            dropped.push(place.dropped(Some(*signal), reason));
        }
    }

    fn trust(&self, source: usize, homes: &[(usize, BusId)]) -> Trust {
        let of_source = |instance: &&Instance| {
            self.specification.messages.get(instance.message).is_some_and(|message| message.source == source)
        };
        let here = self.instances.iter().filter(|((bus, ..), _)| homes.contains(&(source, *bus)));
        let tried =
            || here.clone().map(|(_, instance)| instance).filter(of_source).flat_map(|instance| &instance.tried);
        match tried().filter(|tried| tried.is_tested()).count() {
            _ if tried().any(|tried| tried.broken > 0) => Trust::Broken,
            tested if tested >= TESTED_MIN => Trust::Tested,
            _ => Trust::Unbroken,
        }
    }
}

/// How well a source did on the buses that it describes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trust {
    /// Training broke one of its rules: all are hints.
    Broken,
    /// None was broken, few were tested. What the generated code of a sender writes into unused bits is told alone, ranges are
    /// not.
    Unbroken,
    /// At least [`TESTED_MIN`] were tested, none broken.
    Tested,
}

/// How many raw values a rule allows, as a power of two: the fewer, the more a breach says.
fn breadth(row: &RuleRow) -> u32 {
    match row.allowed {
        Allowed::Range(low, high) => high.abs_diff(low).checked_ilog2().unwrap_or(0),
        Allowed::Values(values) => values.count_ones(),
        Allowed::Unused(mask, _) => 64_u32.saturating_sub(mask.count_ones()),
    }
}

impl Tried {
    fn take(&mut self, data: &[u8]) {
        if let Some(raw) = self.candidate.row.field.raw(data) {
            self.frames = self.frames.saturating_add(1);
            if self.values.len() < VALUES_MIN && !self.values.contains(&raw) {
                self.values.push(raw);
            }
        }
        if let Some((_, observed)) = self.candidate.row.breach(data) {
            if self.broken == 0 {
                self.observed = observed;
            }
            self.broken = self.broken.saturating_add(1);
        }
    }

    const fn is_tested(&self) -> bool {
        self.values.len() >= VALUES_MIN
    }

    /// Whether it is about bits that carry nothing, and was seen often.
    const fn is_unused(&self) -> bool {
        matches!(self.candidate.row.allowed, Allowed::Unused(..)) && self.frames >= FRAMES_MIN
    }
}

/// Where a rule belongs.
struct Place<'s> {
    bus: BusId,
    id: CanId,
    message: &'s Message,
}

impl Place<'_> {
    fn rules(&self, instance: &Instance, trust: Trust, dropped: &mut Vec<Dropped>) -> Vec<RuleRow> {
        let mut kept = Vec::new();
        for tried in &instance.tried {
            let row = tried.candidate.row;
            if tried.broken > 0 {
                let (frames, of, observed) = (tried.broken, tried.frames, tried.observed);
                let check = row.allowed.check();
                dropped.push(self.dropped(tried.candidate.signal, Reason::Broken { check, frames, of, observed }));
                continue;
            }
            let is_told =
                tried.is_tested() && (trust == Trust::Tested || (trust == Trust::Unbroken && tried.is_unused()));
            kept.push(RuleRow { strength: if is_told { Strength::Likely } else { Strength::Hint }, ..row });
        }
        kept
    }

    fn dropped(&self, signal: Option<usize>, reason: Reason) -> Dropped {
        let signal = signal.and_then(|signal| self.message.signals.get(signal)).map(|signal| signal.name.clone());
        let (bus, id, message) = (self.bus, self.id, self.message.name.clone());
        Dropped { bus, id, message, signal: signal.unwrap_or_default(), reason }
    }

    fn note_protections(&self, instance: &Instance, dropped: &mut Vec<Dropped>) {
        let unfit = protections(self.message).filter(Option::is_none);
        dropped.extend(unfit.map(|_| self.dropped(None, Reason::Protection)));
        for (frames, of) in instance.protections.iter().map(TriedProtection::broken).filter(|(broken, _)| *broken > 0) {
            let reason = Reason::Broken { check: Check::Checksum, frames, of, observed: 0 };
            dropped.push(self.dropped(None, reason));
        }
    }
}
