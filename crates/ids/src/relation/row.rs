//! Rows of relations: which signals are followed, and how one follows from another.
//!
//! Not learned here. Invariants: `read` of what `write` gave is the same row. Cost: 20 and 24 bytes in flash.

use crate::payload::Bits;
use crate::profile::Row;

/// What is made of a field's values.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Derived {
    /// The value.
    Level,
    /// Its change in half a second, per 65,536 units of 1,024 µs.
    Rate,
    /// All its steps added up: an odometer without its wrap.
    Count,
    /// The value added up over time, units of 1,024 µs.
    Integral,
}

/// A signal that is followed, table 11.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SignalRow {
    /// Whose.
    pub owner: u16,
    /// Where.
    pub bits: Bits,
    /// What is made of it.
    pub derived: Derived,
    /// Lower end of the values seen in training.
    pub low: i32,
    /// Their width is `32 << bin`.
    pub bin: u8,
    /// In which 32nds of that range there were values.
    pub seen: u32,
}

impl SignalRow {
    /// Whether a value is among those seen in training, or beside them.
    #[must_use]
    pub fn is_seen(&self, value: i32) -> bool {
        let above = i64::from(value).wrapping_sub(i64::from(self.low)) >> self.bin;
        u32::try_from(above).is_ok_and(|index| index < 32 && self.seen.wrapping_shr(index) & 1 != 0)
    }
}

impl Row for SignalRow {
    const KIND: u8 = 11;
    const LEN: usize = 20;

    fn read(bytes: &[u8]) -> Option<Self> {
        let &[o0, o1, b0, b1, b2, b3, b4, derived, l0, l1, l2, l3, bin, 0, 0, 0, s0, s1, s2, s3] = bytes else {
            return None;
        };
        let derived = match derived {
            0 => Derived::Level,
            1 => Derived::Rate,
            2 => Derived::Count,
            3 => Derived::Integral,
            _ => return None,
        };
        let bits = Bits::read([b0, b1, b2, b3, b4])?;
        (bin < 32).then_some(Self {
            owner: u16::from_be_bytes([o0, o1]),
            bits,
            derived,
            low: i32::from_be_bytes([l0, l1, l2, l3]),
            bin,
            seen: u32::from_be_bytes([s0, s1, s2, s3]),
        })
    }

    fn write(&self, out: &mut [u8]) {
        let derived = match self.derived {
            Derived::Level => 0,
            Derived::Rate => 1,
            Derived::Count => 2,
            Derived::Integral => 3,
        };
        let bytes = self.owner.to_be_bytes().into_iter().chain(self.bits.bytes()).chain([derived]);
        let bytes = bytes.chain(self.low.to_be_bytes()).chain([self.bin, 0, 0, 0]).chain(self.seen.to_be_bytes());
        out.iter_mut().zip(bytes).for_each(|(room, byte)| *room = byte);
    }

    fn owner(&self) -> u16 {
        self.owner
    }
}

/// How two signals are compared.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Comparison {
    /// The judged value lies within what the witness was in the last half second.
    Band,
    /// Both have gone the same way; slow drift is forgiven.
    Drift,
}

/// How a signal follows from another, table 12.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RelationRow {
    /// Whose signal is judged.
    pub owner: u16,
    /// The signal that is judged, a row of table 11.
    pub judged: u16,
    /// The signal that speaks for or against it.
    pub witness: u16,
    /// How.
    pub comparison: Comparison,
    /// The judged value is `(slope * witness >> shift) + offset`.
    pub slope: i32,
    /// 8..=40.
    pub shift: u8,
    /// See `slope`.
    pub offset: i32,
    /// By how much it may differ: units of the judged signal; for drift sixteenths of one.
    pub limit: u32,
    /// Drift: how slowly it is forgiven; the share per frame is 1 in `1 << leak`.
    pub leak: u8,
    /// How many witnesses it counts for: 1, or 2 if it holds so exactly that it cannot be chance.
    pub weight: u8,
}

impl RelationRow {
    /// What the witness's value makes the judged one.
    #[must_use]
    pub fn expected(&self, witness: i32) -> i32 {
        let scaled = i64::from(self.slope).wrapping_mul(i64::from(witness)) >> self.shift;
        let expected = scaled.saturating_add(i64::from(self.offset));
        i32::try_from(expected).unwrap_or(if expected < 0 { i32::MIN } else { i32::MAX })
    }
}

impl Row for RelationRow {
    const KIND: u8 = 12;
    const LEN: usize = 24;

    fn read(bytes: &[u8]) -> Option<Self> {
        let &[o0, o1, j0, j1, w0, w1, comparison, shift, leak, weight, 0, 0, ref rest @ ..] = bytes else {
            return None;
        };
        let &[s0, s1, s2, s3, f0, f1, f2, f3, l0, l1, l2, l3] = rest else { return None };
        let comparison = match comparison {
            0 => Comparison::Band,
            1 => Comparison::Drift,
            _ => return None,
        };
        let legal = (8..=40).contains(&shift) && leak < 32 && (1..=2).contains(&weight);
        legal.then_some(Self {
            owner: u16::from_be_bytes([o0, o1]),
            judged: u16::from_be_bytes([j0, j1]),
            witness: u16::from_be_bytes([w0, w1]),
            comparison,
            slope: i32::from_be_bytes([s0, s1, s2, s3]),
            shift,
            offset: i32::from_be_bytes([f0, f1, f2, f3]),
            limit: u32::from_be_bytes([l0, l1, l2, l3]),
            leak,
            weight,
        })
    }

    fn write(&self, out: &mut [u8]) {
        let comparison = u8::from(self.comparison == Comparison::Drift);
        let bytes = self.owner.to_be_bytes().into_iter().chain(self.judged.to_be_bytes());
        let bytes =
            bytes.chain(self.witness.to_be_bytes()).chain([comparison, self.shift, self.leak, self.weight, 0, 0]);
        let bytes = bytes.chain(self.slope.to_be_bytes()).chain(self.offset.to_be_bytes());
        let bytes = bytes.chain(self.limit.to_be_bytes());
        out.iter_mut().zip(bytes).for_each(|(room, byte)| *room = byte);
    }

    fn owner(&self) -> u16 {
        self.owner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_are_no_row_or_come_back_as_they_were(bytes: [u8; 24], tame: bool) {
            let mut bytes = bytes;
            if tame {
                bytes[6] &= 1;
                bytes[7] = 8 + (bytes[7] & 31);
                bytes[8] &= 31;
                bytes[9] = 1 + (bytes[9] & 1);
                bytes[10..12].fill(0);
                prop_assert!(RelationRow::read(&bytes).is_some());
            }
            let mut out = [0; 24];
            if let Some(row) = RelationRow::read(&bytes) {
                row.write(&mut out);
                prop_assert_eq!(out, bytes);
                prop_assert_eq!(row.expected(0), row.offset);
            }
            let signal = &mut bytes[..20];
            signal[2..8].copy_from_slice(&[0, 4, 12, 0, 0, 2]);
            signal[12] &= 31;
            signal[13..16].fill(0);
            let row = SignalRow::read(signal);
            prop_assert!(row.is_some());
            let mut out = [0; 20];
            row.into_iter().for_each(|row| row.write(&mut out));
            prop_assert_eq!(&out[..], &*signal);
        }
    }

    #[test]
    fn only_values_seen_in_training_count_as_seen() {
        let bits =
            Bits { order: crate::payload::ByteOrder::Big, shift: 0, len: 12, signed: false, headroom: 0, head: 0 };
        let row = SignalRow { owner: 0, bits, derived: Derived::Level, low: 100, bin: 3, seen: 0b101 };
        let seen: Vec<i32> = (90..130).filter(|value| row.is_seen(*value)).collect();
        assert_eq!(seen, (100..108).chain(116..124).collect::<Vec<_>>());
    }
    extern crate std;
    use std::vec::Vec;
}
