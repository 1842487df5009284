//! What the server knows besides vault and lake: devices, people, alerts, and how far each partition is. SQLite or PostgreSQL.
//!
//! Not evidence and not analytics. All SQL of the crate is in this directory, one file a subject, one text a statement for both
//! databases (ADR-0025). Invariants: every statement that touches a tenant's rows takes a [`Tenant`](crate::tenant::Tenant); a
//! transaction is durable when it returns; what a partition's owner writes names its epoch, and an older epoch writes nothing. Cost:
//! a write transaction is one fsync, ~1 to 5 ms; a read of a page of alerts ~1 ms.

mod alerts;
mod apply;
mod database;
mod delta;
mod devices;
mod disposition;
mod error;
mod fleet;
mod incidents;
mod late;
mod number;
mod partition;
mod people;
mod products;
mod registry;
mod resume;
mod rows;
mod rules;
mod transfer;
mod url;

pub use alerts::{AlertFilter, AlertRow, ChangeRow, EventRow, StatusChange, StatusCode};
pub use delta::{ALERT_EVENTS_MAX, AlertRise, ChainRow, Delta, LastReport, RateStep, RecordedRevocation};
pub use devices::{DEVICES_PAGE_MAX, KnownDevice, Revoked, for_each_device, revoke};
pub use disposition::DispositionCode;
pub use error::StateError;
pub use fleet::{DeviceRow, LossRow, ModelRow, Rates, VEHICLES_MAX, VehicleRow};
pub use incidents::{
    GROUPED_MAX, Grouped, INCIDENT_SHOWN_MAX, IncidentFilter, IncidentOrder, IncidentPart, IncidentRow, IncidentRule,
};
pub use late::{LATE_ROUND_MAX, LATE_WINDOWS_MAX, LateNote, LateVerdict};
pub use partition::{Partition, PartitionNumber, PendingRow, Progress};
pub use people::{Person, SESSIONS_MAX};
pub use products::{
    ComponentRow, DecisionRow, FindingEventRow, FindingFilter, FindingRow, NewDecision, NewProduct, NewSbom, OpenCount,
    OwnerRow, PRODUCTS_MAX, ProductRow, ReleaseRow, Rematched, RouteRow,
};
pub use registry::{
    ENROLMENT_TOKEN_VALIDITY_US, EnrolledCertificate, EnrolmentTokenError, MODEL_BYTES_MAX, enrolment_token,
};
pub use rules::{PauseRow, RuleAlertsRow, Unjudged};
pub use transfer::TransferError;
pub use url::{StateUrl, StateUrlError};

use database::{Database, Pool, Tx, sql};
use sqlx::migrate::{MigrateError, Migrator};
use std::path::Path;

static ON_SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static ON_POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The open state. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    database: Database,
}

impl State {
    /// The state at `url`, brought to this version's schema; a file is made if absent, a database of PostgreSQL must be there.
    ///
    /// # Errors
    /// [`StateError`], among them a schema that is newer than this program.
    pub async fn connect(url: &StateUrl) -> Result<Self, StateError> {
        let database = match url.kind() {
            url::Kind::File(path) => Database::sqlite(path).await?,
            url::Kind::Postgres(options) => Database::postgres((**options).clone()).await?,
        };
        match &database.write {
            Pool::Sqlite(pool) => migrate(&ON_SQLITE, ON_SQLITE.run(pool).await)?,
            Pool::Postgres(pool) => migrate(&ON_POSTGRES, ON_POSTGRES.run(pool).await)?,
        }
        Ok(Self { database })
    }

    /// The state in the file `path`.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        Self::connect(&StateUrl::file(path)).await
    }

    /// Ends all connections; what was written is already durable.
    pub async fn close(&self) {
        self.database.close().await;
    }

    const fn read(&self) -> &Pool {
        &self.database.read
    }

    const fn write(&self) -> &Pool {
        &self.database.write
    }

    /// A transaction. On SQLite it holds the write lock from its start, so that it cannot fail half way for another writer; on
    /// PostgreSQL its first statement locks the rows on which the rest depends.
    async fn begin(&self) -> Result<Tx, StateError> {
        self.database.begin().await
    }

    /// The value of the setting `name`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StateError> {
        let row: Option<(String,)> =
            sql("SELECT value FROM settings WHERE name = $1").bind(name).optional(self.read()).await?;
        Ok(row.map(|(value,)| value))
    }

    /// The value of the setting `name`, which is `value` if it had none.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn pinned(&self, name: &str, value: &str) -> Result<String, StateError> {
        let pin = sql("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
        pin.bind(name).bind(value).execute(self.write()).await?;
        let query = sql("SELECT value FROM settings WHERE name = $1");
        let (pinned,): (String,) = query.bind(name).one(self.write()).await?;
        Ok(pinned)
    }

    /// Keeps `value` as the setting `name`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StateError> {
        sql("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(name)
            .bind(value)
            .execute(self.write())
            .await?;
        Ok(())
    }
}

fn migrate(migrator: &Migrator, outcome: Result<(), MigrateError>) -> Result<(), StateError> {
    let newest = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    outcome.map_err(|error| StateError::of_migration(error, newest))
}
