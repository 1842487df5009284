//! What products are made of, what is known to be wrong with it, and which of the two concern each other.
//!
//! Not a fetcher, not a database: bytes in, values out (ADR-0036). Readers of SBOMs and advisories keep what a document says as it says
//! it; only the compiled index reads identities and versions. Invariants: a component that could not be identified is a result, never a
//! silence; what is hostile is bounded by a named maximum and said to be.
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

mod instant;

pub mod advisory;
pub mod component;
pub mod csaf;
pub mod findings;
pub mod identity;
pub mod index;
pub mod portfolio;
pub mod resolve;
pub mod sbom;
pub mod score;
pub mod version;
pub mod vex;

pub use instant::Instant;
