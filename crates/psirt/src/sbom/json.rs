//! A JSON document as a stream: members of an object and elements of an array one by one, from a buffer that is refilled.
//!
//! Not a JSON parser: each element is parsed by `serde_json` out of the buffer; only the way from element to element, and past what nobody
//! wants, is walked here. Invariants: the buffer holds one element, never more than [`ELEMENT_BYTES_MAX`]; nothing here recurses, so that
//! depth costs nothing; an element that `serde_json` refuses is stepped over if its brackets and strings close. Cost: one pass of the parser
//! over each element, one `memchr` for lines.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr_iter, memchr2, memrchr};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::component::{Anomaly, Sink};

/// Bytes of one element (a component with all that is nested in it).
pub const ELEMENT_BYTES_MAX: usize = 32 << 20;
/// How much is read at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Bytes of an element that is looked at member by member when its shape is wrong.
const REPAIRED_BYTES_MAX: usize = 1 << 20;

/// Why a document cannot be read on.
#[derive(Debug)]
pub(super) enum Stop {
    /// The input failed.
    Io(io::Error),
    /// The bytes are not JSON from here on, or end too early.
    Broken(Anomaly),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One element out of the stream, or why there is none.
pub(super) enum Element<T> {
    Read(T),
    /// It is JSON, but not of the expected shape, or too large or too deep; it has been stepped over. Its bytes are still in the buffer
    /// if it was small.
    Refused(String, Option<Range<usize>>),
    /// It does not fit into the buffer. Nothing of it has been consumed.
    TooLarge,
}

/// A position in a JSON document.
pub(super) struct Json<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
    fills: usize,
    lines: usize,
    column: usize,
}

impl<R: Read> Json<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), start: 0, ended: false, fills: 0, lines: 0, column: 0 }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Steps over `bytes` of the buffer, counting lines.
    fn advance(&mut self, bytes: usize) {
        let passed = self.rest().get(..bytes).unwrap_or_default();
        match memrchr(b'\n', passed) {
            Some(last) => {
                let lines = memchr_iter(b'\n', passed).count();
                self.column = bytes.saturating_sub(last).saturating_sub(1);
                self.lines = self.lines.saturating_add(lines);
            }
            None => self.column = self.column.saturating_add(bytes),
        }
        self.start = self.start.saturating_add(bytes);
    }

    /// Reads more into the buffer; `false` if there is no more.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.fills = self.fills.saturating_add(1);
        self.buffer.drain(..self.start);
        self.start = 0;
        // What is there is too short, so twice as much is asked for: an element is parsed again a logarithmic number of times.
        let want = self.buffer.len().max(CHUNK_BYTES);
        let read = self.input.by_ref().take(want as u64).read_to_end(&mut self.buffer)?;
        self.ended = read < want;
        Ok(read > 0)
    }

    pub(super) fn place(&self) -> String {
        format!("line {}, column {}", self.lines.saturating_add(1), self.column.saturating_add(1))
    }

    fn broken(&self, what: &str) -> Stop {
        Stop::Broken(Anomaly { place: self.place(), what: what.to_owned() })
    }

    /// The next byte that is not white space, not consumed.
    pub(super) fn peek(&mut self) -> Result<u8, Stop> {
        loop {
            let rest = self.rest();
            match rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
                Some(at) => {
                    let byte = rest.get(at).copied().unwrap_or_default();
                    self.advance(at);
                    return Ok(byte);
                }
                None => {
                    self.advance(rest.len());
                    if !self.fill()? {
                        return Err(self.broken("the document ends here, though brackets are open: it is truncated"));
                    }
                }
            }
        }
    }

    /// Whether nothing but white space follows.
    pub(super) fn at_end(&mut self) -> Result<bool, Stop> {
        match self.peek() {
            Ok(_) => Ok(false),
            Err(Stop::Broken(_)) => Ok(true),
            Err(stop) => Err(stop),
        }
    }

    /// Consumes `{` or `[`; `false` if something else is there.
    pub(super) fn enter(&mut self, bracket: u8) -> Result<bool, Stop> {
        let found = self.peek()? == bracket;
        if found {
            self.advance(1);
        }
        Ok(found)
    }

    /// In an array: whether another element follows. `first` is kept by the caller between calls.
    pub(super) fn another(&mut self, first: &mut bool, closing: u8) -> Result<bool, Stop> {
        let mut byte = self.peek()?;
        if byte == closing {
            self.advance(1);
            return Ok(false);
        }
        if !std::mem::replace(first, false) {
            if byte != b',' {
                return Err(self.broken(&format!("expected ',' or '{}'", char::from(closing))));
            }
            self.advance(1);
            byte = self.peek()?;
            if byte == closing {
                // A trailing comma: not JSON, and harmless.
                self.advance(1);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// In an object: the next key, with its colon consumed.
    pub(super) fn key(&mut self, first: &mut bool) -> Result<Option<String>, Stop> {
        if !self.another(first, b'}')? {
            return Ok(None);
        }
        if self.peek()? != b'"' {
            return Err(self.broken("expected a key in double quotes"));
        }
        let key = match self.value::<String>()? {
            Element::Read(key) => key,
            Element::Refused(what, _) => return Err(self.broken(&what)),
            Element::TooLarge => return Err(self.broken("a key without an end")),
        };
        if self.peek()? != b':' {
            return Err(self.broken("expected ':' after a key"));
        }
        self.advance(1);
        Ok(Some(key))
    }

    /// The next value, parsed.
    pub(super) fn value<T: DeserializeOwned>(&mut self) -> Result<Element<T>, Stop> {
        self.peek()?;
        loop {
            let mut stream = serde_json::Deserializer::from_slice(self.rest()).into_iter::<T>();
            let read = stream.next();
            let used = stream.byte_offset();
            let whole = self.ended || used < self.rest().len();
            match read {
                Some(Ok(value)) if whole => {
                    self.advance(used);
                    return Ok(Element::Read(value));
                }
                Some(Err(error)) if !error.is_eof() => return self.refuse(error.to_string()),
                _ if self.rest().len() >= ELEMENT_BYTES_MAX => return Ok(Element::TooLarge),
                _ => {
                    if !self.fill()? && self.ended {
                        return self.last();
                    }
                }
            }
        }
    }

    /// The value that ends with the document, or is cut off by its end.
    fn last<T: DeserializeOwned>(&mut self) -> Result<Element<T>, Stop> {
        let mut stream = serde_json::Deserializer::from_slice(self.rest()).into_iter::<T>();
        let read = stream.next();
        let used = stream.byte_offset();
        match read {
            Some(Ok(value)) => {
                self.advance(used);
                Ok(Element::Read(value))
            }
            Some(Err(error)) if !error.is_eof() => self.refuse(error.to_string()),
            _ => Err(self.broken("the document ends within the value that begins here: it is truncated")),
        }
    }

    /// The next value without its shape: for what did not have the expected one.
    fn refuse<T>(&mut self, what: String) -> Result<Element<T>, Stop> {
        let (place, start, fills) = (self.place(), self.start, self.fills);
        self.skip()?;
        let kept = self.fills == fills && self.start.saturating_sub(start) <= REPAIRED_BYTES_MAX;
        // The parser counts lines from the element on.
        let what = what.split(" at line ").next().unwrap_or_default().to_owned();
        Ok(Element::Refused(format!("{what} ({place})"), kept.then_some(start..self.start)))
    }

    /// Steps over a value of any size and depth.
    pub(super) fn skip(&mut self) -> Result<(), Stop> {
        let place = self.place();
        let mut depth = 0_usize;
        loop {
            match self.peek_truncated(&place)? {
                b'"' => self.skip_string(&place)?,
                b'{' | b'[' => {
                    depth = depth.saturating_add(1);
                    self.advance(1);
                    continue;
                }
                b'}' | b']' if depth == 0 => return Err(self.broken("expected a value")),
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.advance(1);
                }
                b',' | b':' if depth > 0 => {
                    self.advance(1);
                    continue;
                }
                _ => self.skip_scalar()?,
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn peek_truncated(&mut self, place: &str) -> Result<u8, Stop> {
        self.peek().map_err(|stop| match stop {
            Stop::Broken(anomaly) => Stop::Broken(Anomaly {
                what: format!("the document ends within the value that begins at {place}: it is truncated"),
                ..anomaly
            }),
            io => io,
        })
    }

    fn skip_string(&mut self, place: &str) -> Result<(), Stop> {
        self.advance(1);
        loop {
            let rest = self.rest();
            match memchr2(b'"', b'\\', rest) {
                Some(at) if rest.get(at) == Some(&b'"') => {
                    self.advance(at.saturating_add(1));
                    return Ok(());
                }
                Some(at) if at.saturating_add(1) < rest.len() => self.advance(at.saturating_add(2)),
                found => {
                    self.advance(found.unwrap_or(rest.len()));
                    if !self.fill()? {
                        return Err(self.broken(&format!("the string within the value at {place} does not end")));
                    }
                }
            }
        }
    }

    fn skip_scalar(&mut self) -> Result<(), Stop> {
        loop {
            let rest = self.rest();
            let end = rest
                .iter()
                .position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.'));
            match end {
                Some(0) => return Err(self.broken("expected a value")),
                Some(end) => {
                    self.advance(end);
                    return Ok(());
                }
                None => {
                    self.advance(rest.len());
                    if !self.fill()? {
                        return Ok(());
                    }
                    // The scalar may have ended with the buffer.
                    if self.rest().first().is_some_and(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r'))
                    {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Each element of the array that is next, with its JSON pointer. What is not an array is an anomaly.
    pub(super) fn each<T, F>(&mut self, pointer: &str, sink: &mut dyn Sink, mut take: F) -> Result<(), Stop>
    where
        T: DeserializeOwned,
        F: FnMut(T, &str, &mut dyn Sink),
    {
        if !self.enter(b'[')? {
            if self.peek()? != b'n' {
                sink.anomaly(Anomaly { place: pointer.to_owned(), what: "expected an array; stepped over".to_owned() });
            }
            return self.skip();
        }
        let mut first = true;
        let mut index = 0_usize;
        while self.another(&mut first, b']')? {
            let pointer = format!("{pointer}/{index}");
            index = index.saturating_add(1);
            if let Some(element) = self.tolerant::<T>(&pointer, sink)? {
                take(element, &pointer, sink);
            }
        }
        Ok(())
    }

    /// The next value; what of it has the wrong shape is left out with an anomaly.
    pub(super) fn tolerant<T: DeserializeOwned>(
        &mut self,
        pointer: &str,
        sink: &mut dyn Sink,
    ) -> Result<Option<T>, Stop> {
        let element = self.value()?;
        self.settle(element, pointer, sink)
    }

    /// What can be had of an element, with an anomaly for what cannot.
    pub(super) fn settle<T: DeserializeOwned>(
        &mut self,
        element: Element<T>,
        pointer: &str,
        sink: &mut dyn Sink,
    ) -> Result<Option<T>, Stop> {
        let (what, bytes) = match element {
            Element::Read(value) => return Ok(Some(value)),
            Element::Refused(what, bytes) => (what, bytes),
            Element::TooLarge => {
                self.skip()?;
                (format!("larger than {ELEMENT_BYTES_MAX} bytes, the limit for one element; stepped over"), None)
            }
        };
        sink.anomaly(Anomaly { place: pointer.to_owned(), what });
        let bytes = bytes.and_then(|range| self.buffer.get(range)).unwrap_or_default();
        Ok(serde_json::from_slice::<Value>(bytes).ok().and_then(repaired))
    }
}

/// What remains of a value when members of the wrong shape are left out.
pub(super) fn repaired<T: DeserializeOwned>(value: Value) -> Option<T> {
    let Value::Object(members) = value else { return None };
    let fits = |key: &str, value: &Value| {
        let alone = serde_json::Map::from_iter([(key.to_owned(), value.clone())]);
        T::deserialize(Value::Object(alone)).is_ok()
    };
    let kept = members.into_iter().filter_map(|(key, value)| {
        if fits(&key, &value) {
            return Some((key, value));
        }
        let other = match value {
            Value::Number(number) => Value::String(number.to_string()),
            Value::Array(items) => {
                Value::Array(items.into_iter().filter(|item| fits(&key, &Value::Array(vec![item.clone()]))).collect())
            }
            single @ (Value::Object(_) | Value::String(_)) => Value::Array(vec![single]),
            other => other,
        };
        fits(&key, &other).then_some((key, other))
    });
    let kept: serde_json::Map<String, Value> = kept.collect();
    T::deserialize(Value::Object(kept)).ok()
}
