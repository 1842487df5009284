//! An answer, and the forms in which it is handed out.
//!
//! Not a page of the API. Invariant: all forms have the same rows in the same order.

use crate::error::QueryError;
use arrow::array::RecordBatch;
use arrow::csv;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::json::{LineDelimitedWriter, writer::JsonArray, writer::WriterBuilder};
use std::time::Duration;

/// The rows that answer a question.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Vec<RecordBatch>,
    /// Whether there are more rows than were wanted.
    pub truncated: bool,
    /// How long it took.
    pub took: Duration,
}

impl Answer {
    pub(crate) fn empty(schema: SchemaRef) -> Self {
        Self { schema, batches: Vec::new(), truncated: false, took: Duration::ZERO }
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// A JSON array of objects; absent values are `null`, bytes are hexadecimal, times are RFC 3339.
    ///
    /// # Errors
    /// [`QueryError::Engine`] for a type without a form in JSON.
    pub fn json(&self) -> Result<Vec<u8>, QueryError> {
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
        self.batches.iter().try_for_each(|batch| writer.write(batch)).map_err(failed)?;
        writer.finish().map_err(failed)?;
        let bytes = writer.into_inner();
        Ok(if bytes.is_empty() { b"[]".to_vec() } else { bytes })
    }

    /// One JSON object a line.
    ///
    /// # Errors
    /// [`QueryError::Engine`] for a type without a form in JSON.
    pub fn json_lines(&self) -> Result<Vec<u8>, QueryError> {
        let mut writer = LineDelimitedWriter::new(Vec::new());
        self.batches.iter().try_for_each(|batch| writer.write(batch)).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(writer.into_inner())
    }

    /// CSV with a line of column names.
    ///
    /// # Errors
    /// [`QueryError::Sql`] for a type without a form in CSV, such as a list.
    pub fn csv(&self) -> Result<Vec<u8>, QueryError> {
        let wrong = |error: ArrowError| QueryError::Sql { reason: format!("{error}: ask for JSON") };
        let mut writer = csv::WriterBuilder::new().with_header(true).build(Vec::new());
        // Column names are written with the first batch, also with an empty one.
        let none = RecordBatch::new_empty(self.schema.clone());
        writer.write(&none).map_err(wrong)?;
        self.batches.iter().try_for_each(|batch| writer.write(batch)).map_err(wrong)?;
        Ok(writer.into_inner())
    }

    /// A table for a terminal.
    ///
    /// # Errors
    /// [`QueryError::Engine`] for a type without a form in text.
    pub fn table(&self) -> Result<String, QueryError> {
        let none = [RecordBatch::new_empty(self.schema.clone())];
        let batches = if self.batches.is_empty() { none.as_slice() } else { self.batches.as_slice() };
        let table = arrow::util::pretty::pretty_format_batches(batches).map_err(failed)?;
        Ok(format!("{table}\n"))
    }

    /// An Arrow IPC stream.
    ///
    /// # Errors
    /// [`QueryError::Engine`] if it cannot be written.
    pub fn arrow(&self) -> Result<Vec<u8>, QueryError> {
        let mut writer = StreamWriter::try_new(Vec::new(), &self.schema).map_err(failed)?;
        self.batches.iter().try_for_each(|batch| writer.write(batch)).map_err(failed)?;
        writer.into_inner().map_err(failed)
    }
}

fn failed(error: ArrowError) -> QueryError {
    QueryError::Engine(Box::new(error.into()))
}
