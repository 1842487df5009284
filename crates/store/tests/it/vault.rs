//! The vault's promises one by one.

use crate::sim_disk::SimDisk;
use ed25519_dalek::SigningKey;
use expect_test::expect;
use std::sync::Arc;
use std::time::Duration;
use yagura_model::UnixMicros;
use yagura_store::disk::Disk;
use yagura_store::{
    Damage, NewRecord, NoteError, Position, Record, RecordKind, Repair, Unverifiable, Vault, VaultError, VaultOptions,
    Verified, leaf_hash, open_checkpoint, verify, verify_inclusion, verify_on,
};

pub(crate) fn options() -> VaultOptions {
    VaultOptions {
        dir: "/nowhere".into(),
        origin: "yagura.test/vault".to_owned(),
        key: SigningKey::from_bytes(&[3; 32]),
        segment_bytes: 4_096,
    }
}

pub(crate) fn open(disk: &SimDisk) -> (Vault, yagura_store::Recovery) {
    Vault::open_on(Arc::new(disk.clone()), options()).unwrap()
}

pub(crate) fn payload(n: u64) -> Vec<u8> {
    format!("record {n} ").repeat(1 + (n % 5) as usize).into_bytes()
}

pub(crate) fn append(vault: &mut Vault, count: u64) -> Result<Position, VaultError> {
    let payloads: Vec<Vec<u8>> = (vault.len()..vault.len() + count).map(payload).collect();
    let new = |payload| NewRecord { kind: RecordKind::Report, received: UnixMicros(1_000), payload };
    vault.append(&payloads.iter().map(|p| new(p)).collect::<Vec<_>>())
}

pub(crate) fn records(vault: &Vault) -> Vec<Record> {
    vault.reader().read_from(Position(0)).collect::<Result<_, _>>().unwrap()
}

pub(crate) fn check(disk: &SimDisk) -> Result<Verified, Unverifiable> {
    verify_on(disk, &options().key.verifying_key(), &mut |_| {}, &mut |_| {})
}

/// 700 records in several segments under a checkpoint: full and partial tiles on two levels.
fn filled() -> SimDisk {
    let disk = SimDisk::new();
    let (mut vault, _) = open(&disk);
    for n in 0..100 {
        append(&mut vault, 7).unwrap();
        if n % 9 == 0 {
            vault.checkpoint().unwrap();
        }
    }
    disk
}

#[test]
fn an_empty_vault_opens_and_verifies() {
    let disk = SimDisk::new();
    let (vault, recovery) = open(&disk);
    assert!(vault.is_empty());
    assert_eq!((recovery.records, recovery.cut, recovery.repair), (0, None, Repair::Nothing));
    drop(vault);
    assert_eq!(check(&disk).map(|v| (v.records, v.covered)).unwrap(), (0, 0));
    assert_eq!(open(&disk).1.records, 0);
}

#[test]
fn what_was_appended_is_read_back_in_order_while_appending() {
    let disk = SimDisk::new();
    let (mut vault, _) = open(&disk);
    let mut tail = vault.reader().read_from(Position(0));
    let mut seen = Vec::new();
    for round in 0..60 {
        assert_eq!(append(&mut vault, 1 + round % 4).unwrap().0 as usize, seen.len());
        seen.extend(tail.by_ref().map(|r| r.unwrap().payload));
        assert_eq!(seen.len() as u64, vault.len());
    }
    assert!(seen.iter().zip(0..).all(|(bytes, n)| *bytes == payload(n)));
    assert!(disk.list("segments").unwrap().len() > 1);
    let reader = vault.reader();
    for n in (0..vault.len()).rev().step_by(13) {
        assert_eq!(reader.record(Position(n)).unwrap().payload, payload(n));
    }
    let beyond = reader.record(Position(vault.len()));
    assert!(matches!(beyond, Err(VaultError::NoSuchRecord { len, .. }) if len == vault.len()));
}

#[test]
fn a_reader_on_another_thread_waits_for_records() {
    let disk = SimDisk::new();
    let (mut vault, _) = open(&disk);
    let reader = vault.reader();
    let waiting = std::thread::spawn(move || reader.wait_beyond(0, Duration::from_secs(60)));
    append(&mut vault, 3).unwrap();
    assert_eq!(waiting.join().unwrap(), 3);
    assert_eq!(vault.reader().wait_beyond(3, Duration::ZERO), 3);
}

#[test]
fn every_record_has_a_proof_that_a_stranger_can_check() {
    let disk = filled();
    let (mut vault, _) = open(&disk);
    let key = options().key.verifying_key();
    for n in 0..vault.len() {
        let proof = vault.reader().inclusion_proof(Position(n)).unwrap();
        let signed = open_checkpoint(&proof.checkpoint, &key).unwrap();
        assert_eq!((signed.size, signed.root), (proof.tree_size, proof.root));
        assert_eq!(leaf_hash(&proof.entry), proof.leaf);
        assert!(verify_inclusion(proof.leaf, n, proof.tree_size, &proof.hashes, proof.root));
        assert!(!verify_inclusion(proof.leaf, n + 1, proof.tree_size, &proof.hashes, proof.root));
    }
    append(&mut vault, 1).unwrap();
    let early = vault.reader().inclusion_proof(Position(700));
    assert!(matches!(early, Err(VaultError::NotCovered { size: 700, .. })));
    vault.checkpoint().unwrap();
    assert_eq!(vault.reader().inclusion_proof(Position(700)).unwrap().tree_size, 701);
}

#[test]
fn verification_counts_what_it_saw() {
    let disk = filled();
    let mut seen = 0;
    let key = options().key.verifying_key();
    let mut bytes = 0;
    let verified = verify_on(
        &disk,
        &key,
        &mut |r| {
            assert_eq!((r.position.0, r.payload), (seen, payload(seen).as_slice()));
            seen += 1;
        },
        &mut |p| bytes = p.bytes,
    );
    let verified = verified.unwrap();
    assert_eq!((verified.records, verified.covered, seen), (700, 700, 700));
    assert!(verified.segments > 5 && verified.tiles > 4 && bytes > 0, "{verified:?}");
    let stranger = SigningKey::from_bytes(&[4; 32]).verifying_key();
    let Err(Unverifiable::Corrupt(found)) = verify_on(&disk, &stranger, &mut |_| {}, &mut |_| {}) else { panic!() };
    assert_eq!((found.file.as_str(), found.what), ("checkpoint", Damage::Checkpoint(NoteError::UnknownKey)));
}

#[test]
fn any_flipped_bit_is_found_and_named() {
    let disk = filled();
    let files = disk.files().into_iter().filter(|f| *f != "lock");
    for file in files {
        let sound = disk.bytes(&file);
        let step = if file.starts_with("segments/") { 37 } else { 61 };
        for at in (0..sound.len()).step_by(step) {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            disk.set_bytes(&file, bytes);
            let Err(Unverifiable::Corrupt(found)) = check(&disk) else { panic!("{file} byte {at} was not found") };
            assert_eq!(found.file, file, "byte {at}: {found}");
            if file.starts_with("tile/") {
                assert_eq!(found.offset, at as u64, "{file}: {found}");
            }
            assert!(found.offset <= at as u64, "{file} byte {at}: {found}");
        }
        disk.set_bytes(&file, sound);
    }
    check(&disk).unwrap();
}

#[test]
fn a_missing_file_is_found_and_named() {
    let disk = filled();
    let needed = |f: &String| !f.contains(".p/") && f != "lock";
    for file in disk.files().into_iter().filter(needed) {
        let sound = disk.bytes(&file);
        disk.delete(&file);
        let found = check(&disk);
        assert!(matches!(found, Err(Unverifiable::Corrupt(_))), "{file}: {found:?}");
        disk.set_bytes(&file, sound);
    }
}

#[test]
fn records_swapped_between_places_are_found() {
    let disk = filled();
    let names = disk.list("segments").unwrap();
    let (a, b) = (format!("segments/{}", names[1]), format!("segments/{}", names[2]));
    let (bytes_a, bytes_b) = (disk.bytes(&a), disk.bytes(&b));
    disk.set_bytes(&a, bytes_b);
    disk.set_bytes(&b, bytes_a);
    let Err(Unverifiable::Corrupt(found)) = check(&disk) else { panic!() };
    assert_eq!((found.file, found.what), (a, Damage::SegmentHeader));
}

#[test]
fn an_old_checkpoint_is_brought_up_to_date() {
    let disk = SimDisk::new();
    let (mut vault, _) = open(&disk);
    append(&mut vault, 300).unwrap();
    let early = vault.checkpoint().unwrap();
    append(&mut vault, 300).unwrap();
    drop(vault);
    assert_eq!(check(&disk).map(|v| (v.covered, v.records)).unwrap(), (300, 600));
    let (vault, recovery) = open(&disk);
    assert_eq!((recovery.records, recovery.repair), (600, Repair::CaughtUp(300)));
    assert_ne!(vault.reader().checkpoint().unwrap(), Some(early));
    assert_eq!(check(&disk).map(|v| v.covered).unwrap(), 600);
}

#[test]
fn a_missing_checkpoint_and_wrong_tiles_are_made_anew() {
    let disk = filled();
    let sound = disk.bytes("checkpoint");
    disk.delete("checkpoint");
    let (vault, recovery) = open(&disk);
    assert_eq!(recovery.repair, Repair::CheckpointRemade);
    drop(vault);
    assert_eq!(disk.bytes("checkpoint"), sound);
    for file in disk.files().into_iter().filter(|f| f.starts_with("tile/")) {
        disk.set_bytes(&file, vec![1; 32]);
    }
    let (vault, recovery) = open(&disk);
    assert_eq!(recovery.repair, Repair::TilesRemade);
    drop(vault);
    check(&disk).unwrap();
}

#[test]
fn damage_to_acknowledged_records_is_not_taken_for_a_crash() {
    let disk = SimDisk::new();
    let (mut vault, _) = open(&disk);
    append(&mut vault, 3).unwrap();
    vault.checkpoint().unwrap();
    append(&mut vault, 3).unwrap();
    append(&mut vault, 3).unwrap();
    drop(vault);
    let file = "segments/00000000000000000000.seg";
    let sound = disk.bytes(file);
    let open_it = || Vault::open_on(Arc::new(disk.clone()), options());
    // Covered by the checkpoint; then not covered, but a later append stands behind it.
    for at in [40, 40 + sound.len() / 3] {
        let mut bytes = sound.clone();
        bytes[at] ^= 4;
        disk.set_bytes(file, bytes);
        assert!(matches!(open_it(), Err(VaultError::Corrupt(found)) if found.file == file), "byte {at}");
        assert!(matches!(check(&disk), Err(Unverifiable::Corrupt(found)) if found.file == file), "byte {at}");
    }
    // The very last append: nothing shows that it was ever acknowledged.
    let mut bytes = sound.clone();
    *bytes.last_mut().unwrap() ^= 4;
    disk.set_bytes(file, bytes);
    let unfinished = check(&disk).unwrap().unfinished.unwrap();
    assert_eq!(unfinished.what, Damage::Checksum);
    let (_, recovery) = open_it().unwrap();
    assert_eq!((recovery.records, recovery.cut), (8, Some(unfinished)));
    check(&disk).unwrap();
}

#[test]
fn a_rolled_back_vault_is_refused() {
    let disk = filled();
    let names = disk.list("segments").unwrap();
    disk.delete(&format!("segments/{}", names.last().unwrap()));
    let opened = Vault::open_on(Arc::new(disk.clone()), options());
    let Err(VaultError::Corrupt(found)) = opened else { panic!("{opened:?}") };
    assert!(matches!(found.what, Damage::MissingRecords { covered: 700, .. }), "{found}");
}

#[test]
fn a_full_disk_refuses_the_append_and_nothing_else() {
    let disk = SimDisk::new();
    let (mut vault, _) = open(&disk);
    append(&mut vault, 5).unwrap();
    for space in [0, 1, 27, 28, 60, 150] {
        disk.leave_space(space);
        let refused = append(&mut vault, 50);
        assert!(matches!(refused, Err(VaultError::DiskFull { .. })), "{refused:?}");
        assert_eq!((vault.len(), records(&vault).len()), (5, 5));
    }
    disk.leave_space(100);
    assert!(matches!(vault.checkpoint(), Err(VaultError::DiskFull { .. })));
    disk.leave_space(u64::MAX);
    append(&mut vault, 500).unwrap();
    vault.checkpoint().unwrap();
    assert_eq!(records(&vault).len(), 505);
    drop(vault);
    assert_eq!(check(&disk).map(|v| v.covered).unwrap(), 505);
}

#[test]
fn a_read_only_disk_is_said_to_be_so() {
    let disk = SimDisk::new();
    let (mut vault, _) = open(&disk);
    append(&mut vault, 5).unwrap();
    disk.set_read_only(true);
    assert!(matches!(append(&mut vault, 5), Err(VaultError::ReadOnly { .. })));
    assert!(matches!(vault.checkpoint(), Err(VaultError::ReadOnly { .. })));
    drop(vault);
    assert!(matches!(Vault::open_on(Arc::new(disk.clone()), options()), Err(VaultError::ReadOnly { .. })));
    disk.set_read_only(false);
    assert_eq!(open(&disk).1.records, 5);
}

#[test]
fn limits_and_names_are_checked() {
    let disk = SimDisk::new();
    let (mut vault, _) = open(&disk);
    let payload = vec![0; NewRecord::PAYLOAD_BYTES_MAX + 1];
    let new = NewRecord { kind: RecordKind::Anomaly, received: UnixMicros(0), payload: &payload };
    assert!(matches!(vault.append(&[new]), Err(VaultError::TooLong { .. })));
    assert_eq!(vault.append(&[]).unwrap(), Position(0));
    let odd = VaultOptions { origin: "with space".to_owned(), ..options() };
    assert!(matches!(Vault::open_on(Arc::new(disk), odd), Err(VaultError::Origin(_))));
}

#[test]
fn a_directory_of_this_machine_holds_a_vault() {
    let dir = tempfile::tempdir().unwrap();
    let here = || VaultOptions { dir: dir.path().join("vault"), ..options() };
    let (mut vault, _) = Vault::open(here()).unwrap();
    append(&mut vault, 600).unwrap();
    assert!(matches!(Vault::open(here()), Err(VaultError::Locked { .. })));
    vault.checkpoint().unwrap();
    drop(vault);
    let key = options().key.verifying_key();
    let verified = verify(&here().dir, &key, &mut |_| {}, &mut |_| {}).unwrap();
    assert_eq!((verified.records, verified.origin.as_str()), (600, "yagura.test/vault"));
    assert!(here().dir.join("tile/0/001").is_file() && here().dir.join("tile/entries/002.p/88").is_file());
    assert!(!here().dir.join("tile/0/000.p").exists());
    assert_eq!(Vault::open(here()).unwrap().1.records, 600);
}

/// The golden vault of format version 1: if this changes, so does the version.
#[test]
fn a_vault_is_byte_for_byte_as_documented() {
    let disk = SimDisk::new();
    let (mut vault, _) = open(&disk);
    let new = |kind, payload| NewRecord { kind, received: UnixMicros(1_795_305_600_000_001), payload };
    vault.append(&[new(RecordKind::Enrolment, b"DER".as_slice()), new(RecordKind::Report, b"COSE")]).unwrap();
    vault.append(&[new(RecordKind::Anomaly, b"")]).unwrap();
    vault.checkpoint().unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let shown = disk.files().into_iter().filter(|f| f != "lock").map(|file| {
        let bytes = disk.bytes(&file);
        let body = if file == "checkpoint" { String::from_utf8(bytes).unwrap() } else { hex(&bytes) };
        format!("{file}\n{body}\n")
    });
    expect![[r#"
        checkpoint
        yagura.test/vault
        3
        42DesJKAS9pIlVVvyGYgRUKdeJLU4pi8lurzQNGU85g=

        — yagura.test/vault MF7hpSKgdGhWnYZAlJSMEB6DMFM2FRrpmzOyF+Qt7LAXCXMLkAt2ECRrak/XXy5xOLZoy7wddSLJNEdvU4Es2LVvCQc=

        segments/00000000000000000000.seg
        5947565300010000000000000000000024057ed5dea91cc200000000efd0634254692d550000000302010000000660d2288d20010000000000000000444552739b6d420000000401000000000660d2288d20010000000000000001434f53458b7403450000000003010000000660d2288d20010000000000000002
        tile/0/000.p/3
        fdd4d0f781e6ab275e95d76ca65313812d5f76fc5d7e6fc74ef21862854f19f585e93ba34e2132c9cbdcbcf35abff9f5defb6576dfb46670245921fa3d03f5f21d780b33229b5f5dc15b0568e3ed5ddf8be62c7da69218ab196d056979fe2c23
        tile/entries/000.p/3
        003c54692d550000000302010000000660d2288d20010000000000000000bffd28c8eeb10a5e50cf17b58f477ea1803895ae69744e6eb53cbcc3bf427adb003c739b6d420000000401000000000660d2288d2001000000000000000186e8276789fcb84339de989b01c9545ca6a2943c52e4f9f1405140f63b05f520003c8b7403450000000003010000000660d2288d20010000000000000002e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    "#]].assert_eq(&shown.collect::<String>());
}

/// The tree's root over the first records, by the plain recursion of RFC 6962.
pub(crate) fn root_of_first(reader: &yagura_store::VaultReader, size: u64) -> yagura_store::Digest {
    let records = reader.read_from(Position(0)).take(size as usize);
    let leaves: Vec<[u8; 32]> = records.map(|r| entry_hash(reader, &r.unwrap())).collect();
    yagura_store::Digest(merkle(&leaves))
}

fn entry_hash(reader: &yagura_store::VaultReader, record: &Record) -> [u8; 32] {
    reader.inclusion_proof(record.position).unwrap().leaf.0
}

fn merkle(leaves: &[[u8; 32]]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Sha256::new().chain_update([1]).chain_update(merkle(left)).chain_update(merkle(right)).finalize().into()
        }
    }
}

/// Every file of the vault but the lock, by name.
fn files(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for name in disk.list("segments").unwrap() {
        let file = disk.open(&format!("segments/{name}")).unwrap();
        let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
        file.read_at(0, &mut bytes).unwrap();
        files.push((name, bytes));
    }
    files
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]
    #[test]
    fn a_replica_is_the_same_bytes_and_tree_however_its_records_are_cut(cuts in proptest::collection::vec(1_usize..40, 1..20)) {
        let payloads: Vec<Vec<u8>> = (0..cuts.iter().sum::<usize>() as u64).map(payload).collect();
        // Clocks of gates differ: a record may be received before the one in front of it.
        let received = |at: i64| UnixMicros(at * Vault::REPLICA_SEGMENT_US / 7 - at % 3 * Vault::REPLICA_SEGMENT_US / 2);
        let new = |(at, payload)| NewRecord { kind: RecordKind::Report, received: received(at), payload };
        let all: Vec<_> = (0..).zip(&payloads).map(|(at, payload)| new((at, payload.as_slice()))).collect();
        let mut made = Vec::new();
        for cut in [cuts, vec![all.len()], vec![1; all.len()]] {
            let disk = SimDisk::new();
            let (mut vault, _) = open(&disk);
            let mut rest = all.as_slice();
            for len in cut {
                let (now, later) = rest.split_at(len);
                assert_eq!(vault.append_replica(now).unwrap().0 as usize, all.len() - rest.len());
                rest = later;
            }
            let root = open_checkpoint(&vault.checkpoint().unwrap(), &options().key.verifying_key()).unwrap().root;
            made.push((files(&disk), root));
        }
        assert!(made.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
