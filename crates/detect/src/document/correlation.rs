//! The `correlation` of a document: what is counted, over which rules, and when it fires.
//!
//! Not the rules that it refers to, which are names here. Invariants: a condition has a bound or an expression; a bound on a count is
//! a whole number of at most [`BOUND_MAX`], any other a finite number.

use super::{Body, Generate, text, texts, timespan, type_error};
use crate::bounds::{Bounds, Relation};
use crate::condition;
use crate::detection::{Located, at};
use crate::error::{RuleErrorKind, Unsupported};
use crate::rule::{Alias, Correlation, CorrelationCondition, Counts, RuleExpression};
use crate::yaml::{Node, Value};

/// How late an event may be if the rule does not say: 10 minutes.
const LATENESS_DEFAULT: i64 = 600_000_000;
/// The largest number of events or values that a correlation may ask about.
const BOUND_MAX: u64 = 2_048;
/// The most fields a correlation may group by.
const GROUP_FIELDS_MAX: usize = 8;
/// The most fields whose combinations are counted.
const VALUE_FIELDS_MAX: usize = 8;
/// The most rules of a correlation, of a `temporal` one, and of an ordered one.
const RULES_MAX: usize = 1_024;
const TOGETHER_RULES_MAX: usize = 64;
const ORDERED_RULES_MAX: usize = 16;
/// The most aliases of a correlation.
const ALIASES_MAX: usize = 16;

/// Reads a correlation; `extra` is the custom field `yagura`.
pub(super) fn parse(node: &Node, extra: Option<&Node>) -> Result<Body, Located> {
    let missing = |field| at(node, RuleErrorKind::Missing(field));
    let kind = text(node, "type")?.ok_or_else(|| missing("type"))?;
    let condition = node.get("condition");
    let counts = counts(node, &kind, condition)?;
    let rules = rules(node, &counts, condition)?;
    let condition = match (&counts, condition) {
        (Counts::Together | Counts::InOrder, None) => {
            CorrelationCondition::Bounds(Bounds::at_least(rules.len() as f64))
        }
        (_, None) => return Err(missing("condition")),
        (counts, Some(condition)) => read_condition(condition, counts, &rules)?,
    };
    let group_by = texts(node, "group-by")?;
    limit(node, "number of fields in group-by", group_by.len(), GROUP_FIELDS_MAX)?;
    let lateness = match extra.and_then(|node| node.get("lateness")) {
        Some(value) => timespan(value, 0)?,
        None => LATENESS_DEFAULT,
    };
    let span = timespan(node.get("timespan").ok_or_else(|| missing("timespan"))?, 1)?;
    let generate = match node.get("generate").map(|n| &n.value) {
        Some(Value::Bool(true)) => Generate::Yes,
        _ => Generate::No,
    };
    let aliases = aliases(node)?;
    let correlation = Correlation { counts, rules, group_by, aliases, timespan: span, condition, lateness };
    Ok(Body::Correlation { correlation: Box::new(correlation), generate })
}

fn limit(node: &Node, what: &'static str, value: usize, max: usize) -> Result<(), Located> {
    let error = || at(node, RuleErrorKind::Limit { what, value: value as u64, max: max as u64 });
    if value > max { Err(error()) } else { Ok(()) }
}

/// What is counted, with its field.
fn counts(node: &Node, kind: &str, condition: Option<&Node>) -> Result<Counts, Located> {
    let place = condition.unwrap_or(node);
    let fields = condition.map_or(Ok(Vec::new()), |condition| texts(condition, "field"))?;
    let one = || match fields.as_slice() {
        [field] => Ok(field.clone()),
        [] => Err(at(place, RuleErrorKind::Missing("condition.field"))),
        _ => Err(at(place, type_error("condition.field", "one field: only value_count takes several"))),
    };
    let none = |counts| match fields.is_empty() {
        true => Ok(counts),
        false => Err(at(place, type_error("condition.field", "absent for event_count and temporal correlations"))),
    };
    let percentile = condition.and_then(|condition| condition.get("percentile"));
    if let Some(percentile) = percentile.filter(|_| kind != "value_percentile") {
        return Err(at(percentile, type_error("condition.percentile", "absent unless the type is value_percentile")));
    }
    match kind {
        "event_count" => none(Counts::Events),
        "value_count" if fields.len() > 1 => {
            limit(place, "number of fields in condition.field", fields.len(), VALUE_FIELDS_MAX)?;
            Ok(Counts::Combinations(fields))
        }
        "value_count" => one().map(Counts::Values),
        "value_sum" => one().map(Counts::Sum),
        "value_avg" => one().map(Counts::Average),
        "value_median" => Ok(Counts::Percentile(one()?, 50)),
        "value_percentile" => Ok(Counts::Percentile(one()?, percentile.map_or(Ok(50), percent)?)),
        "temporal" => none(Counts::Together),
        "temporal_ordered" => none(Counts::InOrder),
        other => Err(at(node, RuleErrorKind::Unsupported(Unsupported::Correlation(other.to_owned())))),
    }
}

fn percent(node: &Node) -> Result<u8, Located> {
    let Value::Int(percent) = node.value else {
        return Err(at(node, type_error("percentile", "a whole number from 0 to 100")));
    };
    let fits = u8::try_from(percent).ok().filter(|percent| *percent <= 100);
    fits.ok_or_else(|| at(node, type_error("percentile", "a whole number from 0 to 100")))
}

/// The rules, in their order; those that an expression names if the correlation does not list them.
fn rules(node: &Node, counts: &Counts, condition: Option<&Node>) -> Result<Vec<String>, Located> {
    let mut rules: Vec<String> = Vec::new();
    let mut listed = texts(node, "rules")?;
    if let (true, Some(Value::Text(expression))) = (listed.is_empty(), condition.map(|condition| &condition.value)) {
        listed = condition::names(expression);
    }
    for rule in listed {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    if rules.is_empty() {
        return Err(at(node, RuleErrorKind::Missing("rules")));
    }
    let max = match counts {
        Counts::Together => TOGETHER_RULES_MAX,
        Counts::InOrder => ORDERED_RULES_MAX,
        _ => RULES_MAX,
    };
    limit(node, "number of rules", rules.len(), max)?;
    Ok(rules)
}

fn read_condition(node: &Node, counts: &Counts, rules: &[String]) -> Result<CorrelationCondition, Located> {
    let entries = match &node.value {
        Value::Map(entries) => entries,
        Value::Text(text) if matches!(counts, Counts::Together) => {
            let condition = condition::parse(text, rules).map_err(|kind| at(node, kind))?;
            return Ok(CorrelationCondition::Rules(RuleExpression { condition, text: text.trim().to_owned() }));
        }
        Value::Text(_) if matches!(counts, Counts::InOrder) => {
            return Err(at(node, RuleErrorKind::Unsupported(Unsupported::OrderedExpression)));
        }
        _ => return Err(at(node, type_error("condition", "a map"))),
    };
    let mut bounds = Bounds::default();
    for (key, value) in entries.iter().filter(|(key, _)| key.text != "field" && key.text != "percentile") {
        let Some(relation) = Relation::parse(&key.text) else {
            let wrong =
                type_error(&format!("condition.{}", key.text), "one of gt, gte, lt, lte, eq, neq, field, percentile");
            return Err(at(value, wrong));
        };
        bounds.push(relation, bound(&key.text, value, counts)?);
    }
    if bounds.is_empty() {
        return Err(at(node, RuleErrorKind::Missing("condition.gte")));
    }
    Ok(CorrelationCondition::Bounds(bounds))
}

fn bound(name: &str, node: &Node, counts: &Counts) -> Result<f64, Located> {
    let whole = !matches!(counts, Counts::Sum(_) | Counts::Average(_) | Counts::Percentile(..));
    match node.value {
        Value::Int(bound) if whole => {
            let bound = u64::try_from(bound).unwrap_or(0);
            if bound > BOUND_MAX {
                let what = "number that a correlation waits for";
                return Err(at(node, RuleErrorKind::Limit { what, value: bound, max: BOUND_MAX }));
            }
            Ok(bound as f64)
        }
        _ if whole => Err(at(node, type_error(name, "a whole number"))),
        Value::Int(bound) => Ok(bound as f64),
        Value::Float(bound) if bound.is_finite() => Ok(bound),
        _ => Err(at(node, type_error(name, "a number"))),
    }
}

fn aliases(node: &Node) -> Result<Vec<Alias>, Located> {
    let Some(aliases) = node.get("aliases") else { return Ok(Vec::new()) };
    let wrong = |node: &Node| at(node, type_error("aliases", "a map of names, each a map of rules and their fields"));
    let Value::Map(names) = &aliases.value else { return Err(wrong(aliases)) };
    limit(aliases, "number of aliases", names.len(), ALIASES_MAX)?;
    let alias = |(name, node): &(crate::yaml::Key, Node)| {
        let Value::Map(fields) = &node.value else { return Err(wrong(node)) };
        let field = |(rule, field): &(crate::yaml::Key, Node)| {
            Ok((rule.text.clone(), field.scalar_text().ok_or_else(|| wrong(field))?))
        };
        Ok(Alias { name: name.text.clone(), fields: fields.iter().map(field).collect::<Result<_, Located>>()? })
    };
    names.iter().map(alias).collect()
}
