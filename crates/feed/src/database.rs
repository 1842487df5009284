//! The advisory database on disk: a directory of segments, and the list of them.
//!
//! Not the index (`yagura_psirt::index`): this maps its segments. Whoever reads is never held up: segments do not change and are replaced by
//! renaming, and a reader whose segment was merged away in between reads the list again. Writers take turns by a lock. Opening costs the list
//! and a mapping a segment; nothing is read until it is asked for.

use crate::error::FeedError;
use crate::manifest::{Manifest, NAME, SegmentLine, WRITING, digest_of};
use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use yagura_mapped::Mapped;
use yagura_psirt::index::{self, Segment};
use yagura_psirt::{Instant, vex};

/// How often the list is read again when a segment has gone.
const ATTEMPTS_MAX: usize = 5;
/// The file by which writers take turns.
const LOCK_NAME: &str = "lock";

/// An opened database.
#[derive(Debug)]
pub struct Database {
    dir: PathBuf,
    manifest: Manifest,
    segments: Vec<Mapped>,
}

/// A document of statements that the database holds.
#[derive(Debug)]
pub struct Statements {
    /// Where it came from.
    pub place: String,
    /// What it says.
    pub read: vex::Read,
}

impl Database {
    /// Opens a directory that an import made.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, FeedError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let manifest = Manifest::read(dir)?.ok_or_else(|| FeedError::Absent(dir.to_owned()))?;
            let mapped: Result<Vec<Mapped>, FeedError> = manifest.segments.iter().map(|line| map(dir, line)).collect();
            match mapped {
                Ok(segments) => return Ok(Self { dir: dir.to_owned(), manifest, segments }),
                Err(FeedError::File(_, error))
                    if error.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS_MAX => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What it consists of.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What is known now. A clock that was set back hides nothing.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn index(&self, now: Instant) -> Result<index::Database<'_>, FeedError> {
        self.index_at(self.manifest.newest().map_or(now, |newest| newest.max(now)))
    }

    /// What was known at an instant.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn index_at(&self, as_of: Instant) -> Result<index::Database<'_>, FeedError> {
        let bytes: Vec<&[u8]> = self.segments.iter().map(AsRef::as_ref).collect();
        index::Database::open(&bytes, as_of).map_err(|(number, source)| self.damaged(number, source))
    }

    /// Its documents of statements.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn statements(&self) -> Result<Vec<Statements>, FeedError> {
        let read = |line: &crate::manifest::StatementsLine| {
            let path = self.dir.join(line.file_name());
            let bytes = std::fs::read(&path).map_err(|error| FeedError::File(path, error))?;
            Ok(Statements { place: line.place.clone(), read: vex::read(&bytes) })
        };
        self.manifest.statements.iter().map(read).collect()
    }

    /// Reads everything, and compares it with its digests.
    ///
    /// # Errors
    /// The first file that is damaged.
    pub fn verify(&self) -> Result<(), FeedError> {
        for ((number, line), mapped) in self.manifest.segments.iter().enumerate().zip(&self.segments) {
            if line.kind == "advisories" {
                let verified = Segment::open(mapped.as_ref()).and_then(|segment| segment.verify());
                verified.map_err(|source| self.damaged(number, source))?;
            }
            check(line.path(&self.dir), mapped.as_ref(), &line.digest)?;
        }
        for line in &self.manifest.statements {
            let path = self.dir.join(line.file_name());
            let bytes = std::fs::read(&path).map_err(|error| FeedError::File(path.clone(), error))?;
            check(path, &bytes, &line.digest)?;
        }
        Ok(())
    }

    /// Its segments with their bytes, oldest first.
    pub fn segments(&self) -> impl Iterator<Item = (&SegmentLine, &[u8])> {
        self.manifest.segments.iter().zip(self.segments.iter().map(AsRef::as_ref))
    }

    /// The bytes of a segment, by its place in the list.
    pub(crate) fn segment(&self, number: usize) -> &[u8] {
        self.segments.get(number).map(AsRef::as_ref).unwrap_or_default()
    }

    pub(crate) fn damaged(&self, number: usize, source: index::SegmentError) -> FeedError {
        let path = self.manifest.segments.get(number).map_or_else(|| self.dir.clone(), |line| line.path(&self.dir));
        FeedError::Segment { path, source }
    }
}

/// Maps a segment whose length is what the list says.
fn map(dir: &Path, line: &SegmentLine) -> Result<Mapped, FeedError> {
    let path = line.path(dir);
    let mapped = Mapped::open(&path).map_err(|error| FeedError::File(path.clone(), error))?;
    let found = mapped.as_ref().len() as u64;
    if found == line.bytes {
        return Ok(mapped);
    }
    Err(FeedError::Segment { path, source: index::SegmentError::Length { expected: line.bytes, found } })
}

fn check(path: PathBuf, bytes: &[u8], expected: &str) -> Result<(), FeedError> {
    let found = digest_of(bytes);
    if found == expected { Ok(()) } else { Err(FeedError::Digest { path, found }) }
}

/// Held by whoever changes a database. Goes with the process, whatever ends it.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it, or says that somebody else has it. Makes the directory if there is none.
    pub(crate) fn take(dir: &Path) -> Result<Self, FeedError> {
        std::fs::create_dir_all(dir).map_err(|error| FeedError::File(dir.to_owned(), error))?;
        let path = dir.join(LOCK_NAME);
        let file = File::create(&path).map_err(|error| FeedError::File(path.clone(), error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(FeedError::Busy(dir.to_owned())),
            Err(TryLockError::Error(error)) => Err(FeedError::File(path, error)),
        }
    }
}

/// Removes what no list names: what an import that was ended left, and segments that were merged.
pub(crate) fn clean(dir: &Path, manifest: &Manifest) -> Result<(), FeedError> {
    let mut named: BTreeSet<String> = manifest.segments.iter().map(SegmentLine::file_name).collect();
    named.extend(manifest.statements.iter().map(crate::manifest::StatementsLine::file_name));
    named.extend(manifest.known.clone());
    let failed = |error| FeedError::File(dir.to_owned(), error);
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = name.starts_with(WRITING) || [".segment", ".vex", ".known"].iter().any(|end| name.ends_with(end));
        if is_ours && name != NAME && !named.contains(&name) {
            std::fs::remove_file(entry.path()).map_err(|error| FeedError::File(entry.path(), error))?;
        }
    }
    Ok(())
}
