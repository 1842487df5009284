//! Arbitrary bytes as a capture: no panic, every frame read back from what is written of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_capture::{Reader, write_log_line};

fuzz_target!(|bytes: &[u8]| {
    for frame in Reader::new(bytes).flatten() {
        let mut line = Vec::new();
        if write_log_line(&mut line, &frame, &format!("can{}", frame.bus.0)).is_ok() {
            let back = Reader::new(line.as_slice()).next().and_then(Result::ok);
            assert_eq!(back, Some(frame));
        }
    }
});
