//! The process itself, by the usual names behind our prefix, from `/proc/self`.
//!
//! Not portable: without /proc, the values are zero. Cost: four small reads a scrape.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use std::fmt;

/// Ticks of `/proc/self/stat` in a second: the kernel's USER_HZ.
const TICKS_PER_SECOND: f64 = 100.0;
/// Bytes of a page, as `/proc/self/statm` counts.
const PAGE_BYTES: i64 = 4096;

/// This process.
#[derive(Debug)]
pub(super) struct Own;

impl Collector for Own {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let labels = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("build", if cfg!(debug_assertions) { "debug" } else { "release" }),
        ];
        let info = Info::new(labels);
        info.encode(encoder.encode_descriptor("build", "What runs", None, info.metric_type())?)?;
        let statm = read("statm");
        let resident = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<i64>().ok()).unwrap_or(0);
        gauge(&mut encoder, "process_resident_memory_bytes", "Resident memory", resident.saturating_mul(PAGE_BYTES))?;
        let fds = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        gauge(&mut encoder, "process_open_fds", "Open file descriptors", i64::try_from(fds).unwrap_or(i64::MAX))?;
        gauge(&mut encoder, "process_max_fds", "The most file descriptors", descriptors_max())?;
        gauge(&mut encoder, "process_threads", "Threads", field(20))?;
        let cpu = ConstCounter::new((field(14).saturating_add(field(15))) as f64 / TICKS_PER_SECOND);
        let descriptor =
            encoder.encode_descriptor("process_cpu_seconds", "Processor time", None, MetricType::Counter)?;
        cpu.encode(descriptor)
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default()
}

/// A field of `/proc/self/stat`, counted as proc(5) does.
fn field(number: usize) -> i64 {
    let stat = read("stat");
    // The second field is the program's name in parentheses and may hold anything.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace().nth(number.saturating_sub(3)).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn descriptors_max() -> i64 {
    let limits = read("limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
