//! What late judgement did, process-wide, for the metrics.
//!
//! Not the losses (those are in the state, by tenant).

use std::sync::atomic::{AtomicU64, Ordering};

static WAITING: AtomicU64 = AtomicU64::new(0);
static JUDGED: AtomicU64 = AtomicU64::new(0);
static CHANGED: AtomicU64 = AtomicU64::new(0);

/// What late judgement did since the process started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LateCounts {
    /// Windows that waited when it last looked.
    pub waiting: u64,
    /// Windows judged.
    pub judged: u64,
    /// Alerts raised or changed.
    pub changed: u64,
}

/// What it did so far.
#[must_use]
pub fn counts() -> LateCounts {
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    LateCounts { waiting: of(&WAITING), judged: of(&JUDGED), changed: of(&CHANGED) }
}

pub(super) fn waiting(windows: u64) {
    WAITING.store(windows, Ordering::Relaxed);
}

pub(super) fn judged(windows: usize, alerts: usize) {
    let add = |sum: &AtomicU64, more: usize| sum.fetch_add(u64::try_from(more).unwrap_or(0), Ordering::Relaxed);
    add(&JUDGED, windows);
    add(&CHANGED, alerts);
}
