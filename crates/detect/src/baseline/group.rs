//! One group of a baseline: the events that wait for those before them, and the past that they are compared with.
//!
//! Events are judged by time, those of one instant together: when the group's newest is `lateness` ahead, or nothing was received for
//! the group so long. A *streak* is a run of the group's events without a gap above the history; a group speaks once its streak has
//! lasted for the warm-up. An event that comes behind what is judged is learned all the same, and the periods in which that changes
//! what fired are named for judgement over the lake (ADR-0028). Invariants: what waits is sorted; what is judged is older than all
//! that waits. Cost: 80 bytes a group, 24 a mark, ~110 and its texts an event that waits.

use super::Compares;
use super::past::{Learned, Look, Mark, find};
use super::room::Noted;
use crate::groups::GroupKey;
use crate::hit::ALERT_PERIOD;
use crate::network::{Held, Origin};
use std::collections::VecDeque;

/// The most periods that one late event names.
const NAMED_MAX: usize = 1_024;

/// An event that waits for those before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Waits {
    pub(crate) time: i64,
    /// What stands for the value that is compared; 0 where events are counted.
    pub(crate) value: u64,
    pub(crate) position: i64,
    pub(crate) entry_index: i32,
    /// What is told of it, should it fire.
    pub(crate) matched: Vec<(String, String)>,
}

impl Waits {
    const fn order(&self) -> (i64, u64, i64, i32) {
        (self.time, self.value, self.position, self.entry_index)
    }
}

/// Whose a group is, and its events that are not judged.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) who: Held,
    pub(super) events: VecDeque<Waits>,
}

/// What most groups do not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Odd {
    /// Until then the group would need to know what it had to give up.
    pub(super) silent_until: i64,
    /// Start of the last period that was named for judgement over the lake.
    pub(super) named: i64,
}

impl Odd {
    pub(super) const NONE: Self = Self { silent_until: i64::MIN, named: i64::MIN };
}

/// One group.
#[derive(Debug)]
pub(super) struct Group {
    /// The latest receive time seen.
    pub(super) received: i64,
    /// First event of the streak, last event before it, and last event of it. The least number if there is none. The first two are the
    /// same if late events joined the streak to the one before it, whose first event is not known.
    pub(super) start: i64,
    pub(super) before: i64,
    pub(super) end: i64,
    /// There may be events up to this time that were forgotten before the group began.
    pub(super) forgotten: i64,
    pub(super) marks: Vec<Mark>,
    pub(super) waiting: Option<Box<Waiting>>,
    pub(super) odd: Option<Box<Odd>>,
    /// Whether it was not touched since the generation changed.
    pub(super) old: bool,
}

/// Start of the period of an instant.
pub(super) fn period_start(time: i64) -> i64 {
    time.saturating_sub(time.checked_rem_euclid(ALERT_PERIOD).unwrap_or(0))
}

impl Group {
    pub(super) const fn new(received: i64, forgotten: i64) -> Self {
        let (start, before, end) = (i64::MIN, i64::MIN, i64::MIN);
        Self { received, start, before, end, forgotten, marks: Vec::new(), waiting: None, odd: None, old: false }
    }

    pub(super) fn odd(&self) -> Odd {
        self.odd.as_deref().copied().unwrap_or(Odd::NONE)
    }

    pub(super) fn set_odd(&mut self, odd: Odd) {
        self.odd = if odd == Odd::NONE { None } else { Some(Box::new(odd)) };
    }

    fn waits(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.events.len())
    }

    /// How many marks and events it holds.
    pub(super) fn entries(&self) -> usize {
        self.marks.len().saturating_add(self.waits())
    }

    /// The latest event, judged or not.
    pub(super) fn newest(&self) -> i64 {
        let waiting = self.waiting.as_ref().and_then(|waiting| waiting.events.back());
        waiting.map_or(self.end, |event| event.time.max(self.end))
    }

    /// Whether an event waits here already: the same evidence and value at the same time.
    pub(super) fn holds(&self, event: &Waits) -> bool {
        let waiting = self.waiting.as_ref();
        waiting.is_some_and(|it| it.events.binary_search_by_key(&event.order(), Waits::order).is_ok())
    }

    /// Adds an event that is not behind what is judged.
    pub(super) fn put(&mut self, look: &Look, mut event: Waits, origin: &dyn Origin) {
        if self.may_fire(look, &event) {
            event.matched = origin.matched();
        }
        let waiting = self.waiting.get_or_insert_with(|| {
            let who = Held { tenant: origin.tenant().into(), values: origin.values() };
            Box::new(Waiting { who, events: VecDeque::new() })
        });
        let place = match waiting.events.back() {
            Some(last) if last.order() > event.order() => {
                waiting.events.partition_point(|known| known.order() <= event.order())
            }
            _ => waiting.events.len(),
        };
        waiting.events.insert(place, event);
    }

    /// Whether an event may fire when it is judged, so that it is worth keeping what is told of it.
    fn may_fire(&self, look: &Look, event: &Waits) -> bool {
        match look.compares {
            Compares::FirstSeen(_) => look.is_unusual(&self.marks, event.value, event.time).is_some(),
            Compares::Rare { .. } => true,
            Compares::Rate { at_least, .. } => {
                let slot = look.slot(event.time);
                let judged = self.marks.iter().rev().find(|mark| mark.at == slot).map_or(0, |mark| mark.more);
                let known = judged.unsigned_abs().saturating_add(self.waits() as u64).saturating_add(1);
                known >= u64::from(at_least)
            }
        }
    }

    /// Judges the events before `until`.
    pub(super) fn judge(&mut self, look: &Look, until: i64, (key, noted): (GroupKey, &mut Noted)) {
        let Some(mut waiting) = self.waiting.take() else { return };
        while let Some(time) = waiting.events.front().map(|event| event.time).filter(|time| *time < until) {
            let same = waiting.events.iter().take_while(|event| event.time == time).count();
            self.judge_instant(look, waiting.events.drain(..same), (key, &waiting.who, noted));
        }
        if !waiting.events.is_empty() {
            self.waiting = Some(waiting);
        }
    }

    /// Judges the first instant of what waits.
    pub(super) fn judge_first(&mut self, look: &Look, sink: (GroupKey, &mut Noted)) {
        let first = self.waiting.as_ref().and_then(|waiting| waiting.events.front()).map(|event| event.time);
        self.judge(look, first.unwrap_or(i64::MIN).saturating_add(1), sink);
    }

    fn judge_instant(
        &mut self,
        look: &Look,
        events: impl Iterator<Item = Waits>,
        (key, who, noted): (GroupKey, &Held, &mut Noted),
    ) {
        let events: smallvec::SmallVec<[Waits; 1]> = events.collect();
        let Some(time) = events.first().map(|event| event.time) else { return };
        if self.end == i64::MIN || time.saturating_sub(self.end) > look.history {
            (self.before, self.start) = (self.end, time);
        }
        self.end = time;
        let learned_before = matches!(look.compares, Compares::Rate { .. });
        if learned_before {
            self.learn_all(look, &events, noted);
        }
        let (odd, in_doubt) = (self.odd(), self.is_in_doubt(look, time));
        let is_warm = self.start <= time.saturating_sub(look.warm_up) && time > odd.silent_until;
        let unusual: smallvec::SmallVec<[(usize, Option<u64>); 1]> = match is_warm || in_doubt {
            true => {
                let unusual = |(index, event): (usize, &Waits)| {
                    look.is_unusual(&self.marks, event.value, time).map(|observed| (index, observed))
                };
                events.iter().enumerate().filter_map(unusual).collect()
            }
            false => smallvec::SmallVec::new(),
        };
        if !learned_before {
            self.learn_all(look, &events, noted);
        }
        let period = period_start(time);
        if period <= odd.named {
            // It was judged with this event before those that it waited for had come.
            noted.late(key, who, period);
        }
        if in_doubt {
            let may_fire = !unusual.is_empty() || !matches!(look.compares, Compares::FirstSeen(_));
            // It may also change what fired of that which was forgotten.
            let until = time.saturating_add(look.reach()).min(self.forgotten);
            return self.name(period, if may_fire { until.max(time) } else { until }, (key, who, noted));
        }
        if unusual.is_empty() || !is_warm {
            return;
        }
        let mut events: smallvec::SmallVec<[Option<Waits>; 1]> = events.into_iter().map(Some).collect();
        for (index, observed) in unusual {
            if let Some(event) = events.get_mut(index).and_then(Option::take) {
                noted.fired(key, who, event, observed);
            }
        }
    }

    fn learn_all(&mut self, look: &Look, events: &[Waits], noted: &mut Noted) {
        events.iter().for_each(|event| self.learn(look, event, noted));
    }

    fn learn(&mut self, look: &Look, event: &Waits, noted: &mut Noted) {
        let Learned { evicted, silent_until } = look.learn(&mut self.marks, (event.value, event.time), self.end);
        noted.evicted = noted.evicted.saturating_add(evicted);
        if evicted > 0 {
            let odd = self.odd();
            self.set_odd(Odd { silent_until: odd.silent_until.max(silent_until), ..odd });
        }
    }

    /// Whether events that were forgotten might decide about this time.
    fn is_in_doubt(&self, look: &Look, time: i64) -> bool {
        let reaches = |from: i64| self.forgotten >= look.past_of(from);
        let is_cold = time < self.start.saturating_add(look.warm_up);
        reaches(time) || (is_cold && reaches(self.start))
    }

    /// Learns an event that is behind what is judged, and names the periods in which it may change what fired.
    pub(super) fn learn_late(&mut self, look: &Look, event: &Waits, sink: (GroupKey, &Held, &mut Noted)) {
        let (key, who, noted) = sink;
        let (time, period) = (event.time, period_start(event.time));
        let beyond = look.reach();
        // What is told of a time that was forgotten, only the lake knows.
        let doubt = self.forgotten.saturating_add(beyond);
        let until = time.saturating_add(beyond).min(doubt).min(self.end.max(self.forgotten));
        self.name(period, until, (key, who, noted));
        if time < self.start {
            if self.before == self.start {
                // The streak began somewhere before that.
                self.name(period, time.saturating_add(beyond).min(self.start), (key, who, noted));
            } else if self.start.saturating_sub(time) <= look.history {
                let (old, joins) = (self.start, time.saturating_sub(self.before) <= look.history);
                self.start = if joins && self.before != i64::MIN { self.before } else { time };
                // Those that were cold and are not.
                let warm = self.start.saturating_add(look.warm_up).max(old);
                let from = if self.is_in_doubt(look, self.start) { old } else { warm };
                self.name(from, old.saturating_add(look.warm_up).min(self.end), (key, who, noted));
            } else {
                self.name(period, time.saturating_add(beyond).min(self.before), (key, who, noted));
                self.before = self.before.max(time);
            }
        }
        match look.compares {
            Compares::FirstSeen(_) => self.name_first_seen(look, event, (key, who, noted)),
            Compares::Rare { .. } => {
                let until = look.slot_end(look.slot(time).saturating_add(look.pieces()));
                self.name(period, until.min(self.end), (key, who, noted));
                self.learn(look, event, noted);
            }
            Compares::Rate { .. } => {
                self.learn(look, event, noted);
                self.name_rate(look, time, (key, who, noted));
            }
        }
    }

    /// A late event fires itself, or takes that from the first event of its value after it.
    fn name_first_seen(&mut self, look: &Look, event: &Waits, (key, who, noted): (GroupKey, &Held, &mut Noted)) {
        let (time, period) = (event.time, period_start(event.time));
        let until = match find(&self.marks, event.value).copied() {
            // Within the streak of its value: nothing changes.
            Some(mark) if mark.at < time && time.saturating_sub(mark.more) <= look.history => None,
            Some(mark) if mark.at <= time => Some(time),
            Some(mark) if mark.at.saturating_sub(time) <= look.history => {
                let first = period_start(mark.at);
                self.name(first, first, (key, who, noted));
                Some(time)
            }
            // What came between it and the streak is not known any more.
            Some(mark) => Some(mark.at.min(time.saturating_add(look.history))),
            None => Some(self.end.saturating_sub(look.history).min(time.saturating_add(look.history)).max(time)),
        };
        if let Some(until) = until {
            self.name(period, until, (key, who, noted));
        }
        self.learn(look, event, noted);
    }

    /// A late event adds to its span, which is learned, and to what later spans are compared with.
    fn name_rate(&mut self, look: &Look, time: i64, (key, who, noted): (GroupKey, &Held, &mut Noted)) {
        let slot = look.slot(time);
        let last = look.slot_end(slot.saturating_add(look.pieces()));
        if slot < look.slot(self.end).saturating_sub(look.pieces()) {
            return self.name(period_start(time), last.min(self.end), (key, who, noted));
        }
        let own = self.marks.iter().find(|mark| mark.at == slot).map_or(0, |mark| mark.more.unsigned_abs());
        let Compares::Rate { factor, at_least, .. } = look.compares else { return };
        let before = own.saturating_sub(1).saturating_mul(u64::from(factor));
        let touched = |mark: &&Mark| {
            let count = mark.more.unsigned_abs();
            count >= u64::from(at_least) && (mark.at == slot || (mark.at > slot && count > before))
        };
        let slots: Vec<i64> = self.marks.iter().filter(touched).map(|mark| mark.at).collect();
        for touched in slots {
            let from = look.slot_end(touched.saturating_sub(1)).saturating_add(1).max(time);
            self.name(from, look.slot_end(touched).min(self.end), (key, who, noted));
        }
    }

    /// Names the periods from one time to another for judgement over the lake.
    fn name(&mut self, from: i64, to: i64, (key, who, noted): (GroupKey, &Held, &mut Noted)) {
        let mut period = period_start(from);
        for _ in 0..NAMED_MAX {
            if period > to {
                return;
            }
            noted.late(key, who, period);
            let odd = self.odd();
            self.set_odd(Odd { named: odd.named.max(period), ..odd });
            period = period.saturating_add(ALERT_PERIOD);
        }
    }
}
