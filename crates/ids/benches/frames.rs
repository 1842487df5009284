//! Frames a second through the detector: real traffic, every detector on, profile made from the same traffic.
//!
//! Not the cost of reading a log: frames lie in memory. Prints the median of nine runs and one JSON line. The capture is the
//! first argument that is a file, else the repository's own.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Instant;
use yagura_capture::Reader;
use yagura_ids::{BusRow, Class, Contents, Detector, IdRow, Lengths, Novelty, Pace, Profile, encode, encoded_len};
use yagura_model::{BusId, Frame, Micros, SecurityEvent};

const RUNS: usize = 9;
const FRAMES_MIN: usize = 2_000_000;

fn capture() -> PathBuf {
    let given = std::env::args().skip(1).map(PathBuf::from).find(|path| path.is_file());
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/captures/tesla-model-3/learn.log.gz");
    given.unwrap_or_else(|| own.into())
}

/// Every identifier judged in full: pace, distance and silence.
fn profile(frames: &[Frame]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut ids: BTreeMap<(BusId, u32), IdRow> = BTreeMap::new();
    for frame in frames {
        let row = ids.entry((frame.bus, frame.id.key())).or_insert(IdRow {
            bus: frame.bus,
            id: frame.id,
            class: Class::Periodic,
            lengths: Lengths::default(),
            period: 10_000,
            pace: Pace { interval: 1_000, tolerance: u32::MAX },
            distance: 1,
            silence: u32::MAX,
            frames: 0,
            gap_min: 0,
            gap_max: 0,
        });
        row.lengths.allow(frame);
        row.frames += 1;
    }
    let ids: Vec<IdRow> = ids.into_values().collect();
    let mut buses: Vec<BusId> = ids.iter().map(|row| row.bus).collect();
    buses.dedup();
    let pace = Pace { interval: 100, tolerance: u32::MAX };
    let row =
        |bus| BusRow { bus, idle_cap: 20_000, pace, peak_per_second: 2_000, frames: 0, novelty: Novelty::default() };
    let buses: Vec<BusRow> = buses.into_iter().map(row).collect();
    let contents = Contents { buses: &buses, ids: &ids, ..Contents::default() };
    let mut bytes = vec![0; encoded_len(&contents)];
    encode(&contents, &mut bytes)?;
    Ok(bytes)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = capture();
    let frames: Vec<Frame> = Reader::new(BufReader::new(File::open(&path)?)).filter_map(Result::ok).collect();
    let bytes = profile(&frames)?;
    let profile = Profile::parse(&bytes)?;
    let rounds = FRAMES_MIN.div_ceil(frames.len().max(1));
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let mut detector: Detector<'_, 256> = Detector::new(profile)?;
        let mut events = 0_u64;
        let mut sink = |event: SecurityEvent| events += u64::from(black_box(event).count);
        let start = Instant::now();
        for _ in 0..rounds {
            frames.iter().for_each(|frame| detector.handle_frame(black_box(frame), &mut sink));
        }
        let seconds = start.elapsed().as_secs_f64();
        detector.handle_timeout(Micros::MAX, &mut sink);
        rates.push((rounds * frames.len()) as f64 / seconds);
    }
    rates.sort_by(f64::total_cmp);
    let (median, ids) = (rates[RUNS / 2], profile.ids_len());
    println!(
        "{}: {} frames, {ids} identifiers: {:.1} M frames/s (median of {RUNS})",
        path.display(),
        frames.len(),
        median / 1e6
    );
    println!("state of Detector<256>: {} bytes", size_of::<Detector<'_, 256>>());
    println!("{{\"bench\":\"ids_frames\",\"value\":{median:.0},\"unit\":\"frames/s\"}}");
    Ok(())
}
