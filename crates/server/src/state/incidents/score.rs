//! Weighs incidents that changed, words them, and decides which stand in the list.
//!
//! Not the weights (`detect::incident`). Invariant: score, title and place in the list follow from the rows of an incident alone. A closed
//! incident opens again when a rule joins that it did not have, or when its score rises. Cost: reads the shares of the rules and
//! how often they were right, not the alerts; of a story, until one is found that no wave has.

use super::super::StateError;
use super::super::database::{Tx, sql};
use super::super::number::uint;
use super::super::rows::Many;
use super::facts::{ENTITY, code, kind};
use super::write::Kept;
use super::{IncidentRow, IncidentRule, precision, select_incident};
use std::collections::{BTreeMap, BTreeSet};
use yagura_columns::Text;
use yagura_detect::incident::{Domain, Kind, Share, Subject, Summary, assess, is_listed, title};
use yagura_model::{Severity, UnixMicros};

/// The columns of an [`IncidentRule`].
macro_rules! select_rule {
    () => {
        "r.incident_id, r.rule_id, r.title_en, r.title_ja, r.severity, r.technique, r.domain, r.event, r.motion,
         r.vehicles_counted, r.first_us, r.last_us, r.alerts, r.precision_percent"
    };
}
pub(super) use select_rule;

const CLOSED: i64 = 2;

impl IncidentRule {
    /// The same as the score takes it.
    #[must_use]
    pub fn share(&self) -> Share {
        Share {
            title: Text { en: self.title_en.clone(), ja: self.title_ja.clone() },
            level: severity(self.severity).unwrap_or(Severity::Medium),
            technique: self.technique.clone(),
            domain: Domain::of(&self.domain),
            event: severity(self.event),
            moving: (self.motion > 0).then_some(self.motion == 2),
            vehicles_counted: uint(self.vehicles_counted),
            precision_percent: self.precision_percent.and_then(|percent| u8::try_from(percent).ok()),
            first: UnixMicros(self.first_us),
            last: UnixMicros(self.last_us),
            alerts: uint(self.alerts),
        }
    }
}

fn severity(code: i64) -> Option<Severity> {
    match code {
        1 => Some(Severity::Informational),
        2 => Some(Severity::Low),
        3 => Some(Severity::Medium),
        4 => Some(Severity::High),
        5 => Some(Severity::Critical),
        _ => None,
    }
}

impl IncidentRow {
    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        kind(self.kind)
    }

    /// The same as the score takes it.
    #[must_use]
    pub fn summary<'s>(&self, shares: &'s [Share]) -> Summary<'s> {
        Summary { kind: self.kind(), shares, vehicles: uint(self.vehicles), models: uint(self.models) }
    }
}

/// Incidents as they are kept.
pub(super) async fn rows(tx: &mut Tx, tenant: &str, ids: &BTreeSet<Vec<u8>>) -> Result<Vec<IncidentRow>, StateError> {
    const ROWS: Many = Many {
        before: concat!("SELECT ", select_incident!(), " FROM ("),
        after: ") AS k CROSS JOIN incidents WHERE tenant = k.column1 AND incident_id = k.column2",
    };
    ROWS.all(tx, ids.iter().map(|id| [tenant.into(), id.as_slice().into()]).collect()).await
}

/// Weighs incidents that got something; waves whose stories may have to leave the list.
pub(super) async fn rescore(
    tx: &mut Tx,
    (tenant, kind, now): (&str, Kind, UnixMicros),
    kept: &Kept,
) -> Result<BTreeSet<Vec<u8>>, StateError> {
    let ids: BTreeSet<Vec<u8>> = kept.keys().cloned().collect();
    let mut shares = shares(tx, (tenant, now), &ids).await?;
    let names = names(tx, tenant, &ids).await?;
    let (mut changed, mut listed, mut reopened) = (Vec::new(), BTreeSet::new(), Vec::new());
    for mut row in rows(tx, tenant, &ids).await? {
        let shares = shares.remove(&row.incident_id).unwrap_or_default();
        let added = kept.get(&row.incident_id).copied().unwrap_or_default();
        let was = (row.score, row.rules, row.listed);
        if !added.merged {
            row.alerts += added.alerts;
            row.vehicles += added.vehicles;
            row.models += added.models;
        } else {
            recount(&mut *tx, tenant, &mut row).await?;
        }
        let named = names.get(&row.incident_id);
        weigh(&mut row, &shares, named);
        if kind == Kind::Wave {
            row.listed = i64::from(is_listed(kind, uint(row.vehicles), shares.len(), 0));
            if row.listed == 1 && (was.2 == 0 || added.merged) {
                listed.insert(row.incident_id.clone());
            }
        }
        if row.status == CLOSED && (row.score > was.0 || row.rules > was.1) {
            reopened.push(row.incident_id.clone());
        }
        row.touched_us = now.0;
        changed.push(row);
    }
    keep(tx, tenant, &changed).await?;
    for id in reopened {
        let open = sql("UPDATE incidents SET status = 0 WHERE tenant = $1 AND incident_id = $2 AND status = 2");
        if open.bind(tenant).bind(id.as_slice()).execute(&mut *tx).await? == 0 {
            continue;
        }
        let note = sql("INSERT INTO incident_changes (tenant, incident_id, time_us, user_name, status, note)
             VALUES ($1, $2, $3, '', 0, NULL)");
        note.bind(tenant).bind(id.as_slice()).bind(now.0).execute(&mut *tx).await?;
    }
    Ok(listed)
}

/// Counts anew what was counted before others were merged into it and more came.
async fn recount(tx: &mut Tx, tenant: &str, row: &mut IncidentRow) -> Result<(), StateError> {
    let query = sql("SELECT (SELECT COUNT(*) FROM incident_alerts WHERE tenant = $1 AND incident_id = $2),
                (SELECT COUNT(*) FROM incident_parts WHERE tenant = $1 AND incident_id = $2 AND part = 0),
                (SELECT COUNT(*) FROM incident_parts WHERE tenant = $1 AND incident_id = $2 AND part = 1)");
    (row.alerts, row.vehicles, row.models) = query.bind(tenant).bind(row.incident_id.as_slice()).one(tx).await?;
    Ok(())
}

fn weigh(row: &mut IncidentRow, shares: &[Share], names: Option<&Names>) {
    let summary = row.summary(shares);
    let assessment = assess(&summary);
    let entity = names.and_then(|names| names.entity.as_ref()).map(|(field, name)| (field.as_str(), name.as_str()));
    let vehicle = names.and_then(|names| names.vehicle.as_deref());
    let title = title(&summary, &Subject { vehicle, entity });
    let vehicles = summary.vehicles();
    row.score = i64::from(assessment.score);
    row.severity = i64::from(yagura_columns::severity_id(assessment.severity));
    (row.title_en, row.title_ja) = (title.en, title.ja);
    row.vehicles_counted = super::super::number::int(vehicles);
    row.rules = i64::try_from(shares.len()).unwrap_or(i64::MAX);
    row.first_us = shares.iter().map(|share| share.first.0).min().unwrap_or(row.first_us);
    row.last_us = shares.iter().map(|share| share.last.0).max().unwrap_or(row.last_us);
}

async fn shares(
    tx: &mut Tx,
    (tenant, now): (&str, UnixMicros),
    ids: &BTreeSet<Vec<u8>>,
) -> Result<BTreeMap<Vec<u8>, Vec<Share>>, StateError> {
    const RULES: Many = Many {
        before: concat!("SELECT ", select_rule!(), " FROM ("),
        after: ") AS k CROSS JOIN incident_rules r WHERE r.tenant = k.column1 AND r.incident_id = k.column2",
    };
    let keys = ids.iter().map(|id| [tenant.into(), id.as_slice().into()]).collect();
    let mut rules: Vec<IncidentRule> = RULES.all(&mut *tx, keys).await?;
    precision::take(tx, (tenant, now), &mut rules).await?;
    rules.sort_by(|a, b| (&a.incident_id, &a.rule_id).cmp(&(&b.incident_id, &b.rule_id)));
    let mut all: BTreeMap<Vec<u8>, Vec<Share>> = BTreeMap::new();
    for rule in rules {
        all.entry(rule.incident_id.clone()).or_default().push(rule.share());
    }
    Ok(all)
}

/// The first vehicle and the first other thing that an incident names.
#[derive(Debug, Default)]
struct Names {
    vehicle: Option<String>,
    entity: Option<(String, String)>,
}

async fn names(tx: &mut Tx, tenant: &str, ids: &BTreeSet<Vec<u8>>) -> Result<BTreeMap<Vec<u8>, Names>, StateError> {
    const FIRST: Many = Many {
        before: "SELECT k.column2, p.part, p.field, MIN(p.name) FROM (",
        after: ") AS k CROSS JOIN incident_parts p WHERE p.tenant = k.column1 AND p.incident_id = k.column2
                AND p.part = k.column3 GROUP BY k.column2, p.part, p.field",
    };
    let key = |id, part: i64| [tenant.into(), id, part.into()];
    let keys = ids.iter().flat_map(|id| [0, ENTITY].map(|part| key(id.as_slice().into(), part))).collect();
    let mut rows: Vec<(Vec<u8>, i64, String, String)> = FIRST.all(tx, keys).await?;
    // Whoever acts names an incident better than what else its alerts group by.
    let rank = |field: &str| ["user", "src_ip", "session", "resource"].iter().position(|it| *it == field).unwrap_or(9);
    rows.sort_by_key(|(_, _, field, _)| std::cmp::Reverse(rank(field)));
    let mut all: BTreeMap<Vec<u8>, Names> = BTreeMap::new();
    for (id, part, field, name) in rows {
        let names = all.entry(id).or_default();
        match part {
            0 => names.vehicle = Some(name),
            _ if rank(&field) < 9 => names.entity = Some((field, name)),
            _ => {}
        }
    }
    Ok(all)
}

async fn keep(tx: &mut Tx, tenant: &str, changed: &[IncidentRow]) -> Result<(), StateError> {
    const UPSERT: Many = Many {
        before: "INSERT INTO incidents (tenant, incident_id, kind, status, listed, score, severity, title_en, title_ja, first_us,
                                        last_us, opened_us, touched_us, alerts, vehicles, models, rules, vehicles_counted)",
        after: "ON CONFLICT (tenant, incident_id) DO UPDATE SET listed = excluded.listed, score = excluded.score, severity = excluded.severity, title_en = excluded.title_en,
                title_ja = excluded.title_ja, first_us = excluded.first_us, last_us = excluded.last_us,
                touched_us = excluded.touched_us, alerts = excluded.alerts, vehicles = excluded.vehicles,
                models = excluded.models, rules = excluded.rules, vehicles_counted = excluded.vehicles_counted",
    };
    let rows = changed.iter().map(|row| {
        [
            tenant.into(),
            row.incident_id.as_slice().into(),
            row.kind.into(),
            row.status.into(),
            row.listed.into(),
            row.score.into(),
            row.severity.into(),
            row.title_en.as_str().into(),
            row.title_ja.as_str().into(),
            row.first_us.into(),
            row.last_us.into(),
            row.opened_us.into(),
            row.touched_us.into(),
            row.alerts.into(),
            row.vehicles.into(),
            row.models.into(),
            row.rules.into(),
            row.vehicles_counted.into(),
        ]
    });
    UPSERT.execute(tx, rows.collect()).await?;
    Ok(())
}

/// The stories of these waves' alerts.
pub(super) async fn stories_of(
    tx: &mut Tx,
    tenant: &str,
    waves: &BTreeSet<Vec<u8>>,
) -> Result<BTreeSet<Vec<u8>>, StateError> {
    const STORIES: Many = Many {
        before: "SELECT DISTINCT i.incident_id FROM (",
        after: ") AS k CROSS JOIN incident_alerts w CROSS JOIN incident_alerts m CROSS JOIN incidents i
                WHERE w.tenant = k.column1 AND w.incident_id = k.column2 AND m.tenant = w.tenant AND m.alert_id = w.alert_id
                      AND i.tenant = m.tenant AND i.incident_id = m.incident_id AND i.kind = 0 AND i.listed = 1",
    };
    let keys = waves.iter().map(|id| [tenant.into(), id.as_slice().into()]).collect();
    let rows: Vec<(Vec<u8>,)> = STORIES.all(tx, keys).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Decides anew which of these stories stand in the list by themselves.
pub(super) async fn relist(
    tx: &mut Tx,
    (tenant, now): (&str, UnixMicros),
    stories: &BTreeSet<Vec<u8>>,
) -> Result<(), StateError> {
    const OUTSIDE: Many = Many {
        before: "SELECT i.incident_id, i.rules, i.listed,
                    CAST(CASE WHEN EXISTS (SELECT 1 FROM incident_alerts m WHERE m.tenant = i.tenant
                     AND m.incident_id = i.incident_id AND NOT EXISTS (SELECT 1 FROM incident_alerts w JOIN incidents v
                                     ON v.tenant = w.tenant AND v.incident_id = w.incident_id
                                     WHERE w.tenant = m.tenant AND w.alert_id = m.alert_id AND v.kind = 1 AND v.listed = 1))
                    THEN 1 ELSE 0 END AS BIGINT)
                 FROM (",
        after: ") AS k CROSS JOIN incidents i WHERE i.tenant = k.column1 AND i.incident_id = k.column2
                AND i.merged_into IS NULL",
    };
    let keys = stories.iter().map(|id| [tenant.into(), id.as_slice().into()]).collect();
    let rows: Vec<(Vec<u8>, i64, i64, i64)> = OUTSIDE.all(&mut *tx, keys).await?;
    for (id, rules, listed, outside) in rows {
        let rules = usize::try_from(rules).unwrap_or(usize::MAX);
        let should = i64::from(is_listed(Kind::Story, 0, rules, uint(outside)));
        if should != listed {
            let set = sql("UPDATE incidents SET listed = $3, touched_us = $4 WHERE tenant = $1 AND incident_id = $2");
            set.bind(tenant).bind(id.as_slice()).bind(should).bind(now.0).execute(&mut *tx).await?;
        }
    }
    Ok(())
}

/// Kinds are kept as numbers; this file and the queries of [`super`] agree on them.
const _: () = assert!(code(Kind::Story) == 0 && code(Kind::Wave) == 1 && ENTITY == 2);
