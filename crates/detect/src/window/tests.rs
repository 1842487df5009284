//! Windows against their definition, in any order, and what is given up when a group is full.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::collections::HashSet;

fn entry(time: i64, value: u64, number: i64) -> Entry {
    Entry { time, value, position: number, entry_index: 0, counted: 0 }
}

/// The definition, straight from the set of events: which events each period counts.
fn oracle(window: &Window, events: &[Entry]) -> BTreeMap<i64, Vec<i64>> {
    let mut periods: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for closing in events {
        let inside: Vec<&Entry> =
            events.iter().filter(|e| e.time <= closing.time && e.time > closing.time - window.span).collect();
        let observed = match window.what {
            What::Events => inside.len(),
            What::Values => inside.iter().map(|e| e.value).collect::<HashSet<_>>().len(),
        };
        if observed >= window.at_least {
            periods.entry(window.period_start(closing.time)).or_default().extend(inside.iter().map(|e| e.position));
        }
    }
    for numbers in periods.values_mut() {
        numbers.sort_unstable();
        numbers.dedup();
    }
    periods
}

fn run(window: &Window, events: &[Entry]) -> BTreeMap<i64, Vec<i64>> {
    let mut group = Group::new(0);
    let mut periods: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut counted = Vec::new();
    for event in events {
        counted.clear();
        assert_ne!(window.insert(&mut group, *event, &mut counted), Inserted::Late);
        for found in &counted {
            assert!(found.observed >= window.at_least);
            periods.entry(found.period_start).or_default().push(found.entry.position);
        }
    }
    for numbers in periods.values_mut() {
        numbers.sort_unstable();
        let before = numbers.len();
        numbers.dedup();
        assert_eq!(numbers.len(), before, "no event is counted twice in a period");
    }
    periods
}

fn windows() -> impl Strategy<Value = Window> {
    (1..30_i64, 1..6_usize, prop::sample::select(vec![What::Events, What::Values]), 0..40_i64).prop_map(
        |(span, at_least, what, more)| Window {
            span,
            lateness: 1_000,
            at_least,
            what,
            period: span + more,
            entries_max: 4_096,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn any_arrival_order_gives_what_the_definition_says(
        window in windows(),
        events in proptest::collection::vec((0..100_i64, 0..8_u64), 0..120),
    ) {
        let events: Vec<Entry> = (0..).zip(&events).map(|(n, (time, value))| entry(*time, *value, n)).collect();
        prop_assert_eq!(run(&window, &events), oracle(&window, &events));
        let mut sorted = events.clone();
        sorted.sort_by_key(|e| e.time);
        prop_assert_eq!(run(&window, &sorted), oracle(&window, &events));
    }

    #[test]
    fn what_is_forgotten_as_too_old_is_not_needed(
        window in windows(),
        lateness in 0..20_i64,
        events in proptest::collection::vec((0..20_i64, 0..8_u64), 0..200),
    ) {
        // A clock that goes on by a step an event, and events that are late by less than the lateness.
        let window = Window { lateness, ..window };
        let mut newest = 0;
        let events: Vec<Entry> = (0..).zip(&events).map(|(n, (step, value))| {
            let time = (newest + 5 - step).max(newest - lateness);
            newest = newest.max(time);
            entry(time, *value, n)
        }).collect();
        prop_assert_eq!(run(&window, &events), oracle(&window, &events));
    }
}

#[test]
fn a_full_group_still_fires_and_counts_what_it_gives_up() {
    let window =
        Window { span: 1_000_000, lateness: 0, at_least: 3, what: What::Values, period: 1_000_000, entries_max: 8 };
    let mut group = Group::new(0);
    let (mut counted, mut evicted) = (Vec::new(), 0);
    let mut insert = |time, value| match window.insert(&mut group, entry(time, value, time), &mut counted) {
        Inserted::Kept { evicted: more } => evicted += more,
        Inserted::Late => panic!("nothing is late here"),
    };
    insert(0, 1);
    insert(1, 2);
    (2..1_000).for_each(|time| insert(time, 2));
    insert(1_000, 3);
    assert!(evicted > 900, "{evicted}");
    assert!(!counted.is_empty(), "value 1 was not pushed out by a flood of value 2");
}

#[test]
fn what_is_later_than_the_lateness_is_said_to_be_late() {
    let window = Window { span: 10, lateness: 5, at_least: 1, what: What::Events, period: 10, entries_max: 8 };
    let mut group = Group::new(0);
    let mut counted = Vec::new();
    assert_eq!(window.insert(&mut group, entry(100, 0, 0), &mut counted), Inserted::Kept { evicted: 0 });
    assert_eq!(window.insert(&mut group, entry(95, 0, 1), &mut counted), Inserted::Kept { evicted: 0 });
    assert_eq!(window.insert(&mut group, entry(94, 0, 2), &mut counted), Inserted::Late);
}
