//! One segment file: its 32-byte header and the records behind it.
//!
//! Not a record format (that is `record`). Invariants: the records of a segment follow each other without gaps from the
//! position in its header; each is bound to its segment by a salt that only the vault's key can make. Format:
//! docs/format/vault.md. Cost: one read of at least a MiB at a time, no copy of payloads.

use super::error::{Damage, VaultError};
use super::record::{self, HEADER_LEN, NewRecord, Parsed, RecordError};
use crate::disk::{DiskFile, MemoryFile};
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};
use std::io;

/// Directory of the segments.
pub(crate) const SEGMENTS: &str = "segments";
/// Length of the segment header.
pub(crate) const SEGMENT_HEADER_LEN: u64 = 32;
/// How much is read at once at least.
const READ_BYTES: usize = 1 << 20;
const MAGIC: [u8; 4] = *b"YGVS";
const VERSION: u16 = 1;

/// Binds a record to its segment. Unknown to whoever sends payloads, so none of them can contain a record that fits.
pub(crate) type Salt = [u8; 8];

/// What a segment header says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SegmentHeader {
    pub(crate) first: u64,
    pub(crate) salt: Salt,
}

impl SegmentHeader {
    /// The header of the segment that starts at `first`; always the same for the same vault.
    pub(crate) fn new(origin: &str, first: u64, key: &SigningKey) -> Self {
        let signature = key.sign(format!("yagura vault segment\n{origin}\n{first}\n").as_bytes());
        let mut salt = Salt::default();
        salt.copy_from_slice(&Sha256::digest(signature.to_bytes())[..8]);
        Self { first, salt }
    }

    pub(crate) fn encode(self) -> [u8; SEGMENT_HEADER_LEN as usize] {
        let mut out = [0; SEGMENT_HEADER_LEN as usize];
        out[..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&VERSION.to_be_bytes());
        out[8..16].copy_from_slice(&self.first.to_be_bytes());
        out[16..24].copy_from_slice(&self.salt);
        let crc = crc32c::crc32c(&out[..28]);
        out[28..].copy_from_slice(&crc.to_be_bytes());
        out
    }

    /// The header at the front of `bytes`, which is in the file of the segment that starts at `first`.
    pub(crate) fn decode(bytes: &[u8], first: u64) -> Result<Self, Damage> {
        let Some((bytes, _)) = bytes.split_first_chunk::<{ SEGMENT_HEADER_LEN as usize }>() else {
            return Err(Damage::Truncated);
        };
        let &[m0, m1, m2, m3, v0, v1, ..] = bytes;
        let version = u16::from_be_bytes([v0, v1]);
        if [m0, m1, m2, m3] == MAGIC && version != VERSION && crc32c::crc32c(&bytes[..28]).to_be_bytes() == bytes[28..]
        {
            return Err(Damage::FormatVersion(version));
        }
        let mut salt = Salt::default();
        salt.copy_from_slice(&bytes[16..24]);
        let header = Self { first, salt };
        if header.encode() == *bytes { Ok(header) } else { Err(Damage::SegmentHeader) }
    }
}

/// The file of the segment that starts at `first`.
pub(crate) fn segment_file(first: u64) -> String {
    format!("{SEGMENTS}/{first:020}.seg")
}

/// The first position of the segment with this file name, if it is one.
pub(crate) fn segment_first(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|d| d.len() == 20 && d.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok()
}

/// Why a cursor cannot go on.
#[derive(Debug)]
pub(crate) enum CursorError {
    /// These bytes are not the record that belongs here.
    Bad { offset: u64, what: Damage },
    /// The disk did not let them be read.
    Unreadable(VaultError),
}

/// Walks over the records of a segment.
#[derive(Debug)]
pub(crate) struct Cursor {
    file: Box<dyn DiskFile>,
    first: u64,
    salt: Salt,
    buf: Vec<u8>,
    /// Where in `buf` the next record starts.
    start: usize,
    /// Where in the file it starts.
    offset: u64,
    /// Bytes from here on are not read.
    end: u64,
    /// The position of the next record.
    position: u64,
}

impl Cursor {
    /// A cursor at the first record of the segment that starts at `first`, up to `end` or the end of the file.
    pub(crate) fn new(file: Box<dyn DiskFile>, first: u64, end: Option<u64>) -> Result<Self, CursorError> {
        let unreadable = |e| unreadable(first, e);
        let end = end.map_or_else(|| file.size(), Ok).map_err(unreadable)?;
        let mut header = [0; SEGMENT_HEADER_LEN as usize];
        let read = file.read_at(0, &mut header).map_err(unreadable)?;
        let header =
            SegmentHeader::decode(&header[..read], first).map_err(|what| CursorError::Bad { offset: 0, what })?;
        let (salt, position) = (header.salt, first);
        Ok(Self { file, first, salt, buf: Vec::new(), start: 0, offset: SEGMENT_HEADER_LEN, end, position })
    }

    /// Moves to a place where `position` is known to start.
    pub(crate) fn seek(&mut self, position: u64, offset: u64) {
        self.buf.clear();
        self.start = 0;
        (self.position, self.offset) = (position, offset);
    }

    /// Lets the cursor go up to `end`, which is not before what it was.
    pub(crate) fn extend_to(&mut self, end: u64) {
        self.end = self.end.max(end);
    }

    /// Where the next record starts.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The position of the next record.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Where the cursor ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The segment's first position.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The salt of the segment.
    pub(crate) fn salt(&self) -> Salt {
        self.salt
    }

    /// The next record; `None` at the end.
    pub(crate) fn next_record(&mut self) -> Result<Option<Parsed<'_>>, CursorError> {
        let Some(len) = self.next_len()? else { return Ok(None) };
        let (offset, start) = (self.offset, self.start);
        let bytes = &self.buf[start..start + len];
        let parsed = check(bytes, &self.salt, self.position).map_err(|what| CursorError::Bad { offset, what })?;
        self.start += len;
        self.offset += len as u64;
        self.position += 1;
        Ok(Some(parsed))
    }

    /// Hands out about `bytes_max` bytes of whole records without checking them, and their lengths. `spare` is a buffer to be
    /// used again.
    pub(crate) fn take(&mut self, bytes_max: usize, mut spare: Vec<u8>) -> Result<(Vec<u8>, Vec<usize>), CursorError> {
        self.buf.drain(..self.start);
        self.start = 0;
        self.fill(bytes_max)?;
        let mut lens = Vec::new();
        while lens.is_empty() || self.has_next() {
            let Some(len) = self.next_len()? else { break };
            lens.push(len);
            self.start += len;
            self.offset += len as u64;
            self.position += 1;
        }
        spare.clear();
        spare.extend_from_slice(&self.buf[self.start..]);
        let mut bytes = std::mem::replace(&mut self.buf, spare);
        bytes.truncate(self.start);
        self.start = 0;
        Ok((bytes, lens))
    }

    /// Whether the next record is in the buffer as a whole, with a length that may be.
    fn has_next(&self) -> bool {
        let rest = &self.buf[self.start..];
        let len = rest.first_chunk::<HEADER_LEN>().map(record::claimed_len);
        len.is_some_and(|len| len <= rest.len() && len - HEADER_LEN <= NewRecord::PAYLOAD_BYTES_MAX)
    }

    /// Reads so much that the next record is in the buffer, and returns its length as claimed.
    fn next_len(&mut self) -> Result<Option<usize>, CursorError> {
        if self.offset == self.end {
            return Ok(None);
        }
        self.fill(HEADER_LEN)?;
        let header = self.buf[self.start..].first_chunk::<HEADER_LEN>();
        let len = record::claimed_len(header.ok_or_else(|| self.bad(Damage::Truncated))?);
        if len - HEADER_LEN > NewRecord::PAYLOAD_BYTES_MAX {
            return Err(self.bad(Damage::RecordLength(u32::try_from(len - HEADER_LEN).unwrap_or(u32::MAX))));
        }
        self.fill(len)?;
        if self.buf.len() - self.start < len {
            return Err(self.bad(Damage::Truncated));
        }
        Ok(Some(len))
    }

    fn bad(&self, what: Damage) -> CursorError {
        CursorError::Bad { offset: self.offset, what }
    }

    /// Has `needed` bytes in the buffer, or all there are up to the end.
    fn fill(&mut self, needed: usize) -> Result<(), CursorError> {
        let have = self.buf.len() - self.start;
        let left = self.end.saturating_sub(self.offset + have as u64);
        if have >= needed || left == 0 {
            return Ok(());
        }
        self.buf.drain(..self.start);
        self.start = 0;
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(READ_BYTES.max(needed - have));
        self.buf.resize(have + want, 0);
        let read = self.file.read_at(self.offset + have as u64, &mut self.buf[have..]);
        self.buf.truncate(have + read.as_ref().copied().unwrap_or(0));
        match read {
            Ok(_) => Ok(()),
            Err(error) => Err(unreadable(self.first, error)),
        }
    }

    /// The whole file, for a file that is in memory anyway.
    pub(crate) fn into_bytes(self) -> Result<Vec<u8>, CursorError> {
        let first = self.first;
        let read = || {
            let mut bytes = vec![0; usize::try_from(self.file.size()?).map_err(io::Error::other)?];
            let read = self.file.read_at(0, &mut bytes)?;
            bytes.truncate(read);
            Ok(bytes)
        };
        read().map_err(|error| unreadable(first, error))
    }

    /// Whether a record that began an append stands behind the damage at the cursor: then what is damaged was acknowledged.
    pub(crate) fn append_follows(&mut self) -> Result<bool, CursorError> {
        let mut tail = vec![0; usize::try_from(self.end - self.offset).unwrap_or(0)];
        let read = self.file.read_at(self.offset, &mut tail);
        let read = read.map_err(|e| unreadable(self.first, e))?;
        let tail = &tail[..read];
        Ok((1..tail.len()).any(|at| begins_append(&tail[at..], &self.salt, self.position)))
    }
}

fn unreadable(first: u64, error: io::Error) -> CursorError {
    CursorError::Unreadable(VaultError::io("read", &segment_file(first), error))
}

/// The record in `bytes`, which must be the one at `position`.
pub(crate) fn check<'a>(bytes: &'a [u8], salt: &Salt, position: u64) -> Result<Parsed<'a>, Damage> {
    let parsed = record::decode(bytes, salt).map_err(|error| match error {
        RecordError::Short { .. } => Damage::Truncated,
        RecordError::Length(len) => Damage::RecordLength(len),
        RecordError::Checksum => Damage::Checksum,
        RecordError::Field(field) => Damage::RecordField(field),
    })?;
    let found = parsed.record.position.0;
    if found == position { Ok(parsed) } else { Err(Damage::Order { expected: position, found }) }
}

/// Whether a record behind `position` that began an append starts here. Cheap for bytes that are no header.
fn begins_append(bytes: &[u8], salt: &Salt, position: u64) -> bool {
    let plausible = matches!(bytes, [_, _, _, _, _, _, _, _, 1..=6, 1, 0, 0, ..]);
    plausible && record::decode(bytes, salt).is_ok_and(|p| p.first && p.record.position.0 > position)
}

/// What the bytes of a segment hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SegmentScan {
    /// Number of whole records from the start.
    pub records: u64,
    /// Where the last of them ends.
    pub end: u64,
    /// What is wrong there, if it is not the end of the bytes.
    pub damage: Option<Damage>,
    /// Whether the damage lies before a later append, so that it cannot be the unfinished end of a crash.
    pub acknowledged: bool,
}

/// Scans the bytes of the segment that starts at `first`, as recovery does.
#[must_use]
pub fn scan_segment(bytes: &[u8], first: u64) -> SegmentScan {
    let mut scan = SegmentScan { records: 0, end: 0, damage: None, acknowledged: false };
    let mut cursor = match Cursor::new(Box::new(MemoryFile(bytes.to_vec())), first, None) {
        Ok(cursor) => cursor,
        Err(CursorError::Bad { what, .. }) => return SegmentScan { damage: Some(what), ..scan },
        Err(CursorError::Unreadable(_)) => return scan,
    };
    scan.damage = loop {
        match cursor.next_record() {
            Ok(Some(_)) => scan.records += 1,
            Err(CursorError::Bad { what, .. }) => break Some(what),
            Ok(None) | Err(CursorError::Unreadable(_)) => break None,
        }
    };
    scan.end = cursor.offset();
    scan.acknowledged = scan.damage.is_some() && cursor.append_follows().unwrap_or(false);
    scan
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_segment_is_named_by_its_first_position() {
        assert_eq!(segment_file(7), "segments/00000000000000000007.seg");
        assert_eq!(segment_first("00000000000000000007.seg"), Some(7));
        assert_eq!(segment_first("7.seg"), None);
        assert_eq!(segment_first("+0000000000000000007.seg"), None);
    }

    #[test]
    fn any_flipped_bit_of_the_segment_header_is_refused() {
        let header = SegmentHeader::new("log", 5, &SigningKey::from_bytes(&[1; 32]));
        let bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes, 5), Ok(header));
        assert_eq!(SegmentHeader::decode(&bytes, 6), Err(Damage::SegmentHeader));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes;
                changed[at] ^= 1 << bit;
                assert!(SegmentHeader::decode(&changed, 5).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    proptest! {
        #[test]
        fn garbage_behind_a_header_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut segment = SegmentHeader::new("log", 0, &SigningKey::from_bytes(&[1; 32])).encode().to_vec();
            segment.extend_from_slice(&bytes);
            let scan = scan_segment(&segment, 0);
            prop_assert_eq!((scan.records, scan.damage.is_some()), (0, !bytes.is_empty()));
            let _ = scan_segment(&bytes, 0);
        }
    }
}
