//! The second stage of detection: crashes, repeated records and owners that were replaced change no count.

use crate::rig::database::parsed_url;
use proptest::prelude::*;
use tempfile::TempDir;
use yagura_detect::{EventRef, FleetEngine, MatchRecord, RuleFile};
use yagura_model::{Name, UnixMicros};
use yagura_server::fleetwide::{MatchAt, SecondStage};
use yagura_server::pipeline::Rules;
use yagura_server::place::place;
use yagura_server::state::{AlertFilter, PartitionNumber, State, StateError};
use yagura_server::tenant::Tenant;

const RULES: &str = "title: base\nname: base\nlogsource: {product: vehicle}\ndetection: {s: {event_name: CAN_UNKNOWN_ID}, condition: s}\n---\n\
    title: spread\nid: spread\ncorrelation: {type: value_count, rules: [base], group-by: [can_id], timespan: 1h, condition: {field: vehicle, gte: 3}}\n\
    yagura: {lateness: 1d}\nlevel: high\n";
const NOW: UnixMicros = UnixMicros(1_800_000_000_000_000);

fn rules() -> Rules {
    let file = RuleFile { path: "rules/fleet.yml".to_owned(), text: RULES.to_owned() };
    Rules::of(vec![file]).map_err(|error| error.to_string()).unwrap()
}

fn tenant() -> Tenant {
    Tenant::named(Name::new("acme").unwrap())
}

/// The record of a vehicle's event; its partition is its number's rest.
fn record(at: u64, vehicle: u64) -> MatchRecord {
    let set = rules().set;
    let rule = set.rules().iter().find(|rule| rule.id == "spread").unwrap();
    MatchRecord {
        rule: rule.id.clone(),
        digest: rule.digest,
        tenant: "acme".to_owned(),
        vehicle: format!("v-{vehicle}"),
        group: vec!["7".to_owned()],
        matched: vec![("event_name".to_owned(), "CAN_UNKNOWN_ID".to_owned())],
        time: UnixMicros(NOW.0 + i64::try_from(at).unwrap()),
        received: NOW,
        value: vehicle,
        event: EventRef { position: place(u16::try_from(vehicle % 3).unwrap(), at), entry_index: 0 },
    }
}

async fn take_over(state: &State) -> SecondStage {
    SecondStage::take_over(state, PartitionNumber::fleetwide(0).unwrap(), &rules()).await.unwrap()
}

fn from(log: &[MatchAt], offset: u64) -> &[MatchAt] {
    &log[usize::try_from(offset).unwrap().min(log.len())..]
}

#[derive(Clone, Debug)]
enum Step {
    Take(usize),
    Save,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![4 => (1..6_usize).prop_map(Step::Take), 1 => Just(Step::Save), 2 => Just(Step::Crash)];
    proptest::collection::vec(step, 1..20)
}

async fn live_through(vehicles: &[u64], again: &[usize], steps: &[Step]) {
    let mut records: Vec<MatchRecord> = (0..).zip(vehicles).map(|(at, vehicle)| record(at, *vehicle)).collect();
    let expected: u64 = FleetEngine::new(rules().set).process(&records).iter().map(|hit| hit.count).sum();
    records.extend(again.iter().filter_map(|index| records.get(*index).cloned()).collect::<Vec<_>>());
    let mut log: Vec<Vec<u8>> = records.iter().map(MatchRecord::encode).collect();
    log.insert(0, b"not a record".to_vec());
    let log: Vec<MatchAt> = (0..).zip(log).map(|(offset, bytes)| MatchAt { offset, bytes }).collect();
    let dir = TempDir::new().unwrap();
    let state = State::connect(&parsed_url(dir.path()).await).await.unwrap();
    let mut stage = take_over(&state).await;
    for step in steps {
        let rest = from(&log, stage.next());
        match step {
            Step::Take(count) => drop(stage.take(&rest[..rest.len().min(*count)], NOW).await.unwrap()),
            Step::Save => stage.flushed(NOW).await.unwrap(),
            Step::Crash => {
                let old = stage;
                stage = take_over(&state).await;
                fenced(old, rest).await;
            }
        }
    }
    while stage.next() < log.len() as u64 {
        stage.take(from(&log, stage.next()), NOW).await.unwrap();
    }
    let alerts = state.alerts(&tenant(), &AlertFilter::default(), 9).await.unwrap();
    assert_eq!(u64::try_from(alerts.iter().map(|alert| alert.count).sum::<i64>()).unwrap(), expected);
    for alert in &alerts {
        let events = state.alert_events(&tenant(), &alert.alert_id).await.unwrap();
        assert!(events.iter().all(|event| event.vehicle.starts_with("v-")), "{events:?}");
        assert!(alert.vehicles >= 3 && alert.vehicle.is_none() && alert.group_json.contains("0x7"), "{alert:?}");
    }
    state.close().await;
}

/// An owner that was replaced writes nothing, whatever it still judges.
async fn fenced(mut old: SecondStage, rest: &[MatchAt]) {
    if rest.len() as u64 + old.next()
        > old.partition().state().progress_of(old.partition().number()).await.unwrap().position
    {
        assert!(matches!(old.take(rest, NOW).await, Err(StateError::Fenced { .. })));
    }
}

fn run(vehicles: &[u64], again: &[usize], steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(live_through(vehicles, again, steps));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn crashes_and_repeated_records_change_no_count(
        vehicles in proptest::collection::vec(0..5_u64, 1..25), again in proptest::collection::vec(0..25_usize, 0..6), steps in steps(),
    ) {
        run(&vehicles, &again, &steps);
    }
}

crate::on_postgres!("fleetwide.rs": crashes_and_repeated_records_change_no_count);
