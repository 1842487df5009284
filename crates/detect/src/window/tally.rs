//! What one window holds, as a number or as the rules that matched in it.
//!
//! Not the windows themselves: events are added at the front and removed at the back as a window moves on. Invariant: after any
//! sequence of both, what it says is a function of the events that are in, not of their order. Cost: O(1) an event; O(values) for
//! percentiles, O(rules²) for an order.

use super::{Entry, Measure, Measured};
use crate::bounds;
use std::collections::HashMap;

/// How often each value is there.
pub(crate) type Values = HashMap<u64, u32, foldhash::fast::RandomState>;

/// What one window holds.
#[derive(Clone, Debug)]
pub(crate) enum Tally {
    Events(u64),
    Values(Values),
    /// Millionths, and of how many events.
    Sum {
        sum: i128,
        of: u32,
    },
    /// Numbers by size.
    Sorted(Vec<f64>),
    /// How many events matched each rule.
    Rules(Vec<u32>),
    /// By length and last rule: the latest time at which an ordered chain of so many different rules begins.
    Order {
        rules: usize,
        latest: Vec<i64>,
    },
}

impl Tally {
    /// Of an empty window.
    pub(crate) fn new(measure: Measure) -> Self {
        match measure {
            Measure::Events => Self::Events(0),
            Measure::Values => Self::Values(Values::default()),
            Measure::Sum | Measure::Average => Self::Sum { sum: 0, of: 0 },
            Measure::Percentile(_) => Self::Sorted(Vec::new()),
            Measure::Rules(rules) => Self::Rules(vec![0; usize::from(rules)]),
            Measure::Order(rules) => {
                let rules = usize::from(rules);
                Self::Order { rules, latest: vec![i64::MIN; rules.saturating_mul(rules)] }
            }
        }
    }

    /// Adds events in the order of their times.
    pub(crate) fn add(&mut self, entries: &[Entry]) {
        match self {
            Self::Events(count) => *count = count.saturating_add(entries.len() as u64),
            Self::Values(values) => entries.iter().for_each(|entry| remember(values, entry.value)),
            Self::Sum { sum, of } => {
                let more = entries.iter().map(|entry| bounds::parts(entry.number()));
                *sum = more.fold(*sum, i128::saturating_add);
                *of = of.saturating_add(u32::try_from(entries.len()).unwrap_or(u32::MAX));
            }
            Self::Sorted(numbers) => {
                for number in entries.iter().map(Entry::number) {
                    let at = numbers.partition_point(|known| known.total_cmp(&number).is_lt());
                    numbers.insert(at, number);
                }
            }
            Self::Rules(counts) => {
                for entry in entries {
                    let matched = counts.iter_mut().enumerate().filter(|(rule, _)| has(entry.value, *rule));
                    matched.for_each(|(_, count)| *count = count.saturating_add(1));
                }
            }
            Self::Order { rules, latest } => {
                for same in entries.chunk_by(|a, b| a.time == b.time) {
                    let matched = same.iter().fold(0, |mask, entry| mask | entry.value);
                    let Some(time) = same.first().map(|entry| entry.time) else { continue };
                    (0..*rules).filter(|rule| has(matched, *rule)).for_each(|rule| extend(latest, *rules, rule, time));
                }
            }
        }
    }

    /// Removes the oldest event.
    pub(crate) fn remove(&mut self, entry: &Entry) {
        match self {
            Self::Events(count) => *count = count.saturating_sub(1),
            Self::Values(values) => forget(values, entry.value),
            Self::Sum { sum, of } => {
                *sum = sum.saturating_sub(bounds::parts(entry.number()));
                *of = of.saturating_sub(1);
            }
            Self::Sorted(numbers) => {
                let number = entry.number();
                let at = numbers.partition_point(|known| known.total_cmp(&number).is_lt());
                if at < numbers.len() {
                    numbers.remove(at);
                }
            }
            Self::Rules(counts) => {
                let matched = counts.iter_mut().enumerate().filter(|(rule, _)| has(entry.value, *rule));
                matched.for_each(|(_, count)| *count = count.saturating_sub(1));
            }
            // A chain that began before the window is told by its time.
            Self::Order { .. } => {}
        }
    }

    /// What a window holds that begins after this time.
    pub(crate) fn measured(&self, measure: Measure, after: i64) -> Measured {
        match self {
            Self::Events(count) => Measured::Count(*count),
            Self::Values(values) => Measured::Count(values.len() as u64),
            Self::Sum { sum, of } => {
                Measured::Share { sum: *sum, of: if measure == Measure::Average { i128::from(*of) } else { 1 } }
            }
            Self::Sorted(numbers) => Measured::Real(percentile(numbers, measure)),
            Self::Rules(counts) => {
                let seen = counts.iter().enumerate().filter(|(_, count)| **count > 0);
                Measured::Rules(seen.fold(0, |mask, (rule, _)| mask | bit(rule)))
            }
            Self::Order { rules, latest } => {
                let chains = latest.chunks(*rules);
                Measured::Count(chains.take_while(|ends| ends.iter().any(|begin| *begin > after)).count() as u64)
            }
        }
    }
}

/// The bit of a rule.
pub(crate) fn bit(rule: usize) -> u64 {
    u32::try_from(rule).ok().and_then(|rule| 1_u64.checked_shl(rule)).unwrap_or(0)
}

fn has(mask: u64, rule: usize) -> bool {
    mask & bit(rule) != 0
}

/// An event at `time` matched `rule`: it ends chains of rules before it, and begins one.
fn extend(latest: &mut [i64], rules: usize, rule: usize, time: i64) {
    for length in (1..rules).rev() {
        let shorter = length.saturating_sub(1).saturating_mul(rules);
        let before = latest.get(shorter..shorter.saturating_add(rule)).unwrap_or_default();
        let begun = before.iter().copied().max().unwrap_or(i64::MIN);
        if let Some(known) = latest.get_mut(length.saturating_mul(rules).saturating_add(rule)) {
            *known = begun.max(*known);
        }
    }
    if let Some(known) = latest.get_mut(rule) {
        *known = time.max(*known);
    }
}

/// The value at a percentile of numbers by size; between two of them on the line that joins them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place between 0 and the number of values, which is at most 4,098"
)]
fn percentile(numbers: &[f64], measure: Measure) -> f64 {
    let Measure::Percentile(percent) = measure else { return f64::NAN };
    let place = f64::from(percent) / 100.0 * numbers.len().saturating_sub(1) as f64;
    let below = place.floor() as usize;
    let Some(low) = numbers.get(below) else { return f64::NAN };
    let high = numbers.get(below.saturating_add(1)).unwrap_or(low);
    let share = place - place.floor();
    if share == 0.0 { *low } else { low + (high - low) * share }
}

pub(crate) fn remember(counts: &mut Values, value: u64) {
    let count = counts.entry(value).or_default();
    *count = count.saturating_add(1);
}

pub(crate) fn forget(counts: &mut Values, value: u64) {
    if let Some(count) = counts.get_mut(&value) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_on_the_line_between_values() {
        let of = |percent, numbers: &[f64]| percentile(numbers, Measure::Percentile(percent));
        assert_eq!(of(50, &[1.0, 2.0, 10.0]), 2.0);
        assert_eq!(of(50, &[1.0, 2.0, 4.0, 10.0]), 3.0);
        assert_eq!((of(0, &[3.0, 5.0]), of(100, &[3.0, 5.0]), of(25, &[3.0, 5.0])), (3.0, 5.0, 3.5));
        assert!(of(50, &[]).is_nan());
    }

    #[test]
    fn an_order_is_the_longest_chain_of_rules_that_begins_in_the_window() {
        let entry = |time, rule| Entry { time, value: bit(rule), position: time, entry_index: 0, counted: 0 };
        let mut tally = Tally::new(Measure::Order(3));
        let longest = |tally: &Tally, after| tally.measured(Measure::Order(3), after);
        tally.add(&[entry(1, 1), entry(2, 0), entry(3, 2)]);
        assert_eq!(longest(&tally, 0), Measured::Count(2));
        tally.add(&[entry(4, 1), entry(4, 2)]);
        assert_eq!(longest(&tally, 0), Measured::Count(3));
        assert_eq!(longest(&tally, 2), Measured::Count(2));
        assert_eq!(longest(&tally, 4), Measured::Count(0));
    }
}
