//! Late data: which windows events touch that a group can no longer judge by what it holds, and the judgement of those windows over
//! rows that are read again (ADR-0028).
//!
//! Not a reader of rows and not a queue: windows go out ([`LateWindow`]), rows come in ([`LateJudge`]). Invariant: an alert whose
//! window the memory of a correlation did not hold whole is named by [`crate::Engine::take_late`] in the batch that touched it; all
//! others are exact already. So once each named window is judged over all rows, alerts and counts are those of rows in order,
//! whatever the order in which they came. Cost: two comparisons an event; a late one costs a SHA-256.

use crate::correlate::{AHEAD_MAX, CorrelatedKey};
use crate::engine::Engine;
use crate::error::BatchError;
use crate::hit::Hit;
use crate::hunt::join;
use crate::rule::AlertId;
use crate::ruleset::RuleSet;
use crate::view::{int_column, long};
use crate::window::{Inserted, Noted, Window};
use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;
use arrow::record_batch::RecordBatch;
use std::collections::{BTreeMap, BTreeSet};
use yagura_model::UnixMicros;

/// A time more than this ahead of the receipt of its event, in µs, cannot be right; the time of receipt stands in: 1 minute.
pub const EVENT_AHEAD_MAX: i64 = AHEAD_MAX;

/// The window of one alert that is to be judged again, over all rows of its time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LateWindow {
    /// The alert, raised or not.
    pub alert: AlertId,
    /// Id of the correlation.
    pub rule: String,
    /// Whose fleet.
    pub tenant: String,
    /// The vehicle, if the correlation counts each vehicle apart.
    pub vehicle: Option<String>,
    /// Rows at or after this time decide.
    pub from: UnixMicros,
    /// Rows before this time decide.
    pub to: UnixMicros,
    /// Events of the batch that touched it.
    pub events: u64,
}

/// The most periods that one late event names of a correlation over correlations.
const MISSED_PERIODS_MAX: usize = 1_024;

/// The windows that a batch touched.
pub(crate) type LateWindows = BTreeMap<CorrelatedKey, LateWindow>;

/// What a group does not hold of the past, because it came too late or was forgotten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Gap {
    /// There may be events up to this time that the group does not hold.
    pub(crate) until: i64,
    /// Number of the last period that may have been named.
    pub(crate) named: i32,
}

impl Gap {
    /// A group that holds everything.
    pub(crate) const NONE: Self = Self { until: i64::MIN, named: i32::MIN };

    /// A group that lacks events up to `until`, and whose periods may have been named up to the one that starts at `named`.
    pub(crate) fn new(until: i64, named: i64, window: &Window) -> Self {
        Self { until, named: if named == i64::MIN { i32::MIN } else { number(window, named) } }
    }

    /// A group that holds nothing that was received before now, when what is idle so long is forgotten.
    pub(crate) fn forgotten(now: i64, idle_after: i64, window: &Window) -> Self {
        let until = now.saturating_sub(idle_after).saturating_add(AHEAD_MAX);
        Self { until, named: number(window, until.saturating_add(window.span.saturating_mul(2))) }
    }

    /// Start of the last period that may have been named.
    pub(crate) fn named_start(&self, window: &Window) -> i64 {
        if self.named == i32::MIN { i64::MIN } else { i64::from(self.named).saturating_mul(window.period) }
    }

    /// Whether the window that closes at this time may lack events.
    pub(crate) const fn reaches(&self, window: &Window, closing: i64) -> bool {
        closing < self.until.saturating_add(window.span)
    }

    /// Names the periods that an event touched and the group cannot judge: those of windows that reach into the gap, and those named
    /// before in which more was counted now.
    pub(crate) fn touch(&mut self, window: &Window, time: i64, inserted: Inserted, noted: &mut Noted) {
        if inserted == Inserted::Late {
            self.until = self.until.max(time);
        }
        if self.reaches(window, time) {
            noted.late.push(window.period_start(time));
            let last = time.saturating_add(window.span).saturating_sub(1);
            noted.late.push(window.period_start(last));
            noted.missed.push((time, last));
        }
        self.name(window, noted);
    }

    /// Names the periods in which something was counted and that were named before.
    pub(crate) fn name(&mut self, window: &Window, noted: &mut Noted) {
        let Noted { counted, late, .. } = noted;
        let starts = counted.iter().map(|counted| counted.period_start);
        late.extend(starts.filter(|start| number(window, *start) <= self.named));
        late.sort_unstable();
        late.dedup();
        self.named = late.last().map_or(i32::MIN, |start| number(window, *start)).max(self.named);
    }

    /// Events up to `until` may lack that are not known: names all periods that a window with one of them closes in.
    pub(crate) fn miss(&mut self, window: &Window, (from, until): (i64, i64), noted: &mut Noted) {
        self.until = self.until.max(until);
        let (first, last) = (number(window, from), number(window, until.saturating_add(window.span).saturating_sub(1)));
        let periods = (first..=last).take(MISSED_PERIODS_MAX);
        noted.late.extend(periods.map(|period| i64::from(period).saturating_mul(window.period)));
        self.named = self.named.max(last);
    }
}

/// The number of the period of an instant.
fn number(window: &Window, time: i64) -> i32 {
    let number = time.checked_div_euclid(window.period).unwrap_or(0);
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

/// Judges late windows over rows of their time. One at work serves any number of rounds.
pub struct LateJudge {
    engine: Engine,
    wanted: BTreeSet<AlertId>,
    found: BTreeMap<AlertId, Hit>,
}

impl LateJudge {
    /// A judge with the rules of the engine that named the windows.
    #[must_use]
    pub fn new(set: RuleSet) -> Self {
        Self { engine: Engine::in_event_order(set), wanted: BTreeSet::new(), found: BTreeMap::new() }
    }

    /// The columns of rows that it looks at, besides those that every row has.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let fields = self.engine.rules().fields().into_iter();
        fields.chain([crate::product::COLUMN]).map(str::to_owned).collect()
    }

    /// Begins a round.
    pub fn begin(&mut self, windows: impl IntoIterator<Item = AlertId>) {
        self.engine.forget();
        self.wanted = windows.into_iter().collect();
        self.found.clear();
    }

    /// Judges rows: all that decide about the windows and lie in one stretch of [`judged_time`], in any order; stretches one after
    /// the other. The hits that each round finds are handed out by [`Self::finish`].
    ///
    /// # Errors
    /// [`BatchError`]; the round has to begin anew then.
    pub fn process(&mut self, rows: &RecordBatch) -> Result<(), BatchError> {
        let hits = self.engine.process(&in_event_order(rows)?)?;
        self.keep(hits);
        Ok(())
    }

    fn keep(&mut self, hits: Vec<Hit>) {
        for hit in hits.into_iter().filter(|hit| self.wanted.contains(&hit.alert)) {
            match self.found.get_mut(&hit.alert) {
                Some(known) => join(known, hit),
                None => drop(self.found.insert(hit.alert, hit)),
            }
        }
    }

    /// The alerts of the windows as all rows make them; a window without one raises none.
    pub fn finish(&mut self) -> Vec<Hit> {
        let rest = self.engine.finish();
        self.keep(rest);
        std::mem::take(&mut self.found).into_values().collect()
    }
}

/// The time by which an event is judged: its own, or that of its receipt where its own cannot be right.
#[must_use]
pub const fn judged_time(time: i64, received: i64) -> i64 {
    if time > received.saturating_add(AHEAD_MAX) { received } else { time }
}

pub(crate) fn in_event_order(rows: &RecordBatch) -> Result<RecordBatch, BatchError> {
    let column = |name| int_column(rows, name);
    let (time, received) = (column("time")?, column("received_time")?);
    let (position, entry) = (column("position")?, column("entry_index")?);
    let mut order: Vec<u32> = (0..).take(rows.num_rows()).collect();
    order.sort_by_key(|row| {
        let row = *row as usize;
        (judged_time(long(&time, row), long(&received, row)), long(&position, row), long(&entry, row))
    });
    take_record_batch(rows, &UInt32Array::from(order)).map_err(|error| BatchError::Order(error.to_string()))
}
