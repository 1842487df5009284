//! Reports that are refused, and what the vault then says about the device.

use super::device::{Answer, Device, stranger};
use super::world::World;
use ed25519_dalek::SigningKey;
use yagura_link::REPORT_BYTES_MAX;
use yagura_model::EventId;
use yagura_server::gate::Counted;
use yagura_server::intake::{
    ANOMALIES_MAX, AnomalyRecord, LINK_BAD_SIGNATURE, LINK_MALFORMED, LINK_OVERSIZE, LINK_REPLAY, LINK_WRONG_DEVICE,
};
use yagura_store::RecordKind;

/// The only anomaly in the vault, which must hold no report beyond `reports`.
fn only_anomaly(world: &World, reports: usize) -> AnomalyRecord {
    assert_eq!(world.reports().len(), reports);
    let [anomaly] = world.anomalies()[..] else { panic!("{:?}", world.anomalies()) };
    anomaly
}

fn check(answer: &Answer, status: u16, problem: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (status, problem));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_with_a_wrong_signature_is_refused_and_recorded() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    device.key = SigningKey::from_bytes(&[8; 32]);
    let forged = device.seal(0);
    device.key = SigningKey::from_bytes(&[7; 32]);
    check(&device.send(&world, &forged.bytes).await, 422, "bad-signature");
    let anomaly = only_anomaly(&world, 0);
    assert_eq!((anomaly.event, anomaly.device), (LINK_BAD_SIGNATURE, device.id));
    assert_eq!(anomaly.report, Some(forged.digest.0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_of_another_vehicle_is_refused_and_recorded_against_the_sender() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let victim = "acme/kona-2/cgw".parse().unwrap();
    device.place.device = victim;
    check(&device.send(&world, &device.seal(0).bytes).await, 403, "wrong-device");
    let anomaly = only_anomaly(&world, 0);
    assert_eq!((anomaly.event, anomaly.device), (LINK_WRONG_DEVICE, device.id));
    assert_eq!(anomaly.claimed, Some(victim));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversize_report_is_refused_and_recorded() {
    let world = World::new().await;
    let device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let bytes = vec![0; REPORT_BYTES_MAX + 1];
    check(&device.send(&world, &bytes).await, 413, "too-large");
    let anomaly = only_anomaly(&world, 0);
    assert_eq!(anomaly.event, LINK_OVERSIZE);
    assert_eq!((anomaly.expected, anomaly.observed), (REPORT_BYTES_MAX as i64, bytes.len() as i64));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_never_ends_is_cut_off() {
    let world = World::new().await;
    let device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0_u8; 64 << 10]));
    let body = reqwest::Body::wrap_stream(endless);
    let sent = device.client(&world).post(world.url("/v1/reports")).body(body).send().await;
    // The answer or a closed connection: a sender that does not read has no right to either.
    if let Ok(answer) = sent {
        assert_eq!(answer.status(), 413);
    }
    assert_eq!(only_anomaly(&world, 0).event, LINK_OVERSIZE);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_report_are_refused_and_recorded() {
    let world = World::new().await;
    let device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    check(&device.send(&world, b"hello").await, 400, "malformed");
    assert_eq!(only_anomaly(&world, 0).event, LINK_MALFORMED);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_content_under_a_taken_number_is_refused_and_recorded() {
    let world = World::new().await;
    let device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    device.deliver(&world, &device.seal(1)).await;
    check(&device.send(&world, &device.seal(2).bytes).await, 409, "conflict");
    assert_eq!(only_anomaly(&world, 1).event, LINK_REPLAY);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_of_a_boot_that_is_over_is_refused_and_recorded() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let first = device.report(0);
    device.deliver(&world, &first).await;
    let old = device.seal(1);
    (device.place.boot, device.place.sequence, device.place.oldest_held) = (2, 0, 0);
    device.deliver(&world, &device.seal(2)).await;
    check(&device.send(&world, &old.bytes).await, 409, "stale-boot");
    let replay = only_anomaly(&world, 2);
    assert_eq!((replay.event, replay.expected, replay.observed), (LINK_REPLAY, 2, 1));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_anomalies_becomes_some_records_and_a_number() {
    let world = World::new().await;
    let device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let client = device.client(&world);
    for _ in 0..40 {
        let request = client.post(world.url("/v1/reports")).body("hello");
        assert_eq!(request.send().await.unwrap().status(), 400);
    }
    assert_eq!(world.anomalies().len(), ANOMALIES_MAX as usize);
    assert_eq!(world.counters.total(Counted::AnomalyHeldBack), 24);
    let (dir, fleet) = world.stop().await;
    let world = World::on(dir, "vault", fleet).await;
    let anomalies = world.anomalies();
    let number = anomalies.last().unwrap();
    assert_eq!((number.event, number.count), (LINK_MALFORMED, 24));
    assert_eq!(anomalies.len(), ANOMALIES_MAX as usize + 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_nothing_is_taken_and_nothing_is_written() {
    let world = World::new().await;
    let device = Device::new("acme/kona-1/cgw", 7);
    let client = stranger(&world);
    let request = client.post(world.url("/v1/reports")).body(device.seal(0).bytes);
    check(&Answer::of(request.send().await.unwrap()).await, 401, "no-certificate");
    let request = client.get(world.url("/v1/resume"));
    check(&Answer::of(request.send().await.unwrap()).await, 401, "no-certificate");
    assert_eq!(world.records(), []);
    assert_eq!(world.counters.total(Counted::NotAuthenticated), 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_and_a_superseded_certificate_are_refused() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let before = world.fleet.inner().devices[&device.id];
    world.fleet.inner().devices.get_mut(&device.id).unwrap().revoked = true;
    let report = device.report(0);
    check(&device.send(&world, &report.bytes).await, 403, "revoked");
    world.fleet.inner().devices.remove(&device.id);
    check(&device.send(&world, &report.bytes).await, 403, "not-enrolled");
    let mut newer = before;
    newer.fingerprint.0[0] ^= 1;
    world.fleet.inner().devices.insert(device.id, newer);
    check(&device.send(&world, &report.bytes).await, 403, "superseded");
    let kinds: Vec<RecordKind> = world.records().iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [RecordKind::Enrolment]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_paths_and_methods_say_so() {
    let world = World::new().await;
    let client = stranger(&world);
    let answer = client.get(world.url("/v2/reports")).send().await.unwrap();
    check(&Answer::of(answer).await, 404, "not-found");
    let answer = client.get(world.url("/v1/reports")).send().await.unwrap();
    check(&Answer::of(answer).await, 405, "method-not-allowed");
    world.stop().await;
}

#[test]
fn the_ids_of_the_gates_anomalies_are_those_of_the_catalogue() {
    let ids = [LINK_REPLAY, LINK_BAD_SIGNATURE, LINK_WRONG_DEVICE, LINK_OVERSIZE, LINK_MALFORMED];
    assert_eq!(ids, [0x9003, 0x9004, 0x9005, 0x9006, 0x9007].map(EventId));
}
