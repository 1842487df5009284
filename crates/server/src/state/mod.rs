//! What the server knows besides vault and lake: devices, people, alerts, and how far the pipeline is. SQLite for now.
//!
//! Not evidence and not analytics. All SQL of the crate is in this directory, one file a subject, so that PostgreSQL can come
//! beside it. Invariants: one writer connection, many readers (WAL); every statement that touches a tenant's rows takes a
//! [`Tenant`](crate::tenant::Tenant); a transaction is durable when it returns (`synchronous = FULL`). Cost: a write
//! transaction is one fsync, ~1 to 5 ms; a read of a page of alerts ~1 ms.

mod alerts;
mod error;
mod fleet;
mod number;
mod people;
mod progress;
mod registry;
mod resume;

pub use alerts::{AlertFilter, AlertRow, ChangeRow, EventRow, StatusCode};
pub use error::StateError;
pub use fleet::{DeviceRow, LossRow, ModelRow, Rates, VEHICLES_MAX, VehicleRow};
pub use people::{Person, SESSIONS_MAX};
pub use progress::{ALERT_EVENTS_MAX, AlertRise, ChainRow, Delta, LastReport, PendingRow, Progress, RateStep};
pub use registry::{
    ENROLMENT_TOKEN_VALIDITY_US, EnrolledCertificate, EnrolmentTokenError, MODEL_BYTES_MAX, enrolment_token,
};

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};
use std::path::Path;
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How many queries read at the same time.
const READERS_MAX: u32 = 4;
/// How long a statement waits for another process's transaction (`yagura sign-in-link`, `yagura device token`).
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// The open state. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    write: SqlitePool,
    read: SqlitePool,
}

impl State {
    /// The state in the file `path`, made if absent, brought to this version's schema.
    ///
    /// # Errors
    /// [`StateError`], among them a schema that is newer than this program.
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_WAIT);
        let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&write).await.map_err(|e| StateError::of_migration(e, newest_migration()))?;
        let read = SqlitePoolOptions::new().max_connections(READERS_MAX).connect_lazy_with(options.read_only(true));
        Ok(Self { write, read })
    }

    /// Ends all connections; what was written is already durable.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// A transaction that holds the write lock from its start, so that it cannot fail half way for another writer.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StateError> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// The value of the setting `name`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StateError> {
        let query = sqlx::query_scalar("SELECT value FROM settings WHERE name = ?1");
        Ok(query.bind(name).fetch_optional(&self.read).await?)
    }

    /// Keeps `value` as the setting `name`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StateError> {
        let query =
            sqlx::query("INSERT INTO settings VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value");
        query.bind(name).bind(value).execute(&self.write).await?;
        Ok(())
    }
}

fn newest_migration() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}
