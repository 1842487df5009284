//! Rules change while a server works: nothing is lost, and what is wrong stays out.

use crate::rig::{RULES, Rig, SKEW};
use std::path::Path;
use std::time::{Duration, Instant};
use yagura_model::EventId;

async fn until(what: &str, mut there: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !there().await {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn write(dir: &Path, file: &str, text: &str) {
    std::fs::write(dir.join(file), text).unwrap();
}

#[tokio::test]
async fn changed_rules_become_active_with_the_state_of_correlations_kept_and_faulty_ones_do_not() {
    let rules = tempfile::tempdir().unwrap();
    write(rules.path(), "rules.yml", RULES);
    let rig = Rig::attending(rules.path()).await;
    let person = rig.person("acme").await;
    let mut device = rig.enrol("acme/v-1/cgw", "Kona").await;
    rig.deliver(&device.report(&[EventId::CAN_EARLY_FRAME; 2])).await;
    rig.judged().await;

    write(rules.path(), "skew.yml", SKEW);
    until("the new rule", async || rig.app.rules.now().book.len() == 5).await;
    rig.deliver(&device.report(&[EventId::CAN_EARLY_FRAME, EventId::CAN_EARLY_FRAME, EventId::CAN_CLOCK_SKEW])).await;
    rig.judged().await;
    let titles = async || {
        let alerts = person.json("/alerts").await;
        let titles =
            alerts["alerts"].as_array().unwrap().iter().map(|it| it["title"]["en"].as_str().unwrap().to_owned());
        let mut titles: Vec<String> = titles.collect();
        titles.sort();
        titles
    };
    let expected = ["Clock of a sender is off", "Injection on the bus", "Many injections in one vehicle"];
    assert_eq!(titles().await, expected, "four injections, two before the change and two after it");

    write(rules.path(), "skew.yml", "title: no rule\n");
    let ailing = async || person.json("/overview").await["problems"].to_string();
    until("the fault", async || ailing().await.contains("skew.yml")).await;
    assert_eq!(rig.app.rules.now().book.len(), 5, "what was active stays");
    std::fs::remove_file(rules.path().join("skew.yml")).unwrap();
    until("the end of the fault", async || !ailing().await.contains("skew.yml")).await;
    until("the rules without it", async || rig.app.rules.now().book.len() == 4).await;
    rig.end().await;
}
