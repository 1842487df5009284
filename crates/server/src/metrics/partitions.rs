//! The partitions that this process owns: how far each is with its records.
//!
//! Not who should own them. Everything is read when somebody asks. Invariant: a partition is told for as long as what
//! [`Partitions::own`] returned is held, so what was given away, or ended in whatever way, tells nothing any more.

use super::server::gauges;
use crate::clock;
use crate::cluster::Stages;
use crate::pipeline::Tail;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use yagura_store::{Position, VaultReader};

/// What is told of one partition.
#[derive(Clone, Debug)]
pub struct PartitionParts {
    /// Its vault.
    pub vault: VaultReader,
    /// The next record to be judged.
    pub position: watch::Receiver<u64>,
    /// Rows that are not in the lake yet.
    pub tail: Tail,
    /// The owner's epoch.
    pub epoch: i64,
    /// How many records the log has, as far as it was heard of; none if the vault is the log.
    pub log_end: Option<watch::Receiver<u64>>,
}

/// The partitions that this process owns now. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Partitions(Arc<Mutex<BTreeMap<u16, Arc<PartitionParts>>>>);

impl Partitions {
    /// From now on this partition is told, until what is returned is dropped.
    #[must_use]
    pub fn own(&self, partition: u16, parts: PartitionParts) -> Owned {
        let parts = Arc::new(parts);
        self.lock().insert(partition, Arc::clone(&parts));
        Owned { all: self.clone(), partition, parts }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, Arc<PartitionParts>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A partition that is told.
#[derive(Debug)]
pub struct Owned {
    all: Partitions,
    partition: u16,
    parts: Arc<PartitionParts>,
}

impl Drop for Owned {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        // Somebody else of this process may have it by now.
        if all.get(&self.partition).is_some_and(|parts| Arc::ptr_eq(parts, &self.parts)) {
            all.remove(&self.partition);
        }
    }
}

/// Tells of partitions.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) partitions: Partitions,
    /// Of a worker: how far each is with being taken over.
    pub(super) stages: Option<Stages>,
}

/// One partition at one moment.
struct Fact {
    label: String,
    records: u64,
    position: u64,
    /// How long the oldest record that is not judged has been waiting, s.
    waiting: f64,
    tail: usize,
    epoch: i64,
    log_end: Option<u64>,
}

impl Fact {
    fn of(number: u16, parts: &PartitionParts) -> Self {
        let (records, position) = (parts.vault.len(), *parts.position.borrow());
        let waiting = (position < records).then(|| parts.vault.record(Position(position)).ok()).flatten();
        let waiting = waiting.map_or(0, |record| clock::now().since(record.received).max(0));
        let log_end = parts.log_end.as_ref().map(|end| (*end.borrow()).max(records));
        let (waiting, tail, epoch) = (waiting as f64 / 1e6, parts.tail.rows(), parts.epoch);
        Self { label: number.to_string(), records, position, waiting, tail, epoch, log_end }
    }
}

impl Collector for Told {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let owned: Vec<_> = self.partitions.lock().iter().map(|(number, parts)| (*number, Arc::clone(parts))).collect();
        let facts: Vec<Fact> = owned.iter().map(|(number, parts)| Fact::of(*number, parts)).collect();
        let told = |value: fn(&Fact) -> Option<u64>| -> Vec<_> {
            let value = |fact| value(fact).map(|value| i64::try_from(value).unwrap_or(i64::MAX));
            facts.iter().filter_map(|fact| Some(([("partition", fact.label.as_str())], value(fact)?))).collect()
        };
        let encoder = &mut encoder;
        gauges(encoder, "vault_records", "Records of the vault", &told(|it| Some(it.records)))?;
        gauges(encoder, "pipeline_position", "The next record to be judged", &told(|it| Some(it.position)))?;
        let lag = told(|it| Some(it.records.saturating_sub(it.position)));
        gauges(encoder, "pipeline_lag_records", "Records that are durable and not judged", &lag)?;
        let waiting: Vec<_> = facts.iter().map(|it| ([("partition", it.label.as_str())], it.waiting)).collect();
        gauges(encoder, "pipeline_lag_seconds", "How long the oldest record that is not judged has waited", &waiting)?;
        let tail = told(|it| u64::try_from(it.tail).ok());
        gauges(encoder, "tail_rows", "Rows that are judged and not in the lake", &tail)?;
        gauges(encoder, "log_records", "Records that the shared log has had", &told(|it| it.log_end))?;
        let behind = told(|it| it.log_end.map(|end| end.saturating_sub(it.position)));
        gauges(encoder, "log_lag_records", "Records of the shared log that are not judged", &behind)?;
        gauges(encoder, "partition_epoch", "The epoch of the owner", &told(|it| u64::try_from(it.epoch).ok()))?;
        self.stages(encoder)
    }
}

impl Told {
    fn stages(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (help, kind) = ("How far a worker is with a partition: taking, working, standing", MetricType::Gauge);
        let mut family = encoder.encode_descriptor("partition_stage", help, None, kind)?;
        for (number, stage) in self.stages.as_ref().map(Stages::all).unwrap_or_default() {
            let label = number.to_string();
            let labels = [("partition", label.as_str()), ("stage", stage.name())];
            ConstGauge::new(1_i64).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
