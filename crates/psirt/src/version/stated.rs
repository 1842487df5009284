//! Ranges as advisories state them: intervals, lists, notations, and the habits of CVE records (`*`, `n/a`, `5.4.*`, `< 1.2`, `before 3`).
//!
//! Not a matcher, and commits are no versions: a range between commits is refused here and judged on the history. What a source leaves
//! unsaid is remarked and adds no version; whoever matches decides what to make of it.

use super::native::partial::Partial;
use super::range::{Cut, VersionRange};
use super::{NativeError, Scheme, Vers, VersError, VersionError, VersionKey, from_native, key_or_fallback};
use crate::advisory::{End, Versions};

/// A stated range, and what there is to say about the reading of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stated {
    /// The versions. Their scheme is the range's.
    pub range: VersionRange,
    /// What was not as it should be.
    pub remarks: Vec<Remark>,
}

/// Something in a stated range that its reader should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Remark {
    /// Nobody knows the scheme; versions are ordered as `generic`.
    UnknownScheme(String),
    /// The scheme refuses this version; it is ordered by the fallback.
    Refused(VersionError),
    /// This stands where a version should and says nothing (`n/a`).
    SaysNothing(String),
    /// It ends before it begins, and so holds nothing.
    Inverted,
    /// It is VERS, but not in canonical form.
    NotCanonical(VersError),
}

/// Why a stated range cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatedError {
    /// It is between commits.
    #[error("a range between commits is not a range of versions; judge it on the repository's history")]
    Commits,
    /// A version in it cannot be read.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// It is VERS that cannot be understood.
    #[error(transparent)]
    Vers(#[from] VersError),
    /// It is a notation that cannot be understood.
    #[error(transparent)]
    Native(#[from] NativeError),
}

/// Reads a stated range. `package` is the scheme of the package that it is about, if that is known; a scheme that the source names and
/// that says more than "some other" goes before it.
pub fn stated(versions: &Versions, package: Option<Scheme>) -> Result<Stated, StatedError> {
    let mut reader = Reader { scheme: package.unwrap_or(Scheme::Generic), remarks: Vec::new() };
    let range = match versions {
        Versions::All => VersionRange::all(reader.scheme),
        Versions::Commits { .. } => return Err(StatedError::Commits),
        Versions::Exactly(list) => {
            let ranges = list.iter().map(|text| reader.one(text)).collect::<Result<Vec<_>, _>>()?;
            VersionRange::any(reader.scheme, ranges)
        }
        Versions::Interval { scheme, introduced, end } => {
            if let Some(name) = scheme {
                reader.take_scheme(name, package)?;
            }
            reader.interval(introduced.as_deref(), end)?
        }
        Versions::Notation(text) => reader.notation(text.trim())?,
    };
    Ok(Stated { range, remarks: reader.remarks })
}

struct Reader {
    scheme: Scheme,
    remarks: Vec<Remark>,
}

impl Reader {
    fn take_scheme(&mut self, name: &str, package: Option<Scheme>) -> Result<(), StatedError> {
        if name.eq_ignore_ascii_case("git") || name.to_ascii_lowercase().contains("commit") {
            return Err(StatedError::Commits);
        }
        match Scheme::named(name) {
            Some(Scheme::Generic) => {}
            Some(scheme) => self.scheme = scheme,
            None if package.is_none() => self.remarks.push(Remark::UnknownScheme(name.to_owned())),
            None => {}
        }
        Ok(())
    }

    fn key(&mut self, text: &str) -> Result<VersionKey, VersionError> {
        let (key, refused) = key_or_fallback(self.scheme, text)?;
        self.remarks.extend(refused.map(Remark::Refused));
        Ok(key)
    }

    fn interval(&mut self, introduced: Option<&str>, end: &End) -> Result<VersionRange, StatedError> {
        let low = match introduced.map(str::trim) {
            None | Some("0") => Cut::Start,
            Some(text) if is_unsaid(text) => Cut::Start,
            Some(text) => match self.series(text)? {
                Some((low, _)) => low,
                None => Cut::before(self.key(text)?),
            },
        };
        let (Some(text), is_with) = (match end {
            End::Before(text) => (Some(text.trim()), false),
            End::With(text) => (Some(text.trim()), true),
            End::Open => (None, false),
        }) else {
            return Ok(VersionRange::between(self.scheme, low, None));
        };
        if is_unsaid(text) {
            if text != "*" {
                self.remarks.push(Remark::SaysNothing(text.to_owned()));
            }
            return Ok(VersionRange::between(self.scheme, low, None));
        }
        let high = match self.series(text)? {
            Some((_, high)) => high,
            None if is_with => Cut::behind(self.key(text)?),
            None => Cut::before(self.key(text)?),
        };
        if high <= low {
            self.remarks.push(Remark::Inverted);
        }
        Ok(VersionRange::between(self.scheme, low, Some(high)))
    }

    fn one(&mut self, text: &str) -> Result<VersionRange, StatedError> {
        let text = text.trim();
        if matches!(text, "*" | "all" | "All" | "all versions" | "All versions") {
            return Ok(VersionRange::all(self.scheme));
        }
        if is_unsaid(text) {
            self.remarks.push(Remark::SaysNothing(text.to_owned()));
            return Ok(VersionRange::none(self.scheme));
        }
        if text.starts_with(['<', '>', '=', '~', '^']) || text.starts_with("vers:") {
            return self.notation(text);
        }
        if let Some((introduced, end)) = phrase(text) {
            return self.interval(introduced, &end);
        }
        if let Some((low, high)) = self.series(text)? {
            return Ok(VersionRange::between(self.scheme, low, Some(high)));
        }
        let key = self.key(text)?;
        Ok(VersionRange::only(self.scheme, key))
    }

    /// VERS; what CSAF calls a vers-like specifier, which is VERS without its head; or the ecosystem's own notation.
    fn notation(&mut self, text: &str) -> Result<VersionRange, StatedError> {
        let body = text.strip_prefix("vls:").map_or(text, |rest| rest.split_once('/').map_or(rest, |(_, list)| list));
        let is_vers = text.starts_with("vers:");
        let is_list = body.contains('|') && !body.contains("||") && !body.contains(char::is_whitespace);
        if !is_vers && !is_list {
            return Ok(from_native(self.scheme, body)?.range);
        }
        let (mut vers, remarks) =
            if is_vers { Vers::read(text)? } else { Vers::read(&format!("vers:{}/{body}", self.scheme))? };
        if is_vers {
            if Scheme::named(&vers.kind).is_none() && !matches!(vers.kind.as_str(), "all" | "none") {
                self.remarks.push(Remark::UnknownScheme(vers.kind.clone()));
            }
            // `vers:all/*` and `vers:generic/…` are about whatever the package is.
            if vers.scheme != Scheme::Generic {
                self.scheme = vers.scheme;
            }
            vers.scheme = self.scheme;
        }
        self.remarks.extend(remarks.into_iter().map(Remark::NotCanonical));
        Ok(vers.range()?)
    }

    /// Where all versions that begin as `5.4.*` does begin and end.
    fn series(&mut self, text: &str) -> Result<Option<(Cut, Cut)>, VersionError> {
        let partial = Partial::read(text);
        if !partial.is_wild || partial.numbers.is_empty() {
            return Ok(None);
        }
        let (lowest, width) = lowest(self.scheme);
        let key = |text: String| key_or_fallback(self.scheme, &format!("{text}{lowest}"));
        let low = key(partial.padded(width))?.0;
        let high = key(partial.bumped_last().padded(width))?.0;
        Ok(Some((Cut::before(low), Cut::before(high))))
    }
}

/// What to write behind the first numbers of a series to come before all versions in it, and how many numbers there must be.
const fn lowest(scheme: Scheme) -> (&'static str, usize) {
    match scheme {
        Scheme::Pypi => (".dev0", 0),
        Scheme::Deb | Scheme::Rpm => ("~", 0),
        Scheme::Kernel => ("-rc0", 0),
        Scheme::Apk | Scheme::Gentoo => ("_alpha", 0),
        Scheme::Maven | Scheme::Openssl | Scheme::Generic => ("-alpha", 0),
        Scheme::Composer => ("-dev", 0),
        Scheme::Conan => ("-", 0),
        Scheme::Gem => (".A", 0),
        Scheme::Semver | Scheme::Npm | Scheme::Cargo | Scheme::Golang => ("-0", 3),
        Scheme::Hex | Scheme::Pub | Scheme::Swift | Scheme::Nuget => ("-0", 3),
        _ => ("", 0),
    }
}

/// What stands where a version should and says nothing; `*` as an end says that there is none.
fn is_unsaid(text: &str) -> bool {
    let known = ["", "*", "-", "n/a", "na", "none", "unspecified", "unknown", "undefined", "next of"];
    known.iter().any(|unsaid| text.eq_ignore_ascii_case(unsaid))
}

/// English that CVE records and advisories use instead of bounds.
fn phrase(text: &str) -> Option<(Option<&str>, End)> {
    let lower = text.to_ascii_lowercase();
    let behind = |starts: &[&str]| {
        let start = starts.iter().find(|start| lower.starts_with(**start))?;
        text.get(start.len()..).map(str::trim).filter(|rest| is_one_version(rest))
    };
    let before = |ends: &[&str]| {
        let end = ends.iter().find(|end| lower.ends_with(**end))?;
        text.get(..text.len().saturating_sub(end.len())).map(str::trim).filter(|rest| is_one_version(rest))
    };
    if let Some(version) =
        behind(&["before version ", "before ", "prior to version ", "prior to ", "earlier than ", "lower than "])
    {
        return Some((None, End::Before(version.to_owned())));
    }
    if let Some(version) = behind(&["up to and including ", "through ", "up to "]) {
        return Some((None, End::With(version.to_owned())));
    }
    let earlier =
        [" and earlier", " and below", " and prior", " and older", " or earlier", " or lower", " and earlier versions"];
    if let Some(version) = before(&earlier) {
        return Some((None, End::With(version.to_owned())));
    }
    if let Some(version) = before(&[" and later", " and above", " and newer", " or later", " and later versions"]) {
        return Some((Some(version), End::Open));
    }
    let between = [" through ", " - ", " to "].iter().find_map(|word| text.split_once(word));
    let (low, high) = between.map(|(low, high)| (low.trim(), high.trim()))?;
    (is_one_version(low) && is_one_version(high)).then(|| (Some(low), End::With(high.to_owned())))
}

fn is_one_version(text: &str) -> bool {
    let body = text.strip_prefix(['v', 'V']).unwrap_or(text);
    body.starts_with(|char: char| char.is_ascii_digit()) && !body.contains(char::is_whitespace)
}
