//! Vehicle state from DBC files: a small one written here, the shipped ones, and the public ones where they are at hand.

use crate::traces::{files, folder, name};
use expect_test::expect;
use proptest::prelude::*;
use yagura_model::{BusId, CanId, Frame, FrameKind, Gear, Micros, Payload};
use yagura_profile::{DbcError, Quantity, StateDecoder};

const CAR: &str = r#"VERSION ""

BS_:

BU_: ECU

BO_ 599 Motion: 8 ECU
 SG_ DI_vehicleSpeed : 12|12@1+ (0.08,-40) [-40|285] "kph" ECU
 SG_ ESP_vehicleSpeed : 39|16@0+ (0.01,0) [0|0] "mph" ECU

BO_ 280 Driver: 8 ECU
 SG_ DI_gear : 21|3@1+ (1,0) [0|7] "" ECU
 SG_ DI_brakePedalState : 19|2@1+ (1,0) [0|2] "" ECU
 SG_ DI_accelPedalPos : 32|8@1+ (0.4,0) [0|100] "%" ECU

BO_ 2147484160 Other: 8 ECU
 SG_ VehicleSpeed : 0|8@1+ (1,0) [0|0] "" ECU

VAL_ 280 DI_gear 1 "DI_GEAR_P" 0 "DI_GEAR_INVALID" 7 "DI_GEAR_SNA" 2 "DI_GEAR_R" 3 "DI_GEAR_N" 4 "DI_GEAR_D" ;
"#;

fn frame(seconds: u64, raw: u32, data: [u8; 8]) -> Frame {
    let (id, payload) = (CanId::from_key(raw).unwrap(), Payload::new(&data).unwrap());
    Frame { time: Micros::from_secs(seconds), bus: BusId(0), id, kind: FrameKind::Data, payload }
}

/// Speed by DI in raw steps of 0.08 km/h from -40, by ESP in 0.01 mph.
fn motion(seconds: u64, di: u16, esp: u16) -> Frame {
    let (di, [high, low]) = (u64::from(di) << 12, esp.to_be_bytes());
    let mut data = di.to_le_bytes();
    data[4] = high;
    data[5] = low;
    frame(seconds, 599, data)
}

#[test]
fn signals_become_vehicle_state_and_fade() {
    let mut decoder = StateDecoder::from_dbc(CAR).unwrap();
    let found: Vec<_> = decoder.signals().iter().map(|source| (source.quantity, source.signal.as_str())).collect();
    let speeds = [(Quantity::Speed, "DI_vehicleSpeed"), (Quantity::Speed, "ESP_vehicleSpeed")];
    assert_eq!(found[..2], speeds, "a speed without a unit is not taken");
    assert!(decoder.update(&motion(1, 1_125, 3_107)));
    let driver = u64::from(200_u8) << 32 | 4 << 21 | 1 << 19;
    assert!(decoder.update(&frame(1, 280, driver.to_le_bytes())));
    let state = decoder.state(Micros::from_secs(2));
    assert_eq!(state.speed_centi_kmh, Some(5_000));
    assert_eq!(
        (state.gear, state.brake_pressed, state.accelerator_permille),
        (Some(Gear::Drive), Some(true), Some(800))
    );
    let later = decoder.state(Micros::from_secs(7));
    assert_eq!((later.speed_centi_kmh, later.gear), (None, None));
}

#[test]
fn a_second_signal_stands_in_when_the_first_is_not_available() {
    let mut decoder = StateDecoder::from_dbc(CAR).unwrap();
    assert!(decoder.update(&motion(1, 0xFFF, 3_107)), "4095 is not available, the second signal is");
    assert_eq!(decoder.state(Micros::from_secs(1)).speed_centi_kmh, Some(5_000));
}

#[test]
fn invalid_codes_short_frames_and_other_kinds_change_nothing() {
    let mut decoder = StateDecoder::from_dbc(CAR).unwrap();
    let unknown = u64::from(255_u8) << 32 | 7 << 21 | 2 << 19;
    assert!(!decoder.update(&frame(1, 280, unknown.to_le_bytes())));
    assert!(!decoder.update(&Frame { payload: Payload::EMPTY, ..motion(1, 1_125, 0) }));
    assert!(!decoder.update(&Frame { kind: FrameKind::Remote { requested_len: 8 }, ..motion(1, 1_125, 0) }));
    assert!(!decoder.update(&frame(1, 0x123, [0; 8])));
}

#[test]
fn what_is_no_dbc_is_said() {
    assert!(matches!(StateDecoder::from_dbc("(1.0) can0 123#00"), Err(DbcError::Syntax { .. })));
    expect!["1: not a DBC"].assert_eq(&StateDecoder::from_dbc("BO_ x").unwrap_err().to_string());
    assert!(StateDecoder::from_dbc("VERSION \"\"\n").unwrap().signals().is_empty());
}

#[test]
fn shipped_dbc_files_give_what_their_readme_says() {
    let read = |text: &str| StateDecoder::from_dbc(text).unwrap().signals().iter().map(|s| s.signal.clone()).collect();
    let gnss: Vec<String> = read(include_str!("../../../../testdata/captures/dbc/gnss-drive.dbc"));
    let kona: Vec<String> = read(include_str!("../../../../testdata/captures/dbc/kona-ev.dbc"));
    assert_eq!((gnss, kona), (vec!["Speed".to_owned()], vec!["Elect_Gear_Shifter".to_owned()]));
}

#[test]
fn public_dbc_files_are_read_and_most_give_speed() {
    let Some(folder) = folder("dbc") else { return };
    let (mut read, mut with_speed) = (0, 0);
    for path in files(&folder, ".dbc") {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let decoder = StateDecoder::from_dbc(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let signals: Vec<&str> = decoder.signals().iter().map(|source| source.signal.as_str()).collect();
        println!("{:<40} {signals:?}", name(&path));
        read += 1;
        with_speed += usize::from(decoder.signals().iter().any(|source| source.quantity == Quantity::Speed));
    }
    assert!(read >= 28 && with_speed >= 16, "{with_speed} of {read} give speed");
}

proptest! {
    #[test]
    fn a_damaged_dbc_is_read_or_refused(at in 0..CAR.len(), len in 0..40_usize, patch in "[ -~\n]{0,12}", data: [u8; 8]) {
        let (Some(head), Some(tail)) = (CAR.get(..at), CAR.get((at + len).min(CAR.len())..)) else { return Ok(()) };
        if let Ok(mut decoder) = StateDecoder::from_dbc(&format!("{head}{patch}{tail}")) {
            for raw in [599, 280, 0x8000_0200] {
                decoder.update(&frame(1, raw, data));
            }
            let state = decoder.state(Micros::from_secs(1));
            prop_assert!(state.speed_centi_kmh.is_none_or(|speed| speed.abs() <= 50_000));
            prop_assert!(state.accelerator_permille.is_none_or(|pedal| pedal <= 1_000));
        }
    }
}
