//! Hits: what rules found in one batch, merged per alert.
//!
//! Not the alert's life (open, acknowledged …), which the server keeps. An alert id is a hash of rule, rule digest, tenant, group
//! and window, so the same events give the same ids however they are cut into batches, and counts add up.

use crate::pattern::Fold;
use crate::pool::{Asserted, Pool};
use crate::rule::{AlertId, Rule};
use crate::view::Columns;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::hash::Hash;
use yagura_model::{Severity, UnixMicros};

/// The most references to events in a hit.
pub const HIT_EVENTS_MAX: usize = 16;
/// The most matched fields in a hit.
pub const HIT_FIELDS_MAX: usize = 16;
/// Length of the window in which matches of a plain rule on one vehicle are one alert, in µs: 1 hour.
pub const ALERT_PERIOD: i64 = 3_600_000_000;

/// Where the evidence of an event is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EventRef {
    /// Position of the record in the vault.
    pub position: u64,
    /// Entry of the report in that record.
    pub entry_index: i32,
}

/// What one rule found in one batch for one alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The alert that this adds to.
    pub alert: AlertId,
    /// Id of the rule.
    pub rule: String,
    /// English title of the rule.
    pub title: String,
    /// Level of the rule.
    pub level: Severity,
    /// Whose fleet.
    pub tenant: String,
    /// The vehicle, unless the alert is about several.
    pub vehicle: Option<String>,
    /// What the events have in common: field and value.
    pub group: Vec<(String, String)>,
    /// Start of the alert's window: the hour, or the correlation's time span if that is longer.
    pub window_start: UnixMicros,
    /// Time of the earliest event in this batch.
    pub first: UnixMicros,
    /// Time of the latest event in this batch.
    pub last: UnixMicros,
    /// Events that this batch adds to the alert.
    pub count: u64,
    /// For a correlation: the largest number of events or values that one window held.
    pub observed: Option<u64>,
    /// Evidence of the first events, at most [`HIT_EVENTS_MAX`].
    pub events: Vec<EventRef>,
    /// Whether the vehicle moved at any of these events; `None` if they do not say, as those of a correlation.
    pub moving: Option<bool>,
    /// The fields that the rule asked about, as they were in the event that raised the hit; at most [`HIT_FIELDS_MAX`].
    pub matched: Vec<(String, String)>,
}

/// The hits of one batch while they are collected.
pub(crate) struct Hits<K> {
    index: HashMap<K, usize, foldhash::fast::RandomState>,
    hits: Vec<(usize, Hit)>,
}

impl<K> Default for Hits<K> {
    fn default() -> Self {
        Self { index: HashMap::default(), hits: Vec::new() }
    }
}

/// One event that adds to an alert.
pub(crate) struct Addition {
    pub(crate) time: i64,
    pub(crate) place: (i64, i32),
    pub(crate) observed: Option<u64>,
    pub(crate) moving: Option<bool>,
}

impl<K: Eq + Hash> Hits<K> {
    /// Adds an event to the hit of this key, which `make` makes if it is new; `order` sorts the rules.
    pub(crate) fn add(&mut self, key: K, order: usize, addition: &Addition, make: impl FnOnce() -> Hit) {
        let hits = &mut self.hits;
        let at = *self.index.entry(key).or_insert_with(|| {
            hits.push((order, make()));
            hits.len().saturating_sub(1)
        });
        let Some((_, hit)) = hits.get_mut(at) else { return };
        hit.count = hit.count.saturating_add(1);
        hit.first = hit.first.min(UnixMicros(addition.time));
        hit.last = hit.last.max(UnixMicros(addition.time));
        hit.observed = hit.observed.max(addition.observed);
        hit.moving = hit.moving.max(addition.moving);
        if hit.events.len() < HIT_EVENTS_MAX {
            let (position, entry_index) = addition.place;
            hit.events.push(EventRef { position: u64::try_from(position).unwrap_or(0), entry_index });
        }
    }

    /// The hits, by rule, then window, then alert.
    pub(crate) fn finish(mut self) -> impl Iterator<Item = (usize, Hit)> {
        self.hits.sort_by_key(|(order, hit)| (*order, hit.window_start, hit.alert));
        self.hits.into_iter()
    }
}

/// A hit without events.
pub(crate) fn empty(rule: &Rule, tenant: &str, group: Vec<(String, String)>, window_start: i64, time: i64) -> Hit {
    Hit {
        alert: alert_id(rule, tenant, &group, window_start),
        rule: rule.id.clone(),
        title: rule.title.en.clone(),
        level: rule.level,
        tenant: tenant.to_owned(),
        vehicle: vehicle_of(&group),
        group: group.into_iter().map(|(field, value)| displayed(field, &value)).collect(),
        window_start: UnixMicros(window_start),
        first: UnixMicros(time),
        last: UnixMicros(time),
        count: 0,
        observed: None,
        events: Vec::new(),
        moving: None,
        matched: Vec::new(),
    }
}

/// The vehicle of a group, if it is of one.
pub(crate) fn vehicle_of(group: &[(String, String)]) -> Option<String> {
    let vehicle = group.iter().find(|(field, _)| field == crate::view::VEHICLE).map(|(_, value)| value.clone());
    vehicle.filter(|vehicle| !vehicle.is_empty())
}

/// SHA-256 over rule id, rule digest, tenant, group and window start, each text with its length before it.
pub(crate) fn alert_id(rule: &Rule, tenant: &str, group: &[(String, String)], window_start: i64) -> AlertId {
    let mut hash = Sha256::new().chain_update(b"yagura alert 1");
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    text(&rule.id);
    text(tenant);
    for (field, value) in group {
        text(field);
        text(value);
    }
    AlertId(hash.chain_update(rule.digest).chain_update(window_start.to_be_bytes()).finalize().into())
}

/// The values of what a rule asked to hold in a row, as people read them, and what of its indicator sets they hit.
pub(crate) fn matched(columns: &Columns, pool: &Pool, asserted: &Asserted, row: usize) -> Vec<(String, String)> {
    let text = |field| columns.column(field).text(row);
    let fields = asserted.fields.iter();
    let fields = fields.filter_map(|field| Some(displayed(pool.name(*field).to_owned(), &text(*field)?)));
    fields.chain(listed(columns, pool, asserted, row)).take(HIT_FIELDS_MAX).collect()
}

/// The entries of indicator sets that a row hits, each with the name of its set.
pub(crate) fn listed(
    columns: &Columns,
    pool: &Pool,
    asserted: &Asserted,
    row: usize,
) -> impl Iterator<Item = (String, String)> {
    asserted.listed.iter().filter_map(move |(field, set, lookup)| {
        let set = pool.set(*set)?;
        let mut found = None;
        columns.column(*field).any_text(row, |value| {
            found = set.find(*lookup, &Fold::Case.apply(value));
            found.is_some()
        });
        Some((set.label().to_owned(), found?))
    })
}

/// Identifiers are read in hexadecimal.
fn displayed(field: String, value: &str) -> (String, String) {
    let shown = match (field.as_str(), value.parse::<i64>()) {
        ("can_id", Ok(id)) => format!("0x{id:X}"),
        ("event_id", Ok(id)) => format!("0x{id:04X}"),
        _ => value.to_owned(),
    };
    (field, shown)
}
