//! The advisories that the server knows: the segments of a database directory, opened as a whole.
//!
//! Not an importer: `yagura feed import --db DIR` writes the directory (`database.json` and the segments that it lists). Invariants: what is
//! opened is one list of that file, so a reader sees the state before or after an import; a segment whose bytes are not those of its name
//! is refused, and then what was open stays open. Cost: a segment is read once; looking for a new list reads one small file.

use crate::auth::hex;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use yagura_model::UnixMicros;
use yagura_psirt::Instant;
use yagura_psirt::index::{Database, SegmentError};

/// The list's name in the directory.
const LIST: &str = "database.json";
/// The format of the list that is read.
const FORMAT: u32 = 1;

/// Why advisories cannot be opened. What was open before stays open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnowledgeError {
    /// A file of the directory cannot be read.
    #[error("cannot read {}", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// The list is none.
    #[error("{} is not a list of segments: import again with `yagura feed import`", .0.display())]
    List(PathBuf, #[source] serde_json::Error),
    /// The list was written by a newer program.
    #[error("{} has format {found}, this program reads {FORMAT}: install the newer program", path.display())]
    Newer {
        /// The list.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A segment is not what its name says.
    #[error("{} is damaged: remove the directory and import again", .0.display())]
    Damaged(PathBuf),
    /// A segment cannot be understood.
    #[error("segment {0} cannot be used: remove the directory and import again")]
    Segment(String, #[source] SegmentError),
}

#[derive(Deserialize)]
struct List {
    format: u32,
    segments: Vec<Line>,
}

#[derive(Clone, Deserialize, Eq, PartialEq)]
struct Line {
    digest: String,
    kind: String,
}

/// One segment in memory.
#[derive(Debug)]
struct Piece {
    digest: String,
    is_advisories: bool,
    bytes: Vec<u8>,
}

/// What was known when a list was opened. It stays as it is.
#[derive(Debug, Default)]
pub struct Known {
    pieces: Vec<Arc<Piece>>,
    mark: String,
}

impl Known {
    /// Segments of advisories that are in no directory.
    #[cfg(test)]
    pub(super) fn of(segments: Vec<Vec<u8>>) -> Self {
        let piece = |bytes| Arc::new(Piece { digest: hex(&Sha256::digest(&bytes)), is_advisories: true, bytes });
        Self { pieces: segments.into_iter().map(piece).collect(), mark: String::new() }
    }

    /// A name for exactly these segments; empty if there are none.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// The digests of the segments, oldest first.
    pub fn digests(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().map(|piece| piece.digest.as_str())
    }

    /// The bytes of a segment of advisories; `None` if there is none of this digest, or it is of another kind.
    #[must_use]
    pub fn advisories(&self, digest: &str) -> Option<&[u8]> {
        let piece = self.pieces.iter().find(|piece| piece.digest == digest && piece.is_advisories)?;
        Some(&piece.bytes)
    }

    /// The database of these segments, as of `now`.
    ///
    /// # Errors
    /// [`KnowledgeError::Segment`]
    pub fn database(&self, now: UnixMicros) -> Result<Database<'_>, KnowledgeError> {
        let bytes: Vec<&[u8]> = self.pieces.iter().map(|piece| piece.bytes.as_slice()).collect();
        Database::open(&bytes, Instant(now.0)).map_err(|(index, error)| {
            let digest = self.pieces.get(index).map(|piece| piece.digest.clone());
            KnowledgeError::Segment(digest.unwrap_or_default(), error)
        })
    }
}

/// The advisories of a directory, as they grow. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    dir: Option<Arc<Path>>,
    known: Arc<RwLock<Arc<Known>>>,
}

impl Knowledge {
    /// The database in `dir`, which need not be there yet. Nothing is read before [`Self::look`].
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self { dir: Some(dir.into()), known: Arc::default() }
    }

    /// What is known now.
    #[must_use]
    pub fn now(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens what is new in the directory; blocks on files.
    ///
    /// # Errors
    /// [`KnowledgeError`]; then what was known stays.
    pub fn look(&self) -> Result<Arc<Known>, KnowledgeError> {
        let Some(dir) = &self.dir else { return Ok(self.now()) };
        let lines = lines(dir)?;
        let before = self.now();
        if before.digests().eq(lines.iter().map(|line| line.digest.as_str())) {
            return Ok(before);
        }
        let mut pieces = Vec::with_capacity(lines.len());
        for line in &lines {
            let held = before.pieces.iter().find(|piece| piece.digest == line.digest);
            pieces.push(match held {
                Some(held) => Arc::clone(held),
                None => Arc::new(read(dir, line)?),
            });
        }
        let known = Arc::new(Known { mark: mark(&lines), pieces });
        known.database(UnixMicros(i64::MAX))?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&known);
        Ok(known)
    }
}

fn lines(dir: &Path) -> Result<Vec<Line>, KnowledgeError> {
    let path = dir.join(LIST);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(KnowledgeError::File(path, error)),
    };
    let list: List = serde_json::from_slice(&bytes).map_err(|error| KnowledgeError::List(path.clone(), error))?;
    if list.format > FORMAT {
        return Err(KnowledgeError::Newer { path, found: list.format });
    }
    Ok(list.segments)
}

fn read(dir: &Path, line: &Line) -> Result<Piece, KnowledgeError> {
    let path = dir.join(format!("{}.segment", line.digest));
    let bytes = std::fs::read(&path).map_err(|error| KnowledgeError::File(path.clone(), error))?;
    if hex(&Sha256::digest(&bytes)) != line.digest {
        return Err(KnowledgeError::Damaged(path));
    }
    Ok(Piece { digest: line.digest.clone(), is_advisories: line.kind == "advisories", bytes })
}

fn mark(lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut digest = Sha256::new();
    for line in lines {
        digest.update(line.digest.as_bytes());
    }
    hex(&digest.finalize())
}
