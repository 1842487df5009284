//! How fast frames become physical values.
//!
//! `cargo bench -p yagura-profile --bench decode [-- DBC CAPTURE...]`; without arguments the Tesla Model 3 of the shared data.
//! Prints a line for people and one of JSON for each pair.
#![expect(clippy::print_stdout, reason = "a bench speaks to people and to scripts")]

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Instant;
use yagura_capture::Reader;
use yagura_model::Frame;
use yagura_profile::{Decoder, Specification};

const RUNS: usize = 5;
const FRAMES_MIN: usize = 1_000_000;

fn default_files() -> Result<(PathBuf, Vec<PathBuf>), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/can");
    let captures = std::fs::read_dir(folder.join("clean"))?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_tesla = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tesla-m3"));
    Ok((folder.join("raw/tesla-m3-ctf/Model3CAN.dbc"), captures.filter(is_tesla).collect()))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut given = std::env::args().skip(1).filter(|arg| arg != "--bench").map(PathBuf::from);
    let (dbc, captures) = match given.next() {
        Some(dbc) => (dbc, given.collect()),
        None => default_files()?,
    };
    let specification = Specification::from_dbc_bytes(&std::fs::read(&dbc)?)?;
    let decoder = Decoder::new(&specification);
    let mut frames: Vec<Frame> = Vec::new();
    for capture in &captures {
        frames.extend(Reader::new(BufReader::new(File::open(capture)?)).filter_map(Result::ok));
    }
    let all = frames.len();
    // What the DBC does not know costs next to nothing and would flatter the figure.
    frames.retain(|frame| decoder.knows(frame.id));
    let rounds = FRAMES_MIN.div_ceil(frames.len().max(1));
    let decoded = rounds * frames.len();
    let (mut rates, mut signals) = (Vec::new(), 0_usize);
    for _ in 0..RUNS {
        signals = 0;
        let mut sum = 0.0;
        let start = Instant::now();
        for _ in 0..rounds {
            for frame in &frames {
                decoder.decode(black_box(frame), |sample| {
                    signals += 1;
                    sum += sample.value;
                });
            }
        }
        black_box(sum);
        rates.push(decoded as f64 / start.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    let (median, each) = (rates[RUNS / 2], signals as f64 / decoded.max(1) as f64);
    println!(
        "{}: {} of {all} frames known, {each:.1} signals a frame: {:.1} M frames/s, {:.1} M signals/s (median of {RUNS})",
        dbc.display(),
        frames.len(),
        median / 1e6,
        median * each / 1e6
    );
    println!("{{\"bench\":\"dbc_decode\",\"value\":{median:.0},\"unit\":\"frames/s\"}}");
    Ok(())
}
