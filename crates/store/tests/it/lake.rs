//! The lake's promises: rows once, found again, pruned, merged, committed.

use arrow::array::{
    ArrayRef, AsArray as _, BinaryArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type};
use expect_test::expect;
use proptest::prelude::*;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use yagura_columns::{bucket_of_text, event_date};
use yagura_model::UnixMicros;
use yagura_store::{Judged, Lake, LakeError, Position, Query, Scan, Table};

/// 2026-11-22T00:00:00Z.
pub(crate) const MIDNIGHT: i64 = 1_795_305_600_000_000;
const HOUR: i64 = 3_600_000_000;

fn vehicle(position: u64) -> String {
    format!("car-{}", position % 10)
}

/// Ten seconds between records.
fn time(position: u64) -> i64 {
    MIDNIGHT + position as i64 * 10_000_000
}

/// Two rows for each record.
pub(crate) fn rows(table: Table, positions: Range<u64>) -> RecordBatch {
    let all: Vec<(u64, i32)> = positions.flat_map(|p| [(p, 0), (p, 1)]).collect();
    rows_at(table, &all, time)
}

pub(crate) fn rows_at(table: Table, all: &[(u64, i32)], time: impl Fn(u64) -> i64) -> RecordBatch {
    let schema = table.schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let name = field.name().as_str();
        match field.data_type() {
            DataType::Timestamp(..) => {
                let times = all.iter().map(|(p, _)| time(*p));
                Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
            }
            DataType::Date32 => {
                Arc::new(Date32Array::from_iter_values(all.iter().map(|(p, _)| event_date(UnixMicros(time(*p))))))
            }
            DataType::Int32 => Arc::new(Int32Array::from_iter_values(all.iter().map(|(p, entry)| match name {
                "vehicle_bucket" => bucket_of_text("acme", &vehicle(*p)),
                "entry_index" => *entry,
                _ => 7,
            }))),
            DataType::Int64 if field.is_nullable() => {
                Arc::new(Int64Array::from_iter(all.iter().map(|(p, _)| (p % 3 == 0).then_some(-1))))
            }
            DataType::Int64 => Arc::new(Int64Array::from_iter_values(all.iter().map(|(p, _)| *p as i64))),
            DataType::Utf8 => Arc::new(StringArray::from_iter_values(all.iter().map(|(p, _)| match name {
                "tenant" => "acme".to_owned(),
                "vehicle" => vehicle(*p),
                _ => format!("{name} {}", p % 4),
            }))),
            DataType::Binary => Arc::new(BinaryArray::from_iter(all.iter().map(|(p, _)| Some(p.to_be_bytes())))),
            DataType::Boolean => Arc::new(BooleanArray::from_iter(all.iter().map(|(p, _)| Some(p % 2 == 0)))),
            DataType::Float64 => Arc::new(Float64Array::from_iter(all.iter().map(|(p, _)| Some(*p as f64 / 8.0)))),
            other => panic!("no sample for {other}"),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

pub(crate) fn all() -> Query {
    Query { tenant: "acme".to_owned(), vehicle: None, from: None, to: None, limit: Query::ROWS_MAX }
}

pub(crate) fn joined(table: Table, scan: &Scan) -> RecordBatch {
    concat_batches(&table.schema(), &scan.batches).unwrap()
}

/// Position and entry of each row.
pub(crate) fn keys(scan: &Scan) -> Vec<(i64, i32)> {
    let of = |batch: &RecordBatch| {
        let positions = batch.column_by_name("position").unwrap().as_primitive::<Int64Type>().clone();
        let entries =
            batch.column_by_name("entry_index").unwrap().as_primitive::<arrow::datatypes::Int32Type>().clone();
        positions.values().iter().copied().zip(entries.values().iter().copied()).collect::<Vec<_>>()
    };
    scan.batches.iter().flat_map(of).collect()
}

pub(crate) fn wanted(positions: Range<u64>) -> Vec<(i64, i32)> {
    positions.flat_map(|p| [(p as i64, 0), (p as i64, 1)]).collect()
}

fn open(dir: &Path) -> Lake {
    Lake::open(dir.to_str().unwrap(), 0).unwrap()
}

#[test]
fn rows_come_back_as_they_went_in_from_every_table() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    for table in Table::ALL {
        assert_eq!(lake.committed(table), None);
        let batch = rows(table, 0..50);
        let appended = lake.append(table, &batch, Position(49)).unwrap();
        assert_eq!((appended.rows, appended.repeated), (100, 0));
        assert_eq!(joined(table, &lake.scan(table, &all()).unwrap()), batch, "{table:?}");
        assert_eq!((lake.committed(table), lake.stats(table).rows), (Some(Position(49)), 100));
    }
    drop(lake);
    let lake = open(dir.path());
    for table in Table::ALL {
        assert_eq!(lake.committed(table), Some(Position(49)));
        assert_eq!(joined(table, &lake.scan(table, &all()).unwrap()), rows(table, 0..50), "{table:?}");
    }
}

/// The rows with the clock of every odd record a day ahead, received when they were.
fn some_ahead(positions: Range<u64>) -> RecordBatch {
    let batch = rows(Table::Events, positions);
    let places = batch.column_by_name("position").unwrap().as_primitive::<Int64Type>();
    let ahead = |p: &i64| time(*p as u64) + if p % 2 == 1 { 24 * HOUR } else { 0 };
    let times: Vec<i64> = places.values().iter().map(ahead).collect();
    let mut columns = batch.columns().to_vec();
    let at = |name: &str| batch.schema().index_of(name).unwrap();
    columns[at("event_date")] =
        Arc::new(Date32Array::from_iter_values(times.iter().map(|time| event_date(UnixMicros(*time)))));
    columns[at("time")] = Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"));
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

#[test]
fn rows_are_found_by_the_time_by_which_they_were_judged_with_the_columns_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    for n in 0..8 {
        lake.append(Table::Events, &some_ahead(n * 50..n * 50 + 50), Position(n * 50 + 49)).unwrap();
    }
    let (from, to) = (UnixMicros(time(120)), UnixMicros(time(180)));
    let query = Query { from: Some(from), to: Some(to), ..all() };
    let columns = ["event_name".to_owned()];
    let judged = Judged { query: &query, ahead_max: 60_000_000, columns: &columns };
    let scan = lake.scan_judged(Table::Events, &judged).unwrap();
    let mut found = keys(&scan);
    found.sort_unstable();
    assert_eq!(found, wanted(120..180), "{} files", scan.files_read);
    let rows = joined(Table::Events, &scan);
    assert!(rows.column_by_name("event_name").is_some_and(|column| column.null_count() == 0));
    let empty = rows.columns().iter().filter(|column| column.null_count() == column.len()).count();
    assert!(empty > 5, "columns that nobody asked for are not read: {empty}");
    let own = keys(&lake.scan(Table::Events, &query).unwrap());
    assert_eq!(own.len(), 60, "by their own times the odd ones are a day later");
}

#[test]
fn a_query_sees_its_tenant_vehicle_and_time_and_reads_few_files() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    for n in 0..12 {
        lake.append(Table::Events, &rows(Table::Events, n * 100..n * 100 + 100), Position(n * 100 + 99)).unwrap();
    }
    let ask = |query: Query| lake.scan(Table::Events, &query).unwrap();
    assert!(keys(&ask(Query { tenant: "other".to_owned(), ..all() })).is_empty());
    let of_car = ask(Query { vehicle: Some("car-3".to_owned()), ..all() });
    assert_eq!(keys(&of_car).len(), 240);
    assert!(keys(&of_car).iter().all(|(p, _)| p % 10 == 3));
    assert!(of_car.files_skipped > of_car.files_read, "{of_car:?}");
    let (from, to) = (UnixMicros(time(230)), UnixMicros(time(250)));
    let of_time = ask(Query { from: Some(from), to: Some(to), ..all() });
    assert_eq!(keys(&of_time), wanted(230..250));
    assert!(of_time.files_read <= 4, "{of_time:?}");
    let nothing = ask(Query { vehicle: Some("car-99".to_owned()), from: Some(from), ..all() });
    assert_eq!((nothing.batches.len(), nothing.truncated), (0, false));
}

#[test]
fn a_limit_keeps_the_latest_rows_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    for n in 0..12 {
        lake.append(Table::Events, &rows(Table::Events, n * 100..n * 100 + 100), Position(n * 100 + 99)).unwrap();
    }
    let last = lake.scan(Table::Events, &Query { limit: 6, ..all() }).unwrap();
    assert_eq!((keys(&last), last.truncated), (wanted(1197..1200), true));
    assert!(last.files_read < 12, "{last:?}");
    let exact = lake.scan(Table::Events, &Query { limit: 2_400, ..all() }).unwrap();
    assert_eq!((keys(&exact).len(), exact.truncated), (2_400, false));
    let none = lake.scan(Table::Events, &Query { limit: 0, ..all() }).unwrap();
    assert_eq!((keys(&none).len(), none.truncated), (0, true));
}

#[test]
fn small_files_are_merged_without_changing_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    for n in 0..40 {
        lake.append(Table::Events, &rows(Table::Events, n * 10..n * 10 + 10), Position(n * 10 + 9)).unwrap();
    }
    let before = joined(Table::Events, &lake.scan(Table::Events, &all()).unwrap());
    let files = lake.stats(Table::Events).files;
    let now = UnixMicros(MIDNIGHT + HOUR);
    let done = lake.maintain(now).unwrap();
    assert!(done.merged >= 100 && done.written <= 8 && done.deleted == 0, "{done:?}");
    assert!(done.checkpoints >= 1, "{done:?}");
    assert!(lake.stats(Table::Events).files < files / 4);
    assert_eq!(joined(Table::Events, &lake.scan(Table::Events, &all()).unwrap()), before);
    assert_eq!(lake.maintain(now).unwrap().merged, 0);
    let later = UnixMicros(now.0 + 7 * HOUR);
    assert_eq!(lake.maintain(later).unwrap().deleted, done.merged);
    assert_eq!(joined(Table::Events, &lake.scan(Table::Events, &all()).unwrap()), before);
    drop(lake);
    let lake = open(dir.path());
    assert_eq!(joined(Table::Events, &lake.scan(Table::Events, &all()).unwrap()), before);
    assert_eq!(lake.committed(Table::Events), Some(Position(399)));
    let car = lake.scan(Table::Events, &Query { vehicle: Some("car-4".to_owned()), ..all() }).unwrap();
    assert_eq!(keys(&car).len(), 80);
}

#[test]
fn files_that_never_came_into_the_table_are_swept_away() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    lake.append(Table::Events, &rows(Table::Events, 0..1), Position(0)).unwrap();
    let partition = dir.path().join("events/event_date=2026-11-22/vehicle_bucket=0");
    std::fs::create_dir_all(&partition).unwrap();
    std::fs::write(partition.join("part-left-over.parquet"), b"x").unwrap();
    // The file was written by today's clock, whatever the year; this is long after.
    assert_eq!(lake.maintain(UnixMicros(MIDNIGHT * 4)).unwrap().deleted, 1);
    assert_eq!(keys(&lake.scan(Table::Events, &all()).unwrap()), wanted(0..1));
}

#[test]
fn batches_without_rows_move_the_position_now_and_then() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    let empty = rows(Table::Alerts, 0..0);
    lake.append(Table::Alerts, &empty, Position(500)).unwrap();
    assert_eq!(lake.committed(Table::Alerts), None);
    lake.settle().unwrap();
    assert_eq!(lake.committed(Table::Alerts), Some(Position(500)));
    lake.append(Table::Alerts, &empty, Position(500 + Lake::EMPTY_RECORDS_MAX)).unwrap();
    assert_eq!(lake.committed(Table::Alerts), Some(Position(500)));
    lake.append(Table::Alerts, &empty, Position(501 + Lake::EMPTY_RECORDS_MAX)).unwrap();
    assert_eq!(lake.committed(Table::Alerts), Some(Position(501 + Lake::EMPTY_RECORDS_MAX)));
    assert_eq!(lake.stats(Table::Alerts).version, 2);
}

#[test]
fn a_commit_that_a_power_cut_tore_is_forgotten_and_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    lake.append(Table::Events, &rows(Table::Events, 0..5), Position(4)).unwrap();
    lake.append(Table::Events, &rows(Table::Events, 5..9), Position(8)).unwrap();
    drop(lake);
    let last = dir.path().join("events/_delta_log/00000000000000000002.json");
    let text = std::fs::read_to_string(&last).unwrap();
    std::fs::write(&last, &text[..text.len() / 2]).unwrap();
    let lake = open(dir.path());
    assert_eq!(lake.committed(Table::Events), Some(Position(4)));
    lake.append(Table::Events, &rows(Table::Events, 2..12), Position(11)).unwrap();
    assert_eq!(keys(&lake.scan(Table::Events, &all()).unwrap()), wanted(0..12));
}

#[test]
fn a_commit_by_another_program_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (open(dir.path()), open(dir.path()));
    one.append(Table::Events, &rows(Table::Events, 0..5), Position(4)).unwrap();
    // The other one does not know of it, and does not commit the rows again.
    other.append(Table::Events, &rows(Table::Events, 0..5), Position(4)).unwrap();
    assert_eq!((other.committed(Table::Events), other.stats(Table::Events).rows), (Some(Position(4)), 10));
    other.append(Table::Events, &rows(Table::Events, 5..6), Position(5)).unwrap();
    one.append(Table::Alerts, &rows(Table::Alerts, 5..6), Position(5)).unwrap();
    assert_eq!(keys(&open(dir.path()).scan(Table::Events, &all()).unwrap()), wanted(0..6));
}

#[test]
fn a_batch_that_does_not_fit_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    let wrong = lake.append(Table::Events, &rows(Table::Alerts, 0..1), Position(0));
    assert!(matches!(wrong, Err(LakeError::Schema { table: "events", .. })), "{wrong:?}");
    let beyond = lake.append(Table::Events, &rows(Table::Events, 0..3), Position(1));
    expect!["row of record 2 in a batch that goes to 1"].assert_eq(&beyond.unwrap_err().to_string());
    assert_eq!(lake.committed(Table::Events), None);
}

#[test]
fn times_that_no_calendar_knows_are_kept_and_found() {
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    let odd = |p: u64| [i64::MIN, i64::MAX, 0, -1, MIDNIGHT][p as usize];
    let batch = rows_at(Table::VehicleState, &[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)], odd);
    lake.append(Table::VehicleState, &batch, Position(4)).unwrap();
    drop(lake);
    let lake = open(dir.path());
    let scan = lake.scan(Table::VehicleState, &all()).unwrap();
    assert_eq!(keys(&scan).iter().map(|(p, _)| *p).collect::<Vec<_>>(), [0, 3, 2, 4, 1]);
    let recent = Query { from: Some(UnixMicros(0)), ..all() };
    assert_eq!(keys(&lake.scan(Table::VehicleState, &recent).unwrap()).len(), 3);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => copy(&path, &to.join(entry.file_name())),
            path => drop(std::fs::copy(path, to.join(entry.file_name())).unwrap()),
        }
    }
}

/// `testdata/lake/v1` was written by the version before the columns of other observers came.
#[test]
fn a_table_of_an_older_version_gets_the_new_columns_and_keeps_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/lake/v1"), dir.path());
    let lake = open(dir.path());
    let query = Query { tenant: "demo".to_owned(), ..all() };
    let old = joined(Table::Events, &lake.scan(Table::Events, &query).unwrap());
    let stats = lake.stats(Table::Events);
    assert_eq!((old.num_rows() as u64, stats.rows, stats.version), (16, 16, 4));
    let place = old.column_by_name("place_start_bit").unwrap();
    assert_eq!(place.null_count(), 16);
    assert_eq!(lake.committed(Table::Events), Some(Position(28)));
    lake.append(Table::Events, &rows(Table::Events, 20..40), Position(39)).unwrap();
    drop(lake);
    let lake = open(dir.path());
    assert_eq!((lake.stats(Table::Events).version, lake.committed(Table::Events)), (5, Some(Position(39))));
    assert_eq!(joined(Table::Events, &lake.scan(Table::Events, &query).unwrap()), old);
    assert_eq!(keys(&lake.scan(Table::Events, &all()).unwrap()), wanted(29..40));
}

#[test]
fn files_carry_field_ids_and_no_partition_columns() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    let dir = tempfile::tempdir().unwrap();
    let lake = open(dir.path());
    lake.append(Table::Alerts, &rows(Table::Alerts, 0..3), Position(2)).unwrap();
    let mut dirs = vec![dir.path().join("alerts")];
    let mut file = None;
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            match entry.path() {
                path if path.is_dir() => dirs.push(path),
                path if path.extension().is_some_and(|e| e == "parquet") => file = Some(path),
                _ => {}
            }
        }
    }
    let reader = SerializedFileReader::new(std::fs::File::open(file.unwrap()).unwrap()).unwrap();
    let columns = reader.metadata().file_metadata().schema().get_fields().iter().map(|field| {
        let info = field.get_basic_info();
        format!("{} {} {:?} {:?}\n", info.id(), info.name(), field.get_physical_type(), info.repetition())
    });
    expect![[r#"
        1 time INT64 REQUIRED
        4 tenant BYTE_ARRAY REQUIRED
        5 alert_id BYTE_ARRAY REQUIRED
        6 rule_id BYTE_ARRAY REQUIRED
        7 title BYTE_ARRAY REQUIRED
        8 severity_id INT32 REQUIRED
        9 vehicle BYTE_ARRAY OPTIONAL
        10 group BYTE_ARRAY REQUIRED
        11 window_start INT64 REQUIRED
        12 count INT64 REQUIRED
        13 position INT64 REQUIRED
        14 entry_index INT32 REQUIRED
    "#]]
    .assert_eq(&columns.collect::<String>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// The pipeline stops anywhere and replays from anywhere at or before what is committed, cutting its batches anew.
    #[test]
    fn replaying_in_any_cut_gives_each_row_once(
        runs in proptest::collection::vec((0..30_u64, proptest::collection::vec(1..25_u64, 1..6)), 1..4)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut end = 0;
        for (back, cuts) in runs {
            let lake = open(dir.path());
            let committed = lake.committed(Table::Events).map_or(0, |p| p.0 + 1);
            prop_assert_eq!(committed, end);
            let mut at = committed.saturating_sub(back);
            for cut in cuts {
                lake.append(Table::Events, &rows(Table::Events, at..at + cut), Position(at + cut - 1)).unwrap();
                at += cut;
            }
            end = end.max(at);
            prop_assert_eq!(keys(&lake.scan(Table::Events, &all()).unwrap()), wanted(0..end));
        }
    }
}
