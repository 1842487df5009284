//! One event that counts for a correlation over the fleet, on its way from the engine that saw it to the one that judges it.
//!
//! Not the event: only what the correlation and the explanation of its alert need. Layout: docs/format/match-record.md. Invariants:
//! the record is a function of the event and the rules, so that an event that is judged twice gives the same bytes twice; what is
//! read is checked for its lengths and limits before anything is made of it. Cost: ~150 bytes a record.

use crate::correlate::key_of_values;
use crate::groups::GroupKey;
use crate::hit::{EventRef, HIT_FIELDS_MAX};
use sha2::{Digest, Sha256};
use yagura_model::UnixMicros;

/// The longest record, in bytes.
pub const MATCH_BYTES_MAX: usize = 64 << 10;
/// The longest value that explains an alert, in bytes; the rest of it is in the evidence.
const MATCHED_BYTES_MAX: usize = 512;
/// The most values that a group has.
const GROUP_MAX: usize = 64;
const VERSION: u8 = 1;

/// One event that counts for a correlation over the fleet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MatchRecord {
    /// Id of the correlation.
    pub rule: String,
    /// Digest of what it detects: engines with other rules do not understand each other.
    pub digest: [u8; 32],
    /// Whose fleet.
    pub tenant: String,
    /// The vehicle that it happened in.
    pub vehicle: String,
    /// The values by which the correlation groups, in its order.
    pub group: Vec<String>,
    /// The fields that the counted rule asked about, as people read them.
    pub matched: Vec<(String, String)>,
    /// When it happened; no later than a minute after it was received.
    pub time: UnixMicros,
    /// When the server received it.
    pub received: UnixMicros,
    /// What stands for the value that is counted; 0 where events are counted.
    pub value: u64,
    /// Where its evidence is; the place tells the partition.
    pub event: EventRef,
}

/// Bytes are not a match record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchRecordError {
    /// Of a newer version. Update this program.
    #[error("match record has format version {0}, this program knows 1")]
    Version(u8),
    /// Longer than any record.
    #[error("match record has {0} bytes, at most {MATCH_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// Cut short, with something behind it, or not text where text should be.
    #[error("match record is damaged at byte {0}")]
    Layout(usize),
}

impl MatchRecord {
    /// What decides who judges it: equal for records that may be in one group.
    #[must_use]
    pub fn key(&self) -> [u8; 16] {
        let hash = Sha256::new().chain_update((self.rule.len() as u64).to_be_bytes()).chain_update(&self.rule);
        let digest: [u8; 32] = hash.chain_update(self.group_key().0).finalize().into();
        digest.first_chunk().copied().unwrap_or_default()
    }

    pub(crate) fn group_key(&self) -> GroupKey {
        key_of_values(&self.tenant, &self.group)
    }

    /// Its bytes. Texts are cut to what the format holds: no name or value of an event is that long.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_text(&mut out, &self.rule, usize::from(u16::MAX));
        out.extend_from_slice(&self.digest);
        put_text(&mut out, &self.tenant, usize::from(u16::MAX));
        put_text(&mut out, &self.vehicle, usize::from(u16::MAX));
        out.extend_from_slice(&self.time.0.to_be_bytes());
        out.extend_from_slice(&self.received.0.to_be_bytes());
        out.extend_from_slice(&self.value.to_be_bytes());
        out.extend_from_slice(&self.event.position.to_be_bytes());
        out.extend_from_slice(&self.event.entry_index.to_be_bytes());
        put_count(&mut out, self.group.len().min(GROUP_MAX));
        self.group.iter().take(GROUP_MAX).for_each(|value| put_text(&mut out, value, usize::from(u16::MAX)));
        let matched = || self.matched.iter().take(HIT_FIELDS_MAX);
        put_count(&mut out, matched().len());
        for (field, value) in matched() {
            put_text(&mut out, field, MATCHED_BYTES_MAX);
            put_text(&mut out, value, MATCHED_BYTES_MAX);
        }
        out
    }

    /// Reads one record, which is all of `bytes`.
    ///
    /// # Errors
    /// [`MatchRecordError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, MatchRecordError> {
        if bytes.len() > MATCH_BYTES_MAX {
            return Err(MatchRecordError::TooLong(bytes.len()));
        }
        let mut reader = Reader { bytes, at: 0 };
        let [version] = reader.array()?;
        if version != VERSION {
            return Err(MatchRecordError::Version(version));
        }
        let (rule, digest) = (reader.text()?, reader.array()?);
        let (tenant, vehicle) = (reader.text()?, reader.text()?);
        let (time, received) = (UnixMicros(reader.long()?), UnixMicros(reader.long()?));
        let value = u64::from_be_bytes(reader.array()?);
        let position = u64::from_be_bytes(reader.array()?);
        let entry_index = i32::from_be_bytes(reader.array()?);
        let group = (0..reader.count(GROUP_MAX)?).map(|_| reader.text()).collect::<Result<_, _>>()?;
        let pairs = 0..reader.count(HIT_FIELDS_MAX)?;
        let matched = pairs.map(|_| Ok((reader.text()?, reader.text()?))).collect::<Result<_, _>>()?;
        if reader.at != bytes.len() {
            return Err(MatchRecordError::Layout(reader.at));
        }
        let event = EventRef { position, entry_index };
        Ok(Self { rule, digest, tenant, vehicle, group, matched, time, received, value, event })
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.push(u8::try_from(count).unwrap_or(u8::MAX));
}

fn put_text(out: &mut Vec<u8>, text: &str, bytes_max: usize) {
    let text = text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text);
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, len: usize) -> Result<&'b [u8], MatchRecordError> {
        let end = self.at.checked_add(len).ok_or(MatchRecordError::Layout(self.at))?;
        let taken = self.bytes.get(self.at..end).ok_or(MatchRecordError::Layout(self.at))?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MatchRecordError> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| MatchRecordError::Layout(at))
    }

    fn long(&mut self) -> Result<i64, MatchRecordError> {
        self.array().map(i64::from_be_bytes)
    }

    fn count(&mut self, max: usize) -> Result<usize, MatchRecordError> {
        let at = self.at;
        let [count] = self.array()?;
        let count = usize::from(count);
        if count <= max { Ok(count) } else { Err(MatchRecordError::Layout(at)) }
    }

    fn text(&mut self) -> Result<String, MatchRecordError> {
        let len = u16::from_be_bytes(self.array()?);
        let at = self.at;
        let text = std::str::from_utf8(self.take(usize::from(len))?).map_err(|_| MatchRecordError::Layout(at))?;
        Ok(text.to_owned())
    }
}
