//! What the parts of a server tell: the gate's counts, how far each partition is, how large the lake is, what ails.
//!
//! Not the parts. Everything is read from them when somebody asks. Invariants: a partition that was given away tells nothing any more;
//! tenants beyond [`TENANTS_MAX`] are one, `other`, so that a label cannot grow without bound.

use crate::api::Health;
use crate::clock;
use crate::gate::{Counted, Counters};
use crate::happenings;
use crate::lake::SharedLake;
use crate::pipeline::Tail;
use crate::state::RateStep;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use yagura_store::{Position, Table, VaultReader};

/// Tenants that are told apart.
pub const TENANTS_MAX: usize = 64;

/// What is told of one partition.
#[derive(Clone, Debug)]
pub struct PartitionParts {
    /// Its vault.
    pub vault: VaultReader,
    /// The next record to be judged.
    pub position: watch::Receiver<u64>,
    /// Rows that are not in the lake yet.
    pub tail: Tail,
}

/// The partitions that this process owns now. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Partitions(Arc<Mutex<BTreeMap<u32, PartitionParts>>>);

impl Partitions {
    /// From now on this partition is told.
    pub fn own(&self, partition: u32, parts: PartitionParts) {
        self.lock().insert(partition, parts);
    }

    /// From now on it is not.
    pub fn disown(&self, partition: u32) {
        self.lock().remove(&partition);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, PartitionParts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server tells; parts that a role does not have are `None`.
#[derive(Debug)]
pub struct ServerParts {
    /// Of the gate and the intake.
    pub counters: Option<Arc<Counters>>,
    /// Whose records are judged here.
    pub partitions: Partitions,
    /// The analytical tables.
    pub lake: Option<SharedLake>,
    /// What ails.
    pub health: Health,
}

impl Collector for ServerParts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(counters) = &self.counters {
            for kind in Counted::ALL {
                let counter = ConstCounter::new(counters.total(kind));
                let help = "A happening at the gate; docs/operations.md says which";
                counter.encode(encoder.encode_descriptor(kind.name(), help, None, MetricType::Counter)?)?;
            }
        }
        self.partitions(&mut encoder)?;
        if let Some(lake) = &self.lake {
            self::lake(&mut encoder, lake)?;
        }
        let problems = self.health.problems();
        let problems: Vec<_> = problems.iter().map(|problem| ([("kind", problem.kind.as_str())], 1)).collect();
        gauges(&mut encoder, "problem", "What ails the server now, 1 each", &problems)
    }
}

impl ServerParts {
    fn partitions(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let now = clock::now();
        let facts: Vec<_> = self.partitions.lock().iter().map(|(number, parts)| (*number, parts.clone())).collect();
        let facts: Vec<_> = facts
            .iter()
            .map(|(number, parts)| {
                let (records, position) = (parts.vault.len(), *parts.position.borrow());
                // How long the oldest record that is not judged has been waiting.
                let waiting = (position < records).then(|| parts.vault.record(Position(position)).ok()).flatten();
                let waiting = waiting.map_or(0, |record| now.since(record.received).max(0));
                (number.to_string(), [records, position, records.saturating_sub(position)], waiting, parts.tail.rows())
            })
            .collect();
        let told = |at: usize| -> Vec<_> {
            let value = |values: &[u64; 3]| i64::try_from(values.get(at).copied().unwrap_or(0)).unwrap_or(i64::MAX);
            facts.iter().map(|(number, values, _, _)| ([("partition", number.as_str())], value(values))).collect()
        };
        gauges(encoder, "vault_records", "Records of the vault", &told(0))?;
        gauges(encoder, "pipeline_position", "The next record to be judged", &told(1))?;
        gauges(encoder, "pipeline_lag_records", "Records that are durable and not judged", &told(2))?;
        let lag: Vec<_> =
            facts.iter().map(|(number, _, lag, _)| ([("partition", number.as_str())], *lag as f64 / 1e6)).collect();
        gauges(encoder, "pipeline_lag_seconds", "How long the oldest record that is not judged has waited", &lag)?;
        let tail: Vec<_> =
            facts.iter().map(|(number, _, _, rows)| ([("partition", number.as_str())], number_of(*rows))).collect();
        gauges(encoder, "tail_rows", "Rows that are judged and not in the lake", &tail)
    }
}

fn lake(encoder: &mut DescriptorEncoder<'_>, lake: &SharedLake) -> fmt::Result {
    let stats = Table::ALL.map(|table| ([("table", table.name())], lake.stats(table)));
    let told = |value: fn(&yagura_store::TableStats) -> u64| -> Vec<_> {
        stats.iter().map(|(label, stats)| (*label, i64::try_from(value(stats)).unwrap_or(i64::MAX))).collect()
    };
    gauges(encoder, "lake_rows", "Rows of a table", &told(|stats| stats.rows))?;
    gauges(encoder, "lake_files", "Live files of a table", &told(|stats| stats.files))?;
    gauges(encoder, "lake_bytes", "Bytes of the live files of a table", &told(|stats| stats.bytes))?;
    gauges(encoder, "lake_version", "Delta version of a table", &told(|stats| stats.version))
}

/// One gauge with one value for each set of labels.
fn gauges<V: prometheus_client::encoding::EncodeGaugeValue + Copy>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &[(impl EncodeLabelSet, V)],
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

fn number_of(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What was judged, for each tenant: reports and events; and alerts raised.
#[derive(Debug, Default)]
struct Judged {
    tenants: BTreeMap<String, (u64, u64)>,
    alerts: Counter,
}

static JUDGED: LazyLock<Mutex<Judged>> = LazyLock::new(Mutex::default);

/// Counts what a batch that was applied held.
pub fn judged(rates: &[RateStep], alerts: usize) {
    let mut all = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
    all.alerts.inc_by(u64::try_from(alerts).unwrap_or(u64::MAX));
    for rate in rates {
        let tenant = rate.tenant.to_string();
        let known = all.tenants.contains_key(&tenant) || all.tenants.len() < TENANTS_MAX;
        let sum = all.tenants.entry(if known { tenant } else { "other".to_owned() }).or_default();
        *sum = (sum.0.saturating_add(rate.reports), sum.1.saturating_add(rate.events));
    }
}

/// Happenings and what was judged, both counted process-wide.
#[derive(Debug)]
struct Counts;

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "A happening that the log tells too; docs/operations.md says what to do";
        let mut family = encoder.encode_descriptor("happenings", help, None, MetricType::Counter)?;
        for (name, count) in happenings::all() {
            ConstCounter::new(count).encode(family.encode_family(&[("kind", name)])?)?;
        }
        let (tenants, alerts) = {
            let all = JUDGED.lock().unwrap_or_else(PoisonError::into_inner);
            (all.tenants.clone(), all.alerts.get())
        };
        ConstCounter::new(alerts).encode(encoder.encode_descriptor(
            "alerts_raised",
            "Alerts raised or raised again",
            None,
            MetricType::Counter,
        )?)?;
        let dropped =
            encoder.encode_descriptor("spans_dropped", "Spans that no collector took", None, MetricType::Counter)?;
        ConstCounter::new(crate::traces::dropped()).encode(dropped)?;
        tenants_of(&mut encoder, "reports_judged", "Reports judged", tenants.iter().map(|(name, sum)| (name, sum.0)))?;
        tenants_of(
            &mut encoder,
            "events_judged",
            "Security events judged",
            tenants.iter().map(|(name, sum)| (name, sum.1)),
        )
    }
}

fn tenants_of<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (&'a String, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (tenant, value) in values {
        ConstCounter::new(value).encode(family.encode_family(&[("tenant", tenant.as_str())])?)?;
    }
    Ok(())
}

pub(super) fn register_happenings(registry: &mut Registry) {
    registry.register_collector(Box::new(Counts));
}
