//! A time stamp from anyone: never panics, and what nobody signed is no stamp.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_store::{Nonce, TimeStamp};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(stamp) = TimeStamp::open(bytes) {
        // Only a signature over these very bytes would hold, and the fuzzer has no key.
        let _ = stamp.check(b"checkpoint", Nonce::Any, None);
        let _ = (stamp.time(), stamp.authority());
    }
});
