//! What is said of a rule is what is done with it.

use crate::rules;
use expect_test::{Expect, expect};
use yagura_detect::{Tried, explain};

fn check(text: &str, id: &str, expected: Expect) {
    let set = rules(text);
    let explained = explain(&set, set.rule(id).expect("a rule"));
    let slow = explained.slow.iter().map(|it| format!("slow: {it}"));
    expected.assert_eq(&explained.words.iter().cloned().chain(slow).collect::<Vec<_>>().join("\n"));
}

const RULES: &str = "\
title: Odd value
id: r
name: odd
logsource: {product: vehicle, service: can}
detection:
    s: {event_name: CAN_EARLY_FRAME, observed|re: 'id [0-9]+', expected|re: '[0-9]{4}', sensor|contains: [gate, ivi]}
    condition: s
---
title: Often
id: c
correlation: {type: value_avg, rules: [odd], group-by: [vehicle], timespan: 10m, condition: {field: speed_kmh, gt: 3}}
---
title: Bench
logsource: {product: vehicle}
filter: {rules: [odd], s: {bus: 1}, condition: not s}
yagura: {reason: bench, expires: 2027-01-31}
";

#[test]
fn a_rule_says_whose_events_which_fields_and_what_is_tried_where() {
    check(
        RULES,
        "r",
        expect![[r#"
            It looks at the events of product `vehicle` (service `can` is for people and pipelines).
            It asks `event_name` (one test), answered by a look-up.
            It asks `observed` (one test), tried only on values that hold `id `.
            It asks `expected` (one test), tried on every value.
            It asks `sensor` (2 tests), found in one pass with all other rules’ texts.
            It asks `bus` (one test), answered by a look-up.
            It asks `time` (one test), answered by a look-up.
            The exception “Bench” hides some of its matches, until it expires.
            It raises no alerts of its own: a correlation counts it.
            slow: A test on `expected` is tried on every value: give its expression a text of two or more characters that every match holds, or ask with `contains`, `startswith` or `endswith` instead."#]],
    );
    let set = rules(RULES);
    let explained = explain(&set, set.rule("r").unwrap());
    let tried = |field: &str| explained.questions.iter().find(|it| it.field == field).map(|it| it.tried);
    assert_eq!((tried("event_name"), tried("sensor")), (Some(Tried::LookedUp), Some(Tried::InOnePass)));
    assert_eq!((tried("observed"), tried("expected")), (Some(Tried::WhereTextIsSeen), Some(Tried::OnEveryValue)));
    assert_eq!(explained.exceptions, ["Bench"]);
}

#[test]
fn a_correlation_says_what_it_holds() {
    check(
        RULES,
        "c",
        expect![[r#"
        It looks at no event itself.
        It counts “Odd value”, apart for each vehicle, in windows of 600 s.
        It is judged when no event of the window may come any more: 600 s after its last event.
        A group holds the events of 1200 s, at most 1024: 90 bytes with one, at most 32858.
        Its matches are alerts.
        slow: Every event that comes out of order has the windows behind it judged again."#]],
    );
}
