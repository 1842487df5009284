//! Package URLs (ECMA-427): parse, build, canonical form.
//!
//! Not a judge of whether the package exists. [`Purl::parse`] holds a text to the rules of its type; [`Purl::read`] reads what SBOMs in the
//! wild write, such as a `deb` without a namespace. Invariants: qualifiers are sorted and unique; no part is empty.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};

use super::purl_types::{Facts, Namespace, facts};

/// Bytes that a package URL may have. Longer ones are refused: nothing that names a package comes near.
const LENGTH_MAX: usize = 64 * 1024;

/// Why a text is no package URL, or why parts make none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PurlError {
    /// It is longer than what is allowed.
    #[error("{0} bytes long: a package URL has at most {LENGTH_MAX}")]
    TooLong(usize),
    /// It does not begin with `pkg:`.
    #[error("{0:?} does not begin with `pkg:`")]
    Scheme(String),
    /// The type is missing or has a character that a type cannot have.
    #[error("type {0:?}: a letter, then letters, digits, `.`, `+` and `-`")]
    Type(String),
    /// The name is missing.
    #[error("no name after the type: a name is always required")]
    Name,
    /// A percent sign that two hexadecimal digits do not follow, or bytes that are no UTF-8.
    #[error("{0:?} is not percent-encoded UTF-8")]
    Encoding(String),
    /// A qualifier's key has a character that it cannot have.
    #[error("qualifier key {0:?}: a lower-case letter, then letters, digits, `.`, `-` and `_`")]
    QualifierKey(String),
    /// A qualifier stands twice.
    #[error("qualifier {0:?} stands twice")]
    QualifierTwice(String),
    /// The type wants a namespace.
    #[error("type {0} requires a namespace")]
    NamespaceMissing(String),
    /// The type knows no namespace.
    #[error("type {0} has no namespace, found {1:?}")]
    NamespaceProhibited(String, String),
    /// The type wants a qualifier.
    #[error("type {0} requires the qualifier {1:?}")]
    QualifierMissing(String, &'static str),
    /// A rule of the type on a part.
    #[error("type {kind}: {part} {value:?}: {rule}")]
    Rule {
        /// The type.
        kind: String,
        /// `name` or `version`.
        part: &'static str,
        /// What is written.
        value: String,
        /// What was expected.
        rule: &'static str,
    },
}

/// The parts of a package URL, decoded, as somebody gives them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Parts {
    /// The type: `npm`.
    pub kind: String,
    /// Segments joined by `/`.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The version.
    pub version: Option<String>,
    /// Keys and values in any order.
    pub qualifiers: Vec<(String, String)>,
    /// Segments joined by `/`.
    pub subpath: Option<String>,
}

/// A package URL with its parts in normal form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Purl(Parts);

impl Purl {
    /// Reads a package URL and holds it to the rules of its type. A qualifier's key begins with a lower-case letter, as the suite wants.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PurlError> {
        let parts = split(text)?;
        match parts.qualifiers.iter().find(|(key, _)| key.starts_with(|c: char| c.is_ascii_uppercase())) {
            Some((key, _)) => Err(PurlError::QualifierKey(key.clone())),
            None => Self::build(parts),
        }
    }

    /// Reads a package URL to write it in canonical form: as [`Purl::parse`], but keys of any case.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn normalise(text: &str) -> Result<Self, PurlError> {
        Self::build(split(text)?)
    }

    /// Reads a package URL as found in the wild: the rules of its type normalise it, and refuse nothing.
    ///
    /// # Errors
    /// What makes it unreadable.
    pub fn read(text: &str) -> Result<Self, PurlError> {
        normal(split(text)?).map(|(parts, _)| Self(parts))
    }

    /// Makes a package URL of its parts.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn build(parts: Parts) -> Result<Self, PurlError> {
        let (parts, facts) = normal(parts)?;
        if let Some(facts) = facts {
            check(&parts, facts)?;
        }
        Ok(Self(parts))
    }

    /// The parts in normal form.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.0
    }

    /// The value of a qualifier.
    #[must_use]
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        self.0.qualifiers.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }
}

impl Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &self.0;
        write!(f, "pkg:{}/", parts.kind)?;
        if let Some(namespace) = &parts.namespace {
            segments(f, namespace)?;
            f.write_char('/')?;
        }
        if slashed_name(&parts.kind) {
            segments(f, &parts.name)?
        } else {
            encode(f, &parts.name)?
        }
        if let Some(version) = &parts.version {
            f.write_char('@')?;
            encode(f, version)?;
        }
        for (index, (key, value)) in parts.qualifiers.iter().enumerate() {
            f.write_char(if index == 0 { '?' } else { '&' })?;
            f.write_str(key)?;
            f.write_char('=')?;
            encode(f, value)?;
        }
        if let Some(subpath) = &parts.subpath {
            f.write_char('#')?;
            segments(f, subpath)?;
        }
        Ok(())
    }
}

/// Whether the name may be a path: a repository's owner and name.
fn slashed_name(kind: &str) -> bool {
    kind == "git"
}

fn segments(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            f.write_char('/')?;
        }
        encode(f, segment)?;
    }
    Ok(())
}

fn encode(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// Takes the text apart and decodes it.
fn split(text: &str) -> Result<Parts, PurlError> {
    if text.len() > LENGTH_MAX {
        return Err(PurlError::TooLong(text.len()));
    }
    let (text, subpath) = text.rsplit_once('#').map_or((text, None), |(rest, found)| (rest, Some(found)));
    let (text, qualifiers) = text.rsplit_once('?').map_or((text, None), |(rest, found)| (rest, Some(found)));
    let rest = match text.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("pkg") => rest.trim_matches('/'),
        _ => return Err(PurlError::Scheme(text.chars().take(40).collect())),
    };
    let (kind, rest) = rest.split_once('/').unwrap_or((rest, ""));
    // An `@` that opens a segment which is not the last belongs to it: `pkg:npm/@babel/core`.
    let (path, version) = match rest.rsplit_once('@') {
        Some((path, version)) if (path.is_empty() || path.ends_with('/')) && version.contains('/') => (rest, None),
        Some((_, "")) | None => (rest.trim_end_matches('@'), None),
        Some((path, version)) if !path.ends_with('/') => (path, Some(version)),
        Some(_) => return Err(PurlError::Name),
    };
    let path = path.trim_matches('/');
    let (namespace, name) = if slashed_name(&kind.to_ascii_lowercase()) {
        path.split_once('/').map_or((None, path), |(host, rest)| (Some(host), rest))
    } else {
        path.rsplit_once('/').map_or((None, path), |(namespace, name)| (Some(namespace), name))
    };
    Ok(Parts {
        kind: kind.to_owned(),
        namespace: namespace.map(|text| decode(text).map(Cow::into_owned)).transpose()?,
        name: decode(name)?.into_owned(),
        version: version.map(|text| decode(text).map(Cow::into_owned)).transpose()?,
        qualifiers: qualifiers.map_or(Ok(Vec::new()), split_qualifiers)?,
        subpath: subpath.map(|text| decode(text).map(Cow::into_owned)).transpose()?,
    })
}

fn split_qualifiers(text: &str) -> Result<Vec<(String, String)>, PurlError> {
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((key.to_owned(), decode(value)?.into_owned()));
    }
    Ok(pairs)
}

fn decode(text: &str) -> Result<Cow<'_, str>, PurlError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let wrong = || PurlError::Encoding(text.to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit =
                || rest.next().and_then(|byte| char::from(byte).to_digit(16)).and_then(|d| u8::try_from(d).ok());
            let (Some(high), Some(low)) = (digit(), digit()) else { return Err(wrong()) };
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| wrong())
}

/// The parts in the normal form of their type.
fn normal(mut parts: Parts) -> Result<(Parts, Option<&'static Facts>), PurlError> {
    parts.kind.make_ascii_lowercase();
    let well_formed = parts.kind.starts_with(|c: char| c.is_ascii_lowercase())
        && parts.kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".+-".contains(&byte));
    if !well_formed {
        return Err(PurlError::Type(parts.kind));
    }
    parts.namespace = parts.namespace.and_then(|text| tidy_path(text, |segment| !segment.is_empty()));
    parts.subpath = parts.subpath.and_then(|text| tidy_path(text, |segment| !matches!(segment, "" | "." | "..")));
    parts.version = parts.version.filter(|version| !version.is_empty());
    if parts.name.starts_with('/') || parts.name.ends_with('/') {
        parts.name = parts.name.trim_matches('/').to_owned();
    }
    if parts.name.is_empty() {
        return Err(PurlError::Name);
    }
    parts.qualifiers = normal_qualifiers(parts.qualifiers)?;
    let facts = facts(&parts.kind);
    if let Some(facts) = facts {
        fold(&mut parts, facts);
    }
    Ok((parts, facts))
}

fn tidy_path(text: String, keep: fn(&str) -> bool) -> Option<String> {
    if text.split('/').all(keep) {
        return Some(text);
    }
    let kept: Vec<&str> = text.split('/').filter(|segment| keep(segment)).collect();
    (!kept.is_empty()).then(|| kept.join("/"))
}

fn normal_qualifiers(mut pairs: Vec<(String, String)>) -> Result<Vec<(String, String)>, PurlError> {
    for (key, _) in &mut pairs {
        key.make_ascii_lowercase();
        let well_formed = key.starts_with(|c: char| c.is_ascii_lowercase())
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte));
        if !well_formed {
            return Err(PurlError::QualifierKey(key.clone()));
        }
    }
    pairs.sort();
    for (first, second) in pairs.iter().zip(pairs.iter().skip(1)) {
        if first.0 == second.0 {
            return Err(PurlError::QualifierTwice(first.0.clone()));
        }
    }
    pairs.retain(|(_, value)| !value.is_empty());
    Ok(pairs)
}

/// Applies what a type says of case and characters.
fn fold(parts: &mut Parts, facts: &Facts) {
    if facts.folded.namespace {
        parts.namespace = parts.namespace.take().map(lower);
    }
    if facts.folded.name || names_are_folded(parts) {
        parts.name = lower(std::mem::take(&mut parts.name));
    }
    if facts.folded.version {
        parts.version = parts.version.take().map(lower);
    }
    match parts.kind.as_str() {
        "pypi" if parts.name.contains('_') => parts.name = parts.name.replace('_', "-"),
        "pub" => parts.name = parts.name.replace(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit(), "_"),
        "cpan" => {
            if let Some(author) = &mut parts.namespace {
                author.make_ascii_uppercase();
            }
        }
        _ => {}
    }
}

fn lower(text: String) -> String {
    if text.chars().any(char::is_uppercase) { text.to_lowercase() } else { text }
}

/// Types whose names are folded on some hosts only.
fn names_are_folded(parts: &Parts) -> bool {
    match parts.kind.as_str() {
        // Databricks does not tell cases apart, Azure does.
        "mlflow" => parts.qualifiers.iter().any(|(key, url)| key == "repository_url" && url.contains("databricks")),
        "git" => matches!(parts.namespace.as_deref(), Some("github" | "github.com")),
        _ => false,
    }
}

/// Holds parts in normal form to what their type requires.
fn check(parts: &Parts, facts: &Facts) -> Result<(), PurlError> {
    let kind = || parts.kind.clone();
    match (&parts.namespace, facts.namespace) {
        (None, Namespace::Required) => return Err(PurlError::NamespaceMissing(kind())),
        (Some(found), Namespace::Prohibited) => return Err(PurlError::NamespaceProhibited(kind(), found.clone())),
        _ => {}
    }
    for required in facts.required_qualifiers {
        if !parts.qualifiers.iter().any(|(key, _)| key == required) {
            return Err(PurlError::QualifierMissing(kind(), required));
        }
    }
    let rule = |part, value: &str, rule| Err(PurlError::Rule { kind: kind(), part, value: value.to_owned(), rule });
    match parts.kind.as_str() {
        "cpan" if parts.name.contains("::") => rule("name", &parts.name, "a distribution, not a module: no `::`"),
        "chrome-extension"
            if parts.name.len() != 32 || !parts.name.bytes().all(|byte| (b'a'..=b'p').contains(&byte)) =>
        {
            rule("name", &parts.name, "32 letters from a to p")
        }
        "chrome-extension" => match &parts.version {
            Some(version) if !four_numbers(version) => rule("version", version, "one to four numbers joined by `.`"),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn four_numbers(version: &str) -> bool {
    let numbers = version.split('.');
    numbers.clone().count() <= 4
        && numbers.into_iter().all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
