//! Clean traffic to sensor profiles and back for explanation; DBC files to vehicle state.
//!
//! Not a detector (`ids` is) and not a reader of captures (`capture` is). Invariants: learning needs no labels and no settings
//! that depend on a vehicle; the same frames give the same profile, byte for byte; the clocks and the pace that learning
//! measures with are those that `ids` judges with. Cost: 12 bytes of memory a frame while learning (ADR-0003).
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

mod behaviour;
mod decode;
mod diag;
mod explain;
mod fast_packet;
mod fields;
mod integrity;
mod j1939;
mod learn;
mod novelty;
mod observe;
mod payload;
mod relation;
pub mod spec;
mod state;

pub use decode::{Decoder, Sample};
pub use explain::explain;
pub use fields::{FieldClass, LearnedField};
pub use integrity::Protection;
pub use learn::{LearnError, Learned, Settings, learn, learn_with};
pub use spec::{DbcError, Specification, SpecificationReport};
pub use state::{Quantity, STALE_AFTER, SourceSignal, StateDecoder};
