//! Semantic versions and the ecosystems that follow them: npm, Cargo, Go, Hex, Swift, Pub, NuGet.
//!
//! Not strict by itself: what the standard refuses is still read, as OSV and node-semver's loose mode do (a leading `v`, missing numbers,
//! numbers too many), and the refusal is reported beside the key. Key: the numbers, numbers beyond them, the pre-release, the build if the
//! ecosystem orders by it.

use super::key::{digits, is_number, number, text, text_lower};
use super::refusal::Refusal;

/// What an ecosystem adds to the standard.
#[derive(Clone, Copy)]
pub(super) struct Flavour {
    /// Numbers that a full version has.
    pub(super) numbers: usize,
    /// Fewest numbers that it accepts.
    pub(super) numbers_min: usize,
    /// A prefix that it ignores: `v`, `go`.
    pub(super) prefixes: &'static [&'static str],
    /// Leading zeros and case do not matter (NuGet).
    pub(super) is_loose: bool,
    /// Builds have an order (Pub).
    pub(super) has_build_order: bool,
}

pub(super) const SEMVER: Flavour =
    Flavour { numbers: 3, numbers_min: 3, prefixes: &[], is_loose: false, has_build_order: false };
pub(super) const NPM: Flavour = Flavour { prefixes: &["=v", "=", "v", "V"], ..SEMVER };
pub(super) const GOLANG: Flavour = Flavour { prefixes: &["v", "go"], numbers_min: 2, ..SEMVER };
pub(super) const SWIFT: Flavour = Flavour { prefixes: &["v"], numbers_min: 1, ..SEMVER };
pub(super) const PUB: Flavour = Flavour { has_build_order: true, ..SEMVER };
pub(super) const NUGET: Flavour = Flavour { numbers: 4, numbers_min: 1, is_loose: true, ..SEMVER };

pub(super) fn write(flavour: Flavour, whole: &str, out: &mut Vec<u8>) -> Option<Refusal> {
    let body = flavour.prefixes.iter().find_map(|prefix| whole.strip_prefix(prefix));
    // What the ecosystem does not ignore, OSV does.
    let is_foreign = body.is_none() && whole.starts_with(['v', 'V']);
    let mut rest = body.unwrap_or(whole);
    if is_foreign {
        rest = rest.strip_prefix(['v', 'V']).unwrap_or(rest);
    }
    let mut refusal = is_foreign.then(|| Refusal::at(whole, whole, "a number was expected"));
    rest = write_numbers(flavour, whole, rest, out, &mut refusal);
    let (before, build) = rest.split_once('+').map_or((rest, None), |(pre, build)| (pre, Some(build)));
    let pre = before.strip_prefix('-');
    if pre.is_none() && !before.is_empty() {
        refusal.get_or_insert(Refusal::at(whole, rest, "`-` or `+` or the end was expected"));
    }
    let pre_text = pre.unwrap_or(before);
    if pre_text.is_empty() {
        if pre.is_some() {
            refusal.get_or_insert(Refusal::at(whole, rest, "a pre-release is missing behind the `-`"));
        }
        out.push(3);
    } else {
        check_identifiers(whole, pre_text, !flavour.is_loose, &mut refusal);
        write_identifiers(flavour, pre_text, out);
    }
    if let Some(build) = build {
        check_identifiers(whole, build, false, &mut refusal);
    }
    if flavour.has_build_order {
        match build {
            Some(build) => write_identifiers(flavour, build, out),
            None => out.push(0),
        }
    }
    refusal
}

/// Writes the numbers and gives what is left behind them.
fn write_numbers<'a>(
    flavour: Flavour,
    whole: &str,
    mut rest: &'a str,
    out: &mut Vec<u8>,
    refusal: &mut Option<Refusal>,
) -> &'a str {
    let (mut count, mut zeros) = (0_usize, 0_usize);
    loop {
        let (found, left) = digits(rest);
        if found.is_empty() {
            if count < flavour.numbers_min {
                refusal.get_or_insert(Refusal::at(whole, rest, "a number was expected"));
            } else if rest.starts_with('.') {
                refusal.get_or_insert(Refusal::at(whole, rest, "a number was expected behind the `.`"));
            }
        } else {
            if found.len() > 1 && found.starts_with('0') && !flavour.is_loose {
                refusal.get_or_insert(Refusal::at(whole, rest, "a number begins with 0"));
            }
            if count < flavour.numbers {
                number(out, found);
            } else {
                refusal.get_or_insert(Refusal::at(whole, rest, "there is a number too many"));
                if found.trim_start_matches('0').is_empty() {
                    zeros = zeros.saturating_add(1);
                } else {
                    for _ in 0..std::mem::take(&mut zeros) {
                        out.extend([1, 0]);
                    }
                    out.push(1);
                    number(out, found);
                }
            }
            count = count.saturating_add(1);
        }
        match left.strip_prefix('.') {
            Some(next) => rest = next,
            None => {
                if count < flavour.numbers_min {
                    refusal.get_or_insert(Refusal::at(whole, left, "a number is missing"));
                }
                out.extend(std::iter::repeat_n(0, flavour.numbers.saturating_sub(count)));
                out.push(0);
                return left;
            }
        }
    }
}

fn check_identifiers(whole: &str, list: &str, refuses_zeros: bool, refusal: &mut Option<Refusal>) {
    for one in list.split('.') {
        if one.is_empty() {
            refusal.get_or_insert(Refusal::at(whole, one, "an identifier is empty"));
        } else if let Some(wrong) = one.find(|char: char| !char.is_ascii_alphanumeric() && char != '-') {
            let place = one.split_at_checked(wrong).map_or(one, |(_, place)| place);
            refusal.get_or_insert(Refusal::at(whole, place, "letters, digits and `-` were expected"));
        } else if refuses_zeros && one.len() > 1 && one.starts_with('0') && is_number(one) {
            refusal.get_or_insert(Refusal::at(whole, one, "a number begins with 0"));
        }
    }
}

fn write_identifiers(flavour: Flavour, list: &str, out: &mut Vec<u8>) {
    for one in list.split('.') {
        if is_number(one) {
            out.push(1);
            number(out, one);
        } else {
            out.push(2);
            if flavour.is_loose { text_lower(out, one) } else { text(out, one) }
        }
    }
    out.push(0);
}
