//! The lake: Delta Lake tables derived from the vault, for questions and other tools.
//!
//! Not evidence: it can be rebuilt from the vault at any time (delete the directory and replay). Invariants: a row with
//! position p is there once, however often and however cut it is appended; a row is visible to every reader or to none.
//! Reasons and costs: ADR-0005. Layout: `<table>/event_date=…/vehicle_bucket=…/*.parquet` and `<table>/_delta_log`.

mod error;
mod file;
mod forget;
mod home;
mod log;
mod merge;
mod read;
mod table;
mod upkeep;
mod worker;

pub use error::LakeError;
pub use file::{DataFile, Partition};
pub use forget::{Forget, Forgotten};
pub use upkeep::{Tended, Upkeep, thread_cpu};

use crate::vault::Position;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use object_store::ObjectStore;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use table::TableStore;
use url::Url;
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

/// A [`Query`] for whoever judges rows again: its times are those by which rows were judged, and few columns are read.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'q> {
    /// Which rows.
    pub query: &'q Query,
    /// A time more than so many microseconds ahead of the row's receipt cannot be right; the time of receipt stands in.
    pub ahead_max: i64,
    /// The columns that are asked for, besides those that have no nulls; all others are null in the answer.
    pub columns: &'q [String],
}

/// How far [`Lake::each_judged`] is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FilesRead {
    /// Files that were read.
    pub done: usize,
    /// Files that have to be.
    pub of: usize,
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

/// Which state of a table is asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum At {
    /// As it is.
    #[default]
    Latest,
    /// As it was in this Delta version.
    Version(u64),
    /// As it was at this time.
    Time(UnixMicros),
}

/// The files of a table at one moment, for a query engine.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Which table.
    pub table: Table,
    /// Delta version.
    pub version: u64,
    /// Its files.
    pub files: Vec<Arc<DataFile>>,
    /// The last record of the lake's own partition that is in it.
    pub committed: Option<Position>,
    /// Where the files are; its root is the table's.
    pub objects: Arc<dyn ObjectStore>,
    /// The table's address for other programs: `file:///…`, `s3://…` or `az://…`.
    pub url: Url,
}

/// Bits of a place that are the record's number in its partition; those above are the partition's.
pub const PARTITION_SHIFT: u32 = 48;

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
    /// Rows whose days of retention were over.
    pub expired: u64,
}

impl Maintained {
    fn add(&mut self, other: Self) {
        self.merged += other.merged;
        self.written += other.written;
        self.deleted += other.deleted;
        self.checkpoints += other.checkpoints;
        self.expired += other.expired;
    }
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
    records: home::Home,
    /// Declared last, so that it outlives the tables that hand it work.
    _worker: Worker,
}

impl Lake {
    /// Opens the lake at `url` for the writer of `partition`, or makes empty tables. `url` is a directory, `s3://bucket/prefix` or
    /// `az://container/prefix`. Of the writers of one partition the one that is ahead wins; the other's rows are never there twice.
    /// Tables of an older version of this program get the columns that came since.
    ///
    /// # Errors
    /// [`LakeError`] if a table cannot be read or made, or has another schema.
    pub fn open(url: &str, partition: u16) -> Result<Self, LakeError> {
        Self::open_with(url, partition, &[])
    }

    /// [`Lake::open`] with settings of the object store that the environment does not have, by the names it would have there.
    ///
    /// # Errors
    /// [`LakeError`] if a table cannot be read or made, or has another schema.
    pub fn open_with(url: &str, partition: u16, settings: &[(&str, &str)]) -> Result<Self, LakeError> {
        let failed = |error| LakeError::io("start a thread for", Path::new(url), error);
        let worker = Worker::start().map_err(failed)?;
        let home = |name: &str| home::open(url, name, &worker.handle(), settings);
        let open = |table: Table| TableStore::open(home(table.name())?, table, partition, worker.handle());
        Ok(Self {
            events: open(Table::Events)?,
            alerts: open(Table::Alerts)?,
            vehicle_state: open(Table::VehicleState)?,
            records: home("_forgotten")?,
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
    /// `through` and the rows' `position` are places: the partition's number above [`PARTITION_SHIFT`] bits, the record's below.
    ///
    /// Rows whose `position` was committed before are left out, so replaying changes nothing, wherever the replay cuts its
    /// batches. An empty batch is remembered and committed with a later one, or after [`Lake::EMPTY_RECORDS_MAX`] records.
    ///
    /// # Errors
    /// [`LakeError`]: nothing of the batch is visible; the call may be repeated.
    pub fn append(&self, table: Table, batch: &RecordBatch, through: Position) -> Result<Appended, LakeError> {
        self.append_all(table, std::slice::from_ref(batch), through)
    }

    /// [`Lake::append`] of several batches as one: rows go to their files without being put together before.
    ///
    /// # Errors
    /// [`LakeError`]: nothing of the batches is visible; the call may be repeated.
    pub fn append_all(&self, table: Table, batches: &[RecordBatch], through: Position) -> Result<Appended, LakeError> {
        self.table(table).append(batches, through)
    }

    /// As [`Lake::append`], for rows whose `position` says nothing of when they were made (their records are in other partitions): they
    /// are those behind `after`, and nothing is done if something else was committed last.
    ///
    /// # Errors
    /// [`LakeError::Overtaken`] if `after` is not what was committed last: look again. Else as [`Lake::append`].
    pub fn append_after(
        &self,
        table: Table,
        batch: &RecordBatch,
        after: Option<Position>,
        through: Position,
    ) -> Result<Appended, LakeError> {
        self.table(table).append_after(batch, after, through)
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
        self.table(table).scan(query, None)
    }

    /// The rows that answer `judged`, in order of event time.
    ///
    /// # Errors
    /// [`LakeError`] if a file cannot be read.
    pub fn scan_judged(&self, table: Table, judged: &Judged<'_>) -> Result<Scan, LakeError> {
        self.table(table).scan(judged.query, Some(judged))
    }

    /// Hands all rows that answer `judged` to `sink`, whatever its limit, in no order, until it says `Break`: for whoever reads much and keeps
    /// little.
    ///
    /// # Errors
    /// [`LakeError`] if a file cannot be read.
    pub fn each_judged(
        &self,
        table: Table,
        judged: &Judged<'_>,
        sink: &mut dyn FnMut(RecordBatch, FilesRead) -> ControlFlow<()>,
    ) -> Result<(), LakeError> {
        self.table(table).each(judged, sink)
    }

    /// The earliest and the latest event time of a table's rows, of all tenants; `None` if it has none.
    #[must_use]
    pub fn span(&self, table: Table) -> Option<(UnixMicros, UnixMicros)> {
        self.table(table).span().map(|(low, high)| (UnixMicros(low), UnixMicros(high)))
    }

    /// Takes up what other writers committed. A process that only reads calls it before it asks.
    ///
    /// # Errors
    /// [`LakeError`]; what was known before stays.
    pub fn follow(&self) -> Result<(), LakeError> {
        Table::ALL.iter().try_for_each(|table| self.table(*table).follow())
    }

    /// The files of a table, now or as they were within [`Upkeep::history`].
    ///
    /// # Errors
    /// [`LakeError`] if the log cannot be read, or does not go back so far.
    pub fn snapshot(&self, table: Table, at: At) -> Result<Snapshot, LakeError> {
        let store = self.table(table);
        let content = store.content_at(at)?;
        Ok(Snapshot {
            table,
            version: content.version,
            files: content.files.clone(),
            committed: store.place_of(content.committed),
            objects: store.home.objects()?,
            url: store.home.url()?,
        })
    }

    /// Does all that [`Lake::tend`] finds to do, with nothing but the usual history kept.
    ///
    /// # Errors
    /// [`LakeError`]; the tables are whole all the same, and the next call tries again.
    pub fn maintain(&self, now: UnixMicros) -> Result<Maintained, LakeError> {
        let mut sum = Maintained::default();
        for _ in 0..Self::PIECES_MAX {
            let tended = self.tend(now, &Upkeep::default())?;
            sum.add(tended.done);
            if !tended.more {
                break;
            }
        }
        Ok(sum)
    }

    /// The most pieces of work of one [`Lake::maintain`].
    pub const PIECES_MAX: usize = 64;

    /// One piece of work a table: merges small files, writes a Delta checkpoint, takes out rows that are over, deletes files that
    /// nobody needs. Call it every minute, and while there is more, with rests as long as the budget of processor time asks;
    /// appends and scans go on meanwhile. Of several processes one does it.
    ///
    /// # Errors
    /// [`LakeError`]; the tables are whole all the same, and the next call tries again.
    pub fn tend(&self, now: UnixMicros, upkeep: &Upkeep) -> Result<Tended, LakeError> {
        let before = thread_cpu();
        let mut tended = Tended::default();
        for table in Table::ALL {
            let (done, more) = self.table(table).tend(now, upkeep)?;
            tended.done.add(done);
            tended.more |= more;
        }
        tended.cpu = thread_cpu().saturating_sub(before);
        Ok(tended)
    }

    /// How many rows [`Lake::forget`] would take out of each table.
    ///
    /// # Errors
    /// [`LakeError`] if a file cannot be read.
    pub fn forgettable(&self, whose: &Forget) -> Result<Vec<Forgotten>, LakeError> {
        Table::ALL.iter().map(|table| self.table(*table).forgettable(whose)).collect()
    }

    /// Takes a vehicle's rows out of all tables and deletes the files that held them, then writes down that it was done, in
    /// `_forgotten`. The tables cannot be read as they were before. Evidence stays in the vault.
    ///
    /// # Errors
    /// [`LakeError`]; tables that were done stay done, and it may be called again.
    pub fn forget(&self, whose: &Forget) -> Result<Vec<Forgotten>, LakeError> {
        let id = format!("{:020}", whose.now.0);
        let done: Result<Vec<_>, _> = Table::ALL.iter().map(|table| self.table(*table).forget(whose, &id)).collect();
        let done = done?;
        self.records.write(&format!("{id}.json"), forget::record(whose, &done).into_bytes())?;
        Ok(done)
    }

    /// The size of a table.
    #[must_use]
    pub fn stats(&self, table: Table) -> TableStats {
        self.table(table).stats()
    }
}
