//! Versions of Debian, RPM and Arch Linux packages: epoch, version, release.
//!
//! Not a check of names or architectures. Any text has an order here, as the tools give it one. Costs one pass.
//!
//! Arch Linux compares releases only if both versions have one, so equality there is not transitive (`1-1` = `1` = `1-2`) and no key alone
//! can be its order. A key without a release is the beginning of each key with one, and [`super::Scheme::order`] takes that for equal.

use super::key::{digits, is_number, number, take, text};
use super::refusal::Refusal;

/// `[epoch:]upstream[-revision]` (Debian policy 5.6.12, dpkg's `verrevcmp`).
pub(super) fn write_deb(whole: &str, out: &mut Vec<u8>) -> Option<Refusal> {
    let mut refusal = None;
    let (epoch, rest) = match whole.split_once(':') {
        Some((epoch, rest)) if is_number(epoch) => (epoch, rest),
        Some(_) => {
            refusal = Some(Refusal::start("an epoch of digits was expected before the `:`"));
            ("0", whole)
        }
        None => ("0", whole),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    if upstream.is_empty() {
        refusal.get_or_insert(Refusal::at(whole, rest, "the upstream version is empty"));
    }
    if let Some(wrong) = rest.find(|char: char| !char.is_ascii_alphanumeric() && !".+-~:".contains(char)) {
        let place = rest.split_at_checked(wrong).map_or(rest, |(_, place)| place);
        refusal.get_or_insert(Refusal::at(whole, place, "letters, digits and `.+-~:` were expected"));
    }
    number(out, epoch);
    write_deb_part(upstream, out);
    write_deb_part(revision, out);
    refusal
}

/// Pairs of what is no digit and a number. The end is a pair of nothing and zero, which is why it is written like an empty non-digit.
fn write_deb_part(part: &str, out: &mut Vec<u8>) {
    const END: u8 = 2;
    let mut rest = part;
    loop {
        let (other, left) = take(rest, |byte| !byte.is_ascii_digit());
        for byte in other.bytes() {
            match byte {
                b'~' => out.push(1),
                b'A'..=b'Z' | b'a'..=b'z' => out.push(byte),
                0..0x80 => out.push(byte | 0x80),
                _ => out.extend([0xFF, byte]),
            }
        }
        out.push(END);
        let (found, left) = digits(left);
        number(out, found);
        rest = left;
        if rest.is_empty() {
            break;
        }
    }
    out.push(END);
}

/// `[epoch:]version[-release]` (rpm's `rpmvercmp`). No release comes before any.
pub(super) fn write_rpm(whole: &str, out: &mut Vec<u8>) -> Option<Refusal> {
    let (epoch, rest) = match whole.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("0", whole),
    };
    let (version, release) = rest.split_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
    number(out, epoch);
    // rpm compares an empty string before any other, even one that holds nothing but separators.
    out.push(u8::from(!version.is_empty()));
    write_rpm_part(version, out);
    out.push(u8::from(release.is_some()));
    write_rpm_part(release.unwrap_or_default(), out);
    None
}

fn write_rpm_part(part: &str, out: &mut Vec<u8>) {
    const TILDE: u8 = 1;
    const END: u8 = 2;
    const CARET: u8 = 3;
    const WORD: u8 = 4;
    const NUMBER: u8 = 5;
    let mut rest = part;
    loop {
        rest = take(rest, |byte| !byte.is_ascii_alphanumeric() && byte != b'~' && byte != b'^').1;
        match rest.bytes().next() {
            None => break,
            Some(sign @ (b'~' | b'^')) => {
                out.push(if sign == b'~' { TILDE } else { CARET });
                rest = rest.strip_prefix(['~', '^']).unwrap_or_default();
            }
            Some(b'0'..=b'9') => {
                let (found, left) = digits(rest);
                out.push(NUMBER);
                number(out, found);
                rest = left;
            }
            Some(_) => {
                let (word, left) = take(rest, |byte| byte.is_ascii_alphabetic());
                out.push(WORD);
                text(out, word);
                rest = left;
            }
        }
    }
    out.push(END);
}

/// `[epoch:]version[-release]` (pacman's `alpm_pkg_vercmp`).
pub(super) fn write_alpm(whole: &str, out: &mut Vec<u8>) -> Option<Refusal> {
    let (epoch, rest) = match whole.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("0", whole),
    };
    number(out, epoch);
    let (version, release) = rest.rsplit_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
    write_alpm_part(version, out);
    if let Some(release) = release {
        write_alpm_part(release, out);
    }
    None
}

/// As rpm's, but letters that follow at once come before the end, and more separators come after fewer.
fn write_alpm_part(part: &str, out: &mut Vec<u8>) {
    const WORD: u8 = 1;
    const END: u8 = 2;
    const NUMBER: u8 = 3;
    const SEPARATED: u8 = 4;
    let mut rest = part;
    loop {
        let (separators, left) = take(rest, |byte| !byte.is_ascii_alphanumeric());
        rest = left;
        if !separators.is_empty() {
            let width = if rest.is_empty() { 1 } else { u8::try_from(separators.len()).unwrap_or(u8::MAX) };
            out.extend([SEPARATED, width]);
        }
        match rest.bytes().next() {
            None => break,
            Some(b'0'..=b'9') => {
                let (found, left) = digits(rest);
                out.push(NUMBER);
                number(out, found);
                rest = left;
            }
            Some(_) => {
                let (word, left) = take(rest, |byte| byte.is_ascii_alphabetic());
                out.push(WORD);
                text(out, word);
                rest = left;
            }
        }
    }
    out.push(END);
}
