//! How fast the vault takes evidence in and proves it: group commits with fdatasync, and verification of the whole.
//!
//! Not a bench of the gate. Writes under `TMPDIR` (a real disk, not a RAM disk, if the figures shall mean something) and
//! prints one JSON line per figure: the median over several runs.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints, and stops if its disk fails")]

use ed25519_dalek::SigningKey;
use std::time::Instant;
use yagura_model::UnixMicros;
use yagura_store::{NewRecord, RecordKind, Vault, VaultOptions, verify};

/// A report of about 60 events.
const PAYLOAD_BYTES: usize = 1_500;
const RECORDS: usize = 60_000;
const RUNS: usize = 5;

fn print(bench: &str, mut values: Vec<f64>, unit: &str) {
    values.sort_by(f64::total_cmp);
    let median = values.get(values.len() / 2).copied().unwrap_or(0.0);
    println!(r#"{{"bench":"{bench}","value":{median:.1},"unit":"{unit}"}}"#);
}

/// Appends all records in groups of this size, with a checkpoint about every second's worth.
fn fill(vault: &mut Vault, group: usize, records: usize) -> f64 {
    let payload: Vec<u8> = (0..PAYLOAD_BYTES).map(|n| (n * 31 % 251) as u8).collect();
    let new = NewRecord { kind: RecordKind::Report, received: UnixMicros(0), payload: &payload };
    let group = vec![new; group];
    let start = Instant::now();
    for n in 0..records / group.len() {
        vault.append(&group).expect("append");
        if n % 500 == 499 {
            vault.checkpoint().expect("checkpoint");
        }
    }
    vault.checkpoint().expect("checkpoint");
    start.elapsed().as_secs_f64()
}

fn main() {
    let key = SigningKey::from_bytes(&[1; 32]);
    for group in [1, 16, 64, 256] {
        let records = if group == 1 { RECORDS / 30 } else { RECORDS };
        let (mut rate, mut megabytes) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let dir = tempfile::tempdir().expect("a directory");
            let options = VaultOptions {
                dir: dir.path().to_owned(),
                origin: "bench.example/vault".to_owned(),
                key: key.clone(),
                segment_bytes: VaultOptions::SEGMENT_BYTES,
            };
            let (mut vault, _) = Vault::open(options).expect("open");
            let seconds = fill(&mut vault, group, records);
            rate.push(records as f64 / seconds);
            megabytes.push((records * PAYLOAD_BYTES) as f64 / seconds / 1e6);
        }
        print(&format!("vault_append_group_{group}"), rate, "records/s");
        print(&format!("vault_append_group_{group}_bytes"), megabytes, "MB/s");
    }
    let dir = tempfile::tempdir().expect("a directory");
    let (origin, segment_bytes) = ("bench.example/vault".to_owned(), VaultOptions::SEGMENT_BYTES);
    let options = VaultOptions { dir: dir.path().to_owned(), origin, key: key.clone(), segment_bytes };
    let (mut vault, _) = Vault::open(options).expect("open");
    fill(&mut vault, 256, 8 * RECORDS);
    let (mut rates, mut cold) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        let verified = verify(dir.path(), &key.verifying_key(), &mut |_| {}, &mut |_| {}).expect("verify");
        rates.push(verified.bytes as f64 / start.elapsed().as_secs_f64() / 1e9);
    }
    print("vault_verify", rates, "GB/s");
    drop(vault);
    for _ in 0..RUNS {
        let (origin, dir) = ("bench.example/vault".to_owned(), dir.path().to_owned());
        let start = Instant::now();
        let opened = Vault::open(VaultOptions { dir, origin, key: key.clone(), segment_bytes }).expect("open");
        cold.push(start.elapsed().as_secs_f64() * 1e3);
        drop(opened);
    }
    print("vault_open", cold, "ms");
}
