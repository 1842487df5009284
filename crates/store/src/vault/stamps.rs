//! Time stamps of checkpoints, beside the records: what shows a stranger that a checkpoint was there at a time that the vault's owner does
//! not decide.
//!
//! Not evidence of a record by itself: the checkpoint is. A stamp and the checkpoint that it is over stand side by side and never change, in
//! the vault and in its archive. Invariants: a stamp is kept only if its checkpoint is this vault's; a stamp that is lost takes no record
//! with it. Cost: two small files a stamp.

use super::archive::{ArchiveError, Archiver};
use super::error::{Damage, VaultError};
use super::note::open_checkpoint;
use super::publish::{read_all, read_small, sync_dirs, write_file};
use super::reader::{VaultReader, damage};
use crate::stamp::{Nonce, STAMP_BYTES_MAX, StampRoots, TimeStamp};
use std::collections::BTreeSet;
use yagura_model::UnixMicros;

/// Directory of time stamps and the checkpoints that they are over.
pub(crate) const STAMPS: &str = "stamps";

/// A checkpoint with a time stamp over it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stamped {
    /// How many records the checkpoint covers.
    pub size: u64,
    /// The checkpoint, as it was published.
    pub checkpoint: String,
    /// The response of the authority, RFC 3161.
    pub response: Vec<u8>,
}

/// What the stamps of a vault add up to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StampsVerified {
    /// How many there are.
    pub stamps: u64,
    /// How many records the newest one covers.
    pub covered: u64,
    /// The time of the first.
    pub first: Option<UnixMicros>,
    /// The time of the newest.
    pub last: Option<UnixMicros>,
    /// Who made the newest.
    pub authority: String,
}

fn checkpoint_file(size: u64) -> String {
    format!("{STAMPS}/{size:020}.checkpoint")
}

fn response_file(size: u64) -> String {
    format!("{STAMPS}/{size:020}.tsr")
}

impl VaultReader {
    /// How many records each stamped checkpoint covers, ascending.
    ///
    /// # Errors
    /// The disk's own.
    pub fn stamps(&self) -> Result<Vec<u64>, VaultError> {
        let names = self.shared.disk.list(STAMPS).map_err(|error| VaultError::io("list", STAMPS, error))?;
        let sizes: BTreeSet<u64> = names.iter().filter_map(|name| name.strip_suffix(".tsr")?.parse().ok()).collect();
        Ok(sizes.into_iter().collect())
    }

    /// The stamped checkpoint over so many records.
    ///
    /// # Errors
    /// The disk's own; [`VaultError::Corrupt`] if the checkpoint beside the stamp is missing or not this vault's.
    pub fn stamped(&self, size: u64) -> Result<Option<Stamped>, VaultError> {
        let disk = &*self.shared.disk;
        let Some(response) = read_all(disk, &response_file(size), STAMP_BYTES_MAX)? else { return Ok(None) };
        let name = checkpoint_file(size);
        let bytes = read_small(disk, &name)?.ok_or_else(|| damage(&name, 0, Damage::Missing))?;
        let checkpoint = String::from_utf8_lossy(&bytes).into_owned();
        let signed = open_checkpoint(&checkpoint, &self.shared.key);
        let signed = signed.map_err(|error| damage(&name, 0, Damage::Checkpoint(error)))?;
        if signed.size != size {
            return Err(damage(&name, 0, Damage::Root));
        }
        Ok(Some(Stamped { size, checkpoint, response }))
    }

    /// The oldest stamped checkpoint that covers the first `size` records: the earliest time at which they are known to have been there.
    ///
    /// # Errors
    /// As [`Self::stamped`].
    pub fn stamped_over(&self, size: u64) -> Result<Option<Stamped>, VaultError> {
        match self.stamps()?.into_iter().find(|stamped| *stamped >= size) {
            Some(stamped) => self.stamped(stamped),
            None => Ok(None),
        }
    }

    /// Keeps a stamp over a checkpoint of this vault. The caller has checked it.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] if the checkpoint is not by the vault's key; the disk's own.
    pub fn keep_stamp(&self, checkpoint: &str, response: &[u8]) -> Result<(), VaultError> {
        let disk = &*self.shared.disk;
        let signed = open_checkpoint(checkpoint, &self.shared.key);
        let size = signed.map_err(|error| damage(STAMPS, 0, Damage::Checkpoint(error)))?.size;
        let mut dirs = BTreeSet::new();
        // The stamp comes last: where it is, its checkpoint is too.
        write_file(disk, &checkpoint_file(size), checkpoint.as_bytes(), &mut dirs)?;
        write_file(disk, &response_file(size), response, &mut dirs)?;
        sync_dirs(disk, &dirs)
    }

    /// Checks every stamp: its checkpoint is this vault's and over the tree as it is, the stamp is over that checkpoint and, if `roots` are
    /// given, by one of them. Call it for a vault that was verified: the tree is read from its tiles.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] names the first that is wrong.
    pub fn verify_stamps(&self, roots: Option<&StampRoots>) -> Result<StampsVerified, VaultError> {
        let mut verified = StampsVerified::default();
        let covered = self.signed()?.map_or(0, |(_, newest)| newest.size);
        for size in self.stamps()? {
            let Some(stamped) = self.stamped(size)? else { continue };
            let name = checkpoint_file(size);
            let signed = open_checkpoint(&stamped.checkpoint, &self.shared.key);
            let signed = signed.map_err(|error| damage(&name, 0, Damage::Checkpoint(error)))?;
            if size > covered {
                return Err(damage(&name, 0, Damage::MissingRecords { covered: size, found: covered }));
            }
            if self.root_at(size)? != signed.root {
                return Err(damage(&name, 0, Damage::Root));
            }
            let wrong = |error| damage(&response_file(size), 0, Damage::Stamp(error));
            let stamp = TimeStamp::open(&stamped.response).map_err(wrong)?;
            stamp.check(stamped.checkpoint.as_bytes(), Nonce::Any, roots).map_err(wrong)?;
            verified.stamps += 1;
            verified.covered = size;
            verified.first = verified.first.or(Some(stamp.time()));
            verified.last = Some(stamp.time());
            verified.authority = stamp.authority();
        }
        Ok(verified)
    }
}

impl Archiver {
    /// Copies stamps over what is archived to the archive. The first stamp over a checkpoint counts: another owner of the same log may have
    /// asked for one too.
    ///
    /// # Errors
    /// [`ArchiveError`]
    pub fn copy_stamps(&mut self) -> Result<u64, ArchiveError> {
        let end = self.catalogue.end();
        let done = match self.stamps_copied {
            // A stamp is over a newer checkpoint than what is archived: nothing can have come to be copied.
            Some((_, then)) if then == end => return Ok(0),
            Some((done, _)) => done,
            None => {
                let there = self.objects.list(STAMPS)?;
                let size = |key: &str| key.rsplit_once('/')?.1.strip_suffix(".tsr")?.parse::<u64>().ok();
                there.iter().filter_map(|object| size(&object.key)).max().unwrap_or(0)
            }
        };
        let (mut copied, mut newest) = (0, done);
        for size in self.reader.stamps()? {
            if size <= done || size > end {
                continue;
            }
            let Some(stamped) = self.reader.stamped(size)? else { continue };
            let files =
                [(checkpoint_file(size), stamped.checkpoint.as_bytes()), (response_file(size), &stamped.response)];
            for (name, bytes) in files {
                self.objects.put_if_absent(&name, bytes)?;
            }
            copied += 1;
            newest = size;
        }
        self.stamps_copied = Some((newest, end));
        Ok(copied)
    }
}
