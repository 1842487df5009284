//! Versions that leave numbers out, and the notations that live on them: carets, tildes, wildcards.
//!
//! Not a check: what follows the numbers is kept as it is.

use super::{NativeError, Part, Reader};
use crate::version::Scheme;
use crate::version::key::{digits, take};
use crate::version::vers::{Comparator, Constraint};

/// Numbers that a notation gives, and what follows them.
#[derive(Clone, Debug)]
pub(in crate::version) struct Partial {
    pub(in crate::version) numbers: Vec<u64>,
    /// `x`, `X` or `*` stands where the next number would.
    pub(in crate::version) is_wild: bool,
    /// `-beta.1` and the like.
    suffix: String,
}

impl Partial {
    pub(in crate::version) fn read(text: &str) -> Self {
        let text = take(text, |byte| matches!(byte, b'v' | b'V' | b'=')).1;
        let (mut numbers, mut rest, mut is_wild) = (Vec::new(), text, false);
        loop {
            let (found, left) = digits(rest);
            if found.is_empty() {
                is_wild = rest.starts_with(['x', 'X', '*']);
                break;
            }
            numbers.push(found.parse().unwrap_or(u64::MAX));
            rest = left;
            match rest.strip_prefix('.') {
                Some(next) => rest = next,
                None => break,
            }
        }
        let suffix = if is_wild { "" } else { rest };
        Self { numbers, is_wild, suffix: suffix.to_owned() }
    }

    /// The numbers between dots.
    pub(in crate::version) fn text(&self) -> String {
        self.padded(0)
    }

    /// The numbers, filled with zeros.
    pub(in crate::version) fn padded(&self, count: usize) -> String {
        let zeros = std::iter::repeat_n(0, count.saturating_sub(self.numbers.len()));
        self.numbers.iter().copied().chain(zeros).map(|number| number.to_string()).collect::<Vec<_>>().join(".")
    }

    /// One more at this place; what follows goes.
    fn bumped(&self, place: usize) -> Self {
        let mut numbers: Vec<u64> = self.numbers.iter().copied().take(place.saturating_add(1)).collect();
        if let Some(last) = numbers.last_mut() {
            *last = last.saturating_add(1);
        }
        Self { numbers, is_wild: false, suffix: String::new() }
    }

    /// One more at the last place.
    pub(in crate::version) fn bumped_last(&self) -> Self {
        self.bumped(self.numbers.len().saturating_sub(1))
    }

    /// Where a caret counts up: the first number that is not zero, or the last.
    fn caret(&self) -> Self {
        let first = self.numbers.iter().position(|number| *number > 0);
        self.bumped(first.unwrap_or(self.numbers.len().saturating_sub(1)))
    }
}

impl Reader {
    /// npm, Cargo and their like.
    pub(super) fn node(&self, sign: &str, version: &str) -> Result<Part, NativeError> {
        let partial = Partial::read(version);
        if partial.numbers.is_empty() {
            let is_any = partial.is_wild || matches!(version, "" | "any" | "latest");
            return if is_any { Ok(self.anything()) } else { self.plain(sign, version) };
        }
        let width = if self.scheme == Scheme::Nuget { partial.numbers.len() } else { 3 };
        let is_full = partial.numbers.len() >= 3 && !partial.is_wild;
        let low = format!("{}{}", partial.padded(width), partial.suffix);
        let next = partial.bumped_last().padded(width);
        let limit = format!("{next}-0");
        match sign {
            "^" => self.to_bump(&low, &partial.caret()),
            "" if self.scheme == Scheme::Cargo && !partial.is_wild => self.to_bump(&low, &partial.caret()),
            "~" | "~>" => self.tilde(&partial, &low),
            _ if is_full => self.plain(sign, &low),
            "" | "=" | "==" if partial.is_wild => self.span(&low, &next, &limit),
            // What is written is the bound as it stands; what is meant is the whole series.
            "" | "=" | "==" => {
                let range = self.span(&low, &next, &limit)?.range;
                Ok(Part { range, ..self.compare(Comparator::Equal, &low)? })
            }
            ">=" if partial.is_wild => {
                let range = self.bound(Comparator::GreaterOrEqual, &low)?;
                Ok(Part { range, ..self.span(&low, &next, &limit)? })
            }
            "<=" => {
                let range = self.bound(Comparator::Less, &limit)?;
                Ok(Part { range, ..self.compare(Comparator::LessOrEqual, &low)? })
            }
            ">" => {
                let range = self.bound(Comparator::GreaterOrEqual, &next)?;
                Ok(Part { range, ..self.compare(Comparator::Greater, &low)? })
            }
            _ => self.plain(sign, &low),
        }
    }

    fn to_bump(&self, low: &str, high: &Partial) -> Result<Part, NativeError> {
        let high = high.padded(3);
        self.span(low, &high, &format!("{high}-0"))
    }

    fn tilde(&self, partial: &Partial, low: &str) -> Result<Part, NativeError> {
        let high = partial.bumped(partial.numbers.len().min(2).saturating_sub(1));
        let mut part = self.to_bump(low, &high)?;
        // The suite writes `~0.8.0-pre` as the library does that it was made with: up to the next patch, in two steps.
        if let ([_, _, 0], true) = (partial.numbers.as_slice(), partial.suffix.starts_with('-')) {
            let release = partial.padded(3);
            let bound = |comparator, version: &str| Constraint { comparator, version: version.to_owned() };
            part.written = vec![
                bound(Comparator::GreaterOrEqual, low),
                bound(Comparator::Less, &release),
                bound(Comparator::GreaterOrEqual, &release),
                bound(Comparator::Less, &partial.bumped_last().padded(3)),
            ];
        }
        Ok(part)
    }

    /// Conan 2: versions as they are written; `2.6-` is before all pre-releases of 2.6.
    pub(super) fn conan(&self, sign: &str, version: &str) -> Result<Part, NativeError> {
        let version = version.strip_suffix('-').unwrap_or(version);
        if version == "*" {
            return self.compare(Comparator::GreaterOrEqual, "0.0.0");
        }
        let partial = Partial::read(version);
        let high = match sign {
            "^" => partial.caret(),
            "~" => partial.bumped(partial.numbers.len().min(2).saturating_sub(1)),
            _ => return self.plain(sign, version),
        };
        let high = format!("{}-", high.text());
        self.span(version, &high, &high)
    }

    /// `~> 2.0.8` of RubyGems and Hex: the last number may rise.
    pub(super) fn pessimistic(&self, version: &str) -> Result<Part, NativeError> {
        let partial = Partial::read(version);
        if partial.numbers.is_empty() {
            return Err(self.error(version, "a number was expected behind `~>`"));
        }
        let high = partial.bumped(partial.numbers.len().saturating_sub(2));
        if self.scheme == Scheme::Hex {
            return self.to_bump(version, &high);
        }
        let high = high.text();
        // Ruby leaves out the pre-releases of the next version too; `A` is the first of them.
        self.span(version, &high, &format!("{high}.A"))
    }

    pub(super) fn composer(&self, sign: &str, version: &str) -> Result<Part, NativeError> {
        let version = version.split('@').next().unwrap_or_default();
        let partial = Partial::read(version);
        if partial.numbers.is_empty() {
            return self.plain(sign, version);
        }
        let low = format!("{}{}", partial.text(), partial.suffix);
        let high = match sign {
            "^" => partial.caret(),
            "~" => partial.bumped(partial.numbers.len().saturating_sub(2)),
            "" | "=" | "==" if partial.is_wild => partial.bumped_last(),
            _ => return self.plain(sign, version),
        };
        let high = high.text();
        self.span(&low, &high, &format!("{high}-dev"))
    }

    /// `~=1.4.5`, `==1.4.*`, `!=1.4.*` of PEP 440.
    pub(super) fn python(&self, sign: &str, version: &str) -> Result<Part, NativeError> {
        let partial = Partial::read(version);
        match (sign, partial.numbers.len()) {
            ("~=", 0 | 1) => Err(self.error(version, "two numbers were expected behind `~=`")),
            ("~=", count) => {
                let high = partial.bumped(count.saturating_sub(2)).text();
                self.span(version, &high, &format!("{high}.dev0"))
            }
            ("==" | "!=", 1..) if partial.is_wild => {
                let (low, high) = (partial.text(), partial.bumped_last().text());
                self.series_or_not(&format!("{low}.dev0"), &format!("{high}.dev0"), sign)
            }
            _ => Err(self.error(version, "a wildcard was expected behind `==` or `!=` and a number")),
        }
    }

    /// `==1.2.*` and `^>=1.2.3` of Cabal.
    pub(super) fn haskell(&self, sign: &str, version: &str) -> Result<Part, NativeError> {
        let mut partial = Partial::read(version);
        if partial.numbers.is_empty() {
            return Err(self.error(version, "a number was expected"));
        }
        if sign == "^>=" {
            partial.numbers.resize(partial.numbers.len().max(2), 0);
            let high = partial.bumped(1).text();
            return self.span(version, &high, &high);
        }
        if sign != "==" {
            return Err(self.error(version, "`==` was expected before a wildcard"));
        }
        let high = partial.bumped_last().text();
        self.span(&partial.text(), &high, &high)
    }
}
