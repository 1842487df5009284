//! Reads the vault while another thread appends to it.
//!
//! Not a tail of unacknowledged bytes: a reader sees durable records only. Invariant: every record it returns has passed its
//! checksum and stands at its position.

use super::error::VaultError;
use super::record::{Position, Record};
use super::tree::Digest;
use std::time::Duration;

/// Proof that a record is in the tree that a checkpoint signed. Check it with [`super::verify_inclusion`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InclusionProof {
    /// The record's place: the leaf index.
    pub position: Position,
    /// How many leaves the tree has.
    pub tree_size: u64,
    /// The leaf before hashing: the record's header and the SHA-256 of its payload.
    pub entry: Vec<u8>,
    /// The leaf hash: SHA-256 over a zero byte and the entry.
    pub leaf: Digest,
    /// The siblings on the way from the leaf to the root.
    pub hashes: Vec<Digest>,
    /// The root that the checkpoint signed.
    pub root: Digest,
    /// The checkpoint: a C2SP signed note.
    pub checkpoint: String,
}

/// Reads the vault; cheap to clone, usable from any thread.
#[derive(Clone, Debug)]
pub struct VaultReader {}

impl VaultReader {
    /// How many records are durable.
    #[must_use]
    pub fn len(&self) -> u64 {
        0
    }

    /// Whether there is no record yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until there are more than `len` records or the time is over; returns how many there are then.
    #[must_use]
    pub fn wait_beyond(&self, _len: u64, _timeout: Duration) -> u64 {
        0
    }

    /// The records from `position` on. The iterator ends at the last durable record; asked again later, it goes on.
    #[must_use]
    pub fn read_from(&self, _position: Position) -> Records {
        Records {}
    }

    /// The record at `position`.
    ///
    /// # Errors
    /// [`VaultError::NoSuchRecord`] at or above [`Self::len`]; [`VaultError::Corrupt`] if it is damaged on disk.
    pub fn record(&self, position: Position) -> Result<Record, VaultError> {
        Err(VaultError::NoSuchRecord { position, len: self.len() })
    }

    /// The newest checkpoint as published; `None` before the first.
    ///
    /// # Errors
    /// The disk's own errors.
    pub fn checkpoint(&self) -> Result<Option<String>, VaultError> {
        Ok(None)
    }

    /// Proof that the record is in the tree of the newest checkpoint.
    ///
    /// # Errors
    /// [`VaultError::NotCovered`] if the newest checkpoint is older than the record: make a checkpoint and ask again.
    pub fn inclusion_proof(&self, position: Position) -> Result<InclusionProof, VaultError> {
        Err(VaultError::NotCovered { position, size: 0 })
    }
}

/// Iterator over durable records in order. After an error it ends.
#[derive(Debug)]
pub struct Records {}

impl Iterator for Records {
    type Item = Result<Record, VaultError>;

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}
