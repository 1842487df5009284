//! Validation against the JSON schemas of CSAF 2.0 and 2.1, in as much of JSON Schema as they use.
//!
//! Not a general validator: a keyword that is not known here is a compile error of a test. What the schemas refer to elsewhere (CVSS, SSVC,
//! extensions) is checked by tests 6.1.8, 6.1.46 and 6.1.60. Cost: one pass over the document; patterns are compiled once.

use crate::csaf::document::{Place, Step};
use crate::csaf::{Findings, dates};
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// As published by OASIS Open, without descriptions and examples (`schemas/csaf/SOURCE.txt`).
const TEXTS: [&str; 2] = [include_str!("../../schemas/csaf/2.0.json"), include_str!("../../schemas/csaf/2.1.json")];

static SCHEMAS: LazyLock<[Schema; 2]> = LazyLock::new(|| TEXTS.map(Schema::new));

/// A schema with its patterns compiled.
pub(crate) struct Schema {
    root: Value,
    patterns: HashMap<String, Regex>,
}

/// Recursion through `branches_t` ends here; no document that parses is deeper.
const DEPTH_MAX: usize = 200;

/// Validates a document against the schema of its version.
pub(crate) fn validate(document: &Value, is_2_1: bool, findings: &mut Findings) {
    let [of_2_0, of_2_1] = &*SCHEMAS;
    let schema = if is_2_1 { of_2_1 } else { of_2_0 };
    schema.check(&schema.root, document, &Place::default(), findings);
}

impl Schema {
    fn new(text: &str) -> Self {
        let root: Value = serde_json::from_str(text).unwrap_or_default();
        Self::of(root)
    }

    /// A schema that somebody else wrote, such as that of an extension.
    pub(crate) fn of(root: Value) -> Self {
        let mut patterns = HashMap::new();
        collect(&root, &mut patterns);
        Self { root, patterns }
    }

    /// Validates a value against the whole schema.
    pub(crate) fn apply<'v>(&self, value: &'v Value, at: &Place<'v>, findings: &mut Findings) {
        self.check(&self.root, value, at, findings);
    }

    fn check<'v>(&self, schema: &Value, value: &'v Value, at: &Place<'v>, findings: &mut Findings) {
        if at.0.len() > DEPTH_MAX {
            findings.add(at, "more than 200 levels in each other");
            return;
        }
        let Value::Object(keywords) = schema else { return };
        let target = keywords.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        if let Some(target) = target.and_then(|target| self.root.pointer(target)) {
            self.check(target, value, at, findings);
        }
        if let Some(kind) = keywords.get("type").and_then(Value::as_str)
            && !is_of(value, kind)
        {
            findings.add(at, format!("expected {kind}, found {}", crate::advisory::kind_of(value)));
            return;
        }
        if let Some(list) = keywords.get("enum").and_then(Value::as_array)
            && !list.contains(value)
        {
            let list: Vec<_> = list.iter().map(Value::to_string).collect();
            findings.add(at, format!("{} is none of {}", brief(value), list.join(", ")));
        }
        if let Some(only) = keywords.get("const")
            && only != value
        {
            findings.add(at, format!("{} is not {only}", brief(value)));
        }
        match value {
            Value::String(text) => self.text(keywords, text, at, findings),
            Value::Array(elements) => self.array(keywords, elements, at, findings),
            Value::Object(members) => self.object(keywords, members, at, findings),
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                let low = keywords.get("minimum").and_then(Value::as_f64).is_some_and(|least| number < least);
                let high = keywords.get("maximum").and_then(Value::as_f64).is_some_and(|most| number > most);
                if low || high {
                    findings.add(at, format!("{number} is out of range"));
                }
            }
            _ => {}
        }
    }

    fn text(&self, keywords: &Map<String, Value>, text: &str, at: &Place<'_>, findings: &mut Findings) {
        if let Some(least) = number(keywords, "minLength")
            && text.chars().count() < least
        {
            findings.add(at, format!("the text is shorter than {least} characters"));
        }
        if let Some(pattern) = keywords.get("pattern").and_then(Value::as_str)
            && self.patterns.get(pattern).is_some_and(|regex| !regex.is_match(text))
        {
            findings.add(at, format!("`{}` does not match `{}`", short(text), short(pattern)));
        }
        let wrong = match keywords.get("format").and_then(Value::as_str) {
            Some("date-time") => dates::instant(text).is_none(),
            Some("uri") => !is_uri(text),
            _ => false,
        };
        if wrong {
            let format = keywords.get("format").and_then(Value::as_str).unwrap_or_default();
            findings.add(at, format!("`{}` is no {format}", short(text)));
        }
    }

    fn array<'v>(&self, keywords: &Map<String, Value>, elements: &'v [Value], at: &Place<'v>, findings: &mut Findings) {
        if let Some(least) = number(keywords, "minItems")
            && elements.len() < least
        {
            findings.add(at, format!("fewer than {least} elements"));
        }
        if keywords.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = HashSet::new();
            for (index, element) in elements.iter().enumerate() {
                if !seen.insert(element.to_string()) {
                    findings.add(&at.index(index), format!("{} is there a second time", brief(element)));
                }
            }
        }
        if let Some(items) = keywords.get("items") {
            for (index, element) in elements.iter().enumerate() {
                self.check(items, element, &at.index(index), findings);
            }
        }
    }

    fn object<'v>(
        &self,
        keywords: &Map<String, Value>,
        members: &'v Map<String, Value>,
        at: &Place<'v>,
        findings: &mut Findings,
    ) {
        for (keyword, wrong) in
            [("minProperties", std::cmp::Ordering::Less), ("maxProperties", std::cmp::Ordering::Greater)]
        {
            if let Some(bound) = number(keywords, keyword)
                && members.len().cmp(&bound) == wrong
            {
                findings.add(at, format!("{} members, but {keyword} is {bound}", members.len()));
            }
        }
        for name in keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                findings.add(at, format!("`{name}` is missing"));
            }
        }
        let properties = keywords.get("properties").and_then(Value::as_object);
        let closed = ["additionalProperties", "unevaluatedProperties"]
            .iter()
            .any(|key| keywords.get(*key) == Some(&Value::Bool(false)));
        for (name, member) in members {
            match properties.and_then(|properties| properties.get(name)) {
                Some(schema) => self.check(schema, member, &at.key(name), findings),
                None if closed => {
                    findings.add(&at.key(name), format!("`{}` is not a member that the schema knows", short(name)))
                }
                None => {}
            }
        }
    }

    /// The members that the schema does not name, wherever it lets others in.
    pub(crate) fn unnamed<'v>(&self, schema: &Value, value: &'v Value, at: &Place<'v>, found: &mut Vec<Place<'v>>) {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        let schema = target.and_then(|target| self.root.pointer(target)).unwrap_or(schema);
        match value {
            Value::Array(elements) => {
                if let Some(items) = schema.get("items") {
                    for (index, element) in elements.iter().enumerate() {
                        self.unnamed(items, element, &at.index(index), found);
                    }
                }
            }
            Value::Object(members) => {
                let Some(properties) = schema.get("properties") else { return };
                for (name, member) in members {
                    match properties.get(name) {
                        Some(schema) => self.unnamed(schema, member, &at.key(name), found),
                        None => found.push(at.key(name)),
                    }
                }
            }
            _ => {}
        }
    }
}

/// The members of a document that the schema of its version does not name.
pub(crate) fn unnamed(document: &Value, is_2_1: bool) -> Vec<Place<'_>> {
    let [of_2_0, of_2_1] = &*SCHEMAS;
    let schema = if is_2_1 { of_2_1 } else { of_2_0 };
    let mut found = Vec::new();
    schema.unnamed(&schema.root, document, &Place::default(), &mut found);
    found.retain(|place| place.0 != [Step::Key("$schema")]);
    found
}

fn collect(value: &Value, patterns: &mut HashMap<String, Regex>) {
    match value {
        Value::Object(members) => {
            if let Some(pattern) = members.get("pattern").and_then(Value::as_str) {
                // `\d` of ECMA-262 is a digit of ASCII.
                if let Ok(regex) = Regex::new(&pattern.replace("\\d", "[0-9]")) {
                    patterns.insert(pattern.to_owned(), regex);
                }
            }
            members.values().for_each(|member| collect(member, patterns));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, patterns)),
        _ => {}
    }
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        _ => true,
    }
}

/// RFC 3986: a scheme, a colon, and none of the characters that a URI cannot hold.
pub(crate) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    let mut percents = rest.split('%').skip(1);
    named
        && rest.chars().all(allowed)
        && percents.all(|after| after.get(..2).is_some_and(|hex| hex.chars().all(|c| c.is_ascii_hexdigit())))
        && rest.matches('#').count() <= 1
}

fn number(keywords: &Map<String, Value>, key: &str) -> Option<usize> {
    keywords.get(key).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok())
}

fn brief(value: &Value) -> String {
    short(&value.to_string())
}

/// The beginning of a text.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
