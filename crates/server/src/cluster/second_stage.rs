//! One partition of matches in the hands of this worker: read from the broker, judged together, alerts to the state and the lake.
//!
//! Not the judging (`fleetwide`). Invariants: matches are read from where the saved engine stands, so a crash repeats and loses nothing;
//! what was judged is applied before more is judged; another owner ends it at once. Cost when idle: nothing but the client's fetches.

use super::matches::{MatchReader, MatchesError};
use super::worker::{Ended, Order, Stage, Stages, WorkerParts, told};
use crate::clock;
use crate::fleetwide::SecondStage;
use crate::happenings::{
    LakeFlushed, MatchesRemoved, PartitionTaken, PartitionWaits, PipelineResumed, PipelineStalled, chain, emit,
};
use crate::lake::SharedLake;
use crate::pipeline::{FLUSH_AFTER, FlushError, append_alerts};
use crate::place::place;
use crate::state::{PartitionNumber, StateError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::error::Error;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};
use yagura_store::{LakeError, Position};

/// How long a failed step waits before it is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// The step that people are told of.
const STEP: &str = "fleet";
const NEXT_STEP: &str =
    "Alerts about single vehicles go on, those over the fleet wait. The worker's log says why; it goes on by itself.";

/// Why a partition of matches stands still.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecondStageError {
    #[error("the state does not answer")]
    State(#[from] StateError),
    #[error(transparent)]
    Log(#[from] MatchesError),
    #[error("the lake cannot be opened")]
    Lake(#[from] LakeError),
    #[error("a step ended by a panic")]
    Panic(#[from] tokio::task::JoinError),
}

/// A partition of matches that is this worker's.
pub(super) struct SecondStagePartition<'a> {
    pub(super) parts: &'a WorkerParts,
    pub(super) stages: &'a Stages,
    pub(super) number: PartitionNumber,
}

/// It, at work.
struct Working<'a> {
    parts: &'a WorkerParts,
    stage: SecondStage,
    reader: MatchReader,
    lake: SharedLake,
    /// What is in the lake and saved.
    flushed: u64,
}

impl SecondStagePartition<'_> {
    /// Takes the partition over and judges what comes, until told otherwise.
    pub(super) async fn hold(
        self,
        order: &mut watch::Receiver<Order>,
        since: Instant,
    ) -> Result<Ended, SecondStageError> {
        let (parts, number) = (self.parts, self.number);
        let mut rules = parts.rules.clone();
        let active = rules.renewed().unwrap_or_else(|| rules.now());
        let stage = SecondStage::take_over(&parts.state, number, &active).await?;
        let reader = MatchReader::open(&parts.log, number.of_kind(), stage.next(), stage.applied()).await?;
        if reader.removed() > 0 {
            emit(&MatchesRemoved { partition: number, count: reader.removed() });
        }
        let lake = SharedLake::open_at(&parts.lake, number.get(), parts.care).await??;
        let (epoch, records) = (stage.partition().epoch(), stage.next());
        let millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        emit(&PartitionTaken { partition: number, epoch, records, millis });
        self.stages.set(number, Stage::Working);
        let flushed = stage.next();
        let mut working = Working { parts, stage, reader, lake, flushed };
        let ended = tokio::select! {
            order = told(order) => Some(order),
            () = rules.changed() => {
                // Begun anew with the new rules where this engine stands.
                let _ = working.flush().await;
                return Ok(Ended::Renewed);
            }
            ended = working.run() => {
                ended?;
                None
            }
        };
        match ended {
            None => Ok(Ended::Fenced),
            Some(Order::LetGo) => {
                // What is not saved is judged once more by the next owner.
                let _ = working.flush().await;
                Ok(Ended::Told(Some(working.stage.next())))
            }
            Some(Order::Work | Order::Drop) => Ok(Ended::Told(None)),
        }
    }
}

impl Working<'_> {
    /// Judges what comes; ends when another has the partition.
    async fn run(&mut self) -> Result<(), MatchesError> {
        let mut due = tokio::time::Instant::now() + FLUSH_AFTER;
        loop {
            tokio::select! {
                came = self.reader.wait() => match came {
                    Ok(()) if self.judge().await.is_err() => return Ok(()),
                    Ok(()) => {}
                    Err(error) if is_final(&error) => return Err(error.into()),
                    Err(error) => {
                        emit(&PartitionWaits { partition: self.stage.partition().number(), cause: &error });
                        sleep(RETRY).await;
                    }
                },
                () = sleep_until(due) => {}
            }
            if due > tokio::time::Instant::now() {
                continue;
            }
            due = tokio::time::Instant::now() + FLUSH_AFTER;
            match self.flush().await {
                Ok(()) => self.recovered(),
                Err(FlushError::State(StateError::Fenced { .. })) => return Ok(()),
                Err(error) => self.stalled(&error),
            }
        }
    }

    /// Judges what came, however often that must be tried.
    ///
    /// # Errors
    /// Another has the partition.
    async fn judge(&mut self) -> Result<(), StateError> {
        loop {
            match self.stage.take(self.reader.waiting(), clock::now()).await {
                // Those who look ask the state; see `crate::api::follow`.
                Ok(_) => {
                    self.reader.taken();
                    self.recovered();
                    return Ok(());
                }
                Err(error @ StateError::Fenced { .. }) => return Err(error),
                Err(error) => {
                    self.stalled(&error);
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Puts alerts into the lake and saves the engine, if there is anything new.
    async fn flush(&mut self) -> Result<(), FlushError> {
        // What was judged when the work was interrupted is applied before its rows are looked for.
        self.stage.take(&[], clock::now()).await?;
        let next = self.stage.next();
        // While the engine is brought up to date, it is behind what the state has.
        let Some(last) = next.checked_sub(1).filter(|_| next > self.flushed && next >= self.stage.applied()) else {
            return Ok(());
        };
        let pending = self.stage.partition().pending_rows(next).await?;
        let through = Position(place(self.stage.partition().number().get(), last));
        let rows = self.lake.call(move |lake| append_alerts(lake, &pending, through)).await??;
        self.stage.flushed(clock::now()).await?;
        self.flushed = next;
        emit(&LakeFlushed { position: next, rows });
        Ok(())
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

/// Whether the partition must be taken anew to go on: its offsets are not there any more, or the client is done for.
const fn is_final(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
            | KafkaError::MessageConsumptionFatal(_)
    )
}
