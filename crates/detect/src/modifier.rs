//! The modifiers behind a field's name, read into what they ask for.
//!
//! Not their meaning for a value (that is `value`). All modifiers of Sigma 2.1: docs/rules.md lists them. Invariants: at most one
//! operator, except that a place may follow `fieldref` and a comparison may follow a part of a date; encodings keep the order in
//! which they are written; what does not go together is refused by name.

use crate::error::{RuleErrorKind, Unsupported};
use crate::pattern::Fold;
use crate::pool::{Comparison, Place};
use crate::time_part::TimePart;

/// What a field's modifiers ask for.
#[derive(Debug, Default)]
pub(crate) struct Modifiers {
    /// Every value must be found, not just one.
    pub(crate) all: bool,
    /// The field is there and passes none of the values.
    pub(crate) negated: bool,
    /// Placeholders stand in the values.
    pub(crate) expand: bool,
    pub(crate) operator: Operator,
    pub(crate) encodings: Vec<Encoding>,
    cased: bool,
    windash: bool,
}

/// How a value is compared.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Operator {
    /// As its type says: texts whole, with wildcards.
    #[default]
    Plain,
    /// As a text at this place.
    Text(Place),
    /// As a regular expression with these flags.
    Regex(String),
    Cidr,
    Exists,
    Compare(Comparison),
    /// As the name of another field, whose value stands at this place.
    Field(Place),
    /// As a number that this part of a date compares with.
    Time(TimePart, Comparison),
}

/// How a value is encoded before it is looked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Encoding {
    Utf16Le,
    Utf16Be,
    /// Little-endian, behind a byte order mark.
    Utf16,
    Base64,
    /// The three texts that stand for it inside a longer text that was encoded.
    Base64Offset,
}

impl Modifiers {
    /// Reads the words behind a field's name.
    pub(crate) fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, RuleErrorKind> {
        let mut modifiers = Self::default();
        let mut operator_word = "";
        for word in words {
            match word {
                "all" => modifiers.all = true,
                "cased" => modifiers.cased = true,
                "neq" => modifiers.negated = true,
                "expand" => modifiers.expand = true,
                "windash" => modifiers.windash = true,
                "wide" | "utf16le" => modifiers.encodings.push(Encoding::Utf16Le),
                "utf16be" => modifiers.encodings.push(Encoding::Utf16Be),
                "utf16" => modifiers.encodings.push(Encoding::Utf16),
                "base64" => modifiers.encodings.push(Encoding::Base64),
                "base64offset" => modifiers.encodings.push(Encoding::Base64Offset),
                other => {
                    modifiers.operator = modifiers.operator.followed_by(other, operator_word)?;
                    operator_word = other;
                }
            }
        }
        modifiers.check(operator_word)?;
        Ok(modifiers)
    }

    /// Which differences do not count.
    pub(crate) const fn fold(&self) -> Fold {
        match (self.cased, self.windash) {
            (false, false) => Fold::Case,
            (true, false) => Fold::Exact,
            (false, true) => Fold::CaseAndDash,
            (true, true) => Fold::Dash,
        }
    }

    /// Whether each dash stands for all of them.
    pub(crate) const fn windash(&self) -> bool {
        self.windash
    }

    fn check(&self, operator_word: &str) -> Result<(), RuleErrorKind> {
        let conflict = |first: &str, second: &str| {
            Err(RuleErrorKind::ModifierConflict { first: first.to_owned(), second: second.to_owned() })
        };
        let on_text = matches!(self.operator, Operator::Plain | Operator::Text(_));
        if !on_text && !self.encodings.is_empty() {
            return conflict("an encoding", operator_word);
        }
        if !on_text && self.windash && !matches!(self.operator, Operator::Field(_)) {
            return conflict("windash", operator_word);
        }
        if self.cased && !on_text && !matches!(self.operator, Operator::Field(_) | Operator::Regex(_)) {
            return conflict("cased", operator_word);
        }
        let base64 = |e: &&Encoding| matches!(e, Encoding::Base64 | Encoding::Base64Offset);
        if self.encodings.iter().filter(base64).count() > 1 {
            return conflict("base64", "base64offset");
        }
        if self.encodings.iter().filter(|e| !base64(e)).count() > 1 {
            return conflict("one encoding in 16 bits", "another");
        }
        Ok(())
    }
}

impl Operator {
    /// The operator that `word` makes of this one, which `before` named.
    fn followed_by(&self, word: &str, before: &str) -> Result<Self, RuleErrorKind> {
        let flag = matches!(word, "i" | "m" | "s");
        let place = match word {
            "contains" => Some(Place::Anywhere),
            "startswith" => Some(Place::Start),
            "endswith" => Some(Place::End),
            _ => None,
        };
        let comparison = match word {
            "gt" => Some(Comparison::Greater),
            "gte" => Some(Comparison::GreaterOrEqual),
            "lt" => Some(Comparison::Less),
            "lte" => Some(Comparison::LessOrEqual),
            _ => None,
        };
        match (self, place, comparison) {
            (Self::Regex(flags), ..) if flag => return Ok(Self::Regex(format!("{flags}{word}"))),
            (Self::Field(Place::Whole), Some(place), _) => return Ok(Self::Field(place)),
            (Self::Time(part, Comparison::Equal), _, Some(comparison)) => return Ok(Self::Time(*part, comparison)),
            _ => {}
        }
        if flag {
            return Err(RuleErrorKind::ModifierAlone { modifier: word.to_owned(), needs: "re" });
        }
        let operator = match (word, place, comparison, TimePart::of(word)) {
            (_, Some(place), ..) => Self::Text(place),
            (_, _, Some(comparison), _) => Self::Compare(comparison),
            (.., Some(part)) => Self::Time(part, Comparison::Equal),
            ("re", ..) => Self::Regex(String::new()),
            ("cidr", ..) => Self::Cidr,
            ("exists", ..) => Self::Exists,
            ("fieldref", ..) => Self::Field(Place::Whole),
            _ => return Err(RuleErrorKind::Unsupported(Unsupported::Modifier(word.to_owned()))),
        };
        if *self == Self::Plain {
            return Ok(operator);
        }
        Err(RuleErrorKind::ModifierConflict { first: before.to_owned(), second: word.to_owned() })
    }
}

/// The name of every modifier, for suggestions.
pub(crate) const NAMES: &[&str] = &[
    "all",
    "base64",
    "base64offset",
    "cased",
    "cidr",
    "contains",
    "day",
    "endswith",
    "exists",
    "expand",
    "fieldref",
    "gt",
    "gte",
    "hour",
    "i",
    "lt",
    "lte",
    "m",
    "minute",
    "month",
    "neq",
    "re",
    "s",
    "startswith",
    "utf16",
    "utf16be",
    "utf16le",
    "week",
    "wide",
    "windash",
    "year",
];
