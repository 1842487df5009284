//! Vector's ASC: a header that says the base of numbers and the meaning of times, then one event a line.
//!
//! Not an interpreter of other events: statistics, status, triggers and system variables are remarks. Invariant: relative
//! times are summed, so every dialect's times count from the start of the measurement. Cost: one pass over the words of a line.
//!
//! ```text
//! date Wed Mar 25 01:00:37.644 pm 2020
//! base hex  timestamps absolute
//!    0.153600 1  594             Rx   d 8 34 21 34 21 A0 61 04 20  Length = 1009430 BitCount = 105 ID = 705
//!    0.153850 1  18FEDF00x       Tx   r 8
//!    0.153900 2  ErrorFrame
//!    0.154000 CANFD   1 Rx        123  Name  1 0 d 32 00 01 …      channel, id, [name], BRS, ESI, length code, length, data
//! ```

use super::{Line, Read, Said, bytes, error, id_of_width, remote};
use crate::cursor::{Words, hex_short, hex_word, number, whole};
use crate::fault::{CLASSIC_LEN_MAX, LineFault};
use yagura_model::{FrameKind, Payload};

/// What the header said, and the sum of relative times.
#[derive(Debug, Default)]
pub(crate) struct Asc {
    is_decimal: bool,
    is_relative: bool,
    now: i64,
}

/// Whether a line begins an ASC file.
pub(crate) fn is_header(text: &[u8]) -> bool {
    let mut words = Words(text);
    match words.next() {
        Some(b"base") => matches!(words.next(), Some(b"hex" | b"dec")),
        Some(b"date") => words.next().is_some_and(|day| day.iter().take(3).all(u8::is_ascii_alphabetic)),
        _ => false,
    }
}

impl Asc {
    /// The state behind the first line of the header.
    pub(crate) fn of_header(text: &[u8]) -> Self {
        let mut state = Self::default();
        state.header(text);
        state
    }

    fn header(&mut self, text: &[u8]) {
        let mut words = Words(text);
        while let Some(word) = words.next() {
            match word {
                b"base" => self.is_decimal = words.next() == Some(b"dec"),
                b"timestamps" => self.is_relative = words.next() == Some(b"relative"),
                _ => {}
            }
        }
    }

    pub(crate) fn read<'a>(&mut self, text: &'a [u8]) -> Read<'a> {
        let mut words = Words(text);
        let first = words.next().ok_or(LineFault::Fields)?;
        if !matches!(first.first(), Some(b'0'..=b'9' | b'-')) {
            if is_header(text) {
                self.header(text);
            }
            return Ok(Said::Remark);
        }
        let written = whole(first, 6).ok_or(LineFault::Time)?;
        self.now = if self.is_relative { self.now.saturating_add(written) } else { written };
        let second = words.next().ok_or(LineFault::Fields)?;
        match second {
            b"CANFD" => self.fd(&mut words),
            channel if number(channel).is_some() => self.classic(channel, &mut words),
            _ => Ok(Said::Remark),
        }
    }

    fn classic<'a>(&self, channel: &'a [u8], words: &mut Words<'a>) -> Read<'a> {
        let time = Some(self.now);
        let id = words.next().ok_or(LineFault::Fields)?;
        if id.eq_ignore_ascii_case(b"ErrorFrame") {
            return error(time, channel);
        }
        let Some(b"Rx" | b"Tx" | b"TxRq") = words.next() else { return Ok(Said::Remark) };
        let id = self.id(id)?;
        match words.next() {
            Some(b"d" | b"D") => {
                // A length code above 8 still means 8 bytes of a classic frame.
                let len = self.value(words.next()).ok_or(LineFault::Length)?.min(CLASSIC_LEN_MAX);
                let payload = bytes(words, len, |byte| self.byte(byte))?;
                Ok(Said::Frame(Line { time, interface: channel, id, kind: FrameKind::Data, payload, mark: None }))
            }
            Some(b"r" | b"R") => remote(time, channel, id, self.value(words.next()).unwrap_or(0).min(CLASSIC_LEN_MAX)),
            _ => Err(LineFault::Fields),
        }
    }

    fn fd<'a>(&self, words: &mut Words<'a>) -> Read<'a> {
        let time = Some(self.now);
        let channel = words.next().filter(|word| number(word).is_some()).ok_or(LineFault::Fields)?;
        let direction = words.next().ok_or(LineFault::Fields)?;
        if direction.eq_ignore_ascii_case(b"ErrorFrame") {
            return error(time, channel);
        }
        let Some(id) = matches!(direction, b"Rx" | b"Tx" | b"TxRq").then(|| words.next()).flatten() else {
            return Ok(Said::Remark);
        };
        if id.eq_ignore_ascii_case(b"ErrorFrame") {
            return error(time, channel);
        }
        let id = self.id(id)?;
        let mut next = words.next().ok_or(LineFault::Fields)?;
        if !matches!(next, b"0" | b"1") {
            next = words.next().ok_or(LineFault::Fields)?;
        }
        let passive = words.next().ok_or(LineFault::Fields)?;
        let (bit_rate_switch, error_passive) = (next == b"1", passive == b"1");
        let _length_code = words.next().ok_or(LineFault::Fields)?;
        let len = words.next().and_then(number).and_then(|len| usize::try_from(len).ok()).ok_or(LineFault::Length)?;
        if len > Payload::LEN_MAX {
            return Err(LineFault::Length);
        }
        let payload = bytes(words, len, |byte| self.byte(byte))?;
        let flags = self.flags(words);
        if flags.is_some_and(|flags| flags & REMOTE_FLAG != 0) && payload.is_empty() {
            return remote(time, channel, id, 0);
        }
        // Vector's tools write classic frames of an FD channel as CANFD lines too; the EDL bit tells them apart.
        let is_classic = flags.is_some_and(|flags| flags & EDL_FLAG == 0) && len <= CLASSIC_LEN_MAX;
        let kind = if is_classic { FrameKind::Data } else { FrameKind::Fd { bit_rate_switch, error_passive } };
        Ok(Said::Frame(Line { time, interface: channel, id, kind, payload, mark: None }))
    }

    /// The flags word behind message duration and length, in hexadecimal, if the line goes so far.
    fn flags(&self, words: &mut Words<'_>) -> Option<u32> {
        words.nth(2).and_then(hex_word)
    }

    fn id(&self, text: &[u8]) -> Result<yagura_model::CanId, LineFault> {
        let (digits, is_extended) = match text {
            [digits @ .., b'x' | b'X'] => (digits, true),
            _ => (text, false),
        };
        let raw =
            if self.is_decimal { number(digits).and_then(|raw| u32::try_from(raw).ok()) } else { hex_word(digits) };
        id_of_width(raw.ok_or(LineFault::Identifier)?, is_extended)
    }

    fn value(&self, text: Option<&[u8]>) -> Option<usize> {
        self.byte(text?).map(usize::from)
    }

    fn byte(&self, text: &[u8]) -> Option<u8> {
        if self.is_decimal { number(text).and_then(|value| u8::try_from(value).ok()) } else { hex_short(text) }
    }
}

/// Bits of a CANFD line's flags: remote frame, and extended data length (the frame is CAN FD and not classic).
const REMOTE_FLAG: u32 = 0x0010;
const EDL_FLAG: u32 = 0x1000;
