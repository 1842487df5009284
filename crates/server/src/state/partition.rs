//! Partitions: who owns one, how far it is.
//!
//! Not a lock and no lease: who should own a partition is decided elsewhere (one node owns all; in a cluster the consumer group says
//! it). Invariants (ADR-0025): [`State::take_over`] begins a new epoch; every write of a [`Partition`] moves its row in `pipeline`
//! under its own epoch, in the transaction of what it writes, so that an owner that was replaced writes nothing more, however late
//! it wakes; what a batch means and the position behind it are one transaction. Cost: one fsync a batch.

use super::database::{Tx, sql};
use super::number::{int, uint};
use super::{AlertRow, Delta, State, StateError, apply};
use crate::tenant::Tenant;
use sqlx::FromRow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use yagura_model::UnixMicros;

/// How long steps of the event rate are kept.
const RATES_KEPT_US: i64 = 3_600_000_000;
/// How long hours of a vehicle's event count are kept.
const HOURS_KEPT_US: i64 = 25 * 3_600_000_000;
/// How often what is too old is forgotten.
const FORGET_EVERY_US: i64 = 600_000_000;

/// The number of a partition.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PartitionNumber(u16);

impl PartitionNumber {
    /// The highest partition of records: a place has 15 bits for it.
    pub const RECORDS_MAX: u16 = 0x7FFF;
    /// The only partition of a single node.
    pub const SINGLE: Self = Self(0);

    /// A partition of records; `None` above [`Self::RECORDS_MAX`].
    #[must_use]
    pub const fn records(number: u16) -> Option<Self> {
        if number <= Self::RECORDS_MAX { Some(Self(number)) } else { None }
    }

    /// A partition of matches, which the second stage of detection reads; `None` above [`Self::RECORDS_MAX`].
    #[must_use]
    pub const fn fleetwide(number: u16) -> Option<Self> {
        if number <= Self::RECORDS_MAX { Some(Self(number | 0x8000)) } else { None }
    }

    /// Whether it is a partition of matches.
    #[must_use]
    pub const fn is_fleetwide(self) -> bool {
        self.0 > Self::RECORDS_MAX
    }

    /// Its number among those of its kind, as the log has it.
    #[must_use]
    pub const fn of_kind(self) -> u16 {
        self.0 & Self::RECORDS_MAX
    }

    /// The number, unique over both kinds.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    fn row(self) -> i64 {
        i64::from(self.0)
    }
}

impl fmt::Display for PartitionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_fleetwide() { "matches " } else { "" };
        write!(f, "{kind}{}", self.of_kind())
    }
}

/// How far a partition is. All positions are of its own log and name the next record.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// The next record to be judged.
    pub position: u64,
    /// The next record that the engine of `snapshot` has not seen; at most `position`.
    pub snapshot_position: u64,
    /// The engine, if one was ever saved.
    pub snapshot: Option<Vec<u8>>,
    /// The next record whose rows may be missing in the lake; at most `position`.
    pub lake_position: u64,
    /// The epoch of its owner; 0 if it never had one.
    pub epoch: i64,
}

/// A row of the lake's alerts table that may not be in it yet.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct PendingRow {
    /// Last record of the batch that raised it, as a position of its log.
    pub applied: i64,
    /// Whose.
    pub tenant: String,
    /// Which alert.
    pub alert_id: Vec<u8>,
    /// Which rule.
    pub rule_id: String,
    /// Title, English.
    pub title: String,
    /// 1 informational .. 5 critical.
    pub severity: i64,
    /// The vehicle, when it is about one.
    pub vehicle: Option<String>,
    /// The group as a JSON array of field and value.
    pub group_json: String,
    /// Start of the window, µs.
    pub window_us: i64,
    /// Event time of the first event of the batch, µs.
    pub time_us: i64,
    /// Events in the batch.
    pub count: i64,
    /// The triggering event's place.
    pub position: i64,
    /// The triggering event's entry.
    pub entry_index: i64,
}

/// A partition in the hands of one owner. Clones are the same owner.
#[derive(Clone, Debug)]
pub struct Partition {
    state: State,
    number: PartitionNumber,
    epoch: i64,
    /// When it last forgot what is too old.
    forgot_us: Arc<AtomicI64>,
}

impl State {
    /// Makes the caller the owner of a partition and ends the epoch of the one before.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn take_over(&self, number: PartitionNumber) -> Result<Partition, StateError> {
        let taken = sql("INSERT INTO pipeline (partition, epoch, position, snapshot_position, lake_position)
             VALUES ($1, 1, 0, 0, 0) ON CONFLICT (partition) DO UPDATE SET epoch = pipeline.epoch + 1 RETURNING epoch");
        let (epoch,): (i64,) = taken.bind(number.row()).one(self.write()).await?;
        Ok(Partition { state: self.clone(), number, epoch, forgot_us: Arc::default() })
    }

    /// How far a partition is, whoever owns it.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn progress_of(&self, number: PartitionNumber) -> Result<Progress, StateError> {
        #[derive(FromRow)]
        struct Row {
            position: i64,
            snapshot_position: i64,
            snapshot: Option<Vec<u8>>,
            lake_position: i64,
            epoch: i64,
        }
        let query = sql("SELECT position, snapshot_position, snapshot, lake_position, epoch
             FROM pipeline p LEFT JOIN snapshots s ON s.partition = p.partition WHERE p.partition = $1");
        let row: Option<Row> = query.bind(number.row()).optional(self.read()).await?;
        Ok(row.map_or_else(Progress::default, |row| Progress {
            position: uint(row.position),
            snapshot_position: uint(row.snapshot_position),
            snapshot: row.snapshot,
            lake_position: uint(row.lake_position),
            epoch: row.epoch,
        }))
    }
}

impl Partition {
    /// Which partition.
    #[must_use]
    pub const fn number(&self) -> PartitionNumber {
        self.number
    }

    /// The owner's epoch, from 1.
    #[must_use]
    pub const fn epoch(&self) -> i64 {
        self.epoch
    }

    /// The state it is in.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// How far it is.
    ///
    /// # Errors
    /// [`StateError`], among them [`StateError::Fenced`].
    pub async fn progress(&self) -> Result<Progress, StateError> {
        let progress = self.state.progress_of(self.number).await?;
        if progress.epoch == self.epoch { Ok(progress) } else { Err(self.fenced()) }
    }

    /// Applies a batch whole or not at all and returns the alerts as they then stand; new ones are raised `now`. The same batch again,
    /// after an answer that was lost, changes nothing and returns the same.
    ///
    /// # Errors
    /// [`StateError`], among them [`StateError::Fenced`]; then nothing of the batch is applied by this call.
    pub async fn apply(&self, delta: &Delta, now: UnixMicros) -> Result<Vec<(Tenant, AlertRow)>, StateError> {
        let mut tx = self.state.begin().await?;
        if self.advance(&mut tx, delta.position).await? {
            apply::write(&mut tx, self.number.row(), delta, now).await?;
        }
        let raised = apply::raised(&mut tx, delta).await?;
        tx.commit().await?;
        Ok(raised)
    }

    /// Moves the position; false if it is there already.
    async fn advance(&self, tx: &mut Tx, position: u64) -> Result<bool, StateError> {
        let moved = sql("UPDATE pipeline SET position = $3 WHERE partition = $1 AND epoch = $2 AND position < $3")
            .bind(self.number.row())
            .bind(self.epoch)
            .bind(int(position));
        if moved.execute(&mut *tx).await? > 0 {
            return Ok(true);
        }
        let query = sql("SELECT position FROM pipeline WHERE partition = $1 AND epoch = $2");
        let row: Option<(i64,)> = query.bind(self.number.row()).bind(self.epoch).optional(tx).await?;
        match row {
            None => Err(self.fenced()),
            Some((there,)) if there == int(position) => Ok(false),
            Some((there,)) => {
                let number = self.number;
                Err(StateError::Damaged(format!("partition {number} moves backwards from {there} to {position}")))
            }
        }
    }

    /// Keeps that the lake has all rows of records before `position`, and, if it is given, the engine as it stood there.
    ///
    /// # Errors
    /// [`StateError`], among them [`StateError::Fenced`].
    pub async fn flushed(&self, position: u64, snapshot: Option<&[u8]>, now: UnixMicros) -> Result<(), StateError> {
        let mut tx = self.state.begin().await?;
        let kept = sql("UPDATE pipeline SET lake_position = $3 WHERE partition = $1 AND epoch = $2");
        let kept = kept.bind(self.number.row()).bind(self.epoch).bind(int(position));
        if kept.execute(&mut tx).await? == 0 {
            return Err(self.fenced());
        }
        if let Some(snapshot) = snapshot {
            let reached = sql("UPDATE pipeline SET snapshot_position = $2 WHERE partition = $1");
            reached.bind(self.number.row()).bind(int(position)).execute(&mut tx).await?;
            let saved = sql("INSERT INTO snapshots (partition, snapshot) VALUES ($1, $2)
                 ON CONFLICT (partition) DO UPDATE SET snapshot = excluded.snapshot");
            saved.bind(self.number.row()).bind(snapshot).execute(&mut tx).await?;
        }
        let done = sql("DELETE FROM alert_rows WHERE partition = $1 AND applied < $2");
        done.bind(self.number.row()).bind(int(position)).execute(&mut tx).await?;
        let forget = now.0.saturating_sub(self.forgot_us.load(Ordering::Relaxed)) >= FORGET_EVERY_US;
        if forget {
            let rates = sql("DELETE FROM rates WHERE partition = $1 AND step_us < $2").bind(self.number.row());
            rates.bind(now.0.saturating_sub(RATES_KEPT_US)).execute(&mut tx).await?;
            let hours = sql("DELETE FROM vehicle_hours WHERE partition = $1 AND hour_us < $2").bind(self.number.row());
            hours.bind(now.0.saturating_sub(HOURS_KEPT_US)).execute(&mut tx).await?;
        }
        tx.commit().await?;
        if forget {
            self.forgot_us.store(now.0, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Rows of batches before `position` that wait for the lake's alerts table, oldest first.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn pending_rows(&self, position: u64) -> Result<Vec<PendingRow>, StateError> {
        let query = sql(
            "SELECT applied, tenant, alert_id, rule_id, title, severity, vehicle, group_json, window_us, time_us, count,
                    position, entry_index
             FROM alert_rows WHERE partition = $1 AND applied < $2 ORDER BY id",
        );
        query.bind(self.number.row()).bind(int(position)).all(self.state.read()).await
    }

    pub(super) fn row(&self) -> i64 {
        self.number.row()
    }

    pub(super) const fn fenced(&self) -> StateError {
        StateError::Fenced { partition: self.number, epoch: self.epoch }
    }
}
