//! Texts and version keys, each written once behind its length; a number of 32 bits leads to one.
//!
//! Not compressed: a text is read in place. Number 0 is the empty text. Long texts are not looked up when written: they hardly repeat.

use std::collections::HashMap;

use super::layout::{Frame, Section, SegmentError, to_u32, to_usize};

/// Texts up to this length are written once.
const SHARED_BYTES_MAX: usize = 200;

/// The heap while it is written.
#[derive(Debug)]
pub(super) struct Heap {
    bytes: Vec<u8>,
    known: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
}

impl Heap {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0], known: HashMap::default() }
    }

    /// The number of a text.
    pub(super) fn put(&mut self, item: &[u8]) -> u32 {
        if item.is_empty() {
            return 0;
        }
        if let Some(number) = self.known.get(item) {
            return *number;
        }
        let number = to_u32(self.bytes.len());
        let mut length = to_u32(item.len());
        while length >= 0x80 {
            self.bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        self.bytes.push((length & 0x7f) as u8);
        self.bytes.extend(item);
        if item.len() <= SHARED_BYTES_MAX {
            self.known.insert(item.into(), number);
        }
        number
    }

    pub(super) fn text(&mut self, text: &str) -> u32 {
        self.put(text.as_bytes())
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl<'a> Frame<'a> {
    /// The bytes that a number leads to.
    pub(super) fn item(&self, number: u32) -> Result<&'a [u8], SegmentError> {
        let heap = self.section(Section::Heap);
        let damaged = || self.damaged(Section::Heap, to_usize(number));
        let mut at = to_usize(number);
        let (mut length, mut shift) = (0_usize, 0_u32);
        loop {
            let byte = *heap.get(at).ok_or_else(damaged)?;
            at = at.saturating_add(1);
            length |= usize::from(byte & 0x7f).checked_shl(shift).ok_or_else(damaged)?;
            if byte & 0x80 == 0 {
                break;
            }
            shift = shift.saturating_add(7);
            if shift > 28 {
                return Err(damaged());
            }
        }
        heap.get(at..at.saturating_add(length)).ok_or_else(damaged)
    }

    /// The text that a number leads to.
    pub(super) fn text(&self, number: u32) -> Result<&'a str, SegmentError> {
        std::str::from_utf8(self.item(number)?).map_err(|_| self.damaged(Section::Heap, to_usize(number)))
    }

    /// The text that a number leads to; none for 0.
    pub(super) fn text_or_none(&self, number: u32) -> Result<Option<&'a str>, SegmentError> {
        if number == 0 { Ok(None) } else { self.text(number).map(Some) }
    }
}
