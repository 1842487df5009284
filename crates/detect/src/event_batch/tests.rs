//! Events as people and exporters write them, and what rules see of them.

use super::*;
use crate::{RuleFile, Scanner};
use arrow::array::{Array, AsArray};
use proptest::prelude::*;
use serde_json::json;

/// The rows that a search matches, and what is reported as its fields.
fn scan(search: &str, events: &[Value]) -> Vec<(u64, String)> {
    let text = format!("title: t\nid: r\nlogsource: {{product: any}}\ndetection:\n  s: {search}\n  condition: s\n");
    let file = RuleFile { path: "r.yml".to_owned(), text };
    let set = RuleSet::parse(&[file]).unwrap_or_else(|e| panic!("{search}: {e:?}"));
    let mut batches = EventBatches::new(&set);
    for (place, event) in (1..).zip(events) {
        batches.push(place, event.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}"));
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
    let mut batches = searching_for(&["f"]);
    let mut push = |place, text: &str| batches.push(place, text.as_bytes()).map_err(|bad| bad.to_string());
    let long = push(1, &json!({"f": "x".repeat(FIELD_BYTES_MAX + 1)}).to_string());
    assert_eq!(long, Err("event 1: field `f` of 1048577 bytes exceeds the maximum 1048576".to_owned()));
    assert_eq!(push(2, &json!({"f": "x".repeat(FIELD_BYTES_MAX)}).to_string()), Ok(()));
    let many: Vec<u32> = (0..10_001).collect();
    let many = push(3, &json!({"f": "y", "other": many}).to_string());
    assert_eq!(many, Err("event 3: more than 10000 values".to_owned()));
    assert_eq!(batches.finish().map(|batch| batch.places).unwrap_or_default(), [2]);
}

#[test]
fn hostile_events_are_refused_one_by_one() {
    let mut batches = searching_for(&["a"]);
    let mut push = |text: &[u8]| batches.push(1, text).map_or_else(|bad| bad.to_string(), |()| String::new());
    let deep = format!("{}1{}", "{\"a\":".repeat(1_000), "}".repeat(1_000));
    assert_eq!(push(deep.as_bytes()), "event 1: recursion limit exceeded at column 636");
    assert_eq!(push(b"{\"a\":NaN}"), "event 1: expected value at column 6");
    assert_eq!(push(b"{\"a\":1e999}"), "event 1: number out of range at column 10");
    assert_eq!(push(b"{\"a\":"), "event 1: EOF while parsing a value at column 5");
    assert_eq!(push(b"{\"a\":\n}"), "event 1: expected value at line 2 column 1");
    assert_eq!(push(b"{\"a\":1} 2"), "event 1: trailing characters at column 9");
    assert_eq!(push(b"{\"a\":\"\xFF\"}"), "event 1: not UTF-8 from byte 6 of the event on");
    assert_eq!(push(b"7"), "event 1: not a JSON object");
    assert_eq!(push(b"[{\"a\":1}]"), "event 1: not a JSON object");
    assert_eq!(push(b"{\"a\":1}"), "");
    let batch = batches.finish().unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(cells(&batch), [("a".to_owned(), vec![Some(vec!["1".to_owned()])])]);
}

#[test]
fn of_a_key_that_comes_twice_the_last_one_counts() {
    let mut batches = searching_for(&["a", "b.c"]);
    let text = br#"{"a":1,"b":{"c":2,"c":3},"a":"x","a.":0,"a":4}"#;
    batches.push(1, text).unwrap_or_else(|e| panic!("{e}"));
    let batch = batches.finish().unwrap_or_else(|e| panic!("{e}"));
    let one = |value: &str| vec![Some(vec![value.to_owned()])];
    assert_eq!(cells(&batch), [("a".to_owned(), one("4")), ("b.c".to_owned(), one("3"))]);
}

/// Batches for rules that ask about these fields.
fn searching_for(names: &[&str]) -> EventBatches {
    let tests: Vec<String> = names.iter().map(|name| format!("'{name}': x")).collect();
    let text = format!("title: t\nlogsource: {{}}\ndetection: {{s: {{{}}}, condition: s}}\n", tests.join(", "));
    let set = RuleSet::parse(&[RuleFile { path: String::new(), text }]).unwrap_or_else(|e| panic!("{e:?}"));
    EventBatches::new(&set)
}

/// By field and row the values, sorted; `None` where the field is absent.
type Cells = Vec<(String, Vec<Option<Vec<String>>>)>;

fn cells(batch: &EventBatch) -> Cells {
    let texts = |array: &dyn Array| {
        let mut texts: Vec<String> = array.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
        texts.sort();
        texts
    };
    let cell = |column: &ArrayRef, row: usize| {
        column.is_valid(row).then(|| match column.as_list_opt::<i32>() {
            Some(lists) => texts(&lists.value(row)),
            None => texts(&column.slice(row, 1)),
        })
    };
    let names = batch.batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let columns = batch.batch.columns().iter().map(|column| (0..column.len()).map(|row| cell(column, row)).collect());
    let mut cells: Cells = names.into_iter().zip(columns).collect();
    cells.sort();
    cells
}

const KEYS: [&str; 15] = [
    "a",
    "b",
    "a.b",
    "Event",
    "System",
    "EventData",
    "Data",
    "Name",
    "@Name",
    "#text",
    "Value",
    "Image",
    "Provider",
    "#attributes",
    "c\\n",
];

const SINGLES: [&str; 10] = [
    "null",
    "true",
    "-0",
    "1e2",
    "18446744073709551616",
    "-5",
    r#""x\u0000\ud83d\ude00""#,
    r#""Image""#,
    r#""é""#,
    "0.1",
];

/// Maps with keys that may come twice.
fn map_of(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let pair = (prop::sample::select(&KEYS), value).prop_map(|(key, value)| format!("\"{key}\": {value}"));
    prop::collection::vec(pair, 0..5).prop_map(|pairs| format!("{{{}}}", pairs.join(", ")))
}

fn event() -> impl Strategy<Value = String> {
    let single = prop::sample::select(&SINGLES).prop_map(str::to_owned);
    map_of(single.prop_recursive(6, 40, 5, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(",")));
        prop_oneof![list, map_of(inner)]
    }))
}

proptest! {
    /// The order of keys, keys that come twice and what other events looked like make no difference.
    #[test]
    fn events_in_any_order_of_keys_give_the_same_columns(events in prop::collection::vec(event(), 1..6)) {
        let names = ["a", "a.b", "Image", "Event.System", "Provider_Name", "Data", "EventData.Data", "Name", "Value", "EventData"];
        let (mut together, mut alone) = (searching_for(&names), Vec::new());
        for (place, text) in (1..).zip(&events) {
            let tree: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            prop_assert_eq!(together.push(place, text.as_bytes()), Ok(()));
            let mut one = searching_for(&names);
            prop_assert_eq!(one.push(place, tree.to_string().as_bytes()), Ok(()));
            alone.push(cells(&one.finish().unwrap_or_else(|e| panic!("{e}"))));
        }
        let together = cells(&together.finish().unwrap_or_else(|e| panic!("{e}")));
        for (row, alone) in alone.iter().enumerate() {
            let here = together.iter().map(|(name, cells)| (name.clone(), vec![cells[row].clone()]));
            let here: Cells = here.filter(|(_, cell)| cell[0].is_some()).collect();
            prop_assert_eq!(&here, alone);
        }
    }

    #[test]
    fn any_bytes_are_an_event_or_a_reason(bytes in prop::collection::vec(prop::sample::select(b"[]{}\",:\\\na1 \xC3".to_vec()), 0..40)) {
        let is_object = serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value.is_object());
        prop_assert_eq!(searching_for(&["a"]).push(1, &bytes).is_ok(), is_object);
    }
}
