//! The rows of a hunt, from the lake to the rules.
//!
//! Where rules count events, stretches of time one after the other, halved until few enough rows are in them; else file by file.

use super::{HuntError, HuntPlan, HuntWatch, SLICE_ROWS_MAX};
use arrow::record_batch::RecordBatch;
use std::ops::ControlFlow;
use yagura_detect::{ALERT_PERIOD, EVENT_AHEAD_MAX, Hunter, RuleKind};
use yagura_model::UnixMicros;
use yagura_store::{Judged, Lake, Query, Table};

/// Hands all rows to the rules; returns some of them, by which the cost of each rule is measured.
pub(super) fn rows(
    lake: &Lake,
    plan: &HuntPlan,
    hunter: &mut Hunter,
    watch: &HuntWatch,
) -> Result<Vec<RecordBatch>, HuntError> {
    if watch.is_stopped() {
        return Err(HuntError::Stopped);
    }
    let columns = hunter.columns();
    let mut reader = Reader { lake, hunter, watch, columns, sample: Vec::new() };
    let (from, to) = decisive(plan);
    let query = Query { tenant: plan.tenant.clone(), vehicle: None, from, to, limit: SLICE_ROWS_MAX };
    if reader.hunter.needs_order() {
        reader.in_order(query)?
    } else {
        reader.in_any_order(&query)?
    }
    watch.reached(1, 1);
    Ok(reader.sample)
}

/// The rows that decide about the windows that are asked for.
fn decisive(plan: &HuntPlan) -> (Option<UnixMicros>, Option<UnixMicros>) {
    let kinds = || plan.set.rules().iter().map(|rule| &rule.kind);
    let reach = kinds().map(|kind| match kind {
        RuleKind::Correlation(it) => it.timespan,
        RuleKind::Baseline(it) => it.reach(),
        RuleKind::Match => 0,
    });
    let period = kinds().map(|kind| match kind {
        RuleKind::Correlation(it) => it.timespan.max(ALERT_PERIOD),
        RuleKind::Baseline(_) | RuleKind::Match => ALERT_PERIOD,
    });
    let (reach, period) = (reach.max().unwrap_or(0), period.max().unwrap_or(ALERT_PERIOD));
    (plan.from.map(|from| from.plus(-reach)), plan.to.map(|to| to.plus(period)))
}

struct Reader<'a> {
    lake: &'a Lake,
    hunter: &'a mut Hunter,
    watch: &'a HuntWatch,
    columns: Vec<String>,
    sample: Vec<RecordBatch>,
}

impl Reader<'_> {
    fn in_any_order(&mut self, query: &Query) -> Result<(), HuntError> {
        let columns = self.columns.clone();
        let judged = Judged { query, ahead_max: EVENT_AHEAD_MAX, columns: &columns };
        let lake = self.lake;
        let mut failed = None;
        lake.each_judged(Table::Events, &judged, &mut |rows, files| {
            self.watch.reached(files.done as u64, files.of as u64);
            match self.take(&rows) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn in_order(&mut self, mut query: Query) -> Result<(), HuntError> {
        let Some((low, high)) = self.lake.span(Table::Events) else { return Ok(()) };
        let from = query.from.map_or(low.0, |from| from.0.max(low.0));
        let to = query.to.map_or(high.0.saturating_add(1), |to| to.0.min(high.0.saturating_add(1)));
        let (mut at, mut step) = (from, to.saturating_sub(from).max(1));
        while at < to {
            let end = at.saturating_add(step).min(to);
            let alone = end.saturating_sub(at) <= 1;
            query.limit = if alone { Query::ROWS_MAX } else { SLICE_ROWS_MAX };
            (query.from, query.to) = (Some(UnixMicros(at)), Some(UnixMicros(end)));
            if self.watch.is_stopped() {
                return Err(HuntError::Stopped);
            }
            let judged = Judged { query: &query, ahead_max: EVENT_AHEAD_MAX, columns: &self.columns };
            let scan = self.lake.scan_judged(Table::Events, &judged)?;
            if scan.truncated && !alone {
                step = (end - at) / 2;
                continue;
            }
            scan.batches.iter().try_for_each(|rows| self.take(rows))?;
            // Where there is little, more is taken at once the next time.
            let rows: usize = scan.batches.iter().map(RecordBatch::num_rows).sum();
            step = if rows < SLICE_ROWS_MAX / 4 { step.saturating_mul(2) } else { step };
            self.watch.reached(end.abs_diff(from), to.abs_diff(from));
            at = end;
        }
        Ok(())
    }

    fn take(&mut self, rows: &RecordBatch) -> Result<(), HuntError> {
        if self.watch.is_stopped() {
            return Err(HuntError::Stopped);
        }
        if self.sample.iter().map(RecordBatch::num_rows).sum::<usize>() < super::cost::SAMPLE_ROWS {
            self.sample.push(rows.clone());
        }
        self.watch.read(rows.num_rows());
        Ok(self.hunter.process(rows)?)
    }
}
