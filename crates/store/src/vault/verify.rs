//! Checks a whole vault without trusting whoever wrote it.
//!
//! Not a repair: it changes nothing and may run on read-only media. Invariant: one flipped bit in a segment, a tile, an entry
//! bundle or the checkpoint is found and named with file and offset. Cost: every byte is read once and hashed on all cores, while what
//! was hashed before goes into the tree and what comes next is read; memory is three times 2 MiB a core.

mod archived;

use super::Cut;
use super::catalogue::Catalogue;
use super::custody::Custody;
use super::error::{Corruption, Damage, VaultError};
use super::note::{self, Checkpoint, NoteError};
use super::publish::{CHECKPOINT, read_small};
use super::reader::{damage, failure};
use super::record::{self, Entry, RecordKind, RecordRef, leaf_hash};
use super::recover::list_segments;
use super::remote::{ArchiveDisk, Tiered};
use super::segment::{self, Cursor, CursorError, Salt, segment_file};
use super::tiles::{Edge, TileFile, partial_dir, partial_name};
use super::tree::Digest;
use crate::disk::{Disk, LocalDisk};
use crate::objects::Objects;
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// Bytes of records that one core checks at a time.
const CHUNK_BYTES: usize = 2 << 20;
/// The most cores used.
const CORES_MAX: usize = 16;

/// What was verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// The log's name as signed.
    pub origin: String,
    /// How many records the signed checkpoint covers.
    pub covered: u64,
    /// The root that was signed and that the records give.
    pub root: Digest,
    /// How many whole records there are; those from `covered` on are checked by checksum and order alone.
    pub records: u64,
    /// Bytes of segments read.
    pub bytes: u64,
    /// Number of segments.
    pub segments: u64,
    /// Number of tiles and entry bundles compared.
    pub tiles: u64,
    /// Records that are in the archive only and could not be read there: their leaves alone were checked.
    pub elsewhere: u64,
    /// Records whose payloads were deleted when their retention was over: their leaves were checked, and that a record says so.
    pub deleted: u64,
    /// An unfinished end behind the last whole record and the checkpoint, as a crash leaves it; opening the vault cuts it off.
    pub unfinished: Option<Cut>,
}

/// How far verification is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// Bytes of segments read so far.
    pub bytes: u64,
    /// Bytes of segments in all.
    pub bytes_total: u64,
    /// Records read so far.
    pub records: u64,
}

/// Why a vault could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unverifiable {
    /// This is the first byte that is wrong.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
    /// The disk did not let the vault be read.
    #[error(transparent)]
    Unreadable(VaultError),
}

impl From<VaultError> for Unverifiable {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Corrupt(corruption) => Self::Corrupt(corruption),
            error => Self::Unreadable(error),
        }
    }
}

/// Verifies the vault in `dir`: each record's checksum and order, its leaf against tiles and entry bundles, and the tree's root
/// against the checkpoint signed by `key`. `visitor` sees each record in order, `progress` is called every few MiB.
///
/// # Errors
/// [`Unverifiable::Corrupt`] names the first byte that is wrong.
pub fn verify(
    dir: &Path,
    key: &VerifyingKey,
    visitor: &mut dyn FnMut(RecordRef<'_>),
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, Unverifiable> {
    verify_on(&LocalDisk::new(dir), key, visitor, progress)
}

/// As [`verify`], for a vault on this disk whose older segments are read in the archive if they are not here. Without `objects` the
/// leaves of such records are checked alone ([`Verified::elsewhere`]).
///
/// # Errors
/// As [`verify`].
pub fn verify_with(
    local: Arc<dyn Disk>,
    objects: Option<Arc<dyn Objects>>,
    key: &VerifyingKey,
    visitor: &mut dyn FnMut(RecordRef<'_>),
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, Unverifiable> {
    match objects {
        Some(objects) => verify_on(&Tiered { local, objects }, key, visitor, progress),
        None => verify_on(&*local, key, visitor, progress),
    }
}

/// As [`verify`], for an archive without a local vault.
///
/// # Errors
/// As [`verify`].
pub fn verify_archive(
    objects: Arc<dyn Objects>,
    key: &VerifyingKey,
    visitor: &mut dyn FnMut(RecordRef<'_>),
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, Unverifiable> {
    verify_on(&ArchiveDisk::open(objects)?, key, visitor, progress)
}

/// As [`verify`], on a given disk.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(
    disk: &dyn Disk,
    key: &VerifyingKey,
    visitor: &mut dyn FnMut(RecordRef<'_>),
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, Unverifiable> {
    let checkpoint = signed_by(disk, key)?;
    let catalogue = Catalogue::read(disk)?;
    let segments = list_segments(disk, &catalogue)?;
    if segments.is_empty() {
        return Err(damage(&segment_file(0), 0, Damage::Missing).into());
    }
    let mut bytes_total = 0;
    for &first in &segments {
        let name = segment_file(first);
        bytes_total += match disk.open(&name).and_then(|file| file.size()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && catalogue.at(first).is_some() => 0,
            size => size.map_err(|error| VaultError::io("open", &name, error))?,
        };
    }
    let cores = thread::available_parallelism().map_or(1, |n| n.get().min(CORES_MAX));
    let progressed = Progress { bytes_total, ..Progress::default() };
    let mut audit = Audit {
        disk,
        checkpoint,
        edge: Edge::default(),
        tiles: 0,
        progressed,
        visitor,
        progress,
        cores,
        spare: Vec::new(),
        elsewhere: 0,
        deleted: 0,
        announced: BTreeSet::new(),
    };
    let mut unfinished = None;
    for (index, &first) in segments.iter().enumerate() {
        let next = segments.get(index + 1).copied();
        unfinished = match catalogue.at(first).filter(|sealed| sealed.first == first) {
            Some(sealed) => audit.archived(sealed, next)?,
            None => audit.segment(first, next)?,
        };
    }
    audit.announced(&catalogue)?;
    audit.finish(segments.len() as u64, unfinished)
}

fn signed_by(disk: &dyn Disk, key: &VerifyingKey) -> Result<Checkpoint, VaultError> {
    let bytes = read_small(disk, CHECKPOINT)?.ok_or_else(|| damage(CHECKPOINT, 0, Damage::Missing))?;
    let checkpoint = String::from_utf8(bytes).map_err(|_| NoteError::Malformed);
    let checkpoint = checkpoint.and_then(|note| note::open_checkpoint(&note, key));
    checkpoint.map_err(|error| damage(CHECKPOINT, 0, Damage::Checkpoint(error)))
}

/// Records as read, not yet checked.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    lens: Vec<usize>,
    /// Position of the first record.
    first: u64,
    /// Offset of the first record in its segment.
    offset: u64,
    /// What the reading came upon behind the last record.
    end: Option<CursorError>,
}

/// The leaves of a chunk, up to the first record that is wrong, if one is.
type Checked = (Vec<(Entry, Digest)>, Option<Damage>);
/// Offset and damage of the first bytes that are no record, if any.
type Accepted = Result<Option<(u64, Damage)>, Unverifiable>;

/// What came of one turn.
struct Turn {
    accepted: Accepted,
    checked: Vec<Checked>,
    next: Vec<Chunk>,
}

impl Chunk {
    fn check(&self, salt: &Salt) -> Checked {
        let mut leaves = Vec::with_capacity(self.lens.len());
        for (bytes, position) in self.records().zip(self.first..) {
            match segment::check(bytes, salt, position) {
                Ok(parsed) => {
                    let entry = parsed.entry();
                    leaves.push((entry, leaf_hash(&entry)));
                }
                Err(what) => return (leaves, Some(what)),
            }
        }
        (leaves, None)
    }

    fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.lens.iter().scan(0, |at, len| {
            let start = *at;
            *at += len;
            self.bytes.get(start..*at)
        })
    }
}

/// One run over the vault.
struct Audit<'a> {
    disk: &'a dyn Disk,
    checkpoint: Checkpoint,
    edge: Edge,
    tiles: u64,
    progressed: Progress,
    visitor: &'a mut dyn FnMut(RecordRef<'_>),
    progress: &'a mut dyn FnMut(Progress),
    cores: usize,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    elsewhere: u64,
    deleted: u64,
    /// Deletions that records of the vault announce.
    announced: BTreeSet<(u64, u64)>,
}

impl Audit<'_> {
    /// Checks one segment; `next` is where the following one starts. Returns the unfinished end, if it is one.
    fn segment(&mut self, first: u64, next: Option<u64>) -> Result<Option<Cut>, Unverifiable> {
        let name = segment_file(first);
        let file = self.disk.open(&name).map_err(|error| VaultError::io("open", &name, error))?;
        let size = file.size().map_err(|error| VaultError::io("open", &name, error))?;
        if first != self.edge.size() {
            return Err(damage(&name, 8, Damage::Order { expected: self.edge.size(), found: first }).into());
        }
        let mut cursor = match Cursor::new(file, first, Some(size)) {
            Err(CursorError::Bad { offset, what }) => {
                return self.bad_end(&name, offset, size, what, next.is_none() && size < 32).map_err(Into::into);
            }
            cursor => cursor.map_err(|error| failure(first, error))?,
        };
        let (mut batch, mut checked) = (self.read_chunks(&mut cursor), Vec::new());
        while !batch.is_empty() || !checked.is_empty() {
            let turn = self.turn(&mut cursor, &batch, std::mem::take(&mut checked));
            if let Some((offset, what)) = turn.accepted? {
                cursor.seek(self.edge.size(), offset);
                let torn = next.is_none() && !cursor.append_follows().map_err(|e| failure(first, e))?;
                return self.bad_end(&name, offset, size, what, torn).map_err(Into::into);
            }
            checked = batch.into_iter().zip(turn.checked).collect();
            batch = turn.next;
        }
        match next {
            Some(next) if next != self.edge.size() => Err(damage(&name, size, Damage::Truncated).into()),
            _ => Ok(None),
        }
    }

    /// Checks a batch on all cores. Meanwhile what was checked before goes into the tree, and the next batch is read.
    fn turn(&mut self, cursor: &mut Cursor, batch: &[Chunk], before: Vec<(Chunk, Checked)>) -> Turn {
        let salt = cursor.salt();
        thread::scope(|scope| {
            let threads: Vec<_> = batch.iter().map(|chunk| scope.spawn(move || chunk.check(&salt))).collect();
            let accepted = self.accept_all(before);
            let more = matches!(accepted, Ok(None)) && batch.last().is_some_and(|chunk| chunk.end.is_none());
            let next = if more { self.read_chunks(cursor) } else { Vec::new() };
            // A thread that died is no verdict: its chunk is checked here.
            let joined =
                threads.into_iter().zip(batch).map(|(it, chunk)| it.join().unwrap_or_else(|_| chunk.check(&salt)));
            Turn { accepted, checked: joined.collect(), next }
        })
    }

    /// Takes checked chunks in their order. Returns offset and damage of the first bytes that are no record.
    fn accept_all(&mut self, checked: Vec<(Chunk, Checked)>) -> Accepted {
        for (mut chunk, checked) in checked {
            let end = chunk.end.take();
            if let Some(bad) = self.accept(&chunk, checked)? {
                return Ok(Some(bad));
            }
            match end {
                None => {}
                Some(CursorError::Bad { offset, what }) => return Ok(Some((offset, what))),
                Some(CursorError::Unreadable(error)) => return Err(error.into()),
            }
            self.spare.push(chunk.bytes);
        }
        Ok(None)
    }

    /// The tree has one leaf more.
    fn grown(&mut self) -> Result<(), VaultError> {
        if self.edge.full_len() > 0 {
            for tile in self.edge.take_full() {
                self.full_tile(&tile)?;
            }
        }
        if self.edge.size() == self.checkpoint.size {
            self.at_checkpoint()?;
        }
        Ok(())
    }

    fn show(&mut self, record: RecordRef<'_>) {
        if record.kind == RecordKind::Custody
            && let Some(Custody::Deleted(deletion)) = Custody::decode(record.payload)
        {
            self.announced.insert((deletion.first, deletion.end));
        }
        (self.visitor)(record);
    }

    /// Reads one chunk for each core.
    fn read_chunks(&mut self, cursor: &mut Cursor) -> Vec<Chunk> {
        let mut chunks = Vec::with_capacity(self.cores);
        while chunks.len() < self.cores && cursor.offset() < cursor.end() {
            let mut chunk = Chunk { first: cursor.position(), offset: cursor.offset(), ..Chunk::default() };
            match cursor.take(CHUNK_BYTES, self.spare.pop().unwrap_or_default()) {
                Ok(taken) => (chunk.bytes, chunk.lens) = taken,
                Err(error) => chunk.end = Some(error),
            }
            let last = chunk.end.is_some();
            chunks.push(chunk);
            if last {
                break;
            }
        }
        chunks
    }

    /// Adds the leaves of a chunk to the tree and shows its records. Returns offset and damage of the first wrong record.
    fn accept(&mut self, chunk: &Chunk, (leaves, what): Checked) -> Accepted {
        let mut offset = chunk.offset;
        for ((entry, leaf), bytes) in leaves.iter().zip(chunk.records()) {
            self.edge.push(entry, *leaf);
            self.grown()?;
            if let Some(record) = record::trusted(bytes) {
                self.show(record);
            }
            offset += bytes.len() as u64;
        }
        self.progressed.bytes += offset - chunk.offset;
        self.progressed.records = self.edge.size();
        (self.progress)(self.progressed);
        Ok(what.map(|what| (offset, what)))
    }

    /// Judges bytes that are no record: an unfinished end, or damage.
    fn bad_end(&self, name: &str, offset: u64, size: u64, what: Damage, torn: bool) -> Result<Option<Cut>, VaultError> {
        if torn && self.edge.size() >= self.checkpoint.size {
            return Ok(Some(Cut { file: name.to_owned(), offset, bytes: size - offset, what }));
        }
        Err(damage(name, offset, what))
    }

    /// Compares a full tile, which must be there once the checkpoint covers it, and partial ones that are still there.
    fn full_tile(&mut self, tile: &TileFile) -> Result<(), VaultError> {
        let covered = self.edge.size() <= self.checkpoint.size;
        match read_small(self.disk, &tile.name)? {
            Some(found) => self.compare(tile, &tile.name, &found, tile.bytes.len())?,
            None if covered => return Err(damage(&tile.name, 0, Damage::Missing)),
            None => {}
        }
        self.partial_tiles(tile, 256)
    }

    /// Compares all partial tiles on disk of a tile that has `width` hashes so far.
    fn partial_tiles(&mut self, tile: &TileFile, width: usize) -> Result<(), VaultError> {
        let dir = partial_dir(&tile.name);
        let names = self.disk.list(&dir).map_err(|error| VaultError::io("list", &dir, error))?;
        for name in names {
            let file = format!("{dir}/{name}");
            // A server that is at work may have taken it away meanwhile: the full tile is there.
            let Some(found) = read_small(self.disk, &file)? else { continue };
            let unknown = || damage(&file, 0, Damage::TrailingBytes);
            let part: usize = name.parse().ok().filter(|w| *w <= width && *w > 0).ok_or_else(unknown)?;
            self.compare(tile, &file, &found, tile.bytes.len() / width * part)?;
        }
        Ok(())
    }

    /// Compares the bytes found in `file` with the first `len` bytes of the tile.
    fn compare(&mut self, tile: &TileFile, file: &str, found: &[u8], len: usize) -> Result<(), VaultError> {
        self.tiles += 1;
        let expected = tile.bytes.get(..len).unwrap_or(&tile.bytes);
        let differs = found.iter().zip(expected).position(|(a, b)| a != b);
        let what = if tile.entries { Damage::Entry } else { Damage::Tile };
        match differs {
            Some(at) => Err(damage(file, at as u64, what)),
            None if found.len() < expected.len() => Err(damage(file, found.len() as u64, Damage::Truncated)),
            None if found.len() > expected.len() => Err(damage(file, expected.len() as u64, Damage::TrailingBytes)),
            None => Ok(()),
        }
    }

    /// The tree has as many leaves as the checkpoint covers: its root must be the one signed, and its partial tiles be there.
    fn at_checkpoint(&mut self) -> Result<(), VaultError> {
        if self.edge.root() != self.checkpoint.root {
            return Err(damage(CHECKPOINT, 0, Damage::Root));
        }
        for (tile, width) in self.edge.unfinished() {
            let name = partial_name(&tile.name, width);
            // A full tile may have taken its place since.
            let there = read_small(self.disk, &name)?.is_some() || read_small(self.disk, &tile.name)?.is_some();
            if !there {
                return Err(damage(&name, 0, Damage::Missing));
            }
        }
        Ok(())
    }

    fn finish(mut self, segments: u64, unfinished: Option<Cut>) -> Result<Verified, Unverifiable> {
        let (covered, found) = (self.checkpoint.size, self.edge.size());
        if found < covered {
            return Err(damage(CHECKPOINT, 0, Damage::MissingRecords { covered, found }).into());
        }
        if covered == 0 {
            self.at_checkpoint_of_nothing()?;
        }
        for (tile, width) in self.edge.unfinished() {
            self.partial_tiles(&tile, width)?;
        }
        Ok(Verified {
            origin: self.checkpoint.origin,
            covered,
            root: self.checkpoint.root,
            records: found,
            bytes: self.progressed.bytes_total,
            segments,
            tiles: self.tiles,
            elsewhere: self.elsewhere,
            deleted: self.deleted,
            unfinished,
        })
    }

    fn at_checkpoint_of_nothing(&self) -> Result<(), VaultError> {
        let empty = Edge::default().root() == self.checkpoint.root;
        if empty { Ok(()) } else { Err(damage(CHECKPOINT, 0, Damage::Root)) }
    }
}
