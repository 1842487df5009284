//! The Delta log of one table: what is in it, and commits to it.
//!
//! Not a snapshot keeper: `table` remembers the live files itself, so that a commit costs the same however long the log is.
//! Invariant: a commit is durable (fsync) when it returns. Cost: one small file and two fsyncs a commit.

use super::error::LakeError;
use super::file::{DataFile, PARTITION_COLUMNS, Partition};
use super::home::Home;
use super::upkeep::Upkeep;
use super::{At, Table};
use crate::disk::{Disk as _, LocalDisk};
use crate::vault::Position;
use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Schema};
use deltalake_core::checkpoints::{cleanup_expired_logs_for, create_checkpoint};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake_core::kernel::transaction::{CommitData, TransactionError};
use deltalake_core::kernel::{Action, Add, Remove, StructType, Transaction};
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError};
use std::collections::{HashMap, HashSet};
use std::future::IntoFuture as _;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Named the only vault in transactions of the log, before there were partitions.
const FIRST_APP_ID: &str = "yagura-vault";
const LOG_DIR: &str = "_delta_log";
/// How often columns are added anew because another process was faster.
const EVOLVE_TRIES_MAX: usize = 8;

/// What a table holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) version: u64,
    pub(crate) files: Vec<Arc<DataFile>>,
    /// The last record of this writer's partition that is in the table, as its number in the partition.
    pub(crate) committed: Option<Position>,
    /// Another program gave the table columns that this one does not know.
    pub(crate) newer: bool,
}

/// What a commit does to the table.
#[derive(Clone, Debug, Default)]
pub(crate) enum Intent {
    /// Rows come in.
    #[default]
    Append,
    /// Files change, rows do not.
    Rewrite,
    /// Rows go; the text says which and why.
    Delete(String),
}

/// One commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) intent: Intent,
    pub(crate) added: Vec<DataFile>,
    pub(crate) removed: Vec<Arc<DataFile>>,
    /// The partition's position before and after.
    pub(crate) base: Option<Position>,
    pub(crate) committed: Option<Position>,
    /// Milliseconds since 1970, for the tombstones.
    pub(crate) now_ms: i64,
}

/// Why a commit was not made.
pub(crate) enum CommitError {
    /// Someone else made a commit of that number: load the table again.
    Outdated,
    Failed(LakeError),
}

pub(crate) struct DeltaLog {
    home: Home,
    runtime: Handle,
    store: LogStoreRef,
    columns: usize,
    /// Names this writer's partition in the transactions of the log.
    app_id: String,
    first_app_id: Option<&'static str>,
}

impl std::fmt::Debug for DeltaLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeltaLog").field("home", &self.home.name).finish_non_exhaustive()
    }
}

impl DeltaLog {
    /// Opens the table's log for the writer of `partition`, or makes the table.
    pub(crate) fn open(
        home: &Home,
        table: Table,
        partition: u16,
        runtime: Handle,
    ) -> Result<(Self, Content), LakeError> {
        let failed = |error: DeltaTableError| LakeError::log(&home.name, error);
        home.prepare()?;
        home.dir().map_or(Ok(()), drop_torn_commit)?;
        let store = home.log_store()?;
        let mut loaded = runtime.block_on(load_or_create(&store, table)).map_err(failed)?;
        let grown = evolve(&mut loaded, table, &runtime).map_err(|found| found.unwrap_or_else(failed))?;
        let log = Self {
            home: home.clone(),
            store,
            runtime,
            columns: table.schema().fields().len(),
            app_id: format!("yagura-p{partition}"),
            first_app_id: (partition == 0).then_some(FIRST_APP_ID),
        };
        if grown {
            log.home.sync(&commit_name(loaded.version().unwrap_or(0)))?;
        }
        let content = log.content(&loaded)?;
        Ok((log, content))
    }

    fn failed(&self, error: impl Into<DeltaTableError>) -> LakeError {
        LakeError::log(&self.home.name, error)
    }

    /// The table as it is now.
    pub(crate) fn load(&self) -> Result<Content, LakeError> {
        self.load_at(At::Latest)
    }

    /// The table as it was.
    pub(crate) fn load_at(&self, at: At) -> Result<Content, LakeError> {
        let mut table = DeltaTable::new(self.store.clone());
        let loaded = self.runtime.block_on(async {
            match at {
                At::Latest => table.load().await,
                At::Version(version) => table.load_version(version).await,
                At::Time(time) => match chrono::DateTime::from_timestamp_micros(time.0) {
                    Some(time) => table.load_with_datetime(time).await,
                    None => table.load().await,
                },
            }
        });
        loaded.map_err(|error| self.failed(error))?;
        self.content(&table)
    }

    fn content(&self, table: &DeltaTable) -> Result<Content, LakeError> {
        let state = table.snapshot().map_err(|error| self.failed(error))?;
        let mut committed = None;
        for app_id in [Some(self.app_id.as_str()), self.first_app_id].into_iter().flatten() {
            let transaction = self.runtime.block_on(state.transaction_version(&*self.store, app_id));
            let version = transaction.map_err(|error| self.failed(error))?;
            committed = committed.max(version.and_then(position));
        }
        let live = state.log_data();
        let files = live.iter().map(|view| {
            let file = DataFile {
                path: view.path().into_owned(),
                partition: partition(&view.partition_values_map()),
                bytes: u64::try_from(view.size()).unwrap_or(0),
                rows: view.num_records().unwrap_or(0) as u64,
                ..DataFile::default()
            };
            Arc::new(file.with_stats(view.stats().as_deref()))
        });
        let newer = state.snapshot().arrow_schema().fields().len() > self.columns;
        Ok(Content { version: state.version(), files: files.collect(), committed, newer })
    }

    /// The table after the commits that others made since `content`.
    pub(crate) fn follow(&self, content: &Content) -> Result<Content, LakeError> {
        let mut next = content.clone();
        loop {
            let read = self.runtime.block_on(self.store.read_commit_entry(next.version + 1));
            let Some(bytes) = read.map_err(|error| self.failed(error))? else { return Ok(next) };
            let Some(read) = self.apply(&next, &bytes) else { return self.load() };
            next = read;
        }
    }

    /// The table after one more commit; `None` if that cannot be said from the commit alone.
    fn apply(&self, content: &Content, bytes: &[u8]) -> Option<Content> {
        let mut next = Content { version: content.version + 1, ..content.clone() };
        let (mut gone, mut added) = (HashSet::new(), Vec::new());
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<Action>(line).ok()? {
                Action::Add(add) => {
                    let file = DataFile {
                        path: add.path,
                        partition: partition(&add.partition_values),
                        bytes: u64::try_from(add.size).unwrap_or(0),
                        ..DataFile::default()
                    };
                    added.push(Arc::new(file.with_stats(add.stats.as_deref())));
                }
                Action::Remove(remove) => drop(gone.insert(remove.path)),
                Action::Txn(txn) if txn.app_id == self.app_id || Some(txn.app_id.as_str()) == self.first_app_id => {
                    next.committed = next.committed.max(position(txn.version));
                }
                Action::Txn(_) | Action::CommitInfo(_) => {}
                _ => return None,
            }
        }
        next.files.retain(|file| !gone.contains(&file.path));
        next.files.append(&mut added);
        Some(next)
    }

    /// Commits the change as `version`.
    pub(crate) fn commit(&self, version: u64, change: &Change) -> Result<(), CommitError> {
        let failed = |error: DeltaTableError| CommitError::Failed(self.failed(error));
        let operation = match &change.intent {
            Intent::Append => {
                let partition_by = Some(PARTITION_COLUMNS.map(str::to_owned).to_vec());
                DeltaOperation::Write { mode: SaveMode::Append, partition_by, predicate: None }
            }
            Intent::Rewrite => DeltaOperation::Optimize { predicate: None, target_size: 0 },
            Intent::Delete(which) => DeltaOperation::Delete { predicate: Some(which.clone()) },
        };
        let number = |position: Position| i64::try_from(position.0).unwrap_or(i64::MAX);
        let transaction = change.committed.map(|position| Transaction::new(&self.app_id, number(position)));
        let data_change = !matches!(change.intent, Intent::Rewrite);
        let added = change.added.iter().map(|file| Action::Add(self.add(file, data_change)));
        let removed = change.removed.iter().map(|file| Action::Remove(remove(file, change.now_ms, data_change)));
        let actions = removed.chain(added).collect();
        let data = CommitData::new(actions, operation, HashMap::new(), transaction.into_iter().collect());
        let bytes = data.get_bytes().map_err(|error| failed(error.into()))?;
        let written = self.store.write_commit_entry(version, CommitOrBytes::LogBytes(bytes), Default::default());
        match self.runtime.block_on(written) {
            Err(TransactionError::VersionAlreadyExists(_)) => return Err(CommitError::Outdated),
            written => written.map_err(|error| failed(error.into()))?,
        }
        self.home.sync(&commit_name(version)).map_err(CommitError::Failed)
    }

    /// Writes a checkpoint of the table as it is and removes commits from before `until` (µs since 1970) that it covers.
    pub(crate) fn checkpoint(&self, until: i64) -> Result<(), LakeError> {
        let mut table = DeltaTable::new(self.store.clone());
        let version = self.runtime.block_on(async {
            table.load().await?;
            create_checkpoint(&table, None).await?;
            let version = table.version().unwrap_or(0);
            cleanup_expired_logs_for(version, &*self.store, until.div_euclid(1_000), None).await?;
            Ok::<_, DeltaTableError>(version)
        });
        let version = version.map_err(|error| self.failed(error))?;
        self.home.sync(&format!("{LOG_DIR}/{version:020}.checkpoint.parquet"))
    }

    fn add(&self, file: &DataFile, data_change: bool) -> Add {
        Add {
            path: file.path.clone(),
            partition_values: partition_values(file.partition),
            size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
            modification_time: self.home.written(&file.path).div_euclid(1_000),
            data_change,
            stats: Some(file.stats()),
            ..Add::default()
        }
    }
}

fn position(version: i64) -> Option<Position> {
    u64::try_from(version).ok().map(Position)
}

async fn load_or_create(store: &LogStoreRef, table: Table) -> Result<DeltaTable, DeltaTableError> {
    for _ in 0..EVOLVE_TRIES_MAX {
        let mut loaded = DeltaTable::new(store.clone());
        if store.is_delta_table_location().await? {
            loaded.load().await?;
            return Ok(loaded);
        }
        let created = create(store.clone(), table).await;
        // Another process may have made it at the same moment.
        if created.is_ok() || !store.is_delta_table_location().await? {
            return created;
        }
    }
    let mut loaded = DeltaTable::new(store.clone());
    loaded.load().await?;
    Ok(loaded)
}

async fn create(store: LogStoreRef, table: Table) -> Result<DeltaTable, DeltaTableError> {
    let history = format!("interval {} hours", Upkeep::HISTORY.as_secs() / 3_600);
    let columns = table.schema();
    let fields = columns.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), f.is_nullable()));
    let schema: StructType = (&Schema::new(fields.collect::<Vec<_>>())).try_into_kernel()?;
    CreateBuilder::new()
        .with_log_store(store)
        .with_table_name(table.name())
        .with_columns(schema.fields().cloned())
        .with_partition_columns(PARTITION_COLUMNS)
        // What upkeep keeps if nothing else is said: other readers refuse to go further back than this.
        .with_configuration([("delta.logRetentionDuration", Some(history.as_str()))])
        .with_configuration([("delta.deletedFileRetentionDuration", Some(history.as_str()))])
        .await
}

/// Gives a table that an older version of this program wrote the columns that came since. They are at the end and may be null, so
/// that its files stay as they are. `Err(Ok)` if the columns differ otherwise.
fn evolve(
    table: &mut DeltaTable,
    expected: Table,
    runtime: &Handle,
) -> Result<bool, Result<LakeError, DeltaTableError>> {
    for _ in 0..EVOLVE_TRIES_MAX {
        let missing = missing_columns(table, expected)?;
        if missing.is_empty() {
            return Ok(false);
        }
        let fields: StructType =
            (&Schema::new(missing)).try_into_kernel().map_err(|e| Err(DeltaTableError::from(e)))?;
        let fields: Vec<_> = fields.fields().cloned().collect();
        match runtime.block_on(table.clone().add_columns().with_fields(fields).into_future()) {
            Ok(grown) => {
                *table = grown;
                return Ok(true);
            }
            // Another process may have done the same at the same moment.
            Err(DeltaTableError::Transaction { .. }) => runtime.block_on(table.load()).map_err(Err)?,
            Err(error) => return Err(Err(error)),
        }
    }
    Err(Ok(LakeError::Contended { table: expected.name(), tries: EVOLVE_TRIES_MAX }))
}

/// Columns that the program knows and the table does not.
fn missing_columns(table: &DeltaTable, expected: Table) -> Result<Vec<Field>, Result<LakeError, DeltaTableError>> {
    let found = table.snapshot().map_err(Err)?.snapshot().arrow_schema();
    let wanted = expected.schema();
    let same = |(a, b): (&Arc<Field>, &Arc<Field>)| a.name() == b.name() && a.data_type() == b.data_type();
    let rest = wanted.fields().get(found.fields().len()..);
    let known = found.fields().iter().zip(wanted.fields()).all(same);
    match rest.filter(|rest| known && rest.iter().all(|field| field.is_nullable())) {
        Some(rest) => Ok(rest.iter().map(|f| Field::new(f.name(), f.data_type().clone(), true)).collect()),
        None => {
            let describe = |schema: &Schema| {
                let columns = schema.fields().iter().map(|f| format!("{} {}", f.name(), f.data_type()));
                columns.collect::<Vec<_>>().join(", ")
            };
            let (found, wanted) = (describe(&found), describe(&wanted));
            Err(Ok(LakeError::Schema { table: expected.name(), found, expected: wanted }))
        }
    }
}

fn commit_name(version: u64) -> String {
    format!("{LOG_DIR}/{version:020}.json")
}

/// Removes the last commit if a power cut left it incomplete: it was not acknowledged, and the vault replays its rows.
fn drop_torn_commit(dir: &Path) -> Result<(), LakeError> {
    let disk = LocalDisk::new(dir);
    let failed = |error| LakeError::io("read", &dir.join(LOG_DIR), error);
    let names = disk.list(LOG_DIR).map_err(failed)?;
    let versions = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse::<u64>().ok());
    let Some(last) = versions.max() else { return Ok(()) };
    let name = commit_name(last);
    let text = match disk.text(&name) {
        // Not UTF-8: torn as well.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => String::new(),
        text => text.map_err(failed)?,
    };
    let whole = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    if text.trim().is_empty() || !text.lines().all(whole) {
        disk.remove(&name).and_then(|()| disk.sync_dir(LOG_DIR)).map_err(failed)?;
    }
    Ok(())
}

fn partition_values(partition: Partition) -> HashMap<String, Option<String>> {
    let values = [partition.date_text(), partition.bucket.to_string()];
    PARTITION_COLUMNS.map(str::to_owned).into_iter().zip(values.map(Some)).collect()
}

fn partition(values: &HashMap<String, Option<String>>) -> Partition {
    let text = |name: &str| values.get(name).cloned().flatten().unwrap_or_default();
    let date = arrow::array::StringArray::from(vec![text(PARTITION_COLUMNS[0])]);
    let date = cast(&date, &DataType::Date32).ok();
    let date = date.and_then(|d| d.as_primitive::<Date32Type>().iter().next().flatten());
    Partition { date: date.unwrap_or(0), bucket: text(PARTITION_COLUMNS[1]).parse().unwrap_or(0) }
}

fn remove(file: &DataFile, now_ms: i64, data_change: bool) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change,
        deletion_timestamp: Some(now_ms),
        extended_file_metadata: Some(true),
        partition_values: Some(partition_values(file.partition)),
        size: i64::try_from(file.bytes).ok(),
        ..Remove::default()
    }
}
