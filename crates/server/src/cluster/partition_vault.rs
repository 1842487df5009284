//! The vaults of a worker's partitions: one directory each, a copy of the log that can be had again.
//!
//! Not the feed that fills them. Invariants: every owner of a partition writes the same vault (same origin, same key, same records), so
//! checkpoints of two owners never contradict each other; a local vault that is shorter than what the objects have is brought up from
//! them before it is opened. Cost: a directory and a lock a partition.

use ed25519_dalek::SigningKey;
use std::path::PathBuf;
use yagura_store::{Vault, VaultError, VaultOptions};

/// Where the vaults of partitions are and who signs for them.
#[derive(Clone, Debug)]
pub struct PartitionVault {
    /// Directory of all of them.
    pub dir: PathBuf,
    /// The log's name in checkpoints; `/p<N>` follows.
    pub origin: String,
    /// Signs their checkpoints; the same for all workers.
    pub key: SigningKey,
}

/// Why a partition's vault cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionVaultError {
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
    /// Opens the vault of a partition. Blocks.
    ///
    /// # Errors
    /// [`PartitionVaultError`]
    pub fn open(&self, number: u16) -> Result<Vault, PartitionVaultError> {
        let dir = self.dir.join(format!("p{number}"));
        let options = VaultOptions {
            dir: dir.clone(),
            origin: format!("{}/p{number}", self.origin),
            key: self.key.clone(),
            segment_bytes: VaultOptions::SEGMENT_BYTES,
        };
        let (vault, _) = Vault::open(options).map_err(|source| PartitionVaultError::Open { dir, source })?;
        Ok(vault)
    }
}
