//! Versions of Alpine (apk-tools) and Gentoo (PMS 3.3) packages, which differ little.
//!
//! `1.2.3b_rc1-r2` and, for Alpine, `~hash`. What else there is makes a version of Alpine come before the one without it, as in apk-tools 3. What follows a part is written so that the longer version is the greater one, but for
//! suffixes of pre-releases. Alpine tells `1` from `1.0` and `1.0` from `1.0-r0`; Gentoo takes the latter two for equal.

use super::key::{digits, number, take, text};
use super::refusal::Refusal;

/// Suffixes and where they stand beside no suffix.
const SUFFIXES: [(&str, u8); 9] =
    [("alpha", 1), ("beta", 2), ("pre", 3), ("rc", 4), ("cvs", 5), ("svn", 6), ("git", 7), ("hg", 8), ("p", 9)];
const LAST_PRE: u8 = 4;

// What may come next, in apk's order.
const PRE: u8 = 1;
const INVALID: u8 = 2;
const END: u8 = 3;
const REVISION: u8 = 4;
const HASH: u8 = 5;
const SUFFIX_NUMBER: u8 = 6;
const POST: u8 = 7;
const LETTER: u8 = 8;
const DIGIT: u8 = 9;

pub(super) fn write_apk(whole: &str, out: &mut Vec<u8>) -> Option<Refusal> {
    let start = out.len();
    out.push(1);
    let (refusal, place) = match read_apk(whole, out) {
        Ok(()) => return None,
        Err(refused) => refused,
    };
    if refusal.offset == 0 {
        out.truncate(start);
        out.push(0);
    } else {
        out.push(INVALID);
    }
    // A revision that is none says nothing of the rest.
    text(out, if place.starts_with('-') { "" } else { place });
    Some(refusal)
}

/// Writes what is valid; the error holds what follows it.
fn read_apk<'a>(whole: &'a str, out: &mut Vec<u8>) -> Result<(), (Refusal, &'a str)> {
    let mut rest = write_numbers(whole, out, DIGIT, text)?;
    if let Some(letter) = rest.bytes().next().filter(u8::is_ascii_lowercase) {
        out.extend([LETTER, letter]);
        rest = rest.get(1..).unwrap_or_default();
    }
    while let Some(suffix) = rest.strip_prefix('_') {
        let (rank, left) = suffix_of(whole, suffix).map_err(|refusal| (refusal, rest))?;
        out.extend([if rank <= LAST_PRE { PRE } else { POST }, rank]);
        let (found, left) = digits(left);
        if !found.is_empty() {
            out.push(SUFFIX_NUMBER);
            number(out, found);
        }
        rest = left;
    }
    if let Some(hash) = rest.strip_prefix('~') {
        let (hash, left) = take(hash, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        out.push(HASH);
        text(out, hash);
        rest = left;
    }
    let (revision, left) = rest.strip_prefix("-r").map_or(("", rest), digits);
    let is_done = left.is_empty();
    if rest.starts_with("-r") && (is_done || !revision.trim_start_matches('0').is_empty()) {
        out.push(REVISION);
        number(out, revision);
    }
    if is_done {
        out.push(END);
        return Ok(());
    }
    Err((Refusal::at(whole, left, "a letter, `_suffix`, `~hash`, `-rN` or the end was expected"), rest))
}

pub(super) fn write_gentoo(whole: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    // PMS compares a part that begins with 0 like a fraction: zeros at its end do not count.
    let numbers = write_numbers(whole, out, 1, |out, part| text(out, part.trim_end_matches('0')));
    let mut rest = numbers.map_err(|(refusal, _)| refusal)?;
    out.push(0);
    let letter = rest.bytes().next().filter(u8::is_ascii_lowercase);
    if letter.is_some() {
        rest = rest.get(1..).unwrap_or_default();
    }
    out.push(letter.unwrap_or_default());
    while let Some(suffix) = rest.strip_prefix('_') {
        let (rank, left) = suffix_of(whole, suffix)?;
        if rank > LAST_PRE && !suffix.starts_with('p') {
            return Err(Refusal::at(whole, suffix, "alpha, beta, pre, rc or p was expected"));
        }
        out.push(rank);
        let (found, left) = digits(left);
        number(out, found);
        rest = left;
    }
    out.push(LAST_PRE.saturating_add(1));
    let (revision, left) = digits(rest.strip_prefix("-r").unwrap_or_default());
    number(out, revision);
    let is_done = rest.is_empty() || (left.is_empty() && !revision.is_empty());
    if is_done { Ok(()) } else { Err(Refusal::at(whole, rest, "a letter, `_suffix`, `-rN` or the end was expected")) }
}

/// `N{.N}`: the first is a number; the others are numbers too, unless they begin with 0.
fn write_numbers<'a>(
    whole: &'a str,
    out: &mut Vec<u8>,
    mark: u8,
    fraction: impl Fn(&mut Vec<u8>, &str),
) -> Result<&'a str, (Refusal, &'a str)> {
    let (first, mut rest) = digits(whole);
    if first.is_empty() {
        return Err((Refusal::start("a number was expected"), whole));
    }
    number(out, first);
    while let Some(next) = rest.strip_prefix('.') {
        let (found, left) = digits(next);
        if found.is_empty() {
            return Err((Refusal::at(whole, next, "a number was expected behind the `.`"), rest));
        }
        out.push(mark);
        if found.starts_with('0') {
            out.push(0);
            fraction(out, found);
        } else {
            out.push(1);
            number(out, found);
        }
        rest = left;
    }
    Ok(rest)
}

fn suffix_of<'a>(whole: &str, suffix: &'a str) -> Result<(u8, &'a str), Refusal> {
    let (word, left) = take(suffix, |byte| byte.is_ascii_lowercase());
    SUFFIXES
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, rank)| (*rank, left))
        .ok_or_else(|| Refusal::at(whole, suffix, "alpha, beta, pre, rc, cvs, svn, git, hg or p was expected"))
}
