//! The pipeline's task: waits for durable records, judges them, applies what they mean, sends rows to the lake.
//!
//! Not a thread of its own: reading, judging and the lake block, so they run where blocking is allowed. Invariants: batches go through
//! each step one at a time and in order; while one is applied, the next is judged and the one behind it is read; a flush begins when
//! all that was judged is applied; a step that fails is tried again until it succeeds or the server ends, and says so. Cost when idle: one look at the tail every [`FLUSH_AFTER`].

use super::active::ActiveRules;
use super::flush::{FLUSH_AFTER, FLUSH_ROWS, Flush, FlushError, Flushing, Saving, tend};
use super::judge::{EngineStage, Judge, Verdict};
use super::keepers::Keepers;
use super::order::Order;
use super::parts::{Ordered, Parts, StartError};
use super::prepare::{Ahead, PrepareError, Prepared, Preparer};
use super::tail::{TAIL_ROWS_MAX, Tail};
use crate::api::{Health, Live, alert_view};
use crate::clock;
use crate::cluster::MatchWriter;
use crate::happenings::{LakeFlushed, PartitionLost, PipelineResumed, PipelineStalled, emit};
use crate::intake::Vouched;
use crate::lake::SharedLake;
use crate::late::{Late, LateParts};
use crate::metrics::{Stage, Timer, judged};
use crate::place::position_of;
use crate::state::{Partition, PartitionNumber, State, StateError};
use crate::stop::stopped;
use crate::traces;
use std::error::Error;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};
use yagura_detect::MatchRecord;
use yagura_store::VaultReader;

/// How long records may gather before they are judged: fewer, larger transactions.
const GATHER: Duration = Duration::from_millis(50);
/// How long a failed step waits before it is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How often the lake is tidied.
const MAINTAIN_AFTER: Duration = Duration::from_secs(60);
/// How long the pipeline may take to catch up and flush after the order to stop. What is left is made up at the next start.
const STOP_MAX: Duration = Duration::from_secs(20);

/// The running pipeline.
pub struct Pipeline {
    stop: watch::Sender<bool>,
    task: JoinHandle<u64>,
    position: watch::Receiver<u64>,
    late: Late,
    keepers: Keepers,
}

impl Pipeline {
    /// Takes up where the state says the last run ended, and goes on in the background.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let progress = parts.partition.progress().await?;
        let (judged, records) = (progress.position, parts.vault.len());
        if judged > records {
            return Err(StartError::AheadOfVault { judged, records });
        }
        let (flushed, lake_has) = watch::channel(progress.lake_position);
        let late = LateParts::of(&parts, lake_has);
        let keepers = Keepers::start_for(&parts);
        let stage = if parts.matches.is_some() { EngineStage::First } else { EngineStage::Only };
        let saved = progress.snapshot.as_deref().map(|snapshot| (snapshot, progress.snapshot_position));
        let (stop, stopping) = watch::channel(false);
        let (reached, position) = watch::channel(progress.position);
        // Records before the applied position are judged once more, for the engine and the tail alone.
        let next = progress.snapshot_position.min(progress.lake_position);
        let (partition, vault) = (parts.partition.number().get(), parts.vault.clone());
        let order = match parts.ordered {
            Ordered::Before => None,
            Ordered::Here => Some(spawn_blocking(move || Order::rebuild(partition, &vault, next)).await??),
        };
        let mut runner = Runner {
            rules: parts.rules.clone(),
            told: None,
            judge: Some(Judge::new((stage, parts.rules, saved), parts.vault.clone(), partition, order)),
            next,
            applied: progress.position,
            in_lake: progress.lake_position,
            saving: Saving::done(),
            state: parts.state,
            partition: parts.partition,
            lost: false,
            judged: None,
            preparer: None,
            ahead: None,
            vault: parts.vault,
            vouched: parts.vouched,
            durable: parts.durable,
            lake: parts.lake,
            tail: parts.tail,
            live: parts.live,
            health: parts.health,
            matches: parts.matches,
            stopping,
            reached,
            flushed,
            flush: None,
            flush_from: Instant::now(),
            maintained: Instant::now(),
        };
        // Whoever looks right after the start sees what was there before it. If that fails, the task goes on trying.
        runner.rebuild().await;
        Ok(Self { stop, task: tokio::spawn(runner.run()), position, late: Late::start(late), keepers })
    }

    /// The next record to be judged, as it grows.
    #[must_use]
    pub fn position(&self) -> watch::Receiver<u64> {
        self.position.clone()
    }

    /// Catches up with what is durable, flushes, ends; the next record that it would have judged. Stop the intake first.
    pub async fn stop(mut self) -> u64 {
        self.late.stop().await;
        self.stop.send_replace(true);
        let position = self.task.await.unwrap_or_default();
        self.keepers.stop().await;
        position
    }

    /// Completes when it has ended by itself: another owner has taken the partition over.
    pub async fn fenced(&self) {
        let mut position = self.position.clone();
        while position.changed().await.is_ok() {}
    }

    /// Ends at once, wherever it is, as a crash would.
    pub async fn abort(self) {
        self.task.abort();
        // The task ends as cancelled; that is the point.
        let _ = self.task.await;
    }
}

struct Runner {
    /// Away only while a thread has it.
    judge: Option<Judge>,
    /// Away while a batch is being prepared.
    preparer: Option<Preparer>,
    /// The batch after the one that is judged.
    ahead: Option<Ahead>,
    /// The next record to be judged.
    next: u64,
    /// The next record whose meaning is not applied.
    applied: u64,
    /// What was judged and is not applied yet.
    judged: Option<Verdict>,
    /// The next record that the lake did not have at the start.
    in_lake: u64,
    saving: Saving,
    state: State,
    partition: Partition,
    /// Whether nothing of this one counts any more: another owner has taken the partition over, or the order to stop came while the
    /// state did not take what was judged, which is made up at the next start.
    lost: bool,
    vault: VaultReader,
    vouched: Vouched,
    durable: watch::Receiver<u64>,
    lake: SharedLake,
    tail: Tail,
    live: Live,
    health: Health,
    matches: Option<MatchWriter>,
    rules: ActiveRules,
    /// What was told of rules that cost too much.
    told: Option<String>,
    stopping: watch::Receiver<bool>,
    reached: watch::Sender<u64>,
    /// Moves when the lake has taken rows.
    flushed: watch::Sender<u64>,
    flush: Option<Flushing>,
    /// When a failed flush may be tried again.
    flush_from: Instant,
    maintained: Instant,
}

impl Runner {
    async fn run(mut self) -> u64 {
        while !*self.stopping.borrow() && !self.lost {
            self.settle().await;
            self.catch_up().await;
            self.flush_if_due().await;
            self.maintain_if_due();
            self.wait().await;
        }
        if self.lost {
            return self.applied;
        }
        let ended = timeout(STOP_MAX, async {
            self.settle().await;
            self.catch_up().await;
            self.flush_now().await;
            self.settle().await;
        });
        // If the time is over, the rest is made up at the next start.
        let _ = ended.await;
        self.next.min(self.applied)
    }

    /// Waits for something to do: records, a due flush, the end of one, or the order to stop.
    async fn wait(&mut self) {
        let durable = *self.durable.borrow_and_update();
        if durable > self.next {
            return;
        }
        let due = match self.tail.oldest() {
            Some(made) if self.flush.is_none() => self.flush_from.max(made + self.tail.patience()),
            _ => Instant::now() + FLUSH_AFTER,
        };
        let grown = tokio::select! {
            changed = self.durable.changed() => Some(changed),
            () = stopped(self.stopping.clone()) => None,
            () = tokio::time::sleep_until(due) => None,
        };
        match grown {
            Some(Ok(())) => sleep(GATHER).await,
            // The intake is gone, so the order to stop is about to come; until then there is the flush.
            Some(Err(_)) => sleep(RETRY).await,
            None => {}
        }
    }

    /// Brings engine and tail up to the applied position.
    async fn rebuild(&mut self) {
        while self.next < self.applied {
            if let Err(error) = self.batch(self.cut(self.applied)).await {
                self.stalled("judge", &*error);
                return;
            }
        }
        // Nothing new is applied here, so nothing can fail.
        let _ = self.apply().await;
    }

    /// Judges and applies everything that is durable now.
    async fn catch_up(&mut self) {
        let mut end = *self.durable.borrow();
        while self.next < end || self.judged.is_some() {
            if self.tail.rows() >= TAIL_ROWS_MAX && self.judged.is_none() {
                self.flush_now().await;
                self.settle().await;
                if self.tail.rows() >= TAIL_ROWS_MAX {
                    sleep(RETRY).await;
                    return;
                }
            }
            // A flush begins when nothing is being applied.
            let full = self.tail.rows() >= TAIL_ROWS_MAX || self.is_flush_due();
            let pause = full && self.judged.is_some();
            let done = if self.next < end && !pause { self.batch(self.cut(end)).await } else { self.apply().await };
            match done {
                Ok(()) => self.recovered("judge"),
                Err(error) if is_fenced(&*error) => {
                    self.give_up();
                    return;
                }
                Err(error) => {
                    self.stalled("judge", &*error);
                    sleep(RETRY).await;
                    return;
                }
            }
            self.settle().await;
            if self.judged.is_none() {
                self.flush_if_due().await;
            }
            end = *self.durable.borrow();
        }
    }

    /// Where a batch ends that may go to `end`. It crosses neither the lake's position, below which rows do not wait for the lake, nor
    /// the applied one, below which only engine and tail are brought up to date.
    fn cut(&self, end: u64) -> u64 {
        [self.in_lake, self.applied].into_iter().filter(|mark| *mark > self.next).fold(end, u64::min)
    }

    async fn batch(&mut self, end: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (next, started, reading) = (self.next, traces::now(), Timer::start(Stage::Read));
        if self.ahead.as_ref().is_none_or(|ahead| !ahead.task.is_finished()) {
            // There is nothing to judge yet, or this batch cannot be read: what is judged does not wait for it.
            self.apply().await?;
        }
        let prepared = match self.prepared(end).await {
            Ok(prepared) => prepared,
            Err(error) => return self.apply().await.and(Err(error)),
        };
        drop(reading);
        let Some(last) = prepared.records.last() else { return Ok(()) };
        let after = position_of(last.position.0) + 1;
        if after < end {
            self.ahead = Some(self.prepare(after, end));
        }
        let Some(mut judge) = self.judge.take() else { return Err("the judge is lost".into()) };
        let judging = spawn_blocking(move || {
            let _timer = Timer::start(Stage::Judge);
            let verdict = judge.judge(&prepared);
            (judge, verdict)
        });
        let applied = self.apply().await;
        let (judge, verdict) = judging.await?;
        self.judge = Some(judge);
        let verdict = verdict?;
        self.rules.costs().tell(&self.health, &mut self.told);
        self.next = verdict.delta.position;
        self.judged = Some(verdict);
        traces::judged(next..self.next, started);
        applied
    }

    /// Applies what was judged.
    async fn apply(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        match self.judged.take() {
            Some(verdict) => Ok(self.take(verdict).await?),
            None => Ok(()),
        }
    }

    /// The next batch, which may have been prepared while the last was judged.
    async fn prepared(&mut self, end: u64) -> Result<Prepared, PrepareError> {
        loop {
            let ahead = match self.ahead.take() {
                Some(ahead) => ahead,
                None => self.prepare(self.next, end),
            };
            let (preparer, prepared) = ahead.task.await??;
            self.preparer = Some(preparer);
            if ahead.from == self.next {
                return prepared;
            }
        }
    }

    /// Begins to prepare the records from `from` on. What is cut at `end` stays so, also if more is durable by then.
    fn prepare(&mut self, from: u64, end: u64) -> Ahead {
        // A preparer that was lost by a panic has no memory that matters.
        let preparer = self
            .preparer
            .take()
            .unwrap_or_else(|| Preparer::new(self.vault.clone(), self.partition.number().get(), self.vouched.clone()));
        Ahead { from, task: tokio::spawn(preparer.prepare(self.state.clone(), from, end)) }
    }

    /// Applies a verdict, however often that must be tried: the engine has moved on and cannot go back.
    async fn take(&mut self, verdict: Verdict) -> Result<(), StateError> {
        let Verdict { delta, part, matches } = verdict;
        let next = delta.position;
        if next > self.applied {
            self.pass_on(&matches).await;
        }
        while next > self.applied {
            let timer = Timer::start(Stage::Apply);
            let applied = self.partition.apply(&delta, clock::now()).await;
            drop(timer);
            match applied {
                Ok(raised) => {
                    judged(&delta.rates, raised.len());
                    self.applied = next;
                    self.recovered("apply");
                    raised.iter().for_each(|(tenant, row)| self.live.alert(*tenant, alert_view(row)));
                }
                Err(error @ StateError::Fenced { .. }) => return Err(error),
                Err(error) if *self.stopping.borrow() => {
                    self.lost = true;
                    return Err(error);
                }
                Err(error) => {
                    self.stalled("apply", &error);
                    sleep(RETRY).await;
                }
            }
        }
        self.saving.judged(part.rows());
        if next > self.in_lake {
            self.tail.push(part);
        }
        if next >= self.applied {
            self.reached.send_replace(next);
        }
        Ok(())
    }

    /// Sends what concerns the fleet to those who judge it, however often that must be tried: what is applied is never sent again.
    async fn pass_on(&self, found: &[MatchRecord]) {
        let Some(matches) = &self.matches else { return };
        while let Err(error) = matches.send(found).await {
            self.stalled("matches", &error);
            sleep(RETRY).await;
        }
        self.recovered("matches");
    }

    fn is_flush_due(&self) -> bool {
        let due = self.tail.oldest().is_some_and(|made| made.elapsed() >= self.tail.patience());
        let may = self.flush.is_none() && Instant::now() >= self.flush_from;
        may && (due || self.tail.rows() >= FLUSH_ROWS)
    }

    async fn flush_if_due(&mut self) {
        if self.is_flush_due() {
            self.flush_now().await;
        }
    }

    /// Begins a flush of everything judged; waits for the one under way, if any.
    async fn flush_now(&mut self) {
        if let Some(mut running) = self.flush.take() {
            self.finished((&mut running.0).await);
        }
        // While the tail is being rebuilt, the engine is behind the applied position; while a batch is applied, it is ahead.
        let stopping = *self.stopping.borrow();
        let nothing = self.tail.oldest().is_none() && !(stopping && self.saving.is_behind());
        if self.next != self.applied || nothing {
            return;
        }
        let Some(judge) = &self.judge else { return };
        let save = stopping || self.saving.is_due();
        let snapshot = save.then(|| judge.engine.snapshot());
        if save {
            self.saving = Saving::done();
        }
        let flush = Flush {
            partition: self.partition.clone(),
            lake: self.lake.clone(),
            tail: self.tail.clone(),
            next: self.next,
            snapshot,
        };
        self.flush = Some(Flushing(tokio::spawn(flush.run())));
    }

    /// Takes the result of a flush that has ended; when stopping, waits for it.
    async fn settle(&mut self) {
        let stopping = *self.stopping.borrow();
        match self.flush.take() {
            Some(mut running) if stopping || running.0.is_finished() => self.finished((&mut running.0).await),
            other => self.flush = other,
        }
    }

    fn finished(&mut self, result: Result<Result<usize, FlushError>, tokio::task::JoinError>) {
        match result.map_err(FlushError::Panic).and_then(|flushed| flushed) {
            Ok(rows) => {
                self.recovered("flush");
                self.flushed.send_replace(self.next);
                emit(&LakeFlushed { position: self.next, rows });
            }
            Err(FlushError::State(StateError::Fenced { .. })) => self.give_up(),
            Err(error) => {
                self.flush_from = Instant::now() + FLUSH_AFTER;
                self.saving.failed();
                self.stalled("flush", &error);
            }
        }
    }

    /// Another owner has the partition: whatever is judged here from now on counts for nothing.
    fn give_up(&mut self) {
        if !self.lost {
            self.lost = true;
            emit(&PartitionLost { partition: self.partition.number(), epoch: self.partition.epoch() });
        }
    }

    /// Of all partitions of a lake, the owner of the first looks after it.
    fn maintain_if_due(&mut self) {
        if self.partition.number() == PartitionNumber::SINGLE && self.maintained.elapsed() >= MAINTAIN_AFTER {
            self.maintained = Instant::now();
            tokio::spawn(tend(self.lake.clone()));
        }
    }

    fn stalled(&self, step: &'static str, cause: &(dyn Error + 'static)) {
        if self.health.ails(step, &crate::happenings::chain(cause), NEXT_STEP) {
            emit(&PipelineStalled { step, cause });
        }
    }

    fn recovered(&self, step: &'static str) {
        if self.health.heals(step) {
            emit(&PipelineResumed { step });
        }
    }
}

fn is_fenced(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(StateError::Fenced { .. }))
}

const NEXT_STEP: &str = "Reports are still taken and kept. Make room on the disk of the data directory, or see the server's log; \
                         views go on by themselves.";
