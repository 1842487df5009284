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

/// All predicates on one field.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldMatcher {
    /// Hold where there is no value.
    pub(crate) null: Vec<PredicateId>,
    /// Comparisons of numbers; evaluated over the column where it is numeric.
    pub(crate) compares: Vec<(Comparison, f64, PredicateId)>,
    /// Whole numbers.
    pub(crate) ints: HashMap<i64, Vec<PredicateId>>,
    present: Vec<PredicateId>,
    bools: [Vec<PredicateId>; 2],
    folded: Texts,
    cased: Texts,
    regexes: Option<(RegexSet, Vec<PredicateId>)>,
    cidrs: Vec<(IpAddr, u8, PredicateId)>,
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
}

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
}

impl TextsBuilder {
    fn add(&mut self, pattern: Pattern, id: PredicateId, present: &mut Vec<PredicateId>) {
        match pattern.shape() {
            Shape::Anything => present.push(id),
            Shape::Exact(text) => self.exact(text.to_owned(), id),
            Shape::Prefix(text) => self.literal(text.to_owned(), Use::Prefix(id)),
            Shape::Suffix(text) => self.literal(text.to_owned(), Use::Suffix(id)),
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
        if !self.order.is_empty() {
            let built = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&self.order);
            self.texts.automaton = Some(built.map_err(|error| error.to_string())?);
        }
        Ok(self.texts)
    }
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
                    Test::Compare(comparison, bound) => matcher.compares.push((*comparison, bound.value(), id)),
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
        matcher.folded = folded.finish()?;
        matcher.cased = cased.finish()?;
        if !regexes.0.is_empty() {
            let set = RegexSetBuilder::new(&regexes.0).size_limit(REGEX_SET_BYTES_MAX).build();
            matcher.regexes = Some((set.map_err(|error| error.to_string())?, regexes.1));
        }
        Ok(matcher)
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
        let reads = |texts: &Texts| texts.automaton.is_some() || !texts.free.is_empty();
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
        if !self.compares.is_empty()
            && let Ok(number) = value.parse::<f64>()
        {
            self.compare_hits(number, hits);
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

    fn compare_hits(&self, number: f64, hits: &mut Vec<PredicateId>) {
        let holding = self.compares.iter().filter(|(comparison, bound, _)| comparison.holds(number, *bound));
        hits.extend(holding.map(|(_, _, id)| *id));
    }
}

impl Texts {
    fn hits(&self, value: &str, gates: &mut Vec<usize>, hits: &mut Vec<PredicateId>) {
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
