//! Any capture on standard input as a candump log on standard output.
//!
//! Not a tool of its own (`yagura` is); a small program to compare readers with. Faults and the summary go to standard error.

#![expect(clippy::print_stderr, reason = "an example talks to its terminal")]

use std::io::{BufWriter, Write as _, stdin, stdout};
use yagura_capture::{Reader, WriteError, write_log_line};

fn main() -> Result<(), WriteError> {
    let mut reader = Reader::new(stdin().lock());
    let mut out = BufWriter::new(stdout().lock());
    for item in reader.by_ref() {
        match item {
            Ok(frame) => write_log_line(&mut out, &frame, &format!("can{}", frame.bus.0))?,
            Err(error) => eprintln!("{error}"),
        }
    }
    out.flush()?;
    eprintln!("{:?}", reader.summary());
    Ok(())
}
