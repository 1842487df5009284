//! The life of a rule: in the shadow, live, judged by people, narrowed by exceptions, paused because it costs too much.

use crate::rig::{RULES, Rig, client};
use crate::ways;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use yagura_model::{EventId, UnixMicros};
use yagura_server::api::time::Time;
use yagura_server::clock;
use yagura_server::happenings::{self, RulePaused};

const INJECTION: &str = "6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0002";
const MANY: &str = "6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0003";

async fn until(what: &str, mut there: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !there().await {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn rules_of(alerts: &Value) -> Vec<(&str, u64)> {
    let alerts = alerts["alerts"].as_array().unwrap().iter();
    let mut rules: Vec<_> = alerts.map(|it| (it["rule_id"].as_str().unwrap(), it["count"].as_u64().unwrap())).collect();
    rules.sort_unstable();
    rules
}

/// A rule of a list, and of a page.
async fn rule(person: &crate::rig::Person, id: &str) -> Value {
    let list = person.json("/rules").await;
    list["rules"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap().clone()
}

#[tokio::test]
async fn nobody_hears_of_a_rule_in_the_shadow_and_it_goes_live_with_its_alerts_and_correlations() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rules.yml");
    let shadow = "title: Injection on the bus\nyagura: {stage: shadow, owner: soc@example.com}";
    std::fs::write(&file, RULES.replace("title: Injection on the bus", shadow)).unwrap();
    let rig = Rig::attending(dir.path()).await;
    let person = rig.person("acme").await;
    let mut device = rig.enrol("acme/v-1/cgw", "Kona").await;
    let mut heard = rig.app.live.subscribe();
    rig.deliver(&device.report(&[EventId::CAN_EARLY_FRAME; 2])).await;
    rig.judged().await;
    assert_eq!(rules_of(&person.json("/alerts").await), []);
    let kept = person.json("/alerts?stage=shadow").await;
    assert_eq!(rules_of(&kept), [(INJECTION, 2)]);
    let id = kept["alerts"][0]["id"].clone();
    assert_eq!(kept["alerts"][0]["stage"], "shadow");
    let overview = person.json("/overview").await;
    assert_eq!(
        (&overview["alerts_open"]["high"], &overview["fleet"]["models"][0]["alerts_open"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(person.json("/vehicles").await["vehicles"][0]["alerts_open"], 0);
    assert!(heard.try_recv().is_err(), "nothing is told as it comes");
    let known = rule(&person, INJECTION).await;
    assert_eq!((&known["stage"], &known["owner"]), (&json!("shadow"), &json!("soc@example.com")));
    assert_eq!((&known["alerts_raised"], &known["alerts_shadow"]), (&json!(0), &json!(1)));
    assert_eq!(rule(&person, MANY).await["stage"], "shadow", "what counts it is in the shadow, too");

    std::fs::write(&file, RULES).unwrap();
    until("the live rule", async || rule(&person, INJECTION).await["stage"] == "live").await;
    rig.deliver(&device.report(&[EventId::CAN_EARLY_FRAME; 2])).await;
    rig.judged().await;
    let alerts = person.json("/alerts").await;
    assert_eq!(rules_of(&alerts), [(INJECTION, 4), (MANY, 4)], "the correlation had kept its state");
    assert!(alerts["alerts"].as_array().unwrap().iter().any(|it| it["id"] == id), "the same alert");
    assert_eq!(rules_of(&person.json("/alerts?stage=shadow").await), []);
    assert!(heard.try_recv().is_ok());
    assert_eq!(person.status("/alerts?stage=dark").await, 400);
    rig.end().await;
}

#[tokio::test]
async fn an_alert_is_closed_with_what_it_was_and_a_rule_has_a_precision_with_its_n() {
    let rig = Rig::new().await;
    let person = rig.person("acme").await;
    for vehicle in ["v-1", "v-2", "v-3"] {
        let mut device = rig.enrol(&format!("acme/{vehicle}/cgw"), "Kona").await;
        rig.deliver(&device.report(&[EventId::CAN_UNKNOWN_ID])).await;
    }
    rig.judged().await;
    let unknown = "6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0001";
    let before = rule(&person, unknown).await;
    assert_eq!((&before["precision"]["n"], &before["precision"]["value"]), (&json!(0), &Value::Null));
    assert_eq!((&before["alerts_raised"], &before["techniques"]), (&json!(3), &json!(["T0855"])));
    let alerts = person.json("/alerts").await["alerts"].as_array().unwrap().clone();
    let path = |at: usize| format!("/alerts/{}/status", alerts[at]["id"].as_str().unwrap());
    for body in [
        json!({ "status": "closed" }),
        json!({ "status": "open", "disposition": "benign" }),
        json!({ "status": "closed", "disposition": "odd" }),
    ] {
        assert_eq!(person.post(&path(0), &body).await.status(), 400, "{body}");
    }
    for (at, disposition) in ["true_positive", "false_positive", "benign"].iter().enumerate() {
        let body = json!({ "status": "closed", "disposition": disposition, "note": "looked" });
        let answer: Value = person.post(&path(at), &body).await.json().await.unwrap();
        assert_eq!(&answer["disposition"], disposition);
    }
    let expected =
        json!({ "true_positive": 1, "false_positive": 1, "benign": 1, "insufficient_data": 0, "n": 2, "value": 0.5 });
    assert_eq!(rule(&person, unknown).await["precision"], expected);
    let page = person.json(&format!("/alerts/{}", alerts[0]["id"].as_str().unwrap())).await;
    assert_eq!(page["history"][0]["disposition"], "true_positive");
    assert_eq!(person.post(&path(0), &json!({ "status": "open" })).await.status(), 200);
    assert_eq!(rule(&person, unknown).await["precision"]["n"], 1, "what is open again was nothing yet");
    let detail = person.json(&format!("/rules/{unknown}")).await;
    assert!(detail["source"].as_str().unwrap().contains("CAN_UNKNOWN_ID") && detail["tests"] == json!([]));
    assert!(detail["needs"][0].as_str().unwrap().contains("`vehicle`"), "{detail}");
    let foreigner = rig.person("zeta").await;
    assert_eq!(rule(&foreigner, unknown).await["alerts_raised"], 0);
    for path in ["/rules?days=0", "/rules?days=367"] {
        assert_eq!(person.status(path).await, 400, "{path}");
    }
    assert_eq!(person.status("/rules/none").await, 404);
    rig.end().await;
}

#[tokio::test]
async fn an_exception_says_how_much_it_hid_and_a_shipped_rule_has_tests() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rules.yml"), RULES).unwrap();
    std::fs::create_dir(dir.path().join("tests")).unwrap();
    std::fs::write(dir.path().join("tests/early.yml"), format!("rule: {INJECTION}\ncases: []\n")).unwrap();
    let exception = "title: Test bench\nid: e1\nlogsource: {product: vehicle}\n\
                     filter: {rules: [early], selection: {vehicle: v-1}, condition: not selection}\n\
                     yagura: {reason: replays captures, expires: 2999-12-31, owner: bench}\n";
    std::fs::write(dir.path().join("bench.yml"), exception).unwrap();
    let rig = Rig::attending(dir.path()).await;
    let person = rig.person("acme").await;
    for vehicle in ["v-1", "v-2"] {
        let mut device = rig.enrol(&format!("acme/{vehicle}/cgw"), "Kona").await;
        rig.deliver(&device.report(&[EventId::CAN_EARLY_FRAME; 3])).await;
    }
    rig.judged().await;
    assert_eq!(rules_of(&person.json("/alerts").await), [(INJECTION, 3)]);
    let known = person.json("/rules").await["exceptions"][0].clone();
    assert_eq!((&known["hidden"], &known["expired"], &known["rules"]), (&json!(3), &json!(false), &json!([INJECTION])));
    assert_eq!((&known["reason"], &known["owner"]), (&json!("replays captures"), &json!("bench")));
    assert_eq!(known["expires"], "3000-01-01T00:00:00.000000Z");
    let detail = person.json(&format!("/rules/{INJECTION}")).await;
    assert_eq!((&detail["rule"]["exceptions"], &detail["exceptions"][0]["id"]), (&json!(["e1"]), &json!("e1")));
    assert!(detail["tests"][0]["source"].as_str().unwrap().contains("cases"));
    assert_eq!(rig.person("zeta").await.json("/rules").await["exceptions"][0]["hidden"], 0);
    rig.end().await;
}

/// On a text of a and b, some sixty states of the expression are alive at each letter.
const DEAR: &str = "title: Dear\nid: dear\nstatus: test\nlevel: low\nlogsource: {product: ota}\n\
                    detection: {s: {message|re: '^[ab]*a[ab]{60}a[ab]*[c-z]$'}, condition: s}\n";
const PLAIN: &str = "title: Download\nid: plain\nname: plain\nstatus: test\nlevel: low\nlogsource: {product: ota}\n\
                     detection: {s: {message|contains: abbabbab}, condition: s}\n---\n\
                     title: Many\nid: many\nstatus: test\nlevel: high\n\
                     correlation: {type: event_count, rules: [plain], group-by: [vehicle], timespan: 10m, condition: {gte: 50}, generate: true}\n";
const LINES: u64 = 250;

/// Log lines with long texts, each another one; the same for the same number.
fn lines(number: u64, begun: i64) -> String {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state & 1 == 0 { 'a' } else { 'b' }
    };
    let line = |nth: u64| {
        let text: String = (0..4_000).map(|_| letter()).collect();
        let at = Time(UnixMicros(begun).plus(i64::try_from(number).unwrap() * 1_000_000)).to_text();
        format!("{{\"vin\":\"v-{}\",\"event\":\"said\",\"said\":\"{text}\",\"ts\":\"{at}\"}}\n", nth % 3)
    };
    (0..LINES).map(line).collect()
}

async fn post(open: &ways::Open, rig: &Rig, body: String) {
    let request = client().post(format!("{}/v1/logs/ota-backend", open.url));
    let request = request.header("authorization", format!("Bearer {}", ways::TOKEN)).body(body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["accepted"], LINES, "{answer}");
    rig.judged().await;
}

#[tokio::test]
async fn a_rule_that_costs_too_much_rests_and_is_named_and_no_other_rule_notices() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("plain.yml"), PLAIN).unwrap();
    std::fs::write(dir.path().join("dear.yml"), DEAR).unwrap();
    let begun = (clock::now().0 / 3_600_000_000 - 2) * 3_600_000_000;
    let rig = Rig::attending(dir.path()).await;
    let (person, open) = (rig.person("acme").await, ways::open(&rig).await);
    let paused_before = happenings::count::<RulePaused<'_>>();
    let mut posts = 0;
    until("the pause", async || {
        post(&open, &rig, lines(posts, begun)).await;
        posts += 1;
        !rig.app.rules.costs().paused().is_empty() || rule(&person, "dear").await["events_not_judged"] != 0
    })
    .await;
    // It rests from the next batch on; that one is counted.
    let first_unjudged = posts - u64::from(rule(&person, "dear").await["events_not_judged"] != 0);
    for _ in 0..4 {
        post(&open, &rig, lines(posts, begun)).await;
        posts += 1;
    }
    let known = rule(&person, "dear").await;
    assert_eq!(known["events_not_judged"], (posts - first_unjudged) * LINES, "{known}");
    assert_eq!(known["paused"]["cause"], "dear");
    assert!(known["paused"]["cost_ns"].as_u64().unwrap() > 5_000 && known["cost"]["ns"].as_f64().unwrap() > 5_000.0);
    let cheap = rule(&person, "plain").await;
    assert_eq!((&cheap["paused"], &cheap["events_not_judged"]), (&Value::Null, &json!(0)));
    let problems = person.json("/overview").await["problems"].to_string();
    assert!(problems.contains("rule_cost") && problems.contains("dear cost"), "{problems}");
    assert!(happenings::count::<RulePaused<'_>>() > paused_before);
    let detail = person.json("/rules/dear").await;
    assert_eq!(detail["not_judged"][0]["events"], known["events_not_judged"]);
    assert!(detail["slow"][0].as_str().unwrap().contains("every value"), "{detail}");
    assert_eq!(rule(&rig.person("zeta").await, "dear").await["events_not_judged"], 0);
    let (others, heard_of) = (person.json("/alerts?limit=500").await, posts);

    // The rule is mended: it is judged again.
    std::fs::write(dir.path().join("dear.yml"), DEAR.replace("re: '^[ab]*a[ab]{60}a[ab]*[c-z]$'", "startswith: ab"))
        .unwrap();
    until("the mended rule", async || {
        post(&open, &rig, lines(posts, begun)).await;
        posts += 1;
        rule(&person, "dear").await["alerts_raised"] != 0
    })
    .await;
    assert_eq!(rule(&person, "dear").await["paused"], Value::Null);
    assert!(!person.json("/overview").await["problems"].to_string().contains("rule_cost"));
    rig.end().await;

    // Without the dear rule, the others find the same.
    let alone = tempfile::tempdir().unwrap();
    std::fs::write(alone.path().join("plain.yml"), PLAIN).unwrap();
    let rig = Rig::attending(alone.path()).await;
    let (person, open) = (rig.person("acme").await, ways::open(&rig).await);
    for number in 0..heard_of {
        post(&open, &rig, lines(number, begun)).await;
    }
    let expected = person.json("/alerts?limit=500").await;
    let told = |alerts: &Value| {
        let alerts = alerts["alerts"].as_array().unwrap().iter();
        let mut told: Vec<_> = alerts.map(|it| (it["id"].to_string(), it["count"].to_string())).collect();
        told.sort();
        told
    };
    assert!(told(&expected).len() >= 6, "three vehicles, two rules");
    assert_eq!(told(&others), told(&expected));
    rig.end().await;
}

crate::on_postgres!(
    "rule_life.rs":
    nobody_hears_of_a_rule_in_the_shadow_and_it_goes_live_with_its_alerts_and_correlations,
    an_alert_is_closed_with_what_it_was_and_a_rule_has_a_precision_with_its_n,
    an_exception_says_how_much_it_hid_and_a_shipped_rule_has_tests,
    a_rule_that_costs_too_much_rests_and_is_named_and_no_other_rule_notices
);
