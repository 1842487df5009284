//! One line of a candump log or of candump's console output → a frame, or the reason why not.
//!
//! Not a reader: it keeps no state between lines, so the dialect is decided line by line. Invariants: no byte sequence panics;
//! a frame that comes back is legal. Cost: one pass, no allocation.
//!
//! ```text
//! log      (1596811036.498000) can0 104#FF33737C09DAFF R        #R, #R8 remote · ##1… CAN FD with flags · 8 digits extended
//! console   (000.000000)  can0  RX B -  18FEDF00   [8]  84 A0 28 7D 7D FF FF F5   '..(}}...'
//! ```
//! The time is optional in the console dialect. The direction column, the ASCII column and whatever follows a log line's data
//! (`R`, `T`, a comment) are read over: a [`Frame`](yagura_model::Frame) has no place for them.

use crate::buses::is_name;
use crate::civil;
use crate::cursor::{decimal, hex_byte, hex_word, nibble, nibble_or_ff, scaled, skip_blanks, word};
use crate::fault::{CLASSIC_LEN_MAX, INTERFACE_LEN_MAX, LineFault};
use crate::text::Line;
use yagura_model::{CanId, ExtendedId, FrameKind, Payload, StandardId};

/// The bit by which candump marks an error frame in its identifier, as Linux's `CAN_ERR_FLAG`.
pub(crate) const ERROR_BIT: u32 = 0x2000_0000;
/// Reads one line without its line end.
pub(crate) fn parse(text: &[u8]) -> Result<Line<'_>, LineFault> {
    quick(text).map_or_else(|| any(text), Ok)
}

/// Reads one line of any of the dialects.
fn any(text: &[u8]) -> Result<Line<'_>, LineFault> {
    let text = skip_blanks(text);
    let (time, text) = match text {
        [b'(', rest @ ..] => time(rest).map(|(time, rest)| (Some(time), rest))?,
        _ => (None, text),
    };
    let (interface, text) = word(skip_blanks(text));
    let text = skip_blanks(text);
    let (second, _) = word(text);
    let (id, kind, payload) = match second.iter().position(|byte| *byte == b'#') {
        Some(hash) => second.split_at_checked(hash).ok_or(LineFault::NotAFrame).and_then(|(id, data)| log(id, data))?,
        None => console(text)?,
    };
    if !is_name(interface) {
        return Err(LineFault::Interface);
    }
    Ok(Line { time, interface, id, kind, payload, mark: None })
}

/// The line that `candump -l` writes for a classic data frame, and nothing else: most lines of most logs.
#[inline]
pub(crate) fn quick(text: &[u8]) -> Option<Line<'_>> {
    let [b'(', rest @ ..] = text else { return None };
    let (time, rest) = quick_time(rest)?;
    let [b')', b' ', rest @ ..] = rest else { return None };
    let end = rest.iter().take(INTERFACE_LEN_MAX).position(|byte| !byte.is_ascii_graphic())?;
    let (interface, rest) = rest.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
    let [b' ', rest @ ..] = rest else { return None };
    let id_len = if let [_, _, _, b'#', ..] = rest { 3 } else { 8 };
    let (id, rest) = rest.split_at_checked(id_len)?;
    let [b'#', rest @ ..] = rest else { return None };
    let (mut bytes, mut len, mut rest, mut bad) = ([0; CLASSIC_LEN_MAX], 0_usize, rest, 0_u8);
    for room in &mut bytes {
        let [high, low, after @ ..] = rest else { break };
        let (high, low) = (nibble_or_ff(*high), nibble_or_ff(*low));
        bad |= high | low;
        *room = (high << 4) | (low & 0x0F);
        len = len.wrapping_add(1);
        rest = after;
    }
    if bad > 0x0F || !rest.is_empty() {
        return None;
    }
    let (id, is_error) = identifier(id).ok()?;
    let kind = if is_error { FrameKind::Error } else { FrameKind::Data };
    Some(Line { time: Some(time), interface, id, kind, payload: Payload::new(bytes.get(..len)?).ok()?, mark: None })
}

/// Seconds with six decimals.
fn quick_time(text: &[u8]) -> Option<(i64, &[u8])> {
    let end = text.iter().take(12).position(|byte| *byte == b'.')?;
    let (seconds, rest) = text.split_at_checked(end)?;
    let (decimals, rest) = rest.get(1..)?.split_first_chunk::<6>()?;
    let (mut value, mut bad) = (0_i64, end == 0);
    // At most 12 + 6 digits: below 2^63.
    for byte in seconds.iter().chain(decimals) {
        bad |= !byte.is_ascii_digit();
        value = value.wrapping_mul(10).wrapping_add(i64::from(byte & 0x0F));
    }
    (!bad).then_some((value, rest))
}

/// The time up to the closing parenthesis.
fn time(text: &[u8]) -> Result<(i64, &[u8]), LineFault> {
    let text = skip_blanks(text);
    let read = || {
        let (micros, rest) = civil::micros(text).or_else(|| scaled(text, 6))?;
        let [b')', rest @ ..] = skip_blanks(rest) else { return None };
        Some((micros, rest))
    };
    read().ok_or(LineFault::Time)
}

/// Identifier and data of a log line; `data` begins with the `#`.
fn log(id: &[u8], data: &[u8]) -> Result<(CanId, FrameKind, Payload), LineFault> {
    let (id, is_error) = identifier(id)?;
    let (kind, payload) = match data {
        [b'#', b'#', b'#', ..] => return Err(LineFault::CanXl),
        [b'#', b'#', flags, data @ ..] => {
            let flags = nibble(*flags).ok_or(LineFault::Data)?;
            let kind = FrameKind::Fd { bit_rate_switch: flags & 1 != 0, error_passive: flags & 2 != 0 };
            (kind, packed(data, Payload::LEN_MAX)?)
        }
        [b'#', b'R' | b'r', length @ ..] => (FrameKind::Remote { requested_len: requested(length)? }, Payload::EMPTY),
        [b'#', data @ ..] => (FrameKind::Data, packed(data, CLASSIC_LEN_MAX)?),
        _ => return Err(LineFault::NotAFrame),
    };
    if !is_error {
        return Ok((id, kind, payload));
    }
    if kind == FrameKind::Data { Ok((id, FrameKind::Error, payload)) } else { Err(LineFault::Identifier) }
}

/// The requested length behind an `R`: nothing, one digit, or a digit and a raw length code (`8_C`).
fn requested(text: &[u8]) -> Result<u8, LineFault> {
    match text {
        [] => Ok(0),
        [digit @ b'0'..=b'8'] => Ok(digit & 0x0F),
        [b'8', b'_', code] if nibble(*code).is_some_and(|code| code > 8) => Ok(8),
        _ => Err(LineFault::Data),
    }
}

/// `1122334455`, also `11.22.33.44.55`; a raw length code (`_E`) may follow eight bytes.
fn packed(mut text: &[u8], len_max: usize) -> Result<Payload, LineFault> {
    let mut data = [0; Payload::LEN_MAX];
    let mut len = 0_usize;
    let mut room = data.iter_mut().take(len_max);
    loop {
        text = match text {
            [] => break,
            [b'_', code] if len == CLASSIC_LEN_MAX && nibble(*code).is_some_and(|code| code > 8) => break,
            [b'.', high, low, rest @ ..] | [high, low, rest @ ..] => {
                *room.next().ok_or(LineFault::Data)? = hex_byte(*high, *low).ok_or(LineFault::Data)?;
                len = len.saturating_add(1);
                rest
            }
            [_] => return Err(LineFault::Data),
        };
    }
    Payload::new(data.get(..len).unwrap_or(&[])).map_err(|_| LineFault::Data)
}

/// Everything behind the interface of a console line.
fn console(text: &[u8]) -> Result<(CanId, FrameKind, Payload), LineFault> {
    let (mut first, mut rest) = word(text);
    let (mut bit_rate_switch, mut error_passive) = (false, false);
    if matches!(first, b"RX" | b"TX") {
        let (switch, after_switch) = word(skip_blanks(rest));
        let (passive, after_passive) = word(skip_blanks(after_switch));
        (bit_rate_switch, error_passive) = (switch == b"B", passive == b"E");
        (first, rest) = word(skip_blanks(after_passive));
    }
    let [open @ (b'[' | b'{'), rest @ ..] = skip_blanks(rest) else { return Err(LineFault::NotAFrame) };
    let (id, is_error) = identifier(first)?;
    let (len, is_fd, rest) = if *open == b'[' { bracketed(rest)? } else { raw_code(rest)? };
    if rest.starts_with(b"remote request") && !is_fd && !is_error {
        return Ok((id, FrameKind::Remote { requested_len: len }, Payload::EMPTY));
    }
    let payload = spaced(rest, usize::from(len))?;
    let kind = match (is_error, is_fd) {
        (true, _) => FrameKind::Error,
        (false, true) => FrameKind::Fd { bit_rate_switch, error_passive },
        (false, false) => FrameKind::Data,
    };
    Ok((id, kind, payload))
}

/// `8]` or, for CAN FD, two digits as in `08]`; then the text behind it.
fn bracketed(text: &[u8]) -> Result<(u8, bool, &[u8]), LineFault> {
    let (len, digits, rest) = decimal(text).ok_or(LineFault::Length)?;
    let [b']', rest @ ..] = rest else { return Err(LineFault::Length) };
    let is_fd = digits == 2;
    let max = if is_fd { Payload::LEN_MAX } else { CLASSIC_LEN_MAX };
    let len = u8::try_from(len).ok().filter(|len| digits > 0 && usize::from(*len) <= max).ok_or(LineFault::Length)?;
    Ok((len, is_fd, skip_blanks(rest)))
}

/// `E}`: a raw length code above 8, which still means 8 bytes of a classic frame.
fn raw_code(text: &[u8]) -> Result<(u8, bool, &[u8]), LineFault> {
    match text {
        [code, b'}', rest @ ..] if nibble(*code).is_some_and(|code| code > 8) => Ok((8, false, skip_blanks(rest))),
        _ => Err(LineFault::Length),
    }
}

/// `len` bytes with a blank between them, then nothing, the ASCII column, or the word for an error frame.
fn spaced(mut text: &[u8], len: usize) -> Result<Payload, LineFault> {
    let mut data = [0; Payload::LEN_MAX];
    for room in data.iter_mut().take(len) {
        let [high, low, rest @ ..] = text else { return Err(LineFault::Length) };
        if !matches!(rest, [] | [b' ' | b'\t', ..]) {
            return Err(LineFault::Data);
        }
        *room = hex_byte(*high, *low).ok_or(LineFault::Data)?;
        text = skip_blanks(rest);
    }
    if !(text.is_empty() || text.starts_with(b"'") || text.starts_with(b"ERRORFRAME")) {
        return Err(LineFault::Length);
    }
    Payload::new(data.get(..len).unwrap_or(&[])).map_err(|_| LineFault::Data)
}

/// The identifier, and whether it marks an error frame.
fn identifier(digits: &[u8]) -> Result<(CanId, bool), LineFault> {
    let raw = hex_word(digits).ok_or(LineFault::Identifier)?;
    if digits.len() <= 3 {
        let raw = u16::try_from(raw).map_err(|_| LineFault::Identifier)?;
        return Ok((CanId::Standard(StandardId::new(raw).map_err(|_| LineFault::Identifier)?), false));
    }
    let is_error = raw & ERROR_BIT != 0;
    let id = ExtendedId::new(raw & !ERROR_BIT).map_err(|_| LineFault::Identifier)?;
    if digits.len() == 8 { Ok((CanId::Extended(id), is_error)) } else { Err(LineFault::Identifier) }
}
