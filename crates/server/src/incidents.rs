//! Incidents: alerts that changed are put together and weighed, in the background (ADR-0034).
//!
//! Not the decision (`detect::incident`) and not the rows (`state::incidents`). One at work for all partitions: the owner of the first
//! one, under its epoch. Invariants: what is queued is taken at most once, whatever crashes; a failed round is tried again; after a
//! round it rests as long as the round took, so that a batch of the pipeline never waits for two of them. Cost when idle: one indexed
//! read every [`LOOK_EVERY`].

use crate::api::{Health, Live, incident_view};
use crate::clock;
use crate::happenings::{PartitionLost, PipelineResumed, PipelineStalled, chain, emit};
use crate::pipeline::Parts;
use crate::state::{Partition, PartitionNumber, StateError};
use crate::stop::stopped;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use yagura_columns::Catalogue;

/// How often the queue is looked at when it was empty.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a failed round waits before it is tried again.
const RETRY: Duration = Duration::from_secs(5);
const STEP: &str = "incidents";
const NEXT_STEP: &str =
    "Alerts are raised and shown; incidents follow when the state database answers again. See the server's log.";

/// Incidents at work. It ends when dropped, as in a crash; what it had not finished waits in the state.
pub(crate) struct Incidents {
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Incidents {
    /// Starts where the first partition is owned.
    pub(crate) fn start_for(parts: &Parts) -> Option<Self> {
        if parts.partition.number() != PartitionNumber::SINGLE {
            return None;
        }
        let (stop, stopping) = watch::channel(false);
        let runner = Runner {
            partition: parts.partition.clone(),
            live: parts.live.clone(),
            health: parts.health.clone(),
            catalogue: Catalogue::builtin(),
            stopping,
        };
        Some(Self { stop, task: Some(tokio::spawn(runner.run())) })
    }

    /// Ends after the round under way.
    pub(crate) async fn stop(&mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            // A panic has said so itself; what it had taken is in the queue still.
            let _ = task.await;
        }
    }
}

impl Drop for Incidents {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

struct Runner {
    partition: Partition,
    live: Live,
    health: Health,
    catalogue: Catalogue,
    stopping: watch::Receiver<bool>,
}

impl Runner {
    async fn run(self) {
        while !*self.stopping.borrow() {
            let began = Instant::now();
            match self.partition.group_alerts(&self.catalogue, clock::now()).await {
                Ok(grouped) => {
                    if self.health.heals(STEP) {
                        emit(&PipelineResumed { step: STEP });
                    }
                    let shown = grouped.changed.iter().filter(|(_, row)| row.listed == 1);
                    shown.for_each(|(tenant, row)| self.live.incident(*tenant, incident_view(row)));
                    self.pause(if grouped.taken == 0 { LOOK_EVERY } else { began.elapsed() }).await;
                }
                Err(StateError::Fenced { partition, epoch }) => {
                    emit(&PartitionLost { partition, epoch });
                    return;
                }
                Err(error) => {
                    if self.health.ails(STEP, &chain(&error), NEXT_STEP) {
                        emit(&PipelineStalled { step: STEP, cause: &error });
                    }
                    self.pause(RETRY).await;
                }
            }
        }
    }

    async fn pause(&self, rest: Duration) {
        tokio::select! {
            () = sleep(rest) => {}
            () = stopped(self.stopping.clone()) => {}
        }
    }
}
