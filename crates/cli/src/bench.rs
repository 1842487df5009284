//! `yagura bench`: an operator's own machine measured end to end with a simulated fleet.
//!
//! Not a benchmark of parts (those are `cargo xtask bench`). Three phases on one data directory: the pipeline in a process of its own,
//! the gate of a `yagura serve` over mTLS, and the time from a report to its alert at half of that load. Invariants: what was acknowledged
//! is compared with the vault, which is verified whole, and with the rows of the lake, and a difference is a failure; Ctrl-C
//! leaves neither process nor temporary directory behind. Cost: besides the measured seconds about as long again for signing.

mod drive;
mod feed;
mod gate;
mod ground;
mod latency;
mod machine;
mod outcome;
mod sign;

pub(crate) use feed::run as feed_lanes;

use crate::args;
use crate::child::own_program;
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::{chain, runtime, signalled};
use feed::{Fed, Order};
use ground::{Ground, Size};
use machine::Machine;
use outcome::{BUILD, BytesPerEvent, Check, Outcome, PipelineFigures, Times, rounded};
use sign::{Signers, Signing};
use std::io::{IsTerminal as _, Write as _};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::process::Command;
use yagura_server::identity::Identity;
use yagura_server::serve::{LAKE_DIR, VAULT_DIR};
use yagura_store::{Lake, RecordKind, Table, verify};

/// Reports of the first, short run, which says how many the measured one needs.
const TRIAL_REPORTS: u64 = if cfg!(debug_assertions) { 2_000 } else { 20_000 };
/// How much longer than its share of the time the pipeline's phase may be planned, because the trial starts cold.
const TRIAL_IS_COLD: f64 = 1.3;
/// The most reports that one phase makes: a limit for the disk, ~20 GB.
const REPORTS_MAX: f64 = 15e6;
/// Shares of the measured seconds: pipeline, gate, latency.
const SHARES: [f64; 3] = [0.5, 0.25, 0.25];

/// Measures.
pub(crate) fn run(args: &args::Bench) -> Result<(), Failure> {
    let signing = Arc::new(Signing::default());
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        tokio::select! {
            outcome = measure(args, &signing) => outcome,
            () = signalled() => Err(Failure::Machine("stopped; nothing is left behind".to_owned())),
        }
    });
    // Threads that still sign end before the directory that they write to is forgotten.
    signing.stop.store(true, Ordering::Relaxed);
    drop(runtime);
    let outcome = result?;
    emit(Output::from_flag(args.json), &outcome, || outcome.text())?;
    match (outcome.lost, outcome.latency.unseen) {
        (0, 0) => Ok(()),
        (0, unseen) => Err(Failure::Check(format!("{unseen} marked reports raised no alert that the API told"))),
        (lost, _) => Err(Failure::Check(format!("{lost} acknowledged events were lost or doubled"))),
    }
}

/// A bench under way.
struct Bench {
    ground: Arc<Ground>,
    signers: Option<Signers>,
    signing: Arc<Signing>,
    cores: usize,
    /// Records of the vault so far.
    records: u64,
}

async fn measure(args: &args::Bench, signing: &Arc<Signing>) -> Result<Outcome, Failure> {
    let seconds = args.seconds as f64;
    let [for_pipeline, for_gate, for_latency] = SHARES.map(|share| seconds * share);
    if BUILD == "debug" {
        eprintln!("yagura bench: this is a DEBUG build; its figures say nothing about a release build");
    }
    say("prepare", &format!("{} vehicles enrol", args.fleet));
    let places = gate::Places::of(args.fleet)?;
    let (data, rules, fleet) = (args.data.clone(), args.rules.clone(), args.fleet);
    let (events_per_report, drivers) = (args.events_per_report, places.drivers());
    let size = Size { vehicles: fleet, events_per_report, seconds: args.seconds, drivers };
    let prepared = blocking(move || {
        let ground = Ground::make(data.as_deref(), rules.as_deref(), size)?;
        let identity = ground.identity()?;
        let certificates = ground.enrol(&identity, places.devices())?;
        let vehicles = (0..fleet).map(|number| ground.fleet.vehicle(number)).collect::<Result<_, _>>()?;
        Ok((Arc::new(ground), identity, certificates, Signers::new(vehicles)))
    });
    let (ground, identity, certificates, signers) = prepared.await?;
    let signing = Arc::clone(signing);
    let records = u64::from(args.fleet);
    let mut bench = Bench { ground, signers: Some(signers), signing, cores: machine::cores(), records };
    let trial = bench.pipeline(TRIAL_REPORTS, "trial").await?;
    let wanted = (rate(trial.reports, trial.wall_seconds) * for_pipeline * TRIAL_IS_COLD).clamp(1.0, REPORTS_MAX);
    let fed = bench.pipeline(wanted as u64, "pipeline").await?;
    let per_second = rate(fed.reports, fed.wall_seconds);
    let at_gate = bench.gate(places, &identity, certificates, per_second, [for_gate, for_latency]).await?;
    say("check", "acknowledged reports against vault and lake");
    let acknowledged = trial.reports + fed.reports + at_gate.acknowledged;
    let (ground, events) = (Arc::clone(&bench.ground), u64::from(args.events_per_report));
    let (check, bytes_per_event) = blocking(move || compare(&ground, &identity, acknowledged, events)).await?;
    clear();
    Ok(Outcome {
        events_per_second: rounded(rate(fed.events, fed.wall_seconds), 1.0),
        reports_per_second: rounded(per_second, 1.0),
        events_per_core_second: rounded(rate(fed.events, fed.cpu_seconds), 1.0),
        latency_ms: Times::of(&at_gate.times),
        bytes_per_event,
        peak_memory_bytes: fed.peak_memory_bytes.max(at_gate.figures.peak_memory_bytes),
        cores: bench.cores,
        fleet: args.fleet,
        events_per_report: args.events_per_report,
        rules: fed.rules,
        seconds: args.seconds,
        lost: check.lost(events),
        pipeline: figures(&fed),
        gate: at_gate.figures,
        latency: at_gate.latency,
        check,
        machine: Machine::this(),
        version: env!("CARGO_PKG_VERSION"),
        build: BUILD,
    })
}

impl Bench {
    /// Signs with progress.
    async fn sign<T: Send + 'static>(
        &mut self,
        what: &str,
        reports: u64,
        work: impl FnOnce(&mut Signers, &Signing) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let Some(mut signers) = self.signers.take() else { return Err(Failure::Internal("no signers".to_owned())) };
        let signing = Arc::clone(&self.signing);
        signing.made.store(0, Ordering::Relaxed);
        let work = blocking(move || {
            let made = work(&mut signers, &signing)?;
            Ok((made, signers))
        });
        let mut work = std::pin::pin!(work);
        let mut ticks = tokio::time::interval(Duration::from_millis(500));
        let (made, signers) = loop {
            tokio::select! {
                ended = &mut work => break ended?,
                _ = ticks.tick() => {
                    let made = self.signing.made.load(Ordering::Relaxed);
                    say("prepare", &format!("{made} of {reports} reports signed for {what}"));
                }
            }
        };
        self.signers = Some(signers);
        Ok(made)
    }

    /// The pipeline's phase: `reports` reports from files, in a process of its own.
    async fn pipeline(&mut self, reports: u64, what: &str) -> Result<Fed, Failure> {
        let (dir, cores) = (self.ground.reports.clone(), self.cores);
        let sign = move |signers: &mut Signers, signing: &Signing| signers.write_lanes(&dir, cores, reports, signing);
        let lanes = self.sign(what, reports, sign).await?;
        say(what, &format!("{reports} reports go through the pipeline"));
        let order = Order {
            data: self.ground.data.clone(),
            rules: self.ground.rules.clone(),
            fleet: self.ground.fleet,
            lanes: lanes.clone(),
        };
        let file = self.ground.reports.join("order.json");
        let text = serde_json::to_string(&order).map_err(|error| Failure::Internal(error.to_string()))?;
        std::fs::write(&file, text).map_err(|error| Failure::file(&file, &error))?;
        let mut command = Command::new(own_program()?);
        command.args(["bench", "--feed"]).arg(&file).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
        let ended = command.output().await.map_err(|error| Failure::Machine(format!("cannot start: {error}")))?;
        if !ended.status.success() {
            let words = String::from_utf8_lossy(&ended.stderr);
            return Err(Failure::of_code(ended.status.code().unwrap_or(5), words.trim().to_owned()));
        }
        for lane in &lanes.files {
            std::fs::remove_file(lane).map_err(|error| Failure::file(lane, &error))?;
        }
        let fed = serde_json::from_slice::<Fed>(&ended.stdout);
        let fed = fed.map_err(|error| Failure::Internal(format!("the feeding process: {error}")))?;
        self.records += fed.reports;
        Ok(fed)
    }

    /// Events of a report.
    fn events(&self) -> f64 {
        f64::from(self.ground.fleet.events_per_report)
    }
}

fn figures(fed: &Fed) -> PipelineFigures {
    PipelineFigures {
        reports: fed.reports,
        events: fed.events,
        wall_seconds: rounded(fed.wall_seconds, 1_000.0),
        cpu_seconds: rounded(fed.cpu_seconds, 1_000.0),
        peak_memory_bytes: fed.peak_memory_bytes,
        turned_away: fed.turned_away,
    }
}

/// Reads everything back: the vault verified whole, the rows of the lake counted; and what it takes on disk.
fn compare(ground: &Ground, identity: &Identity, reports: u64, events: u64) -> Result<(Check, BytesPerEvent), Failure> {
    let mut check = Check { acknowledged_reports: reports, acknowledged_events: reports * events, ..Check::default() };
    let key = identity.vault_key().verifying_key();
    let visitor = &mut |record: yagura_store::RecordRef<'_>| match record.kind {
        RecordKind::Report => check.vault_reports += 1,
        RecordKind::Anomaly => check.anomalies += 1,
        _ => {}
    };
    let verified = verify(&ground.data.join(VAULT_DIR), &key, visitor, &mut |_| {});
    let verified = verified.map_err(|error| Failure::Check(format!("vault: {}", chain(&error))))?;
    let dir = ground.data.join(LAKE_DIR);
    let lake = Lake::open(&dir.to_string_lossy(), 0).map_err(|error| Failure::Machine(chain(&error)))?;
    // An anomaly is a row too.
    check.lake_rows = lake.stats(Table::Events).rows.saturating_sub(check.anomalies);
    let lake_bytes: u64 = Table::ALL.iter().map(|table| lake.stats(*table).bytes).sum();
    let per_event = |bytes: u64| rounded(rate(bytes, check.acknowledged_events as f64), 100.0);
    Ok((check, BytesPerEvent { vault: per_event(verified.bytes), lake: per_event(lake_bytes) }))
}

fn rate(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// Runs what blocks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure::Internal(chain(&error)))?
}

/// Progress: a line that is written over, if standard error is a terminal.
fn say(phase: &str, what: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{phase:<10} {what}");
        let _ = std::io::stderr().flush();
    } else if !what.starts_with("0 of") {
        eprintln!("{phase:<10} {what}");
    }
}

fn clear() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}
