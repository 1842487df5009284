//! A record batch as the engine reads it: the columns that the rules ask about, and those that every event needs.
//!
//! Not a copy where the type already fits: whole numbers are widened to 64 bits, binary becomes upper-case hexadecimal, other
//! types go through Arrow's cast to text. A field that the batch does not have has no value in any row.

use crate::error::BatchError;
use crate::pool::{EVERY_FIELD, FieldId, Pool};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, ListArray, StringArray,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::ops::Range;

pub(crate) const VEHICLE: &str = "vehicle";

/// One column that a rule asks about.
pub(crate) enum Column {
    Missing,
    Text(StringArray),
    Lists(Lists),
    Int(Int64Array),
    Float(Float64Array),
    Bool(BooleanArray),
}

/// A field with any number of values in a row. Without any it is there, but null.
pub(crate) struct Lists {
    rows: ListArray,
    values: StringArray,
}

impl Lists {
    fn new(rows: &ListArray) -> Option<Self> {
        let values = as_texts(rows.values())?;
        Some(Self { rows: rows.clone(), values })
    }

    pub(crate) fn is_absent(&self, row: usize) -> bool {
        self.rows.is_null(row)
    }

    /// The values of a row.
    pub(crate) fn of(&self, row: usize) -> impl Iterator<Item = &str> {
        let offsets = self.rows.value_offsets();
        let at = |row: usize| offsets.get(row).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
        let range: Range<usize> = at(row)..at(row.saturating_add(1));
        range.filter(|index| self.values.is_valid(*index)).map(|index| self.values.value(index))
    }
}

impl Column {
    /// Whether any value of a row, as text, is what is asked for.
    pub(crate) fn any_text(&self, row: usize, mut is: impl FnMut(&str) -> bool) -> bool {
        match self {
            Self::Lists(lists) => lists.of(row).any(is),
            other => other.text(row).is_some_and(|text| is(&text)),
        }
    }

    /// The value of a row as text, several values with commas between them; `None` if there is none.
    pub(crate) fn text(&self, row: usize) -> Option<Cow<'_, str>> {
        match self {
            Self::Missing => None,
            Self::Text(a) => a.is_valid(row).then(|| Cow::Borrowed(a.value(row))),
            Self::Lists(lists) => {
                let texts: Vec<&str> = lists.of(row).collect();
                (!texts.is_empty()).then(|| Cow::Owned(texts.join(", ")))
            }
            Self::Int(a) => a.is_valid(row).then(|| Cow::Owned(a.value(row).to_string())),
            Self::Float(a) => a.is_valid(row).then(|| Cow::Owned(a.value(row).to_string())),
            Self::Bool(a) => a.is_valid(row).then(|| Cow::Borrowed(if a.value(row) { "true" } else { "false" })),
        }
    }
}

/// The columns of a batch that the rules ask about.
pub(crate) struct Columns {
    columns: Vec<Column>,
    /// All columns, if a rule searches in every field.
    every: Vec<Column>,
}

impl Columns {
    pub(crate) fn new(batch: &RecordBatch, pool: &Pool) -> Result<Self, BatchError> {
        let columns: Result<_, _> = pool
            .fields
            .iter()
            .map(|name| match batch.column_by_name(name) {
                Some(array) => column(array, name),
                None => Ok(pool.facts.column(batch, name)),
            })
            .collect();
        let every: Result<_, _> = match pool.find(EVERY_FIELD) {
            Some(_) => {
                let named = batch.schema_ref().fields().iter().zip(batch.columns());
                named.map(|(field, array)| column(array, field.name())).collect()
            }
            None => Ok(Vec::new()),
        };
        Ok(Self { columns: columns?, every: every? })
    }

    pub(crate) fn column(&self, field: FieldId) -> &Column {
        self.columns.get(field.0 as usize).unwrap_or(&Column::Missing)
    }

    /// Every column of the batch; none unless a rule asks for that.
    pub(crate) fn every(&self) -> impl Iterator<Item = &Column> {
        self.every.iter()
    }
}

/// A record batch of events.
pub(crate) struct View {
    pub(crate) rows: usize,
    pub(crate) time: Int64Array,
    pub(crate) received: Int64Array,
    pub(crate) tenant: StringArray,
    pub(crate) vehicle: StringArray,
    pub(crate) columns: Columns,
    position: Int64Array,
    entry_index: Int64Array,
    /// Not in every batch: rows of a lake have the columns that were asked for.
    speed: Option<Float64Array>,
}

impl View {
    pub(crate) fn new(batch: &RecordBatch, pool: &Pool) -> Result<Self, BatchError> {
        Ok(Self {
            rows: batch.num_rows(),
            time: int_column(batch, "time")?,
            received: int_column(batch, "received_time")?,
            tenant: text_column(batch, "tenant")?,
            vehicle: text_column(batch, VEHICLE)?,
            columns: Columns::new(batch, pool)?,
            position: int_column(batch, "position")?,
            entry_index: int_column(batch, "entry_index")?,
            speed: batch.column_by_name("speed_kmh").and_then(|speed| speed.as_primitive_opt()).cloned(),
        })
    }

    pub(crate) fn column(&self, field: FieldId) -> &Column {
        self.columns.column(field)
    }

    /// Where the evidence of a row is: position in the vault and entry of the report.
    pub(crate) fn place(&self, row: usize) -> (i64, i32) {
        let entry = long(&self.entry_index, row);
        (long(&self.position, row), i32::try_from(entry).unwrap_or(i32::MAX))
    }

    /// Whether the vehicle moved at the event of a row; `None` if it does not say.
    pub(crate) fn moving(&self, row: usize) -> Option<bool> {
        let speed = self.speed.as_ref().filter(|speed| row < speed.len() && speed.is_valid(row))?;
        Some(speed.value(row) > 0.0)
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
            Column::Missing | Column::Bool(_) | Column::Lists(_) => return None,
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
        self.column(field).text(row)
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

pub(crate) fn text_column(batch: &RecordBatch, name: &'static str) -> Result<StringArray, BatchError> {
    let array = required(batch, name)?;
    as_texts(array).ok_or_else(|| type_error(name, array))
}

fn column(array: &ArrayRef, name: &str) -> Result<Column, BatchError> {
    use DataType::{
        Binary, Boolean, Date32, Float16, Float32, Float64, Int8, Int16, Int32, Int64, List, Null, Timestamp, UInt8,
        UInt16, UInt32,
    };
    let read = match array.data_type() {
        Null => Some(Column::Missing),
        Boolean => Some(Column::Bool(array.as_boolean().clone())),
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | Timestamp(_, _) | Date32 => {
            as_ints(array).map(Column::Int)
        }
        Float16 | Float32 | Float64 => cast(array, &Float64).ok().map(|a| Column::Float(a.as_primitive().clone())),
        Binary => hexadecimal(array.as_binary()).map(Column::Text),
        List(_) => Lists::new(array.as_list()).map(Column::Lists),
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
