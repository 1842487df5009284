//! The order of versions beside OSV's lists and the VERS suite, and beside other people's crates.

use crate::data;
use proptest::prelude::*;
use serde_json::Value;
use std::cmp::Ordering;
use yagura_psirt::version::{Scheme, compare, key_or_fallback};

/// By keys alone, as ranges are judged.
fn by_key(scheme: Scheme, a: &str, b: &str) -> Ordering {
    let key = |text: &str| key_or_fallback(scheme, text).unwrap().0;
    scheme.order(key(a).as_bytes(), key(b).as_bytes())
}

/// Pairs where Maven's and PHP's orders are not transitive, so that keys cannot follow.
fn is_beyond_keys(scheme: Scheme, a: &str, b: &str) -> bool {
    match scheme {
        Scheme::Composer => a.contains('#') || b.contains('#'),
        Scheme::Maven => (a.contains(".0.a") || b.contains(".0.a")) && (a == "2-1" || b == "2-1"),
        _ => false,
    }
}

#[test]
fn every_pair_of_the_osv_lists_is_in_order() {
    let Some(folder) = data::path("version-order-osv") else { return };
    let (mut pairs, mut wrong) = (0, Vec::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let Some(ecosystem) = name.strip_suffix(".txt").filter(|name| *name != "SOURCE") else { continue };
        let ecosystem = ecosystem.trim_end_matches("-generated").trim_end_matches("-versions");
        let scheme = Scheme::named(ecosystem).unwrap_or_else(|| panic!("no scheme for {ecosystem}"));
        for (number, line) in std::fs::read_to_string(&file).unwrap().lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with("//") || line.starts_with('#') {
                continue;
            }
            let [a, sign, b] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{name}: {line}") };
            let expected = match sign {
                "<" => Ordering::Less,
                "=" => Ordering::Equal,
                _ => Ordering::Greater,
            };
            pairs += 1;
            let said = compare(scheme, a, b);
            if said != Ok(expected) || (!is_beyond_keys(scheme, a, b) && by_key(scheme, a, b) != expected) {
                wrong.push(format!("{name}:{}: {line}: {said:?}, by key {:?}", number + 1, by_key(scheme, a, b)));
            }
        }
    }
    eprintln!("OSV orders: {} of {pairs}", pairs - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_vers_suite_compares_as_we_do() {
    let Some(files) = data::archive("vers-spec/vers-spec.tar.zst") else { return };
    let (mut cases, mut wrong) = (0, Vec::new());
    for (name, content) in files
        .iter()
        .filter(|(name, _)| name.contains("/tests/") && name.ends_with("_test.json") || name.ends_with("-test.json"))
    {
        let suite: Value = serde_json::from_slice(content).unwrap();
        for case in suite["tests"].as_array().unwrap() {
            let kind = case["test_type"].as_str().unwrap();
            if kind != "comparison" && kind != "equality" {
                continue;
            }
            cases += 1;
            let scheme = Scheme::named(case["input"]["input_scheme"].as_str().unwrap()).unwrap();
            let mut versions: Vec<&str> = texts(&case["input"]["versions"]);
            let is_right = if kind == "equality" {
                let is_equal = compare(scheme, versions[0], versions[1]).is_ok_and(Ordering::is_eq);
                Some(is_equal) == case["expected_output"].as_bool()
            } else {
                versions.sort_by(|a, b| compare(scheme, a, b).unwrap_or_else(|error| panic!("{name}: {error}")));
                let expected = texts(&case["expected_output"]);
                versions.iter().zip(&expected).all(|(a, b)| compare(scheme, a, b) == Ok(Ordering::Equal))
                    && (is_beyond_keys(scheme, expected[0], expected[1])
                        || by_key(scheme, expected[0], expected[1]).is_le())
            };
            if !is_right {
                wrong.push(format!("{name}: {case}"));
            }
        }
    }
    eprintln!("vers-spec comparison and equality: {} of {cases}", cases - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

/// Texts that look like versions of every scheme.
fn versions() -> impl Strategy<Value = String> {
    "[0-9]{1,3}(\\.[0-9]{1,2}){0,3}([-._~+^:]?(a|b|rc|alpha|beta|dev|pre|post|r|p|sp|x|git)?[0-9]{0,2}){0,2}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keys_are_read_from_any_text_without_a_panic(text in "\\PC{0,40}") {
        for scheme in Scheme::all() {
            let _ = key_or_fallback(scheme, &text);
            let _ = compare(scheme, &text, "1.0");
        }
    }

    #[test]
    fn comparing_is_antisymmetric_and_agrees_with_itself(a in versions(), b in versions()) {
        for scheme in Scheme::all() {
            prop_assert_eq!(compare(scheme, &a, &a).unwrap_or(Ordering::Equal), Ordering::Equal);
            if let (Ok(forth), Ok(back)) = (compare(scheme, &a, &b), compare(scheme, &b, &a)) {
                prop_assert_eq!(forth, back.reverse(), "{} {} {}", scheme, a, b);
            }
        }
    }

    #[test]
    fn keys_agree_with_comparing(a in versions(), b in versions()) {
        // Maven's own order is not transitive, so keys cannot always agree with it.
        for scheme in Scheme::all().filter(|scheme| *scheme != Scheme::Maven) {
            if let Ok(said) = compare(scheme, &a, &b) {
                prop_assert_eq!(by_key(scheme, &a, &b), said, "{} {} {}", scheme, a, b);
            }
        }
    }

    #[test]
    fn equal_keys_are_what_maven_calls_equal(a in "[1-2]([.-](0|1|alpha|sp|x)){0,4}", b in "[1-2]([.-](0|1|alpha|sp|x)){0,4}") {
        let is_equal = compare(Scheme::Maven, &a, &b).unwrap().is_eq();
        prop_assert_eq!(by_key(Scheme::Maven, &a, &b).is_eq(), is_equal, "{} {}", a, b);
    }

    #[test]
    fn debian_is_as_deb_version_says(a in versions(), b in versions()) {
        // Without epochs, which that crate takes from any text before a colon.
        prop_assume!(!a.contains(':') && !b.contains(':'));
        prop_assert_eq!(by_key(Scheme::Deb, &a, &b), deb_version::compare_versions(&a, &b), "{} {}", a, b);
    }

    #[test]
    fn rpm_is_as_rpm_version_says(a in "[0-9]{1,2}([.~^_+]{1,2}([a-c]{1,2}|[0-9]{1,3})){0,4}", b in "[0-9]{1,2}([.~^_+]{1,2}([a-c]{1,2}|[0-9]{1,3})){0,4}") {
        prop_assert_eq!(by_key(Scheme::Rpm, &a, &b), rpm_version::rpm_evr_compare(&a, &b), "{} {}", a, b);
    }

    #[test]
    fn generic_is_as_libversion_says(a in "\\PC{0,12}", b in versions()) {
        prop_assume!(!a.is_empty());
        let expected = libversion::version_compare2(&a, &b);
        prop_assert_eq!(by_key(Scheme::Generic, &a, &b), expected, "{} {}", a, b);
    }

    #[test]
    fn python_is_as_pep440_says(a in versions(), b in versions()) {
        if let (Ok(left), Ok(right)) = (a.parse::<pep440_rs::Version>(), b.parse::<pep440_rs::Version>()) {
            prop_assert_eq!(by_key(Scheme::Pypi, &a, &b), left.cmp(&right), "{} {}", a, b);
        }
    }

    #[test]
    fn semantic_versions_are_as_semver_says(
        a in "(0|[1-9][0-9]{0,3})(\\.(0|[1-9][0-9]{0,2})){2}(-[a-c0-9]{1,3}(\\.[a-c1-9]{1,3}){0,2})?",
        b in "(0|[1-9][0-9]{0,3})(\\.(0|[1-9][0-9]{0,2})){2}(-[a-c0-9]{1,3}(\\.[a-c1-9]{1,3}){0,2})?",
    ) {
        if let (Ok(left), Ok(right)) = (semver::Version::parse(&a), semver::Version::parse(&b)) {
            prop_assert_eq!(by_key(Scheme::Semver, &a, &b), left.cmp_precedence(&right), "{} {}", a, b);
        }
    }

    #[test]
    fn maven_is_as_maven_version_says(a in "[1-3]([.-](0|1|12|alpha|rc|sp|x)){0,3}", b in "[1-3]([.-](0|1|12|alpha|rc|sp|x)){0,3}") {
        // Zeros before a hyphen that a number follows are trimmed by the POM reference and not by that crate.
        prop_assume!(![&a, &b].iter().any(|text| text.contains("0-")));
        prop_assert_eq!(compare(Scheme::Maven, &a, &b).unwrap(), maven_version::compare_version(&a, &b).unwrap(), "{} {}", a, b);
    }
}
