//! What can go wrong with a vault, named by who must act.
//!
//! Not a log: the edge decides what a person sees. Invariant: an error of [`super::Vault::append`] means that nothing of that
//! call was acknowledged, and the vault can be used again once the cause is gone.

use super::note::NoteError;
use super::record::Position;
use crate::stamp::StampError;
use std::fmt;
use std::io;

/// Why the vault did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// No space is left. Nothing was acknowledged; free space and try again.
    #[error("no space left on the disk while writing {file}")]
    DiskFull {
        /// The file, relative to the vault.
        file: String,
    },
    /// The disk is mounted read-only, or permissions forbid access. Nothing was acknowledged; change the mount or permissions.
    #[error("no access to {file}: the disk is read-only or permissions forbid it")]
    ReadOnly {
        /// The file, relative to the vault.
        file: String,
    },
    /// Another process has this vault open.
    #[error("the vault is in use by another process (lock file {file})")]
    Locked {
        /// The lock file, relative to the vault.
        file: String,
    },
    /// What is on disk was changed or lost after it was acknowledged. Restore it from a copy.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
    /// The vault ends before this position.
    #[error("no record {position}: the vault has {len}")]
    NoSuchRecord {
        /// What was asked for.
        position: Position,
        /// How many records there are.
        len: u64,
    },
    /// The record is durable, but no checkpoint covers it yet.
    #[error("record {position} is not covered yet by the checkpoint of size {size}")]
    NotCovered {
        /// What was asked for.
        position: Position,
        /// The checkpoint's tree size.
        size: u64,
    },
    /// The record's payload was deleted when its retention was over; the deletion record says when and why.
    #[error("record {position} was deleted: its segment {first}..{end} is not kept any more")]
    Deleted {
        /// What was asked for.
        position: Position,
        /// First position of the deleted segment.
        first: u64,
        /// The position behind it.
        end: u64,
    },
    /// The payload is too long.
    #[error("payload of {len} bytes exceeds the maximum {max}")]
    TooLong {
        /// Its length.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The origin is not a legal key name of a signed note.
    #[error("origin {0:?} must not be empty nor hold white space, `+` or control characters")]
    Origin(String),
    /// The tree is not over the durable records: a fault of this program. No checkpoint is signed; open the vault again.
    #[error("the tree in memory is not over the durable records: no checkpoint is signed")]
    Inconsistent,
    /// Any other failure of the disk.
    #[error("{action} {file}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file, relative to the vault.
        file: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl VaultError {
    /// Sorts an error of the operating system by who must act.
    pub(crate) fn io(action: &'static str, file: &str, source: io::Error) -> Self {
        let file = file.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { file },
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly { file },
            _ => Self::Io { action, file, source },
        }
    }
}

/// The first byte that is wrong, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Corruption {
    /// The file, relative to the vault.
    pub file: String,
    /// The byte offset at which it goes wrong: the start of the damaged part.
    pub offset: u64,
    /// What is wrong there.
    pub what: Damage,
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged at byte {}: {}", self.file, self.offset, self.what)
    }
}

impl std::error::Error for Corruption {}

/// What is wrong with bytes of the vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Damage {
    /// The file is not there.
    Missing,
    /// The file ends too early.
    Truncated,
    /// The file goes on after its end.
    TrailingBytes,
    /// The segment header is not as written.
    SegmentHeader,
    /// The segment's format version is not known here.
    FormatVersion(u16),
    /// The record's checksum does not hold.
    Checksum,
    /// The record's length exceeds the limit.
    RecordLength(u32),
    /// This field of the record has a value that no version wrote.
    RecordField(&'static str),
    /// A record of another position stands here.
    Order {
        /// The position that belongs here.
        expected: u64,
        /// The position that was found.
        found: u64,
    },
    /// The entry bundle does not hold what the records say.
    Entry,
    /// The tile does not hold the hash that the records give.
    Tile,
    /// The records give another tree root than the checkpoint signed.
    Root,
    /// The checkpoint covers more records than there are.
    MissingRecords {
        /// The checkpoint's tree size.
        covered: u64,
        /// How many records there are.
        found: u64,
    },
    /// The checkpoint is not a note signed by this key.
    Checkpoint(NoteError),
    /// The list of archived segments is not as written.
    Catalogue,
    /// The time stamp is none over the checkpoint beside it.
    Stamp(StampError),
    /// The segment was deleted without a record that says so.
    Undocumented,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the file is missing"),
            Self::Truncated => f.write_str("the file ends too early"),
            Self::TrailingBytes => f.write_str("bytes after the end"),
            Self::SegmentHeader => f.write_str("the segment header is not as written"),
            Self::FormatVersion(version) => write!(f, "format version {version} is not known here, expected 1"),
            Self::Checksum => f.write_str("the record's checksum does not hold"),
            Self::RecordLength(len) => write!(f, "record length {len} exceeds the maximum"),
            Self::RecordField(field) => write!(f, "the record's {field} has an unknown value"),
            Self::Order { expected, found } => write!(f, "record {found} stands where {expected} belongs"),
            Self::Entry => f.write_str("the entry differs from the record"),
            Self::Tile => f.write_str("the hash differs from the records"),
            Self::Root => f.write_str("the records give another root than the one signed"),
            Self::MissingRecords { covered, found } => {
                write!(f, "the checkpoint covers {covered} records, {found} are there")
            }
            Self::Checkpoint(error) => error.fmt(f),
            Self::Stamp(error) => error.fmt(f),
            Self::Catalogue => f.write_str("the list of archived segments is not as written"),
            Self::Undocumented => f.write_str("the segment is called deleted, but no record of the vault says so"),
        }
    }
}
