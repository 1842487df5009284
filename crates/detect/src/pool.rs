//! The predicates of all rules, each once.
//!
//! Not their evaluation (that is `matcher`). A predicate asks whether one field of an event passes any of its tests; rules that
//! ask the same share it. Invariants: a predicate id indexes `predicates`, its field id indexes `fields`; the field without a name
//! stands for every field of an event (keywords).

use crate::facts::Facts;
use crate::indicators::{IndicatorSet, Lookup};
use crate::pattern::{Fold, Pattern};
use crate::time_part::TimePart;
use core::net::IpAddr;
use hashbrown::HashMap;
use std::sync::Arc;

/// Index into [`Pool::predicates`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct PredicateId(pub(crate) u32);

/// Index into [`Pool::fields`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct FieldId(pub(crate) u32);

/// Index into [`Pool::sets`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct SetId(u32);

/// How two numbers compare.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    pub(crate) fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Equal => value == bound,
            Self::Greater => value > bound,
            Self::GreaterOrEqual => value >= bound,
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
        }
    }
}

/// A number by its bits, so that predicates can be compared and hashed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Number(u64);

impl Number {
    pub(crate) fn new(value: f64) -> Self {
        Self(value.to_bits())
    }

    pub(crate) fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// One question about a value.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Test {
    /// There is no value: the field is absent or null.
    Null,
    /// The field is absent.
    Absent,
    /// The field is there, even if it is null.
    Exists,
    /// The value as text fits this pattern once both are folded.
    Text { pattern: Pattern, fold: Fold },
    /// The value is this whole number, as a number or as its decimal text.
    Int(i64),
    /// The value is this truth value, as such or as text.
    Bool(bool),
    /// The value as a number compares so.
    Compare(Comparison, Number),
    /// The regular expression finds something in the value as text.
    Regex(String),
    /// The value is an address of this network: first address, length of the prefix.
    Cidr(IpAddr, u8),
    /// This part of the value, read as a date, compares so.
    Time(TimePart, Comparison, Number),
    /// The indicator set has what the value asks for.
    Listed(SetId, Lookup),
    /// The value holds the value of another field at this place.
    Field { other: FieldId, place: Place, fold: Fold },
}

/// Where in a value another text stands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Place {
    Whole,
    Anywhere,
    Start,
    End,
}

impl Place {
    /// Whether `inner` stands at this place of `outer`.
    pub(crate) fn holds(self, outer: &str, inner: &str) -> bool {
        match self {
            Self::Whole => outer == inner,
            Self::Anywhere => outer.contains(inner),
            Self::Start => outer.starts_with(inner),
            Self::End => outer.ends_with(inner),
        }
    }
}

/// A field passes at least one of the tests.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Predicate {
    pub(crate) field: FieldId,
    /// Sorted, without repetition.
    pub(crate) tests: Vec<Test>,
}

/// The name of the field that stands for every field of an event.
pub(crate) const EVERY_FIELD: &str = "";

/// All predicates of a rule set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    pub(crate) fields: Vec<String>,
    pub(crate) predicates: Vec<Predicate>,
    sets: Vec<Arc<IndicatorSet>>,
    /// Fields that no event brings.
    pub(crate) facts: Facts,
    field_ids: HashMap<String, FieldId>,
    predicate_ids: HashMap<Predicate, PredicateId>,
}

impl Pool {
    /// The id of a field, new or known.
    pub(crate) fn field(&mut self, name: &str) -> FieldId {
        if let Some(id) = self.field_ids.get(name) {
            return *id;
        }
        let id = FieldId(u32::try_from(self.fields.len()).unwrap_or(u32::MAX));
        self.fields.push(name.to_owned());
        self.field_ids.insert(name.to_owned(), id);
        id
    }

    /// The id of a field that is known.
    pub(crate) fn find(&self, name: &str) -> Option<FieldId> {
        self.field_ids.get(name).copied()
    }

    /// The id of the predicate that `field` passes any of `tests`.
    pub(crate) fn predicate(&mut self, field: &str, mut tests: Vec<Test>) -> PredicateId {
        tests.sort_unstable();
        tests.dedup();
        let predicate = Predicate { field: self.field(field), tests };
        if let Some(id) = self.predicate_ids.get(&predicate) {
            return *id;
        }
        let id = PredicateId(u32::try_from(self.predicates.len()).unwrap_or(u32::MAX));
        self.predicates.push(predicate.clone());
        self.predicate_ids.insert(predicate, id);
        id
    }

    /// The id of an indicator set, new or known.
    pub(crate) fn set_id(&mut self, set: &Arc<IndicatorSet>) -> SetId {
        let known = self.sets.iter().position(|known| known.name() == set.name());
        let place = known.unwrap_or_else(|| {
            self.sets.push(Arc::clone(set));
            self.sets.len().saturating_sub(1)
        });
        SetId(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// An indicator set.
    pub(crate) fn set(&self, id: SetId) -> Option<&Arc<IndicatorSet>> {
        self.sets.get(id.0 as usize)
    }

    /// The name of a field.
    pub(crate) fn name(&self, id: FieldId) -> &str {
        self.fields.get(id.0 as usize).map_or("", String::as_str)
    }
}

/// What a rule asks of an event, over the pool's predicates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Expr {
    /// This predicate holds.
    Predicate(PredicateId),
    /// All hold.
    All(Vec<Self>),
    /// At least one holds.
    Any(Vec<Self>),
    /// At least so many hold, two or more.
    AtLeast(usize, Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
}

impl Expr {
    /// The same question with cheap operands before dear ones and nested lists of one kind flattened.
    pub(crate) fn simplified(self) -> Self {
        match self {
            Self::All(items) => Self::joined(items, Self::All, |e| if let Self::All(i) = e { Ok(i) } else { Err(e) }),
            Self::Any(items) => Self::joined(items, Self::Any, |e| if let Self::Any(i) = e { Ok(i) } else { Err(e) }),
            Self::AtLeast(n, items) => Self::AtLeast(n, items.into_iter().map(Self::simplified).collect()),
            Self::Not(inner) => match inner.simplified() {
                Self::Not(twice) => *twice,
                other => Self::Not(Box::new(other)),
            },
            predicate @ Self::Predicate(_) => predicate,
        }
    }

    fn joined(items: Vec<Self>, with: fn(Vec<Self>) -> Self, open: fn(Self) -> Result<Vec<Self>, Self>) -> Self {
        let mut flat = Vec::with_capacity(items.len());
        for item in items {
            match open(item.simplified()) {
                Ok(inner) => flat.extend(inner),
                Err(other) => flat.push(other),
            }
        }
        flat.sort_by_key(Self::cost);
        if flat.len() == 1 { flat.pop().unwrap_or_else(|| with(Vec::new())) } else { with(flat) }
    }

    const fn cost(&self) -> u8 {
        match self {
            Self::Predicate(_) => 0,
            Self::Any(_) => 1,
            Self::All(_) => 2,
            Self::AtLeast(..) => 3,
            Self::Not(_) => 4,
        }
    }

    /// How many parts it has.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Predicate(_) => 1,
            Self::All(items) | Self::Any(items) | Self::AtLeast(_, items) => {
                items.iter().map(Self::size).fold(1, usize::saturating_add)
            }
            Self::Not(inner) => inner.size().saturating_add(1),
        }
    }

    /// Hands over each predicate in it.
    pub(crate) fn each_predicate(&self, found: &mut impl FnMut(PredicateId)) {
        match self {
            Self::Predicate(id) => found(*id),
            Self::All(items) | Self::Any(items) | Self::AtLeast(_, items) => {
                items.iter().for_each(|item| item.each_predicate(found));
            }
            Self::Not(inner) => inner.each_predicate(found),
        }
    }

    /// Adds what is asked to hold.
    pub(crate) fn assert_into(&self, pool: &Pool, out: &mut Asserted) {
        match self {
            Self::Predicate(id) => {
                let Some(predicate) = pool.predicates.get(id.0 as usize) else { return };
                let field = predicate.field;
                if !out.fields.contains(&field) {
                    out.fields.push(field);
                }
                for test in &predicate.tests {
                    if let Test::Listed(set, lookup) = test
                        && !out.listed.contains(&(field, *set, *lookup))
                    {
                        out.listed.push((field, *set, *lookup));
                    }
                }
            }
            Self::All(items) | Self::Any(items) | Self::AtLeast(_, items) => {
                items.iter().for_each(|item| item.assert_into(pool, out));
            }
            Self::Not(_) => {}
        }
    }
}

/// What a rule asks to hold, in order, without repetition: what a person wants to see of an event that it matched.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Asserted {
    pub(crate) fields: Vec<FieldId>,
    /// Fields that are looked up in indicator sets.
    pub(crate) listed: Vec<(FieldId, SetId, Lookup)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_predicates_are_shared_whatever_their_order() {
        let mut pool = Pool::default();
        let a = pool.predicate("event_id", vec![Test::Int(2), Test::Int(1), Test::Int(1)]);
        let b = pool.predicate("event_id", vec![Test::Int(1), Test::Int(2)]);
        let c = pool.predicate("bus", vec![Test::Int(1), Test::Int(2)]);
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!((pool.predicates.len(), pool.fields.len()), (2, 2));
    }

    #[test]
    fn simplifying_flattens_and_puts_not_last() {
        let p = |i| Expr::Predicate(PredicateId(i));
        let nested = Expr::All(vec![
            Expr::Not(Box::new(Expr::Not(Box::new(p(1))))),
            Expr::Not(Box::new(p(2))),
            Expr::All(vec![p(3), Expr::Any(vec![p(4)])]),
        ]);
        assert_eq!(nested.simplified(), Expr::All(vec![p(1), p(3), p(4), Expr::Not(Box::new(p(2)))]));
    }
}
