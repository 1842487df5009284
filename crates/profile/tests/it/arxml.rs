//! ARXML read, decoded, and put on trial: a sample written for these tests.

use proptest::prelude::*;
use yagura_ids::{Check, ChecksumRow, DataIdMode, Detector, E2eProfile, Finding, Profile, Sink, Strength};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload, SecurityEvent};
use yagura_profile::spec::{ArxmlError, DEPTH_MAX, Encoding, Message, Order};
use yagura_profile::{Decoder, Learned, Settings, Specification, learn_with};

const SAMPLE: &str = include_str!("sample.arxml");

fn sample() -> Specification {
    Specification::from_arxml(&[SAMPLE.as_bytes()]).unwrap()
}

fn frame(bus: u8, time: u64, key: u32, data: &[u8]) -> Frame {
    let (id, payload) = (CanId::from_key(key).unwrap(), Payload::new(data).unwrap());
    let fd = FrameKind::Fd { bit_rate_switch: true, error_passive: false };
    let kind = if data.len() > 8 { fd } else { FrameKind::Data };
    Frame { time: Micros(time), bus: BusId(bus), id, kind, payload }
}

fn decoded(specification: &Specification, frame: &Frame) -> Vec<(String, f64)> {
    let decoder = Decoder::new(specification);
    let mut values = Vec::new();
    decoder.decode(frame, |sample| {
        let (_, signal) = decoder.describe(sample.signal).unwrap();
        values.push((signal.name.clone(), sample.value));
    });
    values
}

#[test]
fn frames_signals_cycles_senders_and_channels_are_read() {
    let specification = sample();
    let [motion, pages] = specification.messages.as_slice() else { panic!("{:?}", specification.messages) };
    let head = |m: &Message| (m.id.key(), m.length, m.is_fd, m.cycle, m.source);
    assert_eq!(head(motion), (0x123, Some(8), false, Some(20_000), 0));
    assert_eq!(head(pages), (0x801A_BCDE, Some(12), true, None, 1));
    assert_eq!((motion.sender.as_deref(), motion.channel.as_deref()), (Some("BrakeUnit"), Some("ChassisChannel")));
    let speed = &motion.signals[0];
    assert_eq!((speed.factor, speed.range, speed.unit.as_str()), (0.01, Some((0.0, 250.0)), "km/h"));
    assert_eq!((motion.signals[1].encoding, motion.signals[1].order), (Encoding::Signed, Order::BigEndian));
    assert_eq!(motion.signals[2].texts.len(), 4, "one text for three values");
    let protection = &motion.protections[0];
    assert_eq!((protection.profile.as_str(), protection.data_ids.as_slice()), ("PROFILE_01", [0x1234].as_slice()));
    let faults: Vec<String> = specification.faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults, ["0: /Vehicle/Chassis/ChassisChannel/BrokenTriggering: identifier exceeds its width"]);
}

#[test]
fn values_decode_as_by_hand() {
    let named = |values: &[(&str, f64)]| values.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect::<Vec<_>>();
    let motion = frame(0, 0, 0x123, &[0x0F, 0, 0x10, 0x27, 0xFF, 0xF0, 0, 2]);
    let expected = [("VehicleSpeed", 100.0), ("Temperature", -1.0), ("Mode", 2.0), ("Header", 15.0)];
    assert_eq!(decoded(&sample(), &motion), named(&expected));
    let mut page = [0, 0, 1, 0, 0, 0, 0, 0, 0x20, 0x41, 0, 0];
    page[6..10].copy_from_slice(&2.5_f32.to_le_bytes());
    let expected = [("PagesPdu_Selector", 1.0), ("Ratio", 2.5)];
    assert_eq!(decoded(&sample(), &frame(0, 0, 0x801A_BCDE, &page)), named(&expected));
    (page[2], page[3]) = (2, 3);
    let expected = [("PagesPdu_Selector", 2.0), ("Mode", 3.0)];
    assert_eq!(decoded(&sample(), &frame(0, 0, 0x801A_BCDE, &page)), named(&expected));
}

fn checksum() -> ChecksumRow {
    E2eProfile::P01 { data_id: 0x1234, mode: DataIdMode::Both }.rows(0, 8, 0).unwrap().0
}

/// The protected message, every 20 ms.
fn motion(frames: u64) -> Vec<Frame> {
    let row = checksum();
    (0..frames)
        .map(|n| {
            let [low, high] = u16::try_from(n * 37).unwrap().to_le_bytes();
            let counter = u8::try_from(n % 15).unwrap();
            let mut data = [0, counter, low, high, 0xFF, 0xF0, 0, u8::try_from(n / 4 % 3).unwrap()];
            row.repair(&mut data);
            frame(0, n * 20_000, 0x123, &data)
        })
        .collect()
}

#[derive(Default)]
struct Found(Vec<(Check, Strength)>);

impl Sink for Found {
    fn raise(&mut self, _: SecurityEvent) {}

    fn find(&mut self, finding: &Finding) {
        self.0.push((finding.check, finding.strength));
    }
}

fn judged(learned: &Learned, frames: &[Frame]) -> Vec<(Check, Strength)> {
    let bytes = learned.encode();
    let mut detector: Box<Detector<'_, 16>> = Box::new(Detector::new(Profile::parse(&bytes).unwrap()).unwrap());
    let mut found = Found::default();
    frames.iter().for_each(|frame| detector.handle_frame(frame, &mut found));
    found.0
}

#[test]
fn protection_that_training_bears_out_is_judged() {
    let learned = learn_with(motion(30), &sample(), &Settings::default()).unwrap();
    assert_eq!((learned.specification.protected, learned.specification.dropped.len()), (1, 0));
    assert_eq!(judged(&learned, &motion(60)), []);
    let mut forged = motion(60);
    forged[45].payload.as_mut_slice()[2] ^= 1;
    assert_eq!(judged(&learned, &forged)[0], (Check::Checksum, Strength::Likely));
}

#[test]
fn protection_that_training_contradicts_is_dropped_and_said() {
    let mut frames = motion(40);
    frames.iter_mut().step_by(3).for_each(|frame| frame.payload.as_mut_slice()[0] ^= 0x55);
    let learned = learn_with(frames.iter().copied(), &sample(), &Settings::default()).unwrap();
    assert_eq!((learned.specification.protected, learned.specification.dropped.len()), (0, 1));
    assert_eq!(judged(&learned, &frames), []);
}

#[test]
fn bits_without_a_signal_are_known_to_be_unused_and_each_channel_has_its_own_bus() {
    let pages = (0..100_u64).map(|n| frame(1, n * 20_000 + 5, 0x801A_BCDE, &[0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    let mut both: Vec<Frame> = motion(100).into_iter().chain(pages).collect();
    both.sort_by_key(|frame| frame.time);
    let learned = learn_with(both, &sample(), &Settings::default()).unwrap();
    let profile = learned.profile().unwrap();
    let unused: Vec<_> = profile
        .tables()
        .rules
        .iter()
        .filter(|row| row.allowed.check() == Check::UnusedBits)
        .map(|row| row.owner)
        .collect();
    assert_eq!(unused, [0, 1, 1], "byte 6 and more of the first, bytes 0, 1 and more of the second");
    assert_eq!(learned.ids.len(), 2, "nothing of one channel is expected on the other's bus");
}

#[test]
fn an_unused_bit_is_told_only_if_training_never_set_one() {
    let learned = learn_with(motion(200), &sample(), &Settings::default()).unwrap();
    let forge = |frames: &[Frame]| {
        let mut forged = frames.to_vec();
        forged[45].payload.as_mut_slice()[6] |= 8;
        checksum().repair(forged[45].payload.as_mut_slice());
        forged
    };
    assert_eq!(judged(&learned, &motion(200)), []);
    assert_eq!(judged(&learned, &forge(&motion(60))), [(Check::UnusedBits, Strength::Likely)]);
    let taught = learn_with(forge(&motion(200)), &sample(), &Settings::default()).unwrap();
    assert_eq!(taught.specification.dropped.len(), 1);
    assert_eq!(judged(&taught, &forge(&motion(60))), []);
}

#[test]
fn what_is_no_arxml_is_refused_with_its_line() {
    let error = Specification::from_arxml(&[SAMPLE.replace("</UNIT>", "</UNIX>").as_bytes()]).unwrap_err();
    let ArxmlError::Syntax { line, .. } = error else { panic!("{error}") };
    assert_eq!(SAMPLE.lines().nth(line - 1).map(str::trim), Some("</UNIT>"));
    assert!(matches!(Specification::from_arxml(&[b"VERSION \"\""]), Err(ArxmlError::Syntax { .. })));
    let deep = "<AR-PACKAGES><AR-PACKAGE>".repeat(DEPTH_MAX * 100);
    assert!(matches!(Specification::from_arxml(&[deep.as_bytes()]), Err(ArxmlError::TooDeep { line: 1, .. })));
    let empty = SAMPLE.replacen("<UNIT>", "<UNIT><?>", 1);
    assert!(matches!(Specification::from_arxml(&[empty.as_bytes()]), Err(ArxmlError::EmptyInstruction { .. })));
    assert!(Specification::from_arxml(&[]).unwrap().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_arxml_is_read_or_refused(at in 0..SAMPLE.len(), len in 0..80_usize, patch in "[ -~\n]{0,16}") {
        let (Some(head), Some(tail)) = (SAMPLE.get(..at), SAMPLE.get((at + len).min(SAMPLE.len())..)) else { return Ok(()) };
        if let Ok(specification) = Specification::from_arxml(&[format!("{head}{patch}{tail}").as_bytes()]) {
            for message in &specification.messages {
                decoded(&specification, &frame(0, 0, message.id.key(), &[0xA5; 64]));
            }
        }
    }
}
