//! Cyclic redundancy codes of 8, 16, 32 and 64 bits by a table of 16 entries that is made on the spot.
//!
//! Not the checksum of profile files (`crate::crc`): here the polynomial is data. Nothing is inverted at the end: for data of a
//! known length that, like the start value, only adds a constant, which the rule holds. Cost: about 90 instructions for the
//! table and 13 a byte; tables of 256 entries would cost 256 bytes of flash a polynomial.

use super::checksum::Direction;

macro_rules! crc {
    ($name:ident, $word:ty, $bits:literal, $doc:literal) => {
        #[doc = $doc]
        pub(crate) fn $name(
            poly: $word,
            width: u8,
            direction: Direction,
            start: $word,
            bytes: impl Iterator<Item = u8>,
        ) -> $word {
            let spare = u32::from(u8::saturating_sub($bits, width));
            match direction {
                Direction::HighFirst => {
                    let poly = poly.checked_shl(spare).unwrap_or(0);
                    let twice = |r: $word| (r << 1) ^ if r >> ($bits - 1) == 1 { poly } else { 0 };
                    let table = table(poly, twice(poly), twice(twice(poly)), twice(twice(twice(poly))));
                    let step = |r: $word| (r << 4) ^ at(&table, r >> ($bits - 4));
                    let start = start.checked_shl(spare).unwrap_or(0);
                    let register = bytes.fold(start, |r, byte| step(step(r ^ (<$word>::from(byte) << ($bits - 8)))));
                    register.checked_shr(spare).unwrap_or(0)
                }
                Direction::LowFirst => {
                    let poly = poly.reverse_bits().checked_shr(spare).unwrap_or(0);
                    let half = |r: $word| (r >> 1) ^ if r & 1 == 1 { poly } else { 0 };
                    let table = table(half(half(half(poly))), half(half(poly)), half(poly), poly);
                    let step = |r: $word| (r >> 4) ^ at(&table, r & 0xF);
                    bytes.fold(start, |r, byte| step(step(r ^ <$word>::from(byte))))
                }
            }
        }
    };
}

crc!(crc32, u32, 32, "A code of 8, 16 or 32 bits.");
crc!(crc64, u64, 64, "A code of 64 bits.");

/// What each nibble contributes, from what its four bits contribute.
fn table<T: Copy + Default + core::ops::BitXor<Output = T>>(a: T, b: T, c: T, d: T) -> [T; 16] {
    let (ab, cd) = (a ^ b, c ^ d);
    let low = [T::default(), a, b, ab, c, a ^ c, b ^ c, ab ^ c];
    let [l0, l1, l2, l3, l4, l5, l6, l7] = low;
    [l0, l1, l2, l3, l4, l5, l6, l7, d, a ^ d, b ^ d, ab ^ d, cd, a ^ cd, b ^ cd, ab ^ cd]
}

fn at<T: Copy + Default, W: TryInto<usize>>(table: &[T; 16], nibble: W) -> T {
    nibble.try_into().ok().and_then(|nibble: usize| table.get(nibble)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    extern crate std;
    use std::vec::Vec;

    /// Bit by bit, as the definition says.
    fn slow(poly: u64, width: u32, direction: Direction, bytes: &[u8]) -> u64 {
        let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
        let mut register = 0_u64;
        for byte in bytes {
            for bit in 0..8 {
                let next = match direction {
                    Direction::HighFirst => byte >> (7 - bit) & 1,
                    Direction::LowFirst => byte >> bit & 1,
                };
                let out = register >> (width - 1) & 1 ^ u64::from(next);
                register = (register << 1 ^ if out == 1 { poly } else { 0 }) & mask;
            }
        }
        match direction {
            Direction::HighFirst => register,
            Direction::LowFirst => register.reverse_bits() >> (64 - width),
        }
    }

    proptest! {
        #[test]
        fn nibbles_and_bits_give_the_same_code(
            poly: u64, width in prop::sample::select(Vec::from([8_u8, 16, 32, 64])), low: bool,
            bytes in proptest::collection::vec(any::<u8>(), 0..=64),
        ) {
            let poly = if width == 64 { poly } else { poly & ((1 << width) - 1) };
            let direction = if low { Direction::LowFirst } else { Direction::HighFirst };
            let fast = match width {
                64 => crc64(poly, width, direction, 0, bytes.iter().copied()),
                _ => u64::from(crc32(poly as u32, width, direction, 0, bytes.iter().copied())),
            };
            prop_assert_eq!(fast, slow(poly, u32::from(width), direction, &bytes));
        }
    }
}
