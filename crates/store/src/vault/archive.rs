//! Copies closed segments, with tiles and a signed checkpoint over them, to an object store.
//!
//! Not a backup of what is still being written, and not a mover: local copies stay until [`Archiver::evict`]. Invariants: a segment counts
//! as archived when its records gave the tree that the vault's own checkpoint signed, and the store gave back what was put; nothing in
//! the store is ever replaced, so a second owner of the same log can do no harm, and one of another log is found out. Every step may be
//! repeated after any interruption. Cost of a segment: its bytes once up and once down, one SHA-256 over them, two small objects for each
//! 256 records.

use super::catalogue::{Catalogue, Payloads, Sealed};
use super::custody::custody_file;
use super::error::{Damage, VaultError};
use super::note::Checkpoint;
use super::publish::read_small;
use super::reader::{VaultReader, damage, failure};
use super::record::{RecordKind, leaf_hash};
use super::remote::{checkpoint_key, unreadable};
use super::segment::{Cursor, segment_file};
use super::tiles::{Edge, TileFile, TileReader, partial_name};
use crate::disk::{DiskFile as _, MemoryFile};
use crate::objects::{Locked, Objects, ObjectsError, ensure};
use ed25519_dalek::SigningKey;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use yagura_model::UnixMicros;

/// How many small objects are on their way at the same time.
const UPLOADS_MAX: usize = 8;

/// Why nothing was archived. Nothing is lost: the local copies stay, and the next try goes on where this one stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The object store is away, slow or refuses. Try later.
    #[error(transparent)]
    Objects(ObjectsError),
    /// The archive holds other bytes under this name: it belongs to another vault, or to another history of this one.
    #[error("the archive is not this vault's: {key} differs")]
    Fork {
        /// The object.
        key: String,
    },
    /// The store did not give back what was put.
    #[error("the archive changed {key} on its way: its SHA-256 differs")]
    Changed {
        /// The object.
        key: String,
    },
    /// A deletion that no record of the vault announces is not done.
    #[error("segment {first}..{end} is not deleted: no record of the vault says that it is")]
    NotRecorded {
        /// Its first position.
        first: u64,
        /// The position behind it.
        end: u64,
    },
    /// The vault cannot be read, or is damaged.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<ObjectsError> for ArchiveError {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::Differs { key } => Self::Fork { key },
            error => Self::Objects(error),
        }
    }
}

/// How far the archive is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Archived {
    /// Records that are in the archive, from position 0 on.
    pub records: u64,
    /// Closed segments that are not there yet.
    pub waiting: u64,
    /// Whether this call archived one.
    pub progressed: bool,
    /// Whether the store holds its objects fast until the time asked for; `None` if that was not asked for or nothing was archived.
    pub locked: Option<bool>,
}

/// What was found in a segment on its way to the archive.
struct Sealing {
    bytes: Vec<u8>,
    tiles: Vec<TileFile>,
    checkpoint: Checkpoint,
    custody: Vec<(u64, Vec<u8>)>,
}

/// Archives the vault of a reader. There may be several, here or elsewhere.
#[derive(Debug)]
pub struct Archiver {
    pub(super) reader: VaultReader,
    pub(super) objects: Arc<dyn Objects>,
    key: SigningKey,
    origin: String,
    pub(super) catalogue: Catalogue,
    /// The tree over what is archived.
    edge: Option<Edge>,
    /// The newest stamp that is in the archive, once that was looked up, and how many records were archived then.
    pub(super) stamps_copied: Option<(u64, u64)>,
}

impl Archiver {
    /// An archiver of this vault, which signs checkpoints as `origin` with the vault's own key.
    ///
    /// # Errors
    /// The disk's own, and a damaged catalogue.
    pub fn new(
        reader: VaultReader,
        objects: Arc<dyn Objects>,
        origin: &str,
        key: SigningKey,
    ) -> Result<Self, VaultError> {
        let catalogue = Catalogue::read(&*reader.shared.disk)?;
        Ok(Self { reader, objects, key, origin: origin.to_owned(), catalogue, edge: None, stamps_copied: None })
    }

    /// How far the archive is, as known here.
    #[must_use]
    pub fn archived(&self) -> Archived {
        let durable = self.reader.shared.durable();
        let closed = durable.segments.len().saturating_sub(1);
        let done = durable.segments.partition_point(|first| *first < self.catalogue.end());
        let waiting = closed.saturating_sub(done) as u64;
        Archived { records: self.catalogue.end(), waiting, ..Archived::default() }
    }

    /// Archives the next closed segment, if there is one and a checkpoint covers it. `hold_until` is how long the store shall hold it fast.
    ///
    /// # Errors
    /// [`ArchiveError`]
    pub fn round(&mut self, hold_until: Option<UnixMicros>) -> Result<Archived, ArchiveError> {
        let first = self.catalogue.end();
        let Some(end) = self.next_end(first) else { return Ok(self.archived()) };
        let mut edge = match self.edge.take() {
            Some(edge) => edge,
            None => self.load_edge(first)?,
        };
        let Some(sealing) = self.read(first, end, &mut edge)? else {
            return Ok(self.archived());
        };
        let locked = self.upload(first, end, &sealing, hold_until)?;
        self.copy_custody(&sealing.custody)?;
        let mut catalogue = self.catalogue.clone();
        let bytes = sealing.bytes.len() as u64;
        catalogue.push(Sealed { first, end, bytes, payloads: Payloads::Kept });
        catalogue.write(&*self.reader.shared.disk)?;
        self.catalogue = catalogue;
        self.edge = Some(edge);
        Ok(Archived { progressed: true, locked, ..self.archived() })
    }

    /// Removes local copies of archived segments whose last record was received before `before`; the last segment stays. Returns how
    /// many went. Readers go on in the archive.
    ///
    /// # Errors
    /// The disk's own.
    pub fn evict(&self, before: UnixMicros) -> Result<u64, VaultError> {
        let disk = &*self.reader.shared.disk;
        let here = disk.list(super::segment::SEGMENTS).map_err(|e| VaultError::io("list", "segments", e))?;
        let mut evicted = 0;
        for sealed in self.catalogue.sealed.iter().filter(|sealed| sealed.is_kept()) {
            let name = segment_file(sealed.first);
            if !here.iter().any(|file| name.ends_with(file.as_str())) {
                continue;
            }
            // Records are in the order of their arrival: the next one's time is no earlier.
            let received = self.reader.received_at(sealed.end)?;
            if received.is_none_or(|received| received >= before) {
                break;
            }
            disk.remove(&name).map_err(|e| VaultError::io("remove", &name, e))?;
            evicted += 1;
        }
        if evicted > 0 {
            disk.sync_dir(super::segment::SEGMENTS).map_err(|e| VaultError::io("sync", "segments", e))?;
        }
        Ok(evicted)
    }

    /// Where the segment that starts at `first` ends, if it is closed.
    fn next_end(&self, first: u64) -> Option<u64> {
        let durable = self.reader.shared.durable();
        let index = durable.segments.partition_point(|segment| *segment <= first);
        durable.segments.get(index).copied().filter(|_| index > 0 && durable.segments.get(index - 1) == Some(&first))
    }

    /// The tree over the first `size` records, from the archive's own tiles.
    fn load_edge(&self, size: u64) -> Result<Edge, ArchiveError> {
        let mut failed = None;
        let loaded = Edge::load(size, &mut |name| {
            self.objects.get(name).unwrap_or_else(|error| {
                failed = Some(error);
                None
            })
        });
        match (failed, loaded) {
            (Some(error), _) => Err(error.into()),
            (None, Ok(edge)) => Ok(edge),
            (None, Err(tile)) => Err(ArchiveError::Fork { key: tile }),
        }
    }

    /// Reads the segment, adds its records to the tree and compares that with the tree that the vault signed. `None` if no checkpoint
    /// covers the segment yet.
    fn read(&self, first: u64, end: u64, edge: &mut Edge) -> Result<Option<Sealing>, ArchiveError> {
        let disk = &*self.reader.shared.disk;
        let name = segment_file(first);
        let io = |error| VaultError::io("read", &name, error);
        let Some((_, signed)) = self.reader.signed()?.filter(|(_, signed)| signed.size >= end) else { return Ok(None) };
        let file = disk.open(&name).map_err(io)?;
        let mut bytes = vec![0; usize::try_from(file.size().map_err(io)?).unwrap_or(0)];
        let read = file.read_at(0, &mut bytes).map_err(io)?;
        bytes.truncate(read);
        let memory = MemoryFile(bytes);
        let size = memory.size().map_err(io)?;
        let mut custody = Vec::new();
        let mut cursor = Cursor::new(Box::new(memory), first, Some(size)).map_err(|e| failure(first, e))?;
        while let Some(parsed) = cursor.next_record().map_err(|e| failure(first, e))? {
            let entry = parsed.entry();
            edge.push(&entry, leaf_hash(&entry));
            if parsed.record.kind == RecordKind::Custody {
                custody.push((parsed.record.position.0, parsed.record.payload.to_vec()));
            }
        }
        if edge.size() != end {
            return Err(damage(&name, size, Damage::Truncated).into());
        }
        let mut failed = None;
        let mut tile = |name: &str| {
            read_small(disk, name).unwrap_or_else(|error| {
                failed = Some(error);
                None
            })
        };
        let mut tree = TileReader::new(signed.size, &mut tile);
        let roots = tree.root(0, end).and_then(|then| Ok((then, tree.root(0, signed.size)?)));
        if let Some(error) = failed {
            return Err(error.into());
        }
        let (then, now) = roots.map_err(|tile| damage(&tile, 0, Damage::Missing))?;
        if now != signed.root || then != edge.root() {
            return Err(damage(&name, 0, Damage::Root).into());
        }
        let mut tiles = edge.take_full();
        tiles.extend(
            edge.unfinished()
                .into_iter()
                .map(|(tile, width)| TileFile { name: partial_name(&tile.name, width), ..tile }),
        );
        let checkpoint = Checkpoint { origin: self.origin.clone(), size: end, root: then };
        Ok(Some(Sealing { bytes: cursor.into_bytes().map_err(|e| failure(first, e))?, tiles, checkpoint, custody }))
    }

    fn upload(
        &self,
        first: u64,
        end: u64,
        sealing: &Sealing,
        hold_until: Option<UnixMicros>,
    ) -> Result<Option<bool>, ArchiveError> {
        let objects = &*self.objects;
        for (position, payload) in &sealing.custody {
            ensure(objects, &custody_file(*position), payload)?;
        }
        put_all(objects, &sealing.tiles)?;
        let segment = segment_file(first);
        objects.put_if_absent(&segment, &sealing.bytes)?;
        let back = objects.get(&segment)?.unwrap_or_default();
        if Sha256::digest(&back) != Sha256::digest(&sealing.bytes) {
            let key = segment;
            let same_length = back.len() == sealing.bytes.len();
            return Err(if same_length { ArchiveError::Changed { key } } else { ArchiveError::Fork { key } });
        }
        let checkpoint = checkpoint_key(end);
        ensure(objects, &checkpoint, sealing.checkpoint.sign(&self.key).as_bytes())?;
        let Some(until) = hold_until else { return Ok(None) };
        let locked = objects.lock_until(&segment, until)? == Locked::Yes;
        Ok(Some(locked && objects.lock_until(&checkpoint, until)? == Locked::Yes))
    }
}

/// Puts many small objects, a few at a time. Returns the first error.
fn put_all(objects: &dyn Objects, tiles: &[TileFile]) -> Result<(), ObjectsError> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(tile) = tiles.get(next.fetch_add(1, Ordering::Relaxed)) {
            ensure(objects, &tile.name, &tile.bytes)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..UPLOADS_MAX.min(tiles.len())).map(|_| scope.spawn(work)).collect();
        let died = || Err(ObjectsError::failed("put", "tiles", "a thread died"));
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| died()))
    })
}

/// The error of an archive as that of a disk, for those who read through it.
impl From<ArchiveError> for VaultError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Vault(error) => error,
            ArchiveError::Objects(error) => Self::io("read", "the archive", unreadable(error)),
            error => Self::io("read", "the archive", std::io::Error::other(error)),
        }
    }
}
