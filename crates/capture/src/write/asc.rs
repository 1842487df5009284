//! Frames as Vector ASC, absolute times, base hexadecimal; see `text::asc` for the format.
//!
//! Not Vector's own layout to the blank: fields are separated as python-can separates them. Invariant: a line has no more digits
//! than the reader takes. Cost: formatting.

use super::{channel, length_code, seconds, spaced};
use std::io::{self, Write};
use yagura_model::{CanId, Frame, FrameKind};

pub(super) const HEADER: &[u8] = b"date Thu Jan 1 12:00:00.000 am 1970\n\
    base hex  timestamps absolute\n\
    internal events logged\n\
    Begin Triggerblock Thu Jan 1 12:00:00.000 am 1970\n   \
    0.000000 Start of measurement\n";
pub(super) const FOOTER: &[u8] = b"End TriggerBlock\n";

const EDL: u32 = 0x1000;
const BRS: u32 = 0x2000;
const ESI: u32 = 0x4000;

pub(super) fn frame(out: &mut Vec<u8>, frame: &Frame) -> io::Result<()> {
    let (whole, micros) = seconds(frame);
    write!(out, "{whole:>4}.{micros:06} ")?;
    let id = match frame.id {
        CanId::Standard(id) => format!("{:X}", id.raw()),
        CanId::Extended(id) => format!("{:X}x", id.raw()),
    };
    let (channel, len) = (channel(frame), frame.payload.len());
    match frame.kind {
        FrameKind::Error => write!(out, "{channel}  ErrorFrame")?,
        FrameKind::Remote { requested_len } => write!(out, "{channel}  {id:<15} Rx   r {requested_len:x}")?,
        FrameKind::Data => {
            write!(out, "{channel}  {id:<15} Rx   d {len:x}")?;
            spaced(out, frame)?;
        }
        FrameKind::Fd { bit_rate_switch, error_passive } => {
            let (switch, passive) = (u8::from(bit_rate_switch), u8::from(error_passive));
            let code = length_code(len);
            write!(out, "CANFD {channel:>3} Rx   {id:>9}  {:>32} {switch} {passive} {code:x} {len:>2}", "")?;
            spaced(out, frame)?;
            let flags = EDL | if bit_rate_switch { BRS } else { 0 } | if error_passive { ESI } else { 0 };
            // Duration and length of the message are unknown, as are checksum and bit timing.
            write!(out, " {:>8} {:>4} {flags:>8X} {:>8} {:>8} {:>8} {:>8} {:>8}", 0, 0, 0, 0, 0, 0, 0)?;
        }
    }
    out.write_all(b"\n")
}
