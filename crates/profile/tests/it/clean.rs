//! Silence on clean traffic of real vehicles that the profile has not seen.
//!
//! Nothing is tuned here: learn on one part, judge another, count every finding that is told. Run with `--nocapture` for the
//! tables.

use crate::traces::{Told, candump, files, findings, folder, name};
use std::path::{Path, PathBuf};
use yagura_ids::Check;
use yagura_model::Frame;
use yagura_profile::{Settings, learn};

/// Captures whose logger damaged frames: their identifiers and lengths flip bits (0C1 becomes 0CB, 8 bytes become 2).
const DAMAGED: [&str; 1] = ["gm-camaro"];

/// A tester asks one control unit after the other, and the second half asks others than the first: no vehicle's own traffic.
const TESTERS: [&str; 2] = ["ev-canlogs_Porsche_Taycan_Turbo_S_CarScannerOBD", "hyundai-kona-ev_221210"];

/// A battery without its vehicle.
const BENCHES: [&str; 4] = ["StandAlone", "standAlone", "stanalone", "taycanOBD"];

/// Captures of one vehicle in comparable states.
const VEHICLES: [(&str, &str); 7] = [
    ("Tesla Model 3", "tesla-m3-ctf"),
    ("CrySyS car", "crysys"),
    ("Nissan LEAF 62 kWh", "ev-canlogs_Nissan_LEAF_62kWh_EV-CAN"),
    ("Nissan e-NV200 40 kWh", "ev-canlogs_Nissan_LEAF_40kWh_E-NV200"),
    ("VW e-up", "vw-e-up"),
    ("Hyundai Kona BMS", "hyundai-kona-ev_bms"),
    ("Porsche Taycan", "ev-canlogs_Porsche_Taycan_Turbo_S_"),
];

/// What was told on so much clean traffic.
#[derive(Default)]
struct Sum {
    hours: f64,
    frames: usize,
    told: Told,
}

impl Sum {
    fn add(&mut self, frames: &[Frame], told: &Told) {
        self.hours += hours(frames);
        self.frames += frames.len();
        self.told.add(told);
    }

    /// Told by any check, qualified or not.
    fn told(&self) -> usize {
        self.told.0.values().map(|(told, _)| told).sum()
    }

    fn print(&self, title: &str) {
        println!("{title}: {:.3} h, {} frames, {}", self.hours, self.frames, self.told);
    }
}

/// Pauses count for a second at most.
fn hours(frames: &[Frame]) -> f64 {
    let gaps = frames.windows(2).map(|pair| pair[1].time.since(pair[0].time).min(1_000_000));
    gaps.sum::<u64>() as f64 / 3.6e9
}

fn profile(frames: impl IntoIterator<Item = Frame>) -> Vec<u8> {
    learn(frames, &Settings::default()).unwrap().encode()
}

fn is_of(list: &[&str], path: &Path) -> bool {
    list.iter().any(|prefix| name(path).starts_with(prefix))
}

/// Judges the rest of each capture by its start, which ends at the index that `split` gives.
fn by_start(title: &str, split: impl Fn(&[Frame]) -> usize) -> [Sum; 4] {
    let [mut own, mut plain, mut testers, mut damaged] = std::array::from_fn(|_| Sum::default());
    let Some(folder) = folder("clean") else { return [own, plain, testers, damaged] };
    for path in files(&folder, ".gz") {
        let frames = candump(&path);
        let (first, second) = frames.split_at(split(&frames));
        if first.is_empty() || second.is_empty() {
            continue;
        }
        let profile = profile(first.iter().copied());
        let told = Told::of(&findings(&profile, second));
        if told != Told::default() {
            println!("{title} {:<90} {:>6.1} s: {told}", name(&path), hours(second) * 3600.0);
        }
        let itself = Told::of(&findings(&profile, first));
        if itself != Told::default() {
            println!("{title} {:<90} itself: {itself}", name(&path));
        }
        own.add(first, &itself);
        match () {
            () if is_of(&DAMAGED, &path) => &mut damaged,
            () if is_of(&TESTERS, &path) => &mut testers,
            () => &mut plain,
        }
        .add(second, &told);
    }
    own.print(&format!("{title}: training traffic itself"));
    plain.print(&format!("{title}: vehicles"));
    testers.print(&format!("{title}: testers' logs"));
    damaged.print(&format!("{title}: damaged captures"));
    [own, plain, testers, damaged]
}

fn after(seconds: u64) -> impl Fn(&[Frame]) -> usize {
    move |frames| frames.partition_point(|frame| frame.time.since(frames[0].time) < seconds * 1_000_000)
}

#[test]
fn the_rest_of_clean_captures_is_silent_after_any_start() {
    for (title, sums) in [
        ("half", by_start("half", |frames| frames.len() / 2)),
        ("10 s", by_start("10 s", after(10))),
        ("30 s", by_start("30 s", after(30))),
        ("60 %", by_start("60 %", |frames| frames.len() * 60 / 100)),
        ("80 %", by_start("80 %", |frames| frames.len() * 80 / 100)),
    ] {
        let [own, plain, testers, damaged] = sums;
        for sum in [&own, &plain, &damaged] {
            assert_eq!(sum.told(), 0, "{title}");
        }
        // A tester that goes through all control units is a scan, unless training showed that it does.
        assert_eq!(testers.told(), 0, "{title}");
    }
}

#[test]
fn a_cycle_that_ends_with_the_training_is_all_that_is_told_after_45_percent() {
    let mut sums = by_start("45 %", |frames| frames.len() * 45 / 100);
    // One identifier kept 200 ms until 0.3 s before the cut and then sends on change; four starts end within a burst.
    let early = sums.each_mut().map(|sum| sum.told.0.remove(&Check::Early).unwrap_or_default().0);
    assert_eq!(early, if sums[0].frames > 0 { [9, 66, 0, 0] } else { [0; 4] });
    assert_eq!(sums.map(|sum| sum.told()), [0; 4]);
}

/// Drives of one vehicle, by file.
fn drives_of(prefix: &str) -> Vec<(PathBuf, Vec<Frame>)> {
    let Some(folder) = folder("clean") else { return Vec::new() };
    let apart = |path: &PathBuf| is_of(&TESTERS, path) || BENCHES.iter().any(|part| name(path).contains(part));
    let of_vehicle = |path: &PathBuf| name(path).starts_with(prefix) && !apart(path);
    let drives = files(&folder, ".gz").into_iter().filter(of_vehicle);
    drives.map(|path| (path.clone(), candump(&path))).collect()
}

/// Judges each capture of a vehicle by all others, or by each other one alone.
fn by_other_drives(title: &str, alone: bool) -> Sum {
    let mut sum = Sum::default();
    for (vehicle, prefix) in VEHICLES {
        let drives = drives_of(prefix);
        for (left_out, (path, drive)) in drives.iter().enumerate() {
            let others = drives.iter().enumerate().filter(|(index, _)| *index != left_out);
            let others: Vec<&[Frame]> = others.map(|(_, (_, frames))| frames.as_slice()).collect();
            let trainings: Vec<&[&[Frame]]> = if alone { others.chunks(1).collect() } else { vec![&others] };
            for training in trainings {
                let profile = profile(training.iter().flat_map(|frames| frames.iter().copied()));
                let told = Told::of(&findings(&profile, drive));
                if told != Told::default() {
                    println!("{title} {vehicle} {}: {told}", name(path));
                }
                sum.add(drive, &told);
            }
        }
    }
    sum.print(title);
    sum
}

#[test]
fn drives_left_out_of_training_are_silent() {
    assert_eq!(by_other_drives("all others", false).told(), 0);
    let mut alone = by_other_drives("one other", true);
    // One drive does not show all identifiers: the VW's wake-up alone lacks one that its heating sends.
    let unknown = alone.told.0.remove(&Check::UnknownId).unwrap_or_default();
    assert_eq!((alone.told(), unknown.0), (0, if alone.frames > 0 { 162 } else { 0 }));
}
