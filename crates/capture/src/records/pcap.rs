//! pcap: a header of 24 bytes, then packets of a header of 16 bytes and their data, in either byte order.
//!
//! Not a reader of other link types than CAN's (`socketcan` says which). Invariant: a packet is held only up to
//! [`PACKET_LEN_MAX`]; a longer one ends the reading, because the stream is out of step. Cost: one packet in memory.

use super::socketcan::{LINKTYPE_SLL, LINKTYPE_SLL2, LINKTYPE_SOCKETCAN, of_packet};
use super::{Record, Stop, chunk, fill, index};
use crate::fault::RecordFault;
use crate::text::Line;
use std::io::BufRead;

/// The longest packet that is read.
const PACKET_LEN_MAX: usize = 1 << 18;
const FILE_HEADER_LEN: usize = 24;
const PACKET_HEADER_LEN: usize = 16;
const ONLY_BUS: &[u8] = b"can0";

#[derive(Debug)]
pub(crate) struct Pcap {
    is_big_endian: bool,
    /// How many units of a packet's fraction of a second are a microsecond.
    units_per_micro: i64,
    link: Option<u32>,
    at: u64,
    buffer: Vec<u8>,
}

impl Pcap {
    pub(super) fn of_start(start: &[u8]) -> Option<Self> {
        let (is_big_endian, units_per_micro) = match start.first_chunk()? {
            b"\xD4\xC3\xB2\xA1" => (false, 1),
            b"\xA1\xB2\xC3\xD4" => (true, 1),
            b"\x4D\x3C\xB2\xA1" => (false, 1_000),
            b"\xA1\xB2\x3C\x4D" => (true, 1_000),
            _ => return None,
        };
        Some(Self { is_big_endian, units_per_micro, link: None, at: 0, buffer: Vec::new() })
    }

    fn word(&self, at: usize) -> Option<u32> {
        let bytes = chunk(&self.buffer, at)?;
        Some(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn header(&mut self, input: &mut impl BufRead) -> Result<u32, Stop> {
        fill(input, FILE_HEADER_LEN, &mut self.buffer)?;
        let link = self.word(20).ok_or(Stop::At(0, RecordFault::Cut))? & 0xFFFF;
        if !matches!(link, LINKTYPE_SOCKETCAN | LINKTYPE_SLL | LINKTYPE_SLL2) {
            return Err(Stop::At(20, RecordFault::LinkType));
        }
        self.at = 24;
        self.link = Some(link);
        Ok(link)
    }

    pub(super) fn next(&mut self, input: &mut impl BufRead) -> Result<Option<Record<'_>>, Stop> {
        let link = match self.link {
            Some(link) => link,
            None => self.header(input)?,
        };
        let offset = self.at;
        fill(input, PACKET_HEADER_LEN, &mut self.buffer)?;
        if self.buffer.is_empty() {
            return Ok(None);
        }
        let cut = || Stop::At(offset, RecordFault::Cut);
        let seconds = i64::from(self.word(0).ok_or_else(cut)?);
        let units = i64::from(self.word(4).ok_or_else(cut)?);
        let len = index(self.word(8).ok_or_else(cut)?);
        self.word(12).ok_or_else(cut)?;
        if len > PACKET_LEN_MAX {
            return Err(Stop::At(offset, RecordFault::TooLong));
        }
        fill(input, len, &mut self.buffer)?;
        if self.buffer.len() < len {
            return Err(cut());
        }
        let taken = u64::try_from(len).unwrap_or(u64::MAX).saturating_add(16);
        self.at = offset.saturating_add(taken);
        let micros = units.checked_div(self.units_per_micro).unwrap_or(0);
        let time = Some(seconds.saturating_mul(1_000_000).saturating_add(micros));
        let line = |(id, kind, payload)| Line { time, interface: ONLY_BUS, id, kind, payload, mark: None };
        Ok(Some(Record { offset, frame: of_packet(link, &self.buffer).map(|frame| frame.map(line)) }))
    }
}
