//! One table: appends, and the state that scans and maintenance share.
//!
//! Not the log and not the files (see `log`, `file`). Invariants: one change at a time goes to the log; readers see the state
//! before or after it, never between. Nobody waits for a lock while rows are encoded, decoded or merged.

use super::error::LakeError;
use super::file::{self, DataFile, Partition};
use super::home::Home;
use super::log::{Change, CommitError, Content, DeltaLog};
use super::{Appended, At, FilesRead, Judged, Lake, PARTITION_SHIFT, Query, Scan, Table, TableStats, read};
use crate::vault::Position;
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How often a commit is tried again because another program wrote to the table.
const OUTDATED_MAX: usize = 32;
/// After so long without a look at the log, commits in between may have been cleaned away: it is read anew.
const FOLLOW_MAX: Duration = Duration::from_secs(900);
/// The number of a record in its partition is below its partition's number.
const POSITION_MAX: u64 = (1 << PARTITION_SHIFT) - 1;
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
    pub(crate) home: Home,
    partition: u16,
    /// Tells this writer's files from those of any other, also of one that believes it has the same partition.
    writer_id: u64,
    pub(crate) table: Table,
    pub(crate) schema: SchemaRef,
    pub(crate) log: DeltaLog,
    content: Mutex<Arc<Content>>,
    writer: Mutex<Writer>,
    /// When the log was last looked at.
    followed: Mutex<Instant>,
    /// Makes names of files unique.
    names: AtomicU64,
    /// Files that were removed from the table, and when; deleted after a grace time.
    pub(crate) removed: Mutex<Vec<(String, i64)>>,
}

impl TableStore {
    pub(crate) fn open(home: Home, table: Table, partition: u16, runtime: Handle) -> Result<Self, LakeError> {
        let (log, content) = DeltaLog::open(&home, table, partition, runtime)?;
        Ok(Self {
            home,
            partition,
            writer_id: RandomState::new().hash_one(table.name()),
            table,
            schema: table.schema(),
            log,
            content: Mutex::new(Arc::new(content)),
            writer: Mutex::default(),
            followed: Mutex::new(Instant::now()),
            names: AtomicU64::new(0),
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
        self.place_of(self.content().committed)
    }

    pub(crate) fn place_of(&self, committed: Option<Position>) -> Option<Position> {
        committed.map(|position| self.place(position))
    }

    /// A record's place among all partitions.
    fn place(&self, position: Position) -> Position {
        Position(u64::from(self.partition) << PARTITION_SHIFT | position.0)
    }

    /// Takes up what others committed since the last look.
    pub(crate) fn follow(&self) -> Result<(), LakeError> {
        let writer = self.writer();
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if followed.elapsed() > FOLLOW_MAX || writer.doubtful {
            self.log.load()?
        } else {
            self.log.follow(&self.content())?
        };
        *followed = Instant::now();
        self.set_content(next);
        Ok(())
    }

    pub(crate) fn content_at(&self, at: At) -> Result<Arc<Content>, LakeError> {
        match at {
            At::Latest => Ok(self.content()),
            at => self.log.load_at(at).map(Arc::new),
        }
    }

    pub(crate) fn stats(&self) -> TableStats {
        let content = self.content();
        let (rows, bytes) = content.files.iter().fold((0, 0), |(r, b), f| (r + f.rows, b + f.bytes));
        TableStats { version: content.version, files: content.files.len() as u64, rows, bytes }
    }

    pub(crate) fn append(&self, batches: &[RecordBatch], through: Position) -> Result<Appended, LakeError> {
        batches.iter().try_for_each(|batch| self.check_columns(batch))?;
        let (partition, through) = (through.0 >> PARTITION_SHIFT, Position(through.0 & POSITION_MAX));
        if partition != u64::from(self.partition) {
            return Err(LakeError::Partition { own: self.partition, given: partition });
        }
        let mut writer = self.writer();
        self.refresh(&mut writer)?;
        for _ in 0..OUTDATED_MAX {
            match self.append_once(&mut writer, batches, through) {
                Err(LakeError::Overtaken { .. }) => {}
                appended => return appended,
            }
        }
        Err(LakeError::Contended { table: self.table.name(), tries: OUTDATED_MAX })
    }

    pub(crate) fn append_after(
        &self,
        batch: &RecordBatch,
        after: Option<Position>,
        through: Position,
    ) -> Result<Appended, LakeError> {
        self.check_columns(batch)?;
        let mut writer = self.writer();
        self.refresh(&mut writer)?;
        let committed = self.content().committed;
        if self.place_of(committed) != after {
            return Err(LakeError::Overtaken { table: self.table.name() });
        }
        let through = Position(through.0 & POSITION_MAX);
        self.append_rows(&mut writer, std::slice::from_ref(batch), committed, through)
    }

    fn append_once(
        &self,
        writer: &mut Writer,
        batches: &[RecordBatch],
        through: Position,
    ) -> Result<Appended, LakeError> {
        let committed = self.content().committed;
        let new = batches.iter().map(|batch| self.new_rows(batch, committed, through));
        let new: Vec<RecordBatch> = new.collect::<Result<_, _>>()?;
        let rows = rows_of(&new);
        let repeated = rows_of(batches) - rows;
        if committed.is_some_and(|c| c >= through) {
            return Ok(Appended { repeated, ..Appended::default() });
        }
        if rows == 0 {
            let first = committed.map_or(0, |c| c.0 + 1);
            writer.empty_through = writer.empty_through.max(Some(through));
            if through.0 - first.min(through.0) >= Lake::EMPTY_RECORDS_MAX {
                self.commit_empty(writer)?;
            }
            return Ok(Appended { repeated, ..Appended::default() });
        }
        Ok(Appended { repeated, ..self.append_rows(writer, &new, committed, through)? })
    }

    /// Commits rows behind what is committed.
    fn append_rows(
        &self,
        writer: &mut Writer,
        new: &[RecordBatch],
        committed: Option<Position>,
        through: Position,
    ) -> Result<Appended, LakeError> {
        let first = committed.map_or(0, |c| c.0 + 1);
        let name = |_: &Partition| self.file_name(&format!("part-p{}-{first:020}-{:020}", self.partition, through.0));
        let added = file::write_all(&self.home, file::split(new)?, name)?;
        let files = added.len() as u64;
        self.commit(writer, Change { added, base: committed, committed: Some(through), ..Change::default() })?;
        Ok(Appended { rows: rows_of(new), repeated: 0, files })
    }

    /// Commits the position that empty batches reached.
    pub(crate) fn settle(&self) -> Result<(), LakeError> {
        let mut writer = self.writer();
        self.refresh(&mut writer)?;
        self.commit_empty(&mut writer)
    }

    fn commit_empty(&self, writer: &mut Writer) -> Result<(), LakeError> {
        match writer.empty_through {
            Some(through) if self.content().committed < Some(through) => {
                let base = self.content().committed;
                self.commit(writer, Change { base, committed: Some(through), ..Change::default() })
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

    /// Commits a change and shows it to readers. A change that another writer has overtaken in its own partition, or whose files
    /// that writer removed, is [`LakeError::Overtaken`]; any other is tried again behind what came before it.
    pub(crate) fn commit(&self, writer: &mut Writer, change: Change) -> Result<(), LakeError> {
        writer.doubtful = true;
        for _ in 0..OUTDATED_MAX {
            let content = self.content();
            let live: HashSet<&str> = content.files.iter().map(|f| f.path.as_str()).collect();
            let overtaken = change.removed.iter().any(|f| !live.contains(f.path.as_str()))
                || (change.committed.is_some() && change.base != content.committed);
            if overtaken {
                writer.doubtful = false;
                return Err(LakeError::Overtaken { table: self.table.name() });
            }
            let version = content.version + 1;
            match self.log.commit(version, &change) {
                Ok(()) => {
                    self.set_content(applied(&content, version, change));
                    writer.doubtful = false;
                    return Ok(());
                }
                Err(CommitError::Outdated) => self.set_content(self.log.follow(&content)?),
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
        let through = self.place(through);
        if let Some(&row) = positions.iter().find(|p| u64::try_from(**p).map_or(true, |p| p > through.0)) {
            return Err(LakeError::Beyond { row, through });
        }
        let Some(committed) = committed.map(|position| self.place(position)) else { return Ok(batch.clone()) };
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

    pub(crate) fn scan(&self, query: &Query, judged: Option<&Judged<'_>>) -> Result<Scan, LakeError> {
        let mut tries = 0;
        loop {
            let content = self.content();
            match read::scan(&self.home, &self.schema, &content.files, query, judged) {
                // A merge took a file away between the look at the state and the look into the file.
                Err(error) if error.is_absence() && tries < RELOADS_MAX => {
                    tries += 1;
                    self.follow()?;
                }
                scan => return scan,
            }
        }
    }

    pub(crate) fn each(
        &self,
        judged: &Judged<'_>,
        sink: &mut dyn FnMut(RecordBatch, FilesRead) -> ControlFlow<()>,
    ) -> Result<(), LakeError> {
        // Files that a merge replaces meanwhile stay as long as the history does.
        read::each(&self.home, &self.schema, &self.content().files, judged, sink)
    }

    /// The earliest and the latest time of any row.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let times = self.content().files.iter().filter_map(|file| file.time).collect::<Vec<_>>();
        let (low, high) = (times.iter().map(|time| time.0).min()?, times.iter().map(|time| time.1).max()?);
        Some((low, high))
    }

    /// A name that no other file ever had.
    pub(crate) fn file_name(&self, what: &str) -> String {
        format!("{what}-{:016x}-{}", self.writer_id, self.names.fetch_add(1, Ordering::Relaxed))
    }
}

fn applied(content: &Content, version: u64, change: Change) -> Content {
    let gone: HashSet<&str> = change.removed.iter().map(|f| f.path.as_str()).collect();
    let kept = content.files.iter().filter(|f| !gone.contains(f.path.as_str())).cloned();
    let files = kept.chain(change.added.into_iter().map(Arc::<DataFile>::new)).collect();
    Content { version, files, committed: change.committed.max(content.committed), newer: content.newer }
}

fn rows_of(batches: &[RecordBatch]) -> u64 {
    batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64
}
