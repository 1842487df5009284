//! Integration tests of learning and detecting: synthetic traffic, and real traffic where it is at hand.
//!
//! Not unit tests (those stand beside the code). Real traffic lies in `../shared/data`; where that is absent, a test says so
//! and passes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy's allowance for tests does not reach functions beside them"
)]

#[cfg(feature = "arxml")]
mod arxml;
mod attacks;
mod clean;
mod dbc;
mod diagnostics;
mod integrity;
mod j1939;
mod learning;
mod physics;
mod protection;
mod shipped;
mod specification;
mod specified;
mod traces;
mod trial;
