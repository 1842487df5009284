//! `yagura serve`: one server in the foreground, until a signal or (when another program started it) the end of standard input.
//!
//! Not the server: it fills the settings, prints what the server says of itself, and maps failures to exit codes.

use crate::args;
use crate::failure::Failure;
use crate::output::{Output, emit};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;
use yagura_server::config::{Config, RawCluster, RawConfig};
use yagura_server::evidence::Evidence;
use yagura_server::evidence::settings::{Stamping, tenant_days};
use yagura_server::gate::RawQuotas;
use yagura_server::lake::Care;
use yagura_server::serve::{Blame, Ready, ServeError, serve};
use yagura_server::ways::WaysConfig;
use yagura_server::ways::mqtt::{MqttConfig, RawMqtt};
use yagura_store::{StampRoots, Upkeep};

/// What a server that is up prints; the demo reads it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Announcement {
    pub(crate) console: Option<String>,
    pub(crate) sign_in: Option<String>,
    pub(crate) gate: Option<String>,
    pub(crate) status: Option<String>,
    /// Where foreign sensors send to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) idsr: Vec<String>,
    pub(crate) ca_pem: String,
    pub(crate) rules: usize,
    pub(crate) recovered: Option<String>,
}

/// Serves until told to stop.
pub(crate) fn run(args: args::Serve) -> Result<(), Failure> {
    log_to_stderr();
    let stop_on_stdin_end = args.stop_on_stdin_end;
    let output = Output::from_flag(args.json);
    let quotas = quotas(&args)?;
    let ways = ways(args.ways)?;
    let tenants = args.tenant_evidence_days.iter().map(|text| {
        tenant_days(text)
            .ok_or_else(|| Failure::input("--tenant-evidence-days", format!("{text:?} is not TENANT=DAYS")))
    });
    let evidence = Evidence {
        local_days: args.local_evidence_days,
        days: args.evidence_days,
        tenant_days: tenants.collect::<Result<_, _>>()?,
        object_lock_days: args.object_lock_days,
        stamping: stamping(args.stamps)?,
    };
    let config = Config::try_from(RawConfig {
        quotas,
        data_dir: Some(args.data),
        state: args.state,
        api: Some(args.console),
        gate: Some(args.gate),
        tenant: Some(args.tenant),
        rules_dir: args.rules,
        indicators_dir: args.indicators,
        rule_cost_max: Some(args.rule_cost_max),
        advisories_dir: args.advisories,
        gate_names: args.gate_name,
        ways,
        public_origins: args.public_origin,
        objects: args.objects.clone(),
        evidence,
        cluster: RawCluster {
            roles: args.cluster.role,
            log: args.cluster.log,
            log_options: args.cluster.log_option,
            objects: args.objects,
            worker: args.cluster.worker_name,
            status: args.cluster.status,
            identity_dir: args.cluster.identity,
        },
        lake_care: Care {
            upkeep: Upkeep {
                events_days: args.lake.keep_events_days,
                alerts_days: args.lake.keep_alerts_days,
                vehicle_state_days: args.lake.keep_state_days,
                history: Duration::from_secs(u64::from(args.lake.lake_history_hours) * 3_600),
            },
            cpu_percent: args.lake.maintenance_cpu_percent,
        },
        ..RawConfig::default()
    })
    .map_err(|error| failure(&error.into()))?;
    runtime()?.block_on(async move {
        if let Some(collector) = &args.otlp {
            yagura_server::traces::start(collector).map_err(|error| Failure::Input(chain(&error)))?;
        }
        let (ready, announced) = oneshot::channel();
        let told = async {
            match announced.await {
                Ok(ready) => announce(&ready, output),
                // The server did not come up; its own error says why.
                Err(_) => Ok(()),
            }
        };
        let (served, told) = tokio::join!(serve(config, ready, stop(stop_on_stdin_end)), told);
        served.map_err(|error| failure(&error))?;
        told
    })
}

/// Which ways besides the gate are open.
fn ways(args: args::Ways) -> Result<WaysConfig, Failure> {
    let mqtt = MqttConfig::of(RawMqtt {
        url: args.mqtt,
        client: args.mqtt_client,
        user: args.mqtt_user,
        password_file: args.mqtt_password_file,
        ca: args.mqtt_ca,
        certificate: args.mqtt_cert,
        key: args.mqtt_key,
    });
    let mqtt = mqtt.map_err(|error| Failure::Input(chain(&error)))?;
    Ok(WaysConfig { sources: args.sources, mqtt, idsr: args.idsr })
}

/// Who stamps checkpoints.
fn stamping(args: args::Stamps) -> Result<Option<Stamping>, Failure> {
    let roots = args.tsa_ca.as_deref().map(stamp_roots).transpose()?;
    let every = Duration::from_secs(u64::from(args.tsa_minutes) * 60);
    Ok(args.tsa.map(|url| Stamping { url, roots, every }))
}

/// The certificates of time stamp authorities in a file.
pub(crate) fn stamp_roots(path: &Path) -> Result<StampRoots, Failure> {
    let pem = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    StampRoots::from_pem(&pem).ok_or_else(|| Failure::input(path.display(), "holds no certificates in PEM"))
}

/// The quotas of the file, with the flags before its default.
fn quotas(args: &args::Serve) -> Result<RawQuotas, Failure> {
    let mut quotas = match &args.quotas {
        None => RawQuotas::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
            RawQuotas::from_toml(&text).map_err(|error| Failure::input(path.display(), error))?
        }
    };
    let default = &mut quotas.default;
    default.device_reports_per_second = args.device_reports_per_second.or(default.device_reports_per_second);
    default.tenant_events_per_second = args.tenant_events_per_second.or(default.tenant_events_per_second);
    Ok(quotas)
}

/// A runtime with a worker per core.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(|error| Failure::Machine(format!("cannot start threads: {error}")))
}

/// Completes on Ctrl-C or SIGTERM.
pub(crate) async fn signalled() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn stop(on_stdin_end: bool) {
    let stdin_ends = async { if on_stdin_end { end_of_stdin().await } else { std::future::pending().await } };
    tokio::select! {
        () = signalled() => {}
        () = stdin_ends => {}
    }
}

/// A thread of its own: the runtime would wait for a read that is still blocked when it stops.
async fn end_of_stdin() {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        // A broken standard input is an end too.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        // The server may have stopped for another reason.
        let _ = ended.send(());
    });
    let _ = end.await;
}

fn announce(ready: &Ready, output: Output) -> Result<(), Failure> {
    let announcement = Announcement {
        console: ready.console_url.clone(),
        sign_in: ready.sign_in_link.as_ref().map(|link| link.url.clone()),
        gate: ready.gate_addr.map(|address| format!("https://{address}")),
        status: ready.status_addr.map(|address| format!("http://{address}")),
        idsr: ready.idsr.iter().map(ToString::to_string).collect(),
        ca_pem: ready.ca_pem.clone(),
        rules: ready.rules,
        recovered: ready.recovery.as_ref().map(|recovery| match &recovery.cut {
            Some(cut) => format!(
                "a crash left {} unfinished bytes in {} ({}); cut off, {} whole records kept, nothing acknowledged was lost",
                cut.bytes, cut.file, cut.what, recovery.records
            ),
            None => format!("the evidence tree was brought up to date with its {} records", recovery.records),
        }),
    };
    emit(output, &announcement, || announcement.text())
}

impl Announcement {
    /// What a person wants to know.
    pub(crate) fn text(&self) -> String {
        let line = |name: &str, what: &Option<String>| {
            what.as_ref().map_or_else(String::new, |what| format!("  {name:<10} {what}\n"))
        };
        let Self { console, sign_in, gate, status, rules, recovered, .. } = self;
        let (console, sign_in) = (line("console", console), line("sign in", sign_in));
        let (gate, status, recovered) = (line("gate", gate), line("status", status), line("recovered", recovered));
        format!("{console}{sign_in}{gate}{status}  rules      {rules} active\n{recovered}")
    }
}

/// Logs to standard error; YAGURA_LOG sets the level (`info`, `warn,yagura_server=debug`, …).
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("YAGURA_LOG").unwrap_or_else(|_| EnvFilter::new("warn,yagura_server=info"));
    // A log that cannot be written, as on a full disk, must not end the thread that says something: that error is not told by a panic.
    let subscriber = tracing_subscriber::fmt().log_internal_errors(false);
    let subscriber = subscriber.with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // A second call in one process keeps the first.
    let _ = subscriber.try_init();
}

fn failure(error: &ServeError) -> Failure {
    let text = chain(error);
    match error.blame() {
        Blame::Evidence => Failure::Check(text),
        Blame::Input => Failure::Input(text),
        Blame::Machine => Failure::Machine(text),
        Blame::Us => Failure::Internal(text),
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}
