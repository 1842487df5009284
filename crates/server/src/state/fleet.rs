//! Vehicles, their sensors, rates and losses, as the overview and the vehicle pages read them.
//!
//! Not the devices' way in (that is `registry`). Vehicles are counted, never listed, where a fleet may be large; the list itself is
//! bounded by [`VEHICLES_MAX`]. Cost: the overview's queries read one row a vehicle.

use super::number::uint;
use super::progress::RateStep;
use super::{State, StateError};
use crate::tenant::Tenant;
use sqlx::FromRow;
use yagura_model::{DeviceId, UnixMicros};

/// The most vehicles one answer lists.
pub const VEHICLES_MAX: i64 = 10_000;
/// How far back the vehicles' event counts go.
const DAY_US: i64 = 24 * 3_600_000_000;

/// One vehicle.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct VehicleRow {
    /// Its pseudonym.
    pub vehicle: String,
    /// Its model.
    pub model: String,
    /// Its sensors, separated by commas.
    pub sensors: String,
    /// When the last report came, µs.
    pub last_seen_us: Option<i64>,
    /// Security events of the last 24 hours, by whole hours.
    pub events: i64,
    /// Alerts that are not closed.
    pub alerts: i64,
    /// Everything lost.
    pub losses: i64,
}

/// One model of vehicle.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct ModelRow {
    /// Its name.
    pub model: String,
    /// Enrolled vehicles.
    pub vehicles: i64,
    /// Those heard of lately.
    pub reporting: i64,
    /// Alerts of its vehicles that are not closed.
    pub alerts: i64,
}

/// One sensor.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct DeviceRow {
    /// Its name.
    pub sensor: String,
    /// When it first enrolled, µs.
    pub enrolled_us: i64,
    /// When its certificate in force ends, µs.
    pub expires_us: Option<i64>,
    /// When the last report came, µs.
    pub last_seen_us: Option<i64>,
    /// Boot of its last report.
    pub boot: Option<i64>,
    /// Sequence of its last report.
    pub sequence: Option<i64>,
    /// Events it lost.
    pub lost_events: Option<i64>,
    /// Frames it did not look at.
    pub lost_frames: Option<i64>,
    /// Excerpts it lost.
    pub lost_excerpts: Option<i64>,
    /// Reports it lost.
    pub lost_reports: Option<i64>,
    /// Reports that never came.
    pub missing: Option<i64>,
}

/// One kind of loss.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct LossRow {
    /// What was lost.
    pub kind: String,
    /// How many.
    pub count: i64,
    /// First noticed, µs.
    pub since_us: i64,
}

/// Counts since the beginning, and the steps asked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rates {
    /// Security events since the beginning.
    pub events: u64,
    /// Reports since the beginning.
    pub reports: u64,
    /// Steps with anything in them, oldest first.
    pub steps: Vec<RateStep>,
}

impl State {
    /// The tenant's totals, and its rates since `from`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn rates(&self, tenant: &Tenant, from: UnixMicros) -> Result<Rates, StateError> {
        let query = sqlx::query_as("SELECT events, reports FROM totals WHERE tenant = ?1");
        let totals: Option<(i64, i64)> = query.bind(tenant.as_str()).fetch_optional(&self.read).await?;
        let query = sqlx::query_as(
            "SELECT step_us, events, reports FROM rates WHERE tenant = ?1 AND step_us >= ?2 ORDER BY step_us",
        );
        let steps: Vec<(i64, i64, i64)> = query.bind(tenant.as_str()).bind(from.0).fetch_all(&self.read).await?;
        let (events, reports) = totals.unwrap_or_default();
        let steps = steps.into_iter().map(|(step, events, reports)| RateStep {
            tenant: *tenant,
            step: UnixMicros(step),
            events: uint(events),
            reports: uint(reports),
        });
        Ok(Rates { events: uint(events), reports: uint(reports), steps: steps.collect() })
    }

    /// The tenant's models; a vehicle counts as reporting if heard of since `heard`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn models(&self, tenant: &Tenant, heard: UnixMicros) -> Result<Vec<ModelRow>, StateError> {
        let query = sqlx::query_as(
            "WITH seen AS (
                SELECT d.vehicle, MIN(d.model) AS model, MAX(c.last_seen_us) AS last_seen_us
                FROM devices d LEFT JOIN chains c USING (tenant, vehicle, sensor)
                WHERE d.tenant = ?1 GROUP BY d.vehicle),
             raised AS (
                SELECT vehicle, COUNT(*) AS alerts FROM alerts
                WHERE tenant = ?1 AND status < 2 AND vehicle IS NOT NULL GROUP BY vehicle)
             SELECT model, COUNT(*) AS vehicles, COALESCE(SUM(last_seen_us >= ?2), 0) AS reporting,
                    COALESCE(SUM(alerts), 0) AS alerts
             FROM seen LEFT JOIN raised USING (vehicle) GROUP BY model ORDER BY model",
        );
        Ok(query.bind(tenant.as_str()).bind(heard.0).fetch_all(&self.read).await?)
    }

    /// How many of the tenant's vehicles were heard of since `heard`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn reporting(&self, tenant: &Tenant, heard: UnixMicros) -> Result<u64, StateError> {
        let query =
            sqlx::query_scalar("SELECT COUNT(DISTINCT vehicle) FROM chains WHERE tenant = ?1 AND last_seen_us >= ?2");
        Ok(uint(query.bind(tenant.as_str()).bind(heard.0).fetch_one(&self.read).await?))
    }

    /// The tenant's vehicles by name, at most [`VEHICLES_MAX`]; only `vehicle` if given.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn vehicles(
        &self,
        tenant: &Tenant,
        vehicle: Option<&str>,
        now: UnixMicros,
    ) -> Result<Vec<VehicleRow>, StateError> {
        let query = sqlx::query_as(
            "SELECT d.vehicle, MIN(d.model) AS model, GROUP_CONCAT(d.sensor) AS sensors,
                    MAX(c.last_seen_us) AS last_seen_us,
                    (SELECT COALESCE(SUM(h.events), 0) FROM vehicle_hours h
                     WHERE h.tenant = ?1 AND h.vehicle = d.vehicle AND h.hour_us > ?3) AS events,
                    (SELECT COUNT(*) FROM alerts a
                     WHERE a.tenant = ?1 AND a.vehicle = d.vehicle AND a.status < 2) AS alerts,
                    COALESCE(SUM(c.lost_events + c.lost_frames + c.lost_excerpts + c.lost_reports + c.missing), 0)
                        AS losses
             FROM devices d LEFT JOIN chains c USING (tenant, vehicle, sensor)
             WHERE d.tenant = ?1 AND (?2 IS NULL OR d.vehicle = ?2)
             GROUP BY d.vehicle ORDER BY d.vehicle LIMIT ?4",
        );
        let since = now.0.saturating_sub(DAY_US);
        let query = query.bind(tenant.as_str()).bind(vehicle).bind(since).bind(VEHICLES_MAX);
        Ok(query.fetch_all(&self.read).await?)
    }

    /// The sensors of one vehicle, by name.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn devices(&self, tenant: &Tenant, vehicle: &str) -> Result<Vec<DeviceRow>, StateError> {
        let query = sqlx::query_as(
            "SELECT d.sensor, d.enrolled_us, k.expires_us, c.last_seen_us, c.boot, c.sequence,
                    c.lost_events, c.lost_frames, c.lost_excerpts, c.lost_reports, c.missing
             FROM devices d LEFT JOIN chains c USING (tenant, vehicle, sensor)
                            LEFT JOIN certificates k USING (tenant, vehicle, sensor, fingerprint)
             WHERE d.tenant = ?1 AND d.vehicle = ?2 ORDER BY d.sensor",
        );
        Ok(query.bind(tenant.as_str()).bind(vehicle).fetch_all(&self.read).await?)
    }

    /// What the tenant lost, by kind.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn losses(&self, tenant: &Tenant) -> Result<Vec<LossRow>, StateError> {
        let query = sqlx::query_as("SELECT kind, count, since_us FROM losses WHERE tenant = ?1 ORDER BY kind");
        Ok(query.bind(tenant.as_str()).fetch_all(&self.read).await?)
    }

    /// All certificates that were ever issued to a device, newest first, DER.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn certificates(&self, device: &DeviceId) -> Result<Vec<Vec<u8>>, StateError> {
        let query = sqlx::query_scalar(
            "SELECT der FROM certificates WHERE tenant = ?1 AND vehicle = ?2 AND sensor = ?3
             ORDER BY enrolled_us DESC LIMIT 16",
        );
        let query = query.bind(device.tenant.as_str()).bind(device.vehicle.as_str()).bind(device.sensor.as_str());
        Ok(query.fetch_all(&self.read).await?)
    }
}
