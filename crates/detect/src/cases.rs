//! The tests that stand beside rules: events that must, or must not, make a rule fire (rules/tests/*.yml; docs/rules.md).
//!
//! Not unit tests of this crate. A case states events; it is run over all rules at once, in one batch and again row by row, and
//! says how many alerts the rule in question must raise. Invariant: a case that cannot be read is an error, never a pass.

use crate::detection::{Located, at};
use crate::engine::Engine;
use crate::error::{BatchError, RuleError, RuleErrorKind};
use crate::hit::Hit;
use crate::rule::AlertId;
use crate::ruleset::RuleSet;
use crate::yaml::{self, Node, Value};
use arrow::record_batch::RecordBatch;
use std::collections::HashMap;

mod rows;

/// The most events of one case.
pub const CASE_EVENTS_MAX: usize = 100_000;

/// The tests of one rule.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// The file, as the caller named it.
    pub path: String,
    /// Id of the rule.
    pub rule: String,
    /// Its tests.
    pub cases: Vec<Case>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows, as a sentence.
    pub name: String,
    /// How many alerts the rule must raise; 0 for a negative case.
    pub alerts: usize,
    /// How many events all these alerts together must count, if the case says so.
    pub count: Option<u64>,
    /// Its events: rows of [`yagura_columns::events_schema`].
    pub events: RecordBatch,
}

/// Why a case fails.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CaseFailure {
    /// The rule is not in the set.
    #[error("rule `{0}` is not in the rule set")]
    UnknownRule(String),
    /// Another number of alerts.
    #[error("raised {found} alerts, expected {expected}")]
    Alerts {
        /// What the case says.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// Another number of events.
    #[error("counted {found} events, expected {expected}")]
    Count {
        /// What the case says.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// One batch and single rows gave different alerts. A mistake of the engine.
    #[error("the result depends on how events are cut into batches")]
    Cut,
    /// The events are no batch. A mistake of this module.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl CaseFile {
    /// Reads the tests of one rule.
    ///
    /// # Errors
    /// [`RuleError`] with the place of the mistake.
    pub fn parse(path: &str, text: &str) -> Result<Self, RuleError> {
        let error = |located: Located| {
            let Located { line, column, kind } = located;
            RuleError { path: path.to_owned(), line, column, kind }
        };
        let documents = yaml::documents(text)
            .map_err(|e| error(Located { line: e.line, column: e.column, kind: RuleErrorKind::Yaml(e.message) }))?;
        let missing = |field| RuleErrorKind::Missing(field);
        let node = documents.first().ok_or_else(|| error(Located { line: 0, column: 0, kind: missing("rule") }))?;
        let rule = node.get("rule").and_then(Node::scalar_text).ok_or_else(|| error(at(node, missing("rule"))))?;
        let Some(Value::List(items)) = node.get("cases").map(|n| &n.value) else {
            return Err(error(at(node, missing("cases"))));
        };
        let cases: Result<_, _> = items.iter().map(|item| case(item).map_err(error)).collect();
        Ok(Self { path: path.to_owned(), rule, cases: cases? })
    }
}

fn case(node: &Node) -> Result<Case, Located> {
    let missing = |field| at(node, RuleErrorKind::Missing(field));
    let whole = |field: &'static str| match node.get(field) {
        None => Ok(None),
        Some(Node { value: Value::Int(i), .. }) => Ok(u64::try_from(*i).ok()),
        Some(other) => Err(at(other, RuleErrorKind::Type { field: field.to_owned(), expected: "a whole number" })),
    };
    let alerts = whole("alerts")?.ok_or_else(|| missing("alerts"))?;
    let Some(Value::List(events)) = node.get("events").map(|n| &n.value) else { return Err(missing("events")) };
    Ok(Case {
        name: node.get("name").and_then(Node::scalar_text).ok_or_else(|| missing("name"))?,
        alerts: usize::try_from(alerts).unwrap_or(usize::MAX),
        count: whole("count")?,
        events: rows::batch(node, events)?,
    })
}

impl Case {
    /// Runs the case for the rule of this id.
    ///
    /// # Errors
    /// [`CaseFailure`] that says what came instead.
    pub fn run(&self, set: &RuleSet, rule: &str) -> Result<(), CaseFailure> {
        if set.rule(rule).is_none() {
            return Err(CaseFailure::UnknownRule(rule.to_owned()));
        }
        let whole = alerts(set, rule, std::iter::once(self.events.clone()))?;
        let single = alerts(set, rule, (0..self.events.num_rows()).map(|row| self.events.slice(row, 1)))?;
        if whole != single {
            return Err(CaseFailure::Cut);
        }
        if whole.len() != self.alerts {
            return Err(CaseFailure::Alerts { expected: self.alerts, found: whole.len() });
        }
        let found = whole.values().copied().fold(0, u64::saturating_add);
        match self.count {
            Some(expected) if expected != found => Err(CaseFailure::Count { expected, found }),
            _ => Ok(()),
        }
    }
}

/// The alerts of one rule and how many events each counts.
fn alerts(
    set: &RuleSet,
    rule: &str,
    batches: impl Iterator<Item = RecordBatch>,
) -> Result<HashMap<AlertId, u64>, BatchError> {
    let mut engine = Engine::new(set.clone());
    let mut alerts: HashMap<AlertId, u64> = HashMap::new();
    let mut add = |hits: Vec<Hit>| {
        for hit in hits.into_iter().filter(|hit| hit.rule == rule) {
            let count = alerts.entry(hit.alert).or_default();
            *count = count.saturating_add(hit.count);
        }
    };
    for batch in batches {
        add(engine.process(&batch)?);
    }
    add(engine.finish());
    Ok(alerts)
}
