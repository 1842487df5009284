//! Alerts as people read and change them.
//!
//! Not how they arise (that is `progress`). Invariants: the list is sorted by when an alert was first raised, which never
//! changes, so pages hold; a status change, its history and the audit line are one transaction.

use super::database::{On, sql};
use super::disposition::DispositionCode;
use super::number::uint;
use super::people::{Person, note, tenant_of_row};
use super::{State, StateError};
use crate::tenant::Tenant;
use sqlx::FromRow;
use yagura_detect::Stage;
use yagura_model::UnixMicros;

/// Where an alert stands, as it is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatusCode {
    /// Nobody took it yet.
    Open,
    /// Somebody looks at it.
    Acknowledged,
    /// Done with.
    Closed,
}

impl StatusCode {
    /// The kept number.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Acknowledged => 1,
            Self::Closed => 2,
        }
    }

    /// The inverse of [`Self::code`]; what is unknown counts as open, so that nobody overlooks it.
    #[must_use]
    pub const fn of(code: i64) -> Self {
        match code {
            1 => Self::Acknowledged,
            2 => Self::Closed,
            _ => Self::Open,
        }
    }
}

/// One alert as it is kept.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct AlertRow {
    /// 32 bytes.
    pub alert_id: Vec<u8>,
    /// Which rule.
    pub rule_id: String,
    /// Title, English.
    pub title_en: String,
    /// Title, Japanese.
    pub title_ja: String,
    /// 1 informational .. 5 critical.
    pub severity: i64,
    /// See [`StatusCode`].
    pub status: i64,
    /// The vehicle, when it is about one.
    pub vehicle: Option<String>,
    /// Vehicles among its kept events, or as the rule counted them if that is more.
    pub vehicles: i64,
    /// ATT&CK technique.
    pub technique: Option<String>,
    /// The group as a JSON array of field and value.
    pub group_json: String,
    /// The matched fields as a JSON array of field and value.
    pub match_json: String,
    /// Event time of the first event, µs.
    pub first_us: i64,
    /// Event time of the last event, µs.
    pub last_us: i64,
    /// Events.
    pub count: i64,
    /// When this server first raised it, µs.
    pub raised_us: i64,
    /// When data that came late last raised or changed it, µs.
    pub late_us: Option<i64>,
    /// 1 if its rule is in the shadow.
    pub shadow: i64,
    /// See [`DispositionCode`].
    pub disposition: Option<i64>,
}

/// One kept event of an alert.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct EventRow {
    /// Its record.
    pub position: i64,
    /// Its entry in the record.
    pub entry_index: i64,
    /// Its vehicle.
    pub vehicle: String,
}

/// One change of status.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct ChangeRow {
    /// When, µs.
    pub time_us: i64,
    /// By whom.
    pub user_name: String,
    /// To what.
    pub status: i64,
    /// Why.
    pub note: Option<String>,
    /// See [`DispositionCode`].
    pub disposition: Option<i64>,
}

/// What a person wants an alert to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StatusChange<'a> {
    /// Where it stands.
    pub status: StatusCode,
    /// What it turned out to be, when it is closed.
    pub disposition: Option<DispositionCode>,
    /// Why.
    pub note: Option<&'a str>,
}

/// Which alerts are wanted; a `None` wants all. Those of rules in the shadow come only if they are asked for, and then no others.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AlertFilter {
    /// Of rules in this stage.
    pub stage: Stage,
    /// Of this status.
    pub status: Option<StatusCode>,
    /// Of this severity, 1..=5.
    pub severity: Option<i64>,
    /// About this vehicle, or with an event of it.
    pub vehicle: Option<String>,
    /// Of this rule.
    pub rule: Option<String>,
    /// Those that come after this one in the list: when raised, and which.
    pub after: Option<(i64, Vec<u8>)>,
}

/// The columns of an [`AlertRow`].
macro_rules! select_alert {
    () => {
        "alert_id, rule_id, title_en, title_ja, severity, status, vehicle, technique, group_json, match_json, first_us, last_us,
         count, raised_us, late_us, shadow, disposition,
         (SELECT CASE WHEN COUNT(DISTINCT e.vehicle) > alerts.vehicles_counted THEN COUNT(DISTINCT e.vehicle)
                      ELSE alerts.vehicles_counted END
          FROM alert_events e WHERE e.tenant = alerts.tenant AND e.alert_id = alerts.alert_id) AS vehicles"
    };
}
pub(super) use select_alert;

/// One alert.
async fn one(on: impl Into<On<'_>>, tenant: &Tenant, alert_id: &[u8]) -> Result<Option<AlertRow>, StateError> {
    let query = sql(concat!("SELECT ", select_alert!(), " FROM alerts WHERE tenant = $1 AND alert_id = $2"));
    query.bind(tenant.as_str()).bind(alert_id).optional(on).await
}

impl State {
    /// One alert of the tenant.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn alert(&self, tenant: &Tenant, alert_id: &[u8]) -> Result<Option<AlertRow>, StateError> {
        one(self.read(), tenant, alert_id).await
    }

    /// Alerts of the tenant, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn alerts(&self, tenant: &Tenant, filter: &AlertFilter, limit: u32) -> Result<Vec<AlertRow>, StateError> {
        let (raised, id) = filter.after.clone().unzip();
        let query = sql(concat!(
            "SELECT ",
            select_alert!(),
            " FROM alerts WHERE tenant = $1
             AND ($2 IS NULL OR status = $2) AND ($3 IS NULL OR severity = $3) AND ($4 IS NULL OR rule_id = $4)
             AND ($5 IS NULL OR vehicle = $5 OR EXISTS (SELECT 1 FROM alert_events e WHERE e.tenant = alerts.tenant
                  AND e.alert_id = alerts.alert_id AND e.vehicle = $5))
             AND ($6 IS NULL OR raised_us < $6 OR (raised_us = $6 AND alert_id > $7)) AND shadow = $8
             ORDER BY raised_us DESC, alert_id LIMIT $9"
        ));
        let query = query
            .bind(tenant.as_str())
            .bind(filter.status.map(StatusCode::code))
            .bind(filter.severity)
            .bind(filter.rule.as_deref())
            .bind(filter.vehicle.as_deref())
            .bind(raised)
            .bind(id.as_deref())
            .bind(i64::from(filter.stage == Stage::Shadow))
            .bind(i64::from(limit));
        query.all(self.read()).await
    }

    /// Alerts of all tenants that were raised, raised again or given another status since `since`, oldest first, each with when. For who shows alerts as they
    /// come: it asks again from a few seconds before the last one that it got, because owners of partitions have clocks of their own and
    /// commit in their own order, and leaves out what it has shown with the same count.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn alerts_raised_since(
        &self,
        since: UnixMicros,
        limit: u32,
    ) -> Result<Vec<(Tenant, AlertRow, UnixMicros)>, StateError> {
        #[derive(FromRow)]
        struct Touched {
            tenant: String,
            touched_us: i64,
            #[sqlx(flatten)]
            row: AlertRow,
        }
        let query = sql(concat!(
            "SELECT tenant, touched_us, ",
            select_alert!(),
            " FROM alerts WHERE touched_us >= $1 AND shadow = 0 ORDER BY touched_us, tenant, alert_id LIMIT $2"
        ));
        let rows: Vec<Touched> = query.bind(since.0).bind(i64::from(limit)).all(self.read()).await?;
        let row = |it: Touched| Ok((tenant_of_row(&it.tenant)?, it.row, UnixMicros(it.touched_us)));
        rows.into_iter().map(row).collect()
    }

    /// The kept events of an alert, by position.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn alert_events(&self, tenant: &Tenant, alert_id: &[u8]) -> Result<Vec<EventRow>, StateError> {
        let query = sql("SELECT position, entry_index, vehicle FROM alert_events WHERE tenant = $1 AND alert_id = $2
             ORDER BY position, entry_index");
        query.bind(tenant.as_str()).bind(alert_id).all(self.read()).await
    }

    /// What people did with an alert, oldest first, at most the last 200 changes.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn alert_changes(&self, tenant: &Tenant, alert_id: &[u8]) -> Result<Vec<ChangeRow>, StateError> {
        let query = sql(
            "SELECT time_us, user_name, status, note, disposition FROM
                (SELECT * FROM alert_changes WHERE tenant = $1 AND alert_id = $2 ORDER BY id DESC LIMIT 200) AS newest ORDER BY id",
        );
        query.bind(tenant.as_str()).bind(alert_id).all(self.read()).await
    }

    /// Sets the status of an alert of the person's tenant, and what it turned out to be; `None` if there is no such alert.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn set_alert_status(
        &self,
        person: &Person,
        alert_id: &[u8],
        change: &StatusChange<'_>,
        now: UnixMicros,
    ) -> Result<Option<AlertRow>, StateError> {
        let mut tx = self.begin().await?;
        let (status, disposition) = (change.status, change.disposition.map(DispositionCode::code));
        sql("UPDATE alerts SET status = $3, touched_us = $4, disposition = $5 WHERE tenant = $1 AND alert_id = $2")
            .bind(person.tenant.as_str())
            .bind(alert_id)
            .bind(status.code())
            .bind(now.0)
            .bind(disposition)
            .execute(&mut tx)
            .await?;
        let Some(row) = one(&mut tx, &person.tenant, alert_id).await? else { return Ok(None) };
        sql("INSERT INTO alert_changes (tenant, alert_id, time_us, user_name, status, note, disposition)
             VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(person.tenant.as_str())
        .bind(alert_id)
        .bind(now.0)
        .bind(person.user.as_str())
        .bind(status.code())
        .bind(change.note)
        .bind(disposition)
        .execute(&mut tx)
        .await?;
        let target: String = alert_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let said = change.disposition.map_or_else(|| format!("{status:?}"), |it| format!("{status:?} {it:?}"));
        note(&mut tx, person, now, ("alert-status", &target, &said)).await?;
        tx.commit().await?;
        Ok(Some(row))
    }

    /// Alerts that are not closed, by severity 1..=5 (at index 0..=4).
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn alerts_not_closed(&self, tenant: &Tenant) -> Result<[u64; 5], StateError> {
        let query = sql(
            "SELECT severity, COUNT(*) FROM alerts WHERE tenant = $1 AND status < 2 AND shadow = 0 GROUP BY severity",
        );
        let rows: Vec<(i64, i64)> = query.bind(tenant.as_str()).all(self.read()).await?;
        let of = |severity| rows.iter().find(|row| row.0 == severity).map_or(0, |row| uint(row.1));
        Ok([of(1), of(2), of(3), of(4), of(5)])
    }
}
