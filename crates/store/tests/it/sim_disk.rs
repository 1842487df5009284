//! A disk in memory that can fill up, lose power at any operation, and forget what was not synced.
//!
//! Not a file system: names are flat, directories are prefixes. Invariant: after [`SimDisk::crash`] a file has what was synced,
//! and of the rest any prefix, garbled or not; a name that its directory was not synced for may be old or new.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use yagura_store::disk::{Disk, DiskFile, Lock};

type Content = Arc<Mutex<Bytes>>;
type Names = BTreeMap<String, Content>;

#[derive(Debug, Default)]
struct Bytes {
    now: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Debug)]
struct State {
    names: Names,
    durable_names: Names,
    /// Operations until the power goes.
    power: Option<u64>,
    /// Bytes that can still be written.
    space: u64,
    read_only: bool,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct SimDisk {
    state: Arc<Mutex<State>>,
    locked: Arc<AtomicBool>,
}

/// A small generator: same seed, same numbers.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }
}

impl SimDisk {
    pub(crate) fn new() -> Self {
        let (names, durable_names) = (Names::new(), Names::new());
        let state = State { names, durable_names, power: None, space: u64::MAX, read_only: false };
        Self { state: Arc::new(Mutex::new(state)), locked: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn cut_power_after(&self, operations: u64) {
        self.state().power = Some(operations);
    }

    pub(crate) fn power_left(&self) -> u64 {
        self.state().power.unwrap_or(u64::MAX)
    }

    pub(crate) fn leave_space(&self, bytes: u64) {
        self.state().space = bytes;
    }

    pub(crate) fn set_read_only(&self, read_only: bool) {
        self.state().read_only = read_only;
    }

    pub(crate) fn files(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    pub(crate) fn bytes(&self, file: &str) -> Vec<u8> {
        self.state().names[file].lock().unwrap().now.clone()
    }

    pub(crate) fn set_bytes(&self, file: &str, bytes: Vec<u8>) {
        let content = Arc::new(Mutex::new(Bytes { durable: bytes.clone(), now: bytes }));
        self.state().names.insert(file.to_owned(), content.clone());
        self.state().durable_names.insert(file.to_owned(), content);
    }

    pub(crate) fn delete(&self, file: &str) {
        self.state().names.remove(file);
        self.state().durable_names.remove(file);
    }

    /// What is left after the power has gone.
    pub(crate) fn crash(&self, dice: &mut Dice) -> Self {
        let state = self.state();
        let left = Self::new();
        let all: Vec<&String> = state.names.keys().chain(state.durable_names.keys()).collect();
        for name in all {
            let (now, durable) = (state.names.get(name), state.durable_names.get(name));
            let same = now.zip(durable).is_some_and(|(a, b)| Arc::ptr_eq(a, b));
            let kept = if same || dice.below(2) == 0 { now } else { durable };
            if let Some(content) = kept {
                let bytes = surviving(&content.lock().unwrap(), dice);
                left.set_bytes(name, bytes);
            }
        }
        left
    }

    /// Counts an operation; fails when the power is gone.
    fn operate(&self) -> io::Result<()> {
        match &mut self.state().power {
            Some(0) => Err(io::Error::other("the power is gone")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn change(&self) -> io::Result<()> {
        self.operate()?;
        if self.state().read_only { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }
}

fn surviving(content: &Bytes, dice: &mut Dice) -> Vec<u8> {
    let (now, durable) = (&content.now, &content.durable);
    if !now.starts_with(durable) {
        return if dice.below(2) == 0 { now.clone() } else { durable.clone() };
    }
    let unsynced = now.len() - durable.len();
    let mut bytes = now[..durable.len() + dice.below(unsynced as u64 + 1) as usize].to_vec();
    if bytes.len() > durable.len() && dice.below(2) == 0 {
        let at = durable.len() + dice.below((bytes.len() - durable.len()) as u64) as usize;
        let end = (at + 1 + dice.below(64) as usize).min(bytes.len());
        let zeros = dice.below(2) == 0;
        bytes[at..end].iter_mut().for_each(|b| *b = if zeros { 0 } else { dice.below(256) as u8 });
    }
    bytes
}

fn dir_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(dir, _)| dir)
}

impl Disk for SimDisk {
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{dir}/");
        let state = self.state();
        let inside = state.names.keys().filter_map(|name| name.strip_prefix(&prefix));
        let mut names: Vec<String> = inside.map(|rest| rest.split('/').next().unwrap_or(rest).to_owned()).collect();
        names.dedup();
        Ok(names)
    }

    fn open(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        let content = self.state().names.get(file).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile { disk: self.clone(), content }))
    }

    fn open_to_write(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        self.change()?;
        self.open(file)
    }

    fn create(&self, file: &str) -> io::Result<Box<dyn DiskFile>> {
        self.change()?;
        let content = self.state().names.entry(file.to_owned()).or_default().clone();
        content.lock().unwrap().now.clear();
        Ok(Box::new(SimFile { disk: self.clone(), content }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change()?;
        let mut state = self.state();
        let content = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.change()?;
        let prefix = format!("{path}/");
        self.state().names.retain(|name, _| name != path && !name.starts_with(&prefix));
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.operate()?;
        let mut state = self.state();
        let now: Names =
            state.names.iter().filter(|(n, _)| dir_of(n) == dir).map(|(n, c)| (n.clone(), c.clone())).collect();
        state.durable_names.retain(|name, _| dir_of(name) != dir);
        state.durable_names.extend(now);
        Ok(())
    }

    fn lock(&self, file: &str) -> io::Result<Box<dyn Lock>> {
        self.create(file)?;
        if self.locked.swap(true, Ordering::SeqCst) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock(self.locked.clone())))
    }
}

#[derive(Debug)]
struct SimLock(Arc<AtomicBool>);

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    content: Content,
}

impl DiskFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.content.lock().unwrap().now.len() as u64)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let content = self.content.lock().unwrap();
        let rest = content.now.get(offset as usize..).unwrap_or(&[]);
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        // The write during which the power goes gets to the cache in part.
        let power = self.disk.operate();
        if self.disk.state().read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let space = self.disk.state().space;
        let fits = bytes.len().min(usize::try_from(space).unwrap_or(usize::MAX));
        let written = if power.is_ok() { fits } else { bytes.len() / 2 };
        let mut content = self.content.lock().unwrap();
        let offset = offset as usize;
        let end = content.now.len().max(offset + written);
        content.now.resize(end, 0);
        content.now[offset..offset + written].copy_from_slice(&bytes[..written]);
        power?;
        if space != u64::MAX {
            self.disk.state().space -= written as u64;
        }
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.change()?;
        self.content.lock().unwrap().now.resize(len as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.operate()?;
        let mut content = self.content.lock().unwrap();
        content.durable = content.now.clone();
        Ok(())
    }
}
