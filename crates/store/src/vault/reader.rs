//! Reads the vault while another thread appends to it.
//!
//! Not a tail of unacknowledged bytes: a reader sees durable records only. Invariant: every record it returns has passed its
//! checksum and stands at its position. Cost: the first look into a closed segment scans it once; where its records start is
//! then remembered for [`OFFSETS_MAX`] segments.

use super::error::{Corruption, Damage, VaultError};
use super::note::{self, Checkpoint};
use super::publish::{CHECKPOINT, read_small};
use super::record::{ENTRY_LEN, Entry, Position, Record, leaf_hash};
use super::segment::{Cursor, CursorError, segment_file};
use super::tiles::{TILE_WIDTH, TileReader, bundle_at, partial_name};
use super::tree::Digest;
use crate::disk::Disk;
use ed25519_dalek::VerifyingKey;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use yagura_model::UnixMicros;

/// For how many closed segments the places of the records are remembered.
const OFFSETS_MAX: usize = 16;

/// Proof that a record is in the tree that a checkpoint signed. Check it with [`super::verify_inclusion`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InclusionProof {
    /// The record's place: the leaf index.
    pub position: Position,
    /// How many leaves the tree has.
    pub tree_size: u64,
    /// The leaf before hashing: the record's header and the SHA-256 of its payload.
    pub entry: Vec<u8>,
    /// The leaf hash: SHA-256 over a zero byte and the entry.
    pub leaf: Digest,
    /// The siblings on the way from the leaf to the root.
    pub hashes: Vec<Digest>,
    /// The root that the checkpoint signed.
    pub root: Digest,
    /// The checkpoint: a C2SP signed note.
    pub checkpoint: String,
}

/// Where each record of a segment starts.
type Offsets = Vec<u32>;

/// What is durable. Written by the vault alone.
#[derive(Debug, Default)]
pub(crate) struct Durable {
    /// First positions of the segments, in order.
    pub(crate) segments: Vec<u64>,
    /// How many records there are.
    pub(crate) len: u64,
    /// Where each record of the last segment starts.
    pub(crate) tail: Offsets,
    /// Where the last segment ends.
    pub(crate) tail_end: u64,
    /// Archived segments whose payloads were deleted: first position and the position behind.
    pub(crate) deleted: Vec<(u64, u64)>,
    /// The same as `tail` for closed segments, most recently used last.
    pub(crate) closed: VecDeque<(u64, Arc<Offsets>)>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) key: VerifyingKey,
    durable: Mutex<Durable>,
    grown: Condvar,
}

impl Shared {
    pub(crate) fn new(disk: Arc<dyn Disk>, key: VerifyingKey, durable: Durable) -> Self {
        Self { disk, key, durable: Mutex::new(durable), grown: Condvar::new() }
    }

    /// The durable state. Whoever holds it leaves it whole at every step, so a panic elsewhere does not spoil it.
    pub(crate) fn durable(&self) -> MutexGuard<'_, Durable> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes those who wait for records.
    pub(crate) fn notify(&self) {
        self.grown.notify_all();
    }
}

/// Reads the vault; cheap to clone, usable from any thread.
#[derive(Clone, Debug)]
pub struct VaultReader {
    pub(crate) shared: Arc<Shared>,
}

impl VaultReader {
    /// How many records are durable.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.shared.durable().len
    }

    /// Whether there is no record yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until there are more than `len` records or the time is over; returns how many there are then.
    #[must_use]
    pub fn wait_beyond(&self, len: u64, timeout: Duration) -> u64 {
        let durable = self.shared.durable();
        let waited = self.shared.grown.wait_timeout_while(durable, timeout, |durable| durable.len <= len);
        waited.map_or_else(|poisoned| poisoned.into_inner().0.len, |(durable, _)| durable.len)
    }

    /// The records from `position` on. The iterator ends at the last durable record; asked again later, it goes on.
    #[must_use]
    pub fn read_from(&self, position: Position) -> Records {
        Records { reader: self.clone(), next: position.0, cursor: None, failed: false }
    }

    /// The record at `position`.
    ///
    /// # Errors
    /// [`VaultError::NoSuchRecord`] at or above [`Self::len`]; [`VaultError::Corrupt`] if it is damaged on disk.
    pub fn record(&self, position: Position) -> Result<Record, VaultError> {
        let len = self.len();
        if let Some((first, end)) = self.deleted_at(position.0) {
            return Err(VaultError::Deleted { position, first, end });
        }
        self.read_from(position).next().unwrap_or(Err(VaultError::NoSuchRecord { position, len }))
    }

    /// The newest checkpoint as published; `None` before the first.
    ///
    /// # Errors
    /// The disk's own errors.
    pub fn checkpoint(&self) -> Result<Option<String>, VaultError> {
        Ok(self.signed()?.map(|(note, _)| note))
    }

    /// The deleted segment that held this position.
    fn deleted_at(&self, position: u64) -> Option<(u64, u64)> {
        let durable = self.shared.durable();
        let index = durable.deleted.partition_point(|(_, end)| *end <= position);
        durable.deleted.get(index).copied().filter(|(first, _)| *first <= position)
    }

    /// When the first record at or behind `position` that was not deleted was received; `None` if there is none yet.
    pub(crate) fn received_at(&self, position: u64) -> Result<Option<UnixMicros>, VaultError> {
        let position = self.deleted_at(position).map_or(position, |(_, end)| end);
        if position >= self.len() {
            return Ok(None);
        }
        let mut cursor = self.cursor_at(position)?;
        let first = cursor.first();
        let record = cursor.next_record().map_err(|error| failure(first, error))?;
        Ok(record.map(|parsed| parsed.record.received))
    }

    /// The last segment, by its first record, and when that was received; `None` if it has no record.
    ///
    /// # Errors
    /// The disk's own; [`VaultError::Corrupt`] if the record is damaged.
    pub fn last_segment(&self) -> Result<Option<(Position, UnixMicros)>, VaultError> {
        let first = self.shared.durable().segments.last().copied().unwrap_or(0);
        Ok(self.received_at(first)?.map(|received| (Position(first), received)))
    }

    /// The newest checkpoint, its signature checked.
    pub(crate) fn signed(&self) -> Result<Option<(String, Checkpoint)>, VaultError> {
        let Some(bytes) = read_small(&*self.shared.disk, CHECKPOINT)? else { return Ok(None) };
        let note = String::from_utf8_lossy(&bytes).into_owned();
        let checkpoint = note::open_checkpoint(&note, &self.shared.key);
        let checkpoint = checkpoint.map_err(|e| damage(CHECKPOINT, 0, Damage::Checkpoint(e)))?;
        Ok(Some((note, checkpoint)))
    }

    /// Proof that the record is in the tree of the newest checkpoint.
    ///
    /// # Errors
    /// [`VaultError::NotCovered`] if the newest checkpoint is older than the record: make a checkpoint and ask again.
    pub fn inclusion_proof(&self, position: Position) -> Result<InclusionProof, VaultError> {
        let (checkpoint, _) = self.signed()?.ok_or(VaultError::NotCovered { position, size: 0 })?;
        self.inclusion_proof_under(position, &checkpoint)
    }

    /// Proof that the record is in the tree of a checkpoint of this vault, which may be an older one.
    ///
    /// # Errors
    /// As [`Self::inclusion_proof`]; [`VaultError::Corrupt`] if the note is not by the vault's key.
    pub fn inclusion_proof_under(&self, position: Position, checkpoint: &str) -> Result<InclusionProof, VaultError> {
        let len = self.len();
        if position.0 >= len {
            return Err(VaultError::NoSuchRecord { position, len });
        }
        let checkpoint = checkpoint.to_owned();
        let signed = note::open_checkpoint(&checkpoint, &self.shared.key);
        let signed = signed.map_err(|e| damage(CHECKPOINT, 0, Damage::Checkpoint(e)))?;
        if position.0 >= signed.size {
            return Err(VaultError::NotCovered { position, size: signed.size });
        }
        let entry = self.entry(position)?;
        let hashes = self.ask_tiles(|tiles| tiles.inclusion(position.0, signed.size))?;
        let leaf = leaf_hash(&entry);
        let (tree_size, root) = (signed.size, signed.root);
        Ok(InclusionProof { position, tree_size, entry, leaf, hashes, root, checkpoint })
    }

    /// Proof that the newest checkpoint's tree grew from the tree of the first `old` records, and that checkpoint.
    ///
    /// # Errors
    /// [`VaultError::NotCovered`] if the newest checkpoint covers fewer; the disk's own.
    pub fn consistency_proof(&self, old: u64) -> Result<(Vec<Digest>, String), VaultError> {
        let uncovered = |size| VaultError::NotCovered { position: Position(old), size };
        let (note, signed) = self.signed()?.ok_or_else(|| uncovered(0))?;
        if old > signed.size {
            return Err(uncovered(signed.size));
        }
        let proof =
            self.ask_tiles(|tiles| if old == 0 { Ok(Vec::new()) } else { tiles.consistency(old, signed.size) })?;
        Ok((proof, note))
    }

    /// The root of the tree over the first `size` records.
    ///
    /// # Errors
    /// As [`Self::consistency_proof`].
    pub fn root_at(&self, size: u64) -> Result<Digest, VaultError> {
        let covered = self.signed()?.map_or(0, |(_, signed)| signed.size);
        if size > covered {
            return Err(VaultError::NotCovered { position: Position(size), size: covered });
        }
        self.ask_tiles(|tiles| tiles.root(0, size))
    }

    /// Reads hashes from the tiles of the newest checkpoint. A new one may take partial tiles away meanwhile: then again.
    fn ask_tiles<T>(&self, ask: impl Fn(&mut TileReader<'_>) -> Result<T, String>) -> Result<T, VaultError> {
        const TRIES_MAX: usize = 5;
        let mut missing = None;
        for _ in 0..TRIES_MAX {
            let size = self.signed()?.map_or(0, |(_, signed)| signed.size);
            let mut failed = None;
            let mut read = |name: &str| {
                read_small(&*self.shared.disk, name).unwrap_or_else(|error| {
                    failed = Some(error);
                    None
                })
            };
            let answer = ask(&mut TileReader::new(size, &mut read));
            match (failed, answer) {
                (Some(error), _) => return Err(error),
                (None, Ok(answer)) => return Ok(answer),
                (None, Err(tile)) => missing = Some(tile),
            }
        }
        Err(damage(&missing.unwrap_or_default(), 0, Damage::Missing))
    }

    /// The leaf entry of a record, made from the record itself.
    fn entry(&self, position: Position) -> Result<Vec<u8>, VaultError> {
        if self.deleted_at(position.0).is_some() {
            return self.kept_entry(position);
        }
        let mut cursor = self.cursor_at(position.0)?;
        let first = cursor.first();
        match cursor.next_record() {
            Ok(Some(parsed)) => Ok(parsed.entry().to_vec()),
            Ok(None) => Err(damage(&segment_file(first), cursor.offset(), Damage::Truncated)),
            Err(error) => Err(failure(first, error)),
        }
    }

    /// The leaf entry of a record whose payload was deleted, from its entry bundle.
    fn kept_entry(&self, position: Position) -> Result<Vec<u8>, VaultError> {
        let size = self.signed()?.map_or(0, |(_, signed)| signed.size);
        if position.0 >= size {
            return Err(VaultError::NotCovered { position, size });
        }
        let entries = read_bundle(&*self.shared.disk, position.0, size)?;
        let at = (position.0 % TILE_WIDTH as u64) as usize;
        let entry = entries.get(at).map(|entry| entry.to_vec());
        entry.ok_or_else(|| damage(&bundle_at(position.0, size).0, 0, Damage::Truncated))
    }

    /// A cursor that stands at a durable record.
    fn cursor_at(&self, position: u64) -> Result<Cursor, VaultError> {
        let (first, end, known) = {
            let durable = self.shared.durable();
            let index = durable.segments.partition_point(|first| *first <= position).saturating_sub(1);
            let first = durable.segments.get(index).copied().unwrap_or(0);
            let last = index + 1 >= durable.segments.len();
            let at = (position - first) as usize;
            let closed = durable.closed.iter().find(|(segment, _)| *segment == first).map(|(_, o)| o);
            let offsets = if last { Some(&durable.tail) } else { closed.map(|o| &**o) };
            (first, last.then_some(durable.tail_end), offsets.and_then(|o| o.get(at)).copied())
        };
        let mut cursor = self.open(first, end)?;
        let offset = match known {
            Some(offset) => offset,
            None => self.remember(first, &mut cursor, position)?,
        };
        if u64::from(offset) >= cursor.end() {
            return Err(damage(&segment_file(first), cursor.end(), Damage::Truncated));
        }
        cursor.seek(position, offset.into());
        Ok(cursor)
    }

    /// The length of a segment that grows no more.
    fn closed_end(&self, first: u64) -> Result<u64, VaultError> {
        let name = segment_file(first);
        let size = self.shared.disk.open(&name).and_then(|file| file.size());
        size.map_err(|error| VaultError::io("open", &name, error))
    }

    fn open(&self, first: u64, end: Option<u64>) -> Result<Cursor, VaultError> {
        let name = segment_file(first);
        let file = match self.shared.disk.open(&name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(damage(&name, 0, Damage::Missing));
            }
            file => file.map_err(|error| VaultError::io("open", &name, error))?,
        };
        Cursor::new(file, first, end).map_err(|error| failure(first, error))
    }

    /// Scans a closed segment, remembers where its records start, and returns where `position` does.
    fn remember(&self, first: u64, cursor: &mut Cursor, position: u64) -> Result<u32, VaultError> {
        let mut offsets = Offsets::new();
        loop {
            let offset = cursor.offset();
            match cursor.next_record() {
                Ok(Some(_)) => offsets.push(u32::try_from(offset).unwrap_or(u32::MAX)),
                Ok(None) => break,
                Err(error) => return Err(failure(first, error)),
            }
        }
        let offset = offsets.get((position - first) as usize).copied();
        let mut durable = self.shared.durable();
        durable.closed.retain(|(segment, _)| *segment != first);
        durable.closed.push_back((first, Arc::new(offsets)));
        if durable.closed.len() > OFFSETS_MAX {
            durable.closed.pop_front();
        }
        offset.ok_or_else(|| damage(&segment_file(first), cursor.offset(), Damage::Truncated))
    }
}

/// The entries of the bundle that holds the one at `index`, in a vault whose checkpoint covers `size` records.
pub(crate) fn read_bundle(disk: &dyn Disk, index: u64, size: u64) -> Result<Vec<Entry>, VaultError> {
    let (name, width) = bundle_at(index, size);
    let partial = partial_name(&name, width);
    let found = match read_small(disk, &partial)? {
        Some(found) => Some(found),
        None => read_small(disk, &name)?,
    };
    let bytes = found.ok_or_else(|| damage(&name, 0, Damage::Missing))?;
    let entry = |chunk: &[u8]| {
        let (len, entry) = chunk.split_first_chunk::<2>()?;
        let entry: &Entry = entry.try_into().ok()?;
        (usize::from(u16::from_be_bytes(*len)) == entry.len()).then_some(*entry)
    };
    let entries: Option<Vec<Entry>> = bytes.chunks(ENTRY_LEN + 2).take(width).map(entry).collect();
    entries.filter(|entries| entries.len() == width).ok_or_else(|| damage(&name, 0, Damage::Entry))
}

pub(crate) fn damage(file: &str, offset: u64, what: Damage) -> VaultError {
    VaultError::Corrupt(Corruption { file: file.to_owned(), offset, what })
}

/// The error of a cursor in the segment that starts at `first`.
pub(crate) fn failure(first: u64, error: CursorError) -> VaultError {
    match error {
        CursorError::Bad { offset, what } => damage(&segment_file(first), offset, what),
        CursorError::Unreadable(error) => error,
    }
}

/// Iterator over durable records in order. After an error it ends.
#[derive(Debug)]
pub struct Records {
    reader: VaultReader,
    next: u64,
    cursor: Option<Cursor>,
    failed: bool,
}

impl Records {
    /// The position of the record that comes next.
    #[must_use]
    pub fn position(&self) -> Position {
        Position(self.next)
    }

    fn read(&mut self) -> Result<Option<Record>, VaultError> {
        loop {
            let (len, last, tail_end) = {
                let durable = self.reader.shared.durable();
                (durable.len, durable.segments.last().copied(), durable.tail_end)
            };
            if let Some((_, end)) = self.reader.deleted_at(self.next) {
                (self.next, self.cursor) = (end, None);
            }
            if self.next >= len {
                return Ok(None);
            }
            let cursor = match &mut self.cursor {
                Some(cursor) => cursor,
                none => none.insert(self.reader.cursor_at(self.next)?),
            };
            let first = cursor.first();
            if last == Some(first) {
                cursor.extend_to(tail_end);
            } else if cursor.offset() == cursor.end() {
                // The segment may have grown to its final length since the cursor was made.
                cursor.extend_to(self.reader.closed_end(first)?);
            }
            match cursor.next_record() {
                Ok(Some(parsed)) => {
                    self.next += 1;
                    return Ok(Some(parsed.record.to_record()));
                }
                Ok(None) if self.reader.shared.durable().segments.contains(&self.next) => self.cursor = None,
                Ok(None) => return Err(damage(&segment_file(first), cursor.end(), Damage::Truncated)),
                Err(error) => return Err(failure(first, error)),
            }
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, VaultError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let record = self.read().transpose();
        self.failed = matches!(record, Some(Err(_)));
        record
    }
}
