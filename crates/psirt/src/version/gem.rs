//! Versions of Ruby gems: `Gem::Version`.
//!
//! Not strict by itself: what RubyGems refuses is cut into digits and letters as RubyGems does. Key: numbers without zeros at their end,
//! then from the first word on everything, padded with zeros; words come before numbers.

use super::key::{Beside, is_number, number, padded, runs, text};
use super::refusal::Refusal;
use smallvec::SmallVec;

pub(super) fn write(whole: &str, out: &mut Vec<u8>) -> Option<Refusal> {
    let refusal = check(whole);
    let dotted = whole.replace('-', ".pre.");
    let rest = runs(&dotted).skip_while(|run| is_number(run));
    // The numbers lose the zeros at their end before the words are joined to them.
    let numbers: SmallVec<[&str; 8]> = runs(&dotted).take_while(|run| is_number(run)).collect();
    let kept = numbers.iter().rposition(|run| !is_zero(run)).map_or(0, |last| last.saturating_add(1));
    padded(
        out,
        numbers.into_iter().take(kept).chain(rest),
        |run| {
            if !is_number(run) {
                Beside::Before
            } else if is_zero(run) {
                Beside::Same
            } else {
                Beside::After
            }
        },
        |out, run| {
            if is_number(run) { number(out, run) } else { text(out, run) }
        },
    );
    refusal
}

fn is_zero(run: &str) -> bool {
    run.bytes().all(|byte| byte == b'0')
}

fn check(whole: &str) -> Option<Refusal> {
    if !whole.starts_with(|char: char| char.is_ascii_digit()) {
        return Some(Refusal::start("a number was expected"));
    }
    if let Some(wrong) = whole.find(|char: char| !char.is_ascii_alphanumeric() && char != '.' && char != '-') {
        return Some(Refusal { offset: wrong, why: "letters, digits, `.` and `-` were expected" });
    }
    let empty = whole.split('.').find(|part| part.is_empty())?;
    Some(Refusal::at(whole, empty, "a segment is empty"))
}
