//! How often rules were right, by what people said of their alerts, as the score of incidents takes it.
//!
//! Not the precision that a page of rules shows (that is `state::rules`, over the days that are asked for). True positives of true and
//! false ones, of alerts raised in the last [`PRECISION_SPAN_US`]; fewer than [`JUDGED_MIN`] say nothing. It is taken when an incident is
//! weighed and kept with it, so that score and reasons stay together. Cost: one statement for all rules of the incidents that are
//! weighed, which reads the index `alerts_judged` alone: an entry for each alert that was judged right or wrong.

use super::super::StateError;
use super::super::database::Tx;
use super::super::rows::Many;
use super::IncidentRule;
use std::collections::{BTreeMap, BTreeSet};
use yagura_model::UnixMicros;

/// How far back alerts count.
const PRECISION_SPAN_US: i64 = 90 * 24 * 3_600_000_000;
/// So many alerts must have been judged.
const JUDGED_MIN: i64 = 5;

/// Puts the precision of their rules into shares of incidents, and keeps it where it changed.
pub(super) async fn take(
    tx: &mut Tx,
    (tenant, now): (&str, UnixMicros),
    shares: &mut [IncidentRule],
) -> Result<(), StateError> {
    const UPDATE: Many = Many {
        before: "UPDATE incident_rules SET precision_percent = k.column4 FROM (",
        after: ") AS k WHERE tenant = k.column1 AND incident_id = k.column2 AND rule_id = k.column3",
    };
    let rules: BTreeSet<&str> = shares.iter().map(|share| share.rule_id.as_str()).collect();
    let known = of(tx, (tenant, now), &rules).await?;
    let mut changed = Vec::new();
    for share in shares {
        let percent = known.get(&share.rule_id).copied();
        if share.precision_percent != percent {
            share.precision_percent = percent;
            changed.push(&*share);
        }
    }
    changed.sort_by(|a, b| (&a.incident_id, &a.rule_id).cmp(&(&b.incident_id, &b.rule_id)));
    let rows = changed.iter().map(|share| {
        let IncidentRule { incident_id, rule_id, precision_percent, .. } = *share;
        [tenant.into(), incident_id.as_slice().into(), rule_id.as_str().into(), (*precision_percent).into()]
    });
    UPDATE.execute(tx, rows.collect()).await?;
    Ok(())
}

/// The precision of these rules in percent, where enough of their alerts were judged.
async fn of(
    tx: &mut Tx,
    (tenant, now): (&str, UnixMicros),
    rules: &BTreeSet<&str>,
) -> Result<BTreeMap<String, i64>, StateError> {
    const JUDGED: Many = Many {
        before: "SELECT k.column2, COUNT(*) FILTER (WHERE a.disposition = 2), COUNT(*) FROM (",
        after: ") AS k CROSS JOIN alerts a WHERE a.tenant = k.column1 AND a.rule_id = k.column2 AND a.raised_us >= k.column3
                AND a.disposition IN (1, 2) GROUP BY k.column2",
    };
    let since = now.plus(-PRECISION_SPAN_US).0;
    let keys = rules.iter().map(|rule| [tenant.into(), (*rule).into(), since.into()]);
    let rows: Vec<(String, i64, i64)> = JUDGED.all(tx, keys.collect()).await?;
    let percent = |right: i64, judged: i64| right.saturating_mul(100) / judged.max(1);
    let enough = rows.into_iter().filter(|(_, _, judged)| *judged >= JUDGED_MIN);
    Ok(enough.map(|(rule, right, judged)| (rule, percent(right, judged))).collect())
}
