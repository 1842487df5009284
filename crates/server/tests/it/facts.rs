//! What the register knows reaches the rules, from the start on and when it changes.

use crate::rig::Rig;
use std::time::{Duration, Instant};
use yagura_detect::cases::CaseFile;
use yagura_detect::{Engine, Facts, RuleFile, RuleSet};
use yagura_server::facts;

const RULE: &str = "title: t\nlogsource: {product: vehicle}\ndetection: {s: {vehicle.model: Kona, sensor.age_days: 0}, condition: s}\n";

/// Whether the rule finds an event of this vehicle, now.
fn is_found(known: &Facts, vehicle: &str) -> bool {
    let set = RuleSet::parse(&[RuleFile { path: "r.yml".to_owned(), text: RULE.to_owned() }])
        .unwrap()
        .with_facts(known.clone());
    let event = format!("{{tenant: acme, vehicle: {vehicle}, sensor: cgw}}");
    let text = format!("rule: x\ncases: [{{name: x, alerts: 0, events: [{event}]}}]");
    let cases = CaseFile::parse("c", &text).unwrap_or_else(|error| panic!("{error}"));
    !Engine::new(set).process(&cases.cases[0].events).unwrap().is_empty()
}

#[tokio::test]
async fn the_register_is_known_at_the_start_and_newcomers_soon() {
    let rig = Rig::new().await;
    rig.enrol("acme/v-1/cgw", "Kona").await;
    rig.enrol("acme/v-2/cgw", "Niro").await;
    let known = Facts::default();
    facts::learn_all(&rig.app.state, &known).await.unwrap();
    assert!(is_found(&known, "v-1") && !is_found(&known, "v-2") && !is_found(&known, "v-3"));
    let attending = tokio::spawn(facts::attend(rig.app.state.clone(), known.clone(), rig.app.stop.clone()));
    rig.enrol("acme/v-3/cgw", "Kona").await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_found(&known, "v-3") {
        assert!(Instant::now() < deadline, "the newcomer stays unknown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    rig.end().await;
    attending.await.unwrap();
}

crate::on_postgres!("facts.rs": the_register_is_known_at_the_start_and_newcomers_soon);
