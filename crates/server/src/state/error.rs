//! Why the state cannot answer, named by who must act.

use super::PartitionNumber;
use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

/// Why the state cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// No room. The operator makes some; then it goes on by itself.
    #[error("disk full")]
    DiskFull,
    /// The file or its directory cannot be written; on PostgreSQL, the role or the server may only read.
    #[error("state cannot be opened for writing")]
    NotWritable,
    /// It was written by a newer program. The operator installs that one.
    #[error("schema version {found} is newer than this program's {newest}")]
    NewerSchema {
        /// The file's.
        found: i64,
        /// This program's.
        newest: i64,
    },
    /// It is not what this program wrote. It can be rebuilt except for devices and people: restore a backup.
    #[error("state is damaged: {0}")]
    Damaged(String),
    /// The database server does not let this program in, or has no such database. The operator corrects the address or the role.
    #[error("the database refuses: {0}")]
    Refused(String),
    /// The database server cannot be reached, is starting or is going down. It goes on by itself.
    #[error("the database server cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// The database server did not answer within its time. Whether it did what was asked is unknown; it goes on by itself.
    #[error("the database server does not answer")]
    NoAnswer,
    /// Another owner has taken the partition over. Whoever gets this forgets the partition; nothing was written.
    #[error("partition {partition} was taken over by another owner: epoch {epoch} is over")]
    Fenced {
        /// Which partition.
        partition: PartitionNumber,
        /// The epoch of the owner that is refused.
        epoch: i64,
    },
    /// Anything else: a fault of ours.
    #[error("state query failed")]
    Query(#[source] sqlx::Error),
}

// SQLite's primary result codes.
const READONLY: u32 = 8;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANTOPEN: u32 = 14;
const NOTADB: u32 = 26;

/// What the code of an error says.
enum Cause {
    Full,
    NotWritable,
    Damaged,
    Refused,
    Unreachable,
    Other,
}

fn of_sqlite(error: &dyn DatabaseError) -> Cause {
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    match code.map(|extended| extended & 0xFF) {
        Some(FULL) => Cause::Full,
        Some(READONLY | CANTOPEN) => Cause::NotWritable,
        Some(CORRUPT | NOTADB) => Cause::Damaged,
        _ => Cause::Other,
    }
}

/// Classes and codes of PostgreSQL, appendix A of its manual.
fn of_postgres(code: &str) -> Cause {
    match code {
        "53100" => Cause::Full,
        "25006" | "42501" => Cause::NotWritable,
        "XX001" | "XX002" => Cause::Damaged,
        "3D000" | "3F000" => Cause::Refused,
        // Shutting down, crashed, starting, too many connections, a timeout of ours.
        "53300" | "25P03" | "55P03" | "57014" => Cause::Unreachable,
        _ if code.starts_with("28") => Cause::Refused,
        _ if code.starts_with("57P") || code.starts_with("08") => Cause::Unreachable,
        _ => Cause::Other,
    }
}

impl From<sqlx::Error> for StateError {
    fn from(error: sqlx::Error) -> Self {
        let cause = match &error {
            sqlx::Error::Database(inner) => match inner.try_downcast_ref::<PgDatabaseError>() {
                Some(postgres) => of_postgres(postgres.code()),
                None => of_sqlite(&**inner),
            },
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Cause::Unreachable
            }
            _ => Cause::Other,
        };
        match cause {
            Cause::Full => Self::DiskFull,
            Cause::NotWritable => Self::NotWritable,
            Cause::Damaged => Self::Damaged(error.to_string()),
            Cause::Refused => Self::Refused(error.to_string()),
            Cause::Unreachable => Self::Unreachable(error),
            Cause::Other => Self::Query(error),
        }
    }
}

impl StateError {
    pub(super) fn of_migration(error: MigrateError, newest: i64) -> Self {
        match error {
            MigrateError::VersionMissing(found) | MigrateError::VersionTooNew(found, _) => {
                Self::NewerSchema { found, newest }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Damaged(other.to_string()),
        }
    }
}
