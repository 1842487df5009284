//! Snapshots from a damaged disk: what is read either is refused and changes nothing, or is written again as it was.
//!
//! The input stands as the snapshot itself, and as the bytes before a checksum that is right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use yagura_detect::{Engine, RuleFile, RuleSet};

const RULES: &str = "title: a\nname: a\nlogsource: {product: vehicle}\ndetection: {s: {bus: 1}, condition: s}\n---\n\
    title: b\nid: b\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}}\n";

fuzz_target!(|bytes: &[u8]| {
    let file = RuleFile { path: "rules.yml".to_owned(), text: RULES.to_owned() };
    let Ok(set) = RuleSet::parse(&[file]) else { return };
    let mut engine = Engine::new(set);
    let before = engine.snapshot();
    let body = [b"YGDS\x00\x01", bytes].concat();
    let sealed = [body.as_slice(), Sha256::digest(&body).as_slice()].concat();
    for bytes in [bytes, &sealed] {
        if engine.restore(bytes).is_err() {
            assert_eq!(engine.snapshot(), before);
        } else {
            return;
        }
    }
});
