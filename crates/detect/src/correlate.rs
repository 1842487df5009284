//! One correlation at work: from rows that its rules match to counted events.
//!
//! Not the judgement of windows (`window`) nor the memory of groups (`groups`). A [`Question`] reads a row, a [`Memory`] judges what
//! was read; a [`Counter`] is both, for rows that are judged where they are read. The time of an event is its own; a time more than
//! [`AHEAD_MAX`] after the server received it cannot be right, so the receive time stands in: a vehicle with a wrong clock must
//! not push everyone else's events out of the window. Events without a value for a field that is grouped by or counted take no
//! part and are counted as such.

use crate::engine::{Matches, holds};
use crate::groups::{GroupKey, GroupStore, Limits};
use crate::hit::{self, ALERT_PERIOD, Addition, Hits};
use crate::late::{LateWindow, LateWindows, judged_time};
use crate::mask::Mask;
use crate::pool::{FieldId, Pool};
use crate::rule::{Correlation, Counts, Rule, RuleKind};
use crate::ruleset::{Program, RuleSet};
use crate::view::{View, long, text_at};
use crate::window::{Counted, Entry, What, Window};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ops::Range;
use yagura_model::UnixMicros;

/// How far a vehicle's clock may be ahead of the server's, in µs, before the receive time stands in for it: 1 minute.
pub(crate) const AHEAD_MAX: i64 = 60_000_000;

/// Of how many texts that are counted the digests are remembered; then they are forgotten all at once.
const DIGESTS_MAX: usize = 4_096;

/// Which hit: rule, group, period.
pub(crate) type CorrelatedKey = (usize, GroupKey, i64);

/// What a correlation asks of a row.
pub(crate) struct Question {
    /// Index of its rule.
    pub(crate) rule: usize,
    /// Indexes of the rules that it counts.
    bases: Vec<usize>,
    group_by: Vec<FieldId>,
    value: Option<FieldId>,
    what: What,
    /// Tenant and values of the row before, and its key: rows of one vehicle come together.
    last: (Vec<u8>, GroupKey),
    material: Vec<u8>,
    /// Digests of texts that were counted: there are few different ones, as a rule.
    digests: HashMap<Box<str>, u64>,
}

impl Question {
    /// The question of a rule; `None` if it is no correlation.
    pub(crate) fn new(set: &RuleSet, rule: usize) -> Option<Self> {
        let RuleKind::Correlation(correlation) = &set.rules.get(rule)?.kind else { return None };
        let Program::Count { rules } = set.programs.get(rule)? else { return None };
        let (what, value) = match &correlation.counts {
            Counts::Events => (What::Events, None),
            Counts::Values(field) => (What::Values, set.pool.find(field)),
        };
        Some(Self {
            rule,
            bases: rules.clone(),
            group_by: correlation.group_by.iter().filter_map(|field| set.pool.find(field)).collect(),
            value,
            what,
            last: (Vec::new(), GroupKey::default()),
            material: Vec::new(),
            digests: HashMap::new(),
        })
    }

    /// The rows of a chunk that its rules match.
    pub(crate) fn found(&self, matches: &Matches) -> Mask {
        let mut found = Mask::EMPTY;
        self.bases.iter().filter_map(|base| matches.get(*base)?.as_ref()).for_each(|mask| found.or(mask));
        found
    }

    /// A row's group and entry; `None` if it has no value for a field that is needed.
    pub(crate) fn entry(&mut self, view: &View, row: usize) -> Option<(GroupKey, Entry)> {
        self.material.clear();
        put(&mut self.material, text_at(&view.tenant, row).as_bytes());
        for field in &self.group_by {
            put(&mut self.material, view.text(*field, row)?.as_bytes());
        }
        if self.material != self.last.0 {
            self.last.0.clone_from(&self.material);
            self.last.1 = key_of(&self.material);
        }
        let key = self.last.1;
        let value = match (self.what, self.value) {
            (What::Events, _) => 0,
            (What::Values, field) => self.digest(view, field?, row)?,
        };
        let (time, received) = (long(&view.time, row), long(&view.received, row));
        let time = judged_time(time, received);
        let (position, entry_index) = view.place(row);
        Some((key, Entry { time, value, position, entry_index, counted: 0 }))
    }

    /// 64 bits that stand for the value that is counted; `None` if there is none.
    fn digest(&mut self, view: &View, field: FieldId, row: usize) -> Option<u64> {
        let Some(text) = view.borrowed_text(field, row) else { return view.digest(field, row) };
        if let Some(digest) = self.digests.get(text) {
            return Some(*digest);
        }
        let digest = view.digest(field, row)?;
        if self.digests.len() >= DIGESTS_MAX {
            self.digests.clear();
        }
        self.digests.insert(text.into(), digest);
        Some(digest)
    }

    /// The values by which a row is grouped: field and value.
    pub(crate) fn group(&self, view: &View, pool: &Pool, row: usize) -> Vec<(String, String)> {
        let value = |field: &FieldId| view.text(*field, row).map(|v| (pool.name(*field).to_owned(), v.into_owned()));
        self.group_by.iter().filter_map(value).collect()
    }

    /// What the first of its rules that matches a row asked about, as it was in the row.
    pub(crate) fn matched(
        &self,
        set: &RuleSet,
        view: &View,
        (row, offset): (usize, usize),
        matches: &Matches,
    ) -> Vec<(String, String)> {
        let base = self.bases.iter().find(|base| holds(matches, **base, offset));
        match base.and_then(|base| set.programs.get(*base)) {
            Some(Program::Match { asserted, .. }) => hit::matched(view, &set.pool, asserted, row),
            _ => Vec::new(),
        }
    }
}

/// What a correlation remembers, and how it judges that.
pub(crate) struct Memory {
    /// Index of its rule.
    pub(crate) rule: usize,
    window: Window,
    limits: Limits,
    pub(crate) store: GroupStore,
    pub(crate) counted: Vec<Counted>,
    /// Starts of the periods that the last event touched and its group cannot judge.
    pub(crate) late: Vec<i64>,
}

impl Memory {
    /// The empty memory of a correlation.
    pub(crate) fn new(rule: usize, correlation: &Correlation, limits: Limits) -> Self {
        let at_least = usize::try_from(correlation.at_least).unwrap_or(usize::MAX);
        let window = Window {
            span: correlation.timespan,
            lateness: correlation.lateness,
            at_least,
            what: if matches!(correlation.counts, Counts::Events) { What::Events } else { What::Values },
            period: ALERT_PERIOD.max(correlation.timespan),
            // Half of a full group is kept, and that half must be able to fire.
            entries_max: limits.group_entries_max.max(at_least.saturating_mul(2)),
        };
        Self { rule, window, limits, store: GroupStore::default(), counted: Vec::new(), late: Vec::new() }
    }

    /// Adds an event to its group; what is counted because of it is in `counted` then.
    pub(crate) fn insert(&mut self, key: GroupKey, received: i64, entry: Entry) {
        self.counted.clear();
        self.late.clear();
        let noted = (&mut self.counted, &mut self.late);
        self.store.insert(key, received, entry, (&self.window, &self.limits), noted);
    }

    /// The time whose rows decide about a period.
    fn deciding(&self, period_start: i64) -> (UnixMicros, UnixMicros) {
        let from = period_start.saturating_sub(self.window.span);
        (UnixMicros(from), UnixMicros(period_start.saturating_add(self.window.period)))
    }

    /// Adds what is counted to the hits; `make` makes the hit of a period.
    pub(crate) fn report(&self, key: GroupKey, hits: &mut Hits<CorrelatedKey>, make: impl Fn(&Counted) -> hit::Hit) {
        for counted in &self.counted {
            let Counted { entry, period_start, observed } = counted;
            let addition = Addition {
                time: entry.time,
                place: (entry.position, entry.entry_index),
                observed: Some(*observed as u64),
            };
            hits.add((self.rule, key, *period_start), self.rule, &addition, || make(counted));
        }
    }
}

/// By which time groups grow old.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ageing {
    /// When their events were received.
    ByReceipt,
    /// When their events were: rows come in that order, received whenever.
    ByEvent,
}

/// One correlation at work.
pub(crate) struct Counter {
    question: Question,
    ageing: Ageing,
    pub(crate) memory: Memory,
}

impl Counter {
    /// The counter of a rule; `None` if it is no correlation.
    pub(crate) fn new(set: &RuleSet, rule: usize, limits: Limits, ageing: Ageing) -> Option<Self> {
        let RuleKind::Correlation(correlation) = &set.rules.get(rule)?.kind else { return None };
        Some(Self { question: Question::new(set, rule)?, ageing, memory: Memory::new(rule, correlation, limits) })
    }

    /// Counts the rows of a chunk that the rules match, in their order, and names the windows that are to be judged again.
    pub(crate) fn count(
        &mut self,
        set: &RuleSet,
        view: &View,
        chunk: &Range<usize>,
        matches: &Matches,
        (hits, late): (&mut Hits<CorrelatedKey>, &mut LateWindows),
    ) {
        let Some(rule) = set.rules.get(self.memory.rule) else { return };
        for offset in self.question.found(matches).rows() {
            let row = chunk.start.saturating_add(offset);
            let Some((key, entry)) = self.question.entry(view, row) else {
                let losses = &mut self.memory.store.losses;
                losses.without_field = losses.without_field.saturating_add(1);
                continue;
            };
            let now = match self.ageing {
                Ageing::ByReceipt => long(&view.received, row),
                Ageing::ByEvent => entry.time,
            };
            self.memory.insert(key, now, entry);
            for period_start in &self.memory.late {
                let known = late.entry((self.memory.rule, key, *period_start)).or_insert_with(|| {
                    let group = self.question.group(view, &set.pool, row);
                    self.late_window(rule, text_at(&view.tenant, row), &group, *period_start)
                });
                known.events = known.events.saturating_add(1);
            }
            self.memory.report(key, hits, |counted| {
                let group = self.question.group(view, &set.pool, row);
                let (tenant, time) = (text_at(&view.tenant, row), counted.entry.time);
                let mut hit = hit::empty(rule, tenant, group, counted.period_start, time);
                hit.matched = self.question.matched(set, view, (row, offset), matches);
                hit
            });
        }
    }
}

impl Counter {
    fn late_window(&self, rule: &Rule, tenant: &str, group: &[(String, String)], period_start: i64) -> LateWindow {
        let (from, to) = self.memory.deciding(period_start);
        LateWindow {
            alert: hit::alert_id(rule, tenant, group, period_start),
            rule: rule.id.clone(),
            tenant: tenant.to_owned(),
            vehicle: hit::vehicle_of(group),
            from,
            to,
            events: 0,
        }
    }
}

/// The key of a group, from tenant and values, each with its length before it.
pub(crate) fn key_of(material: &[u8]) -> GroupKey {
    let digest: [u8; 32] = Sha256::digest(material).into();
    GroupKey(digest.first_chunk().copied().unwrap_or_default())
}

/// A text with its length before it.
pub(crate) fn put(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text);
}
