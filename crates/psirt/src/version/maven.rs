//! Maven versions: `ComparableVersion` of Maven 3, with the trimming of the POM reference.
//!
//! Maven's order is not transitive: `1.0.alpha` < `1` < `1-1`, yet `1-1` < `1.0.alpha`. No key can be that, so [`compare`] is Maven's own
//! order and the key is the nearest total one: all that Maven puts before `1` is before all that it puts after `1`. They differ only for
//! such pairs. Invariant: equal keys are what Maven calls equal.

use super::key::{number, text};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cmp::Ordering;

/// The order of words; any other word comes after these, by its letters.
const RELEASE: u8 = 6;
const OTHER: u8 = 8;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Token<'a> {
    /// A word with its rank; its letters count only if its rank is [`OTHER`].
    Word(u8, &'a str),
    /// What follows is a list within the list.
    List,
    Number(&'a str),
}

type Tokens<'a> = SmallVec<[Token<'a>; 12]>;

impl Token<'_> {
    /// How it compares with nothing.
    fn sign(self) -> Ordering {
        match self {
            Self::Word(rank, _) => rank.cmp(&RELEASE),
            Self::List => Ordering::Equal,
            Self::Number("") => Ordering::Equal,
            Self::Number(_) => Ordering::Greater,
        }
    }

    const fn kind(self) -> u8 {
        match self {
            Self::Word(..) => 1,
            Self::List => 2,
            Self::Number(_) => 3,
        }
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Word(rank, word), Self::Word(other_rank, other)) => {
                rank.cmp(&other_rank).then_with(|| word.cmp(other))
            }
            (Self::Number(digits), Self::Number(other)) => {
                digits.len().cmp(&other.len()).then_with(|| digits.cmp(other))
            }
            _ => self.kind().cmp(&other.kind()),
        }
    }
}

fn sign(rest: &[Token<'_>]) -> Ordering {
    rest.iter().map(|token| token.sign()).find(|sign| sign.is_ne()).unwrap_or(Ordering::Equal)
}

fn lower(whole: &str) -> Cow<'_, str> {
    if whole.bytes().any(|byte| byte.is_ascii_uppercase()) { whole.to_ascii_lowercase().into() } else { whole.into() }
}

pub(super) fn write(whole: &str, out: &mut Vec<u8>) {
    let whole = lower(whole);
    let tokens = tokens(&whole);
    let mut rest = tokens.as_slice();
    loop {
        out.push(match sign(rest) {
            Ordering::Less => 1,
            Ordering::Equal => 2,
            Ordering::Greater => 3,
        });
        let (Some((first, left)), false) = (rest.split_first(), sign(rest).is_eq()) else { break };
        out.push(first.kind());
        match *first {
            Token::Word(rank, word) => {
                out.push(rank);
                text(out, word);
            }
            Token::List => {}
            Token::Number(digits) => number(out, digits),
        }
        rest = left;
    }
}

/// Maven's own order.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (lower(a), lower(b));
    let (a, b) = (tokens(&a), tokens(&b));
    let (mut a, mut b) = (a.as_slice(), b.as_slice());
    loop {
        match (a.split_first(), b.split_first()) {
            (Some((first, left)), Some((other, left_other))) => {
                let order = first.compare(*other);
                if order.is_ne() {
                    return order;
                }
                (a, b) = (left, left_other);
            }
            (Some(_), None) => return sign(a),
            (None, Some(_)) => return sign(b).reverse(),
            (None, None) => return Ordering::Equal,
        }
    }
}

/// Splits at dots, at hyphens, and where digits and letters meet, which counts as a hyphen.
fn tokens(whole: &str) -> Tokens<'_> {
    let mut tokens = Tokens::new();
    let (mut start, mut is_digit) = (0_usize, false);
    for (at, byte) in whole.bytes().enumerate() {
        let part = whole.get(start..at).unwrap_or_default();
        let is_sign = byte == b'.' || byte == b'-';
        let is_turn = !part.is_empty() && byte.is_ascii_digit() != is_digit;
        if is_sign || is_turn {
            tokens.push(token(part, is_digit, is_turn && !is_sign));
            start = if is_sign { at.saturating_add(1) } else { at };
            if byte != b'.' {
                open_list(&mut tokens);
            }
        }
        if !is_sign {
            is_digit = byte.is_ascii_digit();
        }
    }
    let last = whole.get(start..).unwrap_or_default();
    if !last.is_empty() {
        tokens.push(token(last, is_digit, false));
    }
    trim(&mut tokens);
    while tokens.last() == Some(&Token::List) {
        tokens.pop();
        trim(&mut tokens);
    }
    tokens
}

fn token(part: &str, is_digit: bool, is_before_digit: bool) -> Token<'_> {
    if part.is_empty() || is_digit {
        return Token::Number(part.trim_start_matches('0'));
    }
    let rank = match part {
        "a" if is_before_digit => 1,
        "b" if is_before_digit => 2,
        "m" if is_before_digit => 3,
        "alpha" => 1,
        "beta" => 2,
        "milestone" => 3,
        "rc" | "cr" => 4,
        "snapshot" => 5,
        "ga" | "final" | "release" => RELEASE,
        "sp" => 7,
        _ => return Token::Word(OTHER, part),
    };
    Token::Word(rank, "")
}

/// What stands for nothing at the end of a list goes; a list that held nothing else is one with the next.
fn open_list(tokens: &mut Tokens<'_>) {
    trim(tokens);
    if tokens.last() != Some(&Token::List) {
        tokens.push(Token::List);
    }
}

fn trim(tokens: &mut Tokens<'_>) {
    while tokens.last().is_some_and(|last| *last != Token::List && last.sign().is_eq()) {
        tokens.pop();
    }
}
