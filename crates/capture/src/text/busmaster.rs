//! BUSMASTER's log: `hh:mm:ss:ffff direction channel identifier type length data`.
//!
//! Not its replay of LIN or J1939. Invariant: the header's base and time mode hold until the next header. A time of day stays one:
//! the day it belongs to is not in the line. Cost: one pass over the words of a line.
//!
//! ```text
//! ***BUSMASTER Ver 2.4.0***  ***PROTOCOL CAN***  ***HEX***  ***ABSOLUTE MODE***
//! 22:20:14:9921 Rx 1 0x21A s 8 FE 36 12 FE 69 05 07 AD            types: s standard, x extended, sr and xr remote
//! ```

use super::{Read, Said, bare, bytes, classic, error, id_of_width, length, remote};
use crate::civil::time_of_day;
use crate::cursor::{Words, hex_short, hex_word, number};
use crate::fault::{CLASSIC_LEN_MAX, LineFault};

/// What the header said, and the sum of relative times.
#[derive(Debug, Default)]
pub(crate) struct Busmaster {
    is_decimal: bool,
    is_relative: bool,
    now: i64,
}

impl Busmaster {
    pub(crate) fn read<'a>(&mut self, text: &'a [u8]) -> Read<'a> {
        if text.starts_with(b"***") {
            match text {
                b"***DEC***" => self.is_decimal = true,
                b"***HEX***" => self.is_decimal = false,
                b"***RELATIVE MODE***" => self.is_relative = true,
                b"***ABSOLUTE MODE***" | b"***SYSTEM MODE***" => self.is_relative = false,
                _ => {}
            }
            return Ok(Said::Remark);
        }
        let mut words = Words(text);
        let written = words.next().and_then(time_of_day).filter(|(_, rest)| rest.is_empty()).ok_or(LineFault::Time)?.0;
        self.now = if self.is_relative { self.now.saturating_add(written) } else { written };
        let time = Some(self.now);
        let (direction, channel) = (words.next().ok_or(LineFault::Fields)?, words.next().ok_or(LineFault::Fields)?);
        if direction.starts_with(b"ERR") || direction.starts_with(b"Err") {
            return error(time, channel);
        }
        if !matches!(direction, b"Rx" | b"Tx") || number(channel).is_none() {
            return Err(LineFault::Fields);
        }
        let id = bare(words.next().ok_or(LineFault::Fields)?);
        let raw = if self.is_decimal { number(id).and_then(|raw| u32::try_from(raw).ok()) } else { hex_word(id) };
        let kind = words.next().ok_or(LineFault::Fields)?;
        let id = id_of_width(raw.ok_or(LineFault::Identifier)?, matches!(kind, b"x" | b"xr"))?;
        let len = words.next().ok_or(LineFault::Length).and_then(|len| length(len, CLASSIC_LEN_MAX))?;
        match kind {
            b"s" | b"x" => classic(time, channel, id, bytes(&mut words, len, |byte| self.byte(byte))?),
            b"sr" | b"xr" => remote(time, channel, id, len),
            _ => Err(LineFault::Fields),
        }
    }

    fn byte(&self, text: &[u8]) -> Option<u8> {
        if self.is_decimal { number(text).and_then(|value| u8::try_from(value).ok()) } else { hex_short(bare(text)) }
    }
}
