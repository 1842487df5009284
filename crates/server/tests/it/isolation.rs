//! A tenant never sees another's data: every endpoint is asked by somebody of another tenant.

use crate::rig::Rig;
use serde_json::json;
use yagura_model::EventId;

#[tokio::test]
async fn somebody_of_another_tenant_sees_nothing_on_any_endpoint() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    let receipt = rig.deliver(&device.report(&[EventId::CAN_UNKNOWN_ID])).await;
    rig.judged().await;
    let (owner, foreigner) = (rig.person("acme").await, rig.person("zeta").await);

    let alerts = owner.json("/alerts").await;
    let alert = alerts["alerts"][0]["id"].as_str().unwrap().to_owned();
    let position = receipt.position;
    rig.grouped().await;
    let incident = owner.json("/incidents").await["incidents"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(foreigner.json("/incidents").await, json!({ "incidents": [] }));

    let listed = foreigner.json("/alerts").await;
    assert_eq!(listed, json!({ "alerts": [] }));
    assert_eq!(foreigner.json("/alerts?vehicle=kona-1").await, json!({ "alerts": [] }));
    assert_eq!(foreigner.json("/vehicles").await, json!({ "vehicles": [] }));
    let overview = foreigner.json("/overview").await;
    assert_eq!((&overview["totals"]["events"], &overview["fleet"]["vehicles"]), (&json!(0), &json!(0)));
    assert_eq!((&overview["alerts_open"]["medium"], &overview["incidents_open"]["medium"]), (&json!(0), &json!(0)));
    assert_eq!(overview["losses"], json!([]));

    for path in [
        format!("/alerts/{alert}"),
        format!("/alerts/{alert}/frames"),
        format!("/incidents/{incident}"),
        "/vehicles/kona-1".to_owned(),
        "/vehicles/kona-1/timeline".to_owned(),
        format!("/evidence/{position}"),
        format!("/evidence/{position}/raw"),
        "/evidence/0".to_owned(),
    ] {
        assert_eq!(foreigner.status(&path).await, 404, "{path}");
        assert_ne!(owner.status(&path).await, 404, "{path}");
    }
    let closed = foreigner
        .post(&format!("/alerts/{alert}/status"), &json!({ "status": "closed", "disposition": "benign" }))
        .await;
    assert_eq!(closed.status(), 404);
    assert_eq!(owner.json(&format!("/alerts/{alert}")).await["alert"]["status"], "open");
    let closed = foreigner.post(&format!("/incidents/{incident}/status"), &json!({ "status": "closed" })).await;
    assert_eq!(closed.status(), 404);
    assert_eq!(owner.json(&format!("/incidents/{incident}")).await["incident"]["status"], "open");
    rig.end().await;
}

#[tokio::test]
async fn the_stream_of_another_tenant_is_silent() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    let (owner, foreigner) = (rig.person("acme").await, rig.person("zeta").await);
    let mut own = owner.get("/stream").await;
    let mut foreign = foreigner.get("/stream").await;
    rig.deliver(&device.report(&[EventId::CAN_UNKNOWN_ID])).await;
    let mut seen = String::new();
    while !seen.contains("event: alert") {
        seen.push_str(&String::from_utf8_lossy(&own.chunk().await.unwrap().unwrap()));
    }
    assert!(seen.contains("kona-1"));
    let mut heard = String::new();
    while heard.matches("event: tick").count() < 2 {
        heard.push_str(&String::from_utf8_lossy(&foreign.chunk().await.unwrap().unwrap()));
    }
    assert!(!heard.contains("event: alert") && !heard.contains("kona"), "{heard}");
    rig.end().await;
}

crate::on_postgres!(
    "isolation.rs":
    somebody_of_another_tenant_sees_nothing_on_any_endpoint,
    the_stream_of_another_tenant_is_silent
);
