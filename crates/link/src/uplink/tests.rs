//! The vehicle's end alone: pauses, limits, memory. Both ends together are tested in `tests/it`.

use super::*;
use crate::chain::Chain;
use crate::{Digest, Header, peek};
use proptest::prelude::*;
use yagura_model::{UnixMicros, VehicleState};

const CLOCK: Clock = Clock { boot_at: UnixMicros(1_800_000_000_000_000), uncertainty: 1_000 };

fn device() -> DeviceId {
    "acme/kona-0001/cgw".parse().expect("names")
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

/// An uplink that knows where it stands and holds `reports` reports.
fn uplink(settings: Settings, reports: usize) -> Uplink {
    let mut uplink = Uplink::new(device(), settings);
    resume(&mut uplink, None);
    for _ in 0..reports {
        seal(&mut uplink).expect("room");
    }
    uplink
}

/// Asks and answers where the device stands.
fn resume(uplink: &mut Uplink, cloud: Option<Resume>) -> Option<Notice> {
    uplink.asks_resume = true;
    assert_eq!(uplink.poll_transmit(Micros::MAX), Some(Transmit::Resume));
    uplink.handle_resume(cloud)
}

fn seal(uplink: &mut Uplink) -> Result<ReportId, SealError> {
    let mut writer = ReportWriter::new();
    writer.push_state(&VehicleState::default()).expect("room");
    uplink.seal(&mut writer, CLOCK, Micros(0), &key())
}

/// Everything that is to be sent now.
fn sent(uplink: &mut Uplink, now: Micros) -> Vec<(ReportId, Header, Digest)> {
    let mut all = Vec::new();
    while let Some(Transmit::Report { id, bytes }) = uplink.poll_transmit(now) {
        all.push((id, peek(bytes).expect("a report"), Digest::of(bytes)));
    }
    all
}

fn receipt(id: ReportId, report: Digest) -> Receipt {
    Receipt { device: device(), boot: id.boot, sequence: id.sequence, report, position: 0, received: UnixMicros(0) }
}

fn sequences(sent: &[(ReportId, Header, Digest)]) -> Vec<u64> {
    sent.iter().map(|(id, _, _)| id.sequence).collect()
}

#[test]
fn a_device_without_memory_asks_before_it_seals() {
    let mut uplink = Uplink::new(device(), Settings::default());
    assert_eq!(seal(&mut uplink), Err(SealError::AwaitsResume));
    assert_eq!(uplink.poll_timeout(), Micros(0));
    assert_eq!(uplink.poll_transmit(Micros(0)), Some(Transmit::Resume));
    assert_eq!(uplink.poll_transmit(Micros(1)), None, "asked once");
    let overdue = uplink.poll_timeout();
    uplink.handle_timeout(overdue);
    assert_eq!(uplink.poll_transmit(uplink.poll_timeout()), Some(Transmit::Resume), "asked again after a pause");
    let known = Resume { boot: 7, sequence: 3, digest: Digest([9; 32]) };
    let cloud = ReportId { boot: 7, sequence: 3 };
    assert_eq!(uplink.handle_resume(Some(known)), Some(Notice::MemoryLost { cloud }));
    assert_eq!(seal(&mut uplink), Ok(ReportId { boot: 8, sequence: 0 }));
    let sent = sent(&mut uplink, Micros::MAX);
    assert_eq!(sent[0].1.previous, Digest([9; 32]), "it goes on behind what the cloud has");
}

#[test]
fn a_window_of_reports_flies_and_moves_with_the_oldest() {
    let mut uplink = uplink(Settings::default(), 40);
    let first = sent(&mut uplink, Micros(0));
    assert_eq!(sequences(&first), (0..16).collect::<Vec<_>>());
    assert!(first.iter().all(|(_, header, _)| header.oldest_held == 0));
    let (id, _, digest) = first[3];
    assert_eq!(uplink.handle_receipt(&receipt(id, digest)), Some(Notice::Acknowledged(id)));
    assert_eq!(sequences(&sent(&mut uplink, Micros(0))), [] as [u64; 0], "the oldest is still out");
    uplink.handle_receipt(&receipt(first[0].0, first[0].2));
    assert_eq!(sequences(&sent(&mut uplink, Micros(0))), [16]);
    assert_eq!(uplink.handle_receipt(&receipt(id, digest)), None, "known already");
    let wrong = receipt(first[1].0, Digest::ZERO);
    assert_eq!(uplink.handle_receipt(&wrong), Some(Notice::Conflict(first[1].0)));
    assert_eq!(uplink.waiting(), 38);
}

#[test]
fn pauses_double_up_to_their_limit_and_end_with_success() {
    let mut uplink = uplink(Settings::default(), 1);
    let mut now = Micros(0);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let (id, _, _) = sent(&mut uplink, now)[0];
        assert_eq!(id.sequence, 0);
        now = uplink.poll_timeout();
        uplink.handle_timeout(now);
        let next = uplink.poll_timeout();
        assert_eq!(uplink.poll_transmit(Micros(next.0 - 1)), None);
        pauses.push(next.since(now) / 100_000);
        now = next;
    }
    assert!(pauses.is_sorted() && (5..=6).contains(&pauses[0]) && (10..=12).contains(&pauses[1]), "{pauses:?}");
    assert!((3_000..=3_750).contains(&pauses[11]), "{pauses:?}");
    let (id, _, digest) = sent(&mut uplink, now)[0];
    uplink.handle_receipt(&receipt(id, digest));
    assert_eq!(uplink.poll_timeout(), Micros::MAX, "nothing is left to do");
    seal(&mut uplink).expect("room");
    assert_eq!(sent(&mut uplink, now).len(), 1, "no pause after success");
    uplink.handle_busy(now, 7_000_000);
    assert_eq!(uplink.poll_timeout(), now.plus(7_000_000), "the cloud's wish counts");
}

#[test]
fn a_full_spool_keeps_the_oldest_and_declares_what_it_lost() {
    let settings = Settings { spool_reports_max: 2, ..Settings::default() };
    let mut uplink = uplink(settings, 2);
    let Err(SealError::SpoolFull { reports: 2, lost, .. }) = seal(&mut uplink) else { panic!("must be full") };
    assert_eq!(lost, Losses { reports: 1, ..Losses::NONE });
    uplink.record_losses(Losses { frames: 5, ..Losses::NONE });
    for (id, _, digest) in sent(&mut uplink, Micros(0)) {
        uplink.handle_receipt(&receipt(id, digest));
    }
    seal(&mut uplink).expect("room again");
    let (id, header, _) = sent(&mut uplink, Micros(0))[0];
    assert_eq!(header.losses, Losses { reports: 1, frames: 5, ..Losses::NONE });
    assert_eq!((header.sequence, header.oldest_held), (2, 2), "no number is skipped");

    assert_eq!(uplink.handle_refusal(id), Some(Notice::Refused(id)));
    assert_eq!(uplink.poll_transmit(Micros(0)), Some(Transmit::Resume));
    assert_eq!(uplink.handle_resume(None), None);
    seal(&mut uplink).expect("room");
    let losses = sent(&mut uplink, Micros(0))[0].1.losses;
    assert_eq!(losses, Losses { reports: 2, frames: 5, ..Losses::NONE }, "declared again, with the refused report");
}

#[test]
fn the_next_boot_resends_what_was_not_acknowledged_and_continues_the_chain() {
    let mut before = uplink(Settings::default(), 3);
    let flown = sent(&mut before, Micros(0));
    before.handle_receipt(&receipt(flown[0].0, flown[0].2));
    let mut after = Uplink::restore(&before.save(), Settings::default()).expect("whole");
    assert_eq!((after.boot(), after.waiting(), after.acknowledged()), (2, 2, Some(flown[0].0)));
    seal(&mut after).expect("knows where it stands");
    assert_eq!(after.poll_transmit(Micros(0)), Some(Transmit::Resume), "a receipt may be forgotten: ask first");
    assert_eq!(after.handle_resume(None), None);
    let old = sent(&mut after, Micros(0));
    assert_eq!(sequences(&old), [1, 2], "the new boot waits for the old");
    for (id, _, digest) in old {
        after.handle_receipt(&receipt(id, digest));
    }
    let new = sent(&mut after, Micros(0));
    assert_eq!((new[0].0, new[0].1.previous), (ReportId { boot: 2, sequence: 0 }, flown[2].2));
}

#[test]
fn a_resume_settles_only_what_its_digest_proves() {
    let mut uplink = uplink(Settings::default(), 5);
    let flown = sent(&mut uplink, Micros(0));
    let at = |(id, _, digest): (ReportId, Header, Digest)| Resume { boot: id.boot, sequence: id.sequence, digest };
    assert_eq!(resume(&mut uplink, Some(at(flown[2]))), Some(Notice::Acknowledged(flown[2].0)));
    assert_eq!(uplink.waiting(), 2);
    let forged = Resume { digest: Digest::ZERO, ..at(flown[3]) };
    assert_eq!(resume(&mut uplink, Some(forged)), Some(Notice::Conflict(flown[3].0)));
    assert_eq!(
        (uplink.waiting(), uplink.boot()),
        (2, 2),
        "nothing is dropped; the next report is of a boot of its own"
    );
}

#[test]
fn an_acknowledged_report_behind_a_settled_one_does_not_hold_up_the_next_boot() {
    let mut before = uplink(Settings::default(), 2);
    let flown = sent(&mut before, Micros(0));
    before.handle_receipt(&receipt(flown[1].0, flown[1].2));
    let mut after = Uplink::restore(&before.save(), Settings::default()).expect("whole");
    seal(&mut after).expect("knows where it stands");
    let (id, _, digest) = flown[0];
    resume(&mut after, Some(Resume { boot: id.boot, sequence: id.sequence, digest }));
    assert_eq!(sent(&mut after, Micros::MAX)[0].0, ReportId { boot: 2, sequence: 0 });
}

#[test]
fn a_cloud_that_forgot_is_noticed() {
    let mut uplink = uplink(Settings::default(), 20);
    let mut chain = Chain::new();
    while uplink.waiting() > 0 {
        for (id, header, digest) in sent(&mut uplink, Micros(0)) {
            chain.record(&header, &digest, 0);
            uplink.handle_receipt(&receipt(id, digest));
        }
    }
    let acknowledged = ReportId { boot: 1, sequence: 19 };
    assert_eq!(resume(&mut uplink, chain.resume()), None);
    assert_eq!(resume(&mut uplink, None), Some(Notice::CloudForgot { acknowledged, cloud: None }));
}

#[test]
fn a_torn_or_foreign_memory_is_refused() {
    let saved = uplink(Settings::default(), 2).save();
    let refused = |bytes: &[u8]| Uplink::restore(bytes, Settings::default()).expect_err("refused");
    for cut in 0..saved.len() {
        assert_eq!(refused(&saved[..cut]), RestoreError::Corrupt { bytes: cut });
    }
    let mut foreign = b"\x80".to_vec();
    let checksum = Digest::of(&foreign);
    foreign.extend(checksum.0);
    assert!(matches!(refused(&foreign), RestoreError::Malformed(_)));
}

proptest! {
    #[test]
    fn a_memory_comes_back_as_it_was(reports in 0..6_usize, acknowledged in 0..6_usize, events: u64) {
        let mut before = uplink(Settings::default(), reports);
        for (id, _, digest) in sent(&mut before, Micros(0)).into_iter().take(acknowledged) {
            before.handle_receipt(&receipt(id, digest));
        }
        before.record_losses(Losses { events, ..Losses::NONE });
        before.handle_disconnect(Micros(0));
        let mut out_of_order = sent(&mut before, Micros::MAX);
        if let Some((id, _, digest)) = out_of_order.pop() {
            before.handle_receipt(&receipt(id, digest));
        }
        before.handle_disconnect(Micros(0));
        let after = Uplink::restore(&before.save(), Settings::default()).expect("whole");
        for spooled in &mut before.spool {
            if spooled.stage == Stage::Acknowledged {
                spooled.holds = Losses::NONE;
            }
        }
        prop_assert_eq!(&after.spool, &before.spool);
        prop_assert_eq!((after.spool_bytes, after.losses, after.head), (before.spool_bytes, before.losses, before.head));
        prop_assert_eq!((after.sealed, after.acknowledged), (before.sealed, before.acknowledged));
    }
}
