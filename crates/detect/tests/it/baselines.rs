//! Baselines: what fires is what their definition says of the set of events (ADR-0032), whatever the order, the batches, the snapshots
//! in between, the split over engines, and, once late data is judged, the lateness.

use crate::{events, rules};
use arrow::array::{AsArray, Int64Array, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{cast, concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use yagura_detect::{AlertId, Engine, FleetEngine, Hit, LateJudge, LateWindow, Limits, judged_time};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Rules of each type, by vehicle and over the fleet.
pub(crate) const RULES: &str = "
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
pub(crate) type Alerts = BTreeMap<(String, Vec<String>, i64), (u64, i64, i64)>;

fn key(hit: &Hit) -> (String, Vec<String>, i64) {
    (hit.rule.clone(), hit.group.iter().map(|(_, value)| value.clone()).collect(), hit.window_start.0)
}

pub(crate) fn add(alerts: &mut Alerts, hits: &[Hit]) {
    for hit in hits {
        assert!(hit.count > 0 && !hit.events.is_empty());
        let known = alerts.entry(key(hit)).or_insert((0, i64::MAX, i64::MIN));
        *known = (known.0 + hit.count, known.1.min(hit.first.0), known.2.max(hit.last.0));
    }
}

fn times(rows: &RecordBatch, name: &str) -> Int64Array {
    cast(&rows[name], &DataType::Int64).expect("a time").as_primitive::<Int64Type>().clone()
}

pub(crate) fn taken(rows: &RecordBatch, order: Vec<u32>) -> RecordBatch {
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
pub(crate) fn expected(rows: &RecordBatch) -> Alerts {
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
