//! Events from anyone, as JSON: any bytes are events or reasons, and whatever is an event runs through rules.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_detect::{EventBatches, EventTexts, RuleFile, RuleSet, Scanner};

const RULES: &str = "title: t
logsource: {product: any}
detection:
  a: {a|contains: x, b|re: '^[a-z]+1'}
  b: {a: null, b|exists: true, 'c.d|gte': 5}
  c: {EventID: 1, Provider_Name|fieldref: Image, Data|windash|contains: '-x'}
  d: [keyword, {t|hour: 5}]
  condition: 2 of them or a or b or c or d
";

fuzz_target!(|bytes: &[u8]| {
    let file = RuleFile { path: "fuzz.yml".to_owned(), text: RULES.to_owned() };
    let Ok(set) = RuleSet::parse(&[file]) else { unreachable!("the rules are right") };
    let mut batches = EventBatches::new(&set);
    let mut scanner = Scanner::new(set);
    let mut texts = EventTexts::new(bytes);
    while let Ok(Some(event)) = texts.next_event() {
        if let Ok((place, text)) = event {
            let _ = batches.push(place, text);
        }
    }
    let Ok(batch) = batches.finish() else { unreachable!("columns of one length") };
    let rows = batch.places.len();
    let scanned = scanner.scan(&batch.batch, |found| {
        for (rule, matched) in found.matches() {
            for row in matched {
                assert!(row < rows);
                let _ = found.fields(rule, row);
            }
        }
    });
    assert!(scanned.is_ok());
});
