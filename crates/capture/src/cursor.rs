//! Small steps through the bytes of one line: numbers, hexadecimal, words.
//!
//! Not a tokenizer with state of its own: each function takes a slice and gives back what it read and the rest.
//! Invariant: no function looks beyond the slice, and none allocates.

/// The slice without blanks at its front.
pub(crate) fn skip_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

/// The bytes up to the first blank, and the rest from that blank on.
pub(crate) fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
}

/// The leading decimal digits as a number, how many they are, and the rest. `None` on overflow.
pub(crate) fn decimal(mut text: &[u8]) -> Option<(u64, u32, &[u8])> {
    let (mut value, mut digits) = (0_u64, 0_u32);
    while let [byte @ b'0'..=b'9', rest @ ..] = text {
        value = value.checked_mul(10)?.checked_add(u64::from(byte & 0x0F))?;
        digits = digits.saturating_add(1);
        text = rest;
    }
    Some((value, digits, text))
}

/// The words of a line: what stands between blanks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (word, rest) = word(skip_blanks(self.0));
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }
}

/// A whole word as a decimal number.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    decimal(text).and_then(|(value, digits, rest)| (digits > 0 && rest.is_empty()).then_some(value))
}

/// The front of the text as a signed number with a point or a comma, in units of 10^-`scale`, and the rest. What is below the
/// unit is cut off; at most 63 bits.
pub(crate) fn scaled(text: &[u8], scale: u32) -> Option<(i64, &[u8])> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1_i64, rest),
        _ => (1, text),
    };
    let (whole, digits, rest) = decimal(text)?;
    let value = i64::try_from(whole).ok()?.checked_mul(10_i64.checked_pow(scale)?)?;
    let (fraction, rest) = fraction(rest, scale)?;
    (digits > 0).then_some((value.checked_add(fraction)?.wrapping_mul(sign), rest))
}

/// A point or comma and the decimals behind it in units of 10^-`scale`, and the rest; 0 if there is no point.
pub(crate) fn fraction(text: &[u8], scale: u32) -> Option<(i64, &[u8])> {
    let mut rest = match text {
        [b'.' | b',', rest @ ..] => rest,
        _ => return Some((0, text)),
    };
    let (mut value, mut missing) = (0_i64, scale);
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        if missing > 0 {
            value = value.checked_mul(10)?.checked_add(i64::from(digit & 0x0F))?;
            missing = missing.saturating_sub(1);
        }
        rest = after;
    }
    Some((value.checked_mul(10_i64.checked_pow(missing)?)?, rest))
}

/// A whole word as a signed number in units of 10^-`scale`.
pub(crate) fn whole(text: &[u8], scale: u32) -> Option<i64> {
    scaled(text, scale).and_then(|(value, rest)| rest.is_empty().then_some(value))
}

/// The value of each byte as a hexadecimal digit; 0xFF where it is none.
const NIBBLES: [u8; 256] = nibbles();

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated at compile time")]
#[expect(clippy::cast_possible_truncation, reason = "0..16 fits")]
const fn nibbles() -> [u8; 256] {
    let (mut table, mut digit) = ([0xFF; 256], 0);
    while digit < 16 {
        table[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        table[b"0123456789abcdef"[digit] as usize] = digit as u8;
        digit += 1;
    }
    table
}

/// The value of one hexadecimal digit, 0xFF if it is none.
pub(crate) fn nibble_or_ff(byte: u8) -> u8 {
    NIBBLES.get(usize::from(byte)).copied().unwrap_or(0xFF)
}

/// The value of one hexadecimal digit.
pub(crate) fn nibble(byte: u8) -> Option<u8> {
    NIBBLES.get(usize::from(byte)).copied().filter(|value| *value < 16)
}

/// The value of two hexadecimal digits.
pub(crate) fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (nibble_or_ff(high), nibble_or_ff(low));
    (high | low < 16).then_some((high << 4) | low)
}

/// The value of one or two hexadecimal digits and nothing else.
pub(crate) fn hex_short(digits: &[u8]) -> Option<u8> {
    match digits {
        [low] => nibble(*low),
        [high, low] => hex_byte(*high, *low),
        _ => None,
    }
}

/// The value of one to eight hexadecimal digits and nothing else.
pub(crate) fn hex_word(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, byte| Some((value << 4) | u32::from(nibble(*byte)?)))
}
