//! What can go wrong with the lake, named by who must act.
//!
//! Not a loss: the lake is derived from the vault, so every failure can be made good by trying again or by a replay.

use crate::objects::ObjectsError;
use crate::vault::Position;
use arrow::error::ArrowError;
use deltalake_core::DeltaTableError;
use parquet::errors::ParquetError;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

/// Why the lake did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    /// No space is left on the disk. Free space and try again.
    #[error("no space left on the disk while writing {}", file.display())]
    DiskFull {
        /// The file or table.
        file: PathBuf,
    },
    /// The disk is mounted read-only, or permissions forbid access. Change the mount or the permissions.
    #[error("no access to {}: the disk is read-only or permissions forbid it", file.display())]
    ReadOnly {
        /// The file or table.
        file: PathBuf,
    },
    /// The batch does not have the table's columns.
    #[error("batch for table {table} has columns {found}, expected {expected}")]
    Schema {
        /// The table.
        table: &'static str,
        /// Columns of the batch or of the table on disk.
        found: String,
        /// Columns of the table.
        expected: String,
    },
    /// A row is of a record behind the position up to which the batch was said to go.
    #[error("row of record {row} in a batch that goes to {through}")]
    Beyond {
        /// The row's position.
        row: i64,
        /// The batch's last position.
        through: Position,
    },
    /// Other programs commit to the table all the time. Try again.
    #[error("table {table} was changed by another program {tries} times in a row")]
    Contended {
        /// The table.
        table: &'static str,
        /// How often it was tried.
        tries: usize,
    },
    /// The batch is of another partition than the lake was opened for.
    #[error("rows of partition {given} for a lake that was opened for partition {own}")]
    Partition {
        /// What it was opened for.
        own: u16,
        /// What was given.
        given: u64,
    },
    /// Not an address of a lake.
    #[error("{url} is no address of a lake: a directory, s3://bucket/prefix or az://container/prefix")]
    Address {
        /// What was given.
        url: String,
    },
    /// A batch was cut when another writer had committed a part of it already. The caller need not do anything: it is cut anew.
    #[error("table {table}: another writer is ahead in the same partition")]
    Overtaken {
        /// The table.
        table: &'static str,
    },
    /// The object store does not answer as it should. Check address, credentials and network; then try again.
    #[error("{action} {}", file.display())]
    Objects {
        /// What was being done.
        action: &'static str,
        /// The object.
        file: PathBuf,
        /// Why it failed.
        source: Box<object_store::Error>,
    },
    /// The object store cannot be reached at all: its address or its credentials are wrong.
    #[error("open the lake")]
    Open(#[from] ObjectsError),
    /// Any other failure of the disk.
    #[error("{action} {}", file.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file.
        file: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The table's log cannot be read or written. If it is damaged, delete the lake's directory: it is rebuilt from the vault.
    #[error("delta log of {}", table.display())]
    Log {
        /// The table's directory.
        table: PathBuf,
        /// Why.
        source: Box<DeltaTableError>,
    },
    /// A Parquet file cannot be read or written. If it is damaged, delete the lake's directory: it is rebuilt from the vault.
    #[error("parquet file {}", file.display())]
    Parquet {
        /// The file.
        file: PathBuf,
        /// Why.
        source: ParquetError,
    },
    /// Columns could not be computed.
    #[error("columns of the lake")]
    Columns(#[from] ArrowError),
}

impl LakeError {
    /// Sorts an error of the operating system by who must act.
    pub(crate) fn io(action: &'static str, file: &Path, source: io::Error) -> Self {
        let file = file.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { file },
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly { file },
            _ => Self::Io { action, file, source },
        }
    }

    pub(crate) fn objects(action: &'static str, file: &Path, source: object_store::Error) -> Self {
        Self::Objects { action, file: file.to_owned(), source: Box::new(source) }
    }

    /// Whether a file is not there.
    pub(crate) fn is_absence(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Objects { source, .. } => matches!(**source, object_store::Error::NotFound { .. }),
            _ => false,
        }
    }

    /// Sorts an error of the Delta log by who must act.
    pub(crate) fn log(table: &Path, error: impl Into<DeltaTableError>) -> Self {
        let error = error.into();
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            if let Some(kind) = error.downcast_ref::<io::Error>().map(io::Error::kind) {
                let sorted = Self::io("write", table, kind.into());
                if !matches!(sorted, Self::Io { .. }) {
                    return sorted;
                }
            }
            cause = error.source();
        }
        Self::Log { table: table.to_owned(), source: Box::new(error) }
    }
}
