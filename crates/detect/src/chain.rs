//! How correlations refer to rules and to each other: what is wrong with that, in which order they are judged, and what each of them
//! asks of those that it counts.
//!
//! Not the judgement (that is `network`). A firing of a correlation is an event: its time, and the fields that the correlation groups
//! by. Invariants: rules come before the correlations that count them; no chain is longer than [`DEPTH_MAX`], none is a circle.

use crate::error::RuleErrorKind;
use crate::pool::{FieldId, Pool};
use crate::rule::Correlation;
use crate::ruleset::{Read, own_names};
use std::collections::HashMap;

/// The most correlations one over the other.
const DEPTH_MAX: usize = 8;

/// A rule that a correlation counts.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    /// Its index.
    pub(crate) rule: usize,
    pub(crate) via: Via,
}

/// Where the values come from that a correlation asks for: those by which it groups, and those that it counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Via {
    /// Fields of the rows that the rule matches.
    Rows { group: Vec<FieldId>, values: Vec<FieldId> },
    /// Places in the `group-by` of the correlation that fires.
    Firings { group: Vec<usize>, values: Vec<usize> },
}

/// What follows for a correlation from those below and above it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Plan {
    /// Its lateness, and that of what it waits for, in µs.
    pub(crate) lateness: i64,
    /// How far back lies what decides about a window, in µs.
    pub(crate) reach: i64,
    /// Whether it, or one below it, may group events of different vehicles.
    pub(crate) over_fleet: bool,
    /// Whether correlations count its firings.
    pub(crate) is_counted: bool,
    /// How many correlations are below it, one under the other.
    pub(crate) depth: usize,
}

/// For each document what is wrong with its references; the caller leaves those out and asks again, until there is nothing.
pub(crate) fn problems(read: &[Read], names: &HashMap<String, usize>) -> Vec<Option<RuleErrorKind>> {
    let mut problems: Vec<Option<RuleErrorKind>> = read.iter().map(|one| problem(one, read, names)).collect();
    let below = all_below(read, names);
    let order = order(&below);
    let name = |index: &usize| read.get(*index).and_then(|one| own_names(&one.document).last()).unwrap_or_default();
    if problems.iter().any(Option::is_some) {
        // Who counts what is left out cannot be judged either.
        for index in order {
            let mut under = below.get(index).into_iter().flatten();
            let gone = under.find(|rule| problems.get(**rule).is_some_and(Option::is_some)).map(name);
            for slot in problems.iter_mut().skip(index).take(1).filter(|slot| slot.is_none()) {
                *slot = gone.map(|gone| RuleErrorKind::UnknownRule(gone.to_owned()));
            }
        }
        return problems;
    }
    let circles = circles(&below, &order);
    if !circles.is_empty() {
        for circle in circles {
            let path: Vec<&str> = circle.iter().chain(circle.first()).map(name).collect();
            let path = path.join(" → ");
            for index in circle {
                problems.iter_mut().skip(index).take(1).for_each(|it| *it = Some(RuleErrorKind::Cycle(path.clone())));
            }
        }
        return problems;
    }
    let mut depths = vec![0_usize; below.len()];
    for index in order {
        let under = below.get(index).into_iter().flatten();
        let depth = under.filter_map(|rule| depths.get(*rule)).max().map_or(0, |depth| depth.saturating_add(1));
        if depth > DEPTH_MAX {
            let (what, value, max) = ("depth of correlations over correlations", depth as u64, DEPTH_MAX as u64);
            problems
                .iter_mut()
                .skip(index)
                .take(1)
                .for_each(|it| *it = Some(RuleErrorKind::Limit { what, value, max }));
        }
        depths.iter_mut().skip(index).take(1).for_each(|known| *known = depth);
    }
    problems
}

/// For each document the indexes of those that it counts.
pub(crate) fn all_below(read: &[Read], names: &HashMap<String, usize>) -> Vec<Vec<usize>> {
    let below = |one: &Read| {
        let mut below: Vec<usize> = Vec::new();
        for rule in one.correlation().into_iter().flat_map(|it| &it.rules).filter_map(|name| names.get(name)) {
            if !below.contains(rule) {
                below.push(*rule);
            }
        }
        below
    };
    read.iter().map(below).collect()
}

fn problem(one: &Read, read: &[Read], names: &HashMap<String, usize>) -> Option<RuleErrorKind> {
    let correlation = one.correlation()?;
    if let Some(name) = correlation.rules.iter().find(|name| !names.contains_key(*name)) {
        return Some(RuleErrorKind::UnknownRule(name.clone()));
    }
    let mut counted = correlation.rules.iter().filter_map(|name| Some((name, read.get(*names.get(name)?)?)));
    if let Some((name, _)) = counted.find(|(_, one)| one.baseline().is_some()) {
        return Some(RuleErrorKind::CountsBaseline(name.clone()));
    }
    if correlation.is_in_order() {
        let index = |name: &String| names.get(name);
        let before = |at: usize, name| correlation.rules.iter().take(at).any(|other| index(other) == index(name));
        if let Some((_, name)) = correlation.rules.iter().enumerate().find(|(at, name)| before(*at, *name)) {
            return Some(RuleErrorKind::Repeated(name.clone()));
        }
    }
    let below = || correlation.rules.iter().filter_map(|name| read.get(*names.get(name)?));
    for alias in &correlation.aliases {
        let known = |rule: &String| below().any(|one| own_names(&one.document).any(|name| name == rule));
        if let Some((rule, _)) = alias.fields.iter().find(|(rule, _)| !known(rule)) {
            return Some(RuleErrorKind::AliasRule { alias: alias.name.clone(), rule: rule.clone() });
        }
    }
    below().find_map(|under| {
        let group_by = &under.correlation()?.group_by;
        let own: Vec<&str> = own_names(&under.document).collect();
        let mut asked = correlation.fields().map(|field| correlation.field_in(field, &own));
        let field = asked.find(|field| !group_by.iter().any(|has| has == field))?.to_owned();
        let rule = own.last().copied().unwrap_or_default().to_owned();
        let has = if group_by.is_empty() { "nothing".to_owned() } else { group_by.join(", ") };
        Some(RuleErrorKind::FiringField { field, rule, has })
    })
}

/// All indexes, each behind those below it; those of a circle and above it are left out.
pub(crate) fn order(below: &[Vec<usize>]) -> Vec<usize> {
    let mut waits: Vec<usize> = below.iter().map(Vec::len).collect();
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); below.len()];
    for (index, under) in below.iter().enumerate() {
        for rule in under {
            above.iter_mut().skip(*rule).take(1).for_each(|over| over.push(index));
        }
    }
    let mut order: Vec<usize> = (0..below.len()).filter(|index| waits.get(*index) == Some(&0)).collect();
    let mut at = 0;
    while let Some(index) = order.get(at).copied() {
        at = at.saturating_add(1);
        for over in above.get(index).into_iter().flatten() {
            let Some(left) = waits.get_mut(*over) else { continue };
            *left = left.saturating_sub(1);
            if *left == 0 {
                order.push(*over);
            }
        }
    }
    order
}

/// Circles, as many as can be found by going down once from each index that `order` leaves out.
fn circles(below: &[Vec<usize>], order: &[usize]) -> Vec<Vec<usize>> {
    // On which way each index was met; those in the order are on none.
    let mut met: Vec<Option<usize>> = vec![None; below.len()];
    order.iter().for_each(|index| met.iter_mut().skip(*index).take(1).for_each(|it| *it = Some(usize::MAX)));
    let free: Vec<bool> = met.iter().map(Option::is_some).collect();
    let mut circles = Vec::new();
    for begin in 0..below.len() {
        let (mut path, mut next) = (Vec::new(), Some(begin));
        while let Some(index) = next.filter(|index| met.get(*index) == Some(&None)) {
            path.push(index);
            met.iter_mut().skip(index).take(1).for_each(|it| *it = Some(begin));
            next =
                below.get(index).and_then(|under| under.iter().copied().find(|rule| free.get(*rule) == Some(&false)));
        }
        let closed = next.and_then(|index| path.iter().position(|known| *known == index));
        circles.extend(closed.and_then(|first| path.get(first..)).map(<[usize]>::to_vec));
    }
    circles
}

/// How a correlation asks a rule that it counts, which has these names; `group_by` of that rule if it is a correlation itself.
pub(crate) fn via(correlation: &Correlation, names: &[&str], group_by: Option<&[String]>, pool: &Pool) -> Via {
    let fields = |fields: &[String]| -> Vec<String> {
        fields.iter().map(|field| correlation.field_in(field, names).to_owned()).collect()
    };
    let (group, values) = (fields(&correlation.group_by), fields(correlation.values()));
    match group_by {
        None => {
            let find = |fields: Vec<String>| fields.iter().filter_map(|field| pool.find(field)).collect();
            Via::Rows { group: find(group), values: find(values) }
        }
        Some(has) => {
            let place = |field: &String| has.iter().position(|known| known == field);
            let find = |fields: Vec<String>| fields.iter().filter_map(place).collect();
            Via::Firings { group: find(group), values: find(values) }
        }
    }
}

impl Plan {
    /// Of a correlation, given the plans of the correlations that it counts, each with whether it is judged at once.
    pub(crate) fn new(correlation: &Correlation, below: impl Iterator<Item = (Self, bool)>) -> Self {
        let own = Self {
            lateness: correlation.lateness,
            reach: correlation.timespan,
            over_fleet: !correlation.is_per_vehicle(),
            is_counted: false,
            depth: 0,
        };
        below.fold(own, |plan, (under, at_once)| {
            // What waits until nothing may come any more, and then for silence, fires so much later.
            let waits = if at_once { under.lateness } else { under.lateness.saturating_mul(2) };
            Self {
                lateness: plan.lateness.max(correlation.lateness.saturating_add(waits)),
                reach: plan.reach.max(correlation.timespan.saturating_add(under.reach)),
                over_fleet: plan.over_fleet || under.over_fleet,
                depth: plan.depth.max(under.depth.saturating_add(1)),
                ..plan
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_before_those_that_count_them_and_a_circle_is_found() {
        let below = [vec![1, 2], vec![2], vec![], vec![4], vec![3], vec![3]];
        let order = order(&below);
        assert_eq!(order, [2, 1, 0]);
        assert_eq!(circles(&below, &order), [vec![3, 4]]);
    }
}
