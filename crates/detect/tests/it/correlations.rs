//! Correlations of every type against their definition: any order of arrival within lateness, any cut into batches, a snapshot at any
//! point, one engine or two stages.

use crate::oracle::{Alerts, Event, SECOND, Spec, alerts};
use crate::{events, rules};
use arrow::array::{TimestampMicrosecondArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use std::fmt::Write;
use std::sync::Arc;
use yagura_detect::{Engine, FleetEngine, Hit, Limits, MatchRecord, RuleErrorKind, RuleFile, RuleSet};

/// Plain rules and the events that they match.
const PLAIN: [(&str, &str); 5] = [
    ("a", "event_name: CAN_UNKNOWN_ID"),
    ("b", "event_name: CAN_SILENT_ID"),
    ("c", "event_name: CAN_EARLY_FRAME"),
    ("ab", "event_name: [CAN_UNKNOWN_ID, CAN_SILENT_ID]"),
    ("hot", "'observed|gt': 5"),
];

fn matches(rule: &str, event: &Event) -> bool {
    match rule {
        "a" => event.kind == 0,
        "b" => event.kind == 1,
        "c" => event.kind == 2,
        "ab" => event.kind < 2,
        "hot" => event.observed.is_some_and(|number| number > 5),
        _ => false,
    }
}

const NONE: Spec = Spec {
    id: "",
    kind: "event_count",
    rules: &[],
    group_by: &["vehicle"],
    aliases: &[],
    fields: &[],
    span: 20,
    bounds: &[],
    expression: None,
};

/// Correlations of every type; those that others count stand before them.
const SPECS: [Spec; 20] = [
    Spec { id: "often", rules: &["ab"], group_by: &["vehicle", "bus"], bounds: &[("gte", 3.0)], ..NONE },
    Spec { id: "few", rules: &["ab", "hot"], bounds: &[("lt", 3.0)], ..NONE },
    Spec { id: "range", rules: &["ab"], span: 30, bounds: &[("gt", 1.0), ("lte", 3.0)], ..NONE },
    Spec {
        id: "spread",
        kind: "value_count",
        rules: &["ab"],
        group_by: &["bus"],
        fields: &["vehicle"],
        bounds: &[("gte", 2.0)],
        ..NONE
    },
    Spec {
        id: "alone",
        kind: "value_count",
        rules: &["a", "b"],
        group_by: &["bus"],
        fields: &["vehicle"],
        span: 30,
        bounds: &[("eq", 1.0)],
        ..NONE
    },
    Spec {
        id: "pairs",
        kind: "value_count",
        rules: &["ab"],
        group_by: &[],
        fields: &["vehicle", "bus"],
        span: 10,
        bounds: &[("gte", 3.0)],
        ..NONE
    },
    Spec { id: "sum", kind: "value_sum", rules: &["ab"], fields: &["observed"], bounds: &[("gte", 12.0)], ..NONE },
    Spec { id: "average", kind: "value_avg", rules: &["ab"], fields: &["observed"], bounds: &[("lt", 3.0)], ..NONE },
    Spec {
        id: "percentile",
        kind: "value_percentile 90",
        rules: &["ab"],
        fields: &["observed"],
        bounds: &[("gt", 6.0)],
        ..NONE
    },
    Spec {
        id: "median",
        kind: "value_median",
        rules: &["ab"],
        group_by: &["bus"],
        fields: &["observed"],
        bounds: &[("neq", 4.0)],
        ..NONE
    },
    Spec { id: "together", kind: "temporal", rules: &["a", "b", "hot"], ..NONE },
    Spec { id: "two", kind: "temporal", rules: &["a", "b", "c"], bounds: &[("gte", 2.0)], ..NONE },
    Spec {
        id: "expression",
        kind: "temporal",
        rules: &["a", "b", "c"],
        expression: Some(("a and (b or not c)", |matched| matched[0] && (matched[1] || !matched[2]))),
        ..NONE
    },
    Spec { id: "ordered", kind: "temporal_ordered", rules: &["a", "b", "c"], span: 30, ..NONE },
    Spec {
        id: "alias",
        kind: "temporal",
        rules: &["a", "b"],
        group_by: &["unit"],
        aliases: &[("unit", "a", "bus"), ("unit", "b", "expected")],
        ..NONE
    },
    Spec { id: "then", kind: "temporal_ordered", rules: &["often", "c"], span: 40, ..NONE },
    Spec { id: "again", rules: &["then", "often"], span: 60, bounds: &[("gte", 2.0)], ..NONE },
    Spec { id: "quiet", rules: &["few"], span: 30, bounds: &[("gte", 4.0)], ..NONE },
    Spec {
        id: "fleet",
        kind: "value_count",
        rules: &["often"],
        group_by: &[],
        fields: &["vehicle"],
        span: 60,
        bounds: &[("gte", 2.0)],
        ..NONE
    },
    Spec {
        id: "waves",
        rules: &["spread"],
        group_by: &["bus"],
        span: 60,
        bounds: &[("gte", 2.0), ("lt", 5.0)],
        ..NONE
    },
];

fn rule_text() -> String {
    let plain = |(name, search): &(&str, &str)| {
        format!(
            "---\ntitle: {name}\nname: {name}\nlogsource: {{product: vehicle}}\ndetection: {{s: {{{search}}}, condition: s}}\n"
        )
    };
    PLAIN.iter().map(plain).chain(SPECS.iter().map(Spec::text)).collect()
}

fn some_events() -> impl Strategy<Value = Vec<Event>> {
    let event = (
        0..200_i64,
        0..3_usize,
        0..4_u32,
        prop::option::weighted(0.9, 0..2_u32),
        0..2_u32,
        prop::option::weighted(0.9, -2..10_i32),
    );
    let event = event.prop_map(|(at, kind, vehicle, bus, expected, observed)| {
        // Around the hour, so that periods of alerts are crossed.
        Event { at: 3_500 + at, kind, vehicle, bus, expected, observed }
    });
    proptest::collection::vec(event, 1..70)
}

/// The events as rows that come up to a minute late, in the order in which they come, and the vehicle of each.
fn rows(events_given: &[Event], jitter: &[i64]) -> (RecordBatch, Vec<u32>) {
    let mut lines = String::new();
    for event in events_given {
        let name = ["CAN_UNKNOWN_ID", "CAN_SILENT_ID", "CAN_EARLY_FRAME"][event.kind];
        write!(
            lines,
            "- {{event: {name}, vehicle: v{}, at: {}s, expected: {}",
            event.vehicle, event.at, event.expected
        )
        .expect("a text");
        event.bus.iter().for_each(|bus| write!(lines, ", bus: {bus}").expect("a text"));
        event.observed.iter().for_each(|number| write!(lines, ", observed: {number}").expect("a text"));
        lines.push_str("}\n");
    }
    let batch = events(&lines);
    let mut order: Vec<(i64, u32)> =
        (0..).zip(events_given).map(|(row, event)| (event.at + jitter[row as usize % jitter.len()], row)).collect();
    order.sort_unstable();
    let taken = take_record_batch(&batch, &UInt32Array::from_iter_values(order.iter().map(|(_, row)| *row)))
        .expect("rows that exist");
    let start = start();
    let received = TimestampMicrosecondArray::from_iter_values(order.iter().map(|(at, _)| start + at * SECOND));
    let mut columns = taken.columns().to_vec();
    columns[taken.schema().index_of("received_time").expect("a column")] = Arc::new(received.with_timezone("UTC"));
    let vehicles = order.iter().map(|(_, row)| events_given[*row as usize].vehicle).collect();
    (RecordBatch::try_new(taken.schema(), columns).expect("the same types"), vehicles)
}

/// When cases begin.
fn start() -> i64 {
    use arrow::array::AsArray;
    let time = events("- {at: 0s}")["time"].clone();
    arrow::compute::cast(&time, &arrow::datatypes::DataType::Int64)
        .expect("a time")
        .as_primitive::<arrow::datatypes::Int64Type>()
        .value(0)
}

fn add(sums: &mut Alerts, hits: &[Hit]) {
    for hit in hits.iter().filter(|hit| SPECS.iter().any(|spec| spec.id == hit.rule)) {
        let group = hit.group.iter().map(|(_, value)| value.clone()).collect();
        let sum = sums.entry((hit.rule.clone(), group, hit.window_start.0)).or_insert((0, i64::MAX, i64::MIN));
        *sum = (sum.0 + hit.count, sum.1.min(hit.first.0), sum.2.max(hit.last.0));
    }
}

/// What the definition says, in times of the rows.
fn expected(given: &[Event]) -> Alerts {
    let start = start();
    let moved: Vec<Event> =
        given.iter().map(|event| Event { at: event.at + start / SECOND, ..event.clone() }).collect();
    alerts(&SPECS, &moved, matches)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn every_type_gives_what_its_definition_says(
        given in some_events(),
        jitter in proptest::collection::vec(0..60_i64, 70),
        cuts in proptest::collection::vec(1..12_usize, 1..12),
        restore in prop::option::of(0..8_usize),
    ) {
        let expected = expected(&given);
        let (batch, _) = rows(&given, &jitter);
        let set = rules(&rule_text());
        let mut whole = Engine::new(set.clone());
        let mut sums = Alerts::new();
        add(&mut sums, &whole.process(&batch).expect("a batch of events"));
        prop_assert!(whole.losses().all(|(_, losses)| losses.late == 0), "{:?}", whole.losses().collect::<Vec<_>>());
        let snapshot = whole.snapshot();
        add(&mut sums, &whole.finish());
        prop_assert_eq!(&sums, &expected);

        let mut engine = Engine::new(set.clone());
        let (mut sums, mut at) = (Alerts::new(), 0);
        for (number, length) in cuts.iter().chain([&usize::MAX]).enumerate() {
            let length = (*length).min(batch.num_rows() - at);
            add(&mut sums, &engine.process(&batch.slice(at, length)).expect("a batch of events"));
            at += length;
            if restore == Some(number) {
                let bytes = engine.snapshot();
                engine = Engine::new(set.clone());
                prop_assert_eq!(engine.restore(&bytes).expect("its own snapshot").resumed.len(), SPECS.len());
                prop_assert!(engine.snapshot() == bytes);
            }
        }
        prop_assert!(engine.snapshot() == snapshot, "cuts change nothing");
        add(&mut sums, &engine.finish());
        prop_assert_eq!(&sums, &expected);
    }

    #[test]
    fn what_is_given_up_for_lack_of_room_does_not_depend_on_cuts(
        given in some_events(),
        jitter in proptest::collection::vec(0..60_i64, 70),
        cuts in proptest::collection::vec(1..12_usize, 1..12),
        restore in 0..8_usize,
    ) {
        let (batch, _) = rows(&given, &jitter);
        let limits = Limits { groups_max: 4, entries_max: 20, group_entries_max: 6 };
        let set = rules(&rule_text());
        let (mut whole, mut engine) = (Engine::with_limits(set.clone(), limits), Engine::with_limits(set.clone(), limits));
        let (mut expected, mut sums, mut at) = (Alerts::new(), Alerts::new(), 0);
        add(&mut expected, &whole.process(&batch).expect("a batch of events"));
        for (number, length) in cuts.iter().chain([&usize::MAX]).enumerate() {
            let length = (*length).min(batch.num_rows() - at);
            add(&mut sums, &engine.process(&batch.slice(at, length)).expect("a batch of events"));
            at += length;
            if restore == number {
                let bytes = engine.snapshot();
                engine = Engine::with_limits(set.clone(), limits);
                engine.restore(&bytes).expect("its own snapshot");
            }
        }
        prop_assert!(engine.snapshot() == whole.snapshot());
        prop_assert_eq!(engine.losses().collect::<Vec<_>>(), whole.losses().collect::<Vec<_>>());
        add(&mut expected, &whole.finish());
        add(&mut sums, &engine.finish());
        prop_assert_eq!(sums, expected);
    }

    #[test]
    fn two_stages_give_what_the_definition_says(
        given in some_events(),
        jitter in proptest::collection::vec(0..60_i64, 70),
        of in proptest::collection::vec(0..2_u32, 4),
        at in 0..200_usize,
    ) {
        let set = rules(&rule_text());
        let (mut sums, mut records) = (Alerts::new(), Vec::new());
        let (batch, vehicles) = rows(&given, &jitter);
        for part in 0..2 {
            let own = (0..).zip(&vehicles).filter(|(_, vehicle)| of[**vehicle as usize] == part).map(|(row, _)| row);
            let own = take_record_batch(&batch, &UInt32Array::from_iter_values(own)).expect("rows that exist");
            let mut engine = Engine::first_stage(set.clone(), Limits::default());
            add(&mut sums, &engine.process(&own).expect("a batch of events"));
            add(&mut sums, &engine.finish());
            records.append(&mut engine.take_matches());
        }
        records.sort_by_key(|record| record.received);
        let records: Vec<MatchRecord> = records.iter().map(|record| MatchRecord::decode(&record.encode()).expect("its own bytes")).collect();
        let (before, after) = records.split_at(at.min(records.len()));
        let mut engine = FleetEngine::new(set.clone());
        add(&mut sums, &engine.process(before));
        let mut resumed = FleetEngine::new(set);
        resumed.restore(&engine.snapshot()).expect("its own snapshot");
        prop_assert!(resumed.snapshot() == engine.snapshot());
        add(&mut sums, &resumed.process(after));
        add(&mut sums, &resumed.finish());
        prop_assert_eq!(sums, expected(&given));
    }
}

fn problems(text: &str) -> String {
    let base = "title: a\nname: a\nlogsource: {product: vehicle}\ndetection: {s: {bus: 1}, condition: s}\n";
    let set = RuleSet::parse(&[RuleFile { path: "r.yml".into(), text: format!("{base}{text}") }]);
    set.map_or_else(|errors| errors.iter().map(|error| format!("{error}\n")).collect(), |_| "none".to_owned())
}

fn count(name: &str, more: &str) -> String {
    format!(
        "---\ntitle: {name}\nname: {name}\ncorrelation: {{type: event_count, timespan: 1m, condition: {{gte: 2}}, {more}}}\n"
    )
}

#[test]
fn references_that_lead_nowhere_are_refused_with_a_way_out() {
    let circle =
        count("x", "rules: [a, z]") + &count("y", "rules: [x]") + &count("z", "rules: [y]") + &count("w", "rules: [z]");
    let found = problems(&circle);
    assert!(found.contains("in a circle: x → z → y → x; take one of them out of `rules`"), "{found}");
    assert!(found.contains("rule `z` is not in this rule set"), "who counts them cannot be judged either: {found}");
    let alone = problems(&count("x", "rules: [x]"));
    assert!(alone.contains("in a circle: x → x"), "{alone}");

    let fields = count("x", "rules: [a], group-by: [bus]") + &count("y", "rules: [x], group-by: [vehicle]");
    let found = problems(&fields);
    assert!(found.contains("field `vehicle` is not among those that `x` groups by (bus)"), "{found}");
    let found = problems(&count("x", "rules: [a], group-by: [u], aliases: {u: {b: bus}}"));
    assert!(found.contains("alias `u` names the rule `b`, which is not among `rules`"), "{found}");

    let mut deep = count("c0", "rules: [a]");
    (1..12).for_each(|n| deep += &count(&format!("c{n}"), &format!("rules: [c{}]", n - 1)));
    let found = problems(&deep);
    assert!(found.contains("depth of correlations over correlations of 9 exceeds the maximum 8"), "{found}");
}

#[test]
fn mistakes_of_a_correlation_are_named() {
    let rule = |rest: &str| format!("---\ntitle: x\ncorrelation: {{rules: [a], timespan: 1m, {rest}}}\n");
    for (rest, expected) in [
        ("type: near", "correlation type `near` is not supported"),
        ("type: event_count, condition: {least: 2}", "`condition.least` must be one of gt, gte, lt, lte, eq, neq"),
        ("type: event_count, condition: {gte: 2.5}", "`gte` must be a whole number"),
        ("type: value_sum, condition: {gte: 2}", "`condition.field` is missing"),
        ("type: value_avg, condition: {gte: x, field: bus}", "`gte` must be a number"),
        ("type: value_percentile, condition: {gte: 2, field: bus, percentile: 101}", "a whole number from 0 to 100"),
        (
            "type: value_sum, condition: {gte: 2, field: bus, percentile: 10}",
            "absent unless the type is value_percentile",
        ),
        ("type: temporal, condition: a and b", "search `b` is not in the detection"),
        ("type: temporal_ordered, condition: a", "condition over rule names of `temporal_ordered`"),
        ("type: temporal, condition: {gte: 1, field: bus}", "absent for event_count and temporal"),
    ] {
        let found = problems(&rule(rest));
        assert!(found.contains(expected), "{rest}\n gave {found}\n expected {expected}");
    }
    assert_eq!(problems(&rule("type: temporal")), "none");
    assert_eq!(problems("---\ntitle: x\ncorrelation: {type: temporal, timespan: 1m, condition: a or not a}\n"), "none");
}

/// The specification's own schema tests: each is a correlation, read once its rules are there.
#[test]
fn the_examples_of_the_specification_are_read() {
    let folder = crate::root().join("../shared/data/intel/sigma/spec/tests/schema/correlation");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let base = |name: &str| {
        format!(
            "title: {name}\nname: {name}\nlogsource: {{product: vehicle}}\ndetection: {{s: {{bus: 1}}, condition: s}}\n---\n"
        )
    };
    let names = [
        "5638f7c0-ac70-491d-8465-2a65075e0d86",
        "recon_cmd_a",
        "recon_cmd_b",
        "recon_cmd_c",
        "rule_a_id",
        "process_creation",
        "website_access",
    ];
    let bases: String = names.iter().map(|name| base(name)).collect();
    let files = crate::files(&folder, ".yml");
    assert_eq!(files.len(), 8);
    for file in files {
        let set = RuleSet::parse(&[RuleFile { path: file.path.clone(), text: format!("{bases}{}", file.text) }]);
        assert!(set.is_ok(), "{}: {set:?}", file.path);
    }
}

#[test]
fn failed_logins_followed_by_a_successful_one_are_a_chain() {
    let text = "
title: Multiple failed logins followed by a successful one
id: chain
correlation: {type: temporal_ordered, rules: [many_failed, success], group-by: [vehicle], timespan: 10m}
---
title: Many failed logins
name: many_failed
correlation: {type: event_count, rules: [failed], group-by: [vehicle], timespan: 10m, condition: {gte: 10}}
---
title: Failed login
name: failed
logsource: {product: vehicle}
detection: {s: {event_name: CAN_UNKNOWN_ID}, condition: s}
---
title: Login
name: success
logsource: {product: vehicle}
detection: {s: {event_name: CAN_SILENT_ID}, condition: s}
";
    let mut engine = Engine::new(rules(text));
    let logins = |failed: u32| {
        events(&format!(
            "- {{event: CAN_UNKNOWN_ID, vehicle: v1, times: {failed}}}\n- {{event: CAN_SILENT_ID, vehicle: v1}}"
        ))
    };
    assert_eq!(engine.process(&logins(9)).expect("a batch of events"), []);
    let mut engine = Engine::new(rules(text));
    let hits = engine.process(&logins(10)).expect("a batch of events");
    let found: Vec<_> =
        hits.iter().map(|hit| (hit.rule.as_str(), hit.count, hit.observed, hit.vehicle.as_deref())).collect();
    assert_eq!(
        found,
        [("chain", 2, Some(2), Some("v1"))],
        "the firing and the login; what is counted says nothing itself"
    );
}

#[test]
fn a_repeated_rule_is_refused_where_the_order_means_something() {
    let base = "title: A\nid: a-id\nname: a\nlogsource: {product: vehicle}\ndetection: {s: {bus: 1}, condition: s}\n";
    let text = format!("{base}---\ntitle: x\ncorrelation: {{type: temporal, rules: [a, a-id], timespan: 1m}}\n");
    let errors = RuleSet::parse(&[RuleFile { path: "r.yml".into(), text }]).expect_err("twice the same");
    assert_eq!(errors[0].kind, RuleErrorKind::Repeated("a-id".into()));
}

#[test]
fn engines_may_go_to_other_threads() {
    const fn sent<T: Send + Sync>() {}
    sent::<Engine>();
    sent::<FleetEngine>();
    sent::<yagura_detect::LateJudge>();
    sent::<RuleSet>();
}

#[test]
fn many_chains_that_lead_nowhere_cost_little() {
    // Twenty thousand correlations, each over the one before, over nothing; and five thousand circles.
    let file = |n: usize| {
        let chain: String = (0..1_000)
            .map(|k| count(&format!("c{}", n * 1_000 + k), &format!("rules: [c{}]", (n * 1_000 + k).wrapping_sub(1))))
            .collect();
        RuleFile { path: format!("{n}.yml"), text: chain.trim_start_matches("---\n").to_owned() }
    };
    let circle = |n: usize| {
        let circles: String = (0..1_000)
            .map(|k| count(&format!("o{}", n * 1_000 + k), &format!("rules: [o{}]", n * 1_000 + k)))
            .collect();
        RuleFile { path: format!("o{n}.yml"), text: circles.trim_start_matches("---\n").to_owned() }
    };
    let files: Vec<RuleFile> = (0..20).map(file).chain((0..5).map(circle)).collect();
    let (set, errors) = RuleSet::parse_usable(&files);
    assert_eq!((set.rules().len(), errors.len()), (0, 25_000));
}
