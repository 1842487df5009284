//! The packing of CANedge's `.MFC` files: a header of 28 bytes, then heatshrink (LZSS without a stored table).
//!
//! Not a general heatshrink reader: CANedge always writes a lookahead of 4 bits; the window's size is in the header. Invariant:
//! never more than `len_max` bytes are unpacked. Cost: the unpacked file.
//!
//! ```text
//! "Generic File" 12 | version 2 | type 2 (0x2201) | device 4 | session 4 | window 4, big endian | bits: 1 literal 8, 0 back w count 4
//! ```

use super::chunk;
use crate::fault::RecordFault;

const HEADER_LEN: usize = 28;
const COUNT_BITS: u32 = 4;
const WINDOW_BITS_MAX: u32 = 15;

/// Whether these first bytes are a packed log's.
pub(super) fn is_packed(start: &[u8]) -> bool {
    start.starts_with(b"Generic File") && chunk::<2>(start, 14) == Some([0x22, 0x01])
}

/// The unpacked file.
pub(super) fn unpack(packed: &[u8], len_max: usize) -> Result<Vec<u8>, RecordFault> {
    let window = chunk(packed, 24).map(u32::from_be_bytes).ok_or(RecordFault::Cut)?;
    let window_bits = window.checked_ilog2().filter(|bits| *bits <= WINDOW_BITS_MAX).ok_or(RecordFault::Packed)?;
    let mut bits = Bits { bytes: packed.get(HEADER_LEN..).unwrap_or(&[]), held: 0, count: 0 };
    let mut out: Vec<u8> = Vec::new();
    while let Some(is_literal) = bits.take(1) {
        if out.len() >= len_max {
            return Err(RecordFault::TooLong);
        }
        if is_literal == 1 {
            let Some(literal) = bits.take(8).and_then(|value| u8::try_from(value).ok()) else { break };
            out.push(literal);
            continue;
        }
        let (Some(back), Some(count)) = (bits.take(window_bits), bits.take(COUNT_BITS)) else { break };
        let back = usize::try_from(back).unwrap_or(0).saturating_add(1);
        for _ in 0..=count {
            // Before its first byte the window holds zeros.
            let byte = out.len().checked_sub(back).and_then(|at| out.get(at)).copied().unwrap_or(0);
            out.push(byte);
        }
    }
    Ok(out)
}

struct Bits<'a> {
    bytes: &'a [u8],
    held: u32,
    count: u32,
}

impl Bits<'_> {
    /// The next at most 15 bits; `None` if there are not so many.
    fn take(&mut self, wanted: u32) -> Option<u32> {
        while self.count < wanted {
            let (byte, rest) = self.bytes.split_first()?;
            self.held = (self.held << 8) | u32::from(*byte);
            self.count = self.count.saturating_add(8);
            self.bytes = rest;
        }
        self.count = self.count.saturating_sub(wanted);
        let value = self.held >> self.count;
        self.held &= 1_u32.checked_shl(self.count)?.wrapping_sub(1);
        Some(value)
    }
}
