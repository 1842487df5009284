//! Events as people and exporters write them, and what rules see of them.

use super::*;
use crate::{RuleFile, Scanner};
use serde_json::json;

/// The rows that a search matches, and what is reported as its fields.
fn scan(search: &str, events: &[Value]) -> Vec<(u64, String)> {
    let text = format!("title: t\nid: r\nlogsource: {{product: any}}\ndetection:\n  s: {search}\n  condition: s\n");
    let file = RuleFile { path: "r.yml".to_owned(), text };
    let set = RuleSet::parse(&[file]).unwrap_or_else(|e| panic!("{search}: {e:?}"));
    let mut batches = EventBatches::new(&set);
    for (place, event) in (1..).zip(events) {
        batches.push(place, event).unwrap_or_else(|e| panic!("{e}"));
    }
    let EventBatch { batch, places } = batches.finish().unwrap_or_else(|e| panic!("{e}"));
    let mut rows = Vec::new();
    let found = Scanner::new(set).scan(&batch, |found| {
        for (rule, matched) in found.matches() {
            for row in matched {
                let fields: Vec<_> = found.fields(rule, row).iter().map(|(k, v)| format!("{k}={v}")).collect();
                rows.push((places[row], fields.join(" ")));
            }
        }
    });
    found.unwrap_or_else(|e| panic!("{e}"));
    rows
}

fn rows(search: &str, events: &[Value]) -> Vec<u64> {
    scan(search, events).into_iter().map(|(place, _)| place).collect()
}

#[test]
fn null_absent_empty_and_zero_are_four_things() {
    let events = [json!({"x": 1}), json!({"f": null}), json!({"f": ""}), json!({"f": 0}), json!({"f": []})];
    assert_eq!(rows("{f: null}", &events), [1, 2, 5]);
    assert_eq!(rows("{f|exists: true}", &events), [2, 3, 4]);
    assert_eq!(rows("{f|exists: false}", &events), [1, 5]);
    assert_eq!(rows("{f: ''}", &events), [3]);
    assert_eq!(rows("{f: 0}", &events), [4]);
    assert_eq!(rows("{f: '*'}", &events), [3, 4]);
    assert_eq!(rows("{f|neq: ''}", &events), [2, 4]);
}

#[test]
fn numbers_are_what_they_are_worth_however_they_are_written() {
    let events = [
        json!({"n": 5}),
        json!({"n": 5.0}),
        json!({"n": "5"}),
        json!({"n": 1e2}),
        json!({"n": true}),
        json!({"n": "x"}),
    ];
    assert_eq!(rows("{n: 5}", &events), [1, 2, 3]);
    assert_eq!(rows("{n: '5'}", &events), [1, 2, 3]);
    assert_eq!(rows("{n|gte: 5}", &events), [1, 2, 3, 4]);
    assert_eq!(rows("{n|lt: 5.5}", &events), [1, 2, 3]);
    assert_eq!(rows("{n: 100}", &events), [4]);
    assert_eq!(rows("{n: true}", &events), [5]);
}

#[test]
fn elements_of_arrays_are_several_values_and_maps_are_reached_by_their_path() {
    let events = [json!({"a": ["x", "y"], "m": {"k": [{"v": 1}, {"v": 2}]}}), json!({"a": "z", "m.k.v": 3})];
    assert_eq!(rows("{a: y}", &events), [1]);
    assert_eq!(rows("{a|all: [x, y]}", &events), [1]);
    assert_eq!(rows("{a|neq: y}", &events), [2]);
    assert_eq!(scan("{m.k.v: 2}", &events), [(1, "m.k.v=1, 2".to_owned())]);
    assert_eq!(rows("{m.k.v|gte: 2}", &events), [1, 2]);
    assert_eq!(rows("{m|contains: '\"v\":2'}", &events), [1]);
    assert_eq!(rows("{m|exists: true}", &events), [1]);
}

#[test]
fn windows_events_are_flattened_in_every_form() {
    let data = json!({"Image": r"C:\x.exe", "Id": 7});
    let named = json!({"Data": [{"@Name": "Image", "#text": r"C:\x.exe"}, {"@Name": "Id", "#text": "7"}]});
    let attributed = json!({"Data": [{"#attributes": {"Name": "Image"}, "#text": r"C:\x.exe"}, {"#attributes": {"Name": "Id"}, "#text": 7}]});
    let system =
        json!({"EventID": {"#text": 1, "#attributes": {"Qualifiers": 0}}, "Provider": {"#attributes": {"Name": "P"}}});
    let flat = json!({"EventID": 1, "Provider": {"@Name": "P"}});
    let events = [
        json!({"Event": {"System": system, "EventData": data}}),
        json!({"Event": {"System": flat, "EventData": named}}),
        json!({"Event": {"System": flat, "EventData": attributed}}),
        json!({"System": flat, "EventData": data}),
        json!({"Event": {"System": flat, "UserData": {"EventXML": data}}}),
        json!({"EventID": 1, "Provider_Name": "P", "Image": r"C:\x.exe", "Id": 7}),
    ];
    let all = [1, 2, 3, 4, 5, 6];
    assert_eq!(rows("{EventID: 1, Provider_Name: p, Image|endswith: '\\x.exe', Id: 7}", &events), all);
    assert_eq!(rows("['x.exe']", &events), all);
    assert_eq!(rows("{Event.EventData.Image|contains: x}", &events), [1]);
    let list = [json!({"Event": {"System": {}, "EventData": {"Data": ["one", "two"]}}})];
    assert_eq!(rows("{Data: two}", &list), [1]);
}

#[test]
fn keywords_look_into_fields_that_no_rule_names() {
    let events =
        [json!({"message": "an Evil thing", "n": 5}), json!({"deep": {"down": ["x", "evil"]}}), json!({"n": 6})];
    assert_eq!(rows("[evil]", &events), [1, 2]);
    assert_eq!(rows("[evil, {n: 6}]", &events), [1, 2, 3]);
    assert_eq!(rows("{'|all': [evil, 5]}", &events), [1]);
}

#[test]
fn what_is_too_large_is_refused_with_its_name() {
    let text = "title: t\nlogsource: {}\ndetection: {s: {f: x}, condition: s}\n";
    let set =
        RuleSet::parse(&[RuleFile { path: String::new(), text: text.to_owned() }]).unwrap_or_else(|e| panic!("{e:?}"));
    let mut batches = EventBatches::new(&set);
    let long = batches.push(1, &json!({"f": "x".repeat(FIELD_BYTES_MAX + 1)}));
    assert_eq!(long, Err("field `f` of 1048577 bytes exceeds the maximum 1048576".to_owned()));
    assert_eq!(batches.push(2, &json!({"f": "x".repeat(FIELD_BYTES_MAX)})), Ok(()));
    let many: Vec<u32> = (0..10_001).collect();
    assert_eq!(batches.push(3, &json!({"other": many})), Err("more than 10000 values".to_owned()));
    assert_eq!(batches.finish().map(|batch| batch.places).unwrap_or_default(), [2]);
}
