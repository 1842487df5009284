//! All baselines of an engine: rows come in, hits and late windows go out.
//!
//! Not the groups (`room`). Baselines do not hear of each other, so each reads the rows of a chunk by itself; the clock of all rows
//! tells it when nothing came for a group for long enough. Invariant: what happens depends on the sequence of rows alone, not on how it
//! is cut into batches.

use super::group::Waits;
use super::room::{Fired, Noted, Room};
use crate::correlate::{Keys, Question, Reading};
use crate::engine::{Matches, Row};
use crate::groups::Limits;
use crate::hit::{self, ALERT_PERIOD, Addition};
use crate::late::LateWindow;
use crate::matched::MatchRecord;
use crate::network::{Found, Held, named};
use crate::rule::{Rule, RuleKind};
use crate::ruleset::RuleSet;
use crate::view::View;
use std::ops::Range;
use yagura_model::UnixMicros;

/// All baselines of an engine.
#[derive(Default)]
pub(crate) struct Baselines {
    pub(crate) rooms: Vec<Room>,
    /// What each of them asks of rows.
    questions: Vec<Question>,
    readings: Vec<Reading>,
    noted: Noted,
}

impl Baselines {
    /// The baselines of a set for which `ours` says so of whether they are over the fleet.
    pub(crate) fn new(set: &RuleSet, limits: Limits, ours: impl Fn(bool) -> bool) -> Self {
        let mut baselines = Self::default();
        for (index, rule) in set.rules().iter().enumerate() {
            let RuleKind::Baseline(baseline) = &rule.kind else { continue };
            if let Some(question) = Question::new(set, index).filter(|_| ours(!baseline.is_per_vehicle())) {
                baselines.rooms.push(Room::new(index, baseline, limits));
                baselines.questions.push(question);
            }
        }
        baselines
    }

    /// Judges the rows of a chunk. `clocks` says of each row what the clock showed when it came.
    pub(crate) fn judge(
        &mut self,
        set: &RuleSet,
        (view, chunk, matches): (&View, &Range<usize>, &Matches),
        clocks: impl Fn(usize) -> i64,
        (keys, found): (&mut Keys, &mut Found),
    ) {
        if self.rooms.is_empty() {
            return;
        }
        let mut latest = i64::MIN;
        let clocks: Vec<i64> = chunk
            .clone()
            .map(|row| {
                latest = latest.max(clocks(row));
                latest
            })
            .collect();
        let Self { rooms, questions, readings, noted } = self;
        for (room, question) in rooms.iter_mut().zip(questions) {
            for offset in question.found(matches).rows() {
                let row = chunk.start.saturating_add(offset);
                room.advance(clocks.get(offset).copied().unwrap_or(i64::MIN), noted);
                readings.clear();
                let without = question.read(view, (row, offset), matches, (keys, readings));
                room.losses.without_field = room.losses.without_field.saturating_add(without);
                for reading in readings.iter() {
                    let origin = Row { set, question, reading, view, place: (row, offset), matches };
                    let entry = &reading.entry;
                    let event = Waits {
                        time: entry.time,
                        value: entry.value,
                        position: entry.position,
                        entry_index: entry.entry_index,
                        matched: Vec::new(),
                    };
                    room.arrive(reading.at.key, event, &origin, noted);
                }
            }
            room.advance(latest, noted);
            report(set, room.rule, noted, found);
        }
    }

    /// Lets the clock go on.
    pub(crate) fn advance(&mut self, set: &RuleSet, clock: i64, found: &mut Found) {
        for room in &mut self.rooms {
            room.advance(clock, &mut self.noted);
            report(set, room.rule, &mut self.noted, found);
        }
    }

    /// The place of the baseline of a rule.
    pub(crate) fn place(&self, rule: usize) -> Option<usize> {
        self.rooms.iter().position(|room| room.rule == rule)
    }

    /// Whether an event that another engine saw waits here already.
    pub(crate) fn holds(&self, place: usize, record: &MatchRecord) -> bool {
        self.rooms.get(place).is_some_and(|room| room.holds(record.group_key(), &waits(record)))
    }

    /// What another engine saw of an event comes to a baseline.
    pub(crate) fn arrive(&mut self, set: &RuleSet, place: usize, record: &MatchRecord, found: &mut Found) {
        let Some(room) = self.rooms.get_mut(place) else { return };
        room.arrive(record.group_key(), waits(record), record, &mut self.noted);
        report(set, room.rule, &mut self.noted, found);
    }

    /// Judges all that waits: no more rows come.
    pub(crate) fn finish(&mut self, set: &RuleSet, found: &mut Found) {
        for room in &mut self.rooms {
            room.finish(&mut self.noted);
            report(set, room.rule, &mut self.noted, found);
        }
    }

    /// Forgets all events.
    pub(crate) fn forget(&mut self) {
        self.rooms.iter_mut().for_each(Room::forget);
    }

    /// Evidence of the events that wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (i64, i32)> {
        let groups = self.rooms.iter().flat_map(|room| room.groups.values());
        let events = groups.filter_map(|group| group.waiting.as_ref()).flat_map(|waiting| &waiting.events);
        events.map(|event| (event.position, event.entry_index))
    }
}

fn waits(record: &MatchRecord) -> Waits {
    Waits {
        time: record.time.0,
        value: record.value,
        position: i64::try_from(record.event.position).unwrap_or(i64::MAX),
        entry_index: record.event.entry_index,
        matched: Vec::new(),
    }
}

/// What was noted becomes hits and late windows.
fn report(set: &RuleSet, index: usize, noted: &mut Noted, found: &mut Found) {
    let Some(rule) = set.rules().get(index) else { return };
    for Fired { key, who, event, observed } in noted.fired.drain(..) {
        let period = super::group::period_start(event.time);
        let place = (event.position, event.entry_index);
        let addition = Addition { time: event.time, place, observed, moving: None };
        found.hits.add((index, key, period), index, &addition, || {
            let group = named(rule, who.values);
            let mut hit = hit::empty(rule, &who.tenant, group, period, event.time);
            hit.matched = event.matched;
            hit
        });
    }
    for (key, who, period) in noted.late.drain(..) {
        let known = found.late.entry((index, key, period)).or_insert_with(|| late_window(rule, who, period));
        known.events = known.events.saturating_add(1);
    }
}

fn late_window(rule: &Rule, who: Held, period: i64) -> LateWindow {
    let reach = match &rule.kind {
        RuleKind::Baseline(baseline) => baseline.reach(),
        RuleKind::Match | RuleKind::Correlation(_) => 0,
    };
    let group = named(rule, who.values);
    LateWindow {
        alert: hit::alert_id(rule, &who.tenant, &group, period),
        rule: rule.id.clone(),
        tenant: who.tenant.into(),
        vehicle: hit::vehicle_of(&group),
        from: UnixMicros(period.saturating_sub(reach)),
        to: UnixMicros(period.saturating_add(ALERT_PERIOD)),
        events: 0,
    }
}
