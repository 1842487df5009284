//! `yagura bench`, small: every key is there, nothing is lost, nothing is left behind.

use crate::process::run;
use serde_json::Value;

/// The keys that scripts rely on; docs/cli.md lists them.
const KEYS: [&str; 34] = [
    "events_per_second",
    "reports_per_second",
    "events_per_core_second",
    "latency_ms.p50",
    "latency_ms.p90",
    "latency_ms.p99",
    "latency_ms.max",
    "bytes_per_event.vault",
    "bytes_per_event.lake",
    "peak_memory_bytes",
    "cores",
    "fleet",
    "events_per_report",
    "rules",
    "seconds",
    "lost",
    "pipeline.reports",
    "pipeline.events",
    "pipeline.wall_seconds",
    "pipeline.cpu_seconds",
    "gate.events_per_second",
    "gate.reports_per_second",
    "gate.events_per_core_second",
    "gate.server_cpu_us_per_report",
    "gate.connections",
    "gate.receipt_ms.p99",
    "latency.marked",
    "latency.unseen",
    "check.acknowledged_reports",
    "check.vault_reports",
    "check.lake_rows",
    "machine.cpu",
    "version",
    "build",
];

#[test]
fn a_small_bench_tells_everything_and_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().join("bench");
    let dir_text = dir.display().to_string();
    let args = ["bench", "--json", "--seconds", "2", "--fleet", "24", "--events-per-report", "20", "--data", &dir_text];
    let output = run(&args);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {words}", output.status);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in KEYS {
        let value = key.split('.').try_fold(&all, |at, name| at.get(name));
        assert!(value.is_some_and(|value| !value.is_null()), "{key} is missing in {all}");
    }
    let number = |key: &str| key.split('.').fold(&all, |at, name| &at[name]).as_f64().unwrap();
    assert_eq!((number("lost"), number("fleet")), (0.0, 24.0));
    assert!(number("rules") >= 200.0, "{}", number("rules"));
    assert_eq!(number("check.acknowledged_reports"), number("check.vault_reports"));
    assert_eq!(number("check.acknowledged_reports") * 20.0, number("check.lake_rows"));
    assert!(number("events_per_second") > 0.0 && number("latency.marked") > 0.0, "{all}");
    assert!(dir.join("server/vault").is_dir(), "a directory that was named stays");
}

#[test]
fn a_directory_that_is_not_empty_is_refused_with_its_name() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("mine"), "").unwrap();
    let output = run(&["bench", "--seconds", "1", "--fleet", "2", "--data", &data.path().display().to_string()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&data.path().display().to_string()));
}
