//! CVSS, EPSS, KEV and SSVC beside official data.

use crate::data;
use proptest::prelude::*;
use serde_json::Value;
use yagura_psirt::score::CveId;
use yagura_psirt::score::cvss::{answer_cvss, score};
use yagura_psirt::score::decide::{Known, SafetyImpact, decide};
use yagura_psirt::score::epss::EpssList;
use yagura_psirt::score::kev::KevList;
use yagura_psirt::score::ssvc::{Table, VEHICLE_RESPONSE};

/// `VECTOR - (7.5, None, 6.1)`, `VECTOR - 7.3`, or FIRST's lines of Python.
fn expected(line: &str) -> Option<(String, Vec<Option<f64>>)> {
    if line.starts_with('{') {
        let value: Value = serde_json::from_str(&line.replace('\'', "\"")).unwrap();
        return Some((value["vector"].as_str().unwrap().to_owned(), vec![value["score"].as_f64()]));
    }
    let (vector, scores) = line.split_once(" - ")?;
    let scores = scores.trim_matches(['(', ')']).split(',').map(str::trim).filter(|score| !score.is_empty());
    Some((vector.to_owned(), scores.map(|score| score.parse().ok()).collect()))
}

#[test]
fn every_given_vector_has_its_scores() {
    let Some(folder) = data::path("cvss") else { return };
    let (mut scores, mut wrong) = (0, Vec::new());
    for part in ["redhat", "first", "generated"] {
        let Ok(files) = std::fs::read_dir(folder.join(part)) else { continue };
        for file in files {
            let file = file.unwrap().path();
            let name = format!("cvss/{part}/{}", file.file_name().unwrap().to_string_lossy());
            if !file.is_file()
                || name.contains("LICENSE")
                || name.contains("disputed")
                || name.ends_with("macro-vectors")
            {
                continue;
            }
            let text = String::from_utf8(data::bytes(&name).unwrap()).unwrap();
            for (vector, expected) in text.lines().filter_map(expected) {
                let said = score(&vector).unwrap_or_else(|error| panic!("{vector}: {error}"));
                let values: Vec<f64> = if expected.len() == 1 {
                    vec![said.score().value]
                } else {
                    said.scores.iter().map(|score| score.value).collect()
                };
                for (value, expected) in values.iter().zip(&expected) {
                    let Some(expected) = expected else { continue };
                    scores += 1;
                    if (value - expected).abs() > 1e-9 {
                        wrong.push(format!("{name}: {vector}: {values:?} and not {expected:?}"));
                    }
                }
            }
        }
    }
    eprintln!("CVSS: {} of {scores} scores", scores - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_no_vector_is_refused_by_its_metric() {
    for (text, expected) in [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", "CVSS 3.1, column 41: metric `A`: missing, and mandatory"),
        ("CVSS:3.1/AV:Q/AC:L", "CVSS 3.1, column 10: metric `AV`: `Q` is not one of N, A, L, P"),
        ("CVSS:4.0/AV:N/AV:N", "CVSS 4.0, column 15: metric `AV`: given twice"),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P/ZZ:1", "CVSS 2.0, column 28: metric `ZZ`: there is none of this name"),
        ("CVSS:3.1/AV", "CVSS 3.1, column 10: metric `AV`: `:` and a value were expected"),
        ("HIGH", "not a CVSS vector: `CVSS:3.0/`, `CVSS:3.1/`, `CVSS:4.0/`, or the metrics of version 2 were expected"),
    ] {
        assert_eq!(score(text).unwrap_err().to_string(), expected);
    }
    let answer: Value =
        serde_json::from_str(&answer_cvss("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U\n")).unwrap();
    assert_eq!(answer["baseScore"], 9.8);
    assert_eq!(answer["temporalScore"], 9.0);
    assert_eq!(answer["severity"], "CRITICAL");
    assert_eq!(answer["name"], "temporal");
    let answer: Value = serde_json::from_str(&answer_cvss("(AV:N/AC:L/Au:N/C:P/I:P/A:P)")).unwrap();
    assert_eq!((&answer["baseScore"], &answer["baseSeverity"]), (&Value::from(7.5), &Value::from("HIGH")));
}

#[test]
fn kev_says_the_same_as_json_and_as_csv() {
    let (Some(json), Some(csv)) = (
        data::bytes("kev/known_exploited_vulnerabilities.json"),
        data::bytes("kev/known_exploited_vulnerabilities.csv"),
    ) else {
        return;
    };
    let json = KevList::read(std::str::from_utf8(&json).unwrap());
    let csv = KevList::read(std::str::from_utf8(&csv).unwrap());
    assert_eq!((json.entries.len(), json.wrong.len(), csv.wrong.len()), (1404, 0, 0));
    assert_eq!(json.entries, csv.entries);
    assert!(json.entries[&CveId::parse("CVE-2021-44228").unwrap()].is_used_by_ransomware);
}

#[test]
fn epss_is_read_as_csv_and_as_json() {
    let text = "#model_version:v2025.03.14,score_date:2025-05-01T00:00:00+0000\ncve,epss,percentile\nCVE-2021-44228,0.94358,0.99957\n\
                CVE-2021-1,x,0.1\nCVE-1999-0001,0.01,1.5\n";
    let list = EpssList::read(text);
    assert_eq!(list.model.as_deref(), Some("v2025.03.14"));
    assert_eq!(list.entries.len(), 1);
    assert_eq!(list.wrong, [(4, "a CVE id was expected"), (5, "a percentile from 0 to 1 was expected")]);
    let Some(files) = data::archive("grype-fixtures/testdata.tar.zst") else { return };
    let (_, content) = files.iter().find(|(name, _)| name.ends_with("processors/testdata/epss.json")).unwrap();
    let list = EpssList::read(std::str::from_utf8(content).unwrap());
    assert!(list.wrong.is_empty());
    assert!((list.entries[&CveId::parse("CVE-2025-0108").unwrap()].probability - 0.328).abs() < 1e-12);
}

fn tables() -> Vec<(String, Table)> {
    let mut tables = Vec::new();
    for part in ["cisa", "cvss", "ssvc"] {
        let Some(folder) = data::path(&format!("ssvc/json/decision_tables/{part}")) else { continue };
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = format!("{part}/{}", path.file_stem().unwrap().to_string_lossy());
            tables.push((name, Table::read(&std::fs::read_to_string(path).unwrap()).unwrap()));
        }
    }
    tables
}

#[test]
fn every_row_of_the_ssvc_tables_is_decided_by_its_table() {
    let (mut rows, mut csv_rows) = (0, 0);
    for (name, table) in tables() {
        for row in table.rows() {
            let outcomes = table.evaluate(|id, _| row.get(id).cloned());
            assert_eq!(outcomes.len(), 1, "{name}");
            assert_eq!(outcomes[0].key, row[&table.outcome], "{name}");
            rows += 1;
        }
        let text = String::from_utf8(data::bytes(&format!("ssvc/csv/{name}.csv")).unwrap()).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        for record in reader.records() {
            let record = record.unwrap();
            let cell = |name: &str, version: &str| {
                let place = columns.iter().position(|column| column.starts_with(&format!("{name} v{version}")));
                record.get(place.unwrap_or_else(|| panic!("no {name} in {columns:?}"))).unwrap().to_owned()
            };
            let outcomes = table.evaluate(|_, point| Some(cell(&point.name, &point.version)));
            let outcome = &table.points[&table.outcome];
            assert_eq!(outcomes.len(), 1, "{name}: {record:?}");
            assert!(
                outcomes[0].name.eq_ignore_ascii_case(&cell(&outcome.name, &outcome.version)),
                "{name}: {record:?}"
            );
            csv_rows += 1;
        }
    }
    eprintln!("SSVC: {rows} rows as JSON, {csv_rows} as CSV");
}

#[test]
fn what_is_known_decides_with_reasons() {
    let Some((_, table)) = tables().into_iter().find(|(name, _)| name == "cisa/cisa_coordinator_2_0_3") else { return };
    let stated = [("Exploitation".to_owned(), "poc".to_owned()), ("Automatable".to_owned(), "yes".to_owned())];
    let mut known = Known {
        stated: &stated,
        cvss: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
        function: Some(("braking", SafetyImpact::LifeThreatening)),
        ..Known::default()
    };
    let decision = decide(&table, &known);
    assert_eq!(decision.outcomes.iter().map(|outcome| outcome.name.as_str()).collect::<Vec<_>>(), ["Attend"]);
    let (_, impact) = decision.answers.iter().find(|(name, _)| *name == "Mission and Well-Being Impact").unwrap();
    assert_eq!(impact.as_ref().unwrap().reason, "the vehicle function `braking` has safety impact S3");
    let list = KevList::read(r#"[{"cveID":"CVE-2024-0001","dateAdded":"2024-05-01"}]"#);
    known.kev = list.entries.first_key_value().map(|(_, entry)| Some(entry));
    assert_eq!(decide(&table, &known).outcomes[0].name, "Act");
    // What is not known leaves several outcomes.
    known.function = None;
    assert!(decide(&table, &known).outcomes.len() > 1);
}

#[test]
fn the_shipped_table_never_grows_milder_when_something_grows_worse() {
    let table = Table::read(VEHICLE_RESPONSE).unwrap();
    let place = |id: &str, key: &str| table.points[id].values.iter().position(|value| value.key == key).unwrap();
    assert_eq!(table.rows().len(), 24);
    for one in table.rows() {
        for other in table.rows() {
            let is_worse = table.questions().all(|(id, _)| place(id, &other[id]) >= place(id, &one[id]));
            let (outcome, other) =
                (place(&table.outcome, &one[&table.outcome]), place(&table.outcome, &other[&table.outcome]));
            assert!(!is_worse || other >= outcome, "{one:?}");
        }
    }
    let braking = Known { function: Some(("braking", SafetyImpact::LifeThreatening)), ..Known::default() };
    let names: Vec<_> = decide(&table, &braking).outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
    assert_eq!(names, ["Out of Cycle", "Immediate"]);
}

#[test]
fn tables_that_contradict_themselves_are_refused_by_row() {
    let table = r#"{"name":"t","version":"1","outcome":"x:O:1","decision_points":{"x:O:1":{"namespace":"x","key":"O","version":"1","name":"O",
        "values":[{"key":"A","name":"a"}]}},"mapping":[{"x:O:1":"A"},{"x:O:1":"B"}]}"#;
    let error = Table::read(table).unwrap_err().to_string();
    assert_eq!(error, "row 2 of the decision table: there is no point `x:O:1`, or it has no value `B`");
    assert!(Table::read("[").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scores_are_read_from_any_text_without_a_panic(text in "\\PC{0,60}", list in "(CVSS:(3.0|3.1|4.0)/)?((AV|AC|Au|PR|UI|S|C|I|A|E|U):[A-Z]{0,2}/?){0,12}") {
        for text in [&text, &list] {
            let _ = answer_cvss(text);
            let _ = EpssList::read(text);
            let _ = KevList::read(text);
            let _ = Table::read(text);
            let _ = CveId::parse(text);
        }
    }
}
