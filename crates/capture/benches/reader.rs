//! Frames a second through the reader, one JSON line for each format, from captures in memory that look like a busy bus.
//!
//! Not a disk benchmark. Prints the median of seven runs. The captures are written by this crate's writers; MDF, which it does not
//! write, is read from `../shared/data` if that is there.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::path::Path;
use std::time::Instant;
use yagura_capture::{Format, Reader, WriteError, Writer};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload};

const FRAMES: u32 = 250_000;
const RUNS: usize = 7;
/// 150,411 frames of two channels, unsorted, as a CANedge wrote them.
const MDF: &str = "../../../shared/data/can/raw/css-mf4/examples/other/asammdf-basics/input/00000001.MF4";

fn capture(format: Format) -> Result<Vec<u8>, WriteError> {
    let mut writer = Writer::new(Vec::new(), format)?;
    for n in 0..FRAMES {
        let bytes = u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        let (Ok(id), Ok(payload)) = (CanId::from_key(0x100 + n % 97), Payload::new(&bytes)) else { continue };
        let time = Micros(1_596_811_036_000_000 + u64::from(n) * 480);
        writer.write(&Frame { time, bus: BusId(0), id, kind: FrameKind::Data, payload })?;
    }
    writer.finish()
}

fn measure(name: &str, bytes: &[u8]) {
    let mut frames = 0;
    let mut rates: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            frames = Reader::new(bytes).filter(Result::is_ok).count();
            frames as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let median = rates[RUNS / 2];
    println!("{name}: {frames} frames, {} bytes: {:.2} M frames/s (median of {RUNS})", bytes.len(), median / 1e6);
    println!("{{\"bench\":\"capture_reader_{name}\",\"value\":{median:.0},\"unit\":\"frames/s\"}}");
}

fn main() -> Result<(), WriteError> {
    for format in Format::ALL {
        measure(format.name(), &capture(format)?);
    }
    match std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(MDF)) {
        Ok(bytes) => measure("mdf", &bytes),
        Err(_) => println!("mdf: skipped, {MDF} is absent"),
    }
    Ok(())
}
