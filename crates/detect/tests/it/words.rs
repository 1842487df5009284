//! The words that a person reads.

use crate::{events, shipped_files};
use expect_test::{Expect, expect};
use yagura_columns::Catalogue;
use yagura_detect::{Engine, Finding, RuleSet, why};

fn check(title: &str, items: &str, expected: Expect) {
    let set = RuleSet::parse(&shipped_files()).expect("shipped rules");
    let mut engine = Engine::new(set);
    let hits = engine.process(&events(items)).expect("a batch of events");
    let hit = hits.iter().find(|hit| hit.title == title).unwrap_or_else(|| panic!("{hits:#?}"));
    let rule = engine.rules().rule(&hit.rule).expect("its rule");
    let text = why(engine.rules(), rule, &Finding::from(hit), &Catalogue::builtin());
    expected.assert_eq(&format!("{}\n{}\n", text.en, text.ja));
}

#[test]
fn a_plain_rule_says_what_matched() {
    check("Bus flooded while driving", "- {event: CAN_BUS_FLOOD, speed_kmh: 54.25, vehicle: kona-1, times: 3}", expect![""]);
}

#[test]
fn an_event_count_says_how_many_came_in_which_time() {
    check(
        "Diagnostic identifier repeated: possible brute force",
        "- {event: CAN_UNKNOWN_ID, can_id: 0x7E0, vehicle: kona-1, times: 8}",
        expect![""],
    );
}

#[test]
fn a_value_count_over_the_fleet_says_how_many_vehicles() {
    check(
        "Same unknown identifier on several vehicles",
        "- {event: CAN_UNKNOWN_ID, can_id: 0x3E9, can_extended: false, vehicle: 'kona-{n}', times: 6}",
        expect![""],
    );
}

#[test]
fn a_correlation_without_groups_speaks_of_the_whole_fleet() {
    check(
        "Buses of several vehicles flooded",
        "- {event: CAN_BUS_FLOOD, vehicle: 'kona-{n}', times: 3}",
        expect![""],
    );
}
