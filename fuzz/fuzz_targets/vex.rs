//! VEX documents from anyone: any bytes are statements and anomalies, and what was read can be written in every format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_psirt::Instant;
use yagura_psirt::vex::{Format, Head, read, write};

fuzz_target!(|bytes: &[u8]| {
    let taken = read(bytes);
    let head = Head {
        id: "https://example.com/1".to_owned(),
        author: "a".to_owned(),
        namespace: "https://example.com".to_owned(),
        issued: Instant(0),
        version: 1,
        title: "t".to_owned(),
    };
    for format in [Format::OpenVex, Format::Csaf, Format::CycloneDx, Format::Spdx3] {
        let written = write(format, &taken.statements, &head);
        assert!(written.lost.iter().all(|lost| lost.statement == 0 || lost.statement < taken.statements.len()));
    }
});
