//! IDS messages from anyone: no panic, and what decodes encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_idsm::Message;

fuzz_target!(|bytes: &[u8]| {
    let Ok((message, len)) = Message::decode(bytes) else { return };
    let mut out = vec![0; len];
    assert_eq!(message.encode(&mut out), Ok(len));
    assert_eq!(out.as_slice(), &bytes[..len]);
});
