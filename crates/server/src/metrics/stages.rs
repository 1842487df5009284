//! How long the stages of the way from a report to the lake take.
//!
//! Not traces (those are `traces`) and nothing per event: one observation a batch. Process-wide, as the counters of happenings
//! are, so that a stage needs nothing but its name. Cost: a short lock an observation.

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A stage.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Stage {
    /// A batch of records written to the vault, fdatasync included.
    Append,
    /// A signed checkpoint.
    Checkpoint,
    /// Records of one batch read back from the vault.
    Read,
    /// Decoding and rules over one batch.
    Judge,
    /// What a batch means, written to the state.
    Apply,
    /// Rows written and committed to the lake.
    Flush,
    /// Small files of the lake merged, old ones deleted.
    Maintain,
}

impl Stage {
    /// All stages.
    pub const ALL: [Self; 7] =
        [Self::Append, Self::Checkpoint, Self::Read, Self::Judge, Self::Apply, Self::Flush, Self::Maintain];
}

/// Bounds of the buckets, in seconds: from a fast disk's sync to a lake that is in trouble.
const BOUNDS: [f64; 14] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0];

static SECONDS: LazyLock<[Histogram; Stage::ALL.len()]> = LazyLock::new(|| Stage::ALL.map(|_| Histogram::new(BOUNDS)));

fn of(stage: Stage) -> Option<&'static Histogram> {
    SECONDS.get(stage as usize)
}

/// Notes how long a stage took.
pub fn observe(stage: Stage, took: Duration) {
    if let Some(histogram) = of(stage) {
        histogram.observe(took.as_secs_f64());
    }
}

/// Notes how long it lived.
#[derive(Debug)]
pub struct Timer(Stage, Instant);

impl Timer {
    /// A stage begins.
    #[must_use]
    pub fn start(stage: Stage) -> Self {
        Self(stage, Instant::now())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        observe(self.0, self.1.elapsed());
    }
}

pub(super) fn register(registry: &mut Registry) {
    for stage in Stage::ALL {
        let Some(histogram) = of(stage) else { continue };
        let (name, help) = match stage {
            Stage::Append => ("stage_append", "Time to make a batch of records durable in the vault"),
            Stage::Checkpoint => ("stage_checkpoint", "Time to sign a checkpoint"),
            Stage::Read => ("stage_read", "Time to read a batch of records back from the vault"),
            Stage::Judge => ("stage_judge", "Time to decode a batch and apply all rules"),
            Stage::Apply => ("stage_apply", "Time to write to the state what a batch means"),
            Stage::Flush => ("stage_flush", "Time to write rows to the lake and commit them"),
            Stage::Maintain => ("stage_maintain", "Time to merge and delete files of the lake"),
        };
        registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
    }
}
