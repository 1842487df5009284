//! Sigma rules and correlations over record batches of security events (ADR-0009; how to write rules: docs/rules.md).
//!
//! Not a store, not a scheduler: no file, no clock, no thread. [`RuleSet::parse`] reads rules, [`Engine::process`] runs them over
//! batches of [`yagura_columns::events_schema`] and hands out [`Hit`]s, [`FleetEngine`] judges what several engines saw, [`LateJudge`] what came
//! too late, [`why()`] says in words why a rule fired, [`incident`] puts alerts together, and [`cases`] runs
//! the tests that stand beside rules.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

pub mod cases;
pub mod incident;

mod advice;
mod baseline;
mod bounds;
mod chain;
mod collection;
mod condition;
mod correlate;
mod cost;
mod detection;
mod document;
mod engine;
mod error;
mod evaluate;
mod event_batch;
mod event_text;
mod explain;
mod facts;
mod fleet;
mod groups;
mod hit;
mod hunt;
mod indicators;
mod late;
mod life;
mod lint;
mod mask;
mod matched;
mod matcher;
mod modifier;
mod narrow;
mod network;
mod network_set;
mod pattern;
mod pipeline;
mod pool;
mod product;
mod regexes;
mod rest;
mod rule;
mod ruleset;
mod scanner;
mod singles;
mod snapshot;
mod texts;
mod time_part;
mod value;
mod view;
mod why;
mod window;
mod yaml;

pub use baseline::{Baseline, Compares, Values};
pub use bounds::Bounds;
pub use cost::{Clock, Costs, Sampling};
pub use engine::{Engine, Restored};
pub use error::{BatchError, ConditionProblem, RuleError, RuleErrorKind, SnapshotError, Unsupported};
pub use event_batch::{EVENT_FIELDS_MAX, EventBatch, EventBatches, FIELD_BYTES_MAX};
pub use event_text::{BadEvent, EVENT_BYTES_MAX, EventText, EventTexts};
pub use explain::{Explanation, Question, Tried, explain};
pub use facts::{FACT_FIELDS, Facts, SensorFacts};
pub use fleet::{FleetEngine, FleetLosses};
pub use groups::{CorrelationLosses, Limits};
pub use hit::{ALERT_PERIOD, EventRef, HIT_EVENTS_MAX, HIT_FIELDS_MAX, Hit};
pub use hunt::{HUNT_ALERTS_MAX, Hunter};
pub use indicators::{INDICATOR_FILE_BYTES_MAX, IndicatorError, IndicatorForm, IndicatorSet, Indicators};
pub use late::{EVENT_AHEAD_MAX, LateJudge, LateWindow, judged_time};
pub use life::{Exception, Hidden, Stage};
pub use lint::{Remark, lint};
pub use matched::{MATCH_BYTES_MAX, MatchRecord, MatchRecordError};
pub use pipeline::Pipeline;
pub use rule::{
    AlertId, AlertIdError, Alias, Correlation, CorrelationCondition, Counts, LogSource, Rule, RuleExpression, RuleFile,
    RuleKind,
};
pub use ruleset::{RULE_FILE_BYTES_MAX, RULES_MAX, RuleSet, Surroundings};
pub use scanner::{Found, Scanner};
pub use time_part::instant;
pub use why::{Finding, why};
