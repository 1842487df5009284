//! Tables of two CAN analysers sold with their own viewers: CANalyst's, and the USB-CAN tool's with zero bytes between its fields.
//!
//! Not a generic table (that is `table`): data are one field of bytes with blanks. Invariant: CANalyst's time is milliseconds,
//! the USB-CAN tool's a time of day. Cost: one pass over a line.
//!
//! ```text
//! 1⇥0⇥21029⇥RX⇥5924899⇥⇥0x000001cb⇥7⇥0x00 00 00 00 60 00 11 ⇥Default Parser⇥
//! 0     ␀Receive     ␀21:11:45:171     ␀Data frame     ␀Standard frame     ␀000001d4     ␀8     ␀a0 6d 00 00 42 06 40 60      ␀
//! ```

use super::{ONLY_BUS, Read, Said, bare, bytes, classic, id_of_width, length, remote};
use crate::civil::time_of_day;
use crate::cursor::{Words, hex_short, hex_word, whole};
use crate::fault::{CLASSIC_LEN_MAX, LineFault};
use yagura_model::StandardId;

pub(crate) fn read(text: &[u8]) -> Read<'_> {
    if text.starts_with(b"ParserFlags\t") {
        return Ok(Said::Remark);
    }
    let mut fields = text.split(|byte| *byte == b'\t');
    let mut field = || fields.next().ok_or(LineFault::Fields);
    let (_parser, channel, _count, _direction, time) = (field()?, field()?, field()?, field()?, field()?);
    let (_flags, id, len, data) = (field()?, field()?, field()?, field()?);
    let time = whole(time, 3).ok_or(LineFault::Time)?;
    let raw = hex_word(bare(id)).ok_or(LineFault::Identifier)?;
    // The identifier always has eight digits; its value is all that tells the width.
    let id = id_of_width(raw, raw > u32::from(StandardId::MAX))?;
    let payload = bytes(&mut Words(bare(data)), length(len, CLASSIC_LEN_MAX)?, hex_short)?;
    classic(Some(time), channel, id, payload)
}

/// Whether a line is the head of the USB-CAN tool's table.
pub(crate) fn is_usb_can_header(text: &[u8]) -> bool {
    let mut words = Words(text);
    words.next() == Some(b"NO") && words.next() == Some(b"Direction") && words.next() == Some(b"Time")
}

pub(crate) fn read_usb_can(text: &[u8]) -> Read<'_> {
    if is_usb_can_header(text) {
        return Ok(Said::Remark);
    }
    let mut fields = text.split(|byte| *byte == 0).map(<[u8]>::trim_ascii);
    let mut field = || fields.next().ok_or(LineFault::Fields);
    let (_number, _direction, time, kind, width) = (field()?, field()?, field()?, field()?, field()?);
    let (id, len, data) = (field()?, field()?, field()?);
    let time = time_of_day(time).filter(|(_, rest)| rest.is_empty()).ok_or(LineFault::Time)?.0;
    let is_extended = match width {
        b"Standard frame" => false,
        b"Extended frame" => true,
        _ => return Err(LineFault::Fields),
    };
    let id = id_of_width(hex_word(bare(id)).ok_or(LineFault::Identifier)?, is_extended)?;
    let len = length(len, CLASSIC_LEN_MAX)?;
    match kind {
        b"Remote frame" => remote(Some(time), ONLY_BUS, id, len),
        b"Data frame" => classic(Some(time), ONLY_BUS, id, bytes(&mut Words(data), len, hex_short)?),
        _ => Err(LineFault::Fields),
    }
}
