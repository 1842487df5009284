//! Why an alert fired, and why each of its events counted: the words of `yagura_detect`, made from what the state keeps.
//!
//! Not a wording of its own. Invariant: nothing is judged anew; a rule that this server no longer has explains nothing and is said to be
//! gone. Cost: for an alert that counts events, an engine of all rules over its kept events, one by one: a few milliseconds.

use super::types::{CountedEvent, Text};
use super::{App, views};
use crate::state::AlertRow;
use arrow::record_batch::RecordBatch;
use std::collections::BTreeSet;
use yagura_detect::{Counts, Engine, Finding, RuleKind, why as words};
use yagura_model::UnixMicros;

/// Why the alert fired.
pub(super) fn why(app: &App, row: &AlertRow) -> Text {
    let rules = app.rules.now();
    let set = &rules.set;
    let Some(rule) = set.rule(&row.rule_id) else {
        let en = format!("{} events matched “{}”, a rule that this server no longer has.", row.count, row.title_en);
        let ja =
            format!("{} 件のイベントが、現在このサーバーにないルール「{}」に一致しました。", row.count, row.title_ja);
        return Text { en, ja };
    };
    let counts_vehicles =
        matches!(&rule.kind, RuleKind::Correlation(it) if it.counts == Counts::Values("vehicle".to_owned()));
    let finding = Finding {
        group: &views::raw_pairs(&row.group_json),
        matched: &views::raw_pairs(&row.match_json),
        count: views::count(row.count),
        observed: counts_vehicles.then(|| views::count(row.vehicles)),
        first: UnixMicros(row.first_us),
        last: UnixMicros(row.last_us),
    };
    views::text(&words(set, rule, &finding, &app.catalogue))
}

/// Why each of the events at `places` counts for an alert of this rule; nothing if the rule counts none.
pub(super) fn counted(app: &App, rule: &str, batch: &RecordBatch, places: &BTreeSet<(u64, u32)>) -> Vec<CountedEvent> {
    let rules = app.rules.now();
    let set = &rules.set;
    let Some(RuleKind::Correlation(correlation)) = set.rule(rule).map(|rule| &rule.kind) else { return Vec::new() };
    let mut engine = Engine::new(set.clone());
    let rows = views::Row::all(batch).enumerate().filter(|(_, row)| places.contains(&row.place()));
    let explained = rows.filter_map(|(index, row)| {
        // Each alone, so that a hit stands for this event and no other. What the engine cannot read is explained by nothing.
        let hits = engine.process(&batch.slice(index, 1)).ok()?;
        let hit = hits.iter().find(|hit| correlation.rules.contains(&hit.rule))?;
        let base = set.rule(&hit.rule)?;
        let (position, entry_index) = row.place();
        let why = views::text(&words(set, base, &Finding::from(hit), &app.catalogue));
        Some(CountedEvent { position, entry_index, rule: views::text(&base.title), why })
    });
    explained.collect()
}
