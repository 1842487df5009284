//! One value of a rule, as written, into the tests that look for it.
//!
//! Not the reading of modifiers. One written value may give several tests: placeholders and `base64offset` stand for more than one
//! text. Invariant: at most [`TESTS_MAX`] of them.

use crate::error::RuleErrorKind;
use crate::indicators::{IndicatorSet, Lookup};
use crate::modifier::{Encoding, Modifiers, Operator};
use crate::network_set;
use crate::pattern::{DASHES, Fold, Pattern};
use crate::pipeline::Rewrite;
use crate::pool::{Comparison, Number, Place, Pool, Test};
use crate::regexes;
use crate::yaml::{Node, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;

/// The most tests that one written value stands for.
const TESTS_MAX: usize = 10_000;

/// The tests, any of which passes what `node` asks of `field`.
pub(crate) fn tests(
    field: &str,
    node: &Node,
    modifiers: &Modifiers,
    pool: &mut Pool,
    rewrite: &Rewrite<'_>,
) -> Result<Vec<Test>, RuleErrorKind> {
    if modifiers.expand {
        let Value::Text(text) = &node.value else { return Err(type_error(field, "a text")) };
        let name = text.strip_prefix('%').and_then(|text| text.strip_suffix('%'));
        if let Some(set) = name.and_then(|name| rewrite.indicators(name)) {
            return Ok(vec![listed(set, modifiers, pool)?]);
        }
        let values = |name: &str| match (rewrite.placeholder(name), rewrite.indicators(name)) {
            (Some(values), _) => Ok(values),
            (None, Some(_)) => Err(RuleErrorKind::IndicatorUse(name.to_owned())),
            (None, None) => Err(RuleErrorKind::Placeholder(name.to_owned())),
        };
        let texts = expanded(text, &values)?;
        let mut found = Vec::new();
        for text in texts {
            found.extend(tests_of(field, &Value::Text(text), modifiers, pool)?);
        }
        return Ok(found);
    }
    tests_of(field, &node.value, modifiers, pool)
}

fn tests_of(field: &str, value: &Value, modifiers: &Modifiers, pool: &mut Pool) -> Result<Vec<Test>, RuleErrorKind> {
    let text = || value.scalar_text().ok_or_else(|| type_error(field, "a text"));
    let test = match &modifiers.operator {
        Operator::Plain if modifiers.encodings.is_empty() => plain(field, value, modifiers.fold())?,
        Operator::Plain => return encoded(&text()?, Place::Whole, modifiers),
        Operator::Text(place) if modifiers.encodings.is_empty() => {
            let pattern = placed(Pattern::parse(&text()?), *place);
            Test::Text { pattern, fold: modifiers.fold() }
        }
        Operator::Text(place) => return encoded(&text()?, *place, modifiers),
        Operator::Exists => match value {
            Value::Bool(true) => Test::Exists,
            Value::Bool(false) => Test::Absent,
            _ => return Err(type_error(field, "true or false")),
        },
        Operator::Compare(comparison) => Test::Compare(*comparison, number(field, value)?),
        Operator::Time(part, comparison) => Test::Time(*part, *comparison, number(field, value)?),
        Operator::Regex(flags) => Test::Regex(regexes::checked(&text()?, flags)?),
        Operator::Cidr => cidr(&text()?)?,
        Operator::Field(place) => {
            let other = pool.field(&text()?);
            Test::Field { other, place: *place, fold: modifiers.fold() }
        }
    };
    Ok(vec![test])
}

/// The question whether an indicator set has a value.
fn listed(set: &Arc<IndicatorSet>, modifiers: &Modifiers, pool: &mut Pool) -> Result<Test, RuleErrorKind> {
    let name = set.name();
    let lookup = match modifiers.operator {
        Operator::Plain => Lookup::Whole,
        Operator::Text(Place::End) => Lookup::Domain,
        Operator::Cidr => Lookup::Network,
        _ => return Err(RuleErrorKind::IndicatorUse(name.to_owned())),
    };
    if modifiers.fold() != Fold::Case || !modifiers.encodings.is_empty() {
        return Err(RuleErrorKind::IndicatorUse(name.to_owned()));
    }
    set.prepare(lookup).map_err(|value| {
        let (set, path) = (name.to_owned(), set.path().to_owned());
        RuleErrorKind::IndicatorValue { set, path, value }
    })?;
    Ok(Test::Listed(pool.set_id(set), lookup))
}

fn type_error(field: &str, expected: &'static str) -> RuleErrorKind {
    RuleErrorKind::Type { field: field.to_owned(), expected }
}

fn plain(field: &str, value: &Value, fold: Fold) -> Result<Test, RuleErrorKind> {
    match value {
        Value::Null => Ok(Test::Null),
        Value::Bool(b) => Ok(Test::Bool(*b)),
        Value::Int(i) => Ok(Test::Int(*i)),
        Value::Float(x) => Ok(Test::Compare(Comparison::Equal, Number::new(*x))),
        Value::Text(text) => Ok(Test::Text { pattern: Pattern::parse(text), fold }),
        Value::List(_) | Value::Map(_) => Err(type_error(field, "a value or a list of values")),
    }
}

fn number(field: &str, value: &Value) -> Result<Number, RuleErrorKind> {
    let number = match value {
        #[expect(clippy::cast_precision_loss, reason = "bounds above 2^53 are compared as the nearest float")]
        Value::Int(i) => *i as f64,
        Value::Float(x) => *x,
        Value::Text(text) => text.trim().parse().map_err(|_| type_error(field, "a number"))?,
        _ => return Err(type_error(field, "a number")),
    };
    Ok(Number::new(number))
}

/// The pattern at a place of a value.
pub(crate) fn placed(pattern: Pattern, place: Place) -> Pattern {
    match place {
        Place::Whole => pattern,
        Place::Anywhere => pattern.anywhere(),
        Place::Start => pattern.at_start(),
        Place::End => pattern.at_end(),
    }
}

/// The texts that a value stands for once it is encoded.
fn encoded(text: &str, place: Place, modifiers: &Modifiers) -> Result<Vec<Test>, RuleErrorKind> {
    let wrong = |reason| RuleErrorKind::Encoding { value: text.to_owned(), reason };
    let pattern = Pattern::parse(text);
    let plain = pattern.plain().ok_or_else(|| wrong("has a wildcard; escape it with `\\` if it is meant literally"))?;
    let mut texts: Vec<Vec<u8>> = if modifiers.windash() {
        dashed(plain).ok_or_else(|| wrong("has too many dashes"))?
    } else {
        vec![plain.as_bytes().to_vec()]
    };
    let mut place = place;
    for encoding in &modifiers.encodings {
        let mut next = Vec::with_capacity(texts.len());
        for bytes in &texts {
            if *encoding == Encoding::Base64Offset {
                let three = base64_offsets(bytes).ok_or_else(|| wrong("is too short: give two bytes or more"))?;
                next.extend(three);
            } else {
                next.push(
                    encode(bytes, *encoding).ok_or_else(|| wrong("is no text any more when it is encoded again"))?,
                );
            }
        }
        // What stands at an unknown offset is only ever found inside.
        if *encoding == Encoding::Base64Offset && place == Place::Whole {
            place = Place::Anywhere;
        }
        texts = next;
    }
    let fold = if modifiers.fold() == Fold::Exact || modifiers.fold() == Fold::Dash { Fold::Exact } else { Fold::Case };
    let test = |bytes: Vec<u8>| {
        let text =
            String::from_utf8(bytes).map_err(|_| wrong("is no text once encoded; add base64 or base64offset"))?;
        Ok(Test::Text { pattern: placed(Pattern::literal(text), place), fold })
    };
    texts.into_iter().map(test).collect()
}

fn encode(bytes: &[u8], encoding: Encoding) -> Option<Vec<u8>> {
    let units = || core::str::from_utf8(bytes).ok().map(|text| text.encode_utf16());
    Some(match encoding {
        Encoding::Utf16Le => units()?.flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => units()?.flat_map(u16::to_be_bytes).collect(),
        Encoding::Utf16 => [0xFF, 0xFE].into_iter().chain(units()?.flat_map(u16::to_le_bytes)).collect(),
        Encoding::Base64 | Encoding::Base64Offset => STANDARD.encode(bytes).into_bytes(),
    })
}

/// What is the same in every Base64 text that holds these bytes, for each offset from a group of three; `None` if nothing is.
fn base64_offsets(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::with_capacity(3);
    for (offset, start) in [(0_usize, 0_usize), (1, 2), (2, 3)] {
        let padded: Vec<u8> = core::iter::repeat_n(b' ', offset).chain(bytes.iter().copied()).collect();
        let text = STANDARD.encode(&padded).into_bytes();
        let cut = match padded.len().checked_rem(3) {
            Some(1) => 3,
            Some(2) => 2,
            _ => 0,
        };
        let end = text.len().checked_sub(cut)?;
        found.push(text.get(start..end).filter(|part| !part.is_empty())?.to_vec());
    }
    Some(found)
}

/// The text with each dash replaced by every dash; `None` if those are too many.
fn dashed(text: &str) -> Option<Vec<Vec<u8>>> {
    let mut texts = vec![String::new()];
    for c in text.chars() {
        if DASHES.contains(&c) {
            let with = |text: &String| DASHES.map(|dash| format!("{text}{dash}"));
            texts = texts.iter().flat_map(with).collect();
            if texts.len() > TESTS_MAX {
                return None;
            }
        } else {
            texts.iter_mut().for_each(|text| text.push(c));
        }
    }
    Some(texts.into_iter().map(String::into_bytes).collect())
}

/// The texts that one with placeholders stands for.
fn expanded(
    text: &str,
    values: &dyn Fn(&str) -> Result<Vec<String>, RuleErrorKind>,
) -> Result<Vec<String>, RuleErrorKind> {
    let mut texts = vec![String::new()];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        if let Some(before) = before.strip_suffix('\\') {
            texts.iter_mut().for_each(|text| *text = format!("{text}{before}%"));
            rest = after;
            continue;
        }
        let Some((name, after)) = after.split_once('%') else { break };
        let found = values(name)?;
        let total = texts.len().saturating_mul(found.len());
        if total > TESTS_MAX {
            let (value, max) = (total as u64, TESTS_MAX as u64);
            return Err(RuleErrorKind::Limit { what: "number of values behind placeholders", value, max });
        }
        let with = |text: &String| found.iter().map(|value| format!("{text}{before}{value}")).collect::<Vec<_>>();
        texts = texts.iter().flat_map(with).collect();
        rest = after;
    }
    texts.iter_mut().for_each(|text| text.push_str(rest));
    Ok(texts)
}

fn cidr(text: &str) -> Result<Test, RuleErrorKind> {
    let (address, length) = network_set::parse(text).ok_or_else(|| RuleErrorKind::Cidr(text.to_owned()))?;
    Ok(Test::Cidr(address, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modifiers(words: &str) -> Modifiers {
        Modifiers::parse(words.split('|')).unwrap_or_else(|e| panic!("{words}: {e}"))
    }

    fn texts(words: &str, value: &str) -> Vec<String> {
        let node = Node { line: 1, column: 1, value: Value::Text(value.to_owned()) };
        let tests = tests("f", &node, &modifiers(words), &mut Pool::default(), &Rewrite::default());
        let text = |test: Test| match test {
            Test::Text { pattern, .. } => format!("{:?}", pattern.shape()),
            other => format!("{other:?}"),
        };
        tests.unwrap_or_else(|e| panic!("{words} {value}: {e}")).into_iter().map(text).collect()
    }

    #[test]
    fn encodings_are_applied_in_their_order() {
        assert_eq!(texts("base64", "foobar"), [r#"Exact("Zm9vYmFy")"#]);
        assert_eq!(texts("wide|base64", "ab"), [r#"Exact("YQBiAA==")"#]);
        assert_eq!(texts("utf16|base64", "a"), [r#"Exact("//5hAA==")"#]);
        assert_eq!(texts("utf16be|contains", "ab"), [r#"Contains("\0a\0b")"#]);
        assert_eq!(texts("base64|contains", r"a\*b"), [r#"Contains("YSpi")"#]);
        let three = [r#"Contains("L2Jpbi9iYXNo")"#, r#"Contains("9iaW4vYmFza")"#, r#"Contains("vYmluL2Jhc2")"#];
        assert_eq!(texts("base64offset", "/bin/bash"), three);
        assert_eq!(texts("windash|base64", "-a").len(), 5);
    }

    #[test]
    fn every_text_around_a_value_holds_one_of_its_three_offsets() {
        for before in ["", "x", "xy", "xyz"] {
            for after in ["", "x", "xy"] {
                let whole = STANDARD.encode(format!("{before}secret!{after}"));
                let found = base64_offsets(b"secret!").unwrap_or_default();
                assert!(found.iter().any(|part| whole.contains(core::str::from_utf8(part).unwrap_or("?"))));
            }
        }
    }

    #[test]
    fn placeholders_stand_for_every_combination() {
        let unknown = |name: &str| RuleErrorKind::Placeholder(name.to_owned());
        let values =
            |name: &str| (name == "a").then(|| vec!["1".to_owned(), "2".to_owned()]).ok_or_else(|| unknown(name));
        assert_eq!(expanded("x%a%-%a%", &values), Ok(["x1-1", "x1-2", "x2-1", "x2-2"].map(str::to_owned).to_vec()));
        assert_eq!(expanded(r"\%b%a%", &values), Ok(vec!["%b1".to_owned(), "%b2".to_owned()]));
        assert_eq!(expanded("50% off", &values), Ok(vec!["50% off".to_owned()]));
        assert_eq!(expanded("%b%", &values), Err(RuleErrorKind::Placeholder("b".to_owned())));
    }
}
