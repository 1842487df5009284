//! What the workers archived of the partitions' evidence, read where no vault is at hand: proofs, and records that the log has let go of.
//!
//! Not the archiving (that is `store::Archiver`, under the partition's owner). Invariant: whatever is returned is under a checkpoint of the
//! cluster's own key. Cost: three listings of a partition's archive, again for what it did not have [`LOOKED_FOR`] ago; then one small
//! object a level of the tree.

use crate::place::{partition_of, position_of};
use ed25519_dalek::VerifyingKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use yagura_store::objects::{self, ObjectsError};
use yagura_store::{InclusionProof, Position, Record, VaultError, VaultReader};

/// How old the knowledge of what is archived may be.
const LOOKED_FOR: Duration = Duration::from_secs(5);

/// Where the evidence of a partition is archived.
#[must_use]
pub fn archive_of(objects: &str, partition: u16) -> String {
    format!("{}/vault/p{partition}", objects.trim_end_matches('/'))
}

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchivesError {
    /// The object store cannot be used.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// The archive says why.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// The archives of all partitions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Archives(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    objects: String,
    key: VerifyingKey,
    known: Mutex<HashMap<u16, (Instant, VaultReader)>>,
}

impl Archives {
    /// The archives below an object store's address, signed by this key.
    #[must_use]
    pub fn new(objects: &str, key: VerifyingKey) -> Self {
        Self(Arc::new(Inner { objects: objects.to_owned(), key, known: Mutex::default() }))
    }

    /// The archived record at a place; `None` if it is not archived. Blocks.
    ///
    /// # Errors
    /// [`ArchivesError`]
    pub fn record(&self, place: u64) -> Result<Option<Record>, ArchivesError> {
        let record = self.reader(place)?.record(Position(position_of(place)));
        match record {
            Ok(record) => Ok(Some(Record { position: Position(place), ..record })),
            Err(VaultError::NoSuchRecord { .. } | VaultError::Deleted { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The proof that the record at a place is in the tree of its partition, by the newest archived checkpoint; or how many records of
    /// the partition are archived. Blocks.
    ///
    /// # Errors
    /// [`ArchivesError`]
    pub fn proof(&self, place: u64) -> Result<Result<InclusionProof, u64>, ArchivesError> {
        let reader = self.reader(place)?;
        match reader.inclusion_proof(Position(position_of(place))) {
            Ok(proof) => Ok(Ok(proof)),
            Err(VaultError::NoSuchRecord { .. } | VaultError::NotCovered { .. }) => Ok(Err(reader.len())),
            Err(error) => Err(error.into()),
        }
    }

    /// The archive of a place's partition, as it is now if it did not have the record before.
    fn reader(&self, place: u64) -> Result<VaultReader, ArchivesError> {
        let (partition, inner) = (partition_of(place), &self.0);
        let known = inner.known.lock().unwrap_or_else(PoisonError::into_inner).get(&partition).cloned();
        if let Some((looked, reader)) = known
            && (position_of(place) < reader.len() || looked.elapsed() < LOOKED_FOR)
        {
            return Ok(reader);
        }
        let looked = Instant::now();
        let reader = VaultReader::of_archive(objects::open(&archive_of(&inner.objects, partition))?, inner.key)?;
        let mut all = inner.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(partition, (looked, reader.clone()));
        Ok(reader)
    }
}
