//! What a group keeps: events that a window may still hold, and the values of the newest window.
//!
//! Not a judgement. Invariants: what is dropped as too old no window can hold; of a full group half is left, first of all one event
//! of each value; the values that are kept are those of the newest window's entries.

use super::tally::{Values, forget, remember};
use super::{Group, Measure, Window};
use crate::groups::GroupKey;
use std::collections::HashMap;
use std::ops::Range;

/// From so many entries on, the distinct values of the newest window are kept up to date instead of being counted again.
pub(super) const RECENT_FROM: usize = 32;

/// The values of newest windows, of those groups that have many events.
pub(crate) type Recents = HashMap<GroupKey, Recent, foldhash::fast::RandomState>;

/// How often each value is in the newest window of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    counts: Values,
    /// Index of the first entry in the newest window.
    first: usize,
}

impl Window {
    /// Forgets what no window can hold any more once `newest` is the latest time.
    pub(super) fn expire(&self, group: &mut Group, recents: &mut Recents, newest: i64) {
        let keep_after = newest.saturating_sub(self.span).saturating_sub(self.lateness);
        let all = group.entries();
        if all.first().is_none_or(|e| e.time > keep_after) {
            return;
        }
        let expired = all.partition_point(|e| e.time <= keep_after);
        if group.has_recent
            && let Some(recent) = recents.get_mut(&group.key)
        {
            let gone = all.get(recent.first.min(expired)..expired).unwrap_or_default();
            gone.iter().for_each(|e| forget(&mut recent.counts, e.value));
            recent.first = recent.first.max(expired).saturating_sub(expired);
        }
        group.drop_first(expired);
    }

    /// Gives up the least needed half of a group that holds too much; how many events that are.
    pub(super) fn make_room(&self, group: &mut Group, recents: &mut Recents) -> usize {
        let len = group.entries().len();
        if len <= self.entries_max {
            return 0;
        }
        forget_recent(group, recents);
        let keep = self.entries_max.checked_div(2).unwrap_or(0);
        if matches!(self.measure, Measure::Values | Measure::Rules(_)) {
            drop_repeated(group, keep);
        }
        let surplus = group.entries().len().saturating_sub(keep);
        group.drop_first(surplus);
        len.saturating_sub(group.entries().len())
    }
}

/// Distinct values of the newest window, whose last entry is new.
pub(super) fn distinct_newest(group: &mut Group, recents: &mut Recents, window: Range<usize>) -> u64 {
    let Range { start, end } = window;
    if end < RECENT_FROM {
        forget_recent(group, recents);
        return distinct(group.entries().get(start..end).unwrap_or_default().iter().map(|e| e.value)) as u64;
    }
    group.has_recent = true;
    let all = group.entries();
    let before = end.saturating_sub(1);
    let recent = recents.entry(group.key).or_insert_with(|| {
        let mut counts = Values::default();
        let known = all.get(start.min(before)..before).unwrap_or_default();
        known.iter().for_each(|e| remember(&mut counts, e.value));
        Recent { counts, first: start }
    });
    if let Some(newest) = all.last() {
        remember(&mut recent.counts, newest.value);
    }
    let gone = all.get(recent.first.min(start)..start).unwrap_or_default();
    gone.iter().for_each(|e| forget(&mut recent.counts, e.value));
    recent.first = start;
    recent.counts.len() as u64
}

/// How often each value is in `window`, which ends before the new entry `at`; taken from the newest window where that is known, by
/// going back from it.
pub(super) fn values_before(group: &mut Group, recents: &mut Recents, window: Range<usize>, at: usize) -> Values {
    let known = if group.has_recent { recents.remove(&group.key) } else { None };
    group.has_recent = false;
    let all = group.entries();
    let Some(Recent { mut counts, first }) = known else {
        let mut counts = Values::default();
        all.get(window).unwrap_or_default().iter().for_each(|e| remember(&mut counts, e.value));
        return counts;
    };
    // The new entry moved the others on; the known counts do not hold it.
    let first = if at < first { first.saturating_add(1) } else { first };
    let behind = all.iter().enumerate().skip(window.end.max(first)).filter(|(index, _)| *index != at);
    behind.for_each(|(_, e)| forget(&mut counts, e.value));
    if window.end < first {
        counts.clear();
    }
    let before = all.get(window.start..first.clamp(window.start, window.end)).unwrap_or_default();
    before.iter().for_each(|e| remember(&mut counts, e.value));
    counts
}

/// Keeps the values of the newest window, which begins at `first`.
pub(super) fn keep(group: &mut Group, recents: &mut Recents, counts: Values, first: usize) {
    if group.entries().len() >= RECENT_FROM {
        recents.insert(group.key, Recent { counts, first });
        group.has_recent = true;
    }
}

fn forget_recent(group: &mut Group, recents: &mut Recents) {
    if group.has_recent {
        recents.remove(&group.key);
        group.has_recent = false;
    }
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

/// Drops the oldest entries whose value also has a newer one, until `keep` are left or none can go: what is left has the same
/// distinct values in its newest window.
fn drop_repeated(group: &mut Group, keep: usize) {
    let mut newer = Values::default();
    group.entries().iter().for_each(|e| remember(&mut newer, e.value));
    let mut surplus = group.entries().len().saturating_sub(keep);
    group.retain(|entry| {
        let Some(count) = newer.get_mut(&entry.value) else { return true };
        *count = count.saturating_sub(1);
        let goes = surplus > 0 && *count > 0;
        if goes {
            surplus = surplus.saturating_sub(1);
        }
        !goes
    });
}
