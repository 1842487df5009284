//! Every rule that ships fires when it must and is silent when it must be.

use crate::{files, root, shipped_files};
use std::collections::BTreeSet;
use yagura_columns::events_schema;
use yagura_detect::cases::CaseFile;
use yagura_detect::{Pipeline, RuleKind, RuleSet};

fn shipped() -> RuleSet {
    RuleSet::parse(&shipped_files())
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

#[test]
fn every_case_beside_a_rule_passes() {
    let set = shipped();
    let mut failures = Vec::new();
    let mut cases = 0;
    for file in files(&root().join("rules/tests"), ".yml") {
        let parsed = CaseFile::parse(&file.path, &file.text).unwrap_or_else(|e| panic!("{e}"));
        for case in &parsed.cases {
            cases += 1;
            if let Err(failure) = case.run(&set, &parsed.rule) {
                failures.push(format!("{}: {}: {failure}", file.path, case.name));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(cases >= 60, "{cases} cases");
}

#[test]
fn every_rule_that_raises_alerts_has_positive_and_negative_cases() {
    let tests = files(&root().join("rules/tests"), ".yml");
    let parsed: Vec<_> = tests.iter().map(|f| CaseFile::parse(&f.path, &f.text).expect("parses")).collect();
    for rule in shipped().rules().iter().filter(|rule| rule.alerts) {
        let cases: Vec<_> = parsed.iter().filter(|f| f.rule == rule.id).flat_map(|f| &f.cases).collect();
        assert!(cases.iter().any(|c| c.alerts > 0), "{}: no positive case", rule.path);
        assert!(cases.iter().any(|c| c.alerts == 0), "{}: no negative case", rule.path);
    }
}

#[test]
fn every_rule_speaks_both_languages_and_asks_about_columns_that_exist() {
    let set = shipped();
    let schema = events_schema();
    for field in set.fields() {
        assert!(schema.index_of(field).is_ok(), "no column `{field}`");
    }
    let alerting: Vec<_> = set.rules().iter().filter(|rule| rule.alerts).collect();
    assert!(alerting.len() >= 12, "{} rules", alerting.len());
    assert!(alerting.iter().filter(|r| matches!(r.kind, RuleKind::Correlation(_))).count() >= 5);
    for rule in set.rules() {
        assert!(!rule.title.ja.is_ascii(), "{}: no Japanese title", rule.path);
        assert_eq!(rule.id.len(), 36, "{}: the id is no UUID", rule.path);
        if rule.alerts {
            for text in [&rule.description, &rule.what_to_do] {
                assert!(!text.en.is_empty() && !text.ja.is_ascii(), "{}", rule.path);
            }
            assert!(!rule.falsepositives.is_empty(), "{}: no false positives named", rule.path);
        }
    }
}

#[test]
fn the_rules_in_the_repository_and_their_levels_are_these() {
    let set = shipped();
    let lines: BTreeSet<_> =
        set.rules().iter().filter(|r| r.alerts).map(|r| format!("{} {:?}\n", r.path, r.level)).collect();
    expect_test::expect![[r#"
        backend/foreign_vehicles.yml High
        backend/key_for_many_vehicles.yml High
        backend/password_guessed.yml Medium
        backend/unsigned_package.yml Critical
        can/bus_errors.yml High
        can/control_unit_off_bus.yml High
        can/diagnostic_brute_force.yml High
        can/diagnostic_exploration.yml Medium
        can/diagnostic_key_guessing.yml High
        can/diagnostic_scan.yml High
        can/diagnostic_unsafe_request.yml Critical
        can/flood.yml High
        can/flood_while_driving.yml Critical
        can/fuzzing.yml High
        can/impossible_change.yml High
        can/injection.yml High
        can/injection_while_driving.yml Critical
        can/j1939_impersonation.yml High
        can/j1939_transport.yml High
        can/masquerade.yml Critical
        can/out_of_specification.yml Medium
        can/remote_frame.yml Medium
        can/security_access.yml High
        can/several_kinds_of_attack.yml Critical
        can/signals_contradict.yml Critical
        can/silent_identifier.yml Medium
        can/unknown_identifier.yml Medium
        can/wrong_bus.yml High
        can/wrong_checksum.yml High
        can/wrong_counter.yml High
        can/wrong_length.yml Medium
        fleet/clocks_wrong.yml Medium
        fleet/flood_wave.yml Critical
        fleet/going_dark.yml High
        fleet/same_injection.yml Critical
        fleet/same_unknown_identifier.yml High
        link/bad_signature.yml High
        link/chain_broken.yml High
        link/forged_reports.yml Critical
        link/replay.yml High
        link/reports_missing.yml Low
        link/service_probed.yml Medium
        link/wrong_device.yml Critical
        sensor/blinded_during_flood.yml High
        sensor/clock_skew.yml Informational
        sensor/losses.yml Low
    "#]]
    .assert_eq(&lines.into_iter().collect::<String>());
}

#[test]
fn the_pipelines_that_ship_can_be_read_and_sigmahq_is_mapped_by_each() {
    let pipelines = files(&root().join("pipelines"), ".yml");
    assert_eq!(pipelines.len(), 6);
    let sigma = root().join("../shared/data/intel/sigma/sigmahq/rules");
    let rules = if sigma.is_dir() { files(&sigma, ".yml") } else { shipped_files() };
    for file in &pipelines {
        let pipeline = Pipeline::parse(file).unwrap_or_else(|e| panic!("{e}"));
        let (set, errors) = RuleSet::parse_mapped(&rules, &[pipeline]);
        assert_eq!(errors, [], "{}", file.path);
        assert!(set.rules().len() >= 30, "{}", file.path);
    }
}
