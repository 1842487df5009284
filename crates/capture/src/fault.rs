//! Why a line or a record is no frame.
//!
//! Not the error of the reader: reading goes on behind a fault. Invariant: each reason fits in one line and names the rule that
//! was broken, never the bytes (recordings hold personal data). Cost: `Copy`, no allocation.

use thiserror::Error;
use yagura_model::Payload;

/// The most data bytes of a classic frame.
pub(crate) const CLASSIC_LEN_MAX: usize = 8;
/// The longest interface name, as long as a [`yagura_model::Name`].
pub(crate) const INTERFACE_LEN_MAX: usize = 32;

/// Why a line is not a frame.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum LineFault {
    /// Nothing like `interface identifier#data` or `interface identifier [length] data`.
    #[error("no interface, identifier and data as candump writes them")]
    NotAFrame,
    /// The line has not the fields of the format that the lines before it have.
    #[error("fields are not those of this format")]
    Fields,
    /// The time is no number of seconds, no time of day and no date, or is beyond what 63 bits of microseconds hold.
    #[error("time is neither a number nor a date")]
    Time,
    /// The interface name has no or too many characters, or unprintable ones.
    #[error("interface name is not 1 to {INTERFACE_LEN_MAX} printable characters")]
    Interface,
    /// One interface more than [`BUSES_MAX`](crate::BUSES_MAX).
    #[error("more than {} interfaces in one log", crate::BUSES_MAX)]
    TooManyInterfaces,
    /// One attack name more than [`ATTACKS_MAX`](crate::ATTACKS_MAX).
    #[error("more than {} names of attacks in one log", crate::ATTACKS_MAX)]
    TooManyAttacks,
    /// The identifier fits neither 11 nor 29 bits, or not the width that the line says.
    #[error("identifier is no number up to 7FF, or for 29 bits up to 1FFFFFFF")]
    Identifier,
    /// The length is no length, or not the number of bytes that follow.
    #[error("length does not match the data")]
    Length,
    /// The data are not whole bytes, or too many for the kind of frame.
    #[error("data is not whole bytes, up to {CLASSIC_LEN_MAX} or for CAN FD {}", Payload::LEN_MAX)]
    Data,
    /// CAN XL, which no part of Yagura handles yet.
    #[error("CAN XL frame, not supported")]
    CanXl,
    /// The line is longer than [`LINE_BYTES_MAX`](crate::LINE_BYTES_MAX).
    #[error("line longer than {} bytes", crate::LINE_BYTES_MAX)]
    TooLong,
}

/// Why a capture of records cannot be read on, or a record of it is no frame.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RecordFault {
    /// The record is whole, but what it holds is no frame.
    #[error(transparent)]
    Frame(#[from] LineFault),
    /// The input ends in the middle of a record.
    #[error("input ends in the middle of a record")]
    Cut,
    /// A length is too small for what the record must hold.
    #[error("length is too small for what the record holds, or beyond its limit")]
    Length,
    /// The record is longer than any tool writes it.
    #[error("record or unpacked input longer than the limit")]
    TooLong,
    /// More interfaces, channels or blocks than the format's limit.
    #[error("more parts than the limit of the format")]
    TooMany,
    /// No record begins where one must.
    #[error("no record where one must begin")]
    OutOfStep,
    /// Packed data that cannot be unpacked, or are packed in an unknown way.
    #[error("packed data is broken or packed in an unknown way")]
    Packed,
    /// The capture is of another network than CAN.
    #[error("link type is not that of CAN (227, 113 or 276)")]
    LinkType,
    /// MDF before version 4.
    #[error("mdf version is not 4")]
    Version,
    /// The file holds no group of CAN frames.
    #[error("no group of CAN frames")]
    NoFrames,
}
