//! A reader of DER (X.690): one element after the other, each with the tag that belongs there.
//!
//! Not a decoder of values: those are read where they are used. Invariants: lengths are definite and in their shortest form; every byte
//! belongs to an element; it never reads behind its slice. Cost: no copy, no allocation.

use super::StampError;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Tag of a member with this number that holds others.
pub(super) const fn context(number: u8) -> u8 {
    0xA0 | number
}

/// What is left of a run of elements. `what` names it in errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Der<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

/// An element: all its bytes, and its content alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) whole: &'a [u8],
    pub(super) content: &'a [u8],
}

impl<'a> Der<'a> {
    pub(super) const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, what }
    }

    fn malformed(&self) -> StampError {
        StampError::Malformed(self.what)
    }

    /// The tag of the next element, if there is one.
    pub(super) fn tag(&self) -> Option<u8> {
        self.bytes.first().copied()
    }

    /// The next element, whatever it is.
    pub(super) fn any(&mut self) -> Result<Element<'a>, StampError> {
        let [tag, first, ..] = *self.bytes else { return Err(self.malformed()) };
        // Tags of more than one byte do not occur in what is read here.
        if tag & 0x1F == 0x1F {
            return Err(self.malformed());
        }
        let more = if first < 0x80 { 0 } else { usize::from(first & 0x7F) };
        let digits = self.bytes.get(2..2 + more).ok_or(self.malformed())?;
        let len = match more {
            0 => usize::from(first),
            1..=3 => digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)),
            _ => return Err(self.malformed()),
        };
        let shortest = match more {
            0 => true,
            1 => len >= 0x80,
            _ => digits.first() != Some(&0),
        };
        let start = 2 + more;
        let whole = self.bytes.get(..start + len).filter(|_| shortest).ok_or(self.malformed())?;
        self.bytes = self.bytes.get(whole.len()..).unwrap_or_default();
        Ok(Element { whole, content: whole.get(start..).unwrap_or_default() })
    }

    /// The next element, which must have this tag.
    pub(super) fn element(&mut self, tag: u8) -> Result<Element<'a>, StampError> {
        if self.tag() == Some(tag) { self.any() } else { Err(self.malformed()) }
    }

    /// The content of the next element, which must have this tag.
    pub(super) fn content(&mut self, tag: u8) -> Result<&'a [u8], StampError> {
        self.element(tag).map(|element| element.content)
    }

    /// The next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, StampError> {
        if self.tag() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// What is in the next element, which must have this tag.
    pub(super) fn inside(&mut self, tag: u8, what: &'static str) -> Result<Self, StampError> {
        self.content(tag).map(|bytes| Self::new(bytes, what))
    }

    /// The object identifier at the front of the next sequence: an algorithm.
    pub(super) fn algorithm(&mut self) -> Result<&'a [u8], StampError> {
        self.inside(SEQUENCE, self.what)?.content(OID)
    }

    /// There is nothing more.
    pub(super) fn end(&self) -> Result<(), StampError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(self.malformed()) }
    }
}

/// An element of this tag and content.
pub(super) fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len().to_be_bytes();
    let digits: Vec<u8> = len.into_iter().skip_while(|digit| *digit == 0).collect();
    let mut bytes = vec![tag];
    match content.len() {
        len @ 0..0x80 => bytes.push(len as u8),
        _ => {
            bytes.push(0x80 | digits.len() as u8);
            bytes.extend_from_slice(&digits);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// The content of a number.
pub(super) fn number(value: u64) -> Vec<u8> {
    let digits = value.to_be_bytes();
    let mut content: Vec<u8> = digits.iter().copied().skip_while(|digit| *digit == 0).collect();
    if content.first().is_none_or(|first| *first >= 0x80) {
        content.insert(0, 0);
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_in_their_shortest_form() {
        assert_eq!(number(0), [0]);
        assert_eq!(number(0x7F), [0x7F]);
        assert_eq!(number(0x80), [0, 0x80]);
        assert_eq!(number(u64::MAX).len(), 9);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(content in proptest::collection::vec(any::<u8>(), 0..70_000), tag in 0x02..0x1E_u8) {
            let bytes = encode(tag, &content);
            let mut der = Der::new(&bytes, "test");
            prop_assert_eq!(der.content(tag).unwrap(), content.as_slice());
            prop_assert!(der.end().is_ok());
            prop_assert!(Der::new(&bytes[..bytes.len() - 1], "test").any().is_err());
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut der = Der::new(&bytes, "test");
            while let Ok(element) = der.any() {
                prop_assert!(element.whole.len() >= 2 && element.content.len() < element.whole.len());
            }
        }
    }
}
