//! Log formats of the CAN world, in and out: candump log files and candump console text, plain or gzip'd.
//!
//! Not here: opening files (callers bring a [`BufRead`](std::io::BufRead)), decoding signals (`profile`), vendors' formats (ADR-0002 says which
//! come next and why not now). Invariants: no input panics; a line that cannot be read is said, with its number and reason,
//! and never ends the reading; memory is one line, however long the log. Cost: about 0.2 µs a frame (`benches/reader.rs`).
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
