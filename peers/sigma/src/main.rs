//! Our detection engine beside rsigma-eval: the same rules over the same events, on one core, as JSON lines.
//!
//! Not a benchmark of reading: both get events that are parsed already. Ours needs them as columns; that is counted apart
//! (`columns_per_s`) and together (`with_columns_per_s`). rsigma is measured as it comes and with its bloom
//! prefilter; the better one counts. Differences between the matches are listed by rule.

mod events;
mod rules;

use rsigma_eval::event::JsonEvent;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use yagura_detect::{EventBatch, EventBatches, RuleFile, RuleSet, Scanner};

/// Each measurement is made so often; the median counts.
const RUNS: usize = 5;

fn main() {
    let mut args = std::env::args().skip(1);
    let sigma = PathBuf::from(args.next().expect("usage: yagura-peer-sigma SIGMA_DIR [CASE]"));
    let only = args.next();
    let wanted = |case: &str| only.as_deref().is_none_or(|only| only == case);
    let all = rules::below(&sigma.join("sigmahq/rules"));
    let process: Vec<RuleFile> = all.iter().filter(|f| f.path.contains("windows/process_creation")).cloned().collect();
    let seeds = events::regression(&sigma.join("sigmahq/regression_data"));
    if wanted("differences") {
        differences("regression", &all, &seeds);
        differences("made_up", &all, &events::processes(20_000, 20_000, &seeds));
    }
    if wanted("process_unique") {
        both("process_unique", &process, &events::processes(100_000, 100_000, &seeds));
    }
    if wanted("process_repeating") {
        both("process_repeating", &process, &events::processes(100_000, 1_000, &seeds));
    }
    if wanted("all_unique") {
        both("all_unique", &all, &events::processes(50_000, 50_000, &seeds));
    }
    if wanted("all_repeating") {
        both("all_repeating", &all, &events::processes(50_000, 1_000, &seeds));
    }
    if wanted("vehicle_1000") {
        both("vehicle_1000", &rules::vehicle(1_000), &events::vehicles(200_000));
    }
    if wanted("growth") {
        let events = events::vehicles(200_000);
        for count in [10, 30, 100, 300, 1_000, 3_000, 10_000] {
            ours(&format!("growth_{count}"), &rules::vehicle(count), &events);
        }
    }
}

fn both(case: &str, files: &[RuleFile], events: &[Value]) {
    let (own, columns) = ours(case, files, events);
    let plain = theirs(case, files, events, false);
    let indexed = theirs(case, files, events, true);
    let best = plain.max(indexed);
    let with_columns = 1.0 / (1.0 / own + 1.0 / columns);
    println!(
        "{}",
        json!({"case": case, "times_rsigma": round(own / best), "with_columns_times_rsigma": round(with_columns / best)})
    );
}

/// Events a second of ours, judged and made into columns.
fn ours(case: &str, files: &[RuleFile], events: &[Value]) -> (f64, f64) {
    let mut set = None;
    let load_ms = 1e3 * timed(|| set = RuleSet::parse(files).ok());
    let set = set.expect("rules that can be used");
    let batches = batches(&set, events);
    let columns = median(|| events.len() as f64 / timed(|| drop(self::batches(&set, events))));
    let mut matches = 0;
    let rate = median(|| {
        let mut scanner = Scanner::new(set.clone());
        matches = 0;
        events.len() as f64
            / timed(|| {
                for batch in &batches {
                    scanner.scan(&batch.batch, |found| matches += found.count()).expect("columns of text");
                }
            })
    });
    println!(
        "{}",
        json!({"case": case, "engine": "yagura", "rules": set.rules().len(), "predicates": set.predicates(), "load_ms": round(load_ms),
            "events": events.len(), "matches": matches, "events_per_s": rate.round(), "columns_per_s": columns.round(),
            "with_columns_per_s": (1.0 / (1.0 / rate + 1.0 / columns)).round()})
    );
    (rate, columns)
}

fn theirs(case: &str, files: &[RuleFile], events: &[Value], indexed: bool) -> f64 {
    let mut engine = None;
    let load_ms = 1e3 * timed(|| engine = Some(rsigma(files, indexed)));
    let engine = engine.expect("rules that can be used");
    let mut matches = 0;
    let rate = median(|| {
        matches = 0;
        events.len() as f64
            / timed(|| events.iter().for_each(|event| matches += engine.evaluate(&JsonEvent::borrow(event)).len()))
    });
    println!(
        "{}",
        json!({"case": case, "engine": if indexed { "rsigma, bloom prefilter" } else { "rsigma" }, "rules": engine.rule_count(),
            "load_ms": round(load_ms), "events": events.len(), "matches": matches, "events_per_s": rate.round()})
    );
    rate
}

fn rsigma(files: &[RuleFile], indexed: bool) -> rsigma_eval::Engine {
    let mut engine = rsigma_eval::Engine::new();
    engine.set_bloom_prefilter(indexed);
    let collections: Vec<_> =
        files.iter().filter_map(|file| rsigma_parser::parse_sigma_yaml(&file.text).ok()).collect();
    let rules = collections.iter().flat_map(|collection| &collection.rules);
    for (rule, error) in engine.add_rules(rules) {
        eprintln!("rsigma refuses rule {rule}: {error}");
    }
    engine
}

/// Which rules match which events in one engine and not in the other.
fn differences(case: &str, files: &[RuleFile], events: &[Value]) {
    let set = RuleSet::parse(files).expect("rules that can be used");
    let ids: Vec<String> = set.rules().iter().map(|rule| rule.id.clone()).collect();
    let mut own = BTreeSet::new();
    let batches = batches(&set, events);
    let mut scanner = Scanner::new(set);
    for EventBatch { batch, places } in &batches {
        let scanned = scanner.scan(batch, |found| {
            for (rule, rows) in found.matches() {
                own.extend(rows.map(|row| (ids[rule].clone(), places[row])));
            }
        });
        scanned.expect("columns of text");
    }
    let engine = rsigma(files, false);
    let mut their = BTreeSet::new();
    for (place, event) in (1..).zip(events) {
        // rsigma does not flatten Windows events; it gets them as ours sees them.
        let flat = events::flat(event);
        for result in engine.evaluate(&JsonEvent::borrow(&flat)) {
            their.extend(result.header.rule_id.clone().map(|id| (id, place)));
        }
    }
    let text_of = |id: &str| files.iter().find(|file| file.text.contains(id)).map_or("", |file| file.text.as_str());
    let (mut windash, mut open) = (0, Vec::new());
    for (id, place) in own.symmetric_difference(&their) {
        if text_of(id).contains("|windash") {
            windash += 1;
        } else {
            open.push(json!({"rule": id, "event": place, "only": if own.contains(&(id.clone(), *place)) { "yagura" } else { "rsigma" }}));
        }
    }
    println!(
        "{}",
        json!({"case": format!("differences_{case}"), "events": events.len(), "both": own.intersection(&their).count(),
            "explained": {"windash: rsigma does not try every dash of the specification": windash}, "open": open})
    );
}

fn batches(set: &RuleSet, events: &[Value]) -> Vec<EventBatch> {
    let mut building = EventBatches::new(set);
    let mut batches = Vec::new();
    for (place, event) in (1..).zip(events) {
        building.push(place, event).expect("events within the limits");
        if building.is_full() {
            batches.push(building.finish().expect("a batch"));
        }
    }
    batches.push(building.finish().expect("a batch"));
    batches
}

fn median(mut run: impl FnMut() -> f64) -> f64 {
    let mut rates: Vec<f64> = (0..RUNS).map(|_| run()).collect();
    rates.sort_by(f64::total_cmp);
    rates[RUNS / 2]
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Seconds that this thread was on a core meanwhile.
fn timed(run: impl FnOnce()) -> f64 {
    let cpu = || -> f64 {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
        stat.split_whitespace().next().and_then(|first| first.parse().ok()).expect("nanoseconds")
    };
    let start = cpu();
    run();
    (cpu() - start) / 1e9
}
