//! The lake: Delta Lake tables derived from the vault, for questions and other tools.
//!
//! Not evidence: it can be rebuilt from the vault at any time. Invariant: a row with position p is there once, however often
//! it is appended. Reasons and costs: ADR-0005.

use crate::vault::Position;
use arrow::record_batch::RecordBatch;
use std::path::Path;
use yagura_model::UnixMicros;

/// A table of the lake.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Table {
    /// One row per security event.
    Events,
    /// One row per alert and batch that contributed to it.
    Alerts,
    /// One row per sample of a vehicle's state.
    VehicleState,
}

/// Which rows to read. Rows are ordered by time; if more than `limit` match, the latest are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    /// Whose rows. There is no default: a query belongs to one tenant.
    pub tenant: String,
    /// Rows of this vehicle alone.
    pub vehicle: Option<String>,
    /// Rows at or after this event time.
    pub from: Option<UnixMicros>,
    /// Rows before this event time.
    pub to: Option<UnixMicros>,
    /// The most rows to return, at most [`Query::ROWS_MAX`].
    pub limit: usize,
}

impl Query {
    /// The most rows of one scan.
    pub const ROWS_MAX: usize = 1_000_000;
}

/// The answer to a [`Query`].
#[derive(Clone, Debug)]
pub struct Scan {
    /// The rows in order of time, of one schema.
    pub batches: Vec<RecordBatch>,
    /// Whether earlier rows matched that the limit left out.
    pub truncated: bool,
    /// Files that had to be read.
    pub files_read: usize,
    /// Files that partition or statistics ruled out.
    pub files_skipped: usize,
}

/// What an append did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Appended {
    /// Rows written.
    pub rows: u64,
    /// Rows left out because they had been committed before.
    pub repeated: u64,
    /// Files written.
    pub files: u64,
}

/// What maintenance did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Maintained {
    /// Small files merged into larger ones.
    pub merged: u64,
    /// Larger files written.
    pub written: u64,
    /// Files no longer needed that were deleted.
    pub deleted: u64,
}

/// The size of a table.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TableStats {
    /// Delta version.
    pub version: u64,
    /// Live files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// Why the lake did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    /// No space is left on the disk. Free space and try again.
    #[error("no space left on the disk while writing the lake")]
    DiskFull,
}

/// The three tables. Cheap to share: all methods take `&self`.
#[derive(Debug)]
pub struct Lake {}

impl Lake {
    /// Opens the lake in `dir`, or makes empty tables.
    ///
    /// # Errors
    /// [`LakeError`] if a table cannot be read or made, or has another schema.
    pub fn open(_dir: &Path) -> Result<Self, LakeError> {
        Ok(Self {})
    }

    /// Appends the rows and commits that all records up to and including `through` are in this table, in one Delta commit.
    /// Rows whose `position` was committed before are left out, so a replay changes nothing. An empty batch only moves the
    /// committed position, in memory, with the next batch that has rows.
    ///
    /// # Errors
    /// [`LakeError`]: nothing of the batch is visible; the call may be repeated.
    pub fn append(&self, _table: Table, _batch: &RecordBatch, _through: Position) -> Result<Appended, LakeError> {
        Ok(Appended::default())
    }

    /// The last position that was committed to this table; `None` before the first.
    #[must_use]
    pub fn committed(&self, _table: Table) -> Option<Position> {
        None
    }

    /// The rows that answer `query`, in order of event time.
    ///
    /// # Errors
    /// [`LakeError`] if a file cannot be read.
    pub fn scan(&self, _table: Table, _query: &Query) -> Result<Scan, LakeError> {
        Ok(Scan { batches: Vec::new(), truncated: false, files_read: 0, files_skipped: 0 })
    }

    /// Merges small files and deletes what is no longer needed. Call it every minute or so from a thread of its own.
    ///
    /// # Errors
    /// [`LakeError`]; the tables are whole all the same.
    pub fn maintain(&self, _now: UnixMicros) -> Result<Maintained, LakeError> {
        Ok(Maintained::default())
    }

    /// The size of a table.
    #[must_use]
    pub fn stats(&self, _table: Table) -> TableStats {
        TableStats::default()
    }
}
