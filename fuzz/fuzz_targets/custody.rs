//! A custody record from anyone: never panics, and what decodes encodes to something that decodes to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_store::Custody;

fuzz_target!(|bytes: &[u8]| {
    if let Some(custody) = Custody::decode(bytes) {
        assert_eq!(Custody::decode(&custody.encode()), Some(custody));
    }
});
