//! The archive: what goes there, what comes back, what happens while the store errs, and what is deleted.

use crate::sim_disk::SimDisk;
use crate::sim_objects::SimObjects;
use crate::vault::{append, open, options, payload, records};
use std::sync::Arc;
use yagura_model::UnixMicros;
use yagura_store::{
    ArchiveError, Archiver, Custody, Damage, Deletion, Hold, NewRecord, Position, RecordKind, Unverifiable, Vault,
    VaultError, VaultReader, Verified, verify_archive, verify_consistency, verify_inclusion, verify_with,
};

pub(crate) fn archiver(vault: &Vault, objects: &SimObjects) -> Archiver {
    let options = options();
    Archiver::new(vault.reader(), objects.arc(), &options.origin, options.key).unwrap()
}

/// Archives all closed segments; panics if the store errs.
pub(crate) fn archive_all(archiver: &mut Archiver) -> u64 {
    while archiver.round(None).unwrap().progressed {}
    archiver.archived().records
}

/// Deletes what is announced and can go by now.
pub(crate) fn finish_deletions(archiver: &mut Archiver) {
    for deletion in archiver.unfinished_deletions().unwrap() {
        archiver.delete(&deletion).unwrap();
    }
}

pub(crate) fn filled(count: u64) -> (SimDisk, Vault) {
    let disk = SimDisk::new();
    let (mut vault, _) = open(&disk);
    for _ in 0..count / 7 {
        append(&mut vault, 7).unwrap();
    }
    vault.checkpoint().unwrap();
    (disk, vault)
}

fn check(disk: &SimDisk, objects: Option<&SimObjects>) -> Result<Verified, Unverifiable> {
    let key = options().key.verifying_key();
    verify_with(Arc::new(disk.clone()), objects.map(SimObjects::arc), &key, &mut |_| {}, &mut |_| {})
}

fn check_archive(objects: &SimObjects) -> Result<Verified, Unverifiable> {
    verify_archive(objects.arc(), &options().key.verifying_key(), &mut |_| {}, &mut |_| {})
}

fn say(vault: &mut Vault, custody: &Custody) -> Position {
    let payload = custody.encode();
    let record = NewRecord { kind: RecordKind::Custody, received: UnixMicros(1_000), payload: &payload };
    let position = vault.append(&[record]).unwrap();
    vault.checkpoint().unwrap();
    position
}

#[test]
fn closed_segments_go_to_the_archive_and_are_read_there_when_they_are_gone_here() {
    let (disk, vault) = filled(700);
    let objects = SimObjects::default();
    let mut archiver = archiver(&vault, &objects);
    let archived = archive_all(&mut archiver);
    assert!(archived > 0 && archived < vault.len());
    assert_eq!(archiver.archived().waiting, 0);
    let verified = check_archive(&objects).unwrap();
    assert_eq!((verified.records, verified.covered, verified.elsewhere), (archived, archived, 0));
    assert!(archiver.evict(UnixMicros(i64::MAX)).unwrap() > 0);
    drop((archiver, vault));
    let alone = check(&disk, None).unwrap();
    assert_eq!((alone.records, alone.elsewhere), (verified.records + alone.records - archived, archived));
    assert_eq!(check(&disk, Some(&objects)).unwrap().elsewhere, 0);
    let (vault, recovery) = Vault::restore_on(Arc::new(disk.clone()), objects.arc(), options()).unwrap();
    assert_eq!(recovery.records, 700);
    assert!(records(&vault).iter().zip(0..).all(|(r, n)| r.position == Position(n) && r.payload == payload(n)));
    drop(vault);
    let without = open(&disk).0;
    assert!(without.reader().record(Position(0)).is_err() && without.reader().record(Position(699)).is_ok());
}

#[test]
fn a_new_owner_goes_on_where_the_archive_ends_and_gets_the_same_tree() {
    let (_, mut vault) = filled(700);
    let objects = SimObjects::default();
    let archived = archive_all(&mut archiver(&vault, &objects));
    let fresh = SimDisk::new();
    let (mut second, recovery) = Vault::restore_on(Arc::new(fresh.clone()), objects.arc(), options()).unwrap();
    assert_eq!((recovery.records, second.len()), (archived, archived));
    while second.len() < vault.len() {
        let missing = vault.reader().record(Position(second.len())).unwrap();
        let new = NewRecord { kind: missing.kind, received: missing.received, payload: &missing.payload };
        second.append(&[new]).unwrap();
    }
    assert_eq!(records(&second).len() as u64, vault.len());
    second.checkpoint().unwrap();
    // Old proofs and the old tree are those of the first owner.
    let (proof, note) = second.reader().consistency_proof(archived).unwrap();
    let old = vault.reader().root_at(archived).unwrap();
    let signed = yagura_store::open_checkpoint(&note, &options().key.verifying_key()).unwrap();
    assert!(verify_consistency(archived, old, signed.size, signed.root, &proof));
    let proof = second.reader().inclusion_proof(Position(3)).unwrap();
    assert!(verify_inclusion(proof.leaf, 3, proof.tree_size, &proof.hashes, proof.root));
    assert_eq!(check(&fresh, Some(&objects)).unwrap().elsewhere, 0);
    append(&mut vault, 1).unwrap();
}

#[test]
fn an_archive_is_read_without_a_vault() {
    let (_, vault) = filled(700);
    let objects = SimObjects::default();
    let archived = archive_all(&mut archiver(&vault, &objects));
    let reader = VaultReader::of_archive(objects.arc(), options().key.verifying_key()).unwrap();
    assert_eq!(reader.len(), archived);
    for n in [0, archived / 2, archived - 1] {
        assert_eq!(reader.record(Position(n)).unwrap().payload, payload(n));
        let proof = reader.inclusion_proof(Position(n)).unwrap();
        assert!(verify_inclusion(proof.leaf, n, proof.tree_size, &proof.hashes, proof.root));
    }
    assert_eq!(reader.read_from(Position(0)).count() as u64, archived);
}

#[test]
fn a_reader_of_a_disk_needs_no_lock() {
    let (disk, vault) = filled(700);
    let key = options().key.verifying_key();
    let reader = VaultReader::of_disk(Arc::new(disk.clone()), None, key).unwrap();
    assert_eq!((reader.len(), reader.read_from(Position(0)).count()), (700, 700));
    drop(vault);
}

#[test]
fn a_store_that_errs_loses_nothing_and_delays_only() {
    for seed in 0..20 {
        let (_, vault) = filled(420);
        let objects = SimObjects::default();
        objects.fail(20, seed);
        let mut archiver = archiver(&vault, &objects);
        let mut tries = 0;
        while archiver.archived().waiting > 0 {
            let _ = archiver.round(None);
            tries += 1;
            assert!(tries < 2_000, "seed {seed}");
        }
        objects.go_away(true);
        assert!(matches!(archiver.round(None), Ok(it) if !it.progressed));
        objects.go_away(false);
        objects.fail(0, 0);
        let verified = check_archive(&objects).unwrap();
        assert_eq!(verified.records, archiver.archived().records, "seed {seed}");
    }
}

#[test]
fn two_owners_of_one_log_may_archive_at_the_same_time() {
    let (_, vault) = filled(700);
    let objects = SimObjects::default();
    let (mut first, mut second) = (archiver(&vault, &objects), archiver(&vault, &objects));
    first.round(None).unwrap();
    archive_all(&mut second);
    assert_eq!(archive_all(&mut first), second.archived().records);
    check_archive(&objects).unwrap();
}

#[test]
fn an_archive_of_another_history_is_found_out() {
    let (_, vault) = filled(700);
    let objects = SimObjects::default();
    archive_all(&mut archiver(&vault, &objects));
    let other = SimDisk::new();
    let (mut fork, _) = open(&other);
    for _ in 0..350 {
        append(&mut fork, 2).unwrap();
    }
    fork.checkpoint().unwrap();
    let refused = archiver(&fork, &objects).round(None);
    assert!(matches!(refused, Err(ArchiveError::Fork { .. })), "{refused:?}");
}

#[test]
fn a_damaged_segment_is_not_archived() {
    let (disk, vault) = filled(700);
    let name = "segments/00000000000000000000.seg";
    let mut bytes = disk.bytes(name);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    disk.set_bytes(name, bytes);
    let objects = SimObjects::default();
    let refused = archiver(&vault, &objects).round(None);
    assert!(matches!(refused, Err(ArchiveError::Vault(VaultError::Corrupt(_)))), "{refused:?}");
    assert_eq!(objects.keys(), Vec::<String>::new());
}

#[test]
fn any_flipped_bit_of_the_archive_is_named() {
    let (_, vault) = filled(700);
    let objects = SimObjects::default();
    archive_all(&mut archiver(&vault, &objects));
    let newest = objects.keys().into_iter().rfind(|key| key.starts_with("checkpoints/")).unwrap();
    for key in objects.keys() {
        // Older checkpoints are not looked at: the newest says more.
        if key.starts_with("checkpoints/") && key != newest {
            continue;
        }
        let bytes = objects.bytes(&key);
        let mut changed = bytes.clone();
        let at = bytes.len() / 3;
        changed[at] ^= 4;
        objects.set(&key, changed);
        assert!(matches!(check_archive(&objects), Err(Unverifiable::Corrupt(_))), "{key}");
        objects.set(&key, bytes);
    }
    check_archive(&objects).unwrap();
}

#[test]
fn objects_are_held_fast_for_as_long_as_asked() {
    let (_, vault) = filled(700);
    let objects = SimObjects::default();
    let round = archiver(&vault, &objects).round(Some(UnixMicros(5_000))).unwrap();
    assert_eq!((round.locked, objects.locked()), (Some(true), 2));
}

#[test]
fn what_was_deleted_stays_provable_and_is_said_to_be_deleted() {
    let (disk, mut vault) = filled(700);
    let objects = SimObjects::default();
    let mut archiver = archiver(&vault, &objects);
    archive_all(&mut archiver);
    let deletion = archiver.expired(0, UnixMicros(2_000), "retention of 1 day", &mut |_| false).unwrap().unwrap();
    assert!(matches!(archiver.delete(&deletion), Err(ArchiveError::NotRecorded { .. })));
    say(&mut vault, &Custody::Deleted(deletion.clone()));
    assert_eq!(archiver.unfinished_deletions().unwrap(), std::slice::from_ref(&deletion));
    archiver.delete(&deletion).unwrap();
    assert_eq!(archiver.unfinished_deletions().unwrap(), []);
    let reader = vault.reader();
    assert!(matches!(reader.record(Position(0)), Err(VaultError::Deleted { first: 0, .. })));
    assert_eq!(reader.read_from(Position(0)).next().unwrap().unwrap().position.0, deletion.end);
    let proof = reader.inclusion_proof(Position(0)).unwrap();
    assert!(verify_inclusion(proof.leaf, 0, proof.tree_size, &proof.hashes, proof.root));
    drop((archiver, vault));
    assert_eq!(check(&disk, None).unwrap().deleted, deletion.end);
    let (mut vault, _) = open(&disk);
    for _ in 0..100 {
        append(&mut vault, 7).unwrap();
    }
    vault.checkpoint().unwrap();
    let mut archiver = self::archiver(&vault, &objects);
    archive_all(&mut archiver);
    finish_deletions(&mut archiver);
    assert_eq!(check_archive(&objects).unwrap().deleted, deletion.end);
    let fresh = SimDisk::new();
    let (restored, _) = Vault::restore_on(Arc::new(fresh.clone()), objects.arc(), options()).unwrap();
    assert_eq!(restored.reader().custody().unwrap().len(), 1);
    assert!(matches!(restored.reader().record(Position(0)), Err(VaultError::Deleted { .. })));
}

#[test]
fn the_archive_lets_go_when_it_has_the_record_that_says_so() {
    let (disk, mut vault) = filled(700);
    let objects = SimObjects::default();
    let mut archiver = archiver(&vault, &objects);
    archive_all(&mut archiver);
    let deletion = archiver.expired(0, UnixMicros(2_000), "age", &mut |_| false).unwrap().unwrap();
    say(&mut vault, &Custody::Deleted(deletion.clone()));
    archiver.delete(&deletion).unwrap();
    let segment = "segments/00000000000000000000.seg";
    assert!(!disk.files().iter().any(|file| file == segment));
    assert!(objects.keys().iter().any(|key| key == segment));
    assert!(matches!(vault.reader().record(Position(0)), Err(VaultError::Deleted { first: 0, .. })));
    assert_eq!(check_archive(&objects).unwrap().deleted, 0);
    // Whoever begins with this archive has no record of the deletion: to it the segment is there.
    let fresh = SimDisk::new();
    let (restored, _) = Vault::restore_on(Arc::new(fresh.clone()), objects.arc(), options()).unwrap();
    assert_eq!(restored.reader().record(Position(0)).unwrap().payload, payload(0));
    drop(restored);
    assert_eq!(check(&fresh, Some(&objects)).unwrap().deleted, 0);
    for _ in 0..100 {
        append(&mut vault, 7).unwrap();
    }
    vault.checkpoint().unwrap();
    archive_all(&mut archiver);
    assert_eq!(archiver.unfinished_deletions().unwrap(), std::slice::from_ref(&deletion));
    // A store that is away keeps it a while longer.
    objects.go_away(true);
    assert!(matches!(archiver.delete(&deletion), Err(ArchiveError::Objects(_))));
    objects.go_away(false);
    let mut archiver = self::archiver(&vault, &objects);
    finish_deletions(&mut archiver);
    assert!(!objects.keys().iter().any(|key| key == segment));
    assert_eq!(check_archive(&objects).unwrap().deleted, deletion.end);
    assert_eq!(check(&disk, Some(&objects)).unwrap().deleted, deletion.end);
}

#[test]
fn a_deletion_that_no_record_announces_is_damage() {
    let (disk, vault) = filled(700);
    let objects = SimObjects::default();
    archive_all(&mut archiver(&vault, &objects));
    let catalogue = String::from_utf8(disk.bytes("archived")).unwrap().replacen("kept", "deleted", 1);
    disk.set_bytes("archived", catalogue.into_bytes());
    disk.delete("segments/00000000000000000000.seg");
    drop(vault);
    let named = check(&disk, None);
    assert!(matches!(named, Err(Unverifiable::Corrupt(ref it)) if it.what == Damage::Undocumented), "{named:?}");
}

#[test]
fn a_hold_keeps_its_segment_until_it_is_removed() {
    let (_, mut vault) = filled(700);
    let objects = SimObjects::default();
    let hold = Hold { id: "h1".into(), case: "2026-7".into(), by: "ann".into(), ..Hold::default() };
    say(&mut vault, &Custody::HoldAdded(hold.clone()));
    let mut archiver = archiver(&vault, &objects);
    archive_all(&mut archiver);
    let holds = vault.reader().holds().unwrap();
    assert_eq!(holds, [hold]);
    let mut keep = |record: yagura_store::RecordRef<'_>| holds.iter().any(|hold| hold.keeps(None, record.received));
    assert_eq!(archiver.expired(0, UnixMicros(2_000), "x", &mut keep).unwrap(), None);
    say(&mut vault, &Custody::HoldRemoved { id: "h1".into(), by: "ann".into(), reason: "closed".into() });
    assert_eq!(vault.reader().holds().unwrap(), []);
    let found: Option<Deletion> = archiver.expired(0, UnixMicros(2_000), "x", &mut |_| false).unwrap();
    assert!(found.is_some());
    assert_eq!(archiver.expired(0, UnixMicros(1_000), "x", &mut |_| false).unwrap(), None);
}

#[test]
fn the_newest_tree_is_consistent_with_every_older_one() {
    let (_, vault) = filled(343);
    let reader = vault.reader();
    let (_, note) = reader.consistency_proof(0).unwrap();
    let signed = yagura_store::open_checkpoint(&note, &options().key.verifying_key()).unwrap();
    for old in 0..=signed.size {
        let (proof, _) = reader.consistency_proof(old).unwrap();
        let root = reader.root_at(old).unwrap();
        assert!(verify_consistency(old, root, signed.size, signed.root, &proof), "{old}");
        let mut wrong = root;
        wrong.0[0] ^= 1;
        assert!(!verify_consistency(old, wrong, signed.size, signed.root, &proof), "{old}");
    }
}
