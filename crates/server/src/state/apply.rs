//! The SQL of one batch: some dozen statements, however large it is.
//!
//! Not the order of batches (that is `partition`, whose row the transaction has locked before it comes here). Invariants: rows of one
//! table go sorted by their key and each key once, so that two owners of partitions never wait for each other in a circle; what is
//! added to a count in one batch is at most [`COUNT_MAX`], so that no device can push a sum out of its 64 bits.

use super::StateError;
use super::alerts::{AlertRow, select_alert};
use super::database::{Tx, Value};

use super::delta::{ALERT_EVENTS_MAX, AlertRise, ChainRow, Delta, LastReport};
use super::incidents::queue;
use super::late::{self, Loss};
use super::number::int;
use super::people::tenant_of_row;
use super::registry::{restore_certificates, restore_revocation};
use super::rows::Many;
use crate::tenant::Tenant;
use sqlx::FromRow;
use std::collections::{BTreeMap, BTreeSet};
use yagura_model::{DeviceId, UnixMicros};

/// The most that one batch adds to one count.
const COUNT_MAX: u64 = 1 << 32;

/// Whose alert, and which.
type AlertKey = (Tenant, [u8; 32]);
/// A kept event: its place, its entry, its vehicle.
type Kept<'d> = (i64, i64, &'d str);

/// Writes everything that the batch of a partition means, except its position.
pub(super) async fn write(tx: &mut Tx, partition: i64, delta: &Delta, now: UnixMicros) -> Result<(), StateError> {
    raise(tx, delta, now).await?;
    let unjudged = late::note(tx, partition, delta, now).await?;
    keep_events(tx, delta).await?;
    queue_rows(tx, partition, delta).await?;
    restore_certificates(tx, &delta.certificates).await?;
    for revocation in &delta.revocations {
        restore_revocation(tx, revocation).await?;
    }
    move_chains(tx, &delta.chains).await?;
    count_vehicles(tx, partition, delta).await?;
    super::rules::note(tx, partition, delta).await?;
    count(tx, partition, delta, &unjudged).await
}

/// The alerts of the batch as they stand, those left out that people do not hear of.
pub(super) async fn raised(tx: &mut Tx, delta: &Delta) -> Result<Vec<(Tenant, AlertRow)>, StateError> {
    #[derive(FromRow)]
    struct Raised {
        tenant: String,
        #[sqlx(flatten)]
        row: AlertRow,
    }
    let keys = merged(&delta.alerts);
    let keys = keys.keys().map(|(tenant, id)| [tenant.as_str().into(), id.as_slice().into()]).collect();
    let select = Many {
        before: concat!("SELECT tenant, ", select_alert!(), " FROM ("),
        after: ") AS k CROSS JOIN alerts WHERE tenant = k.column1 AND alert_id = k.column2 AND shadow = 0",
    };
    let rows: Vec<Raised> = select.all(tx, keys).await?;
    rows.into_iter().map(|raised| Ok((tenant_of_row(&raised.tenant)?, raised.row))).collect()
}

/// One alert of a batch: its first hit, and what all its hits add up to.
pub(super) struct Rise<'d> {
    hit: &'d AlertRise,
    first: UnixMicros,
    last: UnixMicros,
    count: u64,
    vehicles_counted: u64,
    moving: Option<bool>,
}

impl<'d> Rise<'d> {
    /// One hit.
    pub(super) const fn of(hit: &'d AlertRise) -> Self {
        let AlertRise { first, last, count, vehicles_counted, moving, .. } = *hit;
        Self { hit, first, last, count, vehicles_counted, moving }
    }
}

fn merged(alerts: &[AlertRise]) -> BTreeMap<AlertKey, Rise<'_>> {
    let mut all: BTreeMap<AlertKey, Rise<'_>> = BTreeMap::new();
    for hit in alerts {
        let fresh = Rise { hit, first: hit.first, last: hit.last, count: 0, vehicles_counted: 0, moving: None };
        let rise = all.entry((hit.tenant, hit.alert_id)).or_insert(fresh);
        rise.first = rise.first.min(hit.first);
        rise.last = rise.last.max(hit.last);
        rise.count = rise.count.saturating_add(hit.count);
        rise.vehicles_counted = rise.vehicles_counted.max(hit.vehicles_counted);
        rise.moving = rise.moving.max(hit.moving);
    }
    all
}

/// Up to the values of [`alert_row`].
pub(super) const INSERT_ALERT: &str =
    "INSERT INTO alerts (tenant, alert_id, rule_id, title_en, title_ja, severity, vehicle, technique, group_json,
                         match_json, window_us, first_us, last_us, count, raised_us, vehicles_counted, touched_us,
                         domain, motion, shadow)";

pub(super) fn alert_row<'d>(rise: &Rise<'d>, now: UnixMicros) -> [Value<'d>; 20] {
    let hit = rise.hit;
    [
        hit.tenant.as_str().into(),
        hit.alert_id.as_slice().into(),
        hit.rule_id.as_str().into(),
        hit.title_en.as_str().into(),
        hit.title_ja.as_str().into(),
        hit.severity.into(),
        hit.vehicle.as_deref().into(),
        hit.technique.as_deref().into(),
        hit.group_json.as_str().into(),
        hit.match_json.as_str().into(),
        hit.window.0.into(),
        rise.first.0.into(),
        rise.last.0.into(),
        added(rise.count),
        now.0.into(),
        int(rise.vehicles_counted).into(),
        now.0.into(),
        hit.domain.into(),
        rise.moving.map_or(0, |moving| 1 + i64::from(moving)).into(),
        i64::from(hit.shadow).into(),
    ]
}

async fn raise(tx: &mut Tx, delta: &Delta, now: UnixMicros) -> Result<(), StateError> {
    const UPSERT: Many = Many {
        before: INSERT_ALERT,
        after: "ON CONFLICT (tenant, alert_id) DO UPDATE SET
            touched_us = excluded.touched_us, count = alerts.count + excluded.count,
            shadow = CASE WHEN excluded.shadow < alerts.shadow THEN excluded.shadow ELSE alerts.shadow END,
            first_us = CASE WHEN excluded.first_us < alerts.first_us THEN excluded.first_us ELSE alerts.first_us END,
            last_us = CASE WHEN excluded.last_us > alerts.last_us THEN excluded.last_us ELSE alerts.last_us END,
            vehicles_counted = CASE WHEN excluded.vehicles_counted > alerts.vehicles_counted
                                    THEN excluded.vehicles_counted ELSE alerts.vehicles_counted END,
            motion = CASE WHEN excluded.motion > alerts.motion THEN excluded.motion ELSE alerts.motion END",
    };
    let all = merged(&delta.alerts);
    UPSERT.execute(&mut *tx, all.values().map(|rise| alert_row(rise, now)).collect()).await?;
    queue(tx, all.keys().map(|(tenant, id)| (*tenant, id))).await
}

/// Keeps the first events of each alert, at most [`ALERT_EVENTS_MAX`].
pub(super) async fn keep_events(tx: &mut Tx, delta: &Delta) -> Result<(), StateError> {
    const KNOWN: Many = Many {
        before: "SELECT e.tenant, e.alert_id, e.position, e.entry_index FROM (",
        after: ") AS k CROSS JOIN alert_events e WHERE e.tenant = k.column1 AND e.alert_id = k.column2",
    };
    const INSERT: Many = Many {
        before: "INSERT INTO alert_events (tenant, alert_id, position, entry_index, vehicle)",
        after: "ON CONFLICT (tenant, alert_id, position, entry_index) DO NOTHING",
    };
    let mut offered: BTreeMap<(&str, &[u8]), Vec<Kept<'_>>> = BTreeMap::new();
    for hit in &delta.alerts {
        let events =
            hit.events.iter().map(|(place, entry, vehicle)| (int(*place), i64::from(*entry), vehicle.as_str()));
        offered.entry((hit.tenant.as_str(), hit.alert_id.as_slice())).or_default().extend(events);
    }
    let keys = offered.keys().map(|(tenant, id)| [(*tenant).into(), (*id).into()]).collect();
    let rows: Vec<(String, Vec<u8>, i64, i64)> = KNOWN.all(&mut *tx, keys).await?;
    let mut known: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (tenant, id, place, entry) in &rows {
        known.entry((tenant.as_str(), id.as_slice())).or_default().insert((*place, *entry));
    }
    let mut fresh = Vec::new();
    for ((tenant, id), events) in offered {
        let kept = known.entry((tenant, id)).or_default();
        for (place, entry, vehicle) in events {
            if kept.len() < ALERT_EVENTS_MAX && kept.insert((place, entry)) {
                fresh.push([tenant.into(), id.into(), place.into(), entry.into(), vehicle.into()]);
            }
        }
    }
    INSERT.execute(tx, fresh).await?;
    Ok(())
}

fn waiting_row(hit: &AlertRise, partition: i64, applied: u64) -> [Value<'_>; 14] {
    [
        partition.into(),
        int(applied).into(),
        hit.tenant.as_str().into(),
        hit.alert_id.as_slice().into(),
        hit.rule_id.as_str().into(),
        hit.title_en.as_str().into(),
        hit.severity.into(),
        hit.vehicle.as_deref().into(),
        hit.group_json.as_str().into(),
        hit.window.0.into(),
        hit.first.0.into(),
        added(hit.count),
        int(hit.trigger.0).into(),
        i64::from(hit.trigger.1).into(),
    ]
}

async fn queue_rows(tx: &mut Tx, partition: i64, delta: &Delta) -> Result<(), StateError> {
    const INSERT: Many = Many {
        before: "INSERT INTO alert_rows (partition, applied, tenant, alert_id, rule_id, title, severity, vehicle, group_json,
                                         window_us, time_us, count, position, entry_index)",
        after: "",
    };
    let applied = delta.position.saturating_sub(1);
    // The lake holds what people were told: a hunt compares with that.
    let told = delta.alerts.iter().filter(|hit| !hit.shadow);
    INSERT.execute(tx, told.map(|hit| waiting_row(hit, partition, applied)).collect()).await?;
    Ok(())
}

fn chain_of(chains: &[ChainRow]) -> BTreeMap<DeviceId, ChainRow> {
    let mut all: BTreeMap<DeviceId, ChainRow> = BTreeMap::new();
    let order = |last: &LastReport| (last.boot, last.sequence);
    for chain in chains {
        let Some(known) = all.get_mut(&chain.device) else {
            all.insert(chain.device, chain.clone());
            continue;
        };
        known.highest = known.highest.into_iter().chain(chain.highest).max_by_key(order);
        known.last_seen = known.last_seen.max(chain.last_seen);
        known.missing = known.missing.saturating_add(chain.missing);
        for (sum, more) in known.lost.iter_mut().zip(chain.lost) {
            *sum = sum.saturating_add(more);
        }
    }
    all
}

fn chain_row(chain: &ChainRow) -> [Value<'_>; 13] {
    let (device, last) = (&chain.device, chain.highest.as_ref());
    let [events, frames, excerpts, reports] = chain.lost.map(added);
    [
        device.tenant.as_str().into(),
        device.vehicle.as_str().into(),
        device.sensor.as_str().into(),
        last.map(|last| int(last.boot)).into(),
        last.map(|last| int(last.sequence)).into(),
        last.map(|last| last.digest.as_slice()).into(),
        last.map(|last| int(last.position)).into(),
        chain.last_seen.map(|time| time.0).into(),
        events,
        frames,
        excerpts,
        reports,
        added(chain.missing),
    ]
}

/// A column of a chain's highest report, which moves when the batch has a higher one.
macro_rules! if_higher {
    ($column:literal) => {
        concat!(
            "CASE WHEN excluded.boot IS NOT NULL AND (chains.boot IS NULL
                       OR (chains.boot, chains.sequence) < (excluded.boot, excluded.sequence))
                  THEN excluded.",
            $column,
            " ELSE chains.",
            $column,
            " END"
        )
    };
}

async fn move_chains(tx: &mut Tx, chains: &[ChainRow]) -> Result<(), StateError> {
    const UPSERT: Many = Many {
        before:
            "INSERT INTO chains (tenant, vehicle, sensor, boot, sequence, digest, position, last_seen_us, lost_events,
                                     lost_frames, lost_excerpts, lost_reports, missing)",
        after: concat!(
            "ON CONFLICT (tenant, vehicle, sensor) DO UPDATE SET
                last_seen_us = COALESCE(excluded.last_seen_us, chains.last_seen_us),
                lost_events = chains.lost_events + excluded.lost_events,
                lost_frames = chains.lost_frames + excluded.lost_frames,
                lost_excerpts = chains.lost_excerpts + excluded.lost_excerpts,
                lost_reports = chains.lost_reports + excluded.lost_reports,
                missing = chains.missing + excluded.missing, boot = ",
            if_higher!("boot"),
            ", sequence = ",
            if_higher!("sequence"),
            ", digest = ",
            if_higher!("digest"),
            ", position = ",
            if_higher!("position"),
        ),
    };
    let all = chain_of(chains);
    UPSERT.execute(tx, all.values().map(chain_row).collect()).await?;
    Ok(())
}

async fn count_vehicles(tx: &mut Tx, partition: i64, delta: &Delta) -> Result<(), StateError> {
    const UPSERT: Many = Many {
        before: "INSERT INTO vehicle_hours (tenant, vehicle, hour_us, events, partition)",
        after: "ON CONFLICT (tenant, vehicle, hour_us) DO UPDATE SET events = vehicle_hours.events + excluded.events",
    };
    let mut all: BTreeMap<(&str, &str, i64), u64> = BTreeMap::new();
    for (tenant, vehicle, hour, events) in &delta.hours {
        let sum = all.entry((tenant.as_str(), vehicle, hour.0)).or_default();
        *sum = sum.saturating_add(*events);
    }
    let rows = all.into_iter().map(|((tenant, vehicle, hour), events)| {
        [tenant.into(), vehicle.into(), hour.into(), added(events), partition.into()]
    });
    UPSERT.execute(tx, rows.collect()).await?;
    Ok(())
}

/// Counts of tenants. Last, because every batch touches them.
async fn count(tx: &mut Tx, partition: i64, delta: &Delta, unjudged: &[Loss]) -> Result<(), StateError> {
    const RATES: Many = Many {
        before: "INSERT INTO rates (tenant, step_us, partition, events, reports)",
        after: "ON CONFLICT (tenant, step_us, partition) DO UPDATE SET
                    events = rates.events + excluded.events, reports = rates.reports + excluded.reports",
    };
    const TOTALS: Many = Many {
        before: "INSERT INTO totals (tenant, partition, events, reports)",
        after: "ON CONFLICT (tenant, partition) DO UPDATE SET
                    events = totals.events + excluded.events, reports = totals.reports + excluded.reports",
    };
    const LOSSES: Many = Many {
        before: "INSERT INTO losses (tenant, kind, partition, count, since_us)",
        after: "ON CONFLICT (tenant, kind, partition) DO UPDATE SET count = losses.count + excluded.count",
    };
    let mut steps: BTreeMap<(&str, i64), (u64, u64)> = BTreeMap::new();
    let mut totals: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for rate in &delta.rates {
        let tenant = rate.tenant.as_str();
        for sum in [steps.entry((tenant, rate.step.0)).or_default(), totals.entry(tenant).or_default()] {
            *sum = (sum.0.saturating_add(rate.events), sum.1.saturating_add(rate.reports));
        }
    }
    let mut losses: BTreeMap<(&str, &str), (u64, i64)> = BTreeMap::new();
    for (tenant, kind, lost, since) in delta.losses.iter().chain(unjudged) {
        let sum = losses.entry((tenant.as_str(), kind)).or_insert((0, since.0));
        *sum = (sum.0.saturating_add(*lost), sum.1.min(since.0));
    }
    let steps = steps
        .into_iter()
        .map(|((tenant, step), sum)| [tenant.into(), step.into(), partition.into(), added(sum.0), added(sum.1)]);
    RATES.execute(&mut *tx, steps.collect()).await?;
    let totals = totals.into_iter().map(|(tenant, sum)| [tenant.into(), partition.into(), added(sum.0), added(sum.1)]);
    TOTALS.execute(&mut *tx, totals.collect()).await?;
    let losses = losses.into_iter().map(|((tenant, kind), (lost, since))| {
        [tenant.into(), kind.into(), partition.into(), added(lost), since.into()]
    });
    LOSSES.execute(tx, losses.collect()).await?;
    Ok(())
}

/// What a batch adds to a count.
pub(super) fn added(count: u64) -> Value<'static> {
    int(count.min(COUNT_MAX)).into()
}
