//! One YAML document as a rule, before references between rules are resolved.
//!
//! Not the searches (that is `detection`). Unknown top-level fields are allowed, as Sigma says; fields with a meaning must have
//! the right type. The custom field `yagura` holds what Sigma has no place for: docs/rules.md.

use crate::baseline::{self, Baseline};
use crate::detection::{self, Located, at, type_error};
use crate::error::RuleErrorKind;
use crate::life::{self, Stage, Terms};
use crate::pipeline::Rewrite;
use crate::pool::{Expr, Pool};
use crate::rule::{Correlation, LogSource};
use crate::ruleset::Surroundings;
use crate::yaml::{Node, Value};
use sha2::{Digest, Sha256};
use yagura_columns::Text;
use yagura_model::Severity;

mod correlation;

/// The longest window, and the longest lateness, in µs: 31 days.
const TIMESPAN_MAX: i64 = 31 * 86_400_000_000;

/// A rule whose references are still names.
pub(crate) struct Document {
    pub(crate) line: u64,
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) title: Text,
    pub(crate) description: Text,
    pub(crate) what_to_do: Text,
    pub(crate) status: Option<String>,
    pub(crate) level: Severity,
    pub(crate) stage: Stage,
    pub(crate) owner: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) falsepositives: Vec<String>,
    pub(crate) logsource: LogSource,
    pub(crate) body: Body,
    pub(crate) digest: [u8; 32],
}

pub(crate) enum Body {
    Detection {
        expr: Expr,
        /// What its events are compared with, instead of being alerts.
        baseline: Option<Box<Baseline>>,
    },
    Correlation {
        correlation: Box<Correlation>,
        generate: Generate,
    },
    /// What must also hold for rules to match.
    Filter {
        targets: Targets,
        expr: Expr,
        terms: Terms,
    },
}

/// The rules that a filter narrows, if its log source covers theirs.
pub(crate) enum Targets {
    Any,
    Named(Vec<String>),
}

/// Whether the rules that a correlation counts raise alerts of their own.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Generate {
    Yes,
    No,
}

/// Reads one document.
pub(crate) fn parse(node: &Node, pool: &mut Pool, surroundings: &Surroundings) -> Result<Document, Located> {
    if !matches!(node.value, Value::Map(_)) {
        return Err(at(node, type_error("rule", "a map")));
    }
    let title = text(node, "title")?.ok_or_else(|| at(node, RuleErrorKind::Missing("title")))?;
    let extra = node.get("yagura");
    let own = |field| extra.map_or(Ok(None), |node| text(node, field));
    let mut logsource = logsource(node)?;
    let rewrite = Rewrite::new(surroundings, &mut logsource);
    let (body, meaning) = match (node.get("detection"), node.get("correlation"), node.get("filter")) {
        (Some(detection), None, None) => {
            let expr = detection::parse(detection, pool, &rewrite)?;
            (Body::Detection { expr, baseline: baseline::parse(extra)?.map(Box::new) }, detection)
        }
        (None, Some(correlation), None) => (correlation::parse(correlation, extra)?, correlation),
        (None, None, Some(filter)) => {
            let (expr, terms) = (detection::parse(filter, pool, &rewrite)?, life::terms(extra)?);
            (Body::Filter { targets: targets(filter)?, expr, terms }, filter)
        }
        (None, None, None) => return Err(at(node, RuleErrorKind::Missing("detection"))),
        (_, Some(both), _) => {
            return Err(at(both, type_error("correlation", "alone, without `detection` or `filter`")));
        }
        (_, None, Some(both)) => return Err(at(both, type_error("filter", "alone, without `detection`"))),
    };
    let baseline = extra.and_then(|extra| extra.get("baseline"));
    if let Some(baseline) = baseline.filter(|_| !matches!(body, Body::Detection { .. })) {
        return Err(at(baseline, type_error("baseline", "in a rule with `detection`")));
    }
    if !matches!(body, Body::Correlation { .. }) && node.get("logsource").is_none() {
        return Err(at(node, RuleErrorKind::Missing("logsource")));
    }
    let mut digest = Sha256::new();
    meaning.digest_into(&mut digest);
    rewrite.digest_into(&mut digest);
    match &body {
        Body::Detection { baseline: own, .. } => {
            life::no_terms(extra)?;
            if let Some(own) = own {
                baseline.into_iter().for_each(|node| node.digest_into(&mut digest));
                digest.update(own.lateness.to_be_bytes());
            }
        }
        Body::Correlation { correlation, .. } => {
            life::no_terms(extra)?;
            digest.update(correlation.lateness.to_be_bytes());
        }
        Body::Filter { terms, .. } => terms.expires.iter().for_each(|end| digest.update(end.0.to_be_bytes())),
    }
    Ok(Document {
        line: node.line,
        id: text(node, "id")?,
        name: text(node, "name")?,
        title: Text { ja: own("title_ja")?.unwrap_or_else(|| title.clone()), en: title },
        description: both(text(node, "description")?, own("description_ja")?),
        what_to_do: both(own("what_to_do")?, own("what_to_do_ja")?),
        status: text(node, "status")?,
        level: level(node)?,
        stage: if matches!(body, Body::Filter { .. }) { Stage::Live } else { life::stage(extra)? },
        owner: life::owner(extra)?,
        tags: texts(node, "tags")?,
        falsepositives: texts(node, "falsepositives")?,
        logsource,
        body,
        digest: digest.finalize().into(),
    })
}

/// A text in both languages; Japanese falls back to English.
fn both(en: Option<String>, ja: Option<String>) -> Text {
    let en = en.unwrap_or_default();
    Text { ja: ja.unwrap_or_else(|| en.clone()), en }
}

pub(crate) fn text(node: &Node, field: &str) -> Result<Option<String>, Located> {
    let Some(value) = node.get(field) else { return Ok(None) };
    match &value.value {
        Value::Null => Ok(None),
        _ => {
            value.scalar_text().map(|t| Some(t.trim().to_owned())).ok_or_else(|| at(value, type_error(field, "a text")))
        }
    }
}

pub(crate) fn texts(node: &Node, field: &str) -> Result<Vec<String>, Located> {
    let Some(value) = node.get(field) else { return Ok(Vec::new()) };
    let wrong = |node: &Node| at(node, type_error(field, "a list of texts"));
    match &value.value {
        Value::Null => Ok(Vec::new()),
        Value::List(items) => items.iter().map(|item| item.scalar_text().ok_or_else(|| wrong(item))).collect(),
        _ => Ok(vec![value.scalar_text().ok_or_else(|| wrong(value))?]),
    }
}

fn level(node: &Node) -> Result<Severity, Located> {
    let Some(value) = node.get("level") else { return Ok(Severity::Medium) };
    let levels = "informational, low, medium, high or critical";
    match value.scalar_text().unwrap_or_default().to_ascii_lowercase().as_str() {
        "informational" => Ok(Severity::Informational),
        "low" => Ok(Severity::Low),
        "medium" => Ok(Severity::Medium),
        "high" => Ok(Severity::High),
        "critical" => Ok(Severity::Critical),
        _ => Err(at(value, type_error("level", levels))),
    }
}

fn logsource(node: &Node) -> Result<LogSource, Located> {
    let Some(source) = node.get("logsource") else { return Ok(LogSource::default()) };
    if !matches!(source.value, Value::Map(_)) {
        return Err(at(source, type_error("logsource", "a map")));
    }
    log_source_fields(source)
}

/// The three parts of a log source that stand in this map.
pub(crate) fn log_source_fields(node: &Node) -> Result<LogSource, Located> {
    Ok(LogSource {
        product: text(node, "product")?,
        category: text(node, "category")?,
        service: text(node, "service")?,
    })
}

/// The rules of a filter: their ids or names, or `any`.
fn targets(filter: &Node) -> Result<Targets, Located> {
    let names = texts(filter, "rules")?;
    match names.as_slice() {
        [] => Err(at(filter, RuleErrorKind::Missing("rules"))),
        [any] if any == "any" => Ok(Targets::Any),
        _ => Ok(Targets::Named(names)),
    }
}

/// A time span in µs, at least `seconds_min`.
pub(crate) fn timespan(node: &Node, seconds_min: i64) -> Result<i64, Located> {
    span_up_to(node, seconds_min, TIMESPAN_MAX)
}

/// A time span in µs, at least `seconds_min` and at most `max` µs.
pub(crate) fn span_up_to(node: &Node, seconds_min: i64, max: i64) -> Result<i64, Located> {
    let written = node.scalar_text().unwrap_or_default();
    let wrong = || at(node, RuleErrorKind::Timespan(written.clone()));
    let unit = written.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    let number = written.strip_suffix(unit).unwrap_or_default();
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(seconds).filter(|s| *s >= seconds_min).ok_or_else(wrong)?;
    seconds.checked_mul(1_000_000).filter(|micros| *micros <= max).ok_or_else(wrong)
}
