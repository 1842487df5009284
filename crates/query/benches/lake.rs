//! The questions of the research notes over synthetic events in the lake's own layout.
//!
//! `cargo bench -p yagura-cli -p yagura-query --bench lake -- [--events N] [--dir DIR]` writes the same events twice (as they
//! arrive, and merged as upkeep does it), prints what each question takes on both, and leaves them in DIR. With `--asked` it answers
//! what `scripts/readers peers DIR` writes to its input, in turn with other engines. Numbers: docs/performance.md.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may stop where it stands, and prints")]

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::DataType;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use yagura_columns::{bucket_of_text, event_date};
use yagura_model::UnixMicros;
use yagura_query::{Engine, Limits, Question, Rows, Scope};
use yagura_store::{At, Lake, Position, Query, Table};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 2026-11-22T00:00:00Z; the events are of the 24 hours after it.
const MIDNIGHT: i64 = 1_795_305_600_000_000;
const DAY: i64 = 86_400_000_000;
const VEHICLES: u64 = 100_000;
/// Events of a report.
const REPORT: u64 = 60;
const BATCH: u64 = 99_960;

/// The questions: name and SQL.
const QUESTIONS: [(&str, &str); 6] = [
    (
        "q1 events by kind and 5 minutes",
        "SELECT event_id, date_bin(INTERVAL '5 minutes', time) AS t, count(*) AS n FROM events GROUP BY 1, 2",
    ),
    (
        "q2 the 20 loudest vehicles",
        "SELECT vehicle, count(*) AS n FROM events WHERE severity_id >= 3 GROUP BY vehicle ORDER BY n DESC, vehicle LIMIT 20",
    ),
    (
        "q3 a vehicle's timeline, 6 hours",
        "SELECT * FROM events WHERE vehicle = 'vehicle-0004711' AND time >= '2026-11-22T06:00:00Z' AND time < '2026-11-22T12:00:00Z' ORDER BY time",
    ),
    ("q3b a vehicle's timeline, the day", "SELECT * FROM events WHERE vehicle = 'vehicle-0004711' ORDER BY time"),
    ("q4 text search", "SELECT count(*) FROM events WHERE message LIKE '%SecOC pdu 0x0a%'"),
    (
        "q5 vehicles by kind and hour",
        "SELECT event_id, date_trunc('hour', time) AS h, count(DISTINCT vehicle) AS n FROM events GROUP BY 1, 2",
    ),
];

/// A small generator of repeatable numbers (splitmix64).
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 200 kinds, each half as frequent as eight kinds before it.
fn kind(random: u64) -> u64 {
    let uniform = (random >> 11) as f64 / (1_u64 << 53) as f64;
    ((-uniform.max(1e-12).log2() * 8.0) as u64).min(199)
}

fn batch(first: u64, rows: u64, all: u64) -> RecordBatch {
    let at: Vec<u64> = (first..first + rows).collect();
    let vehicle: Vec<u64> = at.iter().map(|p| mixed(p / REPORT) % VEHICLES).collect();
    let kinds: Vec<u64> = at.iter().map(|p| kind(mixed(p ^ 0xA5A5))).collect();
    let names: Vec<String> = vehicle.iter().map(|v| format!("vehicle-{v:07}")).collect();
    // A report holds what its vehicle saw in the minute before it was sent.
    let sent = |p: u64| MIDNIGHT + (DAY as f64 * (p / REPORT * REPORT) as f64 / all as f64) as i64;
    let time = |p: u64| sent(p) + (p % REPORT * 1_000_000 + mixed(p ^ 7) % 1_000_000) as i64;
    let it = || at.iter().copied();
    let schema = Table::Events.schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let name = field.name().as_str();
        let texts =
            |of: &dyn Fn(usize) -> String| Arc::new(StringArray::from_iter_values((0..at.len()).map(of))) as ArrayRef;
        let longs = |of: &dyn Fn(u64) -> i64| Arc::new(Int64Array::from_iter_values(it().map(of))) as ArrayRef;
        let ints =
            |of: &dyn Fn(usize) -> i32| Arc::new(Int32Array::from_iter_values((0..at.len()).map(of))) as ArrayRef;
        match name {
            "time" => Arc::new(TimestampMicrosecondArray::from_iter_values(it().map(time)).with_timezone("UTC")),
            "received_time" => {
                let received = it().map(|p| sent(p) + 62_000_000);
                Arc::new(TimestampMicrosecondArray::from_iter_values(received).with_timezone("UTC"))
            }
            "event_date" => Arc::new(Date32Array::from_iter_values(it().map(|p| event_date(UnixMicros(time(p)))))),
            "vehicle_bucket" => ints(&|i| bucket_of_text("acme", &names[i])),
            "tenant" => texts(&|_| "acme".to_owned()),
            "vehicle" => texts(&|i| names[i].clone()),
            "sensor" => texts(&|i| format!("ecu-{}", vehicle[i] % 50)),
            "event_id" => ints(&|i| 0x8000 + kinds[i] as i32),
            "event_name" => texts(&|i| format!("EVENT_{:04X}", 0x8000 + kinds[i])),
            "severity_id" => ints(&|i| 1 + (kinds[i] % 5) as i32),
            "count" => ints(&|i| 1 + (mixed(at[i] ^ 3) % 4) as i32),
            "bus" => ints(&|i| (kinds[i] % 4) as i32),
            "can_id" => longs(&|p| (mixed(p ^ 0xC) % 300 * 4) as i64),
            "can_extended" => Arc::new(BooleanArray::from(vec![Some(false); at.len()])),
            "frame_kind" => texts(&|_| "data".to_owned()),
            "expected" => longs(&|p| ((mixed(p) % 20 + 1) * 10_000) as i64),
            "observed" => longs(&|p| (mixed(p ^ 5) % 200_000) as i64),
            "payload" => {
                Arc::new(BinaryArray::from_iter_values(it().map(|p| (mixed(p ^ 9) & 0xFF_FFFF_FFFF).to_be_bytes())))
            }
            "speed_kmh" => {
                Arc::new(Float64Array::from_iter_values(it().map(|p| (mixed(p ^ 11) % 1_300) as f64 / 10.0)))
            }
            "gear" => texts(&|_| "drive".to_owned()),
            "boot" => longs(&|p| (mixed(p / REPORT) % VEHICLES % 40) as i64),
            "sequence" => longs(&|p| (mixed((p / REPORT) ^ 21) % 5_000) as i64),
            "position" => longs(&|p| (p / REPORT) as i64),
            "entry_index" => ints(&|i| (at[i] % REPORT) as i32),
            "idsm_instance" | "sensor_instance" => ints(&|_| 1),
            "src_ip" => {
                texts(&|i| format!("10.{}.{}.{}", (vehicle[i] >> 16) & 255, (vehicle[i] >> 8) & 255, vehicle[i] & 255))
            }
            "message" => {
                texts(&|i| format!("SecOC pdu 0x{:02x} freshness {} on bus {}", kinds[i], kinds[i] % 7, kinds[i] % 4))
            }
            _ if matches!(
                field.data_type(),
                DataType::Utf8 | DataType::Int32 | DataType::Int64 | DataType::Boolean
            ) =>
            {
                new_null_array(field.data_type(), at.len())
            }
            other => unreachable!("no values for {other}"),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

fn write(dir: &Path, events: u64) -> Lake {
    let lake = Lake::open(dir.to_str().unwrap(), 0).unwrap();
    let begun = Instant::now();
    let mut first = 0;
    while first < events {
        let rows = BATCH.min(events - first);
        // Whole records: sixty events each.
        lake.append(Table::Events, &batch(first, rows, events), Position((first + rows - 1) / REPORT)).unwrap();
        first += rows;
    }
    let stats = lake.stats(Table::Events);
    let rate = events as f64 / begun.elapsed().as_secs_f64();
    println!(
        "{:<9} {} rows in {} files, {:.1} bytes an event, {rate:.0} rows/s",
        name(dir),
        stats.rows,
        stats.files,
        bytes(&lake)
    );
    lake
}

fn name(dir: &Path) -> String {
    dir.file_name().unwrap().to_string_lossy().into_owned()
}

fn bytes(lake: &Lake) -> f64 {
    let stats = lake.stats(Table::Events);
    stats.bytes as f64 / stats.rows.max(1) as f64
}

/// Milliseconds, and how many rows.
fn ask(engine: &Engine, lake: &Lake, sql: &str) -> (f64, usize) {
    let snapshot = lake.snapshot(Table::Events, At::Latest).unwrap();
    let question = Question { scope: Scope::Tenant("acme".to_owned()), sql: sql.to_owned(), rows: 1_000_000 };
    let begun = Instant::now();
    let answer = engine.ask_blocking(question, vec![Rows { snapshot, waiting: Vec::new() }]).unwrap();
    (begun.elapsed().as_secs_f64() * 1_000.0, answer.rows())
}

/// The best of three.
fn best(engine: &Engine, lake: &Lake, sql: &str) -> (f64, usize) {
    let answers = (0..3).map(|_| ask(engine, lake, sql));
    answers.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

/// What this process took of the processors, in milliseconds.
fn processor() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanos = tasks.map(|task| {
        let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0)
    });
    nanos.sum::<f64>() / 1e6
}

/// Answers lines such as `merged q1` by a line with milliseconds, milliseconds of processor, and rows.
fn answer_lines(engine: &Engine, arrival: &Lake, merged: &Lake) {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let (lake, wanted) = line.split_once(' ').unwrap();
        let lake = if lake == "merged" { merged } else { arrival };
        let (_, sql) = QUESTIONS.iter().find(|(name, _)| name.split(' ').next() == Some(wanted)).unwrap();
        let before = processor();
        let (took, rows) = ask(engine, lake, sql);
        println!("{took:.2} {:.2} {rows}", processor() - before);
    }
}

/// The vehicle's timeline as the API reads it, without the query engine; best of three, in milliseconds.
fn page(lake: &Lake) -> f64 {
    let query = Query {
        tenant: "acme".to_owned(),
        vehicle: Some("vehicle-0004711".to_owned()),
        from: None,
        to: None,
        limit: Query::ROWS_MAX,
    };
    let took = |_| {
        let begun = Instant::now();
        assert!(!lake.scan(Table::Events, &query).unwrap().batches.is_empty());
        begun.elapsed().as_secs_f64() * 1_000.0
    };
    (0..3).map(took).fold(f64::MAX, f64::min)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let after = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|i| args.get(i + 1)).cloned();
    let events = after("--events").map_or(1_000_000, |text| text.parse().unwrap());
    let dir = PathBuf::from(after("--dir").unwrap_or_else(|| "target/bench-lake".to_owned()));
    let asked = args.iter().any(|arg| arg == "--asked");
    if !asked {
        // An earlier run's tables have other rows.
        let _ = std::fs::remove_dir_all(&dir);
    }
    let [arrival, merged] = ["arrival", "merged"].map(|name| {
        if asked { Lake::open(dir.join(name).to_str().unwrap(), 0).unwrap() } else { write(&dir.join(name), events) }
    });
    let limits =
        Limits { threads: 2, memory_bytes_max: 4 << 30, seconds_max: 600, rows_max: 10_000_000, ..Limits::default() };
    let engine = Engine::start(limits).unwrap();
    if asked {
        return answer_lines(&engine, &arrival, &merged);
    }
    let begun = Instant::now();
    while merged.maintain(UnixMicros(MIDNIGHT + 3 * DAY)).unwrap().merged > 0 {}
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "merged    {} files, {:.1} bytes an event, in {seconds:.1} s",
        merged.stats(Table::Events).files,
        bytes(&merged)
    );
    let (slow, fast) = (page(&arrival), page(&merged));
    println!("{:<36} {slow:>12.1} {fast:>12.1}", "the vehicle page's own scan, the day");
    println!("{:<36} {:>12} {:>12} {:>9}", "question", "arrival ms", "merged ms", "rows");
    for (name, sql) in QUESTIONS {
        let (slow, rows) = best(&engine, &arrival, sql);
        let (fast, same) = best(&engine, &merged, sql);
        assert_eq!(rows, same, "{name}");
        println!("{name:<36} {slow:>12.1} {fast:>12.1} {rows:>9}");
    }
}
