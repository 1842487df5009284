//! Baselines: what fires is what their definition says of the set of events (ADR-0032), whatever the order, the batches, the snapshots
//! in between, the split over engines, and, once late data is judged, the lateness.

use crate::{events, rules};
use arrow::array::{AsArray, Int64Array, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{cast, concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use expect_test::expect;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use yagura_detect::{
    AlertId, Engine, FleetEngine, Hit, Hunter, LateJudge, LateWindow, Limits, RuleFile, RuleSet, judged_time,
};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Rules of each type, by vehicle and over the fleet.
const RULES: &str = "
title: new
id: new
logsource: {product: vehicle}
detection: {s: {event_name: CAN_UNKNOWN_ID}, condition: s}
yagura: {lateness: 12h, baseline: {type: first_seen, field: can_id, group-by: [vehicle], history: 20h, warm-up: 6h}}
---
title: new in the fleet
id: new in the fleet
logsource: {product: vehicle}
detection: {s: {event_name: CAN_UNKNOWN_ID}, condition: s}
yagura: {lateness: 12h, baseline: {type: first_seen, field: can_id, group-by: [bus], history: 9h, warm-up: 9h}}
---
title: rare
id: rare
logsource: {product: vehicle}
detection: {s: {event_name: CAN_UNKNOWN_ID}, condition: s}
yagura: {lateness: 12h, baseline: {type: rare, field: can_id, group-by: [vehicle], history: 2d, warm-up: 10h, share: 0.2, at-least: 6}}
---
title: fast
id: fast
logsource: {product: vehicle}
detection: {s: {event_name: CAN_UNKNOWN_ID}, condition: s}
yagura: {lateness: 12h, baseline: {type: rate, group-by: [vehicle], history: 15h, warm-up: 5h, span: 3h, factor: 2, at-least: 3}}
";

/// An alert: rule, group, hour. What it counts: events, first, last.
type Alerts = BTreeMap<(String, Vec<String>, i64), (u64, i64, i64)>;

fn key(hit: &Hit) -> (String, Vec<String>, i64) {
    (hit.rule.clone(), hit.group.iter().map(|(_, value)| value.clone()).collect(), hit.window_start.0)
}

fn add(alerts: &mut Alerts, hits: &[Hit]) {
    for hit in hits {
        assert!(hit.count > 0 && !hit.events.is_empty());
        let known = alerts.entry(key(hit)).or_insert((0, i64::MAX, i64::MIN));
        *known = (known.0 + hit.count, known.1.min(hit.first.0), known.2.max(hit.last.0));
    }
}

fn times(rows: &RecordBatch, name: &str) -> Int64Array {
    cast(&rows[name], &DataType::Int64).expect("a time").as_primitive::<Int64Type>().clone()
}

fn taken(rows: &RecordBatch, order: Vec<u32>) -> RecordBatch {
    take_record_batch(rows, &UInt32Array::from(order)).expect("rows that exist")
}

/// The rows in the order of these keys, each received when the latest of those before it had happened, and so much later.
fn delivered(rows: &RecordBatch, keys: impl Fn(usize, i64) -> i64, pauses: &[i64]) -> RecordBatch {
    let time = times(rows, "time");
    let mut order: Vec<u32> = (0..).take(rows.num_rows()).collect();
    order.sort_by_key(|row| keys(*row as usize, time.value(*row as usize)));
    let rows = taken(rows, order);
    let mut now = 0;
    let came = times(&rows, "time");
    let at = came.values().iter().zip(pauses.iter().copied().chain(std::iter::repeat(0)));
    let at: Vec<i64> = at
        .map(|(time, pause)| {
            now = now.max(*time) + pause;
            now
        })
        .collect();
    let mut columns = rows.columns().to_vec();
    let index = rows.schema().index_of("received_time").expect("a column");
    columns[index] = Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC"));
    RecordBatch::try_new(rows.schema(), columns).expect("the same types")
}

/// What the definition says of one group: time and value of its events.
fn judge(rule: &str, group: &[(i64, u32)], mut fires: impl FnMut(i64)) {
    let (history, warm_up) = match rule {
        "new" => (20 * HOUR, 6 * HOUR),
        "new in the fleet" => (9 * HOUR, 9 * HOUR),
        "rare" => (2 * DAY, 10 * HOUR),
        _ => (15 * HOUR, 5 * HOUR),
    };
    for (time, value) in group {
        let instants: BTreeSet<i64> = group.iter().map(|(at, _)| *at).filter(|at| at <= time).collect();
        let mut start = *time;
        for at in instants.iter().rev() {
            start = if start - at <= history { *at } else { break };
        }
        if start > time - warm_up {
            continue;
        }
        let before = |at: i64| at < *time;
        let unusual = match rule {
            "rare" => {
                let past = |at: i64| before(at) && at.div_euclid(DAY) >= time.div_euclid(DAY) - 2;
                let all = group.iter().filter(|(at, _)| past(*at)).count();
                let own = group.iter().filter(|(at, v)| past(*at) && v == value).count();
                all >= 6 && own * 10 < all * 2
            }
            "fast" => {
                let span = |at: i64| at.div_euclid(3 * HOUR);
                let count = |slot: i64| group.iter().filter(|(at, _)| at <= time && span(*at) == slot).count();
                let now = span(*time);
                now_is_fast(count(now), (now - 5..now).map(count).max().unwrap_or(0))
            }
            _ => !group.iter().any(|(at, v)| before(*at) && *at >= time - history && v == value),
        };
        if unusual {
            fires(*time);
        }
    }
}

fn now_is_fast(count: usize, most: usize) -> bool {
    count >= 3 && count > most * 2
}

/// All alerts, straight from the set of events.
fn expected(rows: &RecordBatch) -> Alerts {
    let mut alerts = Alerts::new();
    let time = times(rows, "time");
    let column = |name: &str| cast(&rows[name], &DataType::Utf8).expect("texts").as_string::<i32>().clone();
    let values = times(rows, "can_id");
    for (rule, by) in [("new", "vehicle"), ("new in the fleet", "bus"), ("rare", "vehicle"), ("fast", "vehicle")] {
        let names = column(by);
        let mut groups: BTreeMap<String, Vec<(i64, u32)>> = BTreeMap::new();
        for row in 0..rows.num_rows() {
            let event = (time.value(row), u32::try_from(values.value(row)).expect("small"));
            groups.entry(names.value(row).to_owned()).or_default().push(event);
        }
        for (name, group) in groups {
            judge(rule, &group, |at| {
                let hour = at - at.rem_euclid(HOUR);
                let known = alerts.entry((rule.to_owned(), vec![name.clone()], hour)).or_insert((0, at, at));
                *known = (known.0 + 1, known.1.min(at), known.2.max(at));
            });
        }
    }
    alerts
}

/// Hour and minute, vehicle, identifier.
type Item = (u32, u32, u32, u32);

/// Some days of a few vehicles with a few identifiers; often at the same instant.
fn some_events() -> impl Strategy<Value = Vec<Item>> {
    // Some identifiers are common.
    let id = prop::sample::select(vec![0_u32, 0, 0, 0, 1, 2]);
    let item = (0..130_u32, prop::sample::select(vec![0_u32, 0, 1, 20, 59]), 0..3_u32, id);
    proptest::collection::vec(item, 1..120)
}

fn rows_of(items: &[Item]) -> RecordBatch {
    let line = |(hour, minute, vehicle, id): &Item| {
        let at = hour * 60 + minute;
        format!("- {{event: CAN_UNKNOWN_ID, vehicle: v{vehicle}, bus: {}, can_id: {id}, at: {at}m}}\n", vehicle % 2)
    };
    events(&items.iter().map(line).collect::<String>())
}

/// Within the lateness in any order.
fn patient(rows: &RecordBatch, keys: &[u32]) -> RecordBatch {
    delivered(rows, |row, time| time + i64::from(keys[row % keys.len()] % 600) * HOUR / 60, &[])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_fires_is_what_the_definition_says_in_any_order_within_lateness_and_with_any_cut(
        items in some_events(), keys in proptest::collection::vec(0..1_000_u32, 120),
        cuts in proptest::collection::vec((1..40_usize, any::<bool>()), 0..8),
    ) {
        let batch = rows_of(&items);
        let expected = expected(&batch);
        let rows = patient(&batch, &keys);
        let mut engine = Engine::new(rules(RULES));
        let (mut alerts, mut at) = (Alerts::new(), 0);
        for (length, snapshot) in cuts.into_iter().chain([(usize::MAX, true)]) {
            let length = length.min(rows.num_rows() - at);
            add(&mut alerts, &engine.process(&rows.slice(at, length)).expect("a batch of events"));
            at += length;
            if snapshot {
                let bytes = engine.snapshot();
                engine = Engine::new(rules(RULES));
                prop_assert_eq!(engine.restore(&bytes).expect("its own").resumed.len(), 4);
                prop_assert_eq!(engine.snapshot(), bytes);
            }
        }
        let losses: Vec<_> = engine.losses().map(|(_, losses)| losses).collect();
        add(&mut alerts, &engine.finish());
        prop_assert_eq!(alerts, expected);
        prop_assert!(losses.iter().all(|it| it.late + it.evicted_events + it.evicted_groups == 0), "{:?}", losses);
        prop_assert!(engine.take_late().is_empty());
    }

    #[test]
    fn any_order_of_arrival_ends_in_the_same_state_whatever_the_batches(
        items in some_events(), keys in proptest::collection::vec(0..1_000_u32, 120), length in 1..50_usize, tight: bool,
    ) {
        let batch = rows_of(&items);
        let limits = if tight { small() } else { Limits::default() };
        let rows = patient(&batch, &keys);
        let mut whole = Engine::with_limits(rules(RULES), limits);
        let mut pieces = Engine::with_limits(rules(RULES), limits);
        let (mut expected, mut alerts) = (Alerts::new(), Alerts::new());
        add(&mut expected, &whole.process(&rows).expect("a batch of events"));
        for at in (0..rows.num_rows()).step_by(length) {
            let rows = rows.slice(at, length.min(rows.num_rows() - at));
            add(&mut alerts, &pieces.process(&rows).expect("a batch of events"));
        }
        prop_assert_eq!(alerts, expected);
        prop_assert_eq!(whole.snapshot(), pieces.snapshot());
    }

    #[test]
    fn with_too_little_room_fewer_alerts_come_and_never_others(
        items in some_events(),
    ) {
        let batch = rows_of(&items);
        let expected = expected(&batch);
        let mut engine = Engine::with_limits(rules(RULES), small());
        let mut alerts = Alerts::new();
        // In order: what has no room to wait is judged at once, and what comes behind it is late.
        let rows = delivered(&batch, |_, time| time, &[]);
        add(&mut alerts, &engine.process(&rows).expect("a batch of events"));
        add(&mut alerts, &engine.finish());
        for (key, found) in &alerts {
            prop_assert!(expected.get(key).is_some_and(|known| known.0 >= found.0), "{:?} {:?}", key, found);
        }
    }

    #[test]
    fn two_stages_judge_as_one_engine_does(
        items in some_events(), keys in proptest::collection::vec(0..1_000_u32, 120), again in 1..4_usize,
    ) {
        let batch = rows_of(&items);
        let rows = patient(&batch, &keys);
        let mut alerts = Alerts::new();
        let mut first = Engine::first_stage(rules(RULES), Limits::default());
        add(&mut alerts, &first.process(&rows).expect("a batch of events"));
        let records = first.take_matches();
        add(&mut alerts, &first.finish());
        prop_assert!(records.iter().all(|record| record.rule == "new in the fleet"));
        let mut second = FleetEngine::new(rules(RULES));
        for part in records.chunks(7) {
            // Sent twice, now and then, as long as it waits.
            (0..again).for_each(|_| add(&mut alerts, &second.process(part)));
            let bytes = second.snapshot();
            second = FleetEngine::new(rules(RULES));
            second.restore(&bytes).expect("its own snapshot");
        }
        add(&mut alerts, &second.finish());
        prop_assert_eq!(alerts, expected(&batch));
    }

    #[test]
    fn once_late_data_is_judged_alerts_are_those_of_rows_in_order(
        items in some_events(),
        keys in proptest::collection::vec(0..10_000_u32, 120),
        jitter in prop::sample::select(vec![1_u32, 600, 2_000, 9_000]),
        pauses in proptest::collection::vec(prop::sample::select(vec![0, 0, 0, HOUR, 30 * HOUR, 9 * DAY]), 120),
        judged in proptest::collection::vec(prop::bool::weighted(0.05), 120),
    ) {
        let batch = rows_of(&items);
        let late = |row: usize, time: i64| time + i64::from(keys[row % keys.len()] % jitter) * HOUR / 60;
        let rows = delivered(&batch, late, &pauses);
        let mut model = Model::new();
        for row in 0..rows.num_rows() {
            model.take(rows.slice(row, 1));
            if judged[row % judged.len()] {
                model.judge_late();
            }
        }
        model.finish();
        prop_assert_eq!(model.alerts(), expected(&batch));
    }
}

fn small() -> Limits {
    Limits { groups_max: 3, entries_max: 30, group_entries_max: 8 }
}

/// A server as far as late data goes.
struct Model {
    engine: Engine,
    judge: LateJudge,
    hits: BTreeMap<AlertId, Alerts>,
    windows: BTreeMap<AlertId, LateWindow>,
    rows: Vec<RecordBatch>,
}

impl Model {
    fn new() -> Self {
        let (engine, judge) = (Engine::new(rules(RULES)), LateJudge::new(rules(RULES)));
        Self { engine, judge, hits: BTreeMap::new(), windows: BTreeMap::new(), rows: Vec::new() }
    }

    fn keep(&mut self, hits: &[Hit]) {
        hits.iter().for_each(|hit| add(self.hits.entry(hit.alert).or_default(), std::slice::from_ref(hit)));
        self.windows.extend(self.engine.take_late().into_iter().map(|window| (window.alert, window)));
    }

    fn take(&mut self, batch: RecordBatch) {
        let hits = self.engine.process(&batch).expect("a batch of events");
        self.keep(&hits);
        self.rows.push(batch);
    }

    fn finish(&mut self) {
        let hits = self.engine.finish();
        self.keep(&hits);
        self.judge_late();
    }

    fn judge_late(&mut self) {
        let all = concat_batches(&self.rows[0].schema(), &self.rows).expect("one schema");
        let (time, received) = (times(&all, "time"), times(&all, "received_time"));
        for window in std::mem::take(&mut self.windows).into_values() {
            self.judge.begin([window.alert]);
            let inside =
                |row| (window.from.0..window.to.0).contains(&judged_time(time.value(row), received.value(row)));
            let rows = filter_record_batch(&all, &(0..all.num_rows()).map(|row| Some(inside(row))).collect());
            self.judge.process(&rows.expect("as many")).expect("rows");
            self.hits.remove(&window.alert);
            let hits = self.judge.finish();
            hits.iter().for_each(|hit| add(self.hits.entry(hit.alert).or_default(), std::slice::from_ref(hit)));
        }
    }

    fn alerts(&self) -> Alerts {
        self.hits.values().flatten().map(|(key, sum)| (key.clone(), *sum)).collect()
    }
}

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
        "type: first_seen, field: bus, histroy: 1d, warm-up: 1h",
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
        r.yml:6:44: `baseline.histroy` has no meaning here; there are type, field, prefix, group-by, history and warm-up for first_seen
        6 |   baseline: {type: first_seen, field: bus, histroy: 1d, warm-up: 1h}
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
