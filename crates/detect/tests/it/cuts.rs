//! Alerts depend on the sequence of events alone: not on batches, not on snapshots, and within lateness not on the order.

use crate::{events, rules};
use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use std::collections::BTreeMap;
use yagura_detect::{AlertId, Engine, Hit, Limits, SnapshotError};

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
correlation: {type: event_count, rules: [base], group-by: [vehicle, can_id], timespan: 20s, condition: {gte: 3}}
---
title: spread
id: spread
correlation: {type: value_count, rules: [base], group-by: [can_id], timespan: 30s, condition: {field: vehicle, gte: 2}}
yagura: {lateness: 40s}
---
title: kinds
id: kinds
correlation: {type: value_count, rules: [base], timespan: 10s, condition: {field: event_name, gte: 2}}
yagura: {lateness: 5s}
";

type Alerts = BTreeMap<AlertId, (String, u64)>;

fn add(alerts: &mut Alerts, hits: Vec<Hit>) {
    for hit in hits {
        assert!(hit.count > 0 && hit.first <= hit.last && !hit.events.is_empty());
        alerts.entry(hit.alert).or_insert_with(|| (hit.rule.clone(), 0)).1 += hit.count;
    }
}

fn run(engine: &mut Engine, batches: impl IntoIterator<Item = RecordBatch>) -> Alerts {
    let mut alerts = Alerts::new();
    batches.into_iter().for_each(|batch| add(&mut alerts, engine.process(&batch).expect("a batch of events")));
    alerts
}

/// Batches of these lengths, then the rest.
fn cut(batch: &RecordBatch, lengths: &[usize]) -> Vec<RecordBatch> {
    let (mut at, mut cuts) = (0, Vec::new());
    for length in lengths {
        let length = (*length).min(batch.num_rows() - at);
        cuts.push(batch.slice(at, length));
        at += length;
    }
    cuts.push(batch.slice(at, batch.num_rows() - at));
    cuts
}

fn some_events() -> impl Strategy<Value = RecordBatch> {
    let item = (0..120_u32, 0..4_u32, 0..4_u32, prop::bool::weighted(0.7), 0..100_u32);
    proptest::collection::vec(item, 1..60).prop_map(|items| {
        let line = |(at, vehicle, id, unknown, more): &(u32, u32, u32, bool, u32)| {
            let event = if *unknown { "CAN_UNKNOWN_ID" } else { "CAN_SILENT_ID" };
            // Some beyond the hour, so that periods of alerts are crossed.
            let at = at + if *more > 70 { 3_000 } else { 2_900 };
            format!("- {{event: {event}, vehicle: v{vehicle}, can_id: {id}, at: {at}s}}\n")
        };
        events(&items.iter().map(line).collect::<String>())
    })
}

fn small() -> Limits {
    Limits { groups_max: 6, entries_max: 20, group_entries_max: 6 }
}

proptest! {
    #[test]
    fn alerts_do_not_depend_on_how_events_are_cut_into_batches(
        batch in some_events(), lengths in proptest::collection::vec(0..20_usize, 0..8), tight: bool,
    ) {
        let limits = if tight { small() } else { Limits::default() };
        let mut whole = Engine::with_limits(rules(RULES), limits);
        let mut pieces = Engine::with_limits(rules(RULES), limits);
        let expected = run(&mut whole, [batch.clone()]);
        prop_assert_eq!(run(&mut pieces, cut(&batch, &lengths)), expected);
        prop_assert_eq!(whole.snapshot(), pieces.snapshot());
        prop_assert_eq!(whole.losses().collect::<Vec<_>>(), pieces.losses().collect::<Vec<_>>());
    }

    #[test]
    fn a_snapshot_at_any_point_changes_nothing(batch in some_events(), at in 0..60_usize, tight: bool) {
        let limits = if tight { small() } else { Limits::default() };
        let mut whole = Engine::with_limits(rules(RULES), limits);
        let expected = run(&mut whole, [batch.clone()]);
        let at = at.min(batch.num_rows());
        let mut before = Engine::with_limits(rules(RULES), limits);
        let mut alerts = run(&mut before, [batch.slice(0, at)]);
        let snapshot = before.snapshot();
        let mut after = Engine::with_limits(rules(RULES), limits);
        let restored = after.restore(&snapshot).expect("its own snapshot");
        prop_assert_eq!(restored.resumed.len(), 3);
        prop_assert_eq!(after.snapshot(), snapshot);
        add(&mut alerts, after.process(&batch.slice(at, batch.num_rows() - at)).expect("a batch of events"));
        prop_assert_eq!(alerts, expected);
        prop_assert_eq!(after.snapshot(), whole.snapshot());
    }

    #[test]
    fn within_lateness_the_order_of_arrival_does_not_matter(batch in some_events(), keys in proptest::collection::vec(0..1_000_u32, 60)) {
        let patient = RULES.replace("lateness: 40s", "lateness: 1h").replace("lateness: 5s", "lateness: 1h");
        let expected = run(&mut Engine::new(rules(&patient)), [batch.clone()]);
        let mut order: Vec<u32> = (0..).take(batch.num_rows()).collect();
        order.sort_by_key(|row| keys[*row as usize]);
        let shuffled = take_record_batch(&batch, &UInt32Array::from(order)).expect("rows that exist");
        prop_assert_eq!(run(&mut Engine::new(rules(&patient)), [shuffled]), expected);
    }

    #[test]
    fn damaged_snapshots_are_refused_and_change_nothing(batch in some_events(), at in 0..10_000_usize, bit in 0..8_u32) {
        let mut engine = Engine::new(rules(RULES));
        run(&mut engine, [batch]);
        let snapshot = engine.snapshot();
        let mut damaged = snapshot.clone();
        let at = at % damaged.len();
        damaged[at] ^= 1 << bit;
        prop_assert!(engine.restore(&damaged).is_err());
        prop_assert!(engine.restore(&snapshot[..at]).is_err());
        prop_assert_eq!(engine.snapshot(), snapshot);
    }
}

#[test]
fn a_changed_rule_does_not_resume_and_says_so() {
    let mut engine = Engine::new(rules(RULES));
    run(&mut engine, [events("- {event: CAN_UNKNOWN_ID, can_id: 1, times: 2}")]);
    let mut changed = Engine::new(rules(&RULES.replace("gte: 3", "gte: 4")));
    let restored = changed.restore(&engine.snapshot()).expect("a snapshot");
    assert_eq!((restored.resumed.len(), restored.forgotten), (2, vec!["often".to_owned()]));
    assert_eq!(engine.restore(b"YGDS\x00\x63"), Err(SnapshotError::Version { found: 99, expected: 4 }));
    assert_eq!(engine.restore(b"other"), Err(SnapshotError::Magic));
}

#[test]
fn an_hour_of_a_vehicle_is_one_alert_of_a_plain_rule() {
    let batch = events(
        "- {event: CAN_UNKNOWN_ID, can_id: 1, times: 5}\n- {event: CAN_UNKNOWN_ID, can_id: 1, at: 50m}\n- {event: CAN_UNKNOWN_ID, can_id: 1, vehicle: v2, at: 10s}",
    );
    let alerts = run(&mut Engine::new(rules(RULES)), [batch]);
    let mut counts: Vec<_> = alerts.values().filter(|(rule, _)| rule == "plain").map(|(_, count)| *count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 5]);
}

#[test]
fn a_vehicle_with_a_clock_in_the_future_does_not_hide_the_others() {
    let batch = events(
        "- {event: CAN_UNKNOWN_ID, can_id: 1, vehicle: v1, at: 2d, received_after: 0s}\n\
         - {event: CAN_UNKNOWN_ID, can_id: 1, vehicle: v2, at: 0s}\n- {event: CAN_UNKNOWN_ID, can_id: 1, vehicle: v3, at: 1s}",
    );
    // The first event's receive time is what the server's clock said: the start of the case.
    let received = batch["received_time"].clone();
    let honest = arrow::compute::concat(&[&received.slice(1, 2), &received.slice(2, 1)]).expect("three times");
    let mut columns = batch.columns().to_vec();
    let at = batch.schema().index_of("received_time").expect("a column");
    columns[at] = honest;
    let batch = RecordBatch::try_new(batch.schema(), columns).expect("the same types");
    let mut engine = Engine::new(rules(RULES));
    let alerts = run(&mut engine, [batch]);
    assert!(alerts.values().any(|(rule, count)| rule == "spread" && *count == 3), "{alerts:?}");
    assert!(engine.losses().all(|(_, losses)| losses.late == 0));
}

#[test]
fn what_is_given_up_is_counted() {
    let mut engine = Engine::with_limits(rules(RULES), small());
    let line = |i: u32| {
        format!(
            "- {{event: CAN_UNKNOWN_ID, can_id: {i}, vehicle: v{i}, times: 9, at: 100s}}\n- {{event: CAN_SILENT_ID, at: 1s}}\n"
        )
    };
    run(&mut engine, [events(&(0..50).map(line).collect::<String>())]);
    let losses: BTreeMap<_, _> = engine.losses().collect();
    assert!(losses["often"].evicted_groups > 0, "{losses:?}");
    assert!(losses["often"].without_field > 0, "an event without an identifier takes no part");
    assert!(losses["kinds"].late > 0, "{losses:?}");
    let (groups, _) = engine.held();
    assert!(groups <= 3 * 6, "{groups}");
}

/// Snapshots of older format versions stay readable: they hold the same groups; those of version 1 do not say what they do not hold.
#[test]
fn the_golden_snapshots_of_older_versions_are_still_read() {
    let versions = [
        include_str!("../golden/snapshot-1.hex"),
        include_str!("../golden/snapshot-2.hex"),
        include_str!("../golden/snapshot-3.hex"),
    ];
    for golden in versions {
        let golden = golden.trim();
        let bytes: Vec<u8> = (0..golden.len() / 2)
            .map(|at| u8::from_str_radix(&golden[2 * at..2 * at + 2], 16).expect("hexadecimal"))
            .collect();
        let mut engine = Engine::new(rules(RULES));
        assert_eq!(engine.restore(&bytes).map(|restored| restored.resumed.len()), Ok(3));
        assert_eq!(engine.held(), (7, 19));
    }
}

#[test]
fn the_golden_snapshot_of_version_4_is_read_and_written_again() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/snapshot-4.hex");
    let mut engine = Engine::new(rules(RULES));
    let batch = events(
        "- {event: CAN_UNKNOWN_ID, can_id: 1, vehicle: 'v{n}', times: 3}\n- {event: CAN_SILENT_ID, can_id: 2, times: 3}\n- {event: CAN_SILENT_ID}",
    );
    run(&mut engine, [batch]);
    let bytes = engine.snapshot();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{hex}\n")).expect("a writable repository");
    }
    let golden = std::fs::read_to_string(path).expect("the golden file");
    assert_eq!(golden.trim(), hex);
    let mut again = Engine::new(rules(RULES));
    assert_eq!(again.restore(&bytes).map(|restored| restored.resumed.len()), Ok(3));
    assert_eq!(again.snapshot(), bytes);
}
