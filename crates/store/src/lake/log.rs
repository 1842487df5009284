//! The Delta log of one table: what is in it, and commits to it.
//!
//! Not a snapshot keeper: `table` remembers the live files itself, so that a commit costs the same however long the log is.
//! Invariant: a commit is durable (fsync) when it returns. Cost: one small file and two fsyncs a commit.

use super::Table;
use super::error::LakeError;
use super::file::{DataFile, PARTITION_COLUMNS, Partition};
use crate::disk::{Disk as _, LocalDisk};
use crate::vault::Position;
use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Schema};
use deltalake_core::checkpoints::create_checkpoint_from_table_url_and_cleanup;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake_core::kernel::transaction::{CommitData, TransactionError};
use deltalake_core::kernel::{Action, Add, Remove, StructType, Transaction};
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};
use std::collections::HashMap;
use std::future::IntoFuture as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Handle;

/// Names the vault in the transactions of the log.
const APP_ID: &str = "yagura-vault";
const LOG_DIR: &str = "_delta_log";
/// How often columns are added anew because another process was faster.
const EVOLVE_TRIES_MAX: usize = 8;

/// What a table holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) version: u64,
    pub(crate) files: Vec<Arc<DataFile>>,
    pub(crate) committed: Option<Position>,
}

/// One commit.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) added: Vec<DataFile>,
    pub(crate) removed: Vec<Arc<DataFile>>,
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
    dir: PathBuf,
    runtime: Handle,
    store: LogStoreRef,
}

impl std::fmt::Debug for DeltaLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeltaLog").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl DeltaLog {
    /// Opens the table's log, or makes the table.
    pub(crate) fn open(dir: &Path, table: Table, runtime: Handle) -> Result<(Self, Content), LakeError> {
        let failed = |error: DeltaTableError| LakeError::log(dir, error);
        LocalDisk::new(dir).make_root().map_err(|error| LakeError::io("make", dir, error))?;
        drop_torn_commit(dir)?;
        let loaded = runtime.block_on(async {
            let uri = ensure_table_uri(dir.to_string_lossy())?;
            let mut loaded = DeltaTableBuilder::from_url(uri)?.build()?;
            if loaded.verify_deltatable_existence().await? {
                loaded.load().await?;
                return Ok(loaded);
            }
            create(dir, table).await
        });
        let mut loaded = loaded.map_err(failed)?;
        let grown = evolve(&mut loaded, table, &runtime).map_err(|found| found.unwrap_or_else(failed))?;
        let log = Self { dir: dir.to_owned(), store: loaded.log_store(), runtime };
        if grown {
            log.sync(&commit_name(loaded.version().unwrap_or(0)))?;
        }
        let content = log.content(&loaded)?;
        Ok((log, content))
    }

    /// The table as it is on disk now.
    pub(crate) fn load(&self) -> Result<Content, LakeError> {
        let mut table = DeltaTable::new(self.store.clone());
        self.runtime.block_on(table.load()).map_err(|error| LakeError::log(&self.dir, error))?;
        self.content(&table)
    }

    fn content(&self, table: &DeltaTable) -> Result<Content, LakeError> {
        let failed = |error: DeltaTableError| LakeError::log(&self.dir, error);
        let state = table.snapshot().map_err(failed)?;
        let transaction = state.transaction_version(&*self.store, APP_ID);
        let committed = self.runtime.block_on(transaction).map_err(failed)?;
        let committed = committed.and_then(|version| u64::try_from(version).ok()).map(Position);
        let live = state.log_data();
        let files = live.iter().map(|view| {
            let file = DataFile {
                path: view.path().into_owned(),
                partition: partition(&view.partition_values_map()),
                bytes: u64::try_from(view.size()).unwrap_or(0),
                rows: view.num_records().unwrap_or(0) as u64,
                time: None,
                vehicle: None,
            };
            Arc::new(file.with_stats(view.stats().as_deref()))
        });
        Ok(Content { version: state.version(), files: files.collect(), committed })
    }

    /// Commits the change as `version`.
    pub(crate) fn commit(&self, version: u64, change: &Change) -> Result<(), CommitError> {
        let failed = |error: DeltaTableError| CommitError::Failed(LakeError::log(&self.dir, error));
        let operation = if change.removed.is_empty() {
            let partition_by = Some(PARTITION_COLUMNS.map(str::to_owned).to_vec());
            DeltaOperation::Write { mode: SaveMode::Append, partition_by, predicate: None }
        } else {
            DeltaOperation::Optimize { predicate: None, target_size: 0 }
        };
        let transaction = change.committed.map(|p| Transaction::new(APP_ID, i64::try_from(p.0).unwrap_or(i64::MAX)));
        let data_change = change.removed.is_empty();
        let added = change.added.iter().map(|file| Action::Add(self.add(file, data_change)));
        let removed = change.removed.iter().map(|file| Action::Remove(remove(file, change.now_ms)));
        let data = CommitData::new(
            removed.chain(added).collect(),
            operation,
            HashMap::new(),
            transaction.into_iter().collect(),
        );
        let bytes = data.get_bytes().map_err(|error| failed(error.into()))?;
        let written = self.store.write_commit_entry(version, CommitOrBytes::LogBytes(bytes), Default::default());
        match self.runtime.block_on(written) {
            Err(TransactionError::VersionAlreadyExists(_)) => return Err(CommitError::Outdated),
            written => written.map_err(|error| failed(error.into()))?,
        }
        self.sync(&commit_name(version)).map_err(CommitError::Failed)
    }

    /// Writes a checkpoint of `version` and removes log files that have outlived their retention.
    pub(crate) fn checkpoint(&self, version: u64) -> Result<(), LakeError> {
        let failed = |error: DeltaTableError| LakeError::log(&self.dir, error);
        let url = self.store.root_url().clone();
        self.runtime
            .block_on(create_checkpoint_from_table_url_and_cleanup(url, version, Some(true), None))
            .map_err(failed)?;
        self.sync(&format!("{LOG_DIR}/{version:020}.checkpoint.parquet"))
    }

    /// Makes a file of the log and its name durable.
    fn sync(&self, file: &str) -> Result<(), LakeError> {
        let disk = LocalDisk::new(&self.dir);
        let synced = disk.open(file).and_then(|file| file.sync()).and_then(|()| disk.sync_dir(LOG_DIR));
        synced.map_err(|error| LakeError::io("sync", &self.dir.join(file), error))
    }

    fn add(&self, file: &DataFile, data_change: bool) -> Add {
        let written = LocalDisk::new(&self.dir).written(&file.path).unwrap_or(0);
        Add {
            path: file.path.clone(),
            partition_values: partition_values(file.partition),
            size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
            modification_time: written.div_euclid(1_000),
            data_change,
            stats: Some(file.stats()),
            ..Add::default()
        }
    }
}

async fn create(dir: &Path, table: Table) -> Result<DeltaTable, DeltaTableError> {
    let columns = table.schema();
    let fields = columns.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), f.is_nullable()));
    let schema: StructType = (&Schema::new(fields.collect::<Vec<_>>())).try_into_kernel()?;
    CreateBuilder::new()
        .with_location(dir.to_string_lossy())
        .with_table_name(table.name())
        .with_columns(schema.fields().cloned())
        .with_partition_columns(PARTITION_COLUMNS)
        // Commits come every second or so: an hour of them is enough for readers that are in the middle of something.
        .with_configuration([("delta.logRetentionDuration", Some("interval 1 hours"))])
        .with_configuration([("delta.deletedFileRetentionDuration", Some("interval 1 hours"))])
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
        let fields: StructType = (&Schema::new(missing)).try_into_kernel().map_err(|e| Err(DeltaTableError::from(e)))?;
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

fn remove(file: &DataFile, now_ms: i64) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change: false,
        deletion_timestamp: Some(now_ms),
        extended_file_metadata: Some(true),
        partition_values: Some(partition_values(file.partition)),
        size: i64::try_from(file.bytes).ok(),
        ..Remove::default()
    }
}
