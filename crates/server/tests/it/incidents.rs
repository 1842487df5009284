//! Incidents on a real server: what belongs together is together, whatever crashed or came late, and people can work with it.

use crate::rig::database::parsed_url;
use crate::rig::{Rig, copy_of_evidence};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tempfile::TempDir;
use yagura_columns::Catalogue;
use yagura_model::{EventId, Name, UnixMicros};
use yagura_server::clock;
use yagura_server::state::{
    AlertRise, Delta, DispositionCode, IncidentFilter, PartitionNumber, Person, State, StateError, StatusChange,
    StatusCode,
};
use yagura_server::tenant::Tenant;

const MINUTE: i64 = 60_000_000;
const UNKNOWN: EventId = EventId::CAN_UNKNOWN_ID;
const INJECTION: EventId = EventId::CAN_EARLY_FRAME;

fn tenant() -> Tenant {
    Tenant::named(Name::new("acme").unwrap())
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_attack_on_a_vehicle_is_one_incident_that_says_why() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    rig.deliver(&device.report(&[UNKNOWN, INJECTION, INJECTION, INJECTION, INJECTION])).await;
    rig.grouped().await;
    let person = rig.person("acme").await;
    let alerts = person.json("/alerts").await;
    let listed = person.json("/incidents").await;
    let [incident] = &listed["incidents"].as_array().unwrap()[..] else { panic!("one incident, not {listed}") };
    assert_eq!(incident["title"]["en"], "Attack on the vehicle bus: vehicle kona-1");
    assert_eq!(incident["title"]["ja"], "車載バスへの攻撃：車両 kona-1");
    assert_eq!(
        (&incident["kind"], &incident["alert_count"], &incident["rule_count"]),
        (&json!("story"), &json!(3), &json!(3))
    );

    let page = person.json(&format!("/incidents/{}", incident["id"].as_str().unwrap())).await;
    let mut named = ids(&page["alerts"]);
    let mut raised = ids(&alerts["alerts"]);
    named.sort_unstable();
    raised.sort_unstable();
    assert_eq!(named, raised, "all alerts of the attack and no other");
    assert_eq!(page["vehicles"], json!(["kona-1"]));
    let parts = page["parts"].as_array().unwrap();
    let points: u64 = parts.iter().map(|part| part["points"].as_u64().unwrap()).sum();
    assert_eq!(points, incident["score"].as_u64().unwrap());
    assert_eq!(parts[3]["reasons"][0]["text"]["en"], "A vehicle was moving.");
    assert_eq!(page["story"][0]["tactic"], "impair-process-control");
    let overview = person.json("/overview").await;
    assert_eq!(overview["incidents_open"][incident["severity"].as_str().unwrap()], 1);
    let alert = person.json(&format!("/alerts/{}", named[0])).await;
    assert_eq!(ids(&alert["incidents"]), [incident["id"].as_str().unwrap()]);
    for (filter, found) in
        [("status=open", 1), ("status=closed", 0), ("score_min=100", 0), ("vehicle=kona-1", 1), ("vehicle=x", 0)]
    {
        let page = person.json(&format!("/incidents?{filter}")).await;
        assert_eq!(page["incidents"].as_array().unwrap().len(), found, "{filter}");
    }
    rig.end().await;
}

#[tokio::test]
async fn a_closed_incident_opens_again_for_something_new_and_not_for_more_of_the_same() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    rig.deliver(&device.report(&[UNKNOWN])).await;
    rig.grouped().await;
    let person = rig.person("acme").await;
    let id = person.json("/incidents").await["incidents"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/incidents/{id}");
    let closed = person.post(&format!("{path}/status"), &json!({ "status": "closed", "note": " workshop " })).await;
    assert_eq!(closed.json::<Value>().await.unwrap()["status"], "closed");
    rig.deliver(&device.report(&[UNKNOWN, UNKNOWN])).await;
    rig.grouped().await;
    assert_eq!(person.json(&path).await["incident"]["status"], "closed");
    rig.deliver(&device.report(&[INJECTION])).await;
    rig.grouped().await;
    let page = person.json(&path).await;
    assert_eq!(page["incident"]["status"], "open");
    let history: Vec<_> = page["history"].as_array().unwrap().iter().map(|it| (&it["user"], &it["note"])).collect();
    assert_eq!(history, [(&json!("operator"), &json!("workshop")), (&json!(""), &Value::Null)]);
    let too_long =
        person.post(&format!("{path}/status"), &json!({ "status": "open", "note": "x".repeat(2_001) })).await;
    assert_eq!(too_long.status(), 400);
    rig.end().await;
}

#[tokio::test]
async fn a_wave_takes_the_stories_that_say_nothing_more_and_leaves_the_others() {
    let rig = Rig::new().await;
    let mut devices = Vec::new();
    for name in ["acme/v-0/cgw", "acme/v-1/cgw", "acme/v-2/cgw", "acme/v-3/cgw"] {
        devices.push(rig.enrol(name, "Kona").await);
    }
    let person = rig.person("acme").await;
    for (nth, device) in devices.iter_mut().enumerate() {
        rig.deliver(&device.report(&[UNKNOWN])).await;
        rig.grouped().await;
        let listed = person.json("/incidents").await;
        let kinds: Vec<_> = listed["incidents"].as_array().unwrap().iter().map(|it| it["kind"].clone()).collect();
        let expected = if nth < 2 { vec![json!("story"); nth + 1] } else { vec![json!("wave")] };
        assert_eq!(kinds, expected, "after {} vehicles", nth + 1);
    }
    rig.deliver(&devices[1].report(&[INJECTION])).await;
    rig.grouped().await;
    let listed = person.json("/incidents?sort=newest").await;
    let [a, b] = &listed["incidents"].as_array().unwrap()[..] else { panic!("wave and story, not {listed}") };
    let (wave, story) = if a["kind"] == "wave" { (a, b) } else { (b, a) };
    assert_eq!((&wave["vehicle_count"], &wave["alert_count"]), (&json!(4), &json!(4)));
    assert_eq!(wave["title"]["en"], "Unknown identifier on the bus: 4 vehicles");
    assert_eq!(story["title"]["en"], "Attack on the vehicle bus: vehicle v-1");
    let page = person.json(&format!("/incidents/{}", story["id"].as_str().unwrap())).await;
    assert_eq!(ids(&page["related"]), [wave["id"].as_str().unwrap()]);
    let first = person.json("/incidents?limit=1&sort=score").await;
    let next = first["next"].as_str().unwrap();
    let second = person.json(&format!("/incidents?limit=1&sort=score&cursor={next}")).await;
    assert_ne!(ids(&first["incidents"]), ids(&second["incidents"]));
    assert!(second["next"].is_null());
    rig.end().await;
}

#[tokio::test]
async fn late_data_between_two_incidents_makes_them_the_elder_and_the_younger_leads_there() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    let now = clock::now();
    let person = rig.person("acme").await;
    let mut seen = Vec::new();
    for minutes_ago in [200, 60] {
        rig.deliver(&device.report_from(now.plus(-minutes_ago * MINUTE), &[UNKNOWN])).await;
        rig.grouped().await;
        let listed = person.json("/incidents?sort=newest").await;
        seen.push(ids(&listed["incidents"])[0].to_owned());
    }
    assert_ne!(seen[0], seen[1]);
    for minutes_ago in [150, 105] {
        rig.deliver(&device.report_from(now.plus(-minutes_ago * MINUTE), &[UNKNOWN])).await;
    }
    rig.grouped().await;
    let listed = person.json("/incidents").await;
    assert_eq!(ids(&listed["incidents"]), [seen[0].as_str()], "the elder stays");
    let followed = person.json(&format!("/incidents/{}", seen[1])).await;
    assert_eq!(followed["incident"]["id"], seen[0].as_str());
    rig.end().await;
}

/// Everything that follows from the alerts alone.
type View = BTreeSet<(i64, String, i64, i64, i64, BTreeSet<Vec<u8>>)>;

async fn view(rig: &Rig) -> View {
    rig.grouped().await;
    let state = &rig.app.state;
    let mut all = BTreeSet::new();
    for row in state.incidents(&tenant(), &IncidentFilter::default(), 500).await.unwrap() {
        let alerts = state.incident_alerts(&tenant(), &row.incident_id).await.unwrap();
        let alerts: BTreeSet<Vec<u8>> = alerts.into_iter().map(|alert| alert.alert_id).collect();
        assert_eq!(usize::try_from(row.alerts).unwrap(), alerts.len());
        all.insert((row.kind, row.title_en, row.score, row.rules, row.vehicles_counted, alerts));
    }
    all
}

#[derive(Clone, Debug)]
enum Step {
    Report(usize, i64, EventId),
    Crash,
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ago = prop_oneof![0..3_i64, 45..50_i64, 80..200_i64];
    let event = prop_oneof![Just(UNKNOWN), Just(INJECTION)];
    let report = (0..4_usize, ago, event).prop_map(|(device, ago, event)| Step::Report(device, ago, event));
    let step = prop_oneof![6 => report, 1 => Just(Step::Crash), 1 => Just(Step::End)];
    proptest::collection::vec(step, 4..14)
}

async fn live_through(steps: &[Step], now: UnixMicros) -> (View, View) {
    let mut rig = Rig::new().await;
    let mut devices = Vec::new();
    for name in ["acme/v-0/cgw", "acme/v-1/cgw", "acme/v-2/cgw", "acme/v-2/tcu"] {
        devices.push(rig.enrol(name, "Kona").await);
    }
    for step in steps {
        match step {
            Step::Report(device, ago, event) => {
                let report = devices[*device].report_from(now.plus(-ago * MINUTE), &[*event]);
                rig.deliver(&report).await;
            }
            Step::Crash => rig = Rig::on(rig.crash().await).await,
            Step::End => rig = Rig::on(rig.end().await).await,
        }
    }
    let rig = crate::late::judged_to_the_end(rig).await;
    let lived = view(&rig).await;
    let dir: Arc<TempDir> = rig.end().await;
    let fresh = Rig::with_devices_of(copy_of_evidence(dir.path()), dir.path()).await;
    let fresh = crate::late::judged_to_the_end(fresh).await;
    let at_once = view(&fresh).await;
    fresh.end().await;
    (lived, at_once)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, ..ProptestConfig::default() })]
    #[test]
    fn crashes_and_a_replay_give_the_same_incidents(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (lived, at_once) = runtime.block_on(live_through(&steps, clock::now()));
        prop_assert_eq!(lived, at_once);
    }
}

fn rise(number: u8) -> AlertRise {
    AlertRise {
        tenant: tenant(),
        alert_id: [number; 32],
        rule_id: "r".to_owned(),
        title_en: "Title".to_owned(),
        title_ja: "題".to_owned(),
        severity: 3,
        vehicle: Some("v-1".to_owned()),
        technique: Some("T0855".to_owned()),
        group_json: r#"[["vehicle","v-1"],["src_ip","10.0.0.1"]]"#.to_owned(),
        match_json: "[]".to_owned(),
        window: UnixMicros(0),
        first: UnixMicros(i64::from(number)),
        last: UnixMicros(i64::from(number)),
        count: 1,
        vehicles_counted: 0,
        domain: "can",
        moving: None,
        shadow: false,
        trigger: (u64::from(number), 0),
        events: vec![(u64::from(number), 0, "v-1".to_owned())],
    }
}

#[tokio::test]
async fn a_keeper_that_was_replaced_writes_nothing() {
    let dir = TempDir::new().unwrap();
    let state = State::connect(&parsed_url(dir.path()).await).await.unwrap();
    let (now, catalogue) = (clock::now(), Catalogue::builtin());
    let old = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    let new = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    for (position, number) in [(1, 1), (2, 2)] {
        new.apply(&Delta { position, alerts: vec![rise(number)], ..Delta::default() }, now).await.unwrap();
        let grouped = if number == 1 { &new } else { &old }.group_alerts(&catalogue, now).await;
        match number {
            1 => assert_eq!(grouped.unwrap().taken, 1),
            _ => assert!(matches!(grouped, Err(StateError::Fenced { .. })), "{grouped:?}"),
        }
    }
    assert_eq!(state.incidents_waiting().await.unwrap(), 1);
    assert_eq!(new.group_alerts(&catalogue, now).await.unwrap().taken, 1);
    let rows = state.incidents(&tenant(), &IncidentFilter::default(), 9).await.unwrap();
    let [row] = &rows[..] else { panic!("one incident, not {rows:?}") };
    assert_eq!((row.alerts, row.rules, state.incidents_waiting().await.unwrap()), (2, 1, 0));
    state.close().await;
}

#[tokio::test]
async fn a_rule_that_was_often_wrong_adds_less_once_enough_alerts_were_judged() {
    let dir = TempDir::new().unwrap();
    let state = State::connect(&parsed_url(dir.path()).await).await.unwrap();
    let (now, catalogue) = (clock::now(), Catalogue::builtin());
    let partition = state.take_over(PartitionNumber::SINGLE).await.unwrap();
    let person = Person { tenant: tenant(), user: "operator".to_owned() };
    let mut weighed = Vec::new();
    // Four judged alerts say nothing, the fifth does; what is benign does not count.
    let said = [
        DispositionCode::TruePositive,
        DispositionCode::FalsePositive,
        DispositionCode::Benign,
        DispositionCode::FalsePositive,
        DispositionCode::FalsePositive,
        DispositionCode::FalsePositive,
    ];
    for (number, disposition) in (1..).zip(said.into_iter().map(Some).chain([None])) {
        let rise = AlertRise { severity: 5, ..rise(number) };
        let delta = Delta { position: u64::from(number), alerts: vec![rise], ..Delta::default() };
        partition.apply(&delta, now).await.unwrap();
        assert_eq!(partition.group_alerts(&catalogue, now).await.unwrap().taken, 1);
        let row = state.incidents(&tenant(), &IncidentFilter::default(), 9).await.unwrap().remove(0);
        let rules = state.incident_rules(&tenant(), &row.incident_id).await.unwrap();
        weighed.push((rules[0].precision_percent, row.score));
        if let Some(disposition) = disposition {
            let change = StatusChange { status: StatusCode::Closed, note: None, disposition: Some(disposition) };
            state.set_alert_status(&person, &[number; 32], &change, now).await.unwrap().unwrap();
        }
    }
    let percent: Vec<_> = weighed.iter().map(|(percent, _)| *percent).collect();
    assert_eq!(percent, [None, None, None, None, None, None, Some(20)]);
    assert!(weighed[6].1 < weighed[5].1, "{weighed:?}");
    state.close().await;
}

crate::on_postgres!(
    "incidents.rs":
    an_attack_on_a_vehicle_is_one_incident_that_says_why,
    a_closed_incident_opens_again_for_something_new_and_not_for_more_of_the_same,
    a_wave_takes_the_stories_that_say_nothing_more_and_leaves_the_others,
    late_data_between_two_incidents_makes_them_the_elder_and_the_younger_leads_there,
    crashes_and_a_replay_give_the_same_incidents,
    a_keeper_that_was_replaced_writes_nothing,
    a_rule_that_was_often_wrong_adds_less_once_enough_alerts_were_judged
);
