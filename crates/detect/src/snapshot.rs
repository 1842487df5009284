//! The state of all correlations as bytes, and back.
//!
//! Not the rules and not the vault position (the server keeps both beside it). Layout: docs/format/detect-snapshot.md. Invariants:
//! equal states give equal bytes; what is read is checked by SHA-256 and by its counts before anything is taken over; a
//! correlation whose rule changed is not resumed. Cost: 29 bytes an event, 52 a group.

use crate::correlate::Memory;
use crate::engine::Restored;
use crate::error::SnapshotError;
use crate::groups::{CorrelationLosses, GroupKey, GroupStore, Groups};
use crate::late::Gap;
use crate::ruleset::RuleSet;
use crate::window::{Entry, Group};
use sha2::{Digest, Sha256};

const MAGIC: [u8; 4] = *b"YGDS";
const VERSION: u16 = 2;
/// Groups of this version do not say what they do not hold; what came late before it was read is not judged again.
const VERSION_WITHOUT_GAPS: u16 = 1;
const DIGEST_LEN: usize = 32;

/// All correlations of an engine.
pub(crate) fn write<'m>(set: &RuleSet, memories: impl ExactSizeIterator<Item = &'m Memory>) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    put_len(&mut out, memories.len());
    for memory in memories {
        let Some(rule) = set.rules().get(memory.rule) else { continue };
        put_len(&mut out, rule.id.len());
        out.extend_from_slice(rule.id.as_bytes());
        out.extend_from_slice(&rule.digest);
        let store = &memory.store;
        out.extend_from_slice(&store.now.to_be_bytes());
        let CorrelationLosses { late, evicted_events, evicted_groups, without_field } = store.losses;
        for number in [late, evicted_events, evicted_groups, without_field] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        put_groups(&mut out, &store.young);
        put_groups(&mut out, &store.old);
    }
    let digest = Sha256::digest(&out);
    out.extend_from_slice(&digest);
    out
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
}

fn put_groups(out: &mut Vec<u8>, groups: &Groups) {
    put_len(out, groups.len());
    let mut sorted: Vec<_> = groups.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| **key);
    for (key, group) in sorted {
        out.extend_from_slice(&key.0);
        out.extend_from_slice(&group.received.to_be_bytes());
        out.extend_from_slice(&group.newest.to_be_bytes());
        out.extend_from_slice(&group.gap.until.to_be_bytes());
        out.extend_from_slice(&group.gap.named.to_be_bytes());
        put_len(out, group.entries.len());
        for entry in &group.entries {
            out.extend_from_slice(&entry.time.to_be_bytes());
            out.extend_from_slice(&entry.value.to_be_bytes());
            out.extend_from_slice(&entry.position.to_be_bytes());
            out.extend_from_slice(&entry.entry_index.to_be_bytes());
            out.push(entry.counted);
        }
    }
}

/// Takes over what fits the rules.
pub(crate) fn read(bytes: &[u8], set: &RuleSet, mut memories: Vec<&mut Memory>) -> Result<Restored, SnapshotError> {
    let (version, body) = check(bytes)?;
    let mut reader = Reader { bytes: body, at: 0, version };
    let mut restored = Restored::default();
    let mut stores: Vec<(usize, GroupStore)> = Vec::new();
    for _ in 0..reader.len()? {
        let id_len = reader.len()?;
        let id = String::from_utf8(reader.take(id_len)?.to_vec()).map_err(|_| SnapshotError::Layout(reader.at))?;
        let digest = reader.array::<DIGEST_LEN>()?;
        let store = reader.store()?;
        let same = |memory: &&mut Memory| {
            set.rules().get(memory.rule).is_some_and(|rule| rule.id == id && rule.digest == digest)
        };
        match memories.iter().position(same) {
            Some(index) => {
                stores.push((index, store));
                restored.resumed.push(id);
            }
            None => restored.forgotten.push(id),
        }
    }
    if reader.at != reader.bytes.len() {
        return Err(SnapshotError::Layout(reader.at));
    }
    memories.iter_mut().for_each(|memory| memory.store = GroupStore::default());
    for (index, store) in stores {
        if let Some(memory) = memories.get_mut(index) {
            memory.store = store;
        }
    }
    Ok(restored)
}

/// The version, and the bytes between it and the checksum.
fn check(bytes: &[u8]) -> Result<(u16, &[u8]), SnapshotError> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(SnapshotError::Magic)?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or(SnapshotError::Layout(bytes.len()))?;
    let found = u16::from_be_bytes(*version);
    if found != VERSION && found != VERSION_WITHOUT_GAPS {
        return Err(SnapshotError::Version { found, expected: VERSION });
    }
    let (body, digest) = rest.split_last_chunk::<DIGEST_LEN>().ok_or(SnapshotError::Checksum)?;
    let covered = bytes.len().saturating_sub(DIGEST_LEN);
    let expected: [u8; DIGEST_LEN] = Sha256::digest(bytes.get(..covered).unwrap_or_default()).into();
    if *digest == expected { Ok((found, body)) } else { Err(SnapshotError::Checksum) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    version: u16,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], SnapshotError> {
        let cut = SnapshotError::Layout(self.at);
        let end = self.at.checked_add(len).ok_or(cut)?;
        let taken = self.bytes.get(self.at..end).ok_or(cut)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let cut = SnapshotError::Layout(self.at);
        self.take(N)?.try_into().map_err(|_| cut)
    }

    fn long(&mut self) -> Result<i64, SnapshotError> {
        self.array().map(i64::from_be_bytes)
    }

    fn count(&mut self) -> Result<u64, SnapshotError> {
        self.array().map(u64::from_be_bytes)
    }

    fn len(&mut self) -> Result<usize, SnapshotError> {
        let cut = SnapshotError::Layout(self.at);
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| cut)
    }

    fn store(&mut self) -> Result<GroupStore, SnapshotError> {
        let now = self.long()?;
        let losses = CorrelationLosses {
            late: self.count()?,
            evicted_events: self.count()?,
            evicted_groups: self.count()?,
            without_field: self.count()?,
        };
        let (young, old) = (self.groups()?, self.groups()?);
        let young_entries = young.values().map(|group| group.entries.len()).fold(0, usize::saturating_add);
        Ok(GroupStore { young, old, young_entries, now, losses })
    }

    fn groups(&mut self) -> Result<Groups, SnapshotError> {
        let mut groups = Groups::default();
        for _ in 0..self.len()? {
            let key = GroupKey(self.array()?);
            let mut group = Group::new(self.long()?);
            group.newest = self.long()?;
            if self.version != VERSION_WITHOUT_GAPS {
                group.gap = Gap { until: self.long()?, named: self.long()? };
            }
            for _ in 0..self.len()? {
                let at = self.at;
                let entry = self.entry()?;
                if group.entries.back().is_some_and(|before| before.time > entry.time) || entry.time > group.newest {
                    return Err(SnapshotError::Layout(at));
                }
                group.entries.push_back(entry);
            }
            groups.insert(key, group);
        }
        Ok(groups)
    }

    fn entry(&mut self) -> Result<Entry, SnapshotError> {
        Ok(Entry {
            time: self.long()?,
            value: self.count()?,
            position: self.long()?,
            entry_index: i32::from_be_bytes(self.array()?),
            counted: u8::from_be_bytes(self.array()?),
        })
    }
}
