//! Correlations over the fleet in a cluster: what workers found in their partitions, judged together.
//!
//! Not a transport: whoever owns a partition of the log of matches feeds its records here, from [`SecondStage::next`] on, and repeats
//! what failed. Not there at all on a single node, whose one engine judges everything. Invariants (ADR-0025): what a batch means and
//! the offset behind it are one transaction under the owner's epoch; after a crash the engine is restored as it was saved, the records
//! behind it are judged once more for the engine alone, and no alert is counted twice; a record that cannot be read is counted, never a
//! reason to stop. Cost: ~1 µs a record and one transaction a batch.

use crate::happenings::{CorrelationsForgotten, MatchUnreadable, SnapshotRefused, emit};
use crate::pipeline::{RuleBook, Rules, entry, rise};
use crate::state::{AlertRise, AlertRow, Delta, Partition, PartitionNumber, State, StateError};
use crate::tenant::Tenant;
use std::collections::BTreeMap;
use std::sync::Arc;
use yagura_detect::{EventRef, FleetEngine, Hit, MatchRecord};
use yagura_model::UnixMicros;

/// The most records that one batch should have: one transaction each.
pub const MATCHES_MAX: usize = 4_096;
/// The kind of loss under which records that were not understood are counted, for people to see.
const NOT_UNDERSTOOD: &str = "fleet_matches_not_understood";
/// The kind of loss under which events are counted that came too late for a correlation over the fleet, or were given up by it.
const GIVEN_UP: &str = "fleet_correlation_losses";

/// A record of the log of matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MatchAt {
    /// Its offset.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The owner of one partition of the log of matches.
pub struct SecondStage {
    engine: FleetEngine,
    book: Arc<RuleBook>,
    partition: Partition,
    /// The next record that the engine has not seen.
    next: u64,
    /// The next record whose meaning is not applied.
    applied: u64,
    /// What the engine has seen and the state did not take yet.
    pending: Option<Delta>,
    given_up: u64,
}

impl SecondStage {
    /// Takes a partition of matches over, with the engine as it was saved last.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn take_over(state: &State, number: PartitionNumber, rules: &Rules) -> Result<Self, StateError> {
        let partition = state.take_over(number).await?;
        let progress = partition.progress().await?;
        let mut engine = FleetEngine::new(rules.set.clone());
        if let Some(snapshot) = &progress.snapshot {
            match engine.restore(snapshot) {
                Ok(restored) if restored.forgotten.is_empty() => {}
                Ok(restored) => emit(&CorrelationsForgotten { rules: &restored.forgotten }),
                Err(error) => emit(&SnapshotRefused { cause: &error, position: progress.snapshot_position }),
            }
        }
        let given_up = given_up(&engine);
        let (next, applied) = (progress.snapshot_position, progress.position);
        Ok(Self { engine, book: Arc::new(rules.book.clone()), partition, next, applied, pending: None, given_up })
    }

    /// The offset of the record that it wants next.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The offset behind the last record whose meaning is in the state.
    #[must_use]
    pub const fn applied(&self) -> u64 {
        self.applied
    }

    /// The partition that it owns.
    #[must_use]
    pub const fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Judges records in the order of their offsets and applies what they mean; the alerts as they then stand. Records that it has
    /// seen are left out. After an error call it again, with nothing or with what comes next: what was judged is not lost.
    ///
    /// # Errors
    /// [`StateError`]; on [`StateError::Fenced`] drop this value.
    pub async fn take(&mut self, records: &[MatchAt], now: UnixMicros) -> Result<Vec<(Tenant, AlertRow)>, StateError> {
        let mut raised = self.apply(now).await?;
        // Records before the applied offset bring the engine up to date and mean nothing else; a batch does not cross it.
        let mut rest = records;
        while let Some(first) = rest.first() {
            let end = if first.offset < self.applied { self.applied } else { u64::MAX };
            let (batch, behind) = rest.split_at(rest.partition_point(|record| record.offset < end));
            rest = behind;
            self.judge(batch, now);
            raised.extend(self.apply(now).await?);
        }
        Ok(raised)
    }

    /// Saves the engine and lets go of rows before [`Self::next`]: the caller has put [`Partition::pending_rows`] into the lake.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn flushed(&mut self, now: UnixMicros) -> Result<(), StateError> {
        self.apply(now).await?;
        self.engine.tidy();
        if self.next >= self.applied {
            self.partition.flushed(self.next, Some(&self.engine.snapshot()), now).await?;
        }
        Ok(())
    }

    fn judge(&mut self, batch: &[MatchAt], now: UnixMicros) {
        let mut losses: BTreeMap<Tenant, u64> = BTreeMap::new();
        let mut records = Vec::with_capacity(batch.len());
        for record in batch.iter().filter(|record| record.offset >= self.next) {
            match MatchRecord::decode(&record.bytes) {
                Ok(record) => records.push(record),
                Err(error) => emit(&MatchUnreadable { offset: record.offset, cause: &error }),
            }
        }
        let Some(last) = batch.last().filter(|record| record.offset >= self.next) else { return };
        let understood = self.engine.losses().unknown_rule;
        let hits = self.engine.process(&records);
        self.next = last.offset.saturating_add(1);
        if self.next <= self.applied {
            self.given_up = given_up(&self.engine);
            return;
        }
        let mut delta = Delta { position: self.next, ..Delta::default() };
        delta.alerts = hits.iter().filter_map(|hit| self.rise(hit)).collect();
        let tenants = records.iter().filter_map(|record| record.tenant.parse().ok().map(Tenant::named));
        tenants.for_each(|tenant| *losses.entry(tenant).or_default() += 1);
        let lost = given_up(&self.engine);
        let kinds = [
            (NOT_UNDERSTOOD, self.engine.losses().unknown_rule.saturating_sub(understood)),
            (GIVEN_UP, lost.saturating_sub(self.given_up)),
        ];
        self.given_up = lost;
        // The engine does not say whose it was: each tenant in the batch hears of it.
        for (kind, count) in kinds.into_iter().filter(|(_, count)| *count > 0) {
            delta.losses.extend(losses.keys().map(|tenant| (*tenant, kind, count, now)));
        }
        self.pending = Some(delta);
    }

    /// What a hit means. There is no vault here: the engine remembers the vehicles of the events that it names.
    fn rise(&self, hit: &Hit) -> Option<AlertRise> {
        let vehicle = |event: &EventRef| self.engine.vehicle(event).unwrap_or("").to_owned();
        let events: Vec<_> = hit.events.iter().map(|event| (event.position, entry(event), vehicle(event))).collect();
        let trigger = events.iter().map(|(place, entry, _)| (*place, *entry)).min()?;
        rise(hit, &self.book, trigger, events)
    }

    async fn apply(&mut self, now: UnixMicros) -> Result<Vec<(Tenant, AlertRow)>, StateError> {
        let Some(delta) = &self.pending else { return Ok(Vec::new()) };
        let raised = self.partition.apply(delta, now).await?;
        self.applied = delta.position;
        self.pending = None;
        Ok(raised)
    }
}

/// Events and groups that the correlations gave up, and events that came too late for them.
fn given_up(engine: &FleetEngine) -> u64 {
    let all =
        engine.correlation_losses().map(|(_, losses)| losses.evicted_events + losses.evicted_groups + losses.late);
    all.fold(0, u64::saturating_add)
}
