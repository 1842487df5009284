//! What is lost when things fail between device and disk: nothing that was acknowledged, and nothing twice.

use super::device::{Answer, Device, stranger};
use super::world::World;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use yagura_server::gate::Counted;
use yagura_server::intake::{BYTES_MAX, IntakeError};
use yagura_store::{Position, verify};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_whose_receipt_was_lost_in_a_crash_gets_it_again_and_is_there_once() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let reports: Vec<_> = (0..5).map(|speed| device.report(speed)).collect();
    let mut receipts = Vec::new();
    for report in &reports {
        receipts.push(device.deliver(&world, report).await);
    }
    let restarted = world.after_a_crash().await;
    for (report, receipt) in reports.iter().zip(&receipts) {
        assert_eq!(device.deliver(&restarted, report).await, *receipt);
    }
    let next = device.report(5);
    let receipt = device.deliver(&restarted, &next).await;
    assert_eq!(receipt.position, receipts[4].position + 1);
    assert_eq!(restarted.reports().len(), 6);
    assert_eq!(restarted.anomalies(), []);
    world.stop().await;
    restarted.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_hangs_up_before_its_receipt_finds_its_report_taken() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let report = device.report(0);
    let mut durable = world.intake.durable().unwrap();
    let records = *durable.borrow_and_update();
    let client = device.client(&world);
    let sending = tokio::spawn(client.post(world.url("/v1/reports")).body(report.bytes.clone()).send());
    durable.wait_for(|len| *len > records).await.unwrap();
    sending.abort();
    device.deliver(&world, &report).await;
    assert_eq!(world.reports().len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_turns_reports_away_until_there_is_room_and_loses_none() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let (first, second) = (device.report(0), device.report(1));
    device.deliver(&world, &first).await;
    world.full.set(true);
    for _ in 0..3 {
        let answer = device.send(&world, &second.bytes).await;
        assert_eq!((answer.status, answer.problem().as_str()), (503, "storage-full"));
        assert_eq!(answer.retry_after.as_deref(), Some("5"));
    }
    assert_eq!(device.send(&world, b"hello").await.status, 400);
    assert!(world.counters.total(Counted::VaultFailed) >= 4);
    world.full.set(false);
    device.deliver(&world, &second).await;
    assert_eq!(world.reports(), [first.bytes, second.bytes]);
    // The anomaly that could not be written is not lost: it comes as a number at the end of its window, or of the server.
    let (dir, fleet) = world.stop().await;
    let world = World::on(dir, "vault", fleet).await;
    assert_eq!(world.anomalies().iter().map(|anomaly| anomaly.count).sum::<u64>(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_intake_asks_for_patience() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let all = world.intake.room(BYTES_MAX).unwrap();
    assert_eq!(world.intake.room(1).unwrap_err(), IntakeError::Busy);
    let report = device.report(0);
    let answer = device.send(&world, &report.bytes).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "busy"));
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    assert_eq!(world.counters.total(Counted::Busy), 1);
    drop(all);
    device.deliver(&world, &report).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_receipt_given_before_a_shutdown_is_for_a_record_that_is_there_after_it() {
    let world = World::new().await;
    let mut sending = Vec::new();
    for vehicle in 0..8 {
        let mut device = Device::enrolled(&world, &format!("acme/kona-{vehicle}/cgw")).await;
        let (client, url) = (device.client(&world), world.url("/v1/reports"));
        sending.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for speed in 0..200 {
                let report = device.report(speed);
                match client.post(&url).body(report.bytes.clone()).send().await {
                    Ok(answer) if answer.status() == 200 => acknowledged.push(report.bytes),
                    _ => break,
                }
            }
            acknowledged
        }));
    }
    let mut durable = world.intake.durable().unwrap();
    durable.wait_for(|len| *len > 100).await.unwrap();
    let vault_key = world.identity.vault_key().verifying_key();
    let (dir, fleet) = world.stop().await;
    let mut acknowledged = Vec::new();
    for task in sending {
        acknowledged.extend(task.await.unwrap());
    }
    let mut seen = 0;
    let verified = verify(&dir.path().join("vault"), &vault_key, &mut |_| seen += 1, &mut |_| {}).unwrap();
    let world = World::on(dir, "vault", fleet).await;
    let reports = world.reports();
    assert!(acknowledged.len() > 50, "{}", acknowledged.len());
    assert!(acknowledged.iter().all(|report| reports.contains(report)));
    assert_eq!((verified.records, seen), (world.intake.reader().unwrap().len(), world.records().len()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_end_the_intake_says_that_it_is_closing() {
    let world = World::new().await;
    let (intake, device) = (world.intake.clone(), Device::enrolled(&world, "acme/kona-1/cgw").await);
    world.stop().await;
    assert_eq!(intake.resume(device.id).await, Err(IntakeError::Closing));
    intake.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_instead_of_tls_is_counted_and_hurts_nobody() {
    let world = World::new().await;
    let mut noise = TcpStream::connect(world.address()).await.unwrap();
    noise.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    // Either the alert or a reset; the server is done with it.
    let _ = noise.read_to_end(&mut rest).await;
    world.counted(Counted::HandshakeFailed, 1).await;
    let answer = stranger(&world).get(world.url("/v1/time")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_covers_every_record_soon_and_without_being_asked() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let report = device.report(0);
    let receipt = device.deliver(&world, &report).await;
    let reader = Arc::new(world.intake.reader().unwrap());
    let proof = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        loop {
            if let Ok(proof) = reader.inclusion_proof(Position(receipt.position)) {
                break proof;
            }
            tokio::task::yield_now().await;
        }
    });
    assert!(proof.await.unwrap().checkpoint.starts_with("yagura.test/vault\n"));
    let answer = Answer::of(stranger(&world).get(world.url("/v1/time")).send().await.unwrap()).await;
    assert_eq!(answer.status, 200);
    world.stop().await;
}
