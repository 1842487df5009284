//! Hunts: rules tried on the past give the alerts that a server would have raised.

use crate::rig::{RULES, Rig, SKEW, rules};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use yagura_detect::{RuleFile, RuleSet};
use yagura_model::{EventId, Name, UnixMicros};
use yagura_server::clock;
use yagura_server::hunt::{Ended, HuntOutcome, HuntPlan, HuntWatch, RuleOutcome, hunt};
use yagura_server::tenant::Tenant;
use yagura_store::Lake;

const INJECTION: &str = "6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0002";
const MANY: &str = "6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0003";
const CHANGED: &str = "
title: Injection on the bus, if it is of identifier 0x2B0
id: 6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0002
status: test
level: high
logsource: {product: vehicle, service: can}
detection:
  selection: {event_name: CAN_EARLY_FRAME, can_id: 0x2B1}
  condition: selection
";

const EXCEPTION: &str = "
title: Test bench
logsource: {product: vehicle}
filter: {rules: [early], selection: {vehicle: v-1}, condition: not selection}
yagura: {reason: replays captures, expires: 2999-12-31}
";

fn of_exception(outcome: &HuntOutcome) -> (u64, u64, u64) {
    let injection = of(outcome, INJECTION);
    (injection.alerts, injection.new, injection.lost)
}

/// A rule that sees less than it did, and a new one.
fn changed() -> String {
    format!("{CHANGED}---{SKEW}")
}

fn set(text: &str) -> RuleSet {
    RuleSet::parse(&[RuleFile { path: "changed.yml".to_owned(), text: text.to_owned() }])
        .map_err(|e| format!("{e:?}"))
        .unwrap()
}

fn of<'a>(outcome: &'a HuntOutcome, rule: &str) -> &'a RuleOutcome {
    outcome.rules.iter().find(|it| it.rule == rule).unwrap()
}

/// A server whose lake has five injections in each of two vehicles and a clock that is off in one, all of them two days ago.
async fn past() -> Rig {
    let rig = Rig::new().await;
    let begun = clock::now().plus(-172_800_000_000);
    for name in ["acme/v-1/cgw", "acme/v-2/cgw"] {
        let mut device = rig.enrol(name, "Kona").await;
        rig.deliver(&device.report_from(begun, &[EventId::CAN_EARLY_FRAME; 5])).await;
        if name == "acme/v-1/cgw" {
            rig.deliver(&device.report(&[EventId::CAN_CLOCK_SKEW])).await;
        }
    }
    rig.judged().await;
    rig
}

#[tokio::test]
async fn the_rules_of_a_server_find_its_own_alerts_and_changed_ones_say_what_is_new_and_lost() {
    let dir = past().await.end().await;
    tokio::task::spawn_blocking(move || replayed(&dir.path().join("lake"))).await.unwrap();
}

fn replayed(dir: &Path) {
    let lake = Lake::open(&dir.to_string_lossy(), 0).unwrap();
    let try_out = |set: RuleSet, from: Option<UnixMicros>| {
        hunt(&lake, &HuntPlan::new(set, "acme".to_owned(), from, None), &HuntWatch::default()).unwrap()
    };
    let same = try_out(rules().set, None);
    assert_eq!(same.events, 11);
    let (injection, many) = (of(&same, INJECTION), of(&same, MANY));
    assert_eq!((injection.alerts, injection.events, injection.vehicles), (2, 10, 2));
    assert_eq!((many.alerts, many.events), (2, 10));
    assert!(same.rules.iter().all(|it| (it.new, it.lost, it.beyond) == (0, 0, 0)), "{same:#?}");
    let changed = try_out(set(&changed()), None);
    let (injection, skew) = (of(&changed, INJECTION), of(&changed, "6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0009"));
    assert_eq!((injection.alerts, injection.lost), (0, 2));
    assert_eq!((skew.alerts, skew.new, skew.told[0].vehicle.as_deref()), (1, 1, Some("v-1")));
    let excepted = of_exception(&try_out(set(&format!("{RULES}---{EXCEPTION}")), None));
    assert_eq!(excepted, (1, 0, 1), "what an exception would hide is lost");
    let nothing = try_out(rules().set, Some(clock::now()));
    assert!(nothing.rules.iter().all(|it| (it.alerts, it.lost) == (0, 0)));
    let foreign = HuntPlan::new(rules().set, "zeta".to_owned(), None, None);
    assert_eq!(hunt(&lake, &foreign, &HuntWatch::default()).unwrap().events, 0);
    let stopped = HuntWatch::default();
    stopped.stop();
    let plan = HuntPlan::new(rules().set, "acme".to_owned(), None, None);
    assert_eq!(hunt(&lake, &plan, &stopped).unwrap_err().to_string(), "the hunt was stopped");
}

#[tokio::test]
async fn a_person_begins_a_hunt_and_reads_what_it_found_and_nobody_of_another_tenant_does() {
    let dir = past().await.end().await;
    let rig = Rig::on(dir).await;
    let (owner, foreigner) = (rig.person("acme").await, rig.person("zeta").await);
    let begun = owner.post("/hunts", &json!({ "rules": changed() })).await;
    assert_eq!(begun.status(), 202);
    let id = begun.json::<Value>().await.unwrap()["id"].as_u64().unwrap();
    let path = format!("/hunts/{id}");
    let deadline = Instant::now() + Duration::from_secs(30);
    let ended = loop {
        let hunt = owner.json(&path).await;
        if hunt["state"] != "running" {
            break hunt;
        }
        assert!(Instant::now() < deadline, "{hunt}");
    };
    assert_eq!((&ended["state"], &ended["events"], &ended["permille"]), (&json!("done"), &json!(11), &json!(1000)));
    assert_eq!(ended["outcome"]["rules"][0]["new"], 1);
    assert_eq!(owner.json("/hunts").await["hunts"][0]["outcome"], Value::Null);
    assert_eq!(foreigner.status(&path).await, 404);
    assert_eq!(foreigner.post(&format!("{path}/stop"), &json!({})).await.status(), 404);
    assert_eq!(foreigner.json("/hunts").await, json!({ "hunts": [] }));
    let wrong = owner.post("/hunts", &json!({ "rules": "title: x" })).await;
    assert_eq!(wrong.status(), 400);
    let wrong = owner.post("/hunts", &json!({ "from": "yesterday" })).await;
    assert!(wrong.text().await.unwrap().contains("no RFC 3339 time"));
    rig.end().await;
}

#[tokio::test]
async fn a_hunt_stops_when_the_server_does() {
    let rig = past().await;
    let tenant = Tenant::named(Name::new("acme").unwrap());
    let plan = HuntPlan::new(rules().set, tenant.to_string(), None, None);
    let id = rig.app.hunts.begin(&rig.app.lake, tenant, plan, watch::channel(true).1).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let ended = loop {
        if let Some(ended) = rig.app.hunts.standing(&tenant, id).unwrap().ended {
            break ended;
        }
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    };
    assert!(matches!(ended, Ended::Stopped), "{ended:?}");
    rig.end().await;
}

crate::on_postgres!(
    "hunts.rs":
    the_rules_of_a_server_find_its_own_alerts_and_changed_ones_say_what_is_new_and_lost,
    a_person_begins_a_hunt_and_reads_what_it_found_and_nobody_of_another_tenant_does,
    a_hunt_stops_when_the_server_does
);
