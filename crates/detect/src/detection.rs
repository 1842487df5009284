//! The `detection` part of a rule: searches made of fields, modifiers and values, joined by the condition.
//!
//! Not correlations. Maps mean "and", lists mean "or" (`|all` turns a list of values into "and"). Supported modifiers: contains,
//! startswith, endswith, all, cased, re (with i, m, s), cidr, exists, gt, gte, lt, lte; any other is refused by name.

use crate::condition::{self, Condition};
use crate::error::{RuleErrorKind, Unsupported};
use crate::pattern::Pattern;
use crate::pool::{Case, Comparison, Expr, Number, Pool, Test};
use crate::yaml::{Key, Node, Value};
use core::net::IpAddr;

/// The most parts of one rule's expression.
const EXPR_PARTS_MAX: usize = 65_536;
/// The most memory of one compiled regular expression, in bytes.
pub(crate) const REGEX_BYTES_MAX: usize = 8 << 20;

/// An error and where it stands.
pub(crate) struct Located {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) kind: RuleErrorKind,
}

/// `kind` at this node.
pub(crate) fn at(node: &Node, kind: RuleErrorKind) -> Located {
    Located { line: node.line, column: node.column, kind }
}

fn at_key(key: &Key, kind: RuleErrorKind) -> Located {
    Located { line: key.line, column: key.column, kind }
}

fn type_error(field: &str, expected: &'static str) -> RuleErrorKind {
    RuleErrorKind::Type { field: field.to_owned(), expected }
}

/// Reads the `detection` node.
pub(crate) fn parse(node: &Node, pool: &mut Pool) -> Result<Expr, Located> {
    let Value::Map(entries) = &node.value else { return Err(at(node, type_error("detection", "a map"))) };
    let (mut names, mut searches, mut condition) = (Vec::new(), Vec::new(), None);
    for (key, value) in entries {
        match key.text.as_str() {
            "condition" => condition = Some(value),
            "timeframe" => return Err(at_key(key, RuleErrorKind::Unsupported(Unsupported::Aggregation))),
            name => {
                names.push(name.to_owned());
                searches.push(search(value, pool)?);
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
    Ok(Expr::Any(alternatives).simplified())
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
        Condition::Not(inner) => Some(Expr::Not(Box::new(resolve(inner, searches, parts_left)?))),
    }
}

/// One search: a map of fields, or a list of such maps.
fn search(node: &Node, pool: &mut Pool) -> Result<Expr, Located> {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            let fields: Result<Vec<_>, _> = entries.iter().map(|(key, value)| field(key, value, pool)).collect();
            Ok(Expr::All(fields?))
        }
        Value::List(items) if !items.is_empty() => {
            let searches: Result<Vec<_>, _> = items.iter().map(|item| search(item, pool)).collect();
            Ok(Expr::Any(searches?))
        }
        Value::Map(_) | Value::List(_) => Err(at(node, type_error("search", "a map or list that is not empty"))),
        _ => Err(at(node, RuleErrorKind::Unsupported(Unsupported::Keywords))),
    }
}

/// What a field's modifiers ask for.
#[derive(Default)]
struct Modifiers {
    all: bool,
    cased: bool,
    place: Option<Place>,
    flags: String,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    Contains,
    Starts,
    Ends,
    Regex,
    Cidr,
    Exists,
    Compare(Comparison),
}

fn field(key: &Key, node: &Node, pool: &mut Pool) -> Result<Expr, Located> {
    let mut words = key.text.split('|');
    let name = words.next().unwrap_or_default();
    let modifiers = modifiers(words).map_err(|kind| at_key(key, kind))?;
    if name.is_empty() {
        return Err(at_key(key, RuleErrorKind::Unsupported(Unsupported::Keywords)));
    }
    let values: Vec<&Node> = match &node.value {
        Value::List(items) if items.is_empty() => {
            return Err(at(node, type_error(name, "a value or a list of values")));
        }
        Value::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let mut tests = Vec::with_capacity(values.len());
    for value in values {
        tests.push(test(name, value, &modifiers).map_err(|kind| at(value, kind))?);
    }
    if modifiers.all {
        let each = tests.into_iter().map(|test| Expr::Predicate(pool.predicate(name, vec![test])));
        return Ok(Expr::All(each.collect()));
    }
    Ok(Expr::Predicate(pool.predicate(name, tests)))
}

fn modifiers<'a>(words: impl Iterator<Item = &'a str>) -> Result<Modifiers, RuleErrorKind> {
    let mut modifiers = Modifiers::default();
    let mut placed = "";
    for word in words {
        let place = match word {
            "all" => {
                modifiers.all = true;
                continue;
            }
            "cased" => {
                modifiers.cased = true;
                continue;
            }
            "i" | "m" | "s" if modifiers.place == Some(Place::Regex) => {
                modifiers.flags.push_str(word);
                continue;
            }
            "contains" => Place::Contains,
            "startswith" => Place::Starts,
            "endswith" => Place::Ends,
            "re" => Place::Regex,
            "cidr" => Place::Cidr,
            "exists" => Place::Exists,
            "gt" => Place::Compare(Comparison::Greater),
            "gte" => Place::Compare(Comparison::GreaterOrEqual),
            "lt" => Place::Compare(Comparison::Less),
            "lte" => Place::Compare(Comparison::LessOrEqual),
            other => return Err(RuleErrorKind::Unsupported(Unsupported::Modifier(other.to_owned()))),
        };
        if modifiers.place.is_some() {
            return Err(RuleErrorKind::ModifierConflict { first: placed.to_owned(), second: word.to_owned() });
        }
        (modifiers.place, placed) = (Some(place), word);
    }
    Ok(modifiers)
}

/// The test for one value as written.
fn test(field: &str, node: &Node, modifiers: &Modifiers) -> Result<Test, RuleErrorKind> {
    let Some(place) = modifiers.place else { return plain(field, &node.value, modifiers) };
    let text = node.scalar_text();
    match place {
        Place::Exists => match node.value {
            Value::Bool(true) => Ok(Test::Present),
            Value::Bool(false) => Ok(Test::Null),
            _ => Err(type_error(field, "true or false")),
        },
        Place::Compare(comparison) => match node.value {
            #[expect(clippy::cast_precision_loss, reason = "bounds above 2^53 are compared as the nearest float")]
            Value::Int(i) => Ok(Test::Compare(comparison, Number::new(i as f64))),
            Value::Float(x) => Ok(Test::Compare(comparison, Number::new(x))),
            _ => Err(type_error(field, "a number")),
        },
        Place::Regex => regex(&text.ok_or_else(|| type_error(field, "a text"))?, &modifiers.flags),
        Place::Cidr => cidr(&text.ok_or_else(|| type_error(field, "a text"))?),
        Place::Contains | Place::Starts | Place::Ends => {
            let pattern = Pattern::parse(&text.ok_or_else(|| type_error(field, "a text"))?);
            let pattern = match place {
                Place::Contains => pattern.anywhere(),
                Place::Starts => pattern.at_start(),
                _ => pattern.at_end(),
            };
            Ok(Test::Text { pattern, case: case(modifiers) })
        }
    }
}

fn plain(field: &str, value: &Value, modifiers: &Modifiers) -> Result<Test, RuleErrorKind> {
    match value {
        Value::Null => Ok(Test::Null),
        Value::Bool(b) => Ok(Test::Bool(*b)),
        Value::Int(i) => Ok(Test::Int(*i)),
        Value::Float(x) => Ok(Test::Compare(Comparison::Equal, Number::new(*x))),
        Value::Text(text) => Ok(Test::Text { pattern: Pattern::parse(text), case: case(modifiers) }),
        Value::List(_) | Value::Map(_) => Err(type_error(field, "a value or a list of values")),
    }
}

const fn case(modifiers: &Modifiers) -> Case {
    if modifiers.cased { Case::Sensitive } else { Case::Insensitive }
}

fn regex(pattern: &str, flags: &str) -> Result<Test, RuleErrorKind> {
    let source = if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") };
    let built = regex::RegexBuilder::new(&source).size_limit(REGEX_BYTES_MAX).build();
    match built {
        Ok(_) => Ok(Test::Regex(source)),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(RuleErrorKind::Regex { pattern: pattern.to_owned(), reason })
        }
    }
}

fn cidr(text: &str) -> Result<Test, RuleErrorKind> {
    let wrong = || RuleErrorKind::Cidr(text.to_owned());
    let (address, length) = text.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let length: u8 = length.parse().map_err(|_| wrong())?;
    let max = if address.is_ipv4() { 32 } else { 128 };
    if length <= max { Ok(Test::Cidr(address, length)) } else { Err(wrong()) }
}
