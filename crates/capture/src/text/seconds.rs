//! Three small traces of time, identifier, length and data: CanHacker's, the `@ TEXT @` trace, and bare milliseconds.
//!
//! Not PCAN's `.trc`, which only shares its name. Invariant: CanHacker and `@ TEXT @` write seconds of the minute; a step from
//! the last second of a minute to the first of the next is one minute on, not a jump back. Cost: one pass over a line.
//!
//! ```text
//! 00,000 12A      8 00 E4 70 57 00 00 00 80                                                CanHacker
//! 26,641405⇥1⇥00000004⇥112⇥8⇥00 20 C1 0E 01 72 89 00⇥00000000⇥     r  ⇥                    @ TEXT @, lines end with CR
//! 1512293  5F1  8  A8 16 65 9 0 0 0 0                                                      milliseconds
//! ```

use super::{ONLY_BUS, Read, Said, bytes, classic, id_of_digits, length};
use crate::cursor::{Words, hex_short, hex_word, whole};
use crate::fault::{CLASSIC_LEN_MAX, LineFault};

const MINUTE: i64 = 60_000_000;
const SECOND: i64 = 1_000_000;

/// Seconds of the minute, made to count on.
#[derive(Debug, Default)]
pub(crate) struct Minutes {
    before: i64,
    passed: i64,
}

impl Minutes {
    fn count(&mut self, written: i64) -> i64 {
        let is_last = (MINUTE.saturating_sub(SECOND)..MINUTE).contains(&self.before);
        if is_last && (0..SECOND).contains(&written) {
            self.passed = self.passed.saturating_add(MINUTE);
        }
        self.before = written;
        written.saturating_add(self.passed)
    }
}

pub(crate) fn can_hacker<'a>(text: &'a [u8], clock: &mut Minutes) -> Read<'a> {
    let mut words = Words(text);
    let first = words.next().ok_or(LineFault::Fields)?;
    if first == b"Time" {
        return Ok(Said::Remark);
    }
    let time = whole(first, 6).ok_or(LineFault::Time)?;
    frame(Some(clock.count(time)), &mut words)
}

pub(crate) fn milliseconds(text: &[u8]) -> Read<'_> {
    let mut words = Words(text);
    let time = words.next().and_then(|time| whole(time, 3)).ok_or(LineFault::Time)?;
    let read = frame(Some(time), &mut words)?;
    if words.next().is_none() { Ok(read) } else { Err(LineFault::Length) }
}

/// Identifier, length, data.
fn frame<'a>(time: Option<i64>, words: &mut Words<'a>) -> Read<'a> {
    let id = words.next().ok_or(LineFault::Fields)?;
    let id = id_of_digits(hex_word(id).ok_or(LineFault::Identifier)?, id.len())?;
    let len = words.next().ok_or(LineFault::Length).and_then(|len| length(len, CLASSIC_LEN_MAX))?;
    classic(time, ONLY_BUS, id, bytes(words, len, hex_short)?)
}

pub(crate) fn at_text<'a>(text: &'a [u8], clock: &mut Minutes) -> Read<'a> {
    if matches!(text, [b'@' | b'#', ..]) {
        return Ok(Said::Remark);
    }
    let mut fields = text.split(|byte| *byte == b'\t');
    let mut field = || fields.next().ok_or(LineFault::Fields);
    let (time, channel, _flags, id, len, data) = (field()?, field()?, field()?, field()?, field()?, field()?);
    let time = whole(time, 6).ok_or(LineFault::Time)?;
    let id = id_of_digits(hex_word(id).ok_or(LineFault::Identifier)?, id.len())?;
    let payload = bytes(&mut Words(data), length(len, CLASSIC_LEN_MAX)?, hex_short)?;
    classic(Some(clock.count(time)), channel, id, payload)
}
