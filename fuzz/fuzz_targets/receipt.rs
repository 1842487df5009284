//! Receipts and saved uplinks from anyone: no panic; what opens seals to the same bytes.
#![no_main]

use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;
use yagura_link::{Receipt, Settings, Uplink};

fuzz_target!(|bytes: &[u8]| {
    let key = SigningKey::from_bytes(&[0x42; 32]);
    if let Ok(receipt) = Receipt::open(bytes, &key.verifying_key()) {
        assert_eq!(receipt.seal(&key), bytes);
    }
    let _ = Uplink::restore(bytes, Settings::default());
});
