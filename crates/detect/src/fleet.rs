//! Correlations and baselines over the fleet in two stages: engines that each see some vehicles, and one that judges what they saw together.
//!
//! Not a transport: [`MatchRecord`]s travel by other means, in whatever order, some of them twice. Invariants: any split of vehicles
//! over engines and any order of records within the rules' lateness gives the alerts and counts of one engine that sees all rows (the size of the
//! fullest window that an alert names may differ, as it does on one engine when rows come in another order); a
//! record whose event the group holds already counts once; what is not understood or given up is counted. Cost: one record an
//! event and correlation; ~0.5 µs to judge one, ~100 bytes while its window may still need it.

use crate::baseline::Baselines;
use crate::correlate::{Keys, Question, Reading};
use crate::engine::{Matches, Restored};
use crate::error::SnapshotError;
use crate::groups::{At, CorrelationLosses, Limits};
use crate::hit::{EventRef, Hit};
use crate::matched::MatchRecord;
use crate::network::{Found, Network, Origin};
use crate::rule::RuleKind;
use crate::ruleset::{Program, RuleSet};
use crate::snapshot;
use crate::view::{View, long, text_at};
use crate::window::Entry;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use yagura_model::UnixMicros;

const MAGIC: [u8; 4] = *b"YGFS";
const VERSION: u16 = 1;
const DIGEST_LEN: usize = 32;
/// So many names of vehicles are kept at least before those that nothing needs any more are looked for.
const NAMES_MIN: usize = 1_024;

/// One correlation over the fleet, as the first stage has it.
pub(crate) struct Outlet {
    question: Question,
    readings: Vec<Reading>,
    keys: Keys,
    without_field: u64,
}

impl Outlet {
    /// The outlet of a rule; `None` if it judges each event alone, or each vehicle apart.
    pub(crate) fn new(set: &RuleSet, rule: usize) -> Option<Self> {
        let over_fleet = match (set.programs.get(rule)?, &set.rules.get(rule)?.kind) {
            (Program::Count { plan, .. }, _) => plan.over_fleet,
            (_, RuleKind::Baseline(baseline)) => !baseline.is_per_vehicle(),
            _ => false,
        };
        let question = Question::new(set, rule).filter(|_| over_fleet && !set.rests(rule))?;
        Some(Self { question, readings: Vec::new(), keys: Keys::default(), without_field: 0 })
    }

    pub(crate) const fn rule(&self) -> usize {
        self.question.rule
    }

    pub(crate) fn losses(&self) -> CorrelationLosses {
        CorrelationLosses { without_field: self.without_field, ..CorrelationLosses::default() }
    }

    /// Hands on the rows of a chunk that the rules match, in their order.
    pub(crate) fn pass_on(
        &mut self,
        set: &RuleSet,
        view: &View,
        chunk: &Range<usize>,
        matches: &Matches,
        out: &mut Vec<MatchRecord>,
    ) {
        let Some(rule) = set.rules.get(self.question.rule) else { return };
        for offset in self.question.found(matches).rows() {
            let row = chunk.start.saturating_add(offset);
            self.readings.clear();
            let without = self.question.read(view, (row, offset), matches, (&mut self.keys, &mut self.readings));
            self.without_field = self.without_field.saturating_add(without);
            for reading in &self.readings {
                out.push(MatchRecord {
                    rule: rule.id.clone(),
                    digest: rule.digest,
                    tenant: text_at(&view.tenant, row).to_owned(),
                    vehicle: text_at(&view.vehicle, row).to_owned(),
                    group: self.question.group(view, row, reading),
                    matched: self.question.matched(set, view, (row, offset), matches),
                    time: UnixMicros(reading.entry.time),
                    received: UnixMicros(long(&view.received, row)),
                    value: reading.entry.value,
                    event: event_of(&reading.entry),
                });
            }
        }
    }
}

pub(crate) fn event_of(entry: &Entry) -> EventRef {
    event_at(entry.position, entry.entry_index)
}

fn event_at(position: i64, entry_index: i32) -> EventRef {
    EventRef { position: u64::try_from(position).unwrap_or(0), entry_index }
}

impl Origin for MatchRecord {
    fn tenant(&self) -> &str {
        &self.tenant
    }

    fn values(&self) -> Vec<String> {
        self.group.clone()
    }

    fn matched(&self) -> Vec<(String, String)> {
        self.matched.clone()
    }
}

/// What the second stage did not count, besides what each correlation gave up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FleetLosses {
    /// Records of events that were there already: sent twice, no loss.
    pub duplicates: u64,
    /// Records of rules that this engine does not have, or has changed.
    pub unknown_rule: u64,
}

/// Who judges records of a rule.
#[derive(Clone, Copy)]
enum Place {
    /// In the network.
    Correlation(usize),
    /// Among the baselines.
    Baseline(usize),
}

/// The second stage: correlations over the fleet, fed by records of first stages.
pub struct FleetEngine {
    set: RuleSet,
    network: Network,
    baselines: Baselines,
    /// Digest of the rule and who judges its records, by its id.
    by_rule: HashMap<String, ([u8; 32], Place)>,
    /// The vehicles of events that are held.
    vehicles: HashMap<EventRef, Box<str>, foldhash::fast::RandomState>,
    /// Above so many, those of events that are held no more are forgotten.
    vehicles_until: usize,
    losses: FleetLosses,
}

impl FleetEngine {
    /// An engine with the default limits.
    #[must_use]
    pub fn new(set: RuleSet) -> Self {
        Self::with_limits(set, Limits::default())
    }

    /// An engine whose correlations each keep to these limits.
    #[must_use]
    pub fn with_limits(set: RuleSet, limits: Limits) -> Self {
        let network = Network::new(&set, limits, |over_fleet| over_fleet);
        let baselines = Baselines::new(&set, limits, |over_fleet| over_fleet);
        let nodes = network.nodes.iter().map(|node| node.memory.rule).enumerate();
        let rooms = baselines.rooms.iter().map(|room| room.rule).enumerate();
        let places = nodes.map(|(place, rule)| (rule, Place::Correlation(place)));
        let places = places.chain(rooms.map(|(place, rule)| (rule, Place::Baseline(place))));
        let places = places.filter_map(|(rule, place)| Some((set.rules.get(rule)?, place)));
        let by_rule = places.map(|(rule, place)| (rule.id.clone(), (rule.digest, place))).collect();
        let (vehicles, losses) = (HashMap::default(), FleetLosses::default());
        Self { set, network, baselines, by_rule, vehicles, vehicles_until: NAMES_MIN, losses }
    }

    /// Judges records in the order in which they arrived.
    pub fn process(&mut self, records: &[MatchRecord]) -> Vec<Hit> {
        let mut found = Found::default();
        for record in records {
            let known = self.by_rule.get(&record.rule).copied().filter(|(digest, _)| *digest == record.digest);
            let Some((_, place)) = known else {
                self.losses.unknown_rule = self.losses.unknown_rule.saturating_add(1);
                continue;
            };
            if !self.arrive(place, record, &mut found) {
                self.losses.duplicates = self.losses.duplicates.saturating_add(1);
                continue;
            }
            self.vehicles.insert(record.event, record.vehicle.as_str().into());
        }
        found.hits.finish().map(|(_, hit)| hit).collect()
    }

    /// Judges a record; false if its event is there already.
    fn arrive(&mut self, place: Place, record: &MatchRecord, found: &mut Found) -> bool {
        let received = record.received.0;
        match place {
            Place::Correlation(place) => {
                let (key, entry) = (record.group_key(), entry_of(record));
                let node = self.network.nodes.get(place);
                if node.is_some_and(|node| node.memory.store.holds(key, &entry)) {
                    return false;
                }
                self.advance(received, found);
                self.network.arrive(&self.set, (place, At::new(key)), (received, entry), record, found);
                true
            }
            Place::Baseline(place) => {
                if self.baselines.holds(place, record) {
                    return false;
                }
                self.advance(received, found);
                self.baselines.arrive(&self.set, place, record, found);
                true
            }
        }
    }

    fn advance(&mut self, received: i64, found: &mut Found) {
        self.network.advance(&self.set, received, found);
        self.baselines.advance(&self.set, received, found);
    }

    /// Judges all windows that wait until no event may come for them: no more records come.
    pub fn finish(&mut self) -> Vec<Hit> {
        let mut found = Found::default();
        self.network.finish(&self.set, &mut found);
        self.baselines.finish(&self.set, &mut found);
        found.hits.finish().map(|(_, hit)| hit).collect()
    }

    /// The vehicle of an event that a hit of the last call names; ask before [`Self::tidy`].
    #[must_use]
    pub fn vehicle(&self, event: &EventRef) -> Option<&str> {
        self.vehicles.get(event).map(AsRef::as_ref)
    }

    /// Forgets the vehicles of events that no window needs any more. Between two calls of [`Self::process`].
    pub fn tidy(&mut self) {
        if self.vehicles.len() > self.vehicles_until {
            let held: HashSet<EventRef> = self.held_events().collect();
            self.vehicles.retain(|event, _| held.contains(event));
            self.vehicles_until = self.vehicles.len().saturating_mul(2).max(NAMES_MIN);
        }
    }

    fn held_events(&self) -> impl Iterator<Item = EventRef> {
        let groups = self.network.nodes.iter().flat_map(|node| node.memory.store.groups());
        let waiting = self.baselines.waiting().map(|(position, entry_index)| event_at(position, entry_index));
        groups.flat_map(|group| group.entries()).map(event_of).chain(waiting)
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &RuleSet {
        &self.set
    }

    /// What was not counted.
    #[must_use]
    pub const fn losses(&self) -> FleetLosses {
        self.losses
    }

    /// What each correlation had to give up since it began, by rule id.
    pub fn correlation_losses(&self) -> impl Iterator<Item = (&str, CorrelationLosses)> {
        let id = |rule: usize| self.set.rules.get(rule).map_or("", |rule| rule.id.as_str());
        let counted = self.network.nodes.iter().map(move |node| (id(node.memory.rule), node.memory.store.losses));
        counted.chain(self.baselines.rooms.iter().map(move |room| (id(room.rule), room.losses)))
    }

    /// The state of all correlations as bytes: docs/format/match-record.md. Equal states give equal bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let inner = snapshot::write(&self.set, &self.network, &self.baselines);
        let mut out = Vec::with_capacity(inner.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&self.losses.duplicates.to_be_bytes());
        out.extend_from_slice(&self.losses.unknown_rule.to_be_bytes());
        out.extend_from_slice(&(inner.len() as u64).to_be_bytes());
        out.extend_from_slice(&inner);
        let mut events: Vec<EventRef> = self.held_events().collect();
        events.sort_unstable();
        events.dedup();
        for event in events {
            let name = self.vehicle(&event).unwrap_or("");
            let name = name.get(..name.floor_char_boundary(usize::from(u8::MAX))).unwrap_or("");
            out.extend_from_slice(&event.position.to_be_bytes());
            out.extend_from_slice(&event.entry_index.to_be_bytes());
            out.push(u8::try_from(name.len()).unwrap_or(0));
            out.extend_from_slice(name.as_bytes());
        }
        let digest = Sha256::digest(&out);
        out.extend_from_slice(&digest);
        out
    }

    /// Takes over a state. Correlations that the snapshot does not hold begin empty.
    ///
    /// # Errors
    /// [`SnapshotError`]; the engine's state is as before then.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<Restored, SnapshotError> {
        let body = checked(bytes)?;
        let (head, rest) = body.split_at_checked(24).ok_or(SnapshotError::Layout(0))?;
        let number =
            |at: usize| head.get(at..at.saturating_add(8)).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes);
        let (duplicates, unknown_rule) = (number(0).unwrap_or(0), number(8).unwrap_or(0));
        let inner_len = usize::try_from(number(16).unwrap_or(u64::MAX)).map_err(|_| SnapshotError::Layout(16))?;
        let (inner, mut names) = rest.split_at_checked(inner_len).ok_or(SnapshotError::Layout(16))?;
        let mut vehicles = HashMap::default();
        while let Some((event, name, rest)) = named(names) {
            vehicles.insert(event, name);
            names = rest;
        }
        if !names.is_empty() {
            return Err(SnapshotError::Layout(body.len().saturating_sub(names.len())));
        }
        let restored = snapshot::read(inner, &self.set, (&mut self.network, &mut self.baselines))?;
        self.losses = FleetLosses { duplicates, unknown_rule };
        self.vehicles_until = vehicles.len().saturating_mul(2).max(NAMES_MIN);
        self.vehicles = vehicles;
        Ok(restored)
    }
}

fn entry_of(record: &MatchRecord) -> Entry {
    let position = i64::try_from(record.event.position).unwrap_or(i64::MAX);
    let (time, value) = (record.time.0, record.value);
    Entry { time, value, position, entry_index: record.event.entry_index, counted: 0 }
}

/// The bytes between the version and the checksum.
fn checked(bytes: &[u8]) -> Result<&[u8], SnapshotError> {
    let head = MAGIC.len().saturating_add(2);
    if bytes.get(..MAGIC.len()) != Some(&MAGIC) {
        return Err(SnapshotError::Magic);
    }
    let version = bytes.get(MAGIC.len()..head).and_then(|b| b.try_into().ok()).map_or(0, u16::from_be_bytes);
    if version != VERSION {
        return Err(SnapshotError::Version { found: version, expected: VERSION });
    }
    let end = bytes.len().checked_sub(DIGEST_LEN).ok_or(SnapshotError::Layout(bytes.len()))?;
    let (body, digest) = bytes.split_at_checked(end).ok_or(SnapshotError::Layout(end))?;
    if Sha256::digest(body).as_slice() != digest {
        return Err(SnapshotError::Checksum);
    }
    body.get(head..).ok_or(SnapshotError::Layout(head))
}

/// The first event and its vehicle, and the rest.
fn named(bytes: &[u8]) -> Option<(EventRef, Box<str>, &[u8])> {
    let (position, rest) = bytes.split_first_chunk()?;
    let (entry_index, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*len))?;
    let event = EventRef { position: u64::from_be_bytes(*position), entry_index: i32::from_be_bytes(*entry_index) };
    Some((event, std::str::from_utf8(name).ok()?.into(), rest))
}
