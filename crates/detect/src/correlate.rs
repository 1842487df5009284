//! One correlation: what it asks of a row, and what it remembers. A baseline asks in the same way.
//!
//! Not the judgement of windows (`window`), nor the memory of groups (`groups`), nor how correlations hear of each other
//! (`network`). A [`Question`] reads a row, a [`Memory`] judges what was read. The time of an event is its own; a time more than
//! [`AHEAD_MAX`] after the server received it cannot be right, so the receive time stands in: a vehicle with a wrong clock must
//! not push everyone else's events out of the window. Events without a value for a field that is grouped by or counted take no
//! part and are counted as such.

use crate::baseline::{Baseline, Values as Compared};
use crate::chain::{Plan, Via};
use crate::engine::{Matches, holds};
use crate::groups::{At, GroupKey, GroupStore, Limits};
use crate::hit::{self, ALERT_PERIOD};
use crate::late::judged_time;
use crate::mask::Mask;
use crate::pool::{Asserted, FieldId};
use crate::rule::{Correlation, CorrelationCondition, Counts, RuleKind};
use crate::ruleset::{Program, RuleSet};
use crate::view::{View, long, text_at};
use crate::window::{Entry, Measure, Noted, Test, Told, When, Window, bit};
use core::net::IpAddr;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::hash::BuildHasher;
use yagura_model::UnixMicros;

/// How far a vehicle's clock may be ahead of the server's, in µs, before the receive time stands in for it: 1 minute.
pub(crate) const AHEAD_MAX: i64 = 60_000_000;

/// Of how many texts that are counted the digests are remembered; then they are forgotten all at once.
const DIGESTS_MAX: usize = 4_096;
/// Of how many groups the keys are remembered, and which bits of a hash say where.
const KEYS: usize = 1 << 9;
const KEYS_MASK: u64 = (1 << 9) - 1;
/// Of how many bytes the material of a key is at most that is remembered.
const KEY_MATERIAL_MAX: usize = 104;

/// Which hit: rule, group, period.
pub(crate) type CorrelatedKey = (usize, GroupKey, i64);

/// What a correlation asks of rows.
pub(crate) struct Question {
    /// Index of its rule.
    pub(crate) rule: usize,
    /// Rules that are asked in the same way are asked together: an event that several of them match counts once.
    asked: Vec<Asked>,
    measure: Measure,
    /// Bits of an address that count, if not all.
    prefix: Option<u8>,
    /// The field that a baseline compares: told before those that its rule asks about.
    told: Option<FieldId>,
    material: Vec<u8>,
    /// Digests of texts that were counted: there are few different ones, as a rule.
    digests: HashMap<Box<str>, u64, foldhash::fast::RandomState>,
}

/// Rules whose rows are asked for the same fields.
struct Asked {
    /// Indexes of the rules, each with its place among those that the correlation counts.
    rules: Vec<(usize, usize)>,
    group: Vec<FieldId>,
    values: Vec<FieldId>,
}

/// What a row says to a correlation.
pub(crate) struct Reading {
    pub(crate) at: At,
    pub(crate) entry: Entry,
    /// The row's place in its chunk.
    pub(crate) offset: usize,
    /// Which of the questions it answers.
    asked: usize,
}

impl Question {
    /// The question of a rule; `None` if it looks at each event alone.
    pub(crate) fn new(set: &RuleSet, rule: usize) -> Option<Self> {
        let correlation = match &set.rules.get(rule)?.kind {
            RuleKind::Correlation(correlation) => correlation,
            RuleKind::Baseline(baseline) => return Some(Self::of_baseline(set, rule, baseline)),
            RuleKind::Match => return None,
        };
        let Program::Count { bases, .. } = set.programs.get(rule)? else { return None };
        let mut asked: Vec<Asked> = Vec::new();
        for (place, base) in bases.iter().enumerate() {
            let Via::Rows { group, values } = &base.via else { continue };
            let known = asked.iter_mut().find(|known| known.group == *group && known.values == *values);
            match known {
                Some(known) => known.rules.push((base.rule, place)),
                None => {
                    let (group, values) = (group.clone(), values.clone());
                    asked.push(Asked { rules: vec![(base.rule, place)], group, values });
                }
            }
        }
        let (material, digests) = (Vec::new(), HashMap::default());
        Some(Self { rule, asked, measure: measure(correlation), prefix: None, told: None, material, digests })
    }

    fn of_baseline(set: &RuleSet, rule: usize, baseline: &Baseline) -> Self {
        let values = baseline.values();
        let told = values.and_then(|values| set.pool.find(&values.field));
        let group = baseline.group_by.iter().filter_map(|field| set.pool.find(field)).collect();
        let asked = vec![Asked { rules: vec![(rule, 0)], group, values: told.into_iter().collect() }];
        let measure = if values.is_some() { Measure::Values } else { Measure::Events };
        let prefix = values.and_then(|Compared { prefix, .. }| *prefix);
        Self { rule, asked, measure, prefix, told, material: Vec::new(), digests: HashMap::default() }
    }

    /// The rows of a chunk that its rules match.
    pub(crate) fn found(&self, matches: &Matches) -> Mask {
        let mut found = Mask::EMPTY;
        let rules = self.asked.iter().flat_map(|asked| &asked.rules);
        rules.filter_map(|(rule, _)| matches.get(*rule)?.as_ref()).for_each(|mask| found.or(mask));
        found
    }

    /// Adds what a row says, for each group that it falls into; 1 if it lacks a value for all of them.
    pub(crate) fn read(
        &mut self,
        view: &View,
        (row, offset): (usize, usize),
        matches: &Matches,
        (keys, out): (&mut Keys, &mut Vec<Reading>),
    ) -> u64 {
        let before = out.len();
        let mut without = 0_u64;
        let (alone, by_rule) = (self.asked.len() == 1, matches!(self.measure, Measure::Rules(_) | Measure::Order(_)));
        for asked in 0..self.asked.len() {
            let mask = if alone && !by_rule { 1 } else { self.matched_rules(asked, matches, offset) };
            if mask == 0 {
                continue;
            }
            let Some((key, value)) = self.answer(asked, view, row, keys) else {
                without = without.saturating_add(1);
                continue;
            };
            let value = if by_rule { mask } else { value };
            if let Some(known) = out.iter_mut().skip(before).find(|known| known.at.key == key) {
                known.entry.value = if by_rule { known.entry.value | mask } else { known.entry.value };
                continue;
            }
            let time = judged_time(long(&view.time, row), long(&view.received, row));
            let (position, entry_index) = view.place(row);
            let entry = Entry { time, value, position, entry_index, counted: 0 };
            out.push(Reading { at: At::new(key), entry, offset, asked });
        }
        if out.len() == before { without.min(1) } else { 0 }
    }

    fn matched_rules(&self, asked: usize, matches: &Matches, offset: usize) -> u64 {
        let rules = self.asked.get(asked).map_or(&[][..], |asked| &asked.rules);
        rules
            .iter()
            .filter(|(rule, _)| holds(matches, *rule, offset))
            .fold(0, |mask, (_, place)| mask | bit(*place % 64))
    }

    /// A row's group and value; `None` if it has no value for a field that is needed.
    fn answer(&mut self, asked: usize, view: &View, row: usize, keys: &mut Keys) -> Option<(GroupKey, u64)> {
        let Self { asked: all, measure, prefix, material, digests, .. } = self;
        let asked = all.get(asked)?;
        material.clear();
        put(material, text_at(&view.tenant, row).as_bytes());
        for field in &asked.group {
            put(material, view.text(*field, row)?.as_bytes());
        }
        let key = keys.of(material);
        let value = match (measure, asked.values.as_slice()) {
            (Measure::Values, [field]) => match prefix {
                Some(bits) => network(&view.text(*field, row)?, *bits),
                None => digest(digests, view, *field, row)?,
            },
            (Measure::Values, fields) => {
                material.clear();
                for field in fields {
                    put(material, view.text(*field, row)?.as_bytes());
                }
                short_digest(material)
            }
            (Measure::Sum | Measure::Average | Measure::Percentile(_), [field]) => view.number(*field, row)?.to_bits(),
            _ => 0,
        };
        Some((key, value))
    }

    /// The values by which a row is grouped.
    pub(crate) fn group(&self, view: &View, row: usize, reading: &Reading) -> Vec<String> {
        let fields = self.asked.get(reading.asked).map_or(&[][..], |asked| &asked.group);
        fields.iter().map(|field| view.text(*field, row).unwrap_or_default().into_owned()).collect()
    }

    /// What the first of its rules that matches a row asked about, as it was in the row.
    pub(crate) fn matched(
        &self,
        set: &RuleSet,
        view: &View,
        (row, offset): (usize, usize),
        matches: &Matches,
    ) -> Vec<(String, String)> {
        let mut rules = self.asked.iter().flat_map(|asked| &asked.rules);
        let base = rules.find(|(rule, _)| holds(matches, *rule, offset));
        match base.and_then(|(rule, _)| set.programs.get(*rule)) {
            Some(Program::Match { asserted, .. }) if self.told.is_none() => {
                hit::matched(&view.columns, &set.pool, asserted, row)
            }
            Some(Program::Match { asserted, .. }) => {
                let others = asserted.fields.iter().filter(|field| Some(**field) != self.told);
                let fields = self.told.iter().chain(others).copied().collect();
                hit::matched(&view.columns, &set.pool, &Asserted { fields, ..asserted.clone() }, row)
            }
            _ => Vec::new(),
        }
    }
}

/// What a firing of a correlation below says, which has these values: the values by which it is grouped, and what is counted; `None`
/// if a value is no number where numbers are needed.
pub(crate) fn of_firing(measure: Measure, place: usize, via: &Via, has: &[String]) -> Option<(Vec<String>, u64)> {
    let Via::Firings { group, values } = via else { return None };
    let pick = |places: &[usize]| places.iter().filter_map(|place| has.get(*place).cloned()).collect::<Vec<_>>();
    let counted = pick(values);
    let value = match (measure, counted.as_slice()) {
        // Rows count as 0, so that a firing is never taken for the row that it closes with.
        (Measure::Events, _) => (place as u64).saturating_add(1),
        (Measure::Values, [value]) => match value.parse::<i64>() {
            Ok(number) if number.to_string() == *value => u64::from_ne_bytes(number.to_ne_bytes()),
            _ => short_digest(value.as_bytes()),
        },
        (Measure::Values, values) => {
            let mut material = Vec::new();
            values.iter().for_each(|value| put(&mut material, value.as_bytes()));
            short_digest(&material)
        }
        (Measure::Sum | Measure::Average | Measure::Percentile(_), values) => {
            values.first()?.trim().parse::<f64>().ok().filter(|number| number.is_finite())?.to_bits()
        }
        (Measure::Rules(_) | Measure::Order(_), _) => bit(place),
    };
    Some((pick(group), value))
}

/// 64 bits that stand for the value that is counted; `None` if there is none.
fn digest(
    digests: &mut HashMap<Box<str>, u64, foldhash::fast::RandomState>,
    view: &View,
    field: FieldId,
    row: usize,
) -> Option<u64> {
    let Some(text) = view.borrowed_text(field, row) else { return view.digest(field, row) };
    if let Some(digest) = digests.get(text) {
        return Some(*digest);
    }
    let digest = view.digest(field, row)?;
    if digests.len() >= DIGESTS_MAX {
        digests.clear();
    }
    digests.insert(text.into(), digest);
    Some(digest)
}

/// 64 bits that stand for the network that an address is in: so many bits of it, twice as many for IPv6; for other texts, themselves.
fn network(text: &str, bits: u8) -> u64 {
    let masked = |address: u64, of: u32, bits: u32| {
        let rest = of.saturating_sub(bits);
        address.checked_shr(rest).and_then(|kept| kept.checked_shl(rest)).unwrap_or(0)
    };
    match text.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => masked(u64::from(address.to_bits()), 32, u32::from(bits)),
        Ok(IpAddr::V6(address)) => {
            let high = address.to_bits().checked_shr(64).and_then(|high| u64::try_from(high).ok()).unwrap_or(0);
            masked(high, 64, u32::from(bits).saturating_mul(2))
        }
        Err(_) => short_digest(text.as_bytes()),
    }
}

fn short_digest(bytes: &[u8]) -> u64 {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

/// Keys of groups that were asked for lately, by any correlation: one place for each of [`KEYS`] hashes, the newer takes it.
pub(crate) struct Keys {
    hasher: foldhash::fast::RandomState,
    known: Vec<Known>,
}

/// What a key was made of, if it is short: its length and bytes.
#[derive(Clone)]
struct Known {
    len: usize,
    material: [u8; KEY_MATERIAL_MAX],
    key: GroupKey,
}

impl Default for Keys {
    fn default() -> Self {
        let nothing = Known { len: usize::MAX, material: [0; KEY_MATERIAL_MAX], key: GroupKey::default() };
        Self { hasher: Default::default(), known: vec![nothing; KEYS] }
    }
}

impl Keys {
    fn of(&mut self, material: &[u8]) -> GroupKey {
        let hash = usize::try_from(self.hasher.hash_one(material) & KEYS_MASK).unwrap_or(0);
        let Some(place) = self.known.get_mut(hash) else { return key_of(material) };
        if place.material.get(..place.len) == Some(material) {
            return place.key;
        }
        let key = key_of(material);
        if let Some(room) = place.material.get_mut(..material.len()) {
            room.copy_from_slice(material);
            (place.len, place.key) = (material.len(), key);
        }
        key
    }
}

/// What a correlation looks at in a window.
pub(crate) fn measure(correlation: &Correlation) -> Measure {
    let rules = u8::try_from(correlation.rules.len()).unwrap_or(u8::MAX);
    match &correlation.counts {
        Counts::Events => Measure::Events,
        Counts::Values(_) | Counts::Combinations(_) => Measure::Values,
        Counts::Sum(_) => Measure::Sum,
        Counts::Average(_) => Measure::Average,
        Counts::Percentile(_, percent) => Measure::Percentile(*percent),
        Counts::Together => Measure::Rules(rules),
        Counts::InOrder => Measure::Order(rules),
    }
}

/// What a correlation remembers, and how it judges that.
pub(crate) struct Memory {
    /// Index of its rule.
    pub(crate) rule: usize,
    pub(crate) window: Window,
    pub(crate) reach: i64,
    limits: Limits,
    pub(crate) store: GroupStore,
}

impl Memory {
    /// The empty memory of a correlation.
    pub(crate) fn new(rule: usize, correlation: &Correlation, plan: &Plan, limits: Limits) -> Self {
        let test = match &correlation.condition {
            CorrelationCondition::Bounds(bounds) => Test::Bounds(bounds.clone()),
            CorrelationCondition::Rules(expression) => Test::Rules(expression.condition.clone()),
        };
        let window = Window {
            span: correlation.timespan,
            lateness: plan.lateness,
            measure: measure(correlation),
            when: if correlation.is_judged_at_once() { When::AtOnce } else { When::Settled },
            period: ALERT_PERIOD.max(correlation.timespan),
            // Half of a full group is kept, and that half must tell more than the bound from the bound.
            entries_max: limits.group_entries_max.max(correlation.least_kept().saturating_mul(2)),
            told: if plan.is_counted { Told::Correlations } else { Told::People },
            test,
        };
        Self { rule, window, reach: plan.reach, limits, store: GroupStore::default() }
    }

    /// The memory of a rule; `None` if it is no correlation.
    pub(crate) fn of(set: &RuleSet, rule: usize, limits: Limits) -> Option<Self> {
        let RuleKind::Correlation(correlation) = &set.rules.get(rule)?.kind else { return None };
        let Program::Count { plan, .. } = set.programs.get(rule)? else { return None };
        Some(Self::new(rule, correlation, plan, limits))
    }

    /// Adds an event to its group and notes what follows; says whether windows of the group waited before.
    pub(crate) fn insert(&mut self, at: At, received: i64, entry: Entry, noted: &mut Noted) -> bool {
        noted.clear();
        self.store.insert((at, received), entry, (&self.window, &self.limits), noted)
    }

    /// Says of a group that it may lack events of this stretch of time, and notes what follows.
    pub(crate) fn miss(&mut self, key: GroupKey, received: i64, stretch: (i64, i64), noted: &mut Noted) {
        self.store.miss((key, received), stretch, (&self.window, &self.limits), noted);
    }

    /// The time whose rows decide about a period.
    pub(crate) const fn deciding(&self, period_start: i64) -> (UnixMicros, UnixMicros) {
        let from = period_start.saturating_sub(self.reach);
        (UnixMicros(from), UnixMicros(period_start.saturating_add(self.window.period)))
    }
}

/// The key of a group, from tenant and values, each with its length before it.
pub(crate) fn key_of(material: &[u8]) -> GroupKey {
    let digest: [u8; 32] = Sha256::digest(material).into();
    GroupKey(digest.first_chunk().copied().unwrap_or_default())
}

/// The key of the group of these values.
pub(crate) fn key_of_values(tenant: &str, values: &[String]) -> GroupKey {
    let mut material = Vec::new();
    put(&mut material, tenant.as_bytes());
    values.iter().for_each(|value| put(&mut material, value.as_bytes()));
    key_of(&material)
}

/// A text with its length before it.
pub(crate) fn put(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text);
}
