//! A message as python-can prints it, and the same without its words, as the CrySyS data set keeps it.
//!
//! Not python-can's CSV (that is `table`). Invariant: a sent message whose time is 0 was printed before it was sent; it has no
//! time of its own. Cost: one pass over the words of a line.
//!
//! ```text
//! RX: Timestamp: 1491981159.912582        ID: 077d    000    DLC: 8    06 50 03 00 32 01 f4 aa
//! Timestamp: 1491981159.912582    ID: 18fedf00    X Rx                DL:  8    06 50 03 00 32 01 f4 aa     Channel: can0
//! 1483093132.049669        0380    000    8    30 bb 82 00 9d 53 00 81
//! ```

use super::{Line, ONLY_BUS, Read, Said, bytes, id_of_digits, id_of_width, length};
use crate::cursor::{Words, hex_short, hex_word, whole};
use crate::fault::{CLASSIC_LEN_MAX, LineFault};
use yagura_model::{CanId, FrameKind, Payload};

pub(crate) fn read(text: &[u8]) -> Read<'_> {
    let mut words = Words(text);
    let mut first = words.next().ok_or(LineFault::Fields)?;
    let is_sent = first == b"TX:";
    if matches!(first, b"TX:" | b"RX:") {
        first = words.next().ok_or(LineFault::Fields)?;
    }
    if first == b"Timestamp:" {
        return printed(&mut words, is_sent);
    }
    let time = first.contains(&b'.').then(|| whole(first, 6)).flatten().ok_or(LineFault::Time)?;
    let id = id(words.next().ok_or(LineFault::Fields)?)?;
    // Flags of the old printing: extended, remote, error.
    words.next().filter(|flags| flags.len() == 3 && flags.iter().all(|flag| *flag == b'0')).ok_or(LineFault::Fields)?;
    let len = words.next().ok_or(LineFault::Length).and_then(|len| length(len, CLASSIC_LEN_MAX))?;
    let payload = bytes(&mut words, len, hex_short)?;
    super::classic(Some(time), ONLY_BUS, id, payload)
}

/// The words of `str(message)`.
fn printed<'a>(words: &mut Words<'a>, is_sent: bool) -> Read<'a> {
    let time = words.next().and_then(|time| whole(time, 6)).ok_or(LineFault::Time)?;
    let time = (!is_sent || time != 0).then_some(time);
    if words.next() != Some(b"ID:") {
        return Err(LineFault::Fields);
    }
    let digits = words.next().ok_or(LineFault::Fields)?;
    let mut id = id(digits)?;
    let (mut is_remote, mut is_error, mut is_fd) = (false, false, false);
    let (mut bit_rate_switch, mut error_passive) = (false, false);
    loop {
        match words.next().ok_or(LineFault::Fields)? {
            b"DLC:" | b"DL:" => break,
            b"S" => id = id_of_width(id.raw(), false)?,
            b"X" => id = id_of_width(id.raw(), true)?,
            b"R" => is_remote = true,
            b"E" => is_error = true,
            b"F" => is_fd = true,
            b"BS" => bit_rate_switch = true,
            b"EI" => error_passive = true,
            _ => {}
        }
    }
    let max = if is_fd { Payload::LEN_MAX } else { CLASSIC_LEN_MAX };
    let len = words.next().ok_or(LineFault::Length).and_then(|len| length(len, max))?;
    if is_error {
        return super::error(time, ONLY_BUS);
    }
    if is_remote {
        return super::remote(time, ONLY_BUS, id, len);
    }
    let payload = bytes(words, len, hex_short)?;
    let interface = words.skip_while(|word| *word != b"Channel:").nth(1).unwrap_or(ONLY_BUS);
    let kind = if is_fd { FrameKind::Fd { bit_rate_switch, error_passive } } else { FrameKind::Data };
    Ok(Said::Frame(Line { time, interface, id, kind, payload, mark: None }))
}

fn id(digits: &[u8]) -> Result<CanId, LineFault> {
    id_of_digits(hex_word(digits).ok_or(LineFault::Identifier)?, digits.len())
}
