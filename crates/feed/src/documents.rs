//! Every document under a path: of directories, of tar and zip archives, plain or packed (gzip, bzip2, xz, zstd), told apart by content.
//!
//! Not a filter: what is not a document of interest is the visitor's to pass over. Directories are walked in the order of their names,
//! without hidden entries (`.git`) and without following links. Bounds: [`DOCUMENT_BYTES_MAX`] unpacked bytes of one document,
//! [`ARCHIVE_DEPTH_MAX`] archives within one another; a stream is never held in memory, a zip inside an archive is spooled to disk.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use walkdir::{DirEntry, WalkDir};
use yagura_capture::Input;

/// How much one document may unpack to. NVD's largest yearly feed has 0.2 GB, an SBOM of a whole vehicle 0.5.
pub const DOCUMENT_BYTES_MAX: u64 = 1 << 32;
/// How deep archives may lie within one another: a release that holds an archive of packed archives.
pub const ARCHIVE_DEPTH_MAX: usize = 3;
/// Where a tar header says `ustar`.
const TAR_MAGIC_AT: usize = 257;
/// How much of the start tells an archive.
const START_BYTES: u64 = 512;
/// Room for what is read from a file.
const BUFFER_BYTES: usize = 1 << 18;

/// Who takes the documents.
pub trait Visitor {
    /// A document. `place` is a path, with `!` before each name inside an archive.
    ///
    /// # Errors
    /// Reading failed: it is given back as [`Self::trouble`], and the walk goes on behind the document.
    fn document(&mut self, place: &str, bytes: &mut dyn BufRead) -> io::Result<()>;
    /// Something at `place` could not be read.
    fn trouble(&mut self, place: &str, error: &io::Error);
}

/// Visits every document under `path`: a file or a directory.
pub fn visit(path: &Path, visitor: &mut dyn Visitor) {
    let shown = |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    for entry in WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(shown) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if entry.depth() > 0 && entry.path_is_symlink() => {}
            Ok(entry) => {
                let place = entry.path().display().to_string();
                let opened = File::open(entry.path());
                settle(&place, opened.and_then(|file| visit_file(&place, file, 0, visitor)), visitor);
            }
            Err(error) => {
                let place = error.path().unwrap_or(path).display().to_string();
                visitor.trouble(&place, &error.into());
            }
        }
    }
}

/// Visits every document of a stream, such as standard input.
pub fn visit_stream(place: &str, stream: impl Read, visitor: &mut dyn Visitor) {
    settle(place, visit_packed(place, &mut BufReader::with_capacity(BUFFER_BYTES, stream), 0, visitor), visitor);
}

fn settle(place: &str, outcome: io::Result<()>, visitor: &mut dyn Visitor) {
    if let Err(error) = outcome {
        visitor.trouble(place, &error);
    }
}

/// A file can be sought in, which a zip needs.
fn visit_file(place: &str, mut file: File, depth: usize, visitor: &mut dyn Visitor) -> io::Result<()> {
    let mut magic = [0; 4];
    let length = read_up_to(&mut file, &mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    if is_zip(magic.get(..length).unwrap_or_default()) {
        return visit_zip(place, file, depth, visitor);
    }
    visit_packed(place, &mut BufReader::with_capacity(BUFFER_BYTES, file), depth, visitor)
}

fn visit_packed(place: &str, stream: &mut dyn BufRead, depth: usize, visitor: &mut dyn Visitor) -> io::Result<()> {
    if depth > ARCHIVE_DEPTH_MAX {
        let most =
            format!("archives lie more than {ARCHIVE_DEPTH_MAX} deep in one another; unpack the outer ones first");
        return Err(io::Error::new(io::ErrorKind::InvalidData, most));
    }
    let mut unpacked = Bounded { read: Input::new(stream)?, left: DOCUMENT_BYTES_MAX };
    let mut start = Vec::new();
    unpacked.by_ref().take(START_BYTES).read_to_end(&mut start)?;
    if is_zip(&start) {
        let mut spool = tempfile::tempfile()?;
        io::copy(&mut Cursor::new(start).chain(unpacked), &mut spool)?;
        spool.seek(SeekFrom::Start(0))?;
        return visit_zip(place, spool, depth, visitor);
    }
    if start.get(TAR_MAGIC_AT..).is_some_and(|magic| magic.starts_with(b"ustar")) {
        // The bound is for each document of the archive, not for the archive.
        return visit_tar(place, Cursor::new(start).chain(unpacked.read), depth, visitor);
    }
    visitor.document(place, &mut BufReader::with_capacity(BUFFER_BYTES, Cursor::new(start).chain(unpacked)))
}

fn visit_tar(place: &str, stream: impl Read, depth: usize, visitor: &mut dyn Visitor) -> io::Result<()> {
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries()? {
        let entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let inner = format!("{place}!{}", String::from_utf8_lossy(&entry.path_bytes()));
        let whole = Whole { left: entry.size(), read: entry };
        let outcome = visit_packed(&inner, &mut BufReader::new(whole), depth.saturating_add(1), visitor);
        settle(&inner, outcome, visitor);
    }
    Ok(())
}

fn visit_zip(place: &str, file: File, depth: usize, visitor: &mut dyn Visitor) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(BufReader::with_capacity(BUFFER_BYTES, file))?;
    for index in 0..archive.len() {
        let entry = match archive.by_index(index) {
            Ok(entry) if entry.is_file() => entry,
            Ok(_) => continue,
            Err(error) => {
                visitor.trouble(&format!("{place}!#{index}"), &error.into());
                continue;
            }
        };
        let inner = format!("{place}!{}", String::from_utf8_lossy(entry.name_raw()));
        let outcome = visit_packed(&inner, &mut BufReader::new(entry), depth.saturating_add(1), visitor);
        settle(&inner, outcome, visitor);
    }
    Ok(())
}

fn is_zip(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

fn read_up_to(read: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(room) = buffer.get_mut(length..).filter(|room| !room.is_empty()) {
        match read.read(room) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Fails where a document unpacks to more than it may, rather than ending it there.
struct Bounded<R> {
    read: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.read.read(buffer)?;
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("unpacks to more than {DOCUMENT_BYTES_MAX} bytes"))
        })?;
        Ok(length)
    }
}

/// Fails where an archive ends within one of its documents, which `tar` takes for the document's end.
struct Whole<R> {
    read: R,
    left: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.read.read(buffer)?;
        if length == 0 && self.left > 0 && !buffer.is_empty() {
            let what = format!("the archive ends {} bytes before this document does", self.left);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        self.left = self.left.saturating_sub(length as u64);
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
