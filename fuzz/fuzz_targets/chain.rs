//! The saved chain of a device from a disk that lies: never panics, and what is read is written again the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_link::Chain;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(chain) = Chain::restore(bytes) {
        let mut saved = Vec::new();
        chain.save(&mut saved);
        assert_eq!(saved, bytes);
    }
});
