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
    check(
        "Bus flooded while driving",
        "- {event: CAN_BUS_FLOOD, speed_kmh: 54.25, vehicle: kona-1, times: 3}",
        expect![[r#"
            3 events of vehicle kona-1 matched from 2026-01-01 00:10:00 to 2026-01-01 00:10:02 UTC: event “Bus flooded” (CAN_BUS_FLOOD), speed 54.25 km/h.
            車両 kona-1 で 2026-01-01 00:10:00 から 2026-01-01 00:10:02（UTC）の間に、3 件のイベントが一致しました：イベント「バスへの大量送信」（CAN_BUS_FLOOD）、車速 54.25 km/h。
        "#]],
    );
}

#[test]
fn an_event_count_says_how_many_came_in_which_time() {
    check(
        "Diagnostic identifier repeated: possible brute force",
        "- {event: CAN_UNKNOWN_ID, can_id: 0x7E0, vehicle: kona-1, times: 8}",
        expect![[r#"
            “Unknown identifier of the diagnostic range” for vehicle kona-1, identifier 0x7E0: 8 events within 1 min, where 5 are enough. 8 events in all, from 2026-01-01 00:10:00 to 2026-01-01 00:10:07 UTC. The event that raised it: event “Unknown identifier on the bus” (CAN_UNKNOWN_ID), identifier 0x7E0.
            「診断範囲の未知の識別子」（車両 kona-1、識別子 0x7E0）：1 分以内に 8 件のイベント（しきい値 5）。2026-01-01 00:10:00 から 2026-01-01 00:10:07（UTC）の間に、合計 8 件のイベント。検知のきっかけとなったイベント：イベント「バス上の未知の識別子」（CAN_UNKNOWN_ID）、識別子 0x7E0。
        "#]],
    );
}

#[test]
fn a_value_count_over_the_fleet_says_how_many_vehicles() {
    check(
        "Same unknown identifier on several vehicles",
        "- {event: CAN_UNKNOWN_ID, can_id: 0x3E9, can_extended: false, vehicle: 'kona-{n}', times: 6}",
        expect![[r#"
            “Unknown identifier” for identifier 0x3E9, of width 11 bit: 6 different vehicles within 10 min, where 5 are enough. 6 events in all, from 2026-01-01 00:10:00 to 2026-01-01 00:10:05 UTC. The event that raised it: event “Unknown identifier on the bus” (CAN_UNKNOWN_ID).
            「未知の識別子」（識別子 0x3E9、幅 11 bit）：10 分以内に 6 台の車両（しきい値 5）。2026-01-01 00:10:00 から 2026-01-01 00:10:05（UTC）の間に、合計 6 件のイベント。検知のきっかけとなったイベント：イベント「バス上の未知の識別子」（CAN_UNKNOWN_ID）。
        "#]],
    );
}

#[test]
fn a_correlation_without_groups_speaks_of_the_whole_fleet() {
    check(
        "Buses of several vehicles flooded",
        "- {event: CAN_BUS_FLOOD, vehicle: 'kona-{n}', times: 3}",
        expect![[r#"
            “Bus flooded” over the whole fleet: 3 different vehicles within 10 min, where 3 are enough. 3 events in all, from 2026-01-01 00:10:00 to 2026-01-01 00:10:02 UTC. The event that raised it: event “Bus flooded” (CAN_BUS_FLOOD).
            「バスへの大量送信」（フリート全体）：10 分以内に 3 台の車両（しきい値 3）。2026-01-01 00:10:00 から 2026-01-01 00:10:02（UTC）の間に、合計 3 件のイベント。検知のきっかけとなったイベント：イベント「バスへの大量送信」（CAN_BUS_FLOOD）。
        "#]],
    );
}
