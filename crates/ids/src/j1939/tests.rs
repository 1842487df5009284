//! J1939 networks: legitimate sessions, requests and claims, and the attacks on them.
//!
//! Not learning (that is in `profile`). Every finding has traffic that raises it and legitimate traffic that does not.

use super::*;
use crate::pace::Pace;
use crate::profile::{BusRow, Class, Contents, IdRow, Lengths, Row, encode, encoded_len};
use proptest::prelude::*;
use yagura_model::{Micros, Payload};
extern crate std;
use std::vec;
use std::vec::Vec;

const ENGINE: u8 = 0x00;
const BRAKES: u8 = 0x0B;
const TESTER: u8 = 0xF9;

/// A network of an engine (every 10 ms), with a NAME, and brakes (every 50 ms), without one.
fn profile() -> Vec<u8> {
    let buses = [BusRow {
        bus: BusId(0),
        idle_cap: 40_000,
        pace: Pace::default(),
        peak_per_second: 0,
        frames: 1000,
        novelty: crate::Novelty::default(),
    }];
    let id = |raw: u32, period: u32| IdRow {
        bus: BusId(0),
        id: CanId::from_key(raw | CanId::EXTENDED_BIT).unwrap(),
        class: Class::Event,
        lengths: Lengths { classic: 1 << 8, fd: 0, remote: false },
        period,
        pace: Pace::default(),
        distance: 0,
        silence: 0,
        frames: 1000,
        gap_min: period,
        gap_max: period,
    };
    let ids = [id(0x0CF0_0400, 10_000), id(0x18F0_010B, 50_000)];
    let source = |owner, address, period, name| SourceRow { owner, address, muted: 0, period, requests: 5, name };
    let sources = [source(0, ENGINE, 10_000, Some(0x1234)), source(1, BRAKES, 50_000, None)];
    let contents = Contents { buses: &buses, ids: &ids, sources: &sources, ..Contents::default() };
    let mut bytes = vec![0; encoded_len(&contents)];
    encode(&contents, &mut bytes).unwrap();
    bytes
}

struct Bench {
    j1939: J1939,
    now: u64,
    told: Vec<(u32, Check, Strength)>,
    strange: Vec<u32>,
}

impl Bench {
    /// A network that has been running for a while.
    fn new() -> Self {
        let bytes = profile();
        let mut bench = Self {
            j1939: J1939::of(&Profile::parse(&bytes).unwrap()).unwrap(),
            now: 1_000_000,
            told: vec![],
            strange: vec![],
        };
        bench.run(16_000_000, &[ENGINE, BRAKES]);
        bench
    }

    fn send(&mut self, raw: u32, data: &[u8]) {
        let id = CanId::from_key(raw | CanId::EXTENDED_BIT).unwrap();
        let payload = Payload::new(data).unwrap();
        let frame = Frame { time: Micros(self.now), bus: BusId(0), id, kind: FrameKind::Data, payload };
        let mut tray = Tray::default();
        if !self.j1939.judge(0, &frame, false, self.now, &mut tray) {
            self.strange.push(raw);
        }
        self.told.extend(tray.iter().map(|found| (raw, found.check, found.strength)));
        self.now += 2_000;
    }

    /// The periodic messages of some nodes.
    fn run(&mut self, micros: u64, nodes: &[u8]) {
        let end = self.now + micros;
        while self.now < end {
            for node in nodes {
                self.send(if *node == ENGINE { 0x0CF0_0400 } else { 0x18F0_010B }, &[0; 8]);
            }
            self.now += 6_000;
        }
        self.strange.clear();
    }

    fn control(&mut self, (from, to): (u8, u8), data: [u8; 5], pgn: u32) {
        let [a, b, c, _] = pgn.to_le_bytes();
        let [d0, d1, d2, d3, d4] = data;
        self.send(0x18EC_0000 | u32::from(to) << 8 | u32::from(from), &[d0, d1, d2, d3, d4, a, b, c]);
    }

    fn data(&mut self, (from, to): (u8, u8), numbers: impl IntoIterator<Item = u8>) {
        for number in numbers {
            self.send(0x18EB_0000 | u32::from(to) << 8 | u32::from(from), &[number, 1, 2, 3, 4, 5, 6, 7]);
        }
    }
}

/// Engine configuration, 28 bytes, sent to the tester that asked for it.
fn connection(bench: &mut Bench) {
    bench.control((ENGINE, TESTER), [0x10, 28, 0, 4, 0xFF], 0xFEE3);
    bench.control((TESTER, ENGINE), [0x11, 2, 1, 0xFF, 0xFF], 0xFEE3);
    bench.data((ENGINE, TESTER), 1..=2);
    bench.control((TESTER, ENGINE), [0x11, 0, 0xFF, 0xFF, 0xFF], 0xFEE3);
    bench.control((TESTER, ENGINE), [0x11, 2, 3, 0xFF, 0xFF], 0xFEE3);
    bench.data((ENGINE, TESTER), 3..=4);
    bench.control((TESTER, ENGINE), [0x11, 1, 4, 0xFF, 0xFF], 0xFEE3);
    bench.data((ENGINE, TESTER), 4..=4);
    bench.control((TESTER, ENGINE), [0x13, 28, 0, 4, 0xFF], 0xFEE3);
}

#[test]
fn legitimate_sessions_requests_and_acknowledgements_are_silent_and_in_order() {
    let mut bench = Bench::new();
    for _ in 0..20 {
        bench.send(0x18EA_FF0B, &[0xE3, 0xFE, 0]);
        bench.control((ENGINE, 0xFF), [0x20, 28, 0, 4, 0xFF], 0xFEE3);
        bench.data((ENGINE, 0xFF), 1..=4);
        bench.send(0x18EA_000B, &[0xEC, 0xFE, 0]);
        bench.send(0x18E8_FF00, &[1, 0xFF, 0xFF, 0xFF, 0x0B, 0xEC, 0xFE, 0]);
        connection(&mut bench);
        // A piece of a broadcast was lost, another one is broken off.
        bench.control((BRAKES, 0xFF), [0x20, 20, 0, 3, 0xFF], 0xFECA);
        bench.data((BRAKES, 0xFF), [1, 3]);
        bench.control((ENGINE, BRAKES), [0x10, 20, 0, 3, 0xFF], 0xFECA);
        bench.control((BRAKES, ENGINE), [0xFF, 2, 0xFF, 0xFF, 0xFF], 0xFECA);
        bench.now += 500_000;
    }
    assert_eq!(bench.told, []);
    // The tester's address is not known, whatever it says.
    assert!(bench.strange.iter().all(|raw| raw & 0xFF == u32::from(TESTER)), "{:X?}", bench.strange);
}

#[test]
fn a_capture_may_begin_within_a_session() {
    let bytes = profile();
    let mut bench = Bench::new();
    bench.j1939 = J1939::of(&Profile::parse(&bytes).unwrap()).unwrap();
    bench.data((ENGINE, BRAKES), 3..=4);
    bench.control((BRAKES, ENGINE), [0x11, 2, 5, 0xFF, 0xFF], 0xFEE3);
    bench.data((ENGINE, BRAKES), 5..=6);
    bench.control((BRAKES, ENGINE), [0x13, 42, 0, 6, 0xFF], 0xFEE3);
    bench.data((BRAKES, 0xFF), 2..=3);
    assert_eq!(bench.told, []);
}

#[test]
fn a_grant_out_of_range_is_told_and_one_for_more_than_there_is() {
    let mut bench = Bench::new();
    bench.control((ENGINE, TESTER), [0x10, 28, 0, 4, 0xFF], 0xFEE3);
    bench.control((TESTER, ENGINE), [0x11, 12, 5, 0xFF, 0xFF], 0xFEE3);
    assert_eq!(bench.told, [(0x18EC_00F9, Check::J1939Transport, Strength::Certain)]);
    let mut bench = Bench::new();
    bench.control((ENGINE, TESTER), [0x10, 28, 0, 4, 0xFF], 0xFEE3);
    bench.control((TESTER, ENGINE), [0x11, 12, 1, 0xFF, 0xFF], 0xFEE3);
    assert_eq!(bench.told, [(0x18EC_00F9, Check::J1939Transport, Strength::Likely)]);
}

#[test]
fn a_grant_that_nobody_asked_for_is_told_and_the_data_after_it_are_not() {
    let mut bench = Bench::new();
    connection(&mut bench);
    assert_eq!(bench.told, []);
    bench.control((TESTER, ENGINE), [0x11, 4, 1, 0xFF, 0xFF], 0xFEE3);
    bench.data((ENGINE, TESTER), 1..=4);
    assert_eq!(bench.told, [(0x18EC_00F9, Check::J1939Transport, Strength::Likely)]);
}

#[test]
fn what_a_lost_frame_explains_is_a_hint_and_the_second_time_likely() {
    let mut bench = Bench::new();
    bench.control((BRAKES, ENGINE), [0x11, 4, 1, 0xFF, 0xFF], 0xFEE3);
    bench.data((ENGINE, BRAKES), 1..=4);
    bench.control((BRAKES, ENGINE), [0x13, 28, 0, 4, 0xFF], 0xFEE3);
    assert_eq!(bench.told, [(0x18EC_000B, Check::J1939Transport, Strength::Hint)]);
    assert_eq!(bench.strange, []);
    bench.control((BRAKES, ENGINE), [0x11, 4, 1, 0xFF, 0xFF], 0xFEE3);
    assert_eq!(bench.told.last(), Some(&(0x18EC_000B, Check::J1939Transport, Strength::Likely)));
}

#[test]
fn a_node_that_claims_a_little_after_it_began_to_send_is_no_thief() {
    let mut bench = Bench::new();
    bench.run(10_000_000, &[ENGINE]);
    bench.run(2_000_000, &[ENGINE, BRAKES]);
    bench.send(0x18EE_FF0B, &0x77_u64.to_le_bytes());
    assert_eq!((bench.told, bench.strange), (vec![], vec![]));
}

#[test]
fn asking_for_the_same_packets_for_ever_and_holding_for_ever_are_told() {
    let mut bench = Bench::new();
    bench.control((ENGINE, TESTER), [0x10, 28, 0, 4, 0xFF], 0xFEE3);
    for _ in 0..6 {
        bench.control((TESTER, ENGINE), [0x11, 4, 1, 0xFF, 0xFF], 0xFEE3);
        bench.data((ENGINE, TESTER), 1..=4);
    }
    assert_eq!(bench.told.len(), 2, "{:X?}", bench.told);
    let mut bench = Bench::new();
    bench.control((ENGINE, TESTER), [0x10, 28, 0, 4, 0xFF], 0xFEE3);
    for _ in 0..20 {
        bench.control((TESTER, ENGINE), [0x11, 0, 0xFF, 0xFF, 0xFF], 0xFEE3);
        bench.now += 400_000;
    }
    assert_eq!(bench.told.len(), 4);
}

#[test]
fn connections_asked_for_in_a_crowd_are_told() {
    let mut bench = Bench::new();
    for from in 0x80..0x90 {
        bench.control((from, ENGINE), [0x10, 28, 0, 4, 0xFF], 0xFEE3);
    }
    assert_eq!(bench.told.len(), 8);
    assert!(
        bench
            .told
            .iter()
            .all(|(_, check, strength)| { (*check, *strength) == (Check::J1939Transport, Strength::Certain) })
    );
}

#[test]
fn broadcasts_over_each_other_data_without_a_session_and_broken_announcements_are_told() {
    let mut bench = Bench::new();
    bench.control((ENGINE, 0xFF), [0x20, 28, 0, 4, 0xFF], 0xFEE3);
    bench.data((ENGINE, 0xFF), 1..=2);
    bench.control((ENGINE, 0xFF), [0x20, 28, 0, 4, 0xFF], 0xFEE3);
    bench.data((ENGINE, 0xFF), 1..=4);
    bench.data((ENGINE, 0xFF), 1..=1);
    bench.control((BRAKES, 0xFF), [0x20, 28, 0, 9, 0xFF], 0xFEE3);
    bench.control((BRAKES, ENGINE), [0x10, 0xFF, 0xFF, 0xFF, 0xFF], 0xFEE3);
    bench.control((BRAKES, ENGINE), [0x77, 0, 0, 0, 0], 0);
    let told: Vec<u32> = bench.told.iter().map(|(raw, _, _)| *raw).collect();
    assert_eq!(told, [0x18EC_FF00, 0x18EB_FF00, 0x18EC_FF0B, 0x18EC_000B, 0x18EC_000B]);
}

#[test]
fn storms_of_aborts_are_told() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        bench.control((BRAKES, ENGINE), [0xFF, 3, 0xFF, 0xFF, 0xFF], 0xFEE3);
    }
    assert!((70..80).contains(&bench.told.len()), "{}", bench.told.len());
}

#[test]
fn a_burst_of_requests_is_silent_and_a_flood_is_told() {
    let mut bench = Bench::new();
    for group in 0..40 {
        bench.send(0x18EA_FF0B, &[group, 0xFE, 0]);
    }
    assert_eq!(bench.told, []);
    for n in 0..1000_u32 {
        let [a, b, ..] = n.to_le_bytes();
        bench.send(0x18EA_FF0B, &[a, b, 0]);
    }
    assert!(bench.told.len() > 850, "{}", bench.told.len());
    let mut bench = Bench::new();
    for _ in 0..20 {
        bench.send(0x18EA_000B, &[0xE3, 0xFE, 0]);
    }
    assert_eq!(bench.told, [(0x18EA_000B, Check::J1939Request, Strength::Certain); 16]);
}

#[test]
fn an_answer_to_a_request_is_in_order_and_a_new_message_of_itself_is_not() {
    let mut bench = Bench::new();
    bench.send(0x18FE_E500, &[0; 8]);
    bench.send(0x18EA_FF0B, &[0xE5, 0xFE, 0]);
    bench.send(0x18FE_E500, &[0; 8]);
    bench.send(0x18FE_E700, &[0; 8]);
    bench.now += 2_000_000;
    bench.send(0x18FE_E500, &[0; 8]);
    assert_eq!((bench.told, bench.strange), (vec![], vec![0x18FE_E500, 0x18FE_E700, 0x18FE_E500]));
}

#[test]
fn claims_at_the_start_on_request_and_by_the_owner_are_right() {
    let bytes = profile();
    let mut bench = Bench::new();
    bench.j1939 = J1939::of(&Profile::parse(&bytes).unwrap()).unwrap();
    bench.send(0x18EE_FF00, &0x1234_u64.to_le_bytes());
    bench.send(0x18EE_FF0B, &0x77_u64.to_le_bytes());
    bench.run(3_000_000, &[ENGINE, BRAKES]);
    bench.send(0x18EA_FF00, &[0, 0xEE, 0]);
    bench.send(0x18EE_FF00, &0x1234_u64.to_le_bytes());
    bench.send(0x18EE_FF0B, &0x77_u64.to_le_bytes());
    bench.send(0x18EE_FF00, &0x1234_u64.to_le_bytes());
    bench.send(0x18EE_FFFE, &0x99_u64.to_le_bytes());
    assert_eq!((bench.told, bench.strange), (vec![], vec![]));
}

#[test]
fn a_stolen_address_is_told_at_the_claim_and_its_silence_within_150_ms() {
    for (address, name) in [(ENGINE, 0x9999_u64), (BRAKES, 0x77)] {
        let mut bench = Bench::new();
        bench.send(0x18EE_FF00 | u32::from(address), &name.to_le_bytes());
        assert_eq!(bench.told, [(0x18EE_FF00 | u32::from(address), Check::J1939Address, Strength::Certain)]);
        let claimed = bench.now;
        let other = if address == ENGINE { BRAKES } else { ENGINE };
        while bench.told.len() == 1 && bench.now < claimed + 1_000_000 {
            bench.run(10_000, &[other]);
        }
        // 60 ms for a period of 10 ms, four periods for one of 50 ms.
        let limit = if address == ENGINE { 150_000 } else { 250_000 };
        assert_eq!(bench.told.len(), 2);
        assert!(bench.now - claimed < limit, "{} µs", bench.now - claimed);
        bench.run(3_000_000, &[other]);
        assert_eq!(bench.told.len(), 2);
    }
}

#[test]
fn an_owner_that_goes_on_after_a_theft_is_not_silent() {
    let mut bench = Bench::new();
    bench.send(0x18EE_FF00, &0x9999_u64.to_le_bytes());
    bench.run(3_000_000, &[ENGINE, BRAKES]);
    assert_eq!(bench.told.len(), 1);
}

#[test]
fn a_command_from_a_source_that_never_sent_it_is_told() {
    let mut bench = Bench::new();
    bench.send(0x0C00_000B, &[0; 8]);
    assert_eq!(bench.told, [(0x0C00_000B, Check::J1939Source, Strength::Certain)]);
}

#[test]
fn other_buses_are_left_alone() {
    let mut bench = Bench::new();
    bench.j1939 = J1939::default();
    bench.control((ENGINE, TESTER), [0x11, 12, 5, 0xFF, 0xFF], 0xFEE3);
    bench.send(0x0C00_000B, &[0; 8]);
    assert_eq!(bench.told, []);
    assert_eq!(bench.strange.len(), 2);
}

#[test]
fn rows_survive_the_format() {
    for name in [None, Some(0x0123_4567_89AB_CDEF)] {
        let row = SourceRow { owner: 300, address: 0x0B, muted: 5, period: 10_000, requests: 7, name };
        let mut bytes = [0; SourceRow::LEN];
        row.write(&mut bytes);
        assert_eq!(SourceRow::read(&bytes), Some(row));
    }
    assert_eq!(SourceRow::read(&[9; SourceRow::LEN]), None);
}

#[test]
fn the_state_fits_a_microcontroller() {
    assert!(size_of::<J1939>() <= 3 * 1024 + 512, "{}", size_of::<J1939>());
}

proptest! {
    #[test]
    fn no_traffic_panics(
        frames in proptest::collection::vec(
            (any::<u32>(), 0xE8..0xF0_u32, proptest::collection::vec(any::<u8>(), 0..=8), 0..3_000_000_u64), 0..300),
    ) {
        let mut bench = Bench::new();
        for (raw, format, data, gap) in frames {
            bench.now = bench.now.saturating_add(gap);
            bench.send((raw & 0x1CFF_0303) & !0x00FF_0000 | format << 16, &data);
        }
    }
}
