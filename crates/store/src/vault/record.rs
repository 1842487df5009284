//! One record of the vault: its words, its 28-byte header, and its leaf in the tree.
//!
//! Not a report decoder: the payload is bytes as received. Format: docs/format/vault.md. Invariant: decoding gives back what
//! was encoded, and one flipped bit is an error. Cost: one CRC-32C over the record, no copy.

use super::segment::Salt;
use super::tree::Digest;
use sha2::{Digest as _, Sha256};
use std::fmt;
use yagura_model::UnixMicros;

/// The place of a record in the vault, counted from 0 without gaps.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a record's payload is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RecordKind {
    /// A report as received: a COSE_Sign1 (docs/format/report.md).
    Report = 1,
    /// A device certificate (DER) that was issued, so that its reports stay verifiable.
    Enrolment = 2,
    /// What the gate found wrong, as CBOR.
    Anomaly = 3,
    /// IDS protocol messages of a sensor that is not ours, as received (docs/format/idsr.md).
    Foreign = 4,
    /// Log lines of a back end, as received (docs/format/sources.md).
    Logs = 5,
    /// What was done with the evidence itself: legal holds, deletions, exports; JSON (docs/format/vault.md).
    Custody = 6,
}

impl RecordKind {
    /// The kind of this code.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Report),
            2 => Some(Self::Enrolment),
            3 => Some(Self::Anomaly),
            4 => Some(Self::Foreign),
            5 => Some(Self::Logs),
            6 => Some(Self::Custody),
            _ => None,
        }
    }

    /// The code of this kind in the record header.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// A record to be appended; the vault gives it its position.
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'a> {
    /// What the payload is.
    pub kind: RecordKind,
    /// When the server received it.
    pub received: UnixMicros,
    /// The bytes as received, at most [`NewRecord::PAYLOAD_BYTES_MAX`].
    pub payload: &'a [u8],
}

impl NewRecord<'_> {
    /// The longest payload.
    pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;
}

/// A record that is in the vault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Its place.
    pub position: Position,
    /// What the payload is.
    pub kind: RecordKind,
    /// When the server received it.
    pub received: UnixMicros,
    /// The bytes as received.
    pub payload: Vec<u8>,
}

/// A record that borrows its payload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordRef<'a> {
    /// Its place.
    pub position: Position,
    /// What the payload is.
    pub kind: RecordKind,
    /// When the server received it.
    pub received: UnixMicros,
    /// The bytes as received.
    pub payload: &'a [u8],
}

impl RecordRef<'_> {
    /// The record with its own copy of the payload.
    #[must_use]
    pub fn to_record(self) -> Record {
        Record { position: self.position, kind: self.kind, received: self.received, payload: self.payload.to_vec() }
    }
}

/// Length of the record header.
pub(crate) const HEADER_LEN: usize = 28;
/// Length of a leaf entry: the record header, then SHA-256 of the payload.
pub(crate) const ENTRY_LEN: usize = HEADER_LEN + 32;
/// Flag: the first record of one append. Everything before it was durable when it was written.
const FLAG_FIRST: u8 = 1;

/// A leaf of the tree before hashing.
pub(crate) type Entry = [u8; ENTRY_LEN];

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RecordError {
    /// The bytes end before the record does; this many are needed at least.
    Short { needed: usize },
    /// The length field exceeds the limit.
    Length(u32),
    /// The checksum differs.
    Checksum,
    /// The checksum holds, but this field has a value that no version wrote.
    Field(&'static str),
}

/// A decoded record with what only the vault itself needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) record: RecordRef<'a>,
    /// Whether it is the first of one append.
    pub(crate) first: bool,
    pub(crate) header: &'a [u8; HEADER_LEN],
}

impl Parsed<'_> {
    /// The leaf entry of this record.
    pub(crate) fn entry(&self) -> Entry {
        entry(self.header, self.record.payload)
    }
}

/// Appends the record to `out` and returns its leaf entry.
pub(crate) fn encode(record: &NewRecord<'_>, salt: &Salt, position: Position, first: bool, out: &mut Vec<u8>) -> Entry {
    let mut header = [0; HEADER_LEN];
    // The caller has checked the payload against PAYLOAD_BYTES_MAX, which fits 32 bits.
    let len = u32::try_from(record.payload.len()).unwrap_or(u32::MAX);
    header[4..8].copy_from_slice(&len.to_be_bytes());
    header[8] = record.kind.code();
    header[9] = if first { FLAG_FIRST } else { 0 };
    header[12..20].copy_from_slice(&record.received.0.to_be_bytes());
    header[20..28].copy_from_slice(&position.0.to_be_bytes());
    let crc = checksum(salt, &header, record.payload);
    header[..4].copy_from_slice(&crc.to_be_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(record.payload);
    entry(&header, record.payload)
}

/// The record at the front of `bytes`.
pub(crate) fn decode<'a>(bytes: &'a [u8], salt: &Salt) -> Result<Parsed<'a>, RecordError> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return Err(RecordError::Short { needed: HEADER_LEN });
    };
    let &[c0, c1, c2, c3, l0, l1, l2, l3, ..] = header;
    let claimed = u32::from_be_bytes([l0, l1, l2, l3]);
    let len = claimed as usize;
    if len > NewRecord::PAYLOAD_BYTES_MAX {
        return Err(RecordError::Length(claimed));
    }
    let payload = rest.get(..len).ok_or(RecordError::Short { needed: HEADER_LEN + len })?;
    if checksum(salt, header, payload) != u32::from_be_bytes([c0, c1, c2, c3]) {
        return Err(RecordError::Checksum);
    }
    fields(header, payload)
}

/// The record in `bytes` that has been checked before: its checksum is not looked at again.
pub(crate) fn trusted(bytes: &[u8]) -> Option<RecordRef<'_>> {
    let (header, payload) = bytes.split_first_chunk::<HEADER_LEN>()?;
    fields(header, payload).ok().map(|parsed| parsed.record)
}

/// The record in these bytes: header, then payload. Its checksum is not looked at: that takes the segment's salt.
#[must_use]
pub fn parse_record(bytes: &[u8]) -> Option<Record> {
    let claimed = claimed_len(bytes.first_chunk()?);
    trusted(bytes).filter(|_| claimed == bytes.len()).map(RecordRef::to_record)
}

/// The leaf entry of a record: its header and the SHA-256 of its payload.
#[must_use]
pub fn record_entry(header: &[u8; 28], payload: &[u8]) -> [u8; 60] {
    entry(header, payload)
}

/// What an entry says of its record, whose payload is not there.
pub(crate) fn of_entry(entry: &Entry) -> Option<RecordRef<'static>> {
    let (header, _) = entry.split_first_chunk::<HEADER_LEN>()?;
    let parsed = fields(header, &[]).ok()?;
    Some(RecordRef { payload: &[], ..parsed.record })
}

fn fields<'a>(header: &'a [u8; HEADER_LEN], payload: &'a [u8]) -> Result<Parsed<'a>, RecordError> {
    let &[_, _, _, _, _, _, _, _, kind, flags, reserved0, reserved1, ..] = header;
    let kind = RecordKind::from_code(kind).ok_or(RecordError::Field("kind"))?;
    if flags & !FLAG_FIRST != 0 {
        return Err(RecordError::Field("flags"));
    }
    if [reserved0, reserved1] != [0, 0] {
        return Err(RecordError::Field("reserved bytes"));
    }
    let record = RecordRef {
        position: Position(u64::from_be_bytes(word(header, 20))),
        kind,
        received: UnixMicros(i64::from_be_bytes(word(header, 12))),
        payload,
    };
    Ok(Parsed { record, first: flags & FLAG_FIRST != 0, header })
}

/// CRC-32C over the segment's salt, the header behind the checksum, and the payload.
fn checksum(salt: &Salt, header: &[u8; HEADER_LEN], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(salt), &header[4..]), payload)
}

/// Eight bytes of the header.
fn word(header: &[u8; HEADER_LEN], at: usize) -> [u8; 8] {
    let mut word = [0; 8];
    word.copy_from_slice(&header[at..at + 8]);
    word
}

/// The record length that a header claims, unchecked; for finding the next header.
pub(crate) fn claimed_len(header: &[u8; HEADER_LEN]) -> usize {
    let &[_, _, _, _, l0, l1, l2, l3, ..] = header;
    HEADER_LEN + u32::from_be_bytes([l0, l1, l2, l3]) as usize
}

fn entry(header: &[u8; HEADER_LEN], payload: &[u8]) -> Entry {
    let mut entry = [0; ENTRY_LEN];
    entry[..HEADER_LEN].copy_from_slice(header);
    entry[HEADER_LEN..].copy_from_slice(&Sha256::digest(payload));
    entry
}

/// The leaf hash of an entry: SHA-256 over a zero byte and the entry (RFC 6962, section 2.1).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Digest {
    Digest(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: Salt = [9; 8];

    fn sample(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let new = NewRecord { kind: RecordKind::Report, received: UnixMicros(-5), payload };
        encode(&new, &SALT, Position(7), true, &mut out);
        out
    }

    proptest! {
        #[test]
        fn a_record_survives_the_disk(
            code in 1..=6_u8, received: i64, position: u64, first: bool,
            payload in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let Some(kind) = RecordKind::from_code(code) else { return Ok(()) };
            let mut out = Vec::new();
            let new = NewRecord { kind, received: UnixMicros(received), payload: &payload };
            let entry = encode(&new, &SALT, Position(position), first, &mut out);
            let parsed = decode(&out, &SALT).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
            let expected = RecordRef { position: Position(position), kind, received: UnixMicros(received), payload: &payload };
            prop_assert_eq!(parsed.record, expected);
            prop_assert_eq!((parsed.first, HEADER_LEN + payload.len(), parsed.entry()), (first, out.len(), entry));
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode(&bytes, &SALT);
        }

        #[test]
        fn one_flipped_bit_is_an_error(at in 0..100_usize, bit in 0..8_u8) {
            let mut bytes = sample(b"payload of some length");
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(decode(&bytes, &SALT).is_err());
        }
    }

    #[test]
    fn a_cut_record_says_how_much_it_needs() {
        let bytes = sample(b"abc");
        assert_eq!(decode(&bytes[..5], &SALT).map(|p| p.first), Err(RecordError::Short { needed: HEADER_LEN }));
        assert_eq!(decode(&bytes[..30], &SALT).map(|p| p.first), Err(RecordError::Short { needed: HEADER_LEN + 3 }));
        assert_eq!(decode(&[0; 64], &SALT).map(|p| p.first), Err(RecordError::Checksum));
    }
}
