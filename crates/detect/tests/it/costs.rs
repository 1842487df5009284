//! What rules cost while they work, and a set of which some rules rest.

use crate::{events, rules};
use std::sync::atomic::{AtomicU64, Ordering};
use yagura_detect::{Costs, Engine, Hit, Sampling};

const RULES: &str = "\
title: Long
id: regex
logsource: {product: vehicle}
detection: {s: {message|re: '^([a-z0-9]+[-_.]?)+$'}, condition: s}
---
title: Early
id: plain
name: early
logsource: {product: vehicle}
detection: {s: {event_name: CAN_EARLY_FRAME}, condition: s}
---
title: Many early
id: many
correlation: {type: event_count, rules: [early], group-by: [vehicle], timespan: 10m, condition: {gte: 3}, generate: true}
---
title: Many long
id: longs
correlation: {type: event_count, rules: [regex], group-by: [vehicle], timespan: 10m, condition: {gte: 3}, generate: true}
";
const EVENTS: &str = "\
- {event: CAN_EARLY_FRAME, bus: 0, message: 'value-{n}', times: 1500, every: 0s}
- {event: CAN_BUS_FLOOD, bus: 1, message: 'Other {n}', times: 1500, every: 0s}
";

/// A clock that is a nanosecond later each time.
fn tick() -> u64 {
    static NOW: AtomicU64 = AtomicU64::new(0);
    NOW.fetch_add(1, Ordering::Relaxed)
}

fn of(hits: &[Hit], rule: &str) -> Vec<Hit> {
    hits.iter().filter(|hit| hit.rule == rule).cloned().collect()
}

#[test]
fn what_a_rule_causes_is_measured_and_nothing_else_changes() {
    let batch = events(EVENTS);
    let (mut measured, mut plain) = (Engine::new(rules(RULES)), Engine::new(rules(RULES)));
    measured.measure(tick, Sampling::All);
    assert_eq!(measured.process(&batch).unwrap(), plain.process(&batch).unwrap());
    assert_eq!(plain.take_costs(), None);
    let Costs { events, nanos, rules } = measured.take_costs().unwrap();
    assert_eq!(measured.take_costs(), None, "it begins anew");
    assert_eq!(events, 3_000);
    let cost = |rule: &str| rules.iter().find(|(id, _)| id == rule).map_or(0, |(_, nanos)| *nanos);
    // One try a distinct value; the others cost a few looks at the clock a chunk, the correlations a few a block.
    assert!((3_000..3_050).contains(&cost("regex")), "{rules:?}");
    assert!((1..50).contains(&cost("plain")) && (1..200).contains(&cost("many")), "{rules:?}");
    assert!(rules.iter().map(|(_, nanos)| nanos).sum::<u64>() <= nanos);
}

#[test]
fn one_chunk_of_sixteen_is_measured() {
    let (batch, mut engine) = (events(EVENTS), Engine::new(rules(RULES)));
    engine.measure(tick, Sampling::Some);
    let measured: Vec<bool> = (0..33)
        .map(|_| {
            engine.process(&batch).unwrap();
            engine.take_costs().is_some()
        })
        .collect();
    assert_eq!(measured.iter().filter(|it| **it).count(), 3);
    assert!(measured[0] && measured[16] && measured[32]);
}

#[test]
fn who_rests_finds_nothing_and_all_others_find_what_they_did() {
    let (batch, set) = (events(EVENTS), rules(RULES));
    let mut whole = Engine::new(set.clone());
    let before = whole.process(&batch.slice(0, 1_000)).unwrap();
    let resting = set.at_rest(&["regex".to_owned()]);
    let who: Vec<&str> = resting.resting().map(|rule| rule.id.as_str()).collect();
    assert_eq!(who, ["regex", "longs"], "what counts it rests as well");
    assert_eq!(set.resting().count(), 0);
    let mut engine = Engine::new(resting);
    let restored = engine.restore(&whole.snapshot()).unwrap();
    assert_eq!((restored.resumed, restored.forgotten), (vec!["many".to_owned()], vec!["longs".to_owned()]));
    let (rest, all) = (batch.slice(1_000, 2_000), whole.process(&batch.slice(1_000, 2_000)).unwrap());
    let found = engine.process(&rest).unwrap();
    for rule in ["plain", "many"] {
        assert_eq!(of(&found, rule), of(&all, rule), "{rule}");
        assert!(!of(&found, rule).is_empty());
    }
    assert!(of(&found, "regex").is_empty() && of(&found, "longs").is_empty());
    assert!(!of(&all, "longs").is_empty() && !of(&before, "longs").is_empty());
    engine.measure(tick, Sampling::All);
    engine.process(&rest).unwrap();
    let costs = engine.take_costs().unwrap();
    assert!(costs.rules.iter().all(|(id, nanos)| id != "regex" && *nanos < 200), "nothing is tried for it: {costs:?}");
}
