//! One group: its events in the order of their times, in one piece of memory.
//!
//! Not a judgement. One event is held in place, more are on the heap; what is dropped at the front stays until half of the room is
//! free, so that a window that moves on costs no copying. Invariant: sorted by time.

use super::{Entry, SETTLED};
use crate::groups::GroupKey;
use crate::late::Gap;
use smallvec::SmallVec;

/// Up to so many events room is made for one more at a time: most groups are that small.
const EXACT_UNTIL: usize = 4;
/// So far from its end a search goes at first: events come in order, as a rule.
const NEAR: usize = 4;

/// The recent events of one group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) key: GroupKey,
    /// The latest receive time seen.
    pub(crate) received: i64,
    gap_until: i64,
    items: SmallVec<[Entry; 1]>,
    gap_named: i32,
    /// Index of the first event that is held.
    head: u16,
    /// Whether it was not touched since the generation changed.
    pub(crate) old: bool,
    /// Whether the values of its newest window are kept up to date.
    pub(super) has_recent: bool,
}

impl Group {
    /// A group with room for so many events.
    pub(crate) fn new(key: GroupKey, received: i64, gap: Gap, room: usize) -> Self {
        let Gap { until: gap_until, named: gap_named } = gap;
        let items = SmallVec::with_capacity(room);
        Self { key, received, gap_until, items, gap_named, head: 0, old: false, has_recent: false }
    }

    /// What it does not hold.
    pub(crate) const fn gap(&self) -> Gap {
        Gap { until: self.gap_until, named: self.gap_named }
    }

    pub(crate) const fn set_gap(&mut self, gap: Gap) {
        Gap { until: self.gap_until, named: self.gap_named } = gap;
    }

    /// Its events, by time.
    pub(crate) fn entries(&self) -> &[Entry] {
        self.items.get(usize::from(self.head)..).unwrap_or_default()
    }

    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        self.items.get_mut(usize::from(self.head)..).unwrap_or_default()
    }

    /// The latest event time; the least there is for a group without events.
    pub(crate) fn newest(&self) -> i64 {
        self.entries().last().map_or(i64::MIN, |entry| entry.time)
    }

    /// How many of its first windows are settled: a window is never settled before an earlier one.
    pub(super) fn settled(&self) -> usize {
        self.entries().partition_point(|entry| entry.counted & SETTLED != 0)
    }

    /// Whether windows wait to be judged.
    pub(crate) fn is_pending(&self) -> bool {
        self.entries().last().is_some_and(|entry| entry.counted & SETTLED == 0)
    }

    /// How many events lie at or before `time`; looked for from the end, in steps that double: the end is in the processor's cache.
    pub(crate) fn until(&self, time: i64) -> usize {
        let all = self.entries();
        if all.last().is_none_or(|last| last.time <= time) {
            return all.len();
        }
        let (mut low, mut high, mut step) = (0, all.len(), NEAR);
        while let Some(probe) = high.checked_sub(step) {
            if all.get(probe).is_some_and(|entry| entry.time <= time) {
                low = probe;
                break;
            }
            (high, step) = (probe, step.saturating_mul(2));
        }
        low.saturating_add(all.get(low..high).unwrap_or_default().partition_point(|entry| entry.time <= time))
    }

    /// Puts an event before the one at `at`.
    pub(crate) fn put(&mut self, at: usize, entry: Entry) {
        let len = self.items.len();
        if len == self.items.capacity() && len < EXACT_UNTIL {
            self.items.reserve_exact(1);
        }
        let at = usize::from(self.head).saturating_add(at).min(len);
        self.items.insert(at, entry);
    }

    /// Drops the first `count` events.
    pub(super) fn drop_first(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let head = usize::from(self.head).saturating_add(count).min(self.items.len());
        match u16::try_from(head) {
            Ok(small) if head < self.items.len() / 2 => self.head = small,
            _ => {
                self.items.drain(..head);
                self.head = 0;
            }
        }
    }

    /// Keeps the events that `keep` says.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Entry) -> bool) {
        let head = usize::from(std::mem::take(&mut self.head));
        self.items.drain(..head);
        self.items.retain(|entry| keep(entry));
    }
}
