//! Begins a vault on this machine where its archive ends, and reads an archive without a local vault.
//!
//! Not a download: segments stay in the archive and are read there when somebody asks. Invariant: what is taken is under a checkpoint
//! signed by the vault's own key and origin. Cost: three listings, one small object a level of the tree.

use super::catalogue::{CATALOGUE, Catalogue};
use super::custody::custody_file;
use super::error::{Damage, VaultError};
use super::note::open_checkpoint;
use super::publish::{CHECKPOINT, read_small, sync_dirs, write_file};
use super::reader::{Durable, Shared, VaultReader, damage};
use super::recover::{list_segments, scan_tail};
use super::remote::{ArchiveDisk, Tiered};
use super::segment::SEGMENTS;
use super::tiles::{Edge, TILES, partial_name};
use super::{NoteError, Recovery, Vault, VaultOptions};
use crate::disk::{Disk, LocalDisk};
use crate::objects::Objects;
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

impl Vault {
    /// Opens the vault with its archive behind it. If the archive is ahead of what is here, or nothing is here, the vault goes on where the
    /// archive ends: records from there on have to be appended again from the log they came from. If the archive does not answer, the
    /// vault goes on with what is here, if there is something.
    ///
    /// # Errors
    /// As [`Vault::open`]; [`VaultError::Corrupt`] also if the archive's checkpoint is not by this key, or its tiles are not its tree.
    pub fn restore_from(objects: Arc<dyn Objects>, options: VaultOptions) -> Result<(Self, Recovery), VaultError> {
        let disk = Arc::new(LocalDisk::new(&options.dir));
        Self::restore_on(disk, objects, options)
    }

    /// As [`Self::restore_from`], on a given disk instead of `options.dir`.
    ///
    /// # Errors
    /// As [`Self::restore_from`].
    pub fn restore_on(
        disk: Arc<dyn Disk>,
        objects: Arc<dyn Objects>,
        options: VaultOptions,
    ) -> Result<(Self, Recovery), VaultError> {
        let here = local_len(&*disk)?;
        match ArchiveDisk::open(Arc::clone(&objects)) {
            Ok(archive) => {
                let covered = archive.covered(&options.key.verifying_key())?;
                if covered > here {
                    take_over(&*disk, &archive, &options)?;
                }
            }
            // The archive is away: what is here goes on without it.
            Err(VaultError::Io { .. }) if here > 0 => {}
            Err(error) => return Err(error),
        }
        Self::open_on(Arc::new(Tiered { local: disk, objects }), options)
    }

    /// As [`Vault::open_on`], with readers going on in the archive for what is not here any more. Asks the archive nothing.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn open_with_archive(objects: Arc<dyn Objects>, options: VaultOptions) -> Result<(Self, Recovery), VaultError> {
        let local = Arc::new(LocalDisk::new(&options.dir));
        Self::open_on(Arc::new(Tiered { local, objects }), options)
    }
}

impl VaultReader {
    /// Reads an archive without a local vault: records and proofs up to its newest checkpoint, as it is now.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] if the newest checkpoint is not by this key or segments before it are missing; the store's own.
    pub fn of_archive(objects: Arc<dyn Objects>, key: VerifyingKey) -> Result<Self, VaultError> {
        let archive = ArchiveDisk::open(objects)?;
        let covered = archive.covered(&key)?;
        let catalogue = archive.catalogue.clone();
        complete(&catalogue, covered)?;
        let mut segments: Vec<u64> = catalogue.sealed.iter().map(|sealed| sealed.first).collect();
        segments.push(covered);
        let durable = Durable { segments, len: covered, deleted: catalogue.deleted(), ..Durable::default() };
        Ok(Self { shared: Arc::new(Shared::new(Arc::new(archive), key, durable)) })
    }

    /// Reads a vault on a disk without opening it for writing, whether a server has it open or not: what is whole there now. With
    /// `objects`, what is not here any more is read there.
    ///
    /// # Errors
    /// The disk's own, and damage that is met on the way.
    pub fn of_disk(
        local: Arc<dyn Disk>,
        objects: Option<Arc<dyn Objects>>,
        key: VerifyingKey,
    ) -> Result<Self, VaultError> {
        let disk: Arc<dyn Disk> = match objects {
            Some(objects) => Arc::new(Tiered { local, objects }),
            None => local,
        };
        let catalogue = Catalogue::read(&*disk)?;
        let segments = list_segments(&*disk, &catalogue)?;
        let mut durable = Durable { segments, deleted: catalogue.deleted(), ..Durable::default() };
        scan_tail(&*disk, &mut durable, &catalogue)?;
        Ok(Self { shared: Arc::new(Shared::new(disk, key, durable)) })
    }
}

/// Whether the segments reach up to the checkpoint.
fn complete(catalogue: &Catalogue, covered: u64) -> Result<(), VaultError> {
    let found = catalogue.end();
    if found == covered { Ok(()) } else { Err(damage(SEGMENTS, 0, Damage::MissingRecords { covered, found })) }
}

/// How many records are here, at least.
fn local_len(disk: &dyn Disk) -> Result<u64, VaultError> {
    let catalogue = Catalogue::read(disk)?;
    let segments = list_segments(disk, &catalogue)?;
    // The last segment began when everything before it was whole.
    let begun = segments.last().copied().unwrap_or(0).max(catalogue.end());
    if segments.is_empty() {
        return Ok(begun);
    }
    let signed = read_small(disk, CHECKPOINT)?;
    let size = signed.and_then(|note| String::from_utf8(note).ok()?.lines().nth(1)?.parse().ok());
    Ok(begun.max(size.unwrap_or(0)))
}

/// Replaces what is here by the end of the archive.
fn take_over(disk: &dyn Disk, archive: &ArchiveDisk, options: &VaultOptions) -> Result<(), VaultError> {
    let wrong = |error| damage(CHECKPOINT, 0, Damage::Checkpoint(error));
    let note = archive.note.as_deref().unwrap_or_default();
    let signed = open_checkpoint(note, &options.key.verifying_key()).map_err(wrong)?;
    if signed.origin != options.origin {
        return Err(wrong(NoteError::UnknownKey));
    }
    complete(&archive.catalogue, signed.size)?;
    let mut failed = None;
    let edge = Edge::load(signed.size, &mut |name| {
        read_small(archive, name).unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let edge = edge.map_err(|tile| damage(&tile, 0, Damage::Missing))?;
    if edge.root() != signed.root {
        return Err(damage(CHECKPOINT, 0, Damage::Root));
    }
    // Without the catalogue nothing here counts, and this begins anew.
    for old in [CATALOGUE, CHECKPOINT, SEGMENTS, TILES] {
        disk.remove(old).map_err(|error| VaultError::io("remove", old, error))?;
    }
    match disk.sync_dir("") {
        // Nothing was ever here.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        synced => synced.map_err(|error| VaultError::io("sync", "the vault", error))?,
    }
    let mut dirs = BTreeSet::new();
    for (tile, width) in edge.unfinished() {
        write_file(disk, &partial_name(&tile.name, width), &tile.bytes, &mut dirs)?;
    }
    sync_dirs(disk, &dirs)?;
    let mut dirs = BTreeSet::new();
    write_file(disk, CHECKPOINT, note.as_bytes(), &mut dirs)?;
    sync_dirs(disk, &dirs)?;
    let mut dirs = BTreeSet::new();
    for position in archive.custody.iter().filter(|position| **position < signed.size) {
        let name = custody_file(*position);
        let payload = read_small(archive, &name)?.unwrap_or_default();
        write_file(disk, &name, &payload, &mut dirs)?;
    }
    sync_dirs(disk, &dirs)?;
    archive.catalogue.write(disk)
}
