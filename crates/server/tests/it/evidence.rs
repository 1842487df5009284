//! What auditors get: search, bundles that a stranger can check, holds and retention on a running server.

use crate::rig::{Device, Rig};
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;
use yagura_model::{EventId, UnixMicros};
use yagura_server::evidence::bundle::{Files, Making, export};
use yagura_server::evidence::check::{BundleCheck, check};
use yagura_server::evidence::reads::keep as keep_reads;
use yagura_server::evidence::select::{Question, search};
use yagura_server::evidence::{Audit, Evidence, inbox, keeper, zip};
use yagura_store::{
    Access, Custody, Hold, NewRecord, Position, Record, RecordKind, RecordRef, Vault, VaultOptions, VaultReader,
    objects, verifier_key,
};

const INJECTION: EventId = EventId(0x8001);
const ORIGIN: &str = "yagura.test/vault";

/// Two vehicles, one of them with two devices, and some reports; returns the directory when all is in the vault.
async fn filled() -> Arc<TempDir> {
    let rig = Rig::new().await;
    let mut devices: Vec<Device> = Vec::new();
    for name in ["acme/v-1/cgw", "acme/v-1/ivi", "acme/v-2/cgw"] {
        devices.push(rig.enrol(name, "model").await);
    }
    for round in 0..4 {
        for device in &mut devices {
            let events = vec![INJECTION; round % 3];
            rig.deliver(&device.report(&events)).await;
        }
    }
    rig.judged().await;
    rig.end().await
}

fn key(dir: &Path) -> ed25519_dalek::SigningKey {
    use yagura_server::identity::{Identity, IdentityOptions};
    let options = IdentityOptions::loopback(&dir.join("identity"), yagura_server::clock::now());
    Identity::open(&options).unwrap().vault_key().clone()
}

fn reader(dir: &Path) -> VaultReader {
    let disk = Arc::new(yagura_store::disk::LocalDisk::new(&dir.join("vault")));
    VaultReader::of_disk(disk, None, key(dir).verifying_key()).unwrap()
}

fn bundle_of(dir: &Path, question: &Question, signed: bool) -> Files {
    let key = key(dir);
    let log_key = verifier_key(ORIGIN, &key.verifying_key());
    let signer = signed.then_some((ORIGIN, &key));
    let making = Making { question, log_key: &log_key, tool: "test", made: UnixMicros(0), signer };
    export(&reader(dir), &making).unwrap()
}

/// A bundle of one vehicle, its directory and the log's key, made once.
fn sample() -> &'static (Arc<TempDir>, Files) {
    static SAMPLE: OnceLock<(Arc<TempDir>, Files)> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let dir = std::thread::spawn(move || runtime().block_on(filled())).join().unwrap();
        let question = Question { vehicle: Some("acme/v-1".to_owned()), ..Question::default() };
        let files = bundle_of(dir.path(), &question, true);
        (dir, files)
    })
}

fn checked(files: &Files) -> BundleCheck {
    check(files, &key(sample().0.path()).verifying_key(), None)
}

fn positions(dir: &Path, question: &Question) -> Vec<u64> {
    let mut found = Vec::new();
    search(&reader(dir), question, &mut |it| found.push(it.record.position.0)).unwrap();
    found
}

#[test]
fn a_search_finds_what_is_asked_for_and_nothing_else() {
    let dir = sample().0.path();
    let all = positions(dir, &Question::default());
    assert!(all.len() >= 15 && all.is_sorted());
    let vehicle = Question { vehicle: Some("acme/v-1".to_owned()), ..Question::default() };
    let device = Question { device: Some("acme/v-1/ivi".to_owned()), ..Question::default() };
    let event = Question { event: Some(INJECTION), ..device.clone() };
    assert_eq!((positions(dir, &vehicle).len(), positions(dir, &device).len()), (10, 5));
    assert_eq!(positions(dir, &event).len(), 2);
    let placed = Question { positions: Some((2, 4)), ..Question::default() };
    assert_eq!(positions(dir, &placed), [2, 3]);
    let never = Question { to: Some(UnixMicros(0)), ..Question::default() };
    assert_eq!(positions(dir, &never), Vec::<u64>::new());
}

#[test]
fn a_bundle_proves_what_it_holds_also_as_one_file() {
    let files = &sample().1;
    let result = checked(files);
    assert_eq!((result.wrong, result.faults.as_slice(), result.complete), (0, &[][..], true));
    assert_eq!((result.proven, result.reports, result.not_included), (10, 8, 0));
    let packed = zip::write(files).unwrap();
    assert_eq!(zip::read(&packed).as_ref(), Ok(files));
    let other = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key();
    assert_eq!(check(files, &other, None).faults[0].file, "checkpoint");
}

#[test]
fn a_bundle_without_the_log_s_signature_says_so() {
    let question = Question { report: Some(String::new()), positions: Some((4, 8)), ..Question::default() };
    let result = checked(&bundle_of(sample().0.path(), &question, false));
    assert_eq!((result.wrong, result.complete), (0, false), "{:?}", result.faults);
}

#[test]
fn reports_left_out_between_others_are_counted() {
    let dir = sample().0.path();
    let device = Question { device: Some("acme/v-2/cgw".to_owned()), ..Question::default() };
    let reports = positions(dir, &device);
    let question = Question { positions: Some((reports[1], reports[1] + 1)), ..device.clone() };
    let mut files = bundle_of(dir, &question, false);
    let last = Question { positions: Some((reports[4], reports[4] + 1)), ..device };
    assert_eq!(checked(&files).not_included, 0);
    files = bundle_of(dir, &last, false);
    assert_eq!((checked(&files).wrong, checked(&files).reports), (0, 1));
}

#[tokio::test]
async fn who_reads_evidence_is_a_record_of_the_vault() {
    let rig = Rig::new().await;
    let mut device = rig.enrol("acme/v-1/cgw", "model").await;
    let position = rig.deliver(&device.report(&[INJECTION])).await.position;
    rig.judged().await;
    let person = rig.person("acme").await;
    for _ in 0..3 {
        assert_eq!(person.status(&format!("/evidence/{position}/raw")).await, 200);
    }
    let alerts = person.json("/alerts").await;
    let id = alerts["alerts"][0]["id"].as_str().unwrap();
    person.json(&format!("/alerts/{id}")).await;
    // Somebody else's evidence is not there, so it is not read.
    let stranger = rig.person("umbra").await;
    assert_eq!(stranger.status(&format!("/evidence/{position}/raw")).await, 404);
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let keeping = tokio::spawn(keep_reads(rig.app.reads.clone(), rig.intake.clone(), stopping));
    stop.send_replace(true);
    keeping.await.unwrap();
    let told = person.json("/evidence/reads").await;
    let reads = told["reads"].as_array().unwrap();
    let read = |how: &str| reads.iter().find(|read| read["how"] == how).unwrap();
    assert_eq!(
        (reads.len(), &read("record's bytes")["times"], &read("alert page")["times"]),
        (2, &json!(3), &json!(1))
    );
    assert_eq!(read("alert page")["why"], format!("alert {id}"));
    assert_eq!((&reads[0]["by"], &reads[0]["asked"]), (&json!("operator"), &json!(format!("record {position}"))));
    assert_eq!(stranger.json("/evidence/reads").await["reads"], json!([]));
    rig.judged().await;
    let dir = rig.end().await;
    assert_eq!(reader(dir.path()).custody().unwrap().len(), 2);
}

#[test]
fn a_report_that_comes_again_is_wrong_on_one_node_and_legal_in_a_partition() {
    let records: Vec<_> = reader(sample().0.path()).read_from(Position(0)).map(Result::unwrap).collect();
    let last = records.iter().rfind(|record| record.kind == RecordKind::Report).unwrap();
    let summary = |origin: &str| {
        let mut audit = Audit::new();
        for (position, record) in (0..).map(Position).zip(records.iter().chain([last])) {
            let Record { kind, received, ref payload, .. } = *record;
            audit.visit(RecordRef { position, kind, received, payload });
        }
        audit.finish(Some(origin))
    };
    let partition = summary("yagura.test/vault/p12");
    assert_eq!((partition.wrong, partition.out_of_turn, partition.reports), (0, 1, 12), "{:?}", partition.findings);
    let single = summary(ORIGIN);
    assert_eq!((single.wrong, single.out_of_turn), (1, 1));
    assert_eq!(single.findings[0].position, records.len() as u64);
}

#[test]
fn a_page_of_python_comes_to_the_same_verdict() {
    let has_cryptography = Command::new("python3").args(["-c", "import cryptography"]).output();
    if !has_cryptography.is_ok_and(|it| it.status.success()) {
        assert!(std::env::var_os("YAGURA_TEST_SERVICES").is_none(), "python3-cryptography is not installed");
        println!("skipped: python3 with its package `cryptography` is not here");
        return;
    }
    let (dir, files) = sample();
    let out = TempDir::new().unwrap();
    let unpack = |files: &Files, name: &str| {
        let root = out.path().join(name);
        for (name, bytes) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        root
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/format/verify_bundle.py");
    let log_key = verifier_key(ORIGIN, &key(dir.path()).verifying_key());
    let run = |root: &Path| Command::new("python3").arg(&script).arg(root).arg(&log_key).output().unwrap();
    let good = run(&unpack(files, "good"));
    let said = String::from_utf8_lossy(&good.stdout).into_owned();
    assert!(
        said.starts_with("intact: 10 records proven, 8 reports"),
        "{said}{}",
        String::from_utf8_lossy(&good.stderr)
    );
    for (n, name) in files.keys().enumerate().step_by(5) {
        let mut changed = files.clone();
        changed.get_mut(name).unwrap()[0] ^= 1;
        assert!(!run(&unpack(&changed, &format!("bad{n}"))).status.success(), "{name}");
    }
}

#[derive(Clone, Debug)]
enum Mutation {
    Flip(usize, usize, u8),
    Remove(usize),
    Swap(usize, usize),
    Cut(usize, usize),
    Add,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (any::<usize>(), any::<usize>(), 0..8_u8).prop_map(|(f, at, bit)| Mutation::Flip(f, at, bit)),
        1 => any::<usize>().prop_map(Mutation::Remove),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(f, at)| Mutation::Cut(f, at)),
        1 => Just(Mutation::Add),
    ]
}

fn mutated(files: &Files, mutation: &Mutation) -> Files {
    let names: Vec<String> = files.keys().cloned().collect();
    let name = |n: usize| names[n % names.len()].clone();
    let mut files = files.clone();
    match mutation {
        Mutation::Flip(file, at, bit) => {
            let bytes = files.get_mut(&name(*file)).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        Mutation::Remove(file) => drop(files.remove(&name(*file))),
        Mutation::Swap(a, b) => {
            let (first, second) = (files[&name(*a)].clone(), files[&name(*b)].clone());
            files.insert(name(*a), second);
            files.insert(name(*b), first);
        }
        Mutation::Cut(file, at) => {
            let bytes = files.get_mut(&name(*file)).unwrap();
            bytes.truncate(at % bytes.len());
        }
        Mutation::Add => drop(files.insert("records/00000000000000009999".to_owned(), vec![0; 40])),
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_changed_in_a_bundle_is_named(mutation in mutation()) {
        let files = &sample().1;
        let changed = mutated(files, &mutation);
        prop_assume!(changed != *files);
        let result = checked(&changed);
        // Without its signature a bundle is sound but says that it is not complete.
        prop_assert!(result.wrong > 0 || !result.complete, "{:?}", mutation);
    }
}

/// Small segments, an archive in a directory, records of two tenants from long ago.
fn archived(dir: &Path) -> (Vault, yagura_store::Archiver, VaultReader) {
    let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let options =
        VaultOptions { dir: dir.join("vault"), origin: ORIGIN.to_owned(), key: key.clone(), segment_bytes: 2_000 };
    let store = objects::open(dir.join("objects").to_str().unwrap()).unwrap();
    let (mut vault, _) = Vault::restore_from(Arc::clone(&store), options).unwrap();
    for (name, days) in [("acme/v-1/cgw", 0), ("umbra/v-9/cgw", 10), ("acme/v-1/cgw", 20), ("acme/v-3/cgw", 30)] {
        let mut device = Device::new(name);
        for _ in 0..8 {
            let report = device.report(&[INJECTION]);
            let received = UnixMicros(days * 86_400_000_000);
            vault.append(&[NewRecord { kind: RecordKind::Report, received, payload: &report.bytes }]).unwrap();
        }
    }
    vault.checkpoint().unwrap();
    let mut archiver = keeper::archiver(&vault.reader(), Some(&store), ORIGIN, &key).unwrap().unwrap();
    while archiver.round(None).unwrap().progressed {}
    let reader = vault.reader();
    (vault, archiver, reader)
}

fn tidy(vault: &mut Vault, archiver: &mut yagura_store::Archiver, evidence: &Evidence, day: i64) -> u64 {
    let (reader, now) = (vault.reader(), UnixMicros(day * 86_400_000_000));
    let mut record = |custody: &Custody| {
        let payload = custody.encode();
        vault.append(&[NewRecord { kind: RecordKind::Custody, received: now, payload: &payload }]).is_ok()
    };
    keeper::tidy_now(archiver, &reader, evidence, now, &mut record).unwrap();
    vault.checkpoint().unwrap();
    reader.custody().unwrap().iter().filter(|(_, it)| matches!(it, Custody::Deleted(_))).count() as u64
}

#[test]
fn retention_goes_by_tenant_and_a_hold_stands_above_it() {
    let dir = TempDir::new().unwrap();
    let (mut vault, mut archiver, reader) = archived(dir.path());
    let evidence = Evidence { days: Some(100), ..Evidence::default() };
    assert_eq!(tidy(&mut vault, &mut archiver, &evidence, 100), 0);
    let hold =
        Hold { id: "h".into(), case: "c".into(), of: Some("acme/v-1".into()), by: "b".into(), ..Hold::default() };
    let payload = Custody::HoldAdded(hold).encode();
    let now = UnixMicros(40 * 86_400_000_000);
    vault.append(&[NewRecord { kind: RecordKind::Custody, received: now, payload: &payload }]).unwrap();
    // Of umbra alone, and acme/v-3, which is too young for acme's own rule.
    let own = [("acme".to_owned(), 200)].into();
    let evidence = Evidence { days: Some(50), tenant_days: own, local_days: Some(1), ..Evidence::default() };
    let deleted = tidy(&mut vault, &mut archiver, &evidence, 150);
    assert!(deleted > 0);
    let tenants: Vec<String> = reader
        .read_from(Position(0))
        .filter_map(|record| yagura_link::peek(&record.unwrap().payload).ok())
        .map(|header| header.device.vehicle.to_string())
        .collect();
    assert_eq!(tenants.iter().filter(|vehicle| *vehicle == "v-1").count(), 16);
    assert!(tenants.iter().filter(|vehicle| *vehicle == "v-9").count() < 8);
    assert_eq!(tenants.iter().filter(|vehicle| *vehicle == "v-3").count(), 8);
    assert_eq!(tidy(&mut vault, &mut archiver, &evidence, 150), deleted);
    let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32]).verifying_key();
    drop((vault, archiver));
    let disk = Arc::new(yagura_store::disk::LocalDisk::new(&dir.path().join("vault")));
    let store = objects::open(dir.path().join("objects").to_str().unwrap()).unwrap();
    let verified = yagura_store::verify_with(disk, Some(store), &key, &mut |_| {}, &mut |_| {}).unwrap();
    assert!(verified.deleted > 0 && verified.elsewhere == 0);
}

#[test]
fn what_the_command_line_leaves_waits_for_the_server() {
    let dir = TempDir::new().unwrap();
    let inbox = dir.path().join("custody");
    assert_eq!(inbox::waiting(&inbox).unwrap(), []);
    let access =
        Access { by: "a".into(), how: "export".into(), asked: "all".into(), records: 1, times: 1, ..Access::default() };
    inbox::leave(&inbox, &Custody::Accessed(access.clone())).unwrap();
    std::fs::write(inbox.join("other.json"), b"{}").unwrap();
    let waiting = inbox::waiting(&inbox).unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(Custody::decode(&waiting[0].1), Some(Custody::Accessed(access)));
}
