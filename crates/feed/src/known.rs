//! Which records are known as they are, so that importing them again costs nothing and changes nothing.
//!
//! Not the records: half of the SHA-256 of what names a record, half of that of what it says, and when its source last changed it. A newer
//! program that reads more out of the same document has other digests, and takes the record again. 40 bytes a record, in memory too.
//!
//! The file: `YGRKNOWN`, then rows of 40 bytes in the order of their names; numbers are little-endian.

use crate::error::FeedError;
use crate::manifest::{Manifest, digest_of, put};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::io;
use std::path::Path;
use yagura_psirt::Instant;
use yagura_psirt::advisory::Advisory;

const MAGIC: &[u8; 8] = b"YGRKNOWN";
const ROW_BYTES: usize = 40;
/// Stands for a source that does not say when it changed a record.
const UNSAID: i64 = i64::MIN;

type Half = [u8; 16];

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct Known {
    rows: HashMap<Half, (Half, i64)>,
    /// What this import has brought, known or not.
    brought: HashSet<Half>,
}

/// How a record stands to what is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum News {
    /// It is new, or has changed.
    Taken,
    /// It is known as it is, or in a version that its source made later.
    Known,
    /// The same import brought another record of that name and date: the first stands.
    Doubled,
}

impl Known {
    /// Reads the file that the list of segments names. Without one nothing is known, and everything is taken again.
    pub(crate) fn read(dir: &Path, manifest: &Manifest) -> Result<Self, FeedError> {
        let Some(name) = &manifest.known else { return Ok(Self::default()) };
        let path = dir.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Self::from_bytes(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(FeedError::File(path, error)),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let rows = bytes.strip_prefix(MAGIC).unwrap_or_default().as_chunks::<ROW_BYTES>().0;
        let part = |row: &[u8; ROW_BYTES], at: usize| -> Half {
            row.get(at..at + 16).and_then(|part| part.try_into().ok()).unwrap_or_default()
        };
        let time = |row: &[u8; ROW_BYTES]| i64::from_le_bytes(row.last_chunk().copied().unwrap_or_default());
        let rows = rows.iter().map(|row| (part(row, 0), (part(row, 16), time(row)))).collect();
        Self { rows, brought: HashSet::new() }
    }

    /// Writes the file; says its name.
    pub(crate) fn write(&self, dir: &Path) -> Result<String, FeedError> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_unstable();
        let mut bytes = Vec::with_capacity(MAGIC.len() + rows.len() * ROW_BYTES);
        bytes.extend(MAGIC);
        for (name, (content, modified)) in rows {
            bytes.extend(name);
            bytes.extend(content);
            bytes.extend(modified.to_le_bytes());
        }
        let name = format!("{}.known", digest_of(&bytes));
        put(dir, &name, &bytes)?;
        Ok(name)
    }

    /// Notes an advisory.
    pub(crate) fn advisory(&mut self, advisory: &Advisory) -> News {
        let name = half(&(advisory.source, &advisory.document, &advisory.id));
        self.note(name, half(advisory), advisory.modified)
    }

    /// Notes something that there is one of, such as the KEV catalogue.
    pub(crate) fn only(&mut self, name: &str, content: &[u8]) -> News {
        self.note(half(&name), half(&content), None)
    }

    fn note(&mut self, name: Half, content: Half, modified: Option<Instant>) -> News {
        let modified = modified.map_or(UNSAID, |instant| instant.0);
        let is_again = !self.brought.insert(name);
        match self.rows.get_mut(&name) {
            Some((known, _)) if *known == content => News::Known,
            Some((_, newest)) if is_again && *newest == modified => News::Doubled,
            Some((_, newest)) if *newest > modified && modified != UNSAID => News::Known,
            Some(place) => {
                *place = (content, modified);
                News::Taken
            }
            None => {
                self.rows.insert(name, (content, modified));
                News::Taken
            }
        }
    }
}

/// The first half of the SHA-256 of what a value hashes.
fn half(value: &impl Hash) -> Half {
    let mut hasher = Sha(Sha256::new());
    value.hash(&mut hasher);
    hasher.0.finalize().first_chunk().copied().unwrap_or_default()
}

struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks: 64 bits are too few to tell records apart.
    fn finish(&self) -> u64 {
        u64::from_le_bytes(self.0.clone().finalize().first_chunk().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, News};
    use yagura_psirt::Instant;
    use yagura_psirt::advisory::{Advisory, Source};

    #[test]
    fn a_record_is_taken_when_it_is_new_or_changed_and_never_when_it_is_older() {
        let dir = tempfile::tempdir().unwrap();
        let mut known = Known::default();
        let mut advisory = Advisory::new("X-1", Source::Osv);
        advisory.modified = Some(Instant(5));
        assert_eq!([known.advisory(&advisory), known.advisory(&advisory)], [News::Taken, News::Known]);
        advisory.title = "changed".to_owned();
        assert_eq!(known.advisory(&advisory), News::Doubled);
        known.brought.clear();
        assert_eq!(known.advisory(&advisory), News::Taken);
        let name = known.write(dir.path()).unwrap();
        let mut known = Known::from_bytes(&std::fs::read(dir.path().join(name)).unwrap());
        assert_eq!(known.advisory(&advisory), News::Known);
        advisory.modified = Some(Instant(4));
        assert_eq!(known.advisory(&advisory), News::Known);
        advisory.modified = Some(Instant(6));
        assert_eq!(known.advisory(&advisory), News::Taken);
        advisory.source = Source::Cve;
        assert_eq!(known.advisory(&advisory), News::Taken);
    }
}
