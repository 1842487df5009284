//! Rules that look values up in indicator sets: what they find, say, keep over a change of a set, and refuse.

use crate::events;
use expect_test::expect;
use std::collections::BTreeSet;
use yagura_columns::Catalogue;
use yagura_detect::{Engine, Finding, Hit, Indicators, Pipeline, RuleFile, RuleSet, Surroundings, explain, why};

fn file(path: &str, text: &str) -> RuleFile {
    RuleFile { path: path.to_owned(), text: text.to_owned() }
}

fn surroundings(sets: &[(&str, &str)]) -> Surroundings {
    let files: Vec<RuleFile> = sets.iter().map(|(path, text)| file(path, text)).collect();
    Surroundings { indicators: Indicators::read(&files).expect("sets"), ..Surroundings::default() }
}

/// A rule of the vehicle with this search.
fn rule(search: &str) -> String {
    format!("title: t\nlogsource: {{product: vehicle}}\ndetection: {{s: {{{search}}}, condition: s}}\n")
}

fn set(text: &str, with: &Surroundings) -> RuleSet {
    let (set, errors) = RuleSet::parse_with(&[file("r.yml", text)], with);
    assert_eq!(errors, []);
    set
}

/// Why a rule with this search is refused.
fn refused(search: &str, with: &Surroundings) -> String {
    let (_, errors) = RuleSet::parse_with(&[file("r.yml", &rule(search))], with);
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The values with which the field of an event matches.
fn matching(search: &str, with: &Surroundings, field: &str, values: &[&str]) -> Vec<String> {
    let item = |(number, value): (usize, &&str)| format!("- {{vehicle: v{number}, {field}: {value}}}");
    let items: Vec<String> = values.iter().enumerate().map(item).collect();
    let hits = Engine::new(set(&rule(search), with)).process(&events(&items.join("\n"))).expect("events");
    let place = |hit: &Hit| hit.vehicle.as_ref()?[1..].parse::<usize>().ok();
    let places: BTreeSet<usize> = hits.iter().filter_map(place).collect();
    places.into_iter().map(|place| values[place].to_owned()).collect()
}

const SETS: [(&str, &str); 3] = [
    ("indicators/tools.txt", "# made up\nEvil.exe\n512\n"),
    ("x/domains.csv", "domain,why\nbad.example,made up\n"),
    ("networks.txt", "203.0.113.0/24\n2001:db8::/32\n198.51.100.7\n"),
];

#[test]
fn a_set_is_asked_for_whole_values_domains_and_networks() {
    let with = surroundings(&SETS);
    assert_eq!(
        matching("resource|expand: '%tools%'", &with, "resource", &["EVIL.EXE", "evil", "xevil.exe"]),
        ["EVIL.EXE"]
    );
    assert_eq!(matching("bus|expand: '%tools%'", &with, "bus", &["512", "513"]), ["512"]);
    let names = ["a.BAD.example", "bad.example:443", "notbad.example", "bad.example.org"];
    assert_eq!(matching("resource|endswith|expand: '%domains%'", &with, "resource", &names), names[..2]);
    let addresses = ["203.0.113.9", "198.51.100.7", "'2001:DB8::1'", "198.51.100.8", "text"];
    assert_eq!(matching("src_ip|cidr|expand: '%networks%'", &with, "src_ip", &addresses), addresses[..3]);
    let others = matching("src_ip|expand|cidr|neq: '%networks%'", &with, "src_ip", &addresses);
    assert_eq!(others, addresses[3..]);
    let both = matching("resource|expand: [other, '%tools%']", &with, "resource", &["other", "evil.exe", "x"]);
    assert_eq!(both, ["other", "evil.exe"]);
}

#[test]
fn the_values_of_a_pipeline_go_before_a_set_of_the_same_name() {
    let pipeline = Pipeline::parse(&file("p.yml", "{vars: {tools: ['good*']}}")).expect("a pipeline");
    let with = Surroundings { pipelines: vec![pipeline], ..surroundings(&SETS) };
    assert_eq!(matching("resource|expand: '%tools%'", &with, "resource", &["evil.exe", "goodness"]), ["goodness"]);
}

#[test]
fn an_alert_names_the_set_and_the_entry_that_was_hit() {
    let with = surroundings(&SETS);
    let mut engine = Engine::new(set(&rule("src_ip|cidr|expand: '%networks%'"), &with));
    let hits = engine.process(&events("- {vehicle: kona-1, src_ip: 203.0.113.9}")).expect("events");
    let rule = engine.rules().rule(&hits[0].rule).expect("its rule");
    let text = why(engine.rules(), rule, &Finding::from(&hits[0]), &Catalogue::builtin());
    expect![[r#"
        1 event of vehicle kona-1 matched at 2026-01-01 00:10:00 UTC: src_ip 203.0.113.9, listed as 203.0.113.0/24 in the indicator set “networks”.
        車両 kona-1 で 2026-01-01 00:10:00（UTC）に、1 件のイベントが一致しました：src_ip 203.0.113.9、インジケーター集合「networks」の 203.0.113.0/24 に該当。"#]]
    .assert_eq(&format!("{}\n{}", text.en, text.ja));
    let words = explain(engine.rules(), rule).words;
    assert_eq!(words[2], "It looks `src_ip` up in the indicator set `networks` (3 values, networks.txt).");
}

const COUNTED: &str = "\
title: Listed
name: listed
logsource: {product: vehicle}
detection: {s: {src_ip|expand: '%bad%'}, condition: s}
---
title: Thrice
id: thrice
correlation: {type: event_count, rules: [listed], group-by: [vehicle], timespan: 10m, condition: {gte: 3}}
";

#[test]
fn a_set_that_changes_takes_effect_and_correlations_go_on() {
    let old = surroundings(&[("bad.txt", "10.0.0.1\n")]);
    let mut engine = Engine::new(set(COUNTED, &old));
    assert_eq!(engine.process(&events("- {src_ip: 10.0.0.1}\n- {src_ip: 10.0.0.2}\n- {src_ip: 10.0.0.1}")), Ok(vec![]));
    let new = surroundings(&[("bad.txt", "10.0.0.2\n")]);
    let mut changed = Engine::new(set(COUNTED, &new));
    let restored = changed.restore(&engine.snapshot()).expect("a snapshot");
    assert_eq!((restored.resumed, restored.forgotten), (vec!["thrice".to_owned()], vec![]));
    let hits =
        changed.process(&events("- {at: 10s, src_ip: 10.0.0.1}\n- {at: 11s, src_ip: 10.0.0.2}")).expect("events");
    assert_eq!(hits.iter().map(|hit| (hit.observed, hit.count)).collect::<Vec<_>>(), [(Some(3), 3)]);
}

#[test]
fn what_cannot_be_looked_up_is_refused_by_name() {
    let with = surroundings(&SETS);
    let missing = refused("src_ip|expand: '%bad%'", &with);
    assert!(
        missing
            .ends_with("`%bad%` has no values: there is no indicator set indicators/bad.txt or .csv beside the rules"),
        "{missing}"
    );
    for search in [
        "resource|contains|expand: '%tools%'",
        "resource|expand: 'x%tools%'",
        "resource|re|expand: '%tools%'",
        "resource|expand|cased: '%tools%'",
        "resource|expand|base64: '%tools%'",
    ] {
        let why = refused(search, &with);
        assert!(why.contains("indicator set `tools` can be asked for whole values"), "{search}: {why}");
    }
    let names = refused("src_ip|cidr|expand: '%tools%'", &with);
    let expected = "indicator set `tools` of indicators/tools.txt is asked for with `cidr`, but its value `evil.exe` is no address and no network";
    assert!(names.ends_with(expected), "{names}");
    let twice = Indicators::read(&[file("a/bad.txt", "x"), file("a/bad.csv", "x")]).map(|_| ()).unwrap_err();
    assert_eq!(twice.to_string(), "a/bad.csv:0: there is another set `bad` in a/bad.txt: rename one of the files");
}
