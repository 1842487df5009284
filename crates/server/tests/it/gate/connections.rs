//! Connections: both versions of HTTP, resumed sessions, revocation while one is open, and how many there may be.

use super::device::{Answer, Device, builder};
use super::wire::{Wire, memory};
use super::world::{COUNTED_MAX, World};
use rustls::HandshakeKind;
use tokio::time::timeout;
use yagura_server::gate::{CONNECTIONS_PER_DEVICE_MAX, Counted};
use yagura_server::intake::DEVICE_REVOKED;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_1_and_http_2_are_both_spoken() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    for version in [reqwest::Version::HTTP_2, reqwest::Version::HTTP_11] {
        let client = device.builder(&world);
        let client = if version == reqwest::Version::HTTP_11 { client.http1_only() } else { client };
        let request = client.build().unwrap().post(world.url("/v1/reports")).body(device.report(0).bytes);
        let answer = request.send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
    }
    assert_eq!(world.reports().len(), 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reports_at_once_on_one_connection_of_http_2_all_get_receipts() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let client = device.client(&world);
    let sending: Vec<_> = (0..12)
        .map(|speed| client.post(world.url("/v1/reports")).body(device.report(speed).bytes).send())
        .map(tokio::spawn)
        .collect();
    for sent in sending {
        assert_eq!(sent.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(world.reports().len(), 12);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_resumed_and_still_asked_for_its_standing() {
    let world = World::new().await;
    let device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let memory = memory(&world, &device);
    let mut first = Wire::open(&world, &memory).await.unwrap();
    assert_eq!((first.kind(), first.resume().await.unwrap()), (Some(HandshakeKind::Full), 204));
    let mut second = Wire::open(&world, &memory).await.unwrap();
    assert_eq!((second.kind(), second.resume().await.unwrap()), (Some(HandshakeKind::Resumed), 204));
    assert!(world.counters.total(Counted::HandshakeResumed) == 1);
    world.fleet.revoke(device.id, "sold");
    let mut third = Wire::open(&world, &memory).await.unwrap();
    assert_eq!((third.kind(), third.resume().await.unwrap()), (Some(HandshakeKind::Resumed), 403));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_another_process_revokes_is_refused_on_its_open_connection_which_then_ends() {
    let world = World::new().await;
    let device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let memory = memory(&world, &device);
    let mut wire = Wire::open(&world, &memory).await.unwrap();
    assert_eq!(wire.resume().await.unwrap(), 204);
    world.fleet.revoke(device.id, "key leaked");
    let refused = async { while wire.resume().await.unwrap() == 204 {} };
    timeout(COUNTED_MAX, refused).await.unwrap();
    assert!(timeout(COUNTED_MAX, wire.ends()).await.unwrap());
    assert_eq!(world.counters.total(Counted::RevokedRefused), 1);
    world.counted(Counted::Revoked, 1).await;
    let [record] = world.anomalies()[..] else { panic!("{:?}", world.anomalies()) };
    assert_eq!((record.event, record.device), (DEVICE_REVOKED, device.id));
    assert_eq!(record.reason.unwrap().as_str(), "key leaked");
    assert!(world.fleet.is_recorded());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_may_have_only_so_many_connections() {
    let world = World::new().await;
    let device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS_PER_DEVICE_MAX {
        let mut wire = Wire::open(&world, &memory(&world, &device)).await.unwrap();
        assert_eq!(wire.resume().await.unwrap(), 204);
        open.push(wire);
    }
    let further = Wire::open(&world, &memory(&world, &device)).await.unwrap();
    assert!(timeout(COUNTED_MAX, further.ends()).await.unwrap());
    assert_eq!(world.counters.total(Counted::DeviceConnectionRefused), 1);
    for wire in &mut open {
        assert_eq!(wire.resume().await.unwrap(), 204);
    }
    drop(open);
    world.counted(Counted::ConnectionClosed, world.counters.total(Counted::ConnectionOpened)).await;
    let answer = builder(&world).build().unwrap().get(world.url("/v1/time")).send().await.unwrap();
    assert_eq!(Answer::of(answer).await.status, 200);
    world.stop().await;
}
