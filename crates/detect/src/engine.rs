//! Runs a rule set over record batches of security events.
//!
//! Not a scheduler, no files, no clock. Invariants: which alerts there are and what they count depends on the sequence of rows
//! alone, not on how it is cut into batches, nor on a snapshot taken and restored in between; state is bounded ([`Limits`]) and
//! what is given up is counted. Cost: see `benches/rules.rs`.

use crate::baseline::Baselines;
use crate::correlate::{Keys, Question, Reading};
use crate::cost::{Clock, Costs, Meter, Sampling};
use crate::error::{BatchError, SnapshotError};
use crate::evaluate::{Evaluator, chunks};
use crate::fleet::Outlet;
use crate::groups::{CorrelationLosses, Limits};
use crate::hit::Hit;
use crate::late::{LateWindow, LateWindows, judged_time};
use crate::life::Hidden;
use crate::mask::Mask;
use crate::matched::MatchRecord;
use crate::network::{Found, Network, Origin};
use crate::product::{self, Products};
use crate::rule::{Rule, RuleKind};
use crate::ruleset::{Program, RuleSet};
use crate::singles::Singles;
use crate::snapshot;
use crate::view::{View, long, text_at};
use arrow::record_batch::RecordBatch;
use std::collections::BTreeMap;
use std::ops::Range;
use yagura_model::UnixMicros;

/// A rule set at work.
pub struct Engine {
    set: RuleSet,
    evaluator: Evaluator,
    /// Match rules, each with the product whose events it looks at.
    active: Vec<(usize, usize)>,
    products: Products,
    network: Network,
    baselines: Baselines,
    /// What the correlations of the network ask of rows, in its order.
    questions: Vec<Asking>,
    keys: Keys,
    ageing: Ageing,
    /// Correlations over the fleet, if another engine judges them.
    outlets: Vec<Outlet>,
    passed_on: Vec<MatchRecord>,
    late: LateWindows,
    /// How many matches each exception hid, by exception, tenant and day.
    hidden: BTreeMap<(usize, Box<str>, i64), u64>,
    meter: Meter,
}

/// What [`Engine::restore`] took over.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Restored {
    /// Ids of correlations that go on where they stopped.
    pub resumed: Vec<String>,
    /// Ids of correlations in the snapshot that the rule set has no more, or has changed; their state is forgotten.
    pub forgotten: Vec<String>,
}

/// The rows of one chunk that each rule matches.
pub(crate) type Matches = Vec<Option<Mask>>;

impl Engine {
    /// An engine with the default limits.
    #[must_use]
    pub fn new(set: RuleSet) -> Self {
        Self::with_limits(set, Limits::default())
    }

    /// An engine whose correlations each keep to these limits. A rule looks at events of its `logsource.product`; one without rests.
    #[must_use]
    pub fn with_limits(set: RuleSet, limits: Limits) -> Self {
        let mut products = Products::default();
        let pairs = set.rules.iter().zip(&set.programs).enumerate();
        let matching =
            pairs.filter(|(index, (_, program))| matches!(program, Program::Match { .. }) && !set.rests(*index));
        let active = matching.filter_map(|(index, (rule, _))| Some((index, products.add(&rule.logsource)?))).collect();
        let network = Network::new(&set, limits, |_| true);
        let baselines = Baselines::new(&set, limits, |_| true);
        let questions = asking(&set, &network);
        let evaluator = Evaluator::new(&set);
        let (hidden, meter) = (BTreeMap::new(), Meter::new(set.rules.len()));
        let (outlets, passed_on, late) = (Vec::new(), Vec::new(), LateWindows::new());
        let (keys, ageing) = (Keys::default(), Ageing::ByReceipt);
        Self {
            set,
            evaluator,
            active,
            products,
            network,
            baselines,
            questions,
            keys,
            ageing,
            outlets,
            passed_on,
            late,
            hidden,
            meter,
        }
    }

    /// An engine for rows in the order of their events, whenever they were received.
    pub(crate) fn in_event_order(set: RuleSet) -> Self {
        Self { ageing: Ageing::ByEvent, ..Self::new(set) }
    }

    /// Forgets all events.
    pub(crate) fn forget(&mut self) {
        self.network.forget();
        self.baselines.forget();
    }

    /// The windows that the rows of the last batch touched and that the correlations cannot judge by what they hold: rows came too
    /// late, or into a group that had been forgotten. Whoever has all rows of their time judges them ([`crate::LateJudge`]).
    pub fn take_late(&mut self) -> Vec<LateWindow> {
        std::mem::take(&mut self.late).into_values().collect()
    }

    /// How many matches exceptions hid since the last call.
    pub fn take_hidden(&mut self) -> Vec<Hidden> {
        let id = |index: usize| self.set.exceptions.get(index).map_or_else(String::new, |it| it.id.clone());
        let all = std::mem::take(&mut self.hidden).into_iter();
        let one = |((index, tenant, day), matches): ((usize, Box<str>, i64), u64)| Hidden {
            exception: id(index),
            tenant: tenant.into(),
            day: UnixMicros(day),
            matches,
        };
        all.map(one).collect()
    }

    /// Measures what rules cost from here on; what is found stays the same.
    pub const fn measure(&mut self, clock: Clock, sampling: Sampling) {
        self.meter.begin(clock, sampling);
    }

    /// What rules cost since the last answer, once enough was measured to say so.
    pub fn take_costs(&mut self) -> Option<Costs> {
        self.meter.take(&self.set)
    }

    /// An engine that sees the vehicles of one partition only. Correlations whose group is not within one vehicle are left to a
    /// [`crate::FleetEngine`]: what they would count is handed out by [`Self::take_matches`].
    #[must_use]
    pub fn first_stage(set: RuleSet, limits: Limits) -> Self {
        let mut engine = Self::with_limits(set, limits);
        let set = &engine.set;
        engine.outlets = (0..set.rules.len()).filter_map(|rule| Outlet::new(set, rule)).collect();
        engine.network = Network::new(set, limits, |over_fleet| !over_fleet);
        engine.baselines = Baselines::new(set, limits, |over_fleet| !over_fleet);
        engine.questions = asking(set, &engine.network);
        engine
    }

    /// What the rows since the last call mean for correlations over the fleet, by row for each of them. Empty unless this is a
    /// [`Self::first_stage`], whose caller takes them after each batch.
    pub fn take_matches(&mut self) -> Vec<MatchRecord> {
        std::mem::take(&mut self.passed_on)
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &RuleSet {
        &self.set
    }

    /// Ids of rules that rest because they do not say whose events they look at.
    pub fn resting(&self) -> impl Iterator<Item = &str> {
        let rests = |rule: &&Rule| !matches!(rule.kind, RuleKind::Correlation(_)) && rule.logsource.product.is_none();
        self.set.rules.iter().filter(rests).map(|rule| rule.id.as_str())
    }

    /// Evaluates all rules over the rows of a batch, in the order of the rows.
    ///
    /// # Errors
    /// [`BatchError`] if the batch is not one of events; state is as before then.
    pub fn process(&mut self, batch: &RecordBatch) -> Result<Vec<Hit>, BatchError> {
        let view = View::new(batch, &self.set.pool)?;
        let mut singles = Singles::default();
        let mut found = Found::default();
        let mut matches: Matches = vec![None; self.set.rules.len()];
        let product = product::column(batch);
        for chunk in chunks(view.rows) {
            self.evaluator.measure(self.meter.chunk());
            self.evaluator.run(&self.set, &view.columns, &chunk);
            self.evaluator.spent(&mut self.meter.predicates);
            let all = Mask::first(chunk.len());
            let products = self.products.rows(product.as_ref(), &chunk);
            for (rule, product) in &self.active {
                let Some(Program::Match { asserted, .. }) = self.set.programs.get(*rule) else { continue };
                let (hidden, begun) = (&mut self.hidden, self.meter.now());
                let found = products.of(*product).and_then(|rows| {
                    let note = |exception, rows: &Mask| note_hidden(hidden, exception, (rows, &chunk), &view);
                    self.set.matched(*rule, &self.evaluator.masks, (&all, rows), note)
                });
                if let Some(mask) = &found {
                    singles.add(&self.set, *rule, asserted, (mask, &chunk), &view);
                }
                if let Some(slot) = matches.get_mut(*rule) {
                    *slot = found;
                }
                self.meter.caused(*rule, begun);
            }
            self.correlate(&view, &chunk, &matches, &mut found);
            let (rows, ageing) = ((&view, &chunk, &matches), self.ageing);
            let clock = |row: usize| ageing.time(&view, row);
            self.baselines.judge(&self.set, rows, clock, (&mut self.keys, &mut found));
            for outlet in &mut self.outlets {
                let begun = self.meter.now();
                outlet.pass_on(&self.set, &view, &chunk, &matches, &mut self.passed_on);
                self.meter.caused(outlet.rule(), begun);
            }
            self.meter.chunk_over(chunk.len());
        }
        self.late = found.late;
        self.passed_on.append(&mut found.passed_on);
        let mut hits: Vec<_> = singles.finish().chain(found.hits.finish()).collect();
        hits.sort_by_key(|(rule, _)| *rule);
        Ok(hits.into_iter().map(|(_, hit)| hit).collect())
    }

    /// Judges all windows that wait until no event may come for them: no more rows come. Rows that come for them all the same are late.
    pub fn finish(&mut self) -> Vec<Hit> {
        let mut found = Found::default();
        self.network.finish(&self.set, &mut found);
        self.baselines.finish(&self.set, &mut found);
        self.passed_on.append(&mut found.passed_on);
        self.late.append(&mut found.late);
        found.hits.finish().map(|(_, hit)| hit).collect()
    }

    /// What each correlation and baseline had to give up since it began, by rule id.
    pub fn losses(&self) -> impl Iterator<Item = (&str, CorrelationLosses)> {
        let id = |rule: usize| self.set.rules.get(rule).map_or("", |rule| rule.id.as_str());
        let memories = self.network.nodes.iter().map(|node| &node.memory);
        let counted = memories.map(move |memory| (id(memory.rule), memory.store.losses));
        let counted = counted.chain(self.baselines.rooms.iter().map(move |room| (id(room.rule), room.losses)));
        counted.chain(self.outlets.iter().map(move |outlet| (id(outlet.rule()), outlet.losses())))
    }

    /// How many groups the correlations and baselines hold, and how many events and marks of the past.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        let stores = || self.network.nodes.iter().map(|node| node.memory.store.groups());
        let entries = stores().flatten().map(|group| group.entries().len());
        let held = (stores().map(<[_]>::len).fold(0, usize::saturating_add), entries.fold(0, usize::saturating_add));
        let rooms = self.baselines.rooms.iter().map(crate::baseline::Room::held);
        rooms
            .fold(held, |(groups, entries), (more, marks)| (groups.saturating_add(more), entries.saturating_add(marks)))
    }

    /// The state of all correlations and baselines as bytes: docs/format/detect-snapshot.md. Equal histories give equal bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        snapshot::write(&self.set, &self.network, &self.baselines)
    }

    /// Takes over a state. Correlations that the snapshot does not hold begin empty.
    ///
    /// # Errors
    /// [`SnapshotError`]; the engine's state is as before then.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<Restored, SnapshotError> {
        snapshot::read(bytes, &self.set, (&mut self.network, &mut self.baselines))
    }

    /// Hands the rows of a chunk to the correlations that count them: row by row where one may matter to another.
    fn correlate(&mut self, view: &View, chunk: &Range<usize>, matches: &Matches, found: &mut Found) {
        let masks: Vec<Mask> = self.questions.iter().map(|asking| asking.question.found(matches)).collect();
        let asked: Vec<(usize, &Mask)> = masks.iter().enumerate().filter(|(_, mask)| !mask.is_empty()).collect();
        let is_plain = |engine: &Self, node: usize| engine.questions.get(node).is_some_and(|asking| asking.is_plain);
        let linked: Vec<usize> = asked.iter().map(|(node, _)| *node).filter(|node| !is_plain(self, *node)).collect();
        let waits = self.questions.iter().any(|asking| !asking.is_plain);
        for begin in (0..chunk.len()).step_by(BLOCK) {
            let block = begin..begin.saturating_add(BLOCK).min(chunk.len());
            for (node, mask) in &asked {
                self.ask(*node, (view, chunk, matches), (mask, &block));
                if is_plain(self, *node) {
                    self.answer(*node, None, (view, chunk, matches), found);
                }
            }
            if waits {
                self.answer_linked(&linked, (view, chunk, matches), block, found);
            }
        }
    }

    /// Hands what linked correlations asked of a block to them, row by row, while the clock goes on.
    fn answer_linked(&mut self, linked: &[usize], place: Place<'_>, block: Range<usize>, found: &mut Found) {
        let (view, chunk, _) = place;
        let mut seen = block.start;
        loop {
            let next = linked.iter().filter_map(|node| self.questions.get(*node)?.next()).min();
            let until = next.map_or(block.end, |offset| offset.saturating_add(1));
            let ageing = self.ageing;
            let times = (seen..until).map(|offset| ageing.time(view, chunk.start.saturating_add(offset)));
            if let Some(latest) = times.max() {
                self.network.advance(&self.set, latest, found);
            }
            let Some(offset) = next else { return };
            seen = until;
            linked.iter().for_each(|node| self.answer(*node, Some(offset), place, found));
        }
    }

    /// Asks one question of the rows of a block, and looks up the groups that they fall into: all at once, because most of the time
    /// is spent waiting for memory.
    fn ask(&mut self, node: usize, (view, chunk, matches): Place<'_>, (mask, block): (&Mask, &Range<usize>)) {
        let begun = self.meter.now();
        let Some(asking) = self.questions.get_mut(node) else { return };
        let Some(memory) = self.network.nodes.get_mut(node).map(|node| &mut node.memory) else { return };
        asking.answered = 0;
        asking.readings.clear();
        let mut without = 0_u64;
        for offset in mask.rows_of(block.clone()) {
            let place = (chunk.start.saturating_add(offset), offset);
            without = without.saturating_add(asking.question.read(
                view,
                place,
                matches,
                (&mut self.keys, &mut asking.readings),
            ));
        }
        memory.store.losses.without_field = memory.store.losses.without_field.saturating_add(without);
        memory.store.look_up(asking.readings.iter_mut().map(|reading| &mut reading.at));
        self.meter.caused(memory.rule, begun);
    }

    /// Hands what was read to a correlation: of one row, or of all.
    fn answer(&mut self, node: usize, only: Option<usize>, (view, chunk, matches): Place<'_>, found: &mut Found) {
        let begun = self.meter.now();
        let Some(asking) = self.questions.get_mut(node) else { return };
        while let Some(reading) = asking.readings.get(asking.answered) {
            if only.is_some_and(|offset| offset != reading.offset) {
                break;
            }
            asking.answered = asking.answered.saturating_add(1);
            let row = chunk.start.saturating_add(reading.offset);
            let received = self.ageing.time(view, row);
            let origin = Row {
                set: &self.set,
                question: &asking.question,
                reading,
                view,
                place: (row, reading.offset),
                matches,
            };
            self.network.arrive(&self.set, (node, reading.at), (received, reading.entry), &origin, found);
        }
        self.meter.caused(asking.question.rule, begun);
    }
}

/// Counts the matches that an exception hid, for each tenant.
fn note_hidden(
    hidden: &mut BTreeMap<(usize, Box<str>, i64), u64>,
    exception: usize,
    (rows, chunk): (&Mask, &Range<usize>),
    view: &View,
) {
    let day = |row| {
        let received = long(&view.received, row);
        received.saturating_sub(received.checked_rem_euclid(DAY).unwrap_or(0))
    };
    let rows = rows.rows().map(|row| chunk.start.saturating_add(row));
    let mut rows = rows.map(|row| (text_at(&view.tenant, row), day(row))).peekable();
    while let Some((tenant, day)) = rows.next() {
        let mut matches = 1_u64;
        while rows.next_if_eq(&(tenant, day)).is_some() {
            matches = matches.saturating_add(1);
        }
        let sum = hidden.entry((exception, tenant.into(), day)).or_default();
        *sum = sum.saturating_add(matches);
    }
}

/// A day in µs.
const DAY: i64 = 86_400_000_000;

/// So many rows are read before they are judged: their groups stay in the processor's cache.
const BLOCK: usize = 128;

/// Rows of a chunk, and which of them each rule matches.
type Place<'a> = (&'a View, &'a Range<usize>, &'a Matches);

/// A correlation's question, and whether its rows may come apart from those of others.
struct Asking {
    question: Question,
    is_plain: bool,
    /// What the rows of a block said.
    readings: Vec<Reading>,
    /// How many of those were judged.
    answered: usize,
}

impl Asking {
    /// The next row that said something and was not judged.
    fn next(&self) -> Option<usize> {
        self.readings.get(self.answered).map(|reading| reading.offset)
    }
}

fn asking(set: &RuleSet, network: &Network) -> Vec<Asking> {
    let one = |node: &crate::network::Node| {
        let question = Question::new(set, node.memory.rule)?;
        Some(Asking { question, is_plain: node.is_plain(set), readings: Vec::new(), answered: 0 })
    };
    network.nodes.iter().filter_map(one).collect()
}

/// By which time groups grow old.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ageing {
    /// When their events were received.
    ByReceipt,
    /// When their events were: rows come in that order, received whenever.
    ByEvent,
}

impl Ageing {
    fn time(self, view: &View, row: usize) -> i64 {
        let received = long(&view.received, row);
        match self {
            Self::ByReceipt => received,
            Self::ByEvent => judged_time(long(&view.time, row), received),
        }
    }
}

/// A row that a correlation or a baseline counts.
pub(crate) struct Row<'r> {
    pub(crate) set: &'r RuleSet,
    pub(crate) question: &'r Question,
    pub(crate) reading: &'r Reading,
    pub(crate) view: &'r View,
    pub(crate) place: (usize, usize),
    pub(crate) matches: &'r Matches,
}

impl Origin for Row<'_> {
    fn tenant(&self) -> &str {
        text_at(&self.view.tenant, self.place.0)
    }

    fn values(&self) -> Vec<String> {
        self.question.group(self.view, self.place.0, self.reading)
    }

    fn matched(&self) -> Vec<(String, String)> {
        self.question.matched(self.set, self.view, self.place, self.matches)
    }
}

/// Whether a rule's expression holds for a row of a chunk; used to say which of several rules matched.
pub(crate) fn holds(matches: &Matches, rule: usize, row: usize) -> bool {
    matches.get(rule).and_then(Option::as_ref).is_some_and(|mask| mask.has(row))
}
