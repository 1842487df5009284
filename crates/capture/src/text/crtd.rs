//! CRTD, the log of the Open Vehicle Monitoring System: `seconds [bus]R11 identifier data…`.
//!
//! Not its event and metric records (`CEV`, `CMT`), which are remarks. Invariant: the width of the identifier is in the record's
//! type. Cost: one pass over the words of a line.
//!
//! ```text
//! 1542473901.020305 1R11 7E8 02 41 00        T sent, R received; 11 or 29 bits; the bus is optional
//! 1542473901.020305 1CXX a comment
//! ```

use super::{ONLY_BUS, Read, Said, classic, id_of_width};
use crate::cursor::{Words, hex_byte, hex_word, whole};
use crate::fault::LineFault;
use yagura_model::Payload;

/// Whether a line is a comment, event or status that only CRTD has.
pub(crate) fn is_remark(text: &[u8]) -> bool {
    matches!(read(text), Ok(Said::Remark))
}

pub(crate) fn read(text: &[u8]) -> Read<'_> {
    let mut words = Words(text);
    let time = words.next().and_then(|time| whole(time, 6)).ok_or(LineFault::Time)?;
    let record = words.next().ok_or(LineFault::Fields)?;
    let (bus, record) = match record {
        [digit, rest @ ..] if digit.is_ascii_digit() => (record.get(..1).unwrap_or(ONLY_BUS), rest),
        _ => (ONLY_BUS, record),
    };
    let is_extended = match record {
        b"R11" | b"T11" => false,
        b"R29" | b"T29" => true,
        [b'C', b'A'..=b'Z', b'A'..=b'Z', ..] => return Ok(Said::Remark),
        _ => return Err(LineFault::Fields),
    };
    let id = words.next().and_then(hex_word).ok_or(LineFault::Identifier)?;
    let (mut data, mut len) = ([0; Payload::LEN_MAX], 0_usize);
    let mut room = data.iter_mut();
    for word in words {
        let [high, low] = word else { return Err(LineFault::Data) };
        *room.next().ok_or(LineFault::Data)? = hex_byte(*high, *low).ok_or(LineFault::Data)?;
        len = len.saturating_add(1);
    }
    classic(Some(time), bus, id_of_width(id, is_extended)?, super::payload(&data, len)?)
}
