//! Advisories, one by one → the bytes of a segment.
//!
//! Not a reader: whoever has a document hands over what it says. Of two records with the same source, document and id the one changed later
//! stays. Deterministic: the same advisories in the same order give the same bytes. Memory: about twice the segment.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::Instant;
use crate::advisory::{Advisory, Affected, Package, Source, Versions};
use crate::identity::tag_version;
use crate::version::Scheme;
use crate::vex::Status;

use super::compile::{Place, Refused, places, scheme_of};
use super::heap::Heap;
use super::layout::{Kind, SECTIONS, Section, SegmentError, frame, to_u32};
use super::record::{self, OPEN, RECORD_BYTES};
use super::rules::{RULE_BYTES, Writer, status_number};
use super::segment::{ENTRY_BYTES, Entry};
use super::table::{self, Run};

/// Kinds of keys that a bare name leads to: what SBOMs without package URLs mean.
const NAMED: [&str; 6] = ["cpe", "product", "git", "conan", "generic", "oss-fuzz"];

/// The key of an advisory: source, document, id.
type Identity = (Source, Option<String>, String);
/// An entry before it is sorted: key, bytes.
type Pending = (u32, [u8; ENTRY_BYTES]);

/// A segment while it is made.
#[derive(Debug)]
pub struct Builder {
    known_from: i64,
    heap: Heap,
    lists: Vec<u32>,
    advisories: Vec<u8>,
    rules: Vec<u8>,
    entries: Vec<Pending>,
    keys: HashMap<String, u32, foldhash::fast::RandomState>,
    ids: HashMap<String, Vec<u32>, foldhash::fast::RandomState>,
    seen: HashMap<Identity, (u32, Option<Instant>), foldhash::fast::RandomState>,
    dead: Vec<bool>,
    refused: Vec<Refused>,
}

impl Builder {
    /// A segment of what became known at an instant.
    #[must_use]
    pub fn new(known_from: Instant) -> Self {
        Self {
            known_from: known_from.0,
            heap: Heap::new(),
            lists: Vec::new(),
            advisories: Vec::new(),
            rules: Vec::new(),
            entries: Vec::new(),
            keys: HashMap::default(),
            ids: HashMap::default(),
            seen: HashMap::default(),
            dead: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// How many advisories it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dead.iter().filter(|dead| !**dead).count()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many bytes the segment would have.
    #[must_use]
    pub fn bytes(&self) -> usize {
        const ROW_BYTES: usize = 32;
        let rows = self.entries.len().saturating_add(self.keys.len()).saturating_add(self.ids.len());
        let lists = self.lists.len().saturating_mul(4);
        [self.heap.len(), lists, self.advisories.len(), self.rules.len(), rows.saturating_mul(ROW_BYTES)]
            .into_iter()
            .fold(0, usize::saturating_add)
    }

    /// Takes an advisory.
    pub fn add(&mut self, advisory: &Advisory) {
        let identity = (advisory.source, advisory.document.clone(), advisory.id.clone());
        let index = to_u32(self.dead.len());
        if let Some((known, modified)) = self.seen.get(&identity).copied() {
            if modified > advisory.modified {
                return;
            }
            self.kill(known);
        }
        self.seen.insert(identity, (index, advisory.modified));
        self.push(advisory, (self.known_from, OPEN));
    }

    /// Makes a record one that was never what we knew.
    fn kill(&mut self, index: u32) {
        let index = super::layout::to_usize(index);
        if let Some(dead) = self.dead.get_mut(index) {
            *dead = true;
        }
        let end = index.saturating_add(1).saturating_mul(RECORD_BYTES);
        if let Some(until) = self.advisories.get_mut(end.saturating_sub(8)..end) {
            until.copy_from_slice(&self.known_from.to_le_bytes());
        }
    }

    /// Takes a version of an advisory that was what we knew between two instants.
    pub(super) fn push(&mut self, advisory: &Advisory, known: (i64, i64)) -> u32 {
        let index = to_u32(self.dead.len());
        let row = record::write(advisory, known, &mut self.heap, &mut self.lists);
        self.advisories.extend(row);
        self.dead.push(false);
        let mut ids: Vec<&String> =
            [&advisory.id].into_iter().chain(&advisory.aliases).chain(&advisory.document).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            self.ids.entry(id.clone()).or_default().push(index);
        }
        for affected in &advisory.affected {
            self.affected(index, &advisory.id, affected);
        }
        index
    }

    fn affected(&mut self, advisory: u32, id: &str, affected: &Affected) {
        let mut wrong = Vec::new();
        let by = self.heap.text(&affected.by);
        let running_on = affected.running_on.iter().map(written).collect();
        let parts = affected.parts.iter().map(|(kind, name)| (kind.as_str(), name.as_str())).collect();
        let context = self.context(running_on, parts);
        let mut written: Vec<(Vec<Scheme>, Vec<String>, Run)> = Vec::new();
        for place in places(affected, &mut wrong) {
            let schemes: Vec<Scheme> =
                affected.ranges.iter().map(|(versions, _)| scheme_of(&place.key, versions)).collect();
            let known = written.iter().find(|(known, versions, _)| *known == schemes && *versions == place.versions);
            let run = match known {
                Some((_, _, run)) => *run,
                None => {
                    let run = self.rules(affected, &place, &schemes, &mut wrong);
                    written.push((schemes, place.versions.clone(), run));
                    run
                }
            };
            let release = place.release.as_deref().map_or(0, |release| self.heap.text(release));
            let narrow = place.narrow.as_deref().map_or(0, |narrow| self.heap.text(narrow));
            let numbers = [advisory, by, release, narrow, run.start, run.count, context];
            self.entry(place.key.as_str(), numbers, [status_number(affected.otherwise), place.via.number()]);
        }
        self.refused.extend(wrong.into_iter().map(|what| Refused { advisory: id.to_owned(), what }));
    }

    /// Files an entry under a key.
    fn entry(&mut self, key: &str, numbers: [u32; 7], last: [u8; 2]) {
        let mut bytes = [0; ENTRY_BYTES];
        let whole = numbers.into_iter().flat_map(u32::to_le_bytes).chain(last);
        bytes.iter_mut().zip(whole).for_each(|(place, byte)| *place = byte);
        let next = to_u32(self.keys.len());
        let number = match self.keys.get(key) {
            Some(number) => *number,
            None => *self.keys.entry(key.to_owned()).or_insert(next),
        };
        self.entries.push((number, bytes));
    }

    fn rules(&mut self, affected: &Affected, place: &Place, schemes: &[Scheme], wrong: &mut Vec<String>) -> Run {
        let start = to_u32(self.rules.len().checked_div(RULE_BYTES).unwrap_or_default());
        let mut writer = Writer { rules: &mut self.rules, lists: &mut self.lists, heap: &mut self.heap };
        let named = || Versions::Exactly(place.versions.clone());
        let by_tag = matches!(place.key.kind(), "git" | "oss-fuzz");
        for ((versions, status), scheme) in affected.ranges.iter().zip(schemes) {
            // "Which versions is not known" is no statement on any. OSS-Fuzz says nothing else of a flaw that it could not bisect.
            let is_unknown = *status == Status::UnderInvestigation || is_fuzzed(affected);
            if matches!(versions, Versions::All) && is_unknown {
                continue;
            }
            let versions = match versions {
                // The name says which: all of it is that version.
                Versions::All if !place.versions.is_empty() => Cow::Owned(named()),
                Versions::Exactly(tags) if by_tag => {
                    Cow::Owned(Versions::Exactly(tags.iter().map(|tag| tag_version(tag)).collect()))
                }
                versions => Cow::Borrowed(versions),
            };
            writer.write(&versions, *status, *scheme, wrong);
        }
        if affected.ranges.is_empty() && affected.otherwise.is_none() && !place.versions.is_empty() {
            let scheme = scheme_of(&place.key, &Versions::All);
            writer.write(&named(), Status::Affected, scheme, wrong);
        }
        let end = to_u32(self.rules.len().checked_div(RULE_BYTES).unwrap_or_default());
        Run { start, count: end.saturating_sub(start) }
    }

    fn context(&mut self, running_on: Vec<Cow<'_, str>>, parts: Vec<(&str, &str)>) -> u32 {
        if running_on.is_empty() && parts.is_empty() {
            return 0;
        }
        // Number 0 stands for no context.
        if self.lists.is_empty() {
            self.lists.push(0);
        }
        let start = to_u32(self.lists.len());
        self.lists.extend([to_u32(running_on.len()), to_u32(parts.len())]);
        let texts =
            running_on.iter().map(|text| &**text).chain(parts.into_iter().flat_map(|(kind, name)| [kind, name]));
        self.lists.extend(texts.map(|text| self.heap.text(text)));
        start
    }

    /// Files an entry of another segment. `rules` remembers where its rules were written.
    pub(super) fn copy(
        &mut self,
        key: &str,
        advisory: u32,
        entry: &Entry<'_>,
        rules: &mut HashMap<Run, Run>,
    ) -> Result<(), SegmentError> {
        let run = match rules.get(&entry.rules) {
            Some(run) => *run,
            None => {
                let start = to_u32(self.rules.len().checked_div(RULE_BYTES).unwrap_or_default());
                let mut writer = Writer { rules: &mut self.rules, lists: &mut self.lists, heap: &mut self.heap };
                for index in entry.rules.numbers() {
                    writer.copy(&entry.frame, index)?;
                }
                *rules.entry(entry.rules).or_insert(Run { start, count: entry.rules.count })
            }
        };
        let context = entry.context()?;
        let numbers = [
            advisory,
            self.heap.text(entry.by()?),
            self.heap.text(entry.release()?.unwrap_or_default()),
            self.heap.text(entry.narrow()?.unwrap_or_default()),
            run.start,
            run.count,
            self.context(context.running_on.into_iter().map(Cow::Borrowed).collect(), context.parts),
        ];
        self.entry(key, numbers, [status_number(entry.otherwise()), entry.via().number()]);
        Ok(())
    }

    /// What could not be taken.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// The segment.
    ///
    /// # Errors
    /// It would be larger than a segment can be.
    pub fn finish(mut self) -> Result<Vec<u8>, SegmentError> {
        let dead = std::mem::take(&mut self.dead);
        let is_dead = |index: u32| dead.get(super::layout::to_usize(index)).copied().unwrap_or_default();
        self.entries.retain(|(_, entry)| !is_dead(super::layout::field(entry, 0)));
        self.entries.sort_by_key(|(key, _)| *key);
        let mut runs = vec![Run { start: 0, count: 0 }; self.keys.len()];
        let mut entries = Vec::with_capacity(self.entries.len().saturating_mul(ENTRY_BYTES));
        for (index, (key, bytes)) in self.entries.iter().enumerate() {
            if let Some(run) = runs.get_mut(super::layout::to_usize(*key)) {
                if run.count == 0 {
                    run.start = to_u32(index);
                }
                run.count = run.count.saturating_add(1);
            }
            entries.extend(bytes);
        }
        let run_of = |key: &u32| runs.get(super::layout::to_usize(*key)).copied().unwrap_or(Run { start: 0, count: 0 });
        let filed =
            self.keys.iter().map(|(key, number)| (key.as_str(), run_of(number))).filter(|(_, run)| run.count > 0);
        let mut filed: Vec<(&str, Run)> = filed.collect();
        filed.sort_unstable_by_key(|(key, _)| *key);
        let (keys, key_starts) = table::write(filed.iter().copied(), &mut self.heap);
        let names = names(&filed, &mut self.lists, &mut self.heap);
        let (names, name_starts) = table::write(names.iter().map(|(name, run)| (name.as_str(), *run)), &mut self.heap);
        let mut by_id: Vec<(&String, Vec<u32>)> = self
            .ids
            .iter()
            .map(|(id, indexes)| (id, indexes.iter().copied().filter(|index| !is_dead(*index)).collect()))
            .filter(|(_, indexes): &(_, Vec<u32>)| !indexes.is_empty())
            .collect();
        by_id.sort_unstable();
        let mut id_runs = Vec::with_capacity(by_id.len());
        for (id, indexes) in by_id {
            id_runs.push((id.as_str(), Run { start: to_u32(self.lists.len()), count: to_u32(indexes.len()) }));
            self.lists.extend(indexes);
        }
        let (ids, id_starts) = table::write(id_runs.into_iter(), &mut self.heap);
        let mut sections: [Vec<u8>; SECTIONS] = Default::default();
        let lists = self.lists.iter().flat_map(|number| number.to_le_bytes()).collect();
        for (section, bytes) in [
            (Section::Heap, self.heap.into_bytes()),
            (Section::Lists, lists),
            (Section::Advisories, self.advisories),
            (Section::Entries, entries),
            (Section::Rules, self.rules),
            (Section::Keys, keys),
            (Section::KeyStarts, key_starts),
            (Section::Ids, ids),
            (Section::IdStarts, id_starts),
            (Section::Names, names),
            (Section::NameStarts, name_starts),
        ] {
            if let Some(place) = sections.get_mut(section as usize) {
                *place = bytes;
            }
        }
        frame(Kind::Advisories, self.known_from, &sections)
    }
}

/// Bare names → the keys that have them.
fn names(keys: &[(&str, Run)], lists: &mut Vec<u32>, heap: &mut Heap) -> Vec<(String, Run)> {
    let mut named: Vec<(String, &str)> = keys
        .iter()
        .filter(|(key, _)| NAMED.contains(&crate::identity::kind_of(key)))
        .map(|(key, _)| (bare_name(key.rsplit('/').next().unwrap_or_default()), *key))
        .collect();
    named.sort_unstable();
    let mut runs: Vec<(String, Run)> = Vec::new();
    for (name, key) in named {
        let at = to_u32(lists.len());
        lists.push(heap.text(key));
        match runs.last_mut() {
            Some((last, run)) if *last == name => run.count = run.count.saturating_add(1),
            _ => runs.push((name, Run { start: at, count: 1 })),
        }
    }
    runs
}

/// A name as the name table has it: lower case, `_` for `-` and white space.
pub(crate) fn bare_name(name: &str) -> String {
    name.chars().map(|c| if c == '-' || c.is_whitespace() { '_' } else { c }).flat_map(char::to_lowercase).collect()
}

/// Whether it is a project of OSS-Fuzz.
fn is_fuzzed(affected: &Affected) -> bool {
    let is_one = |package: &Package| matches!(package, Package::Ecosystem { ecosystem, .. } if ecosystem == "OSS-Fuzz");
    affected.packages.iter().any(is_one)
}

/// A package in words.
fn written(package: &Package) -> Cow<'_, str> {
    match package {
        Package::Purl(text) | Package::Cpe(text) | Package::Repository(text) => Cow::Borrowed(text),
        Package::Ecosystem { ecosystem, name } => Cow::Owned(format!("{ecosystem} {name}")),
        Package::Product { vendor, product } => Cow::Owned(format!("{vendor} {product}")),
        Package::Digest(algorithm, hex) => Cow::Owned(format!("{algorithm}:{hex}")),
    }
}
