//! Where the command line leaves custody records for a running server, which has the vault to itself.
//!
//! Not a queue: a file a record, whole or not there. Invariant: what was left is a record of the vault before its file goes, so a crash
//! repeats a record and never loses one.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use yagura_store::{CUSTODY_BYTES_MAX, Custody};

/// Name of the directory, beside the vault.
pub const INBOX_DIR: &str = "custody";
/// How many requests are taken at once.
pub const WAITING_MAX: usize = 64;

/// Leaves a custody record for the server on this data directory.
///
/// # Errors
/// The system's own.
pub fn leave(inbox: &Path, custody: &Custody) -> io::Result<PathBuf> {
    fs::create_dir_all(inbox)?;
    let payload = custody.encode();
    let name = super::view::sha256(&payload);
    let (aside, path) = (inbox.join(format!("{name}.new")), inbox.join(format!("{name}.json")));
    let mut file = fs::File::create(&aside)?;
    file.write_all(&payload)?;
    file.sync_all()?;
    fs::rename(&aside, &path)?;
    fs::File::open(inbox)?.sync_all()?;
    Ok(path)
}

/// What waits, oldest name first. Files that are no custody records stay where they are.
///
/// # Errors
/// The system's own.
pub fn waiting(inbox: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let entries = match fs::read_dir(inbox) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "json"));
    paths.sort();
    let mut found = Vec::new();
    for path in paths.into_iter().take(WAITING_MAX) {
        if fs::metadata(&path)?.len() <= CUSTODY_BYTES_MAX as u64 {
            let payload = fs::read(&path)?;
            if Custody::decode(&payload).is_some() {
                found.push((path, payload));
            }
        }
    }
    Ok(found)
}
