//! Where a signal lies in the data, and its raw value.
//!
//! Not a physical value: no factor, no offset, no floating point. Invariant: a field has 1..=64 bits in at most eight bytes that
//! lie within 64; its value fits an `i64`. Cost: one step a byte it touches.

use core::fmt;
use yagura_model::{Payload, Place};

/// A place that a detector cannot read as one value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FieldError;

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a field has 1 to 63 bits (64 if signed) in at most 8 of the first 64 bytes")
    }
}

impl core::error::Error for FieldError {}

/// Bits of a payload that are one integer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Field {
    start: u16,
    bits: u8,
    format: u8,
}

impl Field {
    /// Bytes of a field in a row.
    pub(crate) const LEN: usize = 4;
    const LITTLE_ENDIAN: u8 = 1;
    const SIGNED: u8 = 2;
    const WINDOW: u16 = 8;

    /// A field whose most significant bit comes first. `start` is that bit, counted from the most significant bit of the first
    /// byte.
    ///
    /// # Errors
    /// [`FieldError`] if it has no bits, does not fit an `i64`, or touches more than eight bytes or any after the 64th.
    pub const fn big_endian(start: u16, bits: u8) -> Result<Self, FieldError> {
        Self::new(start, bits, 0)
    }

    /// A field whose least significant bit comes first. `start` is that bit: bit 0 is the least significant bit of byte 0, bit
    /// 8 that of byte 1.
    ///
    /// # Errors
    /// As [`Self::big_endian`].
    pub const fn little_endian(start: u16, bits: u8) -> Result<Self, FieldError> {
        Self::new(start, bits, Self::LITTLE_ENDIAN)
    }

    /// The same bits as a number of two's complement.
    #[must_use]
    pub const fn signed(self) -> Self {
        Self { format: self.format | Self::SIGNED, ..self }
    }

    /// The same bits as a number that is never negative.
    ///
    /// # Errors
    /// [`FieldError`] for 64 bits.
    pub const fn unsigned(self) -> Result<Self, FieldError> {
        Self::new(self.start, self.bits, self.format & Self::LITTLE_ENDIAN)
    }

    const fn new(start: u16, bits: u8, format: u8) -> Result<Self, FieldError> {
        let field = Self { start, bits, format };
        // 64 bits may turn out to be signed; `read_row` looks again.
        if bits == 0 || bits > 64 || format > 3 || field.last_byte() as usize >= Payload::LEN_MAX {
            return Err(FieldError);
        }
        if field.last_byte().saturating_sub(field.first_byte()) >= Self::WINDOW {
            return Err(FieldError);
        }
        Ok(field)
    }

    const fn first_byte(self) -> u16 {
        self.start / 8
    }

    const fn last_bit(self) -> u16 {
        self.start.saturating_add((self.bits as u16).saturating_sub(1))
    }

    const fn last_byte(self) -> u16 {
        self.last_bit() / 8
    }

    /// Number of bits, 1..=64.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// Whether the value may be negative.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        self.format & Self::SIGNED != 0
    }

    /// The field in a row; `None` if it is none that a detector can read.
    pub(crate) fn read_row(row: [u8; Self::LEN]) -> Option<Self> {
        let [s0, s1, bits, format] = row;
        let field = Self::new(u16::from_be_bytes([s0, s1]), bits, format).ok()?;
        (bits < 64 || field.is_signed()).then_some(field)
    }

    /// As [`Self::read_row`] reads it.
    pub(crate) const fn row(self) -> [u8; Self::LEN] {
        let [s0, s1] = self.start.to_be_bytes();
        [s0, s1, self.bits, self.format]
    }

    /// The bits as they are; `None` if the data is too short.
    #[must_use]
    pub fn raw(self, data: &[u8]) -> Option<u64> {
        let bytes = data.get(usize::from(self.first_byte())..=usize::from(self.last_byte()))?;
        let join = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
        let (value, shift) = if self.format & Self::LITTLE_ENDIAN != 0 {
            (bytes.iter().rev().fold(0, join), self.start % 8)
        } else {
            (bytes.iter().fold(0, join), 7_u16.saturating_sub(self.last_bit() % 8))
        };
        Some((value >> shift) & self.mask())
    }

    /// How many bits of 64 the field leaves, 0..=63.
    const fn unused(self) -> u32 {
        64_u32.saturating_sub(self.bits as u32) & 63
    }

    /// All bits of the field set.
    #[must_use]
    pub const fn mask(self) -> u64 {
        u64::MAX >> self.unused()
    }

    /// The value; `None` if the data is too short.
    #[must_use]
    pub fn value(self, data: &[u8]) -> Option<i64> {
        self.raw(data).map(|raw| self.extend(raw))
    }

    /// The value of these bits.
    #[must_use]
    pub const fn extend(self, raw: u64) -> i64 {
        let unused = self.unused();
        if self.is_signed() { (raw << unused).cast_signed() >> unused } else { raw.cast_signed() }
    }

    /// The field as a finding names it: a little-endian field over several bytes is named by the bytes it touches.
    #[must_use]
    pub fn place(self) -> Place {
        let (first, last) = (self.first_byte(), self.last_byte());
        if self.format & Self::LITTLE_ENDIAN == 0 {
            return Place { start: self.start, bits: self.bits, witness: None };
        }
        let start = first.saturating_mul(8);
        if first == last {
            let start = start.saturating_add(7_u16.saturating_sub(self.last_bit() % 8));
            return Place { start, bits: self.bits, witness: None };
        }
        let bits = last.saturating_sub(first).saturating_add(1).saturating_mul(8);
        Place { start, bits: u8::try_from(bits).unwrap_or(u8::MAX), witness: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_read_as_written_by_hand() {
        let data = [0x00, 0xF0, 0x12, 0xFF, 0x80, 0, 0, 1];
        let little = |start, bits| Field::little_endian(start, bits).unwrap();
        let big = |start, bits| Field::big_endian(start, bits).unwrap();
        assert_eq!(little(12, 12).value(&data), Some(0x12F));
        assert_eq!(little(24, 8).signed().value(&data), Some(-1));
        assert_eq!(big(12, 12).value(&data), Some(0x012));
        assert_eq!(big(16, 16).signed().value(&data), Some(0x12FF));
        assert_eq!(big(32, 3).signed().value(&data), Some(-4));
        assert_eq!(big(0, 64).signed().value(&data), Some(0x00F0_12FF_8000_0001));
        assert_eq!(little(0, 63).value(&data), Some(0x0100_0080_FF12_F000));
        assert_eq!(little(60, 12).value(&data), None);
    }

    #[test]
    fn places_no_detector_reads_are_refused() {
        for (start, bits) in [(0, 0), (0, 65), (511, 2), (4, 64), (u16::MAX, 255)] {
            assert_eq!(Field::little_endian(start, bits), Err(FieldError));
            assert_eq!(Field::big_endian(start, bits), Err(FieldError));
        }
        assert!(Field::little_endian(0, 64).unwrap().unsigned().is_ok());
        assert_eq!(Field::read_row([0, 0, 64, 1]), None);
        assert!(Field::read_row([0, 0, 64, 3]).is_some());
    }

    #[test]
    fn a_finding_names_the_bits_from_the_left() {
        let place = |field: Field| (field.place().start, field.place().bits);
        assert_eq!(place(Field::little_endian(0, 2).unwrap()), (6, 2));
        assert_eq!(place(Field::little_endian(12, 12).unwrap()), (8, 16));
        assert_eq!(place(Field::big_endian(12, 12).unwrap()), (12, 12));
    }
}
