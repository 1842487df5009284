//! The `detection` part of a rule: searches made of fields, modifiers and values, joined by the condition.
//!
//! Not correlations, nor what modifiers and values mean (`modifier`, `value`). Maps mean "and", lists mean "or" (`|all` turns a list of
//! values into "and"); what stands without a field is a keyword, looked for inside every field of an event.

use crate::condition::{self, Condition};
use crate::error::RuleErrorKind;
use crate::modifier::{Modifiers, Operator};
use crate::pipeline::Rewrite;
use crate::pool::{EVERY_FIELD, Expr, Place, Pool, Test};
use crate::value;
use crate::yaml::{Key, Node, Value};

/// The most parts of one rule's expression.
const EXPR_PARTS_MAX: usize = 65_536;

/// An error and where it stands.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) kind: RuleErrorKind,
}

/// `kind` at this node.
pub(crate) fn at(node: &Node, kind: RuleErrorKind) -> Located {
    Located { line: node.line, column: node.column, kind }
}

pub(crate) fn at_key(key: &Key, kind: RuleErrorKind) -> Located {
    Located { line: key.line, column: key.column, kind }
}

pub(crate) fn type_error(field: &str, expected: &'static str) -> RuleErrorKind {
    RuleErrorKind::Type { field: field.to_owned(), expected }
}

/// Reads the `detection` node, or that of a filter, and adds the conditions of the pipelines.
pub(crate) fn parse(node: &Node, pool: &mut Pool, rewrite: &Rewrite<'_>) -> Result<Expr, Located> {
    let Value::Map(entries) = &node.value else { return Err(at(node, type_error("detection", "a map"))) };
    let mut scope = Scope { pool, rewrite };
    let (mut names, mut searches, mut condition) = (Vec::new(), Vec::new(), None);
    for (key, value) in entries {
        match key.text.as_str() {
            "condition" => condition = Some(value),
            // Of a filter; of the aggregations that Sigma has no more.
            "rules" | "timeframe" => {}
            name => {
                names.push(name.to_owned());
                searches.push(scope.search(value)?);
            }
        }
    }
    let condition = condition.ok_or_else(|| at(node, RuleErrorKind::Missing("condition")))?;
    let texts: Vec<&Node> = match &condition.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![condition],
    };
    let mut alternatives = Vec::with_capacity(texts.len());
    for text in texts {
        let Value::Text(written) = &text.value else { return Err(at(text, type_error("condition", "a text"))) };
        let parsed = condition::parse(written, &names).map_err(|kind| at(text, kind))?;
        let mut parts_left = EXPR_PARTS_MAX;
        let too_large = || {
            let (value, max) = (EXPR_PARTS_MAX.saturating_add(1) as u64, EXPR_PARTS_MAX as u64);
            at(text, RuleErrorKind::Limit { what: "number of parts in a rule", value, max })
        };
        alternatives.push(resolve(&parsed, &searches, &mut parts_left).ok_or_else(too_large)?);
    }
    if alternatives.is_empty() {
        return Err(at(condition, type_error("condition", "a text")));
    }
    let mut all = vec![Expr::Any(alternatives)];
    let mut plain = Scope { pool, rewrite: &Rewrite::default() };
    for (added, negated) in rewrite.conditions() {
        let added = plain.search(added)?;
        all.push(if negated { Expr::Not(Box::new(added)) } else { added });
    }
    Ok(Expr::All(all).simplified())
}

/// The condition with its searches put in; `None` if it has too many parts.
fn resolve(condition: &Condition, searches: &[Expr], parts_left: &mut usize) -> Option<Expr> {
    let mut all =
        |items: &[Condition]| items.iter().map(|item| resolve(item, searches, parts_left)).collect::<Option<Vec<_>>>();
    match condition {
        Condition::Search(index) => {
            let expr = searches.get(*index)?;
            *parts_left = parts_left.checked_sub(expr.size())?;
            Some(expr.clone())
        }
        Condition::All(items) => all(items).map(Expr::All),
        Condition::Any(items) => all(items).map(Expr::Any),
        Condition::AtLeast(least, items) => Some(Expr::AtLeast(*least, all(items)?)),
        Condition::Not(inner) => Some(Expr::Not(Box::new(resolve(inner, searches, parts_left)?))),
    }
}

/// Where searches are read: the pool that they add to, and what pipelines make of names and placeholders.
struct Scope<'a> {
    pool: &'a mut Pool,
    rewrite: &'a Rewrite<'a>,
}

impl Scope<'_> {
    /// One search: a map of fields, a keyword, or a list of those.
    fn search(&mut self, node: &Node) -> Result<Expr, Located> {
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                let mut fields = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    fields.extend(self.field(key, value)?);
                }
                Ok(Expr::All(fields))
            }
            Value::List(items) if !items.is_empty() => {
                let is_keyword = |item: &&Node| !matches!(item.value, Value::Map(_) | Value::List(_));
                let keywords: Vec<&Node> = items.iter().filter(is_keyword).collect();
                let mut searches = Vec::new();
                if !keywords.is_empty() {
                    searches.push(self.values(EVERY_FIELD, &keywords, &Modifiers::default())?);
                }
                for item in items.iter().filter(|item| !is_keyword(item)) {
                    searches.push(self.search(item)?);
                }
                Ok(Expr::Any(searches))
            }
            Value::Map(_) | Value::List(_) => Err(at(node, type_error("search", "a map or list that is not empty"))),
            _ => self.values(EVERY_FIELD, &[node], &Modifiers::default()),
        }
    }

    /// What one entry of a map asks; `None` if a pipeline leaves it out.
    fn field(&mut self, key: &Key, node: &Node) -> Result<Option<Expr>, Located> {
        let mut words = key.text.split('|');
        let name = words.next().unwrap_or_default().trim();
        let modifiers = Modifiers::parse(words).map_err(|kind| at_key(key, kind))?;
        let values: Vec<&Node> = match &node.value {
            Value::List(items) if items.is_empty() => {
                return Err(at(node, type_error(name, "a value or a list of values")));
            }
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        if name == EVERY_FIELD {
            return self.values(EVERY_FIELD, &values, &modifiers).map(Some);
        }
        let names = self.rewrite.fields(name);
        let asked: Result<Vec<_>, _> = names.iter().map(|name| self.values(name, &values, &modifiers)).collect();
        let asked = asked?;
        Ok((!asked.is_empty()).then(|| Expr::Any(asked).simplified()))
    }

    /// That a field passes these values.
    fn values(&mut self, field: &str, values: &[&Node], modifiers: &Modifiers) -> Result<Expr, Located> {
        let mut each = Vec::with_capacity(values.len());
        for node in values {
            let located = |kind| at(node, kind);
            let mut tests = value::tests(field, node, modifiers, self.pool, self.rewrite).map_err(located)?;
            for test in &mut tests {
                if let Test::Field { other, .. } = test {
                    // A reference names a field as the rules do; a pipeline that splits it in two names the first.
                    let names = self.rewrite.fields(self.pool.name(*other));
                    *other = names.first().map_or(*other, |name| self.pool.field(name));
                }
            }
            if field == EVERY_FIELD {
                tests = tests
                    .into_iter()
                    .map(|test| keyword(test, modifiers))
                    .collect::<Result<_, _>>()
                    .map_err(located)?;
            }
            each.push(tests);
        }
        let asked = if modifiers.all {
            Expr::All(each.into_iter().map(|tests| Expr::Predicate(self.pool.predicate(field, tests))).collect())
        } else {
            Expr::Predicate(self.pool.predicate(field, each.into_iter().flatten().collect()))
        };
        if !modifiers.negated {
            return Ok(asked);
        }
        if field == EVERY_FIELD {
            return Ok(Expr::Not(Box::new(asked)));
        }
        let exists = Expr::Predicate(self.pool.predicate(field, vec![Test::Exists]));
        Ok(Expr::All(vec![exists, Expr::Not(Box::new(asked))]))
    }
}

/// The test of a keyword: its text stands anywhere in a value, unless it says where.
fn keyword(test: Test, modifiers: &Modifiers) -> Result<Test, RuleErrorKind> {
    let text = |text: String| Test::Text {
        pattern: crate::pattern::Pattern::literal(text).anywhere(),
        fold: modifiers.fold(),
    };
    match test {
        Test::Text { pattern, fold } if modifiers.operator == Operator::Plain => {
            Ok(Test::Text { pattern: value::placed(pattern, Place::Anywhere), fold })
        }
        Test::Text { .. } | Test::Regex(_) => Ok(test),
        Test::Int(number) => Ok(text(number.to_string())),
        Test::Bool(truth) => Ok(text(truth.to_string())),
        _ => Err(type_error("keyword", "a text or a whole number, with no modifier that needs a field")),
    }
}
