//! The archive as a disk: what is not on this machine any more is read from the object store.
//!
//! Not a cache of segments on disk: an object is read in pieces of [`READ_BYTES`] into memory. Invariants: nothing is written to the
//! store through here; names are those of a vault's directory. Cost: one request a piece of [`READ_BYTES`].

use super::catalogue::{CATALOGUE, Catalogue, Payloads, Sealed};
use super::custody::CUSTODY;
use super::error::VaultError;
use super::note::open_checkpoint;
use super::publish::CHECKPOINT;
use super::segment::{SEGMENTS, segment_first};
use super::stamps::STAMPS;
use super::tiles::{TILES, archived_partials};
use crate::disk::{Disk, DiskFile, Lock, MemoryFile};
use crate::objects::{Objects, ObjectsError};
use ed25519_dalek::VerifyingKey;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Directory of signed checkpoints in the archive; the name is the number of records covered, 20 decimal digits.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// Directory of what says that a segment was deleted; the name is `FIRST-END`.
pub(crate) const DELETED: &str = "deleted";
/// How much is read at once.
const READ_BYTES: usize = 8 << 20;

/// Name of the archived checkpoint over so many records.
pub(crate) fn checkpoint_key(size: u64) -> String {
    format!("{CHECKPOINTS}/{size:020}")
}

/// Name of what says that the segment was deleted.
pub(crate) fn deleted_key(first: u64, end: u64) -> String {
    format!("{DELETED}/{first:020}-{end:020}")
}

/// The error of an object store as that of a disk.
pub(crate) fn unreadable(error: ObjectsError) -> io::Error {
    io::Error::other(error)
}

/// An object, read as a file.
#[derive(Debug)]
struct ObjectFile {
    objects: Arc<dyn Objects>,
    key: String,
    size: u64,
    /// Where the piece in memory starts, and the piece.
    piece: Mutex<(u64, Vec<u8>)>,
}

fn open_object(objects: &Arc<dyn Objects>, key: &str) -> io::Result<Box<dyn DiskFile>> {
    let size = objects.size(key).map_err(unreadable)?.ok_or(io::ErrorKind::NotFound)?;
    let (objects, key, piece) = (Arc::clone(objects), key.to_owned(), Mutex::default());
    Ok(Box::new(ObjectFile { objects, key, size, piece }))
}

impl DiskFile for ObjectFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut piece = self.piece.lock().unwrap_or_else(PoisonError::into_inner);
        let end = offset.saturating_add(buf.len() as u64).min(self.size);
        let len = usize::try_from(end.saturating_sub(offset)).unwrap_or(0);
        let inside = |piece: &(u64, Vec<u8>)| offset >= piece.0 && end <= piece.0 + piece.1.len() as u64;
        if !inside(&piece) {
            let want = end.max(offset.saturating_add(READ_BYTES as u64)).min(self.size);
            let bytes = self.objects.get_range(&self.key, offset..want).map_err(unreadable)?;
            *piece = (offset, bytes.ok_or(io::ErrorKind::NotFound)?);
        }
        let at = usize::try_from(offset - piece.0.min(offset)).unwrap_or(usize::MAX);
        let found = piece.1.get(at..).unwrap_or_default();
        let len = len.min(found.len());
        buf[..len].copy_from_slice(&found[..len]);
        Ok(len)
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn truncate(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A local disk behind which the archive stands: what is not here is read there. All writing is local.
#[derive(Debug)]
pub(crate) struct Tiered {
    pub(crate) local: Arc<dyn Disk>,
    pub(crate) objects: Arc<dyn Objects>,
}

impl Disk for Tiered {
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = self.local.list(dir)?;
        if dir == STAMPS {
            names.extend(names_in(&*self.objects, dir)?);
        }
        Ok(names)
    }

    fn open(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        let archived = [SEGMENTS, TILES, CUSTODY, STAMPS].iter().any(|dir| file.starts_with(dir));
        match self.local.open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && archived => open_object(&self.objects, file),
            opened => opened,
        }
    }

    fn open_to_write(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        self.local.open_to_write(file)
    }

    fn create(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        self.local.create(file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.local.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.local.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.local.sync_dir(dir)
    }

    fn lock(&self, file: &str) -> io::Result<Box<dyn Lock>> {
        self.local.lock(file)
    }
}

/// The archive alone, as it was when this was made: the disk of a vault that ends with its last archived segment.
#[derive(Debug)]
pub(crate) struct ArchiveDisk {
    objects: Arc<dyn Objects>,
    pub(crate) catalogue: Catalogue,
    /// The newest checkpoint.
    pub(crate) note: Option<String>,
    /// Positions of the custody records.
    pub(crate) custody: Vec<u64>,
    /// Names of partial tiles by directory: those of all archived checkpoints.
    partials: HashMap<String, BTreeSet<usize>>,
}

impl ArchiveDisk {
    /// Looks what the archive holds: segments, deletions, checkpoints.
    pub(crate) fn open(objects: Arc<dyn Objects>) -> Result<Self, VaultError> {
        let failed = |error: ObjectsError| VaultError::io("look into", "the archive", unreadable(error));
        let sizes: Vec<u64> = numbers(&*objects, CHECKPOINTS).map_err(failed)?;
        let mut partials: HashMap<String, BTreeSet<usize>> = HashMap::new();
        for size in &sizes {
            for (dir, width) in archived_partials(*size) {
                partials.entry(dir).or_default().insert(width);
            }
        }
        let end = sizes.last().copied().unwrap_or(0);
        let note = match sizes.last() {
            Some(size) => objects.get(&checkpoint_key(*size)).map_err(failed)?,
            None => None,
        };
        let note = note.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let catalogue = catalogue(&*objects, end).map_err(failed)?;
        let custody = numbers(&*objects, CUSTODY).map_err(failed)?;
        Ok(Self { objects, catalogue, note, custody, partials })
    }

    /// The number of records that the newest checkpoint covers, if it is by this key.
    pub(crate) fn covered(&self, key: &VerifyingKey) -> Result<u64, VaultError> {
        let Some(note) = &self.note else { return Ok(0) };
        let signed = open_checkpoint(note, key);
        let signed = signed.map_err(|e| super::reader::damage(CHECKPOINT, 0, super::Damage::Checkpoint(e)))?;
        Ok(signed.size)
    }
}

/// Names of the objects of a directory, without it.
fn names_in(objects: &dyn Objects, dir: &str) -> io::Result<Vec<String>> {
    let found = objects.list(dir).map_err(unreadable)?;
    Ok(found.iter().filter_map(|object| Some(object.key.rsplit_once('/')?.1.to_owned())).collect())
}

fn numbers(objects: &dyn Objects, dir: &str) -> Result<Vec<u64>, ObjectsError> {
    let found = objects.list(dir)?;
    let name = |key: &str| key.rsplit_once('/').map_or(key, |(_, name)| name).parse().ok();
    Ok(found.iter().filter_map(|object| name(&object.key)).collect())
}

/// The segments up to `end`, from the names of objects alone. It stops at a gap: verification then names what is missing.
fn catalogue(objects: &dyn Objects, end: u64) -> Result<Catalogue, ObjectsError> {
    let file = |key: &str| key.rsplit_once('/').map_or(key, |(_, name)| name).to_owned();
    let there: Vec<(u64, u64)> = objects
        .list(SEGMENTS)?
        .iter()
        .filter_map(|object| segment_first(&file(&object.key)).map(|first| (first, object.size)))
        .filter(|(first, _)| *first < end)
        .collect();
    let mut deleted = HashMap::new();
    for object in objects.list(DELETED)? {
        let name = file(&object.key);
        let range = name.split_once('-').and_then(|(first, end)| Some((first.parse().ok()?, end.parse().ok()?)));
        deleted.extend(range.filter(|(_, e): &(u64, u64)| *e <= end));
    }
    let mut firsts: BTreeSet<u64> = there.iter().map(|(first, _)| *first).collect();
    firsts.extend(deleted.keys());
    let sizes: HashMap<u64, u64> = there.into_iter().collect();
    let mut catalogue = Catalogue::default();
    let firsts: Vec<u64> = firsts.into_iter().collect();
    for (index, first) in firsts.iter().enumerate() {
        let gone = deleted.get(first).copied();
        let next = gone.unwrap_or_else(|| firsts.get(index + 1).copied().unwrap_or(end));
        let bytes = sizes.get(first).copied().unwrap_or(0);
        // What does not follow is not taken: then the catalogue ends before the checkpoint, and that is seen.
        let payloads = if gone.is_some() { Payloads::Deleted } else { Payloads::Kept };
        catalogue.push(Sealed { first: *first, end: next, bytes, payloads });
    }
    Ok(catalogue)
}

impl Disk for ArchiveDisk {
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        if dir == SEGMENTS {
            let kept = self.catalogue.sealed.iter().filter(|sealed| sealed.is_kept());
            return Ok(kept.map(|sealed| format!("{:020}.seg", sealed.first)).collect());
        }
        if dir == CUSTODY {
            return Ok(self.custody.iter().map(|position| format!("{position:020}")).collect());
        }
        if dir == STAMPS {
            return names_in(&*self.objects, dir);
        }
        let widths = self.partials.get(dir).into_iter().flatten();
        Ok(widths.map(ToString::to_string).collect())
    }

    fn open(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        match file {
            CHECKPOINT => {
                let note = self.note.as_ref().ok_or(io::ErrorKind::NotFound)?;
                Ok(Box::new(MemoryFile(note.clone().into_bytes())))
            }
            CATALOGUE => Ok(Box::new(MemoryFile(self.catalogue.text().into_bytes()))),
            _ if file.starts_with(TILES) || file.starts_with(CUSTODY) => {
                let bytes = self.objects.get(file).map_err(unreadable)?.ok_or(io::ErrorKind::NotFound)?;
                Ok(Box::new(MemoryFile(bytes)))
            }
            _ => open_object(&self.objects, file),
        }
    }

    fn open_to_write(&self, _file: &str) -> io::Result<Box<dyn DiskFile>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn create(&self, _file: &str) -> io::Result<Box<dyn DiskFile>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn remove(&self, _path: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _file: &str) -> io::Result<Box<dyn Lock>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}
