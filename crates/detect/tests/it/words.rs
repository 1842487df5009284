//! The words that a person reads.

use crate::{events, shipped_set};
use expect_test::{Expect, expect};
use yagura_columns::Catalogue;
use yagura_detect::{Engine, Finding, why};

fn check(title: &str, items: &str, expected: Expect) {
    let set = shipped_set();
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

/// What is said of the only correlation of a rule set that fires.
fn said(correlation: &str, items: &str) -> String {
    let base = |name: &str, event: &str| {
        format!(
            "title: {name}\nname: {name}\nlogsource: {{product: vehicle}}\ndetection: {{s: {{event_name: {event}}}, condition: s}}\n---\n"
        )
    };
    let text = base("probed", "CAN_UNKNOWN_ID")
        + &base("silenced", "CAN_SILENT_ID")
        + &format!(
            "title: both\ncorrelation: {{rules: [probed, silenced], group-by: [vehicle], timespan: 5m, {correlation}}}\n"
        );
    let mut engine = Engine::new(crate::rules(&text));
    let mut hits = engine.process(&events(items)).expect("a batch of events");
    hits.extend(engine.finish());
    let hit = hits.first().unwrap_or_else(|| panic!("no hit: {correlation}"));
    let rule = engine.rules().rule(&hit.rule).expect("its rule");
    let text = why(engine.rules(), rule, &Finding::from(hit), &Catalogue::builtin());
    format!("{}\n{}\n", text.en, text.ja)
}

#[test]
fn each_type_of_correlation_says_what_it_asks_for() {
    let items = "- {event: CAN_UNKNOWN_ID, vehicle: kona-1, observed: 20}\n- {event: CAN_SILENT_ID, vehicle: kona-1, observed: 5}";
    let all = [
        "type: temporal",
        "type: temporal_ordered",
        "type: temporal, condition: probed and not silenced",
        "type: value_sum, condition: {field: observed, gt: 12, lte: 30}",
        "type: value_median, condition: {field: observed, gt: 12.5}",
    ];
    let text: String = all.iter().map(|correlation| said(correlation, items)).collect();
    expect![[r#"
        “probed”, “silenced” for vehicle kona-1: 2 different rules matched within 5 min, where 2 are enough. 2 events in all, from 2026-01-01 00:10:00 to 2026-01-01 00:10:01 UTC. The event that raised it: event “A periodic identifier fell silent” (CAN_SILENT_ID).
        「probed」、「silenced」（車両 kona-1）：5 分以内に 2 種類のルールに一致（しきい値 2）。2026-01-01 00:10:00 から 2026-01-01 00:10:01（UTC）の間に、合計 2 件のイベント。検知のきっかけとなったイベント：イベント「周期送信の識別子が途絶」（CAN_SILENT_ID）。
        “probed”, then “silenced” for vehicle kona-1: 2 rules matched in this order within 5 min, where 2 are enough. 2 events in all, from 2026-01-01 00:10:00 to 2026-01-01 00:10:01 UTC. The event that raised it: event “A periodic identifier fell silent” (CAN_SILENT_ID).
        「probed」、次に「silenced」（車両 kona-1）：5 分以内に 2 個のルールにこの順序で一致（しきい値 2）。2026-01-01 00:10:00 から 2026-01-01 00:10:01（UTC）の間に、合計 2 件のイベント。検知のきっかけとなったイベント：イベント「周期送信の識別子が途絶」（CAN_SILENT_ID）。
        “probed”, “silenced” for vehicle kona-1: 1 different rules matched within 5 min, where “probed and not silenced” is asked for. 1 events in all, at 2026-01-01 00:10:00 UTC.
        「probed」、「silenced」（車両 kona-1）：5 分以内に 1 種類のルールに一致（条件「probed and not silenced」）。2026-01-01 00:10:00（UTC）に、合計 1 件のイベント。
        “probed” or “silenced” for vehicle kona-1: 25 as the sum of observed within 5 min, where more than 12 and at most 30 is asked for. 2 events in all, from 2026-01-01 00:10:00 to 2026-01-01 00:10:01 UTC.
        「probed」または「silenced」（車両 kona-1）：5 分以内に 25（observed の合計）（条件 12 超、30 以下）。2026-01-01 00:10:00 から 2026-01-01 00:10:01（UTC）の間に、合計 2 件のイベント。
        “probed” or “silenced” for vehicle kona-1: 20 as the median of observed within 5 min, where more than 12.5 is asked for. 1 events in all, at 2026-01-01 00:10:00 UTC.
        「probed」または「silenced」（車両 kona-1）：5 分以内に 20（observed の中央値）（条件 12.5 超）。2026-01-01 00:10:00（UTC）に、合計 1 件のイベント。
    "#]].assert_eq(&text);
}
