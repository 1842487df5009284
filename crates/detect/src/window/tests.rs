//! Windows against their definition, in any order, and what is given up when a group is full.

use super::*;
use crate::bounds::Relation;
use crate::groups::GroupKey;
use crate::late::Gap;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};

const RULES: u8 = 4;

fn entry(time: i64, value: u64, number: i64) -> Entry {
    Entry { time, value, position: number, entry_index: 0, counted: 0 }
}

fn bounds(pairs: &[(Relation, f64)]) -> Test {
    let mut bounds = Bounds::default();
    pairs.iter().for_each(|(relation, bound)| bounds.push(*relation, *bound));
    Test::Bounds(bounds)
}

/// Whether a window fires, by the words of the specification.
fn fires(window: &Window, inside: &[&Entry]) -> bool {
    let matched = |rule: usize| inside.iter().any(|e| e.value & bit(rule) != 0);
    let mut numbers: Vec<f64> = inside.iter().map(|e| e.number()).collect();
    numbers.sort_by(f64::total_cmp);
    let number = match window.measure {
        Measure::Events => inside.len() as f64,
        Measure::Values => inside.iter().map(|e| e.value).collect::<HashSet<_>>().len() as f64,
        Measure::Sum => numbers.iter().sum(),
        Measure::Average => numbers.iter().sum::<f64>() / numbers.len() as f64,
        Measure::Percentile(percent) => {
            let place = f64::from(percent) * (numbers.len() - 1) as f64 / 100.0;
            let (low, high) = (numbers[place.floor() as usize], numbers[place.ceil() as usize]);
            low + (high - low) * place.fract()
        }
        Measure::Rules(rules) => (0..usize::from(rules)).filter(|rule| matched(*rule)).count() as f64,
        Measure::Order(rules) => longest(inside, 0, i64::MIN, usize::from(rules)) as f64,
    };
    match &window.test {
        Test::Bounds(bounds) => bounds.hold(number),
        Test::Rules(condition) => condition.holds(&matched),
    }
}

/// The longest chain of rules from `rule` on, not before `time`.
fn longest(inside: &[&Entry], rule: usize, time: i64, rules: usize) -> usize {
    if rule == rules {
        return 0;
    }
    let without = longest(inside, rule + 1, time, rules);
    let first = inside.iter().filter(|e| e.value & bit(rule) != 0 && e.time >= time).map(|e| e.time).min();
    first.map_or(without, |first| without.max(1 + longest(inside, rule + 1, first, rules)))
}

type Periods = BTreeMap<i64, Vec<i64>>;

/// The definition, straight from the set of events: which events each period counts, and at which times windows fire.
fn oracle(window: &Window, events: &[Entry]) -> (Periods, Vec<i64>) {
    let (mut periods, mut fired) = (Periods::new(), Vec::new());
    for closing in events {
        let inside: Vec<&Entry> =
            events.iter().filter(|e| e.time <= closing.time && e.time > closing.time - window.span).collect();
        if fires(window, &inside) {
            periods.entry(window.period_start(closing.time)).or_default().extend(inside.iter().map(|e| e.position));
            fired.push(closing.time);
        }
    }
    for numbers in periods.values_mut().chain([&mut fired]) {
        numbers.sort_unstable();
        numbers.dedup();
    }
    (periods, fired)
}

fn run(window: &Window, events: &[Entry]) -> (Periods, Vec<i64>) {
    let mut group = Group::new(GroupKey::default(), 0, Gap::NONE, 0);
    let (mut periods, mut recents, mut noted) = (Periods::new(), Recents::default(), Noted::default());
    for event in events {
        assert_ne!(window.insert(&mut group, &mut recents, *event, &mut noted), Inserted::Late);
    }
    if window.when == When::Settled {
        window.settle(&mut group, i64::MAX, &mut noted);
        assert!(!group.is_pending());
    }
    for found in &noted.counted {
        periods.entry(found.period_start).or_default().push(found.entry.position);
    }
    let mut fired: Vec<i64> = noted.fired.iter().map(|entry| entry.time).collect();
    for numbers in periods.values_mut().chain([&mut fired]) {
        numbers.sort_unstable();
        let before = numbers.len();
        numbers.dedup();
        assert_eq!(numbers.len(), before, "no event is counted twice in a period, and no window fires twice");
    }
    (periods, fired)
}

fn relation() -> impl Strategy<Value = Relation> {
    use Relation::{Above, AtLeast, AtMost, Below, Different, Equal};
    prop::sample::select(vec![AtLeast, AtLeast, Above, Below, AtMost, Equal, Different])
}

fn expression() -> impl Strategy<Value = Condition> {
    (0..usize::from(RULES)).prop_map(Condition::Search).prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(Condition::All),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(Condition::Any),
            inner.prop_map(|one| Condition::Not(Box::new(one))),
        ]
    })
}

/// Any kind of window.
fn windows() -> impl Strategy<Value = Window> {
    let measures = vec![
        Measure::Events,
        Measure::Values,
        Measure::Sum,
        Measure::Average,
        Measure::Percentile(50),
        Measure::Percentile(90),
        Measure::Rules(RULES),
        Measure::Order(RULES),
    ];
    let test = (proptest::collection::vec((relation(), 0..6_i32), 1..3), prop::option::weighted(0.3, expression()));
    (1..30_i64, prop::sample::select(measures), 0..40_i64, test).prop_map(
        |(span, measure, more, (pairs, expression))| {
            let pairs: Vec<_> = pairs.into_iter().map(|(relation, bound)| (relation, f64::from(bound))).collect();
            let grow = pairs.iter().all(|(relation, _)| matches!(relation, Relation::Above | Relation::AtLeast));
            let (test, at_once) = match expression.filter(|_| matches!(measure, Measure::Rules(_))) {
                Some(condition) => (Test::Rules(condition.clone()), !condition.negates()),
                None => {
                    let summed = matches!(measure, Measure::Sum | Measure::Average | Measure::Percentile(_));
                    (bounds(&pairs), grow && !summed)
                }
            };
            let when = if at_once { When::AtOnce } else { When::Settled };
            let (period, told) = (span + more, Told::Correlations);
            Window { span, lateness: 1_000, measure, test, when, period, entries_max: 4_096, told }
        },
    )
}

/// Events of small values: numbers, or rules that matched.
fn events(window: &Window, given: &[(i64, u64)]) -> Vec<Entry> {
    let value = |value: u64| match window.measure {
        Measure::Events | Measure::Values => value,
        Measure::Sum | Measure::Average | Measure::Percentile(_) => (value as f64 - 3.0).to_bits(),
        Measure::Rules(_) | Measure::Order(_) => value.max(1),
    };
    (0..).zip(given).map(|(n, (time, given))| entry(*time, value(*given), n)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn any_arrival_order_gives_what_the_definition_says(
        window in windows(),
        given in proptest::collection::vec((0..100_i64, 0..8_u64), 0..100),
    ) {
        let events = events(&window, &given);
        let expected = oracle(&window, &events);
        prop_assert_eq!(&run(&window, &events), &expected);
        let mut sorted = events.clone();
        sorted.sort_by_key(|e| e.time);
        prop_assert_eq!(&run(&window, &sorted), &expected);
    }

    #[test]
    fn what_is_forgotten_as_too_old_is_not_needed(
        window in windows(),
        lateness in 0..20_i64,
        steps in proptest::collection::vec((0..20_i64, 0..8_u64), 0..200),
    ) {
        // A clock that goes on by a step an event, and events that are late by less than the lateness.
        let window = Window { lateness, ..window };
        let mut newest = 0;
        let given: Vec<_> = steps.iter().map(|(step, value)| {
            let time = (newest + 5 - step).max(newest - lateness);
            newest = newest.max(time);
            (time, *value)
        }).collect();
        let events = events(&window, &given);
        prop_assert_eq!(run(&window, &events), oracle(&window, &events));
    }
}

fn simple(measure: Measure, at_least: f64, span: i64) -> Window {
    let test = bounds(&[(Relation::AtLeast, at_least)]);
    let (when, told) = (When::AtOnce, Told::People);
    Window { span, lateness: 0, measure, test, when, period: span, entries_max: 8, told }
}

#[test]
fn a_full_group_still_fires_and_counts_what_it_gives_up() {
    let window = simple(Measure::Values, 3.0, 1_000_000);
    let mut group = Group::new(GroupKey::default(), 0, Gap::NONE, 0);
    let (mut noted, mut recents, mut evicted) = (Noted::default(), Recents::default(), 0);
    let mut insert = |time, value| match window.insert(&mut group, &mut recents, entry(time, value, time), &mut noted) {
        Inserted::Kept { evicted: more } => evicted += more,
        Inserted::Late => panic!("nothing is late here"),
    };
    insert(0, 1);
    insert(1, 2);
    (2..1_000).for_each(|time| insert(time, 2));
    insert(1_000, 3);
    assert!(evicted > 900, "{evicted}");
    assert!(!noted.counted.is_empty(), "value 1 was not pushed out by a flood of value 2");
}

#[test]
fn what_is_later_than_the_lateness_is_said_to_be_late() {
    let window = Window { lateness: 5, ..simple(Measure::Events, 1.0, 10) };
    let mut group = Group::new(GroupKey::default(), 0, Gap::NONE, 0);
    let (mut noted, mut recents) = (Noted::default(), Recents::default());
    let mut insert = |time, number| window.insert(&mut group, &mut recents, entry(time, 0, number), &mut noted);
    assert_eq!(insert(100, 0), Inserted::Kept { evicted: 0 });
    assert_eq!(insert(95, 1), Inserted::Kept { evicted: 0 });
    assert_eq!(insert(94, 2), Inserted::Late);
}

#[test]
fn what_more_events_may_change_is_judged_when_none_may_come() {
    let window = Window {
        lateness: 5,
        when: When::Settled,
        test: bounds(&[(Relation::Below, 3.0)]),
        ..simple(Measure::Events, 0.0, 10)
    };
    let mut group = Group::new(GroupKey::default(), 0, Gap::NONE, 0);
    let (mut noted, mut recents) = (Noted::default(), Recents::default());
    let mut insert = |time, number| {
        noted.clear();
        let inserted = window.insert(&mut group, &mut recents, entry(time, 0, number), &mut noted);
        (inserted, noted.counted.len())
    };
    let kept = Inserted::Kept { evicted: 0 };
    assert_eq!(insert(100, 0), (kept, 0), "three may still come");
    assert_eq!(insert(105, 1), (kept, 0), "one at 100 may still come");
    assert_eq!(insert(106, 2), (kept, 1), "none may");
    assert_eq!(insert(101, 3), (kept, 0), "not before what is judged");
    assert_eq!(insert(100, 4), (Inserted::Late, 0));
}

#[test]
fn a_group_with_one_event_is_small() {
    assert_eq!((size_of::<Entry>(), size_of::<Group>()), (32, 80));
}
