//! The evidence of a cluster outlives its workers: a machine is lost with its disk and the broker has forgotten the records, and another
//! worker goes on from the archive. Also what else must not change under a cluster: the number of partitions.

use super::cluster::Cluster;
use super::cluster_world::{MATCH_PARTITIONS, PARTITIONS, Part, Store, World};
use super::service;
use crate::crash::wait_until;
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use std::io::Read as _;
use std::time::Instant;
use yagura_server::clock;
use yagura_server::evidence::inbox::{INBOX_DIR, leave};
use yagura_store::{Access, Custody, Envelope, Hold, RecordKind, Vault, VaultReader};

#[test]
fn another_worker_goes_on_from_the_archive_in_a_directory() {
    goes_on_from_the_archive(None);
}

#[test]
fn another_worker_goes_on_from_the_archive_in_s3() {
    let Some(endpoint) = service("YAGURA_TEST_S3", "s3") else { return };
    let Some(bucket) = service("YAGURA_TEST_S3_BUCKET", "s3") else { return };
    goes_on_from_the_archive(Some(Store::s3(endpoint, &bucket, &prefix())));
}

#[test]
fn another_worker_goes_on_from_the_archive_in_azure() {
    let Some(endpoint) = service("YAGURA_TEST_AZURE", "azurite") else { return };
    let Some(key) = service("YAGURA_TEST_AZURE_KEY", "azurite") else { return };
    let Some(container) = service("YAGURA_TEST_AZURE_CONTAINER", "azurite") else { return };
    goes_on_from_the_archive(Some(Store::azure(endpoint, key, &container, &prefix())));
}

/// A prefix that no other test uses.
fn prefix() -> String {
    let dir = tempfile::tempdir().unwrap();
    dir.path().file_name().unwrap().to_string_lossy().trim_start_matches('.').to_owned()
}

fn goes_on_from_the_archive(store: Option<Store>) {
    let Some(kafka) = service("YAGURA_TEST_KAFKA", "kafka") else { return };
    let Some(postgres) = service("YAGURA_TEST_POSTGRES", "postgres") else { return };
    let world = World::on(kafka, &postgres, store);
    world.cut_segments(3_000);
    let mut cluster = Cluster::with(&world, 1);
    let fleet = cluster.fleet(7);
    let hold = Hold { id: "case-1".to_owned(), by: "test".to_owned(), ..Hold::default() };
    let partitions = world.vault(0, 0).parent().unwrap().to_owned();
    leave(&partitions.join(INBOX_DIR), &Custody::HoldAdded(hold)).unwrap();
    wait_until("an archive", || archived(&world).iter().sum::<u64>() >= 40);
    cluster.workers[0].take().unwrap().kill();
    std::fs::remove_dir_all(&partitions).unwrap();
    let kept = archived(&world);
    for (partition, records) in (0..).zip(&kept) {
        world.forget(partition, *records);
    }
    let begun = Instant::now();
    cluster.workers.push(Some(world.start(Part::Worker(1))));
    let goal = fleet.acknowledged() + 30;
    wait_until("reports after the loss", || fleet.acknowledged() >= goal);
    wait_until("the records after the loss", || world.flushed().iter().zip(&kept).all(|(now, then)| now >= then));
    eprintln!(
        "lost a machine; {} records from its archive; at work after {} ms",
        kept.iter().sum::<u64>(),
        begun.elapsed().as_millis()
    );
    for (partition, records) in (0..).zip(cluster.judge(fleet)) {
        let held = records.iter().filter(|record| record.kind == RecordKind::Custody).count();
        assert_eq!(held, 1, "holds of partition {partition}");
    }
}

#[test]
fn a_partition_to_which_nothing_comes_any_more_is_archived_whole() {
    let Some(kafka) = service("YAGURA_TEST_KAFKA", "kafka") else { return };
    let Some(postgres) = service("YAGURA_TEST_POSTGRES", "postgres") else { return };
    let world = World::new(kafka, &postgres);
    world.start(Part::Gate).stop();
    let read = Custody::Accessed(Access { by: "test".to_owned(), ..Access::default() }).encode();
    let two_hours_ago = clock::now().plus(-2 * Vault::REPLICA_SEGMENT_US);
    world.put(2, &Envelope { kind: RecordKind::Custody, received: two_hours_ago, payload: &read });
    world.put(3, &Envelope { kind: RecordKind::Custody, received: clock::now(), payload: &read });
    let worker = world.start(Part::Worker(0));
    wait_until("the archive of the idle partition", || archived(&world)[2] == 1);
    worker.stop();
    let ends = world.ends();
    assert_eq!(ends[..4], [0, 0, 2, 1], "one record closes the segment, and none where something came just now");
    assert_eq!(archived(&world)[3], 0);
}

/// How many records of each partition are archived.
fn archived(world: &World) -> Vec<u64> {
    let pem = std::fs::read_to_string(world.identity().join("vault.pub")).unwrap();
    let key = VerifyingKey::from_public_key_pem(&pem).unwrap();
    let archive = |partition| VaultReader::of_archive(world.archive(partition), key);
    (0..PARTITIONS).map(|partition| archive(partition).map_or(0, |archive| archive.len())).collect()
}

#[test]
fn a_topic_with_other_partitions_than_at_the_beginning_is_refused() {
    let Some(kafka) = service("YAGURA_TEST_KAFKA", "kafka") else { return };
    let Some(postgres) = service("YAGURA_TEST_POSTGRES", "postgres") else { return };
    for (kind, had) in [("records", PARTITIONS), ("matches", MATCH_PARTITIONS)] {
        let world = World::new(kafka.clone(), &postgres);
        world.start(Part::Gate).stop();
        world.widen(kind, usize::from(had) + 2);
        for part in [Part::Gate, Part::Worker(0)] {
            let mut child = world.command(part).spawn().unwrap();
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert!(!child.wait().unwrap().success());
            let words = format!(".{kind} has {} partitions, but this cluster began with {had}", had + 2);
            assert!(said.contains(&words), "{said}");
        }
    }
}
