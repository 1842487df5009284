//! Rows of `events` to ask about.

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use std::ops::Range;
use std::sync::Arc;
use tempfile::TempDir;
use yagura_columns::{bucket_of_text, event_date};
use yagura_model::UnixMicros;
use yagura_query::{Answer, Engine, Limits, QueryError, Question, Rows, Scope, tables};
use yagura_store::{At, Lake, Position, Table};

/// 2026-11-22T00:00:00Z.
const MIDNIGHT: i64 = 1_795_305_600_000_000;

/// Every third record is of tenant `beta`, the others of `acme`; a record every ten seconds, ten vehicles in turn.
pub(crate) fn tenant(position: u64) -> &'static str {
    if position % 3 == 2 { "beta" } else { "acme" }
}

pub(crate) fn batch(positions: Range<u64>) -> RecordBatch {
    let all: Vec<u64> = positions.collect();
    let time = |p: u64| MIDNIGHT + p as i64 * 10_000_000;
    let vehicle = |p: u64| format!("car-{}", p % 10);
    let schema = Table::Events.schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let name = field.name().as_str();
        let it = || all.iter().copied();
        match field.data_type() {
            DataType::Timestamp(..) => {
                Arc::new(TimestampMicrosecondArray::from_iter_values(it().map(time)).with_timezone("UTC"))
            }
            DataType::Date32 => Arc::new(Date32Array::from_iter_values(it().map(|p| event_date(UnixMicros(time(p)))))),
            DataType::Int32 => Arc::new(Int32Array::from_iter_values(it().map(|p| match name {
                "vehicle_bucket" => bucket_of_text(tenant(p), &vehicle(p)),
                "severity_id" => (p % 5) as i32,
                "entry_index" => 0,
                _ => 7,
            }))),
            DataType::Int64 => Arc::new(Int64Array::from_iter_values(it().map(|p| p as i64))),
            DataType::Utf8 => Arc::new(StringArray::from_iter_values(it().map(|p| match name {
                "tenant" => tenant(p).to_owned(),
                "vehicle" => vehicle(p),
                "message" => format!("secret of {}", tenant(p)),
                _ => format!("{name} {}", p % 4),
            }))),
            DataType::Binary => Arc::new(BinaryArray::from_iter_values(it().map(|p| [p as u8, 0xAB]))),
            DataType::Boolean => Arc::new(BooleanArray::from_iter(it().map(|p| Some(p % 2 == 0)))),
            DataType::Float64 => Arc::new(Float64Array::from_iter_values(it().map(|p| p as f64 / 8.0))),
            other => panic!("no sample for {other}"),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

/// A lake with 600 records, some of it merged, and rows 580 to 620 that wait: 20 of them are in the lake already.
pub(crate) struct Asked {
    _dir: TempDir,
    pub(crate) lake: Lake,
    pub(crate) waiting: Vec<RecordBatch>,
    pub(crate) engine: Engine,
}

impl Asked {
    pub(crate) fn new() -> Self {
        Self::within(Limits { queries_max: 16, ..Limits::default() })
    }

    pub(crate) fn within(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open(dir.path().to_str().unwrap(), 0).unwrap();
        for n in 0..30 {
            if n == 20 {
                lake.maintain(UnixMicros(MIDNIGHT)).unwrap();
            }
            lake.append(Table::Events, &batch(n * 20..n * 20 + 20), Position(n * 20 + 19)).unwrap();
        }
        let waiting = vec![batch(580..600), batch(600..620)];
        Self { _dir: dir, lake, waiting, engine: Engine::start(limits).unwrap() }
    }

    pub(crate) fn ask_at(&self, scope: Scope, sql: &str, at: At) -> Result<Answer, QueryError> {
        let rows = tables(sql)?.into_iter().map(|table| {
            let waiting = if table == Table::Events && at == At::Latest { self.waiting.clone() } else { Vec::new() };
            Ok(Rows { snapshot: self.lake.snapshot(table, at)?, waiting })
        });
        let rows: Result<Vec<Rows>, QueryError> = rows.collect();
        self.engine.ask_blocking(Question { scope, sql: sql.to_owned(), rows: 10_000 }, rows?)
    }

    /// What `acme` is answered, as CSV without the line of names.
    pub(crate) fn acme(&self, sql: &str) -> String {
        let answer = self.ask_at(Scope::Tenant("acme".to_owned()), sql, At::Latest).unwrap();
        let text = String::from_utf8(answer.csv().unwrap()).unwrap();
        text.split_once('\n').unwrap().1.to_owned()
    }

    pub(crate) fn refusal(&self, sql: &str) -> String {
        match self.ask_at(Scope::Tenant("acme".to_owned()), sql, At::Latest) {
            Ok(answer) => panic!("{sql} was answered with {} rows", answer.rows()),
            Err(error) => error.to_string(),
        }
    }
}
