//! Versions of Composer packages: PHP's `version_compare`, without a leading `v`.
//!
//! Not Composer's normaliser: `1.0` comes before `1.0.0`, as PHP says. PHP takes a `#` for any number, so equality with one is not
//! transitive (`1.#` = `1.1` and `1.#` = `1`): [`compare`] is PHP's order, and the key has the `#` where the end is.

use super::key::{digits, number, take};
use smallvec::SmallVec;
use std::cmp::Ordering;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part<'a> {
    /// By the rank of its word: unknown, `dev`, alpha, beta, RC, the end and `#`, patch.
    Word(u8),
    Number(&'a str),
}

const END: u8 = 6;
const ANY: u8 = 7;

pub(super) fn write(whole: &str, out: &mut Vec<u8>) {
    for part in parts(whole) {
        match part {
            Part::Word(rank) => out.push(rank),
            Part::Number(digits) => {
                out.push(ANY);
                number(out, digits);
            }
        }
    }
    out.push(END);
}

/// PHP's own order.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    for (a, b) in a.iter().zip(&b) {
        let order = match (*a, *b) {
            (Part::Number(a), Part::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (Part::Word(a), Part::Word(b)) => a.cmp(&b),
            (Part::Word(a), Part::Number(_)) => a.cmp(&END),
            (Part::Number(_), Part::Word(b)) => END.cmp(&b),
        };
        if order.is_ne() {
            return order;
        }
    }
    let shared = a.len().min(b.len());
    let tail = tail_sign(a.get(shared..).unwrap_or_default());
    tail.then_with(|| tail_sign(b.get(shared..).unwrap_or_default()).reverse())
}

/// How what is left of one version compares with the end of the other.
fn tail_sign(tail: &[Part<'_>]) -> Ordering {
    let part_sign = |part: &Part<'_>| match part {
        Part::Number(_) => Ordering::Greater,
        Part::Word(rank) => rank.cmp(&END),
    };
    tail.iter().map(part_sign).find(|sign| sign.is_ne()).unwrap_or(Ordering::Equal)
}

fn parts(whole: &str) -> SmallVec<[Part<'_>; 8]> {
    let mut parts = SmallVec::new();
    let mut rest = whole.strip_prefix(['v', 'V']).unwrap_or(whole);
    loop {
        rest = rest.trim_start_matches(['.', '-', '_', '+']);
        let (found, left) = digits(rest);
        if !found.is_empty() {
            parts.push(Part::Number(found.trim_start_matches('0')));
            rest = left;
            continue;
        }
        let (word, left) = take(rest, |byte| !byte.is_ascii_digit() && !b".-_+".contains(&byte));
        if word.is_empty() {
            return parts;
        }
        parts.push(Part::Word(rank(word)));
        rest = left;
    }
}

fn rank(word: &str) -> u8 {
    let ranks = [("dev", 2), ("a", 3), ("b", 4), ("RC", 5), ("rc", 5), ("#", END), ("p", 8)];
    ranks.iter().find(|(start, _)| word.starts_with(start)).map_or(1, |(_, rank)| *rank)
}
