//! Walks one JSON text without building a tree: what is wanted is borrowed, what is not is checked and skipped.
//!
//! Not a general JSON library: no numbers are computed, no strings unescaped unless asked for. Invariants: accepts what RFC 8259 says and
//! nothing else (tests hold it against `serde_json`), except that a lone surrogate escape is read as U+FFFD; never deeper than
//! [`DEPTH_MAX`]. Cost: ~1 GB/s over lines of a few hundred bytes; no allocation.

use std::borrow::Cow;

/// How deep arrays and objects may lie in each other.
pub const DEPTH_MAX: u32 = 64;

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Another byte than this place allows, or the end.
    #[error("not JSON at byte {at}: expected {expected}")]
    Expected {
        /// Where.
        at: usize,
        /// What could stand here.
        expected: &'static str,
    },
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX} at byte {at}")]
    Deep {
        /// Where.
        at: usize,
    },
}

/// A value as it stands in the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// Its digits.
    Number(&'a str),
    /// Between the quotes; `true` if it has escapes.
    Text(&'a str, bool),
    /// An array or object, whole.
    Nested(&'a str),
}

impl<'a> Value<'a> {
    /// The value as text: of a string its characters, of anything else what stands there; `None` for null.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Null => None,
            Self::Bool(true) => Some(Cow::Borrowed("true")),
            Self::Bool(false) => Some(Cow::Borrowed("false")),
            Self::Number(text) | Self::Nested(text) | Self::Text(text, false) => Some(Cow::Borrowed(text)),
            Self::Text(text, true) => Some(Cow::Owned(unescaped(text))),
        }
    }
}

/// A place in a text.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Walks the object that stands here: `each` gets a cursor before each value and must take it.
    pub(crate) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &'a str, bool) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.space();
        self.take(b'{', "an object")?;
        self.deeper()?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at = self.at.saturating_add(1);
            self.depth = self.depth.saturating_sub(1);
            return Ok(());
        }
        loop {
            self.space();
            let (key, escaped) = self.string()?;
            self.space();
            self.take(b':', "a colon")?;
            self.space();
            each(self, key, escaped)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at = self.at.saturating_add(1),
                Some(b'}') => {
                    self.at = self.at.saturating_add(1);
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(());
                }
                _ => return Err(self.expected("a comma or the end of the object")),
            }
        }
    }

    /// Whether an object stands here.
    pub(crate) fn is_object(&self) -> bool {
        self.peek() == Some(b'{')
    }

    /// Whether an array stands here.
    pub(crate) fn is_array(&self) -> bool {
        self.peek() == Some(b'[')
    }

    /// Takes the value that stands here.
    pub(crate) fn value(&mut self) -> Result<Value<'a>, JsonError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                let (text, escaped) = self.string()?;
                Ok(Value::Text(text, escaped))
            }
            Some(b'{') => {
                self.object(|cursor, _, _| cursor.value().map(drop))?;
                Ok(Value::Nested(self.since(start)))
            }
            Some(b'[') => {
                self.array(|cursor| cursor.value().map(drop))?;
                Ok(Value::Nested(self.since(start)))
            }
            Some(b't') => self.word("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.word("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.word("null").map(|()| Value::Null),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Ok(Value::Number(self.since(start)))
            }
            _ => Err(self.expected("a value")),
        }
    }

    /// Takes the value that stands here and returns it as it is written.
    pub(crate) fn raw_value(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        self.value()?;
        Ok(self.since(start))
    }

    /// Nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.expected("the end")) }
    }

    /// Walks the array that stands here: `each` gets a cursor before each value and must take it.
    pub(crate) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), JsonError>) -> Result<(), JsonError> {
        self.take(b'[', "an array")?;
        self.deeper()?;
        self.space();
        if self.peek() != Some(b']') {
            loop {
                self.space();
                each(self)?;
                self.space();
                match self.peek() {
                    Some(b',') => self.at = self.at.saturating_add(1),
                    Some(b']') => break,
                    _ => return Err(self.expected("a comma or the end of the array")),
                }
            }
        }
        self.at = self.at.saturating_add(1);
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    /// The string that stands here, between its quotes, and whether it has escapes.
    fn string(&mut self) -> Result<(&'a str, bool), JsonError> {
        self.take(b'"', "a string")?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at = self.at.saturating_add(plain(self.rest()));
            match self.peek() {
                Some(b'"') => {
                    let text = self.since(start);
                    self.at = self.at.saturating_add(1);
                    return Ok((text, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(self.expected("the end of the string")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let digits = match self.rest() {
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 0,
            [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()) => 4,
            _ => return Err(self.expected("an escape")),
        };
        self.at = self.at.saturating_add(2).saturating_add(digits);
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at = self.at.saturating_add(1);
        }
        match self.peek() {
            Some(b'0') => self.at = self.at.saturating_add(1),
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.expected("a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at = self.at.saturating_add(1);
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at = self.at.saturating_add(1);
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at = self.at.saturating_add(1);
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.expected("a digit"));
        }
        self.at = self.at.saturating_add(count);
        Ok(())
    }

    fn word(&mut self, word: &'static str) -> Result<(), JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.expected("true, false or null"));
        }
        self.at = self.at.saturating_add(word.len());
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), JsonError> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH_MAX { Err(JsonError::Deep { at: self.at }) } else { Ok(()) }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or(&[])
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or("")
    }

    const fn expected(&self, expected: &'static str) -> JsonError {
        JsonError::Expected { at: self.at, expected }
    }
}

/// How many bytes from here on are neither quote, backslash nor control character: eight at a time.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let (chunks, _) = bytes.as_chunks::<8>();
    let mut at = 0_usize;
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        let zero_where = |pattern: u64| {
            let mixed = word ^ pattern;
            mixed.wrapping_sub(ONES) & !mixed & TOPS
        };
        let control = word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word & TOPS;
        let found = zero_where(ONES.wrapping_mul(0x22)) | zero_where(ONES.wrapping_mul(0x5C)) | control;
        if found != 0 {
            // The lowest mark is exact; those above it may come from a borrow.
            return at.saturating_add((found.trailing_zeros() / 8) as usize);
        }
        at = at.saturating_add(8);
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    at.saturating_add(rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1F)).count())
}

/// The characters of a string whose escapes were checked.
pub(crate) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = after.chars();
        match chars.next() {
            Some('u') => {
                let (character, left) = unicode(chars.as_str());
                out.push(character);
                rest = left;
                continue;
            }
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some(other) => out.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// The character of `XXXX` or `XXXX\uXXXX`, and what follows.
fn unicode(text: &str) -> (char, &str) {
    let unit = |text: &str| text.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let rest = text.get(4..).unwrap_or("");
    let Some(high) = unit(text) else { return (char::REPLACEMENT_CHARACTER, rest) };
    if let Some(character) = char::from_u32(high) {
        return (character, rest);
    }
    let low = rest.strip_prefix("\\u").and_then(unit).filter(|low| (0xDC00..0xE000).contains(low));
    let pair = low.filter(|_| high < 0xDC00).and_then(|low| {
        char::from_u32((high & 0x3FF).checked_shl(10)?.checked_add(low & 0x3FF)?.checked_add(0x1_0000)?)
    });
    match pair {
        Some(character) => (character, rest.get(6..).unwrap_or("")),
        None => (char::REPLACEMENT_CHARACTER, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Tree;

    fn accepts(text: &str) -> bool {
        let mut cursor = Cursor::new(text);
        cursor.space();
        cursor.value().and_then(|_| cursor.end()).is_ok()
    }

    fn trees() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::from),
            any::<i64>().prop_map(Tree::from),
            any::<i32>().prop_map(|n| Tree::from(f64::from(n) / 64.0)),
            ".{0,30}".prop_map(Tree::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Tree::from),
                proptest::collection::btree_map(".{0,12}", inner, 0..6)
                    .prop_map(|map| Tree::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_with_the_same_values(tree in proptest::collection::btree_map(".{0,12}", trees(), 0..8)) {
            let object = Tree::Object(tree.into_iter().collect());
            for text in [object.to_string(), serde_json::to_string_pretty(&object).unwrap()] {
                let mut seen = serde_json::Map::new();
                let mut cursor = Cursor::new(&text);
                cursor.object(|cursor, key, escaped| {
                    let key = if escaped { unescaped(key) } else { key.to_owned() };
                    let value = match cursor.value()? {
                        Value::Null => Tree::Null,
                        Value::Bool(b) => Tree::from(b),
                        Value::Text(text, true) => Tree::from(unescaped(text)),
                        Value::Text(text, false) => Tree::from(text),
                        Value::Number(text) | Value::Nested(text) => serde_json::from_str(text).unwrap(),
                    };
                    seen.insert(key, value);
                    Ok(())
                }).unwrap();
                prop_assert_eq!(cursor.end(), Ok(()));
                prop_assert_eq!(Tree::Object(seen), object.clone());
            }
        }

        #[test]
        fn it_accepts_exactly_what_serde_json_accepts(
            text in prop_oneof!["[\\[\\]{}:,\"\\\\a-c0-9.eE+\\- \n\u{1}truefalsn]{0,24}", ".{0,24}"],
        ) {
            prop_assert_eq!(accepts(&text), serde_json::from_str::<Tree>(&text).is_ok(), "{:?}", text);
        }

        #[test]
        fn plain_bytes_end_at_the_first_special_one(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let slow = bytes.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1F)).count();
            prop_assert_eq!(plain(&bytes), slow);
        }
    }

    #[test]
    fn deep_nesting_ends() {
        assert!(accepts(&format!("{}{}", "[".repeat(64), "]".repeat(64))));
        assert!(!accepts(&"[".repeat(100_000)));
    }

    #[test]
    fn lone_surrogates_become_replacement_characters() {
        assert_eq!(unescaped(r"a\ud83d\ude97b\ud83dc\ude97\u00e9"), "a\u{1F697}b\u{FFFD}c\u{FFFD}é");
    }
}
