//! Regular expressions that are run only where they can match, and compiled only when they are run.
//!
//! Not a regex engine (that is the `regex` crate: linear time, no look-around). From the parsed expression follows which texts any
//! match must hold: [`needed`]. They are looked for with all other literals of the field; an expression none of whose texts was seen is
//! never run. Invariant: an expression that [`checked`] accepts compiles within [`REGEX_BYTES_MAX`], so nothing fails later.

use crate::error::RuleErrorKind;
use crate::pattern::Fold;
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};
use std::sync::OnceLock;

/// The most memory of one compiled regular expression, in bytes.
const REGEX_BYTES_MAX: usize = 8 << 20;
/// The longest regular expression, in bytes.
const REGEX_SOURCE_MAX: usize = 64 << 10;
/// Expressions of at most this weight are not compiled to find out whether they fit: a unit of weight costs less than 200 bytes.
const WEIGHT_SAFE: u64 = 20_000;
/// The most texts of which a match must hold one.
const NEEDED_MAX: usize = 32;
/// Single characters that are seen so often that looking for them gains nothing, besides letters and digits.
const COMMON: &str = " \\/:.-_\"=,";

/// One expression and its compiled form, once it was needed.
#[derive(Clone, Debug)]
pub(crate) struct LazyRegex {
    source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl LazyRegex {
    pub(crate) fn new(source: &str) -> Self {
        Self { source: source.to_owned(), compiled: OnceLock::new() }
    }

    /// Whether it finds something in the value.
    pub(crate) fn finds(&self, value: &str) -> bool {
        self.compiled().is_some_and(|regex| regex.is_match(value))
    }

    /// Its compiled form, made now if this is the first time.
    pub(crate) fn compiled(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| builder(&self.source).build().ok()).as_ref()
    }
}

fn builder(source: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(source);
    builder.size_limit(REGEX_BYTES_MAX);
    builder
}

/// The expression with its flags, if it can be read and is small enough.
pub(crate) fn checked(pattern: &str, flags: &str) -> Result<String, RuleErrorKind> {
    if pattern.len() > REGEX_SOURCE_MAX {
        let (value, max) = (pattern.len() as u64, REGEX_SOURCE_MAX as u64);
        return Err(RuleErrorKind::Limit { what: "length in bytes of a regular expression", value, max });
    }
    let source = if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") };
    let fail = |reason: &str| {
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Err(RuleErrorKind::Regex { pattern: shortened(pattern), reason })
    };
    match regex_syntax::parse(&source) {
        Err(error) => fail(&error.to_string()),
        Ok(hir) if weight(&hir) <= WEIGHT_SAFE => Ok(source),
        Ok(_) => match builder(&source).build() {
            Err(error) => fail(&error.to_string()),
            Ok(_) => Ok(source),
        },
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// An upper bound for what the compiled form holds, in units of a transition.
fn weight(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => (class.ranges().len() as u64).saturating_mul(4),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() as u64,
        HirKind::Repetition(Repetition { min, max, sub, .. }) => {
            let times = max.map_or_else(|| min.saturating_add(1), |max| max.saturating_add(1));
            weight(sub).saturating_add(2).saturating_mul(u64::from(times))
        }
        HirKind::Capture(capture) => weight(&capture.sub).saturating_add(2),
        HirKind::Concat(items) | HirKind::Alternation(items) => {
            items.iter().map(weight).fold(items.len() as u64, u64::saturating_add)
        }
    }
}

/// Texts, folded by case, of which every value in which the expression finds something holds at least one, once it is folded;
/// `None` if no such texts are known.
pub(crate) fn needed(source: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::parse(source).ok()?;
    let mut texts = match need(&hir) {
        Need::Exactly(texts) | Need::Somewhere(texts) => texts,
        Need::Unknown => return None,
    };
    texts.sort_unstable();
    texts.dedup();
    let is_rare = |text: &String| match text.as_bytes() {
        [] => false,
        [byte] => !byte.is_ascii_alphanumeric() && !COMMON.contains(char::from(*byte)),
        _ => true,
    };
    texts.iter().all(is_rare).then_some(texts)
}

/// What is known of the texts that a part of an expression fits, folded by case.
enum Need {
    /// They are these.
    Exactly(Vec<String>),
    /// Each holds one of these.
    Somewhere(Vec<String>),
    Unknown,
}

fn need(hir: &Hir) -> Need {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Need::Exactly(vec![String::new()]),
        HirKind::Literal(literal) => match core::str::from_utf8(&literal.0) {
            Ok(text) => Need::Exactly(vec![Fold::Case.apply(text)]),
            Err(_) => Need::Unknown,
        },
        HirKind::Class(Class::Unicode(class)) => {
            let count = class.ranges().iter().map(regex_syntax::hir::ClassUnicodeRange::len).sum::<usize>();
            if count > NEEDED_MAX {
                return Need::Unknown;
            }
            let chars = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let mut texts: Vec<String> = chars.map(|c| c.to_lowercase().collect()).collect();
            texts.sort_unstable();
            texts.dedup();
            Need::Exactly(texts)
        }
        HirKind::Class(Class::Bytes(_)) => Need::Unknown,
        HirKind::Repetition(repetition) if repetition.min == 0 => Need::Unknown,
        HirKind::Repetition(repetition) => match need(&repetition.sub) {
            Need::Exactly(texts) if repetition.min == 1 && repetition.max == Some(1) => Need::Exactly(texts),
            Need::Exactly(texts) | Need::Somewhere(texts) => Need::Somewhere(texts),
            Need::Unknown => Need::Unknown,
        },
        HirKind::Capture(capture) => need(&capture.sub),
        HirKind::Alternation(items) => alternation(items),
        HirKind::Concat(items) => concatenation(items),
    }
}

fn alternation(items: &[Hir]) -> Need {
    let (mut texts, mut exactly) = (Vec::new(), true);
    for item in items {
        match need(item) {
            Need::Exactly(more) => texts.extend(more),
            Need::Somewhere(more) => {
                exactly = false;
                texts.extend(more);
            }
            Need::Unknown => return Need::Unknown,
        }
        if texts.len() > NEEDED_MAX {
            return Need::Unknown;
        }
    }
    if exactly { Need::Exactly(texts) } else { Need::Somewhere(texts) }
}

/// Parts side by side: runs of parts that are known exactly are put together; the run that says most is kept.
fn concatenation(items: &[Hir]) -> Need {
    let mut run = vec![String::new()];
    let mut best: Option<Vec<String>> = None;
    let mut whole = true;
    let mut offer = |texts: Vec<String>| {
        let shortest = |texts: &[String]| texts.iter().map(String::len).min().unwrap_or(0);
        let better = best.as_ref().is_none_or(|best| {
            (shortest(&texts), core::cmp::Reverse(texts.len())) >= (shortest(best), core::cmp::Reverse(best.len()))
        });
        if better && shortest(&texts) > 0 {
            best = Some(texts);
        }
    };
    for item in items {
        match need(item) {
            Need::Exactly(texts) if texts.len().saturating_mul(run.len()) <= NEEDED_MAX => {
                run = run.iter().flat_map(|a| texts.iter().map(move |b| format!("{a}{b}"))).collect();
            }
            other => {
                whole = false;
                offer(core::mem::replace(&mut run, vec![String::new()]));
                match other {
                    Need::Exactly(texts) if texts.len() <= NEEDED_MAX => run = texts,
                    Need::Exactly(_) | Need::Unknown => {}
                    Need::Somewhere(texts) => offer(texts),
                }
            }
        }
    }
    if whole {
        return Need::Exactly(run);
    }
    offer(run);
    best.map_or(Need::Unknown, Need::Somewhere)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn needed_texts_are_found_behind_groups_classes_and_flags() {
        let texts = |source: &str| needed(source).map(|texts| texts.join(" "));
        for (source, expected) in [
            (r"^C:\\Users\\[^\\]+\\evil\.exe$", Some(r"\evil.exe")),
            (
                r"(?i)Invoke-(Expression|Command)",
                Some("invoke-command invoke-expression invoke-expresſion invoke-expreſsion invoke-expreſſion"),
            ),
            (r".*foo.*barbar", Some("barbar")),
            (r"^02(27|67)", Some("0227 0267")),
            (r"(abc)+x?", Some("abc")),
            (r"\d{8}", None),
            (r"a|.*", None),
            (r"(?:x)", None),
            (r"\+.*\+", Some("+")),
            (r"[a-z]+\.ps1", Some(".ps1")),
            ("K\u{212A}k", Some("kkk")),
        ] {
            assert_eq!(texts(source).as_deref(), expected, "{source}");
        }
    }

    #[test]
    fn bombs_are_refused_before_anything_runs() {
        for bomb in [r"(((a{1000}){1000}){1000})", r"(\w{500}){500}", "(?:[^a]{1000}x){1000}"] {
            assert!(matches!(checked(bomb, ""), Err(RuleErrorKind::Regex { .. })), "{bomb}");
        }
        assert!(matches!(checked(&"(".repeat(1_000), ""), Err(RuleErrorKind::Regex { .. })));
        assert!(matches!(checked(&"a".repeat(100_000), ""), Err(RuleErrorKind::Limit { .. })));
        assert!(checked(r"a(?=b)", "").is_err_and(|e| e.to_string().contains("look-around")));
    }

    proptest! {
        #[test]
        fn what_matches_holds_a_needed_text(
            source in "(\\(\\?i\\))?([a-dKs.]|\\[a-cKſ\\]|\\(ab\\|sK\\)|\\(b\\+\\)|c\\{1,2\\}|d\\?|\\^|\\|){1,8}",
            value in "[a-dA-DkKsSſ\u{212A}]{0,12}",
        ) {
            let Ok(regex) = Regex::new(&source) else { return Ok(()) };
            if let Some(texts) = needed(&source) && regex.is_match(&value) {
                let folded = Fold::Case.apply(&value);
                prop_assert!(texts.iter().any(|text| folded.contains(text.as_str())), "{source} {value} {texts:?}");
            }
        }
    }
}
