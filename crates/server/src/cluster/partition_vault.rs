//! The vaults of a worker's partitions: one directory each, a copy of the log that can be had again, with its archive behind it.
//!
//! Not the feed that fills them. Invariants: every owner of a partition writes the same vault (same origin, same key, same records), so
//! checkpoints of two owners never contradict each other; a local vault that is shorter than what the objects have is brought up from
//! them before it is opened. Cost: a directory and a lock a partition.

use super::archives::archive_of;
use crate::state::{State, StateError};
use ed25519_dalek::SigningKey;
use std::path::PathBuf;
use std::sync::Arc;
use yagura_store::objects::{self, ObjectsError};
use yagura_store::{Archiver, Vault, VaultError, VaultOptions};

/// The name in the state under which the length of segments is pinned.
const SEGMENT_PIN: &str = "vault.segment.bytes";

/// Where the vaults of partitions are and who signs for them.
#[derive(Clone, Debug)]
pub struct PartitionVault {
    /// Directory of all of them.
    pub dir: PathBuf,
    /// The log's name in checkpoints; `/p<N>` follows.
    pub origin: String,
    /// Signs their checkpoints; the same for all workers.
    pub key: SigningKey,
    /// The object store of all; `/vault/p<N>` follows.
    pub objects: String,
    /// Where a segment ends at the latest: the same for all workers, or their trees differ.
    pub segment_bytes: u64,
}

/// Why a partition's vault cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionVaultError {
    /// Its archive cannot be had.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// It cannot be opened.
    #[error("the vault in {} cannot be opened", dir.display())]
    Open {
        /// Where it is.
        dir: PathBuf,
        /// Why.
        source: VaultError,
    },
}

impl PartitionVault {
    /// The length of segments with which the cluster began.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn pinned_segment_bytes(state: &State) -> Result<u64, StateError> {
        let pinned = state.pinned(SEGMENT_PIN, &VaultOptions::SEGMENT_BYTES.to_string()).await?;
        pinned
            .parse()
            .map_err(|_| StateError::Damaged(format!("setting {SEGMENT_PIN} is {pinned:?}, no number of bytes")))
    }

    /// Opens the vault of a partition where its archive ends, or where it ends here if that is further. Blocks.
    ///
    /// # Errors
    /// [`PartitionVaultError`]
    pub fn open(&self, number: u16) -> Result<(Vault, Archiver), PartitionVaultError> {
        let dir = self.dir.join(format!("p{number}"));
        let objects = objects::open(&archive_of(&self.objects, number))?;
        let failed = |source| PartitionVaultError::Open { dir: dir.clone(), source };
        let options = self.options(number, dir.clone());
        let (origin, key) = (options.origin.clone(), options.key.clone());
        let (vault, _) = Vault::restore_from(Arc::clone(&objects), options).map_err(failed)?;
        let archiver = Archiver::new(vault.reader(), objects, &origin, key).map_err(failed)?;
        Ok((vault, archiver))
    }

    fn options(&self, number: u16, dir: PathBuf) -> VaultOptions {
        let (origin, segment_bytes) = (format!("{}/p{number}", self.origin), self.segment_bytes);
        VaultOptions { dir, origin, key: self.key.clone(), segment_bytes }
    }
}
