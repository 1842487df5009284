//! One round: the rows of a stretch of time, read from the lake and judged.
//!
//! Not async: it runs where blocking is allowed. Invariant: every row that decides about a window is judged, each once; a stretch
//! with too many rows is halved until it has few enough. A round that is told to stop judges nothing; its notes wait.

use super::LateError;
use crate::pipeline::{self, RuleBook, entry, vehicle_at};
use crate::state::{AlertRise, LateNote, LateVerdict};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;
use yagura_detect::{AlertId, EVENT_AHEAD_MAX, Hit, LateJudge};
use yagura_model::UnixMicros;
use yagura_store::{Judged, Lake, Query, Table, VaultReader, thread_cpu};

/// The most rows that are held at once.
pub const SLICE_ROWS_MAX: usize = 200_000;

/// What a round found.
pub(super) struct Round {
    pub(super) verdicts: Vec<LateVerdict>,
    /// What it took, of the processor.
    pub(super) cpu: Duration,
}

/// Judges windows of one tenant and one vehicle, or of several.
pub(super) fn judge(
    lake: &Lake,
    vault: &VaultReader,
    (partition, book): (u16, &RuleBook),
    mut judge: LateJudge,
    notes: Vec<LateNote>,
    stopping: &watch::Receiver<bool>,
) -> (LateJudge, Result<Round, LateError>) {
    let before = thread_cpu();
    let hits = read(lake, &mut judge, &notes, stopping);
    let round = hits.map(|hits| {
        let Some(hits) = hits else { return Round { verdicts: Vec::new(), cpu: Duration::ZERO } };
        let mut alerts: HashMap<AlertId, AlertRise> =
            hits.iter().filter_map(|hit| Some((hit.alert, rise(vault, partition, book, hit)?))).collect();
        let verdict = |note: LateNote| LateVerdict { alert: alert_of(&note).and_then(|id| alerts.remove(&id)), note };
        let verdicts = notes.into_iter().map(verdict).collect();
        Round { verdicts, cpu: thread_cpu().saturating_sub(before) }
    });
    (judge, round)
}

fn alert_of(note: &LateNote) -> Option<AlertId> {
    note.alert_id.as_slice().try_into().ok().map(AlertId)
}

/// What the rows say; `None` if it was told to stop.
fn read(
    lake: &Lake,
    judge: &mut LateJudge,
    notes: &[LateNote],
    stopping: &watch::Receiver<bool>,
) -> Result<Option<Vec<Hit>>, LateError> {
    judge.begin(notes.iter().filter_map(alert_of));
    let from = notes.iter().map(|note| note.from_us).min().unwrap_or(0);
    let to = notes.iter().map(|note| note.to_us).max().unwrap_or(0);
    let Some(first) = notes.first() else { return Ok(Some(Vec::new())) };
    let columns = judge.columns();
    let (mut at, mut step) = (from, to.saturating_sub(from).max(1));
    while at < to {
        if *stopping.borrow() {
            return Ok(None);
        }
        let end = at.saturating_add(step).min(to);
        let alone = end.saturating_sub(at) <= 1;
        let query = Query {
            tenant: first.tenant.clone(),
            vehicle: Some(first.vehicle.clone()).filter(|vehicle| !vehicle.is_empty()),
            from: Some(UnixMicros(at)),
            to: Some(UnixMicros(end)),
            limit: if alone { Query::ROWS_MAX } else { SLICE_ROWS_MAX },
        };
        let judged = Judged { query: &query, ahead_max: EVENT_AHEAD_MAX, columns: &columns };
        let scan = lake.scan_judged(Table::Events, &judged)?;
        if scan.truncated && !alone {
            step = (end - at) / 2;
            continue;
        }
        scan.batches.iter().try_for_each(|rows| judge.process(rows))?;
        at = end;
    }
    Ok(Some(judge.finish()))
}

fn rise(vault: &VaultReader, partition: u16, book: &RuleBook, hit: &Hit) -> Option<AlertRise> {
    let known = |event| hit.vehicle.clone().or_else(|| vehicle_at(vault, partition, event));
    let events: Vec<_> =
        hit.events.iter().filter_map(|event| Some((event.position, entry(event), known(event)?))).collect();
    let trigger = hit.events.iter().map(|event| (event.position, entry(event))).min()?;
    pipeline::rise(hit, book, trigger, events)
}
