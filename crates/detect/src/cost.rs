//! What each rule costs while it works, measured on some of the rows.
//!
//! Not a clock: whoever asks gives one. What only one rule causes is measured: regular expressions and patterns that are tried, its
//! matches, what its correlation does. What rules share (a look at each value, whatever is asked of it) is nobody's. A question that
//! several rules ask is counted for each of them: nothing is saved as long as one of them asks it. Measuring changes nothing that is
//! found. Cost: two looks at the clock for each thing that is measured, in one chunk of [`SAMPLE_EVERY`].

use crate::pool::PredicateId;
use crate::ruleset::RuleSet;
use hashbrown::HashMap;

/// Nanoseconds since any instant, never going back.
pub type Clock = fn() -> u64;

/// One chunk of so many is measured.
const SAMPLE_EVERY: u32 = 16;
/// So many events that were measured say what rules cost.
const WINDOW_EVENTS: u64 = 1_024;
/// So many nanoseconds of measured judging do, too, however few events they were for.
const WINDOW_NANOS: u64 = 50_000_000;
/// A chunk counts as at least so many events: what it costs to begin one is no cost of an event.
const CHUNK_EVENTS_MIN: u64 = 64;

/// What rules cost over some events.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Costs {
    /// Events that were judged meanwhile and measured.
    pub events: u64,
    /// Nanoseconds of all judging of them.
    pub nanos: u64,
    /// Nanoseconds that one rule caused, by its id; rules that caused none are left out.
    pub rules: Vec<(String, u64)>,
}

/// Which chunks are measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sampling {
    /// One of sixteen.
    Some,
    /// Each of them.
    All,
}

/// A measurement under way.
pub(crate) struct Meter {
    clock: Option<Clock>,
    sampling: Sampling,
    chunks: u32,
    /// The clock at the begin of this chunk, if it is measured.
    begun: Option<u64>,
    events: u64,
    nanos: u64,
    rules: Vec<u64>,
    pub(crate) predicates: HashMap<PredicateId, u64>,
}

impl Meter {
    pub(crate) fn new(rules: usize) -> Self {
        let (clock, sampling, predicates) = (None, Sampling::Some, HashMap::new());
        Self { clock, sampling, chunks: 0, begun: None, events: 0, nanos: 0, rules: vec![0; rules], predicates }
    }

    /// Measures from here on.
    pub(crate) const fn begin(&mut self, clock: Clock, sampling: Sampling) {
        (self.clock, self.sampling) = (Some(clock), sampling);
    }

    /// A chunk begins; the clock, if it is measured.
    pub(crate) fn chunk(&mut self) -> Option<Clock> {
        let clock = self.clock?;
        let is_sample = self.sampling == Sampling::All || self.chunks == 0;
        self.chunks = self.chunks.saturating_add(1).checked_rem(SAMPLE_EVERY).unwrap_or(0);
        self.begun = is_sample.then(clock);
        is_sample.then_some(clock)
    }

    /// The chunk, of so many events, is over.
    pub(crate) fn chunk_over(&mut self, events: usize) {
        let (Some(clock), Some(begun)) = (self.clock, self.begun.take()) else { return };
        self.nanos = self.nanos.saturating_add(clock().saturating_sub(begun));
        self.events = self.events.saturating_add((events as u64).max(CHUNK_EVENTS_MIN));
    }

    /// The clock now, if this chunk is measured.
    pub(crate) fn now(&self) -> Option<u64> {
        self.begun.and(self.clock).map(|clock| clock())
    }

    /// A rule caused what was done since then.
    pub(crate) fn caused(&mut self, rule: usize, since: Option<u64>) {
        let (Some(since), Some(now)) = (since, self.now()) else { return };
        if let Some(sum) = self.rules.get_mut(rule) {
            *sum = sum.saturating_add(now.saturating_sub(since));
        }
    }

    /// What was measured, once that is enough to say something; then it begins anew.
    pub(crate) fn take(&mut self, set: &RuleSet) -> Option<Costs> {
        if self.events < WINDOW_EVENTS && self.nanos < WINDOW_NANOS {
            return None;
        }
        let mut costs = Costs { events: self.events, nanos: self.nanos, rules: Vec::new() };
        for (index, (rule, own)) in set.rules.iter().zip(&mut self.rules).enumerate() {
            let mut nanos = std::mem::take(own);
            if !self.predicates.is_empty() {
                let mut seen = Vec::new();
                set.each_predicate(index, |id| {
                    if let Some(spent) = self.predicates.get(&id).filter(|_| !seen.contains(&id)) {
                        seen.push(id);
                        nanos = nanos.saturating_add(*spent);
                    }
                });
            }
            if nanos > 0 {
                costs.rules.push((rule.id.clone(), nanos));
            }
        }
        (self.events, self.nanos) = (0, 0);
        self.predicates.clear();
        Some(costs)
    }
}
