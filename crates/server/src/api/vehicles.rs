//! Vehicles: the list, one with its sensors.
//!
//! Not the time line (that is `timeline`). A vehicle exists from its first enrolment on.

use super::input::Named;
use super::types::{Device, DeviceLosses, Problem, Vehicle, VehicleDetail, VehicleHealth, VehicleList};
use super::{ApiError, App, views};
use crate::auth::Session;
use crate::clock;
use crate::state::{DeviceRow, VehicleRow};
use axum::Json;
use axum::extract::State;
use yagura_model::UnixMicros;

/// All vehicles.
#[utoipa::path(
    get, path = "/api/v1/vehicles",
    responses(
        (status = 200, description = "All vehicles", body = VehicleList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn vehicles(State(app): State<App>, session: Session) -> Result<Json<VehicleList>, ApiError> {
    let now = clock::now();
    let rows = app.state.vehicles(session.tenant(), None, now).await?;
    let heard = now.plus(-app.silent_after_us);
    Ok(Json(VehicleList { vehicles: rows.into_iter().map(|row| view(row, heard)).collect() }))
}

/// One vehicle with its sensors.
#[utoipa::path(
    get, path = "/api/v1/vehicles/{vehicle}", params(("vehicle" = String, Path, description = "Vehicle")),
    responses(
        (status = 200, description = "The vehicle", body = VehicleDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn vehicle(
    State(app): State<App>,
    session: Session,
    Named(name): Named<String>,
) -> Result<Json<VehicleDetail>, ApiError> {
    let now = clock::now();
    let row = app.state.vehicles(session.tenant(), Some(&name), now).await?.pop();
    let row = row.ok_or(ApiError::NotFound("vehicle"))?;
    let devices = app.state.devices(session.tenant(), &name).await?;
    let vehicle = view(row, now.plus(-app.silent_after_us));
    Ok(Json(VehicleDetail { vehicle, devices: devices.into_iter().map(device).collect() }))
}

fn view(row: VehicleRow, heard: UnixMicros) -> Vehicle {
    let mut sensors: Vec<String> = row.sensors.split(',').map(str::to_owned).collect();
    sensors.sort_unstable();
    Vehicle {
        vehicle: row.vehicle,
        model: row.model,
        sensors,
        last_seen: row.last_seen_us.map(views::time),
        state: match row.last_seen_us {
            None => VehicleHealth::Never,
            Some(seen) if seen >= heard.0 => VehicleHealth::Reporting,
            Some(_) => VehicleHealth::Silent,
        },
        events_24h: views::count(row.events),
        alerts_open: views::count(row.alerts),
        losses: views::count(row.losses),
    }
}

fn device(row: DeviceRow) -> Device {
    let lost = |count: Option<i64>| views::count(count.unwrap_or(0));
    Device {
        sensor: row.sensor,
        enrolled_time: views::time(row.enrolled_us),
        certificate_expires: views::time(row.expires_us.unwrap_or(0)),
        last_seen: row.last_seen_us.map(views::time),
        boot: row.boot.map(views::count),
        sequence: row.sequence.map(views::count),
        losses: DeviceLosses {
            events: lost(row.lost_events),
            frames: lost(row.lost_frames),
            excerpts: lost(row.lost_excerpts),
            reports: lost(row.lost_reports),
            missing: lost(row.missing),
        },
    }
}
