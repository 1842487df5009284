//! Columns while they grow: values of fields, row by row, as text.
//!
//! Not the walk through an event. Invariant: entries of a column are in the order of their rows, so a row that is refused is taken back
//! from the ends.

use super::FIELD_BYTES_MAX;
use super::paths::Target;
use arrow::array::{ArrayRef, ListArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use std::io::Write as _;
use std::sync::Arc;

/// A value that is no map and no list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Single<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

/// The values of one field, row by row.
#[derive(Default)]
pub(super) struct Values {
    text: Vec<u8>,
    /// The end of each value in the text, and its row.
    ends: Vec<(i32, u32)>,
    /// Rows in which the field is null.
    nulls: Vec<u32>,
}

/// The columns of a batch while it grows.
pub(super) struct Rows {
    pub(super) columns: Vec<Values>,
    /// Values of fields that no rule names, for those that search in every field.
    pub(super) others: Values,
    /// The row that grows.
    pub(super) row: u32,
    pub(super) bytes: usize,
}

impl Rows {
    pub(super) fn new(columns: usize) -> Self {
        let columns = (0..columns).map(|_| Values::default()).collect();
        Self { columns, others: Values::default(), row: 0, bytes: 0 }
    }

    /// Adds a value to the row that grows; `name` says its field for the error.
    pub(super) fn push(&mut self, to: Target, value: Single<'_>, name: impl FnOnce() -> String) -> Result<(), String> {
        if let Single::Text(text) = value {
            bounded(text, name)?;
        }
        let column = match to {
            Target::Column(index) => self.columns.get_mut(index).unwrap_or(&mut self.others),
            Target::Others => &mut self.others,
        };
        self.bytes = self.bytes.saturating_add(column.push(self.row, value));
        Ok(())
    }

    /// Takes back what the row that grows got.
    pub(super) fn undo(&mut self) {
        let row = self.row;
        self.columns.iter_mut().chain([&mut self.others]).for_each(|values| values.undo(row));
    }
}

/// Refuses a text that is too long for a field.
pub(super) fn bounded(text: &str, name: impl FnOnce() -> String) -> Result<(), String> {
    if text.len() > FIELD_BYTES_MAX {
        return Err(format!("field `{}` of {} bytes exceeds the maximum {FIELD_BYTES_MAX}", name(), text.len()));
    }
    Ok(())
}

impl Values {
    pub(super) const fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.nulls.is_empty()
    }

    /// Adds a value; says of how many bytes it is.
    fn push(&mut self, row: u32, value: Single<'_>) -> usize {
        let before = self.text.len();
        let written = match value {
            Single::Null => {
                self.nulls.push(row);
                return 0;
            }
            Single::Text(text) => {
                self.text.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Single::Bool(truth) => write!(self.text, "{truth}"),
            Single::Unsigned(number) => write!(self.text, "{number}"),
            Single::Signed(number) => write!(self.text, "{number}"),
            Single::Float(number) => write!(self.text, "{number}"),
        };
        debug_assert!(written.is_ok(), "memory takes everything");
        self.ends.push((i32::try_from(self.text.len()).unwrap_or(i32::MAX), row));
        self.text.len().saturating_sub(before)
    }

    fn undo(&mut self, row: u32) {
        while self.ends.pop_if(|(_, of)| *of == row).is_some() {}
        while self.nulls.pop_if(|of| *of == row).is_some() {}
        let end = self.ends.last().map_or(0, |(end, _)| *end);
        self.text.truncate(usize::try_from(end).unwrap_or_default());
    }

    /// The values so far; new ones get as much room as these took.
    pub(super) fn take(&mut self) -> Self {
        let room = |length: usize| length.saturating_add(length >> 3);
        let next = Self {
            text: Vec::with_capacity(room(self.text.len())),
            ends: Vec::with_capacity(room(self.ends.len())),
            nulls: Vec::with_capacity(room(self.nulls.len())),
        };
        core::mem::replace(self, next)
    }

    /// A text column if each row has at most one value; else a column of lists.
    pub(super) fn finish(self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let mut counts = vec![0_usize; rows];
        for (_, row) in &self.ends {
            if let Some(count) = counts.get_mut(*row as usize) {
                *count = count.saturating_add(1);
            }
        }
        let text = Buffer::from_vec(self.text);
        if self.nulls.is_empty() && counts.iter().all(|count| *count <= 1) {
            let mut ends = self.ends.iter().map(|(end, _)| *end);
            let mut last = 0;
            let offset = |count: &usize| {
                last = if *count > 0 { ends.next().unwrap_or(last) } else { last };
                last
            };
            let offsets: Vec<i32> = core::iter::once(0).chain(counts.iter().map(offset)).collect();
            let valid = NullBuffer::from_iter(counts.iter().map(|count| *count > 0));
            return Ok(Arc::new(StringArray::try_new(OffsetBuffer::new(offsets.into()), text, Some(valid))?));
        }
        let offsets: Vec<i32> = core::iter::once(0).chain(self.ends.iter().map(|(end, _)| *end)).collect();
        let values = StringArray::try_new(OffsetBuffer::new(offsets.into()), text, None)?;
        let mut valid: Vec<bool> = counts.iter().map(|count| *count > 0).collect();
        for row in self.nulls {
            if let Some(valid) = valid.get_mut(row as usize) {
                *valid = true;
            }
        }
        let lengths = OffsetBuffer::from_lengths(counts);
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        Ok(Arc::new(ListArray::try_new(item, lengths, Arc::new(values), Some(NullBuffer::from(valid)))?))
    }
}
