//! Advisories from anyone: any bytes are advisories and named anomalies, in time that grows with their length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_psirt::advisory::{Advisory, Sink, read};
use yagura_psirt::component::Anomaly;

struct Nothing;

impl Sink for Nothing {
    fn advisory(&mut self, advisory: Advisory) {
        assert!(!advisory.id.is_empty() || advisory.document.is_none());
    }
    fn anomaly(&mut self, anomaly: Anomaly) {
        assert!(!anomaly.what.is_empty());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = bytes;
    assert!(read(&mut input, &mut Nothing).is_ok());
});
