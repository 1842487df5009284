//! Conversations and J1939 networks: any frames on a bus that knows testers and nodes, at any distance.
//!
//! Not the detector as a whole (`profile_detector` is). Input: 16 bytes a frame: what identifier, distance, length, data.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_ids::{
    BusRow, Class, Contents, Detector, DiagRow, IdRow, Lengths, Pace, Profile, Role, Services, SourceRow, Novelty, encode,
    encoded_len,
};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload, SecurityEvent};

const IDS: [u32; 6] = [0x7DF, 0x7E0, 0x7E8, 0x8CF0_0400, 0x98EA_FF0B, 0x98EC_FF00];
/// What frames may have: the known ones, and others of the same protocols.
const POOL: [u32; 16] = [
    0x7DF,
    0x7E0,
    0x7E8,
    0x7E1,
    0x7E9,
    0x710,
    0x8CF0_0400,
    0x98EA_FF0B,
    0x98EC_FF00,
    0x98EC_000B,
    0x98EB_FF00,
    0x98EB_0B00,
    0x98EE_FF00,
    0x98E8_FF00,
    0x98EC_00F9,
    0x98DA_01F1,
];

fn profile() -> Vec<u8> {
    let pace = Pace::default();
    let buses = [BusRow { bus: BusId(0), idle_cap: 40_000, pace, peak_per_second: 0, frames: 100, novelty: Novelty::default() }];
    let ids = IDS.map(|key| IdRow {
        bus: BusId(0),
        id: CanId::from_key(key).unwrap(),
        class: Class::Event,
        lengths: Lengths { classic: 0x1FF, fd: 0xFFFF, remote: false },
        period: 10_000,
        pace,
        distance: 0,
        silence: 0,
        frames: 100,
        gap_min: 0,
        gap_max: 0,
    });
    let services = Services { low: 1 << 0x22, high: 0 };
    let diag = |owner, peer, role| DiagRow { owner, peer, role, muted: 0, services };
    let diagnostics = [diag(0, 0, Role::Functional), diag(1, 1, Role::Request), diag(2, 1, Role::Response)];
    let source = |owner, address, name| SourceRow { owner, address, muted: 0, period: 10_000, requests: 1, name };
    let sources = [source(3, 0x00, Some(7)), source(4, 0x0B, None)];
    let contents =
        Contents { buses: &buses, ids: &ids, diagnostics: &diagnostics, sources: &sources, ..Contents::default() };
    let mut bytes = vec![0; encoded_len(&contents)];
    encode(&contents, &mut bytes).unwrap();
    bytes
}

fuzz_target!(|input: &[u8]| {
    let bytes = profile();
    let mut detector: Detector<'_, 8> = Detector::new(Profile::parse(&bytes).unwrap()).unwrap();
    let mut sink = |event: SecurityEvent| assert!(event.count > 0);
    let mut time = Micros(0);
    for [what, gap, len, data @ ..] in input.as_chunks::<16>().0 {
        time = time.plus(1 << (gap & 31));
        let key = POOL[usize::from(what & 15)];
        let payload = Payload::new(&data[..usize::from(len % 14)]).unwrap();
        let fd = FrameKind::Fd { bit_rate_switch: true, error_passive: false };
        let kind = if len & 0x80 == 0 && payload.len() <= 8 { FrameKind::Data } else { fd };
        let frame = Frame { time, bus: BusId(0), id: CanId::from_key(key).unwrap(), kind, payload };
        detector.handle_frame(&frame, &mut sink);
    }
    detector.handle_timeout(Micros::MAX, &mut sink);
});
