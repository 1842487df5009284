//! Specification and training together: what is judged, what must not be, what the vehicle is doing.

use yagura_ids::{Check, Detector, DrivingState, Finding, Profile, Sink};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload, SecurityEvent};
use yagura_profile::spec::Reason;
use yagura_profile::{Learned, Settings, Specification, learn, learn_with};

/// A file with 22 signals whose ranges hold, so that it is trusted.
fn text(extra: &str) -> String {
    let many: String = (0..10)
        .map(|n| format!(" SG_ Part{n} : {}|12@1+ (1,0) [0|3000] \"\" A\n", n * 12))
        .chain((10..20).map(|n| format!(" SG_ Part{n} : {}|12@1+ (0.5,-5) [-5|1500] \"\" A\n", n * 12)))
        .collect();
    format!(
        "VERSION \"\"\n\nBS_:\n\nBU_: A B\n\nBO_ 256 Motion: 8 A\n SG_ VehicleSpeed : 7|16@0+ (0.01,0) [0|250] \"km/h\" A\n \
         SG_ SystemPowerMode : 16|2@1+ (1,0) [0|3] \"\" A\n SG_ Gear : 24|4@1+ (1,0) [0|15] \"\" A\n \
         SG_ Level : 32|8@1+ (0.5,0) [0|100] \"%\" A\n{extra}\n\
         BO_ 257 Many: 32 A\n{many}\nBO_ 300 Silent: 8 B\n SG_ Quiet : 0|8@1+ (1,0) [0|9] \"\" A\n\n\
         VAL_ 256 SystemPowerMode 0 \"Off\" 1 \"Accessory\" 2 \"Run\" ;\n\
         VAL_ 256 Gear 0 \"P\" 1 \"R\" 2 \"N\" 3 \"D\" ;\n"
    )
}

fn specification(extra: &str) -> Specification {
    let specification = Specification::from_dbc(&text(extra)).unwrap();
    assert!(specification.faults.is_empty(), "{:?}", specification.faults);
    specification
}

fn frame(bus: u8, time: u64, raw: u32, data: &[u8]) -> Frame {
    let (id, payload) = (CanId::from_key(raw).unwrap(), Payload::new(data).unwrap());
    let fd = FrameKind::Fd { bit_rate_switch: true, error_passive: false };
    let kind = if data.len() > 8 { fd } else { FrameKind::Data };
    Frame { time: Micros(time), bus: BusId(bus), id, kind, payload }
}

/// Speed in 0.01 km/h, power mode, gear, level in 0.5 %.
fn motion(time: u64, speed: u16, power: u8, gear: u8, level: u8) -> Frame {
    let [high, low] = speed.to_be_bytes();
    frame(0, time, 256, &[high, low, power, gear, level, 0, 0, 0])
}

fn many(time: u64, values: impl Fn(u64) -> u64) -> Frame {
    let mut data = [0_u8; 32];
    for n in 0..20 {
        for bit in (0..12).filter(|bit| values(n) >> bit & 1 == 1) {
            let at = usize::try_from(n * 12 + bit).unwrap();
            data[at / 8] |= 1 << (at % 8);
        }
    }
    frame(0, time, 257, &data)
}

/// No counter and no relation to anything.
fn noise(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}

/// 30 s: standing, driving to 120 km/h and back.
fn drive(start: u64) -> Vec<Frame> {
    let mut frames = Vec::new();
    for n in 0..3_000_u64 {
        let time = start + n * 10_000;
        let speed = if n < 500 { 0 } else { u16::try_from((n - 500).min(2_800_u64.saturating_sub(n)) * 9).unwrap() };
        let (power, gear) = if n < 100 { (0, u8::from(n > 50) * 2) } else { (2, 3) };
        frames.push(motion(time, speed, power, gear, u8::try_from(noise(n) % 200).unwrap()));
        frames.push(many(time + 500, |part| noise(n * 20 + part) % 3_000));
    }
    frames
}

#[derive(Default)]
struct Found(Vec<(Check, bool)>);

impl Sink for Found {
    fn raise(&mut self, _: SecurityEvent) {}

    fn find(&mut self, finding: &Finding) {
        self.0.push((finding.check, finding.qualified));
    }
}

fn judged(learned: &Learned, frames: &[Frame]) -> Vec<(Check, bool)> {
    let bytes = learned.encode();
    let mut detector: Box<Detector<'_, 64>> = Box::new(Detector::new(Profile::parse(&bytes).unwrap()).unwrap());
    let mut found = Found::default();
    frames.iter().for_each(|frame| detector.handle_frame(frame, &mut found));
    found.0
}

fn learned(extra: &str) -> Learned {
    learn_with(drive(0), &specification(extra), &Settings::default()).unwrap()
}

/// A clean drive with one frame changed at 10 s.
fn with_one(change: impl Fn(&mut Frame)) -> Vec<Frame> {
    let mut frames = drive(60_000_000);
    change(&mut frames[2_000]);
    frames
}

fn data(frame: &mut Frame) -> &mut [u8] {
    frame.payload.as_mut_slice()
}

#[test]
fn a_trusted_specification_tells_of_values_out_of_range_or_without_meaning() {
    let learned = learned("");
    assert!(learned.specification.told_alone > 0, "{:?}", learned.specification);
    assert_eq!(judged(&learned, &drive(60_000_000)), [], "another clean drive");
    let level = with_one(|frame| data(frame)[4] = 230);
    assert_eq!(judged(&learned, &level), [(Check::Range, false)]);
    let not_available = with_one(|frame| data(frame)[4] = 255);
    assert_eq!(judged(&learned, &not_available), []);
    let meaningless = with_one(|frame| data(frame)[3] = 9);
    assert_eq!(judged(&learned, &meaningless), [(Check::Enumeration, false)]);
    let twice: Vec<Frame> = level.iter().chain(&level).copied().collect();
    assert_eq!(judged(&learned, &twice[1_900..2_001]).len(), 1);
}

#[test]
fn what_training_contradicts_is_dropped_and_reported() {
    let wrong = learned(" SG_ Wrong : 32|8@1+ (1,0) [0|20] \"\" A\n");
    let reasons: Vec<_> = wrong.specification.dropped.iter().map(|d| (d.signal.as_str(), d.reason)).collect();
    let [("Wrong", Reason::Broken { check: Check::Range, frames, of: 3_000, observed: 21.. })] = reasons.as_slice()
    else {
        panic!("{reasons:?}");
    };
    assert!((2_500..2_900).contains(frames), "nine in ten are above 20");
    let text = wrong.specification.dropped[0].to_string();
    assert!(text.starts_with("bus 0 100 Motion.Wrong: range broken by ") && text.contains(" of 3000 frames"), "{text}");
    assert_eq!(wrong.specification.told_alone, 0, "a source with one wrong rule is believed as a hint only");
    assert_eq!(judged(&wrong, &with_one(|frame| data(frame)[4] = 230)), []);
}

#[test]
fn an_identifier_that_only_the_specification_knows_is_not_unknown() {
    let with = learned("");
    let mut stray = [drive(60_000_000), vec![frame(0, 70_000_007, 300, &[5; 8])]].concat();
    stray.sort_by_key(|frame| frame.time);
    assert_eq!(judged(&with, &stray), []);
    let drives = [drive(0), drive(60_000_000), drive(120_000_000)].concat();
    let without = learn(drives, &Settings::default()).unwrap();
    assert_eq!(judged(&without, &stray), [(Check::UnknownId, true)]);
    let full = learn_with(drive(0), &specification(""), &Settings { ids_max: 2, ..Settings::default() }).unwrap();
    assert_eq!((full.ids.len(), full.specification.no_room), (2, 1));
}

#[test]
fn a_known_identifier_on_another_bus_is_on_the_wrong_bus() {
    let other = (0..300_u64).map(|n| frame(1, n * 100_000 + 7, 800, &[1; 8]));
    let mut both: Vec<Frame> = drive(0).into_iter().chain(other).collect();
    both.sort_by_key(|frame| frame.time);
    let again = |n: u64| both.iter().map(move |frame| Frame { time: frame.time.plus(n * 60_000_000), ..*frame });
    let learned = learn(again(0).chain(again(1)).chain(again(2)), &Settings::default()).unwrap();
    let after = |bus, key| [both.clone(), vec![frame(bus, 31_000_000, key, &[0; 8])]].concat();
    assert_eq!(judged(&learned, &after(1, 256)), [(Check::WrongBus, true)]);
    assert_eq!(judged(&learned, &after(0, 801)), [(Check::UnknownId, true)]);
}

#[test]
fn the_state_follows_speed_and_ignition_and_is_unknown_without_them() {
    let learned = learned("");
    let bytes = learned.encode();
    let mut detector: Box<Detector<'_, 64>> = Box::new(Detector::new(Profile::parse(&bytes).unwrap()).unwrap());
    let mut states = vec![detector.driving_state()];
    for frame in drive(60_000_000) {
        detector.handle_frame(&frame, &mut |_| ());
        if states.last() != Some(&detector.driving_state()) {
            states.push(detector.driving_state());
        }
    }
    use DrivingState::{Driving, Off, Ready, Unknown};
    assert_eq!(states, [Unknown, Off, Ready, Driving, Ready]);
    let plain = learn(drive(0), &Settings::default()).unwrap().encode();
    let mut detector: Box<Detector<'_, 64>> = Box::new(Detector::new(Profile::parse(&plain).unwrap()).unwrap());
    drive(0).iter().for_each(|frame| detector.handle_frame(frame, &mut |_| ()));
    assert_eq!(detector.driving_state(), Unknown);
}

#[test]
fn a_speed_that_jumps_as_no_vehicle_does_tells_no_state() {
    let frames = drive(0).into_iter().enumerate().map(|(n, mut frame)| {
        if n % 200 == 100 && frame.id.raw() == 256 {
            data(&mut frame)[0] = 0x40;
        }
        frame
    });
    let learned = learn_with(frames, &specification(""), &Settings::default()).unwrap();
    let rows = learned.profile().unwrap().tables().states.iter().count();
    assert_eq!(rows, 2, "ignition alone is left: {:?}", learned.specification);
}
