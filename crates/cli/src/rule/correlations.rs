//! Correlations and baselines of `yagura rule eval`: events of a file, judged by the engine of a server.
//!
//! Not a server: no tenant, no vault. Every rule looks at every event here, too, so all get one log source. An alert is written once,
//! when it is first raised; what later batches add to it is not. Bound: [`ALERTS_MAX`] alerts are told apart.

use super::{files, surroundings};
use crate::args::Surroundings;
use crate::failure::Failure;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray};
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use yagura_detect::{AlertId, Engine, EventBatch, Hit, Pipeline, RuleFile, RuleKind, RuleSet, instant};

/// The most alerts that are remembered as written.
const ALERTS_MAX: usize = 1 << 20;
/// Columns that the engine needs and that events of a file do not have.
const OWN: [&str; 7] = ["tenant", "vehicle", "time", "received_time", "position", "entry_index", "product"];
const ONE_SOURCE: &str =
    "{priority: 9223372036854775807, transformations: [{type: change_logsource, product: vehicle}]}";

/// Rules with correlations or baselines at work.
pub(crate) struct Correlations {
    engine: Engine,
    time_field: String,
    fields: Vec<String>,
    written: HashSet<AlertId>,
    without_time: u64,
}

impl Correlations {
    pub(crate) fn new(paths: &[PathBuf], named: &Surroundings, time_field: &str) -> Result<Self, Failure> {
        let one_source = RuleFile { path: "one source".to_owned(), text: ONE_SOURCE.to_owned() };
        let mut with = surroundings(paths, named)?;
        with.pipelines.push(Pipeline::parse(&one_source).map_err(|error| Failure::Internal(error.to_string()))?);
        // Errors have been told when the rules were read for the first time.
        let (set, _) = RuleSet::parse_with(&files(paths)?, &with);
        let mut fields: Vec<String> = set.fields().into_iter().map(str::to_owned).collect();
        fields.extend(["vehicle".to_owned(), time_field.to_owned()]);
        let (time_field, written) = (time_field.to_owned(), HashSet::new());
        Ok(Self { engine: Engine::new(set), time_field, fields, written, without_time: 0 })
    }

    /// The fields of events that are needed.
    pub(crate) fn fields(&self) -> Vec<&str> {
        self.fields.iter().map(String::as_str).collect()
    }

    /// Events that were left out because they have no time.
    pub(crate) const fn without_time(&self) -> u64 {
        self.without_time
    }

    /// The alerts that are raised for the first time.
    pub(crate) fn judge(&mut self, events: &EventBatch) -> Result<Vec<Hit>, Failure> {
        let internal = |error: &dyn std::fmt::Display| Failure::Internal(error.to_string());
        let times = self.times(&events.batch);
        let known: BooleanArray = times.iter().map(|time| Some(time.is_some())).collect();
        self.without_time += times.null_count() as u64;
        let batch = with_own_columns(events, &times).map_err(|error| internal(&error))?;
        let batch = filter_record_batch(&batch, &known).map_err(|error| internal(&error))?;
        let hits = self.engine.process(&batch).map_err(|error| internal(&error))?;
        Ok(self.first(hits))
    }

    /// The alerts of what waited for more events: there are none.
    pub(crate) fn finish(&mut self) -> Vec<Hit> {
        let hits = self.engine.finish();
        self.first(hits)
    }

    /// Those of these hits that are no matches of single events and that raise their alert.
    fn first(&mut self, hits: Vec<Hit>) -> Vec<Hit> {
        let set = self.engine.rules();
        let counts = |hit: &Hit| set.rule(&hit.rule).is_some_and(|rule| rule.kind != RuleKind::Match);
        let written = &mut self.written;
        let first = |hit: &Hit| written.len() < ALERTS_MAX && written.insert(hit.alert);
        hits.into_iter().filter(counts).filter(first).collect()
    }

    fn times(&self, batch: &RecordBatch) -> Int64Array {
        let texts = texts(batch, &self.time_field);
        (0..batch.num_rows())
            .map(|row| texts.as_ref().filter(|texts| texts.is_valid(row)).and_then(|texts| instant(texts.value(row))))
            .map(|time| time.map(|time| time.0))
            .collect()
    }
}

fn texts(batch: &RecordBatch, name: &str) -> Option<StringArray> {
    batch.column_by_name(name)?.as_string_opt::<i32>().cloned()
}

/// The batch with the columns that the engine needs.
fn with_own_columns(events: &EventBatch, times: &Int64Array) -> Result<RecordBatch, arrow::error::ArrowError> {
    let EventBatch { batch, places } = events;
    let rows = batch.num_rows();
    let vehicles = texts(batch, "vehicle");
    let vehicle = |row: usize| match &vehicles {
        Some(texts) if texts.is_valid(row) => texts.value(row).to_owned(),
        _ => String::new(),
    };
    let times: ArrayRef = Arc::new(times.iter().map(|time| Some(time.unwrap_or_default())).collect::<Int64Array>());
    let own: [ArrayRef; 6] = [
        Arc::new(StringArray::from(vec![""; rows])),
        Arc::new(StringArray::from_iter_values((0..rows).map(vehicle))),
        Arc::clone(&times),
        times,
        Arc::new(places.iter().map(|place| i64::try_from(*place).ok()).collect::<Int64Array>()),
        Arc::new(Int64Array::from(vec![0; rows])),
    ];
    let schema = batch.schema();
    let kept = schema.fields().iter().zip(batch.columns()).filter(|(field, _)| !OWN.contains(&field.name().as_str()));
    let kept = kept.map(|(field, column)| (field.name().clone(), Arc::clone(column)));
    let own = OWN.iter().zip(own).map(|(name, column)| ((*name).to_owned(), column));
    RecordBatch::try_from_iter_with_nullable(kept.chain(own).map(|(name, column)| (name, column, true)))
}
