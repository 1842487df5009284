//! Writes tiles, entry bundles and the checkpoint.
//!
//! Not the tree (that is `tiles`). Invariants: what a checkpoint needs is durable before the checkpoint is; a file has its
//! name only when it is whole (written under `tmp/`, synced, renamed), so a crash leaves no half tile.

use super::error::VaultError;
use super::note::{Checkpoint, NOTE_BYTES_MAX};
use super::tiles::{Edge, TileFile, partial_dir, partial_name};
use crate::disk::Disk;
use ed25519_dalek::SigningKey;
use std::collections::BTreeSet;
use std::io;

/// File of the newest checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// Directory of files that have no name yet.
pub(crate) const TMP: &str = "tmp";
/// The most bytes of a tile or bundle that are read.
const TILE_BYTES_MAX: usize = 1 << 20;

/// Writes the tiles that are due and a checkpoint over the whole tree; returns the checkpoint.
pub(crate) fn publish(disk: &dyn Disk, edge: &mut Edge, origin: &str, key: &SigningKey) -> Result<String, VaultError> {
    let full = write_full(disk, edge)?;
    let mut dirs = BTreeSet::new();
    for (tile, width) in edge.unfinished() {
        write_file(disk, &partial_name(&tile.name, width), &tile.bytes, &mut dirs)?;
    }
    sync_dirs(disk, &dirs)?;
    let note = Checkpoint { origin: origin.to_owned(), size: edge.size(), root: edge.root() }.sign(key);
    let mut dirs = BTreeSet::new();
    write_file(disk, CHECKPOINT, note.as_bytes(), &mut dirs)?;
    sync_dirs(disk, &dirs)?;
    for tile in full {
        // The full tile is durable: its partial ones are not needed any more. Left over, they would do no harm.
        let _ = disk.remove(&partial_dir(&tile));
    }
    Ok(note)
}

/// Writes the full tiles that are due and returns their names. If one cannot be written, all stay due.
pub(crate) fn write_full(disk: &dyn Disk, edge: &mut Edge) -> Result<Vec<String>, VaultError> {
    let full = edge.take_full();
    match write_tiles(disk, &full) {
        Ok(()) => Ok(full.into_iter().map(|tile| tile.name).collect()),
        Err(error) => {
            edge.give_back(full);
            Err(error)
        }
    }
}

fn write_tiles(disk: &dyn Disk, tiles: &[TileFile]) -> Result<(), VaultError> {
    let mut dirs = BTreeSet::new();
    for tile in tiles {
        write_file(disk, &tile.name, &tile.bytes, &mut dirs)?;
    }
    sync_dirs(disk, &dirs)
}

pub(crate) fn write_file(
    disk: &dyn Disk,
    name: &str,
    bytes: &[u8],
    dirs: &mut BTreeSet<String>,
) -> Result<(), VaultError> {
    let failed = |error| VaultError::io("write", name, error);
    // Threads of one vault write files of different names at the same time: the writer, the archiver, the stamper.
    let temporary = format!("{TMP}/{}", name.replace('/', "-"));
    let file = disk.create(&temporary).map_err(failed)?;
    file.write_at(0, bytes).and_then(|()| file.sync()).map_err(failed)?;
    disk.rename(&temporary, name).map_err(failed)?;
    dirs.insert(name.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned());
    Ok(())
}

pub(crate) fn sync_dirs(disk: &dyn Disk, dirs: &BTreeSet<String>) -> Result<(), VaultError> {
    dirs.iter().try_for_each(|dir| disk.sync_dir(dir).map_err(|error| VaultError::io("sync", dir, error)))
}

/// A tile, an entry bundle or a checkpoint; `None` if it is not there.
pub(crate) fn read_small(disk: &dyn Disk, name: &str) -> Result<Option<Vec<u8>>, VaultError> {
    read_all(disk, name, TILE_BYTES_MAX.max(NOTE_BYTES_MAX))
}

/// A file, at most one byte more than `bytes_max` of it; `None` if it is not there.
pub(crate) fn read_all(disk: &dyn Disk, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, VaultError> {
    let failed = |error| VaultError::io("read", name, error);
    let file = match disk.open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let size = usize::try_from(file.size().map_err(failed)?).unwrap_or(usize::MAX);
    // One byte more than any legal file, so that a file that is too long is seen to be so.
    let mut bytes = vec![0; size.min(bytes_max + 1)];
    let read = file.read_at(0, &mut bytes).map_err(failed)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}
