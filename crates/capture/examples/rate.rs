//! Frames a second through the reader on one capture in memory: `rate CAPTURE [RUNS]`. One JSON line on standard output.
//!
//! The best run counts: other work on the machine only slows runs down. Not `cargo bench`, which makes its own captures: this measures the file that `scripts/peers` gives to other tools in the same run.

#![expect(clippy::print_stdout, reason = "a measurement prints its result")]

use std::time::Instant;
use yagura_capture::Reader;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let bytes = std::fs::read(arguments.next().unwrap_or_default())?;
    let runs = arguments.next().and_then(|runs| runs.parse().ok()).unwrap_or(25_usize);
    let mut frames = 0;
    let mut rates: Vec<f64> = (0..runs.max(1))
        .map(|_| {
            let start = Instant::now();
            frames = Reader::new(bytes.as_slice()).filter(Result::is_ok).count();
            frames as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let best = rates.last().copied().unwrap_or(0.0);
    println!("{{\"tool\":\"yagura parse\",\"frames\":{frames},\"frames_per_second\":{best:.0}}}");
    Ok(())
}
