//! What learning makes of synthetic traffic: classes, clock jumps, too little data, limits.

use yagura_ids::{Class, IdRow};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload};
use yagura_profile::{LearnError, Settings, learn};

fn frame(time: u64, raw: u32) -> Frame {
    let id = CanId::from_key(raw).unwrap();
    Frame { time: Micros(time), bus: BusId(0), id, kind: FrameKind::Data, payload: Payload::new(&[0; 8]).unwrap() }
}

/// Identifier 0x100 at 10 ms and 0x200 at `times`, for 30 s.
fn rows(times: impl IntoIterator<Item = u64>, shift: impl Fn(u64) -> u64) -> Vec<IdRow> {
    let mut frames: Vec<Frame> = (0..3_000).map(|n| frame(n * 10_000 + (n * 7_919) % 900, 0x100)).collect();
    frames.extend(times.into_iter().map(|time| frame(time, 0x200)));
    frames.sort_by_key(|frame| frame.time);
    frames.iter_mut().for_each(|frame| frame.time = Micros(shift(frame.time.0)));
    learn(frames, &Settings::default()).unwrap().ids
}

fn every(period: u64) -> impl Iterator<Item = u64> {
    (0..30_000_000 / period).map(move |n| 500 + n * period + (n * 104_729) % (period / 50))
}

fn second(rows: &[IdRow]) -> IdRow {
    rows[1]
}

#[test]
fn a_periodic_identifier_is_judged_in_full() {
    let row = second(&rows(every(100_000), |time| time));
    assert_eq!(row.class, Class::Periodic);
    assert!((99_000..=101_000).contains(&row.period));
    assert!(row.pace.interval > 0 && row.distance > 0 && row.silence > 0);
}

#[test]
fn a_cycle_with_frames_in_between_is_mixed_and_keeps_its_patience() {
    let extra = (0..40).map(|n| 1_035_000 + n * 700_000);
    let row = second(&rows(every(100_000).chain(extra), |time| time));
    assert_eq!(row.class, Class::Mixed);
    assert!(row.pace.interval < 40_000 && row.silence > 0);
}

#[test]
fn what_comes_at_irregular_times_is_an_event_and_judged_by_its_number_only() {
    let row = second(&rows((0..300_u64).map(|n| n * n * 333), |time| time));
    assert_eq!((row.class, row.distance, row.silence), (Class::Event, 0, 0));
    assert!(row.pace.tolerance > 400_000, "{} µs", row.pace.tolerance);
}

#[test]
fn too_little_traffic_is_an_event_whatever_it_looks_like() {
    let row = second(&rows(every(1_000_000), |time| time));
    assert_eq!((row.class, row.silence), (Class::Event, 0));
}

#[test]
fn jumps_and_restarts_of_the_logger_s_clock_change_nothing() {
    let plain = rows(every(100_000), |time| time);
    let forward = rows(every(100_000), |time| if time > 11_000_000 { time + 3_600_000_000 } else { time });
    let back = rows(every(100_000), |time| if time > 11_000_000 { time } else { time + 3_600_000_000 });
    for other in [forward, back] {
        assert_eq!(second(&other).class, Class::Periodic);
        assert_eq!(second(&other).silence, second(&plain).silence);
        assert_eq!(second(&other).distance, second(&plain).distance);
    }
}

#[test]
fn limits_and_empty_captures_are_told_apart() {
    let frames = || (0..100).map(|n| frame(u64::from(n) * 1_000, n));
    let settings = Settings::default();
    assert_eq!(learn([], &settings).unwrap_err(), LearnError::NoFrames);
    let few_ids = Settings { ids_max: 99, ..settings };
    assert_eq!(learn(frames(), &few_ids).unwrap_err(), LearnError::TooManyIds { max: 99 });
    let few_frames = Settings { frames_max: 99, ..settings };
    assert_eq!(learn(frames(), &few_frames).unwrap_err(), LearnError::TooManyFrames { max: 99 });
    let buses = frames().map(|f| Frame { bus: BusId(f.id.raw() as u8), ..f });
    assert_eq!(learn(buses, &settings).unwrap_err(), LearnError::TooManyBuses { max: 16 });
    let texts: Vec<String> = [
        LearnError::NoFrames,
        LearnError::TooManyFrames { max: 9 },
        LearnError::TooManyIds { max: 9 },
        LearnError::TooManyBuses { max: 16 },
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    expect_test::expect![[r#"
        no frame to learn from
        more than 9 frames to learn from
        more than 9 identifiers to learn
        more than 16 buses to learn"#]]
    .assert_eq(&texts.join("\n"));
}
