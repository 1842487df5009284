//! Finds and unpacks the test data that is kept beside the repository. Not for the product: decompression without limits.

use std::io::Read;
use std::path::PathBuf;

/// A file of the data, or `None` and a line that says so.
pub(crate) fn file(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/psirt").join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("skipped: no {name} in ../shared/data/psirt");
    }
    bytes
}

/// The text of a `.zst` file.
pub(crate) fn text(name: &str) -> Option<String> {
    let mut text = String::new();
    zstd::Decoder::new(&*file(name)?).unwrap().read_to_string(&mut text).unwrap();
    Some(text)
}

/// Files of a `.tar.zst` by path.
pub(crate) fn archive(name: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let packed = file(name)?;
    let mut archive = tar::Archive::new(zstd::Decoder::new(&*packed).unwrap());
    let mut files = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.push((path, bytes));
    }
    Some(files)
}
