//! JSON events as record batches: one column a field that the rules ask about.
//!
//! Not a schema: values become text, numbers in their shortest decimal form. Nested maps are reached by their path (`a.b.c`), elements
//! of arrays are several values of one field, a map that is asked for itself is its JSON text. Fields of Windows events (`Event`,
//! `System`, `EventData`, `UserData`, in the forms that exporters give them) are also reached by their plain names, attributes as
//! `Provider_Name`. Bounds: [`FIELD_BYTES_MAX`], [`EVENT_FIELDS_MAX`]; an event beyond them is refused, never cut.

mod paths;
mod rows;
mod walk;
mod windows;

use crate::event_text::BadEvent;
use crate::pool::EVERY_FIELD;
use crate::ruleset::RuleSet;
use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use paths::Paths;
use rows::Rows;
use serde_json::Value;
use std::sync::Arc;
use walk::{Stop, Walk};

/// The longest value of a field, in bytes.
pub const FIELD_BYTES_MAX: usize = 1 << 20;
/// The most values in one event.
pub const EVENT_FIELDS_MAX: usize = 10_000;
/// The most rows of a batch.
const ROWS_MAX: usize = 4_096;
/// From so many bytes on a batch is full.
const BYTES_FULL: usize = 32 << 20;

/// Events of one batch and where they stood in their input.
#[derive(Debug)]
pub struct EventBatch {
    /// One column a field.
    pub batch: RecordBatch,
    /// Line, or place in the array, of each row.
    pub places: Vec<u64>,
}

/// Makes batches of events.
pub struct EventBatches {
    paths: Paths,
    rows: Rows,
    places: Vec<u64>,
}

impl EventBatches {
    /// For the fields that these rules ask about.
    #[must_use]
    pub fn new(set: &RuleSet) -> Self {
        Self::with_fields(set, &[])
    }

    /// For the fields that these rules ask about, and some more.
    #[must_use]
    pub fn with_fields(set: &RuleSet, more: &[&str]) -> Self {
        let mut names: Vec<&str> = set.fields();
        let keeps_all = names.contains(&EVERY_FIELD);
        names.extend_from_slice(more);
        names.sort_unstable();
        names.dedup();
        names.retain(|name| *name != EVERY_FIELD);
        let rows = Rows::new(names.len());
        let names = names.into_iter().enumerate().map(|(index, name)| (name.to_owned(), index)).collect();
        Self { paths: Paths::new(names, keeps_all), rows, places: Vec::new() }
    }

    /// Whether the batch is to be finished before the next event.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.places.len() >= ROWS_MAX || self.rows.bytes >= BYTES_FULL
    }

    /// Adds an event, which stood at `place` of its input, from its JSON text.
    ///
    /// # Errors
    /// Why it is refused; nothing of it is kept then.
    pub fn push(&mut self, place: u64, text: &[u8]) -> Result<(), BadEvent> {
        self.rows.row = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.paths.make_room();
        match self.add(text) {
            Ok(()) => {
                self.places.push(place);
                Ok(())
            }
            Err(reason) => {
                self.rows.undo();
                Err(BadEvent { place, reason })
            }
        }
    }

    fn add(&mut self, text: &[u8]) -> Result<(), String> {
        let bad_utf8 =
            |error: core::str::Utf8Error| format!("not UTF-8 from byte {} of the event on", error.valid_up_to());
        let text = core::str::from_utf8(text).map_err(bad_utf8)?;
        let mut walk = Walk::new(&mut self.paths, &mut self.rows);
        let mut json = serde_json::Deserializer::from_str(text);
        let walked = walk.event(&mut json).and_then(|()| json.end());
        match (walked, walk.stop) {
            (Ok(()), _) => return Ok(()),
            (Err(error), None) => return Err(reason(&error, text)),
            (_, Some(Stop::Refused(reason))) => return Err(reason),
            (_, Some(Stop::KeyTwice)) => {}
        }
        self.rows.undo();
        let tree: Value = serde_json::from_str(text).map_err(|error| reason(&error, text))?;
        let mut walk = Walk::new(&mut self.paths, &mut self.rows);
        match (walk.event(&tree), walk.stop) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(Stop::Refused(reason))) => Err(reason),
            (Err(error), _) => Err(error.to_string()),
        }
    }

    /// The batch so far; the next one begins empty.
    ///
    /// # Errors
    /// [`ArrowError`] if it is too large for one batch; [`Self::is_full`] prevents that.
    pub fn finish(&mut self) -> Result<EventBatch, ArrowError> {
        let count = self.places.len();
        let mut arrays: Vec<(&str, ArrayRef)> = Vec::with_capacity(self.rows.columns.len());
        for (name, index) in self.paths.names() {
            if let Some(values) = self.rows.columns.get_mut(*index).filter(|values| !values.is_empty()) {
                arrays.push((name, values.take().finish(count)?));
            }
        }
        if !self.rows.others.is_empty() {
            arrays.push((EVERY_FIELD, self.rows.others.take().finish(count)?));
        }
        let fields = arrays.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let columns = arrays.into_iter().map(|(_, array)| array).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        self.rows.bytes = 0;
        let batch = RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)?;
        Ok(EventBatch { batch, places: core::mem::take(&mut self.places) })
    }
}

/// What serde_json says, with the column alone where the event stands on one line.
fn reason(error: &serde_json::Error, text: &str) -> String {
    let full = error.to_string();
    match full.split_once(" at line ") {
        Some((reason, _)) if !text.contains('\n') => format!("{reason} at column {}", error.column()),
        _ => full,
    }
}

#[cfg(test)]
mod tests;
