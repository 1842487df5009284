//! Several writers on one lake, on a directory and on object stores: rows exactly once, whoever is faster.

use crate::lake::{MIDNIGHT, all, keys, rows_at, wanted};
use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use std::sync::Arc;
use yagura_model::UnixMicros;
use yagura_store::{At, Lake, LakeError, PARTITION_SHIFT, Position, Table, Upkeep};

/// Where a lake is, and what is needed to get there.
struct Site {
    url: String,
    settings: Vec<(&'static str, String)>,
    _dir: Option<tempfile::TempDir>,
}

impl Site {
    fn directory() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { url: dir.path().to_str().unwrap().to_owned(), settings: Vec::new(), _dir: Some(dir) }
    }

    fn open(&self, partition: u16) -> Lake {
        let settings: Vec<(&str, &str)> = self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Lake::open_with(&self.url, partition, &settings).unwrap()
    }
}

#[expect(clippy::print_stdout, reason = "who runs the tests should know what was left out")]
fn service(variable: &str, name: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        assert_ne!(std::env::var("YAGURA_TEST_SERVICES").as_deref(), Ok("1"), "{variable} is not set");
        println!("skipped: {variable} is not set (scripts/services start {name})");
    }
    found
}

/// A prefix that no other run has.
fn prefix() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("lake-{:016x}", RandomState::new().hash_one(std::process::id()))
}

fn s3() -> Option<Site> {
    let endpoint = service("YAGURA_TEST_S3", "s3")?;
    let bucket = service("YAGURA_TEST_S3_BUCKET", "s3")?;
    let settings = vec![
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ];
    Some(Site { url: format!("s3://{bucket}/{}", prefix()), settings, _dir: None })
}

fn azure() -> Option<Site> {
    let endpoint = service("YAGURA_TEST_AZURE", "azurite")?;
    let key = service("YAGURA_TEST_AZURE_KEY", "azurite")?;
    let container = service("YAGURA_TEST_AZURE_CONTAINER", "azurite")?;
    let settings = vec![
        ("AZURE_STORAGE_ENDPOINT", endpoint),
        ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1".to_owned()),
        ("AZURE_STORAGE_ACCOUNT_KEY", key),
    ];
    Some(Site { url: format!("az://{container}/{}", prefix()), settings, _dir: None })
}

fn place(partition: u16, position: u64) -> Position {
    Position(u64::from(partition) << PARTITION_SHIFT | position)
}

/// One row for each record of a partition.
fn rows_of(partition: u16, positions: std::ops::Range<u64>) -> RecordBatch {
    let all: Vec<(u64, i32)> = positions.map(|p| (p, 0)).collect();
    let batch = rows_at(Table::Events, &all, |p| MIDNIGHT + p as i64 * 1_000_000);
    let index = batch.schema().index_of("position").unwrap();
    let places = all.iter().map(|(p, _)| place(partition, *p).0 as i64);
    let mut columns = batch.columns().to_vec();
    columns[index] = Arc::new(Int64Array::from_iter_values(places)) as ArrayRef;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// Places of all rows, sorted.
fn places(lake: &Lake) -> Vec<u64> {
    lake.follow().unwrap();
    let scan = lake.scan(Table::Events, &all()).unwrap();
    let of = |batch: &RecordBatch| batch["position"].as_primitive::<Int64Type>().values().to_vec();
    let mut places: Vec<u64> = scan.batches.iter().flat_map(of).map(|place| place as u64).collect();
    places.sort_unstable();
    places
}

fn expected(partitions: u16, records: u64) -> Vec<u64> {
    (0..partitions).flat_map(|n| (0..records).map(move |p| place(n, p).0)).collect()
}

/// Three workers at once; each repeats every commit, as after a lost answer; one merges all the while.
fn writers_do_not_collide(site: &Site) {
    let (workers, batches, size) = (3_u16, 8_u64, 5_u64);
    std::thread::scope(|scope| {
        for partition in 0..workers {
            scope.spawn(move || {
                let lake = site.open(partition);
                for n in 0..batches {
                    let (from, to) = (n * size, (n + 1) * size);
                    let batch = rows_of(partition, from..to);
                    let appended = lake.append(Table::Events, &batch, place(partition, to - 1)).unwrap();
                    assert_eq!((appended.rows, appended.repeated), (size, 0));
                    let again = lake.append(Table::Events, &batch, place(partition, to - 1)).unwrap();
                    assert_eq!((again.rows, again.repeated), (0, size));
                    if partition == 0 {
                        lake.tend(UnixMicros(MIDNIGHT), &Upkeep::default()).unwrap();
                    }
                }
                assert_eq!(lake.committed(Table::Events), Some(place(partition, batches * size - 1)));
            });
        }
    });
    let lake = site.open(1);
    assert_eq!(places(&lake), expected(workers, batches * size));
    lake.maintain(UnixMicros(MIDNIGHT + 172_800_000_000)).unwrap();
    assert_eq!(places(&site.open(0)), expected(workers, batches * size));
    assert_eq!(site.open(2).committed(Table::Events), Some(place(2, batches * size - 1)));
}

#[test]
fn writers_of_different_partitions_do_not_collide_on_a_directory() {
    writers_do_not_collide(&Site::directory());
}

/// A worker that was paused comes back while another has its partition: what it commits is never there twice.
fn a_zombie_changes_nothing(site: &Site) {
    let (zombie, owner) = (site.open(1), site.open(1));
    zombie.append(Table::Events, &rows_of(1, 0..4), place(1, 3)).unwrap();
    owner.follow().unwrap();
    owner.append(Table::Events, &rows_of(1, 2..9), place(1, 8)).unwrap();
    // It knows of 0..4 alone, and cuts its batch elsewhere.
    let appended = zombie.append(Table::Events, &rows_of(1, 4..12), place(1, 11)).unwrap();
    assert_eq!((appended.rows, appended.repeated), (3, 5));
    let late = owner.append(Table::Events, &rows_of(1, 9..11), place(1, 10)).unwrap();
    assert_eq!((late.rows, late.repeated), (0, 2));
    let all: Vec<u64> = (0..12).map(|p| place(1, p).0).collect();
    assert_eq!(places(&owner), all);
    assert_eq!(owner.committed(Table::Events), Some(place(1, 11)));
}

#[test]
fn a_zombie_changes_nothing_on_a_directory() {
    a_zombie_changes_nothing(&Site::directory());
}

#[test]
fn rows_of_another_partition_are_refused() {
    let site = Site::directory();
    let refused = site.open(1).append(Table::Events, &rows_of(2, 0..1), place(2, 0));
    assert!(matches!(refused, Err(LakeError::Partition { own: 1, given: 2 })), "{refused:?}");
}

#[test]
fn the_writer_of_the_only_vault_goes_on_as_partition_zero() {
    let site = Site::directory();
    site.open(0).append(Table::Events, &rows_of(0, 0..3), Position(2)).unwrap();
    site.open(7).append(Table::Events, &rows_of(7, 0..3), place(7, 2)).unwrap();
    let lake = site.open(0);
    assert_eq!(lake.committed(Table::Events), Some(Position(2)));
    assert_eq!(lake.stats(Table::Events).rows, 6);
}

#[test]
fn a_reader_follows_what_others_commit_and_looks_back() {
    let site = Site::directory();
    let (writer, reader) = (site.open(0), site.open(9));
    for n in 0..3 {
        writer.append(Table::Events, &rows_of(0, n * 2..n * 2 + 2), Position(n * 2 + 1)).unwrap();
    }
    assert_eq!(reader.stats(Table::Events).rows, 0);
    reader.follow().unwrap();
    assert_eq!(reader.stats(Table::Events), writer.stats(Table::Events));
    let rows = |at| reader.snapshot(Table::Events, at).map(|s| s.files.iter().map(|f| f.rows).sum::<u64>()).unwrap();
    assert_eq!([rows(At::Version(1)), rows(At::Version(2)), rows(At::Latest)], [2, 4, 6]);
    assert!(reader.snapshot(Table::Events, At::Version(99)).is_err());
}

#[test]
fn services_s3_takes_writers_of_several_partitions() {
    if let Some(site) = s3() {
        writers_do_not_collide(&site);
    }
}

#[test]
fn services_s3_knows_a_zombie() {
    if let Some(site) = s3() {
        a_zombie_changes_nothing(&site);
    }
}

#[test]
fn services_azure_takes_writers_of_several_partitions() {
    if let Some(site) = azure() {
        writers_do_not_collide(&site);
    }
}

#[test]
fn services_azure_knows_a_zombie() {
    if let Some(site) = azure() {
        a_zombie_changes_nothing(&site);
    }
}

#[test]
fn merged_rows_of_two_partitions_are_the_same_rows() {
    let site = Site::directory();
    let lake = site.open(0);
    for n in 0..20 {
        lake.append(Table::Events, &rows_of(0, n..n + 1), Position(n)).unwrap();
    }
    let before = keys(&lake.scan(Table::Events, &all()).unwrap());
    lake.maintain(UnixMicros(MIDNIGHT + 172_800_000_000)).unwrap();
    assert_eq!(keys(&lake.scan(Table::Events, &all()).unwrap()), before);
    assert_eq!(before.len() * 2, wanted(0..20).len());
}
