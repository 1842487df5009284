//! The lake as async code may hold it.
//!
//! Not the lake (that is `store`, whose functions block). Invariant: every call runs where blocking is allowed.

use std::path::Path;
use std::sync::Arc;
use tokio::task::{JoinError, spawn_blocking};
use yagura_store::{Lake, LakeError};

/// The lake, shared. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedLake(Arc<Lake>);

impl SharedLake {
    /// The lake in `dir`, made if absent.
    ///
    /// # Errors
    /// A panic of the lake; or what it says.
    pub async fn open(dir: &Path) -> Result<Result<Self, LakeError>, JoinError> {
        Self::open_at(&dir.to_string_lossy(), 0).await
    }

    /// The lake at this address (a directory, `s3://…` or `az://…`), for the writer of a partition; made if absent.
    ///
    /// # Errors
    /// A panic of the lake; or what it says.
    pub async fn open_at(url: &str, partition: u16) -> Result<Result<Self, LakeError>, JoinError> {
        let url = url.to_owned();
        let opened = spawn_blocking(move || Lake::open(&url, partition)).await?;
        Ok(opened.map(|lake| Self(Arc::new(lake))))
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
        spawn_blocking(move || ask(&held.0)).await
    }

    /// Tells later whether nobody holds the lake any more: then no call is under way.
    pub fn ended(&self) -> impl Fn() -> bool + use<> {
        let weak = Arc::downgrade(&self.0);
        move || weak.strong_count() == 0
    }
}
