//! Objects in S3 or Azure Blob Storage.
//!
//! Not a cache. Invariant: callers on any thread, inside a runtime or not, wait for a thread of this module's own runtime, so
//! a call never starves the caller's. Cost: one request a call, one more for each thousand objects listed.

use super::location::{Setting, native};
use super::lock::Locker;
use super::{CALL_SECONDS_MAX, Location, Locked, Object, Objects, ObjectsError, Put, check_key};
use futures::TryStreamExt as _;
use object_store::path::Path as Key;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use yagura_model::UnixMicros;

#[derive(Debug)]
pub(super) struct Cloud {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    locker: Option<Locker>,
    runtime: Option<Runtime>,
}

impl Cloud {
    pub(super) fn open(url: &str, location: &Location, settings: &[Setting<'_>]) -> Result<Self, ObjectsError> {
        let failed = |source: std::io::Error| ObjectsError::Open { url: url.to_owned(), source: source.into() };
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("objects").enable_all().build();
        let runtime = Some(runtime.map_err(failed)?);
        let (store, prefix) = native(url, settings)?;
        let locker = match location {
            Location::S3 { bucket, .. } => Some(Locker::open(url, bucket, settings)?),
            _ => None,
        };
        Ok(Self { store, prefix, locker, runtime })
    }

    fn path(&self, key: &str) -> Result<Key, ObjectsError> {
        check_key(key)?;
        Ok(Key::from_iter(self.prefix.parts().chain(Key::from(key).parts())))
    }

    /// Runs on the runtime's own thread and waits for it.
    fn wait<T: Send + 'static>(
        &self,
        what: &'static str,
        key: &str,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<Result<T, Error>, ObjectsError> {
        let Some(runtime) = &self.runtime else { return Err(ObjectsError::failed(what, key, "closed")) };
        let (done, result) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // Whoever asked may have lost patience.
            let _ = done.send(work.await);
        });
        let patience = Duration::from_secs(CALL_SECONDS_MAX);
        result
            .recv_timeout(patience)
            .map_err(|_| ObjectsError::failed(what, key, format!("no answer within {CALL_SECONDS_MAX} seconds")))
    }

    fn put_with(&self, key: &str, bytes: &[u8], mode: PutMode) -> Result<Put, ObjectsError> {
        let (store, path, payload) = (Arc::clone(&self.store), self.path(key)?, bytes.to_vec());
        let put =
            async move { store.put_opts(&path, payload.into(), PutOptions { mode, ..PutOptions::default() }).await };
        match self.wait("put", key, put)? {
            Ok(_) => Ok(Put::Done),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Put::Exists),
            Err(error) => Err(ObjectsError::failed("put", key, error)),
        }
    }

    fn get_with(&self, key: &str, range: Option<GetRange>) -> Result<Option<Vec<u8>>, ObjectsError> {
        let (store, path) = (Arc::clone(&self.store), self.path(key)?);
        let get = async move {
            let found = store.get_opts(&path, GetOptions { range, ..GetOptions::default() }).await?;
            found.bytes().await
        };
        match self.wait("get", key, get)? {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(ObjectsError::failed("get", key, error)),
        }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping a runtime inside an async task panics.
            runtime.shutdown_background();
        }
    }
}

impl Objects for Cloud {
    fn put(&self, key: &str, bytes: &[u8]) -> Result<(), ObjectsError> {
        self.put_with(key, bytes, PutMode::Overwrite).map(|_| ())
    }

    fn put_if_absent(&self, key: &str, bytes: &[u8]) -> Result<Put, ObjectsError> {
        self.put_with(key, bytes, PutMode::Create)
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ObjectsError> {
        self.get_with(key, None)
    }

    fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, ObjectsError> {
        let Some(size) = self.size(key)? else { return Ok(None) };
        let end = range.end.min(size);
        if range.start >= end {
            return Ok(Some(Vec::new()));
        }
        self.get_with(key, Some(GetRange::Bounded(range.start..end)))
    }

    fn size(&self, key: &str) -> Result<Option<u64>, ObjectsError> {
        let (store, path) = (Arc::clone(&self.store), self.path(key)?);
        match self.wait("look at", key, async move { store.head(&path).await })? {
            Ok(meta) => Ok(Some(meta.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(ObjectsError::failed("look at", key, error)),
        }
    }

    fn list(&self, dir: &str) -> Result<Vec<Object>, ObjectsError> {
        let below = if dir.is_empty() { self.prefix.clone() } else { self.path(dir)? };
        let store = Arc::clone(&self.store);
        let list = async move { store.list(Some(&below)).try_collect::<Vec<_>>().await };
        let found = self.wait("list", dir, list)?.map_err(|error| ObjectsError::failed("list", dir, error))?;
        let skip = self.prefix.parts().count();
        let key = |path: &Key| path.parts().skip(skip).map(|p| p.as_ref().to_owned()).collect::<Vec<_>>().join("/");
        let mut found: Vec<Object> =
            found.into_iter().map(|meta| Object { key: key(&meta.location), size: meta.size }).collect();
        found.sort_unstable();
        Ok(found)
    }

    fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        let (store, path) = (Arc::clone(&self.store), self.path(key)?);
        match self.wait("delete", key, async move { store.delete(&path).await })? {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(ObjectsError::failed("delete", key, error)),
        }
    }

    fn lock_until(&self, key: &str, until: UnixMicros) -> Result<Locked, ObjectsError> {
        let Some(locker) = &self.locker else { return Ok(Locked::Unsupported) };
        let (locker, path) = (locker.clone(), self.path(key)?);
        let lock = async move { Ok(locker.lock_until(&path, until).await) };
        let locked = self.wait("lock", key, lock)?.map_err(|error| ObjectsError::failed("lock", key, error))?;
        locked.map_err(|error| ObjectsError::failed("lock", key, error))
    }
}
