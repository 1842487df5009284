//! The conformance suite of package URLs: parse, build, validate (package-url/purl-spec). Both groups, required and recommended.

use serde_json::Value;
use yagura_psirt::identity::{Parts, Purl};

use crate::data;

fn parts(object: &Value) -> Parts {
    let text = |key: &str| object[key].as_str().map(str::to_owned);
    Parts {
        kind: text("type").unwrap_or_default(),
        namespace: text("namespace"),
        name: text("name").unwrap_or_default(),
        version: text("version"),
        qualifiers: object["qualifiers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        subpath: text("subpath"),
    }
}

/// Why a case fails, if it does.
fn judge(case: &Value) -> Option<String> {
    let input = &case["input"];
    let result = match case["test_type"].as_str()? {
        "build" => Purl::build(parts(input)),
        "parse" => Purl::parse(input.as_str()?),
        _ => Purl::normalise(input.as_str()?),
    };
    let expected = &case["expected_output"];
    match (result, case["expected_failure"].as_bool()?) {
        (Err(_), true) => None,
        (Ok(purl), true) => Some(format!("{input} must fail, gives {purl}")),
        (Err(error), false) => Some(format!("{input}: {error}")),
        (Ok(purl), false) => {
            let (right, found) = match expected.as_str() {
                Some(canonical) => (purl.to_string() == canonical, purl.to_string()),
                None => {
                    let mut wanted = parts(expected);
                    wanted.qualifiers.sort();
                    (*purl.parts() == wanted, format!("{:?}", purl.parts()))
                }
            };
            (!right).then(|| format!("{input} gives {found}, expected {expected}"))
        }
    }
}

#[test]
fn every_case_of_the_purl_suite_holds() {
    let Some(files) = data::archive("purl-spec/purl-spec.tar.zst") else { return };
    let (mut count, mut wrong) = (0, Vec::new());
    for (path, bytes) in files.iter().filter(|(path, _)| path.contains("/tests/") && path.ends_with(".json")) {
        let suite: Value = serde_json::from_slice(bytes).unwrap();
        for case in suite["tests"].as_array().unwrap() {
            count += 1;
            wrong.extend(judge(case).map(|why| format!("{path}: {why}")));
        }
    }
    eprintln!("{} of {count} purl cases", count - wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(count, 586);
}
