//! What a hunt found, rule by rule.

use super::compare::{Same, same};
use super::{ALERTS_TOLD_MAX, HuntPlan, Took};
use crate::api::time::Time;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use utoipa::ToSchema;
use yagura_detect::Hit;

/// What a hunt found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HuntOutcome {
    /// Events read.
    pub events: u64,
    /// How long it took, in seconds.
    pub wall_seconds: f64,
    /// Processor time of its reading and judging, in seconds.
    pub cpu_seconds: f64,
    /// Every rule, those with alerts first, then by title.
    pub rules: Vec<RuleOutcome>,
}

/// What one rule found.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct RuleOutcome {
    /// Its id.
    pub rule: String,
    /// Its title.
    pub title: String,
    /// Alerts that it would have raised.
    pub alerts: u64,
    /// Of those, the ones that were not raised then.
    pub new: u64,
    /// Alerts that were raised then and would not be.
    pub lost: u64,
    /// Events that its alerts count.
    pub events: u64,
    /// Vehicles that its alerts name.
    pub vehicles: u64,
    /// What it costs alone, in nanoseconds an event; absent if nothing was read.
    pub cost_ns: Option<u64>,
    /// Events beyond the alerts that a hunt can hold: the other numbers are too low by what they would be.
    pub beyond: u64,
    /// The first of its new alerts, at most 20.
    pub told: Vec<HuntAlert>,
}

/// An alert that would have been raised.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HuntAlert {
    /// The vehicle, unless it is about several.
    pub vehicle: Option<String>,
    /// What its events have in common: field and value.
    pub group: Vec<(String, String)>,
    /// Time of its first event.
    #[schema(value_type = String, format = DateTime)]
    pub first: Time,
    /// Time of its last event.
    #[schema(value_type = String, format = DateTime)]
    pub last: Time,
    /// Its events.
    pub count: u64,
    /// What its rule asked about, as it was.
    pub matched: Vec<(String, String)>,
}

pub(super) fn of(
    plan: &HuntPlan,
    hits: Vec<Hit>,
    beyond: &BTreeMap<String, u64>,
    mut known: HashMap<Same, i64>,
    costs: &HashMap<String, u64>,
    took: &Took,
) -> HuntOutcome {
    let mut rules: HashMap<&str, RuleOutcome> = HashMap::new();
    for rule in plan.set.rules() {
        let (id, title) = (rule.id.clone(), rule.title.en.clone());
        let (cost_ns, beyond) = (costs.get(&id).copied(), beyond.get(&id).copied().unwrap_or(0));
        rules.insert(&rule.id, RuleOutcome { rule: id, title, cost_ns, beyond, ..RuleOutcome::default() });
    }
    let mut vehicles: HashSet<(String, String)> = HashSet::new();
    for hit in hits {
        let Some(outcome) = rules.get_mut(hit.rule.as_str()) else { continue };
        outcome.alerts += 1;
        outcome.events += hit.count;
        if let Some(vehicle) = &hit.vehicle {
            outcome.vehicles += u64::from(vehicles.insert((hit.rule.clone(), vehicle.clone())));
        }
        if known.remove(&same(&hit)).is_some() {
            continue;
        }
        outcome.new += 1;
        if outcome.told.len() < ALERTS_TOLD_MAX {
            outcome.told.push(alert(hit));
        }
    }
    for (rule, _, _) in known.into_keys() {
        if let Some(outcome) = rules.get_mut(rule.as_str()) {
            outcome.lost += 1;
        }
    }
    let mut rules: Vec<RuleOutcome> = rules.into_values().collect();
    rules.sort_by(|a, b| (b.alerts + b.lost > 0, &a.title, &a.rule).cmp(&(a.alerts + a.lost > 0, &b.title, &b.rule)));
    HuntOutcome { events: took.rows, wall_seconds: took.wall.as_secs_f64(), cpu_seconds: took.cpu.as_secs_f64(), rules }
}

fn alert(hit: Hit) -> HuntAlert {
    let Hit { vehicle, group, first, last, count, matched, .. } = hit;
    HuntAlert { vehicle, group, first: Time(first), last: Time(last), count, matched }
}
