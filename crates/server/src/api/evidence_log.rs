//! Where the API reads evidence: the vault of this process, or the log of a cluster.
//!
//! Not the proof's format. Invariant: a record is asked for by its place and has it as its position. Everything here blocks.

use crate::cluster::{LogReader, ReadLogError};
use yagura_store::{InclusionProof, Position, Record, VaultError, VaultReader};

/// Where the API reads evidence. Cheap to clone.
#[derive(Clone)]
pub enum EvidenceLog {
    /// The vault of this process.
    Vault(VaultReader),
    /// The log of a cluster.
    Log(LogReader),
}

/// Why evidence cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceLogError {
    /// The vault says why.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The log says why.
    #[error(transparent)]
    Log(#[from] ReadLogError),
}

impl EvidenceLog {
    /// The record at a place; `None` if there is none.
    ///
    /// # Errors
    /// [`EvidenceLogError`]
    pub fn record(&self, place: u64) -> Result<Option<Record>, EvidenceLogError> {
        match self {
            Self::Vault(vault) => match vault.record(Position(place)) {
                Ok(record) => Ok(Some(record)),
                Err(VaultError::NoSuchRecord { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::Log(log) => Ok(log.record(place)?),
        }
    }

    /// The proof that the record at a place is in the newest signed tree.
    ///
    /// # Errors
    /// [`VaultError::NotCovered`] where no signed tree over it is at hand yet.
    pub fn proof(&self, place: u64) -> Result<InclusionProof, VaultError> {
        match self {
            Self::Vault(vault) => vault.inclusion_proof(Position(place)),
            Self::Log(_) => Err(VaultError::NotCovered { position: Position(place), size: 0 }),
        }
    }

    /// How many records there are.
    ///
    /// # Errors
    /// [`EvidenceLogError`]
    pub fn records(&self) -> Result<u64, EvidenceLogError> {
        match self {
            Self::Vault(vault) => Ok(vault.len()),
            Self::Log(log) => Ok(log.records()?),
        }
    }
}
