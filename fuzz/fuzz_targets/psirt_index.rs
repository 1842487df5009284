//! Segments of the index that were damaged or made up: opening, look-up, judging and merging give an error and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_psirt::Instant;
use yagura_psirt::index::{Asked, Database, Segment, merge};

fuzz_target!(|bytes: &[u8]| {
    let _ = Database::open(&[bytes], Instant(i64::MAX));
    let Ok(segment) = Segment::open(bytes) else { return };
    let _ = segment.verify();
    for key in segment.keys().flatten().take(64) {
        for entry in segment.entries(key).into_iter().flatten().flatten().take(64) {
            let _ = entry.judge(&mut Asked::new(Some("1.0"), Some("cafe0123")));
            let _ = (entry.record(), entry.context());
        }
    }
    let _ = merge(&[bytes]);
});
