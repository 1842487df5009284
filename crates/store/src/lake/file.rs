//! Parquet files of a table: how a batch is cut into partitions, written, and described.
//!
//! Not the log: a file is in the table when a commit says so. Invariants: partition columns are in the path and not in the
//! file; each column carries its field id; bounds of a file contain all its rows. Cost: zstd-1, 34–40 bytes an event.

use super::error::LakeError;
use super::home::Home;
use arrow::array::{Array, ArrayRef, AsArray as _, Date32Array, Int32Array, RecordBatch, UInt32Array};
use arrow::compute::{max, max_string, min, min_string, take_record_batch};
use arrow::datatypes::{Date32Type, Int32Type, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::temporal_conversions::{date32_to_datetime, timestamp_us_to_datetime};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Columns that are in the path of a file and not in it.
pub(crate) const PARTITION_COLUMNS: [&str; 2] = ["event_date", "vehicle_bucket"];
/// Rows of a row group: small enough that a vehicle's rows are in few of them once files are sorted.
const GROUP_ROWS: usize = 65_536;
/// Rows of a data page.
const PAGE_ROWS: usize = 4_096;
/// The most files that are written at the same time.
const WRITERS_MAX: usize = 4;
/// First and last day that a date can name in Delta: 0001-01-01 and 9999-12-31.
pub(crate) const DAYS: (i32, i32) = (-719_162, 2_932_896);

/// Which directory a row belongs to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Partition {
    /// Days since 1970-01-01.
    pub date: i32,
    /// The vehicles' bucket.
    pub bucket: i32,
}

impl Partition {
    /// The date as Delta writes it. A time that no calendar knows is put to the nearest day that it does.
    pub(crate) fn date_text(self) -> String {
        let date = date32_to_datetime(self.date.clamp(DAYS.0, DAYS.1)).unwrap_or_default();
        date.format("%Y-%m-%d").to_string()
    }

    fn dir(self) -> String {
        format!("event_date={}/vehicle_bucket={}", self.date_text(), self.bucket)
    }
}

/// A file that is in the table.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DataFile {
    /// Relative to the table.
    pub path: String,
    /// Which directory it is in.
    pub partition: Partition,
    /// Its size.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// Least and greatest event time (µs since 1970).
    pub time: Option<(i64, i64)>,
    /// Least and greatest vehicle; rows without one are not counted.
    pub vehicle: Option<(String, String)>,
    /// Least and greatest tenant.
    pub tenant: Option<(String, String)>,
}

/// How the rows of a file are ordered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// As they came.
    Arrival,
    /// By vehicle and time, with a bloom filter on the vehicle.
    Vehicle,
}

/// The table's columns that are in its files.
pub(crate) fn file_schema(schema: &Schema) -> SchemaRef {
    let inside = |name: &str| !PARTITION_COLUMNS.contains(&name);
    let fields: Vec<_> = schema.fields().iter().filter(|f| inside(f.name())).cloned().collect();
    Arc::new(Schema::new(fields))
}

/// Cuts batches into their partitions.
pub(crate) fn split(batches: &[RecordBatch]) -> Result<BTreeMap<Partition, Vec<RecordBatch>>, LakeError> {
    let mut parts: BTreeMap<Partition, Vec<RecordBatch>> = BTreeMap::new();
    for batch in batches {
        for (partition, part) in split_one(batch)? {
            parts.entry(partition).or_default().push(part);
        }
    }
    Ok(parts)
}

fn split_one(batch: &RecordBatch) -> Result<Vec<(Partition, RecordBatch)>, LakeError> {
    let dates = column(batch, PARTITION_COLUMNS[0]).and_then(|c| c.as_primitive_opt::<Date32Type>().cloned());
    let buckets = column(batch, PARTITION_COLUMNS[1]).and_then(|c| c.as_primitive_opt::<Int32Type>().cloned());
    let dates = dates.unwrap_or_else(|| Date32Array::from(vec![0; batch.num_rows()]));
    let buckets = buckets.unwrap_or_else(|| Int32Array::from(vec![0; batch.num_rows()]));
    let mut rows: BTreeMap<Partition, Vec<u32>> = BTreeMap::new();
    // Rows of one report come together and are of one partition, as a rule: it is looked up once for all of them.
    let mut begin = 0_u32;
    let pairs: Vec<(i32, i32)> = dates.values().iter().copied().zip(buckets.values().iter().copied()).collect();
    for run in pairs.chunk_by(|a, b| a == b) {
        let end = begin + u32::try_from(run.len()).unwrap_or(u32::MAX);
        if let Some((date, bucket)) = run.first() {
            let partition = Partition { date: (*date).clamp(DAYS.0, DAYS.1), bucket: *bucket };
            rows.entry(partition).or_default().extend(begin..end);
        }
        begin = end;
    }
    let cut = |(partition, rows): (Partition, Vec<u32>)| {
        let part = if rows.len() == batch.num_rows() {
            batch.clone()
        } else {
            take_record_batch(batch, &UInt32Array::from(rows))?
        };
        Ok((partition, part))
    };
    rows.into_iter().map(cut).collect()
}

/// A column by name.
pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a ArrayRef> {
    batch.column_by_name(name)
}

/// Writes the rows of each partition, as they came, to a durable file that is not in the table yet: on several threads, so that one
/// encodes while another waits for the disk.
pub(crate) fn write_all(
    home: &Home,
    parts: BTreeMap<Partition, Vec<RecordBatch>>,
    name: impl Fn(&Partition) -> String,
) -> Result<Vec<DataFile>, LakeError> {
    let named: Vec<_> = parts.into_iter().map(|(partition, rows)| (name(&partition), partition, rows)).collect();
    let threads = named.len().min(WRITERS_MAX);
    let waiting = Mutex::new(named.into_iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        let mut written = Vec::new();
        while let Some((name, partition, rows)) = next() {
            written.push(write(home, partition, &name, &rows, Order::Arrival)?);
        }
        Ok(written)
    };
    if threads <= 1 {
        return work();
    }
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut files = Vec::new();
        for thread in running {
            files.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        files.sort_by_key(|file: &DataFile| file.partition);
        Ok(files)
    })
}

/// Writes the rows of one partition to a durable file that is not in the table yet.
pub(crate) fn write(
    home: &Home,
    partition: Partition,
    name: &str,
    rows: &[RecordBatch],
    order: Order,
) -> Result<DataFile, LakeError> {
    let path = format!("{}/{name}.parquet", partition.dir());
    let failed = |source| LakeError::Parquet { file: PathBuf::from(&path), source };
    let encoded = encode(rows, order).map_err(failed)?;
    let bytes = encoded.len() as u64;
    home.write(&path, encoded)?;
    let time = |batch: &RecordBatch| {
        let times = batch.column_by_name("time")?.as_primitive_opt::<TimestampMicrosecondType>()?;
        Some((min(times)?, max(times)?))
    };
    let text_bounds = |name: &str| {
        let bounds = rows.iter().filter_map(|batch| {
            let texts = batch.column_by_name(name)?.as_string_opt::<i32>()?;
            Some((min_string(texts)?, max_string(texts)?))
        });
        widest(bounds).map(|(low, high)| (low.to_owned(), high.to_owned()))
    };
    Ok(DataFile {
        path,
        partition,
        bytes,
        rows: rows.iter().map(RecordBatch::num_rows).sum::<usize>() as u64,
        time: widest(rows.iter().filter_map(time)),
        // Rows without a vehicle are in no bounds; a query for a vehicle does not want them.
        vehicle: text_bounds("vehicle"),
        tenant: text_bounds("tenant"),
    })
}

/// Bounds that hold all of these.
fn widest<T: Ord>(bounds: impl Iterator<Item = (T, T)>) -> Option<(T, T)> {
    bounds.reduce(|(low, high), (least, greatest)| (low.min(least), high.max(greatest)))
}

fn encode(rows: &[RecordBatch], order: Order) -> Result<Vec<u8>, parquet::errors::ParquetError> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let schema = file_schema(first.schema_ref());
    let columns: Vec<usize> =
        schema.fields().iter().filter_map(|f| first.schema_ref().index_of(f.name()).ok()).collect();
    let options = ArrowWriterOptions::new().with_properties(properties(order).build()).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options)?;
    for batch in rows {
        writer.write(&batch.project(&columns)?)?;
    }
    writer.into_inner()
}

/// Whole numbers that are near the one before, or hardly ever come again: their differences take fewer bits than places in a
/// dictionary, and nothing is looked up.
const DIFFERENCES: [&str; 7] = ["time", "received_time", "observed", "boot", "sequence", "position", "entry_index"];

fn properties(order: Order) -> WriterPropertiesBuilder {
    let zstd = ZstdLevel::try_new(1).map_or(Compression::UNCOMPRESSED, Compression::ZSTD);
    let common = WriterProperties::builder()
        .set_compression(zstd)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_created_by(format!("yagura {}", env!("CARGO_PKG_VERSION")))
        .set_column_dictionary_enabled("payload".into(), false)
        .set_column_encoding("payload".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    let common = DIFFERENCES.iter().fold(common, |properties, name| {
        let properties = properties.set_column_dictionary_enabled((*name).into(), false);
        properties.set_column_encoding((*name).into(), Encoding::DELTA_BINARY_PACKED)
    });
    match order {
        // Rows in the order of arrival have every vehicle on every page.
        Order::Arrival => common.set_statistics_enabled(EnabledStatistics::Chunk),
        Order::Vehicle => common.set_column_bloom_filter_enabled("vehicle".into(), true),
    }
}

impl DataFile {
    /// Statistics as the Delta protocol wants them.
    pub(crate) fn stats(&self) -> String {
        let (mut least, mut greatest) = (Map::new(), Map::new());
        let mut bounds = |name: &str, low: Option<String>, high: Option<String>| {
            if let (Some(low), Some(high)) = (low, high) {
                least.insert(name.to_owned(), Value::String(low));
                greatest.insert(name.to_owned(), Value::String(high));
            }
        };
        if let Some((low, high)) = self.time {
            bounds("time", time_text(low), time_text(high));
        }
        for (name, both) in [("vehicle", &self.vehicle), ("tenant", &self.tenant)] {
            if let Some((low, high)) = both {
                bounds(name, Some(low.clone()), Some(high.clone()));
            }
        }
        json!({ "numRecords": self.rows, "minValues": least, "maxValues": greatest, "nullCount": {} }).to_string()
    }

    /// Reads statistics back; what cannot be read rules nothing out.
    pub(crate) fn with_stats(mut self, stats: Option<&str>) -> Self {
        let stats: Value = stats.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let text = |bound: &str, name: &str| stats.get(bound)?.get(name)?.as_str().map(str::to_owned);
        let both = |name: &str| Some((text("minValues", name)?, text("maxValues", name)?));
        self.time = both("time").and_then(|(low, high)| Some((time_from(&low)?, time_from(&high)?)));
        self.vehicle = both("vehicle");
        self.tenant = both("tenant");
        if let Some(rows) = stats.get("numRecords").and_then(Value::as_u64) {
            self.rows = rows;
        }
        self
    }
}

/// An instant as Delta writes it; `None` for a year that it cannot.
fn time_text(micros: i64) -> Option<String> {
    let days = micros.div_euclid(86_400_000_000);
    let sane = i64::from(DAYS.0)..=i64::from(DAYS.1);
    let time = timestamp_us_to_datetime(micros).filter(|_| sane.contains(&days))?;
    Some(time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

fn time_from(text: &str) -> Option<i64> {
    let nanos = arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(text).ok()?;
    Some(nanos.div_euclid(1_000))
}

/// The position of each row.
pub(crate) fn positions(batch: &RecordBatch) -> Option<&[i64]> {
    let column = column(batch, "position")?.as_primitive_opt::<Int64Type>()?;
    (column.null_count() == 0).then(|| &column.values()[..])
}
