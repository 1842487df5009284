//! A worker: owns partitions of the log as its group gives them. For one of records it runs the feed and the pipeline, for one of
//! matches the second stage of detection.
//!
//! Not the membership (`group`), the reading (`feed`) or the judging (`pipeline`, `second_stage`). Invariants: before anything of a partition is written
//! to the state, its epoch was taken over, so that an owner before is fenced; what was told to go has let go, or is aborted, within
//! [`REVOKE_MAX`]; a partition that fails stands still, says so and is tried again, the others go on. Memory: an engine,
//! the chains of its devices (4 KiB each) and ≤ 16 MiB of read-ahead a partition.

use super::custody::PartitionCustody;
use super::feed::{Feed, FeedError};
use super::group::{Change, Membership, REVOKE_MAX};
use super::log::LogAddress;
use super::matches::MatchWriter;
use super::partition_vault::{PartitionVault, PartitionVaultError};
use super::second_stage::{SecondStageError, SecondStagePartition};
use super::topics::Topics;
use super::writer::LogWriter;
use crate::api::{Health, Live};
use crate::evidence::Evidence;
use crate::evidence::keeper::{self, Custodian};
use crate::happenings::{PartitionFailed, PartitionFenced, PartitionReleased, PartitionTaken, chain, emit};
use crate::intake::Vouched;
use crate::lake::{Care, SharedLake};
use crate::metrics::{PartitionParts, Partitions};
use crate::pipeline::{ActiveRules, Ordered, Parts, Pipeline, StartError, Tail};
use crate::psirt::Knowledge;
use crate::state::{Partition, PartitionNumber, State, StateError};
use rdkafka::error::KafkaError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};
use yagura_store::{Archiver, LakeError, VaultReader};

/// How long a partition that failed or was fenced rests before it is taken again, if it is still this worker's.
const RETAKE: Duration = Duration::from_secs(15);
/// How long flushing may take when partitions go to another worker; a little less than the group waits.
const LET_GO_MAX: Duration = REVOKE_MAX.saturating_sub(Duration::from_secs(5));
const NEXT_STEP: &str =
    "Reports are still taken and kept in the log; the other partitions go on. The worker's log says what to do.";

/// What a worker works with.
pub struct WorkerParts {
    /// The log whose partitions it owns.
    pub log: LogAddress,
    /// How many partitions there are.
    pub topics: Topics,
    /// Its name in the group: the same after a restart, of no other worker.
    pub name: String,
    /// Where the vaults of its partitions are.
    pub vaults: PartitionVault,
    /// Where it writes what records mean.
    pub state: State,
    /// The lake's address: a directory, `s3://…` or `az://…`.
    pub lake: String,
    /// How the lake is looked after.
    pub care: Care,
    /// By what it judges.
    pub rules: ActiveRules,
    /// The advisories that products are matched with.
    pub knowledge: Knowledge,
    /// Where it records what it does with the evidence.
    pub records: LogWriter,
    /// How long evidence is kept.
    pub evidence: Evidence,
    /// Where its partitions of records send what concerns the whole fleet.
    pub matches: MatchWriter,
    /// What ails the worker.
    pub health: Health,
    /// Where metrics find its partitions.
    pub told: Partitions,
}

/// Why a worker cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The group cannot be joined.
    #[error("cannot join the group of workers")]
    Group(#[from] KafkaError),
}

/// Why one partition stands still.
#[derive(Debug, thiserror::Error)]
enum HoldError {
    #[error("the state does not answer")]
    State(#[from] StateError),
    #[error(transparent)]
    Vault(#[from] PartitionVaultError),
    #[error("{0}")]
    Feed(Arc<FeedError>),
    #[error(transparent)]
    Pipeline(#[from] StartError),
    #[error("the lake cannot be opened")]
    Lake(#[from] LakeError),
    #[error(transparent)]
    SecondStage(#[from] SecondStageError),
    #[error(
        "partition {number} was added to the topic: this cluster began with {pinned}, nothing is written to others and none of their \
         records is read; begin a new cluster if more are needed"
    )]
    Added { number: PartitionNumber, pinned: u16 },
    #[error("a step ended by a panic")]
    Panic(#[from] tokio::task::JoinError),
}

impl From<FeedError> for HoldError {
    fn from(error: FeedError) -> Self {
        Self::Feed(Arc::new(error))
    }
}

/// What a partition's task is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    Work,
    /// Finish and flush.
    LetGo,
    /// Another owns it already: drop everything.
    Drop,
}

/// How far a partition is with being taken over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Its vault is restored and its engine brought up to date.
    Taking,
    /// It is worked on.
    Working,
    /// It cannot be worked on.
    Standing,
}

impl Stage {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Taking => "taking",
            Self::Working => "working",
            Self::Standing => "standing",
        }
    }
}

/// The partitions of a worker and how far each is. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stages(Arc<Mutex<BTreeMap<PartitionNumber, Stage>>>);

impl Stages {
    /// All partitions that are this worker's now.
    #[must_use]
    pub fn all(&self) -> BTreeMap<PartitionNumber, Stage> {
        self.lock().clone()
    }

    pub(super) fn set(&self, number: PartitionNumber, stage: Stage) {
        self.lock().insert(number, stage);
    }

    fn remove(&self, number: PartitionNumber) {
        self.lock().remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PartitionNumber, Stage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running worker.
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<Option<KafkaError>>,
    stages: Stages,
}

impl Worker {
    /// Joins the group and works until it is stopped.
    ///
    /// # Errors
    /// [`WorkerError`]
    pub fn start(parts: WorkerParts) -> Result<Self, WorkerError> {
        let (membership, changes) = Membership::join(&parts.log, &parts.name)?;
        let (stop, stopping) = watch::channel(false);
        let stages = Stages::default();
        let hall = Hall { parts: Arc::new(parts), stages: stages.clone(), held: BTreeMap::new() };
        let task = tokio::spawn(hall.run(membership, changes, stopping));
        Ok(Self { stop, task, stages })
    }

    /// Its partitions.
    #[must_use]
    pub fn stages(&self) -> Stages {
        self.stages.clone()
    }

    /// Lets go of all partitions, flushed, and leaves.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // A panic has said so itself.
        let _ = self.task.await;
    }

    /// Completes when the broker has expelled the worker for good, with its reason.
    pub async fn expelled(&mut self) -> KafkaError {
        match (&mut self.task).await {
            Ok(Some(error)) => error,
            Ok(None) | Err(_) => KafkaError::Canceled,
        }
    }
}

/// A partition's task.
struct Held {
    order: watch::Sender<Order>,
    task: JoinHandle<()>,
}

impl Held {
    async fn end(mut self, order: Order, most: Duration) {
        self.order.send_replace(order);
        if timeout(most, &mut self.task).await.is_err() {
            // What is left over is fenced, and made up by the next owner.
            self.task.abort();
        }
    }
}

/// All partitions of this worker.
struct Hall {
    parts: Arc<WorkerParts>,
    stages: Stages,
    held: BTreeMap<PartitionNumber, Held>,
}

impl Hall {
    async fn run(
        mut self,
        membership: Membership,
        mut changes: mpsc::Receiver<Change>,
        mut stopping: watch::Receiver<bool>,
    ) -> Option<KafkaError> {
        let mut expelled = None;
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                _ = stopping.wait_for(|stop| *stop) => None,
            };
            match change {
                None => break,
                Some(Change::Given(numbers, since)) => {
                    for number in numbers {
                        self.end(vec![number], Order::Drop).await;
                        self.begin(number, since);
                    }
                }
                Some(Change::Taken(numbers, done)) => {
                    self.end(numbers, Order::LetGo).await;
                    drop(done);
                }
                Some(Change::Lost(numbers)) => self.end(numbers, Order::Drop).await,
                Some(Change::Expelled(error)) => {
                    expelled = Some(error);
                    break;
                }
            }
        }
        let order = if expelled.is_some() { Order::Drop } else { Order::LetGo };
        self.end(self.held.keys().copied().collect(), order).await;
        // The thread may wait to tell of one more change; nobody listens any more.
        drop(changes);
        let _ = spawn_blocking(move || membership.leave()).await;
        expelled
    }

    fn begin(&mut self, number: PartitionNumber, since: Instant) {
        let (order, told) = watch::channel(Order::Work);
        let keeper = Keeper { parts: Arc::clone(&self.parts), stages: self.stages.clone(), number, told };
        self.held.insert(number, Held { order, task: tokio::spawn(keeper.run(since)) });
    }

    /// Ends the tasks of these partitions side by side.
    async fn end(&mut self, numbers: Vec<PartitionNumber>, order: Order) {
        let mut ending = JoinSet::new();
        for number in &numbers {
            if let Some(held) = self.held.remove(number) {
                ending.spawn(held.end(order, LET_GO_MAX));
            }
        }
        while ending.join_next().await.is_some() {}
        numbers.iter().for_each(|number| self.stages.remove(*number));
    }
}

/// Keeps one partition going.
struct Keeper {
    parts: Arc<WorkerParts>,
    stages: Stages,
    number: PartitionNumber,
    told: watch::Receiver<Order>,
}

/// Why work on a partition ended.
pub(super) enum Ended {
    /// It was told to; the next record that would have been judged.
    Told(Option<u64>),
    /// Another owns it.
    Fenced,
    /// The rules changed: it is to be worked on anew.
    Renewed,
}

impl Keeper {
    async fn run(mut self, since: Instant) {
        let partition = self.number;
        loop {
            self.stages.set(partition, Stage::Taking);
            match self.hold_either(since).await {
                Ok(Ended::Told(position)) => return emit(&PartitionReleased { partition, position }),
                Ok(Ended::Renewed) => continue,
                Ok(Ended::Fenced) => emit(&PartitionFenced { partition }),
                Err(error) => {
                    self.parts.health.ails(
                        "partition",
                        &format!("Partition {partition}: {}", chain(&error)),
                        NEXT_STEP,
                    );
                    emit(&PartitionFailed { partition, cause: &error });
                }
            }
            self.stages.set(partition, Stage::Standing);
            tokio::select! {
                _ = told(&mut self.told) => return emit(&PartitionReleased { partition, position: None }),
                () = sleep(RETAKE) => {}
            }
        }
    }

    /// Works on the partition, of whichever kind, until told otherwise.
    async fn hold_either(&mut self, since: Instant) -> Result<Ended, HoldError> {
        let (number, topics) = (self.number, self.parts.topics);
        let pinned = if number.is_fleetwide() { topics.matches } else { topics.records };
        if number.of_kind() >= pinned {
            return Err(HoldError::Added { number, pinned });
        }
        if !number.is_fleetwide() {
            return self.hold(since).await;
        }
        let second = SecondStagePartition { parts: &self.parts, stages: &self.stages, number };
        Ok(second.hold(&mut self.told, since).await?)
    }

    /// Takes a partition of records over and works on it until told otherwise.
    async fn hold(&mut self, since: Instant) -> Result<Ended, HoldError> {
        let owner = self.parts.state.take_over(self.number).await?;
        let known = owner.progress().await?.position;
        let (parts, of) = (Arc::clone(&self.parts), self.number.of_kind());
        let (vault, archiver) = spawn_blocking(move || parts.vaults.open(of)).await??;
        let reader = vault.reader();
        let _keeping = self.keep(archiver, &owner, &reader);
        let feed = Feed::start(&self.parts.log, of, vault, known)?;
        let ended = self.work(&feed, owner, reader, known, since).await;
        let stopped = spawn_blocking(move || feed.stop()).await;
        let ended = match ended {
            Ok(Working { pipeline, ended: Ended::Told(_) }) if *self.told.borrow() == Order::LetGo => {
                Ok(Ended::Told(Some(pipeline.stop().await)))
            }
            Ok(Working { pipeline, ended }) => {
                pipeline.abort().await;
                Ok(ended)
            }
            Err(Stopped::Early) => Ok(Ended::Told(None)),
            Err(Stopped::Failed(error)) => Err(error),
        };
        stopped?;
        ended
    }

    /// Archives the partition's evidence and lets go what is too old, for as long as what is returned lives.
    fn keep(&self, archiver: Archiver, owner: &Partition, vault: &VaultReader) -> Keeping {
        let (log, owner, reader) = (self.parts.records.clone(), owner.clone(), vault.clone());
        let parts = keeper::Parts {
            vault: reader.clone(),
            custodian: Custodian::Partition(PartitionCustody { log, owner, vault: reader }),
            archiver: Some(archiver),
            evidence: self.parts.evidence.clone(),
            inbox: None,
            health: self.parts.health.clone(),
        };
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(keeper::keep(parts, stopping));
        Keeping { _stop: stop }
    }

    async fn work(
        &mut self,
        feed: &Feed,
        owner: Partition,
        vault: VaultReader,
        known: u64,
        since: Instant,
    ) -> Result<Working, Stopped> {
        let mut durable = feed.durable();
        tokio::select! {
            _ = told(&mut self.told) => return Err(Stopped::Early),
            error = feed.failed() => return Err(HoldError::Feed(error).into()),
            _ = durable.wait_for(|len| *len >= known) => {}
        }
        let (partition, epoch) = (self.number, owner.epoch());
        let lake =
            SharedLake::open_at(&self.parts.lake, partition.get(), self.parts.care).await.map_err(HoldError::from)?;
        let lake = lake.map_err(HoldError::from)?;
        let tail = Tail::unseen();
        let start = Pipeline::start(Parts {
            state: self.parts.state.clone(),
            partition: owner,
            ordered: Ordered::Here,
            vault: vault.clone(),
            vouched: Vouched::default(),
            durable: feed.durable(),
            lake,
            knowledge: self.parts.knowledge.clone(),
            tail: tail.clone(),
            // Those who look ask the state; see `crate::api::follow`.
            live: Live::default(),
            health: self.parts.health.clone(),
            rules: self.parts.rules.clone(),
            matches: Some(self.parts.matches.clone()),
        });
        let pipeline = tokio::select! {
            _ = told(&mut self.told) => return Err(Stopped::Early),
            pipeline = start => pipeline.map_err(HoldError::from)?,
        };
        let (position, log_end) = (pipeline.position(), Some(feed.log_end()));
        let told_parts = PartitionParts { vault: vault.clone(), position, tail, epoch, log_end };
        let _told = self.parts.told.own(partition.get(), told_parts);
        let millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        emit(&PartitionTaken { partition, epoch, records: vault.len(), millis });
        self.parts.health.heals("partition");
        self.stages.set(partition, Stage::Working);
        tokio::select! {
            _ = told(&mut self.told) => Ok(Working { pipeline, ended: Ended::Told(None) }),
            () = pipeline.fenced() => Ok(Working { pipeline, ended: Ended::Fenced }),
            error = feed.failed() => {
                pipeline.abort().await;
                Err(HoldError::Feed(error).into())
            }
        }
    }
}

/// The keeping of a partition's evidence; it ends when this is dropped.
struct Keeping {
    _stop: watch::Sender<bool>,
}

/// A partition that was worked on.
struct Working {
    pipeline: Pipeline,
    ended: Ended,
}

/// Why a partition was never worked on, or not any more.
enum Stopped {
    Early,
    Failed(HoldError),
}

impl From<HoldError> for Stopped {
    fn from(error: HoldError) -> Self {
        Self::Failed(error)
    }
}

/// Completes when the partition is to be let go of, one way or the other.
pub(super) async fn told(order: &mut watch::Receiver<Order>) -> Order {
    // A sender that is gone means that the worker is.
    order.wait_for(|order| *order != Order::Work).await.map_or(Order::Drop, |order| *order)
}
