//! How far the pipeline is, and everything that moves together with it.
//!
//! Not a queue: the vault is. Invariants (ADR-0010): what a batch of records means and the position behind it are one
//! transaction, so that a crash repeats a batch or has it, never half of it; rows for the lake's alerts table wait here until the
//! lake has them; the detection snapshot is never newer than the position. Cost: one fsync a batch.

use super::number::{int, uint};
use super::registry::{EnrolledCertificate, restore_certificate};
use super::{AlertRow, State, StateError, alerts};
use crate::tenant::Tenant;
use sqlx::{FromRow, Sqlite, Transaction};
use yagura_detect::HIT_EVENTS_MAX;
use yagura_model::{DeviceId, UnixMicros};

/// The most events of one alert that are kept for its page: as many as a hit names, so that how records are cut into batches does not
/// change which ones.
pub const ALERT_EVENTS_MAX: i64 = HIT_EVENTS_MAX as i64;
/// How long steps of the event rate are kept.
const RATES_KEPT_US: i64 = 3_600_000_000;
/// How long hours of a vehicle's event count are kept.
const HOURS_KEPT_US: i64 = 25 * 3_600_000_000;

/// How far the pipeline is. All positions name the next record.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// The next record to be judged.
    pub position: u64,
    /// The next record that the engine of `snapshot` has not seen; at most `position`.
    pub snapshot_position: u64,
    /// The engine, if one was ever saved.
    pub snapshot: Option<Vec<u8>>,
    /// The next record whose rows may be missing in the lake; at most `position`.
    pub lake_position: u64,
}

/// What one batch of records means for the state.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    /// The next record after the batch.
    pub position: u64,
    /// Alerts raised or raised again.
    pub alerts: Vec<AlertRise>,
    /// What it adds to the chains.
    pub chains: Vec<ChainRow>,
    /// Counts by step of 5 s.
    pub rates: Vec<RateStep>,
    /// Counts by vehicle and hour: whose, which vehicle, start of the hour, events.
    pub hours: Vec<(Tenant, String, UnixMicros, u64)>,
    /// Losses: whose, kind, how many, first noticed.
    pub losses: Vec<(Tenant, &'static str, u64, UnixMicros)>,
    /// Certificates that were issued; the gate has kept them already, unless the state was lost.
    pub certificates: Vec<EnrolledCertificate>,
}

/// One hit of a rule in one batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AlertRise {
    /// Whose.
    pub tenant: Tenant,
    /// Which alert.
    pub alert_id: [u8; 32],
    /// Which rule.
    pub rule_id: String,
    /// Title, English.
    pub title_en: String,
    /// Title, Japanese.
    pub title_ja: String,
    /// 1 informational .. 5 critical.
    pub severity: i64,
    /// The vehicle, when it is about one.
    pub vehicle: Option<String>,
    /// ATT&CK technique.
    pub technique: Option<String>,
    /// The group as a JSON array of field and value.
    pub group_json: String,
    /// The matched fields as a JSON array of field and value.
    pub match_json: String,
    /// Start of the window.
    pub window: UnixMicros,
    /// Event time of the first event.
    pub first: UnixMicros,
    /// Event time of the last event.
    pub last: UnixMicros,
    /// Events in this batch.
    pub count: u64,
    /// Vehicles that the rule itself counted, if it counts vehicles.
    pub vehicles_counted: u64,
    /// The first of its events in this batch: position, entry.
    pub trigger: (u64, u32),
    /// The kept events: position, entry, vehicle.
    pub events: Vec<(u64, u32, String)>,
}

/// What one batch of records adds to what is known of one sensor's chain of reports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChainRow {
    /// Which sensor.
    pub device: DeviceId,
    /// Its highest report of the batch.
    pub highest: Option<LastReport>,
    /// When its last report of the batch came.
    pub last_seen: Option<UnixMicros>,
    /// What it lost, as its reports say: events, frames, excerpts, reports.
    pub lost: [u64; 4],
    /// Reports found missing.
    pub missing: u64,
}

/// A report in its chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LastReport {
    /// Boot of the sensor.
    pub boot: u64,
    /// Number in the boot.
    pub sequence: u64,
    /// SHA-256.
    pub digest: [u8; 32],
    /// Where it is.
    pub position: u64,
}

/// Events and reports received in one step of 5 s.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateStep {
    /// Whose.
    pub tenant: Tenant,
    /// Start of the step.
    pub step: UnixMicros,
    /// Security events.
    pub events: u64,
    /// Reports.
    pub reports: u64,
}

/// A row of the lake's alerts table that may not be in it yet.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct PendingRow {
    /// Last record of the batch that raised it.
    pub applied: i64,
    /// Whose.
    pub tenant: String,
    /// Which alert.
    pub alert_id: Vec<u8>,
    /// Which rule.
    pub rule_id: String,
    /// Title, English.
    pub title: String,
    /// 1 informational .. 5 critical.
    pub severity: i64,
    /// The vehicle, when it is about one.
    pub vehicle: Option<String>,
    /// The group as a JSON array of field and value.
    pub group_json: String,
    /// Start of the window, µs.
    pub window_us: i64,
    /// Event time of the first event of the batch, µs.
    pub time_us: i64,
    /// Events in the batch.
    pub count: i64,
    /// The triggering event's record.
    pub position: i64,
    /// The triggering event's entry.
    pub entry_index: i64,
}

impl State {
    /// How far the pipeline is.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn progress(&self) -> Result<Progress, StateError> {
        let query = sqlx::query_as("SELECT position, snapshot_position, snapshot, lake_position FROM pipeline");
        let row: (i64, i64, Option<Vec<u8>>, i64) = query.fetch_one(&self.read).await?;
        Ok(Progress {
            position: uint(row.0),
            snapshot_position: uint(row.1),
            snapshot: row.2,
            lake_position: uint(row.3),
        })
    }

    /// Applies a batch whole or not at all and returns the alerts as they then stand; new ones are raised `now`.
    ///
    /// # Errors
    /// [`StateError`]; then nothing of the batch is applied.
    pub async fn apply(&self, delta: &Delta, now: UnixMicros) -> Result<Vec<(Tenant, AlertRow)>, StateError> {
        let mut tx = self.begin().await?;
        let moved = sqlx::query("UPDATE pipeline SET position = ?1 WHERE position <= ?1");
        let moved = moved.bind(int(delta.position)).execute(&mut *tx).await?.rows_affected();
        if moved == 0 {
            return Err(StateError::Damaged(format!("position moves backwards to {}", delta.position)));
        }
        let mut raised = Vec::with_capacity(delta.alerts.len());
        for rise in &delta.alerts {
            raise(&mut tx, rise, delta.position.saturating_sub(1), now).await?;
            let row = alerts::one(&mut *tx, &rise.tenant, &rise.alert_id).await?;
            raised.extend(row.map(|row| (rise.tenant, row)));
        }
        for enrolled in &delta.certificates {
            restore_certificate(&mut tx, enrolled).await?;
        }
        for chain in &delta.chains {
            move_chain(&mut tx, chain).await?;
        }
        count(&mut tx, delta).await?;
        tx.commit().await?;
        Ok(raised)
    }

    /// Keeps that the lake has all rows of records before `position`, and the engine as it stood there.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn flushed(&self, position: u64, snapshot: &[u8], now: UnixMicros) -> Result<(), StateError> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE pipeline SET lake_position = ?1, snapshot_position = ?1, snapshot = ?2")
            .bind(int(position))
            .bind(snapshot)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM alert_rows WHERE applied < ?1").bind(int(position)).execute(&mut *tx).await?;
        let rates = sqlx::query("DELETE FROM rates WHERE step_us < ?1");
        rates.bind(now.0.saturating_sub(RATES_KEPT_US)).execute(&mut *tx).await?;
        let hours = sqlx::query("DELETE FROM vehicle_hours WHERE hour_us < ?1");
        hours.bind(now.0.saturating_sub(HOURS_KEPT_US)).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Rows of batches before `position` that wait for the lake's alerts table, oldest first.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn pending_rows(&self, position: u64) -> Result<Vec<PendingRow>, StateError> {
        let query = sqlx::query_as("SELECT * FROM alert_rows WHERE applied < ?1 ORDER BY id");
        Ok(query.bind(int(position)).fetch_all(&self.read).await?)
    }
}

async fn raise(
    tx: &mut Transaction<'static, Sqlite>,
    rise: &AlertRise,
    applied: u64,
    now: UnixMicros,
) -> Result<(), StateError> {
    sqlx::query(
        "INSERT INTO alerts (tenant, alert_id, rule_id, title_en, title_ja, severity, vehicle, technique, group_json,
                             match_json, window_us, first_us, last_us, count, raised_us, vehicles_counted)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
         ON CONFLICT DO UPDATE SET count = count + excluded.count, first_us = MIN(first_us, excluded.first_us),
                                   last_us = MAX(last_us, excluded.last_us),
                                   vehicles_counted = MAX(vehicles_counted, excluded.vehicles_counted)",
    )
    .bind(rise.tenant.as_str())
    .bind(rise.alert_id.as_slice())
    .bind(&rise.rule_id)
    .bind(&rise.title_en)
    .bind(&rise.title_ja)
    .bind(rise.severity)
    .bind(&rise.vehicle)
    .bind(&rise.technique)
    .bind(&rise.group_json)
    .bind(&rise.match_json)
    .bind(rise.window.0)
    .bind(rise.first.0)
    .bind(rise.last.0)
    .bind(int(rise.count))
    .bind(now.0)
    .bind(int(rise.vehicles_counted))
    .execute(&mut **tx)
    .await?;
    for (position, entry, vehicle) in &rise.events {
        sqlx::query(
            "INSERT OR IGNORE INTO alert_events SELECT ?1, ?2, ?3, ?4, ?5
             WHERE (SELECT COUNT(*) FROM alert_events WHERE tenant = ?1 AND alert_id = ?2) < ?6",
        )
        .bind(rise.tenant.as_str())
        .bind(rise.alert_id.as_slice())
        .bind(int(*position))
        .bind(i64::from(*entry))
        .bind(vehicle)
        .bind(ALERT_EVENTS_MAX)
        .execute(&mut **tx)
        .await?;
    }
    queue_row(tx, rise, applied).await
}

async fn queue_row(tx: &mut Transaction<'static, Sqlite>, rise: &AlertRise, applied: u64) -> Result<(), StateError> {
    sqlx::query(
        "INSERT INTO alert_rows (applied, tenant, alert_id, rule_id, title, severity, vehicle, group_json, window_us,
                                 time_us, count, position, entry_index)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )
    .bind(int(applied))
    .bind(rise.tenant.as_str())
    .bind(rise.alert_id.as_slice())
    .bind(&rise.rule_id)
    .bind(&rise.title_en)
    .bind(rise.severity)
    .bind(&rise.vehicle)
    .bind(&rise.group_json)
    .bind(rise.window.0)
    .bind(rise.first.0)
    .bind(int(rise.count))
    .bind(int(rise.trigger.0))
    .bind(i64::from(rise.trigger.1))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn move_chain(tx: &mut Transaction<'static, Sqlite>, chain: &ChainRow) -> Result<(), StateError> {
    let (tenant, vehicle) = (chain.device.tenant.as_str(), chain.device.vehicle.as_str());
    let [events, frames, excerpts, reports] = chain.lost.map(int);
    sqlx::query(
        "INSERT INTO chains (tenant, vehicle, sensor, last_seen_us, lost_events, lost_frames, lost_excerpts,
                             lost_reports, missing) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT DO UPDATE SET last_seen_us = COALESCE(excluded.last_seen_us, last_seen_us),
            lost_events = lost_events + excluded.lost_events, lost_frames = lost_frames + excluded.lost_frames,
            lost_excerpts = lost_excerpts + excluded.lost_excerpts,
            lost_reports = lost_reports + excluded.lost_reports, missing = missing + excluded.missing",
    )
    .bind(tenant)
    .bind(vehicle)
    .bind(chain.device.sensor.as_str())
    .bind(chain.last_seen.map(|time| time.0))
    .bind(events)
    .bind(frames)
    .bind(excerpts)
    .bind(reports)
    .bind(int(chain.missing))
    .execute(&mut **tx)
    .await?;
    let Some(highest) = chain.highest else { return Ok(()) };
    sqlx::query(
        "UPDATE chains SET boot = ?4, sequence = ?5, digest = ?6, position = ?7
         WHERE tenant = ?1 AND vehicle = ?2 AND sensor = ?3 AND (boot IS NULL OR (boot, sequence) < (?4, ?5))",
    )
    .bind(tenant)
    .bind(vehicle)
    .bind(chain.device.sensor.as_str())
    .bind(int(highest.boot))
    .bind(int(highest.sequence))
    .bind(highest.digest.as_slice())
    .bind(int(highest.position))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn count(tx: &mut Transaction<'static, Sqlite>, delta: &Delta) -> Result<(), StateError> {
    for rate in &delta.rates {
        let (events, reports) = (int(rate.events), int(rate.reports));
        sqlx::query(
            "INSERT INTO rates VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET events = events + excluded.events, reports = reports + excluded.reports",
        )
        .bind(rate.tenant.as_str())
        .bind(rate.step.0)
        .bind(events)
        .bind(reports)
        .execute(&mut **tx)
        .await?;
        sqlx::query(
            "INSERT INTO totals VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET events = events + excluded.events, reports = reports + excluded.reports",
        )
        .bind(rate.tenant.as_str())
        .bind(events)
        .bind(reports)
        .execute(&mut **tx)
        .await?;
    }
    for (tenant, vehicle, hour, events) in &delta.hours {
        sqlx::query(
            "INSERT INTO vehicle_hours VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET events = events + excluded.events",
        )
        .bind(tenant.as_str())
        .bind(vehicle)
        .bind(hour.0)
        .bind(int(*events))
        .execute(&mut **tx)
        .await?;
    }
    for (tenant, kind, count, since) in &delta.losses {
        let query =
            sqlx::query("INSERT INTO losses VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET count = count + ?3");
        query.bind(tenant.as_str()).bind(kind).bind(int(*count)).bind(since.0).execute(&mut **tx).await?;
    }
    Ok(())
}
