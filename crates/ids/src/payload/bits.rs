//! Where a field lies in the data, and its value.
//!
//! Not its meaning. Fields lie in the first eight bytes; what a CAN FD frame carries beyond is not judged here. Invariant: the
//! bits, with the headroom above them, lie within those eight bytes. Cost: two shifts and two masks.

use yagura_model::Payload;

/// The first eight bytes of the data, the first one on top; missing ones are 0.
#[must_use]
pub fn word(payload: &Payload) -> u64 {
    let mut bytes = [0_u8; 8];
    bytes.iter_mut().zip(payload.as_slice()).for_each(|(room, byte)| *room = *byte);
    u64::from_be_bytes(bytes)
}

/// Which byte of a field comes first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ByteOrder {
    /// The most significant.
    Big,
    /// The least significant.
    Little,
}

/// Where the bits of a field lie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bits {
    /// Byte order.
    pub order: ByteOrder,
    /// How far the least significant bit is from the bottom of the (for little endian: byte-swapped) word.
    pub shift: u8,
    /// Number of bits, 1..=31.
    pub len: u8,
    /// Whether the top bit is a sign.
    pub signed: bool,
    /// Bits above the field that never changed in training and may belong to it, 0..=8.
    pub headroom: u8,
    /// What they were.
    pub head: u8,
}

impl Bits {
    /// Bytes of its encoding.
    pub(crate) const LEN: usize = 5;

    /// Whether it lies within eight bytes.
    #[must_use]
    pub const fn is_legal(self) -> bool {
        let top = (self.shift as u16).saturating_add(self.len as u16).saturating_add(self.headroom as u16);
        let head_fits = self.headroom == 8 || (self.headroom < 8 && self.head < 1 << self.headroom);
        self.len >= 1 && self.len <= 31 && top <= 64 && head_fits
    }

    const fn lowered(self, word: u64) -> u64 {
        let word = match self.order {
            ByteOrder::Big => word,
            ByteOrder::Little => word.swap_bytes(),
        };
        word.wrapping_shr(self.shift as u32)
    }

    /// The largest raw value.
    #[must_use]
    pub const fn mask(self) -> u32 {
        (1_u32.wrapping_shl(self.len as u32)).wrapping_sub(1)
    }

    /// The bits as they are.
    #[must_use]
    pub fn raw(self, word: u64) -> u32 {
        u32::try_from(self.lowered(word) & u64::from(self.mask())).unwrap_or(0)
    }

    /// The `dead` bits below the field.
    #[must_use]
    pub fn below(self, word: u64, dead: u8) -> u32 {
        let lower = Self { shift: self.shift.saturating_sub(dead), len: dead.min(31), ..self };
        lower.raw(word)
    }

    /// The value of raw bits.
    #[must_use]
    pub fn value_of(self, raw: u32) -> i32 {
        let value = i32::try_from(raw).unwrap_or(0);
        let negative = self.signed && raw > self.mask() >> 1;
        if negative { value.wrapping_sub(1_i32.wrapping_shl(u32::from(self.len))) } else { value }
    }

    /// The value.
    #[must_use]
    pub fn value(self, word: u64) -> i32 {
        self.value_of(self.raw(word))
    }

    /// Whether the bits can hold the value.
    #[must_use]
    pub fn holds(self, value: i32) -> bool {
        let mask = i64::from(self.mask());
        let (low, high) = if self.signed { (!(mask >> 1), mask >> 1) } else { (0, mask) };
        (low..=high).contains(&i64::from(value))
    }

    /// The shortest way from one value to another on the ring of this field's values.
    #[must_use]
    pub const fn step(self, from: i32, to: i32) -> i32 {
        let unused = 32_u32.saturating_sub(self.len as u32);
        to.wrapping_sub(from).wrapping_shl(unused).wrapping_shr(unused)
    }

    /// Whether the headroom is as in training and the value is none of those that mean "not valid" (all ones, sign alone).
    #[must_use]
    pub fn is_plain(self, word: u64) -> bool {
        let raw = self.raw(word);
        let above = self.lowered(word).wrapping_shr(u32::from(self.len));
        let head = above & (1_u64.wrapping_shl(u32::from(self.headroom))).wrapping_sub(1);
        let invalid = self.len >= 8
            && (raw == self.mask() && !self.signed || raw == (self.mask() >> 1).wrapping_add(1) && self.signed);
        head == u64::from(self.head) && !invalid
    }

    /// First bit, counted from the most significant bit of the first byte; for little endian that of its first byte.
    #[must_use]
    pub const fn start(self) -> u16 {
        let shift = self.shift as u16;
        match self.order {
            ByteOrder::Big => 64_u16.saturating_sub(shift).saturating_sub(self.len as u16),
            ByteOrder::Little => {
                let in_byte = (shift & 7).saturating_add(self.len as u16);
                let from_top = 8_u16.saturating_sub(in_byte);
                (shift & !7).saturating_add(from_top)
            }
        }
    }

    pub(crate) fn read(bytes: [u8; Self::LEN]) -> Option<Self> {
        let [flags, ..] = bytes;
        let bits = Self::reread(bytes);
        (flags <= 3 && bits.is_legal()).then_some(bits)
    }

    /// What [`Self::read`] accepted before.
    pub(crate) const fn reread(bytes: [u8; Self::LEN]) -> Self {
        let [flags, shift, len, headroom, head] = bytes;
        let order = if flags & 1 == 0 { ByteOrder::Big } else { ByteOrder::Little };
        Self { order, shift, len, signed: flags & 2 != 0, headroom, head }
    }

    pub(crate) fn bytes(self) -> [u8; Self::LEN] {
        let flags = u8::from(self.order == ByteOrder::Little) | u8::from(self.signed) << 1;
        [flags, self.shift, self.len, self.headroom, self.head]
    }
}
