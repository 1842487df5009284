//! Settings of a server: as written ([`RawConfig`]), then complete and consistent ([`Config`]).
//!
//! Not a file format and not a command line: `cli` fills the raw form. Invariants of a [`Config`]: the API's address is a loopback
//! address (it speaks plain HTTP), every name is legal, public origins are origins. Nothing is opened or looked up here.

mod roles;

pub use roles::{Cluster, ClusterError, RawCluster, Role, WORKER_NAME_BYTES_MAX};

use crate::evidence::Evidence;
use crate::gate::{QuotaError, Quotas, RawQuotas};
use crate::lake::Care;
use crate::pipeline::{RULE_BUDGET_NS, RulePlaces};
use crate::serve::STATE_FILE;
use crate::state::{StateUrl, StateUrlError};
use crate::tenant::Tenant;
use crate::ways::WaysConfig;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use yagura_model::{Name, NameError};

/// Where people look, unless said otherwise.
pub const API_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Where devices report, unless said otherwise.
pub const GATE_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);
/// After how many seconds without a report a vehicle counts as silent, unless said otherwise.
pub const SILENT_AFTER_SECONDS: u32 = 120;

/// Settings as written. What is `None` or empty takes its default.
#[derive(Clone, Debug, Default)]
pub struct RawConfig {
    /// Where everything is kept; made if absent. Required.
    pub data_dir: Option<PathBuf>,
    /// Address of the state, if not the file in the data directory: `sqlite:///…` or `postgres://…`.
    pub state: Option<String>,
    /// Where people look; port 0 takes a free one.
    pub api: Option<SocketAddr>,
    /// Where devices report; port 0 takes a free one.
    pub gate: Option<SocketAddr>,
    /// The tenant of the operator's sign-in links.
    pub tenant: Option<String>,
    /// Directory of Sigma rules used instead of the built-in ones.
    pub rules_dir: Option<PathBuf>,
    /// Directory of indicator sets, which take the place of those beside the rules.
    pub indicators_dir: Option<PathBuf>,
    /// Host names and addresses that the gate's certificate is valid for, besides localhost and the gate's own address.
    pub gate_names: Vec<String>,
    /// Origins of TLS proxies in front of the API, such as `https://yagura.example`.
    pub public_origins: Vec<String>,
    /// What this process shares with others.
    pub cluster: RawCluster,
    /// After how many seconds without a report a vehicle counts as silent.
    pub silent_after_seconds: Option<u32>,
    /// Which ways besides the gate are open.
    pub ways: WaysConfig,
    /// Object store that evidence is archived to.
    pub objects: Option<String>,
    /// How long evidence is kept.
    pub evidence: Evidence,
    /// How the lake is looked after.
    pub lake_care: Care,
    /// How much devices and tenants may send.
    pub quotas: RawQuotas,
    /// Nanoseconds of judging that one rule may take an event.
    pub rule_cost_max: Option<u64>,
    /// Database of advisories; `advisories` in the data directory if not said.
    pub advisories_dir: Option<PathBuf>,
}

/// Complete and consistent settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where devices, people, alerts and progress are kept.
    pub state: StateUrl,
    /// Where people look: a loopback address.
    pub api: SocketAddr,
    /// Where devices report.
    pub gate: SocketAddr,
    /// The tenant of the operator's sign-in links.
    pub tenant: Tenant,
    /// Where rules and indicator sets lie.
    pub rules: RulePlaces,
    /// Host names and addresses that the gate's certificate is valid for.
    pub gate_names: Vec<String>,
    /// Origins of TLS proxies in front of the API.
    pub public_origins: Vec<String>,
    /// This process's part in a cluster; `None` is a single node.
    pub cluster: Option<Cluster>,
    /// Keys and certificates, if not in the data directory.
    pub identity_dir: Option<PathBuf>,
    /// Where `/healthz` and `/readyz` answer, if anywhere.
    pub status: Option<SocketAddr>,
    /// After how many microseconds without a report a vehicle counts as silent.
    pub silent_after_us: i64,
    /// Which ways besides the gate are open.
    pub ways: WaysConfig,
    /// Object store that evidence is archived to, below `vault/`.
    pub objects: Option<String>,
    /// How long evidence is kept.
    pub evidence: Evidence,
    /// How the lake is looked after.
    pub lake_care: Care,
    /// How much devices and tenants may send.
    pub quotas: Quotas,
    /// Nanoseconds of judging that one rule may take an event.
    pub rule_cost_max: u64,
    /// Database of advisories, which need not be there yet.
    pub advisories_dir: PathBuf,
}

/// Why settings cannot be used. The operator corrects them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No data directory.
    #[error("no data directory given")]
    NoDataDirectory,
    /// The API speaks plain HTTP, so only this machine may reach it.
    #[error(
        "the console's address {0} can be reached from other machines, and the console speaks plain HTTP: \
         use a loopback address such as 127.0.0.1:{port} with a TLS proxy in front", port = .0.port()
    )]
    ApiNotLoopback(SocketAddr),
    /// Not an address of a state.
    #[error(transparent)]
    State(#[from] StateUrlError),
    /// The part in a cluster cannot be had.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Not a legal tenant name.
    #[error("tenant {0:?}")]
    Tenant(String, #[source] NameError),
    /// Not an origin.
    #[error("public origin {0:?} is not of the form https://HOST or https://HOST:PORT")]
    Origin(String),
    /// What is kept for a time only must be somewhere else first.
    #[error("{0} needs --objects: only what is archived can be let go")]
    NoArchive(&'static str),
    /// Quotas that cannot be used.
    #[error(transparent)]
    Quotas(#[from] QuotaError),
    /// Not where a time stamp authority is asked.
    #[error(
        "time stamp authority {0:?} is not of the form http://HOST/PATH (its answers are signed; plain HTTP is enough)"
    )]
    Tsa(String),
    /// Silence must take some time.
    #[error("a vehicle cannot count as silent after 0 seconds")]
    SilentAfter,
}

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(raw: RawConfig) -> Result<Self, ConfigError> {
        let api = raw.api.unwrap_or(API_ADDRESS);
        if !api.ip().is_loopback() {
            return Err(ConfigError::ApiNotLoopback(api));
        }
        if let Some(bad) = raw.public_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(ConfigError::Origin(bad.clone()));
        }
        let gate = raw.gate.unwrap_or(GATE_ADDRESS);
        let tenant = raw.tenant.unwrap_or_else(|| "demo".to_owned());
        let name = Name::new(&tenant).map_err(|why| ConfigError::Tenant(tenant, why))?;
        let lets_go = raw.evidence.local_days.is_some() || raw.evidence.shortest_days().is_some();
        if raw.objects.is_none() && (lets_go || raw.evidence.object_lock_days.is_some()) {
            return Err(ConfigError::NoArchive("a time limit for evidence"));
        }
        if let Some(stamping) = raw.evidence.stamping.as_ref().filter(|it| !is_http(&it.url)) {
            return Err(ConfigError::Tsa(stamping.url.clone()));
        }
        let silent_after = raw.silent_after_seconds.unwrap_or(SILENT_AFTER_SECONDS);
        let data_dir = raw.data_dir.ok_or(ConfigError::NoDataDirectory)?;
        let state = state_url(&data_dir, raw.state.as_deref())?;
        Ok(Self {
            cluster: roles::cluster(&raw.cluster, &state, &data_dir.to_string_lossy())?,
            identity_dir: raw.cluster.identity_dir,
            status: raw.cluster.status,
            state,
            advisories_dir: raw.advisories_dir.unwrap_or_else(|| data_dir.join("advisories")),
            data_dir,
            api,
            gate,
            tenant: Tenant::named(name),
            rules: RulePlaces { rules: raw.rules_dir, indicators: raw.indicators_dir },
            gate_names: gate_names(gate, raw.gate_names),
            objects: raw.objects,
            evidence: raw.evidence,
            public_origins: raw.public_origins,
            lake_care: raw.lake_care,
            quotas: raw.quotas.try_into()?,
            rule_cost_max: raw.rule_cost_max.unwrap_or(RULE_BUDGET_NS),
            silent_after_us: match silent_after {
                0 => return Err(ConfigError::SilentAfter),
                seconds => i64::from(seconds) * 1_000_000,
            },
            ways: raw.ways,
        })
    }
}

/// The address of the state of the server on this data directory: the one that is said, or the file in it.
///
/// # Errors
/// [`StateUrlError`]
pub fn state_url(data_dir: &Path, said: Option<&str>) -> Result<StateUrl, StateUrlError> {
    said.map_or_else(|| Ok(StateUrl::file(&data_dir.join(STATE_FILE))), str::parse)
}

fn is_http(text: &str) -> bool {
    text.strip_prefix("http://").is_some_and(|rest| !rest.is_empty()) && reqwest::Url::parse(text).is_ok()
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or("");
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    !host.is_empty() && host.bytes().all(legal)
}

/// What the gate's certificate is valid for: the names given, this machine's loopback names, the address it listens on.
fn gate_names(gate: SocketAddr, given: Vec<String>) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    if !gate.ip().is_unspecified() {
        names.push(gate.ip().to_string());
    }
    names.extend(given);
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::settings::Stamping;
    use expect_test::expect;
    use std::time::Duration;

    fn raw() -> RawConfig {
        RawConfig { data_dir: Some("data".into()), ..RawConfig::default() }
    }

    fn error(raw: RawConfig) -> String {
        Config::try_from(raw).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn a_data_directory_is_enough() {
        let config = Config::try_from(raw()).unwrap();
        assert_eq!((config.api, config.gate, config.tenant.as_str()), (API_ADDRESS, GATE_ADDRESS, "demo"));
        assert_eq!(config.gate_names, ["localhost", "127.0.0.1", "::1"]);
    }

    #[test]
    fn every_refusal_says_what_is_wrong() {
        let stamping = Stamping { url: "https://tsa.example".into(), roots: None, every: Duration::from_secs(60) };
        let all = [
            error(RawConfig::default()),
            error(RawConfig { api: Some("0.0.0.0:8080".parse().unwrap()), ..raw() }),
            error(RawConfig { tenant: Some("a b".into()), ..raw() }),
            error(RawConfig { public_origins: vec!["yagura.example".into()], ..raw() }),
            error(RawConfig { silent_after_seconds: Some(0), ..raw() }),
            error(RawConfig { evidence: Evidence { stamping: Some(stamping), ..Evidence::default() }, ..raw() }),
        ];
        expect![[r#"
            no data directory given
            the console's address 0.0.0.0:8080 can be reached from other machines, and the console speaks plain HTTP: use a loopback address such as 127.0.0.1:8080 with a TLS proxy in front
            tenant "a b"
            public origin "yagura.example" is not of the form https://HOST or https://HOST:PORT
            a vehicle cannot count as silent after 0 seconds
            time stamp authority "https://tsa.example" is not of the form http://HOST/PATH (its answers are signed; plain HTTP is enough)"#]]
        .assert_eq(&all.join("\n"));
    }

    #[test]
    fn an_origin_has_no_path() {
        assert!(
            is_origin("https://yagura.example:8443") && !is_origin("https://yagura.example/") && !is_origin("https://")
        );
    }
}
