//! pcapng: blocks of sections, interfaces and packets; each section says its byte order.
//!
//! Not a reader of statistics, names or secrets: their blocks are passed over. Invariants: a block is held only up to
//! [`BLOCK_LEN_MAX`]; at most [`INTERFACES_MAX`] interfaces a section. Cost: one block in memory.

use super::socketcan::of_packet;
use super::{Record, Stop, chunk, fill, index};
use crate::fault::RecordFault;
use crate::text::Line;
use std::io::BufRead;

/// The longest block that is read.
const BLOCK_LEN_MAX: usize = 1 << 20;
/// The most interfaces of one section.
const INTERFACES_MAX: usize = 256;

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const OPTION_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;
const OPTION_OFFSET: u16 = 14;

#[derive(Debug, Default)]
pub(crate) struct PcapNg {
    is_big_endian: bool,
    interfaces: Vec<Interface>,
    at: u64,
    body: Vec<u8>,
}

#[derive(Debug)]
struct Interface {
    link: u32,
    name: Vec<u8>,
    /// Units of time in a second.
    units: u64,
    /// Seconds to add.
    offset: i64,
}

/// A packet within the body of its block.
struct Packet {
    interface: usize,
    time: Option<u64>,
    from: usize,
    len: usize,
}

impl PcapNg {
    pub(super) fn next(&mut self, input: &mut impl BufRead) -> Result<Option<Record<'_>>, Stop> {
        let offset = self.at;
        fill(input, 8, &mut self.body)?;
        if self.body.is_empty() {
            return Ok(None);
        }
        let fault = |reason| Stop::At(offset, reason);
        let kind = self.word(0).ok_or(fault(RecordFault::Cut))?;
        if kind == SECTION {
            self.section(input, offset)?;
            return Ok(Some(Record { offset, frame: Ok(None) }));
        }
        let len = index(self.word(4).ok_or(fault(RecordFault::Cut))?);
        let rest = len.checked_sub(8).filter(|rest| *rest >= 4).ok_or(fault(RecordFault::Length))?;
        if len > BLOCK_LEN_MAX {
            return Err(fault(RecordFault::TooLong));
        }
        fill(input, rest, &mut self.body)?;
        if self.body.len() < rest {
            return Err(fault(RecordFault::Cut));
        }
        self.body.truncate(rest.saturating_sub(4));
        self.at = offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        let packet = match kind {
            INTERFACE => {
                let interface = self.interface().ok_or(fault(RecordFault::Length))?;
                if self.interfaces.len() >= INTERFACES_MAX {
                    return Err(fault(RecordFault::TooMany));
                }
                self.interfaces.push(interface);
                return Ok(Some(Record { offset, frame: Ok(None) }));
            }
            ENHANCED_PACKET => self.enhanced(),
            SIMPLE_PACKET => self.simple(),
            _ => return Ok(Some(Record { offset, frame: Ok(None) })),
        };
        self.frame(packet.ok_or(fault(RecordFault::Length))?, offset).map(Some)
    }

    /// A section's header: its byte order, and no interfaces yet.
    fn section(&mut self, input: &mut impl BufRead, offset: u64) -> Result<(), Stop> {
        let len = chunk(&self.body, 4).unwrap_or([0; 4]);
        fill(input, 4, &mut self.body)?;
        self.is_big_endian = match self.body.as_slice() {
            [0x1A, 0x2B, 0x3C, 0x4D] => true,
            [0x4D, 0x3C, 0x2B, 0x1A] => false,
            _ => return Err(Stop::At(offset, RecordFault::Length)),
        };
        let len = if self.is_big_endian { u32::from_be_bytes(len) } else { u32::from_le_bytes(len) };
        let rest = index(len).checked_sub(12).ok_or(Stop::At(offset, RecordFault::Length))?;
        if rest > BLOCK_LEN_MAX {
            return Err(Stop::At(offset, RecordFault::TooLong));
        }
        fill(input, rest, &mut self.body)?;
        if self.body.len() < rest {
            return Err(Stop::At(offset, RecordFault::Cut));
        }
        self.interfaces.clear();
        self.at = offset.saturating_add(u64::from(len));
        Ok(())
    }

    fn interface(&self) -> Option<Interface> {
        let link = u32::from(self.half(0)?);
        let mut found = Interface { link, name: Vec::new(), units: 1_000_000, offset: 0 };
        let mut at = 8_usize;
        while let (Some(code), Some(len)) = (self.half(at), self.half(at.saturating_add(2))) {
            let from = at.saturating_add(4);
            let value = self.body.get(from..)?.get(..usize::from(len))?;
            match code {
                0 => break,
                OPTION_NAME => found.name = value.iter().copied().take_while(|byte| *byte != 0).collect(),
                OPTION_RESOLUTION => found.units = units(*value.first()?)?,
                OPTION_OFFSET => found.offset = self.long(from).map(u64::cast_signed)?,
                _ => {}
            }
            at = from.saturating_add(usize::from(len).next_multiple_of(4));
        }
        if found.name.is_empty() {
            found.name = format!("can{}", self.interfaces.len()).into_bytes();
        }
        Some(found)
    }

    fn enhanced(&self) -> Option<Packet> {
        let time = (u64::from(self.word(4)?) << 32) | u64::from(self.word(8)?);
        Some(Packet { interface: index(self.word(0)?), time: Some(time), from: 20, len: index(self.word(12)?) })
    }

    fn simple(&self) -> Option<Packet> {
        let len = index(self.word(0)?).min(self.body.len().saturating_sub(4));
        Some(Packet { interface: 0, time: None, from: 4, len })
    }

    fn frame(&self, packet: Packet, offset: u64) -> Result<Record<'_>, Stop> {
        let fault = || Stop::At(offset, RecordFault::Length);
        let interface = self.interfaces.get(packet.interface).ok_or_else(fault)?;
        let data = self.body.get(packet.from..).and_then(|data| data.get(..packet.len)).ok_or_else(fault)?;
        let time = packet.time.map(|units| interface.micros(units));
        let line = |(id, kind, payload)| Line { time, interface: &interface.name, id, kind, payload, mark: None };
        Ok(Record { offset, frame: of_packet(interface.link, data).map(|frame| frame.map(line)) })
    }

    fn half(&self, at: usize) -> Option<u16> {
        let bytes = chunk(&self.body, at)?;
        Some(if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn word(&self, at: usize) -> Option<u32> {
        let bytes = chunk(&self.body, at)?;
        Some(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u64> {
        let bytes = chunk(&self.body, at)?;
        Some(if self.is_big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }
}

/// Units in a second: 10^n, or 2^n if the top bit is set.
fn units(resolution: u8) -> Option<u64> {
    let power = u32::from(resolution & 0x7F);
    if resolution & 0x80 == 0 { 10_u64.checked_pow(power) } else { 2_u64.checked_pow(power) }
}

impl Interface {
    fn micros(&self, units: u64) -> i64 {
        let micros = u128::from(units).saturating_mul(1_000_000).checked_div(u128::from(self.units)).unwrap_or(0);
        let micros = i64::try_from(micros).unwrap_or(i64::MAX);
        micros.saturating_add(self.offset.saturating_mul(1_000_000))
    }
}
