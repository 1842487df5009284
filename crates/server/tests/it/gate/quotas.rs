//! Quotas: whoever is over waits, is told how long, is recorded once, and takes nothing from others.

use super::device::{Answer, Device};
use super::world::World;
use reqwest::Client;
use yagura_server::gate::Counted;
use yagura_server::intake::LINK_THROTTLED;

/// Sends `bytes` again and again until it is not taken; how often it was, and that answer.
async fn until_turned_away(world: &World, client: &Client, bytes: &[u8]) -> (u64, Answer) {
    for taken in 0..500 {
        let request = client.post(world.url("/v1/reports")).body(bytes.to_vec());
        let answer = Answer::of(request.send().await.unwrap()).await;
        if answer.status != 200 {
            return (taken, answer);
        }
    }
    panic!("nothing was turned away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_over_its_quota_is_told_to_wait_recorded_once_and_alone() {
    let world = World::limited("[default]\ndevice_reports_per_second = 1\n").await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let (client, report) = (device.client(&world), device.report(0));
    let (taken, answer) = until_turned_away(&world, &client, &report.bytes).await;
    assert!((10..100).contains(&taken), "{taken}");
    assert_eq!((answer.status, answer.problem().as_str()), (429, "over-quota"));
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    for _ in 0..5 {
        let request = client.post(world.url("/v1/reports")).body(device.report(0).bytes);
        drop(request.send().await.unwrap());
    }
    let [record] = world.anomalies()[..] else { panic!("{:?}", world.anomalies()) };
    assert_eq!((record.event, record.device, record.expected), (LINK_THROTTLED, device.id, 1));
    assert!(world.counters.total(Counted::OverDeviceQuota) >= 1);
    let mut other = Device::enrolled(&world, "acme/kona-2/cgw").await;
    let next = other.report(0);
    other.deliver(&world, &next).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_are_limited_whether_they_are_announced_or_not() {
    let world = World::limited("[default]\ndevice_bytes_per_second = 100\n").await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let report = device.report(0);
    let stream = futures::stream::iter([Ok::<_, std::io::Error>(report.bytes.clone())]);
    let request = device.client(&world).post(world.url("/v1/reports")).body(reqwest::Body::wrap_stream(stream));
    assert_eq!(request.send().await.unwrap().status(), 200);
    let (taken, answer) = until_turned_away(&world, &device.client(&world), &report.bytes).await;
    assert!(taken < 10, "{taken}");
    assert_eq!((answer.status, answer.problem().as_str()), (429, "over-quota"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_over_its_events_waits_and_another_tenant_does_not() {
    let world = World::limited("[tenant.acme]\ntenant_events_per_second = 1\n").await;
    let (mut acme, mut globex) =
        (Device::enrolled(&world, "acme/kona-1/cgw").await, Device::enrolled(&world, "globex/kona-1/cgw").await);
    let report = acme.report(0);
    let (_, answer) = until_turned_away(&world, &acme.client(&world), &report.bytes).await;
    assert_eq!((answer.status, answer.problem().as_str()), (429, "over-quota"));
    let mut second = Device::enrolled(&world, "acme/kona-2/cgw").await;
    assert_eq!(second.send(&world, &second.seal(0).bytes).await.status, 429);
    assert!(world.counters.total(Counted::OverTenantQuota) >= 2);
    let next = globex.report(0);
    globex.deliver(&world, &next).await;
    second.report(0);
    world.stop().await;
}
