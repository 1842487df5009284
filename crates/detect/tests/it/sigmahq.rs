//! SigmaHQ's rules as a torture set for the parser: what uses only supported features parses, the rest names the feature.

use crate::{files, root};
use std::collections::BTreeMap;
use std::path::PathBuf;
use yagura_detect::{RuleErrorKind, RuleSet};

fn given(folder: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data/intel/sigma").join(folder);
    if !path.is_dir() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn every_rule_parses_or_names_the_feature_that_is_missing() {
    let Some(path) = given("sigmahq/rules") else { return };
    let files = files(&path, ".yml");
    let mut parsed = 0;
    let mut missing: BTreeMap<String, u32> = BTreeMap::new();
    for file in &files {
        match RuleSet::parse(std::slice::from_ref(file)) {
            Ok(_) => parsed += 1,
            Err(errors) => {
                for error in errors {
                    assert!(error.line > 0, "{error}: no place");
                    match &error.kind {
                        RuleErrorKind::Unsupported(what) => *missing.entry(what.to_string()).or_default() += 1,
                        RuleErrorKind::Regex { reason, .. } if reason.contains("look-around") => {
                            *missing.entry("look-around in a regular expression is".into()).or_default() += 1;
                        }
                        other => panic!("{}: {other}", error.path),
                    }
                }
            }
        }
    }
    eprintln!("{parsed} of {} rules parse; not supported: {missing:#?}", files.len());
    assert!(parsed * 100 >= files.len() * 90, "{parsed} of {}", files.len());
}

#[test]
fn all_supported_rules_compile_together() {
    let Some(path) = given("sigmahq/rules") else { return };
    let (set, errors) = RuleSet::parse_usable(&files(&path, ".yml"));
    assert!(set.rules().len() > 2_800, "{}", set.rules().len());
    let compile = errors.iter().find(|e| matches!(e.kind, RuleErrorKind::Compile { .. }));
    assert_eq!(compile, None);
    eprintln!("{} rules share {} predicates", set.rules().len(), set.predicates());
}

#[test]
fn the_schema_tests_of_the_specification_parse_or_name_the_feature() {
    let Some(path) = given("spec/tests/schema") else { return };
    for file in files(&path, ".yml") {
        let (_, errors) = RuleSet::parse_usable(&[file]);
        for error in errors {
            let expected = matches!(error.kind, RuleErrorKind::Unsupported(_) | RuleErrorKind::UnknownRule(_));
            assert!(expected, "{error}");
        }
    }
}
