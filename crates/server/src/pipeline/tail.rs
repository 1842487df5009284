//! Rows that are judged but not in the lake yet.
//!
//! Not durable: a restart makes them again from the vault. Invariant: a row leaves only after the lake has committed it, so that a
//! reader who asks the tail first and the lake second misses none. Cost: a few clones of `Arc` a read.

use super::flush::FLUSH_AFTER;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Date32Type, Int32Type};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The most rows that wait for the lake.
pub const TAIL_ROWS_MAX: usize = 500_000;

/// A flush writes a file for each partition (day and bucket) of its rows: so long each may take on average, so that cars which
/// upload a month late do not make files faster than they can be merged. Rows that wait are seen all the same.
const PARTITION_FLUSH_AFTER: Duration = Duration::from_millis(250);
/// How long rows wait that nobody sees before they are in the lake: with the time of a commit and of the reader's next look it is
/// less than five seconds. Late uploads make more and smaller files then, which upkeep merges.
const SHARED_FLUSH_AFTER: Duration = Duration::from_secs(3);
/// The longest that rows wait because of that.
const FLUSH_AFTER_MAX: Duration = Duration::from_secs(60);

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
    pub(super) fn rows(&self) -> usize {
        self.events.num_rows() + self.states.num_rows()
    }
}

/// Days and buckets of a batch.
fn partitions(batch: &RecordBatch) -> BTreeSet<(i32, i32)> {
    let days = batch.column_by_name("event_date").and_then(|c| c.as_primitive_opt::<Date32Type>());
    let buckets = batch.column_by_name("vehicle_bucket").and_then(|c| c.as_primitive_opt::<Int32Type>());
    let (Some(days), Some(buckets)) = (days, buckets) else { return BTreeSet::new() };
    days.values().iter().copied().zip(buckets.values().iter().copied()).collect()
}

/// How long rows of so many partitions may wait for the lake.
fn patience(partitions: usize, seen: Seen) -> Duration {
    let partitions = u32::try_from(partitions).unwrap_or(u32::MAX);
    match seen {
        Seen::Here => PARTITION_FLUSH_AFTER.saturating_mul(partitions).clamp(FLUSH_AFTER, FLUSH_AFTER_MAX),
        Seen::InTheLake => SHARED_FLUSH_AFTER,
    }
}

/// Where rows are seen first.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Seen {
    /// In the tail: who asks is in this process.
    #[default]
    Here,
    /// In the lake: who asks is in another one.
    InTheLake,
}

#[derive(Debug, Default)]
struct Waiting {
    parts: Vec<Part>,
    /// Partitions of the rows that came since the tail was empty, or since its last flush.
    partitions: BTreeSet<(i32, i32)>,
    seen: Seen,
}

/// Rows that are judged but not in the lake yet. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tail(Arc<Mutex<Waiting>>);

impl Tail {
    /// A tail that nobody asks: rows are seen when the lake has them, so they wait less.
    #[must_use]
    pub fn unseen() -> Self {
        Self(Arc::new(Mutex::new(Waiting { seen: Seen::InTheLake, ..Waiting::default() })))
    }

    /// All waiting rows: events, vehicle states.
    #[must_use]
    pub fn parts(&self) -> (Vec<RecordBatch>, Vec<RecordBatch>) {
        self.lock().parts.iter().map(|part| (part.events.clone(), part.states.clone())).unzip()
    }

    /// How many rows wait.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lock().parts.iter().map(Part::rows).sum()
    }

    pub(super) fn push(&self, part: Part) {
        let mut new = partitions(&part.events);
        new.append(&mut partitions(&part.states));
        let mut waiting = self.lock();
        waiting.partitions.append(&mut new);
        waiting.parts.push(part);
    }

    /// When the oldest waiting part was made.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.lock().parts.first().map(|part| part.made)
    }

    /// How long waiting rows may wait.
    pub(super) fn patience(&self) -> Duration {
        let waiting = self.lock();
        patience(waiting.partitions.len(), waiting.seen)
    }

    /// The parts as they are now.
    pub(super) fn frozen(&self) -> Vec<Part> {
        self.lock().parts.clone()
    }

    /// Drops the parts of records before `next`.
    pub(super) fn drop_before(&self, next: u64) {
        let mut waiting = self.lock();
        waiting.parts.retain(|part| part.next > next);
        waiting.partitions.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_many_days_wait_longer_but_not_for_ever() {
        let patience = |partitions| patience(partitions, Seen::Here);
        assert_eq!((patience(0), patience(8)), (FLUSH_AFTER, FLUSH_AFTER));
        assert_eq!(patience(120), Duration::from_secs(30));
        assert_eq!((patience(1_600), patience(usize::MAX)), (FLUSH_AFTER_MAX, FLUSH_AFTER_MAX));
        assert_eq!(super::patience(usize::MAX, Seen::InTheLake), SHARED_FLUSH_AFTER);
    }
}
