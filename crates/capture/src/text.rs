//! Formats of lines: which one a capture is, by what its lines say, and one line → a frame, a remark, or the reason why not.
//!
//! Not a reader: input, line numbers and clocks are elsewhere. Rule: a format's own header decides; without one, the first line
//! that is a frame of a format whole decides. The name of the file is never asked. Invariant: once decided, a capture keeps its
//! format. Cost: the decision looks at each line in a dozen ways until it falls; after it a line is read once.

mod asc;
mod busmaster;
mod canalyst;
pub(crate) mod candump;
mod columns;
mod crtd;
mod pp2can;
mod python_can;
mod seconds;
mod table;
mod trc;

use crate::fault::{CLASSIC_LEN_MAX, LineFault};
use crate::label::Mark;
use yagura_model::{CanId, ExtendedId, FrameKind, Payload, StandardId};

/// The bus of formats that know only one.
const ONLY_BUS: &[u8] = b"can0";
/// Linux's class of an error frame that says no more than that there was one (`CAN_ERR_BUSERROR`).
pub(crate) const BUS_ERROR: u32 = 0x80;

/// A line as it was read; the interface has no number yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// Microseconds in the capture's own clock.
    pub(crate) time: Option<i64>,
    pub(crate) interface: &'a [u8],
    pub(crate) id: CanId,
    pub(crate) kind: FrameKind,
    pub(crate) payload: Payload,
    pub(crate) mark: Option<Mark<'a>>,
}

/// What a line says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said<'a> {
    /// A frame.
    Frame(Line<'a>),
    /// Something else that the format provides for: a header, a comment, a status.
    Remark,
}

/// What a format makes of a line.
type Read<'a> = Result<Said<'a>, LineFault>;

/// The format of a capture and what must be remembered from line to line.
#[derive(Debug)]
pub(crate) enum Dialect {
    Asc(asc::Asc),
    AtText(seconds::Minutes),
    Busmaster(busmaster::Busmaster),
    CanHacker(seconds::Minutes),
    Canalyst,
    Candump,
    Crtd,
    Milliseconds,
    Pp2can,
    PythonCan,
    Table(Box<table::Table>),
    Trc(trc::Trc),
    UsbCan,
}

impl Dialect {
    /// The format whose header this line is.
    pub(crate) fn of_header(text: &[u8]) -> Option<Self> {
        let starts = |prefix: &[u8]| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if asc::is_header(text) {
            return Some(Self::Asc(asc::Asc::of_header(text)));
        }
        if let Some(version) = trc::version(text) {
            return Some(Self::Trc(version));
        }
        if starts(b"@ TEXT @") {
            return Some(Self::AtText(seconds::Minutes::default()));
        }
        if starts(b"Time   ID     DLC") {
            return Some(Self::CanHacker(seconds::Minutes::default()));
        }
        if starts(b"***BUSMASTER") {
            return Some(Self::Busmaster(busmaster::Busmaster::default()));
        }
        if crtd::is_remark(text) {
            return Some(Self::Crtd);
        }
        if starts(b"ParserFlags\t") {
            return Some(Self::Canalyst);
        }
        if canalyst::is_usb_can_header(text) {
            return Some(Self::UsbCan);
        }
        if starts(b"PP2CAN log") || starts(b"CAN speed 1:") {
            return Some(Self::Pp2can);
        }
        table::Table::of_header(text).map(|table| Self::Table(Box::new(table)))
    }

    /// The format that this line is a frame of, if no header told it.
    ///
    /// # Errors
    /// What is wrong with the line if it were candump's.
    pub(crate) fn of_line(text: &[u8]) -> Result<Self, LineFault> {
        let reason = match candump::parse(text) {
            Ok(_) => return Ok(Self::Candump),
            Err(reason) => reason,
        };
        let candidates = [
            Self::Crtd,
            Self::Busmaster(busmaster::Busmaster::default()),
            Self::PythonCan,
            Self::Asc(asc::Asc::default()),
            Self::Trc(trc::Trc::default()),
            Self::Milliseconds,
            Self::Pp2can,
        ];
        let table = table::Table::without_header(text).map(|table| Self::Table(Box::new(table)));
        let is_frame = |dialect: &mut Self| matches!(dialect.read(text), Ok(Said::Frame(_)));
        candidates.into_iter().chain(table).find_map(|mut it| is_frame(&mut it).then_some(it)).ok_or(reason)
    }

    /// Reads one line without its line end.
    pub(crate) fn read<'a>(&mut self, text: &'a [u8]) -> Read<'a> {
        match self {
            Self::Candump => candump::parse(text).map(Said::Frame),
            Self::Asc(state) => state.read(text),
            Self::AtText(clock) => seconds::at_text(text, clock),
            Self::Busmaster(state) => state.read(text),
            Self::CanHacker(clock) => seconds::can_hacker(text, clock),
            Self::Canalyst => canalyst::read(text),
            Self::Crtd => crtd::read(text),
            Self::Milliseconds => seconds::milliseconds(text),
            Self::Pp2can => pp2can::read(text),
            Self::PythonCan => python_can::read(text),
            Self::Table(table) => table.read(text),
            Self::Trc(state) => state.read(text),
            Self::UsbCan => canalyst::read_usb_can(text),
        }
    }

    /// The format's name for people.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Asc(_) => "Vector ASC",
            Self::AtText(_) => "@TEXT trace",
            Self::Busmaster(_) => "BUSMASTER log",
            Self::CanHacker(_) => "CanHacker trace",
            Self::Canalyst => "CANalyst table",
            Self::Candump => "candump",
            Self::Crtd => "OVMS CRTD",
            Self::Milliseconds => "milliseconds, identifier, length, data",
            Self::Pp2can => "PP2CAN log",
            Self::PythonCan => "python-can text",
            Self::Table(table) => table.name(),
            Self::Trc(_) => "PCAN trace",
            Self::UsbCan => "USB-CAN table",
        }
    }
}

/// An identifier of the width that the line says.
fn id_of_width(raw: u32, is_extended: bool) -> Result<CanId, LineFault> {
    if is_extended {
        return ExtendedId::new(raw).map(CanId::Extended).map_err(|_| LineFault::Identifier);
    }
    let raw = u16::try_from(raw).map_err(|_| LineFault::Identifier)?;
    StandardId::new(raw).map(CanId::Standard).map_err(|_| LineFault::Identifier)
}

/// An identifier of a format that does not say the width: more than four digits, or more than 11 bits, is 29 bits.
fn id_of_digits(raw: u32, digits: usize) -> Result<CanId, LineFault> {
    id_of_width(raw, digits > 4 || raw > u32::from(StandardId::MAX))
}

/// The text without `0x` before it.
fn bare(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X")).unwrap_or(text)
}

/// A length of at most `max`, in decimal digits.
fn length(text: &[u8], max: usize) -> Result<usize, LineFault> {
    let len = crate::cursor::number(text).and_then(|len| usize::try_from(len).ok());
    len.filter(|len| *len <= max).ok_or(LineFault::Length)
}

/// `len` bytes, each a word that `byte` reads.
fn bytes<'a>(
    words: &mut impl Iterator<Item = &'a [u8]>,
    len: usize,
    byte: impl Fn(&[u8]) -> Option<u8>,
) -> Result<Payload, LineFault> {
    let mut data = [0; Payload::LEN_MAX];
    for room in data.get_mut(..len).ok_or(LineFault::Length)? {
        *room = words.next().ok_or(LineFault::Length).and_then(|word| byte(word).ok_or(LineFault::Data))?;
    }
    payload(&data, len)
}

fn payload(data: &[u8; Payload::LEN_MAX], len: usize) -> Result<Payload, LineFault> {
    data.get(..len).and_then(|data| Payload::new(data).ok()).ok_or(LineFault::Length)
}

/// `1122334455`: whole bytes without anything between them.
fn packed(mut text: &[u8]) -> Result<Payload, LineFault> {
    let (mut data, mut len) = ([0; Payload::LEN_MAX], 0_usize);
    let mut room = data.iter_mut();
    while let [high, low, rest @ ..] = text {
        *room.next().ok_or(LineFault::Data)? = crate::cursor::hex_byte(*high, *low).ok_or(LineFault::Data)?;
        len = len.saturating_add(1);
        text = rest;
    }
    if text.is_empty() { payload(&data, len) } else { Err(LineFault::Data) }
}

/// Classic if the data fit, else CAN FD: for formats that do not say.
fn kind_by_len(payload: &Payload) -> FrameKind {
    if usize::from(payload.len()) > CLASSIC_LEN_MAX {
        FrameKind::Fd { bit_rate_switch: false, error_passive: false }
    } else {
        FrameKind::Data
    }
}

/// A classic data frame.
fn classic<'a>(time: Option<i64>, interface: &'a [u8], id: CanId, payload: Payload) -> Read<'a> {
    Ok(Said::Frame(Line { time, interface, id, kind: kind_by_len(&payload), payload, mark: None }))
}

/// An error frame of a format that says no more than that there was one.
fn error<'a>(time: Option<i64>, interface: &'a [u8]) -> Read<'a> {
    let payload = Payload::new(&[0; CLASSIC_LEN_MAX]).map_err(|_| LineFault::Data)?;
    Ok(Said::Frame(Line {
        time,
        interface,
        id: id_of_width(BUS_ERROR, true)?,
        kind: FrameKind::Error,
        payload,
        mark: None,
    }))
}

/// A remote frame.
fn remote<'a>(time: Option<i64>, interface: &'a [u8], id: CanId, requested: usize) -> Read<'a> {
    let requested_len = u8::try_from(requested).ok().filter(|len| *len <= 8).ok_or(LineFault::Length)?;
    let kind = FrameKind::Remote { requested_len };
    Ok(Said::Frame(Line { time, interface, id, kind, payload: Payload::EMPTY, mark: None }))
}
