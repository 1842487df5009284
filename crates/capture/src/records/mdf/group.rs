//! Channel groups: where in a record the time, the identifier and the data of a CAN frame are.
//!
//! Not values: a field says how to get one. Invariant: a group is a CAN group only if it has a time and, for data and remote
//! frames, an identifier. Names are those of ASAM's bus logging (MDF 4.1 associated standard): `CAN_DataFrame.ID` and so on.

use super::Fault;
use super::blocks::{Block, File};
use crate::fault::RecordFault;
use crate::records::{chunk, u8_at, u16_at, u32_at, u64_at};

/// Compositions within compositions, at most.
const DEPTH_MAX: u32 = 4;
/// The bit of a group's flags that says: variable length data of another group.
const FLAG_VLSD: u16 = 1;

/// Which frames a group's records are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Content {
    #[default]
    Other,
    Data,
    Remote,
    Error,
}

/// Where a number is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    Constant(f64),
    Unsigned { byte: usize, bit: u32, bits: u32, is_big_endian: bool, factor: f64, offset: f64 },
    Float { byte: usize, bits: u32, is_big_endian: bool, factor: f64, offset: f64 },
}

/// Where the data bytes are.
#[derive(Debug)]
pub(super) enum Data {
    /// In the record, at most so many.
    Fixed { byte: usize, len: usize },
    /// In records of another group of the same data, at the offset that the field holds.
    Group { offset: Field, record_id: u64 },
    /// In a stream of their own, at the offset that the field holds.
    Stream { offset: Field, bytes: Vec<u8> },
}

#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) record_id: u64,
    /// Length of a record without its identifier; unused if it varies.
    pub(super) record_len: usize,
    /// Whether the records are variable length data: a length of four bytes, then as many.
    pub(super) is_vlsd: bool,
    pub(super) content: Content,
    pub(super) time: Option<Field>,
    pub(super) bus: Option<Field>,
    pub(super) id: Option<Field>,
    pub(super) extended: Option<Field>,
    pub(super) code: Option<Field>,
    pub(super) len: Option<Field>,
    pub(super) data: Option<Data>,
    pub(super) fd: Option<Field>,
    pub(super) bit_rate_switch: Option<Field>,
    pub(super) error_passive: Option<Field>,
}

impl Group {
    pub(super) fn is_can(&self) -> bool {
        let has_id = self.id.is_some() || self.content == Content::Error;
        self.content != Content::Other && self.time.is_some() && has_id
    }
}

/// The group of a channel group block.
pub(super) fn read(file: &File<'_>, block: &Block<'_>) -> Result<Group, Fault> {
    let short = (block.at, RecordFault::Length);
    let flags = u16_at(block.body, 16).ok_or(short)?;
    let lens = (u32_at(block.body, 24).ok_or(short)?, u32_at(block.body, 28).ok_or(short)?);
    let len = |len: u32| usize::try_from(len).unwrap_or(usize::MAX);
    let mut group = Group {
        record_id: u64_at(block.body, 0).ok_or(short)?,
        record_len: len(lens.0).saturating_add(len(lens.1)),
        is_vlsd: flags & FLAG_VLSD != 0,
        ..Group::default()
    };
    if !group.is_vlsd {
        channels(file, block.link(1), b"", DEPTH_MAX, &mut group)?;
    }
    Ok(group)
}

/// A chain of channels, and the compositions within.
fn channels(file: &File<'_>, first: Option<u64>, parent: &[u8], depth: u32, group: &mut Group) -> Result<(), Fault> {
    let mut next = first;
    while let Some(at) = next {
        let block = file.block(at, b"##CN")?;
        next = block.link(0);
        let name = block.link(2).map(|at| file.text(at)).transpose()?.unwrap_or(b"");
        channel(file, &block, parent, name, group)?;
        let within = block.link(1).filter(|_| depth > 0);
        let is_channels = within.is_some_and(|at| file.any_block(at).is_ok_and(|block| &block.kind == b"##CN"));
        if is_channels {
            channels(file, within, name, depth.saturating_sub(1), group)?;
        }
    }
    Ok(())
}

fn channel(file: &File<'_>, block: &Block<'_>, parent: &[u8], name: &[u8], group: &mut Group) -> Result<(), Fault> {
    let (frame, part) = match name.iter().rposition(|byte| *byte == b'.') {
        Some(dot) => (name.get(..dot).unwrap_or(b""), name.get(dot.saturating_add(1)..).unwrap_or(b"")),
        None => (parent, name),
    };
    let content = if frame.ends_with(b"CAN_DataFrame") {
        Content::Data
    } else if frame.ends_with(b"CAN_RemoteFrame") {
        Content::Remote
    } else if frame.ends_with(b"CAN_ErrorFrame") {
        Content::Error
    } else {
        Content::Other
    };
    let short = (block.at, RecordFault::Length);
    let (kind, sync) = (u8_at(block.body, 0).ok_or(short)?, u8_at(block.body, 1).ok_or(short)?);
    if matches!(kind, 2 | 3) && sync <= 1 {
        group.time = Some(field(file, block)?);
        return Ok(());
    }
    if content == Content::Other {
        return Ok(());
    }
    group.content = content;
    let place = match part {
        b"BusChannel" => &mut group.bus,
        b"ID" => &mut group.id,
        b"IDE" => &mut group.extended,
        b"DLC" => &mut group.code,
        b"DataLength" => {
            // A table of lengths by length code says no more than the length code.
            if conversion(file, block)?.is_some() {
                group.len = Some(field(file, block)?);
            }
            return Ok(());
        }
        b"EDL" => &mut group.fd,
        b"BRS" => &mut group.bit_rate_switch,
        b"ESI" => &mut group.error_passive,
        b"DataBytes" => {
            group.data = Some(data(file, block, kind)?);
            return Ok(());
        }
        _ => return Ok(()),
    };
    *place = Some(field(file, block)?);
    Ok(())
}

fn data(file: &File<'_>, block: &Block<'_>, kind: u8) -> Result<Data, Fault> {
    let short = (block.at, RecordFault::Length);
    let number = |at| u32_at(block.body, at).and_then(|value| usize::try_from(value).ok()).ok_or(short);
    let (byte, bits) = (number(4)?, number(8)?);
    let Some(link) = block.link(5).filter(|_| kind == 1) else { return Ok(Data::Fixed { byte, len: bits / 8 }) };
    let target = file.any_block(link)?;
    let offset = Field::Unsigned {
        byte,
        bit: 0,
        bits: u32::try_from(bits).ok().filter(|bits| (1..=64).contains(bits)).ok_or(short)?,
        is_big_endian: false,
        factor: 1.0,
        offset: 0.0,
    };
    if &target.kind == b"##CG" {
        let record_id = u64_at(target.body, 0).ok_or((link, RecordFault::Length))?;
        return Ok(Data::Group { offset, record_id });
    }
    Ok(Data::Stream { offset, bytes: file.data(link)? })
}

fn field(file: &File<'_>, block: &Block<'_>) -> Result<Field, Fault> {
    let short = (block.at, RecordFault::Length);
    let (kind, of) = (u8_at(block.body, 0).ok_or(short)?, u8_at(block.body, 2).ok_or(short)?);
    let bit = u32::from(u8_at(block.body, 3).ok_or(short)?);
    let byte = u32_at(block.body, 4).and_then(|byte| usize::try_from(byte).ok()).ok_or(short)?;
    let bits = u32_at(block.body, 8).ok_or(short)?;
    let (offset, factor) = conversion(file, block)?.unwrap_or((0.0, 1.0));
    Ok(match (kind, of) {
        (3 | 6, _) => Field::Constant(offset),
        (_, 4 | 5) if matches!(bits, 32 | 64) => Field::Float { byte, bits, is_big_endian: of == 5, factor, offset },
        (_, 0..=3) if (1..=64).contains(&bits) && bit < 8 => {
            Field::Unsigned { byte, bit, bits, is_big_endian: matches!(of, 1 | 3), factor, offset }
        }
        _ => return Err((block.at, RecordFault::OutOfStep)),
    })
}

/// Offset and factor of a channel; `None` if its conversion is no straight line.
fn conversion(file: &File<'_>, block: &Block<'_>) -> Result<Option<(f64, f64)>, Fault> {
    let Some(at) = block.link(4) else { return Ok(Some((0.0, 1.0))) };
    let conversion = file.block(at, b"##CC")?;
    let value = |at| chunk(conversion.body, at).map(f64::from_le_bytes);
    Ok(match conversion.body.first() {
        Some(0) => Some((0.0, 1.0)),
        Some(1) => value(24).zip(value(32)),
        _ => None,
    })
}

impl Field {
    /// The number in a record; `None` if the record is too short.
    pub(super) fn value(&self, record: &[u8]) -> Option<f64> {
        match *self {
            Self::Constant(value) => Some(value),
            Self::Float { byte, bits, is_big_endian, factor, offset } => {
                let raw = match (bits, is_big_endian) {
                    (32, false) => f64::from(f32::from_le_bytes(chunk(record, byte)?)),
                    (32, true) => f64::from(f32::from_be_bytes(chunk(record, byte)?)),
                    (_, false) => f64::from_le_bytes(chunk(record, byte)?),
                    (_, true) => f64::from_be_bytes(chunk(record, byte)?),
                };
                Some(offset + factor * raw)
            }
            #[expect(clippy::cast_precision_loss, reason = "times of more than 53 bits lose below a microsecond")]
            Self::Unsigned { factor, offset, .. } => Some(offset + factor * (self.raw(record)? as f64)),
        }
    }

    /// The bits in a record as they are, a constant as a whole number.
    pub(super) fn raw(&self, record: &[u8]) -> Option<u64> {
        match *self {
            Self::Unsigned { byte, bit, bits, is_big_endian, .. } => {
                let bytes = usize::try_from(bit.checked_add(bits)?.div_ceil(8)).ok()?;
                let raw = record.get(byte..)?.get(..bytes)?;
                let join = |value: u128, byte: &u8| (value << 8) | u128::from(*byte);
                let word = if is_big_endian { raw.iter().fold(0, join) } else { raw.iter().rev().fold(0, join) };
                let mask = 1_u128.checked_shl(bits)?.wrapping_sub(1);
                u64::try_from((word >> bit) & mask).ok()
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "saturates, as a bad number should"
            )]
            Self::Constant(value) => Some(value as u64),
            Self::Float { .. } => None,
        }
    }
}
