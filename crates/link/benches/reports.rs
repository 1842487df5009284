//! Reports per second through the cloud's first step: open (verify, name, decompress) and walk the entries.
//!
//! Prints the median of several runs for three sizes of report, and what it is made of; one JSON line each.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench reports on stdout and may fail by panicking")]

use ed25519_dalek::SigningKey;
use std::hint::black_box;
use std::time::Instant;
use yagura_idsm::{Detail, InstanceId, Qualified, SensorInstanceId};
use yagura_link::{Clock, Digest, Limits, Losses, Opener, Place, ReportWriter, entries, open, peek};
use yagura_model::{BusId, CanContext, CanId, EventId, Micros, Payload, SecurityEvent, UnixMicros};

const RUNS: usize = 9;
const CLOCK: Clock = Clock { boot_at: UnixMicros(1_795_000_000_000_000), uncertainty: 1_000 };

fn report(events: u32, key: &SigningKey) -> (Vec<u8>, usize) {
    let mut writer = ReportWriter::new();
    for n in 0..events {
        let id = CanId::from_key(0x100 + n * 7 % 0x600).expect("11 bits");
        let payload = Payload::new(&n.wrapping_mul(0x9E37_79B9).to_be_bytes()).expect("short");
        let place = yagura_model::Place::default();
        let context =
            CanContext { bus: BusId(0), id, kind: 0, expected: 10_000, observed: n * 13 % 5_000, payload, place };
        let time = Micros(u64::from(n) * 4_000 + u64::from(n * 31 % 977));
        let event = SecurityEvent { id: EventId::CAN_EARLY_FRAME, time, count: 1, context };
        let instance = InstanceId::default();
        let sensor = SensorInstanceId::default();
        writer.push_qualified(&Qualified { instance, sensor, detail: Detail::Detailed, event }, &CLOCK).expect("room");
    }
    let body = writer.body().len();
    let device = "acme/kona-0001/cgw".parse().expect("names");
    let place = Place { device, boot: 1, sequence: 0, previous: Digest::ZERO, losses: Losses::NONE, oldest_held: 0 };
    (writer.seal(&place, CLOCK, Micros(0), key).expect("memory").bytes, body)
}

/// Calls a second, median over the runs.
fn rate<T>(mut step: impl FnMut() -> T) -> f64 {
    let mut rates: Vec<f64> = (0..RUNS)
        .map(|_| {
            let (start, mut calls) = (Instant::now(), 0_u32);
            while start.elapsed().as_millis() < 150 {
                black_box(step());
                calls += 1;
            }
            f64::from(calls) / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates.get(RUNS / 2).copied().unwrap_or_default()
}

fn line(bench: &str, value: f64, unit: &str) {
    println!("{{\"bench\":\"{bench}\",\"value\":{value:.0},\"unit\":\"{unit}\"}}");
}

fn main() {
    let key = SigningKey::from_bytes(&[1; 32]);
    let (public, limits) = (key.verifying_key(), Limits::default());
    for events in [10_u32, 100, 1_000, 8_000] {
        let (bytes, body) = report(events, &key);
        let name = |what: &str| format!("link_{what}_{events}_events");
        line(&name("report_bytes"), bytes.len() as f64, "B");
        line(&name("body_bytes"), body as f64, "B");
        let mut opener = Opener::new(limits);
        let opened = rate(|| {
            let opened = opener.open(black_box(&bytes), &public).expect("ours");
            entries(&opened.body).filter(Result::is_ok).count()
        });
        line(&name("open_and_read"), opened, "reports/s");
        line(&name("events"), opened * f64::from(events), "events/s");
        line(&name("open_once"), rate(|| open(black_box(&bytes), &public, &limits)), "reports/s");
        line(&name("peek"), rate(|| peek(black_box(&bytes))), "reports/s");
        line(&name("digest"), rate(|| Digest::of(black_box(&bytes))), "reports/s");
        line(&name("coset_parse"), rate(|| coset_parse(black_box(&bytes))), "reports/s");
    }
}

/// What parsing alone would cost with the general libraries: the alternative that ADR-0007 weighs.
fn coset_parse(bytes: &[u8]) -> (coset::CoseSign1, ciborium::Value) {
    use coset::TaggedCborSerializable as _;
    let parsed = coset::CoseSign1::from_tagged_slice(bytes).expect("COSE_Sign1");
    let payload = ciborium::from_reader(parsed.payload.as_deref().unwrap_or_default()).expect("CBOR");
    (parsed, payload)
}
