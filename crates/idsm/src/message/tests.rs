//! Messages against golden bytes, and the codec's properties.

extern crate std;

use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::{format, string::String, vec, vec::Vec};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn check(message: &Message<'_>, golden: Expect) {
    let mut out = [0; 256];
    let len = message.encode(&mut out).expect("the message can be written");
    assert_eq!(len, message.encoded_len());
    golden.assert_eq(&hex(&out[..len]));
    assert_eq!(Message::decode(&out), Ok((*message, len)), "what follows the message is left alone");
    for cut in 0..len {
        let error = Message::decode(&out[..cut]).expect_err("a cut message is refused");
        assert!(matches!(error, DecodeError::Truncated { have, needed, .. } if have < needed), "{error}");
    }
}

fn bare(version: ProtocolVersion) -> Message<'static> {
    Message {
        version,
        instance: InstanceId::new(0x2A5).expect("10 bits"),
        sensor: SensorInstanceId::new(0x15).expect("6 bits"),
        event: EventId(0x8003),
        count: 0x0102,
        reserved: 0,
        timestamp: None,
        context: None,
        signature: None,
    }
}

#[test]
fn a_bare_event_fits_one_classic_can_frame() {
    check(&bare(ProtocolVersion::V1), expect!["10a9558003010200"]);
    check(&bare(ProtocolVersion::V2), expect!["20a9558003010200"]);
}

#[test]
fn a_version_1_message_has_its_golden_bytes() {
    let message = Message {
        timestamp: Some(Timestamp(0x1234_5678_6553_F100)),
        context: Some(Context::new(0, &[0xDE, 0xAD])),
        signature: Some(&[0xC0, 0xFF, 0xEE]),
        ..bare(ProtocolVersion::V1)
    };
    check(&message, expect!["17a9558003010200123456786553f10002dead0003c0ffee"]);
}

#[test]
fn a_version_2_message_has_its_golden_bytes() {
    let message = Message {
        timestamp: Some(Timestamp(0x1234_5678_6553_F100)),
        context: Some(Context::new(1, &[0xDE, 0xAD])),
        signature: Some(&[0xC0, 0xFF, 0xEE]),
        ..bare(ProtocolVersion::V2)
    };
    check(&message, expect!["27a9558003010200123456786553f100000102dead0003c0ffee"]);
}

#[test]
fn context_data_above_127_bytes_has_a_long_length() {
    let context = Context { version: ContextVersion(0x8001), length: LengthForm::Shortest, data: &[7; 128] };
    assert!(context.version.is_modified() && context.version.number() == 1);
    let message = Message { context: Some(context), ..bare(ProtocolVersion::V2) };
    let mut out = [0; 256];
    let len = message.encode(&mut out).expect("fits");
    expect!["8001800000800707"].assert_eq(&hex(&out[8..16]));
    assert_eq!(Message::decode(&out[..len]), Ok((message, len)));
}

#[test]
fn what_the_protocol_does_not_allow_is_refused_with_its_reason() {
    let mut out = [0; 64];
    bare(ProtocolVersion::V2).encode(&mut out).expect("fits");
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = out;
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        Message::decode(&changed).expect_err("refused")
    };
    assert_eq!(with(0, &[0x30]), DecodeError::Version(3));
    assert_eq!(with(0, &[0x28]), DecodeError::ReservedFlag);
    assert_eq!(with(3, &[0xFF, 0xFF]), DecodeError::EventInvalid);
    assert_eq!(with(5, &[0, 0]), DecodeError::CountZero);

    let in_v1 = Message { context: Some(Context::new(1, &[])), ..bare(ProtocolVersion::V1) };
    assert_eq!(in_v1.encode(&mut out), Err(EncodeError::ContextVersion(ContextVersion(1))));
    let message = bare(ProtocolVersion::V1);
    assert_eq!(message.encode(&mut out[..7]), Err(EncodeError::Room { needed: 8, have: 7 }));
    assert_eq!(Message { count: 0, ..message }.encode(&mut out), Err(EncodeError::CountZero));
    assert_eq!(Message { event: EventId(0xFFFF), ..message }.encode(&mut out), Err(EncodeError::EventInvalid));
    let long = vec![0; 0x1_0000];
    let signed = Message { signature: Some(&long), ..message };
    assert_eq!(signed.encode(&mut out), Err(EncodeError::SignatureTooLong(0x1_0000)));
}

#[test]
fn a_length_of_two_gigabytes_is_refused_before_anything_is_read() {
    let mut bytes = vec![0x11, 0, 0, 0x80, 1, 0, 1, 0];
    bytes.extend([0xFF; 10]);
    let refused = DecodeError::Truncated { field: "context data", needed: 0x7FFF_FFFF, have: 6 };
    assert_eq!(Message::decode(&bytes), Err(refused));
}

fn bytes_up_to(len: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..=len)
}

proptest! {
    #[test]
    fn decoded_bytes_encode_to_themselves(first in prop::sample::select(&[0x10_u8, 0x20][..]), flags in 0..8_u8, tail in bytes_up_to(400)) {
        let bytes = [&[first | flags][..], &tail].concat();
        if let Ok((message, len)) = Message::decode(&bytes) {
            let mut out = vec![0; len];
            prop_assert_eq!(message.encode(&mut out), Ok(len));
            prop_assert_eq!(&out, &bytes[..len]);
        }
    }

    #[test]
    fn garbage_never_panics(bytes in bytes_up_to(64)) {
        let _ = Message::decode(&bytes);
    }

    #[test]
    fn a_message_survives_the_wire(
        v2: bool, word: u16, event in 0..0xFFFF_u16, count in 1..=u16::MAX, timestamp: Option<u64>,
        context in proptest::option::of((any::<u16>(), any::<bool>(), bytes_up_to(300))), signature in proptest::option::of(bytes_up_to(80)),
    ) {
        let version = if v2 { ProtocolVersion::V2 } else { ProtocolVersion::V1 };
        let (instance, sensor) = InstanceId::split(word);
        let context = context.as_ref().map(|(version, long, data)| Context {
            version: ContextVersion(if v2 { *version } else { 0 }),
            length: if *long && data.len() <= 127 { LengthForm::Long } else { LengthForm::Shortest },
            data,
        });
        let message = Message {
            version, instance, sensor, event: EventId(event), count, reserved: 0,
            timestamp: timestamp.map(Timestamp), context, signature: signature.as_deref(),
        };
        let mut out = vec![0; message.encoded_len()];
        prop_assert_eq!(message.encode(&mut out), Ok(out.len()));
        prop_assert_eq!(Message::decode(&out), Ok((message, out.len())));
    }
}
