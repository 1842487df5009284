//! From the bytes of reports to rows in the lake and alerts in the state: events a second, by core, and where the time goes.
//!
//! Everything of a server but its sockets (ADR-0026). Prints JSON lines. `YAGURA_BENCH_REPORTS` and `YAGURA_BENCH_EVENTS` change how
//! many reports there are and how many events each has; `YAGURA_BENCH_ONLY` is `parts`, `load` or `latency`; `YAGURA_BENCH_DIR` says on which
//! disk; `YAGURA_BENCH_KEEP` is where the lake is left.
#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark prints, and its numbers are small"
)]

mod load;
mod parts;
mod usage;
mod whole;

use load::Load;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use yagura_server::clock;
use yagura_server::identity::{Identity, IdentityOptions};

const REPORTS: u32 = 100_000;
const EVENTS_PER_REPORT: u32 = 60;

pub(crate) type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn print(bench: &str, value: f64, unit: &str) {
    println!("{{\"bench\":\"{bench}\",\"value\":{value:.3},\"unit\":\"{unit}\"}}");
}

fn main() -> Fallible<()> {
    let dir = tempfile::tempdir_in(std::env::var("YAGURA_BENCH_DIR").unwrap_or_else(|_| ".".to_owned()))?;
    let identity = Identity::open(&IdentityOptions::loopback(&dir.path().join("identity"), clock::now()))?;
    let (reports, events) =
        (setting("YAGURA_BENCH_REPORTS", REPORTS), setting("YAGURA_BENCH_EVENTS", EVENTS_PER_REPORT));
    let load = Load::make(dir.path(), &identity, reports, events)?;
    let only = std::env::var("YAGURA_BENCH_ONLY").ok();
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    print(
        "pipeline_report_bytes_event",
        std::fs::metadata(dir.path().join("reports"))?.len() as f64 / f64::from(reports * events),
        "B",
    );
    if wanted("parts") {
        let at = dir.path().join("parts");
        std::fs::create_dir(&at)?;
        let parts = parts::run(&at, &load)?;
        // Times of a thousand events, so nanoseconds are thousandths.
        let sum: Duration = parts.iter().map(|(_, time)| *time).sum();
        for (name, time) in parts {
            print(&format!("pipeline_part_{name}"), time.as_nanos() as f64 / 1e6, "µs/event");
        }
        print("pipeline_parts_alone", 1e9 / sum.as_secs_f64() / 1e6, "events/s/core");
        std::fs::remove_dir_all(&at)?;
    }
    let load = Arc::new(load);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rate = f64::from(setting("YAGURA_BENCH_RATE", 4_000));
    if wanted("load") {
        let outcome = run(&runtime, dir.path(), &identity, &load, None)?;
        rate = outcome.events / outcome.wall.as_secs_f64() / f64::from(events) / 2.0;
    }
    if wanted("latency") {
        print("pipeline_half_load", rate * f64::from(events), "events/s");
        run(&runtime, dir.path(), &identity, &load, Some(rate))?;
    }
    Ok(())
}

fn run(
    runtime: &tokio::runtime::Runtime,
    dir: &std::path::Path,
    identity: &Identity,
    load: &Arc<Load>,
    rate: Option<f64>,
) -> Fallible<whole::Outcome> {
    let at = dir.join("whole");
    std::fs::create_dir(&at)?;
    let outcome = runtime.block_on(whole::run(&at, identity, load, rate))?;
    match std::env::var("YAGURA_BENCH_KEEP") {
        Ok(kept) if rate.is_none() => std::fs::rename(at.join("lake"), kept)?,
        _ => {}
    }
    std::fs::remove_dir_all(&at)?;
    if rate.is_none() {
        let events = outcome.events;
        print("pipeline_events", events / outcome.wall.as_secs_f64(), "events/s");
        print("pipeline_events_core", events / outcome.cpu.as_secs_f64(), "events/s/core");
        print("pipeline_events_acknowledged", events / outcome.taken.as_secs_f64(), "events/s");
        print("pipeline_vault", outcome.vault_bytes as f64 / events, "B/event");
        print("pipeline_lake", outcome.lake_bytes as f64 / events, "B/event");
        print("pipeline_memory_peak", usage::memory_peak() as f64 / 1e6, "MB");
        for (name, time) in &outcome.threads {
            print(&format!("pipeline_thread_{name}"), time.as_secs_f64() / outcome.cpu.as_secs_f64(), "of CPU time");
        }
    } else {
        let percentile = |part: f64| {
            let at = (outcome.latencies.len() as f64 * part) as usize;
            outcome.latencies.get(at).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
        };
        print("pipeline_latency_samples", outcome.latencies.len() as f64, "alerts");
        for (name, part) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
            print(&format!("pipeline_latency_{name}"), percentile(part), "ms");
        }
    }
    Ok(outcome)
}
