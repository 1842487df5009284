//! Late data: whatever came when, the alerts and counts are those of rows in order once the windows that were named are judged.

use crate::{events, rules};
use arrow::array::{AsArray, Int64Array, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::{cast, concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use yagura_detect::{AlertId, Engine, Hit, LateJudge, LateWindow, judged_time};

const RULES: &str = "
title: plain
id: plain
logsource: {product: vehicle}
detection: {s: {event_name: CAN_UNKNOWN_ID, 'can_id|lte': 2}, condition: s}
---
title: base
name: base
logsource: {product: vehicle}
detection: {s: {event_name: [CAN_UNKNOWN_ID, CAN_SILENT_ID]}, condition: s}
---
title: often
id: often
correlation: {type: event_count, rules: [base], group-by: [vehicle, can_id], timespan: 20m, condition: {gte: 3}}
---
title: spread
id: spread
correlation: {type: value_count, rules: [base], group-by: [can_id], timespan: 2h, condition: {field: vehicle, gte: 2}}
yagura: {lateness: 5s}
---
title: kinds
id: kinds
correlation: {type: value_count, rules: [base], timespan: 10m, condition: {field: event_name, gte: 2}}
yagura: {lateness: 40s}
---
title: silent
name: silent
logsource: {product: vehicle}
detection: {s: {event_name: CAN_SILENT_ID}, condition: s}
---
title: few
id: few
correlation: {type: event_count, rules: [base], group-by: [vehicle], timespan: 20m, condition: {lt: 3}, generate: true}
---
title: then
id: then
correlation: {type: temporal_ordered, rules: [often, silent], group-by: [vehicle], timespan: 30m, generate: true}
---
title: often few
id: often few
correlation: {type: event_count, rules: [few], group-by: [vehicle], timespan: 1h, condition: {gte: 2}}
---
title: spread again
id: spread again
correlation: {type: event_count, rules: [spread, often], group-by: [can_id], timespan: 90m, condition: {gt: 1, lt: 5}, generate: true}
";

const SECOND: i64 = 1_000_000;

/// Alerts with what they count: events, first, last.
type Alerts = BTreeMap<AlertId, (String, u64, i64, i64)>;

fn add(alerts: &mut Alerts, hit: &Hit) {
    let fresh = || (hit.rule.clone(), 0, i64::MAX, i64::MIN);
    let known = alerts.entry(hit.alert).or_insert_with(fresh);
    *known = (hit.rule.clone(), known.1 + hit.count, known.2.min(hit.first.0), known.3.max(hit.last.0));
}

fn times(rows: &RecordBatch, name: &str) -> Int64Array {
    cast(&rows[name], &DataType::Int64).expect("a time").as_primitive::<Int64Type>().clone()
}

/// The rows with these times of receipt.
fn received(rows: &RecordBatch, at: Vec<i64>) -> RecordBatch {
    let mut columns = rows.columns().to_vec();
    let index = rows.schema().index_of("received_time").expect("a column");
    columns[index] = Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC"));
    RecordBatch::try_new(rows.schema(), columns).expect("the same types")
}

/// The rows that decide about a window.
fn deciding(rows: &RecordBatch, window: &LateWindow) -> RecordBatch {
    let (time, received) = (times(rows, "time"), times(rows, "received_time"));
    let inside = |row| (window.from.0..window.to.0).contains(&judged_time(time.value(row), received.value(row)));
    filter_record_batch(rows, &(0..rows.num_rows()).map(inside).map(Some).collect()).expect("as many")
}

/// A server as far as late data goes: an engine, what it said, what is to be judged again, and all rows.
struct Model {
    engine: Engine,
    judge: LateJudge,
    alerts: Alerts,
    windows: BTreeMap<AlertId, LateWindow>,
    rows: Vec<RecordBatch>,
}

impl Model {
    fn new() -> Self {
        let (engine, judge) = (Engine::new(rules(RULES)), LateJudge::new(rules(RULES)));
        Self { engine, judge, alerts: Alerts::new(), windows: BTreeMap::new(), rows: Vec::new() }
    }

    fn take(&mut self, batch: RecordBatch) {
        for hit in self.engine.process(&batch).expect("a batch of events") {
            add(&mut self.alerts, &hit);
        }
        self.windows.extend(self.engine.take_late().into_iter().map(|window| (window.alert, window)));
        self.rows.push(batch);
    }

    /// No more rows come.
    fn finish(&mut self) {
        self.engine.finish().iter().for_each(|hit| add(&mut self.alerts, hit));
        self.windows.extend(self.engine.take_late().into_iter().map(|window| (window.alert, window)));
        self.judge_late();
    }

    fn judge_late(&mut self) {
        let all = concat_batches(&self.rows[0].schema(), &self.rows).expect("one schema");
        for window in std::mem::take(&mut self.windows).into_values() {
            self.judge.begin([window.alert]);
            let rows = deciding(&all, &window);
            let half = rows.num_rows() / 2;
            // In the order of events, in two stretches.
            let rows = sorted(&rows);
            self.judge.process(&rows.slice(0, half)).expect("rows");
            self.judge.process(&rows.slice(half, rows.num_rows() - half)).expect("rows");
            // What was raised on half of the events may turn out to be nothing.
            self.alerts.remove(&window.alert);
            for hit in self.judge.finish() {
                assert_eq!(hit.alert, window.alert);
                add(&mut self.alerts, &hit);
            }
        }
    }
}

fn sorted(rows: &RecordBatch) -> RecordBatch {
    let time = times(rows, "time");
    let mut order: Vec<u32> = (0..).take(rows.num_rows()).collect();
    order.sort_by_key(|row| time.value(*row as usize));
    take_record_batch(rows, &UInt32Array::from(order)).expect("rows that exist")
}

/// What one engine says that sees all rows in order, each when it happened.
fn in_order(batch: &RecordBatch) -> Alerts {
    let batch = sorted(batch);
    let at = times(&batch, "time").values().to_vec();
    let mut engine = Engine::new(rules(RULES));
    let mut alerts = Alerts::new();
    let batch = received(&batch, at);
    engine.process(&batch).expect("a batch of events").iter().for_each(|hit| add(&mut alerts, hit));
    engine.finish().iter().for_each(|hit| add(&mut alerts, hit));
    alerts
}

fn some_events() -> impl Strategy<Value = RecordBatch> {
    let item = (0..6 * 60_u32, 0..3_u32, 0..3_u32, prop::bool::weighted(0.7));
    proptest::collection::vec(item, 1..70).prop_map(|items| {
        let line = |(at, vehicle, id, unknown): &(u32, u32, u32, bool)| {
            let event = if *unknown { "CAN_UNKNOWN_ID" } else { "CAN_SILENT_ID" };
            format!("- {{event: {event}, vehicle: v{vehicle}, can_id: {id}, at: {at}m}}\n")
        };
        events(&items.iter().map(line).collect::<String>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_order_and_lateness_gives_the_alerts_of_rows_in_order_once_all_is_judged(
        batch in some_events(),
        keys in proptest::collection::vec(0..1_000_u32, 70),
        jitter in prop::sample::select(vec![1_u32, 30, 400, 1_000]),
        pauses in proptest::collection::vec(prop::sample::select(vec![0, SECOND, 600 * SECOND, 40 * 3_600 * SECOND]), 70),
        judged in proptest::collection::vec(prop::bool::weighted(0.3), 70),
    ) {
        // Delivered in the order of time and up to `jitter` minutes later, with pauses in which groups may be forgotten.
        let time = times(&batch, "time");
        let mut order: Vec<u32> = (0..).take(batch.num_rows()).collect();
        order.sort_by_key(|row| time.value(*row as usize) / (60 * SECOND) + i64::from(keys[*row as usize] % jitter));
        let shuffled = take_record_batch(&batch, &UInt32Array::from(order)).expect("rows that exist");
        let mut now = 0;
        let came = times(&shuffled, "time");
        let at = came.values().iter().zip(&pauses).map(|(time, pause)| {
            now = now.max(*time) + pause;
            now
        });
        let shuffled = received(&shuffled, at.collect());
        let mut model = Model::new();
        for (row, judge) in judged.iter().enumerate().take(shuffled.num_rows()) {
            model.take(shuffled.slice(row, 1));
            if *judge {
                model.judge_late();
            }
        }
        model.finish();
        prop_assert_eq!(&model.alerts, &in_order(&batch));
    }
}

#[test]
fn what_comes_in_order_and_in_time_is_not_judged_again() {
    let line = |n: u32| format!("- {{event: CAN_UNKNOWN_ID, vehicle: v{}, can_id: 1, at: {n}m}}\n", n % 3);
    let mut model = Model::new();
    for n in 0..300 {
        model.take(events(&line(n)));
        assert!(model.windows.is_empty(), "minute {n}: {:?}", model.windows);
    }
    assert!(!model.alerts.is_empty());
}

#[test]
fn a_car_that_uploads_a_month_later_completes_an_attack_that_others_reported_in_time() {
    let batch = events(
        "- {event: CAN_UNKNOWN_ID, vehicle: v1, can_id: 1, at: 0s, times: 2}\n\
         - {event: CAN_UNKNOWN_ID, vehicle: v1, can_id: 1, at: 5m, received_after: 30d}",
    );
    let mut model = Model::new();
    model.take(batch.slice(0, 2));
    let often = |model: &Model| model.alerts.values().filter(|(rule, ..)| rule == "often").map(|a| a.1).sum::<u64>();
    assert_eq!((often(&model), model.windows.len()), (0, 0));
    model.take(batch.slice(2, 1));
    assert_eq!(often(&model), 0, "the group is forgotten");
    assert!(model.windows.values().any(|window| window.rule == "often" && window.vehicle.as_deref() == Some("v1")));
    model.judge_late();
    assert_eq!(often(&model), 3);
    assert!(model.windows.is_empty());
}
