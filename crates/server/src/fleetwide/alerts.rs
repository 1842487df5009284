//! From a hit over the fleet to what the state keeps of it.
//!
//! As `pipeline::judge` does it for one partition, but without a vault: the engine remembers the vehicles of the events that it names.

use crate::pipeline::RuleBook;
use crate::state::AlertRise;
use crate::tenant::Tenant;
use yagura_detect::{FleetEngine, Hit};

pub(super) fn rise(hit: &Hit, engine: &FleetEngine, book: &RuleBook) -> Option<AlertRise> {
    let tenant = hit.tenant.parse().ok().map(Tenant::named)?;
    let facts = book.get(&hit.rule)?;
    let entry = |index: i32| u32::try_from(index).unwrap_or(0);
    let events: Vec<(u64, u32, String)> = hit
        .events
        .iter()
        .map(|event| (event.position, entry(event.entry_index), engine.vehicle(event).unwrap_or("").to_owned()))
        .collect();
    let trigger = events.iter().map(|(place, entry, _)| (*place, *entry)).min()?;
    let json = |pairs: &[(String, String)]| serde_json::to_string(pairs).unwrap_or_else(|_| "[]".to_owned());
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
        trigger,
        events,
    })
}
