//! Where the files of a table are: a directory of this machine, or a place in an object store.
//!
//! Not the archive of the vault. Invariants: a file that was written is durable and whole, or is not there; a name is written
//! once. Cost: on a directory one rename and two fsyncs a file; on an object store one request to write, one per part read.

use super::error::LakeError;
use crate::disk::{Disk as _, LocalDisk};
use crate::objects::{Location, Setting, native};
use bytes::Bytes;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use futures::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Handle;
use url::Url;

/// Files of one table.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// For messages: the directory or the address.
    pub(crate) name: PathBuf,
    runtime: Handle,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Dir(PathBuf),
    Objects { root: Arc<dyn ObjectStore>, table: Arc<dyn ObjectStore>, url: Url },
}

/// A lake's address: `s3://bucket/prefix` and `az://container/prefix` are object stores, all else is a directory. Credentials come
/// from the settings or the environment, as the tools of the two clouds name them.
pub(crate) fn open(lake: &str, table: &str, runtime: &Handle, settings: &[Setting<'_>]) -> Result<Home, LakeError> {
    let text = format!("{}/{table}", lake.trim_end_matches('/'));
    let address = || LakeError::Address { url: text.clone() };
    let place = match Location::parse(&text).map_err(|_| address())? {
        Location::Directory(dir) => Place::Dir(dir),
        Location::S3 { .. } | Location::Azure { .. } => {
            let (root, prefix) = native(&text, settings)?;
            let url = Url::parse(&text).map_err(|_| address())?;
            Place::Objects { table: Arc::new(PrefixStore::new(root.clone(), prefix)), root, url }
        }
    };
    let name = match &place {
        Place::Dir(dir) => dir.clone(),
        Place::Objects { .. } => PathBuf::from(&text),
    };
    Ok(Home { name, runtime: runtime.clone(), place })
}

impl Home {
    /// Makes it fit for a table.
    pub(crate) fn prepare(&self) -> Result<(), LakeError> {
        let Place::Dir(dir) = &self.place else { return Ok(()) };
        let disk = LocalDisk::new(dir);
        disk.make_root().map_err(|error| LakeError::io("make", dir, error))
    }

    /// The directory, if it is one.
    pub(crate) fn dir(&self) -> Option<&Path> {
        match &self.place {
            Place::Dir(dir) => Some(dir),
            Place::Objects { .. } => None,
        }
    }

    /// The table's files as an object store whose root is the table.
    pub(crate) fn objects(&self) -> Result<Arc<dyn ObjectStore>, LakeError> {
        match &self.place {
            Place::Objects { table, .. } => Ok(table.clone()),
            Place::Dir(dir) => {
                let store = LocalFileSystem::new_with_prefix(dir);
                Ok(Arc::new(store.map_err(|error| LakeError::objects("open", dir, error))?))
            }
        }
    }

    /// What the Delta library works on.
    pub(crate) fn log_store(&self) -> Result<LogStoreRef, LakeError> {
        let config = StorageConfig::default();
        match &self.place {
            Place::Objects { root, table, url } => Ok(default_logstore(table.clone(), root.clone(), url, &config)),
            Place::Dir(_) => {
                Ok(default_logstore(self.objects()?, Arc::new(LocalFileSystem::new()), &self.url()?, &config))
            }
        }
    }

    /// The table's address for other programs.
    pub(crate) fn url(&self) -> Result<Url, LakeError> {
        let dir = match &self.place {
            Place::Objects { url, .. } => return Ok(url.clone()),
            Place::Dir(dir) => dir,
        };
        let failed = |error: io::Error| LakeError::io("open", dir, error);
        let absolute = dir.canonicalize().map_err(failed)?;
        Url::from_directory_path(&absolute).map_err(|()| failed(io::ErrorKind::InvalidInput.into()))
    }

    /// Writes a file of the table.
    pub(crate) fn write(&self, path: &str, bytes: Vec<u8>) -> Result<(), LakeError> {
        let dir = match &self.place {
            Place::Dir(dir) => dir,
            Place::Objects { table, .. } => {
                let put = self.runtime.block_on(table.put(&Key::from(path), bytes.into()));
                return put.map(drop).map_err(|error| LakeError::objects("write", &self.name.join(path), error));
            }
        };
        let disk = LocalDisk::new(dir);
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let temporary = format!("_tmp/{name}");
        let written = disk.create(&temporary).and_then(|file| {
            file.write_at(0, &bytes)?;
            file.sync()?;
            disk.rename(&temporary, path)?;
            disk.sync_dir(parent)
        });
        written.map_err(|error| {
            // What is left under `_tmp` is swept away in time; space is better freed at once.
            let _ = disk.remove(&temporary);
            LakeError::io("write", &dir.join(path), error)
        })
    }

    /// Makes a file of the log and its name durable.
    pub(crate) fn sync(&self, path: &str) -> Result<(), LakeError> {
        let Place::Dir(dir) = &self.place else { return Ok(()) };
        let disk = LocalDisk::new(dir);
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let synced = disk.open(path).and_then(|file| file.sync()).and_then(|()| disk.sync_dir(parent));
        synced.map_err(|error| LakeError::io("sync", &dir.join(path), error))
    }

    /// A file as Parquet readers want it.
    pub(crate) fn read(&self, path: &str, bytes: u64) -> Result<Source, LakeError> {
        match &self.place {
            Place::Dir(dir) => {
                let file = LocalDisk::new(dir).file(path);
                file.map(Source::File).map_err(|error| LakeError::io("open", &dir.join(path), error))
            }
            Place::Objects { table, .. } if bytes <= WHOLE_BYTES_MAX => {
                let whole = async { table.get(&Key::from(path)).await?.bytes().await };
                let whole = self.runtime.block_on(whole);
                whole.map(Source::Whole).map_err(|error| LakeError::objects("read", &self.name.join(path), error))
            }
            Place::Objects { table, .. } => {
                let (store, key, runtime) = (table.clone(), Key::from(path), self.runtime.clone());
                Ok(Source::Object { store, key, bytes, runtime })
            }
        }
    }

    /// Removes a file; nothing happens if it is not there.
    pub(crate) fn remove(&self, path: &str) -> Result<(), LakeError> {
        match &self.place {
            Place::Dir(dir) => {
                LocalDisk::new(dir).remove(path).map_err(|error| LakeError::io("delete", &dir.join(path), error))
            }
            Place::Objects { table, .. } => match self.runtime.block_on(table.delete(&Key::from(path))) {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(LakeError::objects("delete", &self.name.join(path), error)),
            },
        }
    }

    /// When a file was last written, µs since 1970; 0 if that is unknown.
    pub(crate) fn written(&self, path: &str) -> i64 {
        match &self.place {
            Place::Dir(dir) => LocalDisk::new(dir).written(path).unwrap_or(0),
            Place::Objects { table, .. } => {
                let meta = self.runtime.block_on(table.head(&Key::from(path)));
                meta.map_or(0, |meta| meta.last_modified.timestamp_micros())
            }
        }
    }

    /// Removes what stops in the middle of a write left behind before this instant (µs since 1970). It has no name in the table.
    pub(crate) fn sweep_unfinished(&self, before: i64) -> Result<(), LakeError> {
        let Place::Dir(dir) = &self.place else { return Ok(()) };
        let disk = LocalDisk::new(dir);
        let failed = |error| LakeError::io("remove", &dir.join("_tmp"), error);
        for name in disk.list("_tmp").map_err(failed)? {
            let file = format!("_tmp/{name}");
            if disk.written(&file).is_ok_and(|written| written < before) {
                disk.remove(&file).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// All data files, with when they were last written (µs since 1970).
    pub(crate) fn data_files(&self) -> Result<Vec<(String, i64)>, LakeError> {
        let mut files = match &self.place {
            Place::Dir(dir) => {
                let disk = LocalDisk::new(dir);
                let files = disk.walk().map_err(|error| LakeError::io("list", dir, error))?;
                let with_time = |file: String| disk.written(&file).ok().map(|written| (file, written));
                files.into_iter().filter_map(with_time).collect::<Vec<_>>()
            }
            Place::Objects { table, .. } => {
                let listed = self.runtime.block_on(table.list(None).try_collect::<Vec<_>>());
                let listed = listed.map_err(|error| LakeError::objects("list", &self.name, error))?;
                let with_time =
                    |meta: object_store::ObjectMeta| (meta.location.to_string(), meta.last_modified.timestamp_micros());
                listed.into_iter().map(with_time).collect()
            }
        };
        files.retain(|(file, _)| file.ends_with(".parquet") && !file.starts_with('_'));
        Ok(files)
    }
}

/// Objects up to this size are read with one request.
const WHOLE_BYTES_MAX: u64 = 8 << 20;

/// An open data file.
pub(crate) enum Source {
    File(File),
    Whole(Bytes),
    Object { store: Arc<dyn ObjectStore>, key: Key, bytes: u64, runtime: Handle },
}

impl Length for Source {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => Length::len(file),
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Object { bytes, .. } => *bytes,
        }
    }
}

impl ChunkReader for Source {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        match self {
            Self::File(file) => Ok(Box::new(file.get_read(start)?)),
            _ => {
                let rest = self.len().saturating_sub(start);
                let bytes = self.get_bytes(start, usize::try_from(rest).unwrap_or(usize::MAX))?;
                Ok(Box::new(io::Cursor::new(bytes)))
            }
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match self {
            Self::File(file) => file.get_bytes(start, length),
            Self::Whole(bytes) => bytes.get_bytes(start, length),
            Self::Object { store, key, runtime, .. } => {
                let end = start.saturating_add(length as u64);
                let read = runtime.block_on(store.get_range(key, start..end));
                read.map_err(|error| ParquetError::External(Box::new(error)))
            }
        }
    }
}
