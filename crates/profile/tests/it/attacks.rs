//! Attacks found: simulated ones by window, recorded ones by event.

use crate::traces::{files, folder, name, replay, table};
use std::collections::BTreeMap;
use yagura_model::{CanId, EventId, Frame, SecurityEvent};
use yagura_profile::{Settings, learn};

struct Windows {
    file: String,
    attack: String,
    target: Option<CanId>,
    spans: Vec<(f64, f64)>,
}

fn windows(text: &str) -> Vec<Windows> {
    text.lines().skip(1).map(|line| {
        let c: Vec<&str> = line.split(',').collect();
        let target = u32::from_str_radix(c[5], 16).ok().map(|raw| CanId::from_key(raw).unwrap());
        let n = |i: usize| c[i].parse::<f64>().unwrap();
        Windows { file: c[0].into(), attack: c[2].into(), target, spans: vec![(n(7), n(8)), (n(9), n(10))] }
    }).collect()
}

#[test]
fn simulated() {
    let Some(folder) = folder("simulated") else { return };
    let all = windows(&std::fs::read_to_string(folder.join("WINDOWS.csv")).unwrap());
    for w in all {
        let frames: Vec<Frame> = table(&folder.join(&w.file)).into_iter().map(|l| l.frame).collect();
        let start = frames[0].time;
        let end = frames.last().unwrap().time.since(start) as f64 / 1e6;
        let at = |f: &Frame| f.time.since(start) as f64 / 1e6;
        let split = frames.partition_point(|f| at(f) < 0.45 * end);
        let learned = learn(frames[..split].iter().copied(), &Settings::default()).unwrap();
        let events = replay(&learned.encode(), &frames[split..]);
        let time = |e: &SecurityEvent| e.time.since(start) as f64 / 1e6;
        let mut line = String::new();
        for (a, b) in &w.spans {
            let inside: Vec<_> = events.iter().filter(|e| (*a..b + 1.0).contains(&time(e))).collect();
            let first = inside.first().map(|e| time(e) - a);
            let mut kinds: BTreeMap<EventId, (usize, u32)> = BTreeMap::new();
            for e in &inside { let k = kinds.entry(e.id).or_default(); k.0 += 1; k.1 += u32::from(e.count); }
            line += &format!(" | first {first:.3?} {kinds:?}");
        }
        let outside: Vec<_> = events.iter().filter(|e| !w.spans.iter().any(|(a, b)| (*a..b + 1.0).contains(&time(e)))).map(|e| (e.id, e.context.id, time(e), e.count)).collect();
        let row = learned.ids.iter().find(|r| Some(r.id) == w.target).map(|r| (r.class, r.period, r.pace, r.distance, r.silence, r.gap_min));
        println!("{:<36} {} FA {}{line} {row:?}", w.file, w.attack, outside.len());
        if !outside.is_empty() { println!("     {:?}", &outside[..outside.len().min(6)]); }
    }
}

#[test]
fn recorded() {
    let Some(labelled) = folder("labelled") else { return };
    for path in files(&labelled, ".gz") {
        let frames = table(&path);
        let first = frames.iter().position(|l| l.attack).unwrap_or(frames.len());
        let all: Vec<Frame> = frames.iter().map(|l| l.frame).collect();
        let clean = if name(&path).starts_with("j1939") {
            crate::traces::candump(&folder("clean").unwrap().join("j1939-csu_normal.log.candump.log.gz"))
        } else { all[..first].to_vec() };
        if clean.is_empty() { println!("{} no clean prefix", name(&path)); continue; }
        let learned = learn(clean.iter().copied(), &Settings::default()).unwrap();
        let events = replay(&learned.encode(), &all);
        let start = all[0].time;
        let mut kinds: BTreeMap<EventId, (usize, u32)> = BTreeMap::new();
        for e in &events { let k = kinds.entry(e.id).or_default(); k.0 += 1; k.1 += u32::from(e.count); }
        let t0 = frames.get(first).map(|l| l.frame.time.since(start) as f64 / 1e6);
        let before = events.iter().filter(|e| e.time.since(start) as f64 / 1e6 <= t0.unwrap_or(1e9) - 0.0 && frames.get(first).is_some_and(|l| e.time < l.frame.time)).count();
        println!("{} attack frames {} from {t0:?}: {kinds:?} before {before}; first at {:?}", name(&path), frames.iter().filter(|l| l.attack).count(), events.iter().find(|e| e.time >= frames[first].frame.time).map(|e| e.time.since(frames[first].frame.time)));
    }
}
