//! Incidents as people read and change them, and how the server keeps them (ADR-0034).
//!
//! Not how alerts are put together (`detect::incident`; `round` lets it). Invariants: an alert that changed is queued in the transaction
//! of its change; an incident that was merged is read as the one that it is part of; a status change, its history and the audit line are
//! one transaction. The list is sorted by score, which may change between two pages, or by when an incident was made.

mod facts;
mod precision;
mod round;
mod score;
mod write;

pub(super) use round::queue;
pub use round::{GROUPED_MAX, Grouped};

use super::alerts::{AlertRow, ChangeRow, StatusCode, select_alert};
use super::database::{On, sql};
use super::number::uint;
use super::people::{Person, note, tenant_of_row};
use super::{State, StateError};
use crate::auth::hex;
use crate::tenant::Tenant;
use sqlx::FromRow;
use yagura_model::UnixMicros;

/// The most alerts, vehicles and other names that one incident's page shows; the rest is counted.
pub const INCIDENT_SHOWN_MAX: u32 = 200;
/// The most related incidents that are shown.
const RELATED_MAX: i64 = 10;
/// The most names by which related incidents are looked for.
const RELATED_BY_MAX: i64 = 50;

/// One incident as it is kept.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct IncidentRow {
    /// 32 bytes.
    pub incident_id: Vec<u8>,
    /// 0 story, 1 wave.
    pub kind: i64,
    /// See [`StatusCode`].
    pub status: i64,
    /// 1 if it stands in the list by itself.
    pub listed: i64,
    /// 0 to 100.
    pub score: i64,
    /// 1 informational .. 5 critical.
    pub severity: i64,
    /// Title, English.
    pub title_en: String,
    /// Title, Japanese.
    pub title_ja: String,
    /// Event time of the first event, µs.
    pub first_us: i64,
    /// Event time of the last event, µs.
    pub last_us: i64,
    /// When this server made it, µs.
    pub opened_us: i64,
    /// When it last changed, µs.
    pub touched_us: i64,
    /// Alerts.
    pub alerts: i64,
    /// Vehicles that its alerts name.
    pub vehicles: i64,
    /// Models of these vehicles.
    pub models: i64,
    /// Rules.
    pub rules: i64,
    /// Vehicles named, or as many as a rule counted.
    pub vehicles_counted: i64,
    /// The elder that it is part of.
    pub merged_into: Option<Vec<u8>>,
}

/// What one rule adds to an incident, as it is kept.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct IncidentRule {
    /// Which incident.
    pub incident_id: Vec<u8>,
    /// Which rule.
    pub rule_id: String,
    /// Its title, English.
    pub title_en: String,
    /// Its title, Japanese.
    pub title_ja: String,
    /// Its level, 1 informational .. 5 critical.
    pub severity: i64,
    /// Its ATT&CK technique.
    pub technique: Option<String>,
    /// What it looks at.
    pub domain: String,
    /// Severity of its events by the catalogue; 0 unknown.
    pub event: i64,
    /// 0 unknown, 1 stood, 2 moved.
    pub motion: i64,
    /// Vehicles that it counted itself.
    pub vehicles_counted: i64,
    /// Event time of its first event, µs.
    pub first_us: i64,
    /// Event time of its last event, µs.
    pub last_us: i64,
    /// Alerts.
    pub alerts: i64,
    /// How many of a hundred of its alerts were right when the incident was weighed last; `None`: too few were judged.
    pub precision_percent: Option<i64>,
}

/// Something that alerts of an incident name.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct IncidentPart {
    /// 0 vehicle, 1 model, 2 anything else.
    pub part: i64,
    /// Its field.
    pub field: String,
    /// Its name.
    pub name: String,
}

/// How the list is sorted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum IncidentOrder {
    /// Highest score first, newest first among equals.
    #[default]
    Score,
    /// Newest first.
    Newest,
}

/// Which incidents are wanted; a `None` wants all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IncidentFilter {
    /// Of this status.
    pub status: Option<StatusCode>,
    /// Of this severity, 1..=5.
    pub severity: Option<i64>,
    /// Of at least this score.
    pub score_min: Option<i64>,
    /// With an alert about this vehicle.
    pub vehicle: Option<String>,
    /// Sorted how.
    pub order: IncidentOrder,
    /// Those that come after this one in the list: its score, when it was made, and which.
    pub after: Option<(i64, i64, Vec<u8>)>,
}

/// The columns of an [`IncidentRow`].
macro_rules! select_incident {
    () => {
        "incident_id, kind, status, listed, score, severity, title_en, title_ja, first_us, last_us, opened_us, touched_us,
         alerts, vehicles, models, rules, vehicles_counted, merged_into"
    };
}
pub(super) use select_incident;

async fn one(on: impl Into<On<'_>>, tenant: &Tenant, id: &[u8]) -> Result<Option<IncidentRow>, StateError> {
    // An incident that was merged is the one that it is part of.
    let query = sql(concat!(
        "SELECT ",
        select_incident!(),
        " FROM incidents WHERE tenant = $1 AND incident_id =
            (SELECT COALESCE(merged_into, incident_id) FROM incidents WHERE tenant = $1 AND incident_id = $2)"
    ));
    query.bind(tenant.as_str()).bind(id).optional(on).await
}

impl State {
    /// One incident of the tenant; of one that was merged, that which it is part of.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn incident(&self, tenant: &Tenant, id: &[u8]) -> Result<Option<IncidentRow>, StateError> {
        one(self.read(), tenant, id).await
    }

    /// Incidents of the tenant that stand by themselves, at most `limit`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn incidents(
        &self,
        tenant: &Tenant,
        filter: &IncidentFilter,
        limit: u32,
    ) -> Result<Vec<IncidentRow>, StateError> {
        macro_rules! page {
            ($after:literal, $order:literal) => {
                concat!(
                    "SELECT ",
                    select_incident!(),
                    " FROM incidents WHERE tenant = $1 AND listed = 1 AND ($2 IS NULL OR status = $2)
                      AND ($3 IS NULL OR severity = $3) AND ($4 IS NULL OR score >= $4)
                      AND ($5 IS NULL OR EXISTS (SELECT 1 FROM incident_parts p WHERE p.tenant = incidents.tenant
                           AND p.incident_id = incidents.incident_id AND p.part = 0 AND p.field = 'vehicle' AND p.name = $5))
                      AND ",
                    $after,
                    " ORDER BY ",
                    $order,
                    " LIMIT $9"
                )
            };
        }
        let query = match filter.order {
            IncidentOrder::Score => sql(page!(
                "($6 IS NULL OR score < $6 OR (score = $6 AND (opened_us < $7 OR (opened_us = $7 AND incident_id > $8))))",
                "score DESC, opened_us DESC, incident_id"
            )),
            IncidentOrder::Newest => sql(page!(
                "($6 IS NULL OR opened_us < $7 OR (opened_us = $7 AND incident_id > $8))",
                "opened_us DESC, incident_id"
            )),
        };
        let after = filter.after.as_ref();
        let query = query
            .bind(tenant.as_str())
            .bind(filter.status.map(StatusCode::code))
            .bind(filter.severity)
            .bind(filter.score_min)
            .bind(filter.vehicle.as_deref())
            .bind(after.map(|after| after.0))
            .bind(after.map(|after| after.1))
            .bind(after.map(|after| after.2.as_slice()))
            .bind(i64::from(limit));
        query.all(self.read()).await
    }

    /// Alerts of an incident by the time of their events, at most [`INCIDENT_SHOWN_MAX`].
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn incident_alerts(&self, tenant: &Tenant, id: &[u8]) -> Result<Vec<AlertRow>, StateError> {
        let query = sql(concat!(
            "SELECT ",
            select_alert!(),
            " FROM alerts WHERE tenant = $1
               AND alert_id IN (SELECT alert_id FROM incident_alerts WHERE tenant = $1 AND incident_id = $2)
              ORDER BY first_us, alert_id LIMIT $3"
        ));
        query.bind(tenant.as_str()).bind(id).bind(i64::from(INCIDENT_SHOWN_MAX)).all(self.read()).await
    }

    /// What each rule adds to an incident, by id of the rule.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn incident_rules(&self, tenant: &Tenant, id: &[u8]) -> Result<Vec<IncidentRule>, StateError> {
        let query = sql(concat!(
            "SELECT ",
            score::select_rule!(),
            " FROM incident_rules r WHERE r.tenant = $1 AND r.incident_id = $2 ORDER BY r.rule_id"
        ));
        query.bind(tenant.as_str()).bind(id).all(self.read()).await
    }

    /// What alerts of an incident name, at most [`INCIDENT_SHOWN_MAX`] of each kind.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn incident_parts(&self, tenant: &Tenant, id: &[u8]) -> Result<Vec<IncidentPart>, StateError> {
        let mut all = Vec::new();
        for part in [facts::VEHICLE, facts::MODEL, facts::ENTITY] {
            let query = sql("SELECT part, field, name FROM incident_parts
                 WHERE tenant = $1 AND incident_id = $2 AND part = $3 ORDER BY field, name LIMIT $4");
            let query = query.bind(tenant.as_str()).bind(id).bind(part).bind(i64::from(INCIDENT_SHOWN_MAX));
            all.extend(query.all::<IncidentPart>(self.read()).await?);
        }
        Ok(all)
    }

    /// Other incidents of the same vehicles within a gap of an incident, gravest first; at most ten.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn related_incidents(
        &self,
        tenant: &Tenant,
        row: &IncidentRow,
        gap: i64,
    ) -> Result<Vec<IncidentRow>, StateError> {
        let query = sql(concat!(
            "SELECT ",
            select_incident!(),
            " FROM incidents WHERE tenant = $1 AND listed = 1 AND incident_id <> $2 AND first_us <= $3 AND last_us >= $4
              AND incident_id IN (SELECT q.incident_id FROM incident_parts q WHERE q.tenant = $1 AND q.part = 0
                  AND q.name IN (SELECT p.name FROM incident_parts p WHERE p.tenant = $1 AND p.incident_id = $2 AND p.part = 0
                                 ORDER BY p.field, p.name LIMIT $5))
              ORDER BY score DESC, opened_us DESC, incident_id LIMIT $6"
        ));
        let query = query
            .bind(tenant.as_str())
            .bind(row.incident_id.as_slice())
            .bind(row.last_us.saturating_add(gap))
            .bind(row.first_us.saturating_sub(gap))
            .bind(RELATED_BY_MAX)
            .bind(RELATED_MAX);
        query.all(self.read()).await
    }

    /// The incidents that an alert belongs to: its story, and the wave if there is one.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn incidents_of_alert(&self, tenant: &Tenant, alert: &[u8]) -> Result<Vec<IncidentRow>, StateError> {
        let query = sql(concat!(
            "SELECT ",
            select_incident!(),
            " FROM incidents WHERE tenant = $1 AND (kind = 0 OR listed = 1)
               AND incident_id IN (SELECT incident_id FROM incident_alerts WHERE tenant = $1 AND alert_id = $2)
              ORDER BY listed DESC, kind"
        ));
        query.bind(tenant.as_str()).bind(alert).all(self.read()).await
    }

    /// What became of an incident's status, oldest first, at most the last 200 changes.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn incident_changes(&self, tenant: &Tenant, id: &[u8]) -> Result<Vec<ChangeRow>, StateError> {
        let query = sql(
            "SELECT time_us, user_name, status, note, CAST(NULL AS BIGINT) AS disposition FROM
                (SELECT * FROM incident_changes WHERE tenant = $1 AND incident_id = $2 ORDER BY id DESC LIMIT 200) AS newest
             ORDER BY id",
        );
        query.bind(tenant.as_str()).bind(id).all(self.read()).await
    }

    /// Sets the status of an incident of the person's tenant; `None` if there is no such incident.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn set_incident_status(
        &self,
        person: &Person,
        id: &[u8],
        (status, why): (StatusCode, Option<&str>),
        now: UnixMicros,
    ) -> Result<Option<IncidentRow>, StateError> {
        let mut tx = self.begin().await?;
        let Some(found) = one(&mut tx, &person.tenant, id).await? else { return Ok(None) };
        let id = found.incident_id.as_slice();
        sql("UPDATE incidents SET status = $3, touched_us = $4 WHERE tenant = $1 AND incident_id = $2")
            .bind(person.tenant.as_str())
            .bind(id)
            .bind(status.code())
            .bind(now.0)
            .execute(&mut tx)
            .await?;
        sql("INSERT INTO incident_changes (tenant, incident_id, time_us, user_name, status, note)
             VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(person.tenant.as_str())
        .bind(id)
        .bind(now.0)
        .bind(person.user.as_str())
        .bind(status.code())
        .bind(why)
        .execute(&mut tx)
        .await?;
        note(&mut tx, person, now, ("incident-status", &hex(id), &format!("{status:?}"))).await?;
        let row = one(&mut tx, &person.tenant, id).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Incidents of all tenants that changed since `since`, oldest first; as [`Self::alerts_raised_since`].
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn incidents_touched_since(
        &self,
        since: UnixMicros,
        limit: u32,
    ) -> Result<Vec<(Tenant, IncidentRow, UnixMicros)>, StateError> {
        #[derive(FromRow)]
        struct Touched {
            tenant: String,
            #[sqlx(flatten)]
            row: IncidentRow,
        }
        let query = sql(concat!(
            "SELECT tenant, ",
            select_incident!(),
            " FROM incidents WHERE touched_us >= $1 ORDER BY touched_us, tenant, incident_id LIMIT $2"
        ));
        let rows: Vec<Touched> = query.bind(since.0).bind(i64::from(limit)).all(self.read()).await?;
        let row = |it: Touched| {
            let touched = UnixMicros(it.row.touched_us);
            Ok((tenant_of_row(&it.tenant)?, it.row, touched))
        };
        rows.into_iter().map(row).collect()
    }

    /// How many changes of alerts wait to be put into incidents.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn incidents_waiting(&self) -> Result<u64, StateError> {
        let (waiting,): (i64,) = sql("SELECT COUNT(*) FROM incident_queue").one(self.read()).await?;
        Ok(uint(waiting))
    }

    /// Listed incidents that are not closed, by severity 1..=5 (at index 0..=4).
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn incidents_not_closed(&self, tenant: &Tenant) -> Result<[u64; 5], StateError> {
        let query = sql("SELECT severity, COUNT(*) FROM incidents WHERE tenant = $1 AND listed = 1 AND status < 2
             GROUP BY severity");
        let rows: Vec<(i64, i64)> = query.bind(tenant.as_str()).all(self.read()).await?;
        let of = |severity| rows.iter().find(|row| row.0 == severity).map_or(0, |row| uint(row.1));
        Ok([of(1), of(2), of(3), of(4), of(5)])
    }
}
