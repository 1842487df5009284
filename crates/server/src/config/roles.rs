//! What a process does, and what it shares with others that do the rest.
//!
//! Nothing is opened here. Invariants of a [`Cluster`]: its roles are not empty, what each of them needs is there.

use crate::cluster::{LogAddress, LogAddressError, RawLog};
use crate::state::StateUrl;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The longest name of a worker, in bytes.
pub const WORKER_NAME_BYTES_MAX: usize = 120;

/// What a process does.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Takes reports from devices.
    Gate,
    /// Owns partitions of the log: vault, detection, lake.
    Worker,
    /// Serves people.
    Api,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gate, Self::Worker, Self::Api];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Worker => "worker",
            Self::Api => "api",
        }
    }
}

/// The cluster part of the settings as written.
#[derive(Clone, Debug, Default)]
pub struct RawCluster {
    /// Roles; none or `all` is all of them.
    pub roles: Vec<String>,
    /// The log, `kafka://…`; none is a single node with its own vault as the log.
    pub log: Option<String>,
    /// Settings of the log's client, `KEY=VALUE`.
    pub log_options: Vec<String>,
    /// Where evidence and lake are kept for all: a directory, `s3://…` or `az://…`.
    pub objects: Option<String>,
    /// The worker's name; of no other worker, the same after a restart.
    pub worker: Option<String>,
    /// Where `/healthz` and `/readyz` answer.
    pub status: Option<SocketAddr>,
    /// Keys and certificates, the same for all; `identity` in the data directory if not said.
    pub identity_dir: Option<PathBuf>,
}

/// One process of a cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// What it does.
    pub roles: BTreeSet<Role>,
    /// The log that all share.
    pub log: LogAddress,
    /// Where the archives of evidence are, below `vault/`.
    pub objects: String,
    /// Where the lake is.
    pub lake: String,
    /// Its name as a worker.
    pub worker: String,
}

/// Why the cluster part of settings cannot be used. The operator corrects them.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Not a role.
    #[error("role {0:?} is none of gate, worker, api, all")]
    Role(String),
    /// A part of the work without the rest.
    #[error("--role {0} needs --log kafka://BROKER:PORT: without it one process does everything")]
    NoLog(&'static str),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogAddressError),
    /// Nowhere to keep what all share.
    #[error(
        "--role {0} needs --objects DIR, s3://BUCKET/PREFIX or az://CONTAINER/PREFIX: lake and archive are shared there"
    )]
    NoObjects(&'static str),
    /// A file cannot be shared.
    #[error("--log needs --state postgres://HOST/DATABASE: other processes cannot use {0}")]
    StateIsFile(String),
    /// Not a legal name of a worker.
    #[error("worker name {0:?} may hold letters, digits, `.`, `_` and `-` only, 1 to {WORKER_NAME_BYTES_MAX} of them")]
    Worker(String),
}

/// The cluster part of a single process's settings; `None` is a single node.
pub(super) fn cluster(raw: &RawCluster, state: &StateUrl, data: &str) -> Result<Option<Cluster>, ClusterError> {
    let roles = roles(&raw.roles)?;
    let Some(url) = &raw.log else {
        return match Role::ALL.into_iter().find(|role| !roles.contains(role)) {
            Some(_) => Err(ClusterError::NoLog(roles.first().map_or("gate", |role| role.name()))),
            None => Ok(None),
        };
    };
    let log = LogAddress::try_from(RawLog { url: url.clone(), options: raw.log_options.clone() })?;
    if let Some(file) = state.path()
        && roles.len() < Role::ALL.len()
    {
        return Err(ClusterError::StateIsFile(file.display().to_string()));
    }
    let needs = [Role::Worker, Role::Api].into_iter().find(|role| roles.contains(role));
    let objects = match (&raw.objects, needs) {
        (None, Some(role)) => return Err(ClusterError::NoObjects(role.name())),
        (objects, _) => objects.clone().unwrap_or_default(),
    };
    let lake = format!("{}/lake", objects.trim_end_matches('/'));
    let worker = raw.worker.clone().unwrap_or_else(|| name_of(data));
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if worker.is_empty() || worker.len() > WORKER_NAME_BYTES_MAX || !worker.bytes().all(legal) {
        return Err(ClusterError::Worker(worker));
    }
    Ok(Some(Cluster { roles, log, objects, lake, worker }))
}

/// A name for a worker that has none: two that share a machine have data directories of different names.
fn name_of(data: &str) -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_default();
    let legal = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = format!("{host}{data}").chars().map(legal).collect();
    let from = name.len().saturating_sub(WORKER_NAME_BYTES_MAX);
    name.get(from..).unwrap_or_default().trim_matches('-').to_owned()
}

fn roles(said: &[String]) -> Result<BTreeSet<Role>, ClusterError> {
    let mut roles = BTreeSet::new();
    for name in said.iter().flat_map(|names| names.split(',')) {
        match Role::ALL.into_iter().find(|role| role.name() == name) {
            Some(role) => drop(roles.insert(role)),
            None if name == "all" => roles.extend(Role::ALL),
            None => return Err(ClusterError::Role(name.to_owned())),
        }
    }
    Ok(if roles.is_empty() { Role::ALL.into_iter().collect() } else { roles })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn raw(roles: &str) -> RawCluster {
        RawCluster {
            roles: vec![roles.to_owned()],
            log: Some("kafka://b1:9092".to_owned()),
            objects: Some("s3://b/p/".to_owned()),
            ..RawCluster::default()
        }
    }

    fn shared() -> StateUrl {
        "postgres://u@h/d".parse().unwrap()
    }

    #[test]
    fn without_a_log_one_process_does_everything() {
        let file: StateUrl = "data/state.db".parse().unwrap();
        assert!(cluster(&RawCluster::default(), &file, "data").unwrap().is_none());
    }

    #[test]
    fn a_worker_has_a_name_a_lake_and_its_roles() {
        let made = cluster(&raw("worker,api"), &shared(), "/var/lib/yagura 1").unwrap().unwrap();
        assert_eq!(made.roles, BTreeSet::from([Role::Worker, Role::Api]));
        assert_eq!(made.lake, "s3://b/p/lake");
        assert!(made.worker.ends_with("var-lib-yagura-1"), "{}", made.worker);
    }

    #[test]
    fn every_refusal_says_what_is_missing() {
        let file: StateUrl = "data/state.db".parse().unwrap();
        let all = [
            cluster(&raw("gates"), &shared(), "data"),
            cluster(&RawCluster { log: None, ..raw("worker") }, &shared(), "data"),
            cluster(&RawCluster { log: Some("b1".to_owned()), ..raw("all") }, &shared(), "data"),
            cluster(&RawCluster { objects: None, ..raw("api") }, &shared(), "data"),
            cluster(&raw("gate"), &file, "data"),
            cluster(&RawCluster { worker: Some("a b".to_owned()), ..raw("worker") }, &shared(), "data"),
        ];
        let lines: Vec<String> = all.into_iter().map(|it| it.unwrap_err().to_string()).collect();
        expect![[r#"
            role "gates" is none of gate, worker, api, all
            --role worker needs --log kafka://BROKER:PORT: without it one process does everything
            log "b1" is not of the form kafka://BROKER:PORT[,BROKER:PORT…][/TOPIC-PREFIX]
            --role api needs --objects DIR, s3://BUCKET/PREFIX or az://CONTAINER/PREFIX: lake and archive are shared there
            --log needs --state postgres://HOST/DATABASE: other processes cannot use data/state.db
            worker name "a b" may hold letters, digits, `.`, `_` and `-` only, 1 to 120 of them"#]]
        .assert_eq(&lines.join("\n"));
    }
}
