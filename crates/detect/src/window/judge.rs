//! Which windows of a group fire, at once or when they are settled.
//!
//! Not what is kept (that is `room`). Invariant: after a call, each entry of each firing window that is judged is counted for its
//! period, whatever the order in which the entries came.

use super::tally::Tally;
use super::{Entry, Group, Measure, Measured, Noted, Recents, SETTLED, Test, Window, room};
use std::ops::Range;

impl Window {
    /// The last entry is new and the newest: only the window that ends with it can have changed.
    pub(super) fn judge_newest(&self, group: &mut Group, recents: &mut Recents, noted: &mut Noted) {
        let end = group.entries().len();
        let Some(time) = group.entries().last().map(|e| e.time) else { return };
        let after = time.saturating_sub(self.span);
        if self.is_too_few(group, after) {
            return;
        }
        let start = group.until(after);
        let measured = match self.measure {
            Measure::Events => Measured::Count(end.saturating_sub(start) as u64),
            Measure::Values => Measured::Count(room::distinct_newest(group, recents, start..end)),
            _ => match self.measured(group.entries().get(start..).unwrap_or_default(), after) {
                Some(measured) => measured,
                None => return,
            },
        };
        let Some(observed) = self.fires(measured) else { return };
        let all = group.entries();
        // Whatever an earlier window of this period counted reaches at least as far back as this one.
        let period_start = self.period_start(time);
        let inside = all.get(start..end).unwrap_or_default().iter();
        let uncounted = inside.rev().take_while(|e| e.counted & self.flag(e, period_start) == 0).count();
        let closing = all.iter().rev().take_while(|e| e.time == time).count();
        self.count(group, end.saturating_sub(uncounted)..end, time, observed, noted);
        self.tell(group, end.saturating_sub(closing)..end, noted);
    }

    /// Whether fewer events lie after this time than are needed, as one look tells: most events change nothing.
    fn is_too_few(&self, group: &Group, after: i64) -> bool {
        let Test::Bounds(bounds) = &self.test else { return false };
        let counts = match self.measure {
            Measure::Events => true,
            Measure::Values => !group.has_recent && group.entries().len() < room::RECENT_FROM,
            _ => false,
        };
        let least = || group.entries().len().checked_sub(bounds.largest_whole());
        counts && least().is_none_or(|first| group.entries().get(first).is_some_and(|entry| entry.time <= after))
    }

    /// An entry was put at index `at` before newer ones: judges all windows that hold it, from the one that closes with it on.
    pub(super) fn judge_between(&self, group: &mut Group, recents: &mut Recents, at: usize, noted: &mut Noted) {
        let Some(new) = group.entries().get(at).copied() else { return };
        let last = group.until(new.time.saturating_add(self.span).saturating_sub(1));
        let first = group.entries().partition_point(|e| e.time < new.time);
        let start = group.entries().partition_point(|e| e.time <= new.time.saturating_sub(self.span));
        let mut moving = Moving::new(self, group, recents, start..first, at);
        while moving.end < last {
            let closing = moving.advance(self, group);
            self.judge_closing(group, &mut moving, closing, noted);
        }
        moving.keep(group, recents);
    }

    /// Judges all windows that close before `until` and are not judged.
    pub(crate) fn settle(&self, group: &mut Group, until: i64, noted: &mut Noted) {
        if group.entries().first().is_none_or(|first| first.time >= until) {
            return;
        }
        let first = group.settled();
        let Some(next) = group.entries().get(first).map(|e| e.time).filter(|time| *time < until) else { return };
        let start = group.entries().partition_point(|e| e.time <= next.saturating_sub(self.span));
        let mut tally = Tally::new(self.measure);
        tally.add(group.entries().get(start..first).unwrap_or_default());
        let mut moving = Moving { tally, start, end: first, counted_to: 0, period: i64::MIN };
        while let Some(time) = group.entries().get(moving.end).map(|e| e.time).filter(|time| *time < until) {
            let closing = moving.advance(self, group);
            for entry in group.entries_mut().get_mut(closing.clone()).unwrap_or_default() {
                entry.counted |= SETTLED;
            }
            if group.gap().reaches(self, time) {
                // It may lack events; whoever has all of them judges it.
                noted.late.push(self.period_start(time));
                noted.missed.push((time, time));
            } else {
                self.judge_closing(group, &mut moving, closing, noted);
            }
        }
    }

    /// The window that `moving` stands at, which closes with these entries.
    fn judge_closing(&self, group: &mut Group, moving: &mut Moving, closing: Range<usize>, noted: &mut Noted) {
        let Some(time) = group.entries().get(closing.start).map(|e| e.time) else { return };
        let Some(observed) = self.fires(moving.tally.measured(self.measure, time.saturating_sub(self.span))) else {
            return;
        };
        let period = self.period_start(time);
        // What a window before it in the same period counted need not be looked at again.
        let from = if period == moving.period { moving.start.max(moving.counted_to) } else { moving.start };
        (moving.period, moving.counted_to) = (period, moving.end);
        self.count(group, from..moving.end, time, observed, noted);
        self.tell(group, closing, noted);
    }

    /// What the newest window holds; `None` if fewer rules matched in it than a chain needs.
    fn measured(&self, entries: &[Entry], after: i64) -> Option<Measured> {
        let matched = || entries.iter().fold(0, |mask, entry| mask | entry.value);
        match (self.measure, &self.test) {
            (Measure::Rules(_), _) => return Some(Measured::Rules(matched())),
            (Measure::Order(_), Test::Bounds(bounds)) if (matched().count_ones() as usize) < bounds.largest_whole() => {
                return None;
            }
            _ => {}
        }
        let mut tally = Tally::new(self.measure);
        tally.add(entries);
        Some(tally.measured(self.measure, after))
    }
}

/// A window on its way from event to event.
struct Moving {
    tally: Tally,
    /// The entries that are in.
    start: usize,
    end: usize,
    /// Up to here all entries that are in are counted for this period.
    counted_to: usize,
    period: i64,
}

impl Moving {
    /// At `inside`, the entries before those of the new entry's time, which is at index `at`.
    fn new(window: &Window, group: &mut Group, recents: &mut Recents, inside: Range<usize>, at: usize) -> Self {
        let tally = match window.measure {
            Measure::Values => Tally::Values(room::values_before(group, recents, inside.clone(), at)),
            measure => {
                let mut tally = Tally::new(measure);
                tally.add(group.entries().get(inside.clone()).unwrap_or_default());
                tally
            }
        };
        Self { tally, start: inside.start, end: inside.end, counted_to: 0, period: i64::MIN }
    }

    /// Goes on to the next time at which a window closes; the entries of that time.
    fn advance(&mut self, window: &Window, group: &Group) -> Range<usize> {
        let all = group.entries();
        let from = self.end;
        let Some(time) = all.get(from).map(|e| e.time) else { return from..from };
        let same = all.get(from..).unwrap_or_default().iter().take_while(|e| e.time == time).count();
        self.end = from.saturating_add(same);
        self.tally.add(all.get(from..self.end).unwrap_or_default());
        while let Some(gone) = all.get(self.start).filter(|e| e.time <= time.saturating_sub(window.span)) {
            self.tally.remove(gone);
            self.start = self.start.saturating_add(1);
        }
        from..self.end
    }

    /// Keeps the values of the newest window, if this is it.
    fn keep(self, group: &mut Group, recents: &mut Recents) {
        if let Tally::Values(counts) = self.tally
            && self.end == group.entries().len()
        {
            room::keep(group, recents, counts, self.start);
        }
    }
}
