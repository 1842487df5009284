//! Hunts: rules over the years in the lake, before they are made active or because something new is known.
//!
//! Not detection (that is the pipeline's) and nothing that changes anything: alerts stay as they are. Invariants: rows of one tenant alone
//! are read; a hunt that is told to stop ends within a batch of rows and says so; what it found is compared with the alerts that the
//! lake has of the same rules, group and window. Memory: [`yagura_detect::HUNT_ALERTS_MAX`] alerts and, where rules count events,
//! [`SLICE_ROWS_MAX`] rows.

mod compare;
mod cost;
mod outcome;
mod read;
mod running;

pub use outcome::{HuntAlert, HuntOutcome, RuleOutcome};
pub use running::{Ended, Hunts, KEPT_MAX, RUNNING_MAX, Standing};

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use yagura_detect::{ALERT_PERIOD, BatchError, Hunter, RuleSet};
use yagura_model::UnixMicros;
use yagura_store::{Lake, LakeError, thread_cpu};

/// The most rows that are held at once where rules count events.
pub const SLICE_ROWS_MAX: usize = 200_000;
/// The most alerts of a rule that are told one by one; all are counted.
pub const ALERTS_TOLD_MAX: usize = 20;

/// What is hunted.
#[derive(Clone, Debug)]
pub struct HuntPlan {
    /// The rules.
    set: RuleSet,
    /// Whose events.
    tenant: String,
    /// Alerts whose window begins at or after this time; `None` for all.
    from: Option<UnixMicros>,
    /// Alerts whose window begins before this time; `None` for all.
    to: Option<UnixMicros>,
}

/// How far a hunt is, and the order to stop it. Shared with whoever watches.
#[derive(Debug, Default)]
pub struct HuntWatch {
    stop: AtomicBool,
    rows: AtomicU64,
    permille: AtomicU64,
}

impl HuntWatch {
    /// Tells the hunt to stop.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Rows read so far, and the thousandths of the work that are done.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (self.rows.load(Ordering::Relaxed), self.permille.load(Ordering::Relaxed))
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn read(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    fn reached(&self, done: u64, of: u64) {
        self.permille.store(done.saturating_mul(1_000).checked_div(of).unwrap_or(1_000), Ordering::Relaxed);
    }
}

/// Why a hunt failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HuntError {
    /// The lake does not give its rows.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The rules cannot read them.
    #[error("the rules cannot read the events of the lake")]
    Events(#[from] BatchError),
    /// It was told to stop.
    #[error("the hunt was stopped")]
    Stopped,
}

/// Hunts. Blocks.
///
/// # Errors
/// [`HuntError`]
pub fn hunt(lake: &Lake, plan: &HuntPlan, watch: &HuntWatch) -> Result<HuntOutcome, HuntError> {
    let (begun, cpu) = (Instant::now(), thread_cpu());
    let mut hunter = Hunter::new(plan.set.clone());
    let sample = read::rows(lake, plan, &mut hunter, watch)?;
    let (hits, beyond) = hunter.finish();
    let took = Took { wall: begun.elapsed(), cpu: thread_cpu().saturating_sub(cpu), rows: watch.progress().0 };
    let hits: Vec<_> = hits.into_iter().filter(|hit| plan.holds(hit.window_start)).collect();
    let known = compare::known(lake, plan)?;
    let costs = cost::of(&plan.set, &sample);
    Ok(outcome::of(plan, hits, &beyond, known, &costs, &took))
}

/// What a hunt took.
struct Took {
    wall: Duration,
    cpu: Duration,
    rows: u64,
}

impl HuntPlan {
    /// A hunt over whole hours: those that the bounds lie in are hunted whole, so that alerts are those of a server.
    #[must_use]
    pub fn new(set: RuleSet, tenant: String, from: Option<UnixMicros>, to: Option<UnixMicros>) -> Self {
        let hour = |time: UnixMicros| time.0.div_euclid(ALERT_PERIOD) * ALERT_PERIOD;
        let from = from.map(|from| UnixMicros(hour(from)));
        let to = to.map(|to| UnixMicros(hour(to.plus(ALERT_PERIOD - 1))));
        Self { set, tenant, from, to }
    }

    /// Whether an alert of this window is asked for.
    fn holds(&self, window: UnixMicros) -> bool {
        // A window that began before has events that are not read.
        self.from.is_none_or(|from| window >= from) && self.to.is_none_or(|to| window < to)
    }
}
