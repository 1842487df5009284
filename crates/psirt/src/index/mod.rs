//! Advisories compiled into immutable segments of bytes, and the look-up in them.
//!
//! Not a store: bytes in, bytes out; whoever has a file maps or reads it. Invariants: a segment is read in place with every offset checked, so
//! that a damaged one gives [`SegmentError`] and nothing else; nothing in a segment is ever changed. A look-up costs one probe of a table per
//! segment and allocates nothing. The format is in `docs/format/psirt-index.md`, the reasons are in ADR-0036.

mod build;
mod compile;
mod database;
mod heap;
mod judge;
mod layout;
mod lookup;
mod merge;
mod record;
mod rules;
mod segment;
mod table;
#[cfg(test)]
mod tests;

pub use build::Builder;
pub(crate) use build::bare_name;
pub use compile::Refused;
pub use database::{Database, Found};
pub use judge::{Asked, Range, Verdict};
pub use layout::{Kind, SegmentError};
pub use lookup::{epss, exploited, mapping};
pub use merge::merge;
pub use record::Record;
pub use segment::{Entry, Segment};
