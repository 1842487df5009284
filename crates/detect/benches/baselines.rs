//! Baselines on one core: events per second, bytes a group, and how long a snapshot and its return take.
//!
//! Input are record batches in the columns that rules ask about, each row an event of one baseline; matching them is part of the time.
//! Bytes are those that the process holds more than before the first row: name one bench on the command line, because what others held
//! hides them. Not counted: reading and decoding reports.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a bench prints, and stops if its input is wrong"
)]

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use std::sync::Arc;
use std::time::Instant;
use yagura_detect::{Engine, RuleFile, RuleSet};

const START: i64 = 1_767_225_600_000_000;
const ROWS: usize = 8_192;
const BATCHES: usize = 128;
/// Time from one event to the next, in µs: all of them take some days.
const STEP: i64 = 400_000;

/// A small generator of numbers that look random and are always the same (PCG).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

/// Events of so many vehicles, each with so many values of its own.
fn batches(vehicles: u32, values: u32) -> Vec<RecordBatch> {
    let (mut numbers, mut number) = (Numbers(2026), 0_i64);
    let mut batch = || {
        let (mut time, mut position, mut vehicle, mut value) = (vec![], vec![], vec![], vec![]);
        for _ in 0..ROWS {
            time.push(START + number * STEP);
            position.push(number);
            vehicle.push(format!("vehicle-{:07}", numbers.below(vehicles)));
            value.push(i64::from(numbers.below(values)));
            number += 1;
        }
        let utc = TimestampMicrosecondArray::from(time).with_timezone("UTC");
        let columns = [
            ("time", Arc::new(utc.clone()) as ArrayRef),
            ("received_time", Arc::new(utc)),
            ("tenant", Arc::new(StringArray::from(vec!["demo"; ROWS]))),
            ("vehicle", Arc::new(StringArray::from(vehicle))),
            ("position", Arc::new(Int64Array::from(position))),
            ("entry_index", Arc::new(Int64Array::from(vec![0; ROWS]))),
            ("observed", Arc::new(Int64Array::from(value))),
        ];
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    };
    (0..BATCHES).map(|_| batch()).collect()
}

fn measure(name: &str, baseline: &str, (vehicles, values): (u32, u32)) {
    let text = format!(
        "title: b\nid: b\nlogsource: {{product: vehicle}}\ndetection: {{s: {{'observed|exists': true}}, condition: s}}\n\
         yagura: {{baseline: {{{baseline}, group-by: [vehicle], history: 30d, warm-up: 1d}}}}\n"
    );
    let set = RuleSet::parse(&[RuleFile { path: "bench.yml".to_owned(), text }]).expect("a rule without mistakes");
    let batches = batches(vehicles, values);
    let mut engine = Engine::new(set.clone());
    let (before, began) = (resident_bytes(), Instant::now());
    let start = cpu_seconds(began);
    let hits: usize = batches.iter().map(|batch| engine.process(batch).expect("a batch of events").len()).sum();
    let rate = (BATCHES * ROWS) as f64 / (cpu_seconds(began) - start);
    let bytes = resident_bytes().saturating_sub(before) as f64;
    let (groups, entries) = engine.held();
    let start = cpu_seconds(began);
    let snapshot = engine.snapshot();
    let written = cpu_seconds(began) - start;
    let start = cpu_seconds(began);
    Engine::new(set).restore(&snapshot).expect("its own snapshot");
    let read = cpu_seconds(began) - start;
    println!(
        r#"{{"bench":"baseline_{name}","value":{rate:.0},"unit":"events/s/core","hits":{hits},"groups":{groups},"entries":{entries},"bytes_a_group":{:.0},"snapshot_bytes":{},"snapshot_s":{written:.2},"restore_s":{read:.2}}}"#,
        bytes / groups as f64,
        snapshot.len()
    );
}

/// What the process holds in memory; 0 where Linux does not say.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4_096)
}

/// Seconds that this thread was on a core, so that other work on the machine does not count; wall time where Linux does not say.
fn cpu_seconds(since: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: Option<f64> = stat.split_whitespace().next().and_then(|first| first.parse().ok());
    nanos.map_or_else(|| since.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

fn main() {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let rules = [
        ("first_seen_many_groups", "type: first_seen, field: observed", (400_000, 3)),
        ("first_seen", "type: first_seen, field: observed", (10_000, 10)),
        ("rare", "type: rare, field: observed, share: 0.001, at-least: 100", (1_000, 10)),
        ("rate", "type: rate, span: 1h, factor: 5, at-least: 100", (10_000, 1)),
    ];
    for (name, baseline, stream) in rules.into_iter().filter(|it| wanted.as_ref().is_none_or(|word| it.0 == word)) {
        measure(name, baseline, stream);
    }
}
