//! A rule set of which some rules rest: they are not judged, and what they alone ask about is not looked for.
//!
//! Not the decision who rests (the server's, ADR-0035). Invariants: rules keep their places, ids and digests, so whoever does not rest
//! finds what it did; what counts a rule that rests, rests as well. Cost: the questions of all fields are compiled anew.

use crate::matcher::FieldMatcher;
use crate::pool::PredicateId;
use crate::rule::Rule;
use crate::ruleset::{Program, RuleSet};

impl RuleSet {
    /// The same set with the rules of these ids at rest.
    #[must_use]
    pub fn at_rest(&self, ids: &[String]) -> Self {
        let mut set = self.clone();
        if ids.is_empty() && self.resting.is_empty() {
            return set;
        }
        set.resting = self.rules.iter().map(|rule| ids.contains(&rule.id)).collect();
        // Chains of correlations are short: each pass lets the next link rest.
        while let Some(index) = (0..set.rules.len()).find(|rule| !set.rests(*rule) && set.counts_who_rests(*rule)) {
            set.resting.iter_mut().skip(index).take(1).for_each(|rests| *rests = true);
        }
        let mut asked = vec![false; set.pool.predicates.len()];
        for rule in (0..set.rules.len()).filter(|rule| !set.rests(*rule)) {
            set.each_predicate(rule, |id| asked.iter_mut().skip(id.0 as usize).take(1).for_each(|it| *it = true));
        }
        // Of what compiled before, a part does.
        let compiled = FieldMatcher::compile_all(&set.pool, |id| asked.get(id.0 as usize).is_some_and(|it| *it));
        set.matchers = compiled.into_iter().map(Result::unwrap_or_default).collect();
        set
    }

    /// The rules that rest.
    pub fn resting(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().enumerate().filter(|(index, _)| self.rests(*index)).map(|(_, rule)| rule)
    }

    pub(crate) fn rests(&self, rule: usize) -> bool {
        self.resting.get(rule).is_some_and(|rests| *rests)
    }

    fn counts_who_rests(&self, rule: usize) -> bool {
        match self.programs.get(rule) {
            Some(Program::Count { bases, .. }) => bases.iter().any(|base| self.rests(base.rule)),
            _ => false,
        }
    }

    /// The predicates that a rule asks for itself, and its exceptions for it.
    pub(crate) fn each_predicate(&self, rule: usize, mut found: impl FnMut(PredicateId)) {
        let Some(Program::Match { expr, narrowed, .. }) = self.programs.get(rule) else { return };
        expr.each_predicate(&mut found);
        narrowed.iter().filter_map(|index| self.filters.get(*index)).for_each(|it| it.each_predicate(&mut found));
    }
}
