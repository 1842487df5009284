//! Runs rules over record batches of any schema and says which rows each rule matches.
//!
//! Not alerts, not correlations (that is `engine`, which matches with the same evaluator): no tenant, vehicle or time is needed. A rule
//! looks at every row, whatever its log source; who wants otherwise gives a pipeline that adds conditions. Cost: see `rule bench`.

use crate::error::BatchError;
use crate::evaluate::{Evaluator, chunks};
use crate::hit::listed;
use crate::mask::Mask;
use crate::pool::EVERY_FIELD;
use crate::rule::{Rule, RuleKind};
use crate::ruleset::{Program, RuleSet};
use crate::view::Columns;
use arrow::record_batch::RecordBatch;

/// Rules that only match.
pub struct Scanner {
    set: RuleSet,
    evaluator: Evaluator,
    found: Vec<(usize, Mask)>,
}

/// What the rules match in some rows of a batch.
pub struct Found<'s> {
    set: &'s RuleSet,
    columns: &'s Columns,
    start: usize,
    found: &'s [(usize, Mask)],
}

impl Scanner {
    /// A scanner for the rules of a set that match; its correlations and baselines rest.
    #[must_use]
    pub fn new(set: RuleSet) -> Self {
        let evaluator = Evaluator::new(&set);
        Self { set, evaluator, found: Vec::new() }
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &RuleSet {
        &self.set
    }

    /// Hands over what the rules match, some thousand rows at a time.
    ///
    /// # Errors
    /// [`BatchError::Type`] if a rule asks for a column of a type that cannot be read.
    pub fn scan(&mut self, batch: &RecordBatch, mut take: impl FnMut(&Found<'_>)) -> Result<(), BatchError> {
        let columns = Columns::new(batch, &self.set.pool)?;
        for chunk in chunks(batch.num_rows()) {
            self.evaluator.run(&self.set, &columns, &chunk);
            let all = Mask::first(chunk.len());
            self.found.clear();
            for (rule, known) in self.set.rules.iter().enumerate() {
                // What a baseline's detection matches is no finding.
                if !matches!(known.kind, RuleKind::Match) {
                    continue;
                }
                let rows = self.set.matched(rule, &self.evaluator.masks, (&all, &all), |_, _| {});
                self.found.extend(rows.map(|rows| (rule, rows)));
            }
            take(&Found { set: &self.set, columns: &columns, start: chunk.start, found: &self.found });
        }
        Ok(())
    }
}

impl Found<'_> {
    /// Each rule that matches, by its place in [`RuleSet::rules`], with the rows of the batch, ascending.
    pub fn matches(&self) -> impl Iterator<Item = (usize, impl Iterator<Item = usize>)> {
        let start = self.start;
        self.found.iter().map(move |(rule, rows)| (*rule, rows.rows().map(move |row| row.saturating_add(start))))
    }

    /// A rule by its place in [`RuleSet::rules`].
    #[must_use]
    pub fn rule(&self, rule: usize) -> Option<&Rule> {
        self.set.rules.get(rule)
    }

    /// How many pairs of rule and row match.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.found.iter().map(|(_, rows)| rows.count()).fold(0, u64::saturating_add)
    }

    /// The fields that a rule asks to hold something, with their values in a row of the batch, and what of its indicator sets they hit.
    #[must_use]
    pub fn fields(&self, rule: usize, row: usize) -> Vec<(String, String)> {
        let Some(Program::Match { asserted, .. }) = self.set.programs.get(rule) else { return Vec::new() };
        let pool = &self.set.pool;
        let named = asserted.fields.iter().filter(|field| pool.name(**field) != EVERY_FIELD);
        let value = |field| Some((pool.name(field).to_owned(), self.columns.column(field).text(row)?.into_owned()));
        named.filter_map(|field| value(*field)).chain(listed(self.columns, pool, asserted, row)).collect()
    }
}
