//! Silence on clean traffic of real vehicles that the profile has not seen.
//!
//! Nothing is tuned here: learn on one part, judge another, count what is raised. Run with `--nocapture` for the tables.

use crate::traces::{Tally, candump, files, folder, name, replay};
use yagura_model::{EventId, Frame};
use yagura_profile::{Learned, Settings, learn};

/// Captures whose logger damaged frames: their identifiers and lengths flip bits (0C1 becomes 0CB, 8 bytes become 2).
const DAMAGED: [&str; 1] = ["gm-camaro"];

/// A tester asks one control unit after the other, and the second half asks others than the first: no vehicle's own traffic.
const TESTERS: [&str; 2] = ["ev-canlogs_Porsche_Taycan_Turbo_S_CarScannerOBD", "hyundai-kona-ev_221210"];

/// Captures of one vehicle in comparable states.
const VEHICLES: [(&str, &str); 6] = [
    ("Tesla Model 3", "tesla-m3-ctf"),
    ("CrySyS car", "crysys"),
    ("Nissan LEAF 62 kWh", "ev-canlogs_Nissan_LEAF_62kWh_EV-CAN"),
    ("Nissan e-NV200 40 kWh", "ev-canlogs_Nissan_LEAF_40kWh_E-NV200"),
    ("VW e-up", "vw-e-up"),
    ("Hyundai Kona BMS", "hyundai-kona-ev_bms"),
];

/// What was raised on so much clean traffic.
#[derive(Default)]
struct Sum {
    hours: f64,
    frames: usize,
    tally: Tally,
}

impl Sum {
    fn add(&mut self, frames: &[Frame], tally: &Tally) {
        self.hours += hours(frames);
        self.frames += frames.len();
        for (event, (events, happenings)) in &tally.0 {
            self.tally.add(*event, *events, *happenings);
        }
    }

    fn per_hour(&self, event: EventId) -> f64 {
        self.tally.events(event) as f64 / self.hours
    }

    fn print(&self, title: &str) {
        println!("{title}: {:.3} h, {} frames, {}", self.hours, self.frames, self.tally);
    }
}

/// Pauses count for a second at most.
fn hours(frames: &[Frame]) -> f64 {
    let gaps = frames.windows(2).map(|pair| pair[1].time.since(pair[0].time).min(1_000_000));
    gaps.sum::<u64>() as f64 / 3.6e9
}

fn learned(frames: impl IntoIterator<Item = Frame>) -> Learned {
    learn(frames, &Settings::default()).unwrap()
}

fn is_complete(learned: &Learned) -> bool {
    learned.profile().unwrap().source().late_ids == 0
}

#[test]
fn second_halves_of_clean_captures_are_almost_silent() {
    let Some(folder) = folder("clean") else { return };
    let [mut complete, mut growing, mut damaged, mut testers, mut own] = std::array::from_fn(|_| Sum::default());
    for path in files(&folder, ".gz") {
        let frames = candump(&path);
        let (first, second) = frames.split_at(frames.len() / 2);
        if first.is_empty() {
            println!("SKIPPED: {} has no readable frames", name(&path));
            continue;
        }
        let profile = learned(first.iter().copied());
        let tally = Tally::of(&replay(&profile.encode(), second));
        println!("{:<110} {:>6.1} s: {tally}", name(&path), hours(second) * 3600.0);
        let is_of = |list: &[&str]| list.iter().any(|prefix| name(&path).starts_with(prefix));
        let sum = match is_complete(&profile) {
            _ if is_of(&DAMAGED) => &mut damaged,
            _ if is_of(&TESTERS) => &mut testers,
            true => &mut complete,
            false => &mut growing,
        };
        sum.add(second, &tally);
        own.add(first, &Tally::of(&replay(&profile.encode(), first)));
    }
    own.print("training traffic itself");
    complete.print("identifiers complete");
    growing.print("identifiers still growing");
    testers.print("testers' logs");
    damaged.print("damaged captures");
    assert!(complete.hours + growing.hours > 0.2, "the shared captures are not all there");
    assert_eq!(own.tally, Tally::default(), "training traffic replayed against its own profile");
    assert!(complete.per_hour(EventId::CAN_UNKNOWN_ID) <= 12.0);
    for sum in [&complete, &growing] {
        assert_eq!(sum.tally.events(EventId::CAN_WRONG_LENGTH), 0);
        assert_eq!(sum.tally.events(EventId::CAN_BUS_FLOOD), 0);
        assert_eq!(sum.tally.events(EventId::CAN_SILENT_ID), 0);
        assert!(sum.tally.events(EventId::CAN_EARLY_FRAME) <= 3);
    }
}

#[test]
fn drives_left_out_of_training_are_almost_silent() {
    let Some(folder) = folder("clean") else { return };
    let mut sum = Sum::default();
    for (vehicle, prefix) in VEHICLES {
        let drives: Vec<_> = files(&folder, ".gz").into_iter().filter(|path| name(path).starts_with(prefix)).collect();
        let frames: Vec<_> = drives.iter().map(|path| candump(path)).collect();
        let mut of_vehicle = Sum::default();
        for (left_out, drive) in frames.iter().enumerate() {
            let rest = frames.iter().enumerate().filter(|(index, _)| *index != left_out);
            let profile = learned(rest.flat_map(|(_, frames)| frames.iter().copied()));
            of_vehicle.add(drive, &Tally::of(&replay(&profile.encode(), drive)));
            sum.add(drive, &Tally::of(&replay(&profile.encode(), drive)));
        }
        of_vehicle.print(&format!("{vehicle}, {} drives", drives.len()));
        if vehicle == "Tesla Model 3" {
            assert_eq!(of_vehicle.tally, Tally::default());
        }
    }
    sum.print("all");
    assert_eq!(sum.tally.events(EventId::CAN_WRONG_LENGTH), 0);
    assert_eq!(sum.tally.events(EventId::CAN_BUS_FLOOD), 0);
    assert_eq!(sum.tally.events(EventId::CAN_SILENT_ID), 0);
    assert!(sum.per_hour(EventId::CAN_EARLY_FRAME) <= 6.0);
    assert!(sum.per_hour(EventId::CAN_UNKNOWN_ID) <= 30.0);
}
