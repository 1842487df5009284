//! Baselines by example: networks, too many values, mistakes in rules, hunts, the golden snapshot.

use crate::baselines::{Alerts, RULES, add, expected, taken};
use crate::{events, rules};
use expect_test::expect;
use yagura_detect::{Engine, Hunter, RuleFile, RuleSet};

#[test]
fn a_hunt_finds_what_the_server_would_have_found() {
    let line = "- {event: CAN_UNKNOWN_ID, vehicle: v1, bus: 0, can_id: 1, times: 12, every: 1h}\n\
                - {event: CAN_UNKNOWN_ID, vehicle: v1, bus: 0, can_id: 2, at: 12h}\n";
    let batch = events(line);
    let mut hunter = Hunter::new(rules(RULES));
    assert!(hunter.needs_order());
    hunter.process(&taken(&batch, (0..13).rev().collect())).expect("rows");
    let (hits, _) = hunter.finish();
    let mut alerts = Alerts::new();
    add(&mut alerts, &hits);
    assert_eq!(alerts, expected(&batch));
    assert!(alerts.keys().any(|(rule, ..)| rule == "new"));
}

#[test]
fn addresses_of_one_network_count_as_one_value() {
    let rule = "
title: network
id: network
logsource: {product: mobile}
detection: {s: {action: login}, condition: s}
yagura: {baseline: {type: first_seen, field: src_ip, prefix: 24, group-by: [user], history: 9h, warm-up: 1h}}
";
    let line = |at: u32, address: &str| {
        format!("- {{product: mobile, action: login, user: anna, src_ip: '{address}', at: {at}h}}\n")
    };
    let addresses = [
        "203.0.113.4",
        "203.0.113.200",
        "::ffff:203.0.113.9",
        "203.0.114.1",
        "2001:db8:1::1",
        "2001:db8:1:ffff::2",
        "2001:db8:2::1",
        "no address",
        "no address",
    ];
    let lines: String = (0..).zip(addresses).map(|(at, address)| line(at, address)).collect();
    let mut engine = Engine::new(rules(rule));
    let mut hits = engine.process(&events(&lines)).expect("a batch of events");
    hits.extend(engine.finish());
    let told: Vec<String> = hits.iter().map(|hit| hit.matched[0].1.clone()).collect();
    assert_eq!(told, ["203.0.114.1", "2001:db8:1::1", "2001:db8:2::1", "no address"]);
    assert_eq!(hits[0].matched[1], ("action".to_owned(), "login".to_owned()));
}

#[test]
fn a_group_with_too_many_values_is_silent_until_that_cannot_matter() {
    let mut lines = "- {event: CAN_UNKNOWN_ID, can_id: 1, times: 8, every: 1h}\n".to_owned();
    for id in 2..300 {
        lines += &format!("- {{event: CAN_UNKNOWN_ID, can_id: {id}, at: 8h}}\n");
    }
    lines += "- {event: CAN_UNKNOWN_ID, can_id: 5000, at: 20h}\n- {event: CAN_UNKNOWN_ID, can_id: 5001, at: 38h}\n";
    let mut engine = Engine::new(rules(RULES));
    let mut alerts = Alerts::new();
    add(&mut alerts, &engine.process(&events(&lines)).expect("a batch of events"));
    add(&mut alerts, &engine.finish());
    let new: Vec<_> = alerts.iter().filter(|((rule, ..), _)| rule == "new").map(|(_, sum)| sum.0).collect();
    assert_eq!(new, [298, 1], "the flood is told once, and after twenty hours of silence what is new again");
    let (_, losses) = engine.losses().find(|(id, _)| *id == "new").expect("the rule");
    assert!(losses.evicted_events > 0);
}

#[test]
fn mistakes_are_named_with_their_place_and_what_to_do() {
    let rule = |baseline: &str| {
        let text = format!(
            "title: t\nname: t\nlogsource: {{product: vehicle}}\ndetection: {{s: {{event_name: A}}, condition: s}}\nyagura:\n  \
             baseline: {{{baseline}}}\n"
        );
        let file = RuleFile { path: "r.yml".to_owned(), text: text.clone() };
        let errors = RuleSet::parse(&[file]).err().unwrap_or_default();
        errors.iter().map(|error| error.shown(&text)).collect::<Vec<_>>().join("\n") + "\n"
    };
    let told: String = [
        "type: often, history: 1d, warm-up: 1h",
        "type: first_seen, history: 1d, warm-up: 1h",
        "type: first_seen, field: bus, horizon: 1d, warm-up: 1h",
        "type: first_seen, field: bus, history: 40d, warm-up: 1h",
        "type: first_seen, field: bus, history: 1d, warm-up: 2d",
        "type: first_seen, field: bus, prefix: 64, history: 1d, warm-up: 1h",
        "type: rare, field: bus, history: 36h, warm-up: 1h, share: 0.01, at-least: 200",
        "type: rare, field: bus, history: 2d, warm-up: 1h, share: 2, at-least: 200",
        "type: rate, history: 31d, warm-up: 1h, span: 1m, factor: 5, at-least: 2",
        "type: rate, history: 1d, warm-up: 1h, span: 7h, factor: 5, at-least: 2",
    ]
    .into_iter()
    .map(rule)
    .collect();
    expect![[r#"
        r.yml:6:20: field `baseline.type` must be first_seen, rare or rate
        6 |   baseline: {type: often, history: 1d, warm-up: 1h}
          |                    ^
        r.yml:6:13: field `baseline.field` is missing
        6 |   baseline: {type: first_seen, history: 1d, warm-up: 1h}
          |             ^
          = docs/rules.md shows each type of baseline with all that it needs
        r.yml:6:44: `baseline.horizon` has no meaning here; there are type, field, prefix, group-by, history and warm-up for first_seen
        6 |   baseline: {type: first_seen, field: bus, horizon: 1d, warm-up: 1h}
          |                                            ^
        r.yml:6:53: time span `40d` is not a number with s, m, h, d or w, from 1s to 31d
        6 |   baseline: {type: first_seen, field: bus, history: 40d, warm-up: 1h}
          |                                                     ^
        r.yml:6:66: field `baseline.warm-up` must be no longer than baseline.history
        6 | eline: {type: first_seen, field: bus, history: 1d, warm-up: 2d}
          |                                                             ^
        r.yml:6:52: field `baseline.prefix` must be a number of bits from 8 to 32; twice as many are meant for IPv6
        6 |   baseline: {type: first_seen, field: bus, prefix: 64, history: 1d, warm-up: 1h}
          |                                                    ^
        r.yml:6:47: field `baseline.history` must be whole days for rare: values are counted by day
        6 |   baseline: {type: rare, field: bus, history: 36h, warm-up: 1h, share: 0.01, at-least: 200}
          |                                               ^
        r.yml:6:71: field `baseline.share` must be a number from 0.000001 to 0.5
        6 | : {type: rare, field: bus, history: 2d, warm-up: 1h, share: 2, at-least: 200}
          |                                                             ^
        r.yml:6:35: number of spans in baseline.history of 44640 exceeds the maximum 744
        6 |   baseline: {type: rate, history: 31d, warm-up: 1h, span: 1m, factor: 5, at-least: 2}
          |                                   ^
        r.yml:6:35: field `baseline.history` must be one or more whole spans
        6 |   baseline: {type: rate, history: 1d, warm-up: 1h, span: 7h, factor: 5, at-least: 2}
          |                                   ^
    "#]].assert_eq(&told);
    let counted = rules_with("correlation: {type: event_count, rules: [new], timespan: 1m, condition: {gte: 3}}");
    assert!(counted.contains("rule `new` has a baseline, and what it finds cannot be counted"), "{counted}");
    let beside = rules_with(
        "correlation: {type: event_count, rules: [x], timespan: 1m, condition: {gte: 3}}\nyagura: {baseline: {type: rate}}",
    );
    assert!(beside.contains("`baseline` must be in a rule with `detection`"), "{beside}");
}

fn rules_with(more: &str) -> String {
    let text = format!("{RULES}---\ntitle: more\nid: more\n{more}\n");
    let errors = RuleSet::parse(&[RuleFile { path: "r.yml".to_owned(), text }]).err().unwrap_or_default();
    errors.iter().map(|error| format!("{error}\n")).collect()
}

#[test]
fn the_golden_snapshot_with_baselines_is_read_and_written_again() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/snapshot-4-baselines.hex");
    let mut engine = Engine::new(rules(RULES));
    let batch = events(
        "- {event: CAN_UNKNOWN_ID, can_id: [1, 2], bus: 1, vehicle: 'v{n}', times: 5, every: 7h}\n\
         - {event: CAN_UNKNOWN_ID, can_id: 9, bus: 1, vehicle: v1, at: 29h}\n\
         - {event: CAN_UNKNOWN_ID, can_id: 3, bus: 1, vehicle: v1, at: 2h}",
    );
    engine.process(&batch).expect("a batch of events");
    let bytes = engine.snapshot();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{hex}\n")).expect("a writable repository");
    }
    assert_eq!(std::fs::read_to_string(path).expect("the golden file").trim(), hex);
    let mut again = Engine::new(rules(RULES));
    assert_eq!(again.restore(&bytes).map(|restored| restored.resumed.len()), Ok(4));
    assert_eq!(again.snapshot(), bytes);
    assert_eq!(again.held(), engine.held());
    assert_eq!(
        Engine::new(rules("title: t\nid: new\nlogsource: {product: x}\ndetection: {s: {a: b}, condition: s}"))
            .restore(&bytes)
            .map(|restored| restored.forgotten.len()),
        Ok(4)
    );
}
