//! What clean traffic and each attack make the shipped vehicles say.

use expect_test::expect;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use yagura_model::{EventId, Micros, SecurityEvent};
use yagura_sim::{AttackKind, Bus, Model, Replay, Schedule, Sensor};

/// What a sensor raises in so many seconds.
fn raised(model: &Model, recording: usize, schedule: Option<Schedule>, seconds: u64) -> Vec<SecurityEvent> {
    let mut sensor = Sensor::new(&model.profile, None).unwrap();
    sensor.keep_raised();
    let bus = Bus::new(Replay::new(model.recordings[recording].clone(), 250), schedule);
    for on_bus in bus.take_while(|on_bus| on_bus.frame.time < Micros::from_secs(seconds)) {
        sensor.handle_frame(&on_bus.frame);
    }
    sensor.take_raised()
}

#[test]
fn ten_minutes_of_looped_clean_traffic_raise_nothing_in_any_model() {
    for model in Model::builtin().unwrap() {
        for (index, recording) in model.recordings.iter().enumerate() {
            assert_eq!(raised(&model, index, None, 600), [], "{} {}", model.prefix, model.sensor);
            assert!(recording.seam_excess() < 0.05, "{}: {}", model.prefix, recording.seam_excess());
        }
    }
}

#[test]
fn attacks_are_noticed_while_they_last_and_not_before() {
    let name = |id: EventId| match id {
        EventId::CAN_UNKNOWN_ID => "unknown",
        EventId::CAN_WRONG_LENGTH => "length",
        EventId::CAN_EARLY_FRAME => "early",
        EventId::CAN_SILENT_ID => "silent",
        EventId::CAN_BUS_FLOOD => "flood",
        EventId::CAN_WRONG_CHECKSUM => "checksum",
        EventId::CAN_WRONG_COUNTER => "counter",
        EventId::CAN_IMPOSSIBLE_CHANGE => "change",
        EventId::CAN_SIGNAL_CONTRADICTION => "contradiction",
        EventId::CAN_OUT_OF_SPECIFICATION => "range",
        EventId::DIAG_SECURITY_ACCESS => "security-access",
        EventId::DIAG_SCAN => "scan",
        EventId::DIAG_TRANSPORT_ABUSE => "iso-tp",
        _ => "other",
    };
    let mut table = String::new();
    for model in Model::builtin().unwrap() {
        for (turn, kind) in AttackKind::ALL.into_iter().enumerate() {
            let start = Micros::from_secs(8);
            let schedule = Schedule { seed: 5, first_kind: turn, start, every: 90_000_000, length: 8_000_000 };
            let events = raised(&model, 0, Some(schedule), 40);
            assert!(events.iter().all(|event| event.time >= start), "{} {}", model.prefix, kind.name());
            let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
            for event in &events {
                *counts.entry(name(event.id)).or_default() += 1;
            }
            writeln!(table, "{:8} {:10} {counts:?}", model.prefix, kind.name()).unwrap();
        }
    }
    expect![[r#"
        obd      injection  {"early": 9, "range": 9}
        obd      seed-key   {"security-access": 9}
        obd      flood      {"flood": 9, "unknown": 9}
        obd      suspension {"silent": 1}
        obd      fuzz       {"flood": 9, "iso-tp": 12, "length": 17, "unknown": 33}
        obd      masquerade {}
        tm3      injection  {"early": 9, "range": 9}
        tm3      seed-key   {"security-access": 9}
        tm3      flood      {"flood": 9, "unknown": 9}
        tm3      suspension {"silent": 1}
        tm3      fuzz       {"flood": 9, "iso-tp": 16, "length": 25, "unknown": 33}
        tm3      masquerade {"checksum": 9}
        kona20   injection  {"early": 4, "flood": 7, "range": 2}
        kona20   seed-key   {"security-access": 9}
        kona20   flood      {"flood": 9, "unknown": 9}
        kona20   suspension {"silent": 1}
        kona20   fuzz       {"flood": 9, "iso-tp": 16, "length": 8, "unknown": 33}
        kona20   masquerade {}
        kona21   injection  {"counter": 8, "early": 9, "range": 9}
        kona21   seed-key   {"security-access": 9}
        kona21   flood      {"flood": 9, "unknown": 9}
        kona21   suspension {"silent": 1}
        kona21   fuzz       {"counter": 2, "early": 1, "flood": 8, "iso-tp": 16, "length": 26, "unknown": 33}
        kona21   masquerade {}
        kona21p  injection  {"early": 9, "range": 9}
        kona21p  seed-key   {"security-access": 9}
        kona21p  flood      {"flood": 9, "unknown": 9}
        kona21p  suspension {"silent": 1}
        kona21p  fuzz       {"flood": 9, "iso-tp": 16, "length": 29, "unknown": 33}
        kona21p  masquerade {}
    "#]]
    .assert_eq(&table);
}
