//! Entries written and read back, and bodies that no writer wrote.

use super::*;
use crate::{BODY_BYTES_MAX, ReportWriter, WriteError};
use proptest::prelude::*;
use yagura_idsm::{Context, InstanceId, ProtocolVersion, SensorInstanceId};
use yagura_model::EventId;

fn message(count: u16) -> Message<'static> {
    Message {
        version: ProtocolVersion::V2,
        instance: InstanceId::default(),
        sensor: SensorInstanceId::default(),
        event: EventId::CAN_EARLY_FRAME,
        count,
        reserved: 0,
        timestamp: None,
        context: Some(Context::new(1, b"context")),
        signature: None,
    }
}

/// The body that `write` makes, by way of a sealed and opened report.
fn body(write: impl FnOnce(&mut ReportWriter)) -> Vec<u8> {
    let mut writer = ReportWriter::new();
    write(&mut writer);
    writer.body().to_vec()
}

fn any_frame() -> impl Strategy<Value = ExcerptFrame> {
    let kind = prop_oneof![
        Just(FrameKind::Data),
        any::<(bool, bool)>()
            .prop_map(|(bit_rate_switch, error_passive)| FrameKind::Fd { bit_rate_switch, error_passive }),
        (0..=8_u8).prop_map(|requested_len| FrameKind::Remote { requested_len }),
        Just(FrameKind::Error),
    ];
    let id = prop_oneof![0..=0x7FF_u32, (0..=0x1FFF_FFFF_u32).prop_map(|raw| raw | CanId::EXTENDED_BIT)];
    (any::<u64>(), any::<u8>(), id, kind, proptest::collection::vec(any::<u8>(), 0..=64), any::<bool>()).prop_map(
        |(time, bus, key, kind, data, raised)| {
            let id = CanId::from_key(key).expect("fits");
            let payload = Payload::new(&data).expect("fits");
            ExcerptFrame { frame: Frame { time: Micros(time), bus: BusId(bus), id, kind, payload }, raised }
        },
    )
}

fn any_state() -> impl Strategy<Value = VehicleState> {
    let gear = proptest::option::of(prop::sample::select(vec![Gear::Park, Gear::Reverse, Gear::Neutral, Gear::Drive]));
    (any::<u64>(), any::<Option<i32>>(), proptest::option::of(0..=1_000_u16), any::<Option<bool>>(), gear).prop_map(
        |(time, speed_centi_kmh, accelerator_permille, brake_pressed, gear)| VehicleState {
            time: Micros(time),
            speed_centi_kmh,
            accelerator_permille,
            brake_pressed,
            gear,
        },
    )
}

proptest! {
    #[test]
    fn states_and_excerpts_survive_the_body(state in any_state(), frames in proptest::collection::vec(any_frame(), 0..20), index: u16) {
        let body = body(|writer| {
            assert_eq!(writer.push_state(&state), Ok(0));
            assert_eq!(writer.push_excerpt(index, &frames), Ok(1));
        });
        let read: Vec<_> = entries(&body).collect();
        prop_assert_eq!(&read[0], &Ok(Entry::State(state)));
        let Ok(Entry::Excerpt(excerpt)) = read[1] else { return Err(TestCaseError::fail("no excerpt")) };
        prop_assert_eq!(excerpt.message, index);
        prop_assert_eq!(excerpt.frames().collect::<Vec<_>>(), frames);
    }

    #[test]
    fn garbage_never_panics_and_ends(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let read = entries(&body).take(ENTRIES_MAX + 2).count();
        prop_assert!(read <= body.len());
    }

    #[test]
    fn a_broken_entry_does_not_hide_the_next(kind in 1..=3_u8, bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let len = u32::try_from(bytes.len()).expect("short").to_be_bytes();
        let mut body = [&[kind][..], &len, &bytes].concat();
        body.extend([9, 0, 0, 0, 1, 0xAB]);
        let read: Vec<_> = entries(&body).collect();
        prop_assert_eq!(read.len(), 2);
        prop_assert_eq!(&read[1], &Ok(Entry::Unknown { kind: 9, bytes: &[0xAB] }));
    }
}

#[test]
fn each_flaw_of_an_entry_has_its_name() {
    let read = |body: &[u8]| entries(body).next().expect("an item").expect_err("a flaw");
    assert_eq!(read(&[1, 0]), EntryError::Truncated { needed: 5, have: 2 });
    assert_eq!(read(&[1, 0xFF, 0xFF, 0xFF, 0xFF]), EntryError::Truncated { needed: 0x1_0000_0004, have: 5 });
    let bare = [1, 0, 0, 0, 9, 0x20, 0, 0, 0x80, 1, 0, 1, 0, 0xEE];
    assert_eq!(read(&bare), EntryError::AfterMessage(1));
    assert_eq!(read(&[1, 0, 0, 0, 1, 0x30]).to_string(), "message");
    assert_eq!(read(&[2, 0, 0, 0, 1, 0]), EntryError::State(1));
    let absent_but_set = [2, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0];
    assert_eq!(read(&absent_but_set), EntryError::State(16));
    assert_eq!(read(&[3, 0, 0, 0, 1, 0]), EntryError::Excerpt(0));
    assert_eq!(read(&[3, 0, 0, 0, 3, 0, 0, 7]), EntryError::Excerpt(2));
}

#[test]
fn a_body_of_too_many_entries_ends_with_that_error() {
    let body = [9, 0, 0, 0, 0].repeat(ENTRIES_MAX + 5);
    assert_eq!(entries(&body).filter(Result::is_ok).count(), ENTRIES_MAX);
    assert_eq!(entries(&body).last(), Some(Err(EntryError::TooMany)));
}

#[test]
fn a_full_writer_refuses_and_keeps_what_it_has() {
    let mut writer = ReportWriter::new();
    for count in 1..=ENTRIES_MAX {
        assert_eq!(writer.push_state(&VehicleState::default()).map(usize::from), Ok(count - 1));
    }
    let full = WriteError::Full { entries: ENTRIES_MAX, bytes: ENTRIES_MAX * (STATE_LEN + ENTRY_HEAD_LEN) };
    assert_eq!(writer.push_state(&VehicleState::default()), Err(full));
    assert_eq!(writer.len(), ENTRIES_MAX);

    let long = vec![0; BODY_BYTES_MAX];
    let mut writer = ReportWriter::new();
    let too_long = Message { context: Some(Context::new(1, &long)), ..message(1) };
    assert!(matches!(writer.push_message(Micros(0), &too_long), Err(WriteError::TooLong { .. })));
    let half = Message { context: Some(Context::new(1, &long[..BODY_BYTES_MAX / 2])), ..message(1) };
    assert_eq!(writer.push_message(Micros(0), &half), Ok(0));
    assert!(matches!(writer.push_message(Micros(0), &half), Err(WriteError::Full { entries: 1, .. })));
    assert_eq!(
        writer.push_message(Micros(0), &message(0)),
        Err(WriteError::Message(yagura_idsm::EncodeError::CountZero))
    );
    assert_eq!(writer.push_message(Micros(0), &message(7)), Ok(1));
    let lost = writer.discard();
    assert_eq!((lost.events, lost.reports, writer.is_empty()), (8, 1, true));
}
