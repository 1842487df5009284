//! What an attack leaves alone, and that a knowing attacker's checksums hold.

use super::masquerade::Writer;
use super::*;
use crate::{Capture, Quiet};
use proptest::prelude::*;
use std::path::Path;
use yagura_ids::Field;

fn recorded() -> Vec<Frame> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/captures/tesla-model-3/replay-1.log.gz");
    Capture::open(Path::new(path)).unwrap().read_all(&mut Quiet).unwrap()
}

fn order(kind: Kind, seed: u64) -> Order {
    let (start, end) = (Micros::from_secs(10), Micros::from_secs(14));
    Order { kind, start, end, bus: None, target: None, field: None, seed }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_attack_is_repeatable_and_leaves_the_rest_alone(kind in prop::sample::select(Kind::ALL.to_vec()), seed: u64) {
        let frames = recorded();
        let order = order(kind, seed);
        let forged = inject(&frames, &order, None).unwrap();
        let again = inject(&frames, &order, None).unwrap();
        let plain = |forged: &Forged| -> Vec<(Frame, bool)> { forged.frames.iter().map(|it| (it.frame, it.is_attack)).collect() };
        prop_assert_eq!(plain(&forged), plain(&again));
        let is_outside = |frame: &Frame| frame.time < forged.window.start || frame.time >= forged.window.end;
        let kept: Vec<Frame> = forged.frames.iter().filter(|it| !it.is_attack).map(|it| it.frame).collect();
        let outside: Vec<Frame> = kept.iter().copied().filter(is_outside).collect();
        let expected: Vec<Frame> = frames.iter().copied().filter(is_outside).collect();
        prop_assert_eq!(outside, expected);
        prop_assert!(forged.frames.windows(2).all(|pair| pair[0].frame.time <= pair[1].frame.time));
        prop_assert!(forged.forged > 0 || kind == Kind::Suspension || kind == Kind::MasqReplay, "{kind:?} forged nothing");
        prop_assert_eq!(forged.suppressed > 0, kind == Kind::Suspension);
    }

    #[test]
    fn a_masquerade_changes_the_bits_of_its_field_and_no_others(
        kind in prop::sample::select(Kind::MASQUERADES.to_vec()), seed: u64, start in 0_u16..48, bits in 1_u8..16, little: bool
    ) {
        let frames = recorded();
        let field = if little { Field::little_endian(start, bits) } else { Field::big_endian(start, bits) }.unwrap();
        let order = Order { field: Some(field), ..order(kind, seed) };
        // A field that never changes is refused.
        let Ok(forged) = inject(&frames, &order, None) else { return Ok(()) };
        prop_assert_eq!(forged.frames.len(), frames.len());
        let mut ones = [0xFF; 8];
        Writer::new(field).write(0, &mut ones);
        for (before, after) in frames.iter().zip(&forged.frames) {
            prop_assert_eq!((before.time, before.id, before.payload.len()), (after.frame.time, after.frame.id, after.frame.payload.len()));
            let pairs = before.payload.as_slice().iter().zip(after.frame.payload.as_slice()).zip(ones);
            for ((before, after), outside) in pairs {
                prop_assert_eq!(before & outside, after & outside);
            }
        }
    }

    #[test]
    fn what_is_written_to_a_field_is_read_back(start in 0_u16..40, bits in 1_u8..=24, little: bool, value: u32) {
        let field = if little { Field::little_endian(start, bits) } else { Field::big_endian(start, bits) }.unwrap();
        let value = i64::from(value) & i64::try_from(field.mask()).unwrap();
        let mut data = [0xA5; 8];
        Writer::new(field).write(i128::from(value), &mut data);
        prop_assert_eq!(field.value(&data), Some(value));
    }
}

#[test]
fn a_knowing_attacker_repairs_checksum_and_counter() {
    let frames: Vec<Frame> = (0..400_u64)
        .map(|n| {
            let [n0, n1, ..] = n.to_le_bytes();
            let mut data = [n1, n0.wrapping_mul(7), 0, 0x12, 0, 0, n0 % 16, 0];
            data[7] = data.iter().fold(0, |sum, byte| sum ^ byte);
            let payload = Payload::new(&data).unwrap();
            Frame {
                time: Micros(n * 10_000),
                bus: BusId(0),
                id: CanId::from_key(0x100).unwrap(),
                kind: FrameKind::Data,
                payload,
            }
        })
        .collect();
    let learned =
        crate::learn::learn_frames(std::slice::from_ref(&frames), &yagura_profile::Specification::default()).unwrap();
    let profile = learned.profile().unwrap();
    let (start, end) = (Micros::from_secs(1), Micros::from_secs(3));
    let field = Some(Field::big_endian(8, 8).unwrap());
    let order =
        Order { kind: Kind::MasqConst, start, end, bus: None, target: frames.first().map(|f| f.id), field, seed: 3 };
    let knowing = inject(&frames, &order, Some(&profile)).unwrap();
    let rows: Vec<_> = profile.tables().checksums.iter().collect();
    assert!(knowing.forged > 150);
    let violations =
        knowing.frames.iter().filter(|it| rows.iter().any(|row| row.violation(it.frame.payload.as_slice()).is_some()));
    assert_eq!(violations.count(), 0);
}
