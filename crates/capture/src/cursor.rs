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

/// The value of one hexadecimal digit.
pub(crate) fn nibble(byte: u8) -> Option<u8> {
    NIBBLES.get(usize::from(byte)).copied().filter(|value| *value < 16)
}

/// The value of two hexadecimal digits.
pub(crate) fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let value = |byte| NIBBLES.get(usize::from(byte)).copied().unwrap_or(0xFF);
    let (high, low) = (value(high), value(low));
    (high | low < 16).then_some((high << 4) | low)
}

/// The value of one to eight hexadecimal digits and nothing else.
pub(crate) fn hex_word(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, byte| Some((value << 4) | u32::from(nibble(*byte)?)))
}
