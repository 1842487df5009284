//! Every rule that ships fires when it must and is silent when it must be.

use crate::{files, root, shipped_files, shipped_set};
use std::collections::BTreeSet;
use yagura_columns::events_schema;
use yagura_detect::cases::CaseFile;
use yagura_detect::{Engine, FACT_FIELDS, Pipeline, Rule, RuleKind, RuleSet, Surroundings};
use yagura_model::Severity;

#[test]
fn every_case_beside_a_rule_passes() {
    let set = shipped_set();
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
    assert!(cases >= 200, "{cases} cases");
}

#[test]
fn no_rule_speaks_on_an_ordinary_day() {
    let day = crate::events(include_str!("ordinary_day.yml"));
    let mut engine = Engine::new(shipped_set());
    let hits = engine.process(&day).expect("a batch of events");
    let told: BTreeSet<_> = hits.iter().filter_map(|hit| Some(engine.rules().rule(&hit.rule)?.path.clone())).collect();
    assert_eq!(told, BTreeSet::new());
    assert!(day.num_rows() > 600, "{} events", day.num_rows());
}

#[test]
fn every_rule_that_raises_alerts_has_positive_and_negative_cases() {
    let tests = files(&root().join("rules/tests"), ".yml");
    let parsed: Vec<_> = tests.iter().map(|f| CaseFile::parse(&f.path, &f.text).expect("parses")).collect();
    for rule in shipped_set().rules().iter().filter(|rule| rule.alerts) {
        let cases: Vec<_> = parsed.iter().filter(|f| f.rule == rule.id).flat_map(|f| &f.cases).collect();
        assert!(cases.iter().any(|c| c.alerts > 0), "{}: no positive case", rule.path);
        assert!(cases.iter().any(|c| c.alerts == 0), "{}: no negative case", rule.path);
    }
}

#[test]
fn every_rule_speaks_both_languages_and_asks_about_columns_that_exist() {
    let set = shipped_set();
    let schema = events_schema();
    for field in set.fields() {
        assert!(schema.index_of(field).is_ok() || FACT_FIELDS.contains(&field), "no column `{field}`");
    }
    let alerting: Vec<_> = set.rules().iter().filter(|rule| rule.alerts).collect();
    let correlations = alerting.iter().filter(|r| matches!(r.kind, RuleKind::Correlation(_))).count();
    assert!(correlations >= 15 && alerting.len() - correlations >= 60, "{correlations} of {}", alerting.len());
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

/// Rows of table A1 in Annex 5 of UN Regulation No. 155, a line for each section 4.3.1 to 4.3.7. Row 22 is left out: its number
/// differs between editions.
const THREATS: &str = "1.1 1.2 1.3 2.1 3.1 3.2 3.3 3.4 3.5
    4.1 4.2 5.1 5.2 5.3 5.4 5.5 6.1 6.2 6.3 7.1 7.2 8.1 8.2 9.1 10.1 11.1 11.2 11.3 11.4
    12.1 12.2 12.3 12.4 13.1
    15.1 15.2
    16.1 16.2 16.3 17.1 18.1 18.2 18.3
    19.1 19.2 19.3 20.1 20.2 20.3 20.4 20.5 21.1 23.1 24.1 25.1 25.2
    26.1 26.2 26.3 27.1 28.1 28.2 29.1 29.2 31.1 32.1";

/// What stands behind a prefix in a rule's tags.
fn tagged<'a>(rule: &'a Rule, prefix: &str) -> Vec<&'a str> {
    rule.tags.iter().filter_map(|tag| tag.strip_prefix(prefix)).collect()
}

/// The rule's product and service.
fn source(rule: &Rule, set: &RuleSet) -> String {
    let of = |rule: &Rule| {
        let (product, service) = (rule.logsource.product.as_deref(), rule.logsource.service.as_deref());
        product.into_iter().chain(service).collect::<Vec<_>>().join(" ")
    };
    let RuleKind::Correlation(correlation) = &rule.kind else { return of(rule) };
    let counted = correlation.rules.iter().filter_map(|id| set.rule(id));
    counted.map(|rule| source(rule, set)).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

#[test]
fn tags_name_techniques_and_threats_that_exist() {
    let known: BTreeSet<&str> = THREATS.split_whitespace().collect();
    let techniques = crate::taxonomy::techniques();
    for rule in shipped_set().rules().iter().filter(|rule| rule.alerts) {
        for row in tagged(rule, "unece.r155.") {
            assert!(known.contains(row), "{}: row {row} of table A1", rule.path);
        }
        let attack = tagged(rule, "attack.");
        assert!(!attack.is_empty() || rule.level == Severity::Informational, "{}: no technique", rule.path);
        for id in attack {
            let id = id.to_ascii_uppercase();
            assert!(techniques.as_ref().is_none_or(|known| known.contains(&id)), "{}: no technique {id}", rule.path);
        }
        let others = rule.tags.iter().find(|tag| !tag.starts_with("attack.t") && !tag.starts_with("unece.r155."));
        assert_eq!(others, None, "{}", rule.path);
    }
}

/// `docs/shipped-rules.md`: run this test with `UPDATE_EXPECT=1` to write it anew.
#[test]
fn the_list_of_shipped_rules_is_fresh() {
    let set = shipped_set();
    let mut rules: Vec<&Rule> = set.rules().iter().filter(|rule| rule.alerts).collect();
    rules.sort_by(|a, b| a.path.cmp(&b.path));
    let correlations = rules.iter().filter(|rule| matches!(rule.kind, RuleKind::Correlation(_))).count();
    let baselines = rules.iter().filter(|rule| matches!(rule.kind, RuleKind::Baseline(_))).count();
    let mut text = format!(
        "# Rules that ship\n\n{} rules that raise alerts, {correlations} of them correlations, {baselines} baselines. Written by a test from the files in `rules/` \
         (`UPDATE_EXPECT=1 cargo test -p yagura-detect --test it shipped`); change a rule, not this file. What the columns \
         *source* and *R155* mean: [taxonomy.md](taxonomy.md).\n",
        rules.len()
    );
    let mut folder = "";
    for rule in &rules {
        let (own, file) = rule.path.split_once('/').unwrap_or(("", &rule.path));
        if own != folder {
            folder = own;
            text.push_str(&format!(
                "\n## {own}\n| rule | what it finds | level | source | ATT&CK | R155 |\n|---|---|---|---|---|---|\n"
            ));
        }
        let name = file.trim_end_matches(".yml");
        let counts = match rule.kind {
            RuleKind::Correlation(_) => " ⊕",
            RuleKind::Baseline(_) => " ◷",
            RuleKind::Match => "",
        };
        let attack = tagged(rule, "attack.").join(", ").to_ascii_uppercase();
        let threats = tagged(rule, "unece.r155.").join(", ");
        let level = format!("{:?}", rule.level).to_ascii_lowercase();
        let (title, source) = (&rule.title.en, source(rule, &set));
        text.push_str(&format!(
            "| [`{name}`](../rules/{}){counts} | {title} | {level} | {source} | {attack} | {threats} |\n",
            rule.path
        ));
    }
    text.push_str("\n⊕ a correlation: it counts events over time. ◷ a baseline: it compares events with the past of their group.\n");
    expect_test::expect_file!["../../../../docs/shipped-rules.md"].assert_eq(&text);
}

#[test]
fn the_pipelines_that_ship_can_be_read_and_sigmahq_is_mapped_by_each() {
    let pipelines = files(&root().join("pipelines"), ".yml");
    assert_eq!(pipelines.len(), 6);
    let sigma = root().join("../shared/data/intel/sigma/sigmahq/rules");
    let rules = if sigma.is_dir() { files(&sigma, ".yml") } else { shipped_files() };
    for file in &pipelines {
        let pipeline = Pipeline::parse(file).unwrap_or_else(|e| panic!("{e}"));
        let (set, errors) =
            RuleSet::parse_with(&rules, &Surroundings { pipelines: vec![pipeline], ..Surroundings::default() });
        assert_eq!(errors, [], "{}", file.path);
        assert!(set.rules().len() >= 30, "{}", file.path);
    }
}
