//! What the parts of a server tell: the counts of gate and ways in, its partitions, how large the lake is, what ails.
//!
//! Not the parts. Everything is read from them when somebody asks. Invariant: a server of whatever roles tells every family, so that a
//! dashboard finds its names; what a role does not have has no values.

use super::Metrics;
use super::partitions::{Partitions, Told};
use crate::api::Health;
use crate::cluster::Stages;
use crate::gate;
use crate::lake::SharedLake;
use crate::pipeline::RuleCosts;
use crate::ways;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;
use yagura_store::{Table, TableStats};

/// What a server tells; parts that a role does not have are `None` or empty.
#[derive(Clone, Debug, Default)]
pub struct ServerParts {
    /// Of the gate and the intake.
    pub gate: Option<Arc<gate::Counters>>,
    /// Of the other ways in.
    pub ways: Option<Arc<ways::counters::Counters>>,
    /// Whose records are judged here.
    pub partitions: Partitions,
    /// Of a worker: how far each partition is with being taken over.
    pub stages: Option<Stages>,
    /// The analytical tables.
    pub lake: Option<SharedLake>,
    /// What rules cost, where they are judged.
    pub costs: RuleCosts,
    /// What ails.
    pub health: Health,
}

impl ServerParts {
    /// All that a process with these parts tells.
    #[must_use]
    pub fn metrics(self) -> Metrics {
        let metrics = Metrics::default();
        metrics.add(Box::new(Told { partitions: self.partitions.clone(), stages: self.stages.clone() }));
        metrics.add(Box::new(self));
        metrics
    }
}

impl Collector for ServerParts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let help = "A happening at the gate; docs/operations.md says which";
        for kind in gate::Counted::ALL {
            counter(encoder, kind.name(), help, self.gate.as_ref().map(|counters| counters.total(kind)))?;
        }
        let help = "A happening at the other ways in; docs/operations.md says which";
        for kind in ways::counters::Counted::ALL {
            counter(encoder, kind.name(), help, self.ways.as_ref().map(|counters| counters.total(kind)))?;
        }
        lake(encoder, self.lake.as_ref())?;
        rules(encoder, &self.costs)?;
        let problems = self.health.problems();
        let problems: Vec<_> = problems.iter().map(|problem| ([("kind", problem.kind.as_str())], 1)).collect();
        gauges(encoder, "problem", "What ails the server now, 1 each", &problems)
    }
}

/// One counter, or only its name.
fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, total: Option<u64>) -> fmt::Result {
    let family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    total.map_or(Ok(()), |total| ConstCounter::new(total).encode(family))
}

/// So many rules are told by name.
const DEAREST: usize = 16;

fn rules(encoder: &mut DescriptorEncoder<'_>, costs: &RuleCosts) -> fmt::Result {
    let dearest = costs.dearest(DEAREST);
    let dearest: Vec<_> = dearest.iter().map(|(rule, cost)| ([("rule", rule.as_str())], cost.ns)).collect();
    gauges(encoder, "rule_cost_nanoseconds", "What the dearest rules cost an event", &dearest)?;
    let paused = costs.paused();
    let paused: Vec<_> = paused.iter().map(|it| ([("rule", it.rule.as_str())], 1)).collect();
    gauges(encoder, "rule_paused", "Rules that rest because they cost too much, 1 each", &paused)
}

fn lake(encoder: &mut DescriptorEncoder<'_>, lake: Option<&SharedLake>) -> fmt::Result {
    let stats = |lake: &SharedLake| Table::ALL.map(|table| ([("table", table.name())], lake.stats(table)));
    let stats = lake.map(stats);
    let told = |value: fn(&TableStats) -> u64| -> Vec<_> {
        let stats = stats.iter().flatten();
        stats.map(|(label, stats)| (*label, i64::try_from(value(stats)).unwrap_or(i64::MAX))).collect()
    };
    gauges(encoder, "lake_rows", "Rows of a table", &told(|stats| stats.rows))?;
    gauges(encoder, "lake_files", "Live files of a table", &told(|stats| stats.files))?;
    gauges(encoder, "lake_bytes", "Bytes of the live files of a table", &told(|stats| stats.bytes))?;
    gauges(encoder, "lake_version", "Delta version of a table", &told(|stats| stats.version))
}

/// One gauge with one value for each set of labels.
pub(super) fn gauges<V: prometheus_client::encoding::EncodeGaugeValue + Copy>(
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
