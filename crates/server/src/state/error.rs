//! Why the state cannot answer, named by who must act.

use sqlx::migrate::MigrateError;

/// Why the state cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// No room. The operator makes some; then it goes on by itself.
    #[error("disk full")]
    DiskFull,
    /// The file or its directory cannot be written.
    #[error("state file cannot be opened for writing")]
    NotWritable,
    /// The file was written by a newer program. The operator installs that one.
    #[error("schema version {found} is newer than this program's {newest}")]
    NewerSchema {
        /// The file's.
        found: i64,
        /// This program's.
        newest: i64,
    },
    /// The file is not what this program wrote. It can be rebuilt except for devices and people: restore a backup.
    #[error("state file is damaged: {0}")]
    Damaged(String),
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

impl From<sqlx::Error> for StateError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<u32>().ok());
        match code.map(|extended| extended & 0xFF) {
            Some(FULL) => Self::DiskFull,
            Some(READONLY | CANTOPEN) => Self::NotWritable,
            Some(CORRUPT | NOTADB) => Self::Damaged(error.to_string()),
            _ => Self::Query(error),
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
