//! Frames as rows of a table: python-can's, and the normalised one with and without labels; see `text::columns`.
//!
//! Not a general CSV writer: no cell needs quotes. Invariant: an attack's name that would break its row is refused. Cost:
//! formatting.

use super::candump::hex;
use super::{WriteError, id, seconds};
use std::io::{self, Write};
use yagura_model::{CanId, Frame, FrameKind};

pub(super) const PYTHON_CAN_HEADER: &[u8] = b"timestamp,arbitration_id,extended,remote,error,dlc,data\n";
pub(super) const NORMALISED_HEADER: &[u8] = b"t,bus,id,ext,data\n";
pub(super) const LABELLED_HEADER: &[u8] = b"t,bus,id,ext,data,label,attack\n";

const DIGITS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A row without its line end.
pub(super) fn normalised(out: &mut Vec<u8>, frame: &Frame) -> Result<(), WriteError> {
    if matches!(frame.kind, FrameKind::Remote { .. } | FrameKind::Error) {
        return Err(WriteError::Kind { format: super::Format::NormalisedCsv.name() });
    }
    let (whole, micros) = seconds(frame);
    let is_extended = u8::from(matches!(frame.id, CanId::Extended(_)));
    write!(out, "{whole}.{micros:06},{},{},{is_extended},", frame.bus.0, id(frame))?;
    out.extend_from_slice(hex(&frame.payload, &mut [0; 128]));
    Ok(())
}

/// The label's cells and the line end.
pub(super) fn label(out: &mut Vec<u8>, attack: Option<&str>) -> Result<(), WriteError> {
    let name = attack.unwrap_or("");
    if name.contains([',', '"', '\n', '\r']) {
        return Err(WriteError::Attack(name.to_owned()));
    }
    writeln!(out, ",{},{name}", u8::from(attack.is_some()))?;
    Ok(())
}

pub(super) fn python_can(out: &mut Vec<u8>, frame: &Frame) -> io::Result<()> {
    let (whole, micros) = seconds(frame);
    let is_extended = u8::from(matches!(frame.id, CanId::Extended(_)));
    let (is_remote, len) = match frame.kind {
        FrameKind::Remote { requested_len } => (1, requested_len),
        _ => (0, frame.payload.len()),
    };
    let is_error = u8::from(frame.kind == FrameKind::Error);
    write!(out, "{whole}.{micros:06},{:#x},{is_extended},{is_remote},{is_error},{len},", frame.id.raw())?;
    base64(out, frame.payload.as_slice());
    out.push(b'\n');
    Ok(())
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    for three in bytes.chunks(3) {
        let byte = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for n in 0..4_usize {
            let shift = 18_u32.saturating_sub(6_u32.saturating_mul(u32::try_from(n).unwrap_or(0)));
            let digit = usize::try_from((bits >> shift) & 0x3F).ok().and_then(|at| DIGITS.get(at));
            out.push(if n <= three.len() { digit.copied().unwrap_or(b'A') } else { b'=' });
        }
    }
}
