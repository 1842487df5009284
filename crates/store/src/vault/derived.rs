//! Files in the vault's directory that are made of its records and may be lost: `derived/NAME`.
//!
//! Not evidence, and no part of the archive. Invariant: a file is whole, or the one before it, or not there.

use super::error::VaultError;
use super::publish::{read_all, sync_dirs, write_file};
use super::reader::VaultReader;
use std::collections::BTreeSet;

/// Directory of such files.
const DERIVED: &str = "derived";

impl VaultReader {
    /// Replaces a derived file.
    ///
    /// # Errors
    /// The disk's own.
    pub fn keep_derived(&self, name: &str, bytes: &[u8]) -> Result<(), VaultError> {
        let disk = &*self.shared.disk;
        let mut dirs = BTreeSet::new();
        write_file(disk, &format!("{DERIVED}/{name}"), bytes, &mut dirs)?;
        sync_dirs(disk, &dirs)
    }

    /// A derived file, at most a byte more than `bytes_max` of it; `None` if it is not there.
    ///
    /// # Errors
    /// The disk's own.
    pub fn derived(&self, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, VaultError> {
        read_all(&*self.shared.disk, &format!("{DERIVED}/{name}"), bytes_max)
    }
}
