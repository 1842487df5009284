//! Rules against the check values of catalogues and specifications, and counters by example.
//!
//! Not the detector around them. Invariant: what `repair` makes, `violation` accepts.

use super::*;
use crate::profile::Row as _;
use proptest::prelude::*;
extern crate std;
use std::vec::Vec;

const CHECK: &[u8] = b"123456789";

fn code(poly: u32, bits: u8, direction: Direction, start: u32) -> u32 {
    crc::crc32(poly, bits, direction, start, CHECK.iter().copied())
}

#[test]
fn the_check_values_of_the_catalogue_come_out() {
    assert_eq!(code(0x1D, 8, Direction::HighFirst, 0xFF) ^ 0xFF, 0x4B, "CRC-8/SAE-J1850");
    assert_eq!(code(0x2F, 8, Direction::HighFirst, 0xFF) ^ 0xFF, 0xDF, "CRC-8/AUTOSAR");
    assert_eq!(code(0x31, 8, Direction::LowFirst, 0), 0xA1, "CRC-8/MAXIM-DOW");
    assert_eq!(code(0x1021, 16, Direction::HighFirst, 0xFFFF), 0x29B1, "CRC-16/IBM-3740");
    assert_eq!(!code(0xF4AC_FB13, 32, Direction::LowFirst, u32::MAX), 0x1697_D06A, "CRC-32/AUTOSAR");
    let xz = !crc::crc64(checksum::ECMA_182, 64, Direction::LowFirst, u64::MAX, CHECK.iter().copied());
    assert_eq!(xz, 0x995D_C9BB_DF19_39FA, "CRC-64/XZ");
}

/// The first frame of zeros that a sender of this profile sends, counter `counter`.
fn sent(profile: E2eProfile, len: u8, counter: u8) -> Vec<u8> {
    let (checksum, row) = profile.rows(0, len, 0).unwrap();
    let mut payload = std::vec![0; usize::from(len)];
    if counter > 0 {
        row.advance(Some(u16::from(counter - 1)), &mut payload);
    }
    assert!(checksum.repair(&mut payload));
    payload
}

fn algorithms() -> impl Strategy<Value = (Algorithm, u8, u8)> {
    let direction = prop_oneof![Just(Direction::HighFirst), Just(Direction::LowFirst)];
    let simple = prop::sample::select(Vec::from([
        (Algorithm::Xor, 8),
        (Algorithm::Sum, 8),
        (Algorithm::Difference, 8),
        (Algorithm::CarrySum, 8),
        (Algorithm::CarryDifference, 8),
        (Algorithm::NibbleXor, 4),
        (Algorithm::NibbleSum, 4),
        (Algorithm::NibbleDifference, 4),
        (Algorithm::Crc64, 64),
    ]));
    let codes = (any::<u32>(), direction, prop::sample::select(Vec::from([8_u8, 16, 32])), 0..=4_u8);
    prop_oneof![
        simple.prop_map(|(algorithm, bits)| (algorithm, bits, 0)),
        codes.prop_map(|(poly, direction, bits, tail)| {
            let poly = if bits == 32 { poly } else { poly & ((1 << bits) - 1) };
            (Algorithm::Crc { poly, direction }, bits, tail)
        }),
    ]
}

fn checksum_rows() -> impl Strategy<Value = ChecksumRow> {
    let place = (0..=64_u8, any::<u8>(), any::<bool>(), any::<u64>());
    let constant = (any::<u64>(), any::<bool>(), any::<u8>(), any::<u16>(), any::<[u8; 16]>());
    (algorithms(), place, constant, any::<bool>(), any::<u16>()).prop_filter_map(
        "no room for the checksum",
        |((algorithm, bits, tail), (len, byte, low, covered), (one, by, nibble, known, values), alternative, owner)| {
            let room = (len + 1).checked_sub(bits.div_ceil(8)).filter(|room| *room > 0)?;
            let field = ChecksumField { byte: byte % room, bits, low };
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            let nibble = nibble.checked_rem(2 * len).filter(|nibble| by && bits == 8 && nibble >> 1 != field.byte);
            let constant = if let Some(nibble) = nibble {
                Constant::ByCounter { nibble, known, values }
            } else {
                Constant::One(one & mask)
            };
            let strength = Strength::Likely;
            Some(ChecksumRow { owner, algorithm, field, covered, tail, len, constant, strength, alternative })
        },
    )
}

fn counter_rows() -> impl Strategy<Value = CounterRow> {
    let place = (0..500_u16, 2..=12_u8, any::<bool>(), 0..=64_u8);
    (place, any::<u8>(), any::<u16>(), any::<u16>(), 2..4096_u32).prop_map(
        |((start, bits, little_endian, len), hold, step, low, values)| {
            let values = values.min(1 << bits);
            let low = low % u16::try_from((1 << bits) - values + 1).unwrap();
            let step = 1 + step % u16::try_from(values - 1).unwrap();
            CounterRow { little_endian, len, hold, step, low, values, ..CounterRow::full(7, start, bits) }
        },
    )
}

proptest! {
    #[test]
    fn a_checksum_row_survives_the_profile(row in checksum_rows()) {
        let mut bytes = [0xAA; ChecksumRow::LEN];
        row.write(&mut bytes);
        prop_assert_eq!(ChecksumRow::read(&bytes), Some(row));
    }

    #[test]
    fn a_counter_row_survives_the_profile(row in counter_rows()) {
        let mut bytes = [0xAA; CounterRow::LEN];
        row.write(&mut bytes);
        prop_assert_eq!(CounterRow::read(&bytes), Some(row));
    }

    #[test]
    fn a_repaired_payload_is_accepted_and_one_with_a_changed_bit_is_not(
        row in checksum_rows(), data: [u8; 64], bit in 0..512_usize,
    ) {
        let mut payload = data[..usize::from(row.len)].to_vec();
        if row.repair(&mut payload) {
            prop_assert_eq!(row.violation(&payload), None);
            let (byte, bit) = (bit / 8, 0x80_u8 >> (bit % 8));
            let in_field = row.field.mask() >> byte & 1 == 1;
            let selects = matches!(row.constant, Constant::ByCounter { nibble, .. } if usize::from(nibble / 2) == byte);
            let misses = matches!(row.algorithm, Algorithm::Crc { poly, .. } if poly & 1 == 0);
            if byte < payload.len() && row.covered >> byte & 1 == 1 && !in_field && !selects && !misses {
                payload[byte] ^= bit;
                prop_assert!(row.violation(&payload).is_some());
            }
        }
    }

    #[test]
    fn an_advanced_counter_counts_and_touches_nothing_else(row in counter_rows(), data: [u8; 64], steps in 1..50_u8) {
        let len = if row.len == 0 { 64 } else { usize::from(row.len) };
        let mut payload = data[..len].to_vec();
        let mut state = CounterState::default();
        let mut last = row.low;
        for _ in 0..steps {
            let Some(value) = row.advance(Some(last), &mut payload) else { return Ok(()) };
            prop_assert_eq!(row.read_value(&payload), Some(value));
            prop_assert_eq!(state.take(&row, &payload, EVEN), None);
            last = value;
        }
        let mut first = data[..len].to_vec();
        row.advance(Some(row.after(last, u8::MAX)), &mut first);
        let mut again = first.clone();
        row.advance(Some(last), &mut again);
        row.advance(Some(row.after(last, u8::MAX)), &mut again);
        prop_assert_eq!(first, again);
    }

    #[test]
    fn no_bytes_upset_a_rule(
        bytes in proptest::collection::vec(any::<u8>(), ChecksumRow::LEN), data in proptest::collection::vec(any::<u8>(), 0..=64),
    ) {
        let mut payload = data.clone();
        if let Some(row) = ChecksumRow::read(&bytes) {
            let _ = row.violation(&payload);
            let _ = row.repair(&mut payload);
        }
        if let Some(row) = CounterRow::read(&bytes[..CounterRow::LEN]) {
            let mut state = CounterState::default();
            let _ = state.take(&row, &data, EVEN);
            let _ = row.advance(Some(u16::MAX), &mut payload);
            let _ = state.take(&row, &payload, EVEN);
        }
    }
}

/// One frame each 10 ms.
const EVEN: Spacing = Spacing { gap: 10_000, period: 10_000, may_repeat: false };

/// Which frames of a counter in the low nibble of the first byte break, and how many of these are told.
fn breaks(row: CounterRow, values: &[u8]) -> (Vec<usize>, usize) {
    let mut state = CounterState::default();
    let found: Vec<_> =
        values.iter().enumerate().filter_map(|(at, value)| Some((at, state.take(&row, &[*value], EVEN)?))).collect();
    (found.iter().map(|(at, _)| *at).collect(), found.iter().filter(|(_, fault)| fault.repeated).count())
}

#[test]
fn a_frozen_counter_breaks_at_each_frame_and_not_at_the_first_genuine_one() {
    let row = CounterRow::full(0, 4, 4);
    assert_eq!(breaks(row, &[1, 2, 3, 3, 3, 3, 7, 8, 9]), (Vec::from([3, 4, 5]), 2));
    // Injected in between, with a value of their own.
    assert_eq!(breaks(row, &[1, 2, 9, 3, 9, 4, 9, 5]), (Vec::from([2, 4, 6]), 2));
}

#[test]
fn a_restart_of_the_sender_is_one_break_that_is_not_told() {
    let row = CounterRow::full(0, 4, 4);
    assert_eq!(breaks(row, &[7, 8, 9, 0, 1, 2, 3, 4, 5]), (Vec::from([3]), 0));
}

#[test]
fn frames_may_be_lost_but_the_counter_may_not_run_ahead_of_time() {
    let row = CounterRow::full(0, 4, 4);
    let faults = |frames: &[(u8, u32)]| {
        let mut state = CounterState::default();
        let take = |(value, gap): &(u8, u32)| {
            state.take(&row, &[*value], Spacing { gap: *gap, period: 10_000, may_repeat: false })
        };
        frames.iter().map(take).filter(Option::is_some).count()
    };
    assert_eq!(faults(&[(1, 0), (2, 10_000), (4, 20_000), (5, 10_000), (8, 30_000)]), 0);
    // A clock of 10 ms tells the loss late.
    assert_eq!(faults(&[(1, 0), (2, 10_000), (4, 10_000), (5, 20_000), (7, 10_000), (8, 20_000)]), 0);
    assert_eq!(faults(&[(1, 0), (3, 10_000), (5, 10_000), (7, 10_000), (9, 10_000), (11, 10_000), (13, 10_000)]), 2);
    assert_eq!(faults(&[(1, 0), (2, 10_000), (9, 500_000), (10, 10_000)]), 0);
}

#[test]
fn a_counter_may_wrap_anywhere_repeat_and_step_wide() {
    let e2e = CounterRow { values: 15, ..CounterRow::full(0, 4, 4) };
    assert_eq!(breaks(e2e, &[12, 13, 14, 0, 1]), (Vec::new(), 0));
    assert_eq!(breaks(e2e, &[12, 13, 14, 15, 0, 1]), (Vec::from([3]), 0));
    let held = CounterRow { hold: 1, ..CounterRow::full(0, 4, 4) };
    assert_eq!(breaks(held, &[1, 1, 2, 2, 3, 3, 3, 4]), (Vec::from([6]), 0));
    let wide = CounterRow { step: 5, ..CounterRow::full(0, 2, 6) };
    assert_eq!(breaks(wide, &[55, 60, 1, 6, 11]), (Vec::new(), 0));
}

#[test]
fn the_examples_of_the_e2e_specification_come_out() {
    let p01 = |mode| E2eProfile::P01 { data_id: 0x123, mode };
    assert_eq!(sent(p01(DataIdMode::Both), 8, 0), [0xCC, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(sent(p01(DataIdMode::Both), 8, 1), [0x91, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(sent(p01(DataIdMode::Low), 8, 0)[0], 0xCE);
    assert_eq!(sent(p01(DataIdMode::Alternating), 8, 0)[0], 0xCE);
}

/// Data protected by another implementation (the crate autosar-e2e 1.0.0), header at byte 0 and at byte 4.
#[test]
fn frames_of_another_implementation_are_accepted() {
    let data_ids = core::array::from_fn(|n| u8::try_from(n + 1).unwrap());
    let p11 = |mode| E2eProfile::P01 { data_id: 0x123, mode };
    for (profile, offset, hex) in [
        (E2eProfile::P04, 0, "001800110A0B0C0D73FBFEA5F9DE73A46D9807767F8B7263"),
        (E2eProfile::P04, 4, "92FA5997001800110A0B0C0D601C45D06D9807767F8B7263"),
        (E2eProfile::P05 { data_id: 0x1234 }, 0, "C6E4113CB142E09AA1D766954B5D77DD"),
        (E2eProfile::P05 { data_id: 0x1234 }, 4, "BEE9753C5B9F119AA1D766954B5D77DD"),
        (E2eProfile::P06 { data_id: 0x1234 }, 0, "6C5E00101142E09AA1D766954B5D77DD"),
        (E2eProfile::P06 { data_id: 0x1234 }, 4, "BEE9753C81A2001011D766954B5D77DD"),
        (E2eProfile::P07, 0, "D7F02D06CDC2B06800000020000000110A0B0C0D7DC8C65806073F37E880F674"),
        (E2eProfile::P07, 4, "AA28702B6D5D3265432AC75400000020000000110A0B0C0D06073F37E880F674"),
        (E2eProfile::P02 { data_ids }, 0, "0F72D39C0AB7C8B1"),
        (E2eProfile::P02 { data_ids }, 4, "B275D39C86B2C8B1"),
        (p11(DataIdMode::Nibble), 0, "6012D39C0AB7C8B1"),
        (p11(DataIdMode::Both), 0, "8E72D39C0AB7C8B1"),
    ] {
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let mut payload: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let (checksum, counter) = profile.rows(0, u8::try_from(payload.len()).unwrap(), offset).unwrap();
        assert_eq!(checksum.violation(&payload), None, "{profile:?}");
        assert!(checksum.expected(&payload).is_some(), "{profile:?}");
        // The 18th frame. Counters start at 0, that of profile 2 at 1.
        let sent = if matches!(profile, E2eProfile::P02 { .. }) { 18 } else { 17 };
        assert_eq!(u32::from(counter.read_value(&payload).unwrap()), sent % counter.values, "{profile:?}");
        let last = payload.len() - 1;
        payload[last] ^= 0x40;
        assert!(checksum.violation(&payload).is_some(), "{profile:?}");
    }
}

#[test]
fn a_frame_out_of_turn_may_repeat_the_counter() {
    let row = CounterRow::full(0, 4, 4);
    let mut state = CounterState::default();
    let turn = |value: &u8| (*value, EVEN);
    let between = |value: &u8| (*value, Spacing { gap: 1_000, may_repeat: true, ..EVEN });
    let frames = [turn(&1), turn(&2), between(&2), turn(&3), between(&3), between(&3), turn(&4)];
    assert!(frames.iter().all(|(value, spacing)| state.take(&row, &[*value], *spacing).is_none()));
}
