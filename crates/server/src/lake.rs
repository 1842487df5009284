//! The lake as async code may hold it.
//!
//! Not the lake (that is `store`, whose functions block and which brings a runtime of its own). Invariants: every call runs where
//! blocking is allowed; the lake ends on a thread of its own, because a runtime must not end inside another. Cost: one parked thread.

use std::path::Path;
use std::sync::{Arc, mpsc};
use tokio::task::{JoinError, spawn_blocking};
use yagura_store::{Lake, LakeError};

/// The lake, shared. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedLake {
    // The order matters: the keeper must still hold the lake when the last holder here lets go.
    lake: Arc<Lake>,
    _keeper: mpsc::Sender<()>,
}

impl SharedLake {
    /// The lake in `dir`, made if absent.
    ///
    /// # Errors
    /// A panic of the lake; or what it says.
    pub async fn open(dir: &Path) -> Result<Result<Self, LakeError>, JoinError> {
        let dir = dir.to_owned();
        let opened = spawn_blocking(move || Lake::open(&dir)).await?;
        Ok(opened.map(|lake| {
            let lake = Arc::new(lake);
            let (keeper, holders) = mpsc::channel::<()>();
            let kept = Arc::clone(&lake);
            spawn_blocking(move || {
                // Ends when the last holder has dropped its sender.
                let _ = holders.recv();
                drop(kept);
            });
            Self { lake, _keeper: keeper }
        }))
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
        let held = self.clone();
        spawn_blocking(move || ask(&held.lake)).await
    }

    /// Tells later whether the lake has ended: then no call is under way any more.
    pub fn ended(&self) -> impl Fn() -> bool + use<> {
        let weak = Arc::downgrade(&self.lake);
        move || weak.strong_count() == 0
    }
}
