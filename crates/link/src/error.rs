//! Why bytes from the other side are not taken, named by who must act.
//!
//! Not the errors of writing (those are in `writer`) nor of one entry (in `entry`). Every variant is data; texts are for logs.

use thiserror::Error;
use yagura_model::NameError;

/// What is wrong at one place of an encoding.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Flaw {
    /// The bytes end here.
    #[error("{needed} bytes needed, {have} are left")]
    Truncated {
        /// Bytes that the item takes.
        needed: u64,
        /// Bytes that are left.
        have: usize,
    },
    /// Something else stands here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A number or length that is not in its shortest form (RFC 8949 §4.2.1).
    #[error("number is not in its shortest form")]
    NotShortest,
    /// A value outside its range.
    #[error("{field} {value} exceeds the maximum {max}")]
    Range {
        /// Which field.
        field: &'static str,
        /// What stands there.
        value: u64,
        /// The most that may.
        max: u64,
    },
    /// A name that is none.
    #[error("device name")]
    Name(#[source] NameError),
    /// Bytes after the end.
    #[error("{0} bytes after the end")]
    Trailing(usize),
}

/// Why a report or receipt is not taken.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum OpenError {
    /// The sender broke the format. Never retry the same bytes.
    #[error("malformed at byte {offset}")]
    Malformed {
        /// Where, from the first byte.
        offset: usize,
        /// What.
        #[source]
        flaw: Flaw,
    },
    /// A later version of the format. The reader must be updated.
    #[error("format version {0}, this reader knows 1")]
    Version(u64),
    /// More bytes than the reader takes. The sender must send less.
    #[error("{what} of {bytes} bytes exceeds the limit of {max}")]
    TooLarge {
        /// `report`, `body` or `receipt`.
        what: &'static str,
        /// How many bytes.
        bytes: u64,
        /// The limit.
        max: usize,
    },
    /// Not signed by this key. Someone pretends, or the wrong key was looked up.
    #[error("signature does not verify")]
    BadSignature,
    /// Signed by the right key, but the body is not the zstd frame that the header declares. The sensor is broken.
    #[error("body is not one zstd frame of the {declared} bytes that the header declares")]
    Body {
        /// The header's `body_len`.
        declared: u32,
    },
}
