//! VERS, the notation of version ranges: `vers:npm/>=1.0.0|<2.0.0` (ECMA draft of the package-url group).
//!
//! Not a judge of versions: a version that its scheme refuses is kept and ordered as [`super::key_or_fallback`] does. [`Vers::parse`] takes
//! the canonical form alone, as the specification wants it; [`Vers::read`] takes what can be understood and lists what is not canonical.

use super::range::{Cut, VersionRange};
use super::{Scheme, VersionError, VersionKey, key_or_fallback};
use std::fmt;

/// How a version bounds a range.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Comparator {
    /// This version.
    Equal,
    /// Not this version.
    NotEqual,
    /// Before it.
    Less,
    /// Before it, and it.
    LessOrEqual,
    /// After it.
    Greater,
    /// After it, and it.
    GreaterOrEqual,
}

impl Comparator {
    /// As VERS writes it; equality is written by nothing.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Equal => "",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// All versions that it lets through.
    #[must_use]
    pub fn range(self, scheme: Scheme, key: VersionKey) -> VersionRange {
        match self {
            Self::Equal => VersionRange::only(scheme, key),
            Self::NotEqual => VersionRange::only(scheme, key).complement(),
            Self::Less => VersionRange::between(scheme, Cut::Start, Some(Cut::before(key))),
            Self::LessOrEqual => VersionRange::between(scheme, Cut::Start, Some(Cut::behind(key))),
            Self::Greater => VersionRange::between(scheme, Cut::behind(key), None),
            Self::GreaterOrEqual => VersionRange::between(scheme, Cut::before(key), None),
        }
    }

    const fn is_upper(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual)
    }

    const fn is_lower(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual)
    }
}

/// A comparator and the version that it is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Constraint {
    /// The comparator.
    pub comparator: Comparator,
    /// The version, not percent-encoded.
    pub version: String,
}

/// What is wrong with a VERS text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VersError {
    /// It cannot be understood.
    #[error("not VERS: column {column}: {why}")]
    Syntax {
        /// Where, in characters from 1.
        column: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// It can be understood, but there is another way to write it, and that is the right one.
    #[error("non-canonical VERS: column {column}: {why}")]
    NotCanonical {
        /// Where, in characters from 1.
        column: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A version in it cannot be read at all.
    #[error(transparent)]
    Version(#[from] VersionError),
}

/// A VERS range as it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Vers {
    /// The type, lower case: `npm`, `all`, or one that nobody knows.
    pub kind: String,
    /// How its versions are ordered; `generic` if nobody knows the type.
    pub scheme: Scheme,
    /// What it says; empty if it says `*`.
    pub constraints: Vec<Constraint>,
    /// It says `*`.
    pub is_star: bool,
}

impl Vers {
    /// Reads the canonical form.
    pub fn parse(text: &str) -> Result<Self, VersError> {
        let (vers, mut remarks) = Self::read(text)?;
        if remarks.is_empty() { Ok(vers) } else { Err(remarks.swap_remove(0)) }
    }

    /// Reads any form that can be understood; what is not canonical is listed and put right: types in lower case, versions in order.
    pub fn read(text: &str) -> Result<(Self, Vec<VersError>), VersError> {
        let mut reader = Reader { text, remarks: Vec::new() };
        let vers = reader.read()?;
        Ok((vers, reader.remarks))
    }

    /// Constraints of a scheme, put in order.
    #[must_use]
    pub fn from_constraints(scheme: Scheme, mut constraints: Vec<Constraint>) -> Self {
        // Where an end and a beginning meet the end comes first.
        constraints.sort_by_cached_key(|one| {
            let side = if one.comparator.is_upper() { 0_u8 } else { 1 };
            (sort_key(scheme, &one.version), side.saturating_add(u8::from(one.comparator.is_lower())))
        });
        Self { kind: scheme.name().to_owned(), scheme, constraints, is_star: false }
    }

    /// The versions that are in it. Bounds that others make redundant do not count, as the specification says.
    pub fn range(&self) -> Result<VersionRange, VersError> {
        let scheme = self.scheme;
        if self.is_star {
            return Ok(if self.kind == "none" { VersionRange::none(scheme) } else { VersionRange::all(scheme) });
        }
        let mut kept: Vec<(Comparator, VersionKey)> = Vec::new();
        let mut holes = Vec::new();
        for one in &self.constraints {
            let (key, _) = key_or_fallback(scheme, &one.version)?;
            if one.comparator == Comparator::NotEqual {
                holes.push(VersionRange::only(scheme, key));
                continue;
            }
            if one.comparator.is_upper() {
                while kept.last().is_some_and(|(last, _)| !last.is_lower()) {
                    kept.pop();
                }
            } else if kept.last().is_some_and(|(last, _)| last.is_lower()) {
                continue;
            }
            kept.push((one.comparator, key));
        }
        let all = if kept.is_empty() && !holes.is_empty() {
            VersionRange::all(scheme)
        } else {
            VersionRange::any(scheme, intervals(scheme, kept))
        };
        if holes.is_empty() {
            return Ok(all);
        }
        Ok(all.and(VersionRange::any(scheme, holes).complement()))
    }
}

/// Of alternating bounds and single versions.
fn intervals(scheme: Scheme, bounds: Vec<(Comparator, VersionKey)>) -> Vec<VersionRange> {
    let mut ranges = Vec::new();
    let mut low: Option<VersionRange> = None;
    for (comparator, key) in bounds {
        let part = comparator.range(scheme, key);
        if comparator.is_lower() {
            low = Some(part);
        } else if comparator.is_upper() {
            ranges.push(match low.take() {
                Some(low) => low.and(part),
                None => part,
            });
        } else {
            ranges.push(part);
        }
    }
    ranges.extend(low);
    ranges
}

/// What no scheme reads sorts first.
fn sort_key(scheme: Scheme, version: &str) -> VersionKey {
    key_or_fallback(scheme, version).map(|(key, _)| key).unwrap_or_default()
}

impl fmt::Display for Vers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "vers:{}/", self.kind)?;
        if self.is_star {
            return formatter.write_str("*");
        }
        for (place, one) in self.constraints.iter().enumerate() {
            let separator = if place == 0 { "" } else { "|" };
            write!(formatter, "{separator}{}", one.comparator.text())?;
            for byte in one.version.bytes() {
                if byte.is_ascii_graphic() && !MUST_ENCODE.contains(&byte) {
                    write!(formatter, "{}", char::from(byte))?;
                } else {
                    write!(formatter, "%{byte:02X}")?;
                }
            }
        }
        Ok(())
    }
}

const MUST_ENCODE: &[u8] = b"><=!*|%";

struct Reader<'a> {
    text: &'a str,
    remarks: Vec<VersError>,
}

impl<'a> Reader<'a> {
    fn column(&self, place: &str) -> usize {
        let offset = place.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        self.text.char_indices().take_while(|(at, _)| *at < offset).count().saturating_add(1)
    }

    fn syntax(&self, place: &str, why: &'static str) -> VersError {
        VersError::Syntax { column: self.column(place), why }
    }

    fn remark(&mut self, place: &str, why: &'static str) {
        let column = self.column(place);
        self.remarks.push(VersError::NotCanonical { column, why });
    }

    fn read(&mut self) -> Result<Vers, VersError> {
        let text = self.text;
        if let Some(wrong) = text.find(|char: char| !char.is_ascii_graphic()) {
            let place = text.get(wrong..).unwrap_or_default();
            return Err(self.syntax(place, "whitespace and what is not ASCII are not permitted; encode them with `%`"));
        }
        let (uri, rest) = text.split_once(':').ok_or_else(|| self.syntax(text, "`vers:` was expected"))?;
        if !uri.eq_ignore_ascii_case("vers") {
            return Err(self.syntax(text, "`vers:` was expected"));
        }
        let (kind, list) = rest.split_once('/').ok_or_else(|| self.syntax(rest, "a type and `/` were expected"))?;
        let is_kind = |char: char| char.is_ascii_alphanumeric() || char == '.' || char == '-';
        if !kind.starts_with(|char: char| char.is_ascii_alphabetic()) || !kind.chars().all(is_kind) {
            return Err(self.syntax(rest, "a type is letters, digits, `.` and `-`, and begins with a letter"));
        }
        let lower = kind.to_ascii_lowercase();
        if uri != "vers" || kind != lower {
            self.remark(text, "`vers` and the type are written in lower case");
        }
        let scheme = Scheme::named(&lower).unwrap_or(Scheme::Generic);
        let mut vers = Vers { kind: lower, scheme, constraints: Vec::new(), is_star: list == "*" };
        if vers.is_star {
            return Ok(vers);
        }
        if matches!(vers.kind.as_str(), "all" | "none") {
            return Err(self.syntax(list, "the types `all` and `none` take `*` alone"));
        }
        if list.is_empty() {
            return Err(self.syntax(list, "a constraint was expected"));
        }
        for part in list.split('|') {
            let constraint = self.constraint(scheme, part)?;
            vers.constraints.push(constraint);
        }
        self.put_in_order(&mut vers, list)?;
        Ok(vers)
    }

    fn constraint(&mut self, scheme: Scheme, part: &'a str) -> Result<Constraint, VersError> {
        const COMPARATORS: [(&str, Comparator); 6] = [
            (">=", Comparator::GreaterOrEqual),
            ("<=", Comparator::LessOrEqual),
            ("!=", Comparator::NotEqual),
            ("<", Comparator::Less),
            (">", Comparator::Greater),
            ("=", Comparator::Equal),
        ];
        if part.is_empty() {
            return Err(self.syntax(part, "leading, trailing and consecutive pipes are not permitted"));
        }
        let found = COMPARATORS.iter().find_map(|(sign, comparator)| Some((part.strip_prefix(sign)?, *comparator)));
        let (version, comparator) = found.unwrap_or((part, Comparator::Equal));
        if part.starts_with('=') {
            self.remark(part, "`=` is not written");
        }
        if version.is_empty() {
            return Err(self.syntax(version, "a version was expected"));
        }
        let version = self.decode(scheme, version)?;
        if scheme == Scheme::Datetime && version.contains(['t', 'z']) {
            self.remark(part, "datetime must use uppercase T and Z");
        }
        Ok(Constraint { comparator, version })
    }

    fn decode(&mut self, scheme: Scheme, version: &'a str) -> Result<String, VersError> {
        let mut bytes = Vec::new();
        let mut rest = version;
        while let Some(first) = rest.bytes().next() {
            if MUST_ENCODE.contains(&first) && first != b'%' {
                return Err(self.syntax(rest, "in a version `><=!*|%` must be percent-encoded"));
            }
            let (one, left) = rest.split_at_checked(if first == b'%' { 3 } else { 1 }).unwrap_or((rest, ""));
            if first == b'%' {
                let digits = one.get(1..).filter(|digits| digits.len() == 2 && !digits.starts_with('+'));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let byte = byte.ok_or_else(|| self.syntax(rest, "invalid percent-encoding in version"))?;
                let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                if one.bytes().any(|byte| byte.is_ascii_lowercase()) || is_unreserved {
                    self.remark(rest, "percent-encoding in version is not canonical");
                } else if scheme == Scheme::Datetime {
                    self.remark(rest, "datetime time colons must be unencoded");
                }
                bytes.push(byte);
            } else {
                bytes.push(first);
            }
            rest = left;
        }
        String::from_utf8(bytes).map_err(|_| self.syntax(version, "the version is not UTF-8"))
    }

    /// Sorts the constraints and remarks on what the specification's rules for a list of them forbid.
    fn put_in_order(&mut self, vers: &mut Vers, list: &str) -> Result<(), VersError> {
        let mut keyed = Vec::new();
        for one in std::mem::take(&mut vers.constraints) {
            keyed.push((key_or_fallback(vers.scheme, &one.version)?.0, one));
        }
        if keyed.iter().zip(keyed.iter().skip(1)).any(|((a, _), (b, _))| a > b) {
            self.remark(list, "constraints are not sorted by version");
            keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        if keyed.iter().zip(keyed.iter().skip(1)).any(|((a, _), (b, _))| a == b) {
            self.remark(list, "a version occurs twice");
        }
        vers.constraints = keyed.into_iter().map(|(_, one)| one).collect();
        let comparators =
            || vers.constraints.iter().map(|one| one.comparator).filter(|one| *one != Comparator::NotEqual);
        for (one, next) in comparators().zip(comparators().skip(1)) {
            if one.is_lower() && !next.is_upper() || !one.is_lower() && next.is_upper() {
                self.remark(
                    list,
                    "a constraint is redundant: bounds must alternate, and no single version is within them",
                );
                break;
            }
        }
        Ok(())
    }
}
