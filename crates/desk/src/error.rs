//! Why a desk tool cannot do its job, named by the file concerned.
//!
//! Not a bad line of a capture: those are told through [`Watch`](crate::Watch) and counted. Invariant: an error of the machine
//! (disk, permission) is an [`std::io::Error`]; everything else is the input's fault.

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use yagura_capture::ReadError;
use yagura_ids::{CapacityExceeded, ProfileError};
use yagura_profile::{DbcError, LearnError};

/// Why a desk tool cannot do its job.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeskError {
    /// A file cannot be opened or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A capture cannot be read any further.
    #[error("{}: {source}", path.display())]
    Capture {
        /// Which capture.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// A file is no profile that this build can use.
    #[error("{}: {source}", path.display())]
    Profile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: ProfileError,
    },
    /// A table of attack windows is not readable.
    #[error("{}: {reason}", path.display())]
    Windows {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file is no specification.
    #[error("{}: {source}", path.display())]
    Specification {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: DbcError,
    },
    /// Files are no ARXML.
    #[error("{}: {reason}", path.display())]
    Arxml {
        /// The first of them.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Nothing can be learned from what was given.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// The profile is too large for a detector.
    #[error(transparent)]
    Capacity(#[from] CapacityExceeded),
    /// What was learned cannot be read back.
    #[error("learned profile: {0}")]
    Learned(#[from] ProfileError),
}

impl DeskError {
    /// An error of opening or writing `path`.
    pub fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}
