//! A round: alerts that changed are taken from the queue and put into incidents, in one transaction.
//!
//! Not the decision (`detect::incident`) and not when (`crate::incidents`). Invariants: what is taken from the queue and what it means
//! are one transaction, so a crash leaves both or neither; rounds of one state follow each other, because each begins by writing the
//! keeper's row, and a keeper whose epoch is over writes nothing; a round looks at what changed and what is near it, at nothing else.
//! Cost: some thirty statements for up to [`GROUPED_MAX`] changes; more where incidents are merged.

use super::super::database::{Tx, sql};
use super::super::number::int;
use super::super::people::tenant_of_row;
use super::super::rows::Many;
use super::super::{Partition, StateError};
use super::facts::{self, Alert};
use super::{IncidentRow, score, write};
use crate::tenant::Tenant;
use std::collections::{BTreeMap, BTreeSet};
use yagura_columns::Catalogue;
use yagura_detect::incident::{Ask, Group, Grouping, IncidentAge, IncidentId, Key, Kind, KnownSpan, Link};
use yagura_model::UnixMicros;

/// The most changes of alerts that a round takes.
pub const GROUPED_MAX: i64 = 256;
/// What is counted as lost when an incident has too many keys.
const KEYS_LOST: &str = "incident_keys";

/// What a round did.
#[derive(Clone, Debug, Default)]
pub struct Grouped {
    /// How many changes it took.
    pub taken: usize,
    /// The incidents that changed, as they stand.
    pub changed: Vec<(Tenant, IncidentRow)>,
}

/// Queues alerts that a transaction changes.
pub(in super::super) async fn queue<'d>(
    tx: &mut Tx,
    alerts: impl IntoIterator<Item = (Tenant, &'d [u8; 32])>,
) -> Result<(), StateError> {
    const INSERT: Many = Many { before: "INSERT INTO incident_queue (tenant, alert_id)", after: "" };
    let alerts: Vec<_> = alerts.into_iter().collect();
    let rows = alerts.iter().map(|(tenant, id)| [tenant.as_str().into(), id.as_slice().into()]).collect();
    INSERT.execute(tx, rows).await?;
    Ok(())
}

impl Partition {
    /// Puts alerts that changed into incidents, the longest waiting first, at most [`GROUPED_MAX`] changes. Only for the owner of the
    /// first partition.
    ///
    /// # Errors
    /// [`StateError`], among them [`StateError::Fenced`]; then nothing is kept.
    pub async fn group_alerts(&self, catalogue: &Catalogue, now: UnixMicros) -> Result<Grouped, StateError> {
        let waits: Option<(i64,)> = sql("SELECT id FROM incident_queue LIMIT 1").optional(self.state().read()).await?;
        if waits.is_none() {
            return Ok(Grouped::default());
        }
        let mut tx = self.state().begin().await?;
        let fence = sql("INSERT INTO incident_keeper (id, epoch) VALUES (1, $1)
             ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch WHERE incident_keeper.epoch <= excluded.epoch");
        if fence.bind(self.epoch()).execute(&mut tx).await? == 0 {
            return Err(self.fenced());
        }
        let taken = sql("SELECT id, tenant, alert_id FROM incident_queue ORDER BY id LIMIT $1").bind(GROUPED_MAX);
        let taken: Vec<(i64, String, Vec<u8>)> = taken.all(&mut tx).await?;
        let mut tenants: BTreeMap<&str, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for (_, tenant, alert) in &taken {
            tenants.entry(tenant).or_default().insert(alert.clone());
        }
        let mut grouped = Grouped { taken: taken.len(), changed: Vec::new() };
        for (tenant, alerts) in tenants {
            let whose = tenant_of_row(tenant)?;
            let rows = group_of(&mut tx, tenant, &alerts, catalogue, now).await?;
            grouped.changed.extend(rows.into_iter().map(|row| (whose, row)));
        }
        let done = Many { before: "DELETE FROM incident_queue WHERE id IN (SELECT k.column1 FROM (", after: ") AS k)" };
        done.execute(&mut tx, taken.iter().map(|(id, _, _)| [(*id).into()]).collect()).await?;
        tx.commit().await?;
        Ok(grouped)
    }
}

/// One tenant's part of a round.
async fn group_of(
    tx: &mut Tx,
    tenant: &str,
    ids: &BTreeSet<Vec<u8>>,
    catalogue: &Catalogue,
    now: UnixMicros,
) -> Result<Vec<IncidentRow>, StateError> {
    let alerts = facts::alerts(tx, tenant, ids, catalogue).await?;
    let (mut touched, mut dropped) = (BTreeSet::new(), 0_u64);
    let mut relist = BTreeSet::new();
    // Waves first: whether a story stands by itself depends on them.
    for kind in [Kind::Wave, Kind::Story] {
        let (linked, groups) = grouped(tx, tenant, &alerts, kind).await?;
        dropped = groups.iter().map(|group| group.dropped).fold(dropped, u64::saturating_add);
        let kept = write::groups(tx, (tenant, kind, now), &groups, &linked).await?;
        let listed = score::rescore(tx, (tenant, kind, now), &kept).await?;
        match kind {
            Kind::Wave => relist.extend(score::stories_of(tx, tenant, &listed).await?),
            Kind::Story => relist.extend(groups.iter().map(|group| group.id.id().0.to_vec())),
        }
        touched.extend(groups.iter().map(|group| group.id.id().0.to_vec()));
    }
    score::relist(tx, (tenant, now), &relist).await?;
    touched.append(&mut relist);
    if dropped > 0 {
        lose(tx, tenant, dropped, now).await?;
    }
    score::rows(tx, tenant, &touched).await
}

/// Lets alerts find what they belong to; the alerts that any group has, by the number that the groups know them by.
async fn grouped<'a>(
    tx: &mut Tx,
    tenant: &str,
    alerts: &'a [Alert],
    kind: Kind,
) -> Result<(Vec<&'a Alert>, Vec<Group>), StateError> {
    let mut members = facts::members(tx, tenant, alerts, kind).await?;
    let mut grouping = Grouping::new(kind);
    let mut linked = Vec::new();
    let mut within = BTreeSet::new();
    for alert in alerts {
        let links = alert.links(kind);
        if links.is_empty() {
            continue;
        }
        let member = members.remove(&alert.id());
        within.extend(member.map(|incident| incident.id));
        grouping.add(alert.id(), &links, member);
        linked.push(alert);
    }
    spans_of(tx, tenant, &within).await?.iter().for_each(|span| grouping.know(span));
    loop {
        let asks = grouping.asks();
        if asks.is_empty() {
            return Ok((linked, grouping.finish()));
        }
        near(tx, tenant, &asks).await?.iter().for_each(|span| grouping.know(span));
    }
}

/// Incident, when it was made, key, from, to.
type SpanRow = (Vec<u8>, i64, Vec<u8>, i64, i64);

fn span((id, opened, key, first, last): SpanRow) -> Option<KnownSpan> {
    let incident = IncidentAge { opened: UnixMicros(opened), id: IncidentId(id.try_into().ok()?) };
    let link = Link { key: Key(key.try_into().ok()?), first: UnixMicros(first), last: UnixMicros(last) };
    Some(KnownSpan { incident, link })
}

async fn spans_of(tx: &mut Tx, tenant: &str, ids: &BTreeSet<IncidentId>) -> Result<Vec<KnownSpan>, StateError> {
    const SPANS: Many = Many {
        before: "SELECT s.incident_id, i.opened_us, s.span_key, s.first_us, s.last_us FROM (",
        after: ") AS k CROSS JOIN incident_spans s CROSS JOIN incidents i
                WHERE s.tenant = k.column1 AND s.incident_id = k.column2 AND i.tenant = s.tenant
                      AND i.incident_id = s.incident_id",
    };
    let keys = ids.iter().map(|id| [tenant.into(), id.0.as_slice().into()]).collect();
    let rows: Vec<SpanRow> = SPANS.all(tx, keys).await?;
    Ok(rows.into_iter().filter_map(span).collect())
}

/// Everything that incidents hold which hold something that is asked for.
async fn near(tx: &mut Tx, tenant: &str, asks: &[Ask]) -> Result<Vec<KnownSpan>, StateError> {
    const NEAR: Many = Many {
        before: "SELECT DISTINCT s.incident_id, i.opened_us, s.span_key, s.first_us, s.last_us FROM (",
        after: ") AS k CROSS JOIN incident_spans h CROSS JOIN incident_spans s CROSS JOIN incidents i
                WHERE h.tenant = k.column1 AND h.span_key = k.column2 AND h.last_us >= k.column3 AND h.first_us <= k.column4
                      AND s.tenant = h.tenant AND s.incident_id = h.incident_id AND i.tenant = s.tenant
                      AND i.incident_id = s.incident_id",
    };
    let keys = asks.iter().map(|ask| [tenant.into(), ask.key.0.as_slice().into(), ask.from.0.into(), ask.to.0.into()]);
    let rows: Vec<SpanRow> = NEAR.all(tx, keys.collect()).await?;
    Ok(rows.into_iter().filter_map(span).collect())
}

async fn lose(tx: &mut Tx, tenant: &str, count: u64, now: UnixMicros) -> Result<(), StateError> {
    let loss = sql("INSERT INTO losses (tenant, kind, partition, count, since_us) VALUES ($1, $2, 0, $3, $4)
         ON CONFLICT (tenant, kind, partition) DO UPDATE SET count = losses.count + excluded.count");
    loss.bind(tenant).bind(KEYS_LOST).bind(int(count)).bind(now.0).execute(tx).await?;
    Ok(())
}
