//! Snapshots of chains: as bytes, and beside a vault that is killed at any moment and whose snapshots are cut and changed.

use super::super::Chains;
use super::*;
use crate::auth::hex;
use expect_test::expect_file;
use proptest::prelude::*;
use std::path::Path;
use tempfile::TempDir;
use yagura_link::{Clock, Losses, Place, ReportWriter, peek};
use yagura_model::{Micros, UnixMicros, VehicleState};
use yagura_store::{NewRecord, RecordKind, Vault, VaultOptions};

const DEVICES: [&str; 3] = ["acme/v-1/cgw", "acme/v-1/ivi", "umbra/v-2/cgw"];

fn open(dir: &Path) -> Vault {
    let key = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let options = VaultOptions { dir: dir.to_owned(), origin: "test/vault".to_owned(), key, segment_bytes: 8_000 };
    Vault::open(options).unwrap().0
}

fn report(device: &str, boot: u64, sequence: u64, previous: Digest) -> Vec<u8> {
    let (device, losses) = (device.parse().unwrap(), Losses::NONE);
    let oldest_held = sequence.saturating_sub(4);
    let mut writer = ReportWriter::new();
    writer.push_state(&VehicleState { time: Micros(1), ..VehicleState::default() }).unwrap();
    let place = Place { device, boot, sequence, previous, losses, oldest_held };
    let clock = Clock { boot_at: UnixMicros(0), uncertainty: 0 };
    writer.seal(&place, clock, Micros(2), &ed25519_dalek::SigningKey::from_bytes(&[4; 32])).unwrap().bytes
}

fn scratch(vault: &Vault) -> HashMap<DeviceId, Chain> {
    Chains::default().caught_up(&vault.reader(), 0, vault.len()).unwrap().durable
}

/// A vault, its chains, and where its devices are.
struct World {
    dir: TempDir,
    vault: Vault,
    chains: Chains,
    next: [(u64, u64, Digest); DEVICES.len()],
}

impl World {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let vault = open(dir.path());
        let chains = Chains::open(&vault.reader(), 0).unwrap();
        Self { dir, vault, chains, next: [(1, 0, Digest::ZERO); DEVICES.len()] }
    }

    fn append(&mut self, device: usize, skip: u64, reboot: bool) {
        let (boot, sequence, previous) = self.next[device];
        let (boot, sequence) = if reboot { (boot + 1, 0) } else { (boot, sequence + skip) };
        let payload = report(DEVICES[device], boot, sequence, previous);
        let (header, digest) = (peek(&payload).unwrap(), Digest::of(&payload));
        let new = NewRecord { kind: RecordKind::Report, received: UnixMicros(0), payload: &payload };
        let position = self.vault.append(&[new]).unwrap();
        self.chains.take(&header, digest, position.0);
        self.chains.commit();
        self.next[device] = (boot, sequence + 1, digest);
    }

    fn save(&mut self) {
        self.vault.checkpoint().unwrap();
        self.chains.save_now(self.vault.len());
    }

    /// Ends without a word, as `kill -9` does, and starts again.
    fn kill(self) -> Self {
        let Self { dir, vault, next, .. } = self;
        drop(vault);
        let vault = open(dir.path());
        let chains = Chains::open(&vault.reader(), vault.len()).unwrap();
        Self { dir, vault, chains, next }
    }

    fn spoil(&self, slot: usize, at: usize, cut: bool) {
        let path = self.dir.path().join("derived").join(NAMES[slot % 2]);
        let Ok(mut bytes) = std::fs::read(&path) else { return };
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at)
        } else {
            bytes[at] ^= 1
        }
        std::fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn the_format_of_version_1_stays_readable() {
    let mut world = World::new();
    for (device, skip, reboot) in [(0, 0, false), (0, 2, false), (1, 0, false), (0, 0, true)] {
        world.append(device, skip, reboot);
    }
    let devices = encode_devices(&world.chains.durable);
    let bytes = encode(4, [7; 32], 2, &devices);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/chains-1.hex");
    expect_file![path].assert_eq(&hex(&bytes));
    let chains = world.chains.durable;
    assert_eq!(decode(&bytes), Ok(Snapshot { position: 4, root: [7; 32], chains }));
}

#[test]
fn a_start_reads_only_what_is_behind_the_snapshot() {
    let mut world = World::new();
    (0..20).for_each(|n| world.append(n % 3, 0, false));
    world.save();
    let (found, unusable) = read(&world.vault.reader(), 20).unwrap();
    assert_eq!((found.unwrap().position, unusable.as_slice()), (20, &[][..]));
    // A worker may be asked to begin earlier than its snapshot.
    assert_eq!(read(&world.vault.reader(), 19).unwrap(), (None, Vec::new()));
    assert!(!world.chains.saver.as_ref().unwrap().is_due(1_000, 3));
}

#[test]
fn a_snapshot_of_another_log_is_told_from_ours() {
    let mut world = World::new();
    world.append(0, 0, false);
    world.save();
    let mut other = World::new();
    (0..3).for_each(|_| other.append(1, 0, false));
    other.vault.checkpoint().unwrap();
    let from = world.dir.path().join("derived");
    std::fs::create_dir_all(other.dir.path().join("derived")).unwrap();
    for name in NAMES.iter().filter(|name| from.join(name).exists()) {
        std::fs::copy(from.join(name), other.dir.path().join("derived").join(name)).unwrap();
    }
    assert_eq!(read(&other.vault.reader(), 3).unwrap(), (None, vec![Unusable::OtherLog]));
    let other = other.kill();
    assert_eq!(other.chains.durable, scratch(&other.vault));
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize, u64, bool),
    Save,
    Kill,
    Spoil(usize, usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..DEVICES.len(), 0..3_u64, prop::bool::weighted(0.1)).prop_map(|(d, s, r)| Step::Append(d, s, r)),
        2 => Just(Step::Save),
        2 => Just(Step::Kill),
        1 => (any::<usize>(), any::<usize>(), any::<bool>()).prop_map(|(slot, at, cut)| Step::Spoil(slot, at, cut)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn chains_after_a_kill_are_those_of_the_records(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Append(device, skip, reboot) => world.append(device, skip, reboot),
                Step::Save => world.save(),
                Step::Kill => world = world.kill(),
                Step::Spoil(slot, at, cut) => world.spoil(slot, at, cut),
            }
        }
        let world = world.kill();
        prop_assert_eq!(&world.chains.durable, &scratch(&world.vault));
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), whole: bool) {
        let mut bytes = [&MAGIC[..], &VERSION.to_be_bytes(), &[0, 0], &bytes].concat();
        if whole {
            let digest = Digest::of(&bytes);
            bytes.extend_from_slice(&digest.0);
        }
        let _ = decode(&bytes);
    }
}
