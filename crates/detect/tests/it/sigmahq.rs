//! SigmaHQ's rules as a torture set for the parser: what uses only supported features parses, the rest names the feature.

use crate::{files, root};
use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use yagura_detect::{Engine, RuleErrorKind, RuleFile, RuleSet};

fn given(folder: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data/intel/sigma").join(folder);
    if !path.is_dir() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn every_rule_parses_and_all_compile_together() {
    let Some(path) = given("sigmahq") else { return };
    let mut all = files(&path, ".yml");
    all.retain(|file| !file.path.starts_with("regression_data"));
    let (set, errors) = RuleSet::parse_usable(&all);
    assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(set.rules().len(), all.len());
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

/// The leaves of an event as Sigma names them: `EventData.Image` is `Image`, the provider's name is `Provider_Name`.
fn leaves(name: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let name = match (name, key.as_str()) {
                    ("Provider_#attributes", "Name") => "Provider_Name",
                    ("Provider", "#attributes") => "Provider_#attributes",
                    _ => key,
                };
                leaves(name, inner, out);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(name, item, out)),
        Value::Null => {}
        Value::String(text) => drop(out.insert(name.to_owned(), text.clone())),
        other => drop(out.insert(name.to_owned(), other.to_string())),
    }
}

/// One event as a batch: texts, and the columns that every event needs.
fn batch(event: &Value) -> RecordBatch {
    let mut fields = BTreeMap::new();
    leaves("", event, &mut fields);
    fields.retain(|name, _| {
        !["tenant", "vehicle", "time", "received_time", "position", "entry_index"].contains(&name.as_str())
    });
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let zero = || -> ArrayRef { Arc::new(Int64Array::from(vec![0])) };
    let columns = fields.iter().map(|(name, value)| (name.clone(), text(value)));
    let needed = [("tenant", text("t")), ("vehicle", text("v")), ("time", zero()), ("received_time", zero())];
    let places = [("position", zero()), ("entry_index", zero())];
    let needed = needed.into_iter().chain(places).map(|(name, column)| (name.to_owned(), column));
    RecordBatch::try_from_iter(columns.chain(needed)).expect("columns of one row")
}

/// The same rule for the engine's own product.
fn as_vehicle_rule(text: &str) -> String {
    let without = text.lines().filter(|line| !line.trim_start().starts_with("product:"));
    let with =
        without.map(|line| if line.starts_with("logsource:") { "logsource:\n    product: vehicle" } else { line });
    with.collect::<Vec<_>>().join("\n")
}

#[test]
fn events_of_the_regression_suite_match_their_rules() {
    let (Some(cases), Some(rules)) = (given("sigmahq/regression_data"), given("sigmahq")) else { return };
    let mut all = files(&rules, ".yml");
    all.retain(|file| !file.path.starts_with("regression_data"));
    let id_of = |text: &str| text.lines().find_map(|line| line.strip_prefix("id: ").map(|id| id.trim().to_owned()));
    let by_id: BTreeMap<String, RuleFile> = all.into_iter().filter_map(|f| Some((id_of(&f.text)?, f))).collect();
    let (mut matched, mut unsupported, mut missed) = (0, 0, Vec::new());
    for case in files(&cases, ".json") {
        let name = case.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
        let Some(rule) = by_id.get(name) else { continue };
        let rule = RuleFile { path: rule.path.clone(), text: as_vehicle_rule(&rule.text) };
        let Ok(set) = RuleSet::parse(&[rule]) else {
            unsupported += 1;
            continue;
        };
        let mut engine = Engine::new(set);
        let events = serde_json::Deserializer::from_str(&case.text).into_iter::<Value>();
        let hit =
            |event: Result<Value, _>| event.is_ok_and(|e| !engine.process(&batch(&e)).expect("a batch").is_empty());
        if events.map(hit).fold(false, |any, hit| any | hit) { matched += 1 } else { missed.push(case.path) }
    }
    eprintln!("{matched} cases match, {unsupported} use features that are refused by name");
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(matched >= 115, "{matched}");
}
