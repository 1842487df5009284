//! Ranges beside the VERS suite and beside what PyPA enumerates.

use crate::data;
use proptest::prelude::*;
use serde_json::Value;
use yagura_psirt::advisory::{End, Versions};
use yagura_psirt::version::{
    Comparator, Scheme, Vers, VersionRange, answer_compare, answer_vers, from_native, key_or_fallback,
    range_bytes_contain, stated,
};

#[test]
fn the_vers_suite_reads_ranges_as_we_do() {
    let Some(files) = data::archive("vers-spec/vers-spec.tar.zst") else { return };
    let (mut cases, mut wrong) = (0, Vec::new());
    for (name, content) in files.iter().filter(|(name, _)| name.ends_with("test.json") && name.contains("/tests/")) {
        let suite: Value = serde_json::from_slice(content).unwrap();
        for case in suite["tests"].as_array().unwrap() {
            let (input, expected) = (&case["input"], &case["expected_output"]);
            let said = match case["test_type"].as_str().unwrap() {
                "comparison" | "equality" => continue,
                "from_native" => {
                    let scheme = Scheme::named(input["scheme"].as_str().unwrap()).unwrap();
                    let native = from_native(scheme, input["native_range"].as_str().unwrap());
                    native
                        .map(|native| Value::from(native.vers.to_string()))
                        .unwrap_or_else(|error| error.to_string().into())
                }
                "containment" => {
                    let line = format!("{}\t{}", input["vers"].as_str().unwrap(), input["version"].as_str().unwrap());
                    Value::from(answer_vers(&line) == "in")
                }
                "validate" => Value::from(Vers::read(input.as_str().unwrap()).unwrap().0.to_string()),
                _ => parsed(input.as_str().unwrap()),
            };
            cases += 1;
            if said != *expected {
                wrong.push(format!("{name}: {input}: {said} and not {expected}"));
            }
        }
    }
    eprintln!("vers-spec from_native, containment, validate, parse: {} of {cases}", cases - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// As the suite writes what was parsed; an error is null.
fn parsed(text: &str) -> Value {
    let Ok(vers) = Vers::parse(text) else { return Value::Null };
    let sign = |comparator| if comparator == Comparator::Equal { "=" } else { Comparator::text(comparator) };
    let constraints: Vec<_> =
        vers.constraints.iter().map(|one| serde_json::json!([sign(one.comparator), one.version])).collect();
    serde_json::json!({ "scheme": vers.kind, "version_constraints": constraints })
}

/// Errors of the database: ids whose enumerations go beyond their own ranges. 2023-61 begins at `3.2` and `4.2` and enumerates their
/// pre-releases, which PEP 440 puts before them; 2023-177 is fixed in `23.9.0` and enumerates it.
const PYPA_ERRORS: [(&str, &[&str]); 2] = [
    ("PYSEC-2023-61", &["3.2a1", "3.2b1", "3.2rc1", "4.2a1", "4.2b1", "4.2rc1"]),
    ("PYSEC-2023-177", &["23.9.0", "23.9.0.post1"]),
];

#[test]
fn every_version_that_pypa_enumerates_is_in_its_ranges() {
    let Some(bytes) = data::bytes("osv/pypa.jsonl.zst") else { return };
    let (mut versions, mut outside) = (0, Vec::new());
    for line in String::from_utf8(bytes).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        for affected in record["affected"].as_array().into_iter().flatten() {
            let ranges: Vec<VersionRange> =
                affected["ranges"].as_array().into_iter().flatten().filter_map(osv_range).collect();
            if ranges.is_empty() {
                continue;
            }
            let range = VersionRange::any(Scheme::Pypi, ranges);
            let bytes = range.to_bytes();
            for version in affected["versions"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                versions += 1;
                let (key, refused) = key_or_fallback(Scheme::Pypi, version).unwrap();
                assert_eq!(range_bytes_contain(&bytes, key.as_bytes()), Some(range.contains(&key)));
                let is_known = PYPA_ERRORS.iter().any(|(id, list)| record["id"] == *id && list.contains(&version));
                assert!(!is_known || !range.contains(&key), "{version} of {} is no error any more", record["id"]);
                if !range.contains(&key) && !is_known {
                    outside.push(format!("{} {} {version} {refused:?}", record["id"], affected["package"]["name"]));
                }
            }
        }
    }
    let errors: usize = PYPA_ERRORS.iter().map(|(_, list)| list.len()).sum();
    eprintln!(
        "PyPA: {} of {versions} enumerated versions are in their ranges; {errors} others are listed errors",
        versions - errors
    );
    assert!(outside.is_empty(), "{}", outside.join("\n"));
}

fn osv_range(range: &Value) -> Option<VersionRange> {
    if range["type"] == "GIT" {
        return None;
    }
    let mut introduced = None;
    let mut parts = Vec::new();
    for event in range["events"].as_array().unwrap() {
        let end = if let Some(version) = event["introduced"].as_str() {
            introduced = Some(version.to_owned());
            continue;
        } else if let Some(version) = event["fixed"].as_str() {
            End::Before(version.to_owned())
        } else {
            End::With(event["last_affected"].as_str().unwrap().to_owned())
        };
        parts.push(Versions::Interval { scheme: Some("ECOSYSTEM".to_owned()), introduced: introduced.take(), end });
    }
    if introduced.is_some() {
        parts.push(Versions::Interval { scheme: None, introduced, end: End::Open });
    }
    let parts = parts.iter().map(|part| stated(part, Some(Scheme::Pypi)).unwrap().range);
    Some(VersionRange::any(Scheme::Pypi, parts.collect::<Vec<_>>()))
}

fn holds(versions: &Versions, scheme: Scheme, version: &str) -> bool {
    let range = stated(versions, Some(scheme)).unwrap().range;
    range.contains(&key_or_fallback(range.scheme(), version).unwrap().0)
}

#[test]
fn what_cve_records_write_for_versions_is_understood() {
    let upto =
        |introduced: &str, end| Versions::Interval { scheme: None, introduced: Some(introduced.to_owned()), end };
    let exactly = |text: &str| Versions::Exactly(vec![text.to_owned()]);
    for (versions, scheme, inside, outside) in [
        (upto("unspecified", End::Before("1.2".into())), Scheme::Generic, "1.1", "1.2"),
        (upto("5.4", End::With("5.4.*".into())), Scheme::Kernel, "5.4.255", "5.5-rc1"),
        (upto("0", End::Before("*".into())), Scheme::Generic, "99", ""),
        (exactly("< 4.0.1"), Scheme::Npm, "4.0.0", "4.0.1"),
        (exactly(">= 2.0.0, < 2.1.5"), Scheme::Composer, "2.1.4", "2.1.5"),
        (exactly("before 3.1"), Scheme::Generic, "3.0.9", "3.1"),
        (exactly("1.4 and earlier"), Scheme::Generic, "1.4", "1.5"),
        (exactly("2.x"), Scheme::Semver, "2.9.0-rc.1", "3.0.0-alpha"),
        (exactly("1.0 through 1.3"), Scheme::Generic, "1.2", "1.4"),
        (exactly("7.1"), Scheme::Generic, "7.1", "7.1.1"),
        (Versions::Notation("vers:deb/>=1.0|<1.2-3".into()), Scheme::Deb, "1.2-2", "1.2-3"),
        (Versions::Notation(">=1.0|<=1.2".into()), Scheme::Generic, "1.2", "1.3"),
        (Versions::Notation("[1.0,2.0)".into()), Scheme::Maven, "1.9", "2.0"),
        (Versions::Notation("~> 2.0.8".into()), Scheme::Gem, "2.0.9", "2.1.0.rc1"),
        (Versions::Notation("<=2.1".into()), Scheme::Npm, "2.1.7", "2.2.0"),
        (Versions::Notation("^1.2".into()), Scheme::Cargo, "1.9.0", "2.0.0-alpha"),
        (Versions::Notation("!=1.4.*".into()), Scheme::Pypi, "1.5", "1.4.2"),
        (Versions::Notation("(>= 1.0), (<< 2.0)".into()), Scheme::Deb, "1.9", "2.0"),
    ] {
        assert!(holds(&versions, scheme, inside), "{versions:?} {inside}");
        assert!(outside.is_empty() || !holds(&versions, scheme, outside), "{versions:?} {outside}");
    }
    let nothing = stated(&exactly("n/a"), None).unwrap();
    assert!(nothing.range.is_empty() && nothing.remarks.len() == 1);
}

#[test]
fn lines_are_answered() {
    assert_eq!(answer_compare(Scheme::Deb, "1.0~rc1\t1.0\n"), "<");
    assert_eq!(answer_compare(Scheme::Pypi, "1.0\t1.0.0\r\n"), "=");
    let error = answer_compare(Scheme::Datetime, "yesterday\t2024-05-01T00:00:00Z");
    assert_eq!(
        error,
        "error: datetime version `yesterday`, column 1: an instant by RFC 3339 was expected, such as 2024-05-01T12:00:00Z"
    );
    assert_eq!(answer_vers("vers:npm/1.2.3|>=2.0.0|<5.0.0\t4.9.9"), "in");
    assert_eq!(answer_vers("vers:npm/1.2.3|>=2.0.0|<5.0.0\t5.0.0"), "out");
    assert_eq!(answer_vers("vers:none/*\t5.0.0"), "out");
    assert!(answer_vers("vers:npm/>=1| <2\t1").starts_with("error: not VERS: column 14"));
}

#[test]
fn alpm_takes_a_version_without_release_for_any_release() {
    for (vers, version, expected) in [
        ("vers:alpm/<1.5-2", "1.5", "out"),
        ("vers:alpm/<=1.5-2", "1.5", "in"),
        ("vers:alpm/>1.5", "1.5-3", "out"),
        ("vers:alpm/<=1.5", "1.5-3", "in"),
        ("vers:alpm/<1.5", "1.4-9", "in"),
    ] {
        assert_eq!(answer_vers(&format!("{vers}\t{version}")), expected, "{vers} {version}");
    }
}

fn ranges() -> impl Strategy<Value = VersionRange> {
    prop::collection::btree_set("[0-4]\\.[0-4]", 0..5).prop_flat_map(|versions| {
        let constraints: Vec<String> = versions.into_iter().collect();
        prop::collection::vec(0..6_usize, constraints.len()).prop_map(move |signs| {
            let all = ["<", "<=", ">", ">=", "!=", ""];
            let list: Vec<_> =
                constraints.iter().zip(&signs).map(|(version, sign)| format!("{}{version}", all[*sign])).collect();
            let text =
                if list.is_empty() { "vers:intdot/*".to_owned() } else { format!("vers:intdot/{}", list.join("|")) };
            Vers::read(&text).unwrap().0.range().unwrap()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sets_of_versions_behave_as_sets(a in ranges(), b in ranges(), version in "[0-4]\\.[0-4](\\.1)?") {
        let key = key_or_fallback(Scheme::Intdot, &version).unwrap().0;
        let (in_a, in_b) = (a.contains(&key), b.contains(&key));
        prop_assert_eq!(a.clone().complement().contains(&key), !in_a);
        prop_assert_eq!(a.clone().and(b.clone()).contains(&key), in_a && in_b);
        prop_assert_eq!(VersionRange::any(Scheme::Intdot, [a.clone(), b]).contains(&key), in_a || in_b);
        let bytes = a.to_bytes();
        prop_assert_eq!(range_bytes_contain(&bytes, key.as_bytes()), Some(in_a));
        prop_assert_eq!(VersionRange::from_bytes(&bytes), Some(a));
    }

    #[test]
    fn ranges_are_read_from_any_text_without_a_panic(text in "\\PC{0,60}", list in "[<>=!~^|,0-9.x* ()\\[\\]a-]{0,30}") {
        for scheme in Scheme::all() {
            let _ = from_native(scheme, &text);
            let _ = from_native(scheme, &list);
            let _ = stated(&Versions::Exactly(vec![text.clone(), list.clone()]), Some(scheme));
            let _ = stated(&Versions::Notation(list.clone()), Some(scheme));
        }
        let _ = Vers::read(&text).map(|(vers, _)| vers.range());
        let _ = Vers::read(&format!("vers:npm/{list}")).map(|(vers, _)| vers.range());
    }

    #[test]
    fn bytes_that_are_no_range_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = range_bytes_contain(&bytes, b"x");
        if let Some(range) = VersionRange::from_bytes(&bytes) {
            prop_assert_eq!(range.to_bytes(), bytes);
        }
    }
}
