//! Bytes that an enemy sends: refused for the right reason, before they cost anything.

use crate::golden::{CLOCK, full_writer, key};
use ciborium::value::Value;
use coset::{CoseSign1Builder, HeaderBuilder, TaggedCborSerializable, iana};
use ed25519_dalek::Signer;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::error::Error;
use yagura_link::{
    BODY_BYTES_MAX, Digest, Flaw, Header, Limits, Losses, OpenError, Opened, Place, RECEIPT_BYTES_MAX,
    REPORT_BYTES_MAX, Receipt, ReportWriter, Sealed, open, peek,
};
use yagura_model::{Micros, UnixMicros};

fn sealed(mut writer: ReportWriter) -> Sealed {
    let place = Place {
        device: "acme/kona-0001/cgw".parse().unwrap(),
        boot: 1,
        sequence: 0,
        previous: Digest::ZERO,
        losses: Losses::NONE,
        oldest_held: 0,
    };
    writer.seal(&place, CLOCK, Micros(7), &key()).unwrap()
}

fn open_it(bytes: &[u8]) -> Result<Opened, OpenError> {
    open(bytes, &key().verifying_key(), &Limits::default())
}

/// The header and body that our report is made of, as ciborium sees them.
fn parts() -> (Vec<(Value, Value)>, Vec<u8>) {
    let bytes = sealed(full_writer()).bytes;
    let payload = coset::CoseSign1::from_tagged_slice(&bytes).unwrap().payload.unwrap();
    let Value::Array(parts) = ciborium::from_reader::<Value, _>(&payload[..]).unwrap() else { panic!("array") };
    let [Value::Map(header), Value::Bytes(body)] = &parts[..] else { panic!("map and bytes") };
    (header.clone(), body.clone())
}

/// A well-signed report with any payload: what a broken or malicious sensor with a real key can make.
fn signed(payload: Vec<u8>) -> Vec<u8> {
    let content = "application/vnd.yagura.report".to_owned();
    let protected = HeaderBuilder::new().algorithm(iana::Algorithm::Ed25519).content_type(content).build();
    let built = CoseSign1Builder::new().protected(protected).payload(payload);
    built.create_signature(&[], |signed| key().sign(signed).to_bytes().to_vec()).build().to_tagged_vec().unwrap()
}

fn cbor(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).unwrap();
    out
}

fn signed_parts(header: Vec<(Value, Value)>, body: Vec<u8>) -> Vec<u8> {
    signed(cbor(&Value::Array(vec![Value::Map(header), Value::Bytes(body)])))
}

/// A report whose header value at `key` is replaced.
fn with_value(at: usize, value: Value) -> Vec<u8> {
    let (mut header, body) = parts();
    header[at].1 = value;
    signed_parts(header, body)
}

fn check(bytes: &[u8], why: Expect) {
    let error = open_it(bytes).expect_err("refused");
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    why.assert_eq(&format!("{error}{source}"));
}

#[test]
fn what_ciborium_writes_from_the_same_parts_is_the_same_report() {
    let (header, body) = parts();
    let ours = sealed(full_writer());
    assert_eq!(signed_parts(header, body), ours.bytes, "an independent encoder agrees on every byte");
    assert_eq!(open_it(&ours.bytes).map(|opened| opened.header), Ok(ours.header));
}

#[test]
fn a_report_without_entries_is_a_sign_of_life() {
    let empty = sealed(ReportWriter::new());
    let opened = open_it(&empty.bytes).unwrap();
    assert_eq!((opened.header.first, opened.header.last, opened.body.len()), (Micros(7), Micros(7), 0));
}

#[test]
fn every_flaw_of_a_header_is_named_with_its_place() {
    let (header, body) = parts();
    check(b"", expect!["malformed at byte 0: 1 bytes needed, 0 are left"]);
    check(b"{\"json\": true}", expect!["malformed at byte 0: expected tag 18 (COSE_Sign1)"]);
    check(&with_value(0, Value::from(2)), expect!["format version 2, this reader knows 1"]);
    check(&with_value(1, Value::from("acme")), expect!["malformed at byte 47: expected device: array of 3"]);
    let device = ["acme", "../../etc", "cgw"].map(Value::from);
    check(&with_value(1, Value::Array(device.to_vec())), expect!["malformed at byte 53: device name"]);
    check(&with_value(2, Value::from(-1)), expect!["malformed at byte 68: expected boot"]);
    check(&with_value(4, Value::Bytes(vec![0; 31])), expect!["malformed at byte 72: expected digest of 32 bytes"]);
    check(&with_value(5, Value::from(u64::MAX)), expect!["malformed at byte 107: expected first not after last"]);
    check(
        &with_value(7, Value::Array(vec![Value::from(0), Value::from(1_u64 << 32)])),
        expect!["malformed at byte 121: uncertainty 4294967296 exceeds the maximum 4294967295"],
    );
    check(&with_value(9, Value::from(1)), expect!["malformed at byte 141: oldest_held 1 exceeds the maximum 0"]);
    check(
        &with_value(10, Value::from(BODY_BYTES_MAX as u64 + 1)),
        expect!["body of 524289 bytes exceeds the limit of 524288"],
    );
    check(&with_value(10, Value::from(u32::MAX)), expect!["body of 4294967295 bytes exceeds the limit of 524288"]);
    check(
        &with_value(10, Value::from(3)),
        expect!["body is not one zstd frame of the 3 bytes that the header declares"],
    );

    let mut unknown_key = header.clone();
    unknown_key.push((Value::from(11), Value::from(0)));
    check(&signed_parts(unknown_key, body.clone()), expect!["malformed at byte 43: expected header: map of 11"]);
    let mut swapped = header.clone();
    swapped.swap(2, 3);
    check(&signed_parts(swapped, body.clone()), expect!["malformed at byte 67: expected key 2 (boot)"]);
    let mut trailing = cbor(&Value::Array(vec![Value::Map(header), Value::Bytes(body)]));
    trailing.push(0);
    check(&signed(trailing), expect!["malformed at byte 289: 1 bytes after the end"]);
}

#[test]
fn another_frame_of_cose_is_refused() {
    let good = sealed(full_writer()).bytes;
    check(&good[1..], expect!["malformed at byte 0: expected tag 18 (COSE_Sign1)"]);
    check(&[&good[..], &[0]].concat(), expect!["malformed at byte 355: 1 bytes after the end"]);
    check(&good[..good.len() - 1], expect!["malformed at byte 291: 64 bytes needed, 63 are left"]);
    // The same report with the length of its payload in a longer form than needed.
    let at = good.windows(2).position(|pair| pair == [0xA0, 0x58]).unwrap() + 1;
    let longer = [&good[..at], &[0x59, 0], &good[at + 1..]].concat();
    check(&longer, expect!["malformed at byte 40: number is not in its shortest form"]);
    let receipt = Receipt {
        device: "a/b/c".parse().unwrap(),
        boot: 0,
        sequence: 0,
        report: Digest::ZERO,
        position: 0,
        received: UnixMicros(0),
    };
    check(
        &receipt.seal(&key()),
        expect![[r#"malformed at byte 2: expected protected header {1: -19, 3: "application/vnd.yagura.report"}"#]],
    );
    assert!(Receipt::open(&good, &key().verifying_key()).is_err());
}

#[test]
fn a_bomb_is_refused_by_what_it_declares_and_by_what_it_is() {
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 19).unwrap();
    let (mut header, _) = parts();
    header[10].1 = Value::from(64 << 20);
    check(&signed_parts(header.clone(), bomb.clone()), expect!["body of 67108864 bytes exceeds the limit of 524288"]);
    header[10].1 = Value::from(1_000);
    check(
        &signed_parts(header, bomb),
        expect!["body is not one zstd frame of the 1000 bytes that the header declares"],
    );
}

#[test]
fn an_impostor_is_refused_before_anything_is_decompressed() {
    let stranger = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key();
    let bytes = sealed(full_writer()).bytes;
    assert_eq!(open(&bytes, &stranger, &Limits::default()), Err(OpenError::BadSignature));
    assert!(peek(&bytes).is_ok(), "who it says it is can be read without a key");
}

#[test]
fn a_report_beyond_a_stricter_limit_is_refused_and_a_full_one_fits() {
    let mut writer = ReportWriter::new();
    let mut noise = 0x9E37_79B9_7F4A_7C15_u64;
    while !matches!(writer.push_state(&noise_state(&mut noise)), Err(yagura_link::WriteError::Full { .. })) {}
    let full = sealed(writer);
    assert!(full.bytes.len() <= REPORT_BYTES_MAX);
    assert_eq!(open_it(&full.bytes).map(|opened| opened.digest), Ok(full.digest));
    let max = full.bytes.len() - 1;
    let strict = Limits { report_bytes_max: max, ..Limits::default() };
    let too_large = OpenError::TooLarge { what: "report", bytes: full.bytes.len() as u64, max };
    assert_eq!(open(&full.bytes, &key().verifying_key(), &strict), Err(too_large));
    let too_large = OpenError::TooLarge { what: "receipt", bytes: 513, max: RECEIPT_BYTES_MAX };
    assert_eq!(Receipt::open(&[0; 513], &key().verifying_key()), Err(too_large));
}

/// A state that does not compress.
fn noise_state(seed: &mut u64) -> yagura_model::VehicleState {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    yagura_model::VehicleState { time: Micros(*seed), ..Default::default() }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(open_it(&bytes).is_err());
        prop_assert!(Receipt::open(&bytes, &key().verifying_key()).is_err());
    }

    #[test]
    fn one_changed_byte_is_never_taken(at: prop::sample::Index, flip in 1..=255_u8) {
        let mut bytes = sealed(full_writer()).bytes;
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(open_it(&bytes).is_err(), "byte {}", at);
    }

    #[test]
    fn a_signed_payload_of_garbage_never_panics(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        let error = open_it(&signed(payload)).expect_err("no report");
        let named = matches!(error, OpenError::Malformed { .. } | OpenError::Version(_) | OpenError::TooLarge { .. });
        prop_assert!(named, "{}", error);
    }

    #[test]
    fn headers_survive_the_wire(
        boot: u64, sequence: u64, previous: [u8; 32], boot_at: i64, uncertainty: u32, lost: [u64; 4], held: u64, now: u64,
    ) {
        let place = Place {
            device: "t/v/s".parse().unwrap(), boot, sequence, previous: Digest(previous), oldest_held: held.min(sequence),
            losses: Losses { events: lost[0], frames: lost[1], excerpts: lost[2], reports: lost[3] },
        };
        let clock = yagura_link::Clock { boot_at: UnixMicros(boot_at), uncertainty };
        let sealed = ReportWriter::new().seal(&place, clock, Micros(now), &key()).unwrap();
        let header: Header = peek(&sealed.bytes).unwrap();
        prop_assert_eq!(header, sealed.header);
        prop_assert_eq!((header.sequence, header.clock, header.losses), (sequence, clock, place.losses));
    }

    #[test]
    fn receipts_survive_the_wire(boot: u64, sequence: u64, report: [u8; 32], position: u64, received: i64) {
        let device = "t/v/s".parse().unwrap();
        let receipt = Receipt { device, boot, sequence, report: Digest(report), position, received: UnixMicros(received) };
        let bytes = receipt.seal(&key());
        prop_assert!(bytes.len() <= RECEIPT_BYTES_MAX);
        prop_assert_eq!(Receipt::open(&bytes, &key().verifying_key()), Ok(receipt));
    }
}

#[test]
fn a_flaw_is_data_for_whoever_counts_it() {
    let flaw = open_it(&[0xD2]).expect_err("cut");
    assert_eq!(flaw, OpenError::Malformed { offset: 1, flaw: Flaw::Truncated { needed: 1, have: 0 } });
}
