//! What the state knows of rules: how their alerts turned out, what they did not judge, what exceptions hid.
//!
//! Not the rules (files are the truth, ADR-0033). Invariants: what is counted here is in the transaction of its batch, so it adds up
//! whatever happens; a number about one tenant's fleet is read by that tenant alone.

use super::apply::added;
use super::database::{Tx, sql};
use super::delta::Delta;
use super::number::int;
use super::rows::Many;
use super::{State, StateError};
use crate::tenant::Tenant;
use sqlx::FromRow;
use std::collections::BTreeMap;
use yagura_model::UnixMicros;

/// Events that a rule did not judge, of one batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unjudged {
    /// Whose.
    pub tenant: Tenant,
    /// Which rule.
    pub rule: String,
    /// When it was paused first.
    pub since: UnixMicros,
    /// The rule that was too costly: this one, or one that it counts.
    pub cause: String,
    /// What that cost an event.
    pub cost_ns: u64,
    /// Receipt of the first record, and of the last.
    pub received: (UnixMicros, UnixMicros),
    /// How many.
    pub events: u64,
}

/// How the alerts of a rule turned out that were raised since some time.
#[derive(Clone, Debug, Default, Eq, FromRow, PartialEq)]
pub struct RuleAlertsRow {
    /// Which rule.
    pub rule_id: String,
    /// Alerts that people heard of.
    pub live: i64,
    /// Alerts that were kept in the shadow.
    pub shadow: i64,
    /// When the newest was raised, µs.
    pub raised_us: i64,
    /// Closed as true positives.
    pub true_positive: i64,
    /// Closed as false positives.
    pub false_positive: i64,
    /// Closed as benign.
    pub benign: i64,
    /// Closed for want of data.
    pub insufficient_data: i64,
}

/// A stretch of time in which a rule did not judge.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct PauseRow {
    /// Which rule.
    pub rule_id: String,
    /// When it was paused first, µs.
    pub since_us: i64,
    /// The rule that was too costly.
    pub cause: String,
    /// What that cost an event.
    pub cost_ns: i64,
    /// Receipt of the first record that it did not judge, µs.
    pub first_us: i64,
    /// Receipt of the last one, µs.
    pub last_us: i64,
    /// Events.
    pub events: i64,
}

/// Writes what a batch adds.
pub(super) async fn note(tx: &mut Tx, partition: i64, delta: &Delta) -> Result<(), StateError> {
    const PAUSES: Many = Many {
        before: "INSERT INTO rule_pauses (tenant, rule_id, since_us, partition, cause, cost_ns, first_us, last_us, events)",
        after: "ON CONFLICT (tenant, rule_id, since_us, partition) DO UPDATE SET
                    events = rule_pauses.events + excluded.events, cost_ns = excluded.cost_ns, last_us = excluded.last_us",
    };
    const HIDDEN: Many = Many {
        before: "INSERT INTO exception_hits (tenant, exception_id, day_us, partition, matches)",
        after: "ON CONFLICT (tenant, exception_id, day_us, partition) DO UPDATE SET
                    matches = exception_hits.matches + excluded.matches",
    };
    let pauses: BTreeMap<_, &Unjudged> =
        delta.unjudged.iter().map(|it| ((it.tenant.as_str(), it.rule.as_str(), it.since.0), it)).collect();
    let pauses = pauses.into_iter().map(|((tenant, rule, since), it)| {
        let (first, last) = it.received;
        let cost = int(it.cost_ns).into();
        [
            tenant.into(),
            rule.into(),
            since.into(),
            partition.into(),
            it.cause.as_str().into(),
            cost,
            first.0.into(),
            last.0.into(),
            added(it.events),
        ]
    });
    PAUSES.execute(&mut *tx, pauses.collect()).await?;
    let mut hidden: BTreeMap<(&str, &str, i64), u64> = BTreeMap::new();
    for it in &delta.hidden {
        let sum = hidden.entry((it.tenant.as_str(), it.exception.as_str(), it.day.0)).or_default();
        *sum = sum.saturating_add(it.matches);
    }
    let hidden = hidden.into_iter().map(|((tenant, exception, day), matches)| {
        [tenant.into(), exception.into(), day.into(), partition.into(), added(matches)]
    });
    HIDDEN.execute(tx, hidden.collect()).await?;
    Ok(())
}

impl State {
    /// How the tenant's alerts turned out that were raised since some time, by rule.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn rule_alerts(&self, tenant: &Tenant, since: UnixMicros) -> Result<Vec<RuleAlertsRow>, StateError> {
        let query = sql("SELECT rule_id, COUNT(*) FILTER (WHERE shadow = 0) AS live,
                    COUNT(*) FILTER (WHERE shadow = 1) AS shadow, MAX(raised_us) AS raised_us,
                    COUNT(*) FILTER (WHERE disposition = 2) AS true_positive,
                    COUNT(*) FILTER (WHERE disposition = 1) AS false_positive,
                    COUNT(*) FILTER (WHERE disposition = 5) AS benign,
                    COUNT(*) FILTER (WHERE disposition = 7) AS insufficient_data
             FROM alerts WHERE tenant = $1 AND raised_us >= $2 GROUP BY rule_id ORDER BY rule_id");
        query.bind(tenant.as_str()).bind(since.0).all(self.read()).await
    }

    /// What the tenant's rules did not judge since some time, the newest first; partitions taken together.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn rule_pauses(&self, tenant: &Tenant, since: UnixMicros) -> Result<Vec<PauseRow>, StateError> {
        let query =
            sql("SELECT rule_id, MIN(since_us) AS since_us, cause, MAX(cost_ns) AS cost_ns, MIN(first_us) AS first_us,
                    MAX(last_us) AS last_us, CAST(SUM(events) AS BIGINT) AS events
             FROM rule_pauses WHERE tenant = $1 AND last_us >= $2
             GROUP BY rule_id, since_us, cause ORDER BY last_us DESC, rule_id LIMIT 1000");
        query.bind(tenant.as_str()).bind(since.0).all(self.read()).await
    }

    /// How many matches each exception hid from the tenant since some day.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn exception_hits(&self, tenant: &Tenant, since: UnixMicros) -> Result<Vec<(String, i64)>, StateError> {
        let query = sql("SELECT exception_id, CAST(SUM(matches) AS BIGINT) FROM exception_hits
             WHERE tenant = $1 AND day_us >= $2 GROUP BY exception_id ORDER BY exception_id");
        query.bind(tenant.as_str()).bind(since.0).all(self.read()).await
    }
}
