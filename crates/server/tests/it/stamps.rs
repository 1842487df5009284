//! Time stamps of checkpoints, by OpenSSL as the authority: asked for, checked, kept, given to strangers.

use crate::rig::{Answers, Authority};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use yagura_model::UnixMicros;
use yagura_server::api::Health;
use yagura_server::clock;
use yagura_server::evidence::bundle::{Files, Making, export};
use yagura_server::evidence::check::check;
use yagura_server::evidence::keeper;
use yagura_server::evidence::select::Question;
use yagura_server::evidence::settings::Stamping;
use yagura_server::evidence::stamper::Stamper;
use yagura_server::happenings::chain;
use yagura_store::{NewRecord, RecordKind, Vault, VaultOptions, VaultReader, objects, verifier_key};

const ORIGIN: &str = "yagura.test/vault";

fn key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[5; 32])
}

fn vault(dir: &Path) -> Vault {
    let options = VaultOptions { dir: dir.to_owned(), origin: ORIGIN.to_owned(), key: key(), segment_bytes: 600 };
    Vault::open(options).unwrap().0
}

fn append(vault: &mut Vault, count: usize) {
    for _ in 0..count {
        let payload = br#"{"what":"accessed","by":"a","how":"export","asked":"all","records":1}"#;
        vault.append(&[NewRecord { kind: RecordKind::Custody, received: UnixMicros(7), payload }]).unwrap();
    }
    vault.checkpoint().unwrap();
}

fn stamping(authority: &Authority) -> Stamping {
    Stamping { url: authority.url.clone(), roots: Some(authority.roots("good")), every: Duration::ZERO }
}

fn bundle(vault: &VaultReader) -> Files {
    let (question, key) = (Question { positions: Some((0, 3)), ..Question::default() }, key());
    let log_key = verifier_key(ORIGIN, &key.verifying_key());
    let (made, signer) = (UnixMicros(0), Some((ORIGIN, &key)));
    export(vault, &Making { question: &question, log_key: &log_key, tool: "test", made, signer }).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_can_check_since_when_evidence_is_there() {
    let Some(authority) = Authority::start().await else { return };
    let dir = TempDir::new().unwrap();
    let mut vault = vault(&dir.path().join("vault"));
    append(&mut vault, 5);
    let reader = vault.reader();
    let mut stamper = Stamper::new(reader.clone(), stamping(&authority)).unwrap();
    assert_eq!(stamper.round(clock::now()).await.unwrap(), Some(5));
    assert_eq!(stamper.round(clock::now()).await.unwrap(), None, "nothing is new");
    append(&mut vault, 20);
    let hourly = Stamping { every: Duration::from_secs(3_600), ..stamping(&authority) };
    let mut later = Stamper::new(reader.clone(), hourly).unwrap();
    assert_eq!(later.round(clock::now()).await.unwrap(), None, "it is not time yet");
    assert_eq!(later.round(clock::now().plus(3_700_000_000)).await.unwrap(), Some(25));
    let (good, other) = (authority.roots("good"), authority.roots("other"));
    let verified = reader.verify_stamps(Some(&good)).unwrap();
    assert_eq!((verified.stamps, verified.covered, verified.authority.as_str()), (2, 25, "CN=good-stamps"));
    assert!(reader.verify_stamps(None).is_ok());
    let wrong = reader.verify_stamps(Some(&other)).unwrap_err().to_string();
    assert!(wrong.contains("stamps/00000000000000000005.tsr") && wrong.contains("given authority"), "{wrong}");

    // The bundle has the oldest stamped checkpoint that covers its records.
    let files = bundle(&reader);
    let checked = check(&files, &key().verifying_key(), Some(&good));
    assert_eq!((checked.wrong, checked.log_size, checked.proven), (0, 5, 3), "{:?}", checked.faults);
    assert_eq!(checked.stamped_by.as_deref(), Some("CN=good-stamps"));
    assert_eq!(check(&files, &key().verifying_key(), Some(&other)).faults[0].file, "checkpoint.tsr");
    by_hand(&files, &authority);

    // In the archive it is the same.
    let store = objects::open(dir.path().join("objects").to_str().unwrap()).unwrap();
    let mut archiver = keeper::archiver(&reader, Some(&store), ORIGIN, &key()).unwrap().unwrap();
    while archiver.round(None).unwrap().progressed {}
    assert_eq!(archiver.copy_stamps().unwrap(), 1, "the newest covers more than is archived");
    assert_eq!(archiver.copy_stamps().unwrap(), 0);
    let archive = VaultReader::of_archive(Arc::clone(&store), key().verifying_key()).unwrap();
    assert_eq!(archive.verify_stamps(Some(&good)).unwrap().stamps, 1);
    assert_eq!(bundle(&archive).get("checkpoint.tsr"), files.get("checkpoint.tsr"));
}

/// What a stranger does: one command of OpenSSL, and the page of Python.
fn by_hand(files: &Files, authority: &Authority) {
    let (out, ca) = (TempDir::new().unwrap(), authority.dir.path().join("good-ca.pem"));
    for (name, bytes) in files {
        let path = out.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let words = ["ts", "-verify", "-data", "checkpoint", "-in", "checkpoint.tsr", "-CAfile"];
    let openssl = Command::new("openssl").args(words).arg(&ca).current_dir(out.path()).output().unwrap();
    assert!(openssl.status.success(), "{}", String::from_utf8_lossy(&openssl.stderr));
    if !Command::new("python3").args(["-c", "import cryptography"]).output().is_ok_and(|it| it.status.success()) {
        assert!(std::env::var_os("YAGURA_TEST_SERVICES").is_none(), "python3-cryptography is not installed");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/format/verify_bundle.py");
    let run = |ca: &Path| {
        let log_key = verifier_key(ORIGIN, &key().verifying_key());
        Command::new("python3").arg(&script).arg(out.path()).arg(log_key).arg(ca).output().unwrap()
    };
    let good = run(&ca);
    let said = String::from_utf8_lossy(&good.stdout).into_owned();
    assert!(said.contains("time stamp holds"), "{said}{}", String::from_utf8_lossy(&good.stderr));
    assert!(!run(&authority.dir.path().join("other-ca.pem")).status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_does_not_count_is_named_and_not_kept() {
    let Some(authority) = Authority::start().await else { return };
    let dir = TempDir::new().unwrap();
    let mut vault = vault(dir.path());
    append(&mut vault, 2);
    let mut stamper = Stamper::new(vault.reader(), stamping(&authority)).unwrap();
    let wrong = [
        (Answers::WithAnotherNonce, "the nonce differs"),
        (Answers::OverOtherData, "the imprint differs"),
        (Answers::CutInHalf, "cut or malformed"),
        (Answers::WithWebPage, "cut or malformed"),
        (Answers::WithAnotherSignature, "the signature does not hold"),
        (Answers::UnderAnotherAuthority, "does not come from the given authority"),
        (Answers::Not, "does not answer"),
    ];
    for (how, expected) in wrong {
        authority.answer(how);
        let error = stamper.round(clock::now()).await.unwrap_err();
        assert!(chain(&error).contains(expected), "{how:?}: {}", chain(&error));
    }
    assert_eq!(vault.reader().stamps().unwrap(), Vec::<u64>::new());
    authority.answer(Answers::Honestly);
    assert_eq!(stamper.round(clock::now()).await.unwrap(), Some(2));
    // What somebody changes later is found with its name.
    let path = dir.path().join("stamps/00000000000000000002.tsr");
    let mut bytes = std::fs::read(&path).unwrap();
    let len = bytes.len();
    bytes[len - 5] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = vault.reader().verify_stamps(None).unwrap_err().to_string();
    assert!(error.contains("00000000000000000002.tsr") && error.contains("signature"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_is_away_is_told_and_asked_again() {
    let Some(authority) = Authority::start().await else { return };
    let dir = TempDir::new().unwrap();
    let mut vault = vault(dir.path());
    append(&mut vault, 2);
    authority.answer(Answers::Not);
    let (health, (stop, stopping)) = (Health::default(), watch::channel(false));
    let stamper = Stamper::new(vault.reader(), stamping(&authority)).unwrap();
    let running = tokio::spawn(stamper.run(health.clone(), stopping));
    let until = async |ails: bool| {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        while health.problems().iter().any(|problem| problem.kind == "time-stamps") != ails {
            looks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), until(true)).await.unwrap();
    authority.answer(Answers::Honestly);
    tokio::time::timeout(Duration::from_secs(20), until(false)).await.unwrap();
    assert_eq!(vault.reader().stamps().unwrap(), [2]);
    stop.send_replace(true);
    running.await.unwrap();
}
