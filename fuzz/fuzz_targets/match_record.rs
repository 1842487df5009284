//! Match records from a foreign broker: what is read is written again as it was, and judged without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_detect::{FleetEngine, MatchRecord, RuleFile, RuleSet};

const RULES: &str = "title: a\nname: a\nlogsource: {product: vehicle}\ndetection: {s: {bus: 1}, condition: s}\n---\n\
    title: b\nid: b\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}}\n";

fuzz_target!(|bytes: &[u8]| {
    let Ok(record) = MatchRecord::decode(bytes) else { return };
    assert!(record.encode().len() <= bytes.len());
    let file = RuleFile { path: "rules.yml".to_owned(), text: RULES.to_owned() };
    let Ok(set) = RuleSet::parse(&[file]) else { return };
    let digest = set.rules()[1].digest;
    let mut engine = FleetEngine::new(set);
    let known = MatchRecord { rule: "b".to_owned(), digest, ..record.clone() };
    engine.process(&[record, known.clone(), known]);
    assert_eq!(engine.losses().duplicates, 1);
    let snapshot = engine.snapshot();
    assert!(engine.restore(&snapshot).is_ok());
    assert!(engine.restore(bytes).is_err());
});
