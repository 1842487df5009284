//! Questions in SQL through the API: what is not in the lake yet is seen, what is another's is not.

use crate::rig::Rig;
use serde_json::{Value, json};
use yagura_model::EventId;

#[tokio::test]
async fn a_question_sees_rows_that_the_lake_does_not_have_yet_and_its_own_tenant_alone() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    rig.deliver(&device.report(&[EventId::CAN_UNKNOWN_ID, EventId::CAN_BUS_FLOOD])).await;
    rig.judged().await;
    let (owner, foreigner) = (rig.person("acme").await, rig.person("zeta").await);
    let question = json!({ "sql": "SELECT vehicle, event_name FROM events ORDER BY event_name" });
    let answer: Value = owner.post("/query", &question).await.json().await.unwrap();
    let named = |row: &Value| row["event_name"].as_str().unwrap().to_owned();
    let names: Vec<String> = answer["rows"].as_array().unwrap().iter().map(named).collect();
    assert_eq!(names, ["CAN_BUS_FLOOD", "CAN_UNKNOWN_ID"], "{answer}");
    assert_eq!(answer["columns"][0], json!({ "name": "vehicle", "type": "LargeUtf8" }));
    let foreign: Value = foreigner.post("/query", &question).await.json().await.unwrap();
    assert_eq!((&foreign["rows"], &foreign["truncated"]), (&json!([]), &json!(false)));
    let cut: Value = owner.post("/query", &json!({ "sql": question["sql"], "limit": 1 })).await.json().await.unwrap();
    assert_eq!((cut["rows"].as_array().unwrap().len(), &cut["truncated"]), (1, &json!(true)));
    let early = json!({ "sql": "SELECT count(*) AS n FROM events", "at": "0" });
    let early: Value = owner.post("/query", &early).await.json().await.unwrap();
    assert_eq!(early["rows"], json!([{ "n": 0 }]));
    rig.end().await;
}

#[tokio::test]
async fn a_question_that_is_wrong_is_refused_with_a_reason() {
    let rig = Rig::new().await;
    let person = rig.person("acme").await;
    for (body, said) in [
        (json!({ "sql": "DELETE FROM events" }), "sql: only one SELECT statement is answered, not DELETE"),
        (json!({ "sql": "SELECT vehicel FROM events" }), "sql: Schema error: No field named vehicel"),
        (json!({ "sql": "SELECT 1", "limit": 0 }), "limit: 0 is not between 1 and 100000"),
        (json!({ "sql": "SELECT 1", "at": "yesterday" }), "at: neither a version of the table"),
        (json!({ "sql": "SELECT * FROM events", "at": "99" }), "sql: the tables cannot be read as they were then"),
        (json!({}), "body: missing field `sql`"),
    ] {
        let response = person.post("/query", &body).await;
        assert_eq!(response.status(), 400, "{body}");
        let problem: Value = response.json().await.unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with(said), "{detail}");
    }
    rig.end().await;
}
