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

/// What is pinned here.
const TIMING: [Check; 8] = [
    Check::UnknownId,
    Check::WrongBus,
    Check::Length,
    Check::Early,
    Check::Silent,
    Check::Flood,
    Check::Skew,
    Check::BusError,
];

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

    /// Told by timing, the bus and the list of identifiers; what payloads and protocols tell is pinned where they are tested.
    fn of_timing(&self) -> usize {
        let own = |(check, (told, _)): (&Check, &(usize, usize))| if TIMING.contains(check) { *told } else { 0 };
        self.told.0.iter().map(own).sum()
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
        own.add(first, &Told::of(&findings(&profile, first)));
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
    ] {
        let [own, plain, testers, damaged] = sums;
        for sum in [&own, &plain, &damaged] {
            assert_eq!(sum.of_timing(), 0, "{title}");
        }
        // A tester that goes through all control units is a scan, unless training showed that it does.
        assert_eq!(testers.of_timing(), 0, "{title}");
    }
}

/// Judges each capture of a vehicle by all others, or by one other.
fn by_other_drives(title: &str, others: impl Fn(usize, usize) -> bool) -> Sum {
    let mut sum = Sum::default();
    let Some(folder) = folder("clean") else { return sum };
    for (vehicle, prefix) in VEHICLES {
        let apart = |path: &PathBuf| is_of(&TESTERS, path) || BENCHES.iter().any(|part| name(path).contains(part));
        let of_vehicle = |path: &PathBuf| name(path).starts_with(prefix) && !apart(path);
        let drives: Vec<_> = files(&folder, ".gz").into_iter().filter(of_vehicle).collect();
        let frames: Vec<_> = drives.iter().map(|path| candump(path)).collect();
        for (left_out, drive) in frames.iter().enumerate() {
            let rest = frames.iter().enumerate().filter(|(index, _)| *index != left_out && others(left_out, *index));
            let profile = profile(rest.flat_map(|(_, frames)| frames.iter().copied()));
            let told = Told::of(&findings(&profile, drive));
            if told != Told::default() {
                println!("{title} {vehicle} {}: {told}", name(&drives[left_out]));
            }
            sum.add(drive, &told);
        }
    }
    sum.print(title);
    sum
}

#[test]
fn drives_left_out_of_training_are_silent() {
    let all = by_other_drives("all others", |_, _| true);
    assert_eq!(all.of_timing(), 0);
    let one = by_other_drives("one other", |left_out, other| other == usize::from(left_out == 0));
    assert_eq!(one.of_timing(), 0);
}
