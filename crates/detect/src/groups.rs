//! All groups of one correlation, bounded.
//!
//! Not the judgement (that is `window`). Two generations: a group that is touched is young; when there are enough young ones, the old
//! ones are given up and the young ones grow old. So the least recently used groups go first, at O(1) an event, and what goes depends
//! on the order of events alone. Invariants: at most `groups_max` groups and about `entries_max` entries are held; each group
//! that is given up while it could still matter is counted ([`CorrelationLosses`]). Cost: 80 bytes a group with one event, its index
//! entry of 5 to 10 bytes, and 32 bytes for each further event.

use crate::late::Gap;
use crate::window::{Entry, Group, Inserted, Noted, Recents, Window};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// How long, in µs of receive time, a group is remembered after its last event beyond its window and lateness: 24 hours.
pub(crate) const IDLE_MAX: i64 = 86_400_000_000;

/// Which group: the first 16 bytes of a SHA-256 over tenant and values.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct GroupKey(pub(crate) [u8; 16]);

/// A group and where it was when it was looked up; it may have moved since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) key: GroupKey,
    place: u32,
}

impl At {
    pub(crate) const fn new(key: GroupKey) -> Self {
        Self { key, place: u32::MAX }
    }
}

/// What a correlation had to give up. Never silent: the server shows these numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CorrelationLosses {
    /// Events that came later than the rule's lateness allows; their windows are judged again over the lake.
    pub late: u64,
    /// Events given up because their group was full. Only counts of late events can suffer, and sums, averages and percentiles.
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
    /// In the order in which they began.
    groups: Vec<Group>,
    /// Places in `groups`, by key.
    index: HashTable<u32>,
    hasher: RandomState,
    recents: Recents,
    young: usize,
    young_entries: usize,
    /// The latest receive time seen.
    pub(crate) now: i64,
    pub(crate) losses: CorrelationLosses,
}

impl GroupStore {
    /// An empty store with room for so many groups.
    pub(crate) fn with_capacity(groups: usize) -> Self {
        Self { groups: Vec::with_capacity(groups), index: HashTable::with_capacity(groups), ..Self::default() }
    }

    /// Adds an event to a group and notes what follows from it; says whether windows of the group waited before.
    pub(crate) fn insert(
        &mut self,
        (at, received): (At, i64),
        entry: Entry,
        (window, limits): (&Window, &Limits),
        noted: &mut Noted,
    ) -> bool {
        self.advance(received, window);
        self.make_room(window, limits);
        let (now, key) = (self.now, at.key);
        let place = self.touch(at, window);
        let Some(group) = self.groups.get_mut(place) else { return false };
        let waited = group.is_pending();
        let before = group.entries().len();
        if is_idle(group, now, window) {
            self.recents.remove(&key);
            *group = begun(key, now, window);
        }
        group.received = now;
        let inserted = window.insert(group, &mut self.recents, entry, noted);
        let mut gap = group.gap();
        gap.touch(window, entry.time, inserted, noted);
        group.set_gap(gap);
        match inserted {
            Inserted::Kept { evicted } => {
                self.losses.evicted_events = self.losses.evicted_events.saturating_add(evicted as u64);
            }
            Inserted::Late => self.losses.late = self.losses.late.saturating_add(1),
        }
        let after = group.entries().len();
        self.young_entries = self.young_entries.saturating_add(after).saturating_sub(before);
        waited
    }

    /// Says of a group that it may lack events of this stretch of time; it begins if it is not there.
    pub(crate) fn miss(
        &mut self,
        (key, received): (GroupKey, i64),
        stretch: (i64, i64),
        (window, limits): (&Window, &Limits),
        noted: &mut Noted,
    ) {
        self.advance(received, window);
        self.make_room(window, limits);
        let now = self.now;
        let place = self.touch(At::new(key), window);
        if let Some(group) = self.groups.get_mut(place) {
            group.received = now;
            let mut gap = group.gap();
            gap.miss(window, stretch, noted);
            group.set_gap(gap);
        }
    }

    /// Judges all windows of a group of which nothing was received until `due` that may change them; otherwise when that may be done.
    pub(crate) fn settle(&mut self, key: GroupKey, due: i64, window: &Window, noted: &mut Noted) -> Option<i64> {
        let place = self.place(key)?;
        let group = self.groups.get_mut(place)?;
        if !group.is_pending() {
            return None;
        }
        let later = group.received.saturating_add(window.lateness);
        if later > due {
            return Some(later);
        }
        window.settle(group, i64::MAX, noted);
        let mut gap = group.gap();
        gap.name(window, noted);
        group.set_gap(gap);
        None
    }

    /// Looks up groups that will be asked for next, one step for all of them before the next step: so the processor waits for their
    /// memory together, not one by one.
    pub(crate) fn look_up<'a>(&self, wanted: impl Iterator<Item = &'a mut At>) {
        let mut places = Vec::new();
        for at in wanted {
            at.place = self.place(at.key).map_or(u32::MAX, place_of);
            places.push(at.place);
        }
        let ends = places.iter().filter_map(|place| {
            let entries = self.groups.get(*place as usize)?.entries();
            Some(entries.first()?.time ^ entries.last()?.time)
        });
        std::hint::black_box(ends.fold(0, |all, end| all ^ end));
    }

    /// Whether a group holds this event already: the same evidence and value at the same time.
    pub(crate) fn holds(&self, key: GroupKey, event: &Entry) -> bool {
        self.get(key).is_some_and(|group| {
            let same = |entry: &Entry| {
                (entry.position, entry.entry_index, entry.value) == (event.position, event.entry_index, event.value)
            };
            let until = group.until(event.time);
            let before = group.entries().get(..until).unwrap_or_default().iter().rev();
            before.take_while(|entry| entry.time == event.time).any(same)
        })
    }

    /// The group of this key.
    pub(crate) fn get(&self, key: GroupKey) -> Option<&Group> {
        self.groups.get(self.place(key)?)
    }

    /// All groups, in the order in which they began.
    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Adds a group that a snapshot holds.
    pub(crate) fn push(&mut self, group: Group) {
        if !group.old {
            self.young = self.young.saturating_add(1);
            self.young_entries = self.young_entries.saturating_add(group.entries().len());
        }
        let (hash, place) = (self.hasher.hash_one(group.key), place_of(self.groups.len()));
        let Self { groups, index, hasher, .. } = self;
        groups.push(group);
        index.insert_unique(hash, place, |place| rehash(groups, hasher, *place));
    }

    /// The place of a group that is young now; it begins if it is not there.
    fn touch(&mut self, at: At, window: &Window) -> usize {
        let key = at.key;
        let looked_up = self.groups.get(at.place as usize).filter(|group| group.key == key).map(|_| at.place as usize);
        let Some(place) = looked_up.or_else(|| self.place(key)) else {
            if self.groups.len() == self.groups.capacity() {
                // A growth by an eighth wastes less than by half; large pieces are moved by the system's page table.
                self.groups.reserve_exact((self.groups.len() / 8).max(16));
            }
            self.push(begun(key, self.now, window));
            return self.groups.len().saturating_sub(1);
        };
        if let Some(group) = self.groups.get_mut(place)
            && group.old
        {
            group.old = false;
            self.young = self.young.saturating_add(1);
            self.young_entries = self.young_entries.saturating_add(group.entries().len());
        }
        place
    }

    fn place(&self, key: GroupKey) -> Option<usize> {
        let same = |place: &u32| self.groups.get(*place as usize).is_some_and(|group| group.key == key);
        self.index.find(self.hasher.hash_one(key), same).map(|place| *place as usize)
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
        if self.young >= half(limits.groups_max) || self.young_entries >= half(limits.entries_max) {
            self.age(window);
        }
    }

    fn age(&mut self, window: &Window) {
        let now = self.now;
        let lost = self.groups.iter().filter(|group| group.old && !is_idle(group, now, window)).count();
        self.losses.evicted_groups = self.losses.evicted_groups.saturating_add(lost as u64);
        let before = self.groups.len();
        self.groups.retain(|group| !group.old);
        self.groups.iter_mut().for_each(|group| group.old = true);
        (self.young, self.young_entries) = (0, 0);
        if self.groups.len() == before {
            return;
        }
        let Self { groups, index, hasher, .. } = self;
        index.clear();
        for place in (0..).take(groups.len()) {
            index.insert_unique(rehash(groups, hasher, place), place, |place| rehash(groups, hasher, *place));
        }
        let mut recents = std::mem::take(&mut self.recents);
        recents.retain(|key, _| self.place(*key).is_some());
        self.recents = recents;
    }
}

fn place_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn rehash(groups: &[Group], hasher: &RandomState, place: u32) -> u64 {
    groups.get(place as usize).map_or(0, |group| hasher.hash_one(group.key))
}

const fn idle_after(window: &Window) -> i64 {
    IDLE_MAX.saturating_add(window.span).saturating_add(window.lateness)
}

/// A group that may have been forgotten before.
fn begun(key: GroupKey, now: i64, window: &Window) -> Group {
    Group::new(key, now, Gap::forgotten(now, idle_after(window), window), 0)
}

/// Whether an event would find this group new again.
fn is_idle(group: &Group, now: i64, window: &Window) -> bool {
    now.saturating_sub(group.received) >= idle_after(window)
}
