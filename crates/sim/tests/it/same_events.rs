//! Invariant 3 of the design: one detector everywhere.

use crate::{Run, cloud, device, messages};
use yagura_ids::{Detector, Profile};
use yagura_idsm::{Config, IdsM, Qualified};
use yagura_model::{CanContext, Micros, SecurityEvent};
use yagura_sim::{Bus, Model, PROFILE_IDS_MAX, Replay, Schedule, Sensor};

const SECONDS: u64 = 40;

fn schedule(kind: usize) -> Schedule {
    Schedule { seed: 11, first_kind: kind, start: Micros::from_secs(5), every: 12_000_000, length: 5_000_000 }
}

fn bus(model: &Model, kind: usize) -> Bus {
    Bus::new(Replay::new(model.recordings[0].clone(), 0), Some(schedule(kind)))
}

/// What `ids` raises and `idsm` qualifies, called by hand.
fn by_hand(model: &Model, kind: usize, until: Micros) -> (Vec<SecurityEvent>, Vec<Qualified>) {
    let mut detector = Box::new(Detector::<PROFILE_IDS_MAX>::new(Profile::parse(&model.profile).unwrap()).unwrap());
    let mut idsm = IdsM::<{ Config::DEFAULT_CHAINS }>::new(&Config::default_chains()).unwrap();
    let (mut raised, mut qualified) = (Vec::new(), Vec::new());
    let mut report = |now: Micros, event: SecurityEvent| {
        raised.push(event);
        idsm.report(now, &event, &mut |event| qualified.push(event));
    };
    for on_bus in bus(model, kind).take_while(|on_bus| on_bus.frame.time <= until) {
        detector.handle_frame(&on_bus.frame, &mut |event: SecurityEvent| report(on_bus.frame.time, event));
    }
    detector.handle_timeout(Micros::MAX, &mut |event: SecurityEvent| report(until, event));
    idsm.main_function(Micros::MAX, &mut |event| qualified.push(event));
    (raised, qualified)
}

#[test]
fn the_same_capture_and_profile_give_the_same_events_in_ids_and_in_a_simulated_sensor() {
    let until = Micros::from_secs(SECONDS);
    for model in Model::builtin().unwrap() {
        for kind in 0..6 {
            let mut sensor = Sensor::new(&model.profile, model.state.clone()).unwrap();
            sensor.keep_raised();
            for on_bus in bus(&model, kind).take_while(|on_bus| on_bus.frame.time <= until) {
                sensor.handle_frame(&on_bus.frame);
                sensor.handle_timeout(on_bus.frame.time);
            }
            sensor.finish(until);
            let raised = sensor.take_raised();
            assert!(!raised.is_empty(), "{} {kind}", model.name);
            assert_eq!(raised, by_hand(&model, kind, until).0, "{} {kind}", model.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_cloud_gets_exactly_what_qualified_in_the_vehicle() {
    for (number, model) in (1..).zip(Model::builtin().unwrap()) {
        let cloud = cloud();
        let run = Run { schedule: Some(schedule(0)), ..Run::of(&model, number) };
        let (tally, _) = run.drive(cloud.clone(), SECONDS).await;
        let expected: Vec<_> = by_hand(&model, 0, Micros::from_secs(SECONDS))
            .1
            .into_iter()
            .map(|Qualified { event, .. }| {
                let mut room = [0; CanContext::LEN_MAX];
                let len = event.context.encode(&mut room);
                (event.id, event.count, room[..len].to_vec())
            })
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(messages(&cloud.reports(), device(number)), expected, "{}", model.name);
        assert_eq!((tally.acknowledged, tally.waiting), (tally.sealed, 0));
    }
}
