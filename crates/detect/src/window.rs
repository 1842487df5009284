//! One group of a correlation: its recent events, and which of them a firing window holds.
//!
//! Exact and a pure function of the set of events (ADR-0009): a window ends at an event and reaches `span` back; it fires if it
//! holds at least `at_least` events, or distinct values. Events arrive in any order within `lateness` of the newest; each is
//! counted once per period in which a window that holds it fires. Invariants: entries are sorted by time; no entry is older than
//! newest - span - lateness; at most `entries_max` are kept; all entries of a window that fires are counted. Cost: O(log entries) an
//! event in order, and O(entries that the event comes behind of) out of order, if it is less than a span behind.

use crate::late::Gap;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

/// Counted for the period that the event lies in.
const COUNTED_OWN: u8 = 1;
/// Counted for the period after that.
const COUNTED_NEXT: u8 = 1 << 1;
/// From so many entries on, the distinct values of the newest window are kept up to date instead of being counted again.
const RECENT_FROM: usize = 32;

/// One event that a correlation counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) time: i64,
    /// Digest of the value that is counted; 0 where events are counted.
    pub(crate) value: u64,
    pub(crate) position: i64,
    pub(crate) entry_index: i32,
    pub(crate) counted: u8,
}

/// What a correlation asks of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) span: i64,
    pub(crate) lateness: i64,
    pub(crate) at_least: usize,
    pub(crate) what: What,
    /// Length of the periods that name alerts; at least `span`.
    pub(crate) period: i64,
    pub(crate) entries_max: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum What {
    Events,
    Values,
}

/// The recent events of one group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) entries: VecDeque<Entry>,
    /// The latest event time seen.
    pub(crate) newest: i64,
    /// The latest receive time seen.
    pub(crate) received: i64,
    /// What it does not hold.
    pub(crate) gap: Gap,
    /// Derived: how often each value is in the newest window.
    recent: Option<Box<Recent>>,
}

#[derive(Clone, Debug, Default)]
struct Recent {
    counts: HashMap<u64, u32>,
    /// Index of the first entry in the newest window.
    first: usize,
}

/// What came of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Inserted {
    /// It is kept, and so many older entries were given up because the group is full.
    Kept { evicted: usize },
    /// It came later than the lateness allows and was not counted.
    Late,
}

/// An event that is now counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) entry: Entry,
    /// Start of the period of the window that fired.
    pub(crate) period_start: i64,
    /// How many events or values that window holds.
    pub(crate) observed: usize,
}

impl Group {
    pub(crate) fn new(received: i64) -> Self {
        Self { entries: VecDeque::new(), newest: i64::MIN, received, gap: Gap::NONE, recent: None }
    }
}

impl Window {
    /// Start of the period of an instant.
    pub(crate) fn period_start(&self, time: i64) -> i64 {
        time.saturating_sub(time.checked_rem_euclid(self.period).unwrap_or(0))
    }

    /// Adds an event and hands out all events that are counted because of it.
    pub(crate) fn insert(&self, group: &mut Group, entry: Entry, counted: &mut Vec<Counted>) -> Inserted {
        if entry.time < group.newest.saturating_sub(self.lateness) {
            return Inserted::Late;
        }
        let at = group.entries.partition_point(|e| e.time <= entry.time);
        let in_order = at == group.entries.len();
        group.entries.insert(at, entry);
        group.newest = group.newest.max(entry.time);
        if in_order {
            self.judge_newest(group, counted);
        } else {
            self.judge_between(group, at, counted);
        }
        Inserted::Kept { evicted: self.trim(group) }
    }

    /// The last entry is new and the newest: only the window that ends with it can have changed.
    fn judge_newest(&self, group: &mut Group, counted: &mut Vec<Counted>) {
        let end = group.entries.len();
        let Some(time) = group.entries.back().map(|e| e.time) else { return };
        let start = group.entries.partition_point(|e| e.time <= time.saturating_sub(self.span));
        let observed = match self.what {
            What::Events => end.saturating_sub(start),
            What::Values => self.distinct_newest(group, start, end),
        };
        if observed < self.at_least {
            return;
        }
        // Whatever an earlier window of this period counted reaches at least as far back as this one.
        let period_start = self.period_start(time);
        let uncounted =
            group.entries.range(start..end).rev().take_while(|e| e.counted & self.flag(e, period_start) == 0);
        let from = end.saturating_sub(uncounted.count());
        self.count(group, from..end, time, observed, counted);
    }

    /// An entry was put at index `at` before newer ones: judges all windows that hold it, from the one that closes with it on.
    fn judge_between(&self, group: &mut Group, at: usize, counted: &mut Vec<Counted>) {
        let Some(new) = group.entries.get(at).copied() else { return };
        let last = group.entries.partition_point(|e| e.time < new.time.saturating_add(self.span));
        let mut start = group.entries.partition_point(|e| e.time <= new.time.saturating_sub(self.span));
        let mut end = group.entries.partition_point(|e| e.time <= new.time);
        // Whether a window closed there before: at the new entry's time only if another entry has the same.
        let mut existed = at.checked_sub(1).and_then(|i| group.entries.get(i)).is_some_and(|e| e.time == new.time);
        let mut values = match self.what {
            What::Events => HashMap::new(),
            What::Values => counts_of(group, start..end, at),
        };
        loop {
            let (observed, before) = match self.what {
                What::Events => (end.saturating_sub(start), end.saturating_sub(start).saturating_sub(1)),
                What::Values => {
                    let alone = values.get(&new.value) == Some(&1);
                    (values.len(), values.len().saturating_sub(usize::from(alone)))
                }
            };
            let Some(closing) = end.checked_sub(1).and_then(|i| group.entries.get(i)).map(|e| e.time) else { break };
            if existed && before >= self.at_least {
                // The window fired without the new entry: all others are counted.
                self.count(group, at..at.saturating_add(1), closing, observed, counted);
            } else if observed >= self.at_least {
                self.count(group, start..end, closing, observed, counted);
            }
            let Some(next) = group.entries.get(end).map(|e| e.time).filter(|_| end < last) else { break };
            existed = true;
            let from = end;
            end = group.entries.partition_point(|e| e.time <= next);
            if self.what == What::Values {
                group.entries.range(from..end).for_each(|e| remember(&mut values, e.value));
            }
            while let Some(gone) = group.entries.get(start).filter(|e| e.time <= next.saturating_sub(self.span)) {
                if self.what == What::Values {
                    forget(&mut values, gone.value);
                }
                start = start.saturating_add(1);
            }
        }
        if self.what == What::Values && end == group.entries.len() && end >= RECENT_FROM {
            group.recent = Some(Box::new(Recent { counts: values, first: start }));
        }
    }

    /// Distinct values of `start..end`, the newest window.
    fn distinct_newest(&self, group: &mut Group, start: usize, end: usize) -> usize {
        if end < RECENT_FROM {
            group.recent = None;
            return distinct(group.entries.range(start..end).map(|e| e.value));
        }
        let mut recent = group.recent.take().unwrap_or_else(|| {
            let mut recent = Recent { counts: HashMap::new(), first: start };
            let before = end.saturating_sub(1);
            let known = group.entries.range(start.min(before)..before);
            known.for_each(|e| remember(&mut recent.counts, e.value));
            Box::new(recent)
        });
        if let Some(newest) = group.entries.back() {
            remember(&mut recent.counts, newest.value);
        }
        let gone = group.entries.range(recent.first.min(start)..start);
        gone.for_each(|e| forget(&mut recent.counts, e.value));
        recent.first = start;
        let distinct = recent.counts.len();
        group.recent = Some(recent);
        distinct
    }

    /// The flag that says that an entry is counted for this period: its own, or the one after.
    fn flag(&self, entry: &Entry, period_start: i64) -> u8 {
        if self.period_start(entry.time) == period_start { COUNTED_OWN } else { COUNTED_NEXT }
    }

    /// Counts those entries that are not counted yet for the period in which the window closes.
    fn count(
        &self,
        group: &mut Group,
        entries: Range<usize>,
        closing: i64,
        observed: usize,
        counted: &mut Vec<Counted>,
    ) {
        let period_start = self.period_start(closing);
        for entry in group.entries.range_mut(entries) {
            let flag = self.flag(entry, period_start);
            if entry.counted & flag == 0 {
                entry.counted |= flag;
                counted.push(Counted { entry: *entry, period_start, observed });
            }
        }
    }

    /// Forgets what no window can hold any more, and the least needed of what is too much; returns how many of the latter.
    fn trim(&self, group: &mut Group) -> usize {
        let keep_after = group.newest.saturating_sub(self.span).saturating_sub(self.lateness);
        let expired = group.entries.partition_point(|e| e.time <= keep_after);
        group.entries.drain(..expired);
        if let Some(recent) = &mut group.recent {
            recent.first = recent.first.saturating_sub(expired);
        }
        let len = group.entries.len();
        if len <= self.entries_max {
            return 0;
        }
        group.recent = None;
        let keep = self.entries_max.checked_div(2).unwrap_or(0);
        if self.what == What::Values {
            drop_repeated(&mut group.entries, keep);
        }
        let surplus = group.entries.len().saturating_sub(keep);
        group.entries.drain(..surplus);
        len.saturating_sub(group.entries.len())
    }
}

/// How often each value is in `window`, which holds the new entry `at`; taken from the newest window where that is known, by
/// going back from it.
fn counts_of(group: &mut Group, window: Range<usize>, at: usize) -> HashMap<u64, u32> {
    let Some(recent) = group.recent.take() else {
        let mut counts = HashMap::new();
        group.entries.range(window).for_each(|e| remember(&mut counts, e.value));
        return counts;
    };
    let Recent { mut counts, first } = *recent;
    // The new entry moved the others on; the known counts do not hold it yet.
    let first = if at < first { first.saturating_add(1) } else { first };
    group.entries.range(window.end.max(first)..).for_each(|e| forget(&mut counts, e.value));
    if window.end < first {
        counts.clear();
    }
    group
        .entries
        .range(window.start..first.clamp(window.start, window.end))
        .for_each(|e| remember(&mut counts, e.value));
    if at >= first
        && let Some(new) = group.entries.get(at)
    {
        remember(&mut counts, new.value);
    }
    counts
}

/// How many distinct values there are among fewer than [`RECENT_FROM`]: so few that looking at all of them is faster than hashing.
fn distinct(values: impl Iterator<Item = u64>) -> usize {
    let mut known = [0; RECENT_FROM];
    let mut count = 0_usize;
    for value in values {
        if known.get(..count).is_some_and(|known| !known.contains(&value))
            && let Some(room) = known.get_mut(count)
        {
            *room = value;
            count = count.saturating_add(1);
        }
    }
    count
}

fn remember(counts: &mut HashMap<u64, u32>, value: u64) {
    let count = counts.entry(value).or_default();
    *count = count.saturating_add(1);
}

fn forget(counts: &mut HashMap<u64, u32>, value: u64) {
    if let Some(count) = counts.get_mut(&value) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&value);
        }
    }
}

/// Drops the oldest entries whose value also has a newer one, until `keep` are left or none can go: what is left has the same
/// distinct values in its newest window.
fn drop_repeated(entries: &mut VecDeque<Entry>, keep: usize) {
    let mut newer: HashMap<u64, u32> = HashMap::new();
    entries.iter().for_each(|e| remember(&mut newer, e.value));
    let mut surplus = entries.len().saturating_sub(keep);
    entries.retain(|entry| {
        let Some(count) = newer.get_mut(&entry.value) else { return true };
        *count = count.saturating_sub(1);
        let goes = surplus > 0 && *count > 0;
        if goes {
            surplus = surplus.saturating_sub(1);
        }
        !goes
    });
}

#[cfg(test)]
mod tests;
