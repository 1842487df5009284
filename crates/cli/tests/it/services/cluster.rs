//! A cluster under faults: processes killed at any moment, a worker paused until others have its partitions. Nothing acknowledged is
//! lost, no row or alert is doubled, and the alerts, also those over the fleet, are those of a single node that was fed the same records.

use super::cluster_world::{PARTITIONS, Part, World, partitions, signal};
use super::{number, service};
use crate::crash::{Random, alerts_at, assert_same, lake_rows, lake_rows_of, pause, wait_until};
use crate::fleet::Fleet;
use crate::process::{Addresses, Server};
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use ed25519_dalek::{SigningKey, VerifyingKey};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use yagura_link::Digest;
use yagura_server::place::place;
use yagura_server::serve::{IDENTITY_DIR, STATE_FILE, VAULT_DIR};
use yagura_server::state::{PartitionNumber, State, StateUrl};
use yagura_sim::{Acknowledged, FleetPlan};
use yagura_store::disk::LocalDisk;
use yagura_store::{NewRecord, Record, RecordKind, RecordRef, Vault, VaultOptions, verify_with};

const WORKERS: usize = 3;

#[test]
fn a_cluster_loses_nothing_and_doubles_nothing_whoever_is_killed() {
    let Some(kafka) = service("YAGURA_TEST_KAFKA", "kafka") else { return };
    let Some(postgres) = service("YAGURA_TEST_POSTGRES", "postgres") else { return };
    let kills = number("YAGURA_CLUSTER_KILLS").unwrap_or(6);
    let seed = number("YAGURA_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("seed: YAGURA_SEED={seed} YAGURA_CLUSTER_KILLS={kills}");
    let mut random = Random(seed);
    let world = World::new(kafka, &postgres);
    let mut cluster = Cluster::start(&world);
    let fleet = cluster.fleet(seed);
    wait_until("the first reports", || fleet.acknowledged() >= 10);
    for _ in 0..kills {
        let goal = fleet.acknowledged() + 1 + random.below(12);
        wait_until("more reports", || fleet.acknowledged() >= goal);
        pause(Duration::from_micros(random.below(200_000) as u64));
        cluster.kill(random.below(1 + WORKERS));
    }
    let goal = fleet.acknowledged() + 20;
    wait_until("reports after the last kill", || fleet.acknowledged() >= goal);
    drop(cluster.judge(fleet));
}

#[test]
fn a_worker_that_wakes_after_others_have_its_partitions_changes_nothing() {
    let Some(kafka) = service("YAGURA_TEST_KAFKA", "kafka") else { return };
    let Some(postgres) = service("YAGURA_TEST_POSTGRES", "postgres") else { return };
    let world = World::new(kafka, &postgres);
    let cluster = Cluster::start(&world);
    let fleet = cluster.fleet(5);
    wait_until("the first reports", || fleet.acknowledged() >= 20);
    let zombie = cluster.workers[0].as_ref().unwrap().id();
    let owned = cluster.epochs();
    signal(zombie, "STOP");
    let paused = Instant::now();
    wait_until("others to take its partitions", || cluster.epochs().iter().zip(&owned).any(|(now, then)| now > then));
    eprintln!("partitions of a paused worker were taken over after {} ms", paused.elapsed().as_millis());
    let asleep = Duration::from_secs(number("YAGURA_CLUSTER_PAUSE").unwrap_or(0));
    while paused.elapsed() < asleep {
        let goal = fleet.acknowledged() + 1;
        wait_until("reports without it", || fleet.acknowledged() >= goal);
    }
    let goal = fleet.acknowledged() + 30;
    wait_until("reports without it", || fleet.acknowledged() >= goal);
    signal(zombie, "CONT");
    let goal = fleet.acknowledged() + 30;
    wait_until("reports with it again", || fleet.acknowledged() >= goal);
    drop(cluster.judge(fleet));
}

/// The processes.
pub(super) struct Cluster<'a> {
    world: &'a World,
    pub(super) gate: Option<Server>,
    api: Server,
    pub(super) workers: Vec<Option<Server>>,
}

impl<'a> Cluster<'a> {
    pub(super) fn start(world: &'a World) -> Self {
        Self::with(world, WORKERS)
    }

    /// A cluster of so many workers.
    pub(super) fn with(world: &'a World, workers: usize) -> Self {
        let gate = Some(world.start(Part::Gate));
        let workers = (0..workers).map(|number| Some(world.start(Part::Worker(number)))).collect();
        Self { world, gate, api: world.start(Part::Api), workers }
    }

    pub(super) fn fleet(&self, seed: u64) -> Fleet {
        let plan = FleetPlan {
            vehicles: 10,
            seed,
            attacked_permille: 1_000,
            attack_after: 1,
            attack_every: 6,
            attack_length: 3,
        };
        Fleet::of(self.gate.as_ref().unwrap(), self.world.dir.path(), self.world.state(), plan)
    }

    /// Kills a process, and starts it again; 0 is the gate.
    pub(super) fn kill(&mut self, which: usize) {
        let killed = Instant::now();
        let (slot, part) = match which {
            0 => (&mut self.gate, Part::Gate),
            worker => (&mut self.workers[worker - 1], Part::Worker(worker - 1)),
        };
        slot.take().unwrap().kill();
        *slot = Some(self.world.start(part));
        eprintln!("killed {part:?}; up again after {} ms", killed.elapsed().as_millis());
    }

    fn epochs(&self) -> Vec<i64> {
        crate::crash::with_state_at(&self.world.state(), async |state: &State, _| {
            let mut epochs = Vec::new();
            for number in 0..PARTITIONS {
                epochs.push(state.progress_of(PartitionNumber::records(number).unwrap()).await.unwrap().epoch);
            }
            epochs
        })
    }

    /// Ends everything and compares it with what was acknowledged, and with a single node. The records of each partition.
    pub(super) fn judge(self, fleet: Fleet) -> Vec<Vec<Record>> {
        let ledger = Arc::clone(&fleet.ledger);
        fleet.stop();
        let began = Instant::now();
        let ends = self.world.ends();
        wait_until("all records in the lake", || self.world.flushed() == ends);
        wait_until("all matches in the lake", || self.world.matches_flushed() == self.world.match_ends());
        let matches: u64 = self.world.match_ends().iter().sum();
        let millis = began.elapsed().as_millis();
        eprintln!("caught up with {} records and {matches} matches after {millis} ms", ends.iter().sum::<u64>());
        self.gate.into_iter().chain(self.workers.into_iter().flatten()).for_each(Server::stop);
        self.api.stop();
        let vaults = vaults(self.world, &ends);
        let acknowledged = ledger.entries();
        all_there(&acknowledged, &vaults);
        let single = single_node(self.world, &vaults);
        let (mut ours, mut theirs) = (lake_rows_of(&self.world.lake()), lake_rows(&single));
        ours.and_waiting(&self.world.state(), partitions());
        theirs.and_waiting(&StateUrl::file(&single.join(STATE_FILE)), [PartitionNumber::SINGLE]);
        assert_eq!(ours.events.len(), theirs.events.len(), "rows of events");
        let alerts = alerts_at(&self.world.state());
        assert_same("alert", &alerts, &alerts_at(&StateUrl::file(&single.join(STATE_FILE))));
        assert_same("alert of the lake", &ours.hits, &theirs.hits);
        let fleetwide = alerts.values().filter(|alert| alert.vehicle.is_none()).count();
        assert!(fleetwide > 0 && fleetwide < alerts.len(), "{fleetwide} of {} alerts are over the fleet", alerts.len());
        eprintln!(
            "{} acknowledged, {} alerts ({fleetwide} over the fleet), {} events",
            acknowledged.len(),
            alerts.len(),
            ours.events.len()
        );
        vaults
    }
}

/// The records of each partition, of the worker that has all of them, after everything the vault can prove has been checked.
fn vaults(world: &World, ends: &[u64]) -> Vec<Vec<Record>> {
    let pem = std::fs::read_to_string(world.identity().join("vault.pub")).unwrap();
    let key = VerifyingKey::from_public_key_pem(&pem).unwrap();
    let mut all = Vec::new();
    for (partition, end) in (0..).zip(ends) {
        let mut roots = HashMap::new();
        let mut longest = Vec::new();
        for dir in (0..WORKERS).map(|worker| world.vault(worker, partition)).filter(|dir| dir.exists()) {
            let mut records = Vec::new();
            let (disk, archive) = (Arc::new(LocalDisk::new(&dir)), Some(world.archive(partition)));
            let keep = &mut |record: RecordRef<'_>| records.push(record.to_record());
            let verified = verify_with(disk, archive, &key, keep, &mut |_| {}).unwrap();
            assert_eq!(verified.unfinished, None);
            if let Some(root) = roots.insert(verified.covered, verified.root) {
                assert_eq!(root, verified.root, "two owners signed different trees of partition {partition}");
            }
            if records.len() > longest.len() {
                longest = records;
            }
        }
        assert_eq!(longest.len() as u64, *end, "records of partition {partition}");
        all.push(longest);
    }
    all
}

/// Every acknowledged report is where its receipt says.
fn all_there(acknowledged: &[Acknowledged], vaults: &[Vec<Record>]) {
    let mut places = HashMap::new();
    for (partition, records) in (0..).zip(vaults) {
        for record in records.iter().filter(|record| record.kind == RecordKind::Report) {
            places.insert(place(partition, record.position.0), Digest::of(&record.payload));
        }
    }
    for entry in acknowledged {
        assert_eq!(places.get(&entry.position), Some(&entry.digest), "{entry:?} is not where its receipt says");
    }
}

/// A single node that was given the same records, in the order in which they were received, and has derived everything from them.
fn single_node(world: &World, vaults: &[Vec<Record>]) -> PathBuf {
    let data = world.dir.path().join("single");
    std::fs::create_dir_all(data.join(IDENTITY_DIR)).unwrap();
    for entry in std::fs::read_dir(world.identity()).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), data.join(IDENTITY_DIR).join(entry.file_name())).unwrap();
    }
    let mut seen = HashSet::new();
    let mut merged: BTreeMap<(i64, usize, u64), &Record> = BTreeMap::new();
    for (partition, records) in vaults.iter().enumerate() {
        // A partition's own order stays, though two gates' clocks may differ.
        let mut latest = i64::MIN;
        for record in records {
            latest = latest.max(record.received.0);
            if record.kind != RecordKind::Report || seen.insert(Digest::of(&record.payload)) {
                merged.insert((latest, partition, record.position.0), record);
            }
        }
    }
    // The server that then opens it makes its own key's checkpoint of the same records.
    let key = std::fs::read_to_string(world.identity().join("vault.key")).unwrap();
    let key = <SigningKey as ed25519_dalek::pkcs8::DecodePrivateKey>::from_pkcs8_pem(&key).unwrap();
    let mark: String = key.verifying_key().as_bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let options = VaultOptions {
        dir: data.join(VAULT_DIR),
        origin: format!("yagura.local/{mark}"),
        key,
        segment_bytes: VaultOptions::SEGMENT_BYTES,
    };
    let (mut vault, _) = Vault::open(options).unwrap();
    for record in merged.values() {
        let Record { kind, received, payload, .. } = record;
        vault.append(&[NewRecord { kind: *kind, received: *received, payload }]).unwrap();
    }
    vault.checkpoint().unwrap();
    let records = vault.len();
    drop(vault);
    let server = Server::start(&data, Addresses::free());
    let url = StateUrl::file(&data.join(STATE_FILE));
    let judged = || {
        crate::crash::with_state_at(&url, async |state: &State, _| {
            state.progress_of(PartitionNumber::SINGLE).await.unwrap().position
        })
    };
    wait_until("a single node with the same records", || judged() == records);
    server.stop();
    data
}
