//! The alerts that there were, as the lake has them.
//!
//! Two alerts are the same if rule, group and window are: an alert's id changes with every change of its rule.

use super::{HuntError, HuntPlan};
use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use std::collections::HashMap;
use std::ops::ControlFlow;
use yagura_detect::{EVENT_AHEAD_MAX, Hit};
use yagura_store::{Judged, Query, Table};

/// What names an alert whatever its rule looked like: rule, group, start of the window.
pub(super) type Same = (String, String, i64);

/// What names the alert of a hit.
pub(super) fn same(hit: &Hit) -> Same {
    let group = serde_json::to_string(&hit.group).unwrap_or_default();
    (hit.rule.clone(), group, hit.window_start.0)
}

/// The alerts of the time that is asked for, with the number of their events.
pub(super) fn known(lake: &yagura_store::Lake, plan: &HuntPlan) -> Result<HashMap<Same, i64>, HuntError> {
    let mut known = HashMap::new();
    let query = Query { tenant: plan.tenant.clone(), vehicle: None, from: None, to: None, limit: Query::ROWS_MAX };
    let columns = ["rule_id", "group", "window_start", "count"].map(str::to_owned);
    let judged = Judged { query: &query, ahead_max: EVENT_AHEAD_MAX, columns: &columns };
    lake.each_judged(Table::Alerts, &judged, &mut |rows, _| {
        take(&rows, plan, &mut known);
        ControlFlow::Continue(())
    })?;
    Ok(known)
}

fn take(rows: &RecordBatch, plan: &HuntPlan, known: &mut HashMap<Same, i64>) -> Option<()> {
    let text = |name: &str| Some(rows.column_by_name(name)?.as_string_opt::<i32>()?.clone());
    let whole = |name: &str| {
        let column = cast(rows.column_by_name(name)?, &DataType::Int64).ok()?;
        Some(column.as_primitive_opt::<Int64Type>()?.clone())
    };
    let (rule, group) = (text("rule_id")?, text("group")?);
    let (window, count) = (whole("window_start")?, whole("count")?);
    for row in 0..rows.num_rows() {
        if plan.holds(yagura_model::UnixMicros(window.value(row))) {
            let alert = (rule.value(row).to_owned(), group.value(row).to_owned(), window.value(row));
            *known.entry(alert).or_default() += if count.is_valid(row) { count.value(row) } else { 0 };
        }
    }
    Some(())
}
