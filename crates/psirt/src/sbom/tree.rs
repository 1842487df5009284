//! A small element with names, text and children, as XML and protobuf give them, that serde reads as if it were JSON.
//!
//! Not a document: a reader builds one for each component and lets it go. Invariants: no deeper than [`DEPTH_MAX`]. XML writes some lists
//! without a container; [`Node::add`] gives them one.

use std::fmt;
use std::vec::IntoIter;

use serde::de::value::StringDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// How deep elements may be nested.
pub const DEPTH_MAX: usize = 100;

/// What XML repeats without a container.
const BARE_LISTS: [&str; 5] = ["identity", "dependency", "provides", "swhid", "omniborId"];
/// Containers whose items may be one of several things.
const CHOICES: &str = "licenses";

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
    /// Its children are items, not members.
    pub(super) list: bool,
}

impl Node {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    pub(super) fn with_text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), ..Self::default() }
    }

    /// Adds a child as XML nests it.
    pub(super) fn add(&mut self, child: Node) {
        if self.name == CHOICES {
            self.list = true;
            self.children.push(Node { children: vec![child], ..Node::default() });
            return;
        }
        self.list |= self.name == "responses";
        if !BARE_LISTS.contains(&child.name.as_str()) || self.list || self.name == "dependencies" {
            self.children.push(child);
            return;
        }
        match self.children.iter_mut().find(|known| known.name == child.name) {
            Some(list) => list.children.push(child),
            None => self.children.push(Node {
                name: child.name.clone(),
                list: true,
                children: vec![child],
                ..Node::default()
            }),
        }
    }
}

/// Why a node is not what was expected.
#[derive(Debug)]
pub(super) struct NodeError(String);

impl fmt::Display for NodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for NodeError {}

impl de::Error for NodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = NodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        if self.list {
            visitor.visit_seq(Items(self.children.into_iter()))
        } else if self.children.is_empty() {
            visitor.visit_string(self.text)
        } else {
            visitor.visit_map(Members::new(self))
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        visitor.visit_seq(Items(self.children.into_iter()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NodeError> {
        visitor.visit_map(Members::new(self))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        visitor.visit_string(self.text)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        visitor.visit_string(self.text)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, NodeError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        map enum identifier ignored_any
    }
}

struct Items(IntoIter<Node>);

impl<'de> SeqAccess<'de> for Items {
    type Error = NodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, NodeError> {
        self.0.next().map(|node| seed.deserialize(node)).transpose()
    }
}

struct Members {
    rest: IntoIter<Node>,
    seen: Vec<String>,
    value: Option<Node>,
}

impl Members {
    fn new(mut node: Node) -> Self {
        if !node.text.trim().is_empty() {
            node.children.push(Node::with_text("$text", std::mem::take(&mut node.text)));
        }
        Self { rest: node.children.into_iter(), seen: Vec::new(), value: None }
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = NodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, NodeError> {
        // The first of a name counts: attributes come before elements, and ours before those of another namespace.
        let seen = &self.seen;
        let Some(mut node) = self.rest.find(|node| !seen.contains(&node.name)) else { return Ok(None) };
        let name = std::mem::take(&mut node.name);
        self.seen.push(name.clone());
        self.value = Some(node);
        let name: StringDeserializer<NodeError> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, NodeError> {
        seed.deserialize(self.value.take().unwrap_or_default())
    }
}
