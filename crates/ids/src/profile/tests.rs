//! The format: golden file, every refusal, garbage with a right checksum.
//!
//! Not a test of detectors. Invariant: what parses encodes to the same bytes.

use super::*;
use crate::pace::Pace;
use proptest::prelude::*;
use yagura_model::{Frame, FrameKind, Micros, Payload};
extern crate std;
use std::format;
use std::string::String;
use std::vec::Vec;

/// The golden profile of format version 1.
const GOLDEN: &[u8] = include_bytes!("../../../../testdata/profile/v1.ygpf");

fn rows() -> (Source, [BusRow; 2], [IdRow; 3]) {
    let source = Source { frames: 32_562, micros: 161_200_000, late_ids: 1 };
    let pace = Pace { interval: 2_500, tolerance: 50_000 };
    let bus = BusRow {
        bus: BusId(0),
        idle_cap: 40_000,
        pace,
        peak_per_second: 203,
        frames: 32_000,
        novelty: Novelty::default(),
    };
    let buses = [bus, BusRow { bus: BusId(3), pace: Pace::default(), frames: 562, ..bus }];
    let id = IdRow {
        bus: BusId(0),
        id: CanId::from_key(0x104).unwrap(),
        class: Class::Periodic,
        lengths: Lengths { classic: 0x100, fd: 0, remote: false },
        period: 100_000,
        pace: Pace { interval: 90_000, tolerance: 250_000 },
        distance: 5_000,
        silence: 450_000,
        frames: 1_612,
        gap_min: 98_900,
        gap_max: 101_200,
    };
    let mixed = IdRow { id: CanId::from_key(0x80AB_CDEF).unwrap(), class: Class::Mixed, ..id };
    let lengths = Lengths { classic: 0, fd: 0x8000, remote: true };
    let event =
        IdRow { bus: BusId(3), class: Class::Event, lengths, pace: Pace::default(), distance: 0, silence: 0, ..id };
    (source, buses, [id, mixed, event])
}

fn blob() -> Vec<u8> {
    let (source, buses, ids) = rows();
    let mut out = [0; 1024];
    let len = encode(&Contents { source, buses: &buses, ids: &ids, ..Contents::default() }, &mut out).unwrap();
    out[..len].to_vec()
}

fn patched(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut blob = blob();
    blob[at..at + bytes.len()].copy_from_slice(bytes);
    let crc = checksum(&blob).to_be_bytes();
    blob[12..16].copy_from_slice(&crc);
    blob
}

#[test]
fn the_golden_profile_of_version_1_is_read_as_ever() {
    assert_eq!(
        blob()[8..],
        GOLDEN[8..]
            .iter()
            .enumerate()
            .map(|(at, byte)| if (4..8).contains(&at) { blob()[8 + at] } else { *byte })
            .collect::<Vec<_>>()
    );
    let (source, buses, ids) = rows();
    let profile = Profile::parse(GOLDEN).unwrap();
    assert_eq!(profile.source(), source);
    assert!(profile.buses().eq(buses));
    assert!(profile.ids().eq(ids));
    assert_eq!(profile.id_index(BusId(0), ids[1].id), Some(1));
    assert_eq!(profile.id_index(BusId(3), ids[1].id), None);
    assert_eq!(profile.bus_index(BusId(3)), Some(1));
}

/// A profile of format version 2, learned from the shipped Tesla capture.
const GOLDEN_2: &[u8] = include_bytes!("../../../../testdata/profile/v2.ygpf");

#[test]
fn the_golden_profile_of_version_2_is_read_and_written_as_ever() {
    let profile = Profile::parse(GOLDEN_2).unwrap();
    let (buses, ids): (Vec<_>, Vec<_>) = (profile.buses().collect(), profile.ids().collect());
    let tables = profile.tables();
    let checksums: Vec<_> = tables.checksums.iter().collect();
    let counters: Vec<_> = tables.counters.iter().collect();
    let fields: Vec<_> = tables.fields.iter().collect();
    let signals: Vec<_> = tables.signals.iter().collect();
    let relations: Vec<_> = tables.relations.iter().collect();
    let constants: Vec<_> = tables.constants.iter().collect();
    let diagnostics: Vec<_> = tables.diagnostics.iter().collect();
    let sources: Vec<_> = tables.sources.iter().collect();
    let rules: Vec<_> = tables.rules.iter().collect();
    let states: Vec<_> = tables.states.iter().collect();
    assert!(!checksums.is_empty() && !counters.is_empty() && !fields.is_empty(), "the golden profile says little");
    let contents = Contents {
        source: profile.source(),
        buses: &buses,
        ids: &ids,
        checksums: &checksums,
        counters: &counters,
        fields: &fields,
        signals: &signals,
        relations: &relations,
        constants: &constants,
        diagnostics: &diagnostics,
        sources: &sources,
        rules: &rules,
        states: &states,
    };
    let mut out = std::vec![0; encoded_len(&contents)];
    assert_eq!(encode(&contents, &mut out), Ok(GOLDEN_2.len()));
    assert_eq!(out, GOLDEN_2);
}

#[test]
fn every_way_to_be_no_profile_has_its_own_reason() {
    let parse = |bytes: &[u8]| Profile::parse(bytes).map(|_| ()).unwrap_err();
    let blob = blob();
    assert_eq!(parse(b""), ProfileError::NotAProfile);
    assert_eq!(parse(b"(1597783036.1) can0 104#00"), ProfileError::NotAProfile);
    assert_eq!(parse(&patched(4, &[0, 3])), ProfileError::NewerVersion { found: 3, supported: 2 });
    assert_eq!(parse(&patched(4, &[0, 0])), ProfileError::UnknownVersion(0));
    assert_eq!(parse(&patched(6, &[0, 1])), ProfileError::UnknownFlags(1));
    assert_eq!(parse(&blob[..5]), ProfileError::Truncated { len: 5, needed: 40 });
    assert_eq!(parse(&blob[..100]), ProfileError::Truncated { len: 100, needed: 220 });
    let longer: Vec<u8> = blob.iter().copied().chain([0]).collect();
    assert_eq!(parse(&longer), ProfileError::TrailingBytes { len: 221, expected: 220 });
    assert_eq!(parse(&patched(17, &[3])), ProfileError::Length { stated: 220, counted: 244 });
    assert_eq!(
        parse(&patched(4, &[0, 1, 0, 0, 0, 0, 0, 220, 0, 0, 0, 0, 0, 1])),
        ProfileError::Length { stated: 220, counted: 196 }
    );
    assert_eq!(parse(&patched(11, &[219])), ProfileError::TrailingBytes { len: 220, expected: 219 });
    let mut damaged = blob.clone();
    damaged[90] ^= 1;
    assert!(matches!(parse(&damaged), ProfileError::Checksum { .. }));
    assert_eq!(parse(&patched(16, &[0, 17])), ProfileError::TooManyBuses(17));
    assert_eq!(parse(&patched(18, &[0x10, 1])), ProfileError::TooManyIds(4097));
    assert_eq!(parse(&patched(41, &[0x40])), ProfileError::BusRow(0));
    assert_eq!(parse(&patched(64, &[0])), ProfileError::BusRow(1));
    assert_eq!(parse(&patched(89, &[3])), ProfileError::IdRow(0));
    assert_eq!(parse(&patched(88 + 44, &[5])), ProfileError::IdRow(1));
    assert_eq!(parse(&patched(88 + 88, &[0])), ProfileError::IdRow(2));
    assert_eq!(encode(&Contents::default(), &mut []), Err(ProfileError::NoRoom { needed: 40 }));
}

#[test]
fn reasons_read_well() {
    let errors = [
        ProfileError::NotAProfile,
        ProfileError::NewerVersion { found: 2, supported: 1 },
        ProfileError::UnknownVersion(0),
        ProfileError::UnknownFlags(1),
        ProfileError::Truncated { len: 100, needed: 220 },
        ProfileError::TrailingBytes { len: 221, expected: 220 },
        ProfileError::Length { stated: 220, counted: 196 },
        ProfileError::Checksum { stored: 1, computed: 2 },
        ProfileError::TooManyBuses(17),
        ProfileError::TooManyIds(4097),
        ProfileError::BusRow(0),
        ProfileError::IdRow(1),
        ProfileError::Tables { left: 9 },
        ProfileError::TableOrder(1),
        ProfileError::UnknownTable(200),
        ProfileError::TableRow { kind: 1, row: 7 },
        ProfileError::NoRoom { needed: 40 },
    ];
    let text: String = errors.iter().map(|error| format!("{error}\n")).collect();
    expect_test::expect![[r#"
        not a profile: it does not start with YGPF
        profile of format version 2, this build reads up to 1
        profile of format version 0, which does not exist
        profile with unknown flags 0x0001
        profile cut off after 100 of 220 bytes
        profile of 220 bytes in a file of 221
        profile of 220 bytes with tables for 196
        profile damaged: checksum 0x00000002, expected 0x00000001
        profile of 17 buses exceeds the maximum 16
        profile of 4097 identifiers exceeds the maximum 4096
        bus row 0 of the profile is not legal
        identifier row 1 of the profile is not legal
        the last 9 bytes of the profile are not whole tables
        table 1 of the profile is not in order
        profile with a table of unknown kind 200
        row 7 of table 1 of the profile is not legal
        no room for a profile of 40 bytes
    "#]]
    .assert_eq(&text);
}

proptest! {
    #[test]
    fn garbage_with_a_right_checksum_is_a_profile_or_a_reason(
        mut bytes in proptest::collection::vec(any::<u8>(), 40..400), buses in 0..3_u16, ids in 0..5_u16,
    ) {
        bytes[..8].copy_from_slice(b"YGPF\0\x02\0\0");
        let len = fixed_len(usize::from(buses), usize::from(ids));
        bytes.resize(len, 0);
        bytes[8..12].copy_from_slice(&u32::try_from(len).unwrap_or(0).to_be_bytes());
        bytes[16..18].copy_from_slice(&buses.to_be_bytes());
        bytes[18..20].copy_from_slice(&ids.to_be_bytes());
        let crc = checksum(&bytes).to_be_bytes();
        bytes[12..16].copy_from_slice(&crc);
        if let Ok(profile) = Profile::parse(&bytes) {
            let (buses, ids): (Vec<_>, Vec<_>) = (profile.buses().collect(), profile.ids().collect());
            let mut out = [0; 1024];
            let contents = Contents { source: profile.source(), buses: &buses, ids: &ids, ..Contents::default() };
            let len = encode(&contents, &mut out);
            prop_assert_eq!(len.map(|len| &out[..len]), Ok(bytes.as_slice()));
        }
    }

    #[test]
    fn lengths_allow_what_was_allowed_and_say_the_longest(lens in proptest::collection::vec(0..=64_usize, 1..5), fd: bool) {
        let kind = if fd { FrameKind::Fd { bit_rate_switch: false, error_passive: false } } else { FrameKind::Data };
        let mut lengths = Lengths::default();
        let legal = |len: &usize| if fd { [12, 16, 20, 24, 32, 48, 64].contains(len) || *len <= 8 } else { *len <= 8 };
        for len in &lens {
            let frame = Frame {
                time: Micros(0), bus: BusId(0), id: CanId::from_key(1).unwrap(), kind, payload: Payload::new(&[0; 64][..*len]).unwrap(),
            };
            lengths.allow(&frame);
            prop_assert_eq!(lengths.allows(&frame), legal(len));
        }
        let longest = lens.iter().copied().filter(|len| legal(len)).max().unwrap_or(0);
        prop_assert_eq!(usize::from(lengths.longest()), longest);
    }
}
