//! What a rule needs, in words: whose events, which fields, how its questions are answered, what a correlation holds, and what would
//! make it slow.
//!
//! Not a measurement (`cost`, and the hunts of the server) and not a lint. It is read off the compiled rule, after pipelines and with
//! its exceptions, so it says what is done and not what was meant. Cost: nothing that is worth a word.

use crate::groups::Limits;
use crate::pattern::Shape;
use crate::pool::{EVERY_FIELD, Test};
use crate::regexes;
use crate::rule::{Correlation, CorrelationCondition, Counts, Rule, RuleKind};
use crate::ruleset::{Program, RuleSet};
use crate::window::Entry;

/// Bytes of a group with one event, its entry in the index included.
const GROUP_BYTES: usize = 90;

/// How the values of a field are tried for a question, the cheapest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Tried {
    /// One look-up, however many rules ask.
    LookedUp,
    /// In one pass over the value, together with all other literals of the field.
    InOnePass,
    /// Only where a text was seen that it needs.
    WhereTextIsSeen,
    /// On every value of the field: what it costs grows with the values.
    OnEveryValue,
}

/// What a rule asks of one field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The field as events have it; empty if it is every field.
    pub field: String,
    /// How many values, patterns or bounds.
    pub tests: usize,
    /// How the dearest of them is tried.
    pub tried: Tried,
    /// Texts of which a value must hold one before the dearest is tried.
    pub needs: Vec<String>,
}

/// What a rule needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// Its id.
    pub rule: String,
    /// Its title.
    pub title: String,
    /// What it asks of fields, exceptions included; empty for a correlation.
    pub questions: Vec<Question>,
    /// Ids of the exceptions that narrow it.
    pub exceptions: Vec<String>,
    /// The most bytes that one group of a correlation takes; `None` for a rule that holds nothing.
    pub group_bytes_max: Option<usize>,
    /// All of it in words, a sentence a line.
    pub words: Vec<String>,
    /// What would make it slow, a sentence each.
    pub slow: Vec<String>,
}

/// What a rule of a set needs.
#[must_use]
pub fn explain(set: &RuleSet, rule: &Rule) -> Explanation {
    let index = set.rules.iter().position(|it| it.id == rule.id).unwrap_or(usize::MAX);
    let questions = questions(set, index);
    let exceptions = match set.programs.get(index) {
        Some(Program::Match { narrowed, .. }) => narrowed.iter().filter_map(|at| set.exceptions.get(*at)).collect(),
        _ => Vec::new(),
    };
    let mut words = vec![whose(rule)];
    let (mut slow, mut group_bytes_max) = (Vec::new(), None);
    for question in &questions {
        words.push(asks(question));
        slow.extend(dear(question));
    }
    words.extend(looked_up(set, index));
    words.extend(exceptions.iter().map(|it| {
        let end = if it.expires.is_some() { "until it expires" } else { "for ever" };
        format!("The exception “{}” hides some of its matches, {end}.", it.title)
    }));
    if let RuleKind::Correlation(correlation) = &rule.kind {
        let entries = Limits::default().group_entries_max.max(correlation.least_kept().saturating_mul(2));
        let bytes = GROUP_BYTES.saturating_add(entries.saturating_mul(size_of::<Entry>()));
        group_bytes_max = Some(bytes);
        words.extend(counts(set, correlation, (entries, bytes)));
        slow.extend(dear_correlation(correlation));
    }
    words.push(if rule.alerts {
        "Its matches are alerts.".to_owned()
    } else {
        "It raises no alerts of its own: a correlation counts it.".to_owned()
    });
    let exceptions = exceptions.iter().map(|it| it.id.clone()).collect();
    let (rule, title) = (rule.id.clone(), rule.title.en.clone());
    Explanation { rule, title, questions, exceptions, group_bytes_max, words, slow }
}

fn whose(rule: &Rule) -> String {
    if matches!(rule.kind, RuleKind::Correlation(_)) {
        return "It looks at no event itself.".to_owned();
    }
    let also = [("category", &rule.logsource.category), ("service", &rule.logsource.service)];
    let also: Vec<String> = also.iter().filter_map(|(what, it)| Some(format!("{what} `{}`", it.as_ref()?))).collect();
    let note =
        if also.is_empty() { String::new() } else { format!(" ({} is for people and pipelines)", also.join(", ")) };
    match &rule.logsource.product {
        Some(product) => format!("It looks at the events of product `{product}`{note}."),
        None => format!("On a server it rests: its log source names no product{note}."),
    }
}

fn questions(set: &RuleSet, rule: usize) -> Vec<Question> {
    let mut ids = Vec::new();
    set.each_predicate(rule, |id| {
        if !ids.contains(&id) {
            ids.push(id);
        }
    });
    let mut questions: Vec<Question> = Vec::new();
    for predicate in ids.iter().filter_map(|id| set.pool.predicates.get(id.0 as usize)) {
        let field = set.pool.name(predicate.field).to_owned();
        for (tried, needs) in predicate.tests.iter().map(tried) {
            match questions.iter_mut().find(|known| known.field == field) {
                None => questions.push(Question { field: field.clone(), tests: 1, tried, needs }),
                Some(known) => {
                    known.tests = known.tests.saturating_add(1);
                    if tried > known.tried {
                        (known.tried, known.needs) = (tried, needs);
                    }
                }
            }
        }
    }
    questions
}

fn tried(test: &Test) -> (Tried, Vec<String>) {
    match test {
        Test::Regex(source) => match regexes::needed(source) {
            Some(texts) => (Tried::WhereTextIsSeen, texts),
            None => (Tried::OnEveryValue, Vec::new()),
        },
        Test::Text { pattern, fold } => match pattern.folded(*fold).shape() {
            Shape::Anything | Shape::Exact(_) => (Tried::LookedUp, Vec::new()),
            Shape::Prefix(_) | Shape::Suffix(_) | Shape::Contains(_) => (Tried::InOnePass, Vec::new()),
            Shape::Glob("") => (Tried::OnEveryValue, Vec::new()),
            Shape::Glob(longest) => (Tried::WhereTextIsSeen, vec![longest.to_owned()]),
        },
        Test::Field { .. } | Test::Cidr(..) | Test::Time(..) => (Tried::OnEveryValue, Vec::new()),
        Test::Listed(..)
        | Test::Null
        | Test::Absent
        | Test::Exists
        | Test::Int(_)
        | Test::Bool(_)
        | Test::Compare(..) => (Tried::LookedUp, Vec::new()),
    }
}

/// The indicator sets that a rule asks.
fn looked_up(set: &RuleSet, rule: usize) -> Vec<String> {
    let mut words = Vec::new();
    set.each_predicate(rule, |id| {
        let Some(predicate) = set.pool.predicates.get(id.0 as usize) else { return };
        for test in &predicate.tests {
            let Test::Listed(id, _) = test else { continue };
            let (Some(listed), field) = (set.pool.set(*id), set.pool.name(predicate.field)) else { continue };
            let (name, values, path) = (listed.name(), listed.len(), listed.path());
            words.push(format!("It looks `{field}` up in the indicator set `{name}` ({values} values, {path})."));
        }
    });
    words.dedup();
    words
}

fn named(field: &str) -> String {
    if field == EVERY_FIELD { "every field".to_owned() } else { format!("`{field}`") }
}

fn asks(question: &Question) -> String {
    let Question { field, tests, tried, needs } = question;
    let tests = if *tests == 1 { "one test".to_owned() } else { format!("{tests} tests") };
    let how = match tried {
        Tried::LookedUp => "answered by a look-up".to_owned(),
        Tried::InOnePass => "found in one pass with all other rules’ texts".to_owned(),
        Tried::WhereTextIsSeen => {
            let texts: Vec<String> = needs.iter().take(4).map(|text| format!("`{text}`")).collect();
            let more = if needs.len() > 4 { ", …" } else { "" };
            format!("tried only on values that hold {}{more}", texts.join(" or "))
        }
        Tried::OnEveryValue => "tried on every value".to_owned(),
    };
    format!("It asks {} ({tests}), {how}.", named(field))
}

fn dear(question: &Question) -> Option<String> {
    let field = named(&question.field);
    match question.tried {
        Tried::OnEveryValue => Some(format!(
            "A test on {field} is tried on every value: give its expression a text of two or more characters that every match holds, \
             or ask with `contains`, `startswith` or `endswith` instead."
        )),
        _ if question.field == EVERY_FIELD => {
            Some("Keywords are looked for in every field: name the field if you know it.".to_owned())
        }
        _ => None,
    }
}

fn counts(set: &RuleSet, correlation: &Correlation, (entries, bytes): (usize, usize)) -> Vec<String> {
    let rules: Vec<String> = correlation
        .rules
        .iter()
        .map(|id| set.rule(id).map_or_else(|| id.clone(), |rule| format!("“{}”", rule.title.en)))
        .collect();
    let groups = if correlation.group_by.is_empty() {
        "all of a tenant together".to_owned()
    } else {
        format!("apart for each {}", correlation.group_by.join(" and "))
    };
    let seconds = |micros: i64| micros.checked_div(1_000_000).unwrap_or(0);
    let when = if correlation.is_judged_at_once() {
        "It fires as soon as its condition holds.".to_owned()
    } else {
        let lateness = seconds(correlation.lateness);
        format!("It is judged when no event of the window may come any more: {lateness} s after its last event.")
    };
    vec![
        format!("It counts {}, {groups}, in windows of {} s.", rules.join(", "), seconds(correlation.timespan)),
        when,
        format!(
            "A group holds the events of {} s, at most {entries}: {GROUP_BYTES} bytes with one, at most {bytes}.",
            seconds(correlation.timespan.saturating_add(correlation.lateness))
        ),
    ]
}

fn dear_correlation(correlation: &Correlation) -> Vec<String> {
    let mut slow = Vec::new();
    if correlation.group_by.is_empty() {
        slow.push(
            "All events fall into one group, which is full after so many: group by a field if you can.".to_owned(),
        );
    }
    let aggregates = matches!(correlation.counts, Counts::Sum(_) | Counts::Average(_) | Counts::Percentile(..));
    if aggregates || matches!(&correlation.condition, CorrelationCondition::Rules(_)) {
        slow.push("Every event that comes out of order has the windows behind it judged again.".to_owned());
    }
    slow
}
