//! Formats of records: which one a capture is, by its first bytes, and one record → a frame or the reason why not.
//!
//! Not a reader: clocks and counts are elsewhere. Invariants: no byte sequence panics; a length in the input never makes room for
//! more than was read; what cannot be read says at which byte. Cost: BLF and pcap hold one container or record, MF4 the file.

mod blf;
mod heatshrink;
mod mdf;
mod pcap;
mod pcapng;
mod socketcan;

use crate::fault::{LineFault, RecordFault};
use crate::text::Line;
use std::io::{self, BufRead, Read};
use yagura_model::{CanId, ExtendedId, StandardId};

/// The format of a capture and its state.
#[derive(Debug)]
pub(crate) enum Records {
    Blf(blf::Blf),
    Mdf(mdf::Mdf),
    Pcap(pcap::Pcap),
    PcapNg(pcapng::PcapNg),
}

/// One record: where it is and what it says; `None` if it is no frame and need not be one.
pub(crate) struct Record<'a> {
    pub(crate) offset: u64,
    pub(crate) frame: Result<Option<Line<'a>>, LineFault>,
}

/// Why nothing follows.
#[derive(Debug)]
pub(crate) enum Stop {
    Io(io::Error),
    At(u64, RecordFault),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Records {
    /// The format that these first bytes tell.
    pub(crate) fn of_start(start: &[u8]) -> Option<Self> {
        if start.starts_with(b"LOGG") {
            return Some(Self::Blf(blf::Blf::default()));
        }
        if start.starts_with(b"MDF     ") || start.starts_with(b"UnFinMF ") || heatshrink::is_packed(start) {
            return Some(Self::Mdf(mdf::Mdf::default()));
        }
        if start.starts_with(b"\x0A\x0D\x0D\x0A") {
            return Some(Self::PcapNg(pcapng::PcapNg::default()));
        }
        pcap::Pcap::of_start(start).map(Self::Pcap)
    }

    /// The next record, `None` at the end.
    pub(crate) fn next(&mut self, input: &mut impl BufRead) -> Result<Option<Record<'_>>, Stop> {
        match self {
            Self::Blf(blf) => blf.next(input),
            Self::Mdf(mdf) => mdf.next(input),
            Self::Pcap(pcap) => pcap.next(input),
            Self::PcapNg(pcapng) => pcapng.next(input),
        }
    }

    /// The format's name for people.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Blf(_) => "Vector BLF",
            Self::Mdf(_) => "ASAM MDF",
            Self::Pcap(_) => "pcap",
            Self::PcapNg(_) => "pcapng",
        }
    }
}

/// Fills `buffer` with the next `len` bytes; fewer only at the end of the input.
fn fill(input: &mut impl BufRead, len: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    let limit = u64::try_from(len).unwrap_or(u64::MAX);
    input.take(limit).read_to_end(buffer).map(|_| ())
}

/// Reads over the next `len` bytes and says how many there were.
fn skip(input: &mut impl BufRead, len: u64) -> io::Result<u64> {
    io::copy(&mut input.take(len), &mut io::sink())
}

fn chunk<const LEN: usize>(bytes: &[u8], at: usize) -> Option<[u8; LEN]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    chunk(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    chunk(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    chunk(bytes, at).map(u64::from_le_bytes)
}

/// A number of bytes as an index.
fn index(len: impl TryInto<usize>) -> usize {
    len.try_into().unwrap_or(usize::MAX)
}

/// An identifier with its width in the top bit, as Linux, BLF and ASC's makers all do.
fn id_of_word(word: u32) -> Result<CanId, LineFault> {
    let raw = word & ExtendedId::MAX;
    if word & CanId::EXTENDED_BIT != 0 || raw > u32::from(StandardId::MAX) {
        return ExtendedId::new(raw).map(CanId::Extended).map_err(|_| LineFault::Identifier);
    }
    CanId::from_key(raw).map_err(|_| LineFault::Identifier)
}

/// The number of a channel as text, for formats that know no names.
#[derive(Debug, Default)]
struct Channel {
    number: Option<u32>,
    text: Vec<u8>,
}

impl Channel {
    fn text(&mut self, number: u32) -> &[u8] {
        if self.number != Some(number) {
            self.text = number.to_string().into_bytes();
            self.number = Some(number);
        }
        &self.text
    }
}
