//! The edge of `psirt`: documents out of files, directories and archives, and the advisory database on disk.
//!
//! Not a reader of any format: what a document means is `psirt`'s work. Invariants: nothing is read by its name; every document that could
//! not be read is named; a database directory is whole at any instant, also after a crash.

mod compact;
mod content;
mod database;
mod documents;
mod error;
mod fetch;
mod git;
mod import;
mod known;
mod manifest;
mod reading;
mod report;
mod sync;

pub use database::{Database, Statements};
pub use documents::{ARCHIVE_DEPTH_MAX, DOCUMENT_BYTES_MAX, Visitor, visit, visit_stream};
pub use error::FeedError;
pub use import::import;
pub use manifest::{ImportLine, Manifest, SegmentLine, StatementsLine};
pub use report::report_path;
pub use sync::{Origin, Source, Synced, sources, sync};
