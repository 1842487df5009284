//! What observers other than our own sensors send, and the way to event rows: log lines of back ends (JSON lines, OTLP) by a mapping,
//! AUTOSAR IDS messages of foreign sensors.
//!
//! Not a listener and not a store: bytes and settings in, records for the vault and rows out (ADR-0023). Invariants: what comes is kept as
//! it came ([`LogRecord`], [`ForeignRecord`]); a record alone gives its rows again; whatever is hostile is bounded by a named maximum.
//! Formats: docs/format/sources.md, docs/format/idsr.md.
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

mod batch;
mod captured;
mod clock;
mod file;
mod foreign;
mod head;
mod json;
mod key;
mod lines;
mod mapping;
mod otlp;
mod rows;

pub use batch::{
    Encoding, Form, InflateError, LOG_BODY_BYTES_MAX, LOG_INFLATED_BYTES_MAX, LogRecord, MAPPING_BYTES_MAX, inflate,
};
pub use captured::{LineError, LineRow, MESSAGE_BYTES_MAX, TEXT_BYTES_MAX};
pub use file::{
    LogSource, SENDERS_MAX, SenderRule, Source, SourceError, SourceKind, TOKENS_MAX, TokenHash, TopicPattern,
};
pub use foreign::{
    FOREIGN_BODY_BYTES_MAX, FRAME_BYTES_MAX, ForeignRecord, ForeignWriter, Frame, PEER_BYTES_MAX, Sender, Via,
};
pub use head::{HEAD_BYTES_MAX, RecordError};
pub use json::{DEPTH_MAX, JsonError};
pub use key::{Algorithm, KeyError, SourceKey};
pub use lines::{LINE_BYTES_MAX, LOG_LINES_MAX};
pub use mapping::{
    Column, MAP_ENTRIES_MAX, Mapping, MappingError, PATH_PARTS_MAX, PATHS_MAX, RawColumn, RawMapping, RawPaths,
};
pub use otlp::OtlpError;
pub use rows::{FOREIGN_MESSAGES_MAX, Mappings, Read, ReadError, each_row, messages, read_foreign, read_logs};
