//! Any capture on standard input as a capture of another format on standard output: `convert FORMAT < capture`.
//!
//! Not a tool of its own (`yagura` is); a small program to compare readers and writers with. Faults and the summary go to
//! standard error.

#![expect(clippy::print_stderr, reason = "an example talks to its terminal")]

use std::io::{BufWriter, stdin, stdout};
use yagura_capture::{Format, Reader, WriteError, Writer};

fn main() -> Result<(), WriteError> {
    let name = std::env::args().nth(1);
    let format = name.as_deref().map_or(Some(Format::Candump), Format::named);
    let Some(format) = format else {
        eprintln!("formats: {}", Format::ALL.map(Format::name).join(" "));
        return Ok(());
    };
    let mut reader = Reader::new(stdin().lock());
    let mut writer = Writer::new(BufWriter::new(stdout().lock()), format)?;
    for item in reader.by_ref() {
        match item {
            Ok(frame) => match writer.write(&frame) {
                Err(refused @ WriteError::Kind { .. }) => eprintln!("{refused}"),
                other => other?,
            },
            Err(error) => eprintln!("{error}"),
        }
    }
    writer.finish()?;
    eprintln!("{:?}", reader.summary());
    Ok(())
}
