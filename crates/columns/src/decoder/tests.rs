//! Bodies byte by byte to rows: what is there, what is missing, what cannot be read.

use super::*;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;
use yagura_idsm::{Context, InstanceId, ProtocolVersion, SensorInstanceId, Timestamp};
use yagura_link::{Clock, Digest, Losses};
use yagura_model::{BusId, Micros, Payload, StandardId};

const BOOT_AT: UnixMicros = UnixMicros(1_700_000_000_000_000);
const RECEIVED: UnixMicros = UnixMicros(1_700_000_100_000_000);

fn header() -> Header {
    Header {
        device: "acme/kona-0001/cgw".parse().expect("a legal device"),
        boot: 3,
        sequence: 7,
        previous: Digest([0; 32]),
        first: Micros::from_secs(1),
        last: Micros::from_secs(60),
        clock: Clock { boot_at: BOOT_AT, uncertainty: 1_000 },
        losses: Losses::NONE,
        oldest_held: 7,
        body_len: 0,
    }
}

fn entry(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).expect("a short entry");
    [&[kind], len.to_be_bytes().as_slice(), bytes].concat()
}

fn message(event: EventId, at: Option<UnixMicros>, context: Option<&[u8]>) -> Vec<u8> {
    let message = Message {
        version: ProtocolVersion::V2,
        instance: InstanceId::new(5).expect("fits"),
        sensor: SensorInstanceId::new(2).expect("fits"),
        event,
        count: 9,
        reserved: 0,
        timestamp: at.and_then(Timestamp::from_unix),
        context: context.map(|data| Context::new(1, data)),
        signature: None,
    };
    let mut out = vec![0; message.encoded_len()];
    let len = message.encode(&mut out).expect("there is room");
    entry(1, &out[..len])
}

fn can_context() -> Vec<u8> {
    let context = CanContext {
        bus: BusId(1),
        id: CanId::from_key(0x8000_0000 | 0x18DA_F110).expect("a legal id"),
        kind: 1,
        expected: 10_000,
        observed: 1_200,
        payload: Payload::new(&[2, 0x10, 3]).expect("fits"),
        place: Place { start: 12, bits: 4, witness: StandardId::new(0x2B0).ok().map(CanId::Standard) },
    };
    let mut out = [0; CanContext::LEN_MAX];
    let len = context.encode(&mut out);
    out[..len].to_vec()
}

/// Time (8) · flags (1: speed, 16: gear) · speed (4) · accelerator (2) · gear (1).
fn state(at: Micros, speed_centi_kmh: i32) -> Vec<u8> {
    let bytes = [at.0.to_be_bytes().as_slice(), &[1 | 16], &speed_centi_kmh.to_be_bytes(), &[0, 0, 3]].concat();
    entry(2, &bytes)
}

#[test]
fn an_event_carries_its_context_its_place_and_the_state_of_the_vehicle() {
    let at = BOOT_AT.plus(20_000_000);
    let body = [
        state(Micros::from_secs(12), 1_000),
        message(EventId::CAN_EARLY_FRAME, Some(at), Some(&can_context())),
        state(Micros::from_secs(19), 5_425),
    ]
    .concat();
    let mut decoder = Decoder::new();
    let decoded = decoder.push(42, RECEIVED, &header(), &body).expect("there is room");
    assert_eq!(decoded, Decoded { events: 1, states: 2, undecodable: 0 });
    let batches = decoder.finish().expect("rows fit");
    let events = &batches.events;
    let text = |name: &str| events[name].as_string::<i32>().value(0).to_owned();
    let int = |name: &str| events[name].as_primitive::<Int32Type>().value(0);
    let long = |name: &str| events[name].as_primitive::<Int64Type>().value(0);
    assert_eq!(events["time"].as_primitive::<TimestampMicrosecondType>().value(0), at.0);
    assert_eq!((text("tenant"), text("vehicle"), text("sensor")), ("acme".into(), "kona-0001".into(), "cgw".into()));
    assert_eq!((text("event_name"), int("event_id"), int("severity_id")), ("CAN_EARLY_FRAME".into(), 0x8003, 4));
    assert_eq!((int("count"), int("idsm_instance"), int("sensor_instance"), int("bus")), (9, 5, 2, 1));
    assert_eq!((long("can_id"), text("frame_kind")), (0x18DA_F110, "fd".into()));
    assert!(events["can_extended"].as_boolean().value(0));
    assert_eq!((long("expected"), long("observed")), (10_000, 1_200));
    assert_eq!(events["payload"].as_binary::<i32>().value(0), [2, 0x10, 3]);
    assert_eq!(events["speed_kmh"].as_primitive::<Float64Type>().value(0), 54.25);
    assert_eq!(text("gear"), "drive");
    assert_eq!((int("place_start_bit"), int("place_bits"), long("witness")), (12, 4, 0x2B0));
    assert!(["product", "trusted", "message"].iter().all(|name| events[*name].null_count() == 1));
    assert_eq!((long("boot"), long("sequence"), long("position"), int("entry_index")), (3, 7, 42, 1));
    assert_eq!(batches.states.num_rows(), 2);
    assert_eq!(batches.states["entry_index"].as_primitive::<Int32Type>().values(), &[0, 2]);
}

#[test]
fn a_state_far_from_the_event_is_not_stated() {
    let at = BOOT_AT.plus(40_000_000);
    let body =
        [state(Micros::from_secs(12), 1_000), message(EventId::CAN_BUS_FLOOD, Some(at), Some(&can_context()))].concat();
    let mut decoder = Decoder::new();
    decoder.push(1, RECEIVED, &header(), &body).expect("there is room");
    let events = decoder.finish().expect("rows fit").events;
    assert!(events["speed_kmh"].is_null(0) && events["gear"].is_null(0));
}

#[test]
fn what_cannot_be_read_is_counted_and_an_event_still_is_a_row() {
    let body = [
        message(EventId::CAN_BUS_FLOOD, None, Some(&[1, 2, 3])),
        message(EventId(0x0123), None, Some(&[9])),
        entry(1, &[0xFF; 8]),
        entry(99, &[1]),
        vec![1, 0, 0, 0, 200, 5],
    ]
    .concat();
    let mut decoder = Decoder::new();
    let decoded = decoder.push(1, RECEIVED, &header(), &body).expect("there is room");
    assert_eq!(decoded, Decoded { events: 2, states: 0, undecodable: 4 });
    let events = decoder.finish().expect("rows fit").events;
    assert_eq!(events["payload"].as_binary::<i32>().value(0), [1, 2, 3]);
    assert_eq!(events["event_name"].as_string::<i32>().value(1), "EVENT_0123");
    assert!(events["can_id"].is_null(0));
    let times = events["time"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times.value(0), BOOT_AT.0 + 60_000_000, "an event without a time is at the end of its report");
}

#[test]
fn anomalies_are_rows_with_or_without_a_device() {
    let device = header().device;
    let mut decoder = Decoder::new();
    let mut row = AnomalyRow {
        position: 5,
        entry_index: 0,
        received: RECEIVED,
        device: Some(&device),
        report: (3, 9),
        event: EventId(0x9001),
        count: 1,
        expected: Some(7),
        observed: Some(9),
    };
    decoder.push_anomaly(&row).expect("there is room");
    row.device = None;
    row.event = EventId(0x9007);
    decoder.push_anomaly(&row).expect("there is room");
    let events = decoder.finish().expect("rows fit").events;
    let names = events["event_name"].as_string::<i32>();
    assert_eq!((names.value(0), names.value(1)), ("LINK_SEQUENCE_GAP", "LINK_MALFORMED"));
    let vehicles = events["vehicle"].as_string::<i32>();
    assert_eq!((vehicles.value(0), vehicles.value(1)), ("kona-0001", ""));
    assert_eq!(events["expected"].as_primitive::<Int64Type>().value(0), 7);
}

#[test]
fn a_finished_decoder_goes_on_empty() {
    let mut decoder = Decoder::new();
    decoder.push(1, RECEIVED, &header(), &message(EventId(0x8001), None, None)).expect("there is room");
    assert_eq!(decoder.rows(), 1);
    assert_eq!(decoder.finish().expect("rows fit").events.num_rows(), 1);
    assert_eq!((decoder.rows(), decoder.finish().expect("rows fit").events.num_rows()), (0, 0));
}

proptest! {
    #[test]
    fn any_body_becomes_rows_or_is_counted(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut decoder = Decoder::new();
        let decoded = decoder.push(1, RECEIVED, &header(), &body).expect("there is room");
        let batches = decoder.finish().expect("rows fit");
        prop_assert_eq!(batches.events.num_rows(), decoded.events);
        prop_assert_eq!(batches.states.num_rows(), decoded.states);
    }

    #[test]
    fn the_nearest_sample_is_the_nearest(times in proptest::collection::vec(0..100_i64, 0..8), at in 0..100_i64) {
        let mut samples: Vec<_> =
            times.iter().map(|t| (t * 1_000_000, VehicleState { time: Micros(t.unsigned_abs()), ..VehicleState::default() })).collect();
        samples.sort_by_key(|(t, _)| *t);
        let found = nearest(&samples, at * 1_000_000).map(|s| (i64::try_from(s.time.0).expect("small") - at).abs());
        let best = times.iter().map(|t| (t - at).abs()).min().filter(|d| *d <= 10);
        prop_assert_eq!(found, best);
    }
}
