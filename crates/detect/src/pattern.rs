//! Texts with wildcards, as Sigma writes them: `*` any characters, `?` one character, `\` escapes.
//!
//! Not regular expressions. Invariant: no two `*` stand side by side. A backslash that precedes neither `*`, `?` nor `\` is
//! itself. Cost of [`Pattern::fits`]: at most one step back per `*`, so O(pattern × value) in the worst case, never more.

/// One part of a pattern.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Part {
    /// These characters.
    Literal(String),
    /// Any characters, or none.
    Any,
    /// One character.
    One,
}

/// A text with wildcards.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Pattern {
    pub(crate) parts: Vec<Part>,
}

/// What a pattern asks of a value, in the cheapest form that says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape<'a> {
    /// Any value, the empty one too.
    Anything,
    /// The value is this text.
    Exact(&'a str),
    /// The value begins with this text.
    Prefix(&'a str),
    /// The value ends with this text.
    Suffix(&'a str),
    /// The value holds this text.
    Contains(&'a str),
    /// Something else; the longest literal must be in the value.
    Glob(&'a str),
}

impl Pattern {
    /// Reads Sigma's notation.
    pub(crate) fn parse(text: &str) -> Self {
        let mut pattern = Self { parts: Vec::new() };
        let mut literal = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.peek() {
                    Some(&next) if matches!(next, '*' | '?' | '\\') => {
                        chars.next();
                        literal.push(next);
                    }
                    _ => literal.push('\\'),
                },
                '*' | '?' => {
                    pattern.push_literal(&mut literal);
                    pattern.push_wildcard(if c == '*' { Part::Any } else { Part::One });
                }
                other => literal.push(other),
            }
        }
        pattern.push_literal(&mut literal);
        pattern
    }

    /// This pattern with `*` before and after it (`contains`).
    pub(crate) fn anywhere(self) -> Self {
        self.at_end().at_start()
    }

    /// This pattern with `*` after it (`startswith`).
    pub(crate) fn at_start(mut self) -> Self {
        self.push_wildcard(Part::Any);
        self
    }

    /// This pattern with `*` before it (`endswith`).
    pub(crate) fn at_end(mut self) -> Self {
        if self.parts.first() != Some(&Part::Any) {
            self.parts.insert(0, Part::Any);
        }
        self
    }

    /// The same pattern for folded values.
    pub(crate) fn folded(&self, fold: Fold) -> Self {
        let fold_part = |part: &Part| match part {
            Part::Literal(text) => Part::Literal(fold.apply(text)),
            other => other.clone(),
        };
        Self { parts: self.parts.iter().map(fold_part).collect() }
    }

    /// The pattern that fits this text and nothing else.
    pub(crate) fn literal(text: String) -> Self {
        Self { parts: if text.is_empty() { Vec::new() } else { vec![Part::Literal(text)] } }
    }

    /// Its text, if it has no wildcard.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.shape() {
            Shape::Exact(text) => Some(text),
            _ => None,
        }
    }

    fn push_literal(&mut self, literal: &mut String) {
        if !literal.is_empty() {
            self.parts.push(Part::Literal(std::mem::take(literal)));
        }
    }

    fn push_wildcard(&mut self, part: Part) {
        if part == Part::One || self.parts.last() != Some(&Part::Any) {
            self.parts.push(part);
        }
    }

    /// The cheapest form of this pattern.
    pub(crate) fn shape(&self) -> Shape<'_> {
        match self.parts.as_slice() {
            [] => Shape::Exact(""),
            [Part::Any] => Shape::Anything,
            [Part::Literal(text)] => Shape::Exact(text),
            [Part::Literal(text), Part::Any] => Shape::Prefix(text),
            [Part::Any, Part::Literal(text)] => Shape::Suffix(text),
            [Part::Any, Part::Literal(text), Part::Any] => Shape::Contains(text),
            parts => {
                let literals =
                    parts.iter().filter_map(|p| if let Part::Literal(t) = p { Some(t.as_str()) } else { None });
                Shape::Glob(literals.max_by_key(|t| t.len()).unwrap_or(""))
            }
        }
    }

    /// Whether the whole value fits.
    pub(crate) fn fits(&self, value: &str) -> bool {
        let mut parts = self.parts.as_slice();
        let mut rest = value;
        // Where to go on if the parts after the last `*` do not fit here.
        let mut retry: Option<(&[Part], &str)> = None;
        loop {
            let step = match parts.split_first() {
                Some((Part::Any, after)) => {
                    retry = Some((after, rest));
                    Some((after, rest))
                }
                Some((Part::One, after)) => one_char(rest).map(|rest| (after, rest)),
                Some((Part::Literal(text), after)) => rest.strip_prefix(text.as_str()).map(|rest| (after, rest)),
                None if rest.is_empty() => return true,
                None => None,
            };
            if let Some(next) = step {
                (parts, rest) = next;
                continue;
            }
            let Some((after, from)) = retry else { return false };
            let Some(shifted) = one_char(from) else { return false };
            retry = Some((after, shifted));
            (parts, rest) = (after, shifted);
        }
    }
}

fn one_char(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next()?;
    Some(chars.as_str())
}

/// The characters that Sigma's `windash` holds for equal: hyphen, slash, en dash, em dash, horizontal bar.
pub(crate) const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];

/// Which differences between texts do not count: texts are compared in the form that [`Fold::apply`] gives them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fold {
    /// Upper or lower case (Unicode, character by character).
    Case,
    /// None.
    Exact,
    /// Case, and which of [`DASHES`] it is.
    CaseAndDash,
    /// Which of [`DASHES`] it is.
    Dash,
}

impl Fold {
    pub(crate) const ALL: [Self; 4] = [Self::Case, Self::Exact, Self::CaseAndDash, Self::Dash];

    /// The text in the form in which it is compared.
    pub(crate) fn apply(self, text: &str) -> String {
        let mut out = String::new();
        self.apply_into(text, &mut out);
        out
    }

    /// [`Self::apply`] into a buffer that is kept.
    pub(crate) fn apply_into(self, text: &str, out: &mut String) {
        out.clear();
        let dash = |c: char| if DASHES.contains(&c) { '-' } else { c };
        match self {
            Self::Exact => out.push_str(text),
            Self::Case if text.is_ascii() => {
                out.push_str(text);
                out.make_ascii_lowercase();
            }
            Self::CaseAndDash | Self::Dash if text.is_ascii() => {
                let mut parts = text.split('/');
                out.push_str(parts.next().unwrap_or_default());
                for part in parts {
                    out.push('-');
                    out.push_str(part);
                }
                if self == Self::CaseAndDash {
                    out.make_ascii_lowercase();
                }
            }
            Self::Case => out.extend(text.chars().flat_map(char::to_lowercase)),
            Self::CaseAndDash => out.extend(text.chars().map(dash).flat_map(char::to_lowercase)),
            Self::Dash => out.extend(text.chars().map(dash)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fits(pattern: &str, value: &str) -> bool {
        Pattern::parse(pattern).fits(value)
    }

    #[test]
    fn wildcards_and_escapes_follow_sigma() {
        for (pattern, value, expected) in [
            ("abc", "abc", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            (r"C:\Windows", r"C:\Windows", true),
            (r"C:\\Windows", r"C:\Windows", true),
            (r"C:\\*", r"C:\anything", true),
            (r"C:\\\*", r"C:\*", true),
            (r"end\", r"end\", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*ab", "aab", true),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("?", "é", true),
        ] {
            assert_eq!(fits(pattern, value), expected, "{pattern} against {value}");
        }
    }

    #[test]
    fn simple_patterns_have_simple_shapes() {
        assert_eq!(Pattern::parse("a").anywhere().shape(), Shape::Contains("a"));
        assert_eq!(Pattern::parse("*a*").anywhere().shape(), Shape::Contains("a"));
        assert_eq!(Pattern::parse("a").at_start().shape(), Shape::Prefix("a"));
        assert_eq!(Pattern::parse("a").at_end().shape(), Shape::Suffix("a"));
        assert_eq!(Pattern::parse("a*bcd").shape(), Shape::Glob("bcd"));
        assert_eq!(Pattern::parse("***").shape(), Shape::Anything);
    }

    /// The obvious recursive definition.
    fn oracle(parts: &[Part], value: &str) -> bool {
        match parts.split_first() {
            None => value.is_empty(),
            Some((Part::Any, after)) => oracle(after, value) || one_char(value).is_some_and(|rest| oracle(parts, rest)),
            Some((Part::One, after)) => one_char(value).is_some_and(|rest| oracle(after, rest)),
            Some((Part::Literal(text), after)) => {
                value.strip_prefix(text.as_str()).is_some_and(|rest| oracle(after, rest))
            }
        }
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_the_definition(pattern in "[ab*?\\\\]{0,8}", value in "[ab*?\\\\]{0,10}") {
            let pattern = Pattern::parse(&pattern);
            prop_assert_eq!(pattern.fits(&value), oracle(&pattern.parts, &value));
        }

        #[test]
        fn folding_twice_is_folding_once(text in ".{0,20}") {
            for fold in Fold::ALL {
                let once = fold.apply(&text);
                prop_assert_eq!(fold.apply(&once), once);
            }
        }
    }
}
