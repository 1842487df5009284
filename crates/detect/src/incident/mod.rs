//! Incidents: alerts that belong together, how much they weigh, and the reasons in words (ADR-0034).
//!
//! Not a store and not a queue: facts of alerts in, groups and scores out, time is the events' own. Two kinds: a *story* is what
//! happened to one vehicle or account, a *wave* is the same alert on several vehicles. [`links`] says what an alert shares with others,
//! [`Grouping`] puts together what is linked, [`assess()`] weighs it, [`title`] and [`reason`] say it in English and Japanese.
//! Invariant: which alerts are together depends on the alerts alone, not on the order or the portions in which they came.

mod assess;
mod group;
mod link;
mod tactic;
mod weights;
mod words;

pub use assess::{Assessment, Reason, Share, Summary, Weighed, WeighedPart, assess};
pub use group::{Ask, Group, GroupId, Grouping, IncidentAge, IncidentId, KEYS_MAX, KnownSpan};
pub use link::{AlertFacts, Key, Kind, Link, STORY_GAP, WAVE_GAP, WAVE_VEHICLES_MIN, is_listed, links};
pub use tactic::{Tactic, Technique, technique};
pub use weights::{Domain, WEIGHTS, Weights};
pub use words::{Subject, reason, tactic_words, title};

#[cfg(test)]
mod tests;
