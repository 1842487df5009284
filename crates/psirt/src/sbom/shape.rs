//! Shapes that documents of several formats share when they are read with serde: one or many, text or nothing.
//!
//! Not a model: nothing here knows what a component is.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value where a list is meant, or a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Many<T>(pub(super) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ManyVisitor(PhantomData))
    }
}

struct ManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
    type Value = Many<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value or a list of such")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Many::default())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        // An empty element of XML is an empty list.
        if text.is_empty() {
            return Ok(Many::default());
        }
        T::deserialize(StrDeserializer::new(text)).map(|one| Many(vec![one]))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|one| Many(vec![one]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut many = Vec::new();
        while let Some(one) = list.next_element()? {
            many.push(one);
        }
        Ok(Many(many))
    }
}

/// What is there, unless it says that nothing is known: empty, `NOASSERTION`, `NONE`, `UNKNOWN`.
pub(super) fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| {
        let text = text.trim();
        !text.is_empty() && !["NOASSERTION", "NONE", "UNKNOWN"].iter().any(|nothing| text.eq_ignore_ascii_case(nothing))
    })
}

/// The algorithm of a digest as the model names it: `SHA-256`, `checksumAlgorithm_sha256` and `SHA3_256` lose what is not its name.
pub(super) fn algorithm(text: &str) -> String {
    let text = text.rsplit(['#', '/']).next().unwrap_or_default();
    let text = text.strip_prefix("checksumAlgorithm_").unwrap_or(text);
    text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}
