//! Runs the firmware in QEMU on real frames, compares its events with the host's, and holds it to its budgets.
//!
//! Not a test of detection. For each pair of captures it learns from the first and replays the second twice: as it is, and
//! tampered with so that every kind of detector has something to say. Needs `qemu-system-arm`. Fails with the first event that
//! differs, or the first budget that is broken. Usage: `cargo run` in `mcu/`; prints one JSON line per figure.

mod firmware;
mod tamper;

use anyhow::{Context as _, bail, ensure};
use firmware::{Cost, Firmware};
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use yagura_capture::Reader;
use yagura_ids::{Detector, Profile};
use yagura_model::{Frame, Micros, SecurityEvent};
use yagura_profile::{Settings, learn};

/// Identifiers that the firmware has room for.
const IDS: usize = 256;
/// Code and constants, bytes.
const FLASH_MAX: u64 = 96 << 10;
/// Static data and stack, bytes; profile and frames not counted: they lie in flash and in the CAN controller.
const RAM_MAX: u64 = 48 << 10;
/// Instructions of a frame, on average over a capture.
const INSTRUCTIONS_MEAN_MAX: u64 = 2_000;
/// Instructions of the most expensive frame of clean traffic, and of tampered traffic: one with four findings at which a window
/// of an episode ends as well. The aim is [`INSTRUCTIONS_MEAN_MAX`] for every frame; until then what is reached may not be lost.
/// The board's timer counts 40 at a time.
const INSTRUCTIONS_CLEAN_MAX: u64 = 2_400;
const INSTRUCTIONS_TAMPERED_MAX: u64 = 4_200;
/// Frames of a run: what fits the memory that QEMU's board has for them.
const FRAMES_MAX: usize = 60_000;

const PAIRS: [(&str, &str); 4] = [
    ("tesla-model-3/learn.log.gz", "tesla-model-3/replay-1.log.gz"),
    ("kona-ev/p-can-learn.log.gz", "kona-ev/p-can-replay.log.gz"),
    ("kona-ev/epcu-learn.log.gz", "kona-ev/epcu-replay.log.gz"),
    ("kona-ev/compressor-learn.log.gz", "kona-ev/compressor-replay.log.gz"),
];

fn main() -> anyhow::Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let firmware = Firmware::build(&root)?;
    let (mut worst_clean, mut worst) = (0, Cost::default());
    for (learn_from, replay) in PAIRS {
        let captures = root.join("testdata/captures");
        let profile = learn(frames(&captures.join(learn_from))?, &Settings::default())?.encode();
        let mut clean = frames(&captures.join(replay))?;
        clean.truncate(FRAMES_MAX / 2);
        for (kind, frames) in [("clean", clean.clone()), ("tampered", tamper::tamper(&clean))] {
            let run = firmware.run(&profile, &frames)?;
            let here = on_host(&profile, &frames)?;
            compare(&run.events, &here).with_context(|| format!("{replay}, {kind}"))?;
            println!("{replay}, {kind}: {} frames, {} events as on the host; {}", frames.len(), here.len(), run.cost);
            worst = worst.worst(run.cost);
            if kind == "clean" {
                worst_clean = run.cost.worst.max(worst_clean);
            }
        }
    }
    check_budgets(&firmware, worst, worst_clean)
}

fn frames(path: &Path) -> anyhow::Result<Vec<Frame>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(Reader::new(BufReader::new(file)).filter_map(Result::ok).collect())
}

/// The host's events, in the words of the firmware.
fn on_host(profile: &[u8], frames: &[Frame]) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut sink = |event: SecurityEvent| lines.push(line(&event));
    let mut detector = Box::new(Detector::<IDS>::new(Profile::parse(profile)?)?);
    for frame in frames {
        detector.handle_frame(frame, &mut sink);
    }
    detector.handle_timeout(Micros::MAX, &mut sink);
    Ok(lines)
}

fn line(event: &SecurityEvent) -> String {
    let SecurityEvent { id, time, count, context } = event;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "event {time} {id} {} {} {count} {} {} {}",
        context.bus.0, context.id, context.expected, context.observed, context.payload
    );
    text
}

fn compare(firmware: &[String], host: &[String]) -> anyhow::Result<()> {
    for (number, (there, here)) in firmware.iter().zip(host).enumerate() {
        ensure!(there == here, "event {number} differs:\n  firmware {there}\n  host     {here}");
    }
    if firmware.len() != host.len() {
        bail!(
            "firmware raised {} events, the host {}; the first one more: {:?}",
            firmware.len(),
            host.len(),
            firmware.get(host.len())
        );
    }
    Ok(())
}

fn check_budgets(firmware: &Firmware, cost: Cost, worst_clean: u64) -> anyhow::Result<()> {
    let ram = firmware.static_ram + cost.stack;
    for (name, value, unit, limit) in [
        ("mcu_flash", firmware.flash, "B", FLASH_MAX),
        ("mcu_ram", ram, "B", RAM_MAX),
        ("mcu_detector", cost.detector, "B", RAM_MAX),
        ("mcu_frame_mean", cost.mean, "instructions", INSTRUCTIONS_MEAN_MAX),
        ("mcu_frame_worst_clean", worst_clean, "instructions", INSTRUCTIONS_CLEAN_MAX),
        ("mcu_frame_worst", cost.worst, "instructions", INSTRUCTIONS_TAMPERED_MAX),
    ] {
        println!("{{\"bench\":\"{name}\",\"value\":{value},\"unit\":\"{unit}\"}}");
        ensure!(value <= limit, "{name}: {value} {unit} exceed the budget of {limit}");
    }
    Ok(())
}
