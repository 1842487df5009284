//! Why no frame came out of a capture.
//!
//! Not why it was written badly: a fault names what the reader misses. Invariant: every error says where (line or byte). Cost:
//! small and `Send`.

use crate::fault::{LineFault, RecordFault};
use std::fmt;
use std::io;
use thiserror::Error;

/// Why no frame came.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// This line is no frame; reading goes on behind it.
    #[error("line {line}: {reason}")]
    Line {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: LineFault,
    },
    /// This record is no frame; reading goes on behind it.
    #[error("byte {offset}: {reason}")]
    Record {
        /// Where it (or the packed block that holds it) begins.
        offset: u64,
        /// What is wrong with it.
        reason: RecordFault,
    },
    /// The capture cannot be read from here on; nothing follows.
    #[error("byte {offset}: {reason}; reading ends here")]
    Broken {
        /// Where.
        offset: u64,
        /// Why.
        reason: RecordFault,
    },
    /// The input is something else; nothing follows.
    #[error("not a capture of a known format: {0}")]
    UnknownFormat(Unknown),
    /// The bytes could not be read, or the packed stream is broken; nothing follows.
    #[error("input ended early")]
    Io(#[from] io::Error),
}

impl ReadError {
    /// Whether nothing follows this error.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        match self {
            Self::Line { .. } | Self::Record { .. } => false,
            Self::Broken { .. } | Self::UnknownFormat(_) | Self::Io(_) => true,
        }
    }
}

/// What is known of an input of unknown format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unknown {
    /// The first unreadable line.
    pub line: u64,
    /// What is wrong with it.
    pub reason: LineFault,
    /// What the first bytes look like, if that is known.
    pub looks_like: Option<&'static str>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.looks_like {
            Some(what) => write!(f, "it looks like {what}"),
            None => write!(f, "no readable line at the start; line {}: {}", self.line, self.reason),
        }
    }
}
