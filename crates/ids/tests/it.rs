//! The detector from outside: each detector with traffic that must raise it and traffic that must not.
//!
//! Not a test of learning (that is in `profile`): the profile here is written by hand.
#![expect(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach functions beside them")]

use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::fmt::Write as _;
use yagura_ids::{
    BusRow, Class, Contents, Detector, EPISODES_MAX, IdRow, Lengths, Novelty, Pace, Profile, encode, encoded_len,
};
use yagura_model::{BusId, CanId, EventId, Frame, FrameKind, Micros, Payload, SecurityEvent};

fn periodic(raw: u32, period: u32) -> IdRow {
    IdRow {
        bus: BusId(0),
        id: CanId::from_key(raw).unwrap(),
        class: Class::Periodic,
        lengths: Lengths { classic: 1 << 8, fd: 0, remote: false },
        period,
        pace: Pace { interval: period - period / 10, tolerance: period / 2 },
        distance: period / 16,
        silence: period * 9 / 2,
        frames: 1000,
        gap_min: period,
        gap_max: period,
    }
}

fn event(raw: u32) -> IdRow {
    IdRow { class: Class::Event, pace: Pace::default(), distance: 0, silence: 0, ..periodic(raw, 16) }
}

/// Three periodic identifiers and one sent on events, on a bus of 130 frames a second.
fn profile() -> Vec<u8> {
    profile_with(Novelty::default())
}

fn profile_with(novelty: Novelty) -> Vec<u8> {
    let pace = Pace { interval: 5_000, tolerance: 50_000 };
    let buses = [BusRow { bus: BusId(0), idle_cap: 40_000, pace, peak_per_second: 130, frames: 1000, novelty }];
    let ids = [periodic(0x100, 10_000), periodic(0x200, 50_000), periodic(0x300, 100_000), event(0x400)];
    let contents = Contents { buses: &buses, ids: &ids, ..Contents::default() };
    let mut bytes = vec![0; encoded_len(&contents)];
    encode(&contents, &mut bytes).unwrap();
    bytes
}

fn frame(time: u64, raw: u32, data: &[u8]) -> Frame {
    let id = CanId::from_key(raw).unwrap();
    Frame { time: Micros(time), bus: BusId(0), id, kind: FrameKind::Data, payload: Payload::new(data).unwrap() }
}

/// Clean traffic of the three periodic identifiers, with jitter of up to 1 ms.
fn clean(seconds: u64) -> Vec<Frame> {
    let one = |raw: u32, period: u64, phase: u64| {
        (0..seconds * 1_000_000 / period)
            .map(move |n| frame(phase + n * period + (n * 7919) % 1000, raw, &n.to_be_bytes()))
    };
    let mut frames: Vec<Frame> =
        one(0x100, 10_000, 100).chain(one(0x200, 50_000, 2_300)).chain(one(0x300, 100_000, 5_700)).collect();
    frames.sort_by_key(|frame| frame.time);
    frames
}

fn with(mut frames: Vec<Frame>, more: impl IntoIterator<Item = Frame>) -> Vec<Frame> {
    frames.extend(more);
    frames.sort_by_key(|frame| frame.time);
    frames
}

fn events(frames: &[Frame]) -> Vec<SecurityEvent> {
    events_with(&profile(), frames)
}

fn events_with(bytes: &[u8], frames: &[Frame]) -> Vec<SecurityEvent> {
    let mut detector: Detector<'_, 16> = Detector::new(Profile::parse(bytes).unwrap()).unwrap();
    let mut events = Vec::new();
    let mut sink = |event| events.push(event);
    frames.iter().for_each(|frame| detector.handle_frame(frame, &mut sink));
    detector.handle_timeout(Micros::MAX, &mut sink);
    events
}

#[expect(clippy::needless_pass_by_value, reason = "an expectation is written where it is used")]
fn check(frames: &[Frame], expected: Expect) {
    let mut text = String::new();
    for event in events(frames) {
        let (context, count) = (event.context, event.count);
        let (expected, observed) = (context.expected, context.observed);
        writeln!(text, "{} {} {} ×{count}: {observed}, not {expected}", event.time, event.id, context.id).unwrap();
    }
    expected.assert_eq(&text);
}

#[test]
fn clean_traffic_is_silent() {
    check(&clean(60), expect![[""]]);
}

#[test]
fn an_unknown_identifier_is_raised_at_once_and_then_counted_by_the_second() {
    let unknown = (0..150).map(|n| frame(5_000_000 + n * 10_000, 0x555, &[1]));
    check(
        &with(clean(10), unknown),
        expect![[r#"
            5.000000 0x8001 555 ×1: 0, not 0
            5.990000 0x8001 555 ×99: 0, not 0
            6.490000 0x8001 555 ×50: 0, not 0
        "#]],
    );
}

/// A list that is not complete: three newcomers at once, one each 5 s.
const OPEN: Novelty = Novelty { open: Novelty::STANDARD, interval: 50, burst: 3 };

fn unknown_frames(novelty: Novelty, more: impl IntoIterator<Item = Frame>) -> u32 {
    let events = events_with(&profile_with(novelty), &with(clean(20), more));
    events.iter().filter(|event| event.id == EventId::CAN_UNKNOWN_ID).map(|event| u32::from(event.count)).sum()
}

#[test]
fn newcomers_to_an_open_list_are_silent_until_they_exceed_its_budget() {
    let newcomer = |raw: u32| (0..100).map(move |n| frame(4_000_100 + u64::from(raw) + n * 50_000, raw, &[0]));
    assert_eq!(unknown_frames(OPEN, newcomer(0x501)), 0);
    assert_eq!(unknown_frames(OPEN, (0x501..0x504).flat_map(newcomer)), 0);
    assert_eq!(unknown_frames(Novelty::default(), newcomer(0x501)), 100);
    // The fifth is one too many; it is told with each of its frames, and those that came before it stay silent.
    assert_eq!(unknown_frames(OPEN, (0x501..0x506).flat_map(newcomer)), 100);
    let fast = (0..100).map(|n| frame(4_000_100 + n * 1_000, 0, &[0; 8]));
    assert!(unknown_frames(OPEN, fast) >= 95, "no newcomer sends each millisecond");
}

#[test]
fn what_is_there_from_the_start_belongs_to_the_vehicle_s_state() {
    let from = |start: u64| (0..50).map(move |n| frame(start + n * 100_000, 0x501, &[0; 8]));
    assert_eq!(unknown_frames(Novelty::default(), from(300_000)), 0);
    assert_eq!(unknown_frames(Novelty::default(), from(3_000_000)), 50);
    let only_short = Novelty { open: Novelty::NO_EXTENDED, ..Novelty::default() };
    let foreign = (0..50).map(|n| frame(300_000 + n * 100_000, CanId::EXTENDED_BIT | 0x501, &[0; 8]));
    assert_eq!(unknown_frames(only_short, foreign), 50);
}

#[test]
fn random_identifiers_raise_a_bounded_number_of_events_that_count_every_frame() {
    let random = |n: u32| (n.wrapping_mul(0x9E37_79B9) >> 3) | CanId::EXTENDED_BIT;
    let fuzz = (0..20_000).map(|n| frame(3_000_000 + u64::from(n) * 200, random(n), &[]));
    let events = events(&with(clean(10), fuzz));
    let unknown: Vec<_> = events.iter().filter(|e| e.id == EventId::CAN_UNKNOWN_ID).collect();
    assert!(unknown.len() <= 6 * 2 * EPISODES_MAX, "{} events", unknown.len());
    assert_eq!(unknown.iter().map(|e| u32::from(e.count)).sum::<u32>(), 20_000);
}

#[test]
fn a_wrong_length_and_a_wrong_format_are_raised() {
    let fd = FrameKind::Fd { bit_rate_switch: true, error_passive: false };
    let wrong = [
        frame(2_000_500, 0x300, &[1, 2, 3]),
        Frame { kind: fd, ..frame(4_000_500, 0x200, &[0; 8]) },
        Frame { kind: FrameKind::Remote { requested_len: 8 }, ..frame(6_000_500, 0x100, &[]) },
    ];
    check(
        &with(clean(10), wrong),
        expect![[r#"
        2.000500 0x8002 300 ×1: 3, not 8
        4.000500 0x8002 200 ×1: 8, not 8
        6.000500 0x8002 100 ×1: 0, not 8
    "#]],
    );
}

#[test]
fn a_doubled_rate_is_raised_and_only_the_surplus_counted() {
    let injected = (0..40).map(|n| frame(3_004_000 + n * 50_000, 0x200, &[0xFF; 8]));
    check(
        &with(clean(10), injected),
        expect![[r#"
            3.054000 0x8003 200 ×1: 1641, not 50000
            4.004000 0x8003 200 ×19: 1180, not 50000
            4.954000 0x8003 200 ×19: 719, not 50000
        "#]],
    );
}

#[test]
fn frames_on_the_back_of_legitimate_ones_are_raised_and_the_legitimate_ones_are_not() {
    let clean = clean(10);
    let victims = clean.iter().filter(|f| f.id.raw() == 0x300 && f.time.0 > 4_000_000 && f.time.0 < 4_500_000);
    let flam: Vec<Frame> = victims.map(|f| Frame { time: f.time.plus(200), ..*f }).collect();
    check(
        &with(clean.clone(), flam),
        expect![[r#"
            4.106579 0x8003 300 ×1: 200, not 100000
            4.406336 0x8003 300 ×3: 200, not 100000
        "#]],
    );
}

#[test]
fn a_suspended_identifier_is_raised_once() {
    let mut frames = clean(20);
    frames.retain(|f| f.id.raw() != 0x200 || !(5_000_000..12_000_000).contains(&f.time.0));
    check(
        &frames,
        expect![[r#"
            5.681092 0x8004 200 ×1: 727811, not 225000
        "#]],
    );
}

#[test]
fn a_bus_that_pauses_stops_or_jumps_in_time_is_nobody_s_silence() {
    let paused =
        clean(30).into_iter().map(|f| if f.time.0 > 9_000_000 { Frame { time: f.time.plus(1 << 33), ..f } } else { f });
    check(&paused.collect::<Vec<_>>(), expect![[""]]);
    let restarted = clean(10).into_iter().chain(clean(10));
    check(&restarted.collect::<Vec<_>>(), expect![[""]]);
}

#[test]
fn a_vehicle_that_goes_to_sleep_one_identifier_after_the_other_is_no_suspension() {
    let mut frames = clean(30);
    frames.retain(|f| match f.id.raw() {
        0x200 => f.time.0 < 10_000_000,
        0x300 => f.time.0 < 11_000_000,
        _ => true,
    });
    frames.retain(|f| f.id.raw() != 0x100 || f.time.0 < 12_000_000);
    let awake = (0..300).map(|n| frame(12_000_000 + n * 30_000, 0x400, &[0; 8]));
    check(
        &with(frames, awake),
        expect![[r#"
        10.690511 0x8004 200 ×1: 737330, not 225000
    "#]],
    );
}

#[test]
fn a_flood_is_raised_with_the_rate_seen() {
    let flood = (0..2_000).map(|n| frame(4_000_000 + n * 1_000, 0x400, &[0; 8]));
    check(
        &with(clean(10), flood),
        expect![[r#"
            4.009000 0x8005 400 ×1: 240, not 130
            5.008000 0x8005 400 ×799: 1149, not 130
            5.999000 0x8005 400 ×793: 1131, not 130
        "#]],
    );
}

fn error(time: u64, class: u32, detail: u8) -> Frame {
    Frame { kind: FrameKind::Error, ..frame(time, class, &[0, detail, 0, 0, 0, 0, 0, 0]) }
}

#[test]
fn errors_of_a_wake_up_are_nobody_s_attack() {
    let woken = (0..40).map(|n| error(3_000_000 + n * 1_280, 0x80, 0));
    let now_and_then = (0..20).map(|n| error(4_000_000 + n * 200_000, 0x88, 0));
    let passive = [error(5_000_500, 0x04, 0x30)];
    check(&with(clean(10), woken.chain(now_and_then).chain(passive)), expect![[""]]);
}

#[test]
fn a_storm_of_errors_and_a_controller_driven_off_the_bus_are_raised() {
    let storm = (0..200).map(|n| error(3_000_000 + n * 1_280, 0x80, 0));
    let off = [error(6_000_500, 0x40, 0), error(6_300_500, 0x40, 0)];
    check(
        &with(clean(10), storm.chain(off)),
        expect![[r#"
        3.088320 0x8008 080 ×1: 128, not 0
        3.254720 0x8008 080 ×122: 128, not 0
        6.300500 0x8008 040 ×1: 64, not 0
    "#]],
    );
}

#[test]
fn a_bus_that_the_profile_does_not_know_is_not_judged_nor_is_a_single_error() {
    let other = Frame { bus: BusId(7), ..frame(1_000_000, 0x100, &[0; 8]) };
    let error = Frame { kind: FrameKind::Error, ..frame(1_500_000, 0x004, &[0; 8]) };
    check(&with(clean(2), [other, error]), expect![""]);
}

fn any_frame() -> impl Strategy<Value = (u64, Frame)> {
    let kind = prop_oneof![
        4 => Just(FrameKind::Data),
        1 => Just(FrameKind::Fd { bit_rate_switch: false, error_passive: false }),
        1 => Just(FrameKind::Remote { requested_len: 8 }),
        1 => Just(FrameKind::Error),
    ];
    let raw = prop_oneof![3 => Just(0x100_u32), 2 => Just(0x200), 1 => Just(0x300), 2 => 0..0x800_u32];
    let step = prop_oneof![6 => 0..20_000_u64, 1 => 0..5_000_000_u64];
    (step, 0..2_u8, raw, kind, 0..=8_usize).prop_map(|(step, bus, raw, kind, len)| {
        (step, Frame { bus: BusId(bus), kind, ..frame(0, raw, &[0xA5; 8][..len]) })
    })
}

fn run(frames: &[Frame], timeouts: bool) -> Vec<SecurityEvent> {
    let bytes = profile();
    let mut detector: Detector<'_, 16> = Detector::new(Profile::parse(&bytes).unwrap()).unwrap();
    let mut events = Vec::new();
    let mut sink = |event| events.push(event);
    for frame in frames {
        while timeouts && detector.poll_timeout() <= frame.time {
            let due = detector.poll_timeout();
            detector.handle_timeout(due, &mut sink);
        }
        detector.handle_frame(frame, &mut sink);
    }
    detector.handle_timeout(Micros::MAX, &mut sink);
    events
}

proptest! {
    #[test]
    fn timeouts_change_when_events_are_told_but_not_which(steps in proptest::collection::vec(any_frame(), 0..300)) {
        let mut now = 1_000;
        let frames: Vec<Frame> = steps.into_iter().map(|(step, f)| { now += step; Frame { time: Micros(now), ..f } }).collect();
        let sorted = |timeouts| {
            let mut events = run(&frames, timeouts);
            events.sort_by_key(|event| (event.time, event.id, event.context.bus, event.context.id.key(), event.count));
            events
        };
        prop_assert_eq!(sorted(false), sorted(true));
    }

    #[test]
    fn events_depend_on_relative_times_only(steps in proptest::collection::vec(any_frame(), 0..300), offset in 0..1_u64 << 60) {
        let mut now = 1_000;
        let frames: Vec<Frame> = steps.into_iter().map(|(step, f)| { now += step; Frame { time: Micros(now), ..f } }).collect();
        let moved: Vec<Frame> = frames.iter().map(|f| Frame { time: f.time.plus(offset), ..*f }).collect();
        let expected: Vec<SecurityEvent> =
            run(&frames, false).into_iter().map(|e| SecurityEvent { time: e.time.plus(offset), ..e }).collect();
        prop_assert_eq!(run(&moved, false), expected);
    }

    #[test]
    fn any_times_are_survived(times in proptest::collection::vec(any::<u64>(), 0..50)) {
        let frames: Vec<Frame> = times.iter().map(|time| frame(*time, 0x100, &[0; 8])).collect();
        run(&frames, true);
    }
}
