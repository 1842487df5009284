//! Frames a second through the reader, from a log in memory that looks like a busy bus.
//!
//! Not a disk benchmark. Prints the median of nine runs and one JSON line.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::time::Instant;
use yagura_capture::{Reader, write_log_line};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload};

const FRAMES: u32 = 500_000;
const RUNS: usize = 9;

fn log() -> Vec<u8> {
    let mut text = Vec::new();
    for n in 0..FRAMES {
        let bytes = u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        let (Ok(id), Ok(payload)) = (CanId::from_key(0x100 + n % 97), Payload::new(&bytes)) else { continue };
        let time = Micros(1_596_811_036_000_000 + u64::from(n) * 480);
        let frame = Frame { time, bus: BusId(0), id, kind: FrameKind::Data, payload };
        if write_log_line(&mut text, &frame, "can0").is_err() {
            continue;
        }
    }
    text
}

fn main() {
    let text = log();
    let mut rates: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let frames = Reader::new(text.as_slice()).filter(Result::is_ok).count();
            frames as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let median = rates[RUNS / 2];
    println!("{FRAMES} frames, {} bytes of text: {:.2} M frames/s (median of {RUNS})", text.len(), median / 1e6);
    println!("{{\"bench\":\"capture_reader\",\"value\":{median:.0},\"unit\":\"frames/s\"}}");
}
