//! The log of CANLAB's PP2CAN: tab-separated fields, one for each byte, the bus last.
//!
//! Not its list of sent messages alone: both lists have the same lines. Invariant: the number behind the seconds is milliseconds
//! as a whole number, without leading zeros (`17:19:9.69` is 9.069 s). Cost: one pass over a line.
//!
//! ```text
//! >⇥0⇥   17:18:39.303:4446.00⇥St⇥0x197⇥0⇥4⇥64⇥E0⇥9E⇥C0⇥ ⇥ ⇥ ⇥ ⇥p:1
//! ```

use super::{ONLY_BUS, Read, Said, bare, bytes, classic, id_of_width, length};
use crate::civil::time_of_day;
use crate::cursor::{decimal, hex_short, hex_word};
use crate::fault::{CLASSIC_LEN_MAX, LineFault};

pub(crate) fn read(text: &[u8]) -> Read<'_> {
    let mut fields = text.split(|byte| *byte == b'\t').map(<[u8]>::trim_ascii);
    if !matches!(fields.next(), Some(b">" | b"<")) {
        return Ok(Said::Remark);
    }
    let mut field = || fields.next().ok_or(LineFault::Fields);
    let (_count, time, width, id, _flags, len) = (field()?, field()?, field()?, field()?, field()?, field()?);
    let time = milliseconds_of_day(time).ok_or(LineFault::Time)?;
    let is_extended = match width {
        b"St" => false,
        b"Ex" | b"Ext" => true,
        _ => return Err(LineFault::Fields),
    };
    let id = id_of_width(hex_word(bare(id)).ok_or(LineFault::Identifier)?, is_extended)?;
    let payload = bytes(&mut fields, length(len, CLASSIC_LEN_MAX)?, hex_short)?;
    let bus = fields.next_back().and_then(|last| last.strip_prefix(b"p:")).unwrap_or(ONLY_BUS);
    classic(Some(time), bus, id, payload)
}

fn milliseconds_of_day(text: &[u8]) -> Option<i64> {
    let point = text.iter().position(|byte| *byte == b'.')?;
    let (whole, rest) = text.split_at_checked(point)?;
    let (seconds, _) = time_of_day(whole)?;
    let (millis, digits, _) = decimal(rest.get(1..)?)?;
    let micros = i64::try_from(millis).ok().filter(|millis| digits > 0 && *millis < 1_000)?.checked_mul(1_000)?;
    seconds.checked_add(micros)
}
