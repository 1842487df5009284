//! Says in words, in English and Japanese, why an alert fired.
//!
//! Not the rule's description (what it is for) and not what to do: this is about this alert's events. The wording is made from
//! the rule, the matched fields and the counts alone, so it can be made again from what the server stores.

use crate::baseline::{Baseline, Compares};
use crate::hit::Hit;
use crate::indicators;
use crate::rule::{Correlation, CorrelationCondition, Counts, Rule, RuleKind};
use crate::ruleset::RuleSet;
use yagura_columns::{Catalogue, Text};
use yagura_model::UnixMicros;

/// What is known of an alert.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// What its events have in common.
    pub group: &'a [(String, String)],
    /// What the rule asked about, as it was in the event that raised it.
    pub matched: &'a [(String, String)],
    /// How many events it stands for.
    pub count: u64,
    /// The largest number that one window of a correlation held.
    pub observed: Option<u64>,
    /// Time of its earliest event.
    pub first: UnixMicros,
    /// Time of its latest event.
    pub last: UnixMicros,
}

impl<'a> From<&'a Hit> for Finding<'a> {
    fn from(hit: &'a Hit) -> Self {
        Self {
            group: &hit.group,
            matched: &hit.matched,
            count: hit.count,
            observed: hit.observed,
            first: hit.first,
            last: hit.last,
        }
    }
}

/// Why the alert fired.
#[must_use]
pub fn why(set: &RuleSet, rule: &Rule, finding: &Finding<'_>, catalogue: &Catalogue) -> Text {
    match &rule.kind {
        RuleKind::Match => match_text(finding, catalogue),
        RuleKind::Correlation(correlation) => correlation_text(set, correlation, finding, catalogue),
        RuleKind::Baseline(baseline) => baseline_text(baseline, finding, catalogue),
    }
}

fn match_text(finding: &Finding<'_>, catalogue: &Catalogue) -> Text {
    let (group, matched) = (values(finding.group, catalogue), values(finding.matched, catalogue));
    let span = span(finding);
    let plural = if finding.count == 1 { "event" } else { "events" };
    Text {
        en: format!("{} {plural} of {} matched {}: {}.", finding.count, group.en, span.en, matched.en),
        ja: format!("{} で {}、{} 件のイベントが一致しました：{}。", group.ja, span.ja, finding.count, matched.ja),
    }
}

fn correlation_text(set: &RuleSet, correlation: &Correlation, finding: &Finding<'_>, catalogue: &Catalogue) -> Text {
    let bases: Vec<_> = correlation.rules.iter().filter_map(|id| set.rule(id)).collect();
    let titles = |title: fn(&Rule) -> &str, open: &str, close: &str, between: &str| {
        bases.iter().map(|rule| format!("{open}{}{close}", title(rule))).collect::<Vec<_>>().join(between)
    };
    let (between_en, between_ja) = match correlation.counts {
        Counts::InOrder => (", then ", "、次に"),
        Counts::Together => (", ", "、"),
        _ => (" or ", "または"),
    };
    let base_en = titles(|r| &r.title.en, "“", "”", between_en);
    let base_ja = titles(|r| &r.title.ja, "「", "」", between_ja);
    let (length_en, length_ja) = length(correlation.timespan);
    let (asked_en, asked_ja, least) = asked(correlation);
    let observed = finding.observed.or(least).map_or_else(String::new, |number| number.to_string());
    let (what_en, what_ja) = what(&correlation.counts);
    let (group, span, matched) = (values(finding.group, catalogue), span(finding), values(finding.matched, catalogue));
    let (for_en, for_ja) = if finding.group.is_empty() {
        ("over the whole fleet".to_owned(), "フリート全体".to_owned())
    } else {
        (format!("for {}", group.en), group.ja)
    };
    // A window that was judged when it was over has no one event that raised it.
    let (raised_en, raised_ja) = if finding.matched.is_empty() {
        (String::new(), String::new())
    } else {
        let en = format!(" The event that raised it: {}.", matched.en);
        (en, format!("検知のきっかけとなったイベント：{}。", matched.ja))
    };
    let number = if observed.is_empty() { String::new() } else { format!("{observed} ") };
    Text {
        en: format!(
            "{base_en} {for_en}: {number}{what_en} within {length_en}, where {asked_en}. {} events in all, {}.{raised_en}",
            finding.count, span.en,
        ),
        ja: format!(
            "{base_ja}（{for_ja}）：{length_ja}以内に {observed}{what_ja}（{asked_ja}）。{}、合計 {} 件のイベント。{raised_ja}",
            span.ja, finding.count,
        ),
    }
}

fn baseline_text(baseline: &Baseline, finding: &Finding<'_>, catalogue: &Catalogue) -> Text {
    let (past_en, past_ja) = length(baseline.history);
    let (group, span, matched) = (values(finding.group, catalogue), span(finding), values(finding.matched, catalogue));
    let (whose_en, whose_ja) = if finding.group.is_empty() {
        ("the whole fleet".to_owned(), "フリート全体".to_owned())
    } else {
        (group.en, group.ja)
    };
    let (what_en, what_ja) = match &baseline.compares {
        Compares::FirstSeen(values) => (
            format!("This {} was not seen in the {past_en} before", values.field),
            format!("この {} は過去 {past_ja}に観測されていません", values.field),
        ),
        Compares::Rare { values, millionths, .. } => {
            let percent = f64::from(*millionths) / 10_000.0;
            (
                format!("This {} was in fewer than {percent} % of the events of the {past_en} before", values.field),
                format!("この {} は過去 {past_ja}のイベントの {percent} % 未満です", values.field),
            )
        }
        Compares::Rate { span, factor, .. } => {
            let (span_en, span_ja) = length(*span);
            (
                format!("More than {factor} times as many events within {span_en} as ever in the {past_en} before"),
                format!("{span_ja}のイベント数が過去 {past_ja}の最大値の {factor} 倍を超えました"),
            )
        }
    };
    let plural = if finding.count == 1 { "event" } else { "events" };
    let count = finding.count;
    Text {
        en: format!("{what_en}, for {whose_en}: {count} {plural}, {}. The first: {}.", span.en, matched.en),
        ja: format!("{what_ja}（{whose_ja}）。{}、{count} 件のイベント。最初のイベント：{}。", span.ja, matched.ja),
    }
}

/// What a correlation asks for, in English and Japanese, and the least number that will do, if it asks for no more than that.
fn asked(correlation: &Correlation) -> (String, String, Option<u64>) {
    let bounds = match &correlation.condition {
        CorrelationCondition::Rules(expression) => {
            return (format!("“{}” is asked for", expression.text), format!("条件「{}」", expression.text), None);
        }
        CorrelationCondition::Bounds(bounds) => bounds,
    };
    if correlation.is_judged_at_once() {
        let least = bounds.largest_whole() as u64;
        return (format!("{least} are enough"), format!("しきい値 {least}"), Some(least));
    }
    let en: Vec<_> = bounds.iter().map(|(relation, bound)| format!("{} {bound}", relation.words().0)).collect();
    let ja: Vec<_> = bounds.iter().map(|(relation, bound)| format!("{bound} {}", relation.words().1)).collect();
    (format!("{} is asked for", en.join(" and ")), format!("条件 {}", ja.join("、")), None)
}

/// What is counted, in words that follow a number.
fn what(counts: &Counts) -> (String, String) {
    let owned = |en: &str, ja: &str| (en.to_owned(), ja.to_owned());
    match counts {
        Counts::Events => owned("events", " 件のイベント"),
        Counts::Values(field) => different(field),
        Counts::Combinations(fields) => different(&fields.join(" × ")),
        Counts::Sum(field) => (format!("as the sum of {field}"), format!("（{field} の合計）")),
        Counts::Average(field) => (format!("as the average of {field}"), format!("（{field} の平均）")),
        Counts::Percentile(field, 50) => (format!("as the median of {field}"), format!("（{field} の中央値）")),
        Counts::Percentile(field, percent) => {
            (format!("as percentile {percent} of {field}"), format!("（{field} の {percent} パーセンタイル）"))
        }
        Counts::Together => owned("different rules matched", " 種類のルールに一致"),
        Counts::InOrder => owned("rules matched in this order", " 個のルールにこの順序で一致"),
    }
}

/// How different values of a field are counted in words.
fn different(field: &str) -> (String, String) {
    let (en, ja) = match field {
        "vehicle" => ("different vehicles", " 台の車両"),
        "sensor" => ("different sensors", " 台のセンサー"),
        "can_id" => ("different identifiers", " 種類の識別子"),
        "event_name" | "event_id" => ("kinds of event", " 種類のイベント"),
        other => return (format!("different values of {other}"), format!(" 種類の {other}")),
    };
    (en.to_owned(), ja.to_owned())
}

/// Fields and values as a list of words.
fn values(pairs: &[(String, String)], catalogue: &Catalogue) -> Text {
    let (mut en, mut ja) = (Vec::new(), Vec::new());
    for (field, value) in pairs {
        if let Some(set) = field.strip_prefix(indicators::PREFIX) {
            en.push(format!("listed as {value} in the indicator set “{set}”"));
            ja.push(format!("インジケーター集合「{set}」の {value} に該当"));
            continue;
        }
        let (name_en, name_ja, unit) = label(field);
        match catalogue.by_symbol(value).filter(|_| field == "event_name") {
            Some(entry) => {
                en.push(format!("{name_en} “{}” ({value})", entry.title.en));
                ja.push(format!("{name_ja}「{}」（{value}）", entry.title.ja));
            }
            None => {
                let value = match (field.as_str(), value.as_str()) {
                    ("can_extended", "true") => "29",
                    ("can_extended", "false") => "11",
                    (_, value) => value,
                };
                en.push(format!("{name_en} {value}{unit}"));
                ja.push(format!("{name_ja} {value}{unit}"));
            }
        }
    }
    Text { en: en.join(", "), ja: ja.join("、") }
}

/// How a field is called in English and Japanese, and the unit of its values.
fn label(field: &str) -> (&str, &str, &'static str) {
    match field {
        "vehicle" => ("vehicle", "車両", ""),
        "sensor" => ("sensor", "センサー", ""),
        "event_name" | "event_id" => ("event", "イベント", ""),
        "severity_id" => ("severity", "重大度", ""),
        "count" => ("happenings", "発生回数", ""),
        "bus" => ("bus", "バス", ""),
        "can_id" => ("identifier", "識別子", ""),
        "can_extended" => ("of width", "幅", " bit"),
        "frame_kind" => ("frame kind", "フレーム種別", ""),
        "expected" => ("expected", "期待値", ""),
        "observed" => ("observed", "観測値", ""),
        "payload" => ("data", "データ", ""),
        "speed_kmh" => ("speed", "車速", " km/h"),
        "gear" => ("gear", "シフト位置", ""),
        other => (other, other, ""),
    }
}

fn span(finding: &Finding<'_>) -> Text {
    if finding.first == finding.last {
        let at = utc(finding.first);
        return Text { en: format!("at {at} UTC"), ja: format!("{at}（UTC）に") };
    }
    let (from, to) = (utc(finding.first), utc(finding.last));
    Text { en: format!("from {from} to {to} UTC"), ja: format!("{from} から {to}（UTC）の間に") }
}

/// A time span in its largest whole unit.
fn length(micros: i64) -> (String, String) {
    let seconds = micros / 1_000_000;
    let units = [(86_400, "d", " 日"), (3_600, "h", " 時間"), (60, "min", " 分")];
    let whole = units.into_iter().find(|(unit, _, _)| seconds >= *unit && seconds.checked_rem(*unit) == Some(0));
    let (unit, en, ja) = whole.unwrap_or((1, "s", " 秒"));
    let number = seconds.checked_div(unit).unwrap_or(0);
    (format!("{number} {en}"), format!("{number}{ja}"))
}

/// `2026-11-22 13:05:09`, by the proleptic Gregorian calendar.
fn utc(time: UnixMicros) -> String {
    let seconds = time.0.div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// Year, month and day of a number of days since 1970-01-01. Years begin in March here, so that a leap day is the last day.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "i64 microseconds are at most 2^63 / 86,400,000,000 days: no overflow"
)]
const fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_795_352_709, "2026-11-22 13:05:09"),
            (-1, "1969-12-31 23:59:59"),
        ] {
            assert_eq!(utc(UnixMicros(seconds * 1_000_000)), expected);
        }
        assert!(utc(UnixMicros(i64::MAX)).starts_with("294247-01-10"));
    }

    #[test]
    fn spans_are_said_in_their_largest_whole_unit() {
        assert_eq!(length(600_000_000).0, "10 min");
        assert_eq!(length(90_000_000).0, "90 s");
        assert_eq!(length(172_800_000_000).1, "2 日");
    }
}
