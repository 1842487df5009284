//! A hostile fleet beside an honest one: bad signatures, replays, bombs, floods, slow and half-open connections, guessed tokens.
//!
//! What is shown is behaviour, not speed (benches/gate shows that): every honest report gets its receipt, everything hostile is
//! counted by its kind, and who goes on is not listened to any more.

use super::device::{Answer, Device, stranger};
use super::wire::{Wire, memory};
use super::world::World;
use ciborium::value::Value;
use ed25519_dalek::{Signer, SigningKey};
use futures::future::join_all;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use yagura_link::{BODY_BYTES_MAX, REPORT_BYTES_MAX};
use yagura_server::gate::{Counted, DEVICE_STRIKES_MAX};
use yagura_server::intake::ANOMALIES_MAX;

/// A zstd frame of a few bytes that says it unpacks to `declared` and unpacks to `blocks` times 128 KiB.
fn bomb(declared: u32, blocks: u32) -> Vec<u8> {
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0xA0];
    frame.extend(declared.to_le_bytes());
    for nth in 1..=blocks {
        let header = (128 << 10 << 3) | (1 << 1) | u32::from(nth == blocks);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// The report `bytes` with another body, signed again with `key`.
fn with_body(bytes: &[u8], frame: Vec<u8>, declared: u32, key: &SigningKey) -> Vec<u8> {
    let mut value: Value = ciborium::from_reader(bytes).unwrap();
    let Value::Tag(18, report) = &mut value else { panic!("{value:?}") };
    let parts = report.as_array_mut().unwrap();
    let mut payload: Value = ciborium::from_reader(parts[2].as_bytes().unwrap().as_slice()).unwrap();
    let inner = payload.as_array_mut().unwrap();
    inner[0].as_map_mut().unwrap().last_mut().unwrap().1 = Value::from(declared);
    inner[1] = Value::Bytes(frame);
    let encode = |value: &Value| {
        let mut out = Vec::new();
        ciborium::into_writer(value, &mut out).unwrap();
        out
    };
    let payload = encode(&payload);
    let protected = parts[0].clone();
    let signed =
        Value::Array(vec!["Signature1".into(), protected, Value::Bytes(Vec::new()), Value::Bytes(payload.clone())]);
    parts[3] = Value::Bytes(key.sign(&encode(&signed)).to_bytes().to_vec());
    parts[2] = Value::Bytes(payload);
    encode(&value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_are_refused_before_they_are_unpacked() {
    let world = World::new().await;
    let device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let sealed = device.seal(0);
    let max = u32::try_from(BODY_BYTES_MAX).unwrap();
    let honest = with_body(&sealed.bytes, bomb(128 << 10, 1), 128 << 10, &device.key);
    let lying = with_body(&sealed.bytes, bomb(max, 4096), max, &device.key);
    let huge = with_body(&sealed.bytes, bomb(1 << 30, 8192), 1 << 30, &device.key);
    assert!(lying.len() < 20_000 && huge.len() < 40_000);
    let mut problems = Vec::new();
    for bytes in [&lying, &huge] {
        let answer = device.send(&world, bytes).await;
        problems.push((answer.status, answer.problem()));
    }
    assert_eq!(problems, [(400, "malformed".to_owned()), (413, "too-large".to_owned())]);
    let answer = device.send(&world, &honest).await;
    assert_eq!(answer.status, 200, "128 KiB of zeros unpack, and what is in them is for the decoder");
    assert_eq!(world.counters.total(Counted::ReportRefused), 2);
    world.stop().await;
}

/// One kind of hostility, again and again until `stop`.
async fn repeat(client: reqwest::Client, url: String, bytes: Vec<u8>, stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        // Whatever the answer, or no answer: it goes on.
        if let Ok(answer) = client.post(&url).body(bytes.clone()).send().await {
            drop(answer.bytes().await);
        }
    }
}

/// Sends the next reports of an honest device, each until it has its receipt, as `Retry-After` asks.
async fn honest(world: &World, mut device: Device, reports: u32) -> Vec<Vec<u8>> {
    let (client, url) = (device.client(world), world.url("/v1/reports"));
    let mut acknowledged = Vec::new();
    for speed in 0..reports {
        let report = device.report(i32::try_from(speed).unwrap());
        loop {
            let answer = Answer::of(client.post(&url).body(report.bytes.clone()).send().await.unwrap()).await;
            if answer.status == 200 {
                break;
            }
            assert!(matches!(answer.status, 429 | 503), "{}", String::from_utf8_lossy(&answer.body));
        }
        acknowledged.push(report.bytes);
    }
    acknowledged
}

/// Devices that send again and again what they should not.
async fn misbehave(world: &World, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut hostile = JoinSet::new();
    let names = ["forger", "replayer", "bomber", "noise", "fat", "liar"];
    for (nth, name) in names.iter().enumerate() {
        let mut device = Device::enrolled(world, &format!("acme/{name}/cgw")).await;
        let taken = device.seal(1);
        device.deliver(world, &taken).await;
        let bytes = match nth {
            0 => {
                let mut bytes = device.seal(2).bytes;
                *bytes.last_mut().unwrap() ^= 1;
                bytes
            }
            1 => device.seal(2).bytes,
            2 => with_body(&device.seal(2).bytes, bomb(1 << 30, 4096), 1 << 30, &device.key),
            3 => b"hello".to_vec(),
            4 => vec![0; REPORT_BYTES_MAX + 1],
            _ => {
                device.place.device = "acme/forger/cgw".parse().unwrap();
                device.seal(2).bytes
            }
        };
        hostile.spawn(repeat(device.client(world), world.url("/v1/reports"), bytes, stopping.clone()));
    }
    let mut flood = Device::enrolled(world, "flood/kona-1/cgw").await;
    let bytes = flood.report(0).bytes;
    hostile.spawn(repeat(flood.client(world), world.url("/v1/reports"), bytes, stopping.clone()));
    hostile
}

/// Connections that are slow, and connections that never become one.
async fn hold(world: &World) -> (Vec<Wire>, Vec<TcpStream>) {
    let mut held = Vec::new();
    let slow = Device::enrolled(world, "acme/slow/cgw").await;
    let remembered = memory(world, &slow);
    for nth in 0..6 {
        let mut wire = Wire::open(world, &remembered).await.unwrap();
        let head = format!("POST /v1/reports HTTP/1.1\r\nHost: gate\r\nContent-Length: {REPORT_BYTES_MAX}\r\n");
        wire.write(if nth % 2 == 0 { format!("{head}\r\nab") } else { head }.as_bytes()).await;
        held.push(wire);
    }
    let mut half_open = Vec::new();
    for nth in 0..40 {
        let mut stream = TcpStream::connect(world.address()).await.unwrap();
        // What breaks off and what stays half open.
        stream.write_all(if nth < 20 { b"\x16\x03\x01" } else { b"no TLS at all" }).await.unwrap();
        half_open.push(stream);
    }
    (held, half_open)
}

/// Tries tokens that nobody gave out.
async fn guess(world: &World) {
    let guesser = stranger(world);
    for _ in 0..3 {
        let device = Device::new("acme/kona-9/cgw", 9);
        let body = serde_json::json!({ "token": "guess", "csr": device.csr() });
        assert_eq!(guesser.post(world.url("/v1/enrol")).json(&body).send().await.unwrap().status(), 403);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_honest_fleet_gets_all_its_receipts_beside_a_hostile_one_that_is_counted_by_kind() {
    let world = World::limited("[tenant.flood]\ndevice_reports_per_second = 2\n").await;
    let (stop, stopping) = watch::channel(false);
    let mut hostile = misbehave(&world, &stopping).await;
    let held = hold(&world).await;
    guess(&world).await;
    let mut fleet = Vec::new();
    for vehicle in 0..8 {
        fleet.push(Device::enrolled(&world, &format!("acme/kona-{vehicle}/cgw")).await);
    }
    let world = Arc::new(world);
    let acknowledged = join_all(fleet.into_iter().map(|device| honest(&world, device, 40))).await.concat();
    world.at_least(Counted::Penalised, 1).await;
    stop.send_replace(true);
    while hostile.join_next().await.is_some() {}
    let reports = world.reports();
    assert_eq!(acknowledged.len(), 320);
    assert!(acknowledged.iter().all(|report| reports.contains(report)));
    let kinds = [
        Counted::ReportForged,
        Counted::ReportStale,
        Counted::ReportTooLarge,
        Counted::ReportMalformed,
        Counted::ReportOfOther,
        Counted::OverDeviceQuota,
        Counted::Penalised,
        Counted::EnrolmentRefused,
        Counted::HandshakeFailed,
        Counted::AnomalyHeldBack,
    ];
    for kind in kinds {
        assert!(world.counters.total(kind) > 0, "{}", kind.name());
    }
    // After a few dozen wrongs nobody listens: the vault and the checks are spared.
    let forged = world.counters.total(Counted::ReportForged);
    assert!(forged <= u64::from(DEVICE_STRIKES_MAX) * 2, "{forged}");
    let records = u64::try_from(world.anomalies().len()).unwrap();
    assert!(records <= u64::from(ANOMALIES_MAX) * 8, "{records}");
    drop(held);
    Arc::into_inner(world).unwrap().stop().await;
}
