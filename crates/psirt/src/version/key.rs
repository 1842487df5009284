//! The bytes that version keys are made of.
//!
//! Not a scheme: each scheme says what it writes and in which order. Invariants: what is written for a number or a text is the prefix of
//! no other number or text, so fields can follow each other; a bytewise comparison of two numbers is their numeric order, whatever their
//! length. A number below 100 takes one byte, a longer one its digits and one more.

/// Writes a number of any length; leading zeros do not count.
pub(super) fn number(out: &mut Vec<u8>, digits: &str) {
    match digits.trim_start_matches('0').as_bytes() {
        [] => out.push(0),
        [one] => out.push(digit(*one)),
        [ten, one] => out.push(digit(*ten).saturating_mul(10).saturating_add(digit(*one))),
        longer => {
            // 100 is three digits, 101 four, and so on to 254; beyond, the length is written out.
            match u8::try_from(longer.len().saturating_add(97)) {
                Ok(short) if short < u8::MAX => out.push(short),
                _ => {
                    out.push(u8::MAX);
                    out.extend(u32::try_from(longer.len()).unwrap_or(u32::MAX).to_be_bytes());
                }
            }
            out.extend(longer);
        }
    }
}

const fn digit(byte: u8) -> u8 {
    byte.wrapping_sub(b'0')
}

/// Writes a text that sorts by its bytes and before any longer text that it begins. Version texts hold no control characters.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.as_bytes());
    out.push(0);
}

/// Writes a text without regard to the case of ASCII letters.
pub(super) fn text_lower(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
    out.push(0);
}

/// Where a list of things stands that a scheme pads without end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Beside {
    /// Before the padding.
    Before,
    /// It is the padding.
    Same,
    /// After it.
    After,
}

/// Writes a list as if it were padded without end. `beside` says how an item compares with the padding, `write` writes one that is not it.
///
/// A run of padding is written as what follows it and its length, so that `1.0.0.a` and `1.0.a` keep their order beside `1`.
pub(super) fn padded<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    beside: impl Fn(&T) -> Beside,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    let mut run = 0_u16;
    for item in items {
        match beside(&item) {
            Beside::Same => {
                run = run.saturating_add(1);
                continue;
            }
            Beside::Before => {
                out.push(1);
                out.extend(run.to_be_bytes());
            }
            Beside::After => {
                out.push(3);
                out.extend((!run).to_be_bytes());
            }
        }
        run = 0;
        write(out, item);
    }
    out.push(2);
}

/// The longest beginning of `text` whose bytes are all wanted, and the rest.
pub(super) fn take(text: &str, wanted: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !wanted(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// The digits that `text` begins with, and the rest.
pub(super) fn digits(text: &str) -> (&str, &str) {
    take(text, |byte| byte.is_ascii_digit())
}

/// Whether these are digits and nothing else.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The runs of digits and of letters in `text`; all else separates.
pub(super) fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = take(rest, |byte| !byte.is_ascii_alphanumeric()).1;
        let is_digit = rest.bytes().next()?.is_ascii_digit();
        let (run, left) = take(rest, |byte| byte.is_ascii_alphanumeric() && byte.is_ascii_digit() == is_digit);
        rest = left;
        Some(run)
    })
}

/// Writes runs of letters and digits in natural order: letters before digits, the end before both.
pub(super) fn natural(out: &mut Vec<u8>, text: &str) {
    for run in runs(text) {
        if is_number(run) {
            out.push(2);
            number(out, run);
        } else {
            out.push(1);
            text_lower(out, run);
        }
    }
    out.push(0);
}
