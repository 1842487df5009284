//! One group of a correlation: its recent events, and which of them a firing window holds.
//!
//! Exact and a pure function of the set of events (ADR-0009, ADR-0031): a window ends at an event and reaches `span` back; it fires
//! if what it holds passes the test. Events arrive in any order within `lateness` of the newest; each is counted once per period in
//! which a window that holds it fires. What more events cannot make false is judged at once ([`When::AtOnce`]), the rest when no more
//! events may come (`settle`). Invariants: entries are sorted by time; no entry is older than newest - span - lateness; at most
//! `entries_max` are kept; all entries of a window that fires are counted. Cost: O(log entries) an event in order that counts
//! events or values, and O(entries that the event comes behind of) out of order; O(entries of a window) an event for the others.

use crate::bounds::Bounds;
use crate::condition::Condition;
use std::ops::Range;

mod entries;
mod judge;
mod room;
mod tally;

pub(crate) use entries::Group;
pub(crate) use room::Recents;
pub(crate) use tally::bit;

/// Counted for the period that the event lies in.
const COUNTED_OWN: u8 = 1;
/// Counted for the period after that.
const COUNTED_NEXT: u8 = 1 << 1;
/// The window that closes with it fired, and correlations over this one were told.
const FIRED: u8 = 1 << 2;
/// The window that closes with it is judged, and no earlier one can change.
const SETTLED: u8 = 1 << 3;

/// One event that a correlation counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) time: i64,
    /// What the correlation asks of it: digest of the value, bits of the number, or the rules that it matched; 0 where events
    /// are counted.
    pub(crate) value: u64,
    pub(crate) position: i64,
    pub(crate) entry_index: i32,
    pub(crate) counted: u8,
}

impl Entry {
    /// The number that is added up or sorted.
    pub(crate) const fn number(&self) -> f64 {
        f64::from_bits(self.value)
    }
}

/// What a correlation asks of a group.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) span: i64,
    pub(crate) lateness: i64,
    pub(crate) measure: Measure,
    pub(crate) test: Test,
    pub(crate) when: When,
    /// Length of the periods that name alerts; at least `span`.
    pub(crate) period: i64,
    pub(crate) entries_max: usize,
    /// Whether correlations over this one want to know which windows fired.
    pub(crate) told: Told,
}

/// What of a window is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Measure {
    Events,
    Values,
    Sum,
    Average,
    /// The value at this percentile.
    Percentile(u8),
    /// Which of so many rules matched.
    Rules(u8),
    /// The longest chain of so many rules in their order.
    Order(u8),
}

/// When a window fires.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Bounds(Bounds),
    Rules(Condition),
}

/// When a window is judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum When {
    /// As soon as it passes: more events cannot change that.
    AtOnce,
    /// When no event may come any more that it holds.
    Settled,
}

/// Who hears that a window fired.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    People,
    Correlations,
}

/// What a window holds, in the form that its test asks about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measured {
    Count(u64),
    /// Millionths, divided by this.
    Share {
        sum: i128,
        of: i128,
    },
    Real(f64),
    Rules(u64),
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
    /// What that window holds, as a whole number.
    pub(crate) observed: u64,
}

/// What follows from an event.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    pub(crate) counted: Vec<Counted>,
    /// For each window that fired the first time: the last event that it closes with.
    pub(crate) fired: Vec<Entry>,
    /// Starts of the periods that were touched and that the group cannot judge.
    pub(crate) late: Vec<i64>,
    /// First and last time at which windows close that the group cannot judge.
    pub(crate) missed: Vec<(i64, i64)>,
}

impl Noted {
    pub(crate) fn clear(&mut self) {
        self.counted.clear();
        self.fired.clear();
        self.late.clear();
        self.missed.clear();
    }
}

impl Window {
    /// Start of the period of an instant.
    pub(crate) fn period_start(&self, time: i64) -> i64 {
        time.saturating_sub(time.checked_rem_euclid(self.period).unwrap_or(0))
    }

    /// Adds an event and notes what follows from it.
    pub(crate) fn insert(&self, group: &mut Group, recents: &mut Recents, entry: Entry, noted: &mut Noted) -> Inserted {
        if entry.time < group.newest().saturating_sub(self.lateness) {
            return Inserted::Late;
        }
        // What waits is newer than what is settled, so an event behind all that wait needs no look at those.
        if self.when == When::Settled && !(group.is_pending() && entry.time >= group.newest()) {
            let settled = group.settled().checked_sub(1).and_then(|last| group.entries().get(last));
            if settled.is_some_and(|last| entry.time <= last.time) {
                return Inserted::Late;
            }
        }
        let newest = group.newest().max(entry.time);
        if self.when == When::Settled {
            self.settle(group, newest.saturating_sub(self.lateness), noted);
        }
        self.expire(group, recents, newest);
        let at = group.until(entry.time);
        let in_order = at == group.entries().len();
        group.put(at, entry);
        match self.when {
            When::AtOnce if in_order => self.judge_newest(group, recents, noted),
            When::AtOnce => self.judge_between(group, recents, at, noted),
            When::Settled => {}
        }
        Inserted::Kept { evicted: self.make_room(group, recents) }
    }

    /// Whether a window fires that holds this; then what it holds as a whole number, for people.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float becomes the nearest number there is"
    )]
    fn fires(&self, measured: Measured) -> Option<u64> {
        let (holds, observed) = match (&self.test, measured) {
            (Test::Bounds(bounds), Measured::Count(count)) => (bounds.hold(count as f64), count),
            (Test::Bounds(bounds), Measured::Share { sum, of }) => {
                let whole = sum.checked_div(of.saturating_mul(1_000_000)).unwrap_or(0);
                (bounds.hold_share(sum, of), u64::try_from(whole).unwrap_or(0))
            }
            (Test::Bounds(bounds), Measured::Real(number)) => (bounds.hold(number), number.max(0.0) as u64),
            (Test::Bounds(bounds), Measured::Rules(mask)) => {
                (bounds.hold(f64::from(mask.count_ones())), u64::from(mask.count_ones()))
            }
            (Test::Rules(condition), Measured::Rules(mask)) => {
                (condition.holds(&|rule| mask & bit(rule) != 0), u64::from(mask.count_ones()))
            }
            (Test::Rules(_), _) => (false, 0),
        };
        holds.then_some(observed)
    }

    /// The flag that says that an entry is counted for this period: its own, or the one after.
    fn flag(&self, entry: &Entry, period_start: i64) -> u8 {
        if self.period_start(entry.time) == period_start { COUNTED_OWN } else { COUNTED_NEXT }
    }

    /// Counts those of these entries that are not counted yet for the period of the window that closes at `closing` and fires.
    fn count(&self, group: &mut Group, entries: Range<usize>, closing: i64, observed: u64, noted: &mut Noted) {
        let period_start = self.period_start(closing);
        for entry in group.entries_mut().get_mut(entries).unwrap_or_default() {
            let flag = self.flag(entry, period_start);
            if entry.counted & flag == 0 {
                entry.counted |= flag;
                noted.counted.push(Counted { entry: *entry, period_start, observed });
            }
        }
    }

    /// Notes that the window fires that closes with the last of these entries, which have one time, if that is new.
    fn tell(&self, group: &mut Group, closing: Range<usize>, noted: &mut Noted) {
        if self.told == Told::People {
            return;
        }
        let entries = group.entries_mut().get_mut(closing).unwrap_or_default();
        if entries.iter().all(|entry| entry.counted & FIRED == 0) {
            noted.fired.extend(entries.last().copied());
        }
        entries.iter_mut().for_each(|entry| entry.counted |= FIRED);
    }
}

#[cfg(test)]
mod tests;
