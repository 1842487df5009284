//! Runs a rule set over record batches of security events.
//!
//! Not a scheduler, no files, no clock. Invariants: which alerts there are and what they count depends on the sequence of rows
//! alone, not on how it is cut into batches, nor on a snapshot taken and restored in between; state is bounded ([`Limits`]) and
//! what is given up is counted. Cost: see `benches/rules.rs`.

use crate::correlate::{Ageing, Counter};
use crate::error::{BatchError, SnapshotError};
use crate::evaluate::{Evaluator, chunks, evaluate};
use crate::fleet::Outlet;
use crate::groups::{CorrelationLosses, GroupStore, Limits};
use crate::hit::{self, ALERT_PERIOD, Addition, Hit, Hits};
use crate::late::{LateWindow, LateWindows};
use crate::mask::Mask;
use crate::matched::MatchRecord;
use crate::pool::FieldId;
use crate::product::{self, Products};
use crate::rule::Rule;
use crate::ruleset::{Program, RuleSet};
use crate::snapshot;
use crate::view::{VEHICLE, View, long, text_at};
use arrow::record_batch::RecordBatch;
use std::collections::HashMap;
use std::ops::Range;

/// A rule set at work.
pub struct Engine {
    set: RuleSet,
    evaluator: Evaluator,
    /// Match rules, each with the product whose events it looks at.
    active: Vec<(usize, usize)>,
    products: Products,
    counters: Vec<Counter>,
    /// Correlations over the fleet, if another engine judges them.
    outlets: Vec<Outlet>,
    passed_on: Vec<MatchRecord>,
    late: LateWindows,
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
        let matching = pairs.filter(|(_, (_, program))| matches!(program, Program::Match { .. }));
        let active = matching.filter_map(|(index, (rule, _))| Some((index, products.add(&rule.logsource)?))).collect();
        let counter = |rule| Counter::new(&set, rule, limits, Ageing::ByReceipt);
        let counters = (0..set.rules.len()).filter_map(counter).collect();
        let evaluator = Evaluator::new(&set);
        let (outlets, passed_on, late) = (Vec::new(), Vec::new(), LateWindows::new());
        Self { set, evaluator, active, products, counters, outlets, passed_on, late }
    }

    /// An engine for rows in the order of their events, whenever they were received.
    pub(crate) fn in_event_order(set: RuleSet) -> Self {
        let mut engine = Self::new(set);
        let counter = |rule| Counter::new(&engine.set, rule, Limits::default(), Ageing::ByEvent);
        engine.counters = (0..engine.set.rules.len()).filter_map(counter).collect();
        engine
    }

    /// Forgets all events.
    pub(crate) fn forget(&mut self) {
        self.counters.iter_mut().for_each(|counter| counter.memory.store = GroupStore::default());
    }

    /// The windows that the rows of the last batch touched and that the correlations cannot judge by what they hold: rows came too
    /// late, or into a group that had been forgotten. Whoever has all rows of their time judges them ([`crate::LateJudge`]).
    pub fn take_late(&mut self) -> Vec<LateWindow> {
        std::mem::take(&mut self.late).into_values().collect()
    }

    /// An engine that sees the vehicles of one partition only. Correlations whose group is not within one vehicle are left to a
    /// [`crate::FleetEngine`]: what they would count is handed out by [`Self::take_matches`].
    #[must_use]
    pub fn first_stage(set: RuleSet, limits: Limits) -> Self {
        let mut engine = Self::with_limits(set, limits);
        let set = &engine.set;
        engine.outlets = (0..set.rules.len()).filter_map(|rule| Outlet::new(set, rule)).collect();
        let outlets = &engine.outlets;
        engine.counters.retain(|counter| outlets.iter().all(|outlet| outlet.rule() != counter.memory.rule));
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
        let rests = |rule: &&Rule| matches!(rule.kind, crate::RuleKind::Match) && rule.logsource.product.is_none();
        self.set.rules.iter().filter(rests).map(|rule| rule.id.as_str())
    }

    /// Evaluates all rules over the rows of a batch, in the order of the rows.
    ///
    /// # Errors
    /// [`BatchError`] if the batch is not one of events; state is as before then.
    pub fn process(&mut self, batch: &RecordBatch) -> Result<Vec<Hit>, BatchError> {
        let view = View::new(batch, &self.set.pool)?;
        let mut singles = Singles { hits: Hits::new(), vehicles: HashMap::new(), last: None };
        let mut correlated = Hits::new();
        self.late.clear();
        let mut matches: Matches = vec![None; self.set.rules.len()];
        let product = product::column(batch);
        for chunk in chunks(view.rows) {
            self.evaluator.run(&self.set, &view.columns, &chunk);
            let all = Mask::first(chunk.len());
            let products = self.products.rows(product.as_ref(), &chunk);
            for (rule, product) in &self.active {
                let Some(Program::Match { expr, asserted }) = self.set.programs.get(*rule) else { continue };
                let found = products.of(*product).and_then(|rows| {
                    let mut found = evaluate(expr, &self.evaluator.masks, &all)?;
                    found.and(rows);
                    Some(found).filter(|found| !found.is_empty())
                });
                if let Some(mask) = &found {
                    singles.add(&self.set, *rule, asserted, (mask, &chunk), &view);
                }
                if let Some(slot) = matches.get_mut(*rule) {
                    *slot = found;
                }
            }
            for counter in &mut self.counters {
                counter.count(&self.set, &view, &chunk, &matches, (&mut correlated, &mut self.late));
            }
            for outlet in &mut self.outlets {
                outlet.pass_on(&self.set, &view, &chunk, &matches, &mut self.passed_on);
            }
        }
        let mut hits: Vec<_> = singles.hits.finish().chain(correlated.finish()).collect();
        hits.sort_by_key(|(rule, _)| *rule);
        Ok(hits.into_iter().map(|(_, hit)| hit).collect())
    }

    /// What each correlation had to give up since it began, by rule id.
    pub fn losses(&self) -> impl Iterator<Item = (&str, CorrelationLosses)> {
        let id = |rule: usize| self.set.rules.get(rule).map_or("", |rule| rule.id.as_str());
        let counted = self.counters.iter().map(move |counter| (id(counter.memory.rule), counter.memory.store.losses));
        counted.chain(self.outlets.iter().map(move |outlet| (id(outlet.rule()), outlet.losses())))
    }

    /// How many groups and events the correlations hold.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        let stores = self.counters.iter().map(|counter| &counter.memory.store);
        let groups = stores.clone().map(|s| s.young.len().saturating_add(s.old.len()));
        let entries = stores.flat_map(|s| s.young.values().chain(s.old.values())).map(|group| group.entries.len());
        (groups.fold(0, usize::saturating_add), entries.fold(0, usize::saturating_add))
    }

    /// The state of all correlations as bytes: docs/format/detect-snapshot.md. Equal states give equal bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        snapshot::write(&self.set, self.counters.iter().map(|counter| &counter.memory))
    }

    /// Takes over a state. Correlations that the snapshot does not hold begin empty.
    ///
    /// # Errors
    /// [`SnapshotError`]; the engine's state is as before then.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<Restored, SnapshotError> {
        snapshot::read(bytes, &self.set, self.counters.iter_mut().map(|counter| &mut counter.memory).collect())
    }
}

/// Hits of plain rules: one alert per rule, vehicle and hour.
struct Singles<'v> {
    hits: Hits<(usize, u32, i64)>,
    vehicles: HashMap<(&'v str, &'v str), u32>,
    last: Option<((&'v str, &'v str), u32)>,
}

impl<'v> Singles<'v> {
    fn add(
        &mut self,
        set: &RuleSet,
        rule: usize,
        asserted: &[FieldId],
        (mask, chunk): (&Mask, &Range<usize>),
        view: &'v View,
    ) {
        let Some(known) = set.rules.get(rule).filter(|known| known.alerts) else { return };
        for row in mask.rows().map(|row| chunk.start.saturating_add(row)) {
            let who = (text_at(&view.tenant, row), text_at(&view.vehicle, row));
            let vehicle = self.vehicle(who);
            let time = long(&view.time, row);
            let hour = time.saturating_sub(time.checked_rem_euclid(ALERT_PERIOD).unwrap_or(0));
            let addition = Addition { time, place: view.place(row), observed: None };
            self.hits.add((rule, vehicle, hour), rule, &addition, || {
                let group = vec![(VEHICLE.to_owned(), who.1.to_owned())];
                let mut hit = hit::empty(known, who.0, group, hour, time);
                hit.matched = hit::matched(view, &set.pool, asserted, row);
                hit
            });
        }
    }

    fn vehicle(&mut self, who: (&'v str, &'v str)) -> u32 {
        if let Some((last, id)) = self.last
            && last == who
        {
            return id;
        }
        let next = u32::try_from(self.vehicles.len()).unwrap_or(u32::MAX);
        let id = *self.vehicles.entry(who).or_insert(next);
        self.last = Some((who, id));
        id
    }
}

/// Whether a rule's expression holds for a row of a chunk; used to say which of several rules matched.
pub(crate) fn holds(matches: &Matches, rule: usize, row: usize) -> bool {
    matches.get(rule).and_then(Option::as_ref).is_some_and(|mask| mask.has(row))
}
