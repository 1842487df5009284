//! Every limit of the link in one place.
//!
//! Not settings: these are the format's. A server may be stricter ([`Limits`]), never laxer. Invariant, checked at compile
//! time: a full body always fits into a report, so sealing cannot fail by size.

/// The largest report on the wire.
pub const REPORT_BYTES_MAX: usize = BODY_BYTES_MAX + (16 << 10);
/// The largest body before compression.
pub const BODY_BYTES_MAX: usize = 512 << 10;
/// The most entries of one body; an entry's index fits 16 bits.
pub const ENTRIES_MAX: usize = 8_192;
/// The most frames of one excerpt.
pub const EXCERPT_FRAMES_MAX: usize = 512;
/// The largest header: every number at its longest, every name of 32 characters.
pub const HEADER_BYTES_MAX: usize = 320;
/// The largest receipt on the wire.
pub const RECEIPT_BYTES_MAX: usize = 512;
/// How many reports may be on the way unacknowledged, counted from the oldest.
pub const WINDOW_MAX: u64 = 16;
/// How many reports of a boot the cloud remembers to tell duplicates from forgeries.
pub(crate) const MEMORY_MAX: usize = 32;

/// zstd's worst case for a full body (source / 256 + 64), plus header, signature and framing.
const SEALED_BYTES_MAX: usize = BODY_BYTES_MAX + BODY_BYTES_MAX / 256 + 64 + HEADER_BYTES_MAX + 256;
const _: () = assert!(SEALED_BYTES_MAX <= REPORT_BYTES_MAX, "a full body must fit into a report");
const _: () = assert!(ENTRIES_MAX <= u16::MAX as usize, "an entry's index is a u16");
const _: () = assert!(WINDOW_MAX * 2 <= MEMORY_MAX as u64, "what is on the way must be remembered");

/// What a reader of reports is willing to take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes on the wire.
    pub report_bytes_max: usize,
    /// Bytes after decompression.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    /// The format's own limits.
    fn default() -> Self {
        Self { report_bytes_max: REPORT_BYTES_MAX, body_bytes_max: BODY_BYTES_MAX }
    }
}
