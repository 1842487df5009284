//! What a partition's owner writes: once, whole, and only while it is the owner. And what becomes of a state of an older version.

use crate::rig::database::{is_postgres, parsed_url, run_sql};
use std::sync::Arc;
use tempfile::TempDir;
use yagura_detect::Hidden;
use yagura_model::{DeviceId, Name, UnixMicros};
use yagura_server::gate::TokenHash;
use yagura_server::state::{
    ALERT_EVENTS_MAX, AlertFilter, AlertRise, ChainRow, Delta, LastReport, PartitionNumber, RateStep, State,
    StateError, TransferError, Unjudged,
};
use yagura_server::tenant::Tenant;

const NOW: UnixMicros = UnixMicros(1_800_000_000_000_000);

async fn state(dir: &TempDir) -> State {
    State::connect(&parsed_url(dir.path()).await).await.unwrap()
}

fn tenant() -> Tenant {
    Tenant::named(Name::new("acme").unwrap())
}

fn rise(alert: u8, count: u64, events: std::ops::Range<u64>) -> AlertRise {
    AlertRise {
        tenant: tenant(),
        alert_id: [alert; 32],
        rule_id: "r".to_owned(),
        title_en: "Title\0".to_owned(),
        title_ja: "題".to_owned(),
        severity: 3,
        vehicle: Some("v-1".to_owned()),
        technique: None,
        group_json: "[]".to_owned(),
        match_json: "[]".to_owned(),
        window: UnixMicros(0),
        first: UnixMicros(i64::try_from(events.start).unwrap()),
        last: UnixMicros(i64::try_from(events.end).unwrap()),
        count,
        domain: "can",
        moving: None,
        vehicles_counted: 0,
        shadow: false,
        trigger: (events.start, 0),
        events: events.map(|place| (place, 0, format!("v-{}", place % 3))).collect(),
    }
}

/// A batch that ends before `position`, with a little of everything.
fn delta(position: u64) -> Delta {
    let device: DeviceId = "acme/v-1/cgw".parse().unwrap();
    let highest = LastReport { boot: 1, sequence: position, digest: [7; 32], position };
    let chain =
        ChainRow { device, highest: Some(highest), last_seen: Some(NOW), lost: [1, 0, 0, u64::MAX], missing: 2 };
    Delta {
        position,
        late: Vec::new(),
        alerts: vec![
            rise(1, 2, position..position + 2),
            rise(2, 1, position..position + 1),
            rise(1, 1, position + 1..position + 3),
        ],
        chains: vec![chain.clone(), chain],
        rates: vec![RateStep { tenant: tenant(), step: NOW, events: 3, reports: 1 }],
        hours: vec![(tenant(), "v-1".to_owned(), NOW, 3)],
        losses: vec![(tenant(), "undecodable", 2, NOW), (tenant(), "undecodable", 1, NOW)],
        certificates: Vec::new(),
        revocations: Vec::new(),
        unjudged: vec![Unjudged {
            tenant: tenant(),
            rule: "r".to_owned(),
            since: NOW,
            cause: "r".to_owned(),
            cost_ns: 9_000,
            received: (NOW, NOW),
            events: 3,
        }],
        hidden: vec![Hidden { exception: "x".to_owned(), tenant: "acme".to_owned(), day: UnixMicros(0), matches: 2 }],
    }
}

#[tokio::test]
async fn a_batch_that_is_applied_again_after_a_lost_answer_counts_once() {
    let dir = TempDir::new().unwrap();
    let state = state(&dir).await;
    let partition = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    let first = partition.apply(&delta(5), NOW).await.unwrap();
    let again = partition.apply(&delta(5), NOW).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(first.iter().map(|(_, row)| (row.count, row.vehicles)).collect::<Vec<_>>(), [(3, 3), (1, 1)]);
    assert_eq!(state.rates(&tenant(), UnixMicros(0)).await.unwrap().events, 3);
    assert_eq!(partition.pending_rows(6).await.unwrap().len(), 3);
    assert!(matches!(partition.apply(&delta(4), NOW).await, Err(StateError::Damaged(_))));
    state.close().await;
}

#[tokio::test]
async fn what_batches_add_is_the_same_on_both_databases() {
    let dir = TempDir::new().unwrap();
    let state = state(&dir).await;
    let partition = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    for position in [5, 10, 15, 20, 25, 30, 35, 40] {
        partition.apply(&delta(position), NOW).await.unwrap();
    }
    let row = state.alert(&tenant(), &[1; 32]).await.unwrap().unwrap();
    assert_eq!((row.count, row.first_us, row.last_us, row.title_en.as_str()), (24, 5, 43, "Title\u{FFFD}"));
    assert_eq!(state.alert_events(&tenant(), &[1; 32]).await.unwrap().len(), ALERT_EVENTS_MAX);
    let kept = state.alert_events(&tenant(), &[1; 32]).await.unwrap();
    assert_eq!(kept.iter().map(|event| event.position).max(), Some(30), "the first ones are kept");
    let losses = state.losses(&tenant()).await.unwrap();
    assert_eq!(losses.iter().map(|loss| (loss.kind.as_str(), loss.count)).collect::<Vec<_>>(), [("undecodable", 24)]);
    assert_eq!(
        state
            .alerts(&tenant(), &AlertFilter { vehicle: Some("v-2".into()), ..AlertFilter::default() }, 9)
            .await
            .unwrap()
            .len(),
        2
    );
    state.close().await;
}

#[tokio::test]
async fn an_owner_that_was_replaced_writes_nothing_more() {
    let dir = TempDir::new().unwrap();
    let state = state(&dir).await;
    let old = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    old.apply(&delta(5), NOW).await.unwrap();
    let new = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    assert_eq!((old.epoch(), new.epoch()), (1, 2));
    let fenced = |error: StateError| matches!(error, StateError::Fenced { epoch: 1, .. });
    assert!(fenced(old.apply(&delta(10), NOW).await.unwrap_err()));
    assert!(fenced(old.apply(&delta(5), NOW).await.unwrap_err()));
    assert!(fenced(old.flushed(5, Some(b"old"), NOW).await.unwrap_err()));
    assert!(fenced(old.progress().await.unwrap_err()));
    assert_eq!(new.progress().await.unwrap().position, 5);
    new.apply(&delta(10), NOW).await.unwrap();
    new.flushed(10, Some(b"engine"), NOW).await.unwrap();
    let progress = new.progress().await.unwrap();
    assert_eq!(
        (progress.position, progress.lake_position, progress.snapshot.as_deref()),
        (10, 10, Some(&b"engine"[..]))
    );
    assert_eq!(new.pending_rows(11).await.unwrap().len(), 0);
    state.close().await;
}

#[tokio::test]
async fn partitions_do_not_see_each_others_progress_and_add_up_for_people() {
    let dir = TempDir::new().unwrap();
    let state = state(&dir).await;
    let (three, fleet) = (PartitionNumber::records(3).unwrap(), PartitionNumber::fleetwide(3).unwrap());
    let (one, two) = (state.take_over(three).await.unwrap(), state.take_over(fleet).await.unwrap());
    let apply = async |partition: &yagura_server::state::Partition| {
        for position in 1..=20 {
            partition.apply(&delta(position), NOW).await.unwrap();
        }
    };
    tokio::join!(apply(&one), apply(&two));
    assert_eq!(state.rates(&tenant(), UnixMicros(0)).await.unwrap().reports, 40);
    assert_eq!(state.losses(&tenant()).await.unwrap()[0].count, 120);
    one.flushed(20, Some(b""), NOW).await.unwrap();
    assert_eq!((one.pending_rows(21).await.unwrap().len(), two.pending_rows(21).await.unwrap().len()), (0, 60));
    assert_eq!(state.progress_of(PartitionNumber::SINGLE).await.unwrap().epoch, 0);
    state.close().await;
}

#[tokio::test]
async fn no_device_can_push_a_count_out_of_its_bits() {
    let dir = TempDir::new().unwrap();
    let state = state(&dir).await;
    let partition = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    for position in 1..=4 {
        let hostile = (tenant(), "sensor_events", u64::MAX, NOW);
        partition.apply(&Delta { position, losses: vec![hostile; 3], ..delta(position) }, NOW).await.unwrap();
    }
    assert_eq!(state.losses(&tenant()).await.unwrap()[0].count, 4 << 32);
    state.close().await;
}

#[tokio::test]
async fn many_rows_go_in_one_batch() {
    let dir = TempDir::new().unwrap();
    let state = state(&dir).await;
    let partition = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    let chain = |n: u64| ChainRow {
        device: format!("acme/v-{n}/cgw").parse().unwrap(),
        highest: None,
        last_seen: Some(NOW),
        lost: [0; 4],
        missing: 1,
    };
    let hours = (0..1_500).map(|n| (tenant(), format!("v-{n}"), NOW, 2)).collect();
    let many = Delta { chains: (0..1_500).map(chain).collect(), hours, ..delta(9) };
    partition.apply(&many, NOW).await.unwrap();
    assert_eq!(state.reporting(&tenant(), NOW).await.unwrap(), 1_500);
    state.close().await;
}

#[tokio::test]
async fn a_state_that_is_exported_and_imported_goes_on_where_it_was() {
    let dir = TempDir::new().unwrap();
    let state = state(&dir).await;
    let partition = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    partition.apply(&delta(5), NOW).await.unwrap();
    partition.flushed(3, Some(&[0, 255]), NOW).await.unwrap();
    let device: DeviceId = "acme/v-1/cgw".parse().unwrap();
    state.put_enrolment_token(&device, "Kona", TokenHash::of("t"), NOW).await.unwrap();
    let mut file = Vec::new();
    let rows = state.export(&mut file).await.unwrap();
    assert!(rows > 10, "{rows}");
    assert!(matches!(state.import(&mut file.as_slice()).await, Err(TransferError::NotEmpty)));
    state.close().await;

    // Into both databases.
    let other = TempDir::new().unwrap();
    let fresh = [
        State::open(&other.path().join("state.db")).await.unwrap(),
        State::connect(&parsed_url(other.path()).await).await.unwrap(),
    ];
    for to in fresh.iter().take(if is_postgres() { 2 } else { 1 }) {
        let cut = file.len() - 14;
        assert!(matches!(to.import(&mut &file[..cut]).await, Err(TransferError::Line { .. })));
        assert_eq!(to.import(&mut file.as_slice()).await.unwrap(), rows);
        let mut again = Vec::new();
        to.export(&mut again).await.unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(file.clone()).unwrap());
        let progress = to.progress_of(PartitionNumber::SINGLE).await.unwrap();
        assert_eq!((progress.position, progress.snapshot.as_deref()), (5, Some(&[0, 255][..])));
        let partition = to.take_over(PartitionNumber::SINGLE).await.unwrap();
        assert_eq!(partition.pending_rows(6).await.unwrap().len(), 3);
        partition.apply(&delta(9), NOW).await.unwrap();
        to.close().await;
    }
}

#[tokio::test]
async fn a_state_of_the_first_version_is_brought_up_to_date() {
    let dir = Arc::new(TempDir::new().unwrap());
    let old = include_str!("../../migrations/sqlite/0001_first_light.sql");
    let filled = "INSERT INTO totals VALUES ('acme', 70, 7); INSERT INTO rates VALUES ('acme', 5000000, 70, 7);
        INSERT INTO losses VALUES ('acme', 'undecodable', 3, 1); INSERT INTO vehicle_hours VALUES ('acme', 'v-1', 0, 70);
        UPDATE pipeline SET position = 9, snapshot_position = 4, snapshot = x'01', lake_position = 4;
        INSERT INTO alert_rows (applied, tenant, alert_id, rule_id, title, severity, group_json, window_us, time_us, count,
                                position, entry_index) VALUES (8, 'acme', x'00', 'r', 't', 1, '[]', 0, 0, 1, 8, 0);";
    let sqlx = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
        installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL,
        execution_time BIGINT NOT NULL);";
    // As sqlx wrote it: SHA-384 of the migration's text.
    let checksum = <sha2::Sha384 as sha2::Digest>::digest(old.as_bytes());
    let checksum: String = checksum.iter().map(|byte| format!("{byte:02x}")).collect();
    let applied = format!("INSERT INTO _sqlx_migrations VALUES (1, 'first light', 0, TRUE, x'{checksum}', 0);");
    std::fs::write(dir.path().join("state.db"), "").unwrap();
    run_sql(dir.path(), &format!("{old}{filled}{sqlx}{applied}")).await;
    let state = state(&dir).await;
    let progress = state.progress_of(PartitionNumber::SINGLE).await.unwrap();
    assert_eq!((progress.position, progress.snapshot_position, progress.lake_position), (9, 4, 4));
    assert_eq!(progress.snapshot.as_deref(), Some(&[1][..]));
    let rates = state.rates(&tenant(), UnixMicros(0)).await.unwrap();
    assert_eq!((rates.events, rates.reports, rates.steps.len()), (70, 7, 1));
    assert_eq!(state.losses(&tenant()).await.unwrap()[0].count, 3);
    let partition = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    assert_eq!(partition.pending_rows(9).await.unwrap().len(), 1);
    partition.apply(&delta(12), NOW).await.unwrap();
    assert_eq!(state.rates(&tenant(), UnixMicros(0)).await.unwrap().events, 73);
    let raised = state.alerts_raised_since(NOW, 9).await.unwrap();
    assert_eq!(raised.iter().map(|(_, row, when)| (row.count, *when)).collect::<Vec<_>>(), [(3, NOW), (1, NOW)]);
    state.close().await;
}

#[tokio::test]
async fn an_alert_of_the_shadow_is_told_to_nobody_until_a_live_rule_raises_it() {
    let dir = TempDir::new().unwrap();
    let state = state(&dir).await;
    let partition = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    let of = |position, shadow| {
        let alerts = vec![AlertRise { shadow, ..rise(1, 2, position..position + 1) }];
        Delta { position: position + 1, alerts, ..Delta::default() }
    };
    let waiting = async || partition.pending_rows(9).await.unwrap().len();
    assert_eq!(partition.apply(&of(0, true), NOW).await.unwrap(), []);
    assert_eq!(waiting().await, 0, "the lake holds what people were told");
    let raised = partition.apply(&of(1, false), NOW).await.unwrap();
    assert_eq!((raised[0].1.count, raised[0].1.shadow, waiting().await), (4, 0, 1));
    let raised = partition.apply(&of(2, true), NOW).await.unwrap();
    assert_eq!((raised[0].1.count, raised[0].1.shadow), (6, 0), "what people know stays known");
    state.close().await;
}

crate::on_postgres!(
    "partition.rs":
    an_alert_of_the_shadow_is_told_to_nobody_until_a_live_rule_raises_it,
    a_batch_that_is_applied_again_after_a_lost_answer_counts_once,
    what_batches_add_is_the_same_on_both_databases,
    an_owner_that_was_replaced_writes_nothing_more,
    partitions_do_not_see_each_others_progress_and_add_up_for_people,
    no_device_can_push_a_count_out_of_its_bits,
    many_rows_go_in_one_batch,
    a_state_that_is_exported_and_imported_goes_on_where_it_was;
    except "a_state_of_the_first_version_is_brought_up_to_date"
);
