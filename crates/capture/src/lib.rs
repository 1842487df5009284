//! Captures of the CAN world, in and out: two dozen formats of text and records, told apart by their content, plain or packed.
//!
//! Not here: opening files (callers bring a [`BufRead`](std::io::BufRead)), decoding signals (`profile`), archives of many files.
//! docs/format/captures.md lists the formats, ADR-0002 says how they are told apart. Invariants: no input panics; what cannot be read
//! is said, with its line or byte and the reason, and does not end the reading; labels come beside frames and never change them;
//! memory is bounded (a line, a container; for MDF the file). Cost: 60 ns a frame of candump text (`benches/reader.rs`).
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

mod buses;
mod civil;
mod clock;
mod cursor;
mod error;
mod fault;
mod gather;
mod input;
mod label;
mod reader;
mod records;
mod summary;
mod text;
mod write;

pub use buses::{BUSES_MAX, Bus};
pub use error::{ReadError, Unknown};
pub use fault::{LineFault, RecordFault};
pub use input::{Input, LINE_BYTES_MAX};
pub use label::{ATTACKS_MAX, Label};
pub use reader::{PROBE_LINES, Reader};
pub use summary::Summary;
pub use write::{Format, WriteError, Writer, write_log_line};
