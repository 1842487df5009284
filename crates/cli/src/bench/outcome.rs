//! What a bench found: the JSON with stable keys, and the table for people. docs/cli.md lists the keys.
//!
//! Not the measurement. Invariant: keys are only ever added.

use super::machine::Machine;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt::Write as _;

/// Times in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Times {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Times {
    pub(super) fn of(micros: &Histogram<u64>) -> Self {
        let at = |quantile| rounded(micros.value_at_quantile(quantile) as f64 / 1_000.0, 10.0);
        let max = if micros.is_empty() { 0.0 } else { rounded(micros.max() as f64 / 1_000.0, 10.0) };
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max }
    }

    fn text(&self) -> String {
        let Self { p50, p90, p99, max } = self;
        format!("p50 {p50:.1} · p90 {p90:.1} · p99 {p99:.1} · max {max:.1} ms")
    }
}

/// Bytes on disk for each event.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct BytesPerEvent {
    pub(super) vault: f64,
    pub(super) lake: f64,
}

/// Reports handed to the intake in process.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct PipelineFigures {
    pub(super) reports: u64,
    pub(super) events: u64,
    pub(super) wall_seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_memory_bytes: u64,
    pub(super) turned_away: u64,
}

/// Reports over mTLS.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct GateFigures {
    pub(super) events_per_second: f64,
    pub(super) reports_per_second: f64,
    /// Of the server alone, everything behind the gate included.
    pub(super) events_per_core_second: f64,
    pub(super) server_cpu_us_per_report: f64,
    pub(super) server_cpu_seconds: f64,
    pub(super) handshake_cpu_us: f64,
    pub(super) wall_seconds: f64,
    pub(super) reports: u64,
    pub(super) connections: usize,
    pub(super) turned_away: u64,
    pub(super) receipt_ms: Times,
    pub(super) peak_memory_bytes: u64,
}

/// Reports to alerts.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct LatencyFigures {
    pub(super) load_reports_per_second: f64,
    pub(super) load_events_per_second: f64,
    pub(super) marked: u64,
    pub(super) unseen: u64,
    pub(super) receipt_ms: Times,
}

/// What was compared at the end.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Check {
    /// Reports that got a receipt.
    pub(super) acknowledged_reports: u64,
    /// Reports in the vault, all of it verified.
    pub(super) vault_reports: u64,
    /// Anomalies in the vault: there should be none.
    pub(super) anomalies: u64,
    /// Events that the acknowledged reports hold.
    pub(super) acknowledged_events: u64,
    /// Rows of the events table that stand for them.
    pub(super) lake_rows: u64,
}

impl Check {
    /// Events that are missing or too many.
    pub(super) fn lost(&self, events_per_report: u64) -> u64 {
        let reports = self.acknowledged_reports.abs_diff(self.vault_reports).saturating_mul(events_per_report);
        self.acknowledged_events.abs_diff(self.lake_rows).max(reports)
    }
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) events_per_second: f64,
    pub(super) reports_per_second: f64,
    pub(super) events_per_core_second: f64,
    pub(super) latency_ms: Times,
    pub(super) bytes_per_event: BytesPerEvent,
    pub(super) peak_memory_bytes: u64,
    pub(super) cores: usize,
    pub(super) fleet: u32,
    pub(super) events_per_report: u32,
    pub(super) rules: usize,
    pub(super) seconds: u64,
    pub(super) lost: u64,
    pub(super) pipeline: PipelineFigures,
    pub(super) gate: GateFigures,
    pub(super) latency: LatencyFigures,
    pub(super) check: Check,
    pub(super) machine: Machine,
    pub(super) version: &'static str,
    /// `release` or `debug`.
    pub(super) build: &'static str,
}

/// Which build this is.
pub(super) const BUILD: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

impl Outcome {
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |name: &str, value: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "  {name:<22}{value}");
        };
        let (pipeline, gate, latency) = (&self.pipeline, &self.gate, &self.latency);
        line("machine", format!("{} · {} cores · kernel {}", self.machine.cpu, self.cores, self.machine.kernel));
        line("yagura", format!("{} ({} build)", self.version, self.build));
        let (fleet, events, rules) = (self.fleet, self.events_per_report, self.rules);
        line("load", format!("{fleet} vehicles · {events} events a report · {rules} rules"));
        line(
            "pipeline",
            format!("{} events/s · {} reports/s", many(self.events_per_second), many(self.reports_per_second)),
        );
        line(
            "",
            format!(
                "{} events/s a core · {} MB at most",
                many(self.events_per_core_second),
                mega(pipeline.peak_memory_bytes)
            ),
        );
        line(
            "gate, mTLS",
            format!("{} events/s · {} reports/s", many(gate.events_per_second), many(gate.reports_per_second)),
        );
        line(
            "",
            format!(
                "server: {:.0} µs of a core a report, all behind it included · {} events/s a core · handshake {:.0} µs",
                gate.server_cpu_us_per_report,
                many(gate.events_per_core_second),
                gate.handshake_cpu_us
            ),
        );
        line("", format!("{} connections · {} MB at most", gate.connections, mega(gate.peak_memory_bytes)));
        line("receipt, full load", gate.receipt_ms.text());
        line(
            "alert, half load",
            format!("{} · {} marks, {} unseen", self.latency_ms.text(), latency.marked, latency.unseen),
        );
        line(
            "storage",
            format!(
                "{:.1} B/event in the vault · {:.1} B/event in the lake",
                self.bytes_per_event.vault, self.bytes_per_event.lake
            ),
        );
        let check = &self.check;
        line(
            "checked",
            format!(
                "{} reports acknowledged, {} in the vault, {} rows in the lake: {} events lost",
                check.acknowledged_reports, check.vault_reports, check.lake_rows, self.lost
            ),
        );
        if BUILD == "debug" {
            out.push_str("  These are figures of a DEBUG build: they say nothing about a release build.\n");
        }
        out
    }
}

fn mega(bytes: u64) -> u64 {
    bytes / 1_000_000
}

fn many(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n if n >= 1e4 => format!("{:.0} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// Rounded to so many parts of one.
pub(super) fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}
