//! Where the API reads evidence: the vault of this process, or the log of a cluster and what its workers archived.
//!
//! Not the proof's format. Invariant: a record is asked for by its place and has it as its position. Everything here blocks.

use crate::cluster::{Archives, ArchivesError, LogReader, ReadLogError};
use yagura_store::{InclusionProof, Position, Record, RecordKind, VaultError, VaultReader};

/// Where the API reads evidence. Cheap to clone.
#[derive(Clone)]
pub enum EvidenceLog {
    /// The vault of this process.
    Vault(VaultReader),
    /// The log of a cluster; what it no longer has, and proofs, from the archives of its partitions.
    Log(LogReader, Archives),
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
    /// The archive says why.
    #[error(transparent)]
    Archives(#[from] ArchivesError),
}

/// What proves that a record is in the log.
#[derive(Clone, Debug)]
pub enum Proven {
    /// The record is in the newest signed tree.
    Yes(InclusionProof),
    /// A checkpoint over it follows within seconds.
    Soon,
    /// Its segment is not archived yet; so many records of its partition are.
    WhenArchived(u64),
}

impl EvidenceLog {
    /// The record at a place; `None` if there is none, or not any more.
    ///
    /// # Errors
    /// [`EvidenceLogError`]
    pub fn record(&self, place: u64) -> Result<Option<Record>, EvidenceLogError> {
        match self {
            Self::Vault(vault) => match vault.record(Position(place)) {
                Ok(record) => Ok(Some(record)),
                Err(VaultError::NoSuchRecord { .. } | VaultError::Deleted { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::Log(log, archives) => match log.record(place)? {
                Some(record) => Ok(Some(record)),
                None => Ok(archives.record(place)?),
            },
        }
    }

    /// The custody records among these positions; none of a cluster, whose partitions' vaults tell them (`yagura evidence reads`).
    ///
    /// # Errors
    /// [`EvidenceLogError`]
    pub fn custody(&self, positions: std::ops::Range<u64>) -> Result<Vec<Record>, EvidenceLogError> {
        let Self::Vault(vault) = self else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for record in vault.read_from(Position(positions.start)) {
            let record = record?;
            if record.position.0 >= positions.end {
                break;
            }
            if record.kind == RecordKind::Custody {
                found.push(record);
            }
        }
        Ok(found)
    }

    /// What proves that the record at a place is in the log.
    ///
    /// # Errors
    /// [`EvidenceLogError`]
    pub fn proof(&self, place: u64) -> Result<Proven, EvidenceLogError> {
        match self {
            Self::Vault(vault) => match vault.inclusion_proof(Position(place)) {
                Ok(proof) => Ok(Proven::Yes(proof)),
                Err(VaultError::NotCovered { .. }) => Ok(Proven::Soon),
                Err(error) => Err(error.into()),
            },
            Self::Log(_, archives) => Ok(archives.proof(place)?.map_or_else(Proven::WhenArchived, Proven::Yes)),
        }
    }

    /// How many records there are, and in how many partitions.
    ///
    /// # Errors
    /// [`EvidenceLogError`]
    pub fn records(&self) -> Result<(u64, u16), EvidenceLogError> {
        match self {
            Self::Vault(vault) => Ok((vault.len(), 1)),
            Self::Log(log, _) => Ok(log.records()?),
        }
    }
}
