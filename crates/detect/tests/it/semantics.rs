//! What Sigma's detection items mean over the columns of events.

use crate::{events, rules};
use proptest::prelude::*;
use yagura_detect::{Engine, RuleErrorKind, RuleFile, RuleSet};

/// How many of these events a detection matches.
fn matches(detection: &str, items: &str) -> u64 {
    let indented: String = detection.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!("title: t\nid: r\nlogsource: {{product: vehicle}}\ndetection:\n{indented}");
    let hits = Engine::new(rules(&text)).process(&events(items)).expect("a batch of events");
    hits.iter().map(|hit| hit.count).sum()
}

/// Checks one search given as flow YAML.
fn check(search: &str, items: &str, expected: u64) {
    let found = matches(&format!("selection: {search}\ncondition: selection"), items);
    assert_eq!(found, expected, "{search} over {items}");
}

#[test]
fn texts_ignore_case_unless_asked_not_to() {
    let item = "- {vehicle: Kona-0001, sensor: 'äÖ'}";
    check("{vehicle: kona-0001}", item, 1);
    check("{vehicle|cased: kona-0001}", item, 0);
    check("{vehicle|contains|cased: Kona}", item, 1);
    check("{vehicle|startswith: KONA}", item, 1);
    check("{vehicle|endswith: '1'}", item, 1);
    check("{vehicle|contains: 'na-00'}", item, 1);
    check("{vehicle|contains|all: [kona, '0001', '-']}", item, 1);
    check("{vehicle|contains|all: [kona, '0002']}", item, 0);
    check("{sensor: 'ÄÖ'}", item, 1);
    check("{vehicle: 'k?na-*1'}", item, 1);
    check("{vehicle: ['x*y', '*-0*1']}", item, 1);
    check("{vehicle: 'kona'}", item, 0);
    check("{vehicle: '*'}", item, 1);
    check("{vehicle|re: '^Kona-\\d{4}$'}", item, 1);
    check("{vehicle|re: '^kona'}", item, 0);
    check("{vehicle|re|i: '^kona'}", item, 1);
}

#[test]
fn numbers_are_numbers_and_their_decimal_text() {
    let items = "- {can_id: 2015, speed_kmh: 12.5, bus: 0}\n- {can_id: 291, speed_kmh: 0.0, bus: 1}";
    check("{can_id: 0x7DF}", items, 1);
    check("{can_id: '2015'}", items, 1);
    check("{can_id: [2015, 291, 5]}", items, 2);
    check("{can_id|startswith: 2}", items, 2);
    check("{can_id|re: '^20'}", items, 1);
    check("{can_id|gt: 291}", items, 1);
    check("{can_id|gte: 291, can_id|lt: 2015}", items, 1);
    check("{speed_kmh: 12.5}", items, 1);
    check("{speed_kmh: 0}", items, 1);
    check("{speed_kmh|gt: 0}", items, 1);
    check("{speed_kmh|lte: 12.5}", items, 2);
    check("{bus: 0}", items, 1);
    check("{bus: '*'}", items, 2);
}

#[test]
fn absence_is_null_and_passes_nothing_else() {
    let items = "- {can_id: 1, can_extended: true}\n- {can_id: 0, can_extended: false}\n- {gear: park}";
    check("{can_id: null}", items, 1);
    check("{can_id: [null, 1]}", items, 2);
    check("{can_id: 0}", items, 1);
    check("{can_id|gte: 0}", items, 2);
    check("{can_id|lt: 5}", items, 2);
    check("{can_id|exists: true}", items, 2);
    check("{can_id|exists: false}", items, 1);
    check("{gear: null}", items, 2);
    check("{gear: ''}", items, 0);
    check("{no_such_field: null}", items, 3);
    check("{no_such_field: '*'}", items, 0);
    check("{can_extended: true}", items, 1);
    check("{can_extended: 'false'}", items, 1);
    check("{can_extended: null}", items, 1);
    check("{speed_kmh: null}", items, 3);
}

#[test]
fn bytes_are_read_in_hexadecimal_and_addresses_as_addresses() {
    let items = "- {payload: '0227010000'}\n- {sensor: 10.1.2.3}\n- {sensor: 'fd00::1'}\n- {sensor: cgw}";
    check("{payload|startswith: '0227'}", items, 1);
    check("{payload|re: '^02(27|67)'}", items, 1);
    check("{sensor|cidr: 10.0.0.0/8}", items, 1);
    check("{sensor|cidr: ['10.2.0.0/16', 'fd00::/8', '0.0.0.0/0']}", items, 2);
}

#[test]
fn maps_mean_and_lists_mean_or() {
    let items = "- {event: CAN_BUS_FLOOD, bus: 0}\n- {event: CAN_BUS_FLOOD, bus: 1}\n- {event: CAN_SILENT_ID, bus: 1}";
    check("{event_name: CAN_BUS_FLOOD, bus: 1}", items, 1);
    check("[{event_name: CAN_SILENT_ID}, {bus: 0}]", items, 2);
    let both = "a: {event_name: CAN_BUS_FLOOD}\nb: {bus: 1}\n_c: {bus: 7}\n";
    for (condition, expected) in [
        ("a and b", 1),
        ("a or b", 3),
        ("a and not b", 1),
        ("not a", 1),
        ("not (a or b)", 0),
        ("not a and not b", 0),
        ("1 of them", 3),
        ("all of them", 1),
        ("all of _*", 0),
        ("[a, b]", 3),
    ] {
        assert_eq!(matches(&format!("{both}condition: {condition}"), items), expected, "{condition}");
    }
}

#[test]
fn every_dash_of_windash_stands_for_every_other() {
    let item = "- {sensor: 'cmd /c del –f ―q'}";
    for (search, expected) in [
        ("{sensor|contains|windash: ' -C '}", 1),
        ("{sensor|contains|windash|all: [' /f', ' -q', '—q']}", 1),
        ("{sensor|endswith|windash: '/Q'}", 1),
        ("{sensor|windash: 'cmd -c del -f -q'}", 1),
        ("{sensor|windash|cased: 'CMD -c del -f -q'}", 0),
        ("{sensor|windash|cased: 'cmd -c del -f -q'}", 1),
        ("{sensor|windash|contains: 'c*-f'}", 1),
        ("{sensor|contains: ' -c '}", 0),
        ("{sensor|windash|contains: '_c'}", 0),
    ] {
        check(search, item, expected);
    }
}

#[test]
fn fields_are_compared_with_fields() {
    let items = "- {sensor: Gateway, gear: gateway}\n- {sensor: gateway-2, gear: gateway}\n- {sensor: x}";
    for (search, expected) in [
        ("{sensor|fieldref: gear}", 1),
        ("{sensor|fieldref|cased: gear}", 0),
        ("{sensor|fieldref|startswith: gear}", 2),
        ("{sensor|fieldref|endswith: gear}", 1),
        ("{sensor|fieldref|contains: [gear, bus]}", 2),
        ("{sensor|fieldref|neq: gear}", 2),
        ("{gear|fieldref|neq: sensor}", 1),
    ] {
        check(search, items, expected);
    }
}

#[test]
fn what_differs_is_there_and_not_one_of_the_values() {
    let items = "- {can_id: 1}\n- {can_id: 2}\n- {gear: park}";
    check("{can_id|neq: 1}", items, 1);
    check("{can_id|neq: [1, 2]}", items, 0);
    check("{gear|neq: drive}", items, 1);
    check("{gear|contains|neq: ar}", items, 0);
}

#[test]
fn keywords_are_looked_for_in_every_field() {
    let items = "- {sensor: 'a needle here'}\n- {gear: Needle}\n- {sensor: hay, gear: stack, can_id: 4711}";
    check("[needle]", items, 2);
    check("needle", items, 2);
    check("[hay, 471]", items, 1);
    check("['n?edle *re']", items, 1);
    check("{'|all': [hay, stack]}", items, 1);
    check("{'|all': [hay, needle]}", items, 0);
    check("{'|re': '^.eedle$'}", items, 1);
    check("{'|cased': Needle}", items, 1);
    check("[needle, {can_id: 4711}]", items, 3);
    check("{'|startswith': st}", items, 1);
}

#[test]
fn parts_of_dates_are_numbers() {
    let items = "- {sensor: '2026-04-17T23:24:53Z'}\n- {sensor: '2026-04-17 03:24:53.1'}\n- {sensor: late}";
    check("{sensor|hour: [23, 3]}", items, 2);
    check("{sensor|hour|gte: 22}", items, 1);
    check("{sensor|year: 2026, sensor|month: 4, sensor|day: 17, sensor|week: 16, sensor|minute: 24}", items, 2);
}

#[test]
fn a_filter_narrows_the_rules_that_it_names() {
    let rule = |id: &str, product: &str| {
        format!(
            "title: t\nid: {id}\nlogsource: {{product: {product}}}\ndetection: {{s: {{bus: 1}}, condition: s}}\n---\n"
        )
    };
    let filter = |rules: &str, source: &str| {
        format!(
            "title: f\nlogsource: {{{source}}}\nfilter: {{rules: {rules}, selection: {{gear: park}}, condition: not selection}}\n---\n"
        )
    };
    let seen = |text: String| {
        let hits = Engine::new(rules(&text)).process(&events("- {bus: 1, gear: park}\n- {bus: 1, gear: drive}"));
        hits.expect("a batch of events").iter().map(|hit| hit.count).sum::<u64>()
    };
    let both = rule("a", "vehicle") + &rule("b", "vehicle");
    assert_eq!(seen(both.clone()), 4);
    assert_eq!(seen(filter("[a]", "product: vehicle") + &both), 3);
    assert_eq!(seen(both.clone() + &filter("[a, b, c]", "product: vehicle")), 2);
    assert_eq!(seen(both.clone() + &filter("any", "")), 2);
    assert_eq!(seen(both.clone() + &filter("any", "product: windows")), 4);
    let digests = |text: &str| rules(text).rules().iter().map(|rule| rule.digest).collect::<Vec<_>>();
    assert_ne!(digests(&both), digests(&(both.clone() + &filter("any", ""))));
}

#[test]
fn a_collection_shares_what_is_global() {
    let text = "action: global\ntitle: t\nlogsource: {product: vehicle}\ndetection: {condition: s}\n---\n\
        id: a\ndetection: {s: {bus: 1}}\n---\nid: b\ndetection: {s: {bus: 2}}\n---\naction: repeat\nid: c\n";
    let hits = Engine::new(rules(text)).process(&events("- {bus: 2}")).expect("a batch of events");
    assert_eq!(hits.iter().map(|hit| hit.rule.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}

fn error(text: &str) -> String {
    let errors = RuleSet::parse(&[RuleFile { path: "r.yml".into(), text: text.into() }]).expect_err("a mistake");
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn mistakes_are_named_with_file_line_and_column() {
    let head = "title: t\nid: r\nlogsource: {product: vehicle}\n";
    for (text, expected) in [
        ("title: [", "r.yml:1:8: not readable as YAML"),
        ("id: r", "r.yml:1:1: field `title` is missing"),
        ("title: t", "field `detection` is missing"),
        (
            &format!("{head}detection:\n  s: {{a|rot13: x}}\n  condition: s"),
            "r.yml:5:7: modifier `rot13` is not supported",
        ),
        (&format!("{head}detection:\n  s: {{a|i: x}}\n  condition: s"), "`i` stands for nothing without `re`"),
        (
            &format!("{head}detection:\n  s: {{a|base64: 'x*'}}\n  condition: s"),
            "r.yml:5:17: value `x*` cannot be encoded",
        ),
        (&format!("{head}detection:\n  s: {{a|base64offset: x}}\n  condition: s"), "it is too short"),
        (&format!("{head}detection:\n  s: {{a|utf16: x}}\n  condition: s"), "add base64"),
        (&format!("{head}detection:\n  s: {{a|wide|re: x}}\n  condition: s"), "exclude each other"),
        (&format!("{head}detection:\n  s: {{a|expand: '%x%'}}\n  condition: s"), "placeholder `%x%` has no values"),
        (&format!("{head}detection:\n  s: {{'|exists': true}}\n  condition: s"), "`keyword` must be a text"),
        (&format!("{head}detection:\n  s: {{a|re: '('}}\n  condition: s"), "regular expression `(`: unclosed group"),
        (&format!("{head}detection:\n  s: {{a|re: '(?=x)'}}\n  condition: s"), "look-around"),
        (&format!("{head}detection:\n  s: {{a|gt: x}}\n  condition: s"), "field `a` must be a number"),
        (
            &format!("{head}detection:\n  s: {{a|contains|re: x}}\n  condition: s"),
            "`contains` and `re` exclude each other",
        ),
        (
            &format!("{head}detection:\n  s: {{a: x}}\n  condition: s | count() > 5"),
            "r.yml:6:14: aggregation in a condition",
        ),
        (
            &format!("{head}detection:\n  s: {{a: x}}\n  condition: t"),
            "r.yml:6:14: condition `t`: search `t` is not in the detection",
        ),
        (&format!("{head}detection:\n  s: {{}}\n  condition: s"), "must be a map or list that is not empty"),
        (
            &format!("{head}level: grave\ndetection:\n  s: {{a: x}}\n  condition: s"),
            "field `level` must be informational, low",
        ),
        ("title: t\naction: dance", "r.yml:2:9: action `dance` is not supported"),
        (
            "title: c\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}}",
            "rule `a` is not in this rule set",
        ),
        ("title: c\ncorrelation: {type: event_count, rules: [a], timespan: 1x, condition: {gte: 2}}", "time span `1x`"),
        (
            "title: c\ncorrelation: {type: value_count, rules: [a], timespan: 1m, condition: {gte: 2}}",
            "`condition.field` is missing",
        ),
        (
            "title: c\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gte: 99999}}",
            "exceeds the maximum 2048",
        ),
    ] {
        let found = error(text);
        assert!(found.contains(expected), "{text}\n gave {found}\n expected {expected}");
    }
}

#[test]
fn two_rules_of_one_id_are_refused_and_the_others_can_still_be_used() {
    let one = "title: a\nid: same\nlogsource: {product: vehicle}\ndetection: {s: {bus: 1}, condition: s}\n";
    let file = |path: &str, text: &str| RuleFile { path: path.into(), text: text.into() };
    let (set, errors) = RuleSet::parse_usable(&[file("a.yml", one), file("b.yml", one), file("c.yml", "title: x")]);
    assert_eq!((set.rules().len(), errors.len()), (1, 2));
    assert!(errors.iter().any(|e| e.kind == RuleErrorKind::Duplicate("same".into()) && e.path == "b.yml"));
}

#[test]
fn counted_rules_are_silent_unless_the_correlation_lets_them_speak() {
    let base = "title: a\nname: a\nlogsource: {product: vehicle}\ndetection: {s: {bus: 1}, condition: s}\n---\n";
    let count = "title: b\nid: b\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gt: 1}";
    for (generate, expected) in [("}", vec!["b"]), (", generate: true}", vec!["a", "b"])] {
        let mut engine = Engine::new(rules(&format!("{base}{count}{generate}")));
        let hits = engine.process(&events("- {bus: 1, times: 3}")).expect("a batch of events");
        assert_eq!(hits.iter().map(|h| h.rule.as_str()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_rule_looks_at_the_events_of_its_own_product() {
    let of = |product: &str| {
        rules(&format!("title: a\nlogsource: {{product: {product}}}\ndetection: {{s: {{bus: null}}, condition: s}}"))
    };
    let mixed =
        "- {vehicle: a}\n- {vehicle: b, product: ota}\n- {vehicle: c, product: idsr}\n- {vehicle: d, product: api}";
    let seen = |product: &str| {
        let hits = Engine::new(of(product)).process(&events(mixed)).expect("a batch of events");
        let mut seen: Vec<_> = hits.iter().filter_map(|hit| hit.vehicle.clone()).collect();
        seen.sort();
        seen.concat()
    };
    assert_eq!(["vehicle", "Vehicle", "ota", "OTA", "idsr", "windows"].map(seen), ["ac", "ac", "b", "b", "c", ""]);
    let alone = Engine::new(of("ota")).process(&events("- {vehicle: a}")).expect("a batch of events");
    assert_eq!(alone, [], "a batch of reports alone has no rows of a back end");
}

#[test]
fn a_rule_that_does_not_say_whose_events_it_looks_at_rests() {
    let set = rules("title: a\nlogsource: {category: ids}\ndetection: {s: {bus: 1}, condition: s}");
    let mut engine = Engine::new(set);
    assert_eq!(engine.process(&events("- {bus: 1}")).expect("a batch of events"), []);
    assert_eq!(engine.resting().collect::<Vec<_>>(), ["a"]);
}

proptest! {
    #[test]
    fn any_text_is_rules_or_errors(text in "([a-z: \\-\\[\\]{}|*\n'\"&!0-9]{0,120})") {
        let _ = RuleSet::parse(&[RuleFile { path: "r.yml".into(), text }]);
    }

    #[test]
    fn any_detection_is_a_rule_or_an_error(
        key in "([a-z]{1,3})?(\\|(contains|all|re|cidr|exists|gt|cased|i|startswith|wide|base64offset|windash|neq|fieldref|hour|expand)){0,3}",
        value in "('[a-z*?\\\\(\\[0-9./:]{0,8}'|null|true|-?[0-9]{1,4}|\\[\\]|\\[1, x\\]|\\{\\})",
        condition in "(not )?(s|1 of s\\*|all of them|2 of them|t)( (and|or) (s|not s))?",
    ) {
        let text = format!("title: t\nlogsource: {{product: vehicle}}\ndetection:\n  s: {{{key}: {value}}}\n  condition: {condition}\n");
        if let Ok(set) = RuleSet::parse(&[RuleFile { path: "r.yml".into(), text }]) {
            Engine::new(set).process(&events("- {bus: 1, payload: '00'}\n- {sensor: abc}")).expect("a batch of events");
        }
    }
}
