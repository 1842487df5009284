//! From durable records to alerts, counts and lake rows: one task that reads the vault behind the intake.
//!
//! Not a queue and not a source of truth: everything it writes can be made again from the vault. Invariants (ADR-0010): what a batch
//! means and the position behind it are one transaction of the state; the saved engine and the lake are never ahead of that position;
//! a restart replays from where both stand and changes nothing that was already applied. Memory: at most [`TAIL_ROWS_MAX`] rows wait
//! for the lake; then the pipeline waits, and the vault goes on.

mod active;
mod costs;
mod decode;
mod flush;
mod indicator_files;
mod judge;
mod keepers;
mod meaning;
mod order;
mod parts;
mod prepare;
mod rise;
mod rule_files;
mod rules;
mod runner;
mod tail;

pub use active::{ActiveRules, LOOK_EVERY};
pub use costs::{PAUSE, Paused, RULE_BUDGET_NS, RuleCost, RuleCosts};
pub use decode::{DecodeFailed, decode_records};
pub(crate) use flush::append_alerts;
pub use flush::{FLUSH_AFTER, FLUSH_ROWS, FlushError};
pub use indicator_files::{indicators_beside, indicators_in};
pub use order::ANOMALY_ENTRY_FIRST;
pub use parts::{Ordered, Parts, StartError};
pub use prepare::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX};
pub(crate) use rise::{entry, rise, vehicle_at};
pub use rule_files::{RULE_FILES_MAX, files_of_tests, read_rule_file, rule_files};
pub use rules::{RuleBook, RuleFacts, RulePlaces, RuleTest, Rules, RulesError};
pub use runner::Pipeline;
pub use tail::{TAIL_ROWS_MAX, Tail};
