//! `yagura rule explain`: what a rule needs and what would make it slow, in words.
//!
//! Not a measurement: `rule replay` and a server's `/api/v1/rules` measure.

use super::usable;
use crate::args;
use crate::failure::Failure;
use crate::output::{Output, emit};
use serde::Serialize;
use yagura_detect::{Explanation, Question, Rule, Tried, explain};

/// What a rule needs, as scripts read it.
#[derive(Serialize)]
struct Line<'a> {
    rule: &'a str,
    title: &'a str,
    questions: Vec<Asked<'a>>,
    exceptions: &'a [String],
    group_bytes_max: Option<usize>,
    words: &'a [String],
    slow: &'a [String],
}

#[derive(Serialize)]
struct Asked<'a> {
    field: &'a str,
    tests: usize,
    tried: &'a str,
    needs: &'a [String],
}

/// Runs the command.
pub(crate) fn run(args: &args::RuleExplain) -> Result<(), Failure> {
    let (set, _) = usable(&args.rules, &args.with)?;
    let is_asked = |rule: &&Rule| match &args.rule {
        None => true,
        Some(asked) => rule.id == *asked || rule.name.as_ref() == Some(asked) || rule.title.en == *asked,
    };
    let mut found = set.rules().iter().filter(is_asked).peekable();
    if found.peek().is_none() {
        let asked = args.rule.as_deref().unwrap_or_default();
        return Err(Failure::input(asked, "no rule has this id, name or title"));
    }
    found.try_for_each(|rule| {
        let explained = explain(&set, rule);
        emit(Output::from_flag(args.json), &line(&explained), || text(rule, &explained))
    })
}

fn line(explained: &Explanation) -> Line<'_> {
    Line {
        rule: &explained.rule,
        title: &explained.title,
        questions: explained.questions.iter().map(asked).collect(),
        exceptions: &explained.exceptions,
        group_bytes_max: explained.group_bytes_max,
        words: &explained.words,
        slow: &explained.slow,
    }
}

fn asked(question: &Question) -> Asked<'_> {
    let tried = match question.tried {
        Tried::LookedUp => "looked_up",
        Tried::InOnePass => "in_one_pass",
        Tried::WhereTextIsSeen => "where_text_is_seen",
        Tried::OnEveryValue => "on_every_value",
    };
    Asked { field: &question.field, tests: question.tests, tried, needs: &question.needs }
}

fn text(rule: &Rule, explained: &Explanation) -> String {
    let words = explained.words.iter().map(|words| format!("  {words}\n"));
    let slow = explained.slow.iter().map(|words| format!("  Slow: {words}\n"));
    format!("{} ({}, {})\n{}", explained.title, explained.rule, rule.path, words.chain(slow).collect::<String>())
}
