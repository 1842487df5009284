//! What a message's description allows, as rules that a detector could keep: candidates for a trial on training traffic.
//!
//! Not yet believed: ranges of open DBC files are often the editor's default or another car's. Invariant: a candidate never
//! says more than the file does; values with a text and values that mean "not available" are allowed. A range that every raw
//! value satisfies is no candidate.

use super::{Encoding, Message, Order, Signal};
use yagura_ids::{Allowed, Field, FieldError, RuleRow, Strength, Switch};

/// A rule, and whose it would be.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The signal; `None` for bits that no signal has.
    pub(crate) signal: Option<usize>,
    pub(crate) row: RuleRow,
}

/// Why a signal has no rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unfit {
    /// A multiplexor within a multiplexor, or selected by many ranges.
    Nested,
    /// More bits or bytes than a detector reads as one value.
    TooWide,
}

/// A signal is judged in at most so many ranges of its multiplexor.
const RANGES_MAX: usize = 2;
/// A list of values is one up to this many bits.
const LIST_BITS_MAX: u8 = 6;
/// Fewer texts than this name special values of a number, not a list.
const TEXTS_MIN: usize = 2;

/// The candidates of a message, and the signals that a detector cannot judge.
pub(crate) fn candidates(message: &Message) -> (Vec<Candidate>, Vec<(usize, Unfit)>) {
    let (mut found, mut unfit) = (Vec::new(), Vec::new());
    for (index, signal) in message.signals.iter().enumerate() {
        let Some(allowed) = allowed(signal) else { continue };
        match (field(signal), switches(message, signal)) {
            (Err(_), _) => unfit.push((index, Unfit::TooWide)),
            (_, None) => unfit.push((index, Unfit::Nested)),
            (Ok(field), Some(switches)) => found.extend(switches.into_iter().map(|switch| {
                let row = RuleRow { owner: 0, field, allowed, switch, strength: Strength::Hint };
                Candidate { signal: Some(index), row }
            })),
        }
    }
    if message.is_complete {
        found.extend(unused(message).into_iter().map(|row| Candidate { signal: None, row }));
    }
    (found, unfit)
}

/// Where a detector reads the signal.
pub(crate) fn field(signal: &Signal) -> Result<Field, FieldError> {
    let field = match signal.order {
        Order::LittleEndian => Field::little_endian(signal.start, signal.size)?,
        Order::BigEndian => Field::big_endian(signal.msb_first_start(), signal.size)?,
    };
    match signal.encoding {
        Encoding::Signed => Ok(field.signed()),
        Encoding::Unsigned if signal.size < 64 => Ok(field),
        Encoding::Unsigned | Encoding::Float32 | Encoding::Float64 => Err(FieldError),
    }
}

/// Under which values of its multiplexor the signal is judged; `None` if a detector cannot follow.
pub(crate) fn switches(message: &Message, signal: &Signal) -> Option<Vec<Option<Switch>>> {
    let Some(selector) = &signal.selector else { return Some(vec![None]) };
    let by = message.signals.get(selector.signal).filter(|by| by.selector.is_none())?;
    let field = field(by).ok()?;
    if selector.ranges.len() > RANGES_MAX {
        return None;
    }
    let switch = |&(low, high): &(u64, u64)| {
        let (low, high) = (u32::try_from(low).ok()?, u32::try_from(high.min(u64::from(u32::MAX))).ok()?);
        (low <= high).then_some(Some(Switch { field, low, high }))
    };
    selector.ranges.iter().map(switch).collect()
}

/// What the signal may be, if that is less than its bits can be.
fn allowed(signal: &Signal) -> Option<Allowed> {
    if matches!(signal.encoding, Encoding::Float32 | Encoding::Float64) {
        return None;
    }
    let signed = signal.encoding == Encoding::Signed;
    let is_list = signal.texts.len() >= TEXTS_MIN && signal.size <= LIST_BITS_MAX && !signed && signal.factor == 1.0;
    if is_list {
        let bit = |raw: i64| u32::try_from(raw).ok().and_then(|raw| 1_u64.checked_shl(raw)).unwrap_or(0);
        let values = signal.texts.iter().fold(0, |values, (raw, _)| values | bit(*raw));
        let all = u64::MAX >> 64_u32.saturating_sub(1_u32.checked_shl(signal.size.into()).unwrap_or(64)).min(63);
        return (values != 0 && values | (all ^ (all >> 1)) != all).then_some(Allowed::Values(values));
    }
    let (low, high) = raw_range(signal)?;
    let texts = signal.texts.iter().map(|(raw, _)| *raw);
    let (low, high) = (texts.clone().fold(low, i64::min), texts.fold(high, i64::max));
    let (least, greatest) = raw_bounds(signal);
    (low > least || high < greatest).then_some(Allowed::Range(low, high))
}

/// The least and the greatest raw value that the bits can be.
const fn raw_bounds(signal: &Signal) -> (i64, i64) {
    let bits = signal.size as u32;
    match signal.encoding {
        Encoding::Signed => {
            let greatest = i64::MAX >> 64_u32.saturating_sub(bits);
            (!greatest, greatest)
        }
        _ => (0, (u64::MAX >> 64_u32.saturating_sub(bits).saturating_sub(1)).cast_signed() >> 1),
    }
}

/// The raw values of the physical range, rounded outwards.
pub(crate) fn raw_range(signal: &Signal) -> Option<(i64, i64)> {
    let (low, high) = signal.range?;
    raw_between(signal, low, high)
}

/// The raw values between two physical ones, rounded outwards and cut to what the bits can be; `None` if there are none.
pub(crate) fn raw_between(signal: &Signal, low: f64, high: f64) -> Option<(i64, i64)> {
    let of = |physical: f64| (physical - signal.offset) / signal.factor;
    let (one, other) = (of(low), of(high));
    let (least, greatest) = raw_bounds(signal);
    // A hundredth of a step absorbs the rounding of decimal fractions.
    let low = saturating((one.min(other) + 0.01).floor()).max(least);
    let high = saturating((one.max(other) - 0.01).ceil()).min(greatest);
    (low <= high).then_some((low, high))
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates, and callers cut the value")]
const fn saturating(value: f64) -> i64 {
    value as i64
}

/// The bits that no signal has, eight bytes at a time.
fn unused(message: &Message) -> Vec<RuleRow> {
    let Some(length) = message.length else { return Vec::new() };
    let mut used = [0_u8; 64];
    for signal in &message.signals {
        for bit in signal.bits() {
            if let Some(byte) = used.get_mut(usize::from(bit / 8)) {
                *byte |= 1 << (bit % 8);
            }
        }
    }
    let bytes = used.get(..usize::from(length)).unwrap_or(&used);
    let starts = (0_u16..).step_by(64);
    let rows = bytes.chunks(8).zip(starts).filter_map(|(chunk, start)| {
        let mask = chunk.iter().rev().fold(0_u64, |mask, byte| (mask << 8) | u64::from(!byte));
        let bits = u8::try_from(chunk.len().saturating_mul(8)).ok()?;
        let field = Field::little_endian(start, bits).ok()?.signed();
        let (allowed, strength) = (Allowed::Unused(mask, 0), Strength::Hint);
        (mask != 0).then_some(RuleRow { owner: 0, field, allowed, switch: None, strength })
    });
    rows.collect()
}

impl Signal {
    /// The numbers of its bits, bit 8 being the least significant one of byte 1.
    fn bits(&self) -> impl Iterator<Item = u16> + '_ {
        (0..u16::from(self.size)).map(|step| match self.order {
            Order::LittleEndian => self.start.saturating_add(step),
            Order::BigEndian => {
                let from_left = self.msb_first_start().saturating_add(step);
                (from_left & !7).saturating_add(7_u16.saturating_sub(from_left & 7))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(size: u8, encoding: Encoding, factor: f64, range: Option<(f64, f64)>) -> Signal {
        let (order, texts) = (Order::LittleEndian, Vec::new());
        let (name, unit, selector, initial) = (String::new(), String::new(), None, None);
        Signal { name, start: 0, size, order, encoding, factor, offset: 0.0, range, unit, texts, initial, selector }
    }

    #[test]
    fn a_range_becomes_raw_values_rounded_outwards() {
        let of = |signal: Signal| allowed(&signal);
        assert_eq!(of(signal(8, Encoding::Unsigned, 0.4, Some((0.0, 100.0)))), Some(Allowed::Range(0, 250)));
        assert_eq!(of(signal(8, Encoding::Unsigned, -1.0, Some((-100.0, -3.0)))), Some(Allowed::Range(3, 100)));
        assert_eq!(of(signal(12, Encoding::Signed, 0.1, Some((-50.0, 50.0)))), Some(Allowed::Range(-500, 500)));
        assert_eq!(of(signal(8, Encoding::Unsigned, 0.1, Some((0.0, 20.05)))), Some(Allowed::Range(0, 201)));
    }

    #[test]
    fn a_range_of_all_raw_values_is_no_rule() {
        assert_eq!(allowed(&signal(8, Encoding::Unsigned, 1.0, Some((0.0, 255.0)))), None);
        assert_eq!(allowed(&signal(8, Encoding::Signed, 1.0, Some((-128.0, 127.0)))), None);
        assert_eq!(allowed(&signal(63, Encoding::Unsigned, 1.0, Some((0.0, 1e300)))), None);
        assert_eq!(allowed(&signal(8, Encoding::Unsigned, 1.0, None)), None);
    }

    #[test]
    fn texts_are_a_list_or_widen_a_range() {
        let texts = |signal: Signal, raws: &[i64]| {
            let texts = raws.iter().map(|raw| (*raw, String::new())).collect();
            allowed(&Signal { texts, ..signal })
        };
        let list = signal(4, Encoding::Unsigned, 1.0, Some((0.0, 15.0)));
        assert_eq!(texts(list.clone(), &[0, 1, 9]), Some(Allowed::Values(0b10_0000_0011)));
        assert_eq!(texts(signal(2, Encoding::Unsigned, 1.0, None), &[0, 1, 2]), None, "3 is not available");
        let range = signal(8, Encoding::Unsigned, 1.0, Some((0.0, 100.0)));
        assert_eq!(texts(range, &[250]), Some(Allowed::Range(0, 250)));
    }

    #[test]
    fn unused_bits_are_those_of_no_signal() {
        let of = |start, size, order| Signal { start, order, ..signal(size, Encoding::Unsigned, 1.0, None) };
        let message = Message {
            name: String::new(),
            id: yagura_model::CanId::from_key(1).unwrap(),
            group: None,
            length: Some(3),
            is_fd: false,
            cycle: None,
            sender: None,
            channel: None,
            signals: vec![of(0, 4, Order::LittleEndian), of(13, 10, Order::BigEndian)],
            protections: Vec::new(),
            is_complete: true,
            source: 0,
        };
        // Byte 0: high nibble free; byte 1: bits 7 and 6; byte 2: bits 3..=0.
        assert_eq!(unused(&message)[0].allowed, Allowed::Unused(0x0F_C0F0, 0));
    }
}
