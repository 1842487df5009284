//! Reports from anyone: reading the header, verifying and decompressing never panics, and peek and open agree.
//!
//! The input is once the report itself, and once the payload that a sensor signs with its own good key: only so does a fuzzer
//! get behind the signature.
#![no_main]

use ed25519_dalek::{Signer, SigningKey};
use libfuzzer_sys::fuzz_target;
use yagura_link::{Limits, open, peek};

const PROTECTED: &[u8] = b"\x58\x23\xa2\x01\x32\x03\x78\x1dapplication/vnd.yagura.report";

fuzz_target!(|bytes: &[u8]| {
    let key = SigningKey::from_bytes(&[0x42; 32]);
    check(bytes, &key);
    check(&signed(bytes, &key), &key);
});

fn check(bytes: &[u8], key: &SigningKey) {
    let peeked = peek(bytes);
    if let Ok(opened) = open(bytes, &key.verifying_key(), &Limits::default()) {
        assert_eq!(peeked, Ok(opened.header));
        assert_eq!(opened.body.len(), opened.header.body_len as usize);
    }
}

/// A COSE_Sign1 around any payload.
fn signed(payload: &[u8], key: &SigningKey) -> Vec<u8> {
    let payload = [&head(payload.len()), payload].concat();
    let signature = key.sign(&[b"\x84\x6aSignature1", PROTECTED, b"\x40", &payload].concat());
    [b"\xd2\x84", PROTECTED, b"\xa0", &payload, b"\x58\x40", &signature.to_bytes()].concat()
}

/// The head of a byte string, in its shortest form.
fn head(len: usize) -> Vec<u8> {
    let word = (len as u32).to_be_bytes();
    match len {
        0..=23 => vec![0x40 | len as u8],
        24..=0xFF => vec![0x58, len as u8],
        0x100..=0xFFFF => vec![0x59, word[2], word[3]],
        _ => [&[0x5A], &word[..]].concat(),
    }
}
