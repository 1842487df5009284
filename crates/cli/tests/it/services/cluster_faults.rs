//! Faults of what a cluster stands on: the leader of a partition killed, the database killed, the object store away, records delivered
//! twice and in another order. Nothing acknowledged is lost, no row or alert is doubled, and how long it took is printed.
//!
//! The servers are a set of this test's own, so that others may run beside it.

use super::cluster::Cluster;
use super::cluster_world::{Store, World, signal};
use super::{number, service};
use crate::crash::{Random, pause, wait_until};
use crate::fleet::Fleet;
use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What may fail.
const FAULTS: [Fault; 3] = [Fault::Leader, Fault::Database, Fault::Objects];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    /// The broker that leads a partition is killed, and started again.
    Leader,
    /// The database is killed, and started again.
    Database,
    /// The object store does not answer for a while.
    Objects,
}

#[test]
fn what_a_cluster_stands_on_fails_and_nothing_is_lost_or_doubled() {
    // One set of services is there at all; this test starts another.
    if service("YAGURA_TEST_KAFKA", "kafka").is_none() || service("YAGURA_TEST_S3", "s3").is_none() {
        return;
    }
    let faults = number("YAGURA_CLUSTER_FAULTS").unwrap_or(FAULTS.len() as u64);
    let away = Duration::from_secs(number("YAGURA_CLUSTER_AWAY").unwrap_or(4));
    let seed = number("YAGURA_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("seed: YAGURA_SEED={seed} YAGURA_CLUSTER_FAULTS={faults} YAGURA_CLUSTER_AWAY={}", away.as_secs());
    let mut random = Random(seed);
    let servers = Servers::start();
    let world = World::on(servers.of("YAGURA_TEST_KAFKA3"), &servers.of("YAGURA_TEST_POSTGRES"), Some(servers.store()));
    world.cut_segments(5_000);
    let cluster = Cluster::with(&world, 2);
    let fleet = cluster.fleet(seed);
    wait_until("the first reports", || fleet.acknowledged() >= 10);
    let first = random.below(FAULTS.len());
    for at in 0..usize::try_from(faults).unwrap() {
        // Each at least once, then whichever.
        let fault = FAULTS[if at < FAULTS.len() { (first + at) % FAULTS.len() } else { random.below(FAULTS.len()) }];
        pause(Duration::from_millis(random.below(1_000) as u64));
        endure(fault, &world, &servers, &fleet, (&mut random, away));
    }
    drop(cluster.judge(fleet));
}

/// Lets something fail, brings it back, and waits until reports are taken and judged again.
fn endure(fault: Fault, world: &World, servers: &Servers, fleet: &Fleet, (random, away): (&mut Random, Duration)) {
    let begun = Instant::now();
    match fault {
        Fault::Leader => {
            let broker = format!("kafka3-{}", world.leader(random.below(6)));
            servers.script(&["kill", &broker]);
            let goal = fleet.acknowledged() + 5;
            wait_until("reports without a broker", || fleet.acknowledged() >= goal);
            eprintln!("{broker} killed; reports are taken again after {} ms", begun.elapsed().as_millis());
            servers.script(&["restart", &broker]);
        }
        Fault::Database => {
            servers.script(&["kill", "postgres"]);
            servers.script(&["restart", "postgres"]);
        }
        Fault::Objects => {
            let id = std::fs::read_to_string(servers.dir.path().join("s/s3/pid")).unwrap().trim().parse().unwrap();
            signal(id, "STOP");
            let goal = fleet.acknowledged() + 5;
            wait_until("reports without objects", || fleet.acknowledged() >= goal && begun.elapsed() >= away);
            signal(id, "CONT");
        }
    }
    let back = Instant::now();
    let goal = fleet.acknowledged() + 5;
    wait_until("reports after the fault", || fleet.acknowledged() >= goal);
    let (took, ends) = (back.elapsed(), world.ends());
    wait_until("records in the lake", || world.flushed().iter().zip(&ends).all(|(now, end)| now >= end));
    eprintln!(
        "{fault:?} was away {} ms; then reports after {} ms, all in the lake after {} ms",
        (back - begun).as_millis(),
        took.as_millis(),
        back.elapsed().as_millis()
    );
}

#[test]
fn records_that_come_again_and_in_another_order_give_no_row_twice() {
    let Some(kafka) = service("YAGURA_TEST_KAFKA", "kafka") else { return };
    let Some(postgres) = service("YAGURA_TEST_POSTGRES", "postgres") else { return };
    let seed = number("YAGURA_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("seed: YAGURA_SEED={seed}");
    let mut random = Random(seed);
    let world = World::new(kafka, &postgres);
    let cluster = Cluster::with(&world, 2);
    let fleet = cluster.fleet(seed);
    for reports in [20, 40] {
        wait_until("reports", || fleet.acknowledged() >= reports);
        let again = world.deliver_again(&mut random);
        eprintln!("{again} messages delivered again, in another order");
    }
    let goal = fleet.acknowledged() + 20;
    wait_until("reports behind them", || fleet.acknowledged() >= goal);
    drop(cluster.judge(fleet));
}

/// Brokers, a database and an object store of a test's own.
struct Servers {
    dir: TempDir,
    addresses: HashMap<String, String>,
}

impl Servers {
    fn start() -> Self {
        let mut servers = Self { dir: tempfile::tempdir().unwrap(), addresses: HashMap::new() };
        let said = servers.script(&["start", "kafka3", "postgres", "s3"]);
        let lines = said.lines().filter_map(|line| line.split_once('='));
        servers.addresses = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        servers
    }

    fn of(&self, name: &str) -> String {
        self.addresses[name].clone()
    }

    fn store(&self) -> Store {
        Store::s3(self.of("YAGURA_TEST_S3"), &self.of("YAGURA_TEST_S3_BUCKET"), "cluster")
    }

    fn script(&self, words: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/services");
        let dir = self.dir.path().join("s");
        let done = Command::new(script).args(words).env("YAGURA_SERVICES_DIR", dir).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.script(&["stop"]);
    }
}
