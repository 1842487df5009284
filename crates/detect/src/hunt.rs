//! A rule set over rows that are read again: what it would have found in the past.
//!
//! Not a reader of rows and not a comparison with the alerts there were (both are the server's). Invariant: over all rows of a time
//! the hits are those that the engine would have given, had the rules been active then. Memory: at most [`HUNT_ALERTS_MAX`] alerts;
//! what goes beyond is counted by rule.

use crate::engine::Engine;
use crate::error::BatchError;
use crate::hit::{HIT_EVENTS_MAX, Hit};
use crate::late::in_event_order;
use crate::rule::{AlertId, RuleKind};
use crate::ruleset::RuleSet;
use arrow::record_batch::RecordBatch;
use std::collections::{BTreeMap, HashMap};

/// The most alerts that a hunt keeps.
pub const HUNT_ALERTS_MAX: usize = 100_000;

/// A hunt under way.
pub struct Hunter {
    engine: Engine,
    ordered: bool,
    found: HashMap<AlertId, Hit>,
    beyond: BTreeMap<String, u64>,
}

impl Hunter {
    /// A hunt for what these rules find.
    #[must_use]
    pub fn new(set: RuleSet) -> Self {
        let ordered = set.rules().iter().any(|rule| rule.kind != RuleKind::Match);
        Self { engine: Engine::in_event_order(set), ordered, found: HashMap::new(), beyond: BTreeMap::new() }
    }

    /// The columns of rows that it looks at, besides those that every row has.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let fields = self.engine.rules().fields().into_iter();
        fields.chain([crate::product::COLUMN]).map(str::to_owned).collect()
    }

    /// Whether rows must come in stretches of time, one after the other: a rule counts events. If not, they may come in any order.
    #[must_use]
    pub const fn needs_order(&self) -> bool {
        self.ordered
    }

    /// Judges rows, within a batch in any order.
    ///
    /// # Errors
    /// [`BatchError`] if they are no rows of events.
    pub fn process(&mut self, rows: &RecordBatch) -> Result<(), BatchError> {
        let hits =
            if self.ordered { self.engine.process(&in_event_order(rows)?)? } else { self.engine.process(rows)? };
        // Who counts again what came late is asked by nobody here.
        drop(self.engine.take_late());
        self.keep(hits);
        Ok(())
    }

    fn keep(&mut self, hits: Vec<Hit>) {
        for hit in hits {
            let room = self.found.len() < HUNT_ALERTS_MAX;
            match self.found.get_mut(&hit.alert) {
                Some(known) => join(known, hit),
                None if room => drop(self.found.insert(hit.alert, hit)),
                None => {
                    let beyond = self.beyond.entry(hit.rule).or_default();
                    *beyond = beyond.saturating_add(hit.count);
                }
            }
        }
    }

    /// The alerts, by the time of their first event, and for each rule how many events had no room among them.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Hit>, BTreeMap<String, u64>) {
        let rest = self.engine.finish();
        self.keep(rest);
        let mut hits: Vec<Hit> = self.found.into_values().collect();
        hits.sort_by_key(|hit| (hit.first, hit.alert));
        (hits, self.beyond)
    }
}

/// Adds what a further batch found to what is known of an alert.
pub(crate) fn join(known: &mut Hit, more: Hit) {
    known.count = known.count.saturating_add(more.count);
    known.first = known.first.min(more.first);
    known.last = known.last.max(more.last);
    known.observed = known.observed.max(more.observed);
    known.moving = known.moving.max(more.moving);
    let room = HIT_EVENTS_MAX.saturating_sub(known.events.len());
    known.events.extend(more.events.into_iter().take(room));
}
