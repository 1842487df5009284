//! Where things stand in a segment: header, sections, fields of fixed width, all little-endian.
//!
//! Not what they mean. Invariants: `Frame::open` has checked that each section lies within the bytes; each read checks its own end. Opening
//! costs the header; [`Frame::verify`] reads everything once.

/// The first bytes of every segment.
pub(super) const MAGIC: [u8; 8] = *b"YGRPSIRT";
/// Of the format. A reader refuses any other.
pub(super) const VERSION: u16 = 1;
/// Sections of a segment; those that a kind does not use are empty.
pub(super) const SECTIONS: usize = 11;
/// Bytes before the first section.
pub(super) const HEADER_BYTES: usize = 32 + SECTIONS * SECTION_BYTES + 8;
const SECTION_BYTES: usize = 24;
/// Bytes that a segment may have: offsets in its heap have 32 bits.
pub(super) const BYTES_MAX: u64 = 1 << 32;

/// What a segment holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Advisories.
    Advisories,
    /// Package keys that mean the same package.
    Mapping,
    /// Vulnerabilities known to be exploited (KEV).
    Exploited,
    /// Probabilities of exploitation (EPSS).
    Epss,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Advisories, Self::Mapping, Self::Exploited, Self::Epss];

    fn number(self) -> u16 {
        match self {
            Self::Advisories => 1,
            Self::Mapping => 2,
            Self::Exploited => 3,
            Self::Epss => 4,
        }
    }
}

/// The parts of a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Section {
    /// Texts and version keys, each behind its length.
    Heap = 0,
    /// Lists of numbers that others point into.
    Lists = 1,
    /// Records of advisories.
    Advisories = 2,
    /// What an advisory says of a package.
    Entries = 3,
    /// Ranges of versions.
    Rules = 4,
    /// Package key → entries, or text → list.
    Keys = 5,
    /// Where each bucket of `Keys` starts.
    KeyStarts = 6,
    /// Id, alias or document → advisories.
    Ids = 7,
    /// Where each bucket of `Ids` starts.
    IdStarts = 8,
    /// Bare name → package keys.
    Names = 9,
    /// Where each bucket of `Names` starts.
    NameStarts = 10,
}

/// Why bytes are no segment, or no longer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// They do not begin as a segment does.
    #[error("not a segment of the PSIRT index: {0} bytes that do not begin with YGRPSIRT")]
    Foreign(usize),
    /// A version that this reader does not know.
    #[error("segment of format {0}, this program reads {VERSION}: import the sources again")]
    Version(u16),
    /// A kind that this reader does not know, or another than was expected.
    #[error("segment of kind {0}, which is not what is read here")]
    Kind(u16),
    /// Bytes are missing or too many.
    #[error("segment has {found} bytes, its header says {expected}: copy or import it again")]
    Length {
        /// By the header.
        expected: u64,
        /// There are.
        found: u64,
    },
    /// A checksum is wrong.
    #[error("checksum of section {0} is wrong: copy or import the segment again")]
    Checksum(usize),
    /// An offset leads out of its section.
    #[error("offset {offset} leads out of section {section}: the segment is damaged, import it again")]
    Damaged {
        /// Which section.
        section: usize,
        /// Where.
        offset: u64,
    },
    /// More than a segment can hold.
    #[error("{0} bytes are more than a segment holds ({BYTES_MAX}): import in parts")]
    TooLarge(u64),
}

/// The bytes of a segment, cut into sections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    kind: u16,
    known_from: i64,
    sections: [&'a [u8]; SECTIONS],
    checksums: [u32; SECTIONS],
}

impl<'a> Frame<'a> {
    /// Reads the header.
    pub(super) fn open(bytes: &'a [u8], kind: Kind) -> Result<Self, SegmentError> {
        if bytes.get(..8) != Some(&MAGIC) {
            return Err(SegmentError::Foreign(bytes.len()));
        }
        let header = |at: usize| SegmentError::Damaged { section: SECTIONS, offset: to_u64(at) };
        let u16_at = |at: usize| read::<2>(bytes, at).map(u16::from_le_bytes).ok_or(header(at));
        let u64_at = |at: usize| read::<8>(bytes, at).map(u64::from_le_bytes).ok_or(header(at));
        let u32_at = |at: usize| read::<4>(bytes, at).map(u32::from_le_bytes).ok_or(header(at));
        let version = u16_at(8)?;
        if version != VERSION {
            return Err(SegmentError::Version(version));
        }
        let found = u16_at(10)?;
        if found != kind.number() {
            return Err(SegmentError::Kind(found));
        }
        let checksum_at = HEADER_BYTES.saturating_sub(8);
        if crc32c::crc32c(bytes.get(..checksum_at).unwrap_or_default()) != u32_at(checksum_at)? {
            return Err(SegmentError::Checksum(SECTIONS));
        }
        let expected = u64_at(24)?;
        if expected != to_u64(bytes.len()) {
            return Err(SegmentError::Length { expected, found: to_u64(bytes.len()) });
        }
        let mut frame = Self {
            kind: found,
            known_from: read::<8>(bytes, 16).map(i64::from_le_bytes).ok_or(header(16))?,
            sections: [&[]; SECTIONS],
            checksums: [0; SECTIONS],
        };
        let mut at = 32_usize;
        for (index, (section, checksum)) in frame.sections.iter_mut().zip(&mut frame.checksums).enumerate() {
            let (offset, length) = (u64_at(at)?, u64_at(at.saturating_add(8))?);
            let range = usize::try_from(offset).ok().zip(usize::try_from(offset.saturating_add(length)).ok());
            *section = range
                .and_then(|(start, end)| bytes.get(start..end))
                .ok_or(SegmentError::Damaged { section: index, offset })?;
            *checksum = u32_at(at.saturating_add(16))?;
            at = at.saturating_add(SECTION_BYTES);
        }
        Ok(frame)
    }

    /// Reads everything and compares checksums.
    pub(super) fn verify(&self) -> Result<(), SegmentError> {
        for (index, (section, checksum)) in self.sections.iter().zip(self.checksums).enumerate() {
            if crc32c::crc32c(section) != checksum {
                return Err(SegmentError::Checksum(index));
            }
        }
        Ok(())
    }

    /// When what it holds became known, in microseconds since 1970.
    pub(super) fn known_from(&self) -> i64 {
        self.known_from
    }

    /// The bytes of a section.
    pub(super) fn section(&self, section: Section) -> &'a [u8] {
        self.sections.get(section as usize).copied().unwrap_or_default()
    }

    /// A record of `N` bytes by its number.
    pub(super) fn row<const N: usize>(&self, section: Section, index: u32) -> Result<&'a [u8; N], SegmentError> {
        let start = to_usize(index).saturating_mul(N);
        self.section(section)
            .get(start..start.saturating_add(N))
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| self.damaged(section, start))
    }

    /// A number of a list of numbers.
    pub(super) fn number(&self, section: Section, index: u32) -> Result<u32, SegmentError> {
        self.row::<4>(section, index).map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// How many records of `N` bytes a section has.
    pub(super) fn rows<const N: usize>(&self, section: Section) -> u32 {
        u32::try_from(self.section(section).len().checked_div(N).unwrap_or_default()).unwrap_or(u32::MAX)
    }

    /// The error of an offset.
    pub(super) fn damaged(&self, section: Section, offset: usize) -> SegmentError {
        debug_assert!(self.kind > 0);
        SegmentError::Damaged { section: section as usize, offset: to_u64(offset) }
    }
}

/// Puts sections behind a header.
pub(super) fn frame(kind: Kind, known_from: i64, sections: &[Vec<u8>; SECTIONS]) -> Result<Vec<u8>, SegmentError> {
    let aligned = |length: usize| length.next_multiple_of(8);
    let total = sections.iter().fold(HEADER_BYTES, |sum, section| sum.saturating_add(aligned(section.len())));
    if to_u64(total) >= BYTES_MAX {
        return Err(SegmentError::TooLarge(to_u64(total)));
    }
    let mut bytes = Vec::with_capacity(total);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(kind.number().to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(known_from.to_le_bytes());
    bytes.extend(to_u64(total).to_le_bytes());
    let mut offset = HEADER_BYTES;
    for section in sections {
        bytes.extend(to_u64(offset).to_le_bytes());
        bytes.extend(to_u64(section.len()).to_le_bytes());
        bytes.extend(crc32c::crc32c(section).to_le_bytes());
        bytes.extend([0; 4]);
        offset = offset.saturating_add(aligned(section.len()));
    }
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes.extend([0; 4]);
    for section in sections {
        bytes.extend(section);
        bytes.resize(aligned(bytes.len()), 0);
    }
    Ok(bytes)
}

/// Which kind of segment bytes are, by their header alone.
pub(super) fn kind_of(bytes: &[u8]) -> Result<Kind, SegmentError> {
    if bytes.get(..8) != Some(&MAGIC) {
        return Err(SegmentError::Foreign(bytes.len()));
    }
    let number = read::<2>(bytes, 10).map(u16::from_le_bytes).unwrap_or_default();
    Kind::ALL.into_iter().find(|kind| kind.number() == number).ok_or(SegmentError::Kind(number))
}

/// `N` bytes at a place.
pub(super) fn read<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The number in a record at a place that its layout has.
pub(super) fn field(record: &[u8], at: usize) -> u32 {
    read::<4>(record, at).map(u32::from_le_bytes).unwrap_or_default()
}

/// The wide number in a record at a place that its layout has.
pub(super) fn wide(record: &[u8], at: usize) -> i64 {
    read::<8>(record, at).map(i64::from_le_bytes).unwrap_or_default()
}

pub(super) fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(super) fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

pub(super) fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
