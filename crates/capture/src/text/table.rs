//! Captures as tables: one frame a row, columns by the names in the head (`columns`).
//!
//! Not a general CSV reader: quotes around cells are taken off, but a separator inside quotes is not known (no tool writes one).
//! Invariant: labels never change a frame; they come beside it. Cost: one pass over a row, no allocation.

use super::columns::{Role, head};
use super::{Line, ONLY_BUS, Read, Said, bare, id_of_digits, id_of_width, kind_by_len, packed, payload};
use crate::cursor::{hex_short, hex_word, number, whole};
use crate::fault::LineFault;
use crate::label::Mark;
use yagura_model::{CanId, FrameKind, Payload};

/// The columns of a table.
#[derive(Debug)]
pub(crate) struct Table {
    separator: u8,
    /// `None`: rows of the Car-Hacking data set, without a head: time, identifier, length, as many bytes, `R` or `T`.
    roles: Option<Vec<Role>>,
    name: &'static str,
}

/// The cells of a row by what they mean.
#[derive(Default)]
struct Row<'a> {
    time: Option<i64>,
    id: Option<(u32, usize)>,
    is_extended: Option<bool>,
    bus: Option<&'a [u8]>,
    len: Option<usize>,
    data: Option<Payload>,
    bytes: Bytes,
    label: Option<&'a [u8]>,
    attack: Option<&'a [u8]>,
    is_remote: bool,
    is_error: bool,
}

struct Bytes {
    data: [u8; Payload::LEN_MAX],
    len: usize,
}

impl Default for Bytes {
    fn default() -> Self {
        Self { data: [0; Payload::LEN_MAX], len: 0 }
    }
}

impl Bytes {
    fn push(&mut self, byte: u8) -> Result<(), LineFault> {
        *self.data.get_mut(self.len).ok_or(LineFault::Data)? = byte;
        self.len = self.len.saturating_add(1);
        Ok(())
    }
}

impl Table {
    /// The table whose head this line is.
    pub(crate) fn of_header(text: &[u8]) -> Option<Self> {
        let head = head(text)?;
        Some(Self { separator: head.separator, roles: Some(head.roles), name: head.name })
    }

    /// The table without a head whose row this line looks like.
    pub(crate) fn without_header(text: &[u8]) -> Option<Self> {
        let is_row = text.split(|byte| *byte == b',').count() >= 4;
        is_row.then_some(Self { separator: b',', roles: None, name: "Car-Hacking CSV" })
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn read<'a>(&self, text: &'a [u8]) -> Read<'a> {
        let read = self.row(text);
        if read.is_err() && head(text).is_some() {
            return Ok(Said::Remark);
        }
        read
    }

    fn row<'a>(&self, text: &'a [u8]) -> Read<'a> {
        let mut cells = text.split(|byte| *byte == self.separator).map(unquoted);
        let mut row = Row::default();
        match &self.roles {
            Some(roles) => {
                for (role, cell) in roles.iter().zip(cells) {
                    row.take(*role, cell)?;
                }
            }
            None => row.car_hacking(&mut cells)?,
        }
        row.frame().map(Said::Frame)
    }
}

fn unquoted(cell: &[u8]) -> &[u8] {
    let cell = cell.trim_ascii();
    cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell)
}

impl<'a> Row<'a> {
    fn take(&mut self, role: Role, cell: &'a [u8]) -> Result<(), LineFault> {
        match role {
            Role::Time { scale } => {
                let scale = if cell.contains(&b'.') && scale == 0 { 6 } else { scale };
                self.time = Some(whole(cell, scale).ok_or(LineFault::Time)?);
            }
            Role::HexId => {
                let digits = bare(cell);
                self.id = Some((hex_word(digits).ok_or(LineFault::Identifier)?, digits.len()));
            }
            Role::DecimalId => {
                let raw = number(cell).and_then(|raw| u32::try_from(raw).ok()).ok_or(LineFault::Identifier)?;
                self.id = Some((raw, 0));
            }
            Role::Extended => self.is_extended = Some(truth(cell).ok_or(LineFault::Identifier)?),
            Role::Bus => self.bus = Some(cell),
            Role::Len => self.len = Some(super::length(cell, Payload::LEN_MAX)?),
            Role::Data => self.data = Some(packed(bare(cell))?),
            Role::Base64 => self.data = Some(base64(cell)?),
            // Bytes beyond the length are padding; some tools leave the cells empty, some write zeros.
            Role::Byte if self.len.is_some_and(|len| self.bytes.len >= len) || cell.is_empty() => {}
            Role::Byte => self.bytes.push(hex_short(bare(cell)).ok_or(LineFault::Data)?)?,
            Role::Label => self.label = Some(cell),
            Role::Attack => self.attack = Some(cell),
            Role::Remote => self.is_remote = truth(cell).ok_or(LineFault::Fields)?,
            Role::Error => self.is_error = truth(cell).ok_or(LineFault::Fields)?,
            Role::Ignored => {}
        }
        Ok(())
    }

    /// `1478198376.389427,0316,8,05,21,68,09,21,21,00,6f,R`; `T` marks an injected frame.
    fn car_hacking(&mut self, cells: &mut impl Iterator<Item = &'a [u8]>) -> Result<(), LineFault> {
        for role in [Role::Time { scale: 6 }, Role::HexId, Role::Len] {
            self.take(role, cells.next().ok_or(LineFault::Fields)?)?;
        }
        for _ in 0..self.len.unwrap_or(0) {
            self.take(Role::Byte, cells.next().ok_or(LineFault::Length)?)?;
        }
        match (cells.next(), cells.next()) {
            (None | Some(b""), None) => Ok(()),
            (Some(label @ (b"R" | b"T")), None) => self.take(Role::Label, label),
            _ => Err(LineFault::Length),
        }
    }

    fn frame(self) -> Result<Line<'a>, LineFault> {
        let (raw, digits) = self.id.ok_or(LineFault::Fields)?;
        let id = match self.is_extended {
            Some(is_extended) => id_of_width(raw, is_extended)?,
            None => id_of_digits(raw, digits)?,
        };
        let mark = mark(self.label, self.attack);
        let time = Some(self.time.ok_or(LineFault::Fields)?);
        let interface = self.bus.unwrap_or(ONLY_BUS);
        if self.is_remote {
            let requested_len = u8::try_from(self.len.unwrap_or(0)).ok().filter(|len| *len <= 8);
            let kind = FrameKind::Remote { requested_len: requested_len.ok_or(LineFault::Length)? };
            return Ok(Line { time, interface, id, kind, payload: Payload::EMPTY, mark });
        }
        let data = match self.data {
            Some(data) => data,
            None => payload(&self.bytes.data, self.bytes.len)?,
        };
        if self.len.is_some_and(|len| len != usize::from(data.len())) {
            return Err(LineFault::Length);
        }
        if self.is_error {
            let id = CanId::from_key(raw | CanId::EXTENDED_BIT).map_err(|_| LineFault::Identifier)?;
            return Ok(Line { time, interface, id, kind: FrameKind::Error, payload: data, mark });
        }
        Ok(Line { time, interface, id, kind: kind_by_len(&data), payload: data, mark })
    }
}

/// The label of a row: whether it is an attack from the one cell, its name from the other or from a label that is a word.
fn mark<'a>(label: Option<&'a [u8]>, attack: Option<&'a [u8]>) -> Option<Mark<'a>> {
    let of_word = |word: &'a [u8]| match word {
        b"" | b"0" | b"0.0" | b"normal" | b"Normal" | b"clean" | b"benign" | b"R" | b"False" | b"false" => Mark::Clean,
        b"1" | b"1.0" | b"T" | b"True" | b"true" => Mark::Attack(b""),
        name => Mark::Attack(name),
    };
    match (label.map(of_word), attack.map(of_word)) {
        (Some(Mark::Attack(b"")), Some(named @ Mark::Attack(_))) => Some(named),
        (Some(label), _) => Some(label),
        (None, attack) => attack,
    }
}

fn truth(cell: &[u8]) -> Option<bool> {
    match cell {
        b"1" => Some(true),
        b"0" => Some(false),
        _ if cell.eq_ignore_ascii_case(b"true") => Some(true),
        _ if cell.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

fn base64(cell: &[u8]) -> Result<Payload, LineFault> {
    let mut bytes = Bytes::default();
    let (mut bits, mut held) = (0_u32, 0_u32);
    let digits = cell.iter().position(|byte| *byte == b'=').and_then(|end| cell.get(..end)).unwrap_or(cell);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit.wrapping_sub(b'A'),
            b'a'..=b'z' => digit.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => digit.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => return Err(LineFault::Data),
        };
        (bits, held) = (((bits & 0xFF) << 6) | u32::from(value), held.wrapping_add(6));
        if held >= 8 {
            held = held.wrapping_sub(8);
            let [.., byte] = (bits >> held).to_be_bytes();
            bytes.push(byte)?;
        }
    }
    payload(&bytes.data, bytes.len)
}
