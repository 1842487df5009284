//! Frames as a PCAN trace 2.1; see `text::trc` for the format.
//!
//! Not 1.x, which has no CAN FD. Invariant: the length is the number of bytes (column `l`), so that any length can be said. Cost:
//! formatting.

use super::{channel, id, spaced};
use std::io::{self, Write};
use yagura_model::{Frame, FrameKind};

/// Day 25569 is 1970-01-01.
pub(super) const HEADER: &[u8] = b";$FILEVERSION=2.1\n\
    ;$STARTTIME=25569.0000000000\n\
    ;$COLUMNS=N,O,T,B,I,d,R,l,D\n;\n\
    ;   Start time: 01.01.1970 00:00:00.000.0\n;\n";

pub(super) fn frame(out: &mut Vec<u8>, frame: &Frame, number: u64) -> io::Result<()> {
    let (millis, micros) = (frame.time.0 / 1_000, frame.time.0 % 1_000);
    let kind = match frame.kind {
        FrameKind::Data => "DT",
        FrameKind::Fd { bit_rate_switch: false, error_passive: false } => "FD",
        FrameKind::Fd { bit_rate_switch: true, error_passive: false } => "FB",
        FrameKind::Fd { bit_rate_switch: false, error_passive: true } => "FE",
        FrameKind::Fd { bit_rate_switch: true, error_passive: true } => "BI",
        FrameKind::Remote { .. } => "RR",
        FrameKind::Error => "ER",
    };
    let bus = channel(frame);
    write!(out, "{number:>7} {millis:>9}.{micros:03} {kind} {bus} ")?;
    match frame.kind {
        FrameKind::Error => write!(out, "       - Rx -  0")?,
        // The width of an identifier is told by its digits: four or eight.
        FrameKind::Remote { requested_len } => write!(out, "{:>8} Rx - {requested_len:>2}", digits(frame))?,
        _ => {
            write!(out, "{:>8} Rx - {:>2}   ", digits(frame), frame.payload.len())?;
            spaced(out, frame)?;
        }
    }
    out.write_all(b"\n")
}

fn digits(frame: &Frame) -> String {
    let id = id(frame);
    if id.len() == 3 { format!("0{id}") } else { id }
}
