//! The few items of CBOR (RFC 8949) that reports are made of, in deterministic form only.
//!
//! Not a general CBOR library: no floats, no indefinite lengths, no skipping of what is unknown. Invariant: there is exactly
//! one encoding of each value (§4.2.1), and the reader takes no other. Cost: no allocation in the reader, lengths are compared
//! with what is there before anything is taken. Tests hold it against `ciborium` and `coset` (ADR-0007).

use crate::error::{Flaw, OpenError};

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// Writes items to the end of a buffer.
pub(crate) struct Writer<'a>(pub(crate) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn uint(&mut self, value: u64) {
        self.head(UINT, value);
    }

    pub(crate) fn int(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(UINT, value),
            Err(_) => self.head(NEGATIVE, (!value).unsigned_abs()),
        }
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.head(BYTES, len_u64(value.len()));
        self.0.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.head(TEXT, len_u64(value.len()));
        self.0.extend_from_slice(value.as_bytes());
    }

    pub(crate) fn array(&mut self, items: usize) {
        self.head(ARRAY, len_u64(items));
    }

    pub(crate) fn map(&mut self, pairs: u64) {
        self.head(MAP, pairs);
    }

    pub(crate) fn tag(&mut self, tag: u64) {
        self.head(TAG, tag);
    }

    #[expect(clippy::cast_possible_truncation, reason = "each arm has checked the width")]
    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        match value {
            0..=23 => self.0.push(major | value as u8),
            24..=0xFF => self.0.extend_from_slice(&[major | 24, value as u8]),
            0x100..=0xFFFF => {
                self.0.push(major | 25);
                self.0.extend_from_slice(&(value as u16).to_be_bytes());
            }
            0x1_0000..=0xFFFF_FFFF => {
                self.0.push(major | 26);
                self.0.extend_from_slice(&(value as u32).to_be_bytes());
            }
            _ => {
                self.0.push(major | 27);
                self.0.extend_from_slice(&value.to_be_bytes());
            }
        }
    }
}

/// A length as CBOR counts it; no platform has longer ones.
fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// Reads items from the front of a slice.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// An error at the current place.
    pub(crate) const fn flaw(&self, flaw: Flaw) -> OpenError {
        OpenError::Malformed { offset: self.offset, flaw }
    }

    /// A reader over `inner`, which was the last item read here: errors keep naming the place in the whole.
    pub(crate) const fn within(&self, inner: &'a [u8]) -> Self {
        Self { rest: inner, offset: self.offset.saturating_sub(inner.len()) }
    }

    pub(crate) fn uint(&mut self, field: &'static str) -> Result<u64, OpenError> {
        self.head(UINT, field)
    }

    /// An unsigned integer of at most `max`.
    pub(crate) fn uint_max(&mut self, field: &'static str, max: u64) -> Result<u64, OpenError> {
        let at = self.offset;
        let value = self.uint(field)?;
        if value > max {
            return Err(OpenError::Malformed { offset: at, flaw: Flaw::Range { field, value, max } });
        }
        Ok(value)
    }

    pub(crate) fn uint32(&mut self, field: &'static str) -> Result<u32, OpenError> {
        let value = self.uint_max(field, u64::from(u32::MAX))?;
        Ok(u32::try_from(value).unwrap_or(u32::MAX))
    }

    pub(crate) fn int(&mut self, field: &'static str) -> Result<i64, OpenError> {
        let at = self.offset;
        let negative = self.rest.first().is_some_and(|first| first >> 5 == NEGATIVE);
        let value = self.head(if negative { NEGATIVE } else { UINT }, field)?;
        let max = i64::MAX.unsigned_abs();
        let range = OpenError::Malformed { offset: at, flaw: Flaw::Range { field, value, max } };
        let value = i64::try_from(value).map_err(|_| range)?;
        Ok(if negative { !value } else { value })
    }

    pub(crate) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], OpenError> {
        let len = self.head(BYTES, field)?;
        self.take(len)
    }

    pub(crate) fn bytes_of<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], OpenError> {
        let flaw = self.flaw(Flaw::Expected(field));
        self.bytes(field)?.try_into().map_err(|_| flaw)
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Result<&'a str, OpenError> {
        let flaw = self.flaw(Flaw::Expected(field));
        let len = self.head(TEXT, field)?;
        core::str::from_utf8(self.take(len)?).map_err(|_| flaw)
    }

    /// The head of an array and its length.
    pub(crate) fn array(&mut self, field: &'static str) -> Result<u64, OpenError> {
        self.head(ARRAY, field)
    }

    /// The head of an array of exactly `items`.
    pub(crate) fn array_of(&mut self, items: u64, field: &'static str) -> Result<(), OpenError> {
        let flaw = self.flaw(Flaw::Expected(field));
        if self.head(ARRAY, field)? == items { Ok(()) } else { Err(flaw) }
    }

    /// The head of a map and its number of pairs.
    pub(crate) fn map(&mut self, field: &'static str) -> Result<u64, OpenError> {
        self.head(MAP, field)
    }

    /// The head of a map of exactly `pairs`.
    pub(crate) fn map_of(&mut self, pairs: u64, field: &'static str) -> Result<(), OpenError> {
        let flaw = self.flaw(Flaw::Expected(field));
        if self.head(MAP, field)? == pairs { Ok(()) } else { Err(flaw) }
    }

    /// Exactly this unsigned integer: a map key.
    pub(crate) fn key(&mut self, key: u64, field: &'static str) -> Result<(), OpenError> {
        let flaw = self.flaw(Flaw::Expected(field));
        if self.head(UINT, field)? == key { Ok(()) } else { Err(flaw) }
    }

    pub(crate) fn tag(&mut self, tag: u64, field: &'static str) -> Result<(), OpenError> {
        let flaw = self.flaw(Flaw::Expected(field));
        if self.head(TAG, field)? == tag { Ok(()) } else { Err(flaw) }
    }

    /// Nothing is left.
    pub(crate) const fn end(&self) -> Result<(), OpenError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.flaw(Flaw::Trailing(self.rest.len()))) }
    }

    fn head(&mut self, major: u8, expected: &'static str) -> Result<u64, OpenError> {
        let at = self.offset;
        let error = |flaw| OpenError::Malformed { offset: at, flaw };
        let first = match self.rest.first() {
            Some(&first) if first >> 5 == major => first & 0x1F,
            Some(_) => return Err(error(Flaw::Expected(expected))),
            None => return Err(error(Flaw::Truncated { needed: 1, have: 0 })),
        };
        self.take(1)?;
        let (value, least) = match first {
            0..=23 => (u64::from(first), 0),
            24 => (self.number(1)?, 24),
            25 => (self.number(2)?, 1 << 8),
            26 => (self.number(4)?, 1 << 16),
            27 => (self.number(8)?, 1 << 32),
            _ => return Err(error(Flaw::Expected(expected))),
        };
        if value < least { Err(error(Flaw::NotShortest)) } else { Ok(value) }
    }

    fn number(&mut self, len: u64) -> Result<u64, OpenError> {
        Ok(self.take(len)?.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], OpenError> {
        let truncated = self.flaw(Flaw::Truncated { needed: len, have: self.rest.len() });
        let len = usize::try_from(len).map_err(|_| truncated)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(truncated)?;
        self.rest = rest;
        self.offset = self.offset.saturating_add(len);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ciborium::value::{Integer, Value};
    use proptest::prelude::*;

    fn ciborium_bytes(value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        ciborium::into_writer(value, &mut out).expect("a vector takes everything");
        out
    }

    proptest! {
        #[test]
        fn integers_are_written_as_ciborium_writes_them_and_read_back(value: i64, shift in 0..64_u32) {
            let value = value >> shift;
            let mut out = Vec::new();
            Writer(&mut out).int(value);
            prop_assert_eq!(&out, &ciborium_bytes(&Value::Integer(Integer::from(value))));
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.int("number"), Ok(value));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn strings_are_written_as_ciborium_writes_them_and_read_back(
            data in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,80}",
        ) {
            let mut out = Vec::new();
            let mut writer = Writer(&mut out);
            writer.array(2);
            writer.bytes(&data);
            writer.text(&text);
            let value = Value::Array(vec![Value::Bytes(data.clone()), Value::Text(text.clone())]);
            prop_assert_eq!(&out, &ciborium_bytes(&value));
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.array_of(2, "pair"), Ok(()));
            prop_assert_eq!(reader.bytes("data"), Ok(&data[..]));
            prop_assert_eq!(reader.text("text"), Ok(&text[..]));
        }

        #[test]
        fn there_is_one_encoding_of_a_number(bytes in proptest::collection::vec(any::<u8>(), 1..10)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(value) = reader.int("number") {
                let mut out = Vec::new();
                Writer(&mut out).int(value);
                prop_assert_eq!(&out[..], &bytes[..out.len()]);
            }
        }
    }

    #[test]
    fn a_longer_form_an_indefinite_length_and_a_huge_length_are_refused() {
        let refused = |bytes: &[u8]| Reader::new(bytes).bytes("data").expect_err("refused");
        let at = |offset, flaw| OpenError::Malformed { offset, flaw };
        assert_eq!(refused(&[0x58, 0x01, 0xAA]), at(0, Flaw::NotShortest));
        assert_eq!(refused(&[0x5F, 0x41, 0xAA, 0xFF]), at(0, Flaw::Expected("data")));
        let huge = [0x5B, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(refused(&huge), at(9, Flaw::Truncated { needed: 0x7FFF_FFFF_FFFF_FFFF, have: 0 }));
        assert_eq!(refused(&[]), at(0, Flaw::Truncated { needed: 1, have: 0 }));
    }
}
