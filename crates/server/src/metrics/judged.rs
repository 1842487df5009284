//! What went through the pipelines of this process, and how often what the log tells happened.
//!
//! Not per partition (that is `partitions`). Counted process-wide, as happenings are. Invariant: tenants beyond [`TENANTS_MAX`] are one,
//! `other`, so that a label cannot grow without bound.

use crate::happenings;
use crate::late::LateCounts;
use crate::state::RateStep;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Tenants that are told apart.
pub const TENANTS_MAX: usize = 64;

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
        late(&mut encoder)?;
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

fn late(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let LateCounts { waiting, judged, changed } = crate::late::counts();
    let help = "Windows that late data touched and that wait to be judged";
    let waiting = ConstGauge::new(i64::try_from(waiting).unwrap_or(i64::MAX));
    waiting.encode(encoder.encode_descriptor("late_windows", help, None, MetricType::Gauge)?)?;
    let all = [
        ("late_windows_judged", "Windows judged again because of late data", judged),
        ("late_alerts", "Alerts that late data raised or changed", changed),
    ];
    for (name, help, value) in all {
        ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    Ok(())
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
