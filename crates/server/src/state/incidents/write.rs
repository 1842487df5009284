//! Keeps groups: merges, members, what each rule adds, what is named, what joins further alerts.
//!
//! Not the score (that is `score`). Invariants: rows go sorted by their key; counts grow by what was not there before, so that the same
//! alert again changes nothing. Cost: a fixed number of statements for all groups; a merge moves the rows of the younger.

use super::super::StateError;
use super::super::database::{Tx, Value, sql};
use super::super::rows::Many;
use super::facts::{Alert, MODEL, VEHICLE, code};
use std::collections::{BTreeMap, BTreeSet};
use yagura_detect::incident::{Group, GroupId, Kind, Link};
use yagura_model::UnixMicros;

/// What was added to an incident.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Added {
    pub(super) alerts: i64,
    pub(super) vehicles: i64,
    pub(super) models: i64,
    /// Whether others were merged into it.
    pub(super) merged: bool,
}

/// Incidents and what was added to each.
pub(super) type Kept = BTreeMap<Vec<u8>, Added>;

/// Keeps groups; their alerts are numbered as in `alerts`.
pub(super) async fn groups(
    tx: &mut Tx,
    (tenant, kind, now): (&str, Kind, UnixMicros),
    groups: &[Group],
    alerts: &[&Alert],
) -> Result<Kept, StateError> {
    let mut kept: Kept = BTreeMap::new();
    for group in groups {
        let id = group.id.id().0;
        for younger in &group.merged {
            merge(tx, tenant, (&id, &younger.0), now).await?;
        }
        let merged = !group.merged.is_empty();
        kept.insert(id.to_vec(), Added { merged, ..Added::default() });
    }
    begin(tx, (tenant, kind, now), groups).await?;
    let fresh = join(tx, tenant, groups, alerts).await?;
    for (incident, _) in &fresh {
        kept.entry(incident.clone()).or_default().alerts += 1;
    }
    count_rules(tx, tenant, groups, (alerts, &fresh)).await?;
    for (incident, part) in name(tx, tenant, groups, alerts).await? {
        let added = kept.entry(incident).or_default();
        added.vehicles += i64::from(part == VEHICLE);
        added.models += i64::from(part == MODEL);
    }
    span(tx, tenant, groups).await?;
    Ok(kept)
}

/// Makes the younger part of the elder.
async fn merge(tx: &mut Tx, tenant: &str, (elder, younger): (&[u8], &[u8]), now: UnixMicros) -> Result<(), StateError> {
    const STEPS: [&str; 10] = [
        "UPDATE incident_alerts SET incident_id = $2 WHERE tenant = $1 AND incident_id = $3",
        "INSERT INTO incident_rules (tenant, incident_id, rule_id, title_en, title_ja, severity, technique, domain, event,
                                     motion, vehicles_counted, first_us, last_us, alerts)
         SELECT tenant, $2, rule_id, title_en, title_ja, severity, technique, domain, event, motion, vehicles_counted,
                first_us, last_us, alerts
         FROM incident_rules WHERE tenant = $1 AND incident_id = $3
         ON CONFLICT (tenant, incident_id, rule_id) DO UPDATE SET
            event = CASE WHEN excluded.event > incident_rules.event THEN excluded.event ELSE incident_rules.event END,
            motion = CASE WHEN excluded.motion > incident_rules.motion THEN excluded.motion ELSE incident_rules.motion END,
            vehicles_counted = CASE WHEN excluded.vehicles_counted > incident_rules.vehicles_counted
                                    THEN excluded.vehicles_counted ELSE incident_rules.vehicles_counted END,
            first_us = CASE WHEN excluded.first_us < incident_rules.first_us
                            THEN excluded.first_us ELSE incident_rules.first_us END,
            last_us = CASE WHEN excluded.last_us > incident_rules.last_us
                           THEN excluded.last_us ELSE incident_rules.last_us END,
            alerts = incident_rules.alerts + excluded.alerts",
        "DELETE FROM incident_rules WHERE tenant = $1 AND incident_id = $3",
        "INSERT INTO incident_parts (tenant, incident_id, part, field, name)
         SELECT tenant, $2, part, field, name FROM incident_parts WHERE tenant = $1 AND incident_id = $3
         ON CONFLICT (tenant, incident_id, part, field, name) DO NOTHING",
        "DELETE FROM incident_parts WHERE tenant = $1 AND incident_id = $3",
        "DELETE FROM incident_spans WHERE tenant = $1 AND incident_id = $3",
        "UPDATE incident_changes SET incident_id = $2 WHERE tenant = $1 AND incident_id = $3",
        "UPDATE incidents SET merged_into = $2 WHERE tenant = $1 AND merged_into = $3",
        // Whichever somebody has still to look at decides.
        "UPDATE incidents SET
            status = (SELECT MIN(i.status) FROM incidents i WHERE i.tenant = $1 AND i.incident_id IN ($2, $3)),
            alerts = (SELECT COUNT(*) FROM incident_alerts a WHERE a.tenant = $1 AND a.incident_id = $2),
            vehicles = (SELECT COUNT(*) FROM incident_parts p WHERE p.tenant = $1 AND p.incident_id = $2 AND p.part = 0),
            models = (SELECT COUNT(*) FROM incident_parts p WHERE p.tenant = $1 AND p.incident_id = $2 AND p.part = 1)
         WHERE tenant = $1 AND incident_id = $2 AND incident_id <> $3",
        "UPDATE incidents SET merged_into = $2, listed = 0 WHERE tenant = $1 AND incident_id = $3",
    ];
    for step in STEPS {
        sql(step).bind(tenant).bind(elder).bind(younger).execute(&mut *tx).await?;
    }
    let touched = sql("UPDATE incidents SET touched_us = $3 WHERE tenant = $1 AND incident_id = $2");
    touched.bind(tenant).bind(younger).bind(now.0).execute(tx).await?;
    Ok(())
}

/// Makes the new ones, with nothing in them yet.
async fn begin(tx: &mut Tx, (tenant, kind, now): (&str, Kind, UnixMicros), groups: &[Group]) -> Result<(), StateError> {
    const INSERT: Many = Many {
        before: "INSERT INTO incidents (tenant, incident_id, kind, listed, score, severity, title_en, title_ja, first_us, last_us,
                                        opened_us, touched_us, alerts, vehicles, models, rules, vehicles_counted)",
        after: "ON CONFLICT (tenant, incident_id) DO NOTHING",
    };
    let new: BTreeSet<[u8; 32]> =
        groups.iter().filter(|group| matches!(group.id, GroupId::New(_))).map(|group| group.id.id().0).collect();
    let zero = || Value::from(0);
    let row = |id: &'_ [u8; 32]| id.to_vec();
    let ids: Vec<Vec<u8>> = new.iter().map(row).collect();
    let rows = ids.iter().map(|id| {
        [
            tenant.into(),
            id.as_slice().into(),
            code(kind).into(),
            zero(),
            zero(),
            Value::from(1),
            "".into(),
            "".into(),
            zero(),
            zero(),
            now.0.into(),
            now.0.into(),
            zero(),
            zero(),
            zero(),
            zero(),
            zero(),
        ]
    });
    INSERT.execute(tx, rows.collect()).await?;
    Ok(())
}

/// An incident and an alert of it.
type Member = (Vec<u8>, Vec<u8>);

/// Keeps who is in which; those that were not.
async fn join(tx: &mut Tx, tenant: &str, groups: &[Group], alerts: &[&Alert]) -> Result<BTreeSet<Member>, StateError> {
    const INSERT: Many = Many {
        before: "INSERT INTO incident_alerts (tenant, incident_id, alert_id)",
        after: "ON CONFLICT (tenant, incident_id, alert_id) DO NOTHING RETURNING incident_id, alert_id",
    };
    let members: BTreeSet<Member> =
        members(groups, alerts).map(|(id, it)| (id.to_vec(), it.alert_id.clone())).collect();
    let rows = members.iter().map(|(id, alert)| [tenant.into(), id.as_slice().into(), alert.as_slice().into()]);
    let fresh: Vec<Member> = INSERT.all(tx, rows.collect()).await?;
    Ok(fresh.into_iter().collect())
}

fn members<'g>(groups: &'g [Group], alerts: &'g [&Alert]) -> impl Iterator<Item = ([u8; 32], &'g Alert)> {
    groups.iter().flat_map(move |group| {
        let id = group.id.id().0;
        group.alerts.iter().filter_map(move |number| Some((id, *alerts.get(*number)?)))
    })
}

/// Adds what alerts bring to their rule's share.
async fn count_rules(
    tx: &mut Tx,
    tenant: &str,
    groups: &[Group],
    (alerts, fresh): (&[&Alert], &BTreeSet<Member>),
) -> Result<(), StateError> {
    const UPSERT: Many = Many {
        before: "INSERT INTO incident_rules (tenant, incident_id, rule_id, title_en, title_ja, severity, technique, domain, event,
                                             motion, vehicles_counted, first_us, last_us, alerts)",
        after: "ON CONFLICT (tenant, incident_id, rule_id) DO UPDATE SET
            event = CASE WHEN excluded.event > incident_rules.event THEN excluded.event ELSE incident_rules.event END,
            motion = CASE WHEN excluded.motion > incident_rules.motion THEN excluded.motion ELSE incident_rules.motion END,
            vehicles_counted = CASE WHEN excluded.vehicles_counted > incident_rules.vehicles_counted
                                    THEN excluded.vehicles_counted ELSE incident_rules.vehicles_counted END,
            first_us = CASE WHEN excluded.first_us < incident_rules.first_us
                            THEN excluded.first_us ELSE incident_rules.first_us END,
            last_us = CASE WHEN excluded.last_us > incident_rules.last_us
                           THEN excluded.last_us ELSE incident_rules.last_us END,
            alerts = incident_rules.alerts + excluded.alerts",
    };
    let mut shares: BTreeMap<(Vec<u8>, &str), (Alert, i64)> = BTreeMap::new();
    for (id, alert) in members(groups, alerts) {
        let is_new = fresh.contains(&(id.to_vec(), alert.alert_id.clone()));
        let share = shares.entry((id.to_vec(), &alert.rule_id)).or_insert_with(|| (alert.clone(), 0));
        let sum = &mut share.0;
        sum.event = sum.event.max(alert.event);
        sum.motion = sum.motion.max(alert.motion);
        sum.vehicles_counted = sum.vehicles_counted.max(alert.vehicles_counted);
        sum.first_us = sum.first_us.min(alert.first_us);
        sum.last_us = sum.last_us.max(alert.last_us);
        share.1 += i64::from(is_new);
    }
    let rows = shares.iter().map(|((id, rule), (share, added))| {
        [
            tenant.into(),
            id.as_slice().into(),
            (*rule).into(),
            share.title_en.as_str().into(),
            share.title_ja.as_str().into(),
            share.severity.into(),
            share.technique.as_deref().into(),
            share.domain.as_str().into(),
            share.event.into(),
            share.motion.into(),
            share.vehicles_counted.into(),
            share.first_us.into(),
            share.last_us.into(),
            (*added).into(),
        ]
    });
    UPSERT.execute(tx, rows.collect()).await?;
    Ok(())
}

/// Keeps what is named; what was not yet.
async fn name(
    tx: &mut Tx,
    tenant: &str,
    groups: &[Group],
    alerts: &[&Alert],
) -> Result<Vec<(Vec<u8>, i64)>, StateError> {
    const INSERT: Many = Many {
        before: "INSERT INTO incident_parts (tenant, incident_id, part, field, name)",
        after: "ON CONFLICT (tenant, incident_id, part, field, name) DO NOTHING RETURNING incident_id, part",
    };
    let mut parts: BTreeSet<([u8; 32], i64, String, String)> = BTreeSet::new();
    for (id, alert) in members(groups, alerts) {
        parts.extend(alert.parts().into_iter().map(|(part, field, name)| (id, part, field, name)));
    }
    let rows = parts.iter().map(|(id, part, field, name)| {
        [tenant.into(), id.as_slice().into(), (*part).into(), field.as_str().into(), name.as_str().into()]
    });
    INSERT.all(tx, rows.collect()).await
}

/// Keeps what joins further alerts.
async fn span(tx: &mut Tx, tenant: &str, groups: &[Group]) -> Result<(), StateError> {
    const UPSERT: Many = Many {
        before: "INSERT INTO incident_spans (tenant, incident_id, span_key, first_us, last_us)",
        after: "ON CONFLICT (tenant, incident_id, span_key) DO UPDATE SET
                first_us = excluded.first_us, last_us = excluded.last_us",
    };
    let spans: BTreeMap<([u8; 32], [u8; 16]), &Link> =
        groups.iter().flat_map(|group| group.spans.iter().map(|link| ((group.id.id().0, link.key.0), link))).collect();
    let rows = spans.iter().map(|((id, key), link)| {
        [tenant.into(), id.as_slice().into(), key.as_slice().into(), link.first.0.into(), link.last.0.into()]
    });
    UPSERT.execute(tx, rows.collect()).await?;
    Ok(())
}
