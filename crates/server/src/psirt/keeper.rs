//! Products at work: newer advisories are matched with the product versions that they may concern, and decisions end in time.
//!
//! Not the match (`matching`) and not the rows (`state::products`). One at work for all partitions: the owner of the first one, under its
//! epoch. Invariants: after a round every product version stands as a whole match would have it (a version is passed over only if it shares
//! no word with a package of a new segment); what a crash interrupts is done again, because a version keeps the mark that it was matched
//! with. Cost when idle: one small file and two indexed reads every [`LOOK_EVERY`].

use super::knowledge::{Knowledge, Known};
use super::matching::{MatchError, match_sbom};
use super::words;
use crate::api::Health;
use crate::clock;
use crate::happenings::{
    AdvisoriesOpened, AdvisoriesRefused, PartitionLost, PipelineResumed, PipelineStalled, chain, emit,
};
use crate::pipeline::Parts;
use crate::state::{Partition, PartitionNumber, ReleaseRow, Rematched, StateError};
use crate::stop::stopped;
use crate::tenant::Tenant;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;
use yagura_feed::FeedError;
use yagura_model::Name;

/// How often the directory and the state are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a failed round waits before it is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How many product versions a round takes.
const ROUND: i64 = 256;
/// Above so many words of new packages every product version is matched: asking for the words would take longer.
const WORDS_MAX: usize = 20_000;
const STEP: &str = "products";
const NEXT_STEP: &str =
    "Findings are shown as they were; they follow when the named fault is mended. See the server's log.";

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Knowledge(#[from] FeedError),
    #[error(transparent)]
    Match(#[from] MatchError),
    #[error("a match ended by a panic")]
    Panic(#[from] tokio::task::JoinError),
}

/// Products at work. It ends when dropped, as in a crash; what it had not finished is behind still.
pub(crate) struct Keeper {
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts where the first partition is owned.
    pub(crate) fn start_for(parts: &Parts) -> Option<Self> {
        if parts.partition.number() != PartitionNumber::SINGLE {
            return None;
        }
        let (stop, stopping) = watch::channel(false);
        let runner = Runner {
            partition: parts.partition.clone(),
            knowledge: parts.knowledge.clone(),
            health: parts.health.clone(),
            concerned: HashMap::new(),
            stopping,
        };
        Some(Self { stop, task: Some(tokio::spawn(runner.run())) })
    }

    /// Ends after the round under way.
    pub(crate) async fn stop(&mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take() {
            // A panic has said so itself; what it had not finished is behind still.
            let _ = task.await;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Whom newer advisories may concern, seen from an older mark.
#[derive(Clone, Debug)]
enum Concerned {
    Everybody,
    These(BTreeSet<(String, Vec<u8>)>),
}

struct Runner {
    partition: Partition,
    knowledge: Knowledge,
    health: Health,
    /// By the mark before and the mark now.
    concerned: HashMap<(String, String), Concerned>,
    stopping: watch::Receiver<bool>,
}

impl Runner {
    async fn run(mut self) {
        while !*self.stopping.borrow() {
            match self.round().await {
                Ok(done) => {
                    if self.health.heals(STEP) {
                        emit(&PipelineResumed { step: STEP });
                    }
                    if done == 0 {
                        self.pause(LOOK_EVERY).await;
                    }
                }
                Err(RoundError::State(StateError::Fenced { partition, epoch })) => {
                    emit(&PartitionLost { partition, epoch });
                    return;
                }
                Err(error) => {
                    if self.health.ails(STEP, &chain(&error), NEXT_STEP) {
                        match &error {
                            RoundError::Knowledge(cause) => emit(&AdvisoriesRefused { cause }),
                            _ => emit(&PipelineStalled { step: STEP, cause: &error }),
                        }
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

    /// Takes up to [`ROUND`] product versions that are behind; how many.
    async fn round(&mut self) -> Result<usize, RoundError> {
        let before = self.knowledge.now();
        let knowledge = self.knowledge.clone();
        let known = spawn_blocking(move || knowledge.look()).await??;
        let state = self.partition.state().clone();
        if before.mark() != known.mark() {
            emit(&AdvisoriesOpened { segments: known.segments_count() as u64 });
        }
        self.partition.end_decisions(clock::now()).await?;
        let behind = state.releases_behind(known.mark(), ROUND).await?;
        if behind.is_empty() {
            self.concerned.clear();
            return Ok(0);
        }
        state.note_mark(known.mark(), &known.digests().collect::<Vec<_>>()).await?;
        for (tenant, release) in &behind {
            if *self.stopping.borrow() {
                break;
            }
            let Ok(name) = Name::new(tenant) else { continue };
            self.attend(Tenant::named(name), release, &known).await?;
        }
        Ok(behind.len())
    }

    async fn attend(&mut self, tenant: Tenant, release: &ReleaseRow, known: &Arc<Known>) -> Result<(), RoundError> {
        let (now, id) = (clock::now(), release.release_id.as_slice());
        let whom = self.concerned(&release.matched_by, known).await?;
        if let Concerned::These(these) = whom
            && !these.contains(&(tenant.to_string(), id.to_vec()))
        {
            let marks = (release.matched_by.as_str(), known.mark());
            return Ok(self.partition.unconcerned(&tenant, id, marks).await?);
        }
        let Some(sbom) = release.sbom.as_deref() else { return Ok(()) };
        let bytes = self.partition.state().sbom_bytes(&tenant, sbom).await?;
        let with = Arc::clone(known);
        let matched = spawn_blocking(move || match_sbom(&with, &bytes, now)).await??;
        let new = Rematched { release: id, sbom, matched: &matched, mark: known.mark() };
        Ok(self.partition.rematch(&tenant, new, now).await?)
    }

    /// Whom the segments concern that are known now and were not at the mark `before`.
    async fn concerned(&mut self, before: &str, known: &Arc<Known>) -> Result<&Concerned, RoundError> {
        let key = (before.to_owned(), known.mark().to_owned());
        if !self.concerned.contains_key(&key) {
            let state = self.partition.state();
            let old = state.mark(before).await?;
            let with = Arc::clone(known);
            let words = spawn_blocking(move || new_words(old.as_deref(), &with)).await??;
            let whom = match words {
                Some(words) if words.len() <= WORDS_MAX => Concerned::These(state.releases_with(&words).await?),
                Some(_) | None => Concerned::Everybody,
            };
            self.concerned.insert(key.clone(), whom);
        }
        Ok(self.concerned.get(&key).unwrap_or(&Concerned::Everybody))
    }
}

/// Words of the packages that new segments concern; `None` if nobody can be passed over: segments went, or say something of all.
fn new_words(old: Option<&[String]>, known: &Known) -> Result<Option<BTreeSet<String>>, MatchError> {
    let Some(old) = old else { return Ok(None) };
    if !old.iter().all(|digest| known.digests().any(|now| now == digest)) {
        return Ok(None);
    }
    let (mut before, mut news) = (Vec::new(), Vec::new());
    for digest in known.digests() {
        match (known.advisories(digest), old.iter().any(|old| old == digest)) {
            (Some(bytes), true) => before.push(bytes),
            (Some(bytes), false) => news.push(bytes),
            (None, true) => {}
            (None, false) => return Ok(None),
        }
    }
    Ok(Some(words::of_news(&before, &news)?))
}
