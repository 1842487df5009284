//! Rows of fields: what a field of an identifier does in clean traffic, and which bits of an identifier never change.
//!
//! Not relations between fields. Invariant: `read` of what `write` gave is the same row. Cost: 28 and 20 bytes in flash.

use super::bits::Bits;
use crate::profile::{Row, word};

/// Which rules a field is judged by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rules(pub u8);

impl Rules {
    /// Jumps to and fro.
    pub const JUMP: Self = Self(1);
    /// Dead bits below it.
    pub const GRID: Self = Self(2);
    /// Never falls.
    pub const RISES: Self = Self(4);
    /// Never rises.
    pub const FALLS: Self = Self(8);
    /// Stays within its range; a hint only.
    pub const RANGE: Self = Self(16);
    const ALL: u8 = 31;

    /// Whether all of `rules` are among these.
    #[must_use]
    pub const fn has(self, rules: Self) -> bool {
        self.0 & rules.0 == rules.0
    }

    /// These and `rules`.
    #[must_use]
    pub const fn and(self, rules: Self) -> Self {
        Self(self.0 | rules.0)
    }
}

/// A field of an identifier, table 10.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FieldRow {
    /// Whose.
    pub owner: u16,
    /// Where.
    pub bits: Bits,
    /// What is judged.
    pub rules: Rules,
    /// Bits below the field, within its byte, that never change; judged by the grid rule.
    pub dead: u8,
    /// What they are.
    pub dead_value: u8,
    /// A step above this is a jump.
    pub jump: u32,
    /// How far it may move per frame.
    pub step: u32,
    /// Smallest value.
    pub low: i32,
    /// Largest value.
    pub high: i32,
}

impl Row for FieldRow {
    const KIND: u8 = 10;
    const LEN: usize = 28;

    fn read(bytes: &[u8]) -> Option<Self> {
        let &[_, _, b0, b1, b2, b3, b4, _, _, _, 0, 0, ..] = bytes else { return None };
        Bits::read([b0, b1, b2, b3, b4])?;
        let row = Self::reread(bytes)?;
        let Self { rules: Rules(rules), dead, dead_value, .. } = row;
        let legal = rules != 0 && rules <= Rules::ALL && dead < 8 && dead_value < 1 << dead && row.low <= row.high;
        (legal && dead <= row.bits.shift & 7).then_some(row)
    }

    fn reread(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 28] = bytes.try_into().ok()?;
        let &[o0, o1, b0, b1, b2, b3, b4, rules, dead, dead_value, ..] = bytes;
        Some(Self {
            owner: u16::from_be_bytes([o0, o1]),
            bits: Bits::reread([b0, b1, b2, b3, b4]),
            rules: Rules(rules),
            dead,
            dead_value,
            jump: word(bytes, 12),
            step: word(bytes, 16),
            low: word(bytes, 20).cast_signed(),
            high: word(bytes, 24).cast_signed(),
        })
    }

    fn write(&self, out: &mut [u8]) {
        let head = self.owner.to_be_bytes().into_iter().chain(self.bits.bytes());
        let head = head.chain([self.rules.0, self.dead, self.dead_value, 0, 0]);
        let tail = self.jump.to_be_bytes().into_iter().chain(self.step.to_be_bytes());
        let tail = tail.chain(self.low.to_be_bytes()).chain(self.high.to_be_bytes());
        out.iter_mut().zip(head.chain(tail)).for_each(|(room, byte)| *room = byte);
    }

    fn owner(&self) -> u16 {
        self.owner
    }
}

/// Bits of an identifier that never changed in training, table 13. A hint only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConstantRow {
    /// Whose.
    pub owner: u16,
    /// Which bits of the first eight bytes.
    pub mask: u64,
    /// What they are.
    pub value: u64,
}

impl Row for ConstantRow {
    const KIND: u8 = 13;
    const LEN: usize = 20;

    fn read(bytes: &[u8]) -> Option<Self> {
        let &[o0, o1, 0, 0, m0, m1, m2, m3, m4, m5, m6, m7, v0, v1, v2, v3, v4, v5, v6, v7] = bytes else {
            return None;
        };
        let mask = u64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]);
        let value = u64::from_be_bytes([v0, v1, v2, v3, v4, v5, v6, v7]);
        let legal = mask != 0 && value & !mask == 0;
        legal.then_some(Self { owner: u16::from_be_bytes([o0, o1]), mask, value })
    }

    fn write(&self, out: &mut [u8]) {
        let bytes = self.owner.to_be_bytes().into_iter().chain([0; 2]);
        let bytes = bytes.chain(self.mask.to_be_bytes()).chain(self.value.to_be_bytes());
        out.iter_mut().zip(bytes).for_each(|(room, byte)| *room = byte);
    }

    fn owner(&self) -> u16 {
        self.owner
    }
}

#[cfg(test)]
mod tests {
    use super::super::ByteOrder;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_are_no_row_or_come_back_as_they_were(bytes: [u8; 28], mask: u64, value: u64, tame: bool) {
            let mut bytes = bytes;
            if tame {
                bytes[2..5].iter_mut().zip([1, 31, 31]).for_each(|(byte, most)| *byte &= most);
                bytes[5..12].fill(0);
                bytes[7] = 1;
            }
            let mut out = [0; 28];
            if let Some(row) = FieldRow::read(&bytes) {
                row.write(&mut out);
                prop_assert_eq!(out, bytes);
            }
            let row = ConstantRow { owner: 3, mask, value: value & mask };
            let mut out = [0; 20];
            row.write(&mut out);
            prop_assert_eq!(ConstantRow::read(&out), (mask != 0).then_some(row));
        }

        #[test]
        fn a_value_is_that_of_its_bits(word: u64, shift in 0..33_u8, len in 1..32_u8, signed: bool, little: bool) {
            let order = if little { ByteOrder::Little } else { ByteOrder::Big };
            let bits = Bits { order, shift, len, signed, headroom: 0, head: 0 };
            prop_assert!(bits.is_legal() && bits.holds(bits.value(word)));
            let plain = if little { word.swap_bytes() } else { word } >> shift & ((1 << len) - 1);
            prop_assert_eq!(u64::from(bits.raw(word)), plain);
            prop_assert_eq!(i64::from(bits.value(word)).rem_euclid(1 << len), plain as i64);
            let step = bits.step(bits.value(word), bits.value(!word));
            let back = i64::from(bits.value(word)) + i64::from(step);
            prop_assert_eq!((back - i64::from(bits.value(!word))).rem_euclid(1 << len), 0);
        }
    }
}
