//! Late data: windows that rows touched too late are judged again over the lake, in the background (ADR-0028).
//!
//! Not the rules (`detect::LateJudge`), not the notes (`state::late`). Invariants: a round reads only what the lake has committed; its
//! outcome and the end of its notes are one transaction; it takes at most the share of one processor that upkeep of the lake takes,
//! measured by the time its thread was running. Memory: at most [`SLICE_ROWS_MAX`] rows of the columns that rules ask about.

mod counts;
mod round;

pub use counts::{LateCounts, counts};
pub use round::SLICE_ROWS_MAX;

use crate::api::{Health, Live, alert_view};
use crate::clock;
use crate::happenings::{PartitionLost, PipelineResumed, PipelineStalled, chain, emit};
use crate::lake::SharedLake;
use crate::pipeline::{ActiveRules, Parts};
use crate::state::{LATE_WINDOWS_MAX, LateNote, Partition, StateError};
use crate::stop::stopped;
use std::error::Error;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::sleep;
use yagura_detect::{BatchError, LateJudge};
use yagura_store::{LakeError, VaultReader};

/// How long a failed round waits before it is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// What late judgement works with.
pub(crate) struct LateParts {
    pub(crate) partition: Partition,
    pub(crate) lake: SharedLake,
    pub(crate) vault: VaultReader,
    pub(crate) rules: ActiveRules,
    pub(crate) live: Live,
    pub(crate) health: Health,
    /// Moves when the lake has taken rows.
    pub(crate) flushed: watch::Receiver<u64>,
}

impl LateParts {
    /// What a pipeline has for it.
    pub(crate) fn of(parts: &Parts, flushed: watch::Receiver<u64>) -> Self {
        Self {
            partition: parts.partition.clone(),
            lake: parts.lake.clone(),
            vault: parts.vault.clone(),
            rules: parts.rules.clone(),
            live: parts.live.clone(),
            health: parts.health.clone(),
            flushed,
        }
    }
}

/// Why a round failed. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LateError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("the lake does not give the rows of late data")]
    Lake(#[from] LakeError),
    #[error("the rules cannot read the events of the lake")]
    Events(#[from] BatchError),
    #[error("late judgement ended by a panic")]
    Panic(#[from] JoinError),
}

/// Late judgement at work. It ends when dropped, as in a crash; what it had not finished waits in the state.
pub(crate) struct Late {
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Late {
    pub(crate) fn start(parts: LateParts) -> Self {
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(Runner { parts, judge: None, stopping }.run());
        Self { stop, task: Some(task) }
    }

    /// Ends after the stretch that is being read; what the round had not finished waits in the state.
    pub(crate) async fn stop(&mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            // A panic has said so itself; its notes wait for the next start.
            let _ = task.await;
        }
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

struct Runner {
    parts: LateParts,
    /// Not there before the first round, after a change of the rules, and while a thread has it.
    judge: Option<LateJudge>,
    stopping: watch::Receiver<bool>,
}

impl Runner {
    async fn run(mut self) {
        while !*self.stopping.borrow() {
            self.parts.flushed.borrow_and_update();
            match self.round().await {
                Ok(Some(rest)) => self.pause(rest).await,
                Ok(None) => self.wait().await,
                Err(LateError::State(StateError::Fenced { .. })) => {
                    let (partition, epoch) = (self.parts.partition.number(), self.parts.partition.epoch());
                    emit(&PartitionLost { partition, epoch });
                    return;
                }
                Err(error) => {
                    self.stalled(&error);
                    self.pause(RETRY).await;
                }
            }
        }
    }

    /// Judges what has waited longest; how long to rest then. `None`: nothing can be judged now.
    async fn round(&mut self) -> Result<Option<Duration>, LateError> {
        self.tell_waiting().await?;
        let notes = self.parts.partition.late_round().await?;
        if notes.is_empty() {
            self.recovered();
            return Ok(None);
        }
        let cpu = self.judge(notes).await?;
        self.recovered();
        Ok(Some(self.parts.lake.rest(cpu)))
    }

    async fn judge(&mut self, notes: Vec<LateNote>) -> Result<Duration, LateError> {
        if self.parts.rules.renewed().is_some() {
            self.judge = None;
        }
        let rules = self.parts.rules.now();
        let judge = self.judge.take().unwrap_or_else(|| LateJudge::new(rules.set.clone()));
        let vault = self.parts.vault.clone();
        let partition = self.parts.partition.number().get();
        let stopping = self.stopping.clone();
        let read = move |lake: &yagura_store::Lake| {
            round::judge(lake, &vault, (partition, &rules.book), judge, notes, &stopping)
        };
        let (judge, judged) = self.parts.lake.call(read).await?;
        self.judge = Some(judge);
        let judged = judged?;
        if judged.verdicts.is_empty() {
            return Ok(judged.cpu);
        }
        let changed = self.parts.partition.judged_late(&judged.verdicts, clock::now()).await?;
        counts::judged(judged.verdicts.len(), changed.len());
        changed.iter().for_each(|(tenant, row)| self.parts.live.alert(*tenant, alert_view(row)));
        Ok(judged.cpu)
    }

    async fn tell_waiting(&self) -> Result<(), LateError> {
        let partition = &self.parts.partition;
        let waiting = partition.state().late_windows(partition.number()).await?;
        counts::waiting(waiting);
        if waiting < LATE_WINDOWS_MAX {
            self.parts.health.heals(FULL);
        } else {
            let detail = format!("{waiting} windows of late data wait to be judged, the most that are kept");
            self.parts.health.ails(FULL, &detail, FULL_NEXT_STEP);
        }
        Ok(())
    }

    async fn wait(&mut self) {
        tokio::select! {
            changed = self.parts.flushed.changed() => if changed.is_err() { self.pause(RETRY).await },
            () = stopped(self.stopping.clone()) => {}
        }
    }

    async fn pause(&self, rest: Duration) {
        tokio::select! {
            () = sleep(rest) => {}
            () = stopped(self.stopping.clone()) => {}
        }
    }

    fn stalled(&self, cause: &(dyn Error + 'static)) {
        if self.parts.health.ails(STEP, &chain(cause), NEXT_STEP) {
            emit(&PipelineStalled { step: STEP, cause });
        }
    }

    fn recovered(&self) {
        if self.parts.health.heals(STEP) {
            emit(&PipelineResumed { step: STEP });
        }
    }
}

const STEP: &str = "late";
const NEXT_STEP: &str =
    "Late data waits and is judged when the lake answers again; nothing is lost. See the server's log.";
const FULL: &str = "late_full";
const FULL_NEXT_STEP: &str = "Give upkeep a larger share of the processor (--maintenance-cpu-percent). Windows that find no room are \
                              counted as losses, late_unjudged; their events are in the lake all the same.";
