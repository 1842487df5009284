//! The hunts that people of a console began.
//!
//! Not kept across a restart: a hunt changes nothing and can be begun again. Invariants: at most [`RUNNING_MAX`] are under way, one thread
//! each; of those that ended the newest [`KEPT_MAX`] are kept; nobody sees those of another tenant.

use super::{HuntError, HuntOutcome, HuntPlan, HuntWatch, hunt};
use crate::happenings::chain;
use crate::lake::SharedLake;
use crate::stop::stopped;
use crate::tenant::Tenant;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The most hunts under way.
pub const RUNNING_MAX: usize = 2;
/// The most hunts that are remembered.
pub const KEPT_MAX: usize = 50;

/// The hunts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Hunts(Arc<Mutex<Room>>);

#[derive(Debug, Default)]
struct Room {
    next: u64,
    hunts: BTreeMap<u64, Begun>,
}

#[derive(Clone, Debug)]
struct Begun {
    tenant: Tenant,
    watch: Arc<HuntWatch>,
    ended: Option<Ended>,
}

/// What became of a hunt.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It read everything.
    Done(Arc<HuntOutcome>),
    /// It was told to stop.
    Stopped,
    /// It failed, in words.
    Failed(String),
}

/// How a hunt is.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its number.
    pub id: u64,
    /// Rows read so far.
    pub rows: u64,
    /// Thousandths of the work that are done.
    pub permille: u64,
    /// What became of it; `None` while it is under way.
    pub ended: Option<Ended>,
}

impl Hunts {
    /// Begins a hunt, which stops with the server; its number, or `None` if too many are under way.
    #[must_use]
    pub fn begin(&self, lake: &SharedLake, tenant: Tenant, plan: HuntPlan, stop: watch::Receiver<bool>) -> Option<u64> {
        let watch = Arc::new(HuntWatch::default());
        let id = {
            let mut room = self.room();
            if room.hunts.values().filter(|begun| begun.ended.is_none()).count() >= RUNNING_MAX {
                return None;
            }
            room.forget_old();
            room.next += 1;
            let id = room.next;
            room.hunts.insert(id, Begun { tenant, watch: Arc::clone(&watch), ended: None });
            id
        };
        let (lake, hunts) = (lake.clone(), self.clone());
        tokio::spawn(async move {
            let watched = Arc::clone(&watch);
            let mut work = std::pin::pin!(lake.call(move |lake| hunt(lake, &plan, &watched)));
            let ended = tokio::select! {
                biased;
                // A thread that goes on reading would hold up the end of the process.
                () = stopped(stop) => {
                    watch.stop();
                    work.await
                }
                ended = &mut work => ended,
            };
            let ended = match ended {
                Ok(Ok(outcome)) => Ended::Done(Arc::new(outcome)),
                Ok(Err(HuntError::Stopped)) => Ended::Stopped,
                Ok(Err(error)) => Ended::Failed(chain(&error)),
                Err(error) => Ended::Failed(chain(&error)),
            };
            if let Some(begun) = hunts.room().hunts.get_mut(&id) {
                begun.ended = Some(ended);
            }
        });
        Some(id)
    }

    /// How a hunt of this tenant is.
    #[must_use]
    pub fn standing(&self, tenant: &Tenant, id: u64) -> Option<Standing> {
        self.room().hunts.get(&id).filter(|begun| begun.tenant == *tenant).map(|begun| begun.standing(id))
    }

    /// All hunts of this tenant that are remembered, the newest first.
    #[must_use]
    pub fn all(&self, tenant: &Tenant) -> Vec<Standing> {
        let room = self.room();
        let own = room.hunts.iter().rev().filter(|(_, begun)| begun.tenant == *tenant);
        own.map(|(id, begun)| begun.standing(*id)).collect()
    }

    /// Tells a hunt of this tenant to stop; how it is.
    #[must_use]
    pub fn stop(&self, tenant: &Tenant, id: u64) -> Option<Standing> {
        let begun = self.room().hunts.get(&id).filter(|begun| begun.tenant == *tenant).cloned()?;
        begun.watch.stop();
        Some(begun.standing(id))
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn forget_old(&mut self) {
        while self.hunts.len() >= KEPT_MAX {
            let oldest = self.hunts.iter().find(|(_, begun)| begun.ended.is_some()).map(|(id, _)| *id);
            let Some(oldest) = oldest else { return };
            self.hunts.remove(&oldest);
        }
    }
}

impl Begun {
    fn standing(&self, id: u64) -> Standing {
        let (rows, permille) = self.watch.progress();
        Standing { id, rows, permille, ended: self.ended.clone() }
    }
}
