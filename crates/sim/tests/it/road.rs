//! Bad roads, restarts, and the invariant that nothing acknowledged is lost.

use crate::{Run, WALL, cloud, device, messages};
use std::collections::BTreeSet;
use std::sync::Arc;
use yagura_link::{Anomaly, Digest, Entry, entries};
use yagura_model::{DeviceId, Micros};
use yagura_sim::{Happening, Keep, Kept, Ledger, Model, Schedule, Weather};

fn attacked(model: &Arc<Model>, number: u8) -> Run {
    let start = Micros::from_secs(4);
    let schedule = Schedule {
        seed: u64::from(number),
        first_kind: usize::from(number),
        start,
        every: 15_000_000,
        length: 6_000_000,
    };
    Run { schedule: Some(schedule), ..Run::of(model, number) }
}

/// Each device's reports are a chain: numbered without a gap, each naming the one before it.
fn assert_chains(reports: &[Kept], seed: u64) {
    let devices: BTreeSet<DeviceId> = reports.iter().map(|kept| kept.device).collect();
    for device in devices {
        let mut own: Vec<&Kept> = reports.iter().filter(|kept| kept.device == device).collect();
        own.sort_by_key(|kept| (kept.report.header.boot, kept.report.header.sequence));
        let mut previous = Digest::ZERO;
        for kept in own {
            assert_eq!(kept.report.header.previous, previous, "seed {seed} {device}");
            // In a flood, an excerpt may be out of the ring's reach; everything else must arrive.
            let excerpts =
                |anomaly: &&Anomaly| matches!(anomaly, Anomaly::Losses(l) if l.events + l.frames + l.reports == 0);
            let anomalies: Vec<_> = kept.anomalies.iter().filter(|anomaly| !excerpts(anomaly)).collect();
            assert!(anomalies.is_empty(), "seed {seed} {device}: {anomalies:?}");
            previous = kept.report.digest;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn on_a_bad_road_everything_arrives_once_and_nothing_acknowledged_is_lost() {
    let models = Model::builtin().unwrap();
    for seed in 0..12 {
        let number = u8::try_from(seed).unwrap() + 1;
        let model = &models[usize::from(number) % models.len()];
        let fair = cloud();
        attacked(model, number).drive(Arc::clone(&fair), 30).await;
        let (bad, ledger) = (cloud(), Arc::new(Ledger::default()));
        let weather =
            Weather { lost_permille: 150, answer_lost_permille: 150, busy_permille: 50, delay_millis_max: 400 };
        let run = Run { weather, seed, ledger: Some(Arc::clone(&ledger)), ..attacked(model, number) };
        let (tally, _) = run.drive(Arc::clone(&bad), 30).await;
        let reports = bad.reports();
        assert_chains(&reports, seed);
        assert_eq!(bad.refused(), 0, "seed {seed}");
        assert_eq!((tally.bad_receipts, tally.refused), (0, 0), "seed {seed}");
        // Whatever has a receipt is there, under the name and at the place that the receipt says.
        let entries = ledger.entries();
        assert_eq!(entries.len() as u64, tally.acknowledged, "seed {seed}");
        for entry in &entries {
            let kept = &reports[usize::try_from(entry.position).unwrap()];
            let header = &kept.report.header;
            assert_eq!((kept.device, header.boot, header.sequence), (entry.device, entry.boot, entry.sequence));
            assert_eq!(kept.report.digest, entry.digest, "seed {seed}");
        }
        // What did not get out before the end waits; what got out is what a fair road brings, in the same order.
        let (told, expected) = (messages(&reports, device(number)), messages(&fair.reports(), device(number)));
        assert!(expected.starts_with(&told), "seed {seed}");
        assert!(tally.waiting > 0 || told == expected, "seed {seed}: {} of {}", told.len(), expected.len());
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_run_continues_the_chain_with_the_next_boot() {
    let directory = tempfile::tempdir().unwrap();
    let model = &Model::builtin().unwrap()[0];
    let cloud = cloud();
    let mut sealed = 0;
    for boot in 0..3_u64 {
        let keep = Arc::new(Keep::open(directory.path(), &device(1).vehicle).unwrap());
        // The second run has no road at all: its reports are delivered by the third.
        let weather = Weather { lost_permille: if boot == 1 { 1_000 } else { 0 }, ..Weather::default() };
        let (tally, told) = Run { keep: Some(keep), weather, ..attacked(model, 1) }.drive(Arc::clone(&cloud), 12).await;
        let is_off = told.iter().any(|happening| matches!(happening, Happening::Disconnected { .. }));
        assert_eq!(is_off, boot == 1, "boot {boot}");
        sealed += tally.sealed;
    }
    let reports = cloud.reports();
    assert_chains(&reports, 0);
    assert_eq!(reports.len() as u64, sealed);
    let boots: BTreeSet<u64> = reports.iter().map(|kept| kept.report.header.boot).collect();
    assert_eq!(boots, BTreeSet::from([1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn a_report_follows_its_event_within_two_seconds_with_the_frames_around_it() {
    let model = &Model::builtin().unwrap()[0];
    let cloud = cloud();
    attacked(model, 6).drive(Arc::clone(&cloud), 20).await;
    let mut excerpts = 0;
    for kept in cloud.reports() {
        let header = &kept.report.header;
        let all: Vec<Entry<'_>> = entries(&kept.report.body).map(Result::unwrap).collect();
        for entry in &all {
            let Entry::Excerpt(excerpt) = entry else { continue };
            excerpts += 1;
            let Entry::Message(message) = all[usize::from(excerpt.message)] else { panic!("excerpt of no message") };
            let time = message.timestamp.unwrap().to_unix().unwrap();
            let marked: Vec<_> = excerpt.frames().filter(|frame| frame.raised).collect();
            assert!(marked.iter().all(|frame| header.clock.unix(frame.frame.time) == time));
            assert!(excerpt.frames().count() > 20);
            // A first happening is told at once; those after it are counted and told when their window of a second ends.
            assert!(header.clock.unix(header.last).since(time) < 2_000_000);
            assert!(time.since(WALL) > 0);
        }
    }
    assert!(excerpts > 0);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_vehicle_gives_signs_of_life_and_its_speed() {
    let model = &Model::builtin().unwrap()[0];
    let cloud = cloud();
    Run::of(model, 1).drive(Arc::clone(&cloud), 31).await;
    let reports = cloud.reports();
    assert!((6..=9).contains(&reports.len()), "{}", reports.len());
    let speeds: Vec<i32> = reports
        .iter()
        .flat_map(|kept| entries(&kept.report.body))
        .filter_map(|entry| match entry.unwrap() {
            Entry::State(state) => state.speed_centi_kmh,
            _ => None,
        })
        .collect();
    assert!((28..=32).contains(&speeds.len()), "{}", speeds.len());
    assert!(speeds.iter().all(|speed| (1_000..=9_000).contains(speed)), "{speeds:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_memory_is_noticed_by_the_cloud_and_the_vehicle_goes_on() {
    let model = &Model::builtin().unwrap()[0];
    let cloud = cloud();
    Run::of(model, 1).drive(Arc::clone(&cloud), 11).await;
    // No memory at all: the vehicle starts with nothing and asks where it stands.
    let (tally, told) = Run::of(model, 1).drive(Arc::clone(&cloud), 11).await;
    assert_eq!((tally.waiting, tally.refused), (0, 0));
    assert!(told.iter().any(|happening| matches!(happening, Happening::Link { .. })), "{told:?}");
    let broken = cloud.reports().iter().flat_map(|kept| kept.anomalies.clone()).collect::<Vec<Anomaly>>();
    assert_eq!(broken, [], "a device that asks first does not break its chain");
}
