//! AUTOSAR IdsM: the filter chain and the protocol's messages (FO_PRS_IntrusionDetectionSystem, CP_SWS_IdsM; ADR-0008).
//!
//! Not a detector, not a transport, not a spool. Invariants: a message decodes to what encodes to the same bytes; every
//! reported happening is qualified, dropped with a reason, or pending ([`Tally::is_balanced`]). Cost: `no_std`, no allocation;
//! a report costs O(configured chains) in the worst case and one comparison per chain.
#![no_std]
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

mod chain;
mod config;
mod instance;
mod manager;
mod message;
mod tally;
mod timestamp;
mod window;

pub use config::{
    Aggregation, BlockState, BlockStates, ChosenContext, Config, ConfigError, FilterChain, RateLimit, ReportingMode,
    Threshold, TrafficLimit,
};
pub use instance::{InstanceId, InstanceTooLarge, SensorInstanceId};
pub use manager::{Detail, IdsM, Qualified};
pub use message::{Context, ContextVersion, DecodeError, EncodeError, LengthForm, Message, ProtocolVersion};
pub use tally::{Dropped, Tally};
pub use timestamp::Timestamp;
