//! One rule of a specification about one signal: a range, a list of values, bits that carry nothing.
//!
//! Not a relation and not a history: a frame is judged by itself. Values that by convention say "not available" (all bits set;
//! of eight or more bits also all but the lowest) are in every range. Invariant: a signal that its multiplexor does not select
//! is not judged. Cost: 36 bytes of flash, no RAM, about 120 instructions.

use super::Field;
use crate::finding::{Check, Strength};
use crate::profile::Row;

/// What values a signal may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Allowed {
    /// From the first to the second.
    Range(i64, i64),
    /// Bit n allows the value n. Values from 64 on are not allowed, but for "not available".
    Values(u64),
    /// The bits of the first have the values they have in the second: they carry nothing.
    Unused(u64, u64),
}

/// The rule holds only while another signal has certain values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Switch {
    /// The other signal.
    pub field: Field,
    /// Least raw value.
    pub low: u32,
    /// Greatest raw value.
    pub high: u32,
}

/// A row of the specification table, 36 bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RuleRow {
    /// Whose.
    pub owner: u16,
    /// The signal.
    pub field: Field,
    /// Its values.
    pub allowed: Allowed,
    /// When it is there; always if `None`.
    pub switch: Option<Switch>,
    /// What a breach is worth.
    pub strength: Strength,
}

impl Allowed {
    const fn code(self) -> u8 {
        match self {
            Self::Range(..) => 1,
            Self::Values(..) => 2,
            Self::Unused(..) => 3,
        }
    }

    /// The check that a breach belongs to.
    #[must_use]
    pub const fn check(self) -> Check {
        match self {
            Self::Range(..) => Check::Range,
            Self::Values(..) => Check::Enumeration,
            Self::Unused(..) => Check::UnusedBits,
        }
    }

    /// What is expected instead of these bits of the field; `None` if they are allowed.
    fn breach(self, field: Field, raw: u64) -> Option<u64> {
        let value = field.extend(raw);
        let expected = match self {
            Self::Range(low, high) => {
                if (low <= value && value <= high) || is_not_available(field, raw) {
                    return None;
                }
                if value < low { low } else { high }.cast_unsigned()
            }
            Self::Values(values) => {
                let listed =
                    u32::try_from(raw).ok().and_then(|raw| values.checked_shr(raw)).is_some_and(|bit| bit & 1 == 1);
                if listed || is_not_available(field, raw) {
                    return None;
                }
                u64::from(values.trailing_zeros())
            }
            Self::Unused(mask, idle) => {
                if raw & mask == idle {
                    return None;
                }
                (raw & !mask) | idle
            }
        };
        Some(expected & field.mask())
    }
}

/// All bits set, or of eight and more all but the lowest; of a signed signal its extremes.
fn is_not_available(field: Field, raw: u64) -> bool {
    let ones = field.mask();
    let lowest_negative = ones ^ (ones >> 1);
    match (field.bits(), field.is_signed()) {
        (0 | 1, _) => false,
        (_, true) => raw == lowest_negative || raw == ones >> 1,
        (2..=7, false) => raw == ones,
        (_, false) => raw | 1 == ones,
    }
}

impl RuleRow {
    /// Expected and observed value, lower 32 bits each, if the data breaks the rule.
    #[must_use]
    pub fn breach(&self, data: &[u8]) -> Option<(u32, u32)> {
        if let Some(switch) = self.switch {
            let selected = u32::try_from(switch.field.raw(data)?).ok()?;
            if selected < switch.low || switch.high < selected {
                return None;
            }
        }
        let raw = self.field.raw(data)?;
        let expected = self.allowed.breach(self.field, raw)?;
        let low = |value: u64| u32::try_from(value & u64::from(u32::MAX)).unwrap_or(0);
        Some((low(expected), low(raw)))
    }
}

impl Row for RuleRow {
    const KIND: u8 = 40;
    const LEN: usize = 36;

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[o0, o1, f0, f1, f2, f3, code, strength], rest) = bytes.split_first_chunk::<8>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (second, rest) = rest.split_first_chunk::<8>()?;
        let &[s0, s1, s2, s3, l0, l1, l2, l3, h0, h1, h2, h3] = rest else { return None };
        let field = Field::read_row([f0, f1, f2, f3])?;
        let allowed = match code {
            1 => Allowed::Range(i64::from_be_bytes(*first), i64::from_be_bytes(*second)),
            2 => Allowed::Values(u64::from_be_bytes(*first)),
            3 => Allowed::Unused(u64::from_be_bytes(*first), u64::from_be_bytes(*second)),
            _ => return None,
        };
        let is_legal = match allowed {
            Allowed::Range(low, high) => low <= high,
            Allowed::Values(values) => values != 0 && *second == [0; 8],
            Allowed::Unused(mask, idle) => mask != 0 && mask & !field.mask() == 0 && idle & !mask == 0,
        };
        let strength = Strength::from_code(strength)?;
        let (low, high) = (u32::from_be_bytes([l0, l1, l2, l3]), u32::from_be_bytes([h0, h1, h2, h3]));
        let switch = match [s0, s1, s2, s3] {
            [0, 0, 0, 0] if low == 0 && high == 0 => None,
            field => Some(Switch { field: Field::read_row(field)?, low, high }),
        };
        let is_legal = is_legal && switch.is_none_or(|switch| switch.low <= switch.high);
        is_legal.then_some(Self { owner: u16::from_be_bytes([o0, o1]), field, allowed, switch, strength })
    }

    fn write(&self, out: &mut [u8]) {
        let (first, second) = match self.allowed {
            Allowed::Range(low, high) => (low.cast_unsigned(), high.cast_unsigned()),
            Allowed::Values(values) => (values, 0),
            Allowed::Unused(mask, idle) => (mask, idle),
        };
        let switch = self.switch.map_or(([0; 4], 0, 0), |switch| (switch.field.row(), switch.low, switch.high));
        let bytes = self.owner.to_be_bytes().into_iter().chain(self.field.row());
        let bytes = bytes.chain([self.allowed.code(), self.strength.code()]);
        let bytes = bytes.chain(first.to_be_bytes()).chain(second.to_be_bytes());
        let bytes = bytes.chain(switch.0).chain(switch.1.to_be_bytes()).chain(switch.2.to_be_bytes());
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

    fn rule(field: Field, allowed: Allowed) -> RuleRow {
        RuleRow { owner: 3, field, allowed, switch: None, strength: Strength::Likely }
    }

    fn byte(start: u16) -> Field {
        Field::big_endian(start, 8).unwrap()
    }

    #[test]
    fn a_range_is_judged_and_not_available_is_in_it() {
        let rule = rule(byte(8), Allowed::Range(10, 200));
        let of = |value| rule.breach(&[0, value]);
        assert_eq!((of(10), of(200), of(254), of(255)), (None, None, None, None));
        assert_eq!((of(9), of(201)), (Some((10, 9)), Some((200, 201))));
        assert_eq!(rule.breach(&[0]), None, "too short to carry the signal");
    }

    #[test]
    fn a_signed_range_has_its_extremes_as_not_available() {
        let rule = rule(byte(0).signed(), Allowed::Range(-40, 85));
        let of = |value: i8| rule.breach(&[value.cast_unsigned()]).is_some();
        assert_eq!(
            [-128, -127, -41, -40, 85, 86, 126, 127].map(of),
            [false, true, true, false, false, true, true, false]
        );
    }

    #[test]
    fn a_list_of_values_allows_no_other() {
        let rule = rule(Field::little_endian(4, 4).unwrap(), Allowed::Values(0b1011));
        let of = |value: u8| rule.breach(&[value << 4]).is_some();
        assert_eq!([0, 1, 2, 3, 4, 14, 15].map(of), [false, false, true, false, true, true, false]);
    }

    #[test]
    fn unused_bits_stay_as_they_were() {
        let rule = rule(byte(0), Allowed::Unused(0xF0, 0x30));
        assert_eq!(rule.breach(&[0x3F]), None);
        assert_eq!(rule.breach(&[0x7F]), Some((0x3F, 0x7F)));
    }

    #[test]
    fn what_the_multiplexor_does_not_select_is_not_judged() {
        let switch = Some(Switch { field: byte(0), low: 2, high: 3 });
        let rule = RuleRow { switch, ..rule(byte(8), Allowed::Range(0, 1)) };
        let of = |page| rule.breach(&[page, 9]).is_some();
        assert_eq!([1, 2, 3, 4].map(of), [false, true, true, false]);
    }

    proptest! {
        #[test]
        fn rows_that_are_read_are_written_as_they_were(bytes: [u8; 36], code in 1..=3_u8, strength in 1..=3_u8, switch: bool) {
            let given = bytes;
            let mut bytes = bytes;
            bytes[2..6].copy_from_slice(&[0, given[2] % 32, given[3] % 20 + 1, given[4] % 4]);
            (bytes[6], bytes[7]) = (code, strength);
            bytes[24..28].copy_from_slice(&[0, given[24] % 32, given[25] % 20 + 1, 0]);
            if !switch {
                bytes[24..].fill(0);
            }
            if let Some(row) = RuleRow::read(&bytes) {
                let mut out = [0; 36];
                row.write(&mut out);
                prop_assert_eq!(RuleRow::read(&out), Some(row));
            }
        }

        #[test]
        fn any_row_judges_any_data(bytes: [u8; 36], data in proptest::collection::vec(any::<u8>(), 0..=64)) {
            if let Some(row) = RuleRow::read(&bytes) {
                let _ = row.breach(&data);
            }
        }
    }
}
