//! What every reader of JSON advisories shares: looking values up, and saying where one is not what its format says.
//!
//! Not a schema check: what a reader does not look at may be anything. A value of the wrong type is an anomaly with its JSON pointer and is
//! read as absent, so that it costs no other value.

use crate::Instant;
use crate::advisory::{Advisory, Sink};
use crate::component::Anomaly;
use serde_json::{Map, Value};
use std::fmt;

/// A place in a document, kept as a chain on the stack: it costs nothing until it is written.
#[derive(Clone, Copy)]
pub(crate) struct At<'p> {
    up: Option<&'p At<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Key(&'p str),
    Index(usize),
}

impl<'p> At<'p> {
    /// The document itself.
    pub(crate) const ROOT: At<'static> = At { up: None, step: Step::Key("") };

    pub(crate) fn key(&'p self, key: &'p str) -> Self {
        At { up: Some(self), step: Step::Key(key) }
    }

    pub(crate) fn index(&'p self, index: usize) -> Self {
        At { up: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(up) = self.up else { return Ok(()) };
        up.fmt(f)?;
        match self.step {
            Step::Key(key) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Step::Index(index) => write!(f, "/{index}"),
        }
    }
}

/// Where advisories and anomalies of one document go.
pub(crate) struct Context<'s> {
    sink: &'s mut dyn Sink,
    line: u64,
}

impl<'s> Context<'s> {
    /// For a document that begins on `line`.
    pub(crate) fn new(sink: &'s mut dyn Sink, line: u64) -> Self {
        Self { sink, line }
    }

    pub(crate) fn advisory(&mut self, advisory: Advisory) {
        self.sink.advisory(advisory);
    }

    /// Something is not as its format says.
    pub(crate) fn wrong(&mut self, at: &At<'_>, what: impl Into<String>) {
        self.sink.anomaly(Anomaly {
            place: format!("line {}, {at}", self.line).trim_end_matches([',', ' ']).to_owned(),
            what: what.into(),
        });
    }

    /// The text under `key`, trimmed; an empty one is none.
    pub(crate) fn text<'v>(&mut self, value: &'v Value, key: &str, at: &At<'_>) -> Option<&'v str> {
        match value.get(key)? {
            Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            Value::Null => None,
            other => {
                self.wrong(&at.key(key), format!("expected text, found {}", kind(other)));
                None
            }
        }
    }

    /// The same, as a value of its own.
    pub(crate) fn owned(&mut self, value: &Value, key: &str, at: &At<'_>) -> Option<String> {
        self.text(value, key, at).map(str::to_owned)
    }

    /// The elements of the array under `key`.
    pub(crate) fn list<'v>(&mut self, value: &'v Value, key: &str, at: &At<'_>) -> &'v [Value] {
        match value.get(key) {
            Some(Value::Array(elements)) => elements,
            None | Some(Value::Null) => &[],
            Some(other) => {
                self.wrong(&at.key(key), format!("expected an array, found {}", kind(other)));
                &[]
            }
        }
    }

    /// The texts in the array under `key`.
    pub(crate) fn texts(&mut self, value: &Value, key: &str, at: &At<'_>) -> Vec<String> {
        let mut texts = Vec::new();
        let elements = self.list(value, key, at);
        let at = at.key(key);
        for (index, element) in elements.iter().enumerate() {
            match element {
                Value::String(text) if !text.trim().is_empty() => texts.push(text.trim().to_owned()),
                Value::String(_) => {}
                other => self.wrong(&at.index(index), format!("expected text, found {}", kind(other))),
            }
        }
        texts
    }

    /// The members of the object under `key`.
    pub(crate) fn object<'v>(&mut self, value: &'v Value, key: &str, at: &At<'_>) -> Option<&'v Map<String, Value>> {
        match value.get(key)? {
            Value::Object(members) => Some(members),
            Value::Null => None,
            other => {
                self.wrong(&at.key(key), format!("expected an object, found {}", kind(other)));
                None
            }
        }
    }

    /// The instant under `key`.
    pub(crate) fn instant(&mut self, value: &Value, key: &str, at: &At<'_>) -> Option<Instant> {
        let text = self.text(value, key, at)?;
        let instant = Instant::parse(text);
        if instant.is_none() {
            self.wrong(&at.key(key), format!("`{}` is not an instant of RFC 3339", brief(text)));
        }
        instant
    }
}

/// The number of a weakness: `CWE-79`, `cwe-79`, `79`.
pub(crate) fn weakness(text: &str) -> Option<u32> {
    let text = text.trim();
    let number = text.strip_prefix("CWE-").or_else(|| text.strip_prefix("cwe-")).unwrap_or(text);
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Adds what is not there yet.
pub(crate) fn add<T: PartialEq>(list: &mut Vec<T>, element: T) {
    if !list.contains(&element) {
        list.push(element);
    }
}

/// The first characters of a hostile text.
pub(crate) fn brief(text: &str) -> String {
    text.chars().take(60).collect()
}

/// What a value is, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
