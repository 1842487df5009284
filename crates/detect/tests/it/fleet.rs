//! Two stages judge as one engine does, however vehicles are split and records travel.

use crate::{events, rules};
use arrow::array::{AsArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::record_batch::RecordBatch;
use expect_test::expect;
use proptest::prelude::*;
use std::collections::BTreeMap;
use yagura_detect::{
    AlertId, Engine, EventRef, FleetEngine, Hit, Limits, MATCH_BYTES_MAX, MatchRecord, MatchRecordError, SnapshotError,
};
use yagura_model::UnixMicros;

const RULES: &str = "
title: base
name: base
logsource: {product: vehicle}
detection: {s: {event_name: [CAN_UNKNOWN_ID, CAN_SILENT_ID]}, condition: s}
---
title: often
id: often
correlation: {type: event_count, rules: [base], group-by: [vehicle, can_id], timespan: 20s, condition: {gte: 3}}
yagura: {lateness: 1h}
---
title: spread
id: spread
correlation: {type: value_count, rules: [base], group-by: [can_id], timespan: 30s, condition: {field: vehicle, gte: 2}}
yagura: {lateness: 1h}
---
title: kinds
id: kinds
correlation: {type: value_count, rules: [base], timespan: 10s, condition: {field: event_name, gte: 2}}
yagura: {lateness: 1h}
---
title: many
id: many
correlation: {type: event_count, rules: [base], group-by: [event_name], timespan: 1m, condition: {gte: 4}}
yagura: {lateness: 1h}
";

/// What an alert adds up to: rule, events, first and last. How many the fullest window held when it fired depends on the order of
/// arrival, on one engine too.
type Alerts = BTreeMap<AlertId, (String, u64, i64, i64)>;

fn add(alerts: &mut Alerts, hits: Vec<Hit>) {
    for hit in hits {
        let fresh = || (hit.rule.clone(), 0, i64::MAX, i64::MIN);
        let sum = alerts.entry(hit.alert).or_insert_with(fresh);
        sum.1 += hit.count;
        sum.2 = sum.2.min(hit.first.0);
        sum.3 = sum.3.max(hit.last.0);
    }
}

fn some_events() -> impl Strategy<Value = RecordBatch> {
    let item = (0..120_u32, 0..6_u32, 0..3_u32, prop::bool::weighted(0.7), 0..100_u32);
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

/// The rows of the vehicles of one partition.
fn partition(batch: &RecordBatch, of: &[usize], number: usize) -> RecordBatch {
    let vehicles = arrow::compute::cast(&batch["vehicle"], &arrow::datatypes::DataType::Utf8).expect("texts");
    let vehicles = vehicles.as_string::<i32>();
    let index = |row: usize| vehicles.value(row).trim_start_matches('v').parse::<usize>().expect("a number");
    let rows =
        (0..batch.num_rows()).filter(|row| of[index(*row)] == number).map(|row| u32::try_from(row).expect("few"));
    take_record_batch(batch, &UInt32Array::from_iter_values(rows)).expect("rows that exist")
}

/// What the first stages hand on, each in its order, and what they find by themselves.
fn first_stages(batch: &RecordBatch, of: &[usize], alerts: &mut Alerts) -> Vec<Vec<MatchRecord>> {
    let stage = |number: usize, alerts: &mut Alerts| {
        let mut engine = Engine::first_stage(rules(RULES), Limits::default());
        add(alerts, engine.process(&partition(batch, of, number)).expect("a batch of events"));
        engine.take_matches()
    };
    (0..3).map(|number| stage(number, alerts)).collect()
}

/// One stream out of several, which keeps the order of each.
fn interleave(mut streams: Vec<Vec<MatchRecord>>, turns: &[usize]) -> Vec<MatchRecord> {
    streams.iter_mut().for_each(|stream| stream.reverse());
    let mut all = Vec::new();
    for turn in turns.iter().copied().cycle() {
        streams.retain(|stream| !stream.is_empty());
        let Some(count) = streams.len().checked_sub(1) else { return all };
        all.extend(streams[turn % (count + 1)].pop());
    }
    all
}

proptest! {
    #[test]
    fn any_split_and_any_order_gives_the_alerts_of_one_engine(
        batch in some_events(), of in proptest::collection::vec(0..3_usize, 6),
        turns in proptest::collection::vec(0..3_usize, 1..20),
        again in proptest::collection::vec(0..200_usize, 0..30), at in 0..200_usize,
    ) {
        let mut expected = Alerts::new();
        add(&mut expected, Engine::new(rules(RULES)).process(&batch).expect("a batch of events"));

        let mut alerts = Alerts::new();
        let streams = first_stages(&batch, &of, &mut alerts);
        let mut records = interleave(streams, &turns);
        let sent = records.len();
        // A worker that died repeats some of what it sent, later.
        for index in &again {
            if let Some(record) = records.get(*index % sent.max(1)).cloned() {
                records.push(record);
            }
        }
        let bytes: Vec<Vec<u8>> = records.iter().map(MatchRecord::encode).collect();
        let records: Vec<MatchRecord> = bytes.iter().map(|bytes| MatchRecord::decode(bytes).expect("its own bytes")).collect();
        let (before, after) = records.split_at(at.min(records.len()));
        let mut engine = FleetEngine::new(rules(RULES));
        add(&mut alerts, engine.process(before));
        let mut resumed = FleetEngine::new(rules(RULES));
        prop_assert_eq!(resumed.restore(&engine.snapshot()).expect("its own snapshot").resumed.len(), 3);
        prop_assert_eq!(resumed.snapshot(), engine.snapshot());
        add(&mut alerts, resumed.process(after));
        prop_assert_eq!(resumed.losses().duplicates, (records.len() - sent) as u64);
        prop_assert_eq!(alerts, expected);
    }

    #[test]
    fn any_record_survives_its_bytes_and_garbage_is_refused(
        rule in "[a-z-]{0,20}", names in proptest::collection::vec("\\PC{0,12}", 2..8), digest: [u8; 32],
        numbers: (i64, i64, u64, u64, i32), cut in 0..400_usize, noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let record = MatchRecord {
            rule, digest,
            tenant: names[0].clone(), vehicle: names[1].clone(), group: names[2..].to_vec(),
            matched: names.iter().map(|name| (name.clone(), name.clone())).collect(),
            time: UnixMicros(numbers.0), received: UnixMicros(numbers.1), value: numbers.2,
            event: EventRef { position: numbers.3, entry_index: numbers.4 },
        };
        let bytes = record.encode();
        prop_assert_eq!(MatchRecord::decode(&bytes), Ok(record));
        if cut < bytes.len() {
            prop_assert!(MatchRecord::decode(&bytes[..cut]).is_err());
        }
        if let Ok(read) = MatchRecord::decode(&noise) {
            prop_assert_eq!(read.encode(), noise);
        }
    }

    #[test]
    fn damaged_snapshots_are_refused_and_change_nothing(batch in some_events(), at in 0..10_000_usize, bit in 0..8_u32) {
        let mut engine = FleetEngine::new(rules(RULES));
        engine.process(&first_stages(&batch, &[0; 6], &mut Alerts::new())[0]);
        let snapshot = engine.snapshot();
        let mut damaged = snapshot.clone();
        let at = at % damaged.len();
        damaged[at] ^= 1 << bit;
        prop_assert!(engine.restore(&damaged).is_err());
        prop_assert!(engine.restore(&snapshot[..at]).is_err());
        prop_assert_eq!(engine.snapshot(), snapshot);
    }
}

fn two_records() -> Vec<MatchRecord> {
    let batch = events(
        "- {event: CAN_UNKNOWN_ID, vehicle: v1, can_id: 7, at: 1s}\n- {event: CAN_SILENT_ID, vehicle: v2, can_id: 7, at: 2s}",
    );
    let mut engine = Engine::first_stage(rules(RULES), Limits::default());
    assert!(engine.process(&batch).expect("a batch of events").is_empty());
    engine.take_matches()
}

#[test]
fn a_hit_over_the_fleet_names_the_vehicles_and_explains_itself() {
    let mut engine = FleetEngine::new(rules(RULES));
    let hits = engine.process(&two_records());
    let spread = hits.iter().find(|hit| hit.rule == "spread").expect("two vehicles with one identifier");
    let vehicles: Vec<_> = spread.events.iter().filter_map(|event| engine.vehicle(event)).collect();
    assert_eq!((vehicles, spread.vehicle.as_deref(), spread.observed), (vec!["v1", "v2"], None, Some(2)));
    assert_eq!(spread.group, [("can_id".to_owned(), "0x7".to_owned())]);
    assert_eq!(spread.matched, [("event_name".to_owned(), "CAN_SILENT_ID".to_owned())]);
}

#[test]
fn records_of_other_rules_are_counted_and_left_out() {
    let mut engine = FleetEngine::new(rules(&RULES.replace("gte: 2", "gte: 1")));
    assert!(engine.process(&two_records()).iter().all(|hit| hit.rule != "spread"));
    assert_eq!(engine.losses().unknown_rule, 4);
    engine.tidy();
}

#[test]
fn an_engine_that_sees_the_whole_fleet_hands_nothing_on() {
    let mut engine = Engine::new(rules(RULES));
    engine.process(&events("- {event: CAN_UNKNOWN_ID, times: 9}")).expect("a batch of events");
    assert!(engine.take_matches().is_empty());
}

#[test]
fn what_is_no_record_says_why() {
    let bytes = two_records()[0].encode();
    let says = |bytes: &[u8]| MatchRecord::decode(bytes).map_or_else(|e| e.to_string(), |_| "a record".to_owned());
    let newer = [&[9], &bytes[1..]].concat();
    let all = [
        says(&bytes),
        says(&[]),
        says(&newer),
        says(&[bytes.as_slice(), &[0]].concat()),
        says(&vec![1; MATCH_BYTES_MAX + 1]),
    ];
    expect![[r#"
        a record
        match record is damaged at byte 0
        match record has format version 9, this program knows 1
        match record is damaged at byte 120
        match record has 65537 bytes, at most 65536 are allowed"#]]
    .assert_eq(&all.join("\n"));
    assert_eq!(MatchRecord::decode(&newer), Err(MatchRecordError::Version(9)));
    assert_eq!(FleetEngine::new(rules(RULES)).restore(b"YGDS\x00\x01"), Err(SnapshotError::Magic));
}

/// Records of format version 1 and snapshots of versions 1 to 4 stay readable, whatever this release writes.
#[test]
fn the_golden_records_and_snapshots_are_read_and_written_again() {
    let golden = |name: &str, now: &str| {
        let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, now).expect("a writable repository");
        }
        std::fs::read_to_string(&path).expect("the golden file")
    };
    let records = two_records();
    let mut engine = FleetEngine::new(rules(RULES));
    engine.process(&records);
    let lines: String = records.iter().map(|record| hex(&record.encode())).collect();
    assert_eq!(golden("match-record-1.hex", &lines), lines);
    let snapshot = hex(&engine.snapshot());
    assert_eq!(golden("fleet-snapshot-4.hex", &snapshot), snapshot);
    let versions = [
        include_str!("../golden/fleet-snapshot-1.hex"),
        include_str!("../golden/fleet-snapshot-2.hex"),
        include_str!("../golden/fleet-snapshot-3.hex"),
    ];
    for older in versions {
        FleetEngine::new(rules(RULES)).restore(&bytes(older)).expect("a snapshot of an older version");
    }
    for record in records {
        assert_eq!(MatchRecord::decode(&record.encode()), Ok(record));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n"
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.trim().as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).expect("text"), 16).expect("hexadecimal")).collect()
}
