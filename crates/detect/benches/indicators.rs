//! What a set of a million indicators costs: bytes a value to hold, seconds to read, nanoseconds an event to ask.
//!
//! `cargo bench -p yagura-detect --bench indicators`. Times are those of this thread on a core. No value comes again, so nothing is
//! answered from memory; one in a hundred is in the set.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a bench prints, and stops if its input is wrong"
)]

use arrow::array::{ArrayRef, StringArray};
use arrow::record_batch::RecordBatch;
use std::fmt::Write as _;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;
use yagura_detect::{Indicators, RuleFile, RuleSet, Scanner, Surroundings};

const VALUES: u32 = 1_000_000;
const EVENTS: u32 = 1_000_000;
const RUNS: usize = 5;

/// A number that says nothing about the one before.
const fn scattered(number: u32) -> u32 {
    let mixed = (number ^ (number >> 16)).wrapping_mul(0x7FEB_352D);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x846C_A68B);
    mixed ^ (mixed >> 16)
}

fn address(number: u32) -> String {
    Ipv4Addr::from(scattered(number)).to_string()
}

fn domain(number: u32) -> String {
    format!("{:x}.host-{}.example", scattered(number), number % 977)
}

fn hash(number: u32) -> String {
    (0..8).map(|part| format!("{:08x}", scattered(number.wrapping_mul(8).wrapping_add(part)))).collect()
}

fn main() {
    println!("{VALUES} values, {EVENTS} events, none twice");
    measure("addresses, cidr", "f|cidr|expand", address);
    measure("addresses, text", "f|expand", address);
    measure("domains, endswith", "f|endswith|expand", domain);
    measure("SHA-256, text", "f|expand", hash);
    measure("no set: one text", "f", address);
}

fn measure(name: &str, asked: &str, value: fn(u32) -> String) {
    let mut text = String::new();
    (0..VALUES).for_each(|number| writeln!(text, "{}", value(number)).expect("memory"));
    let begun = cpu();
    let file = RuleFile { path: "bad.txt".to_owned(), text };
    let indicators = Indicators::read(&[file]).expect("a set");
    let rule = format!("title: t\nlogsource: {{product: x}}\ndetection: {{s: {{{asked}: '%bad%'}}, condition: s}}\n");
    let with = Surroundings { indicators, ..Surroundings::default() };
    let (set, errors) = RuleSet::parse_with(&[RuleFile { path: "r.yml".to_owned(), text: rule }], &with);
    assert_eq!(errors, []);
    let read = cpu() - begun;
    let held = with.indicators.iter().map(|set| set.held_bytes()).sum::<usize>();
    let batches: Vec<RecordBatch> = (0..EVENTS).step_by(8_192).map(|begin| batch(begin, value)).collect();
    let mut seconds = Vec::new();
    let mut matches = 0;
    for _ in 0..RUNS {
        let mut scanner = Scanner::new(set.clone());
        matches = 0;
        let begun = cpu();
        batches
            .iter()
            .for_each(|batch| scanner.scan(black_box(batch), |found| matches += found.count()).expect("rows"));
        seconds.push(cpu() - begun);
    }
    seconds.sort_by(f64::total_cmp);
    let per_event = seconds[RUNS / 2] / f64::from(EVENTS) * 1e9;
    let per_value = held as f64 / f64::from(VALUES);
    println!(
        "{name:<20} {per_value:>6.1} bytes a value  read in {read:.2} s  {per_event:>6.0} ns an event  {matches} matches"
    );
}

/// Events from this one on; each hundredth has a value of the set.
fn batch(begin: u32, value: fn(u32) -> String) -> RecordBatch {
    let number = |event: u32| if event.is_multiple_of(100) { event } else { event + VALUES };
    let values: StringArray = (begin..EVENTS.min(begin + 8_192)).map(|event| Some(value(number(event)))).collect();
    RecordBatch::try_from_iter([("f", Arc::new(values) as ArrayRef)]).expect("one column")
}

/// Seconds that this thread was on a core; wall time where Linux does not say.
fn cpu() -> f64 {
    thread_local!(static BEGUN: Instant = Instant::now());
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: Option<f64> = stat.split_whitespace().next().and_then(|first| first.parse().ok());
    nanos.map_or_else(|| BEGUN.with(|begun| begun.elapsed().as_secs_f64()), |nanos| nanos / 1e9)
}
