//! JSON events as record batches: one column a field that the rules ask about.
//!
//! Not a schema: values become text, numbers in their shortest decimal form. Nested maps are reached by their path (`a.b.c`), elements
//! of arrays are several values of one field, a map that is asked for itself is its JSON text. Fields of Windows events (`Event`,
//! `System`, `EventData`, `UserData`, in the forms that exporters give them) are also reached by their plain names, attributes as
//! `Provider_Name`. Bounds: [`FIELD_BYTES_MAX`], [`EVENT_FIELDS_MAX`]; an event beyond them is refused, never cut.

use crate::pool::EVERY_FIELD;
use crate::ruleset::RuleSet;
use arrow::array::{ArrayRef, ListArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use hashbrown::HashMap;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The longest value of a field, in bytes.
pub const FIELD_BYTES_MAX: usize = 1 << 20;
/// The most values in one event.
pub const EVENT_FIELDS_MAX: usize = 10_000;
/// The most rows of a batch.
const ROWS_MAX: usize = 4_096;
/// From so many bytes on a batch is full.
const BYTES_FULL: usize = 32 << 20;
/// Keys under which exporters put the text of an element that has attributes.
const TEXT_KEYS: [&str; 5] = ["#text", "$", "_", "Value", "content"];
/// Keys under which they put its attributes.
const ATTRIBUTE_KEYS: [&str; 3] = ["#attributes", "@attributes", "$attributes"];

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
    names: HashMap<String, usize>,
    /// Whether a rule searches in every field.
    keeps_all: bool,
    columns: Vec<Values>,
    /// Values of fields that no rule names, for those that search in every field.
    others: Values,
    places: Vec<u64>,
    bytes: usize,
}

/// The values of one field, row by row.
#[derive(Default)]
struct Values {
    text: Vec<u8>,
    /// The end of each value in the text, and its row.
    ends: Vec<(i32, usize)>,
    /// Rows in which the field is null.
    nulls: Vec<usize>,
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
        names.extend_from_slice(more);
        names.sort_unstable();
        names.dedup();
        names.retain(|name| *name != EVERY_FIELD);
        let columns = names.iter().map(|_| Values::default()).collect();
        let keeps_all = set.fields().contains(&EVERY_FIELD);
        let names = names.into_iter().enumerate().map(|(index, name)| (name.to_owned(), index)).collect();
        Self { names, keeps_all, columns, others: Values::default(), places: Vec::new(), bytes: 0 }
    }

    /// Whether the batch is to be finished before the next event.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.places.len() >= ROWS_MAX || self.bytes >= BYTES_FULL
    }

    /// Adds an event.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn push(&mut self, place: u64, event: &Value) -> Result<(), String> {
        let mut walk = Walk { path: String::new(), fields: 0, found: Vec::new() };
        let Value::Object(root) = event else { return Err("not a JSON object".to_owned()) };
        for (key, value) in root {
            walk.entered(key, |walk| walk.value(value, self))?;
        }
        match root.get("Event") {
            Some(Value::Object(event)) => walk.windows(event, self)?,
            _ if root.contains_key("System") || root.contains_key("EventData") => walk.windows(root, self)?,
            _ => {}
        }
        let row = self.places.len();
        for (field, value) in walk.found {
            let values = field.and_then(|index| self.columns.get_mut(index)).unwrap_or(&mut self.others);
            match value {
                Some(text) => {
                    self.bytes = self.bytes.saturating_add(text.len());
                    values.push(row, &text);
                }
                None => values.nulls.push(row),
            }
        }
        self.places.push(place);
        Ok(())
    }

    /// The batch so far; the next one begins empty.
    ///
    /// # Errors
    /// [`ArrowError`] if it is too large for one batch; [`Self::is_full`] prevents that.
    pub fn finish(&mut self) -> Result<EventBatch, ArrowError> {
        let rows = self.places.len();
        let mut arrays: Vec<(String, ArrayRef)> = Vec::with_capacity(self.names.len());
        for (name, index) in &self.names {
            if let Some(values) = self.columns.get_mut(*index).map(core::mem::take).filter(|values| !values.is_empty())
            {
                arrays.push((name.clone(), values.finish(rows)?));
            }
        }
        let others = core::mem::take(&mut self.others);
        if !others.is_empty() {
            arrays.push((EVERY_FIELD.to_owned(), others.finish(rows)?));
        }
        let fields = arrays.iter().map(|(name, array)| Field::new(name, array.data_type().clone(), true));
        let schema = arrow::datatypes::Schema::new(fields.collect::<Vec<_>>());
        let columns = arrays.into_iter().map(|(_, array)| array).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        self.bytes = 0;
        let batch = RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)?;
        Ok(EventBatch { batch, places: core::mem::take(&mut self.places) })
    }

    /// Where values of this name go; `None` if nobody asks for them.
    fn target(&self, name: &str) -> Option<Option<usize>> {
        let named = self.names.get(name).copied();
        if named.is_none() && !self.keeps_all { None } else { Some(named) }
    }
}

/// The way through one event.
struct Walk {
    path: String,
    fields: usize,
    /// What was found: field, and value unless it is null.
    found: Vec<(Option<usize>, Option<String>)>,
}

impl Walk {
    /// Does something one key deeper.
    fn entered(&mut self, key: &str, mut inside: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        let done = inside(self);
        self.path.truncate(length);
        done
    }

    /// Takes a value under the present path.
    fn value(&mut self, value: &Value, batches: &EventBatches) -> Result<(), String> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item, batches)),
            Value::Object(map) => {
                if let Some(index) = batches.names.get(self.path.as_str()) {
                    self.found.push((Some(*index), Some(bounded(&self.path, value.to_string())?)));
                }
                map.iter().try_for_each(|(key, value)| self.entered(key, |walk| walk.value(value, batches)))
            }
            scalar => {
                self.fields = self.fields.saturating_add(1);
                if self.fields > EVENT_FIELDS_MAX {
                    return Err(format!("more than {EVENT_FIELDS_MAX} values"));
                }
                let Some(target) = batches.target(&self.path) else { return Ok(()) };
                self.found.push((target, scalar_text(&self.path, scalar)?));
                Ok(())
            }
        }
    }

    /// Takes a value under its plain name: only if a rule asks for it, for all values are known by their paths already.
    fn plain(&mut self, name: &str, value: &Value, batches: &EventBatches) -> Result<(), String> {
        if let Value::Array(items) = value {
            return items.iter().try_for_each(|item| self.plain(name, item, batches));
        }
        let Some(index) = batches.names.get(name) else { return Ok(()) };
        if !value.is_object() {
            self.found.push((Some(*index), scalar_text(name, value)?));
        }
        Ok(())
    }

    /// Takes the parts of a Windows event under their plain names.
    fn windows(&mut self, event: &Map<String, Value>, batches: &EventBatches) -> Result<(), String> {
        let part = |name: &str| event.get(name).and_then(Value::as_object);
        for (key, value) in part("System").into_iter().flatten() {
            self.element(key, value, batches)?;
        }
        for (key, value) in part("EventData").into_iter().chain(part("UserData")).flatten() {
            self.data(key, value, batches)?;
        }
        Ok(())
    }

    /// An element and its attributes.
    fn element(&mut self, name: &str, value: &Value, batches: &EventBatches) -> Result<(), String> {
        let Value::Object(map) = value else { return self.plain(name, value, batches) };
        for (key, inner) in map {
            match inner {
                _ if TEXT_KEYS.contains(&key.as_str()) => self.plain(name, inner, batches)?,
                Value::Object(attributes) if ATTRIBUTE_KEYS.contains(&key.as_str()) => {
                    for (attribute, value) in attributes {
                        self.plain(&format!("{name}_{attribute}"), value, batches)?;
                    }
                }
                scalar => self.plain(&format!("{name}_{}", key.trim_start_matches(['@', '-'])), scalar, batches)?,
            }
        }
        Ok(())
    }

    /// What an event says of itself: names as keys, or a list of `Data` elements with names as attributes.
    fn data(&mut self, name: &str, value: &Value, batches: &EventBatches) -> Result<(), String> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.data(name, item, batches)),
            Value::Object(map) => {
                let attributes =
                    ATTRIBUTE_KEYS.iter().find_map(|key| map.get(*key).and_then(Value::as_object)).unwrap_or(map);
                let own =
                    ["Name", "@Name", "-Name"].iter().find_map(|key| attributes.get(*key).and_then(Value::as_str));
                let text = TEXT_KEYS.iter().find_map(|key| map.get(*key));
                match (own, text) {
                    (Some(own), Some(text)) => self.plain(own, text, batches),
                    (None, Some(text)) => self.plain(name, text, batches),
                    _ => map.iter().try_for_each(|(key, value)| self.data(key, value, batches)),
                }
            }
            scalar => self.plain(name, scalar, batches),
        }
    }
}

/// A value as text; `None` for null.
fn scalar_text(name: &str, value: &Value) -> Result<Option<String>, String> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(truth) => truth.to_string(),
        Value::String(text) => bounded(name, text.clone())?,
        Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() => float.to_string(),
            _ => number.to_string(),
        },
        other => bounded(name, other.to_string())?,
    }))
}

fn bounded(name: &str, text: String) -> Result<String, String> {
    if text.len() > FIELD_BYTES_MAX {
        return Err(format!("field `{name}` of {} bytes exceeds the maximum {FIELD_BYTES_MAX}", text.len()));
    }
    Ok(text)
}

impl Values {
    const fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.nulls.is_empty()
    }

    fn push(&mut self, row: usize, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        self.ends.push((i32::try_from(self.text.len()).unwrap_or(i32::MAX), row));
    }

    /// A text column if each row has at most one value; else a column of lists.
    fn finish(self, rows: usize) -> Result<ArrayRef, ArrowError> {
        let mut counts = vec![0_usize; rows];
        for (_, row) in &self.ends {
            if let Some(count) = counts.get_mut(*row) {
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
            if let Some(valid) = valid.get_mut(row) {
                *valid = true;
            }
        }
        let lengths = OffsetBuffer::from_lengths(counts);
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        Ok(Arc::new(ListArray::try_new(item, lengths, Arc::new(values), Some(NullBuffer::from(valid)))?))
    }
}

#[cfg(test)]
mod tests;
