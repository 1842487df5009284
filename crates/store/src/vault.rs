//! The vault: an append-only log of evidence whose every record is under a signed Merkle tree.
//!
//! Not a database: it finds records by position alone, and never changes or deletes one. Invariants: what [`Vault::append`]
//! returned for is on disk (fdatasync); tiles and checkpoint are made of durable records only; a checkpoint, once signed, is
//! a prefix of every later one. Format: docs/format/vault.md; reasons: ADR-0006. Cost of an append: one write, one
//! fdatasync, SHA-256 and CRC-32C of the payload.

mod archive;
mod catalogue;
mod custody;
mod derived;
mod error;
mod note;
mod publish;
mod reader;
mod record;
mod recover;
mod remote;
mod restore;
mod retention;
mod segment;
mod stamps;
mod tiles;
mod tree;
mod verify;

pub use archive::{ArchiveError, Archived, Archiver};
pub use custody::{Access, CUSTODY_BYTES_MAX, Custody, Deletion, Hold};
pub use error::{Corruption, Damage, VaultError};
pub use note::{Checkpoint, NoteError, open_checkpoint, open_text, open_verifier_key, sign_text, verifier_key};
pub use reader::{InclusionProof, Records, VaultReader};
pub use record::{NewRecord, Position, Record, RecordKind, RecordRef, leaf_hash, parse_record, record_entry};
pub use segment::{SegmentScan, scan_segment};
pub use stamps::{Stamped, StampsVerified};
pub use tree::{Digest, verify_consistency, verify_inclusion};
pub use verify::{Progress, Unverifiable, Verified, verify, verify_archive, verify_on, verify_with};

use crate::disk::{Disk, DiskFile, LocalDisk, Lock};
use catalogue::Catalogue;
use ed25519_dalek::SigningKey;
use publish::TMP;
use reader::{Durable, Shared};
use segment::{SEGMENT_HEADER_LEN, SEGMENTS, Salt, SegmentHeader, segment_file};
use std::path::PathBuf;
use std::sync::Arc;
use tiles::Edge;

/// Where the vault is and who signs for it.
#[derive(Clone, Debug)]
pub struct VaultOptions {
    /// Its directory; made if it is not there.
    pub dir: PathBuf,
    /// The log's name in checkpoints, like a URL without scheme: `yagura.example/vault`.
    pub origin: String,
    /// Signs the checkpoints. The same for the life of the vault.
    pub key: SigningKey,
    /// A segment is closed when the next append would make it longer. [`VaultOptions::SEGMENT_BYTES`] is a good value.
    pub segment_bytes: u64,
}

impl VaultOptions {
    /// The usual length of a segment.
    pub const SEGMENT_BYTES: u64 = 64 << 20;
}

/// What opening the vault found and mended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recovery {
    /// How many records the vault has.
    pub records: u64,
    /// The unfinished end that a crash left and that was cut off, if any. Nothing of it was ever acknowledged.
    pub cut: Option<Cut>,
    /// What had to be done to the tree.
    pub repair: Repair,
}

/// An unfinished end of a segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cut {
    /// The segment, relative to the vault.
    pub file: String,
    /// Where the last whole record ends.
    pub offset: u64,
    /// How many bytes there were behind it.
    pub bytes: u64,
    /// What was wrong with them.
    pub what: Damage,
}

/// What was done to tiles and checkpoint on opening.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Repair {
    /// Nothing: the checkpoint covers all records.
    Nothing,
    /// The checkpoint lagged by this many records and was brought up to date.
    CaughtUp(u64),
    /// The checkpoint was missing; tiles and checkpoint were made anew from the records.
    CheckpointRemade,
    /// Tiles were missing or wrong and were made anew; the records give the root that the checkpoint signed.
    TilesRemade,
}

/// File that a process locks while it has the vault open.
const LOCK: &str = "lock";
/// When so many full tiles wait in memory for a checkpoint, an append makes one.
const FULL_TILES_DUE: usize = 128;
/// When so many wait because no checkpoint could be made, nothing is appended until one can.
const FULL_TILES_MAX: usize = 1024;

/// The vault, open for appending. There is one per directory.
#[derive(Debug)]
pub struct Vault {
    reader: VaultReader,
    options: VaultOptions,
    /// The last segment.
    tail: Box<dyn DiskFile>,
    salt: Salt,
    /// A write failed: bytes behind the durable end may have to be cut off.
    torn: bool,
    edge: Edge,
    /// The newest checkpoint and its tree size.
    published: (String, u64),
    /// Records to be written, kept to save allocations.
    buf: Vec<u8>,
    _lock: Box<dyn Lock>,
}

impl Vault {
    /// The most bytes of one append.
    pub const APPEND_BYTES_MAX: usize = 64 << 20;

    /// Opens the vault, or makes an empty one: recovers an unfinished end, brings tiles and checkpoint up to date.
    ///
    /// # Errors
    /// [`VaultError::Locked`] if another process has it open, [`VaultError::Corrupt`] if acknowledged records are damaged,
    /// and the disk's own errors.
    pub fn open(options: VaultOptions) -> Result<(Self, Recovery), VaultError> {
        let disk = Arc::new(LocalDisk::new(&options.dir));
        Self::open_on(disk, options)
    }

    /// As [`Self::open`], on a given disk instead of `options.dir`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(disk: Arc<dyn Disk>, options: VaultOptions) -> Result<(Self, Recovery), VaultError> {
        if !note::is_key_name(&options.origin) {
            return Err(VaultError::Origin(options.origin));
        }
        let lock = disk.lock(LOCK).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => VaultError::Locked { file: LOCK.to_owned() },
            _ => VaultError::io("lock", LOCK, error),
        })?;
        disk.remove(TMP).map_err(|error| VaultError::io("remove", TMP, error))?;
        let checkpoint = recover::signed_checkpoint(&*disk, &options)?;
        let covered = checkpoint.as_ref().map_or(0, |c| c.size);
        let catalogue = Catalogue::read(&*disk)?;
        let segments = recover::list_segments(&*disk, &catalogue)?;
        let mut durable = Durable { segments, deleted: catalogue.deleted(), ..Durable::default() };
        let mut tail = recover::recover_tail(&*disk, &mut durable, covered, &catalogue)?;
        if tail.is_none() {
            // The last segment had not got its header yet; the one before it, if any, is whole.
            tail = recover::recover_tail(&*disk, &mut durable, covered, &catalogue)?;
        }
        let (tail, cut) = match tail {
            Some(tail) => (tail.file, tail.cut),
            None if covered > durable.len => {
                let missing = Damage::MissingRecords { covered, found: durable.len };
                return Err(reader::damage(&segment_file(durable.len), 0, missing));
            }
            None => (make_segment(&*disk, &options, &mut durable)?, None),
        };
        let (edge, repair) = recover::recover_tree(&*disk, &durable, checkpoint.as_ref())?;
        let first = durable.segments.last().copied().unwrap_or(0);
        let salt = SegmentHeader::new(&options.origin, first, &options.key).salt;
        let recovery = Recovery { records: durable.len, cut, repair };
        let reader = VaultReader { shared: Arc::new(Shared::new(disk, options.key.verifying_key(), durable)) };
        let published = (String::new(), u64::MAX);
        let mut vault =
            Self { reader, options, tail, salt, torn: false, edge, published, buf: Vec::new(), _lock: lock };
        vault.checkpoint()?;
        Ok((vault, recovery))
    }

    /// Appends the records and returns the position of the first; the others follow it. When it returns, they are durable.
    ///
    /// # Errors
    /// [`VaultError`]: none of the records is in the vault, and the call may be repeated when the cause is gone.
    pub fn append(&mut self, records: &[NewRecord<'_>]) -> Result<Position, VaultError> {
        self.write(records, Grouping::Appends)
    }

    /// As [`Self::append`], for records that are a copy of a log that another system keeps: the bytes, the tree and the bounds of
    /// segments are a function of the records alone, however they are cut into calls. So every owner of a partition signs the same
    /// tree (ADR-0020). An unfinished end is cut back to what a checkpoint covers, and comes again from the log.
    ///
    /// # Errors
    /// [`VaultError`]: the records before [`Self::len`] are in the vault, the others are not.
    pub fn append_replica(&mut self, records: &[NewRecord<'_>]) -> Result<Position, VaultError> {
        let position = Position(self.len());
        let mut rest = records;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(self.fitting(rest));
            self.write(now, Grouping::None)?;
            rest = later;
        }
        Ok(position)
    }

    /// How many of the records go into the last segment, or into a new one if the first does not fit; at least one.
    fn fitting(&self, records: &[NewRecord<'_>]) -> usize {
        let len = |record: &NewRecord<'_>| (record::HEADER_LEN + record.payload.len()) as u64;
        let end = self.reader.shared.durable().tail_end;
        let first = records.first().map_or(0, len);
        let rolls = end > SEGMENT_HEADER_LEN && end + first > self.options.segment_bytes;
        let mut end = if rolls { SEGMENT_HEADER_LEN } else { end };
        let fits = records.iter().take_while(|record| {
            end += len(record);
            end <= self.options.segment_bytes
        });
        fits.count().max(1)
    }

    fn write(&mut self, records: &[NewRecord<'_>], grouping: Grouping) -> Result<Position, VaultError> {
        let position = Position(self.len());
        let bytes = checked_len(records)?;
        if records.is_empty() {
            return Ok(position);
        }
        self.mend()?;
        if self.edge.full_len() > FULL_TILES_MAX {
            self.checkpoint()?;
        }
        let end = self.reader.shared.durable().tail_end;
        if end > SEGMENT_HEADER_LEN && end + bytes as u64 > self.options.segment_bytes {
            self.roll()?;
        }
        let end = self.reader.shared.durable().tail_end;
        let mut buf = std::mem::take(&mut self.buf);
        buf.clear();
        let mut offsets = Vec::with_capacity(records.len());
        let entries: Vec<_> = (position.0..)
            .zip(records)
            .map(|(at, new)| {
                offsets.push(u32::try_from(end + buf.len() as u64).unwrap_or(u32::MAX));
                let first = grouping == Grouping::Appends && at == position.0;
                record::encode(new, &self.salt, Position(at), first, &mut buf)
            })
            .collect();
        let written = self.tail.write_at(end, &buf).and_then(|()| self.tail.sync());
        let len = buf.len() as u64;
        self.buf = buf;
        if let Err(error) = written {
            self.torn = true;
            // If this fails too, the next append tries again before it writes.
            let _ = self.mend();
            return Err(VaultError::io("write", &self.tail_file(), error));
        }
        for entry in &entries {
            self.edge.push(entry, leaf_hash(entry));
        }
        let mut durable = self.reader.shared.durable();
        durable.tail.append(&mut offsets);
        durable.tail_end += len;
        durable.len += records.len() as u64;
        debug_assert!(is_whole(&durable, &self.edge), "{durable:?}");
        drop(durable);
        self.reader.shared.notify();
        if self.edge.full_len() > FULL_TILES_DUE {
            // The records are durable whatever comes of this; the next call of `checkpoint` returns the error.
            let _ = self.checkpoint();
        }
        Ok(position)
    }

    /// Publishes tiles and a signed checkpoint over everything appended so far, and returns the checkpoint.
    ///
    /// Costs about ten fdatasyncs: call it about once a second, not per append. Does nothing if nothing is new.
    ///
    /// # Errors
    /// The disk's own errors; the records are safe all the same, and the next call tries again.
    pub fn checkpoint(&mut self) -> Result<String, VaultError> {
        if self.published.1 != self.edge.size() {
            // The last gate before a signature: it is over durable records alone.
            if !is_whole(&self.reader.shared.durable(), &self.edge) {
                return Err(VaultError::Inconsistent);
            }
            let disk = &*self.reader.shared.disk;
            let note = publish::publish(disk, &mut self.edge, &self.options.origin, &self.options.key)?;
            self.published = (note, self.edge.size());
        }
        Ok(self.published.0.clone())
    }

    /// How many records are durable; the position of the next one.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.reader.len()
    }

    /// Whether there is no record yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader that other threads may use while this one appends.
    #[must_use]
    pub fn reader(&self) -> VaultReader {
        self.reader.clone()
    }

    fn tail_file(&self) -> String {
        segment_file(self.reader.shared.durable().segments.last().copied().unwrap_or(0))
    }

    /// Cuts off what a failed write may have left behind the durable end.
    fn mend(&mut self) -> Result<(), VaultError> {
        if self.torn {
            let end = self.reader.shared.durable().tail_end;
            let mended = self.tail.truncate(end).and_then(|()| self.tail.sync());
            mended.map_err(|error| VaultError::io("truncate", &self.tail_file(), error))?;
            self.torn = false;
        }
        Ok(())
    }

    /// Closes the last segment and begins the next.
    fn roll(&mut self) -> Result<(), VaultError> {
        let mut durable = self.reader.shared.durable();
        let file = make_segment(&*self.reader.shared.disk, &self.options, &mut durable)?;
        self.tail = file;
        self.salt = SegmentHeader::new(&self.options.origin, durable.len, &self.options.key).salt;
        Ok(())
    }
}

/// Whether records say that they began an append.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Grouping {
    /// The first one of each call does.
    Appends,
    /// None does.
    None,
}

/// The state between two calls: the offsets of the tail are those of its records, and the tree is over the durable records.
fn is_whole(durable: &Durable, edge: &Edge) -> bool {
    let first = durable.segments.last().copied().unwrap_or(0);
    let tail = durable.tail.len() as u64;
    let ordered = durable.tail.last().is_none_or(|last| u64::from(*last) < durable.tail_end);
    first + tail == durable.len && edge.size() == durable.len && ordered
}

/// How many bytes the records take, if each and all are within their limits.
fn checked_len(records: &[NewRecord<'_>]) -> Result<usize, VaultError> {
    let mut bytes = 0;
    for record in records {
        let (len, max) = (record.payload.len(), NewRecord::PAYLOAD_BYTES_MAX);
        if len > max {
            return Err(VaultError::TooLong { len, max });
        }
        bytes += record::HEADER_LEN + len;
    }
    let max = Vault::APPEND_BYTES_MAX;
    if bytes > max { Err(VaultError::TooLong { len: bytes, max }) } else { Ok(bytes) }
}

/// Makes the segment for the records from `durable.len` on. It is durable before `durable` knows of it.
fn make_segment(
    disk: &dyn Disk,
    options: &VaultOptions,
    durable: &mut Durable,
) -> Result<Box<dyn DiskFile>, VaultError> {
    let first = durable.len;
    let name = segment_file(first);
    let header = SegmentHeader::new(&options.origin, first, &options.key).encode();
    let made = disk.create(&name).and_then(|file| {
        file.write_at(0, &header)?;
        file.sync()?;
        disk.sync_dir(SEGMENTS)?;
        Ok(file)
    });
    let file = made.map_err(|error| {
        // Left over, it would be found without a header on the next start and forgotten.
        let _ = disk.remove(&name);
        VaultError::io("make", &name, error)
    })?;
    durable.segments.push(first);
    durable.tail.clear();
    durable.tail_end = SEGMENT_HEADER_LEN;
    Ok(file)
}
