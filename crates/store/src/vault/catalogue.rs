//! Which segments are in the archive, which of those were deleted: the file `archived`.
//!
//! Not the archive and not proof of anything: the tree and the deletion records are. Invariants: its segments follow each other from
//! position 0 without gaps; the file is replaced as a whole. Cost: a line of about 60 bytes a segment.

use super::error::{Damage, VaultError};
use super::publish::{read_all, sync_dirs, write_file};
use super::reader::damage;
use crate::disk::Disk;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The file, relative to the vault.
pub(crate) const CATALOGUE: &str = "archived";
const HEADING: &str = "yagura archived segments 1";
/// The longest catalogue that is read: a million segments.
const CATALOGUE_BYTES_MAX: usize = 64 << 20;

/// A segment that the archive has or had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sealed {
    pub(crate) first: u64,
    /// The position behind its last record.
    pub(crate) end: u64,
    pub(crate) bytes: u64,
    pub(crate) payloads: Payloads,
}

/// What became of a segment's payloads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Payloads {
    /// The archive has them.
    Kept,
    /// Deleted here on purpose; a record of the vault says so. The archive has them until it has that record too, so that it never calls
    /// a segment deleted that no record in it announces.
    Leaving,
    /// Deleted here and in the archive.
    Deleted,
}

impl Payloads {
    const ALL: [Self; 3] = [Self::Kept, Self::Leaving, Self::Deleted];

    /// As the catalogue's lines end.
    const fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Leaving => "leaving",
            Self::Deleted => "deleted",
        }
    }
}

impl Sealed {
    /// Whether its payloads may be read: no record announces that they were deleted.
    pub(crate) fn is_kept(self) -> bool {
        self.payloads == Payloads::Kept
    }
}

/// The segments from position 0 on that were archived.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Catalogue {
    pub(crate) sealed: Vec<Sealed>,
}

impl Catalogue {
    /// Reads the catalogue of a vault; an empty one if there is none.
    pub(crate) fn read(disk: &dyn Disk) -> Result<Self, VaultError> {
        let Some(bytes) = read_all(disk, CATALOGUE, CATALOGUE_BYTES_MAX)? else { return Ok(Self::default()) };
        let parsed = std::str::from_utf8(&bytes).ok().and_then(Self::parse);
        parsed.ok_or_else(|| damage(CATALOGUE, 0, Damage::Catalogue))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != HEADING {
            return None;
        }
        let mut catalogue = Self::default();
        for line in lines {
            let mut words = line.split(' ');
            let mut number = || words.next()?.parse::<u64>().ok();
            let (first, end, bytes) = (number()?, number()?, number()?);
            let word = words.next()?;
            let payloads = Payloads::ALL.into_iter().find(|payloads| payloads.word() == word)?;
            if words.next().is_some() || !catalogue.push(Sealed { first, end, bytes, payloads }) {
                return None;
            }
        }
        Some(catalogue)
    }

    /// Adds the segment that follows; `false` if it does not.
    pub(crate) fn push(&mut self, sealed: Sealed) -> bool {
        let follows = sealed.first == self.end() && sealed.end > sealed.first;
        if follows {
            self.sealed.push(sealed);
        }
        follows
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("{HEADING}\n");
        for Sealed { first, end, bytes, payloads } in &self.sealed {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{first} {end} {bytes} {}", payloads.word());
        }
        text
    }

    /// Replaces the file.
    pub(crate) fn write(&self, disk: &dyn Disk) -> Result<(), VaultError> {
        let mut dirs = BTreeSet::new();
        write_file(disk, CATALOGUE, self.text().as_bytes(), &mut dirs)?;
        sync_dirs(disk, &dirs)
    }

    /// The position behind the last archived record.
    pub(crate) fn end(&self) -> u64 {
        self.sealed.last().map_or(0, |last| last.end)
    }

    /// The segment that holds or held this position.
    pub(crate) fn at(&self, position: u64) -> Option<Sealed> {
        let index = self.sealed.partition_point(|sealed| sealed.end <= position);
        self.sealed.get(index).copied()
    }

    /// The segments that are deleted here, first and end.
    pub(crate) fn deleted(&self) -> Vec<(u64, u64)> {
        self.sealed.iter().filter(|sealed| !sealed.is_kept()).map(|sealed| (sealed.first, sealed.end)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_catalogue_without_gaps_is_read_back() {
        let mut catalogue = Catalogue::default();
        assert!(catalogue.push(Sealed { first: 0, end: 5, bytes: 100, payloads: Payloads::Deleted }));
        assert!(!catalogue.push(Sealed { first: 6, end: 9, bytes: 1, payloads: Payloads::Kept }));
        assert!(catalogue.push(Sealed { first: 5, end: 9, bytes: 70, payloads: Payloads::Kept }));
        assert!(catalogue.push(Sealed { first: 9, end: 12, bytes: 40, payloads: Payloads::Leaving }));
        assert_eq!(Catalogue::parse(&catalogue.text()), Some(catalogue.clone()));
        assert_eq!((catalogue.end(), catalogue.deleted()), (12, vec![(0, 5), (9, 12)]));
        assert_eq!(catalogue.at(5).map(|sealed| sealed.end), Some(9));
        assert_eq!(catalogue.at(12), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "(yagura archived segments 1\n)?[0-9 keptdlaving\n]{0,60}") {
            let _ = Catalogue::parse(&text);
        }
    }
}
