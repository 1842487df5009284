//! Windows that late data touched: noted with the batch that touched them, judged later, exactly once (ADR-0028).
//!
//! Not the judgement (that is `late`). Invariants: a note is in the transaction of its batch; the outcome of a window and the end of
//! its note are one transaction, which does nothing if the window was touched again meanwhile; a window is judged only when the lake
//! has the record that touched it last; at most [`LATE_WINDOWS_MAX`] wait in a partition, and what is beyond that is counted.

use super::apply::{Rise, added, alert_row, keep_events};
use super::database::{Tx, Value, sql};
use super::delta::Delta;
use super::incidents::queue;
use super::number::{int, uint};
use super::rows::Many;
use super::{AlertRise, AlertRow, Partition, PartitionNumber, State, StateError};
use crate::place::place;
use crate::tenant::Tenant;
use sqlx::FromRow;
use std::collections::{BTreeMap, BTreeSet};
use yagura_detect::LateWindow;
use yagura_model::UnixMicros;

/// The most windows of a partition that wait to be judged again.
pub const LATE_WINDOWS_MAX: u64 = 100_000;
/// The most windows that are judged in one round.
pub const LATE_ROUND_MAX: i64 = 256;
/// How far apart the windows of one round may be: a round reads the rows of one stretch of time.
const ROUND_SPAN_US: i64 = 24 * 3_600_000_000;
/// What is counted as lost when too many wait.
const UNJUDGED: &str = "late_unjudged";
/// The entry of a row of the lake's alerts table that a late judgement wrote: no entry of its record.
const LATE_ENTRY: i64 = -1;

/// A loss of a batch: whose, kind, how many, first noticed.
pub(super) type Loss = (Tenant, &'static str, u64, UnixMicros);

/// A window that waits to be judged again.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct LateNote {
    /// Whose.
    pub tenant: String,
    /// The alert, raised or not.
    pub alert_id: Vec<u8>,
    /// The vehicle; empty if the rule counts over several.
    pub vehicle: String,
    /// Rows at or after this time decide, µs.
    pub from_us: i64,
    /// Rows before this time decide, µs.
    pub to_us: i64,
    /// The last record that touched it.
    pub through: i64,
}

/// What became of a window.
#[derive(Clone, Debug)]
pub struct LateVerdict {
    /// Which window.
    pub note: LateNote,
    /// Its alert as all its rows make it; `None`: no alert.
    pub alert: Option<AlertRise>,
}

/// Notes the windows that a batch touched; what does not fit is a loss.
pub(super) async fn note(tx: &mut Tx, partition: i64, delta: &Delta, now: UnixMicros) -> Result<Vec<Loss>, StateError> {
    const KNOWN: Many = Many {
        before: "SELECT w.tenant, w.alert_id FROM (",
        after: ") AS k CROSS JOIN late_windows w WHERE w.tenant = k.column1 AND w.alert_id = k.column2",
    };
    const UPSERT: Many = Many {
        before: "INSERT INTO late_windows (tenant, alert_id, partition, vehicle, from_us, to_us, events, through, since_us)",
        after: "ON CONFLICT (tenant, alert_id) DO UPDATE SET
                    through = excluded.through, events = late_windows.events + excluded.events",
    };
    if delta.late.is_empty() {
        return Ok(Vec::new());
    }
    let windows: BTreeMap<(&str, &[u8; 32]), &LateWindow> =
        delta.late.iter().map(|window| ((window.tenant.as_str(), &window.alert.0), window)).collect();
    let keys = windows.keys().map(|(tenant, id)| [(*tenant).into(), id.as_slice().into()]).collect();
    let known: Vec<(String, Vec<u8>)> = KNOWN.all(&mut *tx, keys).await?;
    let known: BTreeSet<_> = known.iter().map(|(tenant, id)| (tenant.as_str(), id.as_slice())).collect();
    let query = sql("SELECT COUNT(*) FROM late_windows WHERE partition = $1").bind(partition);
    let (waiting,): (i64,) = query.one(&mut *tx).await?;
    let mut room = LATE_WINDOWS_MAX.saturating_sub(uint(waiting));
    let (mut rows, mut losses): (Vec<[Value<'_>; 9]>, Vec<Loss>) = (Vec::new(), Vec::new());
    for ((tenant, id), window) in windows {
        if !known.contains(&(tenant, id.as_slice())) {
            if room == 0 {
                let whose = tenant.parse().ok().map(Tenant::named);
                losses.extend(whose.map(|tenant| (tenant, UNJUDGED, window.events, now)));
                continue;
            }
            room -= 1;
        }
        rows.push([
            tenant.into(),
            id.as_slice().into(),
            partition.into(),
            window.vehicle.as_deref().unwrap_or("").into(),
            window.from.0.into(),
            window.to.0.into(),
            added(window.events),
            int(delta.position.saturating_sub(1)).into(),
            now.0.into(),
        ]);
    }
    UPSERT.execute(tx, rows).await?;
    Ok(losses)
}

impl State {
    /// How many windows of a partition wait to be judged again.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn late_windows(&self, partition: PartitionNumber) -> Result<u64, StateError> {
        let query = sql("SELECT COUNT(*) FROM late_windows WHERE partition = $1").bind(i64::from(partition.get()));
        let (waiting,): (i64,) = query.one(self.read()).await?;
        Ok(uint(waiting))
    }
}

impl Partition {
    /// The window that has waited longest of those whose rows are all in the lake, and its neighbours: same tenant, same vehicle,
    /// near in time. At most [`LATE_ROUND_MAX`].
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn late_round(&self) -> Result<Vec<LateNote>, StateError> {
        let first = sql("SELECT tenant, alert_id, vehicle, from_us, to_us, through FROM late_windows
             WHERE partition = $1 AND through < (SELECT lake_position FROM pipeline WHERE partition = $1)
             ORDER BY since_us, tenant, alert_id LIMIT 1");
        let first: Option<LateNote> = first.bind(self.row()).optional(self.state().read()).await?;
        let Some(first) = first else { return Ok(Vec::new()) };
        let span = if first.vehicle.is_empty() { 0 } else { ROUND_SPAN_US };
        let near = sql("SELECT tenant, alert_id, vehicle, from_us, to_us, through FROM late_windows
             WHERE partition = $1 AND tenant = $2 AND vehicle = $3 AND from_us >= $4 AND from_us <= $5
                   AND through < (SELECT lake_position FROM pipeline WHERE partition = $1)
             ORDER BY from_us, alert_id LIMIT $6")
        .bind(self.row())
        .bind(first.tenant.as_str())
        .bind(first.vehicle.as_str())
        .bind(first.from_us)
        .bind(first.from_us.saturating_add(span))
        .bind(LATE_ROUND_MAX);
        let mut round: Vec<LateNote> = near.all(self.state().read()).await?;
        if !round.contains(&first) {
            round.push(first);
        }
        Ok(round)
    }

    /// Keeps what became of windows, each unless it was touched again since its note was read, and returns the alerts that changed.
    ///
    /// # Errors
    /// [`StateError`], among them [`StateError::Fenced`]; then nothing is kept.
    pub async fn judged_late(
        &self,
        verdicts: &[LateVerdict],
        now: UnixMicros,
    ) -> Result<Vec<(Tenant, AlertRow)>, StateError> {
        let mut tx = self.state().begin().await?;
        let locked =
            sql("UPDATE pipeline SET position = position WHERE partition = $1 AND epoch = $2 RETURNING position");
        let locked: Option<(i64,)> = locked.bind(self.row()).bind(self.epoch()).optional(&mut tx).await?;
        let Some((position,)) = locked else { return Err(self.fenced()) };
        let mut changed = Delta::default();
        for LateVerdict { note, alert } in verdicts {
            let done = sql("DELETE FROM late_windows WHERE tenant = $1 AND alert_id = $2 AND through = $3");
            let done = done.bind(note.tenant.as_str()).bind(note.alert_id.as_slice()).bind(note.through);
            if done.execute(&mut tx).await? == 0 {
                continue;
            }
            if let Some(alert) = alert
                && self.correct(&mut tx, alert, uint(position), now).await?
            {
                changed.alerts.push(alert.clone());
            }
        }
        keep_events(&mut tx, &changed).await?;
        let rows = super::apply::raised(&mut tx, &changed).await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// Sets an alert to what all its rows make it; whether that changed it.
    async fn correct(&self, tx: &mut Tx, alert: &AlertRise, next: u64, now: UnixMicros) -> Result<bool, StateError> {
        const UPSERT: Many = Many {
            before: super::apply::INSERT_ALERT,
            after:
                "ON CONFLICT (tenant, alert_id) DO UPDATE SET touched_us = excluded.touched_us, count = excluded.count,
                        shadow = CASE WHEN excluded.shadow < alerts.shadow THEN excluded.shadow ELSE alerts.shadow END,
                        first_us = excluded.first_us, last_us = excluded.last_us,
                        vehicles_counted = CASE WHEN excluded.vehicles_counted > alerts.vehicles_counted
                                                THEN excluded.vehicles_counted ELSE alerts.vehicles_counted END",
        };
        let (tenant, id) = (alert.tenant, alert.alert_id.as_slice());
        let was = sql("SELECT count, first_us, last_us FROM alerts WHERE tenant = $1 AND alert_id = $2");
        let was: Option<(i64, i64, i64)> = was.bind(tenant.as_str()).bind(id).optional(&mut *tx).await?;
        if was == Some((int(alert.count), alert.first.0, alert.last.0)) {
            return Ok(false);
        }
        UPSERT.execute(&mut *tx, vec![alert_row(&Rise::of(alert), now)]).await?;
        queue(&mut *tx, [(tenant, &alert.alert_id)]).await?;
        let late = sql("UPDATE alerts SET late_us = $3 WHERE tenant = $1 AND alert_id = $2");
        late.bind(tenant.as_str()).bind(id).bind(now.0).execute(&mut *tx).await?;
        let kept = sql("DELETE FROM alert_events WHERE tenant = $1 AND alert_id = $2");
        kept.bind(tenant.as_str()).bind(id).execute(&mut *tx).await?;
        let more = int(alert.count).saturating_sub(was.map_or(0, |(count, _, _)| count));
        // It goes to the lake with the record that comes next: what is before that may be under way there without it.
        let share = sql(
            "INSERT INTO alert_rows (partition, applied, tenant, alert_id, rule_id, title, severity, vehicle, group_json,
                                     window_us, time_us, count, position, entry_index)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(self.row())
        .bind(int(next))
        .bind(tenant.as_str())
        .bind(id)
        .bind(alert.rule_id.as_str())
        .bind(alert.title_en.as_str())
        .bind(alert.severity)
        .bind(alert.vehicle.as_deref())
        .bind(alert.group_json.as_str())
        .bind(alert.window.0)
        .bind(alert.first.0)
        .bind(more)
        .bind(int(place(self.number().get(), next)))
        .bind(LATE_ENTRY);
        if more != 0 && !alert.shadow {
            share.execute(tx).await?;
        }
        Ok(true)
    }
}
