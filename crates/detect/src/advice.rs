//! What a person does about an error, and how it is shown beside the line that it is in.
//!
//! Not the errors themselves (`error`). Cost: nothing until something is wrong.

use crate::error::{ConditionProblem, RuleError, RuleErrorKind, Unsupported};
use crate::modifier;
use std::fmt::Write as _;

/// The most characters of a line that are shown before the place of an error.
const BEFORE_MAX: usize = 60;
/// The most characters of a line that are shown from the place of an error on.
const AFTER_MAX: usize = 60;

/// Of `known`, the name that was probably meant.
pub(crate) fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let close = |candidate: &&str| strsim::damerau_levenshtein(name, candidate) <= (name.len() / 5).saturating_add(1);
    let near = known.into_iter().filter(close);
    near.min_by_key(|candidate| strsim::damerau_levenshtein(name, candidate))
}

impl RuleErrorKind {
    /// The next step, if there is one that the message does not say.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        Some(match self {
            Self::Unsupported(Unsupported::Modifier(name)) => match nearest(name, modifier::NAMES.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("Sigma 2.1 has {}", modifier::NAMES.join(", ")),
            },
            Self::Unsupported(Unsupported::Aggregation) => {
                "write a second document with `correlation:` that counts this rule; docs/rules.md shows one".to_owned()
            }
            Self::Unsupported(Unsupported::Action(_)) => {
                "a collection has `action: global`, `repeat` or `reset`".to_owned()
            }
            Self::Unsupported(Unsupported::Transformation(_)) => {
                "docs/format/pipelines.md lists what there is".to_owned()
            }
            Self::Missing("logsource") => {
                "add `logsource:` with `product: vehicle`, or what the rule is for".to_owned()
            }
            Self::Missing("condition") => {
                "add `condition: selection`, with the names of the searches above it".to_owned()
            }
            Self::Missing("detection") => "a document has one of `detection`, `correlation` and `filter`".to_owned(),
            Self::Condition {
                problem: ConditionProblem::UnknownSearch(_) | ConditionProblem::NoSearchFits(_), ..
            } => "searches are the keys beside `condition`; names are case-sensitive".to_owned(),
            Self::Regex { reason, .. } if reason.contains("look-around") || reason.contains("backreference") => {
                "use two fields with `and`/`and not` in the condition instead".to_owned()
            }
            Self::Regex { .. } => {
                "quote it with single quotes, and escape \\ . * + ? ( ) [ ] { } | ^ $ with one backslash".to_owned()
            }
            Self::Placeholder(name) => format!(
                "write the values into indicators/{name}.txt beside the rules, one a line, give a pipeline with `vars: {{{name}: [...]}}`, \
                 or leave `expand` out"
            ),
            Self::IndicatorUse(name) => {
                format!(
                    "write `field|expand: '%{name}%'`; texts to look for inside values are the `vars` of a pipeline"
                )
            }
            Self::IndicatorValue { .. } => "take the value out, or put it into a set of its own".to_owned(),
            Self::ModifierConflict { .. } => {
                "keep one of them; search with the other in a search of its own".to_owned()
            }
            Self::Yaml(_) => "quote values that hold : # { } [ ] , & * ! | > ' \" % @ `".to_owned(),
            Self::UnknownRule(_) => "name the `id` or `name` of a rule in the same set".to_owned(),
            Self::CountsBaseline(_) => "count a rule of its own with the same `detection` and no `baseline`".to_owned(),
            Self::Missing(field) if field.starts_with("baseline.") => {
                "docs/rules.md shows each type of baseline with all that it needs".to_owned()
            }
            Self::Duplicate(_) => "give each rule a UUID of its own".to_owned(),
            _ => return None,
        })
    }
}

impl RuleError {
    /// The error with the line that it is in, a mark below its place, and the next step. `text` is the file's text.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        let mut shown = self.to_string();
        shown.push_str(&marked(text, self.line, self.column));
        if let Some(advice) = self.kind.advice() {
            let _ = write!(shown, "\n  = {advice}");
        }
        shown
    }
}

/// A line of a text with a mark below one of its columns; nothing if there is no such line.
pub(crate) fn marked(text: &str, line: u64, column: u64) -> String {
    let index = line.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    let Some(source) = index.and_then(|index| text.lines().nth(index)) else { return String::new() };
    let place = usize::try_from(column.saturating_sub(1)).unwrap_or(0).min(source.chars().count());
    let skipped = place.saturating_sub(BEFORE_MAX);
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let part: String = source.chars().skip(skipped).take(BEFORE_MAX.saturating_add(AFTER_MAX)).map(clean).collect();
    let (number, indent) = (line.to_string(), " ".repeat(place.saturating_sub(skipped)));
    let margin = " ".repeat(number.len());
    format!("\n{number} | {part}\n{margin} | {indent}^")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn an_error_shows_its_line_and_the_next_step() {
        let text = "title: t\nlogsource: {product: vehicle}\ndetection:\n  s:\n    a|contians: x\n  condition: s\n";
        let file = crate::RuleFile { path: "r.yml".to_owned(), text: text.to_owned() };
        let errors = crate::RuleSet::parse(&[file]).err().unwrap_or_default();
        let shown: Vec<_> = errors.iter().map(|error| error.shown(text)).collect();
        expect![[r#"
            r.yml:5:5: modifier `contians` is not supported
            5 |     a|contians: x
              |     ^
              = did you mean `contains`?"#]]
        .assert_eq(&shown.join("\n"));
    }

    #[test]
    fn long_lines_and_places_outside_are_bounded() {
        let line = "x".repeat(10_000);
        assert!(marked(&line, 1, 5_000).len() < 300);
        assert_eq!(marked(&line, 7, 1), "");
        assert_eq!(marked("", 0, 0), "");
        assert!(marked("ab", 1, 99).ends_with("  ^"));
    }
}
