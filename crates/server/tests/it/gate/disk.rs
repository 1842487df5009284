//! A real directory that refuses to be written while the test says so.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use yagura_store::disk::{Disk, DiskFile, LocalDisk, Lock};

/// The switch of a [`FullDisk`].
#[derive(Clone, Debug, Default)]
pub(super) struct Full(Arc<AtomicBool>);

impl Full {
    pub(super) fn set(&self, full: bool) {
        self.0.store(full, Ordering::SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

/// A directory on a disk that can be full.
#[derive(Debug)]
pub(super) struct FullDisk {
    disk: LocalDisk,
    full: Full,
}

impl FullDisk {
    pub(super) fn new(root: &Path, full: Full) -> Self {
        Self { disk: LocalDisk::new(root), full }
    }

    fn file(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FullFile { file, full: self.full.clone() })
    }
}

impl Disk for FullDisk {
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn open(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(file)
    }

    fn open_to_write(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open_to_write(file).map(|file| self.file(file))
    }

    fn create(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        self.full.check()?;
        self.disk.create(file).map(|file| self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock(&self, file: &str) -> io::Result<Box<dyn Lock>> {
        self.disk.lock(file)
    }
}

#[derive(Debug)]
struct FullFile {
    file: Box<dyn DiskFile>,
    full: Full,
}

impl DiskFile for FullFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buf)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.full.check()?;
        self.file.write_at(offset, bytes)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.full.check()?;
        self.file.sync()
    }
}
