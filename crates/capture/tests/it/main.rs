//! The reader against text that we wrote, text that others wrote, and garbage.
//!
//! Third-party logs come from `../shared/data`; where it is absent those tests say so and pass.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say what they skip"
)]

mod dialects;
mod foreign;
mod formats;
mod records;
mod roundtrip;

use std::fmt::Write as _;
use yagura_capture::{ReadError, Reader};
use yagura_model::FrameKind;

/// Every item of the reader as a line of text, then the summary.
fn tell(text: impl AsRef<[u8]>) -> String {
    let mut reader = Reader::new(text.as_ref());
    let mut out = String::new();
    for item in reader.by_ref() {
        match item {
            Ok(frame) => {
                let kind = match frame.kind {
                    FrameKind::Data => String::new(),
                    FrameKind::Fd { bit_rate_switch, error_passive } => {
                        format!(
                            " fd{}{}",
                            if bit_rate_switch { " brs" } else { "" },
                            if error_passive { " esi" } else { "" }
                        )
                    }
                    FrameKind::Remote { requested_len } => format!(" remote {requested_len}"),
                    FrameKind::Error => " error".to_owned(),
                };
                writeln!(out, "{} bus {} {} {}{kind}", frame.time, frame.bus.0, frame.id, frame.payload)
            }
            Err(ReadError::Io(error)) => writeln!(out, "input ended early: {error}"),
            Err(error) => writeln!(out, "{error}"),
        }
        .unwrap();
    }
    let summary = reader.summary();
    let buses: Vec<String> = summary.buses.iter().map(|bus| format!("{}={}", bus.name, bus.id.0)).collect();
    writeln!(
        out,
        "{} frames, {} unreadable, {} untimed, {} backward, buses [{}]",
        summary.frames,
        summary.unreadable,
        summary.untimed,
        summary.backward,
        buses.join(" ")
    )
    .unwrap();
    out
}
