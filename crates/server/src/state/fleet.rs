//! Vehicles, their sensors, rates and losses, as the overview and the vehicle pages read them.
//!
//! Not the devices' way in (that is `registry`). Vehicles are counted, never listed, where a fleet may be large; the list itself is
//! bounded by [`VEHICLES_MAX`]. Cost: the overview's queries read one row a vehicle.

use super::database::sql;
use super::delta::RateStep;
use super::number::uint;
use super::rows::Many;
use super::{State, StateError};
use crate::tenant::Tenant;
use sqlx::FromRow;
use std::collections::{BTreeMap, BTreeSet};
use yagura_model::{DeviceId, UnixMicros};

/// The most vehicles one answer lists.
pub const VEHICLES_MAX: i64 = 10_000;
/// The most certificates of one device that are looked at.
const CERTIFICATES_MAX: usize = 16;
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
        let query = sql("SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT), CAST(COALESCE(SUM(reports), 0) AS BIGINT)
             FROM totals WHERE tenant = $1");
        let (events, reports): (i64, i64) = query.bind(tenant.as_str()).one(self.read()).await?;
        let query = sql("SELECT step_us, CAST(SUM(events) AS BIGINT), CAST(SUM(reports) AS BIGINT) FROM rates
             WHERE tenant = $1 AND step_us >= $2 GROUP BY step_us ORDER BY step_us");
        let steps: Vec<(i64, i64, i64)> = query.bind(tenant.as_str()).bind(from.0).all(self.read()).await?;
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
        let query = sql("WITH seen AS (
                SELECT d.vehicle, MIN(d.model) AS model, MAX(c.last_seen_us) AS last_seen_us
                FROM devices d LEFT JOIN chains c USING (tenant, vehicle, sensor)
                WHERE d.tenant = $1 GROUP BY d.vehicle),
             raised AS (
                SELECT vehicle, COUNT(*) AS alerts FROM alerts
                WHERE tenant = $1 AND status < 2 AND shadow = 0 AND vehicle IS NOT NULL GROUP BY vehicle)
             SELECT model, COUNT(*) AS vehicles, COUNT(*) FILTER (WHERE last_seen_us >= $2) AS reporting,
                    CAST(COALESCE(SUM(alerts), 0) AS BIGINT) AS alerts
             FROM seen LEFT JOIN raised USING (vehicle) GROUP BY model ORDER BY model");
        query.bind(tenant.as_str()).bind(heard.0).all(self.read()).await
    }

    /// How many of the tenant's vehicles were heard of since `heard`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn reporting(&self, tenant: &Tenant, heard: UnixMicros) -> Result<u64, StateError> {
        let query = sql("SELECT COUNT(DISTINCT vehicle) FROM chains WHERE tenant = $1 AND last_seen_us >= $2");
        let (count,): (i64,) = query.bind(tenant.as_str()).bind(heard.0).one(self.read()).await?;
        Ok(uint(count))
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
        let query =
            sql("SELECT d.vehicle, MIN(d.model) AS model, STRING_AGG(d.sensor, ',' ORDER BY d.sensor) AS sensors,
                    MAX(c.last_seen_us) AS last_seen_us,
                    (SELECT CAST(COALESCE(SUM(h.events), 0) AS BIGINT) FROM vehicle_hours h
                     WHERE h.tenant = $1 AND h.vehicle = d.vehicle AND h.hour_us > $3) AS events,
                    (SELECT COUNT(*) FROM alerts a
                     WHERE a.tenant = $1 AND a.vehicle = d.vehicle AND a.status < 2 AND a.shadow = 0) AS alerts,
                    CAST(COALESCE(SUM(c.lost_events + c.lost_frames + c.lost_excerpts + c.lost_reports + c.missing), 0)
                         AS BIGINT) AS losses
             FROM devices d LEFT JOIN chains c USING (tenant, vehicle, sensor)
             WHERE d.tenant = $1 AND ($2 IS NULL OR d.vehicle = $2)
             GROUP BY d.vehicle ORDER BY d.vehicle LIMIT $4");
        let since = now.0.saturating_sub(DAY_US);
        let query = query.bind(tenant.as_str()).bind(vehicle).bind(since).bind(VEHICLES_MAX);
        query.all(self.read()).await
    }

    /// The sensors of one vehicle, by name.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn devices(&self, tenant: &Tenant, vehicle: &str) -> Result<Vec<DeviceRow>, StateError> {
        let query = sql("SELECT d.sensor, d.enrolled_us, k.expires_us, c.last_seen_us, c.boot, c.sequence,
                    c.lost_events, c.lost_frames, c.lost_excerpts, c.lost_reports, c.missing
             FROM devices d LEFT JOIN chains c USING (tenant, vehicle, sensor)
                            LEFT JOIN certificates k USING (tenant, vehicle, sensor, fingerprint)
             WHERE d.tenant = $1 AND d.vehicle = $2 ORDER BY d.sensor");
        query.bind(tenant.as_str()).bind(vehicle).all(self.read()).await
    }

    /// What the tenant lost, by kind.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn losses(&self, tenant: &Tenant) -> Result<Vec<LossRow>, StateError> {
        let query = sql("SELECT kind, CAST(SUM(count) AS BIGINT) AS count, MIN(since_us) AS since_us FROM losses
             WHERE tenant = $1 GROUP BY kind ORDER BY kind");
        query.bind(tenant.as_str()).all(self.read()).await
    }

    /// The certificates that were ever issued to a device, newest first, at most 16, DER.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn certificates(&self, device: &DeviceId) -> Result<Vec<Vec<u8>>, StateError> {
        Ok(self.certificates_of(std::slice::from_ref(device)).await?.pop().unwrap_or_default())
    }

    /// As [`Self::certificates`] for many devices at once, in their order.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn certificates_of(&self, devices: &[DeviceId]) -> Result<Vec<Vec<Vec<u8>>>, StateError> {
        const SELECT: Many = Many {
            before: "SELECT c.tenant, c.vehicle, c.sensor, c.der FROM (",
            after: ") AS k CROSS JOIN certificates c
                    WHERE c.tenant = k.column1 AND c.vehicle = k.column2 AND c.sensor = k.column3 ORDER BY c.enrolled_us DESC",
        };
        let names = |device: &'_ DeviceId| [device.tenant, device.vehicle, device.sensor];
        let wanted: BTreeSet<_> = devices.iter().map(names).collect();
        let keys = wanted.iter().map(|key| key.each_ref().map(|name| name.as_str().into())).collect();
        let rows: Vec<(String, String, String, Vec<u8>)> = SELECT.all(self.read(), keys).await?;
        let mut all: BTreeMap<[&str; 3], Vec<Vec<u8>>> = BTreeMap::new();
        for (tenant, vehicle, sensor, der) in &rows {
            let known = all.entry([tenant, vehicle, sensor]).or_default();
            if known.len() < CERTIFICATES_MAX {
                known.push(der.clone());
            }
        }
        let of = |device: &DeviceId| {
            all.get(&names(device).each_ref().map(|name| name.as_str())).cloned().unwrap_or_default()
        };
        Ok(devices.iter().map(of).collect())
    }
}
