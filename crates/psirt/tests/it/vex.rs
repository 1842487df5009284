//! VEX through four formats: what is written is read back, or was listed as lost; CSAF that is written is valid; documents of others are read.

use crate::data;
use proptest::prelude::*;
use yagura_psirt::Instant;
use yagura_psirt::csaf::{Group, Surroundings, validate_value};
use yagura_psirt::vex::{Format, Head, Justification, Read, Statement, Status, Subject, read, write};

const FORMATS: [Format; 4] = [Format::OpenVex, Format::Csaf, Format::CycloneDx, Format::Spdx3];

fn head() -> Head {
    Head {
        id: "https://example.com/vex/1".to_owned(),
        author: "Example Company".to_owned(),
        namespace: "https://example.com".to_owned(),
        issued: Instant::parse("2024-05-01T12:00:00Z").unwrap(),
        version: 1,
        title: "How our products stand".to_owned(),
    }
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        "pkg:deb/debian/[a-z]{2,6}@[1-9]\\.[0-9]".prop_map(Subject::Purl),
        "cpe:2\\.3:a:[a-z]{2,5}:[a-z]{2,5}:1\\.0:\\*:\\*:\\*:\\*:\\*:\\*:\\*".prop_map(Subject::Cpe),
        "https://example\\.com/product/[a-z]{2,6}".prop_map(Subject::Name),
    ]
}

fn statement() -> impl Strategy<Value = Statement> {
    let justification = prop_oneof![
        Just(Justification::ComponentNotPresent),
        Just(Justification::CodeNotPresent),
        Just(Justification::CodeNotInExecutePath),
        Just(Justification::CodeNotControllable),
        Just(Justification::Mitigated),
    ];
    (
        "CVE-20[12][0-9]-[1-9][0-9]{4}",
        subject(),
        proptest::option::of(subject()),
        prop_oneof![
            Just(Status::Affected),
            Just(Status::NotAffected),
            Just(Status::Fixed),
            Just(Status::UnderInvestigation)
        ],
        justification,
        proptest::option::of("[A-Z][a-z ]{3,20}[a-z]"),
        "[A-Z][a-z ]{3,20}[a-z]",
        0..1_000_i64,
    )
        .prop_map(|(id, subject, within, status, justification, impact, action, hours)| {
            let mut statement = Statement::new(id, subject, status);
            statement.within = within.into_iter().filter(|within| *within != statement.subjects[0]).collect();
            if status == Status::NotAffected {
                statement.justification = Some(justification);
                statement.impact = impact;
            }
            statement.action = (status == Status::Affected).then_some(action);
            statement.author = Some("Example Company".to_owned());
            statement.since = Some(Instant(head().issued.0 - hours * 3_600_000_000));
            statement
        })
}

/// What the model cannot keep of a format's way of writing.
fn plain(mut read: Read) -> Vec<Statement> {
    for statement in &mut read.statements {
        statement.beyond.clear();
    }
    let key = |statement: &Statement| format!("{statement:?}");
    read.statements.sort_by_key(key);
    read.statements
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read_back_or_was_lost(mut statements in proptest::collection::vec(statement(), 1..6)) {
        let mut known = std::collections::HashSet::new();
        statements.retain(|statement| known.insert((statement.vulnerability.clone(), statement.subjects.clone())));
        for format in FORMATS {
            let written = write(format, &statements, &head());
            let bytes = serde_json::to_vec(&written.document).unwrap();
            let back = read(&bytes);
            prop_assert!(back.anomalies.is_empty(), "{format:?} {:?}", back.anomalies);
            let mut expected = statements.clone();
            for lost in &written.lost {
                if lost.what.contains("inside the product") {
                    expected[lost.statement].within.clear();
                } else if lost.what == "since when it holds" {
                    expected[lost.statement].since = Some(head().issued);
                } else {
                    prop_assert!(false, "{format:?} lost {}", lost.what);
                }
            }
            expected.sort_by_key(|statement| format!("{statement:?}"));
            prop_assert_eq!(plain(back), expected, "{:?} {}", format, written.document);
        }
    }

    #[test]
    fn csaf_that_is_written_is_valid(mut statements in proptest::collection::vec(statement(), 1..6)) {
        let mut known = std::collections::HashSet::new();
        statements.retain(|statement| known.insert((statement.vulnerability.clone(), statement.subjects.clone())));
        let written = write(Format::Csaf, &statements, &head());
        let report = validate_value(&written.document, Group::Mandatory, &Surroundings::default()).unwrap();
        prop_assert!(report.is_valid(), "{:?}", report.findings);
    }

    #[test]
    fn garbage_is_an_anomaly(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let taken = read(&bytes);
        prop_assert!(!taken.anomalies.is_empty());
    }
}

#[test]
fn words_beyond_the_model_go_through_their_own_format() {
    let document = serde_json::json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": { "timestamp": "2024-05-01T12:00:00Z" },
        "components": [{ "type": "library", "bom-ref": "a", "name": "a", "purl": "pkg:npm/a@1" }],
        "vulnerabilities": [{ "id": "CVE-2024-1", "references": [{ "id": "GHSA-x", "source": { "name": "GHSA" } }],
            "analysis": { "state": "false_positive", "justification": "requires_configuration", "response": ["will_not_fix", "update"], "detail": "off" },
            "affects": [{ "ref": "a", "versions": [{ "version": "1", "status": "unaffected" }] }] }],
    });
    let first = read(document.to_string().as_bytes());
    assert_eq!(first.anomalies, []);
    let same = write(Format::CycloneDx, &first.statements, &head());
    assert_eq!(read(same.document.to_string().as_bytes()).statements[0].beyond, first.statements[0].beyond);
    assert!(same.lost.is_empty(), "{:?}", same.lost);
    let other = write(Format::OpenVex, &first.statements, &head());
    let lost: Vec<_> = other.lost.iter().map(|lost| lost.what.as_str()).collect();
    assert_eq!(
        lost,
        [
            "cyclonedx.state: false_positive",
            "cyclonedx.justification: requires_configuration",
            "cyclonedx.response: will_not_fix",
            "cyclonedx.response: update",
            "cyclonedx.version: {\"status\":\"unaffected\",\"version\":\"1\"}",
        ]
    );
}

#[test]
fn openvex_must_say_what_its_specification_wants() {
    let wrong = |change: fn(&mut serde_json::Value)| {
        let mut document = serde_json::json!({
            "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://e.com/1", "author": "a", "timestamp": "2024-05-01T12:00:00Z", "version": 1,
            "statements": [{ "vulnerability": { "name": "CVE-2024-1" }, "products": [{ "@id": "pkg:npm/a@1" }], "status": "not_affected",
                "justification": "component_not_present" }],
        });
        change(&mut document);
        let taken = read(document.to_string().as_bytes());
        taken.anomalies.into_iter().map(|anomaly| anomaly.place).collect::<Vec<_>>()
    };
    assert_eq!(wrong(|_| {}), Vec::<String>::new());
    assert_eq!(
        wrong(|document| document["statements"][0]["justification"] = serde_json::Value::Null),
        ["/statements/0"]
    );
    assert_eq!(
        wrong(|document| document["statements"][0]["justification"] = "because".into()),
        ["/statements/0/justification", "/statements/0"]
    );
    assert_eq!(wrong(|document| document["statements"][0]["status"] = "affected".into()), ["/statements/0"]);
    assert_eq!(wrong(|document| document["statements"][0]["status"] = "unknown".into()), ["/statements/0/status"]);
    assert_eq!(
        wrong(|document| document["statements"][0]["products"] = serde_json::json!([])),
        ["/statements/0/products"]
    );
    assert_eq!(wrong(|document| document["statements"][0]["extra"] = 1.into()), ["/statements/0/extra"]);
    assert_eq!(wrong(|document| document["version"] = 0.into()), ["/version"]);
    assert_eq!(wrong(|document| document["author"] = "".into()), ["/author"]);
    assert_eq!(wrong(|document| document["timestamp"] = "yesterday".into()), ["/timestamp"]);
    assert_eq!(wrong(|document| document["statements"] = serde_json::json!([])), ["/statements"]);
}

#[test]
fn documents_of_others_are_read() {
    let Some(files) = data::archive("grype-fixtures/testdata.tar.zst") else { return };
    let (mut documents, mut statements) = (0, 0);
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".json")) {
        let text = String::from_utf8_lossy(bytes);
        let carries = text.contains("openvex.dev/ns") && text.contains("\"statements\"")
            || text.contains("\"csaf_vex\"") && text.contains("csaf_version");
        if !carries || !path.contains("vex") {
            continue;
        }
        let taken = read(bytes);
        println!("{path}: {} statements, {:?}", taken.statements.len(), taken.anomalies.first());
        documents += 1;
        statements += taken.statements.len();
    }
    println!("{documents} documents, {statements} statements");
    let Some(yocto) = data::archive("sbom-yocto/sbom-yocto.tar.zst") else { return };
    for (path, bytes) in yocto.iter().filter(|(path, _)| path.ends_with(".json")) {
        let taken = read(bytes);
        println!("{path}: {} statements, {:?}", taken.statements.len(), taken.anomalies.first());
    }
}
