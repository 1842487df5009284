//! Two kinds of columns that cost less than Arrow's own builders: texts without nulls, and values that are rare.
//!
//! Not a general builder. Invariant: what is finished has as many rows as were pushed, filled or asked for.

use arrow::array::{
    ArrayBuilder, ArrayRef, ArrowPrimitiveType, BooleanBuilder, PrimitiveBuilder, StringArray, StringBuilder,
    new_null_array,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use std::sync::Arc;

/// Texts, none of them absent.
#[derive(Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    /// Where each text ends.
    ends: Vec<usize>,
}

impl Texts {
    pub(crate) fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len());
    }

    /// The name of an event that the catalogue does not know: `EVENT_` and four digits.
    pub(crate) fn push_event_number(&mut self, event: u16) {
        let digit = |shift: u32| char::from_digit(u32::from(event >> shift) & 0xF, 16).map(|d| d.to_ascii_uppercase());
        self.bytes.extend_from_slice(b"EVENT_");
        self.bytes.extend([12, 8, 4, 0].map(|shift| digit(shift).and_then(|d| u8::try_from(d).ok()).unwrap_or(b'0')));
        self.ends.push(self.bytes.len());
    }

    /// Adds the text until there are `rows`.
    pub(crate) fn fill(&mut self, rows: usize, text: &str) {
        for _ in self.ends.len()..rows {
            self.push(text);
        }
    }

    /// The column; it is empty then.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let lengths = std::iter::once(0).chain(self.ends.iter().copied());
        let offsets: Result<Vec<i32>, _> = lengths.map(i32::try_from).collect();
        let offsets = offsets.map_err(|_| ArrowError::OffsetOverflowError(self.bytes.len()))?;
        self.ends.clear();
        let room = Vec::with_capacity(self.bytes.len());
        let bytes = Buffer::from_vec(std::mem::replace(&mut self.bytes, room));
        Ok(Arc::new(StringArray::try_new(OffsetBuffer::new(offsets.into()), bytes, None)?))
    }
}

/// A builder of a column in which values are rare: rows without a value are only added when one comes.
pub(crate) trait Rare: ArrayBuilder {
    const TYPE: DataType;
    type Value<'a>;
    fn nulls(&mut self, count: usize);
    fn value(&mut self, value: Self::Value<'_>);
}

impl<T: ArrowPrimitiveType> Rare for PrimitiveBuilder<T> {
    const TYPE: DataType = T::DATA_TYPE;
    type Value<'a> = T::Native;

    fn nulls(&mut self, count: usize) {
        self.append_nulls(count);
    }

    fn value(&mut self, value: T::Native) {
        self.append_value(value);
    }
}

impl Rare for BooleanBuilder {
    const TYPE: DataType = DataType::Boolean;
    type Value<'a> = bool;

    fn nulls(&mut self, count: usize) {
        self.append_nulls(count);
    }

    fn value(&mut self, value: bool) {
        self.append_value(value);
    }
}

impl Rare for StringBuilder {
    const TYPE: DataType = DataType::Utf8;
    type Value<'a> = &'a str;

    fn nulls(&mut self, count: usize) {
        self.append_nulls(count);
    }

    fn value(&mut self, value: &str) {
        self.append_value(value);
    }
}

/// Puts the value of a row, if it has one; rows come in order.
pub(crate) fn put<B: Rare>(column: &mut B, row: usize, value: Option<B::Value<'_>>) {
    if let Some(value) = value {
        column.nulls(row.saturating_sub(column.len()));
        column.value(value);
    }
}

/// The column of so many rows; it is empty then.
pub(crate) fn whole<B: Rare>(column: &mut B, rows: usize) -> ArrayRef {
    if column.is_empty() {
        return new_null_array(&B::TYPE, rows);
    }
    column.nulls(rows.saturating_sub(column.len()));
    ArrayBuilder::finish(column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray, Int64Builder};
    use arrow::datatypes::Int64Type;

    #[test]
    fn texts_are_pushed_and_filled() {
        let mut texts = Texts::default();
        for _ in 0..2 {
            texts.push("a");
            texts.fill(3, "bc");
            texts.push_event_number(0x0A0F);
            let column = texts.finish().expect("short");
            let column: Vec<_> = column.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
            assert_eq!(column, ["a", "bc", "bc", "EVENT_0A0F"]);
        }
    }

    #[test]
    fn a_rare_value_stands_in_its_row() {
        let mut column = Int64Builder::new();
        assert_eq!(whole(&mut column, 3).null_count(), 3);
        put(&mut column, 0, None);
        put(&mut column, 2, Some(7));
        let numbers = whole(&mut column, 4);
        assert_eq!(numbers.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [None, None, Some(7), None]);
        assert_eq!(whole(&mut column, 1).len(), 1, "it starts anew");
    }
}
