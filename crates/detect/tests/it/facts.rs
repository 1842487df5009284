//! Rules over what the register knows of vehicles and sensors.

use crate::{events, rules};
use yagura_detect::{Engine, Facts, Hit, SensorFacts};
use yagura_model::UnixMicros;

/// Cases begin at 2026-01-01T00:10:00Z.
const BEGIN: i64 = 1_767_226_200_000_000;
const DAY: i64 = 86_400_000_000;

fn sensor<'a>(vehicle: &'a str, model: &'a str, days: i64) -> SensorFacts<'a> {
    SensorFacts { tenant: "demo", vehicle, sensor: "gateway", model, enrolled: UnixMicros(BEGIN - days * DAY) }
}

fn found(text: &str, facts: &Facts, items: &str) -> Vec<Hit> {
    Engine::new(rules(text).with_facts(facts.clone())).process(&events(items)).expect("events")
}

fn vehicles(hits: &[Hit]) -> Vec<&str> {
    let mut found: Vec<&str> = hits.iter().filter_map(|hit| hit.vehicle.as_deref()).collect();
    found.sort_unstable();
    found
}

#[test]
fn model_and_age_come_from_the_register_unless_the_event_says_them() {
    let facts = Facts::default();
    facts.learn([sensor("v1", "Kona", 400), sensor("v2", "Niro", 0), sensor("v3", "", 3)]);
    let model = "title: t\nlogsource: {product: vehicle}\ndetection: {s: {vehicle.model: kona}, condition: s}\n";
    let items = "- {vehicle: v1}\n- {vehicle: v2}\n- {vehicle: v3}\n- {vehicle: v4}\n- {vehicle: v1}\n";
    let hits = found(model, &facts, items);
    assert_eq!(vehicles(&hits), ["v1"]);
    assert_eq!(hits[0].matched, [("vehicle.model".to_owned(), "Kona".to_owned())]);
    assert_eq!(vehicles(&found(model, &facts, "- {vehicle: v2, vehicle.model: Kona}\n- {vehicle: v1}")), ["v2"]);
    assert_eq!(vehicles(&found(model, &facts, "- {vehicle: v1, tenant: other}")), [""; 0]);
    let young = "title: t\nlogsource: {product: vehicle}\ndetection: {s: {sensor.age_days|lt: 1}, condition: s}\n";
    assert_eq!(vehicles(&found(young, &facts, items)), ["v2"]);
    assert_eq!(vehicles(&found(young, &facts, "- {vehicle: v2, sensor: other}\n- {vehicle: v2, at: 1d}")), [""; 0]);
    let unknown = "title: t\nlogsource: {product: vehicle}\ndetection: {s: {vehicle.model: null}, condition: s}\n";
    assert_eq!(vehicles(&found(unknown, &facts, items)), ["v3", "v4"]);
}

#[test]
fn what_is_learned_later_holds_from_then_on() {
    let facts = Facts::default();
    let text = "title: t\nlogsource: {product: vehicle}\ndetection: {s: {vehicle.model: Kona}, condition: s}\n";
    let mut engine = Engine::new(rules(text).with_facts(facts.clone()));
    assert_eq!(engine.process(&events("- {vehicle: v1}")), Ok(vec![]));
    facts.learn([sensor("v1", "Niro", 0)]);
    facts.learn([sensor("v1", "Kona", 0)]);
    assert_eq!(engine.process(&events("- {vehicle: v1}")).expect("events").len(), 1);
    facts.learn([sensor("v1", "", 0)]);
    assert_eq!(engine.process(&events("- {vehicle: v1}")).expect("events").len(), 1, "a model is not forgotten");
}

#[test]
fn a_correlation_groups_by_model_and_leaves_out_who_has_none() {
    let text = "\
title: Injected
name: injected
logsource: {product: vehicle}
detection: {s: {event_name: CAN_EARLY_FRAME}, condition: s}
---
title: One model
id: model
correlation: {type: value_count, rules: [injected], group-by: [vehicle.model], timespan: 1h, condition: {field: vehicle, gte: 3}}
";
    let facts = Facts::default();
    facts.learn([sensor("v1", "Kona", 9), sensor("v2", "Kona", 9), sensor("v3", "Niro", 9), sensor("v4", "Kona", 9)]);
    let three = "- {event: CAN_EARLY_FRAME, vehicle: 'v{n}', times: 3}\n- {event: CAN_EARLY_FRAME, vehicle: 'x{n}', times: 5}\n";
    assert_eq!(found(text, &facts, three), []);
    let hits = found(text, &facts, "- {event: CAN_EARLY_FRAME, vehicle: 'v{n}', times: 4}");
    assert_eq!(
        hits.iter().map(|hit| (hit.group.clone(), hit.observed)).collect::<Vec<_>>(),
        [(vec![("vehicle.model".to_owned(), "Kona".to_owned())], Some(3))]
    );
}
