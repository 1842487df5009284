//! A frame as one line of a candump log, ready for `canplayer` and for [`Reader`](crate::Reader).
//!
//! Not a formatter for people. Invariant: what is written is read back as the same frame, if the interface keeps its number
//! (an error frame always comes back with an extended identifier, as Linux has no other). Cost: one `write_all` a frame.

use super::WriteError;
use crate::buses::is_name;
use crate::text::candump::ERROR_BIT;
use std::io::{self, Write};
use yagura_model::{CanId, Frame, FrameKind, Payload};

/// The longest line: time (21), interface (32), identifier (8), flags and data (3 + 128), separators and line end.
const LINE_LEN_MAX: usize = 256;
const HEX: [u8; 16] = *b"0123456789ABCDEF";

/// Writes one line with its line end.
///
/// # Errors
/// [`WriteError::Interface`] if `interface` is no interface name, [`WriteError::Io`] if `out` fails.
pub fn write_log_line(out: &mut impl Write, frame: &Frame, interface: &str) -> Result<(), WriteError> {
    if !is_name(interface.as_bytes()) {
        return Err(WriteError::Interface(interface.to_owned()));
    }
    let mut line = [0; LINE_LEN_MAX];
    let unused = write_to(&mut line.as_mut_slice(), frame, interface)?;
    let len = LINE_LEN_MAX.saturating_sub(unused);
    out.write_all(line.get(..len).unwrap_or(&[]))?;
    Ok(())
}

/// Writes the line to the front of `line` and returns how many bytes are left.
fn write_to(line: &mut &mut [u8], frame: &Frame, interface: &str) -> io::Result<usize> {
    let (seconds, micros) = (frame.time.0 / 1_000_000, frame.time.0 % 1_000_000);
    write!(line, "({seconds:010}.{micros:06}) {interface} ")?;
    match (frame.kind, frame.id) {
        (FrameKind::Error, id) => write!(line, "{:08X}", id.raw() | ERROR_BIT)?,
        (_, CanId::Standard(id)) => write!(line, "{:03X}", id.raw())?,
        (_, CanId::Extended(id)) => write!(line, "{:08X}", id.raw())?,
    }
    match frame.kind {
        FrameKind::Data | FrameKind::Error => line.write_all(b"#")?,
        FrameKind::Fd { bit_rate_switch, error_passive } => {
            write!(line, "##{}", u8::from(bit_rate_switch) | (u8::from(error_passive) << 1))?;
        }
        FrameKind::Remote { requested_len: 0 } => line.write_all(b"#R")?,
        FrameKind::Remote { requested_len } => write!(line, "#R{}", requested_len.min(8))?,
    }
    if !matches!(frame.kind, FrameKind::Remote { .. }) {
        line.write_all(hex(&frame.payload, &mut [0; 128]))?;
    }
    line.write_all(b"\n")?;
    Ok(line.len())
}

pub(super) fn hex<'a>(payload: &Payload, room: &'a mut [u8; 128]) -> &'a [u8] {
    let digit = |value: u8| HEX.get(usize::from(value & 0x0F)).copied().unwrap_or(b'0');
    let digits = payload.as_slice().iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]);
    let len = room.iter_mut().zip(digits).map(|(place, digit)| *place = digit).count();
    room.get(..len).unwrap_or(&[])
}
