//! Vectors, lists and decision tables from anyone: answers or errors, never a panic, and no score beyond its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_psirt::score::cvss::{answer_cvss, score};
use yagura_psirt::score::epss::EpssList;
use yagura_psirt::score::kev::KevList;
use yagura_psirt::score::ssvc::Table;

fuzz_target!(|text: &str| {
    if let Ok(scored) = score(text) {
        assert!(scored.scores.iter().all(|score| (0.0..=10.0).contains(&score.value)));
    }
    let _ = answer_cvss(text);
    let _ = EpssList::read(text);
    let _ = KevList::read(text);
    if let Ok(table) = Table::read(text) {
        let _ = table.evaluate(|_, _| None);
    }
});
