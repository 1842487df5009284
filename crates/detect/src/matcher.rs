//! All predicates on one field, compiled so that a value is looked at once.
//!
//! Not the evaluation over columns (that is `evaluate`). Literals of all patterns go into one Aho-Corasick automaton per case
//! rule, equal texts and whole numbers into hash maps, regular expressions into one set; patterns with wildcards inside are tried
//! only where their longest literal was seen. Cost of a value: one pass over its bytes, plus its hits.

use crate::detection::REGEX_BYTES_MAX;
use crate::pattern::{Pattern, Shape, fold_into};
use crate::pool::{Case, Comparison, FieldId, Pool, PredicateId, Test};
use aho_corasick::{AhoCorasick, MatchKind};
use core::net::IpAddr;
use regex::{RegexSet, RegexSetBuilder};
use std::collections::HashMap;

/// The most memory of all regular expressions of a field, in bytes.
const REGEX_SET_BYTES_MAX: usize = 32 * REGEX_BYTES_MAX;

/// The most different lengths of prefixes, or of suffixes, that are looked up one by one.
const AFFIX_LENGTHS_MAX: usize = 6;

/// All predicates on one field.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldMatcher {
    /// Hold where there is no value.
    pub(crate) null: Vec<PredicateId>,
    /// Comparisons of numbers; evaluated over the column where it is numeric. Sorted so that a number passes a front part of
    /// each list: above (`gt`, `gte`), below (`lt`, `lte`); equality is its own list.
    pub(crate) above: Vec<Bound>,
    pub(crate) below: Vec<Bound>,
    pub(crate) equal: Vec<Bound>,
    /// Whole numbers.
    pub(crate) ints: HashMap<i64, Vec<PredicateId>>,
    present: Vec<PredicateId>,
    bools: [Vec<PredicateId>; 2],
    folded: Texts,
    cased: Texts,
    regexes: Option<(RegexSet, Vec<PredicateId>)>,
    cidrs: Vec<(IpAddr, u8, PredicateId)>,
}

/// A comparison with a number, and the predicate that it is one of the tests of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) comparison: Comparison,
    pub(crate) bound: f64,
    pub(crate) id: PredicateId,
}

impl Bound {
    pub(crate) fn holds(&self, value: f64) -> bool {
        self.comparison.holds(value, self.bound)
    }
}

/// Text patterns of one case rule.
#[derive(Clone, Debug, Default)]
struct Texts {
    exact: HashMap<String, Vec<PredicateId>>,
    automaton: Option<AhoCorasick>,
    /// What follows from finding the n-th literal.
    uses: Vec<Vec<Use>>,
    globs: Vec<(Pattern, PredicateId)>,
    /// Globs without a literal: `?`, `??*`.
    free: Vec<usize>,
    prefixes: Affixes,
    suffixes: Affixes,
}

/// Beginnings, or ends, of few different lengths: one look-up a length is cheaper than to find them everywhere.
type Affixes = Vec<(usize, HashMap<String, Vec<PredicateId>>)>;

#[derive(Clone, Copy, Debug)]
enum Use {
    Contains(PredicateId),
    Prefix(PredicateId),
    Suffix(PredicateId),
    /// Try this glob.
    Gate(usize),
}

/// Buffers that live longer than one value.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    folded: String,
    gates: Vec<usize>,
}

#[derive(Default)]
struct TextsBuilder {
    texts: Texts,
    literals: HashMap<String, usize>,
    order: Vec<String>,
    prefixes: Vec<(String, PredicateId)>,
    suffixes: Vec<(String, PredicateId)>,
}

impl TextsBuilder {
    fn add(&mut self, pattern: Pattern, id: PredicateId, present: &mut Vec<PredicateId>) {
        match pattern.shape() {
            Shape::Anything => present.push(id),
            Shape::Exact(text) => self.exact(text.to_owned(), id),
            Shape::Prefix(text) => self.prefixes.push((text.to_owned(), id)),
            Shape::Suffix(text) => self.suffixes.push((text.to_owned(), id)),
            Shape::Contains(text) => self.literal(text.to_owned(), Use::Contains(id)),
            Shape::Glob(longest) => {
                let (glob, longest) = (self.texts.globs.len(), longest.to_owned());
                self.texts.globs.push((pattern, id));
                if longest.is_empty() {
                    self.texts.free.push(glob);
                } else {
                    self.literal(longest, Use::Gate(glob));
                }
            }
        }
    }

    fn exact(&mut self, text: String, id: PredicateId) {
        self.texts.exact.entry(text).or_default().push(id);
    }

    fn literal(&mut self, text: String, then: Use) {
        let next = self.order.len();
        let index = *self.literals.entry(text).or_insert_with_key(|text| {
            self.order.push(text.clone());
            self.texts.uses.push(Vec::new());
            next
        });
        if let Some(uses) = self.texts.uses.get_mut(index) {
            uses.push(then);
        }
    }

    fn finish(mut self) -> Result<Texts, String> {
        let (prefixes, suffixes) = (std::mem::take(&mut self.prefixes), std::mem::take(&mut self.suffixes));
        match affixes(&prefixes) {
            Some(few) => self.texts.prefixes = few,
            None => prefixes.into_iter().for_each(|(text, id)| self.literal(text, Use::Prefix(id))),
        }
        match affixes(&suffixes) {
            Some(few) => self.texts.suffixes = few,
            None => suffixes.into_iter().for_each(|(text, id)| self.literal(text, Use::Suffix(id))),
        }
        if !self.order.is_empty() {
            let built = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&self.order);
            self.texts.automaton = Some(built.map_err(|error| error.to_string())?);
        }
        Ok(self.texts)
    }
}

/// The texts by length; `None` if there are more than [`AFFIX_LENGTHS_MAX`] lengths.
fn affixes(texts: &[(String, PredicateId)]) -> Option<Affixes> {
    let mut by_length = Affixes::new();
    for (text, id) in texts {
        let at = match by_length.iter().position(|(length, _)| *length == text.len()) {
            Some(at) => at,
            None if by_length.len() == AFFIX_LENGTHS_MAX => return None,
            None => {
                by_length.push((text.len(), HashMap::new()));
                by_length.len().saturating_sub(1)
            }
        };
        let (_, same_length) = by_length.get_mut(at)?;
        same_length.entry(text.clone()).or_default().push(*id);
    }
    Some(by_length)
}

impl FieldMatcher {
    /// All predicates of `pool` on `field`.
    pub(crate) fn compile(pool: &Pool, field: FieldId) -> Result<Self, String> {
        let mut matcher = Self::default();
        let (mut folded, mut cased) = (TextsBuilder::default(), TextsBuilder::default());
        let mut regexes: (Vec<&str>, Vec<PredicateId>) = Default::default();
        for (index, predicate) in pool.predicates.iter().enumerate().filter(|(_, p)| p.field == field) {
            let id = PredicateId(u32::try_from(index).unwrap_or(u32::MAX));
            for test in &predicate.tests {
                match test {
                    Test::Null => matcher.null.push(id),
                    Test::Present => matcher.present.push(id),
                    Test::Int(i) => {
                        matcher.ints.entry(*i).or_default().push(id);
                        folded.exact(i.to_string(), id);
                    }
                    Test::Bool(b) => {
                        let [no, yes] = &mut matcher.bools;
                        if *b {
                            yes.push(id)
                        } else {
                            no.push(id)
                        }
                        folded.exact(b.to_string(), id);
                    }
                    Test::Compare(comparison, bound) => {
                        let bound = Bound { comparison: *comparison, bound: bound.value(), id };
                        matcher.bounds(*comparison).push(bound);
                    }
                    Test::Regex(source) => {
                        regexes.0.push(source);
                        regexes.1.push(id);
                    }
                    Test::Cidr(network, length) => matcher.cidrs.push((*network, *length, id)),
                    Test::Text { pattern, case: Case::Insensitive } => {
                        folded.add(pattern.folded(), id, &mut matcher.present);
                        matcher.add_numeric_text(pattern, id);
                    }
                    Test::Text { pattern, case: Case::Sensitive } => {
                        cased.add(pattern.clone(), id, &mut matcher.present);
                        matcher.add_numeric_text(pattern, id);
                    }
                }
            }
        }
        // Of equal bounds the one that includes them is passed first.
        let strict = |b: &Bound| matches!(b.comparison, Comparison::Greater | Comparison::Less);
        matcher.above.sort_by(|a, b| a.bound.total_cmp(&b.bound).then(strict(a).cmp(&strict(b))));
        matcher.below.sort_by(|a, b| b.bound.total_cmp(&a.bound).then(strict(a).cmp(&strict(b))));
        matcher.folded = folded.finish()?;
        matcher.cased = cased.finish()?;
        if !regexes.0.is_empty() {
            let set = RegexSetBuilder::new(&regexes.0).size_limit(REGEX_SET_BYTES_MAX).build();
            matcher.regexes = Some((set.map_err(|error| error.to_string())?, regexes.1));
        }
        Ok(matcher)
    }

    fn bounds(&mut self, comparison: Comparison) -> &mut Vec<Bound> {
        match comparison {
            Comparison::Greater | Comparison::GreaterOrEqual => &mut self.above,
            Comparison::Less | Comparison::LessOrEqual => &mut self.below,
            Comparison::Equal => &mut self.equal,
        }
    }

    /// A text that is written like a whole number also stands for the number.
    fn add_numeric_text(&mut self, pattern: &Pattern, id: PredicateId) {
        if let Shape::Exact(text) = pattern.shape()
            && let Ok(number) = text.parse::<i64>()
            && number.to_string() == text
        {
            self.ints.entry(number).or_default().push(id);
        }
    }

    /// Whether numbers must be looked at as texts, too.
    pub(crate) fn reads_numbers_as_text(&self) -> bool {
        let reads = |texts: &Texts| {
            let affixes = texts.prefixes.len().saturating_add(texts.suffixes.len());
            texts.automaton.is_some() || !texts.free.is_empty() || affixes > 0
        };
        reads(&self.folded) || reads(&self.cased) || self.regexes.is_some()
    }

    /// Whether comparisons and nothing else are asked of numbers.
    pub(crate) fn is_numeric_only(&self) -> bool {
        self.null.is_empty() && self.present.is_empty() && self.ints.is_empty() && !self.reads_numbers_as_text()
    }

    /// Adds what a text value passes.
    pub(crate) fn text_hits(&self, value: &str, scratch: &mut Scratch, hits: &mut Vec<PredicateId>) {
        hits.extend_from_slice(&self.present);
        self.pattern_hits(value, scratch, hits);
        hits.extend(self.folded.exact.get(&scratch.folded).into_iter().flatten());
        hits.extend(self.cased.exact.get(value).into_iter().flatten());
        let bounds = || self.above.iter().chain(&self.below).chain(&self.equal);
        if bounds().next().is_some()
            && let Ok(number) = value.parse::<f64>()
        {
            hits.extend(bounds().filter(|bound| bound.holds(number)).map(|bound| bound.id));
        }
        if !self.cidrs.is_empty()
            && let Ok(address) = value.parse::<IpAddr>()
        {
            let inside = self.cidrs.iter().filter(|(network, length, _)| contains(*network, *length, address));
            hits.extend(inside.map(|(_, _, id)| *id));
        }
        hits.sort_unstable();
        hits.dedup();
    }

    fn pattern_hits(&self, value: &str, scratch: &mut Scratch, hits: &mut Vec<PredicateId>) {
        fold_into(value, &mut scratch.folded);
        self.folded.hits(&scratch.folded, &mut scratch.gates, hits);
        self.cased.hits(value, &mut scratch.gates, hits);
        if let Some((set, ids)) = &self.regexes {
            hits.extend(set.matches(value).into_iter().filter_map(|index| ids.get(index)));
        }
    }

    /// Adds what a whole number passes, comparisons left out.
    pub(crate) fn int_hits(&self, value: i64, scratch: &mut Scratch, hits: &mut Vec<PredicateId>) {
        hits.extend_from_slice(&self.present);
        hits.extend(self.ints.get(&value).into_iter().flatten());
        if self.reads_numbers_as_text() {
            self.pattern_hits(&value.to_string(), scratch, hits);
        }
        hits.sort_unstable();
        hits.dedup();
    }

    /// Adds what a number passes, comparisons left out.
    pub(crate) fn float_hits(&self, value: f64, scratch: &mut Scratch, hits: &mut Vec<PredicateId>) {
        hits.extend_from_slice(&self.present);
        if self.reads_numbers_as_text() {
            self.pattern_hits(&value.to_string(), scratch, hits);
        }
        #[expect(clippy::cast_precision_loss, reason = "whole numbers above 2^53 equal the nearest float")]
        let equal = self.ints.iter().filter(|(int, _)| **int as f64 == value);
        hits.extend(equal.flat_map(|(_, ids)| ids));
        hits.sort_unstable();
        hits.dedup();
    }

    /// What a truth value passes.
    pub(crate) fn bool_hits(&self, value: bool, scratch: &mut Scratch) -> Vec<PredicateId> {
        let [no, yes] = &self.bools;
        let mut hits = if value { yes.clone() } else { no.clone() };
        hits.extend_from_slice(&self.present);
        let text = if value { "true" } else { "false" };
        self.pattern_hits(text, scratch, &mut hits);
        hits.extend(self.folded.exact.get(text).into_iter().flatten());
        hits.sort_unstable();
        hits.dedup();
        hits
    }
}

impl Texts {
    fn hits(&self, value: &str, gates: &mut Vec<usize>, hits: &mut Vec<PredicateId>) {
        for (length, texts) in &self.prefixes {
            hits.extend(value.get(..*length).and_then(|front| texts.get(front)).into_iter().flatten());
        }
        for (length, texts) in &self.suffixes {
            let start = value.len().checked_sub(*length);
            hits.extend(start.and_then(|start| texts.get(value.get(start..)?)).into_iter().flatten());
        }
        gates.clear();
        gates.extend_from_slice(&self.free);
        if let Some(automaton) = &self.automaton {
            for found in automaton.find_overlapping_iter(value) {
                for then in self.uses.get(found.pattern().as_usize()).into_iter().flatten() {
                    match then {
                        Use::Contains(id) => hits.push(*id),
                        Use::Prefix(id) if found.start() == 0 => hits.push(*id),
                        Use::Suffix(id) if found.end() == value.len() => hits.push(*id),
                        Use::Prefix(_) | Use::Suffix(_) => {}
                        Use::Gate(glob) => gates.push(*glob),
                    }
                }
            }
        }
        gates.sort_unstable();
        gates.dedup();
        let candidates = gates.iter().filter_map(|glob| self.globs.get(*glob));
        hits.extend(candidates.filter(|(pattern, _)| pattern.fits(value)).map(|(_, id)| *id));
    }
}

/// Whether `address` is in the network; an IPv4 address is never in an IPv6 network.
fn contains(network: IpAddr, length: u8, address: IpAddr) -> bool {
    let same = |a: u128, b: u128, bits: u32| a.checked_shr(bits).unwrap_or(0) == b.checked_shr(bits).unwrap_or(0);
    let length = u32::from(length);
    match (network, address) {
        (IpAddr::V4(n), IpAddr::V4(a)) => {
            same(u128::from(u32::from(n)), u128::from(u32::from(a)), 32_u32.saturating_sub(length))
        }
        (IpAddr::V6(n), IpAddr::V6(a)) => same(u128::from(n), u128::from(a), 128_u32.saturating_sub(length)),
        _ => false,
    }
}
