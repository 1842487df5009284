//! A file that nobody changes, as bytes in memory: mapped, so that only what is looked at is read.
//!
//! Not for files that are written in place: what changes under a mapping is undefined behaviour, and what is cut off is a bus error. It is for
//! files that are named by their digest, written under another name, and renamed when they are complete (ADR-0036). The only `unsafe` of the
//! workspace is here.

use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::path::Path;

/// The bytes of a file.
#[derive(Debug)]
pub struct Mapped(Mmap);

impl Mapped {
    /// Maps a file whole.
    ///
    /// # Errors
    /// It cannot be opened or mapped.
    #[expect(unsafe_code, reason = "a mapping is safe only if the file is never changed, which no type can say")]
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: whoever calls this maps files that are complete before they have their name and are only ever removed after that; a removed
        // file stays as it is until its last mapping goes.
        unsafe { Mmap::map(&file) }.map(Self)
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Mapped;

    #[test]
    fn a_mapping_is_the_file_and_outlives_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, b"watchtower").unwrap();
        let mapped = Mapped::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(mapped.as_ref(), b"watchtower");
        assert!(Mapped::open(&path).is_err());
        std::fs::write(&path, b"").unwrap();
        assert_eq!(Mapped::open(&path).unwrap().as_ref(), b"");
    }
}
