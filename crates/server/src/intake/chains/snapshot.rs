//! The chains of all devices as a file beside the vault, so that a start reads only the records behind it.
//!
//! Not evidence: a snapshot that is cut, changed, of another log or of another version is left alone, told of, and made anew. Layout:
//! docs/format/vault.md, "Derived files". Invariants: a snapshot is used only if its root is the root of this vault's tree at its position,
//! so it is a view of these very records; two take turns, so one is whole while the other is written. Cost: ~90 bytes a remembered report,
//! ≤ 3 KiB a device; encoding stops the writer for ~3 µs a device, hashing and writing do not.

use crate::happenings::{ChainsNotSaved, emit};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use yagura_link::{Chain, Digest};
use yagura_model::DeviceId;
use yagura_store::{VaultError, VaultReader};

/// The longest snapshot; the chains of about 350,000 devices. What is longer is not kept, and a start reads the whole vault.
pub const SNAPSHOT_BYTES_MAX: usize = 1 << 30;
/// Records, at least, between two snapshots.
const RECORDS_MIN: u64 = 1_024;
/// Records for each device between two snapshots, so that writing them stays cheap beside writing the records.
const RECORDS_A_DEVICE: u64 = 16;
/// Time, at least, between two snapshots.
const TIME_MIN: Duration = Duration::from_secs(5);
/// How often it is looked whether a checkpoint covers a snapshot, and how many times.
const COVERED_LOOK_EVERY: Duration = Duration::from_millis(100);
const COVERED_LOOKS_MAX: usize = 50;
const NAMES: [&str; 2] = ["chains-0", "chains-1"];
const MAGIC: [u8; 4] = *b"YGCH";
const VERSION: u16 = 1;
const HEADER_LEN: usize = 52;
const DIGEST_LEN: usize = 32;

/// Why a snapshot is not used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unusable {
    /// Cut or changed.
    #[error("its checksum does not hold")]
    Checksum,
    /// Of a version that is not known here.
    #[error("format version {0} is not known here, expected 1")]
    Version(u16),
    /// The checksum holds, but the content is not as written.
    #[error("not a snapshot of chains")]
    Malformed,
    /// Its root is not that of this vault's tree.
    #[error("it is of another log")]
    OtherLog,
}

/// The chains after the first `position` records.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) position: u64,
    pub(crate) root: [u8; 32],
    pub(crate) chains: HashMap<DeviceId, Chain>,
}

/// Reads the newest snapshot of the first `end` records or fewer; why each that is there is not used, if so.
pub(super) fn read(vault: &VaultReader, end: u64) -> Result<(Option<Snapshot>, Vec<Unusable>), VaultError> {
    let (mut best, mut unusable) = (None::<Snapshot>, Vec::new());
    for name in NAMES {
        let Some(bytes) = vault.derived(name, SNAPSHOT_BYTES_MAX)? else { continue };
        match decode(&bytes) {
            Ok(found) if found.position > end => {}
            Ok(found) if vault.root_at(found.position).ok().map(|root| root.0) != Some(found.root) => {
                unusable.push(Unusable::OtherLog);
            }
            Ok(found) if best.as_ref().is_none_or(|best| best.position < found.position) => best = Some(found),
            Ok(_) => {}
            Err(error) => unusable.push(error),
        }
    }
    Ok((best, unusable))
}

/// The devices with their chains, in order of name.
fn encode_devices(chains: &HashMap<DeviceId, Chain>) -> Vec<u8> {
    let mut devices: Vec<(String, &Chain)> = chains.iter().map(|(device, it)| (device.to_string(), it)).collect();
    devices.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut bytes = Vec::with_capacity(devices.len() * 1_024);
    for (name, chain) in devices {
        let mut saved = Vec::with_capacity(3 << 10);
        chain.save(&mut saved);
        for part in [name.as_bytes(), &saved] {
            bytes.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
    }
    bytes
}

fn encode(position: u64, root: [u8; 32], count: u32, devices: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_LEN + devices.len() + DIGEST_LEN);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&position.to_be_bytes());
    bytes.extend_from_slice(&root);
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes.extend_from_slice(devices);
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(&digest.0);
    bytes
}

/// Reads a snapshot.
pub(crate) fn decode(bytes: &[u8]) -> Result<Snapshot, Unusable> {
    let (body, digest) = bytes.split_last_chunk::<DIGEST_LEN>().ok_or(Unusable::Checksum)?;
    if Digest::of(body).0 != *digest {
        return Err(Unusable::Checksum);
    }
    let mut rest = body;
    if take(&mut rest)? != MAGIC {
        return Err(Unusable::Malformed);
    }
    match u16::from_be_bytes(take(&mut rest)?) {
        VERSION => {}
        other => return Err(Unusable::Version(other)),
    }
    let [0, 0] = take(&mut rest)? else { return Err(Unusable::Malformed) };
    let (position, root) = (u64::from_be_bytes(take(&mut rest)?), take(&mut rest)?);
    let mut chains = HashMap::new();
    for _ in 0..u32::from_be_bytes(take(&mut rest)?) {
        let device = std::str::from_utf8(part(&mut rest)?).ok().and_then(|name| name.parse().ok());
        let chain = Chain::restore(part(&mut rest)?).map_err(|_| Unusable::Malformed)?;
        chains.insert(device.ok_or(Unusable::Malformed)?, chain);
    }
    if rest.is_empty() { Ok(Snapshot { position, root, chains }) } else { Err(Unusable::Malformed) }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Unusable> {
    let (taken, behind) = rest.split_first_chunk().ok_or(Unusable::Malformed)?;
    *rest = behind;
    Ok(*taken)
}

fn part<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Unusable> {
    let len = usize::from(u16::from_be_bytes(take(rest)?));
    let (taken, behind) = rest.split_at_checked(len).ok_or(Unusable::Malformed)?;
    *rest = behind;
    Ok(taken)
}

/// Writes snapshots of a vault's chains, now and then.
#[derive(Debug)]
pub(super) struct Saver {
    vault: VaultReader,
    /// Up to where the newest one goes.
    saved: u64,
    tried: Option<Instant>,
    turn: usize,
    busy: Arc<AtomicBool>,
}

impl Saver {
    pub(super) fn new(vault: VaultReader, saved: u64) -> Self {
        Self { vault, saved, tried: None, turn: 0, busy: Arc::default() }
    }

    /// Whether a snapshot of so many devices at this position is worth its cost.
    pub(super) fn is_due(&self, position: u64, devices: usize) -> bool {
        let least = RECORDS_MIN.max(RECORDS_A_DEVICE * devices as u64);
        let rested = self.tried.is_none_or(|tried| tried.elapsed() >= TIME_MIN);
        position.saturating_sub(self.saved) >= least && rested && !self.busy.load(Ordering::Acquire)
    }

    /// Writes one in the background.
    pub(super) fn save_behind(&mut self, position: u64, chains: &HashMap<DeviceId, Chain>) {
        let Some(write) = self.writing(position, chains) else { return };
        let busy = Arc::clone(&self.busy);
        busy.store(true, Ordering::Release);
        let work = move || {
            write();
            busy.store(false, Ordering::Release);
        };
        if std::thread::Builder::new().name("chains".to_owned()).spawn(work).is_err() {
            self.busy.store(false, Ordering::Release);
        }
    }

    /// Writes one now.
    pub(super) fn save_now(&mut self, position: u64, chains: &HashMap<DeviceId, Chain>) {
        if position > self.saved
            && !self.busy.load(Ordering::Acquire)
            && let Some(write) = self.writing(position, chains)
        {
            write();
        }
    }

    fn writing(&mut self, position: u64, chains: &HashMap<DeviceId, Chain>) -> Option<impl FnOnce() + Send + 'static> {
        (self.saved, self.tried, self.turn) = (position, Some(Instant::now()), 1 - self.turn.min(1));
        let (devices, count) = (encode_devices(chains), u32::try_from(chains.len()).ok()?);
        let (vault, name) = (self.vault.clone(), *NAMES.get(self.turn)?);
        Some(move || {
            let fits = devices.len() <= SNAPSHOT_BYTES_MAX - HEADER_LEN - DIGEST_LEN;
            if let Some(root) = covered_root(&vault, position).filter(|_| fits)
                && let Err(error) = vault.keep_derived(name, &encode(position, root.0, count, &devices))
            {
                emit(&ChainsNotSaved { position, cause: &error });
            }
        })
    }
}

/// The root at this position, once a checkpoint covers it.
#[expect(
    clippy::disallowed_methods,
    reason = "a checkpoint is no event that could be waited for; this thread has nothing else to do"
)]
fn covered_root(vault: &VaultReader, position: u64) -> Option<yagura_store::Digest> {
    for _ in 0..COVERED_LOOKS_MAX {
        match vault.root_at(position) {
            Err(VaultError::NotCovered { .. }) => std::thread::sleep(COVERED_LOOK_EVERY),
            // What else is wrong is told by those who need it; here the next snapshot will do.
            root => return root.ok(),
        }
    }
    None
}

#[cfg(test)]
mod tests;
