//! A vehicle's security events over its state.
//!
//! Not the whole history at once: a time range, bounded. Sorted by the vehicle's clock. The lake answers, and what it does not hold
//! yet comes from the pipeline's tail; a row that is in both is shown once. Cost: one pruned scan of two tables.

use super::input::{Asked, Named};
use super::types::{Event, Problem, StateSample, Timeline};
use super::{ApiError, App, views};
use crate::auth::Session;
use crate::clock;
use crate::lake::SharedLake;
use arrow::array::RecordBatch;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use std::collections::HashSet;
use yagura_model::UnixMicros;
use yagura_store::{LakeError, Query, Table};

/// The most events of one answer.
pub const EVENTS_MAX: usize = 5_000;
/// The most state samples of one answer.
pub const STATES_MAX: usize = 20_000;
/// The longest range of one answer: 7 days.
pub const RANGE_US_MAX: i64 = 7 * 24 * 3_600_000_000;
/// The range if none is given: the last 15 minutes.
const RANGE_US: i64 = 15 * 60_000_000;

/// Which time is wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Range {
    /// Start, included; RFC 3339. 15 minutes before `to` if absent.
    from: Option<super::time::Time>,
    /// End, not included; RFC 3339. Now if absent.
    to: Option<super::time::Time>,
}

/// A vehicle's security events over its state.
#[utoipa::path(
    get, path = "/api/v1/vehicles/{vehicle}/timeline",
    params(("vehicle" = String, Path, description = "Vehicle"), Range),
    responses(
        (status = 200, description = "The time line", body = Timeline),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn timeline(
    State(app): State<App>,
    session: Session,
    Named(vehicle): Named<String>,
    Asked(range): Asked<Range>,
) -> Result<Json<Timeline>, ApiError> {
    let now = clock::now();
    let known = app.state.vehicles(session.tenant(), Some(&vehicle), now).await?;
    if known.is_empty() {
        return Err(ApiError::NotFound("vehicle"));
    }
    let to = range.to.map_or(now.plus(1), |time| time.0);
    let from = range.from.map_or(to.plus(-RANGE_US), |time| time.0);
    if to <= from || to.since(from) > RANGE_US_MAX {
        let why = "`from` must be before `to`, and at most 7 days before it".to_owned();
        return Err(ApiError::BadInput { what: "from", why });
    }
    let tenant = session.tenant().to_string();
    let question = Question { tenant, vehicle, from, to };
    // The tail is read first: what leaves it afterwards is in the lake by then.
    let (tail_events, tail_states) = app.tail.parts();
    let (events, states) = tokio::try_join!(
        question.ask(&app.lake, Table::Events, EVENTS_MAX, tail_events),
        question.ask(&app.lake, Table::VehicleState, STATES_MAX, tail_states),
    )?;
    let event = |row: views::Row<'_>| views::event(&row, &app.catalogue);
    let sample = |row: views::Row<'_>| views::state_sample(&row);
    let (events, events_cut) = collect(&events, &question, EVENTS_MAX, event, |event: &Event| event.time);
    let (states, states_cut) = collect(&states, &question, STATES_MAX, sample, |state: &StateSample| state.time);
    let truncated = events_cut || states_cut;
    Ok(Json(Timeline { from: from.into(), to: to.into(), events, states, truncated }))
}

struct Question {
    tenant: String,
    vehicle: String,
    from: UnixMicros,
    to: UnixMicros,
}

/// What the lake and the tail hold.
struct Found {
    batches: Vec<RecordBatch>,
    truncated: bool,
}

impl Question {
    async fn ask(
        &self,
        lake: &SharedLake,
        table: Table,
        limit: usize,
        tail: Vec<RecordBatch>,
    ) -> Result<Found, ApiError> {
        let query = Query {
            tenant: self.tenant.clone(),
            vehicle: Some(self.vehicle.clone()),
            from: Some(self.from),
            to: Some(self.to),
            limit,
        };
        let scan = lake.ask(move |lake| lake.scan(table, &query)).await.map_err(ApiError::internal)?;
        let mut scan = scan.map_err(|error| match error {
            LakeError::DiskFull { .. } => ApiError::DiskFull,
            other => ApiError::internal(other),
        })?;
        scan.batches.extend(tail);
        Ok(Found { batches: scan.batches, truncated: scan.truncated })
    }

    /// The lake has asked this already; rows of the tail have not been asked.
    fn wants(&self, row: &views::Row<'_>) -> bool {
        let time = row.time("time");
        time >= self.from
            && time < self.to
            && row.text("vehicle") == Some(&self.vehicle)
            && row.text("tenant") == Some(&self.tenant)
    }
}

/// The rows that answer, once each, in order of time, the latest `max`; whether some were cut off.
fn collect<T, K: Ord>(
    found: &Found,
    question: &Question,
    max: usize,
    view: impl Fn(views::Row<'_>) -> T,
    time: impl Fn(&T) -> K,
) -> (Vec<T>, bool) {
    let mut seen = HashSet::new();
    let rows = found.batches.iter().flat_map(views::Row::all);
    let mut views: Vec<T> = rows.filter(|row| question.wants(row) && seen.insert(row.place())).map(view).collect();
    views.sort_by_key(|view| time(view));
    let cut = views.len().saturating_sub(max);
    views.drain(..cut);
    (views, found.truncated || cut > 0)
}
