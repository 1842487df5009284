//! The profile: what a sensor knows of its vehicle's normal traffic, as a view on a checked blob.
//!
//! Not a learner (`profile` is) and not signed here (the policy that carries it is). Format, byte by byte:
//! docs/format/profile.md. Invariants: a [`Profile`] that exists has passed every check, so reading rows cannot fail; rows are
//! sorted by bus and identifier. Cost: parsing is one pass; a lookup is a binary search in flash; no RAM but the slice.

mod rows;
mod table;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use rows::word;
pub use rows::{BusRow, Class, IdRow, Lengths, Novelty};
pub use table::{Row, Table};
pub use tables::{Contents, Tables};

use crate::crc::crc32c;
use core::fmt;
use yagura_model::{BusId, CanId};

/// The most buses a profile describes.
pub const BUSES_MAX: usize = 16;
/// The most identifiers a profile describes. A detector may be built for fewer.
pub const IDS_MAX: usize = 4096;

const MAGIC: [u8; 4] = *b"YGPF";
const VERSION: u16 = 2;
const HEADER_LEN: usize = 40;
/// Bytes before the rows of a table of version 2: kind, row length, number of rows.
const TABLE_HEADER_LEN: usize = 8;
const CRC_OFFSET: usize = 12;

/// Why bytes are not a profile that this build can use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProfileError {
    /// The first four bytes are not `YGPF`: some other file.
    NotAProfile,
    /// Written by a newer Yagura. Update the sensor or learn again with the version in use.
    NewerVersion {
        /// The version in the blob.
        found: u16,
        /// The newest version this build reads.
        supported: u16,
    },
    /// A format version that never was.
    UnknownVersion(u16),
    /// A mark of the header that this build does not know; by their rule, one that must not be ignored.
    UnknownFlags(u16),
    /// Fewer bytes than the blob says it has.
    Truncated {
        /// Bytes given.
        len: usize,
        /// Bytes needed.
        needed: usize,
    },
    /// More bytes than the blob says it has.
    TrailingBytes {
        /// Bytes given.
        len: usize,
        /// Bytes that belong to the profile.
        expected: usize,
    },
    /// The length in the header is not that of its tables.
    Length {
        /// As the header says.
        stated: usize,
        /// As its numbers of buses and identifiers make it.
        counted: usize,
    },
    /// The checksum does not match: damaged in store or transfer.
    Checksum {
        /// As stored in the blob.
        stored: u32,
        /// As computed over it.
        computed: u32,
    },
    /// More buses than [`BUSES_MAX`].
    TooManyBuses(usize),
    /// More identifiers than [`IDS_MAX`].
    TooManyIds(usize),
    /// A row of the bus table is not legal or not in order.
    BusRow(usize),
    /// A row of the identifier table is not legal, not in order, or names a bus that has no row.
    IdRow(usize),
    /// What follows the identifiers is no sequence of whole tables; so many bytes are left.
    Tables {
        /// Bytes from the faulty table on.
        left: usize,
    },
    /// A table of this kind comes twice or after a later kind.
    TableOrder(u8),
    /// A kind of table that this build does not know.
    UnknownTable(u8),
    /// A row of a table is not legal, not in order, or its owner does not exist.
    TableRow {
        /// Kind of the table.
        kind: u8,
        /// Which row.
        row: usize,
    },
    /// The buffer to encode into is too small.
    NoRoom {
        /// Bytes needed.
        needed: usize,
    },
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAProfile => write!(f, "not a profile: it does not start with YGPF"),
            Self::NewerVersion { found, supported } => {
                write!(f, "profile of format version {found}, this build reads up to {supported}")
            }
            Self::UnknownVersion(found) => write!(f, "profile of format version {found}, which does not exist"),
            Self::UnknownFlags(flags) => write!(f, "profile with unknown flags {flags:#06x}"),
            Self::Truncated { len, needed } => write!(f, "profile cut off after {len} of {needed} bytes"),
            Self::TrailingBytes { len, expected } => write!(f, "profile of {expected} bytes in a file of {len}"),
            Self::Length { stated, counted } => write!(f, "profile of {stated} bytes with tables for {counted}"),
            Self::Checksum { stored, computed } => {
                write!(f, "profile damaged: checksum {computed:#010x}, expected {stored:#010x}")
            }
            Self::TooManyBuses(n) => write!(f, "profile of {n} buses exceeds the maximum {BUSES_MAX}"),
            Self::TooManyIds(n) => write!(f, "profile of {n} identifiers exceeds the maximum {IDS_MAX}"),
            Self::BusRow(row) => write!(f, "bus row {row} of the profile is not legal"),
            Self::IdRow(row) => write!(f, "identifier row {row} of the profile is not legal"),
            Self::Tables { left } => write!(f, "the last {left} bytes of the profile are not whole tables"),
            Self::TableOrder(kind) => write!(f, "table {kind} of the profile is not in order"),
            Self::UnknownTable(kind) => write!(f, "profile with a table of unknown kind {kind}"),
            Self::TableRow { kind, row } => write!(f, "row {row} of table {kind} of the profile is not legal"),
            Self::NoRoom { needed } => write!(f, "no room for a profile of {needed} bytes"),
        }
    }
}

impl core::error::Error for ProfileError {}

/// What a profile was learned from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Source {
    /// Frames read.
    pub frames: u64,
    /// Bus time they span, pauses not counted, µs.
    pub micros: u64,
    /// Identifiers first seen in the last third of the frames: if there are any, the list of identifiers is likely not complete.
    pub late_ids: u32,
}

/// A checked profile.
#[derive(Clone, Copy, Debug)]
pub struct Profile<'a> {
    source: Source,
    buses: &'a [[u8; BusRow::LEN]],
    ids: &'a [[u8; IdRow::LEN]],
    tables: Tables<'a>,
}

impl<'a> Profile<'a> {
    /// A view on `bytes`.
    ///
    /// # Errors
    /// [`ProfileError`] naming the first check that fails.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ProfileError> {
        if bytes.get(..MAGIC.len()) != Some(MAGIC.as_slice()) {
            return Err(ProfileError::NotAProfile);
        }
        let short = ProfileError::Truncated { len: bytes.len(), needed: HEADER_LEN };
        let version = bytes.get(4..).and_then(|b| b.first_chunk()).map(|b| u16::from_be_bytes(*b)).ok_or(short)?;
        match version {
            1 | VERSION => {}
            0 => return Err(ProfileError::UnknownVersion(version)),
            found => return Err(ProfileError::NewerVersion { found, supported: VERSION }),
        }
        let (header, tables) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(short)?;
        let header = Header::read(header);
        header.check(bytes, version)?;
        let (buses, rest) = tables.split_at_checked(header.buses.saturating_mul(BusRow::LEN)).ok_or(short)?;
        let (ids, rest) = rest.split_at_checked(header.ids.saturating_mul(IdRow::LEN)).ok_or(short)?;
        let (buses, ids, source) = (buses.as_chunks().0, ids.as_chunks().0, header.source);
        let profile = Self { source, buses, ids, tables: Tables::parse(rest, header.ids)? };
        profile.check_rows()?;
        Ok(profile)
    }

    fn check_rows(&self) -> Result<(), ProfileError> {
        let mut last = None;
        for (row, bytes) in self.buses.iter().enumerate() {
            let bus = BusRow::read(bytes).ok_or(ProfileError::BusRow(row))?;
            if last.replace(bus.bus).is_some_and(|last| last >= bus.bus) {
                return Err(ProfileError::BusRow(row));
            }
        }
        let mut last = None;
        for (row, bytes) in self.ids.iter().enumerate() {
            let id = IdRow::read(bytes).ok_or(ProfileError::IdRow(row))?;
            let ordered = last.replace((id.bus, id.id.key())).is_none_or(|last| last < (id.bus, id.id.key()));
            if !ordered || self.bus_index(id.bus).is_none() {
                return Err(ProfileError::IdRow(row));
            }
        }
        Ok(())
    }

    /// What it was learned from.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// The tables after the identifiers.
    #[must_use]
    pub const fn tables(&self) -> &Tables<'a> {
        &self.tables
    }

    /// Number of identifiers.
    #[must_use]
    pub const fn ids_len(&self) -> usize {
        self.ids.len()
    }

    /// All buses, by number.
    pub fn buses(&self) -> impl Iterator<Item = BusRow> + 'a {
        self.buses.iter().filter_map(BusRow::read)
    }

    /// All identifiers, by bus and key.
    pub fn ids(&self) -> impl Iterator<Item = IdRow> + 'a {
        self.ids.iter().filter_map(IdRow::read)
    }

    /// Where the bus stands in its table.
    #[must_use]
    pub fn bus_index(&self, bus: BusId) -> Option<usize> {
        self.buses.iter().position(|row| row.first() == Some(&bus.0))
    }

    /// Where the identifier stands in its table.
    #[must_use]
    pub fn id_index(&self, bus: BusId, id: CanId) -> Option<usize> {
        let wanted = IdRow::sort_key(bus, id.key());
        self.ids.binary_search_by_key(&wanted, IdRow::read_sort_key).ok()
    }

    /// A row of the bus table.
    #[must_use]
    pub fn bus(&self, index: usize) -> Option<BusRow> {
        self.buses.get(index).and_then(BusRow::read)
    }

    /// A row of the identifier table.
    #[must_use]
    pub fn id(&self, index: usize) -> Option<IdRow> {
        self.ids.get(index).and_then(IdRow::read)
    }
}

struct Header {
    flags: u16,
    total: usize,
    crc: u32,
    buses: usize,
    ids: usize,
    source: Source,
}

impl Header {
    const fn read(bytes: &[u8; HEADER_LEN]) -> Self {
        let &[
            _,
            _,
            _,
            _,
            _,
            _,
            g0,
            g1,
            t0,
            t1,
            t2,
            t3,
            c0,
            c1,
            c2,
            c3,
            b0,
            b1,
            i0,
            i1,
            n0,
            n1,
            n2,
            n3,
            f0,
            f1,
            f2,
            f3,
            f4,
            f5,
            f6,
            f7,
            m0,
            m1,
            m2,
            m3,
            m4,
            m5,
            m6,
            m7,
        ] = bytes;
        Self {
            flags: u16::from_be_bytes([g0, g1]),
            total: u32::from_be_bytes([t0, t1, t2, t3]) as usize,
            crc: u32::from_be_bytes([c0, c1, c2, c3]),
            buses: u16::from_be_bytes([b0, b1]) as usize,
            ids: u16::from_be_bytes([i0, i1]) as usize,
            source: Source {
                frames: u64::from_be_bytes([f0, f1, f2, f3, f4, f5, f6, f7]),
                micros: u64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]),
                late_ids: u32::from_be_bytes([n0, n1, n2, n3]),
            },
        }
    }

    fn check(&self, bytes: &[u8], version: u16) -> Result<(), ProfileError> {
        if self.flags != 0 {
            return Err(ProfileError::UnknownFlags(self.flags));
        }
        if self.buses > BUSES_MAX {
            return Err(ProfileError::TooManyBuses(self.buses));
        }
        if self.ids > IDS_MAX {
            return Err(ProfileError::TooManyIds(self.ids));
        }
        let (len, counted) = (bytes.len(), fixed_len(self.buses, self.ids));
        if len < self.total {
            return Err(ProfileError::Truncated { len, needed: self.total });
        }
        if len > self.total {
            return Err(ProfileError::TrailingBytes { len, expected: self.total });
        }
        if len < counted || (version == 1 && len > counted) {
            return Err(ProfileError::Length { stated: len, counted });
        }
        let computed = checksum(bytes);
        if computed != self.crc {
            return Err(ProfileError::Checksum { stored: self.crc, computed });
        }
        Ok(())
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let (head, rest) = bytes.split_at_checked(CRC_OFFSET).unwrap_or((bytes, &[]));
    crc32c(&[head, rest.get(4..).unwrap_or(&[])])
}

/// Length of header, bus table and identifier table.
const fn fixed_len(buses: usize, ids: usize) -> usize {
    HEADER_LEN.saturating_add(buses.saturating_mul(BusRow::LEN)).saturating_add(ids.saturating_mul(IdRow::LEN))
}

/// How many bytes a profile takes.
#[must_use]
pub const fn encoded_len(contents: &Contents<'_>) -> usize {
    fixed_len(contents.buses.len(), contents.ids.len()).saturating_add(contents.tables_len())
}

/// Writes a profile to the front of `out` and returns how many bytes it took.
///
/// # Errors
/// As [`Profile::parse`] for rows that are illegal, too many or not in order, and [`ProfileError::NoRoom`].
pub fn encode(contents: &Contents<'_>, out: &mut [u8]) -> Result<usize, ProfileError> {
    let &Contents { source, buses, ids, .. } = contents;
    let needed = encoded_len(contents);
    let no_room = ProfileError::NoRoom { needed };
    let total = u32::try_from(needed).map_err(|_| no_room)?;
    let bus_count = u16::try_from(buses.len()).map_err(|_| ProfileError::TooManyBuses(buses.len()))?;
    let id_count = u16::try_from(ids.len()).map_err(|_| ProfileError::TooManyIds(ids.len()))?;
    let out = out.get_mut(..needed).ok_or(no_room)?;
    let header = MAGIC.into_iter().chain(VERSION.to_be_bytes()).chain([0; 2]).chain(total.to_be_bytes()).chain([0; 4]);
    let header =
        header.chain(bus_count.to_be_bytes()).chain(id_count.to_be_bytes()).chain(source.late_ids.to_be_bytes());
    let header = header.chain(source.frames.to_be_bytes()).chain(source.micros.to_be_bytes());
    let rows = buses.iter().flat_map(BusRow::bytes).chain(ids.iter().flat_map(IdRow::bytes));
    out.iter_mut().zip(header.chain(rows)).for_each(|(room, byte)| *room = byte);
    let tables = out.get_mut(fixed_len(buses.len(), ids.len())..).ok_or(no_room)?;
    contents.write_tables(tables).ok_or(no_room)?;
    let crc = checksum(out).to_be_bytes();
    out.iter_mut().skip(CRC_OFFSET).zip(crc).for_each(|(room, byte)| *room = byte);
    Profile::parse(out).map(|_| needed)
}
