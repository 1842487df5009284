//! What pipelines make of rules, and what they refuse.

use super::*;
use crate::RuleSet;

fn pipeline(text: &str) -> Result<Pipeline, RuleError> {
    Pipeline::parse(&RuleFile { path: "p.yml".to_owned(), text: text.to_owned() })
}

/// The names of fields that a rule of this log source asks about once the pipelines acted on it.
fn fields(source: &str, detection: &str, pipelines: &[&str]) -> Vec<String> {
    let pipelines: Vec<_> = pipelines.iter().map(|text| pipeline(text).unwrap_or_else(|e| panic!("{e}"))).collect();
    let text = format!("title: t\nlogsource: {{{source}}}\ndetection: {{s: {{{detection}}}, condition: s}}\n");
    let file = RuleFile { path: "r.yml".to_owned(), text };
    let (set, errors) = RuleSet::parse_with(&[file], &Surroundings { pipelines, ..Surroundings::default() });
    assert_eq!(errors, []);
    set.fields().into_iter().map(str::to_owned).collect()
}

const MAP: &str = "
priority: 20
transformations:
  - {type: field_name_mapping, mapping: {a: b, x: [y, z]}, rule_conditions: [{type: logsource, product: windows}]}
";

#[test]
fn names_are_mapped_for_the_log_sources_that_a_step_names() {
    assert_eq!(fields("product: Windows", "a: 1, c: 2", &[MAP]), ["b", "c"]);
    assert_eq!(fields("product: windows, service: s", "x|contains: v", &[MAP]), ["y", "z"]);
    assert_eq!(fields("product: linux", "a: 1", &[MAP]), ["a"]);
}

#[test]
fn pipelines_act_by_priority_each_on_what_the_one_before_made() {
    let first = "{priority: 10, transformations: [{type: field_name_prefix_mapping, mapping: {'q.': ''}}]}";
    let last = "{priority: 30, transformations: [{type: field_name_prefix, prefix: 'e.', field_name_conditions: \
        [{type: exclude_fields, fields: [c]}]}, {type: field_name_suffix, suffix: '!', field_name_conditions: \
        [{type: include_fields, fields: [c]}]}]}";
    assert_eq!(fields("product: windows", "q.a: 1, c: 1", &[last, MAP, first]), ["c!", "e.b"]);
}

#[test]
fn conditions_are_added_items_left_out_and_log_sources_changed() {
    let text = "
transformations:
  - {type: add_condition, conditions: {EventID: 1}, rule_conditions: [{type: logsource, category: process_creation}]}
  - {type: drop_detection_item, field_name_conditions: [{type: include_fields, fields: [noise]}]}
  - {type: change_logsource, product: vehicle, rule_conditions: [{type: logsource, product: car}]}
  - {type: field_name_prefix, prefix: v., rule_conditions: [{type: logsource, product: vehicle}]}
";
    assert_eq!(fields("category: process_creation", "a: 1, noise: 2", &[text]), ["EventID", "a"]);
    assert_eq!(fields("product: car", "a: 1", &[text]), ["v.a"]);
}

#[test]
fn placeholders_take_their_values_from_vars() {
    let one = "{vars: {admins: [root, adm*]}}";
    assert_eq!(fields("product: linux", "a|expand: '%admins%'", &[one]), ["a"]);
}

#[test]
fn what_is_not_in_the_format_is_refused_by_name() {
    for (text, expected) in [
        ("[1]", "p.yml:1:1: field `pipeline` must be a map"),
        ("transformations: [{type: nest}]", "p.yml:1:19: `nest` in a pipeline is not supported"),
        ("transformations: [{mapping: {}}]", "field `type` is missing"),
        ("transformations: [{type: field_name_mapping}]", "field `mapping` must be a map"),
        ("transformations: [{type: field_name_prefix, prefix: x, colour: red}]", "`colour` in a pipeline"),
        ("transformations: [{type: drop_detection_item}]", "field `field_name_conditions` is missing"),
        ("postprocessing: []", "`postprocessing` in a pipeline"),
        (
            "transformations: [{type: field_name_prefix, prefix: x, rule_conditions: [{type: tag}]}]",
            "`tag` in a pipeline",
        ),
    ] {
        let error = pipeline(text).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
