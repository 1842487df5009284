//! Rows that are judged but not in the lake yet.
//!
//! Not durable: a restart makes them again from the vault. Invariant: a row leaves only after the lake has committed it, so that a
//! reader who asks the tail first and the lake second misses none. Cost: a few clones of `Arc` a read.

use arrow::array::RecordBatch;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// The most rows that wait for the lake.
pub const TAIL_ROWS_MAX: usize = 500_000;

/// The rows of one batch of records.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The next record after the batch.
    pub(super) next: u64,
    pub(super) events: RecordBatch,
    pub(super) states: RecordBatch,
    /// When it was made.
    pub(super) made: Instant,
}

impl Part {
    fn rows(&self) -> usize {
        self.events.num_rows() + self.states.num_rows()
    }
}

/// Rows that are judged but not in the lake yet. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tail(Arc<Mutex<Vec<Part>>>);

impl Tail {
    /// All waiting rows: events, vehicle states.
    #[must_use]
    pub fn parts(&self) -> (Vec<RecordBatch>, Vec<RecordBatch>) {
        self.lock().iter().map(|part| (part.events.clone(), part.states.clone())).unzip()
    }

    /// How many rows wait.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lock().iter().map(Part::rows).sum()
    }

    pub(super) fn push(&self, part: Part) {
        self.lock().push(part);
    }

    /// When the oldest waiting part was made.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.lock().first().map(|part| part.made)
    }

    /// The parts as they are now.
    pub(super) fn frozen(&self) -> Vec<Part> {
        self.lock().clone()
    }

    /// Drops the parts of records before `next`.
    pub(super) fn drop_before(&self, next: u64) {
        self.lock().retain(|part| part.next > next);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
