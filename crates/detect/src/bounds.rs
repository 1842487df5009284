//! What a number of a correlation is compared with: one bound or several at once, as `gt: 100` and `lte: 200`.
//!
//! Not the number (that is `window::tally`). Sums and averages are compared in whole millionths, so that no order of adding changes
//! the outcome; counts and percentiles as they are. Invariant: a bound is finite.

use std::cmp::Ordering;

/// Into so many parts a unit is divided where numbers are added.
pub(crate) const PARTS: f64 = 1_000_000.0;

/// How a number compares with a bound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Relation {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
    Different,
}

impl Relation {
    /// The relation of this name in Sigma.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "gt" => Self::Above,
            "gte" => Self::AtLeast,
            "lt" => Self::Below,
            "lte" => Self::AtMost,
            "eq" => Self::Equal,
            "neq" => Self::Different,
            _ => return None,
        })
    }

    const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Above => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
            Self::Below => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::Different => ordering.is_ne(),
        }
    }

    /// How it reads before a number, in English and Japanese.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Above => ("more than", "超"),
            Self::AtLeast => ("at least", "以上"),
            Self::Below => ("less than", "未満"),
            Self::AtMost => ("at most", "以下"),
            Self::Equal => ("exactly", "ちょうど"),
            Self::Different => ("other than", "以外"),
        }
    }
}

/// All bounds of a condition; each must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds(Vec<(Relation, f64)>);

impl Eq for Bounds {}

impl Bounds {
    /// Adds one more.
    pub(crate) fn push(&mut self, relation: Relation, bound: f64) {
        self.0.push((relation, bound));
    }

    /// At least this.
    pub(crate) fn at_least(bound: f64) -> Self {
        Self(vec![(Relation::AtLeast, bound)])
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Relation, f64)> {
        self.0.iter().copied()
    }

    /// Whether a number that can only grow keeps to them once it does.
    pub(crate) fn only_grow(&self) -> bool {
        self.0.iter().all(|(relation, _)| matches!(relation, Relation::Above | Relation::AtLeast))
    }

    /// The largest count that they ask about: one more where more than a bound is asked for.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounds of counts are at most 2,048")]
    pub(crate) fn largest_whole(&self) -> usize {
        let least = |(relation, bound): &(Relation, f64)| {
            (*bound as usize).saturating_add(usize::from(*relation == Relation::Above)).max(1)
        };
        self.0.iter().map(least).max().unwrap_or(1)
    }

    /// Whether they hold for a number.
    pub(crate) fn hold(&self, number: f64) -> bool {
        self.0.iter().all(|(relation, bound)| number.partial_cmp(bound).is_some_and(|found| relation.holds(found)))
    }

    /// Whether they hold for `sum` millionths divided by `of`.
    pub(crate) fn hold_share(&self, sum: i128, of: i128) -> bool {
        self.0.iter().all(|(relation, bound)| relation.holds(sum.cmp(&parts(*bound).saturating_mul(of))))
    }
}

/// A number in millionths, rounded to the nearest.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float becomes the nearest integer there is; NaN is refused before"
)]
pub(crate) fn parts(number: f64) -> i128 {
    let rounded = (number * PARTS).round();
    // Whole numbers too large for a millionth to matter are taken as they are.
    if rounded.is_finite() { rounded as i128 } else { i128::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_together() {
        let mut range = Bounds::default();
        range.push(Relation::Above, 100.0);
        range.push(Relation::AtMost, 200.0);
        let inside = [100.0, 101.0, 200.0, 200.5].map(|number| range.hold(number));
        assert_eq!(inside, [false, true, true, false]);
        assert!(!range.only_grow() && Bounds::at_least(3.0).only_grow());
    }

    #[test]
    fn sums_are_compared_in_millionths() {
        let tenths = (0..10).map(|_| parts(0.1)).sum::<i128>();
        assert!(Bounds::at_least(1.0).hold_share(tenths, 1));
        let mut equal = Bounds::default();
        equal.push(Relation::Equal, 0.1);
        assert!(equal.hold_share(tenths, 10));
    }
}
