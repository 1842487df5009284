//! Conversations: what a workshop does, and what an attacker does.
//!
//! Not learning (that is in `profile`). Every finding has a conversation that raises it and a legitimate one that does not.

use super::*;
use crate::profile::Row;
use proptest::prelude::*;
use yagura_model::{BusId, CanId, Micros, Payload};
extern crate std;
use std::vec::Vec;

/// A tester on 0x7E0, a control unit on 0x7E8.
struct Bench {
    diagnostics: Diagnostics,
    at: Moment,
    learned: Option<Services>,
    told: Vec<(u32, Check, Strength)>,
}

impl Bench {
    fn new() -> Self {
        let at = Moment { now: 20_000_000, ..Moment::default() };
        Self { diagnostics: Diagnostics::default(), at, learned: None, told: Vec::new() }
    }

    fn send(&mut self, raw: u32, data: &[u8]) -> Heard {
        let id = CanId::from_key(raw).unwrap();
        let payload = Payload::new(data).unwrap();
        let frame = Frame { time: Micros(self.at.now), bus: BusId(0), id, kind: FrameKind::Data, payload };
        let line = Line { services: self.learned, ..Line::standard(id).unwrap() };
        let heard = self.diagnostics.take(&frame, &line, self.at);
        self.told.extend(heard.notes.iter().flatten().map(|note| (raw, note.check, note.strength)));
        self.at.now += 10_000;
        heard
    }

    fn single(&mut self, raw: u32, message: &[u8]) -> Heard {
        let mut data = [0xAA; 8];
        data[0] = u8::try_from(message.len()).unwrap();
        data[1..=message.len()].copy_from_slice(message);
        self.send(raw, &data)
    }

    /// A request and its answer.
    fn exchange(&mut self, request: &[u8], answer: &[u8]) {
        self.single(0x7E0, request);
        self.single(0x7E8, answer);
    }

    /// A message of `len` bytes in pieces, with the receiver's flow control.
    fn transfer(&mut self, (from, to): (u32, u32), start: [u8; 6], len: u16) {
        let [high, low] = len.to_be_bytes();
        let [a, b, c, d, e, f] = start;
        self.send(from, &[0x10 | high, low, a, b, c, d, e, f]);
        self.send(to, &[0x30, 0, 0]);
        for piece in 1..=(len - 6).div_ceil(7) {
            self.send(from, &[0x20 | u8::try_from(piece % 16).unwrap(), 1, 2, 3, 4, 5, 6, 7]);
        }
    }

    fn of(&self, check: Check) -> Vec<(u32, Strength)> {
        self.told.iter().filter(|(_, what, _)| *what == check).map(|(raw, _, strength)| (*raw, *strength)).collect()
    }
}

/// What an update in a workshop does, from the first question to the reset.
fn programming(bench: &mut Bench) {
    bench.exchange(&[0x10, 0x03], &[0x50, 0x03, 0, 50, 1, 0xF4]);
    bench.exchange(&[0x22, 0xF1, 0x90], &[0x62, 0xF1, 0x90, 1]);
    bench.single(0x7DF, &[0x85, 0x82]);
    bench.single(0x7DF, &[0x28, 0x83, 1]);
    bench.exchange(&[0x10, 0x02], &[0x7F, 0x10, 0x78]);
    bench.single(0x7E8, &[0x50, 0x02, 0, 50, 1, 0xF4]);
    bench.exchange(&[0x27, 0x11], &[0x67, 0x11, 1, 2, 3, 4]);
    bench.exchange(&[0x27, 0x12, 4, 3, 2, 1], &[0x67, 0x12]);
    bench.transfer((0x7E0, 0x7E8), [0x2E, 0xF1, 0x5A, 1, 2, 3], 20);
    bench.single(0x7E8, &[0x6E, 0xF1, 0x5A]);
    bench.transfer((0x7E0, 0x7E8), [0x31, 0x01, 0xFF, 0, 1, 2], 13);
    bench.single(0x7E8, &[0x71, 0x01, 0xFF, 0]);
    bench.transfer((0x7E0, 0x7E8), [0x34, 0, 0x44, 0, 1, 0], 11);
    bench.single(0x7E8, &[0x74, 0x20, 0x0F, 0xFF]);
    for block in 1..=20 {
        bench.transfer((0x7E0, 0x7E8), [0x36, block, 1, 2, 3, 4], 0xFFF);
        bench.single(0x7E8, &[0x76, block]);
        bench.single(0x7DF, &[0x3E, 0x80]);
    }
    bench.exchange(&[0x37], &[0x77]);
    bench.exchange(&[0x11, 0x01], &[0x51, 0x01]);
}

#[test]
fn an_update_in_the_workshop_is_silent() {
    let mut bench = Bench::new();
    programming(&mut bench);
    bench.at.state = DrivingState::Workshop;
    programming(&mut bench);
    assert_eq!(bench.told, []);
}

#[test]
fn an_update_while_driving_is_told_at_each_dangerous_request() {
    let mut bench = Bench::new();
    bench.at.state = DrivingState::Driving;
    programming(&mut bench);
    let told = bench.of(Check::UnsafeRequest);
    assert_eq!(told.len(), bench.told.len());
    assert!(told.iter().all(|(raw, strength)| *raw != 0x7E8 && *strength == Strength::Certain));
    // DTCs off, silence, session, write, routine, download, 20 blocks, end, reset.
    assert_eq!(told.len(), 28);
}

#[test]
fn a_dongle_that_reads_while_driving_is_silent_and_in_order() {
    let mut bench = Bench::new();
    bench.at.state = DrivingState::Driving;
    for pid in 0..200 {
        assert!(bench.single(0x7DF, &[0x01, pid]).in_order);
        assert!(bench.single(0x7E8, &[0x41, pid, 1, 2]).in_order);
        assert!(bench.single(0x7E0, &[0x22, 0x10, pid]).in_order);
        bench.transfer((0x7E8, 0x7E0), [0x62, 0x10, pid, 2, 3, 4], 50);
    }
    assert_eq!(bench.told, []);
}

#[test]
fn a_service_that_training_did_not_show_is_a_hint() {
    let mut bench = Bench::new();
    let mut learned = Services::default();
    learned.add(0x22);
    bench.learned = Some(learned);
    bench.exchange(&[0x22, 0xF1, 0x90], &[0x62, 0xF1, 0x90, 1]);
    bench.single(0x7E0, &[0x11, 0x01]);
    assert_eq!(bench.told, [(0x7E0, Check::UnsafeRequest, Strength::Hint)]);
}

#[test]
fn what_the_control_unit_forbids_again_and_again_is_told_at_the_next_request() {
    let mut bench = Bench::new();
    for _ in 0..6 {
        bench.exchange(&[0x2F, 0xF0, 0x38, 3], &[0x7F, 0x2F, 0x7F]);
    }
    assert_eq!(bench.of(Check::UnsafeRequest), [(0x7E0, Strength::Certain); 3]);
}

#[test]
fn output_control_in_the_default_session_is_likely_and_with_a_session_silent() {
    let mut bench = Bench::new();
    bench.exchange(&[0x10, 0x01], &[0x50, 0x01]);
    bench.single(0x7E0, &[0x2F, 0xF0, 0x38, 3]);
    assert_eq!(bench.of(Check::UnsafeRequest), [(0x7E0, Strength::Likely)]);
    let mut bench = Bench::new();
    bench.exchange(&[0x10, 0x03], &[0x50, 0x03]);
    bench.exchange(&[0x2F, 0xF0, 0x38, 3], &[0x6F, 0xF0, 0x38, 3]);
    bench.exchange(&[0x2F, 0xF0, 0x38, 0], &[0x6F, 0xF0, 0x38, 0]);
    assert_eq!(bench.told, []);
}

#[test]
fn resets_in_a_row_are_told_from_the_fourth_on() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        bench.exchange(&[0x11, 0x01], &[0x51, 0x01]);
    }
    assert_eq!(bench.of(Check::UnsafeRequest), [(0x7E0, Strength::Certain); 2]);
}

#[test]
fn one_wrong_key_is_silent_and_guessing_is_not() {
    let mut bench = Bench::new();
    let seed = |bench: &mut Bench| bench.exchange(&[0x27, 1], &[0x67, 1, 9, 9]);
    seed(&mut bench);
    bench.exchange(&[0x27, 2, 1, 1], &[0x7F, 0x27, 0x35]);
    seed(&mut bench);
    bench.exchange(&[0x27, 2, 2, 2], &[0x67, 2]);
    assert_eq!(bench.told, []);
    for key in 0..4 {
        seed(&mut bench);
        bench.exchange(&[0x27, 2, key, key], &[0x7F, 0x27, if key == 2 { 0x36 } else { 0x35 }]);
    }
    let (asker, unit) = ((0x7E0, Strength::Certain), (0x7E8, Strength::Certain));
    // The third key, the unit that locks itself, and all after that.
    assert_eq!(bench.of(Check::SecurityAccess), [(0x7E0, Strength::Likely), unit, asker, asker]);
}

#[test]
fn a_key_without_a_seed_is_likely_but_not_at_the_start_of_a_capture() {
    let mut bench = Bench::new();
    bench.exchange(&[0x27, 2, 1, 1], &[0x67, 2]);
    assert_eq!(bench.told, []);
    bench.exchange(&[0x27, 2, 1, 1], &[0x7F, 0x27, 0x24]);
    assert_eq!(bench.of(Check::SecurityAccess), [(0x7E0, Strength::Likely)]);
}

#[test]
fn seeds_without_keys_are_told_from_the_fifth_on_and_zero_seeds_are_not_counted() {
    let mut bench = Bench::new();
    for _ in 0..9 {
        bench.exchange(&[0x27, 1], &[0x67, 1, 0, 0]);
    }
    assert_eq!(bench.told, []);
    for _ in 0..6 {
        bench.exchange(&[0x27, 1], &[0x67, 1, 7, 7]);
    }
    assert_eq!(bench.of(Check::SecurityAccess), [(0x7E0, Strength::Likely); 2]);
}

#[test]
fn identifiers_tried_one_after_the_other_are_a_scan_and_a_tool_s_misses_are_not() {
    let mut bench = Bench::new();
    for did in 0..40 {
        bench.exchange(&[0x22, 2, did], &[0x7F, 0x22, 0x31]);
    }
    assert_eq!(bench.of(Check::Scan).len(), 40 - 12);
    let mut bench = Bench::new();
    for did in 0..200 {
        bench.exchange(&[0x22, did, did], &[0x7F, 0x22, 0x31]);
        bench.exchange(&[0x22, 0xF1, did], &[0x62, 0xF1, did, 1]);
        bench.exchange(&[0x22, 0xF1, 0x90], &[0x7F, 0x22, 0x22]);
    }
    assert_eq!(bench.told, []);
}

#[test]
fn requests_that_no_standard_has_are_likely_scans() {
    let mut bench = Bench::new();
    bench.learned = Some(Services::default());
    bench.single(0x7E0, &[0x0C]);
    bench.single(0x7E0, &[0x34, 7]);
    bench.single(0x7E8, &[0x11, 1]);
    assert_eq!(
        bench.of(Check::Scan),
        [(0x7E0, Strength::Likely), (0x7E0, Strength::Likely), (0x7E8, Strength::Likely)]
    );
}

#[test]
fn flow_control_that_nobody_asked_for_is_abuse() {
    let mut bench = Bench::new();
    bench.exchange(&[0x3E, 0], &[0x7E, 0]);
    for _ in 0..10 {
        bench.send(0x7E8, &[0x32, 0, 0]);
    }
    assert_eq!(bench.of(Check::IsoTp), [(0x7E8, Strength::Certain); 7]);
}

#[test]
fn endless_waiting_and_first_frames_over_each_other_are_abuse() {
    let mut bench = Bench::new();
    bench.send(0x7E0, &[0x10, 50, 0x36, 1, 0, 0, 0, 0]);
    for _ in 0..30 {
        bench.send(0x7E8, &[0x31, 0, 0]);
    }
    assert_eq!(bench.of(Check::IsoTp).len(), 30 - 19);
    let mut bench = Bench::new();
    for _ in 0..8 {
        bench.send(0x7E0, &[0x1F, 0xFF, 0x36, 1, 0, 0, 0, 0]);
    }
    assert_eq!(bench.of(Check::IsoTp), [(0x7E0, Strength::Certain); 4]);
}

#[test]
fn pieces_out_of_order_are_abuse_and_lost_ones_are_not() {
    let mut bench = Bench::new();
    for _ in 0..6 {
        bench.single(0x7E0, &[0x22, 1, 2]);
        bench.send(0x7E8, &[0x10, 100, 0x62, 1, 2, 0, 0, 0]);
        bench.send(0x7E0, &[0x30, 0, 0]);
        for number in [1, 2, 4, 5, 6, 9, 10, 11, 12, 13, 14] {
            bench.send(0x7E8, &[0x20 | number, 0, 0, 0, 0, 0, 0, 0]);
        }
    }
    assert_eq!(bench.told, []);
    bench.send(0x7E8, &[0x10, 200, 0x62, 1, 2, 0, 0, 0]);
    for _ in 0..6 {
        bench.send(0x7E8, &[0x21, 0, 0, 0, 0, 0, 0, 0]);
    }
    assert_eq!(bench.of(Check::IsoTp), [(0x7E8, Strength::Certain); 2]);
}

/// How many of the requests to unknown addresses are told.
fn search(distance: u64, answered: bool) -> usize {
    let mut diagnostics = Diagnostics::default();
    let mut at = Moment { now: 20_000_000, ..Moment::default() };
    let mut told = 0;
    let frame = |raw: u32, data: &[u8]| {
        let id = CanId::from_key(raw).unwrap();
        Frame { time: Micros(0), bus: BusId(0), id, kind: FrameKind::Data, payload: Payload::new(data).unwrap() }
    };
    for raw in (0x700..0x7D0).step_by(13) {
        let mut tray = Tray::default();
        diagnostics.judge_unknown(0, &frame(raw, &[2, 0x10, 3, 0, 0, 0, 0, 0]), at, &mut tray);
        told += usize::from(!tray.is_empty());
        at.now += distance;
        if answered {
            diagnostics.judge_unknown(0, &frame(raw + 8, &[2, 0x50, 3, 0, 0, 0, 0, 0]), at, &mut tray);
        }
    }
    told
}

#[test]
fn a_search_for_control_units_is_told_and_a_tester_that_waits_or_is_answered_is_not() {
    assert_eq!(search(20_000, false), 11);
    assert_eq!(search(220_000, false), 0);
    assert_eq!(search(20_000, true), 0);
}

#[test]
fn rows_survive_the_format() {
    for role in [Role::Functional, Role::Request, Role::Response] {
        let services = Services { low: 0x1234_5678_9ABC_DEF0, high: 0x8421 };
        let row = DiagRow { owner: 7, peer: 300, role, muted: 5, services };
        let mut bytes = [0; DiagRow::LEN];
        row.write(&mut bytes);
        assert_eq!(DiagRow::read(&bytes), Some(row));
    }
    assert_eq!(DiagRow::read(&[3; DiagRow::LEN]), None);
}

#[test]
fn the_state_fits_a_microcontroller() {
    assert!(size_of::<Diagnostics>() <= 3 * 1024, "{}", size_of::<Diagnostics>());
}

proptest! {
    #[test]
    fn no_conversation_panics(
        frames in proptest::collection::vec(
            (0x7D0..0x800_u32, proptest::collection::vec(any::<u8>(), 0..=64), 0..2_000_000_u64, any::<bool>()), 0..200),
    ) {
        let mut diagnostics = Diagnostics::default();
        let mut at = Moment::default();
        for (raw, data, gap, driving) in frames {
            at.now += gap;
            at.state = if driving { DrivingState::Driving } else { DrivingState::Unknown };
            let id = CanId::from_key(raw).unwrap();
            let payload = Payload::new(&data).unwrap();
            let frame = Frame { time: Micros(0), bus: BusId(0), id, kind: FrameKind::Data, payload };
            let mut tray = Tray::default();
            diagnostics.judge_unknown(0, &frame, at, &mut tray);
        }
    }
}
