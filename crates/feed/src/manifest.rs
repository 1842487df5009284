//! The list of a database's segments: what is in the directory counts only if it stands here.
//!
//! Not the index. One JSON file, replaced whole by renaming, so that a reader sees the list before or after an import and never between.

use crate::error::FeedError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use yagura_psirt::Instant;

/// The format that is written.
const FORMAT: u32 = 1;
/// How the names of files begin that are being written.
pub(crate) const WRITING: &str = ".writing-";
/// The list's name in the directory.
pub(crate) const NAME: &str = "database.json";

/// What a database consists of.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Manifest {
    format: u32,
    /// Its segments, oldest first.
    pub segments: Vec<SegmentLine>,
    /// Documents of statements, oldest first.
    #[serde(default)]
    pub statements: Vec<StatementsLine>,
    /// The file of what is known as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// No record became known later, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// What was imported, newest last; at most [`Manifest::IMPORTS_MAX`].
    pub imports: Vec<ImportLine>,
}

/// One segment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SegmentLine {
    /// SHA-256 of its bytes, in hexadecimal: its file is `DIGEST.segment`.
    pub digest: String,
    /// Its length.
    pub bytes: u64,
    /// `advisories`, `mapping`, `exploited` or `epss`.
    pub kind: String,
    /// How many records it holds.
    pub records: u64,
    /// Since when it is known, RFC 3339.
    pub known_from: String,
}

/// One document of statements (VEX), kept as it came.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StatementsLine {
    /// SHA-256 of its bytes, in hexadecimal: its file is `DIGEST.vex`.
    pub digest: String,
    /// Where it came from.
    pub place: String,
    /// Since when it is known, RFC 3339.
    pub known_from: String,
}

/// One import.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ImportLine {
    /// When, RFC 3339.
    pub time: String,
    /// From where.
    pub origin: Vec<String>,
    /// Documents that were looked at.
    pub documents: u64,
    /// Records that were new or had changed.
    pub taken: u64,
    /// Records that were known as they are.
    pub known: u64,
    /// What was wrong with a document or a record.
    pub anomalies: u64,
    /// Documents that are of no known kind.
    pub passed_over: u64,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            format: FORMAT,
            segments: Vec::new(),
            statements: Vec::new(),
            known: None,
            newest: None,
            imports: Vec::new(),
        }
    }
}

impl Manifest {
    /// How many imports are remembered.
    pub const IMPORTS_MAX: usize = 100;

    /// No record became known later.
    #[must_use]
    pub fn newest(&self) -> Option<Instant> {
        self.newest.as_deref().and_then(Instant::parse)
    }

    /// Reads the list of a directory; `None` if there is none.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, FeedError> {
        let path = dir.join(NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FeedError::File(path, error)),
        };
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|error| FeedError::Manifest(path.clone(), error))?;
        if manifest.format > FORMAT {
            return Err(FeedError::Newer { path, found: manifest.format, known: FORMAT });
        }
        Ok(Some(manifest))
    }

    /// Puts the list in the place of the one before.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), FeedError> {
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| FeedError::Manifest(dir.join(NAME), error))?;
        put(dir, NAME, &bytes)
    }
}

impl SegmentLine {
    /// Its file.
    #[must_use]
    pub fn path(&self, dir: &Path) -> PathBuf {
        dir.join(self.file_name())
    }

    pub(crate) fn file_name(&self) -> String {
        format!("{}.segment", self.digest)
    }
}

impl StatementsLine {
    pub(crate) fn file_name(&self) -> String {
        format!("{}.vex", self.digest)
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Writes a file beside its name, makes it durable, and renames it.
pub(crate) fn put(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), FeedError> {
    let written = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(WRITING).tempfile_in(dir)?;
        io::Write::write_all(&mut file, bytes)?;
        file.as_file().sync_all()?;
        file.persist(dir.join(name)).map_err(|error| error.error)?;
        File::open(dir)?.sync_all()
    };
    written().map_err(|error| FeedError::File(dir.join(name), error))
}
