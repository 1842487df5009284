//! All groups of one baseline, bounded.
//!
//! Not the judgement (`group`, `past`). Two generations as for correlations: what was not touched since the generation changed goes
//! when it changes again. A group that is given up while it could still matter is counted, and groups that begin afterwards are silent
//! until nothing of what was given up could matter: cold, never loud. Invariants: at most `groups_max` groups and about `entries_max`
//! marks and events; a group stands in the queue exactly if events wait in it; which groups are held depends on the order of rows
//! alone. Cost: see `benches/baselines.rs`.

use super::Baseline;
use super::group::{Group, Odd, Waits};
use super::past::Look;
use crate::correlate::AHEAD_MAX;
use crate::groups::{CorrelationLosses, GroupKey, IDLE_MAX, Limits};
use crate::network::{Held, Origin};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// What came of events.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    pub(crate) fired: Vec<Fired>,
    /// Periods that are to be judged over the lake.
    pub(crate) late: Vec<(GroupKey, Held, i64)>,
    pub(super) evicted: u64,
}

/// An event that is unusual for its group.
#[derive(Debug)]
pub(crate) struct Fired {
    pub(crate) key: GroupKey,
    pub(crate) who: Held,
    pub(crate) event: Waits,
    pub(crate) observed: Option<u64>,
}

impl Noted {
    pub(super) fn fired(&mut self, key: GroupKey, who: &Held, event: Waits, observed: Option<u64>) {
        self.fired.push(Fired { key, who: who.clone(), event, observed });
    }

    pub(super) fn late(&mut self, key: GroupKey, who: &Held, period: i64) {
        self.late.push((key, who.clone(), period));
    }
}

/// All groups of one baseline.
pub(crate) struct Room {
    /// Index of its rule.
    pub(crate) rule: usize,
    pub(super) look: Look,
    limits: Limits,
    pub(super) groups: HashMap<GroupKey, Group, foldhash::fast::RandomState>,
    /// Groups with events that wait, by the time at which silence is long enough.
    waiting: BinaryHeap<Reverse<(i64, GroupKey)>>,
    young: usize,
    young_entries: usize,
    /// The latest time of receipt of any row.
    pub(super) now: i64,
    /// The latest event of a group that was given up.
    pub(super) lost: i64,
    pub(crate) losses: CorrelationLosses,
}

impl Room {
    pub(super) fn new(rule: usize, baseline: &Baseline, limits: Limits) -> Self {
        Self {
            rule,
            look: Look::new(baseline, limits.group_entries_max),
            limits,
            groups: HashMap::default(),
            waiting: BinaryHeap::new(),
            young: 0,
            young_entries: 0,
            now: 0,
            lost: i64::MIN,
            losses: CorrelationLosses::default(),
        }
    }

    /// How many groups it holds, and how many marks and events.
    pub(crate) fn held(&self) -> (usize, usize) {
        let entries = self.groups.values().map(Group::entries);
        (self.groups.len(), entries.fold(0, usize::saturating_add))
    }

    /// Whether an event waits here already.
    pub(crate) fn holds(&self, key: GroupKey, event: &Waits) -> bool {
        self.groups.get(&key).is_some_and(|group| group.holds(event))
    }

    /// An event comes.
    pub(crate) fn arrive(&mut self, key: GroupKey, event: Waits, origin: &dyn Origin, noted: &mut Noted) {
        self.make_room(noted);
        let (now, lost, idle_after) = (self.now, self.lost, self.idle_after());
        let Self { groups, look, limits, .. } = self;
        let mut begun = false;
        let group = groups.entry(key).or_insert_with(|| {
            begun = true;
            let forgotten = now.saturating_sub(idle_after).saturating_add(AHEAD_MAX);
            let mut group = Group::new(now, forgotten);
            // Those that begin while something of what was given up may still matter cannot know it.
            if lost >= look.past_of(event.time.saturating_sub(look.lateness)) {
                group.set_odd(Odd { silent_until: look.matters_until(lost), ..Odd::NONE });
            }
            group
        });
        let touched = begun || std::mem::take(&mut group.old);
        let before = if touched { 0 } else { group.entries() };
        group.received = now;
        let waited = group.waiting.is_some();
        noted.evicted = 0;
        if event.time <= group.end {
            self.losses.late = self.losses.late.saturating_add(1);
            let who = Held { tenant: origin.tenant().into(), values: origin.values() };
            group.learn_late(look, &event, (key, &who, noted));
        } else {
            group.put(look, event, origin);
            group.judge(look, group.newest().saturating_sub(look.lateness), (key, noted));
            let full = group.waiting.as_ref().is_some_and(|it| it.events.len() > limits.group_entries_max);
            if full {
                noted.evicted = noted.evicted.saturating_add(1);
                group.judge_first(look, (key, noted));
            }
        }
        let (after, waits) = (group.entries(), group.waiting.is_some());
        self.losses.evicted_events = self.losses.evicted_events.saturating_add(noted.evicted);
        self.young = self.young.saturating_add(usize::from(touched));
        self.young_entries = self.young_entries.saturating_add(after).saturating_sub(before);
        if waits && !waited {
            self.waiting.push(Reverse((now.saturating_add(self.look.lateness), key)));
        }
    }

    /// Lets the clock go on: judges the events of groups for which nothing was received so long.
    pub(crate) fn advance(&mut self, clock: i64, noted: &mut Noted) {
        if clock <= self.now {
            return;
        }
        while let Some(Reverse((due, key))) = self.waiting.peek().copied() {
            if due >= clock {
                break;
            }
            self.waiting.pop();
            let Some(group) = self.groups.get_mut(&key).filter(|group| group.waiting.is_some()) else { continue };
            let later = group.received.saturating_add(self.look.lateness);
            if later > due {
                self.waiting.push(Reverse((later, key)));
                continue;
            }
            let before = group.entries();
            noted.evicted = 0;
            group.judge(&self.look, i64::MAX, (key, noted));
            let after = group.entries();
            self.losses.evicted_events = self.losses.evicted_events.saturating_add(noted.evicted);
            if !group.old {
                self.young_entries = self.young_entries.saturating_add(after).saturating_sub(before);
            }
        }
        let period = self.idle_after();
        let periods = |time: i64| time.checked_div_euclid(period).unwrap_or(0);
        let passed = periods(clock).saturating_sub(periods(self.now));
        self.now = clock;
        for _ in 0..passed.min(2) {
            self.age(noted);
        }
    }

    /// Judges all that waits: no more rows come.
    pub(crate) fn finish(&mut self, noted: &mut Noted) {
        let now = self.now;
        let waiting: Vec<GroupKey> = self.waiting.drain().map(|Reverse((_, key))| key).collect();
        for key in waiting {
            if let Some(group) = self.groups.get_mut(&key) {
                group.judge(&self.look, i64::MAX, (key, noted));
            }
        }
        self.now = now;
        self.recount();
    }

    /// Forgets all events.
    pub(crate) fn forget(&mut self) {
        self.groups.clear();
        (self.now, self.lost) = (0, i64::MIN);
        self.recount();
    }

    /// Finds out anew what is young and what waits, after groups were replaced.
    pub(super) fn recount(&mut self) {
        let lateness = self.look.lateness;
        let waiting = self.groups.iter().filter(|(_, group)| group.waiting.is_some());
        self.waiting = waiting.map(|(key, group)| Reverse((group.received.saturating_add(lateness), *key))).collect();
        let young = || self.groups.values().filter(|group| !group.old);
        (self.young, self.young_entries) =
            (young().count(), young().map(Group::entries).fold(0, usize::saturating_add));
    }

    /// How long, in µs of receive time, a group is remembered that is not touched: so long that what was forgotten of a group that
    /// begins anew cannot matter, unless its first event is very old.
    fn idle_after(&self) -> i64 {
        self.look.history.saturating_mul(2).saturating_add(self.look.lateness).saturating_add(IDLE_MAX)
    }

    fn make_room(&mut self, noted: &mut Noted) {
        let half = |max: usize| (max / 2).max(1);
        if self.young >= half(self.limits.groups_max) || self.young_entries >= half(self.limits.entries_max) {
            self.age(noted);
        }
    }

    fn age(&mut self, noted: &mut Noted) {
        let (now, idle_after) = (self.now, self.idle_after());
        let Self { groups, look, lost, losses, .. } = self;
        groups.retain(|key, group| {
            if !group.old {
                group.old = true;
                return true;
            }
            if now.saturating_sub(group.received) < idle_after {
                group.judge(look, i64::MAX, (*key, noted));
                *lost = (*lost).max(group.end);
                losses.evicted_groups = losses.evicted_groups.saturating_add(1);
            }
            false
        });
        (self.young, self.young_entries) = (0, 0);
    }
}
