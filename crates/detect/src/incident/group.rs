//! Puts alerts together that are linked, directly or over others.
//!
//! No I/O: it asks which known incidents are near ([`Grouping::asks`]), is told ([`Grouping::know`]), and asks again until nothing is
//! left to ask. Two groups that share a key are one if what they hold of the key lies at most a gap apart; what a group holds of a key
//! is the stretch from its first to its last time. Joining only makes stretches longer, so the outcome is the finest partition in which
//! no two groups are to be joined, and that is one and the same whatever came first (property test against all pairs).
//! Invariants: of the incidents in a group the eldest keeps its id; nothing that was joined comes apart. Cost: O(k log k) for k keys of
//! the alerts given and of the incidents near them; nothing else is looked at.

use super::link::{Key, Kind, Link};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use yagura_model::UnixMicros;

/// The most keys of one incident. Further ones join nothing and are counted.
pub const KEYS_MAX: usize = 1_024;

/// A number that names an incident: made of its first alert.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IncidentId(pub [u8; 32]);

/// When an incident came to be. The lesser is the elder.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct IncidentAge {
    /// When it was made, by the clock of whoever keeps it.
    pub opened: UnixMicros,
    /// Which.
    pub id: IncidentId,
}

/// What a known incident holds of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KnownSpan {
    /// Which incident.
    pub incident: IncidentAge,
    /// Of which key, from when to when.
    pub link: Link,
}

/// A question: all incidents that hold something of this key within these times, and everything that they hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ask {
    /// The key.
    pub key: Key,
    /// From this time.
    pub from: UnixMicros,
    /// To this time, both included.
    pub to: UnixMicros,
}

/// Which incident a group is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GroupId {
    /// One that was known.
    Known(IncidentId),
    /// A new one.
    New(IncidentId),
}

impl GroupId {
    /// The id.
    #[must_use]
    pub const fn id(self) -> IncidentId {
        match self {
            Self::Known(id) | Self::New(id) => id,
        }
    }
}

/// Alerts that belong to one incident.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group {
    /// Which incident.
    pub id: GroupId,
    /// Incidents that are part of it from now on, eldest first.
    pub merged: Vec<IncidentId>,
    /// The alerts that were given, by their number.
    pub alerts: Vec<usize>,
    /// What the incident now holds of each key that changed.
    pub spans: Vec<Link>,
    /// Keys that found no room.
    pub dropped: u64,
}

#[derive(Debug, Default)]
struct Block {
    known: BTreeSet<IncidentAge>,
    alerts: Vec<usize>,
    /// The earliest alert: when, which.
    founder: Option<(UnixMicros, [u8; 32])>,
    spans: BTreeMap<Key, (i64, i64)>,
    /// Keys that are not kept as they stand.
    changed: BTreeSet<Key>,
    dropped: u64,
}

/// One portion of alerts on their way into incidents of one kind.
#[derive(Debug)]
pub struct Grouping {
    kind: Kind,
    blocks: Vec<Option<Block>>,
    known: BTreeMap<IncidentId, usize>,
    /// Blocks that hold something of a key.
    holders: BTreeMap<Key, BTreeSet<usize>>,
    /// Where blocks went that were joined.
    gone: BTreeMap<usize, usize>,
    /// How far each key was asked for.
    looked: BTreeMap<Key, Vec<(i64, i64)>>,
    /// Keys that may hold together more than they do.
    open: BTreeSet<Key>,
    alerts: usize,
}

impl Grouping {
    /// Nothing yet.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            blocks: Vec::new(),
            known: BTreeMap::new(),
            holders: BTreeMap::new(),
            gone: BTreeMap::new(),
            looked: BTreeMap::new(),
            open: BTreeSet::new(),
            alerts: 0,
        }
    }

    /// Takes an alert with what it shares, and the incident that it is in already. Its number is how many were taken before it.
    pub fn add(&mut self, alert: [u8; 32], links: &[Link], member_of: Option<IncidentAge>) {
        let number = self.alerts;
        self.alerts = self.alerts.saturating_add(1);
        let first = links.iter().map(|link| link.first).min().unwrap_or(UnixMicros(0));
        let founder = Some((first, alert));
        let block = Block { alerts: vec![number], founder, ..Block::default() };
        let mut at = self.push(block);
        if let Some(incident) = member_of {
            let known = self.block_of(incident);
            at = self.join(known, at);
        }
        for link in links {
            self.hold(at, link, true);
        }
        self.settle();
    }

    /// What must be known before it can end; empty when nothing must.
    #[must_use]
    pub fn asks(&mut self) -> Vec<Ask> {
        let mut asks = Vec::new();
        for (key, holders) in &self.holders {
            let spans = holders.iter().filter_map(|at| self.blocks.get(*at)?.as_ref()?.spans.get(key));
            let looked = self.looked.entry(*key).or_default();
            for (first, last) in spans {
                let (from, to) = (first.saturating_sub(self.kind.gap()), last.saturating_add(self.kind.gap()));
                if !looked.iter().any(|looked| looked.0 <= from && to <= looked.1) {
                    looked.push((from, to));
                    asks.push(Ask { key: *key, from: UnixMicros(from), to: UnixMicros(to) });
                }
            }
        }
        asks
    }

    /// Takes what a known incident holds. Of one that is near all is told, in any order and as often as may be.
    pub fn know(&mut self, span: &KnownSpan) {
        let at = self.block_of(span.incident);
        self.hold(at, &span.link, false);
        self.settle();
    }

    /// The groups that hold alerts that were given.
    #[must_use]
    pub fn finish(self) -> Vec<Group> {
        let blocks = self.blocks.into_iter().flatten().filter(|block| !block.alerts.is_empty());
        blocks.map(|block| block.finish(self.kind)).collect()
    }

    fn push(&mut self, block: Block) -> usize {
        self.blocks.push(Some(block));
        self.blocks.len().saturating_sub(1)
    }

    fn block_of(&mut self, incident: IncidentAge) -> usize {
        if let Some(at) = self.known.get(&incident.id) {
            return self.now_at(*at);
        }
        let at = self.push(Block { known: BTreeSet::from([incident]), ..Block::default() });
        self.known.insert(incident.id, at);
        at
    }

    fn now_at(&self, mut at: usize) -> usize {
        while let Some(next) = self.gone.get(&at) {
            at = *next;
        }
        at
    }

    /// A block holds a key at these times too.
    fn hold(&mut self, at: usize, link: &Link, is_new: bool) {
        let Some(block) = self.blocks.get_mut(at).and_then(Option::as_mut) else { return };
        if block.widen(link.key, (link.first.0, link.last.0), is_new) {
            self.holders.entry(link.key).or_default().insert(at);
            self.open.insert(link.key);
        }
    }

    /// Joins whatever is to be joined.
    fn settle(&mut self) {
        while let Some(key) = self.open.pop_first() {
            while let Some((a, b)) = self.near(key) {
                self.join(a, b);
            }
        }
    }

    /// Two blocks that hold the key at most a gap apart.
    fn near(&self, key: Key) -> Option<(usize, usize)> {
        let holders = self.holders.get(&key)?.iter();
        let span = |at: &usize| Some((*self.blocks.get(*at)?.as_ref()?.spans.get(&key)?, *at));
        let mut spans: Vec<((i64, i64), usize)> = holders.filter_map(span).collect();
        spans.sort_unstable();
        let mut reach: Option<(i64, usize)> = None;
        for ((first, last), at) in spans {
            match reach {
                Some((end, before)) if first <= end.saturating_add(self.kind.gap()) => return Some((before, at)),
                _ => reach = Some((last, at)),
            }
        }
        None
    }

    /// Makes two blocks one; which.
    fn join(&mut self, a: usize, b: usize) -> usize {
        if a == b {
            return a;
        }
        let size = |at: usize| self.blocks.get(at).and_then(Option::as_ref).map_or(0, |block| block.spans.len());
        let (into, from) = if size(a) >= size(b) { (a, b) } else { (b, a) };
        let Some(gone) = self.blocks.get_mut(from).and_then(Option::take) else { return into };
        self.gone.insert(from, into);
        for key in gone.spans.keys() {
            if let Some(holders) = self.holders.get_mut(key) {
                holders.remove(&from);
            }
        }
        let Some(block) = self.blocks.get_mut(into).and_then(Option::as_mut) else { return into };
        block.dropped = block.dropped.saturating_add(gone.dropped);
        block.founder = [block.founder, gone.founder].into_iter().flatten().min();
        block.alerts.extend(gone.alerts);
        block.known.extend(gone.known);
        for (key, span) in gone.spans {
            if block.widen(key, span, gone.changed.contains(&key)) {
                self.holders.entry(key).or_default().insert(into);
                self.open.insert(key);
            }
        }
        into
    }
}

fn hull_of(known: Option<(i64, i64)>, (first, last): (i64, i64)) -> (i64, i64) {
    known.map_or((first, last), |(from, to)| (from.min(first), to.max(last)))
}

impl Block {
    /// Holds a key at these times too; whether that changed anything.
    fn widen(&mut self, key: Key, span: (i64, i64), is_new: bool) -> bool {
        let known = self.spans.get(&key).copied();
        if known.is_none() && self.spans.len() >= KEYS_MAX {
            self.dropped = self.dropped.saturating_add(1);
            return false;
        }
        let hull = hull_of(known, span);
        if known != Some(hull) {
            self.spans.insert(key, hull);
            if is_new || known.is_some() {
                self.changed.insert(key);
            }
        }
        known != Some(hull)
    }

    fn finish(self, kind: Kind) -> Group {
        let mut known = self.known.iter().map(|age| age.id);
        let id = match (known.next(), self.founder) {
            (Some(id), _) => GroupId::Known(id),
            (None, founder) => GroupId::New(founded_by(kind, founder.map_or([0; 32], |(_, alert)| alert))),
        };
        let merged: Vec<IncidentId> = known.collect();
        // What others held becomes the eldest's: all of it is written again.
        let rewritten = !merged.is_empty();
        let spans = self.spans.iter().filter(|(key, _)| rewritten || self.changed.contains(key));
        let spans =
            spans.map(|(key, (first, last))| Link { key: *key, first: UnixMicros(*first), last: UnixMicros(*last) });
        Group { id, spans: spans.collect(), merged, alerts: self.alerts, dropped: self.dropped }
    }
}

/// The id of an incident that begins with this alert.
fn founded_by(kind: Kind, alert: [u8; 32]) -> IncidentId {
    let kind: &[u8] = match kind {
        Kind::Story => b"yagura story 1",
        Kind::Wave => b"yagura wave 1",
    };
    IncidentId(Sha256::new().chain_update(kind).chain_update(alert).finalize().into())
}
