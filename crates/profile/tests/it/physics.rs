//! Masquerade found by physics: a made-up vehicle whose wheels, speed and odometer tell of the same movement.
//!
//! Each rule has a drive in which it must speak, and on the same drive without attack nothing may be said.

use yagura_ids::{Check, Detector, Finding, Profile, Sink};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload, SecurityEvent};
use yagura_profile::{Settings, learn};

const WHEELS: u32 = 0x280;
const SPEED: u32 = 0x410;
const ODOMETER: u32 = 0x290;
const TEMPERATURE: u32 = 0x510;

/// Speed at a time, 0.01 km/h: up and down between standing still and 120 km/h.
fn speed(seconds: f64, phase: f64) -> f64 {
    let wave = (seconds / 9.0 + phase).sin() * 0.6 + (seconds / 4.1 + 2.0 * phase).sin() * 0.3 + 0.7;
    (wave * 7_000.0).max(0.0)
}

fn frame(time: u64, raw: u32, data: [u8; 8]) -> Frame {
    let id = CanId::from_key(raw).unwrap();
    Frame { time: Micros(time), bus: BusId(0), id, kind: FrameKind::Data, payload: Payload::new(&data).unwrap() }
}

/// A drive of `seconds` that starts at `start` seconds.
fn drive(start: u64, seconds: u64, phase: f64) -> Vec<Frame> {
    let (mut frames, mut way) = (Vec::new(), 0.0);
    for tick in 0..seconds * 50 {
        let (time, now) = (start * 1_000_000 + tick * 20_000, tick as f64 / 50.0);
        let true_speed = speed(now, phase);
        way += true_speed / 50.0;
        let [l0, l1] = (true_speed as u16).to_be_bytes();
        let [r0, r1] = ((true_speed * 1.002) as u16).to_be_bytes();
        frames.push(frame(time, WHEELS, [l0, l1, r0, r1, 0, 0, 0, 0]));
        if tick % 5 == 0 {
            let [s0, s1] = ((true_speed * 0.64) as u16).to_be_bytes();
            frames.push(frame(time + 300, SPEED, [0, 0x1C, s0, s1, 0, 0, 0, 0]));
            // Five dead bits below the count.
            let [d0, d1] = (((way / 1_000.0) as u16) << 5).to_be_bytes();
            frames.push(frame(time + 600, ODOMETER, [d0, d1, 0, 0, 0, 0, 0, 0]));
            let warm = 800.0 + 300.0 * (now / 7.0 + phase).sin();
            let [t0, t1] = (warm as u16).to_be_bytes();
            frames.push(frame(time + 900, TEMPERATURE, [t0, t1, 0, 0, 0, 0, 0, 0]));
        }
    }
    frames
}

fn training() -> Vec<Frame> {
    [drive(10, 90, 0.0), drive(1_000, 90, 1.3), drive(2_000, 60, 2.9)].concat()
}

struct Found(Vec<Finding>);

impl Sink for Found {
    fn raise(&mut self, _: SecurityEvent) {}

    fn find(&mut self, finding: &Finding) {
        self.0.push(*finding);
    }
}

/// What is told of a drive in which `forge` changes the frames of `id` from second 30 to 38.
fn attacked(id: u32, mut forge: impl FnMut(&mut [u8], u64)) -> Vec<Finding> {
    let profile = learn(training(), &Settings::default()).unwrap().encode();
    let mut detector: Box<Detector<'_, 16>> = Box::new(Detector::new(Profile::parse(&profile).unwrap()).unwrap());
    let (mut found, mut number) = (Found(Vec::new()), 0);
    for mut frame in drive(5_000, 60, 0.7) {
        if frame.id.raw() == id && is_attacked(frame.time) {
            forge(frame.payload.as_mut_slice(), number);
            number += 1;
        }
        detector.handle_frame(&frame, &mut found);
    }
    found.0
}

fn is_attacked(time: Micros) -> bool {
    (5_030_000_000..5_038_000_000).contains(&time.0)
}

/// All findings are about `id`, within the attack; at least `least` are.
fn check(found: &[Finding], id: u32, check: Check, least: usize) {
    let wrong: Vec<_> = found.iter().filter(|f| f.context.id.raw() != id || !is_attacked(f.time)).collect();
    assert!(wrong.is_empty(), "{} findings beside the attack, first {:?}", wrong.len(), wrong[0]);
    let right = found.iter().filter(|finding| finding.check == check).count();
    assert!(right >= least, "{right} findings of {check:?}, expected {least}: {found:?}");
}

#[test]
fn a_clean_drive_is_silent() {
    assert_eq!(attacked(0, |_, _| {}), []);
}

#[test]
fn a_speed_that_is_held_contradicts_the_wheels() {
    let mut held = None;
    let found = attacked(SPEED, |data, _| {
        let first = *held.get_or_insert([data[2], data[3]]);
        data[2..4].copy_from_slice(&first);
    });
    check(&found, SPEED, Check::Relation, 60);
    assert_eq!(found[0].context.place.witness.map(CanId::raw), Some(WHEELS));
}

#[test]
fn a_wheel_that_is_off_by_a_fifth_is_the_one_blamed() {
    let found = attacked(WHEELS, |data, _| {
        let value = u16::from_be_bytes([data[0], data[1]]);
        data[..2].copy_from_slice(&(value + 2_500).to_be_bytes());
    });
    check(&found, WHEELS, Check::Relation, 350);
    assert_eq!(found[0].context.place.start, 2);
}

#[test]
fn an_odometer_that_stands_contradicts_the_speed() {
    let mut held = None;
    let found = attacked(ODOMETER, |data, _| {
        let first = *held.get_or_insert([data[0], data[1]]);
        data[..2].copy_from_slice(&first);
    });
    check(&found, ODOMETER, Check::Relation, 20);
}

#[test]
fn values_thrown_about_are_jumps() {
    let found = attacked(TEMPERATURE, |data, number| {
        let value = 500 + (number * 7_919 % 600) as u16;
        data[..2].copy_from_slice(&value.to_be_bytes());
    });
    check(&found, TEMPERATURE, Check::Jump, 40);
}

#[test]
fn values_between_the_steps_are_off_the_grid() {
    let found = attacked(ODOMETER, |data, number| data[1] |= (number % 31) as u8 + 1);
    check(&found, ODOMETER, Check::Grid, 50);
}

#[test]
fn what_nobody_else_measures_is_not_judged() {
    let found = attacked(TEMPERATURE, |data, _| {
        let value = u16::from_be_bytes([data[0], data[1]]);
        data[..2].copy_from_slice(&(value - 40).to_be_bytes());
    });
    assert_eq!(found, []);
}

#[test]
fn a_single_short_drive_teaches_no_relation() {
    let learned = learn(drive(10, 8, 0.0), &Settings::default()).unwrap();
    assert!(learned.profile().unwrap().tables().relations.is_empty());
}
