//! What happens to rules that cost too much.
//!
//! Not who rests (`pipeline::costs`).

use super::Happening;
use std::sync::atomic::AtomicU64;
use tracing::{error, info};

/// A rule cost too much and is not judged for a while.
pub struct RulePaused<'a> {
    /// Its id.
    pub rule: &'a str,
    /// What it cost an event, in nanoseconds.
    pub cost_ns: u64,
    /// What it may cost.
    pub budget_ns: u64,
}
happening!(RulePaused<'_>, |it| error!(
    rule = it.rule,
    cost_ns = it.cost_ns,
    budget_ns = it.budget_ns,
    "a rule costs too much and rests; what it does not judge is counted"
));

/// A rule that rested is tried again.
pub struct RuleResumed<'a> {
    /// Its id.
    pub rule: &'a str,
}
happening!(RuleResumed<'_>, |it| info!(rule = it.rule, "a rule that rested is judged again"));
