//! All groups of one correlation, bounded.
//!
//! Not the judgement (that is `window`). Two generations: a group that is touched moves to the young one; when the young one is
//! full, the old one is given up and the young one grows old. So the least recently used groups go first, at O(1) an event, and
//! what goes depends on the order of events alone. Invariants: at most `groups_max` groups and about `entries_max` entries are
//! held; each group that is given up while it could still matter is counted ([`CorrelationLosses`]).

use crate::late::Gap;
use crate::window::{Counted, Entry, Group, Inserted, Window};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// How long, in µs of receive time, a group is remembered after its last event beyond its window and lateness: 24 hours.
pub(crate) const IDLE_MAX: i64 = 86_400_000_000;

/// Which group: the first 16 bytes of a SHA-256 over tenant and values.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct GroupKey(pub(crate) [u8; 16]);

/// A group's key is a digest already; its first bytes are as good as any hash.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

pub(crate) type Groups = HashMap<GroupKey, Group, BuildHasherDefault<KeyHasher>>;

/// What a correlation had to give up. Never silent: the server shows these numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CorrelationLosses {
    /// Events that came later than the rule's lateness allows; their windows are judged again over the lake.
    pub late: u64,
    /// Events given up because their group was full. Only counts of late events can suffer.
    pub evicted_events: u64,
    /// Groups given up because there were too many.
    pub evicted_groups: u64,
    /// Events without a value for the field that is counted or grouped by; they take no part.
    pub without_field: u64,
}

/// Limits of one correlation's memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The most groups.
    pub groups_max: usize,
    /// About the most events of all groups (the last group may exceed it by its own events).
    pub entries_max: usize,
    /// The most events of one group.
    pub group_entries_max: usize,
}

impl Default for Limits {
    /// A million groups, four million events (32 bytes each), 1,024 events a group.
    fn default() -> Self {
        Self { groups_max: 1 << 20, entries_max: 1 << 22, group_entries_max: 1_024 }
    }
}

/// All groups of one correlation.
#[derive(Default)]
pub(crate) struct GroupStore {
    pub(crate) young: Groups,
    pub(crate) old: Groups,
    pub(crate) young_entries: usize,
    /// The latest receive time seen.
    pub(crate) now: i64,
    pub(crate) losses: CorrelationLosses,
}

impl GroupStore {
    /// Adds an event to a group: what is counted because of it, and the periods that it touches and the group cannot judge.
    pub(crate) fn insert(
        &mut self,
        key: GroupKey,
        received: i64,
        entry: Entry,
        (window, limits): (&Window, &Limits),
        (counted, late): (&mut Vec<Counted>, &mut Vec<i64>),
    ) {
        self.advance(received, window);
        self.make_room(window, limits);
        if !self.old.is_empty()
            && let Some(group) = self.old.remove(&key)
        {
            self.young_entries = self.young_entries.saturating_add(group.entries.len());
            self.young.insert(key, group);
        }
        let now = self.now;
        let group = self.young.entry(key).or_insert_with(|| begun(now, window));
        let before = group.entries.len();
        if is_idle(group, now, window) {
            *group = begun(now, window);
        }
        group.received = now;
        let inserted = window.insert(group, entry, counted);
        group.gap.touch(window, entry.time, inserted, counted, late);
        match inserted {
            Inserted::Kept { evicted } => {
                self.losses.evicted_events = self.losses.evicted_events.saturating_add(evicted as u64);
            }
            Inserted::Late => self.losses.late = self.losses.late.saturating_add(1),
        }
        let after = group.entries.len();
        self.young_entries = self.young_entries.saturating_add(after).saturating_sub(before);
    }

    /// Whether a group holds this event already: the same evidence at the same time.
    pub(crate) fn holds(&self, key: GroupKey, event: &Entry) -> bool {
        let group = self.young.get(&key).or_else(|| self.old.get(&key));
        group.is_some_and(|group| {
            let from = group.entries.partition_point(|entry| entry.time < event.time);
            let same = |entry: &Entry| (entry.position, entry.entry_index) == (event.position, event.entry_index);
            group.entries.range(from..).take_while(|entry| entry.time == event.time).any(same)
        })
    }

    /// All events that are held.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.young.values().chain(self.old.values()).flat_map(|group| &group.entries)
    }

    /// Lets receive time go on; at the end of each idle period the old generation goes, all of it idle by then.
    fn advance(&mut self, received: i64, window: &Window) {
        if received <= self.now {
            return;
        }
        let period = idle_after(window);
        let periods = |time: i64| time.checked_div_euclid(period).unwrap_or(0);
        let before = periods(self.now);
        self.now = self.now.max(received);
        for _ in 0..periods(self.now).saturating_sub(before).min(2) {
            self.age(window);
        }
    }

    fn make_room(&mut self, window: &Window, limits: &Limits) {
        let half = |max: usize| max.checked_div(2).unwrap_or(0).max(1);
        if self.young.len() >= half(limits.groups_max) || self.young_entries >= half(limits.entries_max) {
            self.age(window);
        }
    }

    fn age(&mut self, window: &Window) {
        let now = self.now;
        let lost = self.old.values().filter(|group| !is_idle(group, now, window)).count();
        self.losses.evicted_groups = self.losses.evicted_groups.saturating_add(lost as u64);
        self.old = std::mem::take(&mut self.young);
        self.young_entries = 0;
    }
}

const fn idle_after(window: &Window) -> i64 {
    IDLE_MAX.saturating_add(window.span).saturating_add(window.lateness)
}

/// A group that may have been forgotten before.
fn begun(now: i64, window: &Window) -> Group {
    let mut group = Group::new(now);
    group.gap = Gap::forgotten(now, idle_after(window), window);
    group
}

/// Whether an event would find this group new again.
fn is_idle(group: &Group, now: i64, window: &Window) -> bool {
    now.saturating_sub(group.received) >= idle_after(window)
}
