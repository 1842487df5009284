//! Checksums and counters on real vehicles: found from the start of a trace, silent on its rest, loud on masquerade.
//!
//! Labels score and never teach. Run with `--nocapture` for the tables.

use crate::traces::{IDS, candump, files, folder, name, table};
use yagura_ids::{Algorithm, Check, Constant, Detector, Finding, Profile, Sink};
use yagura_model::{CanId, Frame, SecurityEvent};
use yagura_profile::{Learned, Protection, Settings, learn};

/// Findings of checksums and counters.
#[derive(Default)]
struct Told(Vec<Finding>);

impl Sink for Told {
    fn raise(&mut self, _: SecurityEvent) {}

    fn find(&mut self, finding: &Finding) {
        if matches!(finding.check, Check::Checksum | Check::Counter) {
            self.0.push(*finding);
        }
    }
}

/// For each frame, what was told of it.
fn told<'a>(profile: &[u8], frames: impl IntoIterator<Item = &'a Frame>) -> Vec<Vec<Finding>> {
    let mut detector: Box<Detector<'_, IDS>> = Box::new(Detector::new(Profile::parse(profile).unwrap()).unwrap());
    let judge = |frame: &Frame| {
        let mut sink = Told::default();
        detector.handle_frame(frame, &mut sink);
        sink.0
    };
    frames.into_iter().map(judge).collect()
}

fn learned<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Learned {
    learn(frames.into_iter().copied(), &Settings::default()).unwrap()
}

/// In words.
fn show(protection: &Protection) -> String {
    let mut text = format!("{:X}", protection.id.key());
    for row in &protection.checksums {
        let kind = match row.algorithm {
            Algorithm::Crc { poly, direction } => format!("crc{} {poly:X} {direction:?} +{}", row.field.bits, row.tail),
            other => format!("{other:?}"),
        };
        let constant = match row.constant {
            Constant::One(value) => format!("{value:X}"),
            Constant::ByCounter { nibble, .. } => format!("by nibble {nibble}"),
        };
        text += &format!(" [{kind} byte {} = {constant}]", row.field.byte);
    }
    for row in &protection.counters {
        let (start, bits, step, low, values, hold) = (row.start, row.bits, row.step, row.low, row.values, row.hold);
        text += &format!(" ({start},{bits} +{step} {low}..{values} hold {hold})");
    }
    text + &format!(" 2^{} n={} d={}", protection.evidence_bits, protection.frames, protection.distinct)
}

#[test]
fn rules_learned_on_the_start_of_a_trace_hold_on_its_rest() {
    let Some(folder) = folder("clean") else { return };
    let (mut checksums, mut counters, mut frames_judged, mut wrong) = (0, 0, 0, Vec::new());
    for path in files(&folder, ".gz") {
        let frames = candump(&path);
        let (first, second) = frames.split_at(frames.len() * 45 / 100);
        let learned = learned(first);
        let with: Vec<&Protection> =
            learned.protections.iter().filter(|p| !p.checksums.is_empty() || !p.counters.is_empty()).collect();
        let told = told(&learned.encode(), second);
        let false_alarms: Vec<&Finding> = told.iter().flatten().collect();
        checksums += with.iter().filter(|p| !p.checksums.is_empty()).count();
        counters += with.iter().map(|p| p.counters.len()).sum::<usize>();
        frames_judged += second.len();
        println!("{}: {} told", name(&path), false_alarms.len());
        with.iter().for_each(|protection| println!("    {}", show(protection)));
        for finding in false_alarms.iter().take(5) {
            let context = &finding.context;
            println!(
                "    FALSE {:?} {:X} {} {} {:?}",
                finding.check,
                context.id.key(),
                context.expected,
                context.observed,
                context.payload
            );
        }
        wrong.extend(false_alarms.iter().map(|finding| (name(&path).to_owned(), finding.context.id, finding.check)));
    }
    println!("{checksums} checksums, {counters} counters, {frames_judged} frames, {} told", wrong.len());
    wrong.dedup();
    assert_eq!(wrong, []);
}

/// Masquerade found frame by frame.
#[derive(Default)]
struct Score {
    attacks: usize,
    hits: usize,
    false_alarms: usize,
}

#[test]
fn masquerade_that_repairs_nothing_is_flagged_frame_by_frame() {
    let Some(folder) = folder("simulated") else { return };
    let windows = std::fs::read_to_string(folder.join("WINDOWS.csv")).unwrap();
    let mut sum = Score::default();
    for line in windows.lines().filter(|line| line.contains("masq")) {
        let cells: Vec<&str> = line.split(',').collect();
        let target = CanId::from_key(u32::from_str_radix(cells[5], 16).unwrap()).unwrap();
        let lines = table(&folder.join(cells[0]));
        let frames: Vec<Frame> = lines.iter().map(|line| line.frame).collect();
        let split = frames.len() * 45 / 100;
        let learned = learned(&frames[..split]);
        let protection = learned.protections.iter().find(|p| p.id == target).unwrap();
        let told = told(&learned.encode(), &frames);
        let mut score = Score::default();
        let mut delays: Vec<Option<u64>> = Vec::new();
        let mut last = None;
        for (line, told) in lines.iter().zip(&told) {
            let hit = !told.is_empty();
            if line.attack {
                if last.is_none_or(|last| line.frame.time.since(last) > 3_000_000) {
                    delays.push(None);
                }
                last = Some(line.frame.time);
                score.attacks += 1;
                score.hits += usize::from(hit);
            } else {
                score.false_alarms += told.len();
                for finding in told.iter().take(usize::from(score.false_alarms < 4)) {
                    println!(
                        "    FALSE {:?} {:X} at {} {:?}",
                        finding.check,
                        finding.context.id.key(),
                        finding.time.0,
                        last
                    );
                }
            }
        }
        println!(
            "{:<36} {:>5} of {:>5} frames, {} false; {}",
            cells[0],
            score.hits,
            score.attacks,
            score.false_alarms,
            show(protection)
        );
        if !protection.checksums.is_empty() || !protection.counters.is_empty() {
            sum.attacks += score.attacks;
            sum.hits += score.hits;
        }
        sum.false_alarms += score.false_alarms;
    }
    println!("{} of {} frames of protected identifiers, {} false", sum.hits, sum.attacks, sum.false_alarms);
    assert_eq!(sum.false_alarms, 0);
}

/// Captures of one vehicle.
const VEHICLES: [&str; 9] = [
    "crysys",
    "ev-canlogs_Nissan_LEAF_62kWh_EV-CAN",
    "ev-canlogs_Nissan_LEAF_40kWh",
    "ev-canlogs_Nissan_LEAF_Special",
    "ev-canlogs_Porsche_Taycan_Turbo_S",
    "ev-canlogs_Think",
    "tesla-m3-ctf",
    "vw-e-up",
    "hyundai-kona-ev_bms",
];

#[test]
fn rules_learned_on_other_drives_hold_on_the_one_left_out() {
    let Some(folder) = folder("clean") else { return };
    let mut sum = 0;
    for vehicle in VEHICLES {
        let paths: Vec<_> = files(&folder, ".gz").into_iter().filter(|path| name(path).starts_with(vehicle)).collect();
        let drives: Vec<_> = paths.iter().map(|path| candump(path)).collect();
        // Learned on all others together, and on each other one alone.
        for (out, drive) in drives.iter().enumerate() {
            let others: Vec<&Vec<Frame>> =
                drives.iter().enumerate().filter(|(at, _)| *at != out).map(|(_, d)| d).collect();
            let mut trainings: Vec<Vec<&Frame>> = others.iter().map(|drive| drive.iter().collect()).collect();
            trainings.push(others.iter().flat_map(|drive| drive.iter()).collect());
            for training in trainings {
                let learned = learned(training);
                let told = told(&learned.encode(), drive);
                let count = told.iter().flatten().count();
                sum += count;
                let covered = learned.protections.iter().filter(|p| !p.checksums.is_empty()).count();
                if count > 0 {
                    println!("{}: {covered} checksums, {count} told of {}", name(&paths[out]), drive.len());
                }
                for finding in told.iter().flatten().take(3) {
                    let context = &finding.context;
                    let protection = learned.protections.iter().find(|p| p.id == context.id).unwrap();
                    println!(
                        "    FALSE {:?} {} {} {:?}",
                        finding.check, context.expected, context.observed, context.payload
                    );
                    println!("          {}", show(protection));
                }
            }
        }
    }
    assert_eq!(sum, 0);
}

/// The frames of the first so many seconds.
fn start(frames: &[Frame], seconds: u64) -> usize {
    let first = frames.first().map_or(0, |frame| frame.time.0);
    frames.partition_point(|frame| frame.time.0.saturating_sub(first) < seconds * 1_000_000)
}

#[test]
fn however_short_the_training_no_wrong_rule_is_learned() {
    let Some(folder) = folder("clean") else { return };
    let drives: Vec<_> =
        files(&folder, ".gz").into_iter().map(|path| (name(&path).to_owned(), candump(&path))).collect();
    let mut sum = 0;
    for seconds in [1, 2, 5, 10, 20, 30] {
        let (mut checksums, mut counters, mut judged, mut wrong) = (0, 0, 0, 0);
        for (file, frames) in &drives {
            let split = start(frames, seconds);
            if split == frames.len() {
                continue;
            }
            let learned = learned(&frames[..split]);
            checksums += learned.protections.iter().filter(|p| !p.checksums.is_empty()).count();
            counters += learned.protections.iter().filter(|p| !p.counters.is_empty()).count();
            judged += frames.len() - split;
            let told = told(&learned.encode(), &frames[split..]);
            wrong += told.iter().flatten().count();
            for finding in told.iter().flatten().take(2) {
                let protection = learned.protections.iter().find(|p| p.id == finding.context.id).unwrap();
                println!("    FALSE {file} {:?} {:?} {}", finding.check, finding.context.payload, show(protection));
            }
        }
        println!(
            "{seconds:>3} s: {checksums} identifiers with checksum, {counters} with counter, {judged} frames, {wrong} told"
        );
        sum += wrong;
    }
    assert_eq!(sum, 0);
}
