//! The official test suites of CSAF 2.0 and 2.1: each document passes or fails the test that it is for, and is valid or not as a whole.

use crate::data;
use serde_json::Value;
use yagura_psirt::Instant;
use yagura_psirt::csaf::{Group, Surroundings, validate};

/// The schemas of the suite's own extensions, which the documents name by where they are published.
fn extension(url: &str) -> Option<Value> {
    let path = url.split("/csaf_2.1/extension/").nth(1)?;
    serde_json::from_slice(&data::file(&format!("csaf-official/csaf_2.1/test/extension/{path}"))?).ok()
}

/// The suite names what is not there by what it is called.
fn resolves(url: &str) -> bool {
    !url.contains("not-available") && !url.contains(".invalid")
}

struct Outcome {
    documents: usize,
    wrong: Vec<String>,
}

fn run(version: &str) -> Option<Outcome> {
    let root = format!("csaf-official/csaf_{version}/test/validator/data");
    let cases: Value = serde_json::from_slice(&data::file(&format!("{root}/testcases.json"))?).unwrap();
    let around = Surroundings { now: Instant::parse("2026-11-01"), resolves: Some(&resolves), extension: Some(&extension) };
    let mut outcome = Outcome { documents: 0, wrong: Vec::new() };
    for case in cases["tests"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        for (list, passes) in [("failures", false), ("valid", true)] {
            for document in case[list].as_array().into_iter().flatten() {
                let name = document["name"].as_str().unwrap();
                let bytes = data::file(&format!("{root}/{name}")).unwrap();
                let report = validate(&bytes, Group::Informative, &around).unwrap();
                outcome.documents += 1;
                if report.passes(id) != passes {
                    let found: Vec<_> = report.findings.iter().filter(|finding| finding.test == id).collect();
                    outcome.wrong.push(format!("{id} {name}: should {}: {found:?}", if passes { "pass" } else { "fail" }));
                }
                if report.is_valid() != document["valid"].as_bool().unwrap() {
                    let found: Vec<_> = report.findings.iter().filter(|finding| finding.group <= Group::Mandatory).take(3).collect();
                    outcome.wrong.push(format!("{id} {name}: valid is {}: {found:?}", document["valid"]));
                }
            }
        }
    }
    println!("CSAF {version}: {} documents, {} wrong", outcome.documents, outcome.wrong.len());
    for wrong in &outcome.wrong {
        println!("  {wrong}");
    }
    Some(outcome)
}

#[test]
fn csaf_2_0() {
    let Some(outcome) = run("2.0") else { return };
    assert_eq!((outcome.documents, outcome.wrong.len()), (239, 0));
}

#[test]
fn csaf_2_1() {
    let Some(outcome) = run("2.1") else { return };
    assert_eq!((outcome.documents, outcome.wrong.len()), (856, 0));
}
