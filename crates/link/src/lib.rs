//! Vehicle to cloud protocol, both ends, sans-IO: reports, receipts, spool and chain (docs/format/report.md, ADR-0007).
//!
//! Not a transport: HTTP, MQTT and TLS belong to the sensor and the server. Invariants: what an [`Uplink`] regards as
//! acknowledged has a receipt that names its digest; what a [`Chain`] accepts is judged once; every loss is declared in the
//! header of the next report. Cost: opening a report is one Ed25519 verification, one SHA-256 and one zstd frame, each over
//! bounded bytes; see `benches/reports.rs`.
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

mod body;
mod cbor;
mod chain;
mod digest;
mod entry;
mod error;
mod header;
mod limits;
mod receipt;
mod report;
mod sign1;
mod uplink;
mod writer;

pub use chain::{Anomaly, Chain, Judgement, RefuseReason, Resume, SKEW_MICROS_MAX};
pub use digest::Digest;
pub use entry::{Entries, Entry, EntryError, Excerpt, ExcerptFrame, ExcerptFrames, entries, states};
pub use error::{Flaw, OpenError};
pub use header::{Clock, Header, Losses};
pub use limits::{
    BODY_BYTES_MAX, ENTRIES_MAX, EXCERPT_FRAMES_MAX, HEADER_BYTES_MAX, Limits, RECEIPT_BYTES_MAX, REPORT_BYTES_MAX,
    WINDOW_MAX,
};
pub use receipt::Receipt;
pub use report::{Opened, Opener, open, peek, verify};
pub use uplink::{Notice, ReportId, RestoreError, SealError, Settings, Transmit, Uplink};
pub use writer::{Place, ReportWriter, Sealed, WriteError};
