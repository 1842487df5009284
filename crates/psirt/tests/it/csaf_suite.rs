//! The official test suites of CSAF 2.0 and 2.1: each document passes or fails the test that it is for, and is valid or not as a whole.

use crate::data;
use serde_json::Value;
use yagura_psirt::Instant;
use yagura_psirt::csaf::{Group, Surroundings, validate};

/// The schemas of the suite's own extensions, which the documents name by where they are published.
fn extension(url: &str) -> Option<Value> {
    let path = url.split("/csaf_2.1/extension/").nth(1)?;
    serde_json::from_slice(&data::bytes(&format!("csaf-official/csaf_2.1/test/extension/{path}"))?).ok()
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
    let cases: Value = serde_json::from_slice(&data::bytes(&format!("{root}/testcases.json"))?).unwrap();
    let around =
        Surroundings { now: Instant::parse("2026-11-01"), resolves: Some(&resolves), extension: Some(&extension) };
    let mut outcome = Outcome { documents: 0, wrong: Vec::new() };
    for case in cases["tests"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        for (list, passes) in [("failures", false), ("valid", true)] {
            for document in case[list].as_array().into_iter().flatten() {
                let name = document["name"].as_str().unwrap();
                let bytes = data::bytes(&format!("{root}/{name}")).unwrap();
                let report = validate(&bytes, Group::Informative, &around).unwrap();
                outcome.documents += 1;
                if report.passes(id) != passes {
                    let found: Vec<_> = report.findings.iter().filter(|finding| finding.test == id).collect();
                    outcome
                        .wrong
                        .push(format!("{id} {name}: should {}: {found:?}", if passes { "pass" } else { "fail" }));
                }
                if report.is_valid() != document["valid"].as_bool().unwrap() {
                    let found: Vec<_> =
                        report.findings.iter().filter(|finding| finding.group <= Group::Mandatory).take(3).collect();
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

/// Documents on which the suite contradicts itself or its sources, by version and name, with what is wrong there.
const SUITE_ERRORS: [(&str, &str); 21] = [
    ("2_0-2021-6-2-08-02", "says valid, but the same algorithm is used twice for a file, which 6.1.25 forbids"),
    ("2_0-2021-6-2-09-02", "says valid, but the same algorithm is used twice for a file, which 6.1.25 forbids"),
    ("2_1-2024-6-1-10-13", "says valid, but the base score is the temporal one, which 6.1.9 forbids"),
    ("2_1-2024-6-1-27-13-16", "says valid, but one product id is defined twice and one not at all (6.1.1, 6.1.2)"),
    ("2_1-2024-6-1-48-16", "SSVC has no version 3.0.1 of the decision point cvss E; its newest is 2.0.0"),
    ("2_1-2024-6-1-50-14", "`vers:/all` has no scheme; one product id is defined twice (6.1.2)"),
    ("2_1-2024-6-1-50-15", "says valid, but one product id is defined twice (6.1.2)"),
    ("2_1-2024-6-1-54-14", "says valid, but a licence that nobody lists needs a note with its text (6.1.55)"),
    ("2_1-2024-6-2-08-02", "says valid, but the same algorithm is used twice for a file, which 6.1.25 forbids"),
    ("2_1-2024-6-2-09-02", "says valid, but the same algorithm is used twice for a file, which 6.1.25 forbids"),
    ("2_1-2024-6-2-19-19", "says valid, but the vector gives 7.3 where the base score says 0 (6.1.9)"),
    ("2_1-2024-6-2-20-01", "says valid, but 6.1.8 (cases 05 and 06) allows no further members in CVSS"),
    ("2_1-2024-6-2-20-02", "says valid, but 6.1.8 (cases 05 and 06) allows no further members in CVSS"),
    ("2_1-2024-6-2-21-02", "says valid, but entry 6 is older than entry 5 (6.1.14)"),
    ("2_1-2024-6-2-34-03", "says valid, but uses the reserved namespace invalid (6.1.48, case 21)"),
    ("2_1-2024-6-2-39-02-01", "says valid, but has no note of the category description (6.1.27.14)"),
    ("2_1-2024-6-2-39-03-01", "says valid, but has no note of the category description (6.1.27.14)"),
    ("2_1-2024-6-2-42-02", "says valid, but its purls differ in more than qualifiers (6.1.42)"),
    ("2_1-2024-6-2-45-01", "says valid, but a licence that nobody lists needs a note with its text (6.1.55)"),
    ("2_1-2024-6-2-54-03-01", "says valid, but refers to a product that is not defined (6.1.1)"),
    ("2_1-2024-6-3-21-01-", "says valid, but refers to a product that is not defined (6.1.1)"),
];

/// Documents of tests that are not made here: spelling and grammar, and AboutCode's list of licences.
const NOT_TESTED: [&str; 7] = [
    "2_0-2021-6-3-08-01",
    "2_0-2021-6-3-08-02",
    "2_1-2024-6-3-08-01",
    "2_1-2024-6-3-08-02",
    "2_1-2024-6-3-16-01",
    "2_1-2024-6-2-44-02",
    "2_1-2024-6-2-45-02",
];

/// What is neither an error of the suite nor left out on purpose.
fn unexplained(outcome: &Outcome) -> Vec<&String> {
    let explained = |wrong: &&String| {
        let suite = SUITE_ERRORS.iter().any(|(name, _)| wrong.contains(name));
        suite || NOT_TESTED.iter().any(|name| wrong.contains(name))
    };
    outcome.wrong.iter().filter(|wrong| !explained(wrong)).collect()
}

#[test]
fn csaf_2_0() {
    let Some(outcome) = run("2.0") else { return };
    assert_eq!((outcome.documents, outcome.wrong.len()), (239, 4));
    assert_eq!(unexplained(&outcome), Vec::<&String>::new());
}

#[test]
fn csaf_2_1() {
    let Some(outcome) = run("2.1") else { return };
    assert_eq!(outcome.documents, 856);
    assert_eq!(unexplained(&outcome), Vec::<&String>::new());
}

/// The validator that other tools use has cases of its own for CSAF 2.0: a failing document fails the test of its folder.
#[test]
fn secvisogram() {
    let Some(files) = data::archive("csaf-official/secvisogram-tests.tar.zst") else { return };
    let (mut documents, mut wrong) = (0, Vec::new());
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".json")) {
        let folder = path.split('/').find(|part| part.contains("Test_6_")).unwrap_or_default();
        let id = folder.split("Test_").nth(1).unwrap_or_default().replace('_', ".");
        let Ok(report) = validate(bytes, Group::Informative, &Surroundings::default()) else { continue };
        documents += 1;
        if report.passes(&id) == path.contains("/failing/") {
            wrong.push(format!("{path}: {id}"));
        }
    }
    println!("secvisogram: {documents} documents, wrong {wrong:?}");
}
