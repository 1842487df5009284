//! What is wrong with rules, and what could be better, each with its place and the next step.
//!
//! Not a check of what rules match. Errors are those that keep a rule from loading ([`RuleError`]); warnings are features that Sigma
//! has given up, and habits that make rules hard to keep. Cost: the rules are read twice.

use crate::advice::{marked, nearest};
use crate::condition::{self, Condition};
use crate::error::RuleError;
use crate::facts::FACT_FIELDS;
use crate::modifier::{Modifiers, Operator};
use crate::rule::{LogSource, RuleFile};
use crate::ruleset::{RuleSet, Surroundings};
use crate::yaml::{self, Key, Node, Value};
use std::fmt::Write as _;
use yagura_model::UnixMicros;

mod life;

/// The longest title that Sigma allows, in characters.
const TITLE_CHARS_MAX: usize = 256;

/// Something to say about a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remark {
    /// The file.
    pub path: String,
    /// Line, from 1; 0 if it has no place.
    pub line: u64,
    /// Column, from 1; 0 if it has no place.
    pub column: u64,
    /// Whether the rule cannot be used.
    pub is_error: bool,
    /// What is wrong.
    pub message: String,
    /// The next step, if the message does not say it.
    pub advice: Option<String>,
}

impl Remark {
    /// The remark with the line that it is about. `text` is the file's text.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        let Self { path, line, column, message, .. } = self;
        let kind = if self.is_error { "error" } else { "warning" };
        let mut shown = format!("{path}:{line}:{column}: {kind}: {message}{}", marked(text, *line, *column));
        if let Some(advice) = &self.advice {
            let _ = write!(shown, "\n  = {advice}");
        }
        shown
    }
}

impl From<RuleError> for Remark {
    fn from(error: RuleError) -> Self {
        let RuleError { path, line, column, kind } = error;
        Self { path, line, column, is_error: true, message: kind.to_string(), advice: kind.advice() }
    }
}

/// All remarks on these rules, by file and place; `now` tells which exceptions are over.
#[must_use]
pub fn lint(files: &[RuleFile], surroundings: &Surroundings, now: UnixMicros) -> Vec<Remark> {
    let (_, errors) = RuleSet::parse_with(files, surroundings);
    let mut remarks: Vec<Remark> = errors.into_iter().map(Remark::from).collect();
    for file in files {
        let mut linter = Linter { path: &file.path, mapped: !surroundings.pipelines.is_empty(), remarks: &mut remarks };
        for node in yaml::documents(&file.text).unwrap_or_default() {
            linter.document(&node);
            linter.life(&node, now);
        }
    }
    remarks.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
    remarks
}

struct Linter<'a> {
    path: &'a str,
    mapped: bool,
    remarks: &'a mut Vec<Remark>,
}

impl Linter<'_> {
    fn warn(&mut self, (line, column): (u64, u64), message: impl Into<String>, advice: impl Into<Option<String>>) {
        let (path, message, advice) = (self.path.to_owned(), message.into(), advice.into());
        self.remarks.push(Remark { path, line, column, is_error: false, message, advice });
    }

    fn document(&mut self, node: &Node) {
        if let Some(action) = node.get("action") {
            let advice = "write the shared parts in each rule".to_owned();
            self.warn(place(action), "rule collections (`action`) are deprecated in Sigma", advice);
            return;
        }
        self.head(node);
        let names_fields = |source: &Node| {
            let product = source.get("product").and_then(Node::scalar_text).unwrap_or_default();
            product.eq_ignore_ascii_case(LogSource::VEHICLE)
        };
        let of_vehicle = !self.mapped && node.get("logsource").is_some_and(names_fields);
        if let Some(detection) = node.get("detection") {
            self.detection(detection, of_vehicle);
        }
        if let Some(baseline) = node.get("yagura").and_then(|own| own.get("baseline")).filter(|_| of_vehicle) {
            let fields = ["field", "group-by"].into_iter().filter_map(|key| baseline.get(key));
            let fields = fields.flat_map(|node| match &node.value {
                Value::List(items) => items.as_slice(),
                _ => core::slice::from_ref(node),
            });
            fields.for_each(|field| self.known_field(&field.scalar_text().unwrap_or_default(), place(field)));
        }
        if let Some(filter) = node.get("filter") {
            self.detection(filter, of_vehicle);
            let condition = filter.get("condition");
            let text = condition.and_then(Node::scalar_text).unwrap_or_default();
            if !text.split_whitespace().any(|word| word.eq_ignore_ascii_case("not")) {
                let advice = "write `condition: not selection` to leave out what the search finds".to_owned();
                let at = condition.map_or(place(filter), place);
                self.warn(at, "this filter keeps only events that its search finds", advice);
            }
        }
    }

    /// What stands beside the detection.
    fn head(&mut self, node: &Node) {
        let is_filter = node.get("filter").is_some();
        match node.get("id").map(|id| (id, id.scalar_text().unwrap_or_default())) {
            None => self.warn(
                place(node),
                "the rule has no `id`",
                "add a new UUID: it becomes part of every alert id".to_owned(),
            ),
            Some((id, text)) if !is_uuid(&text) => self.warn(place(id), format!("id `{text}` is no UUID"), None),
            Some(_) => {}
        }
        if node.get("description").is_none() {
            let advice = "say what it finds and why that matters".to_owned();
            self.warn(place(node), "the rule has no `description`", advice);
        }
        if node.get("level").is_none() && !is_filter {
            let advice = "add informational, low, medium, high or critical; without one it is medium".to_owned();
            self.warn(place(node), "the rule has no `level`", advice);
        }
        if let Some(title) = node.get("title")
            && title.scalar_text().is_some_and(|text| text.chars().count() > TITLE_CHARS_MAX)
        {
            self.warn(place(title), format!("the title is longer than {TITLE_CHARS_MAX} characters"), None);
        }
        if let Some(status) = node.get("status") {
            match status.scalar_text().unwrap_or_default().as_str() {
                "stable" | "test" | "experimental" => {}
                old @ ("deprecated" | "unsupported") => {
                    let advice = "take the rule out, or use the one that `related` names".to_owned();
                    self.warn(place(status), format!("the rule's status is `{old}`"), advice);
                }
                other => self.warn(
                    place(status),
                    format!("status `{other}` is not one of Sigma's"),
                    "use stable, test, experimental, deprecated or unsupported".to_owned(),
                ),
            }
        }
        for field in ["date", "modified"] {
            if let Some(date) = node.get(field)
                && date.scalar_text().is_some_and(|text| text.contains('/'))
            {
                self.warn(
                    place(date),
                    format!("`{field}` with slashes is deprecated in Sigma"),
                    "write YYYY-MM-DD".to_owned(),
                );
            }
        }
    }

    fn detection(&mut self, node: &Node, of_vehicle: bool) {
        let Value::Map(entries) = &node.value else { return };
        let searches: Vec<&(Key, Node)> = entries
            .iter()
            .filter(|(key, _)| !matches!(key.text.as_str(), "condition" | "timeframe" | "rules"))
            .collect();
        if let Some((key, _)) = entries.iter().find(|(key, _)| key.text == "timeframe") {
            let advice = "it does nothing; write a correlation with `timespan`".to_owned();
            self.warn((key.line, key.column), "`timeframe` is deprecated in Sigma", advice);
        }
        searches.iter().for_each(|(_, search)| self.search(search, of_vehicle));
        let names: Vec<String> = searches.iter().map(|(key, _)| key.text.clone()).collect();
        let Some(condition) = node.get("condition") else { return };
        let texts = match &condition.value {
            Value::List(items) => items.iter().filter_map(Node::scalar_text).collect(),
            _ => condition.scalar_text().into_iter().collect::<Vec<_>>(),
        };
        let mut used = Vec::new();
        for text in &texts {
            match condition::parse(text, &names) {
                Ok(condition) => searches_of(&condition, &mut used),
                Err(_) => return,
            }
        }
        for (index, (key, _)) in searches.iter().enumerate().filter(|(index, _)| !used.contains(index)) {
            let name = names.get(index).map_or("", String::as_str);
            self.warn((key.line, key.column), format!("search `{name}` is not in the condition"), None);
        }
    }

    fn search(&mut self, node: &Node, of_vehicle: bool) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.search(item, of_vehicle)),
            Value::Map(entries) => entries.iter().for_each(|(key, value)| self.field(key, value, of_vehicle)),
            _ => {}
        }
    }

    fn field(&mut self, key: &Key, value: &Node, of_vehicle: bool) {
        let mut words = key.text.split('|');
        let name = words.next().unwrap_or_default();
        let at = (key.line, key.column);
        let Ok(modifiers) = Modifiers::parse(words) else { return };
        let values: &[Node] = match &value.value {
            Value::List(items) => items,
            _ => core::slice::from_ref(value),
        };
        if modifiers.all && values.len() < 2 {
            self.warn(at, "`all` stands behind a single value", "leave `all` out".to_owned());
        }
        if let Some(null) = values.iter().find(|value| matches!(value.value, Value::Null)).filter(|_| values.len() > 1)
        {
            let advice = "give null a search of its own".to_owned();
            self.warn(place(null), "null stands in a list of values, which Sigma does not allow", advice);
        }
        if of_vehicle && !name.is_empty() {
            self.known_field(name, at);
        }
        for value in values.iter().filter(|_| of_vehicle && matches!(modifiers.operator, Operator::Field(_))) {
            if let Value::Text(other) = &value.value {
                self.known_field(other, place(value));
            }
        }
    }

    /// Vehicle rules ask about the columns of the table `events`.
    fn known_field(&mut self, name: &str, at: (u64, u64)) {
        let schema = yagura_columns::events_schema();
        let known = || schema.fields().iter().map(|field| field.name().as_str()).chain(FACT_FIELDS);
        if known().any(|known| known == name) {
            return;
        }
        let near = nearest(name, known());
        let advice =
            near.map_or_else(|| "docs/rules.md lists the fields".to_owned(), |near| format!("did you mean `{near}`?"));
        self.warn(at, format!("field `{name}` is not in the events of vehicles"), advice);
    }
}

const fn place(node: &Node) -> (u64, u64) {
    (node.line, node.column)
}

fn searches_of(condition: &Condition, used: &mut Vec<usize>) {
    match condition {
        Condition::Search(index) => used.push(*index),
        Condition::All(items) | Condition::Any(items) | Condition::AtLeast(_, items) => {
            items.iter().for_each(|item| searches_of(item, used));
        }
        Condition::Not(inner) => searches_of(inner, used),
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
