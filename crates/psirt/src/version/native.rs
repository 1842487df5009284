//! Ranges as ecosystems write them: `^1.2 || ~2.0`, `~> 2.0.8`, `[1.0,2.0)`, `>=1, !=1.5`, `1.4.1+`.
//!
//! Not a solver, and no rule of "no pre-releases unless asked": a range is judged on the line of versions alone. Each range comes twice:
//! as the versions that the ecosystem means by it, and as VERS with each bound as it is written, which is what converters write.

pub(super) mod partial;

use super::range::VersionRange;
use super::vers::{Comparator, Constraint, Vers};
use super::{Scheme, VersionError, key_or_fallback};
use partial::Partial;

/// The longest notation that is read, in bytes.
pub const NOTATION_BYTES_MAX: usize = 64 * 1024;

/// Why a native notation cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NativeError {
    /// It is not of the form.
    #[error("{scheme} range `{part}`: {why}")]
    Syntax {
        /// The scheme.
        scheme: Scheme,
        /// The part that is wrong, cut at 80 characters.
        part: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A version in it cannot be read.
    #[error(transparent)]
    Version(#[from] VersionError),
}

/// A range in an ecosystem's own notation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Native {
    /// As VERS, bound for bound.
    pub vers: Vers,
    /// The versions that are meant.
    pub range: VersionRange,
}

/// What one comparison of a notation means and what it writes.
struct Part {
    range: VersionRange,
    written: Vec<Constraint>,
}

/// Reads a range as its ecosystem writes it.
pub fn from_native(scheme: Scheme, text: &str) -> Result<Native, NativeError> {
    let reader = Reader { scheme };
    if text.len() > NOTATION_BYTES_MAX {
        return Err(reader.error(text, "it is longer than 64 KiB"));
    }
    let text = text.trim();
    let (range, written) = match scheme {
        Scheme::Openssl => reader.list(text, |part| reader.compare(Comparator::Equal, part))?,
        Scheme::Nginx => reader.list(text, |part| reader.nginx(part))?,
        Scheme::Maven | Scheme::Nuget if text.starts_with(['[', '(', ']']) => reader.intervals(text)?,
        _ => reader.alternatives(text)?,
    };
    let mut vers = Vers::from_constraints(scheme, written);
    vers.is_star = vers.constraints.is_empty() && !text.is_empty();
    Ok(Native { vers, range })
}

struct Reader {
    scheme: Scheme,
}

type Whole = (VersionRange, Vec<Constraint>);

impl Reader {
    fn error(&self, part: &str, why: &'static str) -> NativeError {
        NativeError::Syntax { scheme: self.scheme, part: part.chars().take(80).collect(), why }
    }

    fn bound(&self, comparator: Comparator, version: &str) -> Result<VersionRange, NativeError> {
        Ok(comparator.range(self.scheme, key_or_fallback(self.scheme, version)?.0))
    }

    fn compare(&self, comparator: Comparator, version: &str) -> Result<Part, NativeError> {
        let written = vec![Constraint { comparator, version: version.to_owned() }];
        Ok(Part { range: self.bound(comparator, version)?, written })
    }

    /// From a version up to before another; `limit` is what the bound means, `high` how it is written.
    fn span(&self, low: &str, high: &str, limit: &str) -> Result<Part, NativeError> {
        let mut part = self.compare(Comparator::GreaterOrEqual, low)?;
        part.range = part.range.and(self.bound(Comparator::Less, limit)?);
        part.written.push(Constraint { comparator: Comparator::Less, version: high.to_owned() });
        Ok(part)
    }

    fn anything(&self) -> Part {
        Part { range: VersionRange::all(self.scheme), written: Vec::new() }
    }

    /// Parts between commas, any of which may hold.
    fn list(&self, text: &str, read: impl Fn(&str) -> Result<Part, NativeError>) -> Result<Whole, NativeError> {
        let parts: Vec<Part> = text.split(',').map(str::trim).map(read).collect::<Result<_, _>>()?;
        let written = parts.iter().flat_map(|part| part.written.clone()).collect();
        Ok((VersionRange::any(self.scheme, parts.into_iter().map(|part| part.range)), written))
    }

    /// `1.2.3`, `0.7.52-0.8.39`, or `1.4.1+`: all later ones, within the stable branch if the middle number is even.
    fn nginx(&self, part: &str) -> Result<Part, NativeError> {
        if let Some((low, high)) = part.split_once('-') {
            let mut first = self.compare(Comparator::GreaterOrEqual, low.trim())?;
            let last = self.compare(Comparator::LessOrEqual, high.trim())?;
            first.range = first.range.and(last.range);
            first.written.extend(last.written);
            return Ok(first);
        }
        let Some(low) = part.strip_suffix('+') else { return self.compare(Comparator::Equal, part) };
        match Partial::read(low).numbers.as_slice() {
            [major, minor, ..] if minor & 1 == 0 => {
                let next = format!("{major}.{}.0", minor.saturating_add(1));
                self.span(low, &next, &next)
            }
            _ => self.compare(Comparator::GreaterOrEqual, low),
        }
    }

    /// `[1.0,2.0)`, `(,1.5]`, `[1.2]`, several after each other.
    fn intervals(&self, text: &str) -> Result<Whole, NativeError> {
        let (mut ranges, mut written) = (Vec::new(), Vec::new());
        let mut rest = text;
        while !rest.is_empty() {
            let body = rest.get(1..).filter(|_| rest.starts_with(['[', '(', ']']));
            let body = body.ok_or_else(|| self.error(rest, "`[` or `(` was expected"))?;
            let end = body.find([']', ')']).ok_or_else(|| self.error(rest, "`]` or `)` was expected"))?;
            let (inner, behind) = body.split_at_checked(end).unwrap_or((body, ""));
            let (low, high) = inner.split_once(',').map_or((inner, None), |(low, high)| (low, Some(high)));
            let (low, is_low) = (low.trim(), rest.starts_with('['));
            let (high, is_high) = (high.map(str::trim), behind.starts_with(']'));
            let mut range = VersionRange::all(self.scheme);
            let mut bound = |comparator, version: &str| -> Result<(), NativeError> {
                range = range.clone().and(self.bound(comparator, version)?);
                written.push(Constraint { comparator, version: version.to_owned() });
                Ok(())
            };
            match high {
                None if low.is_empty() => return Err(self.error(inner, "a version was expected")),
                None => bound(Comparator::Equal, low)?,
                Some(high) => {
                    if !low.is_empty() {
                        bound(if is_low { Comparator::GreaterOrEqual } else { Comparator::Greater }, low)?;
                    }
                    if !high.is_empty() {
                        bound(if is_high { Comparator::LessOrEqual } else { Comparator::Less }, high)?;
                    }
                }
            }
            ranges.push(range);
            rest = behind
                .get(1..)
                .unwrap_or_default()
                .trim_start_matches(|char: char| char == ',' || char.is_whitespace());
        }
        Ok((VersionRange::any(self.scheme, ranges), written))
    }

    /// Comparisons that all hold, in alternatives of which one does.
    fn alternatives(&self, text: &str) -> Result<Whole, NativeError> {
        let text =
            if self.scheme == Scheme::Hex { text.replace(" or ", "||").replace(" and ", ",") } else { text.to_owned() };
        let text = text.replace("&&", ",");
        let separator =
            if matches!(self.scheme, Scheme::Deb | Scheme::Composer) && !text.contains("||") { "|" } else { "||" };
        let (mut ranges, mut written) = (Vec::new(), Vec::new());
        for alternative in text.split(separator) {
            let mut range = VersionRange::all(self.scheme);
            for part in self.comparisons(alternative)? {
                range = range.and(part.range);
                written.extend(part.written);
            }
            ranges.push(range);
        }
        Ok((VersionRange::any(self.scheme, ranges), written))
    }

    fn comparisons(&self, text: &str) -> Result<Vec<Part>, NativeError> {
        let mut words: Vec<(&str, &str)> = Vec::new();
        let mut rest = text;
        loop {
            rest =
                rest.trim_start_matches(|char: char| char == ',' || char == '(' || char == ')' || char.is_whitespace());
            if rest.is_empty() {
                break;
            }
            let (sign, behind) = super::key::take(rest, |byte| b"<>=!~^".contains(&byte));
            let is_end = |char: char| char == ',' || char == ')' || char.is_whitespace();
            let behind = behind.trim_start();
            let (version, left) =
                behind.split_at_checked(behind.find(is_end).unwrap_or(behind.len())).unwrap_or((behind, ""));
            if version.is_empty() {
                return Err(self.error(rest, "a version was expected behind the comparator"));
            }
            rest = left;
            words.push((sign, version));
        }
        if let [("", low), ("", "-"), ("", high)] = words.as_slice() {
            return Ok(vec![self.expand(">=", low)?, self.expand("<=", high)?]);
        }
        // Conan's word for taking pre-releases too, which is what is done anyway.
        words.retain(|(_, version)| self.scheme != Scheme::Conan || !version.starts_with("include_prerelease"));
        words.into_iter().map(|(sign, version)| self.expand(sign, version)).collect()
    }

    /// What one comparison of this scheme means.
    fn expand(&self, sign: &str, version: &str) -> Result<Part, NativeError> {
        match self.scheme {
            Scheme::Npm | Scheme::Cargo | Scheme::Semver | Scheme::Pub | Scheme::Swift => self.node(sign, version),
            Scheme::Conan => self.conan(sign, version),
            Scheme::Gem | Scheme::Hex if sign == "~>" => self.pessimistic(version),
            Scheme::Composer => self.composer(sign, version),
            Scheme::Pypi if version.ends_with(".*") || sign == "~=" => self.python(sign, version),
            Scheme::Hackage if version.ends_with(".*") || sign == "^>=" => self.haskell(sign, version),
            Scheme::Nuget if sign.is_empty() => {
                let partial = Partial::read(version);
                if partial.is_wild { self.node("", version) } else { self.compare(Comparator::GreaterOrEqual, version) }
            }
            _ => self.plain(sign, version),
        }
    }

    fn plain(&self, sign: &str, version: &str) -> Result<Part, NativeError> {
        if version == "*" && sign.is_empty() {
            return Ok(self.anything());
        }
        let comparator = match sign {
            "" | "=" | "==" | "===" => Comparator::Equal,
            "!=" => Comparator::NotEqual,
            "<" | "<<" => Comparator::Less,
            "<=" | "=<" => Comparator::LessOrEqual,
            ">" | ">>" => Comparator::Greater,
            ">=" | "=>" => Comparator::GreaterOrEqual,
            "~" | "~=" if self.scheme == Scheme::Apk => return self.fuzzy(version),
            _ => return Err(self.error(sign, "it has no such comparator")),
        };
        self.compare(comparator, version)
    }

    /// Alpine's `~1.2`: every version that begins so.
    fn fuzzy(&self, version: &str) -> Result<Part, NativeError> {
        let next = Partial::read(version).bumped_last().text();
        self.span(version, &next, &format!("{next}_alpha"))
    }

    /// A series, or with `!=` all but it.
    fn series_or_not(&self, low: &str, high: &str, sign: &str) -> Result<Part, NativeError> {
        let outside = self.bound(Comparator::Less, low)?;
        let range = VersionRange::any(self.scheme, [outside, self.bound(Comparator::GreaterOrEqual, high)?]);
        let written = vec![
            Constraint { comparator: Comparator::Less, version: low.to_owned() },
            Constraint { comparator: Comparator::GreaterOrEqual, version: high.to_owned() },
        ];
        if sign == "!=" { Ok(Part { range, written }) } else { self.span(low, high, high) }
    }
}
