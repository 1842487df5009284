//! The head of a record of this crate: a small CBOR map before the bytes as received.
//!
//! Not a general reader: integer keys, texts, bytes and integers. Layout: `length (2 bytes, big-endian) ‖ CBOR map ‖ body`. Invariants:
//! the encoding is deterministic; a head is at most [`HEAD_BYTES_MAX`] long; unknown keys are ignored, so that later versions may add
//! some. Cost: one allocation a field, no copy of the body.

use ciborium::value::Value;

/// The longest head, in bytes.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Why bytes are not a record of this crate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The head says that it is longer than the bytes, or than [`HEAD_BYTES_MAX`].
    #[error("head of {len} bytes, {have} are there and {HEAD_BYTES_MAX} the maximum")]
    Head {
        /// What it says.
        len: usize,
        /// What follows.
        have: usize,
    },
    /// The head is not one CBOR map.
    #[error("head is not a CBOR map")]
    NotCbor,
    /// A field is missing or has a wrong type or range.
    #[error("field {0} of the head is missing or wrong")]
    Field(u8),
    /// The body is not what its head says.
    #[error("body is cut or too long at byte {at}")]
    Body {
        /// Where.
        at: usize,
    },
}

/// A field of a head.
pub(crate) fn field(key: u8, value: impl Into<Value>) -> (Value, Value) {
    (Value::from(key), value.into())
}

/// Head and body as one payload.
pub(crate) fn join(fields: Vec<(Value, Value)>, body: &[u8]) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    // Writing to a Vec cannot fail; were it to, the empty head would be refused on decoding, not taken for something else.
    if ciborium::into_writer(&Value::Map(fields), &mut head).is_err() {
        head.clear();
    }
    let len = u16::try_from(head.len()).unwrap_or(u16::MAX);
    let mut out = Vec::with_capacity(head.len().saturating_add(body.len()).saturating_add(2));
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(body);
    out
}

/// The fields of a head.
pub(crate) struct Head(Vec<(Value, Value)>);

impl Head {
    /// Head and body of a payload.
    pub(crate) fn split(payload: &[u8]) -> Result<(Self, &[u8]), RecordError> {
        let have = payload.len().saturating_sub(2);
        let (len, rest) = payload.split_first_chunk::<2>().ok_or(RecordError::Head { len: 2, have: payload.len() })?;
        let len = usize::from(u16::from_be_bytes(*len));
        let (mut head, body) =
            rest.split_at_checked(len).filter(|_| len <= HEAD_BYTES_MAX).ok_or(RecordError::Head { len, have })?;
        let map: Value =
            ciborium::de::from_reader_with_recursion_limit(&mut head, 4).map_err(|_| RecordError::NotCbor)?;
        if !head.is_empty() {
            return Err(RecordError::NotCbor);
        }
        Ok((Self(map.into_map().map_err(|_| RecordError::NotCbor)?), body))
    }

    fn get(&self, key: u8) -> Option<&Value> {
        self.0.iter().find(|(k, _)| *k == Value::from(key)).map(|(_, value)| value)
    }

    pub(crate) fn integer<T: TryFrom<i128>>(&self, key: u8) -> Result<T, RecordError> {
        let value = self.get(key).and_then(Value::as_integer).map(i128::from);
        value.and_then(|value| T::try_from(value).ok()).ok_or(RecordError::Field(key))
    }

    pub(crate) fn text(&self, key: u8) -> Result<&str, RecordError> {
        self.get(key).and_then(Value::as_text).ok_or(RecordError::Field(key))
    }

    pub(crate) fn parsed<T: std::str::FromStr>(&self, key: u8) -> Result<T, RecordError> {
        self.text(key)?.parse().map_err(|_| RecordError::Field(key))
    }

    pub(crate) fn bytes(&self, key: u8) -> Result<Option<&[u8]>, RecordError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_bytes().map(Vec::as_slice).map(Some).ok_or(RecordError::Field(key))
    }
}
