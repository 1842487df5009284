//! Reads rows: which files may hold them, which parts of those, which rows.
//!
//! Not a query engine: one tenant, perhaps one vehicle, a range of time. Invariant: pruning never leaves out a row that
//! matches. Cost: files are looked at from the latest to the earliest and the search ends when the limit is reached; memory
//! is about two times the limit.

use super::error::LakeError;
use super::file::{DataFile, PARTITION_COLUMNS, Partition};
use super::home::Home;
use super::{FilesRead, Judged, Query, Scan};
use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, Date32Array, Int32Array, RecordBatch, Scalar, StringArray, new_null_array,
};
use arrow::compute::kernels::cmp;
use arrow::compute::{SortColumn, SortOptions, and, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{Field, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;
use std::cmp::Reverse;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows read at once.
const BATCH_ROWS: usize = 8_192;
/// So many rows are gathered at least before they are sorted and cut to the limit.
const CUT_ROWS_MIN: usize = 256;
/// A row's day is at most so many days after that of its reception (ADR-0021), with one for good measure.
const DAYS_AHEAD_MAX: i64 = 3;
const DAY_US: i64 = 86_400_000_000;

/// A query with its bounds as numbers.
struct Wanted {
    tenant: String,
    vehicle: Option<String>,
    /// The vehicle's bucket.
    bucket: Option<i32>,
    from: i64,
    /// Exclusive; `None` is without end.
    to: Option<i64>,
    /// If times are those by which rows were judged: how far ahead of its receipt a row's own time may be.
    ahead_max: Option<i64>,
    /// The columns that are read besides those without nulls; `None` is all.
    columns: Option<Vec<String>>,
}

impl Wanted {
    fn new(query: &Query, judged: Option<&Judged<'_>>) -> Self {
        let vehicle = query.vehicle.as_deref();
        Self {
            tenant: query.tenant.clone(),
            vehicle: query.vehicle.clone(),
            bucket: vehicle.map(|v| yagura_columns::bucket_of_text(&query.tenant, v)),
            from: query.from.map_or(i64::MIN, |t| t.0),
            to: query.to.map(|t| t.0),
            ahead_max: judged.map(|judged| judged.ahead_max),
            columns: judged.map(|judged| judged.columns.to_vec()),
        }
    }

    /// Whether rows with times up to `high`, in a file of this day, may have been judged by the time of their receipt.
    fn may_be_ahead(&self, high: i64, date: i32) -> bool {
        let day = i64::from(date).saturating_sub(DAYS_AHEAD_MAX).saturating_mul(DAY_US);
        self.ahead_max.is_some_and(|ahead| high > self.from.saturating_add(ahead) && self.to.is_none_or(|to| day < to))
    }

    /// The columns that the filter of rows looks at.
    fn filtered_by(&self) -> &'static [&'static str] {
        if self.ahead_max.is_some() {
            &["tenant", "vehicle", "time", "received_time"]
        } else {
            &["tenant", "vehicle", "time"]
        }
    }

    /// Whether a column is read.
    fn reads(&self, field: &Field) -> bool {
        !field.is_nullable() || self.columns.as_ref().is_none_or(|columns| columns.contains(field.name()))
    }

    /// Whether some time of this range is wanted.
    fn overlaps(&self, low: i64, high: i64) -> bool {
        high >= self.from && self.to.is_none_or(|to| low < to)
    }

    /// Whether the file may hold rows that are wanted.
    fn may_be_in(&self, file: &DataFile) -> bool {
        // The day of a partition says little of rows that came very late or from a clock gone wrong; the bounds say all.
        let date = file.partition.date;
        file.time.is_none_or(|(low, high)| self.overlaps(low, high) || self.may_be_ahead(high, date))
            && self.bucket.is_none_or(|b| b == file.partition.bucket)
            && between(
                self.vehicle.as_deref(),
                file.vehicle.as_ref().map(|(low, high)| (low.as_bytes(), high.as_bytes())),
            )
            && between(Some(&self.tenant), file.tenant.as_ref().map(|(low, high)| (low.as_bytes(), high.as_bytes())))
    }

    /// Whether every row of the file is wanted, so that none has to be looked at.
    fn takes_all_of(&self, file: &DataFile) -> bool {
        let own = |(low, high): &(String, String)| *low == self.tenant && *high == self.tenant;
        self.vehicle.is_none() && (self.from, self.to) == (i64::MIN, None) && file.tenant.as_ref().is_some_and(own)
    }

    /// Whether the row group may hold rows that are wanted.
    fn may_be_in_group(&self, group: &RowGroupMetaData, date: i32) -> bool {
        let statistics =
            |name: &str| group.columns().iter().find(|c| c.column_path().string() == name).and_then(|c| c.statistics());
        let bounds = |name: &str| match statistics(name) {
            Some(Statistics::Int64(s)) => s.min_opt().copied().zip(s.max_opt().copied()),
            _ => None,
        };
        let received = |high| {
            self.may_be_ahead(high, date) && bounds("received_time").is_none_or(|(low, high)| self.overlaps(low, high))
        };
        let vehicle = match statistics("vehicle") {
            Some(Statistics::ByteArray(s)) => s.min_bytes_opt().zip(s.max_bytes_opt()),
            _ => None,
        };
        bounds("time").is_none_or(|(low, high)| self.overlaps(low, high) || received(high))
            && between(self.vehicle.as_deref(), vehicle)
    }

    /// Which rows are wanted; the batch has tenant, time and vehicle.
    fn rows(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let column = |name: &str| -> Result<&ArrayRef, ArrowError> {
            batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))
        };
        let text = |value: &str| Scalar::new(StringArray::from(vec![value.to_owned()]));
        let mut keep = cmp::eq(column("tenant")?, &text(&self.tenant))?;
        if let Some(vehicle) = &self.vehicle {
            keep = and(&keep, &cmp::eq(column("vehicle")?, &text(vehicle))?)?;
        }
        if (self.from, self.to) != (i64::MIN, None) {
            let times = |name: &str| {
                let times = column(name)?.as_primitive_opt::<TimestampMicrosecondType>();
                times.ok_or_else(|| ArrowError::SchemaError(format!("{name} is no timestamp")))
            };
            let time = times("time")?;
            let inside = |t: Option<i64>| Some(t.is_some_and(|t| self.overlaps(t, t)));
            let inside: BooleanArray = match self.ahead_max {
                None => time.iter().map(inside).collect(),
                Some(ahead) => {
                    let judged = |(time, received): (i64, i64)| {
                        if time > received.saturating_add(ahead) { received } else { time }
                    };
                    let both = time.iter().zip(times("received_time")?);
                    both.map(|(time, received)| inside(time.zip(received).map(judged))).collect()
                }
            };
            keep = and(&keep, &inside)?;
        }
        Ok(keep)
    }
}

fn between(value: Option<&str>, bounds: Option<(&[u8], &[u8])>) -> bool {
    value.zip(bounds).is_none_or(|(value, (low, high))| low <= value.as_bytes() && value.as_bytes() <= high)
}

/// The rows of the files that answer the query.
pub(crate) fn scan(
    home: &Home,
    schema: &SchemaRef,
    files: &[Arc<DataFile>],
    query: &Query,
    judged: Option<&Judged<'_>>,
) -> Result<Scan, LakeError> {
    let wanted = Arc::new(Wanted::new(query, judged));
    let limit = query.limit.min(Query::ROWS_MAX);
    let mut candidates: Vec<_> = files.iter().filter(|file| wanted.may_be_in(file)).collect();
    candidates.sort_by_key(|file| Reverse(file.time.map_or(i64::MAX, |(_, high)| high)));
    let mut found = Found { schema, limit, batches: Vec::new(), rows: 0, truncated: false, floor: None };
    let mut files_read = 0;
    for file in candidates {
        // Rows no later than the earliest of a full answer would be left out again.
        if found.floor.zip(file.time).is_some_and(|(floor, (_, high))| high < floor) {
            found.truncated = true;
            continue;
        }
        files_read += 1;
        read(home, file, schema, Some(&wanted), &mut |batch| found.push(batch))?;
    }
    found.cut()?;
    Ok(Scan { batches: found.batches, truncated: found.truncated, files_read, files_skipped: files.len() - files_read })
}

/// Hands the rows that are wanted to `sink`, file by file from the earliest, in no order within a file, until it says `Break`. Besides a
/// batch it is told how many files are done.
pub(crate) fn each(
    home: &Home,
    schema: &SchemaRef,
    files: &[Arc<DataFile>],
    judged: &Judged<'_>,
    sink: &mut dyn FnMut(RecordBatch, FilesRead) -> ControlFlow<()>,
) -> Result<(), LakeError> {
    let wanted = Arc::new(Wanted::new(judged.query, Some(judged)));
    let mut candidates: Vec<_> = files.iter().filter(|file| wanted.may_be_in(file)).collect();
    candidates.sort_by_key(|file| file.time.map_or(i64::MIN, |(low, _)| low));
    for (done, file) in candidates.iter().enumerate() {
        let at = FilesRead { done, of: candidates.len() };
        let mut flow = ControlFlow::Continue(());
        read(home, file, schema, Some(&wanted), &mut |batch| {
            if flow.is_continue() {
                flow = sink(batch, at);
            }
            Ok(())
        })?;
        if flow.is_break() {
            break;
        }
    }
    Ok(())
}

/// The latest rows seen so far.
struct Found<'a> {
    schema: &'a SchemaRef,
    limit: usize,
    batches: Vec<RecordBatch>,
    rows: usize,
    truncated: bool,
    /// The earliest time in a full answer.
    floor: Option<i64>,
}

impl Found<'_> {
    fn push(&mut self, batch: RecordBatch) -> Result<(), LakeError> {
        self.rows += batch.num_rows();
        self.batches.push(batch);
        if self.rows >= self.limit.saturating_mul(2).max(CUT_ROWS_MIN) { self.cut() } else { Ok(()) }
    }

    /// Sorts what was found and keeps the latest.
    fn cut(&mut self) -> Result<(), LakeError> {
        if self.rows == 0 {
            self.batches.clear();
            return Ok(());
        }
        let all = sorted(&concat_batches(self.schema, &self.batches)?, &["time", "position", "entry_index"])?;
        let over = all.num_rows().saturating_sub(self.limit);
        let kept = all.slice(over, all.num_rows() - over);
        self.truncated |= over > 0;
        if kept.num_rows() >= self.limit {
            let time = kept.column_by_name("time").and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
            self.floor = time.and_then(|t| t.values().first().copied()).or(Some(i64::MAX));
        }
        self.rows = kept.num_rows();
        self.batches = if kept.num_rows() > 0 { vec![kept] } else { Vec::new() };
        Ok(())
    }
}

/// The rows in order of these columns.
pub(crate) fn sorted(rows: &RecordBatch, columns: &[&str]) -> Result<RecordBatch, LakeError> {
    let options = Some(SortOptions { descending: false, nulls_first: true });
    let keys = columns.iter().filter_map(|name| rows.column_by_name(name));
    let keys: Vec<_> = keys.map(|values| SortColumn { values: values.clone(), options }).collect();
    Ok(take_record_batch(rows, &lexsort_to_indices(&keys, None)?)?)
}

/// Hands the rows of a file to `sink`, those that are wanted or all, with the table's columns.
fn read(
    home: &Home,
    file: &DataFile,
    schema: &SchemaRef,
    wanted: Option<&Arc<Wanted>>,
    sink: &mut dyn FnMut(RecordBatch) -> Result<(), LakeError>,
) -> Result<(), LakeError> {
    let failed = |source: ParquetError| LakeError::Parquet { file: PathBuf::from(&file.path), source };
    let opened = home.read(&file.path, file.bytes)?;
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(failed)?.with_batch_size(BATCH_ROWS);
    if let Some(wanted) = wanted.cloned() {
        let whole = wanted.takes_all_of(file);
        let groups = builder.metadata().row_groups().iter().enumerate();
        let groups = groups
            .filter(|(_, group)| wanted.may_be_in_group(group, file.partition.date))
            .map(|(index, _)| index)
            .collect();
        let read = schema.fields().iter().filter(|field| wanted.reads(field)).map(|field| field.name().as_str());
        let projection = ProjectionMask::columns(builder.parquet_schema(), read);
        builder = builder.with_projection(projection);
        builder = builder.with_row_groups(groups);
        if !whole {
            let mask = ProjectionMask::columns(builder.parquet_schema(), wanted.filtered_by().iter().copied());
            let predicate = ArrowPredicateFn::new(mask, move |batch| wanted.rows(&batch));
            builder = builder.with_row_filter(RowFilter::new(vec![Box::new(predicate)]));
        }
    }
    for batch in builder.build().map_err(failed)? {
        let batch = complete(&batch?, file.partition, schema)?;
        if batch.num_rows() > 0 {
            sink(batch)?;
        }
    }
    Ok(())
}

/// The columns of a file with those of its path, in the table's order.
fn complete(batch: &RecordBatch, partition: Partition, schema: &SchemaRef) -> Result<RecordBatch, LakeError> {
    let rows = batch.num_rows();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            name if name == PARTITION_COLUMNS[0] => Arc::new(Date32Array::from(vec![partition.date; rows])),
            name if name == PARTITION_COLUMNS[1] => Arc::new(Int32Array::from(vec![partition.bucket; rows])),
            // A column that came later than the file.
            name => batch.column_by_name(name).cloned().unwrap_or_else(|| new_null_array(field.data_type(), rows)),
        }
    });
    Ok(RecordBatch::try_new(schema.clone(), columns.collect())?)
}

/// All rows of a file.
pub(crate) fn read_all(home: &Home, file: &DataFile, schema: &SchemaRef) -> Result<Vec<RecordBatch>, LakeError> {
    let mut batches = Vec::new();
    read(home, file, schema, None, &mut |batch| {
        batches.push(batch);
        Ok(())
    })?;
    Ok(batches)
}
