//! The ways in besides the gate: reports over MQTT, messages of foreign sensors, log lines of back ends (ADR-0023).
//!
//! Not what becomes of what came (that is the pipeline). All end in the intake: what is acknowledged to a broker or a back end is
//! durable. Invariants: whatever is hostile is bounded by a named maximum; what is not taken is counted, and answered where there is
//! somebody to answer.

pub mod counters;
pub mod idsr;
pub mod logs;
pub mod mqtt;
mod sources;
mod start;

pub use sources::{SOURCE_FILE_BYTES_MAX, SOURCES_MAX, Sources, SourcesError, load_source};
pub use start::{Ways, WaysConfig, WaysError};
