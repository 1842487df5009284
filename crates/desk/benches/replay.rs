//! Frames a second from candump text to alerts: reading, every detector, on one core.
//!
//! Not the detector alone (`ids` has that bench). The capture lies in memory as plain text, repeated with its clock moved on, so
//! the disk is left out. Time is the thread's time on the processor where the system tells it (Linux), else the clock's. Prints the median
//! of five runs and one JSON line. The capture is the first argument that is a file, else
//! the repository's own.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;
use yagura_capture::{Reader, write_log_line};
use yagura_desk::{Capture, Quiet, Replay};
use yagura_model::Frame;
use yagura_profile::{Settings, learn};

const RUNS: usize = 5;
const FRAMES_MIN: usize = 3_000_000;
/// Between two repetitions of the capture, µs.
const SEAM: u64 = 10_000;

fn capture() -> PathBuf {
    let given = std::env::args().skip(1).map(PathBuf::from).find(|path| path.is_file());
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/captures/tesla-model-3/learn.log.gz");
    given.unwrap_or_else(|| own.into())
}

/// The capture as text, repeated until it is long enough.
fn text(frames: &[Frame]) -> Result<(Vec<u8>, usize), Box<dyn Error>> {
    let (first, last) = (frames.first().ok_or("no frames")?.time, frames.last().ok_or("no frames")?.time);
    let turn = last.since(first) + SEAM;
    let mut text = Vec::new();
    let turns = FRAMES_MIN.div_ceil(frames.len());
    for (at, frame) in (0..turns as u64).flat_map(|at| frames.iter().map(move |frame| (at, frame))) {
        let bus = format!("can{}", frame.bus.0);
        write_log_line(&mut text, &Frame { time: frame.time.plus(turn * at), ..*frame }, &bus)?;
    }
    Ok((text, turns * frames.len()))
}

/// Measures time on the processor, so that other work on the machine does not count.
struct Stopwatch {
    on_cpu: Option<u64>,
    start: Instant,
}

impl Stopwatch {
    fn start() -> Self {
        Self { on_cpu: on_cpu(), start: Instant::now() }
    }

    fn seconds(&self) -> f64 {
        match (self.on_cpu, on_cpu()) {
            (Some(start), Some(end)) => (end - start) as f64 / 1e9,
            _ => self.start.elapsed().as_secs_f64(),
        }
    }
}

/// Nanoseconds that this thread has run.
fn on_cpu() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = capture();
    let frames = Capture::open(&path)?.read_all(&mut Quiet)?;
    let learned = learn(frames.iter().copied(), &Settings::default())?;
    let (text, count) = text(&frames)?;
    let mut rates = Vec::new();
    let mut alerts = 0_u64;
    for _ in 0..RUNS {
        let mut replay = Replay::new(learned.profile()?)?;
        let start = Stopwatch::start();
        for frame in Reader::new(text.as_slice()) {
            replay.judge(&frame?, &mut |_| {});
        }
        alerts = replay.finish(&mut |_| {}).alerts;
        rates.push(count as f64 / start.seconds());
    }
    rates.sort_by(f64::total_cmp);
    let median = rates[RUNS / 2];
    println!("{count} frames, {alerts} alerts, {:.2} M frames/s from candump text", median / 1e6);
    println!("{{\"bench\":\"desk_replay\",\"frames\":{count},\"frames_per_second\":{median:.0},\"alerts\":{alerts}}}");
    Ok(())
}
