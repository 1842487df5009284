//! YAML text as a tree that remembers where each value stood.
//!
//! Not a schema: what a rule must hold is checked in `parse`. Bounded by the reader's budget (depth, nodes, aliases), so that
//! hostile files are refused before they cost memory. Plain scalars follow YAML 1.2; `yes` and `0755` stay texts.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};
use std::fmt;

/// The deepest nesting in a rule file.
const DEPTH_MAX: usize = 32;
/// The most scalars, lists and maps in a rule file.
pub(crate) const NODES_MAX: usize = 250_000;
/// The most documents in one file.
const DOCUMENTS_MAX: usize = 1_024;
/// The most aliases (`*name`) in one file.
const ALIASES_MAX: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) value: Value,
}

/// A key of a map and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) text: String,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// Why a text is not YAML.
pub(crate) struct YamlError {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) message: String,
}

/// The documents of a file; empty ones are left out.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, YamlError> {
    let budget = serde_saphyr::budget! {
        max_depth: DEPTH_MAX,
        max_nodes: NODES_MAX,
        max_documents: DOCUMENTS_MAX,
        max_aliases: ALIASES_MAX,
        flow_nesting_limit: DEPTH_MAX,
    };
    let options = serde_saphyr::options! {
        budget: budget,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options::<Node>(text, options).map_err(|error| {
        let at = error.location();
        YamlError {
            line: at.map_or(0, |l| l.line()),
            column: at.map_or(0, |l| l.column()),
            message: first_line(&error.to_string()),
        }
    })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

impl Value {
    /// A scalar as text, as a person wrote it as far as that is known; `None` for lists, maps and null.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        match self {
            Self::Bool(b) => Some(b.to_string()),
            Self::Int(i) => Some(i.to_string()),
            Self::Float(x) => Some(x.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }
}

impl Node {
    /// The value of a key, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// [`Value::scalar_text`] of its value.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        self.value.scalar_text()
    }

    /// Feeds the meaning of the tree to a digest: places and comments do not count.
    pub(crate) fn digest_into(&self, hash: &mut Sha256) {
        let tagged = |hash: &mut Sha256, tag: u8, bytes: &[u8]| {
            hash.update([tag]);
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        };
        match &self.value {
            Value::Null => hash.update([0]),
            Value::Bool(b) => hash.update([1, u8::from(*b)]),
            Value::Int(i) => tagged(hash, 2, &i.to_be_bytes()),
            Value::Float(x) => tagged(hash, 3, &x.to_bits().to_be_bytes()),
            Value::Text(text) => tagged(hash, 4, text.as_bytes()),
            Value::List(items) => {
                tagged(hash, 5, &items.len().to_be_bytes());
                items.iter().for_each(|item| item.digest_into(hash));
            }
            Value::Map(entries) => {
                tagged(hash, 6, &entries.len().to_be_bytes());
                for (key, node) in entries {
                    tagged(hash, 7, key.text.as_bytes());
                    node.digest_into(hash);
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let at = spanned.referenced;
        Ok(Self { line: at.line(), column: at.column(), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Int))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Node>()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let at = key.referenced;
            let key = Key { line: at.line(), column: at.column(), text: key.value };
            entries.push((key, map.next_value::<Node>()?));
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_types_and_places() {
        let text = "a: 1\nb:\n  - x\n  - ~\n  - 0x7DF\n  - '5'\n  - yes\n  - 1.5\n---\nc: {d: true}\n---\n";
        let documents = documents(text).unwrap_or_else(|e| panic!("{}", e.message));
        assert_eq!(documents.len(), 2);
        let Some(Value::List(items)) = documents[0].get("b").map(|n| &n.value) else { panic!("a list") };
        assert_eq!(items[0].line, 3);
        assert_eq!(items[0].column, 5);
        assert!(matches!(items[1].value, Value::Null));
        assert!(matches!(items[2].value, Value::Int(0x7DF)));
        assert!(matches!(&items[3].value, Value::Text(t) if t == "5"));
        assert!(matches!(&items[4].value, Value::Text(t) if t == "yes"));
        assert!(matches!(items[5].value, Value::Float(x) if x == 1.5));
        assert_eq!(documents[1].line, 10);
    }

    #[test]
    fn hostile_nesting_and_broken_text_are_refused_with_their_place() {
        let deep = "[".repeat(10_000);
        assert!(documents(&deep).is_err());
        let bomb =
            "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n".to_owned() + &"d: [*c,*c,*c,*c,*c,*c,*c,*c]\n".repeat(20);
        assert!(documents(&bomb).is_err());
        let error = documents("a: 1\nb: [1\nc: 2\n").err().map(|e| e.line);
        assert!(error.is_some_and(|line| line >= 2), "{error:?}");
    }
}
