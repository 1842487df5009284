//! All predicates on one field, compiled so that a value is looked at once.
//!
//! Not the evaluation over columns (that is `evaluate`), nor the look at texts (that is `texts`). Whole numbers are looked up in a hash
//! map, comparisons are sorted. Cost of a value: one pass over its bytes for each way in which the rules fold texts, plus its hits.

use crate::indicators::{IndicatorSet, Lookup};
use crate::pattern::{Fold, Pattern};
use crate::pool::{Comparison, FieldId, Place, Pool, PredicateId, Test};
use crate::texts::{Scratch, Texts, TextsBuilder};
use crate::time_part::TimePart;
use core::net::IpAddr;
use hashbrown::HashMap;
use std::sync::Arc;

/// All predicates on one field.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldMatcher {
    /// Hold where the field is absent.
    pub(crate) absent: Vec<PredicateId>,
    /// Hold where the field is there without a value.
    pub(crate) null: Vec<PredicateId>,
    /// Comparisons of numbers; evaluated over the column where it is numeric. Sorted so that a number passes a front part of
    /// each list: above (`gt`, `gte`), below (`lt`, `lte`); equality is its own list.
    pub(crate) above: Vec<Bound>,
    pub(crate) below: Vec<Bound>,
    pub(crate) equal: Vec<Bound>,
    /// Comparisons with the value of another field of the event.
    pub(crate) references: Vec<Reference>,
    /// Whole numbers.
    ints: HashMap<i64, Vec<PredicateId>>,
    /// Hold where there is a value.
    present: Vec<PredicateId>,
    bools: [Vec<PredicateId>; 2],
    /// By fold, in the order of [`Fold::ALL`].
    texts: [Texts; 4],
    cidrs: Vec<(IpAddr, u8, PredicateId)>,
    /// Indicator sets that values are looked up in.
    listed: Vec<(Arc<IndicatorSet>, Lookup, PredicateId)>,
    times: Vec<(TimePart, Bound)>,
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

/// A comparison with another field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference {
    pub(crate) other: FieldId,
    pub(crate) place: Place,
    pub(crate) fold: Fold,
    pub(crate) id: PredicateId,
}

impl FieldMatcher {
    /// The matchers of all fields of `pool` for the predicates that are asked for, in the order of the fields; with each that cannot be
    /// compiled, why.
    pub(crate) fn compile_all(pool: &Pool, is_asked: impl Fn(PredicateId) -> bool) -> Vec<Result<Self, String>> {
        let mut building: Vec<(Self, [TextsBuilder; 4])> = pool.fields.iter().map(|_| Default::default()).collect();
        for (index, predicate) in pool.predicates.iter().enumerate() {
            let id = PredicateId(u32::try_from(index).unwrap_or(u32::MAX));
            if let Some((matcher, texts)) = building.get_mut(predicate.field.0 as usize).filter(|_| is_asked(id)) {
                predicate.tests.iter().for_each(|test| matcher.add(test, id, (pool, texts)));
            }
        }
        let finish = |(mut matcher, texts): (Self, [TextsBuilder; 4])| {
            matcher.sort_bounds();
            for (slot, builder) in matcher.texts.iter_mut().zip(texts) {
                *slot = builder.finish()?;
            }
            Ok(matcher)
        };
        building.into_iter().map(finish).collect()
    }

    fn add(&mut self, test: &Test, id: PredicateId, (pool, texts): (&Pool, &mut [TextsBuilder; 4])) {
        let [folded, ..] = texts;
        match test {
            Test::Null => {
                self.absent.push(id);
                self.null.push(id);
            }
            Test::Absent => self.absent.push(id),
            Test::Exists => {
                self.null.push(id);
                self.present.push(id);
            }
            Test::Int(i) => {
                self.ints.entry(*i).or_default().push(id);
                folded.exact(&i.to_string(), id);
            }
            Test::Listed(set, lookup) => {
                self.listed.extend(pool.set(*set).map(|set| (Arc::clone(set), *lookup, id)));
            }
            Test::Bool(b) => {
                let [no, yes] = &mut self.bools;
                if *b {
                    yes.push(id)
                } else {
                    no.push(id)
                }
                folded.exact(if *b { "true" } else { "false" }, id);
            }
            Test::Compare(comparison, bound) => {
                let bound = Bound { comparison: *comparison, bound: bound.value(), id };
                self.bounds(*comparison).push(bound);
            }
            Test::Regex(source) => folded.regex(source, id),
            Test::Cidr(network, length) => self.cidrs.push((*network, *length, id)),
            Test::Time(part, comparison, bound) => {
                self.times.push((*part, Bound { comparison: *comparison, bound: bound.value(), id }));
            }
            Test::Field { other, place, fold } => {
                self.references.push(Reference { other: *other, place: *place, fold: *fold, id });
            }
            Test::Text { pattern, fold } => {
                self.add_numeric_text(pattern, id);
                let builder = Fold::ALL.iter().position(|f| f == fold).and_then(|index| texts.get_mut(index));
                if builder.is_some_and(|builder| !builder.add(pattern.folded(*fold), id)) {
                    self.present.push(id);
                }
            }
        }
    }

    fn bounds(&mut self, comparison: Comparison) -> &mut Vec<Bound> {
        match comparison {
            Comparison::Greater | Comparison::GreaterOrEqual => &mut self.above,
            Comparison::Less | Comparison::LessOrEqual => &mut self.below,
            Comparison::Equal => &mut self.equal,
        }
    }

    /// Of equal bounds the one that includes them is passed first.
    fn sort_bounds(&mut self) {
        let strict = |b: &Bound| matches!(b.comparison, Comparison::Greater | Comparison::Less);
        self.above.sort_by(|a, b| a.bound.total_cmp(&b.bound).then(strict(a).cmp(&strict(b))));
        self.below.sort_by(|a, b| b.bound.total_cmp(&a.bound).then(strict(a).cmp(&strict(b))));
    }

    /// A text that is written like a whole number also stands for the number.
    fn add_numeric_text(&mut self, pattern: &Pattern, id: PredicateId) {
        if let Some(text) = pattern.plain()
            && let Ok(number) = text.parse::<i64>()
            && number.to_string() == text
        {
            self.ints.entry(number).or_default().push(id);
        }
    }

    /// Whether numbers must be looked at as texts, too.
    fn reads_numbers_as_text(&self) -> bool {
        !self.listed.is_empty() || self.texts.iter().any(Texts::looks_inside)
    }

    /// Whether comparisons and nothing else are asked of numbers.
    pub(crate) fn is_numeric_only(&self) -> bool {
        let listed = [&self.absent, &self.null, &self.present].iter().any(|list| !list.is_empty());
        !listed
            && self.listed.is_empty()
            && self.ints.is_empty()
            && self.times.is_empty()
            && self.texts.iter().all(Texts::is_empty)
    }

    /// Adds what a text value passes, in no order and perhaps twice.
    pub(crate) fn text_hits(&self, value: &str, scratch: &mut Scratch, hits: &mut Vec<PredicateId>) {
        hits.extend_from_slice(&self.present);
        self.pattern_hits(value, scratch, hits);
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
        self.time_hits(|part| part.of_text(value), hits);
    }

    fn pattern_hits(&self, value: &str, scratch: &mut Scratch, hits: &mut Vec<PredicateId>) {
        for (texts, fold) in self.texts.iter().zip(Fold::ALL) {
            texts.hits(fold, value, scratch, hits);
        }
        if !self.listed.is_empty() {
            let folded = scratch.folded(Fold::Case, value);
            let found = self.listed.iter().filter(|(set, lookup, _)| set.holds(*lookup, folded));
            hits.extend(found.map(|(.., id)| *id));
        }
    }

    fn time_hits(&self, of: impl Fn(TimePart) -> Option<f64>, hits: &mut Vec<PredicateId>) {
        let passes = |(part, bound): &&(TimePart, Bound)| of(*part).is_some_and(|number| bound.holds(number));
        hits.extend(self.times.iter().filter(passes).map(|(_, bound)| bound.id));
    }

    /// Adds what a whole number passes, comparisons left out.
    pub(crate) fn int_hits(&self, value: i64, scratch: &mut Scratch, hits: &mut Vec<PredicateId>) {
        hits.extend_from_slice(&self.present);
        hits.extend(self.ints.get(&value).into_iter().flatten());
        if self.reads_numbers_as_text() {
            self.pattern_hits(&value.to_string(), scratch, hits);
        }
        self.time_hits(|part| part.of_number(value), hits);
    }

    /// Adds what a number passes, comparisons left out.
    pub(crate) fn float_hits(&self, value: f64, scratch: &mut Scratch, hits: &mut Vec<PredicateId>) {
        hits.extend_from_slice(&self.present);
        self.pattern_hits(&value.to_string(), scratch, hits);
        #[expect(clippy::cast_precision_loss, reason = "whole numbers above 2^53 equal the nearest float")]
        let equal = self.ints.iter().filter(|(int, _)| **int as f64 == value);
        hits.extend(equal.flat_map(|(_, ids)| ids));
    }

    /// What a truth value passes.
    pub(crate) fn bool_hits(&self, value: bool, scratch: &mut Scratch) -> Vec<PredicateId> {
        let [no, yes] = &self.bools;
        let mut hits = if value { yes.clone() } else { no.clone() };
        hits.extend_from_slice(&self.present);
        self.pattern_hits(if value { "true" } else { "false" }, scratch, &mut hits);
        hits
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
