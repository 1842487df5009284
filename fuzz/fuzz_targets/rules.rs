//! Rules from anyone: any text is rules or errors; rules that are accepted run over events and survive a snapshot.
//!
//! The text stands both as a whole file and as the detection of a rule that is otherwise good: only so does a fuzzer get behind
//! the required fields.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_columns::{AnomalyRow, Decoder};
use yagura_detect::{Engine, RuleFile, RuleSet};
use yagura_model::{EventId, UnixMicros};

fuzz_target!(|text: &str| {
    check(text.to_owned());
    let indented: String = text.lines().map(|line| format!("  {line}\n")).collect();
    check(format!("title: t\nlogsource: {{product: vehicle}}\ndetection:\n{indented}"));
});

fn check(text: String) {
    let file = RuleFile { path: "fuzz.yml".to_owned(), text };
    let Ok(set) = RuleSet::parse(&[file]) else { return };
    let mut decoder = Decoder::new();
    for position in 0..3 {
        let row = AnomalyRow {
            position,
            entry_index: 0,
            received: UnixMicros(1_000_000),
            device: None,
            report: (0, 0),
            event: EventId(0x9001),
            count: 1,
            expected: Some(1),
            observed: None,
        };
        assert!(decoder.push_anomaly(&row).is_ok());
    }
    let Ok(batches) = decoder.finish() else { return };
    let mut engine = Engine::new(set);
    assert!(engine.process(&batches.events).is_ok());
    let snapshot = engine.snapshot();
    assert!(engine.restore(&snapshot).is_ok());
    assert_eq!(engine.snapshot(), snapshot);
}
