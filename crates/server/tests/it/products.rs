//! Products on a real server: an uploaded SBOM has its findings at once, newer advisories find whom they concern, decisions last.

use crate::rig::{Person, Rig};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;
use yagura_psirt::Instant;
use yagura_psirt::advisory::{Advisory, Affected, End, Package, Score, Source, Versions};
use yagura_psirt::index::Builder;
use yagura_psirt::vex::{Status, read};

const CRITICAL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";

fn advisory(id: &str, aliases: &[&str], name: &str, before: &str, vector: &str) -> Advisory {
    let package = Package::Ecosystem { ecosystem: "PyPI".to_owned(), name: name.to_owned() };
    let end = End::Before(before.to_owned());
    let versions = Versions::Interval { scheme: None, introduced: None, end };
    let affected = Affected {
        packages: vec![package],
        ranges: vec![(versions, Status::Affected)],
        otherwise: None,
        running_on: Vec::new(),
        parts: Vec::new(),
        by: "tester".to_owned(),
    };
    Advisory {
        aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
        title: format!("a flaw in {name}"),
        scores: vec![Score { vector: vector.to_owned(), by: "tester".to_owned() }],
        affected: vec![affected],
        ..Advisory::new(id, Source::Osv)
    }
}

/// Adds a segment to the database directory, as an import does; the list is replaced whole.
fn import(rig: &Rig, known_from: i64, advisories: &[Advisory]) {
    let mut builder = Builder::new(Instant(known_from));
    advisories.iter().for_each(|advisory| builder.add(advisory));
    let bytes = builder.finish().unwrap();
    let dir = rig.dir.path().join("advisories");
    std::fs::create_dir_all(&dir).unwrap();
    let line =
        json!({ "digest": hex(&bytes), "bytes": bytes.len(), "kind": "advisories", "records": 1, "known_from": "" });
    std::fs::write(dir.join(format!("{}.segment", hex(&bytes))), bytes).unwrap();
    enter(&dir, "segments", line);
}

/// Adds a supplier's statements to the database directory.
fn import_statements(rig: &Rig, document: &Value) {
    let (dir, bytes) = (rig.dir.path().join("advisories"), document.to_string().into_bytes());
    let line = json!({ "digest": hex(&bytes), "place": "supplier.openvex.json", "known_from": "" });
    std::fs::write(dir.join(format!("{}.vex", hex(&bytes))), bytes).unwrap();
    enter(&dir, "statements", line);
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts a line into the list, which is replaced whole.
fn enter(dir: &Path, part: &str, line: Value) {
    let mut list: Value = std::fs::read(dir.join("database.json")).map_or_else(
        |_| json!({ "format": 1, "segments": [], "statements": [], "imports": [] }),
        |text| serde_json::from_slice(&text).unwrap(),
    );
    list[part].as_array_mut().unwrap().push(line);
    std::fs::write(dir.join("list.new"), list.to_string()).unwrap();
    std::fs::rename(dir.join("list.new"), dir.join("database.json")).unwrap();
}

fn sbom(components: &[(&str, &str)]) -> String {
    let component = |(name, version): &(&str, &str)| {
        let purl = format!("pkg:pypi/{name}@{version}");
        json!({ "type": "library", "bom-ref": name, "name": name, "version": version, "purl": purl })
    };
    let mut all: Vec<Value> = components.iter().map(component).collect();
    all.push(json!({ "type": "library", "bom-ref": "own", "name": "house-made" }));
    json!({ "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": all }).to_string()
}

async fn ok(response: reqwest::Response) -> Value {
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn product(person: &Person, name: &str, line: &str) -> String {
    let wish = json!({ "name": name, "kind": "ecu", "line": line, "models": ["Kona"] });
    ok(person.post("/products", &wish).await).await["product"]["id"].as_str().unwrap().to_owned()
}

/// A version with an SBOM; its id.
async fn version(person: &Person, product: &str, version: &str, components: &[(&str, &str)]) -> String {
    let wish = json!({ "version": version, "vehicles": 100 });
    let made = ok(person.post(&format!("/products/{product}/versions"), &wish).await).await;
    let id = made["version"]["id"].as_str().unwrap().to_owned();
    let path = format!("/versions/{id}/sbom");
    ok(person.upload(&path, sbom(components).into_bytes()).await).await;
    id
}

/// Findings without what tells when, by component and vulnerability.
async fn findings(person: &Person, query: &str) -> Vec<Value> {
    let page = person.json(&format!("/findings?{query}")).await;
    let mut all = page["findings"].as_array().unwrap().clone();
    for it in &mut all {
        for key in ["id", "version", "first_time", "changed_time"] {
            it.as_object_mut().unwrap().remove(key);
        }
    }
    all.sort_by_key(ToString::to_string);
    all
}

/// Waits until every product version was compared with the advisories that are there now.
async fn caught_up(rig: &Rig) {
    loop {
        let known = rig.app.knowledge.look().unwrap();
        if rig.app.state.releases_behind(known.mark(), 1).await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_uploaded_sbom_has_its_findings_at_once_and_each_says_why() {
    let rig = Rig::new().await;
    import(
        &rig,
        1,
        &[
            advisory("PYSEC-1", &["CVE-2024-1"], "django", "2.0", CRITICAL),
            advisory("GHSA-1", &["CVE-2024-1"], "django", "2.1", "HIGH"),
        ],
    );
    let (person, foreigner) = (rig.person("acme").await, rig.person("zeta").await);
    let owner =
        ok(person.post("/people", &json!({ "name": "Ana", "email": "ana@example.com", "language": "ja" })).await).await;
    let owner = owner["id"].as_str().unwrap();
    ok(person.post("/people/routes", &json!({ "pattern": "pkg:pypi/dja", "owner": owner })).await).await;
    let gateway = product(&person, "Gateway", "").await;
    let id = version(&person, &gateway, "1.0", &[("Django", "1.5"), ("flask", "3")]).await;

    let page = person.json(&format!("/versions/{id}")).await;
    assert_eq!((&page["version"]["components"], &page["version"]["unidentified"]), (&json!(3), &json!(1)));
    assert_eq!(page["version"]["open"], json!({ "by_severity": { "critical": 1 }, "exploited": 0 }));
    assert_eq!(page["unidentified"][0]["name"], "house-made");
    let listed = person.json(&format!("/findings?version={id}")).await;
    let [finding] = &listed["findings"].as_array().unwrap()[..] else { panic!("one finding, not {listed}") };
    assert_eq!((&finding["vulnerability"], &finding["score"]), (&json!("CVE-2024-1"), &json!(9.8)));
    assert_eq!(
        (&finding["state"], &finding["owner"], &finding["confidence"]),
        (&json!("open"), &json!(owner), &json!(100))
    );
    assert_eq!(finding["aliases"], json!(["GHSA-1", "PYSEC-1"]));
    let path = format!("/findings/{}", finding["id"].as_str().unwrap());
    let detail = person.json(&path).await;
    assert_eq!(detail["sources"].as_array().unwrap().len(), 2, "sources stand side by side");
    assert_eq!(detail["history"][0]["change"], "appeared");

    let advisory = person.json("/advisories/GHSA-1").await;
    assert_eq!((&advisory["versions"], &advisory["vehicles"]), (&json!(1), &json!(100)));
    let held = person.json("/components?purl=pkg:pypi/dj").await;
    assert_eq!(held["components"][0]["held_by"]["product_name"], "Gateway");
    let products = person.json("/products").await;
    assert_eq!((&products["products"][0]["vehicles"], &products["advisory_segments"]), (&json!(100), &json!(1)));

    assert_eq!(foreigner.json("/products").await["products"], json!([]));
    assert_eq!(foreigner.json("/findings").await, json!({ "findings": [] }));
    assert_eq!(foreigner.json("/components?name=flask").await, json!({ "components": [] }));
    assert_eq!(foreigner.json("/people").await, json!({ "people": [], "routes": [] }));
    for path in
        [path, format!("/products/{gateway}"), format!("/versions/{id}"), format!("/versions/{id}/vex?format=csaf")]
    {
        assert_eq!(foreigner.status(&path).await, 404, "{path}");
        assert_eq!(person.status(&path).await, 200, "{path}");
    }
    rig.end().await;
}

#[tokio::test]
async fn newer_advisories_match_whom_they_concern_alone_and_as_a_whole_match_would() {
    let rig = Rig::new().await;
    import(&rig, 1, &[advisory("CVE-2024-1", &[], "django", "2.0", CRITICAL)]);
    let person = rig.person("acme").await;
    let (old, other) = (product(&person, "Gateway", "").await, product(&person, "Radio", "").await);
    let components = [("django", "1.5"), ("flask", "3")];
    let id = version(&person, &old, "1.0", &components).await;
    let untouched = version(&person, &other, "1.0", &[("numpy", "1.0")]).await;
    let matched = |page: &Value| page["version"]["matched_time"].clone();
    let before = matched(&person.json(&format!("/versions/{untouched}")).await);

    // One appears, one has another range and is gone by that.
    import(
        &rig,
        2,
        &[
            advisory("CVE-2024-2", &[], "flask", "4", "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"),
            advisory("CVE-2024-1", &[], "django", "1.4", CRITICAL),
        ],
    );
    caught_up(&rig).await;
    let anew = version(&person, &old, "1.0.1", &components).await;
    let incremental = findings(&person, &format!("version={id}")).await;
    assert_eq!(incremental, findings(&person, &format!("version={anew}")).await);
    assert_eq!(incremental.len(), 1);
    assert_eq!(incremental[0]["vulnerability"], "CVE-2024-2");
    assert_eq!(matched(&person.json(&format!("/versions/{untouched}")).await), before, "nothing new is said of numpy");
    let gone = person.json(&format!("/findings?version={id}&state=gone")).await;
    assert_eq!(gone["findings"][0]["vulnerability"], "CVE-2024-1");
    let events = person.json("/findings/changes").await;
    let kinds: Vec<&str> =
        events["events"].as_array().unwrap().iter().map(|it| it["change"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "gone").count(), 1);

    // The same SBOM once more says nothing new.
    ok(person.upload(&format!("/versions/{id}/sbom"), sbom(&components).into_bytes()).await).await;
    let again = person.json("/findings/changes").await;
    assert_eq!(again["events"].as_array().unwrap().len(), kinds.len());
    rig.end().await;
}

#[tokio::test]
async fn what_a_supplier_says_of_a_component_takes_its_finding_away_and_says_who_did() {
    let rig = Rig::new().await;
    import(&rig, 1, &[advisory("CVE-2024-1", &[], "django", "2.0", CRITICAL)]);
    let person = rig.person("acme").await;
    let gateway = product(&person, "Gateway", "").await;
    let id = version(&person, &gateway, "1.0", &[("django", "1.5")]).await;
    assert_eq!(findings(&person, &format!("version={id}")).await.len(), 1);
    import_statements(
        &rig,
        &json!({
            "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/vex/1", "author": "Supplier",
            "timestamp": "2026-01-01T00:00:00Z", "version": 1,
            "statements": [{
                "vulnerability": { "name": "CVE-2024-1" }, "products": [{ "@id": "pkg:pypi/django@1.5" }],
                "status": "not_affected", "justification": "vulnerable_code_not_present"
            }]
        }),
    );
    caught_up(&rig).await;
    let page = person.json(&format!("/versions/{id}")).await;
    assert_eq!(page["version"]["open"]["by_severity"], json!({}), "{page}");
    let [finding] = &findings(&person, &format!("version={id}&state=decided")).await[..] else { panic!("no finding") };
    assert_eq!(finding["status"], "not_affected");
    rig.end().await;
}

#[tokio::test]
async fn a_decision_holds_for_versions_to_come_until_it_ends_or_is_undone() {
    let rig = Rig::new().await;
    import(&rig, 1, &[advisory("CVE-2024-1", &[], "django", "2.0", CRITICAL)]);
    let person = rig.person("acme").await;
    let (gateway, radio) = (product(&person, "Gateway", "ecu").await, product(&person, "Radio", "ecu").await);
    let first = version(&person, &gateway, "1.0", &[("django", "1.5")]).await;
    let listed = person.json(&format!("/findings?version={first}")).await;
    let finding = listed["findings"][0]["id"].as_str().unwrap().to_owned();
    let wish = |scope: &str| {
        json!({ "finding": finding, "scope": scope, "status": "not_affected", "versions": "<1.6",
            "justification": "vulnerable_code_not_in_execute_path", "reason": "no admin pages" })
    };
    let decided = ok(person.post("/decisions", &wish("line")).await).await;
    assert_eq!(
        (&decided["finding"]["state"], &decided["finding"]["status"]),
        (&json!("decided"), &json!("not_affected"))
    );
    assert!(decided["finding"]["because"].as_str().unwrap().contains("no admin pages"));

    let state = async |version: &str| {
        let page = person.json(&format!("/findings?version={version}")).await;
        page["findings"][0]["state"].as_str().unwrap().to_owned()
    };
    let (next, sister) = (
        version(&person, &gateway, "1.1", &[("django", "1.5.9")]).await,
        version(&person, &radio, "7", &[("django", "1.5")]).await,
    );
    let outside = version(&person, &gateway, "2.0", &[("django", "1.6")]).await;
    assert_eq!((state(&next).await.as_str(), state(&sister).await.as_str()), ("decided", "decided"));
    assert_eq!(state(&outside).await, "open", "its component is not in the range");
    let exported = person.json(&format!("/versions/{first}/vex?format=openvex")).await;
    assert_eq!(exported["statements"][0]["justification"], "vulnerable_code_not_in_execute_path");
    for format in ["openvex", "csaf"] {
        let text = person.get(&format!("/versions/{outside}/vex?format={format}")).await.text().await.unwrap();
        let back = read(text.as_bytes());
        assert_eq!((back.anomalies.len(), back.statements[0].status), (0, Status::UnderInvestigation), "{text}");
    }

    // A narrower one goes before it.
    let triage = json!({ "finding": finding, "scope": "version", "status": "under_investigation", "reason": "asked the supplier" });
    assert_eq!(ok(person.post("/decisions", &triage).await).await["finding"]["state"], "triaged");
    let all = person.json("/decisions?vulnerability=CVE-2024-1").await;
    let ids: Vec<&str> = all["decisions"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2);
    for (id, expected) in [(ids[0], "decided"), (ids[1], "open")] {
        assert_eq!(person.post(&format!("/decisions/{id}/undo"), &json!({})).await.status(), 204);
        assert_eq!(state(&first).await, expected);
    }
    assert_eq!(person.post(&format!("/decisions/{}/undo", ids[0]), &json!({})).await.status(), 404);
    let detail = person.json(&format!("/findings/{finding}")).await;
    assert_eq!(detail["history"].as_array().unwrap().len(), 5);

    let soon = time_in(Duration::from_secs(2));
    let mut brief = wish("portfolio");
    brief["until"] = json!(soon);
    assert_eq!(ok(person.post("/decisions", &brief).await).await["finding"]["state"], "decided");
    while state(&first).await != "open" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let detail = person.json(&format!("/findings/{finding}")).await;
    assert_eq!(detail["history"].as_array().unwrap().last().unwrap()["change"], "decision_ended");
    rig.end().await;
}

fn time_in(time: Duration) -> String {
    Instant(yagura_server::clock::now().0 + i64::try_from(time.as_micros()).unwrap()).text()
}

#[tokio::test]
async fn what_is_no_sbom_or_makes_no_sense_is_refused_with_the_reason() {
    let rig = Rig::new().await;
    let person = rig.person("acme").await;
    let gateway = product(&person, "Gateway", "").await;
    let made = ok(person.post(&format!("/products/{gateway}/versions"), &json!({ "version": "1" })).await).await;
    let path = format!("/versions/{}/sbom", made["version"]["id"].as_str().unwrap());
    let refused = person.upload(&path, b"MZ not an SBOM".to_vec()).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("not an SBOM in a known format"));
    // What is cut is kept as far as it goes, and says where it broke.
    let whole = sbom(&[("django", "1.5")]);
    let cut = ok(person.upload(&path, whole.as_bytes()[..whole.len() - 40].to_vec()).await).await;
    assert!(!cut["anomalies"].as_array().unwrap().is_empty(), "{cut}");
    for (path, wish) in [
        ("/products", json!({ "name": " ", "kind": "ecu" })),
        ("/products", json!({ "name": "x", "kind": "ecu", "owner": "nobody" })),
        ("/people", json!({ "name": "Ana", "email": "ana" })),
        ("/people/routes", json!({ "pattern": "openssl" })),
    ] {
        assert_eq!(person.post(path, &wish).await.status(), 400, "{path} {wish}");
    }
    assert_eq!(person.status("/components").await, 400);
    rig.end().await;
}

crate::on_postgres!(
    "products.rs":
    an_uploaded_sbom_has_its_findings_at_once_and_each_says_why,
    newer_advisories_match_whom_they_concern_alone_and_as_a_whole_match_would,
    what_a_supplier_says_of_a_component_takes_its_finding_away_and_says_who_did,
    a_decision_holds_for_versions_to_come_until_it_ends_or_is_undone,
    what_is_no_sbom_or_makes_no_sense_is_refused_with_the_reason
);
