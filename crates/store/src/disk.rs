//! The one place of this crate that touches files.
//!
//! Not an object store: that is `objects`. Invariant of [`LocalDisk`]: after [`Disk::sync_dir`] the
//! names in a directory are durable, after [`DiskFile::sync`] the bytes of a file are. Tests put a simulated disk here, one
//! that fills up, tears writes and forgets what was not synced.

use std::fmt::Debug;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A directory tree. Paths are relative to its root and separated by `/`.
pub trait Disk: Debug + Send + Sync {
    /// The names in a directory, in any order; none if it is not there.
    ///
    /// # Errors
    /// The system's own.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    fn open(&self, file: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` if it is not there.
    fn open_to_write(&self, file: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Makes an empty file, and its directories if they are not there. A file of that name is emptied.
    ///
    /// # Errors
    /// The system's own.
    fn create(&self, file: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, replacing what has it; makes the directories of the new name.
    ///
    /// # Errors
    /// The system's own.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file, or a directory with all that is in it. Nothing happens if it is not there.
    ///
    /// # Errors
    /// The system's own.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// The system's own.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Locks a file against other processes until the guard is dropped; makes it if it is not there.
    ///
    /// # Errors
    /// `WouldBlock` if another process holds it.
    fn lock(&self, file: &str) -> io::Result<Box<dyn Lock>>;
}

/// Holds a lock until it is dropped.
pub trait Lock: Debug + Send + Sync {}

/// An open file.
pub trait DiskFile: Debug + Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// The system's own.
    fn size(&self) -> io::Result<u64>;

    /// Reads into `buf` from `offset` on and returns how much was read; less than asked for only at the end of the file.
    ///
    /// # Errors
    /// The system's own.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` from `offset` on. On an error any part of it may have been written.
    ///
    /// # Errors
    /// The system's own.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to this length.
    ///
    /// # Errors
    /// The system's own.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Makes the bytes and the length durable.
    ///
    /// # Errors
    /// The system's own.
    fn sync(&self) -> io::Result<()>;
}

/// A directory of this machine.
#[derive(Debug)]
pub struct LocalDisk {
    root: PathBuf,
}

impl LocalDisk {
    /// The disk whose root is this directory. It is made on the first write.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Gives a file a second name unless something has it; makes the directories of the new name.
    pub(crate) fn link(&self, from: &str, to: &str) -> io::Result<()> {
        let to = self.path(to);
        to.parent().map_or(Ok(()), make_dirs)?;
        fs::hard_link(self.path(from), to)
    }

    /// All files below a directory with their lengths, relative to the root.
    pub(crate) fn files_below(&self, dir: &str) -> io::Result<Vec<(String, u64)>> {
        let (mut found, mut dirs) = (Vec::new(), vec![dir.to_owned()]);
        while let Some(dir) = dirs.pop() {
            let entries = match fs::read_dir(self.path(&dir)) {
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    continue;
                }
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
                match entry.metadata() {
                    Ok(meta) if meta.is_dir() => dirs.push(path),
                    Ok(meta) => found.push((path, meta.len())),
                    // It went away meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(found)
    }

    fn path(&self, relative: &str) -> PathBuf {
        if relative.is_empty() { self.root.clone() } else { self.root.join(relative) }
    }
}

/// What the lake needs besides.
#[cfg(feature = "lake")]
impl LocalDisk {
    /// Makes the root directory.
    pub(crate) fn make_root(&self) -> io::Result<()> {
        make_dirs(&self.root)
    }

    /// A file as Parquet readers want it.
    pub(crate) fn file(&self, file: &str) -> io::Result<File> {
        File::open(self.path(file))
    }

    /// All of a small text.
    pub(crate) fn text(&self, file: &str) -> io::Result<String> {
        fs::read_to_string(self.path(file))
    }

    /// When the file was last written, microseconds since 1970.
    pub(crate) fn written(&self, file: &str) -> io::Result<i64> {
        let time = fs::metadata(self.path(file))?.modified()?;
        let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// All files below the root, but for directories whose name begins with `_`.
    pub(crate) fn walk(&self) -> io::Result<Vec<String>> {
        let (mut found, mut dirs) = (Vec::new(), vec![String::new()]);
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(self.path(&dir))? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
                if !entry.file_type()?.is_dir() {
                    found.push(path);
                } else if !name.starts_with('_') {
                    dirs.push(path);
                }
            }
        }
        Ok(found)
    }
}

/// Makes a directory and its missing parents, each durable in its own parent.
fn make_dirs(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_dirs(parent)?;
    }
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

impl Disk for LocalDisk {
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(dir)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn open(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::open(self.path(file))?))
    }

    fn open_to_write(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::options().read(true).write(true).open(self.path(file))?))
    }

    fn create(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.path(file);
        path.parent().map_or(Ok(()), make_dirs)?;
        Ok(Box::new(File::options().read(true).write(true).create(true).truncate(true).open(path)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let to = self.path(to);
        to.parent().map_or(Ok(()), make_dirs)?;
        fs::rename(self.path(from), to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.path(path);
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.path(dir))?.sync_all()
    }

    fn lock(&self, file: &str) -> io::Result<Box<dyn Lock>> {
        let path = self.path(file);
        path.parent().map_or(Ok(()), make_dirs)?;
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Lock for File {}

impl DiskFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < buf.len() {
            match std::os::unix::fs::FileExt::read_at(self, &mut buf[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(n) => read += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Bytes in memory, to be read alone.
#[derive(Debug)]
pub(crate) struct MemoryFile(pub(crate) Vec<u8>);

impl DiskFile for MemoryFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or(&[]);
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn truncate(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
