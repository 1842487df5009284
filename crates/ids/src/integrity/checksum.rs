//! One checksum rule of an identifier: which bits hold it, which bytes it protects, how it follows from them.
//!
//! Not E2E state: counters are beside it. Start values, final inversions, data identifiers and addresses are folded into one
//! constant, which is exact because a rule is for data of one length. Where the constant depends on a counter (AUTOSAR E2E
//! profiles 2 and 22, VW MQB) there are 16. Invariant: the bits of the checksum are never part of what it protects. Cost: 40
//! bytes of flash; figures in `crc`.

use super::crc::{crc32, crc64};
use crate::finding::Strength;
use crate::profile::Row;
use core::iter::repeat_n;
use yagura_model::{CanContext, Frame, Place};

/// Which end of a byte a code takes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// The most significant bit: catalogues call it not reflected.
    HighFirst,
    /// The least significant bit: reflected.
    LowFirst,
}

/// How the checksum follows from the bytes that it protects.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Algorithm {
    /// Exclusive or of the bytes and the constant.
    Xor,
    /// Constant plus the sum of the bytes.
    Sum,
    /// Constant minus the sum of the bytes.
    Difference,
    /// Constant plus the sum of the bytes, carries added back (modulo 255).
    CarrySum,
    /// Constant minus the sum of the bytes, modulo 255.
    CarryDifference,
    /// Exclusive or of the nibbles and the constant.
    NibbleXor,
    /// Constant plus the sum of the nibbles.
    NibbleSum,
    /// Constant minus the sum of the nibbles.
    NibbleDifference,
    /// A cyclic redundancy code of 8, 16 or 32 bits, exclusive or the constant.
    Crc {
        /// Its polynomial without the highest bit, most significant bit first.
        poly: u32,
        /// Which bit goes first.
        direction: Direction,
    },
    /// The code of 64 bits of ECMA-182, reflected: CRC-64/XZ.
    Crc64,
}

/// What is added last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Constant {
    /// Always the same.
    One(u64),
    /// Depends on four bits of the data, for checksums of 8 bits.
    ByCounter {
        /// Which nibble selects it: 2 × byte, plus 1 for the low one.
        nibble: u8,
        /// Bit n: the constant for n is known. Frames that select another are not judged.
        known: u16,
        /// The constants.
        values: [u8; 16],
    },
}

/// Where a checksum lies.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ChecksumField {
    /// Its first byte.
    pub byte: u8,
    /// Its width: 4, 8, 16, 32 or 64 bits.
    pub bits: u8,
    /// Least significant byte first; of 4 bits, the low ones.
    pub low: bool,
}

impl ChecksumField {
    /// One whole byte.
    #[must_use]
    pub const fn byte(byte: u8) -> Self {
        Self { byte, bits: 8, low: false }
    }

    const fn is_legal(self) -> bool {
        matches!(self.bits, 4 | 8 | 16 | 32 | 64) && self.byte.saturating_add(self.bits.div_ceil(8)) <= 64
    }

    /// The bytes it lies in: bit n stands for byte n.
    #[must_use]
    pub const fn mask(self) -> u64 {
        let bytes = match self.bits {
            64 => 0xFF,
            32 => 0xF,
            16 => 3,
            _ => 1_u64,
        };
        match bytes.checked_shl(self.byte as u32) {
            Some(mask) => mask,
            None => 0,
        }
    }

    /// Its first bit, counted from the most significant bit of the first byte.
    #[must_use]
    pub const fn start(self) -> u16 {
        let start = (self.byte as u16).saturating_mul(8);
        if self.bits == 4 && self.low { start.saturating_add(4) } else { start }
    }

    fn bytes(self, payload: &[u8]) -> Option<&[u8]> {
        let from = usize::from(self.byte);
        payload.get(from..from.checked_add(usize::from(self.bits.div_ceil(8)))?)
    }

    /// What stands there.
    #[must_use]
    pub fn read(self, payload: &[u8]) -> Option<u64> {
        if self.bits == 8 {
            return payload.get(usize::from(self.byte)).map(|byte| u64::from(*byte));
        }
        let bytes = self.bytes(payload)?;
        let push = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
        let value = if self.low { bytes.iter().rev().fold(0, push) } else { bytes.iter().fold(0, push) };
        Some(match (self.bits, self.low) {
            (4, true) => value & 0xF,
            (4, false) => value >> 4,
            _ => value,
        })
    }

    /// Puts a value there.
    fn write(self, payload: &mut [u8], value: u64) {
        let (from, len) = (usize::from(self.byte), usize::from(self.bits.div_ceil(8)));
        let value = value.to_le_bytes();
        let [nibble, ..] = value;
        let places = payload.iter_mut().skip(from).take(len);
        match (self.bits, self.low) {
            (4, true) => places.for_each(|place| *place = (*place & 0xF0) | (nibble & 0xF)),
            (4, false) => places.for_each(|place| *place = (*place & 0xF) | (nibble << 4)),
            (_, true) => places.zip(value).for_each(|(place, byte)| *place = byte),
            (_, false) => places.rev().zip(value).for_each(|(place, byte)| *place = byte),
        }
    }
}

/// A row of the checksum table, 40 bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ChecksumRow {
    /// Whose.
    pub owner: u16,
    /// How it is computed.
    pub algorithm: Algorithm,
    /// Where it lies.
    pub field: ChecksumField,
    /// The bytes it protects: bit n stands for byte n. Its own bits are left out whatever this says.
    pub covered: u64,
    /// Bytes of 0 that a code takes after the data, where an identifier stands behind it; the identifier itself is in the constant.
    pub tail: u8,
    /// Frames of this length are judged.
    pub len: u8,
    /// What is added last.
    pub constant: Constant,
    /// What a violation is worth.
    pub strength: Strength,
    /// Whether the row before, of the same identifier and length, explains clean traffic just as well: a frame is wrong only if
    /// it breaks both.
    pub alternative: bool,
}

impl ChecksumRow {
    /// What the bytes contribute, without the constant.
    #[must_use]
    pub fn contribution(&self, payload: &[u8]) -> u64 {
        let nibbles = self.field.bits == 4;
        let skipped = if nibbles { 0 } else { self.field.mask() };
        let all = u64::MAX.checked_shr(u32::from(64_u8.saturating_sub(self.len))).unwrap_or(0);
        if !nibbles && self.covered | skipped == all {
            // What nearly all rules say: everything but the checksum. Two slices make short loops.
            let (head, rest) = payload.split_at_checked(usize::from(self.field.byte)).unwrap_or((payload, &[]));
            let tail = rest.get(usize::from(self.field.bits / 8)..).unwrap_or(&[]);
            return self.contribution_of(head.iter().chain(tail).copied());
        }
        let covered = self.covered & !skipped;
        let bytes = payload.iter().enumerate().filter(move |(at, _)| covered >> (*at & 63) & 1 == 1);
        self.contribution_of(bytes.map(|(at, byte)| {
            match (nibbles && at == usize::from(self.field.byte), self.field.low) {
                (true, true) => *byte & 0xF0,
                (true, false) => *byte & 0xF,
                _ => *byte,
            }
        }))
    }

    fn contribution_of(&self, bytes: impl Iterator<Item = u8>) -> u64 {
        let sum = |sum: u32, byte: u8| sum.wrapping_add(u32::from(byte));
        u64::from(match self.algorithm {
            Algorithm::Xor => u32::from(bytes.fold(0, |all, byte| all ^ byte)),
            Algorithm::NibbleXor => u32::from(bytes.fold(0, |all, byte| all ^ (byte >> 4) ^ (byte & 0xF))),
            Algorithm::Sum | Algorithm::Difference | Algorithm::CarrySum | Algorithm::CarryDifference => {
                bytes.fold(0, sum)
            }
            Algorithm::NibbleSum | Algorithm::NibbleDifference => {
                bytes.fold(0, |all, byte| sum(sum(all, byte >> 4), byte & 0xF))
            }
            Algorithm::Crc { poly, direction } => {
                crc32(poly, self.field.bits, direction, 0, bytes.chain(repeat_n(0, usize::from(self.tail))))
            }
            Algorithm::Crc64 => return crc64(ECMA_182, 64, Direction::LowFirst, 0, bytes),
        })
    }

    /// What stands between the contribution and the checksum in a correct frame: the constant.
    #[must_use]
    pub const fn residue(&self, contribution: u64, checksum: u64) -> u64 {
        self.mask(match self.algorithm {
            Algorithm::Sum | Algorithm::NibbleSum => checksum.wrapping_sub(contribution),
            Algorithm::Difference | Algorithm::NibbleDifference => checksum.wrapping_add(contribution),
            // Sums stay below 64 × 255, so 64 × 255 more keeps the difference positive.
            Algorithm::CarrySum => fold_carries(checksum.wrapping_add(64 * 255).wrapping_sub(contribution)),
            Algorithm::CarryDifference => fold_carries(checksum.wrapping_add(contribution)),
            Algorithm::Xor | Algorithm::NibbleXor | Algorithm::Crc { .. } | Algorithm::Crc64 => checksum ^ contribution,
        })
    }

    /// The checksum that belongs to the data; `None` if the frame is not judged: another length, or an unknown constant.
    #[must_use]
    pub fn expected(&self, payload: &[u8]) -> Option<u64> {
        let constant = self.constant(payload)?;
        let contribution = self.contribution(payload);
        Some(self.mask(match self.algorithm {
            Algorithm::Sum | Algorithm::NibbleSum => constant.wrapping_add(contribution),
            Algorithm::Difference | Algorithm::NibbleDifference => constant.wrapping_sub(contribution),
            Algorithm::CarrySum => fold_carries(constant.wrapping_add(contribution)),
            Algorithm::CarryDifference => fold_carries(constant.wrapping_add(64 * 255).wrapping_sub(contribution)),
            Algorithm::Xor | Algorithm::NibbleXor | Algorithm::Crc { .. } | Algorithm::Crc64 => constant ^ contribution,
        }))
    }

    /// What should stand in the frame and what does, if they differ; `None` also if the frame is not judged.
    #[must_use]
    pub fn violation(&self, payload: &[u8]) -> Option<(u64, u64)> {
        let (expected, actual) = (self.expected(payload)?, self.field.read(payload)?);
        let same = match self.algorithm {
            Algorithm::CarrySum | Algorithm::CarryDifference => fold_carries(expected) == fold_carries(actual),
            _ => expected == actual,
        };
        (!same).then_some((expected, actual))
    }

    /// What proves a violation.
    pub(crate) fn context(&self, frame: &Frame, (expected, actual): (u64, u64)) -> CanContext {
        let low = |value: u64| u32::try_from(value & u64::from(u32::MAX)).unwrap_or(0);
        let place = Place { start: self.field.start(), bits: self.field.bits, witness: None };
        CanContext::of(frame, low(expected), low(actual)).at(place)
    }

    /// Puts the checksum right, as its sender would. Returns whether the rule applies to this payload.
    pub fn repair(&self, payload: &mut [u8]) -> bool {
        let Some(expected) = self.expected(payload) else { return false };
        self.field.write(payload, expected);
        true
    }

    fn constant(&self, payload: &[u8]) -> Option<u64> {
        if payload.len() != usize::from(self.len) {
            return None;
        }
        match self.constant {
            Constant::One(value) => Some(value),
            Constant::ByCounter { nibble, known, values } => {
                let counter = nibble_at(payload, nibble)?;
                let value = values.get(usize::from(counter)).filter(|_| known >> counter & 1 == 1);
                value.map(|value| u64::from(*value))
            }
        }
    }

    const fn mask(&self, value: u64) -> u64 {
        match self.field.bits {
            4 => value & 0xF,
            8 => value & 0xFF,
            16 => value & 0xFFFF,
            32 => value & 0xFFFF_FFFF,
            _ => value,
        }
    }

    fn is_legal(&self) -> bool {
        let width = match self.algorithm {
            Algorithm::Xor
            | Algorithm::Sum
            | Algorithm::Difference
            | Algorithm::CarrySum
            | Algorithm::CarryDifference => self.field.bits == 8,
            Algorithm::NibbleXor | Algorithm::NibbleSum | Algorithm::NibbleDifference => self.field.bits == 4,
            Algorithm::Crc { poly, .. } => {
                matches!(self.field.bits, 8 | 16 | 32) && self.mask(u64::from(poly)) == u64::from(poly)
            }
            Algorithm::Crc64 => self.field.bits == 64,
        };
        let constant = match self.constant {
            Constant::One(value) => self.mask(value) == value,
            Constant::ByCounter { nibble, .. } => {
                self.field.bits == 8 && nibble < self.len.saturating_mul(2) && nibble >> 1 != self.field.byte
            }
        };
        let inside = self.field.mask().checked_shr(u32::from(self.len)).unwrap_or(0) == 0 && self.len <= 64;
        let tail = match self.algorithm {
            Algorithm::Crc { .. } => self.tail <= TAIL_MAX,
            _ => self.tail == 0,
        };
        width && constant && tail && inside && self.field.is_legal()
    }
}

/// Identifiers of at most 4 bytes stand behind the data.
const TAIL_MAX: u8 = 4;
/// The polynomial of CRC-64/XZ.
pub(super) const ECMA_182: u64 = 0x42F0_E1EB_A9EA_3693;
const ALTERNATIVE: u8 = 1;
const LOW: u8 = 2;
const BY_COUNTER: u8 = 4;

/// A value modulo 255, 0 for 255, without division; values stay below 2^16.
const fn fold_carries(value: u64) -> u64 {
    let once = (value & 0xFF).wrapping_add(value >> 8);
    let twice = (once & 0xFF).wrapping_add(once >> 8);
    if twice == 255 { 0 } else { twice }
}

/// A nibble of the data: 2 × byte, plus 1 for the low one.
#[must_use]
pub(crate) fn nibble_at(payload: &[u8], nibble: u8) -> Option<u8> {
    let byte = payload.get(usize::from(nibble >> 1))?;
    Some(if nibble & 1 == 1 { byte & 0xF } else { byte >> 4 })
}

impl Row for ChecksumRow {
    const KIND: u8 = 1;
    const LEN: usize = 40;

    fn read(bytes: &[u8]) -> Option<Self> {
        let flags = *bytes.get(3)?;
        let row = Self::reread(bytes)?;
        (row.is_legal() && flags <= (ALTERNATIVE | LOW | BY_COUNTER)).then_some(row)
    }

    fn reread(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<24>()?;
        let constants = rest.first_chunk::<16>().filter(|_| rest.len() == 16)?;
        let &[o0, o1, code, flags, strength, byte, bits, len, m0, m1, m2, m3, m4, m5, m6, m7, ref tail @ ..] = head;
        let &[p0, p1, p2, p3, nibble, tail, k0, k1] = tail;
        let poly = u32::from_be_bytes([p0, p1, p2, p3]);
        let known = u16::from_be_bytes([k0, k1]);
        let constant = if flags & BY_COUNTER == 0 {
            let (value, zeros) = constants.split_first_chunk::<8>()?;
            Constant::One(Some(u64::from_be_bytes(*value)).filter(|_| zeros == [0; 8] && nibble == 0 && known == 0)?)
        } else {
            Constant::ByCounter { nibble, known, values: *constants }
        };
        Some(Self {
            owner: u16::from_be_bytes([o0, o1]),
            algorithm: Algorithm::read(code, poly)?,
            field: ChecksumField { byte, bits, low: flags & LOW != 0 },
            covered: u64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]),
            tail,
            len,
            constant,
            strength: Strength::from_code(strength)?,
            alternative: flags & ALTERNATIVE != 0,
        })
    }

    fn write(&self, out: &mut [u8]) {
        let mut flags = if self.alternative { ALTERNATIVE } else { 0 };
        flags |= if self.field.low { LOW } else { 0 };
        let mut constants = [0; 16];
        let (mut selector, mut mask) = (0, 0);
        match self.constant {
            Constant::One(value) => {
                constants.iter_mut().zip(value.to_be_bytes()).for_each(|(room, byte)| *room = byte);
            }
            Constant::ByCounter { nibble, known, values } => {
                flags |= BY_COUNTER;
                (selector, mask, constants) = (nibble, known, values);
            }
        }
        let (code, poly) = self.algorithm.code();
        let [o0, o1] = self.owner.to_be_bytes();
        let head = [o0, o1, code, flags, self.strength.code(), self.field.byte, self.field.bits, self.len];
        let [k0, k1] = mask.to_be_bytes();
        let tail = [selector, self.tail, k0, k1].into_iter().chain(constants);
        let all = head.into_iter().chain(self.covered.to_be_bytes()).chain(poly.to_be_bytes()).chain(tail);
        out.iter_mut().zip(all).for_each(|(room, byte)| *room = byte);
    }

    fn owner(&self) -> u16 {
        self.owner
    }
}

impl Algorithm {
    const fn code(self) -> (u8, u32) {
        match self {
            Self::Xor => (1, 0),
            Self::Sum => (2, 0),
            Self::Difference => (3, 0),
            Self::CarrySum => (4, 0),
            Self::CarryDifference => (5, 0),
            Self::NibbleXor => (6, 0),
            Self::NibbleSum => (7, 0),
            Self::NibbleDifference => (8, 0),
            Self::Crc { poly, direction: Direction::HighFirst } => (9, poly),
            Self::Crc { poly, direction: Direction::LowFirst } => (10, poly),
            Self::Crc64 => (11, 0),
        }
    }

    const fn read(code: u8, poly: u32) -> Option<Self> {
        Some(match (code, poly) {
            (1, 0) => Self::Xor,
            (2, 0) => Self::Sum,
            (3, 0) => Self::Difference,
            (4, 0) => Self::CarrySum,
            (5, 0) => Self::CarryDifference,
            (6, 0) => Self::NibbleXor,
            (7, 0) => Self::NibbleSum,
            (8, 0) => Self::NibbleDifference,
            (9, poly) => Self::Crc { poly, direction: Direction::HighFirst },
            (10, poly) => Self::Crc { poly, direction: Direction::LowFirst },
            (11, 0) => Self::Crc64,
            _ => return None,
        })
    }
}
