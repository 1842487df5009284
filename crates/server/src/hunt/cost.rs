//! What each rule costs: it is run alone over a sample of the rows that were read.
//!
//! Not what it costs among others, which share its questions: that is at most as much. Cost: the sample's rows once a rule.

use arrow::record_batch::RecordBatch;
use std::collections::HashMap;
use yagura_detect::{Engine, Rule, RuleFile, RuleKind, RuleSet};
use yagura_store::thread_cpu;

/// About so many rows are a sample.
pub(super) const SAMPLE_ROWS: usize = 32_768;

/// Nanoseconds of processor time an event, by rule id; a correlation's includes the rules that it counts.
pub(super) fn of(set: &RuleSet, sample: &[RecordBatch]) -> HashMap<String, u64> {
    let rows: usize = sample.iter().map(RecordBatch::num_rows).sum();
    if rows == 0 {
        return HashMap::new();
    }
    let cost = |rule: &Rule| {
        let (alone, errors) = RuleSet::parse_with(&files(set, rule), set.surroundings());
        let mut engine = Engine::new(Some(alone).filter(|_| errors.is_empty())?);
        let before = thread_cpu();
        for batch in sample {
            engine.process(batch).ok()?;
        }
        let nanos = u64::try_from(thread_cpu().saturating_sub(before).as_nanos()).ok()?;
        Some((rule.id.clone(), nanos / rows as u64))
    };
    set.rules().iter().filter_map(cost).collect()
}

/// The rule and those that it counts, as files.
fn files(set: &RuleSet, rule: &Rule) -> Vec<RuleFile> {
    let file = |rule: &Rule| RuleFile { path: rule.path.clone(), text: rule.source.clone() };
    let mut files = vec![file(rule)];
    if let RuleKind::Correlation(it) = &rule.kind {
        files.extend(set.rules().iter().filter(|other| it.rules.contains(&other.id)).map(file));
    }
    files
}
