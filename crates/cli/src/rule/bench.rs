//! `yagura rule bench`: how many events a second one core judges with these rules.
//!
//! Reading events (JSON to record batches), judging, and both together are told apart; reading rules is timed by the clock. Other times
//! are those of this thread on a core, so that other work on the machine does not count.

use super::usable;
use crate::args::RuleBench;
use crate::failure::Failure;
use crate::output::{Output, emit};
use arrow::record_batch::RecordBatch;
use serde::Serialize;
use std::fs::File;
use std::io::BufReader;
use std::time::Instant;
use yagura_detect::{EventBatches, EventTexts, RuleSet, Scanner};

/// Each measurement is made so often; the median counts.
const RUNS: usize = 5;
/// Fields of an event that is made up.
const FIELDS: usize = 12;

#[derive(Serialize)]
struct Figures {
    rules: usize,
    predicates: usize,
    /// Reading and compiling the rules, in milliseconds.
    load_ms: f64,
    events: u64,
    /// Reading the events, in events/s on one core.
    read_events_per_s: f64,
    matches: u64,
    /// Judging, with an engine that has seen nothing before, in events/s on one core.
    events_per_s: f64,
    /// Reading and judging them, in events/s on one core.
    read_and_judged_per_s: f64,
    /// Events times rules, a second.
    evaluations_per_s: f64,
}

/// Runs the command.
pub(crate) fn run(args: &RuleBench) -> Result<(), Failure> {
    let began = Instant::now();
    let (set, _) = usable(&args.rules, &args.with)?;
    let load = began.elapsed();
    let made_up = args.events.is_none().then(|| made_up(&set, args.synthetic));
    let mut runs = Vec::new();
    let (mut events, mut matches) = (0, 0);
    for _ in 0..RUNS {
        let mut scanner = Scanner::new(set.clone());
        matches = 0;
        let start = cpu_seconds(began);
        let batches;
        (batches, events) = match (&args.events, &made_up) {
            (Some(path), _) => {
                let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
                read(&set, EventTexts::new(BufReader::with_capacity(1 << 18, file)))?
            }
            (None, text) => read(&set, EventTexts::new(text.as_deref().unwrap_or_default()))?,
        };
        let read = cpu_seconds(began);
        for batch in &batches {
            let scanned = scanner.scan(batch, |found| matches += found.count());
            scanned.map_err(|error| Failure::Internal(error.to_string()))?;
        }
        runs.push([read - start, cpu_seconds(began) - read, cpu_seconds(began) - start]);
    }
    let median = |part: usize| {
        let mut seconds: Vec<f64> = runs.iter().filter_map(|run| run.get(part)).copied().collect();
        seconds.sort_by(f64::total_cmp);
        (events as f64 / seconds.get(RUNS / 2).copied().unwrap_or_default().max(1e-9)).round()
    };
    let rate = median(1);
    let rules = set.rules().len();
    let figures = Figures {
        rules,
        predicates: set.predicates(),
        load_ms: load.as_secs_f64() * 1e3,
        events,
        read_events_per_s: median(0),
        matches,
        events_per_s: rate,
        read_and_judged_per_s: median(2),
        evaluations_per_s: (rate * rules as f64).round(),
    };
    emit(Output::from_flag(args.json), &figures, || {
        format!(
            "{} rules, {} predicates, loaded in {:.0} ms\n{} events, {} matches\n{rate:.0} events/s judged, {:.0} read and judged, {:.3e} rule evaluations/s on one core",
            figures.rules,
            figures.predicates,
            figures.load_ms,
            events,
            matches,
            figures.read_and_judged_per_s,
            figures.evaluations_per_s
        )
    })
}

/// All events as batches, and how many they are.
fn read(set: &RuleSet, mut texts: EventTexts<impl std::io::BufRead>) -> Result<(Vec<RecordBatch>, u64), Failure> {
    let internal = |error: &dyn std::fmt::Display| Failure::Internal(error.to_string());
    let mut building = EventBatches::new(set);
    let (mut batches, mut events, mut bad) = (Vec::new(), 0, 0_u64);
    while let Some(event) = texts.next_event().map_err(|error| Failure::Machine(error.to_string()))? {
        match event.and_then(|(place, text)| building.push(place, text)) {
            Ok(()) => events += 1,
            Err(_) => bad += 1,
        }
        if building.is_full() {
            batches.push(building.finish().map_err(|error| internal(&error))?.batch);
        }
    }
    batches.push(building.finish().map_err(|error| internal(&error))?.batch);
    if bad > 0 {
        eprintln!("yagura: {bad} events cannot be read and are left out");
    }
    Ok((batches, events))
}

/// Events as JSON lines, always the same: the fields that most rules ask about, half of the values new, half seen before.
fn made_up(set: &RuleSet, count: u32) -> Vec<u8> {
    let mut state = 7_u64;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound.max(1)
    };
    let fields: Vec<&str> = set.fields_by_use().into_iter().filter(|name| !name.is_empty()).take(FIELDS).collect();
    let words = [
        "start",
        "C:\\Windows\\System32\\",
        "/usr/bin/",
        "svc",
        "update",
        ".exe",
        "-config",
        "user",
        "data",
        "10.0.0.1",
    ];
    let mut text = Vec::new();
    for event in 0..u64::from(count) {
        let mut map = serde_json::Map::new();
        for field in &fields {
            let id = if below(2) == 0 { event } else { below(64) };
            let parts: Vec<&str> = (0..4).filter_map(|_| words.get(below(10) as usize).copied()).collect();
            map.insert((*field).to_owned(), format!("{} {id}", parts.join(" ")).into());
        }
        text.extend_from_slice(serde_json::Value::Object(map).to_string().as_bytes());
        text.push(b'\n');
    }
    text
}

/// Seconds that this thread was on a core; wall time where Linux does not say.
fn cpu_seconds(since: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: Option<f64> = stat.split_whitespace().next().and_then(|first| first.parse().ok());
    nanos.map_or_else(|| since.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}
