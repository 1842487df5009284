//! Golden files: what was written once must be read for ever, and is still written the same.

use ed25519_dalek::SigningKey;
use std::path::PathBuf;
use yagura_idsm::{Context, InstanceId, Message, ProtocolVersion, SensorInstanceId, Timestamp};
use yagura_link::{
    Clock, Digest, Entry, ExcerptFrame, Limits, Losses, Place, Receipt, ReportWriter, Sealed, Settings, Transmit,
    Uplink, entries, open, peek,
};
use yagura_model::{
    BusId, CanContext, CanId, EventId, Frame, FrameKind, Gear, Micros, Payload, UnixMicros, VehicleState,
};

pub(crate) const CLOCK: Clock = Clock { boot_at: UnixMicros(1_795_000_000_000_000), uncertainty: 250_000 };

pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[0x42; 32])
}

fn frame(micros: u64, data: &[u8], kind: FrameKind) -> Frame {
    let id = CanId::from_key(0x2B4).unwrap();
    Frame { time: Micros(micros), bus: BusId(1), id, kind, payload: Payload::new(data).unwrap() }
}

/// One entry of each type and both protocol versions.
pub(crate) fn full_writer() -> ReportWriter {
    let raised = frame(2_000_000, &[0xFF; 8], FrameKind::Data);
    let mut room = [0; CanContext::LEN_MAX];
    let len = CanContext::of(&raised, 10_000, 1_200).encode(&mut room);
    let v2 = Message {
        version: ProtocolVersion::V2,
        instance: InstanceId::new(5).unwrap(),
        sensor: SensorInstanceId::new(2).unwrap(),
        event: EventId::CAN_EARLY_FRAME,
        count: 3,
        reserved: 0,
        timestamp: Timestamp::from_unix(CLOCK.unix(Micros(2_000_000))),
        context: Some(Context::new(1, &room[..len])),
        signature: None,
    };
    let v1 = Message { version: ProtocolVersion::V1, context: Some(Context::new(0, b"maker's")), ..v2 };
    let state = VehicleState {
        time: Micros(1_900_000),
        speed_centi_kmh: Some(-150),
        accelerator_permille: Some(1_000),
        brake_pressed: Some(true),
        gear: Some(Gear::Reverse),
    };
    let fd = FrameKind::Fd { bit_rate_switch: true, error_passive: false };
    let around = [
        ExcerptFrame { frame: frame(1_990_000, &[1, 2, 3], FrameKind::Data), raised: false },
        ExcerptFrame { frame: raised, raised: true },
        ExcerptFrame { frame: frame(2_000_100, &[9; 12], fd), raised: false },
        ExcerptFrame { frame: frame(2_000_200, &[], FrameKind::Remote { requested_len: 8 }), raised: false },
    ];
    let mut writer = ReportWriter::new();
    let index = writer.push_message(Micros(2_000_000), &v2).unwrap();
    writer.push_message(Micros(2_000_001), &v1).unwrap();
    writer.push_state(&state).unwrap();
    writer.push_excerpt(index, &around).unwrap();
    writer
}

fn report() -> Sealed {
    let place = Place {
        device: "acme/kona-0001/cgw".parse().unwrap(),
        boot: 7,
        sequence: 300,
        previous: Digest([0xAB; 32]),
        losses: Losses { events: 1, frames: 70_000, excerpts: 2, reports: 0 },
        oldest_held: 298,
    };
    full_writer().seal(&place, CLOCK, Micros(0), &key()).unwrap()
}

/// The golden file's bytes; written anew if `UPDATE_EXPECT` is set, as `expect-test` does.
fn golden(name: &str, written: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, written).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_report_of_version_1_is_read_and_still_written_the_same() {
    let written = report();
    let bytes = golden("report-v1.cose", &written.bytes);
    let opened = open(&bytes, &key().verifying_key(), &Limits::default()).expect("readable for ever");
    assert_eq!(opened.header, written.header);
    assert_eq!(opened.body, full_writer().body());
    assert_eq!(peek(&bytes), Ok(opened.header));
    let kinds: Vec<_> = entries(&opened.body)
        .map(|entry| match entry.expect("readable for ever") {
            Entry::Message(message) => message.count.to_string(),
            Entry::State(state) => format!("{:?}", state.gear),
            Entry::Excerpt(excerpt) => format!("{} of {}", excerpt.frames().count(), excerpt.message),
            Entry::Unknown { .. } => "unknown".to_owned(),
        })
        .collect();
    assert_eq!(kinds, ["3", "3", "Some(Reverse)", "4 of 0"]);
    // Equal while zstd compresses this body as it did; if only the body's frame and the signature differ, write it anew.
    assert_eq!(written.bytes, bytes);
    assert_eq!(written.digest, Digest::of(&bytes));
}

#[test]
fn a_receipt_of_version_1_is_read_and_still_written_the_same() {
    let receipt = Receipt {
        device: "acme/kona-0001/cgw".parse().unwrap(),
        boot: 7,
        sequence: 300,
        report: Digest([0xCD; 32]),
        position: 123_456_789,
        received: UnixMicros(1_795_000_003_000_000),
    };
    let written = receipt.seal(&key());
    let bytes = golden("receipt-v1.cose", &written);
    assert_eq!(Receipt::open(&bytes, &key().verifying_key()), Ok(receipt));
    assert_eq!(written, bytes);
}

#[test]
fn a_saved_uplink_of_version_1_is_read_and_still_written_the_same() {
    let mut uplink = Uplink::new("acme/kona-0001/cgw".parse().unwrap(), Settings::default());
    assert_eq!(uplink.poll_transmit(Micros(0)), Some(Transmit::Resume));
    uplink.handle_resume(None);
    uplink.seal(&mut full_writer(), CLOCK, Micros(0), &key()).unwrap();
    uplink.record_losses(Losses { frames: 9, ..Losses::NONE });
    let written = uplink.save();
    let bytes = golden("uplink-v1.cbor", &written);
    let restored = Uplink::restore(&bytes, Settings::default()).expect("readable for ever");
    assert_eq!((restored.boot(), restored.waiting()), (2, 1));
    assert_eq!(written, bytes);
}
