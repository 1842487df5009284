//! Stages, owners and exceptions: what they change of what a rule finds, and what they do not.

use crate::{events, rules};
use yagura_detect::{Engine, Hit, RuleErrorKind, RuleFile, RuleSet, Stage};

const BASE: &str = "\
title: Early frame
id: 6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0002
name: early
logsource: {product: vehicle}
detection: {selection: {event_name: CAN_EARLY_FRAME}, condition: selection}
";
const COUNT: &str = "\
---
title: Many
id: 6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0003
correlation: {type: event_count, rules: [early], group-by: [vehicle], timespan: 10m, condition: {gte: 3}, generate: true}
";
/// Cases begin at 2026-01-01T00:10:00Z.
const EXCEPTION: &str = "\
---
title: The test bench in building 7
id: 6f0a4c52-1d5e-4c39-9a63-0f5d1f3a00e1
logsource: {product: vehicle}
filter: {rules: [early], selection: {bus: 1}, condition: not selection}
yagura: {reason: replays old captures, expires: '2026-01-01T00:10:03Z', owner: bench@example.com}
";
const EVENTS: &str = "\
- {event: CAN_EARLY_FRAME, bus: 0}
- {event: CAN_EARLY_FRAME, bus: 1}
- {event: CAN_EARLY_FRAME, bus: 1}
- {event: CAN_EARLY_FRAME, bus: 1}
- {event: CAN_BUS_FLOOD, bus: 1}
";

fn hits(text: &str) -> Vec<Hit> {
    Engine::new(rules(text)).process(&events(EVENTS)).expect("a batch of events")
}

fn fault(text: &str) -> RuleErrorKind {
    let file = RuleFile { path: "r.yml".to_owned(), text: text.to_owned() };
    RuleSet::parse(&[file]).expect_err("a fault").remove(0).kind
}

#[test]
fn a_stage_changes_neither_alerts_nor_the_state_of_correlations() {
    let text = |stage: &str| format!("{BASE}yagura: {{stage: {stage}, owner: soc@example.com}}\n{COUNT}");
    let (live, shadow) = (rules(&text("live")), rules(&text("shadow")));
    assert_eq!((live.rules()[0].stage, shadow.rules()[0].stage), (Stage::Live, Stage::Shadow));
    assert_eq!(shadow.rules()[1].stage, Stage::Shadow, "what counts an untried rule is untried");
    assert_eq!(live.rules()[0].owner.as_deref(), Some("soc@example.com"));
    assert_eq!(rules(BASE).rules()[0].stage, Stage::Live);
    assert_eq!(hits(&text("live")), hits(&text("shadow")));
    let mut before = Engine::new(shadow);
    before.process(&events(EVENTS)).unwrap();
    let mut after = Engine::new(live);
    assert_eq!(after.restore(&before.snapshot()).unwrap().resumed, ["6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0003"]);
}

#[test]
fn an_exception_ends_by_the_time_of_events_and_counts_what_it_hid() {
    let text = format!("{BASE}{COUNT}{EXCEPTION}");
    let mut engine = Engine::new(rules(&text));
    let found = engine.process(&events(EVENTS)).unwrap();
    let counts: Vec<u64> = found.iter().map(|hit| hit.count).collect();
    assert_eq!(counts, [2], "bus 0, and the one that came when it was over");
    let hidden = engine.take_hidden();
    assert_eq!((hidden[0].exception.as_str(), hidden[0].matches), ("6f0a4c52-1d5e-4c39-9a63-0f5d1f3a00e1", 2));
    assert_eq!((hidden[0].tenant.as_str(), hidden.len(), engine.take_hidden().len()), ("demo", 1, 0));
    let set = rules(&text);
    let exception = &set.exceptions()[0];
    assert_eq!(exception.rules, ["6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0002"]);
    assert_eq!(
        (exception.owner.as_deref(), exception.reason.as_deref()),
        (Some("bench@example.com"), Some("replays old captures"))
    );
    // Row by row, and however late it is judged: the same.
    let (mut single, batch) = (Engine::new(rules(&text)), events(EVENTS));
    let rows = (0..batch.num_rows()).flat_map(|row| single.process(&batch.slice(row, 1)).unwrap());
    assert_eq!(rows.map(|hit| hit.count).sum::<u64>(), 2);
    let later = rules(&text.replace("00:10:03Z", "00:10:02Z"));
    assert_ne!(later.rules()[0].digest, set.rules()[0].digest, "when it ends is part of what is detected");
    let reworded = rules(&text.replace("replays old captures", "another reason"));
    assert_eq!(reworded.rules()[0].digest, set.rules()[0].digest);
    assert!(!set.fields().is_empty() && hits(&text)[0].matched.iter().all(|(field, _)| field != "time"));
}

#[test]
fn what_stands_where_it_means_nothing_is_refused() {
    let kind = |extra: &str| fault(&format!("{BASE}yagura: {extra}\n")).to_string();
    assert_eq!(kind("{stage: dark}"), "field `yagura.stage` must be live or shadow");
    assert_eq!(kind("{expires: 2027-01-31}"), "field `yagura.expires` must be absent: only a filter expires");
    assert_eq!(kind("{reason: x}"), "field `yagura.reason` must be absent: only a filter has a reason");
    assert!(kind("{owner: ''}").contains("1 to 128 characters"));
    let filter = |extra: &str| {
        fault(&format!("{BASE}{}", EXCEPTION.split("yagura:").next().unwrap().to_owned() + extra)).to_string()
    };
    assert_eq!(filter("yagura: {expires: 2027-01-31}"), "field `yagura.reason` is missing");
    assert_eq!(
        filter("yagura: {reason: x, stage: shadow}"),
        "field `yagura.stage` must be absent: a filter has no stage"
    );
    assert!(filter("yagura: {reason: x, expires: tomorrow}").contains("an instant such as"));
}
