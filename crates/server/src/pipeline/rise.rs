//! From a hit to what the state keeps of it.
//!
//! Not the hit (that is `detect`). Invariant: nothing here depends on when or how a hit was found. Whoever judges one partition looks up
//! the vehicles of its events in the evidence, whoever judges the fleet has their names with the matches.

use super::rules::RuleBook;
use crate::place::{partition_of, position_of};
use crate::records::vehicle_of;
use crate::state::AlertRise;
use crate::tenant::Tenant;
use yagura_detect::{EventRef, Hit, Stage};
use yagura_store::{Position, VaultReader};

/// What a hit means, with the event that triggered it and the events that it names: place, entry, vehicle.
pub(crate) fn rise(
    hit: &Hit,
    book: &RuleBook,
    trigger: (u64, u32),
    events: Vec<(u64, u32, String)>,
) -> Option<AlertRise> {
    let tenant = hit.tenant.parse().ok().map(Tenant::named)?;
    let facts = book.get(&hit.rule)?;
    Some(AlertRise {
        tenant,
        alert_id: hit.alert.0,
        rule_id: hit.rule.clone(),
        title_en: facts.title.en.clone(),
        title_ja: facts.title.ja.clone(),
        severity: facts.severity(),
        vehicle: hit.vehicle.clone(),
        technique: facts.technique.clone(),
        group_json: json(&hit.group),
        match_json: json(&hit.matched),
        window: hit.window_start,
        first: hit.first,
        last: hit.last,
        count: hit.count,
        vehicles_counted: hit.observed.filter(|_| facts.counts_vehicles).unwrap_or(0),
        domain: facts.domain.name(),
        moving: hit.moving,
        shadow: facts.stage == Stage::Shadow,
        trigger,
        events,
    })
}

/// The vehicle that an event of the record at a place is about, if the record is in this vault.
pub(crate) fn vehicle_at(vault: &VaultReader, partition: u16, event: &EventRef) -> Option<String> {
    let mine = partition_of(event.position) == partition;
    let record = mine.then(|| vault.record(Position(position_of(event.position))).ok()).flatten()?;
    vehicle_of(&record, entry(event))
}

/// The entry of an event within its record.
pub(crate) fn entry(event: &EventRef) -> u32 {
    u32::try_from(event.entry_index).unwrap_or(0)
}

fn json(pairs: &[(String, String)]) -> String {
    serde_json::to_string(pairs).unwrap_or_else(|_| "[]".to_owned())
}
