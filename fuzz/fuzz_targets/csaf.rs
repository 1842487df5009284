//! CSAF documents from anyone: any bytes are a report or one error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_psirt::csaf::{Group, Surroundings, validate};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(report) = validate(bytes, Group::Informative, &Surroundings::default()) {
        assert_eq!(report.is_valid(), report.findings.iter().all(|finding| finding.group > Group::Mandatory));
    }
});
