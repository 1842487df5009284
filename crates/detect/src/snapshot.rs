//! The state of all correlations and baselines as bytes, and back.
//!
//! Not the rules and not the vault position (the server keeps both beside it). Layout: docs/format/detect-snapshot.md. Invariants:
//! equal histories give equal bytes; what is read is checked by SHA-256 and by its counts before anything is taken over; a
//! correlation whose rule changed is not resumed. Cost: 21 or 29 bytes an event, 45 a group.

use crate::baseline::{Baselines, Stored as StoredBaseline};
use crate::engine::Restored;
use crate::error::SnapshotError;
use crate::groups::{CorrelationLosses, GroupKey, GroupStore};
use crate::late::Gap;
use crate::network::{Held, Network, Node};
use crate::ruleset::RuleSet;
use crate::window::{Entry, Group, Window};
use sha2::{Digest, Sha256};

const MAGIC: [u8; 4] = *b"YGDS";
const VERSION: u16 = 4;
/// This version has no baselines.
const VERSION_WITHOUT_BASELINES: u16 = 3;
/// Groups of this version stand by generation and key, and say their newest time.
const VERSION_BY_KEY: u16 = 2;
/// Groups of this version do not say what they do not hold; what came late before it was read is not judged again.
const VERSION_WITHOUT_GAPS: u16 = 1;
const DIGEST_LEN: usize = 32;
/// The shortest event, and the longest.
const ENTRY_LEN_MIN: usize = 21;
const ENTRY_LEN: usize = 29;
const GROUP_LEN: usize = 45;
/// Of an event: its value follows; it is 0 otherwise.
const VALUED: u8 = 1 << 7;
/// Of a group: it was not touched since the generation changed.
const OLD: u8 = 1;
/// Of a group: windows wait to be judged, and who it is follows its events.
const WAITS: u8 = 2;

/// All correlations and baselines of an engine.
pub(crate) fn write(set: &RuleSet, network: &Network, baselines: &Baselines) -> Vec<u8> {
    let stores = network.nodes.iter().map(|node| &node.memory.store);
    let len = |store: &GroupStore| {
        let entries: usize = store.groups().iter().map(|group| group.entries().len()).fold(0, usize::saturating_add);
        entries.saturating_mul(ENTRY_LEN).saturating_add(store.groups().len().saturating_mul(GROUP_LEN))
    };
    let mut out = Vec::with_capacity(stores.map(len).fold(4_096, usize::saturating_add));
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&network.clock.to_be_bytes());
    let mut nodes: Vec<&Node> = network.nodes.iter().collect();
    nodes.sort_by_key(|node| node.memory.rule);
    put_len(&mut out, nodes.len());
    for node in nodes {
        let Some(rule) = set.rules().get(node.memory.rule) else { continue };
        put_text(&mut out, &rule.id);
        out.extend_from_slice(&rule.digest);
        let store = &node.memory.store;
        out.extend_from_slice(&store.now.to_be_bytes());
        put_losses(&mut out, &store.losses);
        put_len(&mut out, store.groups().len());
        store.groups().iter().for_each(|group| put_group(&mut out, group, node));
    }
    baselines.write(set, &mut out);
    let digest = Sha256::digest(&out);
    out.extend_from_slice(&digest);
    out
}

pub(crate) fn put_losses(out: &mut Vec<u8>, losses: &CorrelationLosses) {
    let CorrelationLosses { late, evicted_events, evicted_groups, without_field } = *losses;
    for number in [late, evicted_events, evicted_groups, without_field] {
        out.extend_from_slice(&number.to_be_bytes());
    }
}

pub(crate) fn put_len(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_group(out: &mut Vec<u8>, group: &Group, node: &Node) {
    let held = node.held.get(&group.key).filter(|_| group.is_pending());
    out.extend_from_slice(&group.key.0);
    out.push(if group.old { OLD } else { 0 } | if held.is_some() { WAITS } else { 0 });
    out.extend_from_slice(&group.received.to_be_bytes());
    out.extend_from_slice(&group.gap().until.to_be_bytes());
    out.extend_from_slice(&group.gap().named_start(&node.memory.window).to_be_bytes());
    put_len(out, group.entries().len());
    for entry in group.entries() {
        out.extend_from_slice(&entry.time.to_be_bytes());
        out.extend_from_slice(&entry.position.to_be_bytes());
        out.extend_from_slice(&entry.entry_index.to_be_bytes());
        if entry.value == 0 {
            out.push(entry.counted);
        } else {
            out.push(entry.counted | VALUED);
            out.extend_from_slice(&entry.value.to_be_bytes());
        }
    }
    if let Some(held) = held {
        put_text(out, &held.tenant);
        put_len(out, held.values.len());
        held.values.iter().for_each(|value| put_text(out, value));
    }
}

/// Takes over what fits the rules.
pub(crate) fn read(
    bytes: &[u8],
    set: &RuleSet,
    (network, baselines): (&mut Network, &mut Baselines),
) -> Result<Restored, SnapshotError> {
    let (version, body) = check(bytes)?;
    let mut reader = Reader { bytes: body, at: 0, version };
    let clock = if reader.is_by_key() { i64::MIN } else { reader.long()? };
    let mut restored = Restored::default();
    let mut stores: Vec<(usize, Stored)> = Vec::new();
    for _ in 0..reader.len()? {
        let id = reader.text()?;
        let digest = reader.array::<DIGEST_LEN>()?;
        let same =
            |node: &Node| set.rules().get(node.memory.rule).is_some_and(|rule| rule.id == id && rule.digest == digest);
        let index = network.nodes.iter().position(same);
        let window = index.and_then(|index| network.nodes.get(index)).map(|node| &node.memory.window);
        let stored = reader.store(window)?;
        match index {
            Some(index) => {
                stores.push((index, stored));
                restored.resumed.push(id);
            }
            None => restored.forgotten.push(id),
        }
    }
    let stored = read_baselines(&mut reader, (set, baselines), &mut restored)?;
    if reader.at != reader.bytes.len() {
        return Err(SnapshotError::Layout(reader.at));
    }
    let is_by_key = reader.is_by_key();
    network.forget();
    baselines.forget();
    network.clock = clock;
    for (index, (store, held)) in stores {
        if is_by_key {
            network.clock = network.clock.max(store.now);
        }
        if let Some(node) = network.nodes.get_mut(index) {
            node.memory.store = store;
            node.held.extend(held);
        }
    }
    network.rebuild();
    stored.into_iter().for_each(|(place, stored)| baselines.resume(place, stored));
    Ok(restored)
}

/// The states of baselines that fit the rules, each with its place.
fn read_baselines(
    reader: &mut Reader<'_>,
    (set, baselines): (&RuleSet, &Baselines),
    restored: &mut Restored,
) -> Result<Vec<(usize, StoredBaseline)>, SnapshotError> {
    let mut all = Vec::new();
    if reader.version <= VERSION_WITHOUT_BASELINES {
        return Ok(all);
    }
    for _ in 0..reader.len()? {
        let id = reader.text()?;
        let digest = reader.array::<DIGEST_LEN>()?;
        let stored = StoredBaseline::read(reader)?;
        let rule = set.rules().iter().position(|rule| rule.id == id && rule.digest == digest);
        match rule.and_then(|rule| baselines.place(rule)) {
            Some(place) => {
                all.push((place, stored));
                restored.resumed.push(id);
            }
            None => restored.forgotten.push(id),
        }
    }
    Ok(all)
}

/// The groups of a correlation, and who those are that wait.
type Stored = (GroupStore, Vec<(GroupKey, Held)>);

/// The version, and the bytes between it and the checksum.
fn check(bytes: &[u8]) -> Result<(u16, &[u8]), SnapshotError> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(SnapshotError::Magic)?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or(SnapshotError::Layout(bytes.len()))?;
    let found = u16::from_be_bytes(*version);
    if !matches!(found, VERSION_WITHOUT_GAPS..=VERSION) {
        return Err(SnapshotError::Version { found, expected: VERSION });
    }
    let (body, digest) = rest.split_last_chunk::<DIGEST_LEN>().ok_or(SnapshotError::Checksum)?;
    let covered = bytes.len().saturating_sub(DIGEST_LEN);
    let expected: [u8; DIGEST_LEN] = Sha256::digest(bytes.get(..covered).unwrap_or_default()).into();
    if *digest == expected { Ok((found, body)) } else { Err(SnapshotError::Checksum) }
}

pub(crate) struct Reader<'a> {
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

    /// The error for what begins here.
    pub(crate) const fn damaged(&self) -> SnapshotError {
        SnapshotError::Layout(self.at)
    }

    /// How many bytes are left.
    pub(crate) const fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    const fn is_by_key(&self) -> bool {
        self.version <= VERSION_BY_KEY
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let cut = SnapshotError::Layout(self.at);
        self.take(N)?.try_into().map_err(|_| cut)
    }

    pub(crate) fn long(&mut self) -> Result<i64, SnapshotError> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn count(&mut self) -> Result<u64, SnapshotError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn len(&mut self) -> Result<usize, SnapshotError> {
        let cut = SnapshotError::Layout(self.at);
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| cut)
    }

    pub(crate) fn text(&mut self) -> Result<String, SnapshotError> {
        let len = self.len()?;
        let at = self.at;
        String::from_utf8(self.take(len)?.to_vec()).map_err(|_| SnapshotError::Layout(at))
    }

    pub(crate) fn losses(&mut self) -> Result<CorrelationLosses, SnapshotError> {
        let [late, evicted_events] = [self.count()?, self.count()?];
        let [evicted_groups, without_field] = [self.count()?, self.count()?];
        Ok(CorrelationLosses { late, evicted_events, evicted_groups, without_field })
    }

    fn store(&mut self, window: Option<&Window>) -> Result<Stored, SnapshotError> {
        let now = self.long()?;
        let losses = self.losses()?;
        let count = self.len()?;
        let possible = self.bytes.len().saturating_sub(self.at).checked_div(GROUP_LEN).unwrap_or(0);
        let mut store = GroupStore::with_capacity(if window.is_some() { count.min(possible) } else { 0 });
        (store.now, store.losses) = (now, losses);
        let mut held = Vec::new();
        if !self.is_by_key() {
            for _ in 0..count {
                let (group, who) = self.group(window)?;
                held.extend(who.map(|who| (group.key, who)));
                if window.is_some() {
                    store.push(group);
                }
            }
            return Ok((store, held));
        }
        for (count, old) in [(Some(count), false), (None, true)] {
            for _ in 0..count.map_or_else(|| self.len(), Ok)? {
                let group = self.group_by_key(window, old)?;
                if window.is_some() {
                    store.push(group);
                }
            }
        }
        Ok((store, held))
    }

    fn group(&mut self, window: Option<&Window>) -> Result<(Group, Option<Held>), SnapshotError> {
        let key = GroupKey(self.array()?);
        let at = self.at;
        let [flags] = self.array()?;
        if flags & !(OLD | WAITS) != 0 {
            return Err(SnapshotError::Layout(at));
        }
        let (received, until, named) = (self.long()?, self.long()?, self.long()?);
        let gap = window.map_or(Gap::NONE, |window| Gap::new(until, named, window));
        let mut group = self.entries((key, received, gap), i64::MAX)?;
        group.old = flags & OLD != 0;
        if flags & WAITS == 0 {
            return Ok((group, None));
        }
        let tenant = self.text()?.into();
        let values = (0..self.len()?).map(|_| self.text()).collect::<Result<_, _>>()?;
        Ok((group, Some(Held { tenant, values })))
    }

    /// A group of version 1 or 2.
    fn group_by_key(&mut self, window: Option<&Window>, old: bool) -> Result<Group, SnapshotError> {
        let key = GroupKey(self.array()?);
        let (received, newest) = (self.long()?, self.long()?);
        let mut gap = Gap::NONE;
        if self.version != VERSION_WITHOUT_GAPS {
            let (until, named) = (self.long()?, self.long()?);
            gap = window.map_or(gap, |window| Gap::new(until, named, window));
        }
        let mut group = self.entries((key, received, gap), newest)?;
        group.old = old;
        Ok(group)
    }

    /// A group with its events, none of them after `newest`.
    fn entries(&mut self, (key, received, gap): (GroupKey, i64, Gap), newest: i64) -> Result<Group, SnapshotError> {
        let count = self.len()?;
        let possible = self.bytes.len().saturating_sub(self.at).checked_div(ENTRY_LEN_MIN).unwrap_or(0);
        let mut group = Group::new(key, received, gap, count.min(possible));
        for place in 0..count {
            let at = self.at;
            let entry = self.entry()?;
            if group.entries().last().is_some_and(|before| before.time > entry.time) || entry.time > newest {
                return Err(SnapshotError::Layout(at));
            }
            group.put(place, entry);
        }
        Ok(group)
    }

    fn entry(&mut self) -> Result<Entry, SnapshotError> {
        if !self.is_by_key() {
            let (time, position) = (self.long()?, self.long()?);
            let entry_index = i32::from_be_bytes(self.array()?);
            let [marks] = self.array()?;
            let value = if marks & VALUED == 0 { 0 } else { self.count()? };
            return Ok(Entry { time, value, position, entry_index, counted: marks & !VALUED });
        }
        Ok(Entry {
            time: self.long()?,
            value: self.count()?,
            position: self.long()?,
            entry_index: i32::from_be_bytes(self.array()?),
            counted: u8::from_be_bytes(self.array()?),
        })
    }
}
