//! Power cuts at a thousand points of a life with an archive: appends, rolls, checkpoints, uploads, evictions, a deletion.

use crate::archive::{archiver, finish_deletions};
use crate::sim_disk::{Dice, SimDisk};
use crate::sim_objects::SimObjects;
use crate::vault::{append, options, payload};
use std::sync::Arc;
use std::time::{Duration, Instant};
use yagura_model::UnixMicros;
use yagura_store::{
    Archiver, Custody, NewRecord, Position, RecordKind, Vault, VaultError, Verified, verify_archive, verify_with,
};

/// Power cuts, spread over all operations of the life.
const CUTS: u64 = 1_200;

fn open(disk: &SimDisk, objects: &SimObjects) -> Result<Vault, VaultError> {
    Vault::restore_on(Arc::new(disk.clone()), objects.arc(), options()).map(|(vault, _)| vault)
}

/// Lives until the power goes; returns how many records were acknowledged.
fn live(disk: &SimDisk, objects: &SimObjects) -> u64 {
    let mut acknowledged = 0;
    let Ok(mut vault) = open(disk, objects) else { return 0 };
    let options = options();
    let made = Archiver::new(vault.reader(), objects.arc(), &options.origin, options.key);
    let Ok(mut archiver) = made else { return 0 };
    for round in 0..6 {
        if works(&mut vault, &mut archiver, round, &mut acknowledged).is_none() {
            break;
        }
    }
    acknowledged
}

fn works(vault: &mut Vault, archiver: &mut Archiver, round: u64, acknowledged: &mut u64) -> Option<()> {
    for _ in 0..4 {
        append(vault, 12).ok()?;
        *acknowledged = vault.len();
    }
    vault.checkpoint().ok()?;
    while archiver.round(None).ok()?.progressed {}
    for deletion in archiver.unfinished_deletions().ok()? {
        archiver.delete(&deletion).ok()?;
    }
    if round % 2 == 1 {
        archiver.evict(UnixMicros(i64::MAX)).ok()?;
    }
    if round == 3 {
        let deletion = archiver.expired(0, UnixMicros(2_000), "age", &mut |_| false).ok()??;
        let payload = Custody::Deleted(deletion.clone()).encode();
        vault
            .append(&[NewRecord { kind: RecordKind::Custody, received: UnixMicros(1_000), payload: &payload }])
            .ok()?;
        *acknowledged = vault.len();
        archiver.delete(&deletion).ok()?;
    }
    Some(())
}

/// What must be true after a cut, and that life goes on.
fn holds(disk: &SimDisk, objects: &SimObjects, acknowledged: u64) -> Duration {
    let start = Instant::now();
    let mut vault = open(disk, objects).unwrap();
    let recovery = start.elapsed();
    assert!(vault.len() >= acknowledged);
    let mut archiver = archiver(&vault, objects);
    finish_deletions(&mut archiver);
    let reader = vault.reader();
    for record in reader.read_from(Position(0)).map(Result::unwrap) {
        assert!(record.kind == RecordKind::Custody || record.payload == payload(record.position.0));
    }
    vault.checkpoint().unwrap();
    while archiver.round(None).unwrap().progressed {}
    append(&mut vault, 5).unwrap();
    vault.checkpoint().unwrap();
    let whole = verified(disk, objects, vault.len());
    // Enough to close the segment that announces a deletion: then here and in the archive the same is gone.
    for _ in 0..10 {
        append(&mut vault, 12).unwrap();
    }
    vault.checkpoint().unwrap();
    while archiver.round(None).unwrap().progressed {}
    finish_deletions(&mut archiver);
    let later = verified(disk, objects, vault.len());
    let archive = verify_archive(objects.arc(), &options().key.verifying_key(), &mut |_| {}, &mut |_| {}).unwrap();
    assert_eq!((later.deleted, archive.deleted), (whole.deleted, whole.deleted));
    let first = "segments/00000000000000000000.seg";
    assert_eq!(objects.keys().iter().any(|key| key == first), whole.deleted == 0);
    assert!(whole.deleted == 0 || !disk.files().iter().any(|file| file == first));
    recovery
}

/// What verification finds in vault and archive, both whole; the vault has `len` records.
fn verified(disk: &SimDisk, objects: &SimObjects, len: u64) -> Verified {
    let key = options().key.verifying_key();
    let whole = verify_with(Arc::new(disk.clone()), Some(objects.arc()), &key, &mut |_| {}, &mut |_| {}).unwrap();
    assert_eq!((whole.records, whole.covered, whole.elsewhere), (len, len, 0));
    if objects.keys().iter().any(|key| key.starts_with("checkpoints/")) {
        verify_archive(objects.arc(), &key, &mut |_| {}, &mut |_| {}).unwrap();
    }
    whole
}

#[test]
fn no_power_cut_in_a_life_with_an_archive_loses_evidence() {
    let disk = SimDisk::new();
    disk.cut_power_after(u64::MAX);
    assert!(live(&disk, &SimObjects::default()) > 280);
    let operations = u64::MAX - disk.power_left();
    let mut slowest = Duration::ZERO;
    for cut in 0..CUTS {
        let (disk, objects) = (SimDisk::new(), SimObjects::default());
        disk.cut_power_after(cut * operations / CUTS);
        let acknowledged = live(&disk, &objects);
        let left = disk.crash(&mut Dice(cut));
        let held = std::panic::catch_unwind(|| holds(&left, &objects, acknowledged));
        let Ok(recovery) = held else { panic!("seed {cut}: cut after operation {}", cut * operations / CUTS) };
        slowest = slowest.max(recovery);
    }
    println!("{CUTS} power cuts over {operations} operations; slowest recovery {slowest:?}");
}

#[test]
fn a_disk_that_fills_up_at_any_write_of_a_life_with_an_archive_loses_nothing() {
    for space in (0..60_000).step_by(1_500) {
        let (disk, objects) = (SimDisk::new(), SimObjects::default());
        disk.leave_space(space);
        let acknowledged = live(&disk, &objects);
        disk.leave_space(u64::MAX);
        let _ = holds(&disk, &objects, acknowledged);
    }
}
