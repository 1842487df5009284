//! All correlations of an engine, and how a firing of one goes on to those that count it.
//!
//! Not what is asked of rows (`correlate`), nor the judgement of windows (`window`). What arrives is followed to its end before the
//! next: events of firings come to their correlations in the order of the chain. Windows that more events may change are judged when
//! the newest event of their group is so far on, or when nothing was received for the group so long; the latter in the order in which
//! that became due, so that no cut of rows into batches changes anything. Invariant: a group waits in the queue of its correlation
//! exactly if it has windows to be judged. Cost: a hash look-up and a heap entry a group that waits.

use crate::chain::Via;
use crate::correlate::{CorrelatedKey, Memory, key_of_values, of_firing};
use crate::groups::{At, GroupKey, Limits};
use crate::hit::{self, Addition, Hits};
use crate::late::{LateWindow, LateWindows};
use crate::matched::MatchRecord;
use crate::rule::{Rule, RuleKind};
use crate::ruleset::{Program, RuleSet};
use crate::window::{Counted, Entry, Noted, When};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use yagura_model::UnixMicros;

/// Correlations, those below before those above.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) nodes: Vec<Node>,
    /// The latest time of receipt of any row.
    pub(crate) clock: i64,
    /// When the first group is due that waits.
    next_due: i64,
    noted: Noted,
    open: VecDeque<Arrival>,
}

/// A correlation among others.
pub(crate) struct Node {
    pub(crate) memory: Memory,
    above: Vec<Above>,
    /// Groups with windows to be judged, by the time at which silence is long enough.
    waiting: BinaryHeap<Reverse<(i64, GroupKey)>>,
    /// Who these groups are.
    pub(crate) held: HashMap<GroupKey, Held, foldhash::fast::RandomState>,
}

/// A correlation that counts the firings of another.
struct Above {
    /// Index of its rule.
    rule: usize,
    /// Its place in the network; `None` if another engine judges it.
    node: Option<usize>,
    /// Which of the rules that it counts this one is.
    place: usize,
    via: Via,
}

/// What a firing brings to a correlation above.
struct Arrival {
    node: usize,
    key: GroupKey,
    received: i64,
    entry: Entry,
    who: Held,
}

/// What came of rows.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) hits: Hits<CorrelatedKey>,
    pub(crate) late: LateWindows,
    /// What other engines are to judge.
    pub(crate) passed_on: Vec<MatchRecord>,
}

/// Whose an event is. Asked only if something follows from it.
pub(crate) trait Origin {
    fn tenant(&self) -> &str;
    /// The values by which the correlation groups.
    fn values(&self) -> Vec<String>;
    /// What the counted rule asked about.
    fn matched(&self) -> Vec<(String, String)>;
}

/// Whose a group is, without the event that was last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) tenant: Box<str>,
    pub(crate) values: Vec<String>,
}

impl Origin for Held {
    fn tenant(&self) -> &str {
        &self.tenant
    }

    fn values(&self) -> Vec<String> {
        self.values.clone()
    }

    fn matched(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

impl Network {
    /// The correlations of a set for which `ours` says so of whether they are over the fleet.
    pub(crate) fn new(set: &RuleSet, limits: Limits, ours: impl Fn(bool) -> bool) -> Self {
        let plan = |rule: &usize| match set.programs.get(*rule) {
            Some(Program::Count { plan, .. }) if !set.rests(*rule) => Some(*plan),
            _ => None,
        };
        let mut rules: Vec<usize> =
            (0..set.rules.len()).filter(|rule| plan(rule).is_some_and(|it| ours(it.over_fleet))).collect();
        rules.sort_by_key(|rule| plan(rule).map_or(0, |it| it.depth));
        let places: HashMap<usize, usize> = rules.iter().enumerate().map(|(node, rule)| (*rule, node)).collect();
        let mut above: HashMap<usize, Vec<Above>> = HashMap::new();
        for (rule, program) in set.programs.iter().enumerate().filter(|(rule, _)| !set.rests(*rule)) {
            let Program::Count { bases, .. } = program else { continue };
            for (place, base) in bases.iter().enumerate().filter(|(_, base)| matches!(base.via, Via::Firings { .. })) {
                let it = Above { rule, node: places.get(&rule).copied(), place, via: base.via.clone() };
                above.entry(base.rule).or_default().push(it);
            }
        }
        let node = |rule: &usize| {
            let (memory, above) = (Memory::of(set, *rule, limits)?, above.remove(rule).unwrap_or_default());
            Some(Node { memory, above, waiting: BinaryHeap::new(), held: HashMap::default() })
        };
        Self { nodes: rules.iter().filter_map(node).collect(), clock: i64::MIN, next_due: i64::MAX, ..Self::default() }
    }

    /// Forgets all events.
    pub(crate) fn forget(&mut self) {
        self.clock = i64::MIN;
        for node in &mut self.nodes {
            node.memory.store = Default::default();
        }
        self.rebuild();
    }

    /// Finds out anew which groups wait, after groups were replaced.
    pub(crate) fn rebuild(&mut self) {
        for node in &mut self.nodes {
            let Memory { store, window, .. } = &node.memory;
            node.waiting.clear();
            if window.when == When::Settled {
                node.held.retain(|key, _| store.get(*key).is_some());
                let pending = store.groups().iter().filter(|group| group.is_pending());
                node.waiting
                    .extend(pending.map(|group| Reverse((group.received.saturating_add(window.lateness), group.key))));
            } else {
                node.held.clear();
            }
        }
        self.look_ahead();
    }

    fn look_ahead(&mut self) {
        self.next_due = self.nodes.iter().filter_map(Node::due).min().unwrap_or(i64::MAX);
    }

    /// An event comes to a correlation.
    pub(crate) fn arrive(
        &mut self,
        set: &RuleSet,
        (node, at): (usize, At),
        (received, entry): (i64, Entry),
        origin: &dyn Origin,
        found: &mut Found,
    ) {
        self.insert(set, (node, at), (received, entry), origin, found);
        self.follow_up(set, found);
    }

    fn follow_up(&mut self, set: &RuleSet, found: &mut Found) {
        while let Some(next) = self.open.pop_front() {
            self.insert(set, (next.node, At::new(next.key)), (next.received, next.entry), &next.who, found);
        }
    }

    fn insert(
        &mut self,
        set: &RuleSet,
        (index, at): (usize, At),
        (received, entry): (i64, Entry),
        origin: &dyn Origin,
        found: &mut Found,
    ) {
        let key = at.key;
        let mut noted = std::mem::take(&mut self.noted);
        if let Some(node) = self.nodes.get_mut(index) {
            let waited = node.memory.insert(at, received, entry, &mut noted);
            if node.memory.window.when == When::Settled && !waited && !node.held.contains_key(&key) {
                node.held.insert(key, Held { tenant: origin.tenant().into(), values: origin.values() });
                let due = node.memory.store.now.saturating_add(node.memory.window.lateness);
                node.waiting.push(Reverse((due, key)));
                self.next_due = self.next_due.min(due);
            }
        }
        self.follow(set, (index, key), received, &noted, (origin, found));
        self.noted = noted;
    }

    /// Lets the clock go on: judges what is due.
    pub(crate) fn advance(&mut self, set: &RuleSet, now: i64, found: &mut Found) {
        self.clock = self.clock.max(now);
        while self.next_due < self.clock {
            let first = self.nodes.iter().enumerate().filter_map(|(index, node)| Some((node.due()?, index))).min();
            let Some((due, index)) = first else { break };
            let mut noted = std::mem::take(&mut self.noted);
            noted.clear();
            if let Some(node) = self.nodes.get_mut(index)
                && let Some(Reverse((_, key))) = node.waiting.pop()
            {
                let Memory { store, window, .. } = &mut node.memory;
                match store.settle(key, due, window, &mut noted) {
                    Some(later) => node.waiting.push(Reverse((later, key))),
                    None => {
                        if let Some(who) = node.held.remove(&key) {
                            self.follow(set, (index, key), due, &noted, (&who, found));
                        }
                    }
                }
            }
            self.noted = noted;
            self.follow_up(set, found);
            self.look_ahead();
        }
    }

    /// Judges all windows that wait: no more rows come. What comes for these groups all the same is late.
    pub(crate) fn finish(&mut self, set: &RuleSet, found: &mut Found) {
        let clock = self.clock;
        self.advance(set, i64::MAX, found);
        self.clock = clock;
    }

    /// What was noted of a group becomes hits, late windows, and events of the correlations above.
    fn follow(
        &mut self,
        set: &RuleSet,
        (index, key): (usize, GroupKey),
        received: i64,
        noted: &Noted,
        (origin, found): (&dyn Origin, &mut Found),
    ) {
        let Some(node) = self.nodes.get(index) else { return };
        let Some(rule) = set.rules.get(node.memory.rule) else { return };
        if rule.alerts {
            node.memory.report(rule, key, noted, (origin, found));
        }
        if node.above.is_empty() || (noted.fired.is_empty() && noted.missed.is_empty()) {
            return;
        }
        let values = origin.values();
        let mut missed = Vec::new();
        for above in &node.above {
            let known = set.rules.get(above.rule).and_then(|rule| Some((rule, measure_of(rule)?)));
            let Some((over, measure)) = known else { continue };
            let Some((group, value)) = of_firing(measure, above.place, &above.via, &values) else { continue };
            let key = key_of_values(origin.tenant(), &group);
            let who = Held { tenant: origin.tenant().into(), values: group };
            for fired in &noted.fired {
                let entry = Entry { value, counted: 0, ..*fired };
                match above.node {
                    Some(node) => self.open.push_back(Arrival { node, key, received, entry, who: who.clone() }),
                    None => found.passed_on.push(record(over, (rule, &values), &who, received, &entry)),
                }
            }
            if let Some(node) = above.node {
                missed.extend(noted.missed.iter().map(|stretch| (node, key, *stretch, who.clone())));
            }
        }
        for (node, key, stretch, who) in missed {
            self.miss(set, (node, key), (received, stretch), &who, found);
        }
    }

    /// Firings of this stretch of time may be missing in a group, and so those of the correlations above.
    fn miss(
        &mut self,
        set: &RuleSet,
        (index, key): (usize, GroupKey),
        (received, stretch): (i64, (i64, i64)),
        who: &Held,
        found: &mut Found,
    ) {
        let mut noted = Noted::default();
        if let Some(memory) = self.nodes.get_mut(index).map(|node| &mut node.memory) {
            memory.miss(key, received, stretch, &mut noted);
            noted.missed.push((stretch.0, stretch.1.saturating_add(memory.window.span).saturating_sub(1)));
        }
        self.follow(set, (index, key), received, &noted, (who, found));
    }
}

impl Node {
    /// When the first of its groups is due that waits.
    fn due(&self) -> Option<i64> {
        self.waiting.peek().map(|Reverse((due, _))| *due)
    }

    /// Whether rows of others do not matter to it: it neither waits nor counts firings, and nobody counts its own.
    pub(crate) fn is_plain(&self, set: &RuleSet) -> bool {
        let over_firings = match set.programs.get(self.memory.rule) {
            Some(Program::Count { bases, .. }) => bases.iter().any(|base| matches!(base.via, Via::Firings { .. })),
            _ => false,
        };
        self.above.is_empty() && !over_firings && self.memory.window.when == When::AtOnce
    }
}

impl Memory {
    /// What was noted of a group becomes hits and late windows.
    pub(crate) fn report(&self, rule: &Rule, key: GroupKey, noted: &Noted, (origin, found): (&dyn Origin, &mut Found)) {
        for period_start in &noted.late {
            let known = found.late.entry((self.rule, key, *period_start)).or_insert_with(|| {
                let group = named(rule, origin.values());
                let (from, to) = self.deciding(*period_start);
                LateWindow {
                    alert: hit::alert_id(rule, origin.tenant(), &group, *period_start),
                    rule: rule.id.clone(),
                    tenant: origin.tenant().to_owned(),
                    vehicle: hit::vehicle_of(&group),
                    from,
                    to,
                    events: 0,
                }
            });
            known.events = known.events.saturating_add(1);
        }
        for counted in &noted.counted {
            let Counted { entry, period_start, observed } = counted;
            let place = (entry.position, entry.entry_index);
            let addition = Addition { time: entry.time, place, observed: Some(*observed), moving: None };
            found.hits.add((self.rule, key, *period_start), self.rule, &addition, || {
                let group = named(rule, origin.values());
                let mut hit = hit::empty(rule, origin.tenant(), group, *period_start, entry.time);
                hit.matched = origin.matched();
                hit
            });
        }
    }
}

fn measure_of(rule: &Rule) -> Option<crate::window::Measure> {
    match &rule.kind {
        RuleKind::Correlation(correlation) => Some(crate::correlate::measure(correlation)),
        RuleKind::Match | RuleKind::Baseline(_) => None,
    }
}

/// The values of a group with the names of their fields.
pub(crate) fn named(rule: &Rule, values: Vec<String>) -> Vec<(String, String)> {
    match &rule.kind {
        RuleKind::Correlation(correlation) => correlation.group_by.iter().cloned().zip(values).collect(),
        RuleKind::Baseline(baseline) => baseline.group_by.iter().cloned().zip(values).collect(),
        RuleKind::Match => Vec::new(),
    }
}

/// A firing on its way to the engine that judges the fleet.
fn record(over: &Rule, (rule, values): (&Rule, &[String]), who: &Held, received: i64, entry: &Entry) -> MatchRecord {
    MatchRecord {
        rule: over.id.clone(),
        digest: over.digest,
        tenant: who.tenant.clone().into(),
        vehicle: hit::vehicle_of(&named(rule, values.to_vec())).unwrap_or_default(),
        group: who.values.clone(),
        matched: Vec::new(),
        time: UnixMicros(entry.time),
        received: UnixMicros(received),
        value: entry.value,
        event: crate::fleet::event_of(entry),
    }
}
