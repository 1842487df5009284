//! Finds the shared data. Not a fetcher: what is absent is said on the error output.

use std::io::Read;
use std::path::{Path, PathBuf};

/// The path of a file or folder of `shared/data/psirt`, if it is there.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/psirt").join(name);
    let is_there = path.exists();
    if !is_there {
        eprintln!("skipped: there is no {}", path.display());
    }
    is_there.then_some(path)
}

/// A file as bytes, decompressed if it ends with `.zst`.
pub(crate) fn bytes(name: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path(name)?).unwrap();
    Some(if name.ends_with(".zst") { zstd::decode_all(bytes.as_slice()).unwrap() } else { bytes })
}

/// The text of a file, decompressed if it ends with `.zst`.
pub(crate) fn text(name: &str) -> Option<String> {
    Some(String::from_utf8(bytes(name)?).unwrap())
}

/// The files of a `.tar.zst` as (path, content), in its order.
pub(crate) fn archive(name: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let bytes = bytes(name)?;
    let mut files = Vec::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.push((name, content));
        }
    }
    Some(files)
}
