//! Attacks found: simulated ones by window, recorded ones by frame.
//!
//! Labels score and never teach: each profile is learned from the clean start of its trace, or from another clean capture.
//! Masquerade is printed and not expected here: other detectors than those of timing find it.

use crate::traces::{Labelled, Tally, Told, candump, files, findings, folder, name, replay, table};
use std::collections::BTreeSet;
use yagura_ids::Finding;
use yagura_model::{CanId, EventId, Frame, SecurityEvent};
use yagura_profile::{Settings, learn};

/// The part of a simulated trace that is clean by its makers' word.
const CLEAN_SHARE: f64 = 0.45;

/// One line of `WINDOWS.csv`.
struct Trace {
    file: String,
    attack: String,
    target: Option<CanId>,
    windows: [(f64, f64); 2],
}

impl Trace {
    fn of(line: &str) -> Self {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |index: usize| cells[index].parse::<f64>().unwrap();
        let target = u32::from_str_radix(cells[5], 16).ok().map(|raw| CanId::from_key(raw).unwrap());
        let windows = [(number(7), number(8)), (number(9), number(10))];
        Self { file: cells[0].into(), attack: cells[2].into(), target, windows }
    }

    /// What must be raised; `None` where nothing is expected yet.
    fn expected(&self) -> Option<EventId> {
        match self.attack.as_str() {
            "flood" => Some(EventId::CAN_BUS_FLOOD),
            "fuzz" => Some(EventId::CAN_UNKNOWN_ID),
            "uds_scan" => Some(EventId::DIAG_SCAN),
            "inject_flam" | "inject_fast" => Some(EventId::CAN_EARLY_FRAME),
            "suspension" => Some(EventId::CAN_SILENT_ID),
            _ => None,
        }
    }

    /// Seconds from the window's start to the first event that tells of this attack.
    fn delay(&self, window: (f64, f64), events: &[(f64, SecurityEvent)]) -> Option<f64> {
        let tells = |event: &SecurityEvent| {
            Some(event.id) == self.expected() && self.target.is_none_or(|target| target == event.context.id)
        };
        let inside = |time: f64| time >= window.0 - EDGE && time <= window.1 + EDGE;
        let first = events.iter().find(|(time, event)| inside(*time) && tells(event));
        first.map(|(time, _)| (time - window.0).max(0.0))
    }
}

/// Windows are written with three decimals, and an attack's effect ends with the frame after it, s.
const EDGE: f64 = 0.2;

#[test]
fn every_simulated_attack_but_masquerade_is_found() {
    let Some(folder) = folder("simulated") else { return };
    let text = std::fs::read_to_string(folder.join("WINDOWS.csv")).unwrap();
    let (mut windows, mut found, mut false_alarms) = (0, 0, 0);
    for trace in text.lines().skip(1).map(Trace::of) {
        let frames: Vec<Frame> = table(&folder.join(&trace.file)).into_iter().map(|line| line.frame).collect();
        let seconds = |frame: &Frame| frame.time.since(frames[0].time) as f64 / 1e6;
        let split = frames.partition_point(|frame| seconds(frame) < CLEAN_SHARE * seconds(&frames[frames.len() - 1]));
        let learned = learn(frames[..split].iter().copied(), &Settings::default()).unwrap();
        let events: Vec<(f64, SecurityEvent)> = replay(&learned.encode(), &frames[split..])
            .into_iter()
            .map(|event| (event.time.since(frames[0].time) as f64 / 1e6, event))
            .collect();
        let delays = trace.windows.map(|window| trace.delay(window, &events));
        let attacked = |time: f64| trace.windows.iter().any(|w| time >= w.0 - EDGE && time <= w.1 + 1.0);
        let outside: Vec<SecurityEvent> =
            events.iter().filter(|(time, _)| !attacked(*time)).map(|(_, event)| *event).collect();
        let lines = table(&folder.join(&trace.file));
        let told = findings(&learned.encode(), &frames[split..]);
        let Score { hits, missed, false_alarms: surplus } = Score::of(&lines[split..], &told);
        println!(
            "{:<34} delay {delays:.3?} s; {hits} hits, {missed} missed, {surplus} false; outside: {}",
            trace.file,
            Tally::of(&outside)
        );
        false_alarms += outside.len();
        if trace.expected().is_some() {
            windows += 2;
            found += delays.iter().flatten().count();
        }
    }
    println!("{found} of {windows} windows found, {false_alarms} events outside of windows");
    assert_eq!((found, windows), (48, 48));
    assert_eq!(false_alarms, 0, "events outside of windows");
}

/// Frames by what they are and what is told of them.
#[derive(Default)]
struct Score {
    hits: usize,
    missed: usize,
    false_alarms: usize,
}

impl Score {
    fn of(lines: &[Labelled], findings: &[(usize, Finding)]) -> Self {
        let told: BTreeSet<usize> = findings.iter().map(|(frame, _)| *frame).collect();
        let mut score = Self::default();
        for (index, line) in lines.iter().enumerate() {
            match (line.attack, told.contains(&index)) {
                (true, true) => score.hits += 1,
                (true, false) => score.missed += 1,
                (false, true) => score.false_alarms += 1,
                (false, false) => {}
            }
        }
        score
    }

    fn f1(&self) -> f64 {
        2.0 * self.hits as f64 / (2 * self.hits + self.missed + self.false_alarms) as f64
    }
}

#[test]
fn recorded_attacks_are_found_frame_by_frame() {
    let (Some(labelled), Some(clean)) = (folder("labelled"), folder("clean")) else { return };
    let truck = candump(&clean.join("j1939-csu_normal.log.candump.log.gz"));
    for path in files(&labelled, ".gz") {
        let lines = table(&path);
        let frames: Vec<Frame> = lines.iter().map(|line| line.frame).collect();
        let first = lines.iter().position(|line| line.attack).unwrap();
        let is_truck = name(&path).starts_with("j1939");
        let training = if is_truck { truck.as_slice() } else { &frames[..first] };
        let learned = learn(training.iter().copied(), &Settings::default()).unwrap();
        let findings = findings(&learned.encode(), &frames);
        let (score, told) = (Score::of(&lines, &findings), Told::of(&findings));
        let Score { hits, missed, false_alarms } = score;
        println!(
            "{:<30} F1 {:.5}: {hits} hits, {missed} missed, {false_alarms} false; {told}",
            name(&path),
            score.f1()
        );
        // The two transport-protocol captures come from other nodes than the clean one; the masquerade is for others.
        if FRAME_EXACT.contains(&name(&path)) {
            assert!(score.f1() >= 0.9995, "F1 {:.5} in {}", score.f1(), name(&path));
        }
    }
}

/// Attacks with identifiers that clean traffic does not have.
const FRAME_EXACT: [&str; 5] = [
    "ctt_set01_dos1.csv.gz",
    "j1939_dos_1ms.csv.gz",
    "j1939_fuzz_data.csv.gz",
    "j1939_fuzz_id.csv.gz",
    "j1939_tsc1.csv.gz",
];
