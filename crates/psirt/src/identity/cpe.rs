//! CPE names: the 2.2 URI and the 2.3 formatted string, bound and unbound (NISTIR 7695).
//!
//! Not the dictionary: any vendor and product is taken. Values are kept in the form of well-formed names: every character that is no letter,
//! digit or `_` has a backslash, unless it is a wildcard at an end. Invariant: `parse(to_string(x)) == x`.

use std::fmt::{self, Display, Write as _};

/// Bytes that a name may have.
const LENGTH_MAX: usize = 4096;

/// One attribute of a name.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum Value {
    /// `*`: any value.
    #[default]
    Any,
    /// `-`: has no such attribute.
    NotApplicable,
    /// A string with its quoting.
    Is(String),
}

impl Value {
    /// The string without its quoting; `None` for `*` and `-`.
    #[must_use]
    pub fn plain(&self) -> Option<String> {
        let Self::Is(quoted) = self else { return None };
        let mut characters = quoted.chars();
        let mut plain = String::with_capacity(quoted.len());
        while let Some(c) = characters.next() {
            plain.push(if c == '\\' { characters.next().unwrap_or(c) } else { c });
        }
        Some(plain)
    }

    /// The value that stands for this very string.
    #[must_use]
    pub fn of(plain: &str) -> Self {
        let mut quoted = String::with_capacity(plain.len());
        for c in plain.chars().flat_map(char::to_lowercase) {
            push_quoted(&mut quoted, c);
        }
        Self::Is(quoted)
    }

    /// Whether it has a wildcard.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        let Self::Is(quoted) = self else { return false };
        quoted.starts_with(['*', '?']) || ends_in_wildcard(quoted)
    }
}

fn ends_in_wildcard(quoted: &str) -> bool {
    let Some(before) = quoted.strip_suffix(['*', '?']) else { return false };
    before.bytes().rev().take_while(|byte| *byte == b'\\').count().is_multiple_of(2)
}

fn push_quoted(quoted: &mut String, c: char) {
    if !c.is_alphanumeric() && c != '_' {
        quoted.push('\\');
    }
    quoted.push(c);
}

/// Why a text is no CPE name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CpeError {
    /// It is longer than what is allowed.
    #[error("{0} bytes long: a CPE name has at most {LENGTH_MAX}")]
    TooLong(usize),
    /// It begins with neither prefix.
    #[error("{0:?} begins with neither `cpe:2.3:` nor `cpe:/`")]
    Prefix(String),
    /// A formatted string has eleven attributes, a URI at most seven.
    #[error("{0} attributes, expected {1}")]
    Attributes(usize, &'static str),
    /// The part is none of a, h, o.
    #[error("part {0:?} is none of `a`, `h`, `o`, `*`, `-`")]
    Part(String),
    /// An attribute is not as the standard says.
    #[error("attribute {attribute} {value:?}: {rule}")]
    Attribute {
        /// Which.
        attribute: &'static str,
        /// What is written.
        value: String,
        /// What was expected.
        rule: &'static str,
    },
}

/// The attributes in the order of a formatted string.
pub(super) const ATTRIBUTES: [&str; 11] = [
    "part",
    "vendor",
    "product",
    "version",
    "update",
    "edition",
    "language",
    "sw_edition",
    "target_sw",
    "target_hw",
    "other",
];

/// A CPE name.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Cpe {
    values: [Value; 11],
}

impl Cpe {
    /// Reads a formatted string or a URI.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, CpeError> {
        let text = text.trim();
        if text.len() > LENGTH_MAX {
            return Err(CpeError::TooLong(text.len()));
        }
        let prefixed = |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        let name = if prefixed("cpe:2.3:") {
            Self::unbind_formatted(text.get(8..).unwrap_or_default())?
        } else if prefixed("cpe:/") {
            Self::unbind_uri(text.get(5..).unwrap_or_default())?
        } else {
            return Err(CpeError::Prefix(text.chars().take(40).collect()));
        };
        match name.part() {
            Value::Is(part) if !matches!(part.as_str(), "a" | "h" | "o") => Err(CpeError::Part(part.clone())),
            _ => Ok(name),
        }
    }

    fn unbind_formatted(text: &str) -> Result<Self, CpeError> {
        let mut parts = Vec::with_capacity(11);
        let mut part = String::new();
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            match c {
                ':' => parts.push(std::mem::take(&mut part)),
                '\\' => {
                    part.push('\\');
                    part.extend(characters.next());
                }
                _ => part.push(c),
            }
        }
        parts.push(part);
        let found = parts.len();
        let Ok(parts) = <[String; 11]>::try_from(parts) else { return Err(CpeError::Attributes(found, "11")) };
        let mut name = Self::default();
        for ((value, text), attribute) in name.values.iter_mut().zip(parts).zip(ATTRIBUTES) {
            *value = unbind(&text, attribute, true)?;
        }
        Ok(name)
    }

    fn unbind_uri(text: &str) -> Result<Self, CpeError> {
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() > 7 {
            return Err(CpeError::Attributes(parts.len(), "at most 7"));
        }
        let mut name = Self::default();
        for ((value, text), attribute) in name.values.iter_mut().zip(&parts).zip(ATTRIBUTES) {
            if attribute != "edition" || !text.starts_with('~') {
                *value = unbind_percent(text, attribute)?;
            }
        }
        if let Some(packed) = parts.get(5).and_then(|text| text.strip_prefix('~')) {
            let unpacked: Vec<&str> = packed.split('~').collect();
            if unpacked.len() != 5 {
                return Err(wrong("edition", packed, "`~` and five attributes joined by `~`"));
            }
            for (at, text) in [5, 7, 8, 9, 10].into_iter().zip(unpacked) {
                if let (Some(value), Some(attribute)) = (name.values.get_mut(at), ATTRIBUTES.get(at)) {
                    *value = unbind_percent(text, attribute)?;
                }
            }
        }
        Ok(name)
    }

    /// As a 2.2 URI.
    #[must_use]
    pub fn uri(&self) -> String {
        let [_, _, _, _, _, edition, _, rest @ ..] = &self.values;
        let packed = rest.iter().any(|value| *value != Value::Any);
        let mut uri = "cpe:/".to_owned();
        for (index, value) in self.values.iter().take(7).enumerate() {
            if index > 0 {
                uri.push(':');
            }
            if index == 5 && packed {
                for value in std::iter::once(edition).chain(rest) {
                    uri.push('~');
                    push_percent(&mut uri, value);
                }
            } else {
                push_percent(&mut uri, value);
            }
        }
        uri.truncate(uri.trim_end_matches(':').len());
        uri
    }

    /// Every attribute, in the order of a formatted string.
    #[must_use]
    pub fn values(&self) -> &[Value; 11] {
        &self.values
    }

    /// `a`, `h` or `o`.
    #[must_use]
    pub fn part(&self) -> &Value {
        let [part, ..] = &self.values;
        part
    }

    /// The vendor.
    #[must_use]
    pub fn vendor(&self) -> &Value {
        let [_, vendor, ..] = &self.values;
        vendor
    }

    /// The product.
    #[must_use]
    pub fn product(&self) -> &Value {
        let [_, _, product, ..] = &self.values;
        product
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &Value {
        let [_, _, _, version, ..] = &self.values;
        version
    }

    /// The update: `rc1`, `p2`.
    #[must_use]
    pub fn update(&self) -> &Value {
        let [_, _, _, _, update, ..] = &self.values;
        update
    }

    /// The same name for any version and update.
    #[must_use]
    pub fn of_any_version(mut self) -> Self {
        let [_, _, _, version, update, ..] = &mut self.values;
        *version = Value::Any;
        *update = Value::Any;
        self
    }

    /// Whether it says more than part, vendor, product, version and update.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        self.values.iter().skip(5).any(|value| *value != Value::Any)
    }
}

impl Display for Cpe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cpe:2.3")?;
        for value in &self.values {
            f.write_char(':')?;
            match value {
                Value::Any => f.write_char('*')?,
                Value::NotApplicable => f.write_char('-')?,
                Value::Is(quoted) => bind(f, quoted)?,
            }
        }
        Ok(())
    }
}

/// `.`, `-` and `_` need no backslash in a formatted string, unless the hyphen stands alone.
fn bind(f: &mut fmt::Formatter<'_>, quoted: &str) -> fmt::Result {
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        match (c, characters.clone().next()) {
            ('\\', Some('-')) if quoted == "\\-" => f.write_char('\\')?,
            ('\\', Some(next @ ('.' | '-' | '_'))) => {
                characters.next();
                f.write_char(next)?;
            }
            ('\\', Some(next)) => {
                characters.next();
                f.write_char('\\')?;
                f.write_char(next)?;
            }
            _ => f.write_char(c)?,
        }
    }
    Ok(())
}

fn wrong(attribute: &'static str, value: &str, rule: &'static str) -> CpeError {
    CpeError::Attribute { attribute, value: value.to_owned(), rule }
}

/// Reads an attribute whose wildcards stand bare and whose quoting is by backslash.
fn unbind(text: &str, attribute: &'static str, wildcards: bool) -> Result<Value, CpeError> {
    match text {
        "*" => return Ok(Value::Any),
        "-" => return Ok(Value::NotApplicable),
        "" => return Err(wrong(attribute, text, "must not be empty: `*` stands for any value")),
        _ => {}
    }
    let inner = text.trim_start_matches('?');
    let opening = if inner.len() == text.len() { text.strip_prefix('*').unwrap_or(text) } else { inner };
    let mut quoted = text.get(..text.len().saturating_sub(opening.len())).unwrap_or_default().to_owned();
    let mut characters = opening.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(next) => push_quoted(&mut quoted, next.to_ascii_lowercase()),
                None => return Err(wrong(attribute, text, "a backslash must stand before a character")),
            },
            '*' | '?' if wildcards && closes(c, characters.as_str()) => quoted.push(c),
            '*' | '?' => {
                return Err(wrong(
                    attribute,
                    text,
                    "a wildcard stands at the start or the end, else it has a backslash",
                ));
            }
            c if c.is_whitespace() || c.is_control() => return Err(wrong(attribute, text, "no white space")),
            c => push_quoted(&mut quoted, c.to_ascii_lowercase()),
        }
    }
    Ok(Value::Is(quoted))
}

/// Whether nothing but the rest of a closing wildcard follows.
fn closes(c: char, rest: &str) -> bool {
    rest.is_empty() || (c == '?' && rest.bytes().all(|byte| byte == b'?'))
}

fn unbind_percent(text: &str, attribute: &'static str) -> Result<Value, CpeError> {
    if text.is_empty() {
        return Ok(Value::Any);
    }
    if text == "-" {
        return Ok(Value::NotApplicable);
    }
    let mut bound = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '%' {
            let code = rest.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            match code {
                Some(1) => bound.push('?'),
                Some(2) => bound.push('*'),
                Some(code @ 0x20..0x7f) => push_quoted(&mut bound, char::from(code)),
                _ => {
                    return Err(wrong(
                        attribute,
                        text,
                        "`%` and two hexadecimal digits of a printable character, 01 or 02",
                    ));
                }
            }
            rest = rest.get(3..).unwrap_or_default();
        } else {
            push_quoted(&mut bound, c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    if bound == "*" { Ok(Value::Any) } else { unbind(&bound, attribute, true) }
}

fn push_percent(uri: &mut String, value: &Value) {
    let quoted = match value {
        Value::Any => return,
        Value::NotApplicable => return uri.push('-'),
        Value::Is(quoted) => quoted,
    };
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(next @ ('.' | '_')) => uri.push(next),
                Some('-') => uri.push_str(if quoted == "\\-" { "%2d" } else { "-" }),
                Some(next) if next.is_ascii() => {
                    let _ = write!(uri, "%{:02x}", u32::from(next));
                }
                Some(next) => uri.push(next),
                None => {}
            },
            '?' => uri.push_str("%01"),
            '*' => uri.push_str("%02"),
            c => uri.push(c),
        }
    }
}
