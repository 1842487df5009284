//! What stops an import or an opening, named by what is to be done.

use std::io;
use std::path::PathBuf;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// There is none yet.
    #[error("there is no advisory database in {}: make one with `yagura feed import --db {} PATH…`", .0.display(), .0.display())]
    Absent(PathBuf),
    /// Its list of segments is not one.
    #[error("{} is not a list of segments that this version reads", .0.display())]
    Manifest(PathBuf, #[source] serde_json::Error),
    /// Its list was written by a newer version.
    #[error("{} has format {found}, and this version reads {known}: update yagura", path.display())]
    Newer {
        /// The list.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What is known here.
        known: u32,
    },
    /// A segment is damaged.
    #[error("{} is damaged: remove the database and import again", path.display())]
    Segment {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: yagura_psirt::index::SegmentError,
    },
    /// A file is another than the one that was written.
    #[error("{} is damaged (its SHA-256 is {found}): remove the database and import again", path.display())]
    Digest {
        /// Which file.
        path: PathBuf,
        /// What it has.
        found: String,
    },
    /// A list of sources is wrong.
    #[error("list of sources: {0}")]
    List(String),
    /// A source cannot be fetched.
    #[error("{origin}: {why}")]
    Fetch {
        /// Its address.
        origin: String,
        /// What happened.
        why: String,
    },
    /// Somebody else imports into it.
    #[error("another import works on {}: wait for its end", .0.display())]
    Busy(PathBuf),
    /// A file could not be read or written.
    #[error("{}", .0.display())]
    File(PathBuf, #[source] io::Error),
}
