//! A bundle's ZIP file from anyone: never panics, and what is read is what would be written.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The server's own file, so that fuzzing it does not build the server.
#[path = "../../crates/server/src/evidence/zip.rs"]
mod zip;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(files) = zip::read(bytes) {
        assert_eq!(zip::write(&files).as_deref(), Ok(bytes));
    }
});
