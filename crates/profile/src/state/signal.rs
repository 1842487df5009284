//! One signal: bits of a payload to a reading.
//!
//! Not multiplexed and not floating point on the wire. Invariants: a signal that does not fit the payload reads nothing; so does
//! a value outside what the quantity can be. Cost: one step a byte.

use crate::spec::Order;
use yagura_model::Gear;

/// Where the bits are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bits {
    /// Little endian: bit number of the least significant bit. Big endian: of the most significant one. Bit 0 is the least
    /// significant bit of byte 0, bit 8 that of byte 1.
    pub(super) start: usize,
    /// 1..=64.
    pub(super) size: usize,
    pub(super) order: Order,
    pub(super) signed: bool,
}

/// What the value becomes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scale {
    /// Times this is km/h.
    Kmh(f64),
    /// Times this is percent.
    Percent(f64),
    /// Whether 1 alone or all above 0 means pressed.
    Pressed { one_only: bool },
    /// Raw values and their gears.
    Gears(Vec<(i64, Gear)>),
}

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    /// 0.01 km/h.
    Speed(i32),
    /// 0.1 %.
    Accelerator(u16),
    Brake(bool),
    Gear(Gear),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Signal {
    /// Place in the table of names; lower is better.
    pub(super) rank: usize,
    pub(super) bits: Bits,
    pub(super) factor: f64,
    pub(super) offset: f64,
    /// Legal physical values, where the DBC gives a range.
    pub(super) range: Option<(f64, f64)>,
    pub(super) scale: Scale,
}

/// Faster is not a speed but a mark for "not available". km/h.
const SPEED_MAX: f64 = 500.0;
/// Rounding of a raw scale may exceed 100 % by this much.
const PERCENT_MAX: f64 = 100.5;

impl Bits {
    /// The raw value, sign-extended; `None` if the payload is too short.
    pub(super) fn read(self, payload: &[u8]) -> Option<i64> {
        let mut value = 0_u64;
        for step in 0..self.size {
            let (number, place) = match self.order {
                Order::LittleEndian => (self.start.checked_add(step)?, step),
                Order::BigEndian => (big_endian_bit(self.start, step)?, self.size.checked_sub(step)?.checked_sub(1)?),
            };
            let bit = (payload.get(number / 8)? >> (number % 8)) & 1;
            value |= u64::from(bit).checked_shl(u32::try_from(place).ok()?)?;
        }
        let unused = u32::try_from(64_usize.checked_sub(self.size)?).ok()?;
        let high = value.checked_shl(unused)?;
        if self.signed { high.cast_signed().checked_shr(unused) } else { Some(value.cast_signed()) }
    }
}

/// The number of the bit `step` places below the most significant one at `start`: down in its byte, then on from bit 7 of the
/// next.
fn big_endian_bit(start: usize, step: usize) -> Option<usize> {
    let from_top = (start / 8).checked_mul(8)?.checked_add(7_usize.checked_sub(start % 8)?)?.checked_add(step)?;
    (from_top / 8).checked_mul(8)?.checked_add(7_usize.checked_sub(from_top % 8)?)
}

impl Signal {
    /// The reading in a payload.
    pub(super) fn read(&self, payload: &[u8]) -> Option<Reading> {
        let raw = self.bits.read(payload)?;
        if let Scale::Gears(gears) = &self.scale {
            return gears.iter().find(|(code, _)| *code == raw).map(|(_, gear)| Reading::Gear(*gear));
        }
        let value = to_f64(raw) * self.factor + self.offset;
        if self.range.is_some_and(|(low, high)| value < low || value > high) {
            return None;
        }
        match self.scale {
            Scale::Kmh(scale) => {
                Some(value * scale).filter(|v| v.abs() <= SPEED_MAX).map(|v| Reading::Speed(round(v * 100.0)))
            }
            Scale::Percent(scale) => {
                let percent = Some(value * scale).filter(|v| (0.0..=PERCENT_MAX).contains(v))?.min(100.0);
                u16::try_from(round(percent * 10.0)).ok().map(Reading::Accelerator)
            }
            Scale::Pressed { one_only: false } => Some(Reading::Brake(value > 0.0)),
            Scale::Pressed { one_only: true } => match raw {
                0 => Some(Reading::Brake(false)),
                1 => Some(Reading::Brake(true)),
                _ => None,
            },
            Scale::Gears(_) => None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "raw values above 2^53 are no vehicle state")]
const fn to_f64(raw: i64) -> f64 {
    raw as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates, and callers bound the value")]
const fn round(value: f64) -> i32 {
    value.round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(start: usize, size: usize, order: Order, signed: bool) -> Bits {
        Bits { start, size, order, signed }
    }

    #[test]
    fn little_endian_counts_up_from_the_least_significant_bit() {
        let payload = [0x00, 0xF0, 0x12, 0xFF];
        assert_eq!(bits(12, 12, Order::LittleEndian, false).read(&payload), Some(0x12F));
        assert_eq!(bits(24, 8, Order::LittleEndian, true).read(&payload), Some(-1));
    }

    #[test]
    fn big_endian_counts_down_from_the_most_significant_bit() {
        let payload = [0x12, 0x34, 0x56];
        assert_eq!(bits(7, 16, Order::BigEndian, false).read(&payload), Some(0x1234));
        assert_eq!(bits(3, 12, Order::BigEndian, false).read(&payload), Some(0x234));
        assert_eq!(bits(15, 4, Order::BigEndian, true).read(&payload), Some(3));
    }

    proptest! {
        #[test]
        fn any_place_in_any_payload_reads_a_value_in_range_or_nothing(
            start in 0..600_usize, size in 1..=64_usize, big: bool, signed: bool,
            payload in proptest::collection::vec(any::<u8>(), 0..=64),
        ) {
            let order = if big { Order::BigEndian } else { Order::LittleEndian };
            if let Some(value) = bits(start, size, order, signed).read(&payload)
                && size < 64
            {
                let limit = 1_i128 << size;
                let range = if signed { -(limit / 2)..limit / 2 } else { 0..limit };
                prop_assert!(range.contains(&i128::from(value)), "{} in {:?}", value, range);
            }
        }
    }
}
