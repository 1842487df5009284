//! The lake: Delta Lake tables derived from the vault, for questions and other tools.
//!
//! Not evidence: it can be rebuilt from the vault at any time (delete the directory and replay). Invariants: a row with
//! position p is there once, however often and however cut it is appended; a row is visible to every reader or to none.
//! Reasons and costs: ADR-0005. Layout: `<table>/event_date=…/vehicle_bucket=…/*.parquet` and `<table>/_delta_log`.

mod error;
mod file;
mod log;
mod merge;
mod read;
mod table;
mod worker;

pub use error::LakeError;

use crate::vault::Position;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use std::path::Path;
use table::TableStore;
use worker::Worker;
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

impl Table {
    /// All tables.
    pub const ALL: [Self; 3] = [Self::Events, Self::Alerts, Self::VehicleState];

    /// The name of its directory, and the name to use in queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Alerts => "alerts",
            Self::VehicleState => "vehicle_state",
        }
    }

    /// Its columns.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        match self {
            Self::Events => yagura_columns::events_schema(),
            Self::Alerts => yagura_columns::alerts_schema(),
            Self::VehicleState => yagura_columns::vehicle_state_schema(),
        }
    }
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
    /// The rows in order of time, position and entry, with the table's schema.
    pub batches: Vec<RecordBatch>,
    /// Whether earlier rows matched that the limit left out.
    pub truncated: bool,
    /// Files that had to be read.
    pub files_read: usize,
    /// Files that partition, statistics or the limit ruled out.
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
    /// Delta checkpoints written.
    pub checkpoints: u64,
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

/// The three tables. Share it by reference or `Arc`: all methods take `&self`. They block; inside an async task, use the
/// runtime's way to run blocking work.
#[derive(Debug)]
pub struct Lake {
    events: TableStore,
    alerts: TableStore,
    vehicle_state: TableStore,
    /// Declared last, so that it outlives the tables that hand it work.
    _worker: Worker,
}

impl Lake {
    /// Opens the lake in `dir`, or makes empty tables.
    ///
    /// # Errors
    /// [`LakeError`] if a table cannot be read or made, or has another schema.
    pub fn open(dir: &Path) -> Result<Self, LakeError> {
        let worker = Worker::start().map_err(|error| LakeError::io("start a thread for", dir, error))?;
        let open = |table: Table| TableStore::open(&dir.join(table.name()), table, worker.handle());
        Ok(Self {
            events: open(Table::Events)?,
            alerts: open(Table::Alerts)?,
            vehicle_state: open(Table::VehicleState)?,
            _worker: worker,
        })
    }

    fn table(&self, table: Table) -> &TableStore {
        match table {
            Table::Events => &self.events,
            Table::Alerts => &self.alerts,
            Table::VehicleState => &self.vehicle_state,
        }
    }

    /// Appends the rows and commits, in one Delta commit, that all records up to and including `through` are in this table.
    ///
    /// Rows whose `position` was committed before are left out, so replaying changes nothing, wherever the replay cuts its
    /// batches. An empty batch is remembered and committed with a later one, or after [`Lake::EMPTY_RECORDS_MAX`] records.
    ///
    /// # Errors
    /// [`LakeError`]: nothing of the batch is visible; the call may be repeated.
    pub fn append(&self, table: Table, batch: &RecordBatch, through: Position) -> Result<Appended, LakeError> {
        self.table(table).append(batch, through)
    }

    /// After so many records without a row for a table, the position alone is committed, so that a replay stays short.
    pub const EMPTY_RECORDS_MAX: u64 = 1_024;

    /// Commits positions that empty batches left uncommitted. For a clean stop; without it a replay is a little longer.
    ///
    /// # Errors
    /// [`LakeError`]; the tables are whole all the same.
    pub fn settle(&self) -> Result<(), LakeError> {
        Table::ALL.iter().try_for_each(|table| self.table(*table).settle())
    }

    /// The last position that was committed to this table; `None` before the first.
    #[must_use]
    pub fn committed(&self, table: Table) -> Option<Position> {
        self.table(table).committed()
    }

    /// The rows that answer `query`, in order of event time.
    ///
    /// # Errors
    /// [`LakeError`] if a file cannot be read.
    pub fn scan(&self, table: Table, query: &Query) -> Result<Scan, LakeError> {
        self.table(table).scan(query)
    }

    /// Merges small files, writes Delta checkpoints, and deletes files that nobody needs any more. Call it every half
    /// minute or so from a thread of its own; appends and scans go on meanwhile.
    ///
    /// # Errors
    /// [`LakeError`]; the tables are whole all the same, and the next call tries again.
    pub fn maintain(&self, now: UnixMicros) -> Result<Maintained, LakeError> {
        let mut sum = Maintained::default();
        for table in Table::ALL {
            let done = self.table(table).maintain(now)?;
            sum.merged += done.merged;
            sum.written += done.written;
            sum.deleted += done.deleted;
            sum.checkpoints += done.checkpoints;
        }
        Ok(sum)
    }

    /// The size of a table.
    #[must_use]
    pub fn stats(&self, table: Table) -> TableStats {
        self.table(table).stats()
    }
}
