//! Keeps a table fit to be read: one piece of work at a time, so that the caller can rest in between.
//!
//! Not a thread: the caller decides when and how much. Invariant: whatever the order and wherever it stops, the table is whole.
//! Cost of a look without anything to do: a walk over the list of live files.

use super::error::LakeError;
use super::file::DataFile;
use super::log::{Change, Intent};
use super::merge;
use super::table::TableStore;
use super::{Maintained, Table};
use crate::disk::LocalDisk;
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use yagura_model::UnixMicros;

/// Commits between two Delta checkpoints.
const CHECKPOINT_COMMITS: u64 = 25;
const DAY_MICROS: i64 = 86_400_000_000;
/// The most files that retention removes in one commit.
const EXPIRED_FILES_MAX: usize = 10_000;

/// How a lake is looked after.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Upkeep {
    /// Days that rows of `events` are kept, by the day of the event; `None` for ever.
    pub events_days: Option<u32>,
    /// Days that rows of `alerts` are kept.
    pub alerts_days: Option<u32>,
    /// Days that rows of `vehicle_state` are kept.
    pub vehicle_state_days: Option<u32>,
    /// How long the table can be read as it was: files and commits that are not needed any more are kept so long.
    pub history: Duration,
}

impl Upkeep {
    /// How long history is kept if nothing else is said.
    pub const HISTORY: Duration = Duration::from_secs(6 * 3_600);

    pub(crate) fn days(&self, table: Table) -> Option<u32> {
        match table {
            Table::Events => self.events_days,
            Table::Alerts => self.alerts_days,
            Table::VehicleState => self.vehicle_state_days,
        }
    }

    fn history_micros(&self) -> i64 {
        i64::try_from(self.history.as_micros()).unwrap_or(i64::MAX)
    }
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { events_days: None, alerts_days: None, vehicle_state_days: None, history: Self::HISTORY }
    }
}

/// What one piece of work was.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tended {
    /// What was done.
    pub done: Maintained,
    /// Whether there is more to do now.
    pub more: bool,
    /// The processor time of the calling thread that it took.
    pub cpu: Duration,
}

impl TableStore {
    /// One piece of work; whether there is more.
    pub(crate) fn tend(&self, now: UnixMicros, upkeep: &Upkeep) -> Result<(Maintained, bool), LakeError> {
        let mut done = Maintained::default();
        let today = now.0.div_euclid(DAY_MICROS);
        let content = self.content();
        // A program that knows fewer columns than the table would drop their values.
        let due = if content.newer { Vec::new() } else { merge::due(&content.files, today) };
        let (due_now, more) = (due.len(), due.len() > 1);
        if let Some(files) = due.into_iter().next() {
            done.merged = files.len() as u64;
            self.merge(files, now)?;
            done.written = 1;
        }
        if due_now <= 1 {
            done.expired = self.expire(now, upkeep.days(self.table))?;
            done.checkpoints = self.checkpoint_if_due(now, upkeep)?;
            done.deleted = self.sweep(now, upkeep)?;
        }
        Ok((done, more))
    }

    fn checkpoint_if_due(&self, now: UnixMicros, upkeep: &Upkeep) -> Result<u64, LakeError> {
        let version = self.content().version;
        if version < self.writer().checkpoint + CHECKPOINT_COMMITS {
            return Ok(0);
        }
        self.log.checkpoint(now.0.saturating_sub(upkeep.history_micros()))?;
        self.writer().checkpoint = version;
        Ok(1)
    }

    /// Takes the rows of days that are over out of the table; how many.
    fn expire(&self, now: UnixMicros, days: Option<u32>) -> Result<u64, LakeError> {
        let Some(days) = days else { return Ok(0) };
        let first = now.0.div_euclid(DAY_MICROS).saturating_sub(i64::from(days));
        let content = self.content();
        let over = |file: &&Arc<DataFile>| i64::from(file.partition.date) < first;
        let removed: Vec<_> = content.files.iter().filter(over).take(EXPIRED_FILES_MAX).cloned().collect();
        if removed.is_empty() {
            return Ok(0);
        }
        let rows = removed.iter().map(|file| file.rows).sum();
        let gone: Vec<_> = removed.iter().map(|file| (file.path.clone(), now.0)).collect();
        let now_ms = now.0.div_euclid(1_000);
        let intent = Intent::Delete(format!("retention: kept for {days} days"));
        let mut writer = self.writer();
        self.refresh(&mut writer)?;
        match self.commit(&mut writer, Change { intent, removed, now_ms, ..Change::default() }) {
            // Another writer merged some of them: the next call looks again.
            Err(LakeError::Overtaken { .. }) => Ok(0),
            Err(error) => Err(error),
            Ok(()) => {
                self.removed.lock().unwrap_or_else(PoisonError::into_inner).extend(gone);
                Ok(rows)
            }
        }
    }

    /// Deletes files that left the table, or never came into it, longer ago than the history.
    fn sweep(&self, now: UnixMicros, upkeep: &Upkeep) -> Result<u64, LakeError> {
        let before = now.0.saturating_sub(upkeep.history_micros());
        let (kept, due): (Vec<_>, Vec<_>) = {
            let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *removed).into_iter().partition(|(_, since)| *since > before)
        };
        let waiting: HashSet<String> = kept.iter().map(|(path, _)| path.clone()).collect();
        self.removed.lock().unwrap_or_else(PoisonError::into_inner).extend(kept);
        let mut deletable: Vec<String> = due.into_iter().map(|(path, _)| path).collect();
        // A walk over the whole table costs; it is for what an earlier run of the program left behind.
        if self.sweep_is_due(now, upkeep) {
            self.follow()?;
            self.home.sweep_unfinished(before)?;
            let strays = self.home.data_files()?.into_iter().filter(|(_, written)| *written < before);
            deletable.extend(strays.map(|(path, _)| path).filter(|path| !waiting.contains(path)));
        }
        let content = self.content();
        let live: HashSet<&str> = content.files.iter().map(|f| f.path.as_str()).collect();
        let mut deleted = 0;
        for path in deletable.iter().filter(|path| !live.contains(path.as_str())) {
            self.home.remove(path)?;
            deleted += 1;
        }
        Ok(deleted)
    }

    /// Once an hour.
    fn sweep_is_due(&self, now: UnixMicros, upkeep: &Upkeep) -> bool {
        let mut writer = self.writer();
        let every = upkeep.history_micros().min(DAY_MICROS / 24);
        let due = writer.swept.is_none_or(|swept| now.0.saturating_sub(swept) >= every);
        if due {
            writer.swept = Some(now.0);
        }
        due
    }
}

/// The processor time that this thread has used; zero if the system does not say.
#[must_use]
pub fn thread_cpu() -> Duration {
    let text = LocalDisk::new(Path::new("/proc/thread-self")).text("schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
