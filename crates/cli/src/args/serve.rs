//! The command line of `yagura serve`: one process that does everything, or one of several.
//!
//! Options as data, as in `args`; what goes together is checked by `yagura_server::config`.

use super::LakeCare;
use std::net::SocketAddr;
use std::path::PathBuf;
use yagura_server::evidence::settings::Stamping;
use yagura_server::ways::idsr::Address;

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where everything is kept; made if absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Where devices, people, alerts and progress are kept, if not in the data directory: sqlite:///FILE or
    /// postgres://USER@HOST/DATABASE (a password may come from PGPASSWORD or ~/.pgpass).
    #[arg(long, value_name = "URL")]
    pub(crate) state: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
    /// Where devices report, with TLS and device certificates.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    pub(crate) gate: SocketAddr,
    /// Where people look; loopback only.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) console: SocketAddr,
    /// The tenant that this server's sign-in links belong to.
    #[arg(long, default_value = "demo")]
    pub(crate) tenant: String,
    /// Directory of Sigma rules used instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Option<PathBuf>,
    /// Directory of indicator sets (*.txt, *.csv), which take the place of those of the same names beside the rules.
    #[arg(long, value_name = "DIR")]
    pub(crate) indicators: Option<PathBuf>,
    /// Database of advisories that products are matched with, as `yagura feed import --db DIR` writes it; DIR/advisories of
    /// the data directory if not said.
    #[arg(long, value_name = "DIR")]
    pub(crate) advisories: Option<PathBuf>,
    /// Host names and addresses that the gate's certificate is valid for, besides localhost.
    #[arg(long, value_name = "NAME")]
    pub(crate) gate_name: Vec<String>,
    #[command(flatten)]
    pub(crate) ways: Ways,
    /// Origins of TLS proxies in front of the console, such as `https://yagura.example`.
    #[arg(long, value_name = "URL")]
    pub(crate) public_origin: Vec<String>,
    /// Tell traces to this OpenTelemetry collector, such as `http://127.0.0.1:4318`.
    #[arg(long, value_name = "URL")]
    pub(crate) otlp: Option<String>,
    /// Object store that closed segments of evidence are archived to, and where a cluster keeps its lake: a directory,
    /// s3://BUCKET/PREFIX or az://CONTAINER/PREFIX.
    #[arg(long, value_name = "URL")]
    pub(crate) objects: Option<String>,
    /// Days that local copies of archived evidence are kept; for ever if not said.
    #[arg(long, value_name = "DAYS", requires = "objects")]
    pub(crate) local_evidence_days: Option<u32>,
    /// Days that evidence is kept at all, but for what a legal hold keeps; for ever if not said.
    #[arg(long, value_name = "DAYS", requires = "objects")]
    pub(crate) evidence_days: Option<u32>,
    /// Days that a tenant's evidence is kept, before the common rule: TENANT=DAYS; may be given several times.
    #[arg(long, value_name = "TENANT=DAYS", requires = "objects")]
    pub(crate) tenant_evidence_days: Vec<String>,
    /// Days that the object store shall hold archived segments fast (S3 Object Lock, compliance mode).
    #[arg(long, value_name = "DAYS", requires = "objects")]
    pub(crate) object_lock_days: Option<u32>,
    #[command(flatten)]
    pub(crate) stamps: Stamps,
    /// Nanoseconds of judging that one rule may take an event, on average; one that takes more rests for a while and is named.
    #[arg(long, value_name = "NS", default_value_t = yagura_server::pipeline::RULE_BUDGET_NS, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rule_cost_max: u64,
    #[command(flatten)]
    pub(crate) lake: LakeCare,
    /// Reports a second that one device may send; see docs/operations.md.
    #[arg(long, value_name = "N")]
    pub(crate) device_reports_per_second: Option<u32>,
    /// Events a second that one tenant may send.
    #[arg(long, value_name = "N")]
    pub(crate) tenant_events_per_second: Option<u32>,
    /// File with the quotas of tenants and devices, TOML.
    #[arg(long, value_name = "FILE")]
    pub(crate) quotas: Option<PathBuf>,
    /// Print where people and devices find the server as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Stop when standard input ends: for programs that start a server and must not leave it behind.
    #[arg(long)]
    pub(crate) stop_on_stdin_end: bool,
}

/// Time stamps of checkpoints.
#[derive(Debug, clap::Args)]
pub(crate) struct Stamps {
    /// Ask this time stamp authority (RFC 3161) for stamps over the evidence's checkpoints: http://HOST/PATH.
    #[arg(long, value_name = "URL")]
    pub(crate) tsa: Option<String>,
    /// File with the certificates that the authority's must come from, PEM.
    #[arg(long, value_name = "FILE", requires = "tsa")]
    pub(crate) tsa_ca: Option<PathBuf>,
    /// Minutes between two stamps.
    #[arg(long, value_name = "N", requires = "tsa", default_value_t = Stamping::MINUTES, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tsa_minutes: u32,
}

/// Ways in besides the gate.
#[derive(Debug, clap::Args)]
pub(crate) struct Ways {
    /// Take reports from this MQTT 5 broker too: mqtt://HOST:PORT (this machine only) or mqtts://HOST:PORT.
    #[arg(long, value_name = "URL")]
    pub(crate) mqtt: Option<String>,
    /// This server's name at the broker; each server needs its own.
    #[arg(long, value_name = "NAME", requires = "mqtt")]
    pub(crate) mqtt_client: Option<String>,
    /// User name at the broker.
    #[arg(long, value_name = "NAME", requires = "mqtt")]
    pub(crate) mqtt_user: Option<String>,
    /// File with the password at the broker.
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    pub(crate) mqtt_password_file: Option<PathBuf>,
    /// File with the authority that the broker's certificate comes from, PEM.
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    pub(crate) mqtt_ca: Option<PathBuf>,
    /// File with the certificate that this server shows to the broker, PEM.
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    pub(crate) mqtt_cert: Option<PathBuf>,
    /// File with the key of that certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    pub(crate) mqtt_key: Option<PathBuf>,
    /// Directory of sources files: back ends that send log lines, and foreign sensors.
    #[arg(long, value_name = "DIR")]
    pub(crate) sources: Option<PathBuf>,
    /// Listen for IDS messages of foreign sensors: udp://ADDR:PORT or tcp://ADDR:PORT; may be given several times.
    #[arg(long, value_name = "URL", requires = "sources")]
    pub(crate) idsr: Vec<Address>,
}

/// One process of several.
#[derive(Debug, clap::Args)]
pub(crate) struct Cluster {
    /// What this process does: gate, worker, api, or several with commas; all of it if not said.
    #[arg(long, value_name = "ROLES")]
    pub(crate) role: Vec<String>,
    /// The log that all processes share: kafka://BROKER:PORT,BROKER:PORT/TOPIC-PREFIX; one broker is enough.
    #[arg(long, value_name = "URL")]
    pub(crate) log: Option<String>,
    /// A setting of the log's client (librdkafka), such as security.protocol=SSL.
    #[arg(long, value_name = "KEY=VALUE", requires = "log")]
    pub(crate) log_option: Vec<String>,
    /// Keys and certificates, the same for all processes; DATA/identity if not said.
    #[arg(long, value_name = "DIR")]
    pub(crate) identity: Option<PathBuf>,
    /// The worker's name: of no other worker, the same after a restart; made of host and data directory if not said.
    #[arg(long, value_name = "NAME")]
    pub(crate) worker_name: Option<String>,
    /// Where /healthz and /readyz answer.
    #[arg(long, value_name = "ADDR")]
    pub(crate) status: Option<SocketAddr>,
}
