//! Objects as files below a directory.
//!
//! Not meant for several machines: a network file system must keep `link` atomic. Invariant: a file appears under its key whole and
//! synced, by rename or by link. Cost of a put: two fsyncs. It cannot hold objects fast; the file system's rights must.

use super::{Locked, Object, Objects, ObjectsError, Put, check_key};
use crate::disk::{Disk as _, DiskFile, LocalDisk};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use yagura_model::UnixMicros;

/// Where files are that have no name yet.
const TMP: &str = ".tmp";

#[derive(Debug)]
pub(super) struct Directory {
    disk: LocalDisk,
    /// Tells the temporary files of one process apart.
    next: AtomicU64,
}

impl Directory {
    pub(super) fn new(root: &Path) -> Self {
        Self { disk: LocalDisk::new(root), next: AtomicU64::new(0) }
    }

    /// Writes a temporary file, then gives it its name by `publish`.
    fn write<T>(
        &self,
        key: &str,
        bytes: &[u8],
        publish: impl FnOnce(&str) -> io::Result<T>,
    ) -> Result<T, ObjectsError> {
        check_key(key)?;
        let temporary = format!("{TMP}/{}-{}", std::process::id(), self.next.fetch_add(1, Ordering::Relaxed));
        let written = self.disk.create(&temporary).and_then(|file| {
            file.write_at(0, bytes)?;
            file.sync()?;
            publish(&temporary)
        });
        if written.is_err() {
            let _ = self.disk.remove(&temporary);
        }
        written
            .and_then(|done| self.disk.sync_dir(parent(key)).map(|()| done))
            .map_err(|source| ObjectsError::failed("put", key, source))
    }

    fn open(&self, what: &'static str, key: &str) -> Result<Option<Box<dyn DiskFile>>, ObjectsError> {
        check_key(key)?;
        match self.disk.open(key) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ObjectsError::failed(what, key, error)),
        }
    }
}

fn parent(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(dir, _)| dir)
}

impl Objects for Directory {
    fn put(&self, key: &str, bytes: &[u8]) -> Result<(), ObjectsError> {
        self.write(key, bytes, |temporary| self.disk.rename(temporary, key))
    }

    fn put_if_absent(&self, key: &str, bytes: &[u8]) -> Result<Put, ObjectsError> {
        self.write(key, bytes, |temporary| match self.disk.link(temporary, key) {
            Ok(()) => self.disk.remove(temporary).map(|()| Put::Done),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.disk.remove(temporary).map(|()| Put::Exists)
            }
            Err(error) => Err(error),
        })
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ObjectsError> {
        self.get_range(key, 0..u64::MAX)
    }

    fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, ObjectsError> {
        let Some(file) = self.open("get", key)? else { return Ok(None) };
        let read = || {
            let len = file.size()?.min(range.end).saturating_sub(range.start);
            let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
            let read = file.read_at(range.start, &mut bytes)?;
            bytes.truncate(read);
            Ok::<_, io::Error>(Some(bytes))
        };
        read().map_err(|error| ObjectsError::failed("get", key, error))
    }

    fn size(&self, key: &str) -> Result<Option<u64>, ObjectsError> {
        let Some(file) = self.open("look at", key)? else { return Ok(None) };
        file.size().map(Some).map_err(|error| ObjectsError::failed("look at", key, error))
    }

    fn list(&self, dir: &str) -> Result<Vec<Object>, ObjectsError> {
        if !dir.is_empty() {
            check_key(dir)?;
        }
        let mut found = self.disk.files_below(dir).map_err(|error| ObjectsError::failed("list", dir, error))?;
        found.retain(|(key, _)| check_key(key).is_ok() && !key.starts_with(TMP));
        let mut found: Vec<Object> = found.into_iter().map(|(key, size)| Object { key, size }).collect();
        found.sort_unstable();
        Ok(found)
    }

    fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        check_key(key)?;
        let removed = self.disk.remove(key).and_then(|()| match self.disk.sync_dir(parent(key)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced,
        });
        removed.map_err(|error| ObjectsError::failed("delete", key, error))
    }

    fn lock_until(&self, _key: &str, _until: UnixMicros) -> Result<Locked, ObjectsError> {
        Ok(Locked::Unsupported)
    }
}
