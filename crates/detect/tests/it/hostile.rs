//! Rules and events made to hurt: each is refused with a reason, or costs no more than its size.

use crate::{events, rules};
use yagura_detect::{Engine, RuleFile, RuleSet};

fn error(text: String) -> String {
    let errors = RuleSet::parse(&[RuleFile { path: "r.yml".into(), text }]).expect_err("a hostile rule");
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn rule(detection: &str) -> String {
    format!("title: t\nid: r\nlogsource: {{product: vehicle}}\ndetection:\n{detection}")
}

#[test]
fn files_and_trees_are_bounded() {
    assert!(error("x".repeat(10 << 20)).contains("exceeds the maximum 1048576"));
    let laughs: String =
        (1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","))).collect();
    assert!(error(format!("a0: &a0 [x]\n{laughs}")).contains("not readable as YAML"));
    assert!(error(format!("a: {}", "[".repeat(5_000))).contains("not readable as YAML"));
    assert!(error("a: &a [*a]\n".to_owned()).contains("not readable as YAML"));
}

#[test]
fn ten_thousand_branches_are_a_rule() {
    let searches: String = (0..10_000).map(|n| format!("  s{n}: {{bus: {n}}}\n")).collect();
    let names: Vec<String> = (0..10_000).map(|n| format!("s{n}")).collect();
    let mut engine = Engine::new(rules(&rule(&format!("{searches}  condition: {}\n", names.join(" or ")))));
    let hits = engine.process(&events("- {bus: 7}\n- {bus: 200}\n- {sensor: x}")).expect("a batch of events");
    assert_eq!(hits.iter().map(|hit| hit.count).sum::<u64>(), 2);
    let values: Vec<String> = (0..50_000).map(|n| format!("'*a{n}b*c'")).collect();
    rules(&rule(&format!("  s: {{sensor: [{}]}}\n  condition: s\n", values.join(","))));
}

#[test]
fn conditions_that_multiply_are_refused() {
    let searches: String = (0..1_000).map(|n| format!("  s{n}: {{bus: {n}}}\n")).collect();
    let many = vec!["1 of s*"; 1_000].join(" or ");
    assert!(error(rule(&format!("{searches}  condition: {many}\n"))).contains("names more than 65536 searches"));
    assert!(error(rule(&format!("{searches}  condition: 500 of s*\n"))).contains("names more than 64 searches"));
    let deep = format!("{}s0{}", "not (".repeat(500), ")".repeat(500));
    assert!(error(rule(&format!("{searches}  condition: {deep}\n"))).contains("nested deeper than 64"));
}

#[test]
fn regular_expressions_that_explode_are_refused_and_slow_ones_are_not_slow() {
    for bomb in ["((a{999}){999}){999}", "(?:\\w{999}){99}"] {
        assert!(error(rule(&format!("  s: {{sensor|re: '{bomb}'}}\n  condition: s\n"))).contains("regular expression"));
    }
    let slow = rules(&rule("  s: {sensor|re: '^(a+)+$'}\n  t: {sensor: '*a*a*a*a*a*a*a*b'}\n  condition: s or t\n"));
    let item = format!("- {{sensor: '{}x'}}", "a".repeat(20_000));
    assert_eq!(Engine::new(slow).process(&events(&item)).expect("a batch of events"), []);
}
