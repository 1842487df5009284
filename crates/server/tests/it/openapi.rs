//! console/openapi.json says what the server serves. `UPDATE_OPENAPI=1` writes it anew.

use crate::rig::Rig;
use serde_json::Value;
use std::path::Path;
use yagura_server::api::openapi_json;

#[test]
fn the_console_has_the_newest_description_of_the_api() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console/openapi.json");
    let fresh = openapi_json();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == fresh, "console/openapi.json is stale: run `UPDATE_OPENAPI=1 cargo test -p yagura-server openapi`");
}

#[tokio::test]
async fn every_described_path_is_served_and_asks_who_you_are() {
    let rig = Rig::new().await;
    let client = crate::rig::client();
    let document: Value = serde_json::from_str(&openapi_json()).unwrap();
    let mut refused = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let filled = path.replace("{id}", &"0".repeat(64)).replace("{position}", "0").replace("{vehicle}", "v");
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase().parse().unwrap();
            let response = client.request(method, rig.url(&filled)).json(&serde_json::json!({})).send().await.unwrap();
            let status = response.status().as_u16();
            let problem: Value = response.json().await.unwrap();
            let kind = problem["type"].as_str().unwrap();
            let expected = if path.ends_with("/sign-in") { "/problems/bad-input" } else { "/problems/not-signed-in" };
            assert_eq!(kind, expected, "{path}");
            refused += usize::from(status == 401);
        }
    }
    assert_eq!(refused, 43);
    rig.end().await;
}
