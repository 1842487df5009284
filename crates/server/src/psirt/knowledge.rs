//! The advisories that the server knows: a database directory, opened as a whole.
//!
//! Not an importer: `yagura feed import --db DIR` writes the directory. Invariants: what is opened is one list of its segments, so a reader
//! sees the state before or after an import; a segment whose bytes are not those of its name is refused, and then what was open stays open.
//! Cost: segments are mapped; a new list is read whole once, to verify it; looking for one reads a small file.

use crate::auth::hex;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use yagura_feed::{FeedError, SegmentLine, Statements};
use yagura_model::UnixMicros;
use yagura_psirt::Instant;
use yagura_psirt::index::Database;

/// What was known when a list was opened. It stays as it is.
#[derive(Debug, Default)]
pub struct Known {
    database: Option<yagura_feed::Database>,
    statements: Vec<Statements>,
    mark: String,
}

impl Known {
    /// A name for exactly these segments and statements; empty if there are none.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// The digests of the segments, oldest first, and then of the documents of statements.
    pub fn digests(&self) -> impl Iterator<Item = &str> {
        self.database.iter().flat_map(digests)
    }

    /// How many segments there are.
    #[must_use]
    pub fn segments_count(&self) -> usize {
        self.segments().count()
    }

    /// What suppliers say of vulnerabilities (VEX).
    #[must_use]
    pub fn statements(&self) -> &[Statements] {
        &self.statements
    }

    /// The bytes of a segment of advisories; `None` if there is none of this digest, or it is of another kind.
    #[must_use]
    pub fn advisories(&self, digest: &str) -> Option<&[u8]> {
        self.segments().find(|(line, _)| line.digest == digest && line.kind == "advisories").map(|(_, bytes)| bytes)
    }

    /// The index over these segments, as of `now`.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn database(&self, now: UnixMicros) -> Result<Database<'_>, FeedError> {
        match &self.database {
            Some(database) => database.index(Instant(now.0)),
            None => Database::open(&[], Instant(now.0))
                .map_err(|(_, source)| FeedError::Segment { path: PathBuf::new(), source }),
        }
    }

    fn segments(&self) -> impl Iterator<Item = (&SegmentLine, &[u8])> {
        self.database.iter().flat_map(yagura_feed::Database::segments)
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
    /// It cannot be read, or is damaged; then what was known stays.
    pub fn look(&self) -> Result<Arc<Known>, FeedError> {
        let before = self.now();
        let Some(dir) = &self.dir else { return Ok(before) };
        let database = match yagura_feed::Database::open(dir) {
            Ok(database) => Some(database),
            Err(FeedError::Absent(_)) => None,
            Err(error) => return Err(error),
        };
        let mark = database.as_ref().map_or_else(String::new, mark);
        if before.mark == mark {
            return Ok(before);
        }
        let mut statements = Vec::new();
        if let Some(database) = &database {
            database.verify()?;
            statements = database.statements()?;
        }
        let known = Arc::new(Known { database, statements, mark });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&known);
        Ok(known)
    }
}

fn digests(database: &yagura_feed::Database) -> impl Iterator<Item = &str> {
    let manifest = database.manifest();
    let segments = manifest.segments.iter().map(|line| line.digest.as_str());
    segments.chain(manifest.statements.iter().map(|line| line.digest.as_str()))
}

fn mark(database: &yagura_feed::Database) -> String {
    if digests(database).next().is_none() {
        return String::new();
    }
    hex(&digests(database).fold(Sha256::new(), |all, digest| all.chain_update(digest.as_bytes())).finalize())
}
