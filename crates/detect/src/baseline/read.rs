//! The `baseline` of a rule's `yagura:` block, as written.
//!
//! Not the detection beside it. Invariants: the past is at most 31 days and at least an hour, and is not cut into more than
//! [`SPANS_MAX`] spans; the warm-up is no longer than the past, so that the past decides alone.

use super::{Baseline, Compares, DAY, Values};
use crate::detection::{Located, at, type_error};
use crate::document::{text, texts, timespan};
use crate::error::RuleErrorKind;
use crate::yaml::{Node, Value};

/// How late an event may be if the rule does not say: 10 minutes.
const LATENESS_DEFAULT: i64 = 600_000_000;
/// The shortest past.
const HISTORY_SECONDS_MIN: i64 = 3_600;
/// The most spans that a past is cut into: a month of hours.
const SPANS_MAX: i64 = 744;
/// The most fields to group by.
const GROUP_FIELDS_MAX: usize = 8;
/// The largest number of events that a baseline may wait for, and the largest factor.
const AT_LEAST_MAX: u32 = 1_000_000;
const FACTOR_MAX: u32 = 1_000;
/// What a share is counted in.
const MILLIONTHS: f64 = 1_000_000.0;

const SHARED: [&str; 4] = ["type", "group-by", "history", "warm-up"];
const OF_FIRST_SEEN: [&str; 2] = ["field", "prefix"];
const OF_RARE: [&str; 4] = ["field", "prefix", "share", "at-least"];
const OF_RATE: [&str; 3] = ["span", "factor", "at-least"];

/// Reads the baseline of the custom field `yagura`, if it has one.
pub(crate) fn parse(extra: Option<&Node>) -> Result<Option<Baseline>, Located> {
    let Some(node) = extra.and_then(|extra| extra.get("baseline")) else { return Ok(None) };
    let Value::Map(entries) = &node.value else { return Err(at(node, type_error("baseline", "a map"))) };
    let kind = text(node, "type")?.ok_or_else(|| at(node, RuleErrorKind::Missing("baseline.type")))?;
    let own: &[&str] = match kind.as_str() {
        "first_seen" => &OF_FIRST_SEEN,
        "rare" => &OF_RARE,
        "rate" => &OF_RATE,
        _ => {
            let place = node.get("type").unwrap_or(node);
            return Err(at(place, type_error("baseline.type", "first_seen, rare or rate")));
        }
    };
    if let Some((key, _)) = entries.iter().find(|(key, _)| !SHARED.iter().chain(own).any(|known| *known == key.text)) {
        let known = match kind.as_str() {
            "first_seen" => "type, field, prefix, group-by, history and warm-up for first_seen",
            "rare" => "type, field, prefix, share, at-least, group-by, history and warm-up for rare",
            _ => "type, span, factor, at-least, group-by, history and warm-up for rate",
        };
        let kind = RuleErrorKind::UnknownKey { key: format!("baseline.{}", key.text), known };
        return Err(Located { line: key.line, column: key.column, kind });
    }
    let history = needed(node, "history", "baseline.history")?;
    let warm_up = needed(node, "warm-up", "baseline.warm-up")?;
    let span_of = |node: &Node| timespan(node, 1);
    let baseline = Baseline {
        compares: compares(node, &kind)?,
        group_by: group_by(node)?,
        history: timespan(history, HISTORY_SECONDS_MIN)?,
        warm_up: span_of(warm_up)?,
        lateness: match extra.and_then(|extra| extra.get("lateness")) {
            Some(value) => timespan(value, 0)?,
            None => LATENESS_DEFAULT,
        },
    };
    if baseline.warm_up > baseline.history {
        return Err(at(warm_up, type_error("baseline.warm-up", "no longer than baseline.history")));
    }
    match baseline.compares {
        Compares::Rare { .. } if baseline.history.checked_rem(DAY) != Some(0) => {
            Err(at(history, type_error("baseline.history", "whole days for rare: values are counted by day")))
        }
        Compares::Rate { span, .. } => check_spans(history, baseline.history, span).map(|()| Some(baseline)),
        _ => Ok(Some(baseline)),
    }
}

fn needed<'n>(node: &'n Node, key: &str, name: &'static str) -> Result<&'n Node, Located> {
    node.get(key).ok_or_else(|| at(node, RuleErrorKind::Missing(name)))
}

fn group_by(node: &Node) -> Result<Vec<String>, Located> {
    let fields = texts(node, "group-by")?;
    let (what, value, max) = ("number of fields in group-by", fields.len() as u64, GROUP_FIELDS_MAX as u64);
    if value > max { Err(at(node, RuleErrorKind::Limit { what, value, max })) } else { Ok(fields) }
}

fn compares(node: &Node, kind: &str) -> Result<Compares, Located> {
    let at_least = || {
        let place = needed(node, "at-least", "baseline.at-least")?;
        whole(place, "baseline.at-least", (1, AT_LEAST_MAX), "a whole number from 1 to 1,000,000")
    };
    Ok(match kind {
        "first_seen" => Compares::FirstSeen(values(node)?),
        "rare" => Compares::Rare { values: values(node)?, millionths: share(node)?, at_least: at_least()? },
        _ => {
            let factor = needed(node, "factor", "baseline.factor")?;
            let span = timespan(needed(node, "span", "baseline.span")?, 1)?;
            let factor = whole(factor, "baseline.factor", (1, FACTOR_MAX), "a whole number from 1 to 1,000")?;
            Compares::Rate { span, factor, at_least: at_least()? }
        }
    })
}

fn values(node: &Node) -> Result<Values, Located> {
    let field = text(node, "field")?.ok_or_else(|| at(node, RuleErrorKind::Missing("baseline.field")))?;
    let expected = "a number of bits from 8 to 32; twice as many are meant for IPv6";
    let bits = |node: &Node| {
        let bits = whole(node, "baseline.prefix", (8, 32), expected)?;
        u8::try_from(bits).map_err(|_| at(node, type_error("baseline.prefix", expected)))
    };
    Ok(Values { field, prefix: node.get("prefix").map(bits).transpose()? })
}

fn whole(node: &Node, field: &str, (min, max): (u32, u32), expected: &'static str) -> Result<u32, Located> {
    let Value::Int(number) = node.value else { return Err(at(node, type_error(field, expected))) };
    let fits = u32::try_from(number).ok().filter(|number| (min..=max).contains(number));
    fits.ok_or_else(|| at(node, type_error(field, expected)))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a million")]
fn share(node: &Node) -> Result<u32, Located> {
    let node = needed(node, "share", "baseline.share")?;
    match node.value {
        Value::Float(share) if share * MILLIONTHS >= 1.0 && share <= 0.5 => Ok((share * MILLIONTHS).round() as u32),
        _ => Err(at(node, type_error("baseline.share", "a number from 0.000001 to 0.5"))),
    }
}

fn check_spans(node: &Node, history: i64, span: i64) -> Result<(), Located> {
    match history.checked_div(span) {
        Some(1..=SPANS_MAX) if history.checked_rem(span) == Some(0) => Ok(()),
        Some(spans) if spans > SPANS_MAX => {
            let (value, max) = (spans.unsigned_abs(), SPANS_MAX.unsigned_abs());
            Err(at(node, RuleErrorKind::Limit { what: "number of spans in baseline.history", value, max }))
        }
        _ => Err(at(node, type_error("baseline.history", "one or more whole spans"))),
    }
}
