//! Silence on clean traffic.

use crate::traces::{candump, files, folder, name, replay};
use std::collections::BTreeMap;
use yagura_model::{EventId, Frame, SecurityEvent};
use yagura_profile::{Settings, explain, learn};

fn seconds(frames: &[Frame]) -> f64 {
    frames.windows(2).map(|w| w[1].time.since(w[0].time).min(1_000_000) as f64 / 1e6).sum()
}

fn tally(events: &[SecurityEvent]) -> BTreeMap<EventId, usize> {
    let mut tally = BTreeMap::new();
    for event in events {
        *tally.entry(event.id).or_insert(0) += 1;
    }
    tally
}

#[test]
fn second_halves() {
    let Some(folder) = folder("clean") else { return };
    let mut total: BTreeMap<EventId, usize> = BTreeMap::new();
    let mut hours = 0.0;
    for path in files(&folder, ".gz") {
        let frames = candump(&path);
        if frames.is_empty() { println!("EMPTY {}", name(&path)); continue; }
        let (first, second) = frames.split_at(frames.len() / 2);
        let learned = learn(first.iter().copied(), &Settings::default()).unwrap();
        let own = replay(&learned.encode(), first);
        let events = replay(&learned.encode(), second);
        let span = seconds(second);
        hours += span / 3600.0;
        println!("{:<70} {:>7} {:>6.1}s own {:?} other {:?}", name(&path).chars().take(70).collect::<String>(), second.len(), span, tally(&own), tally(&events));
        if std::env::var("VERBOSE").is_ok() {
            for e in events.iter().filter(|e| e.id != EventId::CAN_UNKNOWN_ID).take(8) {
                let row = learned.ids.iter().find(|r| r.id == e.context.id);
                println!("     {} {} {} exp {} obs {} n {} {:?}", e.id, e.time, e.context.id, e.context.expected, e.context.observed, e.count, row.map(|r| (r.class, r.period, r.pace, r.silence, r.frames, r.gap_min, r.gap_max)));
            }
        }
        for (id, n) in tally(&events) { *total.entry(id).or_default() += n; }
    }
    println!("{hours} h {total:?}");
}

/// Captures of one vehicle in comparable states.
const VEHICLES: [(&str, &str); 8] = [
    ("Tesla Model 3", "tesla-m3-ctf"),
    ("CrySyS car", "crysys"),
    ("Nissan LEAF 62 kWh", "ev-canlogs_Nissan_LEAF_62kWh_EV-CAN"),
    ("Nissan e-NV200 40 kWh", "ev-canlogs_Nissan_LEAF_40kWh_E-NV200"),
    ("VW e-up", "vw-e-up"),
    ("Hyundai Kona BMS", "hyundai-kona-ev_bms"),
    ("Porsche Taycan", "ev-canlogs_Porsche_Taycan_Turbo_S_charge"),
    ("Chevrolet Camaro", "gm-camaro"),
];

#[test]
fn other_drives() {
    let Some(folder) = folder("clean") else { return };
    for (vehicle, prefix) in VEHICLES {
        let drives: Vec<_> = files(&folder, ".gz").into_iter().filter(|p| name(p).starts_with(prefix)).collect();
        let frames: Vec<_> = drives.iter().map(|p| candump(p)).collect();
        for (left_out, drive) in frames.iter().enumerate() {
            let rest = frames.iter().enumerate().filter(|(i, _)| *i != left_out).flat_map(|(_, f)| f.iter().copied());
            let learned = learn(rest, &Settings::default()).unwrap();
            let events = replay(&learned.encode(), drive);
            println!("{vehicle:<24} {:<60} {:>6.1}s {:?}", name(&drives[left_out]), seconds(drive), tally(&events));
            if std::env::var("VERBOSE").is_ok() {
            for e in events.iter().filter(|e| e.id != EventId::CAN_UNKNOWN_ID).take(8) {
                let row = learned.ids.iter().find(|r| r.id == e.context.id);
                println!("     {} {} {} exp {} obs {} n {} {:?}", e.id, e.time, e.context.id, e.context.expected, e.context.observed, e.count, row.map(|r| (r.class, r.period, r.pace, r.silence, r.frames, r.gap_min, r.gap_max)));
            }
            }
        }
    }
}
