//! A record batch as the engine reads it: the columns that every event needs, and those that the rules ask about.
//!
//! Not a copy where the type already fits: whole numbers are widened to 64 bits, binary becomes upper-case hexadecimal, other
//! types go through Arrow's cast to text. A field that the batch does not have has no value in any row.

use crate::error::BatchError;
use crate::pool::{FieldId, Pool};
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

pub(crate) const VEHICLE: &str = "vehicle";

/// One column that a rule asks about.
pub(crate) enum Column {
    Missing,
    Text(StringArray),
    Int(Int64Array),
    Float(Float64Array),
    Bool(BooleanArray),
}

/// A record batch as the engine reads it.
pub(crate) struct View {
    pub(crate) rows: usize,
    pub(crate) time: Int64Array,
    pub(crate) received: Int64Array,
    pub(crate) tenant: StringArray,
    pub(crate) vehicle: StringArray,
    position: Int64Array,
    entry_index: Int64Array,
    columns: Vec<Column>,
}

impl View {
    pub(crate) fn new(batch: &RecordBatch, pool: &Pool) -> Result<Self, BatchError> {
        let columns: Result<_, _> = pool.fields.iter().map(|name| column(batch, name)).collect();
        Ok(Self {
            rows: batch.num_rows(),
            time: int_column(batch, "time")?,
            received: int_column(batch, "received_time")?,
            tenant: text_column(batch, "tenant")?,
            vehicle: text_column(batch, VEHICLE)?,
            position: int_column(batch, "position")?,
            entry_index: int_column(batch, "entry_index")?,
            columns: columns?,
        })
    }

    pub(crate) fn column(&self, field: FieldId) -> &Column {
        self.columns.get(field.0 as usize).unwrap_or(&Column::Missing)
    }

    /// Where the evidence of a row is: position in the vault and entry of the report.
    pub(crate) fn place(&self, row: usize) -> (i64, i32) {
        let entry = long(&self.entry_index, row);
        (long(&self.position, row), i32::try_from(entry).unwrap_or(i32::MAX))
    }

    /// 64 bits that stand for a value where distinct values are counted: a whole number itself, or the first bytes of a SHA-256
    /// over the text; `None` if there is no value.
    pub(crate) fn digest(&self, field: FieldId, row: usize) -> Option<u64> {
        if let Column::Int(array) = self.column(field) {
            return array.is_valid(row).then(|| u64::from_ne_bytes(array.value(row).to_ne_bytes()));
        }
        let digest: [u8; 32] = Sha256::digest(self.text(field, row)?.as_bytes()).into();
        Some(u64::from_be_bytes(*digest.first_chunk()?))
    }

    /// The value of a field as a number; `None` if there is none, or if it is no finite number.
    pub(crate) fn number(&self, field: FieldId, row: usize) -> Option<f64> {
        let number = match self.column(field) {
            Column::Missing | Column::Bool(_) => return None,
            Column::Int(a) => a.is_valid(row).then(|| a.value(row) as f64)?,
            Column::Float(a) => a.is_valid(row).then(|| a.value(row))?,
            Column::Text(a) => a.is_valid(row).then(|| a.value(row).trim().parse().ok())??,
        };
        Some(number).filter(|number| number.is_finite())
    }

    /// The value of a field that is text in the batch; `None` if there is none, or if it is of another type.
    pub(crate) fn borrowed_text(&self, field: FieldId, row: usize) -> Option<&str> {
        match self.column(field) {
            Column::Text(a) => a.is_valid(row).then(|| a.value(row)),
            _ => None,
        }
    }

    /// The value of a field as text; `None` if there is none.
    pub(crate) fn text(&self, field: FieldId, row: usize) -> Option<Cow<'_, str>> {
        match self.column(field) {
            Column::Missing => None,
            Column::Text(a) => a.is_valid(row).then(|| Cow::Borrowed(a.value(row))),
            Column::Int(a) => a.is_valid(row).then(|| Cow::Owned(a.value(row).to_string())),
            Column::Float(a) => a.is_valid(row).then(|| Cow::Owned(a.value(row).to_string())),
            Column::Bool(a) => a.is_valid(row).then(|| Cow::Borrowed(if a.value(row) { "true" } else { "false" })),
        }
    }
}

/// A number of a column that has no nulls by schema; 0 if a foreign batch has one all the same.
pub(crate) fn long(array: &Int64Array, row: usize) -> i64 {
    array.values().get(row).copied().unwrap_or(0)
}

/// A text of a column that has no nulls by schema; empty if a foreign batch has one all the same.
pub(crate) fn text_at(array: &StringArray, row: usize) -> &str {
    if row < array.len() && array.is_valid(row) { array.value(row) } else { "" }
}

fn required<'a>(batch: &'a RecordBatch, name: &'static str) -> Result<&'a ArrayRef, BatchError> {
    batch.column_by_name(name).ok_or(BatchError::Missing(name))
}

fn type_error(name: &str, array: &dyn Array) -> BatchError {
    BatchError::Type { column: name.to_owned(), found: array.data_type().to_string() }
}

pub(crate) fn int_column(batch: &RecordBatch, name: &'static str) -> Result<Int64Array, BatchError> {
    let array = required(batch, name)?;
    as_ints(array).ok_or_else(|| type_error(name, array))
}

fn text_column(batch: &RecordBatch, name: &'static str) -> Result<StringArray, BatchError> {
    let array = required(batch, name)?;
    as_texts(array).ok_or_else(|| type_error(name, array))
}

fn column(batch: &RecordBatch, name: &str) -> Result<Column, BatchError> {
    use DataType::{
        Binary, Boolean, Date32, Float16, Float32, Float64, Int8, Int16, Int32, Int64, Null, Timestamp, UInt8, UInt16,
        UInt32,
    };
    let Some(array) = batch.column_by_name(name) else { return Ok(Column::Missing) };
    let read = match array.data_type() {
        Null => Some(Column::Missing),
        Boolean => Some(Column::Bool(array.as_boolean().clone())),
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | Timestamp(_, _) | Date32 => {
            as_ints(array).map(Column::Int)
        }
        Float16 | Float32 | Float64 => cast(array, &Float64).ok().map(|a| Column::Float(a.as_primitive().clone())),
        Binary => hexadecimal(array.as_binary()).map(Column::Text),
        _ => as_texts(array).map(Column::Text),
    };
    read.ok_or_else(|| type_error(name, array))
}

fn as_ints(array: &ArrayRef) -> Option<Int64Array> {
    let wide = match array.data_type() {
        DataType::Date32 => cast(&cast(array, &DataType::Int32).ok()?, &DataType::Int64),
        _ => cast(array, &DataType::Int64),
    };
    Some(wide.ok()?.as_primitive_opt::<Int64Type>()?.clone())
}

fn as_texts(array: &ArrayRef) -> Option<StringArray> {
    Some(cast(array, &DataType::Utf8).ok()?.as_string_opt::<i32>()?.clone())
}

/// The two digits of each byte.
#[expect(clippy::indexing_slicing, reason = "worked out by the compiler, which refuses an index that is too large")]
const HEXADECIMAL: [[u8; 2]; 256] = {
    let digits = b"0123456789ABCDEF";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 0xF]];
        byte += 1;
    }
    table
};

/// Upper-case hexadecimal, as `Payload` is displayed; `None` if the texts are too long for one array.
fn hexadecimal(array: &BinaryArray) -> Option<StringArray> {
    let offsets = array.value_offsets();
    let (first, last) = (*offsets.first()?, *offsets.last()?);
    let bytes = array.value_data().get(usize::try_from(first).ok()?..usize::try_from(last).ok()?)?;
    let mut text = Vec::with_capacity(bytes.len().checked_mul(2)?);
    for byte in bytes {
        text.extend_from_slice(HEXADECIMAL.get(usize::from(*byte))?);
    }
    last.checked_sub(first)?.checked_mul(2)?;
    let doubled = offsets.iter().map(|offset| offset.saturating_sub(first).saturating_mul(2));
    let offsets = OffsetBuffer::new(doubled.collect());
    StringArray::try_new(offsets, Buffer::from_vec(text), array.nulls().cloned()).ok()
}
