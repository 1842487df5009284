//! Filters: what narrows the rules of a set, and what of their matches they take away.
//!
//! Not how filters are read (`document`, `life`). A filter stays apart from the rules that it narrows, so that what it hides can be
//! counted. Invariants: a rule's digest changes with the filters that narrow it; a filter without rules in the set does nothing.

use crate::document::{Body, Document, Targets};
use crate::error::{RuleError, RuleErrorKind};
use crate::evaluate::evaluate;
use crate::life::{self, Exception};
use crate::mask::{Mask, PredicateMasks};
use crate::pool::{Expr, Pool};
use crate::rule::LogSource;
use crate::ruleset::{Program, Read, RuleSet, own_names};
use sha2::{Digest, Sha256};

/// The most parts that filters add to the rules of a set.
const FILTER_PARTS_MAX: usize = 4 << 20;

/// What filters of a set ask of events, each with how people answer for it.
#[derive(Default)]
pub(crate) struct Filters {
    pub(crate) exceptions: Vec<Exception>,
    /// For each exception: what must hold for a rule that it narrows to match.
    pub(crate) exprs: Vec<Expr>,
}

/// What a filter narrows.
struct Narrowing {
    targets: Targets,
    logsource: LogSource,
}

impl Narrowing {
    fn concerns(&self, document: &Document) -> bool {
        let named = match &self.targets {
            Targets::Any => true,
            Targets::Named(names) => own_names(document).any(|own| names.iter().any(|name| name == own)),
        };
        named && matches!(document.body, Body::Detection { .. }) && self.logsource.covers(&document.logsource)
    }
}

/// Takes the filters out of what was read and notes at each rule which of them narrow it.
pub(crate) fn apply(read: &mut Vec<Read>, pool: &mut Pool) -> Result<Filters, RuleError> {
    let (filters, rules) = core::mem::take(read)
        .into_iter()
        .partition::<Vec<_>, _>(|read| matches!(read.document.body, Body::Filter { .. }));
    *read = rules;
    let mut all = Filters::default();
    let mut parts_left = FILTER_PARTS_MAX;
    for filter in filters {
        let Read { document, path, source, .. } = filter;
        let id = own_names(&document).next().unwrap_or_default().to_owned();
        let Body::Filter { targets, expr, terms } = document.body else { continue };
        let narrowing = Narrowing { targets, logsource: document.logsource };
        let mut rules = Vec::new();
        for one in read.iter_mut().filter(|one| narrowing.concerns(&one.document)) {
            parts_left = parts_left.checked_sub(expr.size()).ok_or_else(|| {
                let (value, max) = (FILTER_PARTS_MAX.saturating_add(1) as u64, FILTER_PARTS_MAX as u64);
                let kind = RuleErrorKind::Limit { what: "number of parts that filters add", value, max };
                RuleError { path: path.clone(), line: document.line, column: 1, kind }
            })?;
            rules.extend(own_names(&one.document).next().map(str::to_owned));
            one.narrowed.push(all.exprs.len());
            let digest = Sha256::new().chain_update(one.document.digest).chain_update(document.digest);
            one.document.digest = digest.finalize().into();
        }
        all.exprs.push(match terms.expires {
            Some(expires) => life::until(expr, expires, pool),
            None => expr.simplified(),
        });
        let (title, owner) = (document.title.en, document.owner);
        let (reason, expires) = (terms.reason, terms.expires);
        all.exceptions.push(Exception { id, title, reason, owner, expires, rules, path, source });
    }
    Ok(all)
}

impl RuleSet {
    /// The filters, in the order of the files, each with the rules that it narrows.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// The rows of a chunk, of those `within`, that a rule matches; what an exception takes away is handed over with it.
    pub(crate) fn matched(
        &self,
        rule: usize,
        masks: &PredicateMasks,
        (all, within): (&Mask, &Mask),
        mut taken: impl FnMut(usize, &Mask),
    ) -> Option<Mask> {
        let Some(Program::Match { expr, narrowed, .. }) = self.programs.get(rule) else { return None };
        let mut found = evaluate(expr, masks, all)?;
        found.and(within);
        let matched = found;
        for exception in narrowed.iter().filter(|_| !matched.is_empty()) {
            let mut hidden = matched;
            if let Some(passes) = self.filters.get(*exception).and_then(|filter| evaluate(filter, masks, all)) {
                hidden.and_not(&passes);
            }
            if !hidden.is_empty() {
                taken(*exception, &hidden);
                found.and_not(&hidden);
            }
        }
        Some(found).filter(|found| !found.is_empty())
    }
}
