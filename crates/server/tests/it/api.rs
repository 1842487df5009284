//! The API over a real socket: sign-in, sessions, and the way from a report to an alert that explains itself.

use crate::rig::{Person, Rig, client};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use yagura_model::EventId;
use yagura_store::verify_inclusion;

const INJECTION: EventId = EventId::CAN_EARLY_FRAME;

#[tokio::test]
async fn a_sign_in_link_works_once() {
    let rig = Rig::new().await;
    let token = rig.link("acme").await;
    let person = Person::sign_in(&rig, &token).await;
    assert_eq!(person.json("/me").await, json!({ "user": "operator", "tenant": "acme" }));
    let again = client().post(rig.url("/api/v1/sign-in")).json(&json!({ "token": token })).send().await.unwrap();
    assert_eq!(again.status(), 401);
    let problem: Value = again.json().await.unwrap();
    assert_eq!(problem["type"], "/problems/sign-in-refused");
    assert!(problem["next_step"].as_str().unwrap().contains("yagura sign-in-link"), "{problem}");
    assert_eq!(problem["error_id"].as_str().unwrap().len(), 16);
    rig.end().await;
}

#[tokio::test]
async fn a_session_ends_when_its_person_signs_out() {
    let rig = Rig::new().await;
    let person = rig.person("acme").await;
    assert_eq!(person.post("/sign-out", &json!({})).await.status(), 204);
    assert_eq!(person.status("/me").await, 401);
    rig.end().await;
}

#[tokio::test]
async fn a_page_of_another_site_can_do_nothing() {
    let rig = Rig::new().await;
    let token = rig.link("acme").await;
    let body = json!({ "token": token });
    let evil = client().post(rig.url("/api/v1/sign-in")).header("origin", "http://evil.example").json(&body);
    assert_eq!(evil.send().await.unwrap().status(), 403);
    let rebound = client().get(rig.url("/")).header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), 421);
    // The token was not spent by the refused request.
    Person::sign_in(&rig, &token).await;
    rig.end().await;
}

#[tokio::test]
async fn every_answer_forbids_what_pages_of_this_server_never_do() {
    let rig = Rig::new().await;
    for path in ["/", "/alerts", "/api/v1/me", "/no/such.js"] {
        let answer = client().get(rig.url(path)).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    assert_eq!(client().get(rig.url("/no/such.js")).send().await.unwrap().status(), 404);
    assert_eq!(client().get(rig.url("/api/v1/no-such")).send().await.unwrap().status(), 404);
    assert_eq!(client().delete(rig.url("/api/v1/me")).send().await.unwrap().status(), 405);
    rig.end().await;
}

#[tokio::test]
async fn hostile_input_is_a_problem_and_never_a_fault_of_ours() {
    let rig = Rig::new().await;
    let person = rig.person("acme").await;
    for path in [
        "/alerts?limit=0",
        "/alerts?limit=501",
        "/alerts?limit=x",
        "/alerts?cursor=x",
        "/alerts?status=odd",
        "/evidence/-1",
        "/evidence/x",
    ] {
        assert_eq!(person.status(path).await, 400, "{path}");
    }
    for path in ["/alerts/x", "/alerts/%00", "/evidence/18446744073709551615", "/vehicles/%F0%9F%9A%97"] {
        assert_eq!(person.status(path).await, 404, "{path}");
    }
    let id = "0".repeat(64);
    let status = format!("/alerts/{id}/status");
    assert_eq!(person.post(&status, &json!({ "status": "closed", "disposition": "benign" })).await.status(), 404);
    assert_eq!(person.post(&status, &json!({ "status": "odd" })).await.status(), 400);
    assert_eq!(person.post(&status, &json!({ "status": "open", "note": "x".repeat(2_001) })).await.status(), 400);
    assert_eq!(person.post(&status, &json!({ "note": "x".repeat(70_000) })).await.status(), 413);
    rig.end().await;
}

#[tokio::test]
async fn a_report_becomes_an_alert_that_explains_itself() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    let receipt = rig.deliver(&device.report(&[INJECTION, INJECTION])).await;
    rig.judged().await;
    let person = rig.person("acme").await;
    let list = person.json("/alerts?severity=high").await;
    let alert = &list["alerts"][0];
    assert_eq!((&alert["vehicle"], &alert["count"], &alert["vehicle_count"]), (&json!("kona-1"), &json!(2), &json!(1)));

    let id = alert["id"].as_str().unwrap();
    let page = person.json(&format!("/alerts/{id}")).await;
    assert_eq!(page["rule"]["path"], "rules/test.yml");
    assert!(page["rule"]["source"].as_str().unwrap().contains("CAN_EARLY_FRAME"));
    assert!(page["why"]["en"].as_str().unwrap().contains("kona-1"), "{page}");
    assert_eq!(page["matched"], json!([{ "field": "event_name", "value": "CAN_EARLY_FRAME" }]));
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
    assert_eq!(page["events"][0]["can_id"], "2B0");
    assert_eq!(page["events"][0]["speed_kmh"], 42.5);
    assert_eq!(page["evidence"][0]["position"], receipt.position);

    let frames = person.json(&format!("/alerts/{id}/frames")).await;
    let excerpt = &frames["excerpts"][0];
    assert_eq!(excerpt["event_time"], page["events"][0]["time"]);
    let marked: Vec<bool> =
        excerpt["frames"].as_array().unwrap().iter().map(|frame| frame["marked"].as_bool().unwrap()).collect();
    assert_eq!(marked, [false, false, true, false]);
    rig.end().await;
}

#[tokio::test]
async fn an_alert_is_acknowledged_and_closed_with_a_history() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    rig.deliver(&device.report(&[EventId::CAN_UNKNOWN_ID])).await;
    rig.judged().await;
    let person = rig.person("acme").await;
    let id = person.json("/alerts").await["alerts"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/alerts/{id}/status");
    let answer = person.post(&path, &json!({ "status": "acknowledged", "note": " mine " })).await;
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "acknowledged");
    assert_eq!(person.json("/overview").await["alerts_open"]["medium"], 1);
    assert_eq!(person.post(&path, &json!({ "status": "closed", "disposition": "benign" })).await.status(), 200);
    assert_eq!(person.json("/overview").await["alerts_open"]["medium"], 0);
    let history = person.json(&format!("/alerts/{id}")).await["history"].clone();
    assert_eq!((&history[0]["status"], &history[0]["note"]), (&json!("acknowledged"), &json!("mine")));
    assert_eq!((&history[1]["status"], &history[1]["user"]), (&json!("closed"), &json!("operator")));
    assert_eq!(person.json("/alerts?status=open").await["alerts"], json!([]));
    rig.end().await;
}

#[tokio::test]
async fn pages_of_alerts_hold_together() {
    let rig = Rig::new().await;
    for name in ["acme/v-1/cgw", "acme/v-2/cgw", "acme/v-3/cgw"] {
        let mut device = rig.enrol(name, "Kona").await;
        rig.deliver(&device.report(&[EventId::CAN_UNKNOWN_ID])).await;
    }
    rig.judged().await;
    let person = rig.person("acme").await;
    let all = person.json("/alerts").await["alerts"].as_array().unwrap().clone();
    let (mut paged, mut next) = (Vec::new(), String::new());
    loop {
        let page = person.json(&format!("/alerts?limit=1{next}")).await;
        paged.extend(page["alerts"].as_array().unwrap().clone());
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!((paged.len(), &paged), (3, &all));
    rig.end().await;
}

#[tokio::test]
async fn a_vehicle_shows_its_events_over_its_state_before_and_after_the_lake_has_them() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    rig.deliver(&device.report(&[INJECTION, EventId::CAN_SILENT_ID])).await;
    rig.judged().await;
    let path = format!("/vehicles/{}/timeline", device.vehicle());
    let before = rig.person("acme").await.json(&path).await;
    assert_eq!(before["events"].as_array().unwrap().len(), 2);
    assert_eq!(before["states"][0]["gear"], "drive");
    assert_eq!(before["truncated"], false);

    let rig = Rig::on(rig.end().await).await;
    assert_eq!(rig.app.tail.rows(), 0, "an orderly end leaves everything in the lake");
    let person = rig.person("acme").await;
    let after = person.json(&path).await;
    assert_eq!((&after["events"], &after["states"]), (&before["events"], &before["states"]));
    let vehicle = person.json("/vehicles/kona-1").await;
    assert_eq!((&vehicle["state"], &vehicle["events_24h"]), (&json!("reporting"), &json!(2)));
    assert_eq!((&vehicle["devices"][0]["boot"], &vehicle["devices"][0]["sequence"]), (&json!(1), &json!(0)));
    assert_eq!(person.status("/vehicles/other").await, 404);
    rig.end().await;
}

#[tokio::test]
async fn evidence_comes_with_a_proof_that_a_stranger_can_check() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    let report = device.report(&[INJECTION]);
    let position = rig.deliver(&report).await.position;
    // An orderly end signs a checkpoint over everything.
    let rig = Rig::on(rig.end().await).await;
    let person = rig.person("acme").await;
    let evidence = person.json(&format!("/evidence/{position}")).await;
    assert_eq!((&evidence["kind"], &evidence["signature"]), (&json!("report"), &json!("valid")));
    assert_eq!((&evidence["device"], &evidence["report"]["boot"]), (&json!("acme/kona-1/cgw"), &json!(1)));
    assert_eq!(evidence["sha256"], hex(&Sha256::digest(&report.bytes)));
    let proof = &evidence["proof"];
    let hashes: Vec<_> = proof["hashes"].as_array().unwrap().iter().map(digest).collect();
    let size = proof["tree_size"].as_u64().unwrap();
    assert!(verify_inclusion(digest(&proof["leaf"]), position, size, &hashes, digest(&proof["root"])));
    let raw = person.get(&format!("/evidence/{position}/raw")).await.bytes().await.unwrap();
    assert_eq!(raw, report.bytes);
    assert_eq!(person.json("/evidence/0").await["kind"], "enrolment");
    rig.end().await;
}

#[tokio::test]
async fn the_overview_counts_what_came_and_what_was_lost() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    rig.enrol("acme/kona-2/cgw", "Kona").await;
    device.place.losses.frames = 7;
    rig.deliver(&device.report(&[INJECTION, EventId::CAN_UNKNOWN_ID])).await;
    rig.judged().await;
    let overview = rig.person("acme").await.json("/overview").await;
    assert_eq!(
        overview["totals"],
        json!({ "events": 3, "reports": 1, "evidence_records": 4 }),
        "a loss is an event too"
    );
    assert_eq!(overview["fleet"]["vehicles"], 2);
    assert_eq!((&overview["fleet"]["reporting"], &overview["fleet"]["silent"]), (&json!(1), &json!(1)));
    assert_eq!(overview["fleet"]["models"][0]["model"], "Kona");
    assert_eq!(overview["series"].as_array().unwrap().len(), 180);
    let events: u64 = overview["series"].as_array().unwrap().iter().map(|p| p["events"].as_u64().unwrap()).sum();
    assert_eq!(events, 3);
    assert_eq!((&overview["losses"][0]["kind"], &overview["losses"][0]["count"]), (&json!("sensor_frames"), &json!(7)));
    assert_eq!(overview["problems"], json!([]));
    rig.end().await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(value: &Value) -> yagura_store::Digest {
    let text = value.as_str().unwrap();
    let mut bytes = [0; 32];
    for (nth, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * nth..2 * nth + 2], 16).unwrap();
    }
    yagura_store::Digest(bytes)
}

crate::on_postgres!(
    "api.rs":
    a_sign_in_link_works_once,
    a_session_ends_when_its_person_signs_out,
    a_page_of_another_site_can_do_nothing,
    every_answer_forbids_what_pages_of_this_server_never_do,
    hostile_input_is_a_problem_and_never_a_fault_of_ours,
    a_report_becomes_an_alert_that_explains_itself,
    an_alert_is_acknowledged_and_closed_with_a_history,
    pages_of_alerts_hold_together,
    a_vehicle_shows_its_events_over_its_state_before_and_after_the_lake_has_them,
    evidence_comes_with_a_proof_that_a_stranger_can_check,
    the_overview_counts_what_came_and_what_was_lost
);
