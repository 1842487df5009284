//! One table: appends, and the state that scans and maintenance share.
//!
//! Not the log and not the files (see `log`, `file`). Invariants: one change at a time goes to the log; readers see the state
//! before or after it, never between. Nobody waits for a lock while rows are encoded, decoded or merged.

use super::error::LakeError;
use super::file::{self, DataFile, Order};
use super::log::{Change, CommitError, Content, DeltaLog};
use super::{Appended, Lake, Query, Scan, Table, TableStats, read};
use crate::disk::{Disk as _, LocalDisk};
use crate::vault::Position;
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;

/// How often a commit is tried again because another program wrote to the table.
const OUTDATED_MAX: usize = 8;
/// Files that were removed from under a scan: read the table's state again so many times at most.
const RELOADS_MAX: usize = 3;

/// What is to be done next to the log, and whether what we believe of it may be wrong.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// Position that empty batches reached.
    empty_through: Option<Position>,
    /// A commit failed half way: load the log before the next.
    doubtful: bool,
    /// Version of the last Delta checkpoint.
    pub(crate) checkpoint: u64,
    /// When the table's directory was last searched for stray files (µs since 1970).
    pub(crate) swept: Option<i64>,
}

#[derive(Debug)]
pub(crate) struct TableStore {
    pub(crate) dir: PathBuf,
    pub(crate) table: Table,
    pub(crate) schema: SchemaRef,
    pub(crate) log: DeltaLog,
    content: Mutex<Arc<Content>>,
    writer: Mutex<Writer>,
    /// Makes names of merged files unique.
    pub(crate) merges: AtomicU64,
    /// Files that were removed from the table, and when; deleted after a grace time.
    pub(crate) removed: Mutex<Vec<(String, i64)>>,
}

impl TableStore {
    pub(crate) fn open(dir: &Path, table: Table, runtime: Handle) -> Result<Self, LakeError> {
        let (log, content) = DeltaLog::open(dir, table, runtime)?;
        // What a stop in the middle of a write left behind has no name in the table.
        LocalDisk::new(dir).remove("_tmp").map_err(|error| LakeError::io("remove", dir, error))?;
        let writer = Writer::default();
        Ok(Self {
            dir: dir.to_owned(),
            table,
            schema: table.schema(),
            log,
            content: Mutex::new(Arc::new(content)),
            writer: Mutex::new(writer),
            merges: AtomicU64::new(0),
            removed: Mutex::default(),
        })
    }

    /// The state that readers see. It is replaced as a whole, so a panic elsewhere does not spoil it.
    pub(crate) fn content(&self) -> Arc<Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_content(&self, content: Content) {
        *self.content.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(content);
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn committed(&self) -> Option<Position> {
        self.content().committed
    }

    pub(crate) fn stats(&self) -> TableStats {
        let content = self.content();
        let (rows, bytes) = content.files.iter().fold((0, 0), |(r, b), f| (r + f.rows, b + f.bytes));
        TableStats { version: content.version, files: content.files.len() as u64, rows, bytes }
    }

    pub(crate) fn append(&self, batch: &RecordBatch, through: Position) -> Result<Appended, LakeError> {
        self.check_columns(batch)?;
        let mut writer = self.writer();
        self.refresh(&mut writer)?;
        let committed = self.committed();
        let new = self.new_rows(batch, committed, through)?;
        let repeated = (batch.num_rows() - new.num_rows()) as u64;
        if committed.is_some_and(|c| c >= through) {
            return Ok(Appended { repeated, ..Appended::default() });
        }
        if new.num_rows() == 0 {
            writer.empty_through = writer.empty_through.max(Some(through));
            let from = committed.map_or(0, |c| c.0 + 1);
            if through.0 - from.min(through.0) >= Lake::EMPTY_RECORDS_MAX {
                self.commit_empty(&mut writer)?;
            }
            return Ok(Appended { repeated, ..Appended::default() });
        }
        let first = committed.map_or(0, |c| c.0 + 1);
        let mut added = Vec::new();
        for (partition, rows) in file::split(&new)? {
            let name = format!("part-{first:020}-{:020}", through.0);
            added.push(file::write(&self.dir, partition, &name, &rows, Order::Arrival)?);
        }
        let files = added.len() as u64;
        self.commit(&mut writer, Change { added, committed: Some(through), ..Change::default() })?;
        Ok(Appended { rows: new.num_rows() as u64, repeated, files })
    }

    /// Commits the position that empty batches reached.
    pub(crate) fn settle(&self) -> Result<(), LakeError> {
        let mut writer = self.writer();
        self.refresh(&mut writer)?;
        self.commit_empty(&mut writer)
    }

    fn commit_empty(&self, writer: &mut Writer) -> Result<(), LakeError> {
        match writer.empty_through {
            Some(through) if self.committed() < Some(through) => {
                self.commit(writer, Change { committed: Some(through), ..Change::default() })
            }
            _ => Ok(()),
        }
    }

    /// Loads the log again if what we believe of it may be wrong.
    pub(crate) fn refresh(&self, writer: &mut Writer) -> Result<(), LakeError> {
        if writer.doubtful {
            self.set_content(self.log.load()?);
            writer.doubtful = false;
        }
        Ok(())
    }

    /// Commits a change and shows it to readers. A change that another writer has overtaken is tried again behind it; one
    /// whose files that writer removed is dropped.
    pub(crate) fn commit(&self, writer: &mut Writer, change: Change) -> Result<(), LakeError> {
        writer.doubtful = true;
        for _ in 0..OUTDATED_MAX {
            let content = self.content();
            let live: HashSet<&str> = content.files.iter().map(|f| f.path.as_str()).collect();
            let overtaken = change.removed.iter().any(|f| !live.contains(f.path.as_str()))
                || change.committed.is_some_and(|c| Some(c) <= content.committed);
            let version = content.version + 1;
            let made = if overtaken { Ok(()) } else { self.log.commit(version, &change) };
            match made {
                Ok(()) => {
                    if !overtaken {
                        self.set_content(applied(&content, version, change));
                    }
                    writer.doubtful = false;
                    return Ok(());
                }
                Err(CommitError::Outdated) => self.set_content(self.log.load()?),
                Err(CommitError::Failed(error)) => return Err(error),
            }
        }
        Err(LakeError::Contended { table: self.table.name(), tries: OUTDATED_MAX })
    }

    /// The rows that are not in the table yet.
    fn new_rows(
        &self,
        batch: &RecordBatch,
        committed: Option<Position>,
        through: Position,
    ) -> Result<RecordBatch, LakeError> {
        let positions = file::positions(batch).unwrap_or(&[]);
        if let Some(&row) = positions.iter().find(|p| u64::try_from(**p).map_or(true, |p| p > through.0)) {
            return Err(LakeError::Beyond { row, through });
        }
        let Some(committed) = committed else { return Ok(batch.clone()) };
        let new = |position: &i64| u64::try_from(*position).is_ok_and(|p| p > committed.0);
        if positions.iter().all(new) {
            return Ok(batch.clone());
        }
        let keep: BooleanArray = positions.iter().map(|p| Some(new(p))).collect();
        Ok(filter_record_batch(batch, &keep)?)
    }

    fn check_columns(&self, batch: &RecordBatch) -> Result<(), LakeError> {
        let same = |a: &arrow::datatypes::Field, b: &arrow::datatypes::Field| {
            a.name() == b.name() && a.data_type() == b.data_type()
        };
        let (found, expected) = (batch.schema_ref().fields(), self.schema.fields());
        if found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| same(a, b)) {
            return Ok(());
        }
        let describe = |fields: &arrow::datatypes::Fields| {
            fields.iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect::<Vec<_>>().join(", ")
        };
        Err(LakeError::Schema { table: self.table.name(), found: describe(found), expected: describe(expected) })
    }

    pub(crate) fn scan(&self, query: &Query) -> Result<Scan, LakeError> {
        let mut tries = 0;
        loop {
            let content = self.content();
            match read::scan(&self.dir, &self.schema, &content.files, query) {
                // A merge took a file away between the look at the state and the look into the file.
                Err(LakeError::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound && tries < RELOADS_MAX =>
                {
                    tries += 1;
                }
                scan => return scan,
            }
        }
    }

    /// A name for a merged file that no other file ever had.
    pub(crate) fn merged_name(&self) -> String {
        format!("merged-{:020}-{}", self.content().version, self.merges.fetch_add(1, Ordering::Relaxed))
    }
}

fn applied(content: &Content, version: u64, change: Change) -> Content {
    let gone: HashSet<&str> = change.removed.iter().map(|f| f.path.as_str()).collect();
    let kept = content.files.iter().filter(|f| !gone.contains(f.path.as_str())).cloned();
    let files = kept.chain(change.added.into_iter().map(Arc::<DataFile>::new)).collect();
    Content { version, files, committed: change.committed.max(content.committed) }
}
