//! Our detection engine beside rsigma-eval: the same rules over the same events, on one core, as JSON lines.
//!
//! Both get the same JSON lines. Judging alone (`events_per_s`: ours has columns, rsigma has parsed JSON) and all from the text to the
//! matches (`from_text_per_s`) are told apart; both read and judge some thousand events at a time and let them go. They run in turn, and
//! the ratios are medians of the runs' ratios. rsigma is
//! measured as it comes, which is faster here than with its bloom prefilter. Differences between the matches are listed by rule.

mod events;
mod rules;

use rsigma_eval::event::JsonEvent;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use yagura_detect::{EventBatch, EventBatches, EventTexts, RuleFile, RuleSet, Scanner};

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
            growth(count, &rules::vehicle(count), &events);
        }
    }
}

/// Seconds that each part takes an engine.
#[derive(Default)]
struct Run {
    reading: f64,
    judging: f64,
    matches: u64,
}

fn both(case: &str, files: &[RuleFile], events: &[Value]) {
    let (mut set, mut engine) = (None, None);
    let own_load = 1e3 * timed(|| set = RuleSet::parse(files).ok());
    let their_load = 1e3 * timed(|| engine = Some(rsigma(files)));
    let (set, engine) = (set.expect("rules that can be used"), engine.expect("rules that can be used"));
    let text = lines(events);
    let runs: Vec<(Run, Run)> = (0..RUNS).map(|_| (ours(&set, &text), theirs(&engine, &text))).collect();
    let count = events.len() as f64;
    let figures = |name: &str, load: f64, rules: usize, of: fn(&(Run, Run)) -> &Run| {
        let judged = median(runs.iter().map(|run| count / of(run).judging));
        let all = median(runs.iter().map(|run| count / (of(run).judging + of(run).reading)));
        println!(
            "{}",
            json!({"case": case, "engine": name, "rules": rules, "load_ms": round(load), "events": events.len(),
                "matches": of(&runs[0]).matches, "events_per_s": judged.round(), "from_text_per_s": all.round()})
        );
    };
    figures("yagura", own_load, set.rules().len(), |run| &run.0);
    figures("rsigma", their_load, engine.rule_count(), |run| &run.1);
    let judged = median(runs.iter().map(|(own, their)| their.judging / own.judging));
    let all = median(runs.iter().map(|(own, their)| (their.judging + their.reading) / (own.judging + own.reading)));
    println!("{}", json!({"case": case, "times_rsigma": round(judged), "from_text_times_rsigma": round(all)}));
}

/// Our engine alone, for more rules than the other could be waited for.
fn growth(count: u64, files: &[RuleFile], events: &[Value]) {
    let set = RuleSet::parse(files).expect("rules that can be used");
    let text = lines(events);
    let judged = median((0..RUNS).map(|_| events.len() as f64 / ours(&set, &text).judging));
    println!("{}", json!({"case": format!("growth_{count}"), "events_per_s": judged.round()}));
}

fn lines(events: &[Value]) -> Vec<u8> {
    events.iter().flat_map(|event| format!("{event}\n").into_bytes()).collect()
}

fn ours(set: &RuleSet, text: &[u8]) -> Run {
    let mut run = Run::default();
    let (mut building, mut scanner) = (EventBatches::new(set), Scanner::new(set.clone()));
    let mut texts = EventTexts::new(text);
    let mut ended = false;
    while !ended {
        let mut read = None;
        run.reading += timed(|| {
            while !ended && !building.is_full() {
                let event = texts.next_event().expect("memory can be read").map(|event| event.expect("an event"));
                ended = event.is_none();
                event
                    .into_iter()
                    .for_each(|(place, text)| building.push(place, text).expect("an event within the limits"));
            }
            read = Some(building.finish().expect("a batch"));
        });
        let EventBatch { batch, .. } = read.expect("a batch");
        run.judging += timed(|| scanner.scan(&batch, |found| run.matches += found.count()).expect("columns of text"));
        run.reading += timed(|| drop(batch));
    }
    run
}

fn theirs(engine: &rsigma_eval::Engine, text: &[u8]) -> Run {
    let mut run = Run::default();
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).peekable();
    while lines.peek().is_some() {
        let mut events: Vec<Value> = Vec::new();
        let some = lines.by_ref().take(4_096);
        run.reading += timed(|| events = some.map(|line| serde_json::from_slice(line).expect("JSON")).collect());
        let judged = || events.iter().map(|event| engine.evaluate(&JsonEvent::borrow(event)).len() as u64).sum::<u64>();
        run.judging += timed(|| run.matches += judged());
        run.reading += timed(|| drop(events));
    }
    run
}

fn rsigma(files: &[RuleFile]) -> rsigma_eval::Engine {
    let mut engine = rsigma_eval::Engine::new();
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
    let batches = batches(&set, &lines(events));
    let mut scanner = Scanner::new(set);
    for EventBatch { batch, places } in &batches {
        let scanned = scanner.scan(batch, |found| {
            for (rule, rows) in found.matches() {
                own.extend(rows.map(|row| (ids[rule].clone(), places[row])));
            }
        });
        scanned.expect("columns of text");
    }
    let engine = rsigma(files);
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

fn batches(set: &RuleSet, text: &[u8]) -> Vec<EventBatch> {
    let mut building = EventBatches::new(set);
    let mut batches = Vec::new();
    let mut texts = EventTexts::new(text);
    while let Some(event) = texts.next_event().expect("memory can be read") {
        let (place, text) = event.expect("events within the limits");
        building.push(place, text).expect("events within the limits");
        if building.is_full() {
            batches.push(building.finish().expect("a batch"));
        }
    }
    batches.push(building.finish().expect("a batch"));
    batches
}

fn median(runs: impl Iterator<Item = f64>) -> f64 {
    let mut rates: Vec<f64> = runs.collect();
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
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
