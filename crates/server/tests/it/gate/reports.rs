//! Reports that are accepted: in order, again, late, with holes, with wrong clocks.

use super::device::{Device, stranger};
use super::world::World;
use yagura_link::{Digest, Losses};
use yagura_model::EventId;
use yagura_server::gate::{Counted, ResumePoint, ServerTime};
use yagura_server::identity::DeviceCertificate;
use yagura_server::intake::{CLOCK_SKEW, LINK_CHAIN_BROKEN, LINK_SEQUENCE_GAP};
use yagura_store::{Position, RecordKind};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolled_device_gets_a_receipt_for_what_is_in_the_vault() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let report = device.report(5_000);
    let receipt = device.deliver(&world, &report).await;
    let record = world.intake.reader().unwrap().record(Position(receipt.position)).unwrap();
    assert_eq!((record.kind, record.received), (RecordKind::Report, receipt.received));
    assert_eq!(record.payload, report.bytes);
    // A stranger who has vault and root can verify the report: the certificate is the record before.
    let enrolment = &world.records()[0];
    assert_eq!(enrolment.kind, RecordKind::Enrolment);
    let certificate = DeviceCertificate::parse(&enrolment.payload).unwrap();
    assert_eq!((certificate.device, certificate.key), (device.id, device.key.verifying_key()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_report_again_gets_the_same_receipt_and_no_second_record() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let report = device.report(5_000);
    let first = device.deliver(&world, &report).await;
    assert_eq!(device.deliver(&world, &report).await, first);
    device.deliver(&world, &device.seal(1)).await;
    assert_eq!(device.deliver(&world, &report).await, first);
    assert_eq!(world.reports().len(), 2);
    assert_eq!(world.anomalies(), []);
    assert_eq!((world.counters.total(Counted::Accepted), world.counters.total(Counted::Duplicate)), (2, 2));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_carries_many_reports() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let client = device.client(&world);
    for speed in 0..20 {
        let request = client.post(world.url("/v1/reports")).body(device.report(speed).bytes);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    assert_eq!(world.reports().len(), 20);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_is_accepted_and_recorded_before_the_report_that_shows_it() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    device.deliver(&world, &device.seal(0)).await;
    device.report(0);
    device.report(1);
    device.report(2);
    let late = device.report(3);
    let receipt = device.deliver(&world, &late).await;
    let [gap] = world.anomalies()[..] else { panic!("{:?}", world.anomalies()) };
    assert_eq!((gap.event, gap.device, gap.count), (LINK_SEQUENCE_GAP, device.id, 1));
    assert_eq!((gap.expected, gap.observed), (1, 3));
    assert_eq!(gap.report, Some(late.digest.0));
    assert_eq!(world.records()[receipt.position as usize - 1].kind, RecordKind::Anomaly);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_chain_is_accepted_and_recorded() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let first = device.report(0);
    device.deliver(&world, &first).await;
    device.place.previous = Digest([9; 32]);
    device.deliver(&world, &device.seal(1)).await;
    let events: Vec<EventId> = world.anomalies().iter().map(|anomaly| anomaly.event).collect();
    assert_eq!(events, [LINK_CHAIN_BROKEN]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_that_a_sensor_declares_are_recorded() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    device.place.losses = Losses { events: 12, ..Losses::NONE };
    device.deliver(&world, &device.seal(0)).await;
    let [losses] = world.anomalies()[..] else { panic!("{:?}", world.anomalies()) };
    assert_eq!((losses.event, losses.observed), (EventId(0x9008), 12));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_from_the_future_are_accepted_and_recorded_as_clock_skew() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    device.clock.boot_at = device.clock.boot_at.plus(3_600_000_000);
    device.deliver(&world, &device.seal(0)).await;
    let [skew] = world.anomalies()[..] else { panic!("{:?}", world.anomalies()) };
    assert_eq!((skew.event, skew.expected), (CLOCK_SKEW, 60_001_000));
    assert!((3_500_000_000..=3_600_200_000).contains(&skew.observed), "{}", skew.observed);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_behind_at_sending_is_recorded_as_clock_skew() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let sent = yagura_server::clock::now().plus(-600_000_000).0.to_string();
    let request = device.client(&world).post(world.url("/v1/reports")).header("Yagura-Time", sent);
    assert_eq!(request.body(device.report(0).bytes).send().await.unwrap().status(), 200);
    let [skew] = world.anomalies()[..] else { panic!("{:?}", world.anomalies()) };
    assert_eq!(skew.event, CLOCK_SKEW);
    assert!(skew.observed <= -600_000_000, "{}", skew.observed);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_may_ask_where_to_go_on() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let resume = |client: reqwest::Client| client.get(world.url("/v1/resume")).send();
    assert_eq!(resume(device.client(&world)).await.unwrap().status(), 204);
    let report = device.report(0);
    device.deliver(&world, &report).await;
    let answer = resume(device.client(&world)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let point: ResumePoint = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!((point.boot, point.sequence, point.digest), (1, 0, report.digest.to_string()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_may_ask_for_the_time() {
    let world = World::new().await;
    let answer = stranger(&world).get(world.url("/v1/time")).send().await.unwrap();
    let time: ServerTime = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert!((yagura_server::clock::now().0 - time.unix_micros).abs() < 30_000_000);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_of_two_tenants_with_one_name_are_two_devices() {
    let world = World::new().await;
    let acme = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let other = Device::enrolled(&world, "globex/kona-1/cgw").await;
    acme.deliver(&world, &acme.seal(1)).await;
    other.deliver(&world, &other.seal(2)).await;
    assert_eq!(world.reports().len(), 2);
    assert_eq!(world.anomalies(), []);
    world.stop().await;
}
