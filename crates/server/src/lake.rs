//! The lake as async code may hold it, and how it is looked after.
//!
//! Not the lake (that is `store`, whose functions block). Invariants: every call runs where blocking is allowed; upkeep takes at most
//! its share of one processor, measured by the time its thread was running, and is never under way twice.

use crate::clock;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, sleep};
use yagura_store::{Lake, LakeError, Table, TableStats, Upkeep};

/// The share of one processor that upkeep takes if nothing else is said, in percent.
pub const UPKEEP_CPU_PERCENT: u8 = 20;
/// The longest rest between two pieces of work.
const REST_MAX: Duration = Duration::from_secs(60);
/// The most pieces of work of one round; the next round goes on.
const PIECES_MAX: usize = 1_000;

/// How old the knowledge of what others committed may be.
const FOLLOWED_FOR: Duration = Duration::from_secs(1);

/// How a lake is looked after.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Care {
    /// What is kept, and how long.
    pub upkeep: Upkeep,
    /// The share of one processor that it takes, in percent, 1 to 100.
    pub cpu_percent: u8,
}

impl Default for Care {
    fn default() -> Self {
        Self { upkeep: Upkeep::default(), cpu_percent: UPKEEP_CPU_PERCENT }
    }
}

impl Care {
    /// How long to rest after work that took so much processor time.
    fn rest(self, cpu: Duration) -> Duration {
        let percent = u32::from(self.cpu_percent.clamp(1, 100));
        let rest = cpu.saturating_mul(100 - percent).checked_div(percent);
        rest.unwrap_or_default().min(REST_MAX)
    }
}

/// The lake, shared. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedLake {
    lake: Arc<Lake>,
    care: Care,
    /// Held while upkeep is under way.
    tending: Arc<Mutex<()>>,
    /// Of who only reads: when it took up what others had committed; `None` before the first time. Held while it does.
    followed: Option<Arc<Mutex<Option<Instant>>>>,
    /// Started by the first question.
    #[cfg(feature = "query")]
    engine: Arc<std::sync::OnceLock<yagura_query::Engine>>,
}

impl SharedLake {
    /// The lake in `dir`, made if absent.
    ///
    /// # Errors
    /// A panic of the lake; or what it says.
    pub async fn open(dir: &Path) -> Result<Result<Self, LakeError>, JoinError> {
        Self::open_at(&dir.to_string_lossy(), 0, Care::default()).await
    }

    /// The lake at this address (a directory, `s3://…` or `az://…`), for the writer of a partition; made if absent.
    ///
    /// # Errors
    /// A panic of the lake; or what it says.
    pub async fn open_at(url: &str, partition: u16, care: Care) -> Result<Result<Self, LakeError>, JoinError> {
        let url = url.to_owned();
        let opened = spawn_blocking(move || Lake::open(&url, partition)).await?;
        Ok(opened.map(|lake| Self {
            lake: Arc::new(lake),
            care,
            tending: Arc::default(),
            followed: None,
            #[cfg(feature = "query")]
            engine: Arc::default(),
        }))
    }

    /// The lake at this address for who only reads what others write.
    ///
    /// # Errors
    /// As [`Self::open_at`].
    pub async fn reader(url: &str, care: Care) -> Result<Result<Self, LakeError>, JoinError> {
        let opened = Self::open_at(url, 0, care).await?;
        Ok(opened.map(|lake| Self { followed: Some(Arc::default()), ..lake }))
    }

    /// Asks the lake about its rows. Who only reads sees what others had committed a second ago.
    ///
    /// # Errors
    /// A panic of `ask`; or what the lake says.
    pub async fn ask<T, F>(&self, ask: F) -> Result<Result<T, LakeError>, JoinError>
    where
        T: Send + 'static,
        F: FnOnce(&Lake) -> Result<T, LakeError> + Send + 'static,
    {
        if let Some(followed) = &self.followed {
            let mut at = followed.lock().await;
            if at.is_none_or(|at| at.elapsed() >= FOLLOWED_FOR) {
                if let Err(error) = self.call(Lake::follow).await? {
                    return Ok(Err(error));
                }
                *at = Some(Instant::now());
            }
        }
        self.call(ask).await
    }

    /// Asks the lake where blocking is allowed.
    ///
    /// # Errors
    /// A panic of `ask`.
    pub async fn call<T, F>(&self, ask: F) -> Result<T, JoinError>
    where
        T: Send + 'static,
        F: FnOnce(&Lake) -> T + Send + 'static,
    {
        let held = self.lake.clone();
        spawn_blocking(move || ask(&held)).await
    }

    /// Does what there is to do, with rests in between. Returns at once if that is under way already.
    ///
    /// # Errors
    /// A panic of the lake; or what it says. The next call tries again.
    pub async fn tend(&self) -> Result<Result<(), LakeError>, JoinError> {
        let Ok(_under_way) = self.tending.try_lock() else { return Ok(Ok(())) };
        let upkeep = self.care.upkeep;
        for _ in 0..PIECES_MAX {
            let tended = match self.call(move |lake| lake.tend(clock::now(), &upkeep)).await? {
                Ok(tended) => tended,
                Err(error) => return Ok(Err(error)),
            };
            if !tended.more {
                break;
            }
            sleep(self.care.rest(tended.cpu)).await;
        }
        Ok(Ok(()))
    }

    /// How long to rest after work in the background that took so much processor time.
    pub(crate) fn rest(&self, cpu: Duration) -> Duration {
        self.care.rest(cpu)
    }

    /// The engine that answers questions in SQL.
    #[cfg(feature = "query")]
    pub(crate) fn engine(&self) -> Result<&yagura_query::Engine, yagura_query::QueryError> {
        if self.engine.get().is_none() {
            // Of two that start one at the same moment, one is dropped.
            let _ = self.engine.set(yagura_query::Engine::start(yagura_query::Limits::default())?);
        }
        let ended = || yagura_query::QueryError::Stopped { reason: "it did not start".to_owned() };
        self.engine.get().ok_or_else(ended)
    }

    /// The size of a table: from memory, at once.
    #[must_use]
    pub fn stats(&self, table: Table) -> TableStats {
        self.lake.stats(table)
    }

    /// Tells later whether nobody holds the lake any more: then no call is under way.
    pub fn ended(&self) -> impl Fn() -> bool + use<> {
        let weak = Arc::downgrade(&self.lake);
        move || weak.strong_count() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upkeep_rests_so_long_that_it_keeps_to_its_share() {
        let care = |cpu_percent| Care { cpu_percent, ..Care::default() };
        let cpu = Duration::from_millis(200);
        assert_eq!(care(20).rest(cpu), Duration::from_millis(800));
        assert_eq!((care(50).rest(cpu), care(100).rest(cpu)), (cpu, Duration::ZERO));
        assert_eq!(care(0).rest(Duration::from_secs(10)), REST_MAX);
    }
}
