//! What a group knows of its past, how an event compares with it, and how it grows.
//!
//! Not whether the past is long enough to speak (that is `group`). The past is a list of marks, sorted. Invariants: a mark that no
//! event to come can ask about is gone when the next one is added; what is given up for lack of room tells until when that matters.
//! Cost: 24 bytes a mark; a look-up is O(log marks), for `rare` O(marks).

use super::{Baseline, Compares};

/// Marks of one group where values are compared: so many values are a person's or a device's habits, more are none.
const VALUES_PART: usize = 4;

/// A value of a group, and when it was seen.
///
/// - `first_seen`: the value, the first and the last time of its newest streak: the longest run of its events without a gap above the
///   history;
/// - `rare`: the value, the day, and its events of that day;
/// - `rate`: 0, the span, and its events.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Mark {
    pub(super) value: u64,
    pub(super) at: i64,
    pub(super) more: i64,
}

/// How a rule looks at the past.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) compares: Compares,
    pub(super) history: i64,
    pub(super) warm_up: i64,
    pub(super) lateness: i64,
    /// Length of a piece of the past; 1 if it is not cut.
    piece: i64,
    /// How many pieces before its own an event is compared with.
    pieces: i64,
    marks_max: usize,
}

/// What became of an event that is learned.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Learned {
    /// Marks given up for lack of room.
    pub(super) evicted: u64,
    /// Until then the group does not know what it should; the least number if it does.
    pub(super) silent_until: i64,
}

impl Look {
    pub(super) fn new(baseline: &Baseline, group_entries_max: usize) -> Self {
        let piece = baseline.piece().unwrap_or(1);
        let pieces = baseline.history.checked_div(piece).unwrap_or(0);
        let marks_max = match baseline.compares {
            Compares::FirstSeen(_) => group_entries_max.div_ceil(VALUES_PART),
            Compares::Rare { .. } => group_entries_max,
            Compares::Rate { .. } => usize::try_from(pieces).unwrap_or(0).saturating_add(1),
        };
        let Baseline { compares, history, warm_up, lateness, .. } = baseline.clone();
        Self { compares, history, warm_up, lateness, piece, pieces, marks_max: marks_max.max(1) }
    }

    /// The piece of the past that a time lies in.
    pub(super) fn slot(&self, time: i64) -> i64 {
        time.checked_div_euclid(self.piece).unwrap_or(0)
    }

    /// The last time of a piece.
    pub(super) const fn slot_end(&self, slot: i64) -> i64 {
        slot.saturating_add(1).saturating_mul(self.piece).saturating_sub(1)
    }

    /// The first time that the past of an event at `time` may hold.
    pub(super) fn past_of(&self, time: i64) -> i64 {
        let first = self.slot(time).saturating_sub(self.pieces);
        time.saturating_sub(self.history).min(self.slot_end(first.saturating_sub(1)).saturating_add(1))
    }

    /// How far behind an event lies what it may change, and before it what decides about it.
    pub(super) const fn reach(&self) -> i64 {
        self.history.saturating_add(self.warm_up).saturating_add(self.piece)
    }

    /// How many pieces before its own an event is compared with.
    pub(super) const fn pieces(&self) -> i64 {
        self.pieces
    }

    /// Whether an event at `time` is unusual for a warm group; then what is told of it. For `rate`, its own instant is learned before,
    /// for the others after.
    pub(super) fn is_unusual(&self, marks: &[Mark], value: u64, time: i64) -> Option<Option<u64>> {
        match self.compares {
            Compares::FirstSeen(_) => {
                let reach = time.saturating_sub(self.history);
                let known = find(marks, value).is_some_and(|mark| mark.more >= reach);
                (!known).then_some(None)
            }
            Compares::Rare { millionths, at_least, .. } => {
                let from = self.slot(time).saturating_sub(self.pieces);
                let (mut all, mut own) = (0_u64, 0_u64);
                for mark in marks.iter().filter(|mark| mark.at >= from) {
                    let count = mark.more.unsigned_abs();
                    all = all.saturating_add(count);
                    own = own.saturating_add(if mark.value == value { count } else { 0 });
                }
                let few = own.saturating_mul(1_000_000) < all.saturating_mul(u64::from(millionths));
                (all >= u64::from(at_least) && few).then_some(Some(own))
            }
            Compares::Rate { .. } => {
                let slot = self.slot(time);
                let count = marks.iter().rev().find(|mark| mark.at == slot).map_or(0, |mark| mark.more.unsigned_abs());
                self.is_fast(marks, slot, count).then_some(Some(count))
            }
        }
    }

    /// Whether so many events are many for a span.
    pub(super) fn is_fast(&self, marks: &[Mark], slot: i64, count: u64) -> bool {
        let Compares::Rate { factor, at_least, .. } = self.compares else { return false };
        if count < u64::from(at_least) {
            return false;
        }
        let past = slot.saturating_sub(self.pieces)..slot;
        let most = marks.iter().filter(|mark| past.contains(&mark.at)).map(|mark| mark.more.unsigned_abs()).max();
        count > most.unwrap_or(0).saturating_mul(u64::from(factor))
    }

    /// Adds an event to the past of a group whose newest event is at `newest`; it may be older than others.
    pub(super) fn learn(&self, marks: &mut Vec<Mark>, (value, time): (u64, i64), newest: i64) -> Learned {
        let nothing = Learned { evicted: 0, silent_until: i64::MIN };
        let is_first_seen = matches!(self.compares, Compares::FirstSeen(_));
        if is_first_seen {
            if let Some(mark) = find_mut(marks, value) {
                if time.saturating_sub(mark.more) > self.history {
                    (mark.at, mark.more) = (time, time);
                } else if time >= mark.at.saturating_sub(self.history) {
                    (mark.at, mark.more) = (mark.at.min(time), mark.more.max(time));
                }
                return nothing;
            }
            if time < newest.saturating_sub(self.history) {
                return nothing;
            }
            return self.put(marks, Mark { value, at: time, more: time }, newest);
        }
        let slot = self.slot(time);
        if slot < self.slot(newest).saturating_sub(self.pieces) {
            return nothing;
        }
        let value = if matches!(self.compares, Compares::Rate { .. }) { 0 } else { value };
        match marks.binary_search_by_key(&(value, slot), |mark| (mark.value, mark.at)) {
            Ok(place) => {
                if let Some(mark) = marks.get_mut(place) {
                    mark.more = mark.more.saturating_add(1);
                }
                nothing
            }
            Err(_) => self.put(marks, Mark { value, at: slot, more: 1 }, newest),
        }
    }

    /// Adds a mark; what no event after `newest` can ask about makes room, and else what is oldest.
    fn put(&self, marks: &mut Vec<Mark>, mark: Mark, newest: i64) -> Learned {
        marks.retain(|mark| self.matters(mark, newest));
        let mut learned = Learned { evicted: 0, silent_until: i64::MIN };
        while marks.len() >= self.marks_max {
            let oldest = marks.iter().enumerate().min_by_key(|(_, mark)| (self.age(mark), mark.value));
            let Some((place, oldest)) = oldest.map(|(place, mark)| (place, *mark)) else { break };
            marks.remove(place);
            learned.evicted = learned.evicted.saturating_add(1);
            learned.silent_until = learned.silent_until.max(self.mark_matters_until(&oldest));
        }
        let place = marks.partition_point(|known| (known.value, known.at) < (mark.value, mark.at));
        if marks.len() == marks.capacity() {
            // A growth by a quarter wastes less than by half.
            marks.reserve_exact((marks.len() / 4).max(1));
        }
        marks.insert(place, mark);
        learned
    }

    const fn age(&self, mark: &Mark) -> i64 {
        match self.compares {
            Compares::FirstSeen(_) => mark.more,
            Compares::Rare { .. } | Compares::Rate { .. } => mark.at,
        }
    }

    /// Whether an event at `time` or later can ask about it.
    fn matters(&self, mark: &Mark, time: i64) -> bool {
        self.mark_matters_until(mark) >= time
    }

    /// The last time at which an event asks about one at `time`.
    pub(super) fn matters_until(&self, time: i64) -> i64 {
        time.saturating_add(self.history).max(self.slot_end(self.slot(time).saturating_add(self.pieces)))
    }

    const fn mark_matters_until(&self, mark: &Mark) -> i64 {
        match self.compares {
            Compares::FirstSeen(_) => mark.more.saturating_add(self.history),
            Compares::Rare { .. } | Compares::Rate { .. } => self.slot_end(mark.at.saturating_add(self.pieces)),
        }
    }
}

/// The mark of a value.
pub(super) fn find(marks: &[Mark], value: u64) -> Option<&Mark> {
    let place = marks.binary_search_by_key(&value, |mark| mark.value).ok()?;
    marks.get(place)
}

fn find_mut(marks: &mut [Mark], value: u64) -> Option<&mut Mark> {
    let place = marks.binary_search_by_key(&value, |mark| mark.value).ok()?;
    marks.get_mut(place)
}
