//! The fleet at a glance, and the event catalogue.
//!
//! Not a stream (that is `stream`). Cost: seven indexed reads; the fleet part reads one row a vehicle.

use super::types::{
    CatalogueEntry, CatalogueView, FleetHealth, Loss, ModelHealth, Overview, Problem, RatePoint, Totals, VaultStatus,
};
use super::{ApiError, App, views};
use crate::auth::Session;
use crate::clock;
use crate::state::RateStep;
use crate::tenant::Tenant;
use axum::Json;
use axum::extract::State;
use yagura_model::UnixMicros;

/// Length of a step of the series.
pub(crate) const STEP_US: i64 = 5_000_000;
/// Steps in the series: 15 minutes.
const STEPS: i64 = 180;
/// Steps that the momentary rate is the mean of.
const RATE_STEPS: i64 = 2;
const RATE_SECONDS: f64 = 10.0;

/// The fleet at a glance.
#[utoipa::path(
    get, path = "/api/v1/overview",
    responses(
        (status = 200, description = "The fleet at a glance", body = Overview),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn overview(State(app): State<App>, session: Session) -> Result<Json<Overview>, ApiError> {
    let (now, tenant) = (clock::now(), session.tenant());
    let from = step_of(now).plus(-(STEPS - 1) * STEP_US);
    let rates = app.state.rates(tenant, from).await?;
    let models = app.state.models(tenant, now.plus(-app.silent_after_us)).await?;
    let open = app.state.alerts_not_closed(tenant).await?;
    let incidents = app.state.incidents_not_closed(tenant).await?;
    let losses = app.state.losses(tenant).await?;
    let (records, partitions) = app.records().await?;
    let vehicles: i64 = models.iter().map(|model| model.vehicles).sum();
    let reporting: i64 = models.iter().map(|model| model.reporting).sum();
    let model = |row: crate::state::ModelRow| ModelHealth {
        model: row.model,
        vehicles: views::count(row.vehicles),
        reporting: views::count(row.reporting),
        alerts_open: views::count(row.alerts),
    };
    Ok(Json(Overview {
        server_time: now.into(),
        events_per_second: events_per_second(&rates.steps, now),
        series: series(&rates.steps, from),
        totals: Totals { events: rates.events, reports: rates.reports, evidence_records: records },
        fleet: FleetHealth {
            vehicles: views::count(vehicles),
            reporting: views::count(reporting),
            silent: views::count(vehicles - reporting),
            models: models.into_iter().map(model).collect(),
        },
        alerts_open: views::alert_counts(open),
        incidents_open: views::alert_counts(incidents),
        losses: losses
            .into_iter()
            .map(|row| Loss { kind: row.kind, count: views::count(row.count), since: views::time(row.since_us) })
            .collect(),
        vault: VaultStatus {
            size: records,
            partitions,
            checkpoint_time: app.checkpoint_time().await.map(Into::into),
            origin: app.vault_origin.to_string(),
        },
        problems: app.health.problems(),
    }))
}

/// The step that an instant lies in.
pub(crate) fn step_of(time: UnixMicros) -> UnixMicros {
    UnixMicros(time.0.div_euclid(STEP_US).saturating_mul(STEP_US))
}

/// Mean of the steps that ended last. The running one is left out: it would drag the mean down.
pub(crate) fn events_per_second(steps: &[RateStep], now: UnixMicros) -> f64 {
    let end = step_of(now);
    let from = end.plus(-RATE_STEPS * STEP_US);
    let events: u64 = steps.iter().filter(|s| s.step >= from && s.step < end).map(|s| s.events).sum();
    events as f64 / RATE_SECONDS
}

/// The momentary rate of a tenant.
pub(crate) async fn rate_now(app: &App, tenant: &Tenant, now: UnixMicros) -> Result<f64, ApiError> {
    let rates = app.state.rates(tenant, step_of(now).plus(-RATE_STEPS * STEP_US)).await?;
    Ok(events_per_second(&rates.steps, now))
}

fn series(steps: &[RateStep], from: UnixMicros) -> Vec<RatePoint> {
    let mut known = steps.iter().peekable();
    (0..STEPS)
        .map(|i| {
            let step = from.plus(i * STEP_US);
            let row = known.next_if(|row| row.step <= step);
            let (events, reports) = row.map_or((0, 0), |row| (row.events, row.reports));
            RatePoint { time: step.into(), events, reports }
        })
        .collect()
}

/// What each event means.
#[utoipa::path(
    get, path = "/api/v1/catalogue",
    responses(
        (status = 200, description = "The event catalogue", body = CatalogueView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn catalogue(State(app): State<App>, _: Session) -> Json<CatalogueView> {
    let entry = |entry: &yagura_columns::EventEntry| CatalogueEntry {
        event_id: views::event_id(entry.id.0),
        symbol: entry.symbol.clone(),
        severity: views::severity_of(entry.severity),
        technique: entry.techniques.first().cloned(),
        expected_unit: Some(entry.expected_unit.clone()).filter(|unit| !unit.is_empty()),
        observed_unit: Some(entry.observed_unit.clone()).filter(|unit| !unit.is_empty()),
        title: views::text(&entry.title),
        meaning: views::text(&entry.meaning),
        what_to_do: views::text(&entry.what_to_do),
    };
    Json(CatalogueView { events: app.catalogue.iter().map(entry).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_model::Name;

    fn step(second: i64, events: u64) -> RateStep {
        let tenant = Tenant::named(Name::new("acme").unwrap());
        RateStep { tenant, step: UnixMicros(second * 1_000_000), events, reports: 1 }
    }

    #[test]
    fn the_rate_is_the_mean_of_the_last_whole_steps() {
        let steps = [step(85, 1_000), step(90, 10), step(95, 30), step(100, 999)];
        let rate = events_per_second(&steps, UnixMicros(103_000_000));
        assert!((rate - 4.0).abs() < 1e-9, "{rate}");
    }

    #[test]
    fn the_series_has_every_step() {
        let points = series(&[step(105, 7), step(115, 9)], UnixMicros(100_000_000));
        let events: Vec<u64> = points.iter().take(5).map(|p| p.events).collect();
        assert_eq!((points.len(), events), (180, vec![0, 7, 0, 9, 0]));
    }
}
