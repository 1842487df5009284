//! Versions that are numbers between dots, with little more: intdot, Hackage, CRAN, nginx, OpenSSL, Linux, CPAN.
//!
//! Strict: what is not of the form is refused. A shorter list comes before a longer one that it begins, but in OpenSSL and Linux, where
//! missing numbers are zero.

use super::key::{digits, natural, number, text};
use super::refusal::Refusal;

/// Digits and dots; reading stops at anything else (VERS).
pub(super) fn write_intdot(whole: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    write_list(whole, &['.'], out).map(|_| ())
}

/// Digits and dots and nothing else.
pub(super) fn write_hackage(whole: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    ended(whole, write_list(whole, &['.'], out)?, "digits and dots were expected")
}

/// Digits between dots or hyphens, which mean the same.
pub(super) fn write_cran(whole: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    ended(whole, write_list(whole, &['.', '-'], out)?, "digits, dots and hyphens were expected")
}

fn write_list<'a>(whole: &'a str, separators: &[char], out: &mut Vec<u8>) -> Result<&'a str, Refusal> {
    let mut rest = whole;
    loop {
        let (found, left) = digits(rest);
        if found.is_empty() {
            return Err(Refusal::at(whole, rest, "a number was expected"));
        }
        out.push(1);
        number(out, found);
        rest = left;
        match rest.strip_prefix(separators) {
            Some(next) if next.starts_with(|char: char| char.is_ascii_digit()) => rest = next,
            _ => break,
        }
    }
    out.push(0);
    Ok(rest)
}

fn ended(whole: &str, rest: &str, why: &'static str) -> Result<(), Refusal> {
    if rest.is_empty() { Ok(()) } else { Err(Refusal::at(whole, rest, why)) }
}

/// `1.0.2zd`, `3.0.0-alpha1`: three numbers, letters of a patch, a pre-release.
pub(super) fn write_openssl(whole: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut rest = whole;
    let mut count = 0_u8;
    loop {
        let (found, left) = digits(rest);
        if found.is_empty() {
            return Err(Refusal::at(whole, rest, "a number was expected"));
        }
        if count == 3 {
            return Err(Refusal::at(whole, rest, "three numbers were expected"));
        }
        number(out, found);
        count = count.saturating_add(1);
        rest = left;
        match rest.strip_prefix('.') {
            Some(next) => rest = next,
            None => break,
        }
    }
    out.extend(std::iter::repeat_n(0, usize::from(3_u8.saturating_sub(count))));
    let (letters, left) = super::key::take(rest, |byte| byte.is_ascii_lowercase());
    text(out, letters);
    if let Some(pre) = left.strip_prefix('-') {
        out.push(0);
        natural(out, pre);
        return Ok(());
    }
    out.push(1);
    // FIPS builds and the like: `+quic`.
    ended(whole, left.split('+').next().unwrap_or_default(), "letters, `-` and a pre-release, or the end was expected")
}

/// `6.1.55`, `6.6-rc1`, `5.15.0-91-generic`: numbers, then a candidate (before the release) or a local name (after it).
pub(super) fn write_kernel(whole: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let (mut rest, mut zeros) = (whole.strip_prefix('v').unwrap_or(whole), 0_usize);
    loop {
        let (found, left) = digits(rest);
        if found.is_empty() {
            return Err(Refusal::at(whole, rest, "a number was expected"));
        }
        if found.bytes().all(|byte| byte == b'0') {
            zeros = zeros.saturating_add(1);
        } else {
            for _ in 0..std::mem::take(&mut zeros) {
                out.extend([1, 0]);
            }
            out.push(1);
            number(out, found);
        }
        rest = left;
        match rest.strip_prefix('.') {
            Some(next) => rest = next,
            None => break,
        }
    }
    out.push(0);
    match rest.strip_prefix("-rc").map(digits) {
        Some((candidate, left)) if !candidate.is_empty() => {
            out.push(0);
            number(out, candidate);
            natural(out, left);
        }
        _ if rest.is_empty() => out.push(1),
        _ if rest.starts_with(['-', '+', '_']) => {
            out.push(2);
            natural(out, rest);
        }
        _ => return Err(Refusal::at(whole, rest, "`.`, `-rcN`, `-`, `+` or the end was expected")),
    }
    Ok(())
}

/// Perl's `version`: a `v` or two dots make a list of numbers; otherwise a fraction, of which each three digits are a number.
pub(super) fn write_cpan(whole: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let body = whole.strip_prefix('v').unwrap_or(whole).replace('_', "");
    let is_list = whole.starts_with('v') || body.bytes().filter(|byte| *byte == b'.').count() > 1;
    let mut numbers: Vec<String> = Vec::new();
    for (place, part) in body.split('.').enumerate() {
        if part.bytes().any(|byte| !byte.is_ascii_digit()) || (part.is_empty() && place > 0 && is_list) {
            return Err(Refusal::start("digits between dots were expected"));
        }
        if is_list || place == 0 {
            numbers.push(part.to_owned());
        } else {
            let digits: Vec<char> = part.chars().collect();
            numbers.extend(digits.chunks(3).map(|chunk| format!("{:0<3}", chunk.iter().collect::<String>())));
        }
    }
    while numbers.last().is_some_and(|last| last.bytes().all(|byte| byte == b'0')) {
        numbers.pop();
    }
    for one in &numbers {
        out.push(1);
        number(out, one);
    }
    out.push(0);
    Ok(())
}
