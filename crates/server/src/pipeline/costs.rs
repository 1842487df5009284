//! What rules cost, and which of them rest because they cost too much (ADR-0035).
//!
//! Not the measuring (`yagura_detect`'s engine) and not the engine without them (`judge`). A rule whose own work takes more than the budget
//! in [`STRIKES`] measurements running is paused for [`PAUSE`], together with the correlations that count it; then it is tried again.
//! Invariants: whoever is not named here is judged as if there were no budget; what is not judged is counted with its batch
//! (`Delta::unjudged`); costs and pauses are shared by all pipelines of a process. Cost: a lock a batch.

use crate::api::Health;
use crate::clock;
use crate::happenings::{RulePaused, RuleResumed, emit};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use yagura_detect::{Costs, RuleSet};
use yagura_model::UnixMicros;

/// Nanoseconds of judging that one rule may take an event, unless said otherwise.
pub const RULE_BUDGET_NS: u64 = 5_000;
/// How long a rule rests that cost more.
pub const PAUSE: Duration = Duration::from_secs(600);
/// In so many measurements running a rule must cost too much: a thread that had to wait once does not pause a rule.
const STRIKES: u32 = 3;
/// After so many measured events what was measured before counts half.
const REMEMBERED_EVENTS: u64 = 1 << 20;
const KIND: &str = "rule_cost";
const NEXT_STEP: &str = "Mend the rule: `yagura rule explain` says what makes it slow. What it does not judge is counted and in the lake; \
                         `yagura rule replay` hunts it. It is tried again after ten minutes; --rule-cost-max raises the budget.";

/// What rules cost in this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RuleCosts {
    /// What a rule may cost, in nanoseconds an event.
    pub budget_ns: u64,
    standing: Arc<Mutex<Standing>>,
}

impl Default for RuleCosts {
    fn default() -> Self {
        Self { budget_ns: RULE_BUDGET_NS, standing: Arc::default() }
    }
}

#[derive(Debug, Default)]
struct Standing {
    events: u64,
    nanos: u64,
    rules: BTreeMap<String, u64>,
    /// By partition and rule.
    paused: BTreeMap<(u16, String), Paused>,
}

/// What a rule cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleCost {
    /// Nanoseconds an event.
    pub ns: f64,
    /// Its share of all judging, 0 to 1.
    pub share: f64,
    /// So many events were measured.
    pub events: u64,
}

/// A rule that rests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Paused {
    /// Which.
    pub rule: String,
    /// The rule that was too costly: this one, or one that it counts.
    pub cause: String,
    /// What that cost an event, in nanoseconds.
    pub cost_ns: u64,
    /// Since when; a rule that is paused again after its trial is so since its first pause.
    pub since: UnixMicros,
    /// When it is tried again.
    pub until: UnixMicros,
}

impl RuleCosts {
    /// Costs that are compared with this budget.
    #[must_use]
    pub fn with_budget(budget_ns: u64) -> Self {
        Self { budget_ns, ..Self::default() }
    }

    /// What a rule costs; `None` before anything was measured here.
    #[must_use]
    pub fn of(&self, rule: &str) -> Option<RuleCost> {
        let standing = self.standing();
        let nanos = standing.rules.get(rule).copied().unwrap_or(0) as f64;
        let (events, all) = (standing.events, standing.nanos.max(1) as f64);
        (events > 0).then(|| RuleCost { ns: nanos / events as f64, share: nanos / all, events })
    }

    /// The dearest rules, at most so many, with what each costs.
    #[must_use]
    pub fn dearest(&self, most: usize) -> Vec<(String, RuleCost)> {
        let mut rules: Vec<(String, u64)> =
            self.standing().rules.iter().map(|(rule, nanos)| (rule.clone(), *nanos)).collect();
        rules.sort_by_key(|(_, nanos)| std::cmp::Reverse(*nanos));
        rules.truncate(most);
        rules.into_iter().filter_map(|(rule, _)| self.of(&rule).map(|cost| (rule, cost))).collect()
    }

    /// The rules that rest, each once.
    #[must_use]
    pub fn paused(&self) -> Vec<Paused> {
        let mut paused: Vec<Paused> = self.standing().paused.values().cloned().collect();
        paused.sort_by(|a, b| (&a.rule, a.since).cmp(&(&b.rule, b.since)));
        paused.dedup_by(|next, first| next.rule == first.rule);
        paused
    }

    /// Has people told which rules rest; `told` is what they were told last.
    pub(super) fn tell(&self, health: &Health, told: &mut Option<String>) {
        let problem = self.problem();
        if problem == *told {
            return;
        }
        health.heals(KIND);
        if let Some(detail) = &problem {
            health.ails(KIND, detail, NEXT_STEP);
        }
        *told = problem;
    }

    /// What a person should know of rules that rest; `None` if none does.
    fn problem(&self) -> Option<String> {
        let paused = self.paused();
        let first = paused.iter().find(|it| it.cause == it.rule)?;
        let names: Vec<&str> = paused.iter().take(10).map(|it| it.rule.as_str()).collect();
        Some(format!(
            "{} of the rules rest, because they cost too much: {}. {} cost {} ns an event, {} may be.",
            paused.len(),
            names.join(", "),
            first.rule,
            first.cost_ns,
            self.budget_ns
        ))
    }

    fn measured(&self, costs: &Costs) {
        let standing = &mut *self.standing();
        if standing.events >= REMEMBERED_EVENTS {
            standing.events /= 2;
            standing.nanos /= 2;
            standing.rules.values_mut().for_each(|nanos| *nanos /= 2);
        }
        standing.events = standing.events.saturating_add(costs.events);
        standing.nanos = standing.nanos.saturating_add(costs.nanos);
        for (rule, nanos) in &costs.rules {
            match standing.rules.get_mut(rule) {
                Some(sum) => *sum = sum.saturating_add(*nanos),
                None => drop(standing.rules.insert(rule.clone(), *nanos)),
            }
        }
    }

    fn rest(&self, partition: u16, paused: Vec<Paused>) {
        let mut standing = self.standing();
        standing.paused.retain(|(of, _), _| *of != partition);
        standing.paused.extend(paused.into_iter().map(|it| ((partition, it.rule.clone()), it)));
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock of measurements.
pub(super) fn nanos() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Which rules of one pipeline rest.
#[derive(Debug)]
pub(super) struct Throttle {
    costs: RuleCosts,
    partition: u16,
    /// How often running a rule has cost too much.
    strikes: BTreeMap<String, u32>,
    pauses: BTreeMap<String, Pause>,
    /// All that rest, with those that count them.
    resting: Vec<Paused>,
    /// Whether the engine judges by another set than it should.
    changed: bool,
}

/// A rule that cost too much, now or lately.
#[derive(Clone, Copy, Debug)]
struct Pause {
    cost_ns: u64,
    since: UnixMicros,
    until: UnixMicros,
    ends: Instant,
    over: bool,
}

impl Throttle {
    pub(super) fn new(costs: RuleCosts, partition: u16) -> Self {
        let (strikes, pauses, resting) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { costs, partition, strikes, pauses, resting, changed: false }
    }

    /// The rules changed: whoever rested is tried again.
    pub(super) fn forget(&mut self) {
        self.strikes.clear();
        self.pauses.clear();
        self.changed = true;
    }

    /// The rules that rest.
    pub(super) fn resting(&self) -> &[Paused] {
        &self.resting
    }

    /// Whether a rule cost too much when it was measured last.
    pub(super) fn suspects(&self) -> bool {
        !self.strikes.is_empty()
    }

    /// Takes a measurement.
    pub(super) fn weigh(&mut self, costs: &Costs) {
        self.costs.measured(costs);
        let mut strikes = BTreeMap::new();
        for (rule, nanos) in &costs.rules {
            let cost_ns = nanos.checked_div(costs.events).unwrap_or(0);
            if cost_ns <= self.costs.budget_ns {
                continue;
            }
            let times = self.strikes.get(rule).copied().unwrap_or(0) + 1;
            if times < STRIKES {
                strikes.insert(rule.clone(), times);
            } else {
                self.pause(rule, cost_ns);
            }
        }
        self.strikes = strikes;
    }

    fn pause(&mut self, rule: &str, cost_ns: u64) {
        let now = clock::now();
        let since = self.pauses.get(rule).map_or(now, |before| before.since);
        let pause_us = i64::try_from(PAUSE.as_micros()).unwrap_or(i64::MAX);
        let pause = Pause { cost_ns, since, until: now.plus(pause_us), ends: Instant::now() + PAUSE, over: false };
        self.pauses.insert(rule.to_owned(), pause);
        self.changed = true;
        emit(&RulePaused { rule, cost_ns, budget_ns: self.costs.budget_ns });
    }

    /// The set to judge by from here on, if it is another one than so far.
    pub(super) fn changed(&mut self, all: &RuleSet) -> Option<RuleSet> {
        for (rule, pause) in self.pauses.iter_mut().filter(|(_, pause)| !pause.over && pause.ends <= Instant::now()) {
            pause.over = true;
            self.changed = true;
            emit(&RuleResumed { rule });
        }
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let set = all.at_rest(&self.pauses.iter().filter(|it| !it.1.over).map(|it| it.0.clone()).collect::<Vec<_>>());
        self.resting = set.resting().filter_map(|rule| self.paused(all, &rule.id)).collect();
        self.costs.rest(self.partition, self.resting.clone());
        Some(set)
    }

    /// Why a rule rests: its own pause, or that of the first rule below it that has one.
    fn paused(&self, all: &RuleSet, rule: &str) -> Option<Paused> {
        let mut asked = vec![rule];
        while let Some(id) = asked.pop() {
            if let Some(pause) = self.pauses.get(id).filter(|pause| !pause.over) {
                let Pause { cost_ns, since, until, .. } = *pause;
                return Some(Paused { rule: rule.to_owned(), cause: id.to_owned(), cost_ns, since, until });
            }
            if let Some(yagura_detect::RuleKind::Correlation(it)) = all.rule(id).map(|rule| &rule.kind) {
                asked.extend(it.rules.iter().map(String::as_str));
            }
        }
        None
    }
}

impl Drop for Throttle {
    /// A pipeline that ended judges nothing.
    fn drop(&mut self) {
        self.costs.rest(self.partition, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_detect::RuleFile;

    const RULES: &str = "\
title: Dear
id: dear
logsource: {product: vehicle}
detection: {s: {message|re: x}, condition: s}
---
title: Cheap
id: cheap
logsource: {product: vehicle}
detection: {s: {bus: 1}, condition: s}
---
title: Many
id: many
correlation: {type: event_count, rules: [dear], timespan: 1m, condition: {gte: 3}}
";

    fn costs(dear: u64) -> Costs {
        Costs { events: 1_000, nanos: dear + 20_000, rules: vec![("cheap".into(), 9_000), ("dear".into(), dear)] }
    }

    #[test]
    fn a_rule_rests_that_costs_too_much_in_three_measurements_running_and_nobody_else() {
        let set = RuleSet::parse(&[RuleFile { path: "r".into(), text: RULES.into() }]).unwrap();
        let shared = RuleCosts::with_budget(1_000);
        let mut throttle = Throttle::new(shared.clone(), 0);
        for dear in [2_000_000, 2_000_000, 900_000, 2_000_000, 2_000_000] {
            throttle.weigh(&costs(dear));
            assert!(throttle.changed(&set).is_none(), "once it was cheap in between");
        }
        assert!(throttle.suspects());
        throttle.weigh(&costs(2_000_000));
        let at_work = throttle.changed(&set).unwrap();
        let resting: Vec<_> = at_work.resting().map(|rule| rule.id.clone()).collect();
        assert_eq!(resting, ["dear", "many"]);
        let told: Vec<_> =
            throttle.resting().iter().map(|it| (it.rule.as_str(), it.cause.as_str(), it.cost_ns)).collect();
        assert_eq!(told, [("dear", "dear", 2_000), ("many", "dear", 2_000)]);
        assert!(
            shared.problem().unwrap().contains("dear cost 2000 ns an event, 1000 may be"),
            "{:?}",
            shared.problem()
        );
        assert!(shared.of("cheap").unwrap().ns < 10.0 && shared.dearest(1)[0].0 == "dear");
        throttle.forget();
        assert_eq!(throttle.changed(&set).unwrap().resting().count(), 0);
        assert_eq!((shared.problem(), throttle.resting().len()), (None, 0));
        drop(throttle);
    }
}
