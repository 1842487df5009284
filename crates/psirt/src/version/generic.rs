//! Versions of any other software: the order of Repology's `libversion`, and the two VERS orders that are no versions: time and text.
//!
//! Key of `generic`: components padded with zeros without end: words of pre-releases before zero, words of patches after it, then numbers
//! and letters behind a number. Of a word only the first letter counts.

use super::key::{Beside, digits, number, padded, take};
use super::refusal::Refusal;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Clone, Copy)]
enum Component<'a> {
    Before(u8),
    Zero,
    Patch(u8),
    Number(&'a str),
    Letter(u8),
}

pub(super) fn write(whole: &str, out: &mut Vec<u8>) {
    padded(
        out,
        components(whole),
        |component| match component {
            Component::Before(_) => Beside::Before,
            Component::Zero => Beside::Same,
            _ => Beside::After,
        },
        |out, component| match component {
            Component::Before(letter) => out.push(letter),
            Component::Zero => {}
            Component::Patch(letter) => out.extend([1, letter]),
            Component::Number(digits) => {
                out.push(2);
                number(out, digits);
            }
            Component::Letter(letter) => out.extend([3, letter]),
        },
    );
}

fn components(whole: &str) -> impl Iterator<Item = Component<'_>> {
    let mut rest = whole;
    let mut behind_number = None;
    std::iter::from_fn(move || {
        if let Some(component) = behind_number.take() {
            return Some(component);
        }
        rest = take(rest, |byte| !byte.is_ascii_alphanumeric()).1;
        let (found, left) = digits(rest);
        let (word, behind) = take(left, |byte| byte.is_ascii_alphabetic());
        if found.is_empty() {
            rest = behind;
            return word_component(word, Component::Before);
        }
        rest = left;
        // A word right behind a number, with no number behind it, is a letter of the version: `1.0.2zd`.
        if !word.is_empty() && !behind.starts_with(|char: char| char.is_ascii_digit()) {
            behind_number = word_component(word, Component::Letter);
            rest = behind;
        }
        let digits = found.trim_start_matches('0');
        Some(if digits.is_empty() { Component::Zero } else { Component::Number(digits) })
    })
}

/// `None` at the end of the text.
fn word_component<'a>(word: &str, otherwise: impl Fn(u8) -> Component<'a>) -> Option<Component<'a>> {
    let lower = word.to_ascii_lowercase();
    let first = lower.bytes().next()?;
    Some(match lower.as_str() {
        "alpha" | "beta" | "rc" => Component::Before(first),
        "errata" | "pl" => Component::Patch(first),
        _ if lower.starts_with("pre") => Component::Before(first),
        _ if lower.starts_with("patch") || lower.starts_with("post") => Component::Patch(first),
        _ => otherwise(first),
    })
}

/// RFC 3339, by the instant and not by the text.
pub(super) fn write_datetime(whole: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let upper = whole.to_ascii_uppercase();
    let instant = OffsetDateTime::parse(&upper, &Rfc3339)
        .map_err(|_| Refusal::start("an instant by RFC 3339 was expected, such as 2024-05-01T12:00:00Z"))?;
    // The sign bit turned, so that what was before 1970 sorts first.
    out.extend(instant.unix_timestamp().cast_unsigned().wrapping_add(1 << 63).to_be_bytes());
    out.extend(instant.nanosecond().to_be_bytes());
    Ok(())
}
