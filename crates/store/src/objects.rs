//! Objects by name in a directory, an S3 bucket or an Azure container: what outlives this machine.
//!
//! Not a file system: no renames, no appends, no directories but what `/` in a key looks like. Invariants: an object is there whole or
//! not at all; [`Objects::put_if_absent`] never replaces one, whoever races; what a directory took is on disk (fsync). All calls
//! block: from an async task use `spawn_blocking`. Each ends within [`CALL_SECONDS_MAX`]; what may be repeated has been repeated then.

mod cloud;
mod directory;
mod location;
mod lock;

pub use location::{Location, Setting, native};

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;
use yagura_model::UnixMicros;

/// After so many seconds a request counts as failed. Large enough for a segment of 64 MiB over a slow line.
pub const REQUEST_SECONDS_MAX: u64 = 60;
/// How often a request is repeated that the store refused for the time being (429, 5xx, connection lost).
pub const RETRIES_MAX: usize = 4;
/// After so many seconds a call is not repeated any more.
pub const RETRY_SECONDS_MAX: u64 = 60;
/// No call takes longer than this.
pub const CALL_SECONDS_MAX: u64 = REQUEST_SECONDS_MAX + RETRY_SECONDS_MAX + 10;
/// The longest key.
pub const KEY_BYTES_MAX: usize = 900;

/// An object as listed.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Object {
    /// Its name below the root of the store.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
}

/// What came of [`Objects::put_if_absent`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Put {
    /// The object is there now, as given.
    Done,
    /// An object of that key was there before and was left alone. After a lost answer it may be this very one: see [`ensure`].
    Exists,
}

/// What came of [`Objects::lock_until`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Locked {
    /// Nobody can delete the object before that time.
    Yes,
    /// This store cannot hold objects fast.
    Unsupported,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectsError {
    /// The operator corrects the URL.
    #[error("{url:?} is no object store: give a directory, s3://BUCKET/PREFIX or az://CONTAINER/PREFIX")]
    Url {
        /// As given.
        url: String,
    },
    /// The operator corrects settings or environment.
    #[error("the object store {url} cannot be opened: check its AWS_* or AZURE_* environment variables")]
    Open {
        /// As given.
        url: String,
        /// What the client says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A mistake of the caller.
    #[error(
        "{key:?} is no key: at most {KEY_BYTES_MAX} bytes, parts of letters, digits and ._-=+@ separated by single /"
    )]
    Key {
        /// As given.
        key: String,
    },
    /// The store said no, or nothing, also when asked again. Try later.
    #[error("cannot {what} {key} in the object store")]
    Failed {
        /// What was to be done.
        what: &'static str,
        /// With which object.
        key: String,
        /// What store or connection say.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another object has that key. Two writers believe to own it.
    #[error("{key} is in the object store with other bytes than ours: another writer was here")]
    Differs {
        /// The key.
        key: String,
    },
}

impl ObjectsError {
    pub(crate) fn failed(
        what: &'static str,
        key: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { what, key: key.to_owned(), source: source.into() }
    }

    /// This error and what is behind it, in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        text
    }
}

/// A store of objects. Keys are relative to its root.
pub trait Objects: Debug + Send + Sync {
    /// Puts the object, replacing one of that key.
    ///
    /// # Errors
    /// [`ObjectsError`]
    fn put(&self, key: &str, bytes: &[u8]) -> Result<(), ObjectsError>;

    /// Puts the object unless one of that key is there. Of several that try at once one wins.
    ///
    /// # Errors
    /// [`ObjectsError`]
    fn put_if_absent(&self, key: &str, bytes: &[u8]) -> Result<Put, ObjectsError>;

    /// The object's bytes; `None` if it is not there.
    ///
    /// # Errors
    /// [`ObjectsError`]
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ObjectsError>;

    /// Some bytes of the object, fewer at its end; `None` if it is not there.
    ///
    /// # Errors
    /// [`ObjectsError`]
    fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, ObjectsError>;

    /// The object's length; `None` if it is not there.
    ///
    /// # Errors
    /// [`ObjectsError`]
    fn size(&self, key: &str) -> Result<Option<u64>, ObjectsError>;

    /// All objects whose key begins with `dir` and `/`, by key; all objects if it is empty.
    ///
    /// # Errors
    /// [`ObjectsError`]
    fn list(&self, dir: &str) -> Result<Vec<Object>, ObjectsError>;

    /// Deletes the object. Nothing happens if it is not there.
    ///
    /// # Errors
    /// [`ObjectsError`]; also if the store holds it fast.
    fn delete(&self, key: &str) -> Result<(), ObjectsError>;

    /// Holds the object fast: nobody can delete or replace it before `until`. A shorter time than before changes nothing.
    ///
    /// # Errors
    /// [`ObjectsError`]
    fn lock_until(&self, key: &str, until: UnixMicros) -> Result<Locked, ObjectsError>;
}

/// Opens the store of this URL: `/dir`, `dir`, `file:///dir`, `s3://bucket/prefix`, `az://container/prefix`. Endpoint and credentials
/// of a cloud come from its usual variables (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, …, `AZURE_STORAGE_ACCOUNT_NAME`,
/// `AZURE_STORAGE_ENDPOINT`, …).
///
/// # Errors
/// [`ObjectsError::Url`], [`ObjectsError::Open`]
pub fn open(url: &str) -> Result<Arc<dyn Objects>, ObjectsError> {
    open_with(url, &[])
}

/// As [`open`], with settings that go before the environment's: names as in the environment, `("AWS_ENDPOINT_URL", "http://…")`.
///
/// # Errors
/// As [`open`].
pub fn open_with(url: &str, settings: &[Setting<'_>]) -> Result<Arc<dyn Objects>, ObjectsError> {
    Ok(match Location::parse(url)? {
        Location::Directory(dir) => Arc::new(directory::Directory::new(&dir)),
        location => Arc::new(cloud::Cloud::open(url, &location, settings)?),
    })
}

/// Puts the object if it is absent; if one of that key is there, it must be the same.
///
/// # Errors
/// [`ObjectsError::Differs`] if it is another; [`ObjectsError`] of the store.
pub fn ensure(objects: &dyn Objects, key: &str, bytes: &[u8]) -> Result<Put, ObjectsError> {
    let put = objects.put_if_absent(key, bytes)?;
    if put == Put::Exists && objects.get(key)?.as_deref() != Some(bytes) {
        return Err(ObjectsError::Differs { key: key.to_owned() });
    }
    Ok(put)
}

/// Whether a key is one that every store and file system takes as it is.
fn check_key(key: &str) -> Result<(), ObjectsError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-=+@".contains(&byte);
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(legal);
    let good = key.len() <= KEY_BYTES_MAX && key.split('/').all(part);
    if good { Ok(()) } else { Err(ObjectsError::Key { key: key.to_owned() }) }
}
