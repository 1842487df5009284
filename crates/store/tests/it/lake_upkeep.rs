//! What is kept, what goes, and that what goes is gone.

use crate::lake::{MIDNIGHT, all, keys, rows, wanted};
use std::path::{Path, PathBuf};
use yagura_model::UnixMicros;
use yagura_store::{Forget, Lake, Position, Query, Table, Upkeep};

const DAY: i64 = 86_400_000_000;

fn open(dir: &Path) -> Lake {
    Lake::open(dir.to_str().unwrap(), 0).unwrap()
}

/// Twelve commits; records 10 s apart, ten vehicles in turn.
fn filled(dir: &Path) -> Lake {
    let lake = open(dir);
    for table in [Table::Events, Table::VehicleState] {
        for n in 0..12 {
            lake.append(table, &rows(table, n * 50..n * 50 + 50), Position(n * 50 + 49)).unwrap();
        }
    }
    lake
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => found.append(&mut files(&path)),
            path => found.push(path),
        }
    }
    found
}

fn whose(vehicle: &str) -> Forget {
    Forget {
        tenant: "acme".to_owned(),
        vehicle: vehicle.to_owned(),
        by: "kei".to_owned(),
        reason: "request 4711".to_owned(),
        now: UnixMicros(MIDNIGHT * 2),
    }
}

#[test]
fn days_that_are_over_leave_the_table_and_then_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let lake = filled(dir.path());
    let upkeep = Upkeep { events_days: Some(30), ..Upkeep::default() };
    let kept = lake.tend(UnixMicros(MIDNIGHT + 30 * DAY), &upkeep).unwrap();
    assert_eq!((kept.done.expired, lake.stats(Table::Events).rows), (0, 1_200));
    let mut expired = 0;
    for _ in 0..20 {
        let tended = lake.tend(UnixMicros(MIDNIGHT + 31 * DAY), &upkeep).unwrap();
        expired += tended.done.expired;
        if !tended.more {
            break;
        }
    }
    assert_eq!((expired, lake.stats(Table::Events).rows), (1_200, 0));
    assert_eq!(lake.stats(Table::VehicleState).rows, 1_200);
    assert_eq!(lake.committed(Table::Events), Some(Position(599)));
    lake.tend(UnixMicros(MIDNIGHT + 32 * DAY), &upkeep).unwrap();
    let left = files(&dir.path().join("events"));
    assert!(
        left.iter().all(
            |file| file.extension().is_none_or(|e| e != "parquet") || file.to_string_lossy().contains("_delta_log")
        ),
        "{left:?}"
    );
    // A replay does not bring them back.
    lake.append(Table::Events, &rows(Table::Events, 0..600), Position(599)).unwrap();
    assert_eq!(lake.stats(Table::Events).rows, 0);
}

#[test]
fn a_vehicle_that_is_forgotten_is_nowhere_and_the_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    let lake = filled(dir.path());
    // Some of its rows are in merged files, and in the small ones from before, which are kept for a while.
    lake.maintain(UnixMicros(MIDNIGHT + 3 * DAY)).unwrap();
    lake.append(Table::Events, &rows(Table::Events, 600..610), Position(609)).unwrap();
    let planned = lake.forgettable(&whose("car-3")).unwrap();
    assert_eq!(planned.iter().map(|t| t.rows).collect::<Vec<_>>(), [122, 0, 120]);
    let before = lake.stats(Table::Events);
    let done = lake.forget(&whose("car-3")).unwrap();
    assert_eq!(done.iter().map(|t| t.rows).collect::<Vec<_>>(), [122, 0, 120]);
    assert!(done[0].versions == (before.version, before.version + 1) && done[0].deleted > 0, "{done:?}");
    let all_others: Vec<_> = wanted(0..610).into_iter().filter(|(p, _)| p % 10 != 3).collect();
    for lake in [&lake, &open(dir.path())] {
        assert_eq!(keys(&lake.scan(Table::Events, &all()).unwrap()), all_others);
        let its = Query { vehicle: Some("car-3".to_owned()), ..all() };
        assert!(keys(&lake.scan(Table::Events, &its).unwrap()).is_empty());
        assert!(lake.forgettable(&whose("car-3")).unwrap().iter().all(|table| table.rows == 0));
    }
    // Its name is in no file, compressed or not, but for the record of what was done.
    let holders: Vec<_> = files(dir.path()).into_iter().filter(|file| holds(file, "car-3")).collect();
    assert_eq!(holders.len(), 1, "{holders:?}");
    let record = std::fs::read_to_string(&holders[0]).unwrap();
    assert!(holders[0].starts_with(dir.path().join("_forgotten")), "{holders:?}");
    assert!(
        record.contains("request 4711") && record.contains("\"rows\": 122") && record.contains("vault"),
        "{record}"
    );
    // New rows of it are rows like any other.
    lake.append(Table::Events, &rows(Table::Events, 613..614), Position(613)).unwrap();
    let its = Query { vehicle: Some("car-3".to_owned()), ..all() };
    assert_eq!(keys(&lake.scan(Table::Events, &its).unwrap()).len(), 2);
}

/// Whether a vehicle is in a Parquet file's rows, or its name in any other file's bytes.
fn holds(file: &Path, vehicle: &str) -> bool {
    use arrow::array::AsArray as _;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let bytes = std::fs::read(file).unwrap();
    if bytes.windows(vehicle.len()).any(|window| window == vehicle.as_bytes()) {
        return true;
    }
    if file.extension().is_none_or(|e| e != "parquet") || file.to_string_lossy().contains("_delta_log") {
        return false;
    }
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap()).unwrap().build().unwrap();
    reader.map(Result::unwrap).any(|batch| batch["vehicle"].as_string::<i32>().iter().any(|v| v == Some(vehicle)))
}

#[test]
fn the_time_that_upkeep_takes_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let lake = filled(dir.path());
    let tended = lake.tend(UnixMicros(MIDNIGHT + 3 * DAY), &Upkeep::default()).unwrap();
    assert!(tended.more && tended.done.merged > 0, "{tended:?}");
    assert!(tended.cpu > std::time::Duration::ZERO, "{tended:?}");
}
