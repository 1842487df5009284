//! What is read of DBC files and decoded with them: values computed by hand, faults with their lines, every public file.

use crate::traces::{folder, name};
use expect_test::expect;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload};
use yagura_profile::spec::{Encoding, Wrong};
use yagura_profile::{Decoder, Specification};

pub(crate) const EVERYTHING: &str = r#"VERSION ""

NS_ :
	SIG_VALTYPE_

BS_:

BU_: Engine Gateway

BO_ 256 Plain: 8 Engine
 SG_ Little : 4|12@1+ (0.5,-10) [-10|2000] "rpm" Gateway
 SG_ LittleSigned : 16|10@1- (1,0) [0|0] "" Gateway
 SG_ Big : 35|12@0+ (2,0) [0|8190] "" Gateway
 SG_ BigSigned : 55|8@0- (1,1) [-127|128] "degC" Gateway
 SG_ Mode : 56|3@1+ (1,0) [0|7] "" Gateway

BO_ 257 Wide: 8 Engine
 SG_ All : 0|64@1- (1,0) [0|0] "" Gateway

BO_ 258 Floats: 12 Engine
 SG_ Single : 0|32@1- (1,0) [0|0] "" Gateway
 SG_ Double : 39|64@0- (2,1) [0|0] "" Gateway

BO_ 259 Choice: 8 Engine
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" Gateway
 SG_ First m0 : 8|8@1+ (1,0) [0|0] "" Gateway
 SG_ Second m1 : 8|16@1+ (1,0) [0|0] "" Gateway

BO_ 260 Nested: 8 Engine
 SG_ Outer M : 0|4@1+ (1,0) [0|0] "" Gateway
 SG_ Inner m1M : 4|4@1+ (1,0) [0|0] "" Gateway
 SG_ Leaf m2 : 8|8@1+ (1,0) [0|0] "" Gateway
 SG_ Shared m3 : 16|8@1+ (1,0) [0|0] "" Gateway

BO_ 2565866750 EEC: 8 Engine
 SG_ EngineSpeed : 24|16@1+ (0.125,0) [0|8031.875] "rpm" Gateway

BO_ 261 Long: 64 Engine
 SG_ Late : 500|12@1+ (1,0) [0|0] "" Gateway
 SG_ Across : 68|64@1+ (1,0) [0|0] "" Gateway

BA_DEF_ BO_  "GenMsgCycleTime" INT 0 65535;
BA_DEF_ BO_  "VFrameFormat" ENUM  "StandardCAN","ExtendedCAN","reserved","J1939PG","StandardCAN_FD";
BA_DEF_ SG_  "GenSigStartValue" FLOAT 0 100000;
BA_DEF_DEF_  "GenMsgCycleTime" 0;
BA_DEF_DEF_  "VFrameFormat" "StandardCAN";
BA_DEF_DEF_  "GenSigStartValue" 0;
BA_ "GenMsgCycleTime" BO_ 256 20;
BA_ "VFrameFormat" BO_ 2565866750 3;
BA_ "GenSigStartValue" SG_ 256 Little 20;
VAL_ 256 Mode 0 "Off" 1 "On" 7 "not available" ;
SIG_VALTYPE_ 258 Single : 1;
SIG_VALTYPE_ 258 Double : 2;
SG_MUL_VAL_ 260 Inner Outer 1-1;
SG_MUL_VAL_ 260 Leaf Inner 2-2, 4-6;
SG_MUL_VAL_ 260 Shared Outer 1-3;
"#;

fn frame(key: u32, data: &[u8]) -> Frame {
    let (id, payload) = (CanId::from_key(key).unwrap(), Payload::new(data).unwrap());
    let fd = FrameKind::Fd { bit_rate_switch: false, error_passive: false };
    let kind = if data.len() > 8 { fd } else { FrameKind::Data };
    Frame { time: Micros(0), bus: BusId(0), id, kind, payload }
}

fn decoded(specification: &Specification, frame: &Frame) -> Vec<(String, i64, f64)> {
    let decoder = Decoder::new(specification);
    let mut samples = Vec::new();
    decoder.decode(frame, |sample| {
        let (_, signal) = decoder.describe(sample.signal).unwrap();
        samples.push((signal.name.clone(), sample.raw, sample.value));
    });
    samples
}

fn values(key: u32, data: &[u8]) -> Vec<(String, f64)> {
    let specification = Specification::from_dbc(EVERYTHING).unwrap();
    decoded(&specification, &frame(key, data)).into_iter().map(|(name, _, value)| (name, value)).collect()
}

fn named(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[test]
fn integers_of_both_byte_orders_decode_as_by_hand() {
    // Little: 0x123 × 0.5 - 10; LittleSigned: 10 bits of 0x3FF; Big: from bit 3 of byte 4 on; BigSigned: 0x80 + 1.
    let data = [0x30, 0x12, 0xFF, 0x03, 0x0A, 0xBC, 0x80, 0x07];
    let expected = [
        ("Little", f64::from(0x123) * 0.5 - 10.0),
        ("LittleSigned", -1.0),
        ("Big", f64::from(0xABC) * 2.0),
        ("BigSigned", -127.0),
        ("Mode", 7.0),
    ];
    assert_eq!(values(0x100, &data), named(&expected));
    assert_eq!(values(0x100, &data[..3]), named(&expected[..1]), "a short frame gives what lies within it");
    let min = decoded(&Specification::from_dbc(EVERYTHING).unwrap(), &frame(0x101, &[0, 0, 0, 0, 0, 0, 0, 0x80]));
    assert_eq!(min[0].1, i64::MIN);
}

#[test]
fn floating_point_signals_decode_as_by_hand() {
    let mut data = [0; 12];
    data[..4].copy_from_slice(&1.5_f32.to_le_bytes());
    data[4..].copy_from_slice(&(-0.25_f64).to_be_bytes());
    assert_eq!(values(0x102, &data), named(&[("Single", 1.5), ("Double", 0.5)]));
}

#[test]
fn a_multiplexor_selects_what_is_there() {
    assert_eq!(values(0x103, &[0, 5, 6, 0, 0, 0, 0, 0]), named(&[("Page", 0.0), ("First", 5.0)]));
    assert_eq!(values(0x103, &[1, 5, 6, 0, 0, 0, 0, 0]), named(&[("Page", 1.0), ("Second", 1541.0)]));
    assert_eq!(values(0x103, &[2, 5, 6, 0, 0, 0, 0, 0]), named(&[("Page", 2.0)]));
}

#[test]
fn extended_multiplexing_nests_and_shares_ranges() {
    let (outer, inner) = (("Outer", 1.0), |value| ("Inner", value));
    let nested = [outer, inner(5.0), ("Leaf", 9.0), ("Shared", 8.0)];
    assert_eq!(values(0x104, &[0x51, 9, 8, 0, 0, 0, 0, 0]), named(&nested));
    assert_eq!(values(0x104, &[0x31, 9, 8, 0, 0, 0, 0, 0]), named(&[outer, inner(3.0), ("Shared", 8.0)]));
    assert_eq!(values(0x104, &[0x53, 9, 8, 0, 0, 0, 0, 0]), named(&[("Outer", 3.0), ("Shared", 8.0)]));
    assert_eq!(values(0x104, &[0x54, 9, 8, 0, 0, 0, 0, 0]), named(&[("Outer", 4.0)]));
}

#[test]
fn a_parameter_group_is_found_whoever_sends_it_at_any_priority() {
    let data = [0, 0, 0, 0x00, 0x19, 0, 0, 0];
    for id in [0x8CF0_0400, 0x98F0_0421, 0x98F0_04FE] {
        assert_eq!(values(id, &data), named(&[("EngineSpeed", 800.0)]), "{id:#x}");
    }
    assert!(values(0x98F0_0500, &data).is_empty());
}

#[test]
fn signals_across_nine_bytes_and_at_the_end_of_64_decode() {
    let mut data = [0; 64];
    data[8..17].copy_from_slice(&[0xF0, 1, 2, 3, 4, 5, 6, 7, 0x08]);
    data[62..].copy_from_slice(&[0xA0, 0xBC]);
    let all = decoded(&Specification::from_dbc(EVERYTHING).unwrap(), &frame(0x105, &data));
    assert_eq!(
        all.iter().map(|(_, raw, _)| *raw).collect::<Vec<_>>(),
        [0xBCA, 0x8070_6050_4030_201F_u64.cast_signed()]
    );
}

#[test]
fn attributes_value_texts_and_units_are_kept() {
    let specification = Specification::from_dbc(EVERYTHING).unwrap();
    let plain = &specification.messages[0];
    assert_eq!((plain.cycle, plain.sender.as_deref(), plain.length), (Some(20_000), Some("Engine"), Some(8)));
    let little = &plain.signals[0];
    assert_eq!((little.initial, little.unit.as_str(), little.range), (Some(0.0), "rpm", Some((-10.0, 2000.0))));
    assert_eq!(plain.signals[1].range, None, "[0|0] is no range");
    assert_eq!(plain.signals[4].texts.len(), 3);
    assert_eq!(specification.messages[2].signals[1].encoding, Encoding::Float64);
    assert!(specification.messages[6].is_fd && specification.faults.is_empty());
}

#[test]
fn faults_are_named_with_their_lines_and_the_rest_is_used() {
    let text = r#"VERSION ""

BS_:

BU_: A

BO_ 5000 TooHigh: 8 A
 SG_ Lost : 0|8@1+ (1,0) [0|0] "" A

BO_ 100 Message: 2 A
 SG_ Beyond : 8|16@1+ (1,0) [0|0] "" A
 SG_ Empty : 0|0@1+ (1,0) [0|0] "" A
 SG_ Flat : 0|8@1+ (0,0) [0|0] "" A
 SG_ Orphan m1 : 0|8@1+ (1,0) [0|0] "" A
 SG_ Reversed : 0|8@1+ (1,0) [9|3] "" A
 SG_ Loop1 m1M : 0|8@1+ (1,0) [0|0] "" A
 SG_ Loop2 m1M : 0|8@1+ (1,0) [0|0] "" A

BO_ 100 Again: 2 A

VAL_ 100 Nobody 1 "x" ;
SG_MUL_VAL_ 100 Loop1 Loop2 1-1;
SG_MUL_VAL_ 100 Loop2 Loop1 1-1;
"#;
    let specification = Specification::from_dbc(text).unwrap();
    let faults: Vec<String> = specification.faults.iter().map(ToString::to_string).collect();
    expect![[r#"
        7: TooHigh: identifier exceeds its width
        11: Beyond: signal ends after its message
        12: Empty: size is not 1 to 64 bits
        13: Flat: factor is zero or no number
        14: Orphan: multiplexor does not exist
        15: Reversed: range is empty
        16: Loop1: multiplexors select each other or are nested too deeply
        17: Loop2: multiplexors select each other or are nested too deeply
        19: Again: identifier has a message already
        21: Nobody: no such message or signal"#]]
    .assert_eq(&faults.join("\n"));
    let kept: Vec<&str> = specification.messages[0].signals.iter().map(|signal| signal.name.as_str()).collect();
    assert_eq!(kept, ["Beyond", "Reversed"]);
    assert_eq!(specification.faults[0].wrong, Wrong::Identifier);
}

#[test]
fn a_syntax_error_names_its_line() {
    let error = Specification::from_dbc(&EVERYTHING.replace("(0.5,-10)", "(0.5;-10)")).unwrap_err();
    assert_eq!(error.line(), Some(11), "{error}");
}

fn dbc_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(dbc_files(&path));
        } else if path.extension().is_some_and(|end| end == "dbc") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_public_dbc_file_loads_and_its_faults_have_lines() {
    let (Some(open), Some(raw)) = (folder("dbc"), folder("raw")) else { return };
    let files: Vec<PathBuf> = [open, raw].iter().flat_map(|folder| dbc_files(folder)).collect();
    let (mut signals, mut faults) = (0, 0);
    for path in &files {
        let specification = Specification::from_dbc_bytes(&std::fs::read(path).unwrap())
            .unwrap_or_else(|error| panic!("{}:{error}", path.display()));
        let decoder = Decoder::new(&specification);
        for message in &specification.messages {
            assert!(decoder.knows(message.id), "{}", message.name);
            signals += message.signals.len();
        }
        faults += specification.faults.len();
        for fault in &specification.faults {
            assert!(fault.line > 0, "{}:{fault}", name(path));
        }
    }
    println!("{} files, {signals} signals, {faults} faults", files.len());
    assert!(files.len() >= 48 && signals > 20_000, "{} files, {signals} signals", files.len());
}

proptest! {
    #[test]
    fn a_damaged_dbc_is_decoded_or_refused(
        at in 0..EVERYTHING.len(), len in 0..60_usize, patch in "[ -~\n]{0,12}",
        data in proptest::collection::vec(any::<u8>(), 0..=64),
    ) {
        let (Some(head), Some(tail)) = (EVERYTHING.get(..at), EVERYTHING.get((at + len).min(EVERYTHING.len())..)) else {
            return Ok(());
        };
        if let Ok(specification) = Specification::from_dbc(&format!("{head}{patch}{tail}")) {
            let decoder = Decoder::new(&specification);
            for message in &specification.messages {
                decoder.decode(&frame(message.id.key(), &data), |sample| {
                    assert!(decoder.describe(sample.signal).is_some());
                });
            }
        }
    }

    #[test]
    fn any_bytes_are_a_dbc_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Specification::from_dbc_bytes(&bytes);
    }
}
