//! Rows to the lake, in the background of the pipeline.
//!
//! Not the lake (that is `store`). Order, so that a crash anywhere repeats and never loses: rows of all three tables, each commit
//! carrying the last record it holds; then, in one transaction of the state, how far the lake is and, now and then, the engine as it stood there;
//! then the tail lets the rows go. The lake leaves out what it has already.

use super::tail::{Part, Tail};
use crate::clock;
use crate::happenings::{PipelineStalled, emit};
use crate::lake::SharedLake;
use crate::metrics::{Stage, Timer};
use crate::place::{place, position_of};
use crate::state::{Partition, PendingRow, StateError};
use crate::traces;
use arrow::array::{Date32Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::error::ArrowError;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use yagura_columns::{alerts_schema, bucket_of_text, partition_date};
use yagura_model::UnixMicros;
use yagura_store::{Lake, LakeError, Position, Table};

/// How long rows wait for the lake at most, as long as it answers.
pub const FLUSH_AFTER: Duration = Duration::from_secs(5);
/// How many rows go to the lake at once, without waiting for their time.
pub const FLUSH_ROWS: usize = 250_000;

/// After so many judged rows the engine is saved with the next flush: a start judges about so many again, in a few seconds.
const SAVE_ROWS: usize = 2_000_000;
/// After so long the engine is saved with the next flush.
const SAVE_AFTER: Duration = Duration::from_secs(60);

/// Why rows did not reach the lake. They stay in the tail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// The lake refuses or does not answer.
    #[error("the lake does not take rows")]
    Lake(#[from] LakeError),
    /// The state refuses or does not answer.
    #[error("the state does not take the lake's position")]
    State(#[from] StateError),
    /// A fault of ours.
    #[error("rows do not fit together")]
    Rows(#[from] ArrowError),
    /// A fault of ours.
    #[error("the flush ended by a panic")]
    Panic(#[from] tokio::task::JoinError),
}

/// One flush: everything before `next`.
pub(super) struct Flush {
    pub(super) partition: Partition,
    pub(super) lake: SharedLake,
    pub(super) tail: Tail,
    /// The next record that is not in it.
    pub(super) next: u64,
    /// The engine as it stands at `next`, if it is to be saved.
    pub(super) snapshot: Option<Vec<u8>>,
}

/// When the engine is saved: not with every flush, since it may be megabytes. What was judged after it is judged once more at a start.
#[derive(Debug)]
pub(super) struct Saving {
    rows: usize,
    since: Instant,
}

impl Saving {
    /// It was saved just now.
    pub(super) fn done() -> Self {
        Self { rows: 0, since: Instant::now() }
    }

    /// So many rows were judged since.
    pub(super) const fn judged(&mut self, rows: usize) {
        self.rows = self.rows.saturating_add(rows);
    }

    /// That was not to be; the next flush saves it.
    pub(super) const fn failed(&mut self) {
        self.rows = SAVE_ROWS;
    }

    /// Whether a start would have to judge again.
    pub(super) const fn is_behind(&self) -> bool {
        self.rows > 0
    }

    pub(super) fn is_due(&self) -> bool {
        self.rows >= SAVE_ROWS || self.since.elapsed() >= SAVE_AFTER
    }
}

impl Flush {
    /// Writes all of it; how many rows.
    pub(super) async fn run(self) -> Result<usize, FlushError> {
        let (_timer, started) = (Timer::start(Stage::Flush), traces::now());
        let Some(through) = self.next.checked_sub(1) else { return Ok(0) };
        let parts: Vec<Part> = self.tail.frozen().into_iter().filter(|part| part.next <= self.next).collect();
        let pending = self.partition.pending_rows(self.next).await?;
        let through = Position(place(self.partition.number().get(), through));
        let rows = self.lake.call(move |lake| write(lake, &parts, &pending, through)).await??;
        self.partition.flushed(self.next, self.snapshot.as_deref(), clock::now()).await?;
        traces::flushed(self.next, started);
        self.tail.drop_before(self.next);
        Ok(rows)
    }
}

/// A flush under way; it ends with the pipeline.
pub(super) struct Flushing(pub(super) JoinHandle<Result<usize, FlushError>>);

impl Drop for Flushing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Looks after the lake.
pub(super) async fn tend(lake: SharedLake) {
    let _timer = Timer::start(Stage::Maintain);
    // A panic has said so itself; the lake is whole all the same.
    if let Ok(Err(error)) = lake.tend().await {
        emit(&PipelineStalled { step: "maintain", cause: &error });
    }
}

fn write(lake: &Lake, parts: &[Part], pending: &[PendingRow], through: Position) -> Result<usize, FlushError> {
    let (events, states): (Vec<_>, Vec<_>) =
        parts.iter().map(|part| (part.events.clone(), part.states.clone())).unzip();
    let alerts = vec![alert_rows(&fresh(pending, lake.committed(Table::Alerts)))?];
    let mut rows = 0;
    for (table, batches) in [(Table::Events, &events), (Table::VehicleState, &states), (Table::Alerts, &alerts)] {
        lake.append_all(table, batches, through)?;
        rows += batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    }
    Ok(rows)
}

/// Those that the lake does not have.
fn fresh(pending: &[PendingRow], committed: Option<Position>) -> Vec<&PendingRow> {
    let committed = committed.and_then(|place| i64::try_from(position_of(place.0)).ok());
    pending.iter().filter(|row| committed.is_none_or(|done| row.applied > done)).collect()
}

/// Puts alerts into the lake whose events are in other partitions; how many. Blocks.
pub(crate) fn append_alerts(lake: &Lake, pending: &[PendingRow], through: Position) -> Result<usize, FlushError> {
    let committed = lake.committed(Table::Alerts);
    let rows = alert_rows(&fresh(pending, committed))?;
    if rows.num_rows() > 0 {
        lake.append_after(Table::Alerts, &rows, committed, through)?;
    }
    Ok(rows.num_rows())
}

/// Rows of the lake's alerts table.
fn alert_rows(rows: &[&PendingRow]) -> Result<RecordBatch, ArrowError> {
    fn time(values: impl Iterator<Item = i64>) -> Arc<TimestampMicrosecondArray> {
        Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
    }
    fn text(values: impl Iterator<Item = String>) -> Arc<StringArray> {
        Arc::new(StringArray::from_iter_values(values))
    }
    let all = || rows.iter();
    let now = clock::now();
    let date = |row: &&PendingRow| partition_date(UnixMicros(row.time_us), now);
    let bucket = |row: &&PendingRow| bucket_of_text(&row.tenant, row.vehicle.as_deref().unwrap_or(""));
    let small = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
    RecordBatch::try_new(
        alerts_schema(),
        vec![
            time(all().map(|row| row.time_us)),
            Arc::new(Date32Array::from_iter_values(all().map(date))),
            Arc::new(Int32Array::from_iter_values(all().map(bucket))),
            text(all().map(|row| row.tenant.clone())),
            text(all().map(|row| crate::auth::hex(&row.alert_id))),
            text(all().map(|row| row.rule_id.clone())),
            text(all().map(|row| row.title.clone())),
            Arc::new(Int32Array::from_iter_values(all().map(|row| small(row.severity)))),
            Arc::new(all().map(|row| row.vehicle.clone()).collect::<StringArray>()),
            text(all().map(|row| row.group_json.clone())),
            time(all().map(|row| row.window_us)),
            Arc::new(Int64Array::from_iter_values(all().map(|row| row.count))),
            Arc::new(Int64Array::from_iter_values(all().map(|row| row.position))),
            Arc::new(Int32Array::from_iter_values(all().map(|row| small(row.entry_index)))),
        ],
    )
}
