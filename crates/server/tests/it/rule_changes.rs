//! Rules change while a server works: nothing is lost, and what is wrong stays out.

use crate::rig::{RULES, Rig, SKEW};
use std::path::Path;
use std::time::{Duration, Instant};
use yagura_model::EventId;

/// A rule that looks devices up in a set, and a correlation that counts it.
const LISTED: &str = "\
title: Listed vehicle
name: listed
logsource: {product: vehicle}
detection: {s: {vehicle|expand: '%watched%'}, condition: s}
---
title: Listed vehicle speaks thrice
correlation: {type: event_count, rules: [listed], group-by: [vehicle], timespan: 10m, condition: {gte: 3}}
";

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

#[tokio::test]
async fn an_indicator_set_that_changes_takes_effect_and_a_faulty_one_does_not() {
    let rules = tempfile::tempdir().unwrap();
    let sets = rules.path().join("indicators");
    std::fs::create_dir(&sets).unwrap();
    write(rules.path(), "rules.yml", LISTED);
    write(&sets, "watched.txt", "v-1\n");
    let rig = Rig::attending(rules.path()).await;
    let person = rig.person("acme").await;
    let values = || rig.app.rules.now().set.surroundings().indicators.get("watched").map_or(0, |set| set.len());
    let alerts = async || {
        rig.judged().await;
        person.json("/alerts").await["alerts"].as_array().unwrap().len()
    };
    let (mut first, mut second) = (rig.enrol("acme/v-1/cgw", "Kona").await, rig.enrol("acme/v-2/cgw", "Kona").await);
    rig.deliver(&first.report(&[EventId::CAN_EARLY_FRAME; 2])).await;
    rig.deliver(&second.report(&[EventId::CAN_EARLY_FRAME; 3])).await;
    assert_eq!(alerts().await, 0);

    write(&sets, "watched.txt", "v-1\nv-2\n");
    until("the changed set", async || values() == 2).await;
    rig.deliver(&first.report(&[EventId::CAN_EARLY_FRAME])).await;
    rig.deliver(&second.report(&[EventId::CAN_EARLY_FRAME])).await;
    assert_eq!(
        alerts().await,
        1,
        "two before the change and one after it; the other vehicle counts from the change on"
    );

    write(&sets, "watched.txt", &"x".repeat(5_000));
    let ailing = async || person.json("/overview").await["problems"].to_string();
    until("the fault", async || ailing().await.contains("watched.txt:1: value of 5000 bytes exceeds the maximum 4096"))
        .await;
    assert_eq!(values(), 2, "what was active stays");
    rig.end().await;
}
