//! One group of a correlation: its recent events, and which of them a firing window holds.
//!
//! Exact and a pure function of the set of events (ADR-0009): a window ends at an event and reaches `span` back; it fires if it
//! holds at least `at_least` events, or distinct values. Events arrive in any order within `lateness` of the newest; each is
//! counted once per period in which a window that holds it fires. Invariants: entries are sorted by time; no entry is older than
//! newest - span - lateness; at most `entries_max` are kept. Cost in order: O(log entries) an event; out of order: O(entries).

use std::collections::{HashMap, HashSet, VecDeque};

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
        Self { entries: VecDeque::new(), newest: i64::MIN, received, recent: None }
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
            group.recent = None;
            self.judge_after(group, entry.time, counted);
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
        self.count(group, from, end, observed, counted);
    }

    /// An entry was put at `time` between others: judges all windows that hold it.
    fn judge_after(&self, group: &mut Group, time: i64, counted: &mut Vec<Counted>) {
        let first = group.entries.partition_point(|e| e.time < time);
        let last = group.entries.partition_point(|e| e.time < time.saturating_add(self.span));
        let mut start = group.entries.partition_point(|e| e.time <= time.saturating_sub(self.span));
        let mut values: HashMap<u64, u32> = HashMap::new();
        let mut filled = start;
        let mut end = first;
        while end < last {
            let Some(closing) = group.entries.get(end).map(|e| e.time) else { return };
            end = group.entries.partition_point(|e| e.time <= closing);
            let begin = closing.saturating_sub(self.span);
            if self.what == What::Values {
                group.entries.range(filled..end).for_each(|e| remember(&mut values, e.value));
                filled = end;
            }
            while let Some(gone) = group.entries.get(start).filter(|e| e.time <= begin) {
                if self.what == What::Values {
                    forget(&mut values, gone.value);
                }
                start = start.saturating_add(1);
            }
            let observed = match self.what {
                What::Events => end.saturating_sub(start),
                What::Values => values.len(),
            };
            if observed >= self.at_least {
                self.count(group, start, end, observed, counted);
            }
        }
    }

    /// Distinct values of `start..end`, the newest window.
    fn distinct_newest(&self, group: &mut Group, start: usize, end: usize) -> usize {
        if end < RECENT_FROM {
            group.recent = None;
            return group.entries.range(start..end).map(|e| e.value).collect::<HashSet<_>>().len();
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

    /// Counts those of `start..end` that are not counted yet for the period in which the window closes.
    fn count(&self, group: &mut Group, start: usize, end: usize, observed: usize, counted: &mut Vec<Counted>) {
        let Some(closing) = end.checked_sub(1).and_then(|last| group.entries.get(last)) else { return };
        let period_start = self.period_start(closing.time);
        for entry in group.entries.range_mut(start..end) {
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
