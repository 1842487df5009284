//! PCAN-View's and PCAN-Explorer's `.trc`, versions 1.0 to 2.1.
//!
//! Not a reader of bus statistics: status, event and error-counter lines are remarks. Invariant: versions 1.x are told apart line
//! by line by their fields; 2.x says its columns in the header and is read by them. Times are the offsets as written, in
//! milliseconds from the start. Cost: one pass over the words of a line.
//!
//! ```text
//!     1)      1841 0001  8  00 00 00 00 00 00 00 00                1.0: number) time id length data
//!     1)         3.0  Rx         0210  7  FF FF 30 68 90 00 1E     1.1: and a type: Rx Tx Error Warng
//!     1)         3.0  1  Rx      0210  -  7  FF FF 30 68 90 00 1E  1.2, 1.3: and a bus; 1.3: a reserved field before the length
//!       1      1059.900 DT 1      0300 Rx -  7    00 00 00 00 04 00 00    2.1, by ;$COLUMNS=N,O,T,B,I,d,R,L,D
//! ```

use super::{Line, ONLY_BUS, Read, Said, bytes, classic, error, id_of_digits, length, remote};
use crate::cursor::{Words, hex_short, hex_word, number, whole};
use crate::fault::{CLASSIC_LEN_MAX, LineFault};
use yagura_model::{FrameKind, Payload};

/// The most columns a 2.x header may name; the format knows ten.
const COLUMNS_MAX: usize = 16;
/// The columns of 2.0 and 2.1 if the header does not name them.
const DEFAULT_COLUMNS: &[u8] = b"N,O,T,I,d,L,D";

/// What the header said: the columns of 2.x, or that lines are 1.x.
#[derive(Debug, Default)]
pub(crate) struct Trc {
    columns: Option<Vec<u8>>,
}

/// The state behind `;$FILEVERSION=…`, if the line is that.
pub(crate) fn version(text: &[u8]) -> Option<Trc> {
    let version = text.strip_prefix(b";$FILEVERSION=")?;
    Some(Trc { columns: version.starts_with(b"2").then(|| columns(DEFAULT_COLUMNS)) })
}

fn columns(text: &[u8]) -> Vec<u8> {
    text.split(|byte| *byte == b',').filter_map(|name| name.trim_ascii().first().copied()).take(COLUMNS_MAX).collect()
}

impl Trc {
    pub(crate) fn read<'a>(&mut self, text: &'a [u8]) -> Read<'a> {
        let text = text.trim_ascii_start();
        if let Some(names) = text.strip_prefix(b";$COLUMNS=") {
            self.columns = Some(columns(names));
            return Ok(Said::Remark);
        }
        if text.starts_with(b";") {
            return Ok(Said::Remark);
        }
        match &self.columns {
            Some(columns) => by_columns(columns, text),
            None => numbered(text),
        }
    }
}

/// A line of 1.x.
fn numbered(text: &[u8]) -> Read<'_> {
    let mut words = Words(text);
    let count = words.next().ok_or(LineFault::Fields)?;
    count.strip_suffix(b")").and_then(number).ok_or(LineFault::Fields)?;
    let time = Some(words.next().and_then(|time| whole(time, 3)).ok_or(LineFault::Time)?);
    let mut word = words.next().ok_or(LineFault::Fields)?;
    let mut bus = ONLY_BUS;
    let mut rest = words;
    if rest.next().is_some_and(is_type) {
        (bus, word) = (word, words.next().ok_or(LineFault::Fields)?);
    }
    if is_type(word) {
        match word {
            b"Rx" | b"Tx" => word = words.next().ok_or(LineFault::Fields)?,
            b"Error" => return error(time, bus),
            _ => return Ok(Said::Remark),
        }
    }
    let id = id_of_digits(hex_word(word).ok_or(LineFault::Identifier)?, word.len())?;
    let len = words.find(|word| *word != b"-").ok_or(LineFault::Length)?;
    let len = length(len, 15)?.min(CLASSIC_LEN_MAX);
    if Words(words.0).next() == Some(b"RTR") {
        return remote(time, bus, id, len);
    }
    classic(time, bus, id, bytes(&mut words, len, hex_short)?)
}

fn is_type(word: &[u8]) -> bool {
    matches!(word, b"Rx" | b"Tx" | b"Error" | b"Warng")
}

/// A line of 2.x.
fn by_columns<'a>(columns: &[u8], text: &'a [u8]) -> Read<'a> {
    let mut words = Words(text);
    let (mut time, mut bus, mut id) = (None, ONLY_BUS, None);
    let (mut kind, mut len) = (b"".as_slice(), None);
    for column in columns.iter().filter(|column| **column != b'D') {
        let word = words.next().ok_or(LineFault::Fields)?;
        match column {
            b'O' => time = Some(whole(word, 3).ok_or(LineFault::Time)?),
            b'T' => {
                kind = word;
                if matches!(kind, b"ST" | b"EC" | b"EV") {
                    return Ok(Said::Remark);
                }
            }
            b'B' => bus = if word == b"-" { ONLY_BUS } else { word },
            // An error frame has its kind of error in place of the identifier, and no length that counts.
            b'I' if kind != b"ER" => id = Some(id_of_digits(hex_word(word).ok_or(LineFault::Identifier)?, word.len())?),
            b'L' if kind != b"ER" => len = Some(of_code(length(word, 15)?, kind)),
            b'l' if kind != b"ER" => len = Some(length(word, Payload::LEN_MAX)?),
            _ => {}
        }
    }
    if kind == b"ER" {
        return error(time, bus);
    }
    let (id, len) = (id.ok_or(LineFault::Fields)?, len.ok_or(LineFault::Fields)?);
    let (bit_rate_switch, error_passive) = (matches!(kind, b"FB" | b"BI"), matches!(kind, b"FE" | b"BI"));
    match kind {
        b"RR" => remote(time, bus, id, len),
        b"DT" | b"" => classic(time, bus, id, bytes(&mut words, len, hex_short)?),
        b"FD" | b"FB" | b"FE" | b"BI" => {
            let payload = bytes(&mut words, len, hex_short)?;
            let kind = FrameKind::Fd { bit_rate_switch, error_passive };
            Ok(Said::Frame(Line { time, interface: bus, id, kind, payload, mark: None }))
        }
        _ => Err(LineFault::Fields),
    }
}

/// The length that a length code means: above 8 only CAN FD goes on (ISO 11898-1).
fn of_code(code: usize, kind: &[u8]) -> usize {
    const FD: [usize; 7] = [12, 16, 20, 24, 32, 48, 64];
    if matches!(kind, b"FD" | b"FB" | b"FE" | b"BI") {
        code.checked_sub(9).and_then(|above| FD.get(above)).copied().unwrap_or(code)
    } else {
        code.min(CLASSIC_LEN_MAX)
    }
}
