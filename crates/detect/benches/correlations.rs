//! Correlations on one core: detections per second, bytes a group, and how long a snapshot and its return take.
//!
//! Input are record batches in the columns that rules ask about, each row counted by one correlation; matching them is part of the
//! time. Bytes are those that the process holds more than before the first row. Not counted: reading and decoding reports.
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
const RUNS: usize = 3;

/// A small generator of numbers that look random and are always the same (PCG).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

/// What a stream of detections is like.
struct Stream {
    batches: usize,
    /// Vehicles that report, by chance.
    vehicles: u32,
    /// Distinct values of the field that is counted.
    values: u32,
    /// Time from one detection to the next, in µs.
    step: i64,
    /// Every so many rows one is so late, in µs.
    late: i64,
}

fn batches(stream: &Stream) -> Vec<RecordBatch> {
    let mut numbers = Numbers(2026);
    let mut number = 0_i64;
    let mut batch = || {
        let (mut time, mut received, mut vehicle, mut event, mut value) = (vec![], vec![], vec![], vec![], vec![]);
        let mut position = vec![];
        for _ in 0..ROWS {
            let at = START + number * stream.step;
            let late = if stream.late > 0 && numbers.below(2) == 0 {
                i64::from(numbers.below(1_000)) * stream.late / 1_000
            } else {
                0
            };
            time.push(at - late);
            received.push(at + 5_000_000);
            vehicle.push(format!("vehicle-{:07}", numbers.below(stream.vehicles)));
            event.push(["CAN_UNKNOWN_ID", "CAN_SILENT_ID", "CAN_EARLY_FRAME"][numbers.below(3) as usize]);
            value.push(i64::from(numbers.below(stream.values)));
            position.push(number);
            number += 1;
        }
        let utc = |times: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")) as ArrayRef;
        let columns = [
            ("time", utc(time)),
            ("received_time", utc(received)),
            ("tenant", Arc::new(StringArray::from(vec!["demo"; ROWS])) as ArrayRef),
            ("vehicle", Arc::new(StringArray::from(vehicle))),
            ("position", Arc::new(Int64Array::from(position))),
            ("entry_index", Arc::new(Int64Array::from(vec![0; ROWS]))),
            ("event_name", Arc::new(StringArray::from(event))),
            ("observed", Arc::new(Int64Array::from(value))),
        ];
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    };
    (0..stream.batches).map(|_| batch()).collect()
}

/// Rules that correlations count.
const BASES: [(&str, &str); 4] = [
    ("any", "event_name|exists: true"),
    ("a", "event_name: CAN_UNKNOWN_ID"),
    ("b", "event_name: CAN_SILENT_ID"),
    ("c", "event_name: CAN_EARLY_FRAME"),
];

/// Correlations and those rules that they count: others would raise alerts of their own.
fn set(correlations: &[String]) -> RuleSet {
    let words = |body: &String| body.split([' ', ',', '[', ']']).map(str::to_owned).collect::<Vec<_>>();
    let used = |name: &str| correlations.iter().any(|body| words(body).iter().any(|word| word == name));
    let base = |(name, search): &(&str, &str)| {
        format!(
            "title: {name}\nname: {name}\nlogsource: {{product: vehicle}}\ndetection: {{s: {{{search}}}, condition: s}}\n---\n"
        )
    };
    let rule = |(n, body): (usize, &String)| format!("title: r{n}\nid: r{n}\ncorrelation: {{{body}}}\n---\n");
    let text = BASES
        .iter()
        .filter(|(name, _)| used(name))
        .map(base)
        .chain(correlations.iter().enumerate().map(rule))
        .collect();
    RuleSet::parse(&[RuleFile { path: "bench.yml".to_owned(), text }]).expect("rules without mistakes")
}

/// Detections per second: rows, each counted by every one of the correlations.
fn measure(name: &str, correlations: &[&str], stream: &Stream) {
    if !is_wanted(name) {
        return;
    }
    let set = set(&correlations.iter().map(|body| (*body).to_owned()).collect::<Vec<_>>());
    let batches = batches(stream);
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let began = Instant::now();
    let (mut rates, mut alerts, mut held) = (Vec::new(), 0, (0, 0));
    for _ in 0..RUNS {
        let mut engine = Engine::new(set.clone());
        let start = cpu_seconds(began);
        alerts = batches.iter().map(|batch| engine.process(batch).expect("a batch of events").len()).sum();
        rates.push((rows * correlations.len()) as f64 / (cpu_seconds(began) - start));
        held = engine.held();
    }
    rates.sort_by(f64::total_cmp);
    println!(
        r#"{{"bench":"correlate_{name}","value":{:.0},"unit":"detections/s/core","groups":{},"events_held":{},"hits":{alerts}}}"#,
        rates[RUNS / 2],
        held.0,
        held.1
    );
}

/// Memory, snapshot and restore of eighteen correlations with a third of a million groups each, 1.6 events a group.
fn measure_state() {
    let body = |n: usize| {
        let span = n + 20;
        format!("type: event_count, rules: [any], group-by: [vehicle], timespan: {span}h, condition: {{gte: 99}}")
    };
    let set = set(&(0..18).map(body).collect::<Vec<_>>());
    let stream = Stream { batches: 65, vehicles: 1 << 19, values: 1, step: 1_000, late: 0 };
    let batches = batches(&stream);
    let mut engine = Engine::new(set.clone());
    let (before, began) = (resident_bytes(), Instant::now());
    for batch in &batches {
        engine.process(batch).expect("a batch of events");
    }
    let (groups, events) = engine.held();
    let bytes = resident_bytes().saturating_sub(before) as f64;
    println!(
        r#"{{"bench":"correlate_memory","value":{:.1},"unit":"bytes/key","groups":{groups},"events_held":{events},"bytes":{bytes:.0}}}"#,
        bytes / groups as f64
    );
    let start = cpu_seconds(began);
    let snapshot = engine.snapshot();
    let taken = cpu_seconds(began);
    println!(
        r#"{{"bench":"correlate_snapshot","value":{:.2},"unit":"s","groups":{groups},"bytes":{}}}"#,
        taken - start,
        snapshot.len()
    );
    drop(engine);
    let mut again = Engine::new(set);
    let start = cpu_seconds(began);
    again.restore(&snapshot).expect("its own snapshot");
    println!(
        r#"{{"bench":"correlate_restore","value":{:.2},"unit":"s","groups":{}}}"#,
        cpu_seconds(began) - start,
        again.held().0
    );
}

/// Whether a word on the command line is in the name, if there is one.
fn is_wanted(name: &str) -> bool {
    std::env::args().skip(1).find(|word| !word.starts_with('-')).is_none_or(|word| name.contains(&word))
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
    // First, so that nothing that was held and freed before hides what is held.
    if is_wanted("state") {
        measure_state();
    }
    let fleet = Stream { batches: 64, vehicles: 20_000, values: 1_800, step: 500, late: 0 };
    let group = "group-by: [vehicle], timespan: 10m";
    // A vehicle reports every ten seconds: few windows hold all three.
    let short = "group-by: [vehicle], timespan: 15s";
    let of = |kind: &str, rules: &str, condition: &str| {
        format!("type: {kind}, rules: [{rules}], {group}, condition: {{{condition}}}")
    };
    let count = of("event_count", "any", "gte: 100");
    measure("event_count", &[&count], &fleet);
    measure("event_count_twelve", &[&*count; 12], &fleet);
    measure("event_count_late", &[&count], &Stream { late: 60_000_000, ..fleet });
    measure("value_count", &[&of("value_count", "any", "gte: 100, field: observed")], &fleet);
    let few = Stream { vehicles: 4, step: 200_000, ..fleet };
    let distinct = of("value_count", "any", "gte: 2000, field: observed");
    measure("value_count_1800_values", &[&distinct], &few);
    measure("value_count_10_values", &[&distinct], &Stream { values: 10, ..few });
    measure("temporal", &[&format!("type: temporal, rules: [a, b, c], {short}")], &fleet);
    measure("temporal_ordered", &[&format!("type: temporal_ordered, rules: [a, b, c], {short}")], &fleet);
    measure("value_sum", &[&of("value_sum", "any", "gt: 1000000, field: observed")], &fleet);
    measure("value_avg", &[&of("value_avg", "any", "gt: 1000000, field: observed")], &fleet);
    measure(
        "value_percentile",
        &[&of("value_percentile", "any", "gt: 1000000, field: observed, percentile: 90")],
        &fleet,
    );
    let whole = "type: value_count, rules: [any], group-by: [event_name], timespan: 10m, condition: {field: vehicle, gte: 2000}";
    measure("fleet_vehicles", &[whole], &fleet);
    let chain = format!("type: event_count, rules: [r0], {group}, condition: {{gte: 3}}");
    measure("chain", &[&of("event_count", "any", "gte: 20"), &chain], &fleet);
}
