//! One process of a cluster: the roles that it has, opened in order, closed in order.
//!
//! Not a single node (that is `serve` itself). Order of opening: sockets, keys, state, log, gate, worker, API. Order of closing: API and
//! gate, intake, worker, state; so every receipt is for what the broker has, and a worker lets go of its partitions flushed. A worker that
//! the broker expels ends the process: another one runs under its name.

use super::status::{Readiness, status_router};
use super::{IDENTITY_DIR, Ready, ServeError, bind, leave_address, local, serve_api, storage, vault_origin};
use crate::api::{App, EvidenceLog, Health, Live, STREAMS_MAX};
use crate::auth::Origins;
use crate::clock;
use crate::cluster::{LogReader, LogWriter, PartitionVault, Worker, WorkerParts};
use crate::config::{Cluster, Config, Role};
use crate::gate::{Counters, Gate, GateParts};
use crate::identity::{Identity, IdentityOptions};
use crate::intake::Intake;
use crate::lake::SharedLake;
use crate::pipeline::{Rules, Tail};
use crate::state::State;
use crate::stop::stopped;
use crate::ways::Ways;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{JoinSet, spawn_blocking};
use yagura_columns::Catalogue;

/// Directory of the vaults of a worker's partitions in the data directory.
pub const PARTITIONS_DIR: &str = "partitions";

/// Serves until `shutdown` completes. `ready` is told once, when everything is up.
pub(super) async fn serve(
    config: Config,
    cluster: Cluster,
    ready: oneshot::Sender<Ready>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let mut process = Process::open(&config, &cluster).await?;
    // The caller may have lost interest in the address, not in the server.
    let _ = ready.send(process.ready.clone());
    let expelled = tokio::select! {
        () = shutdown => None,
        error = process.expelled() => Some(error),
    };
    process.close().await;
    expelled.map_or(Ok(()), |error| Err(ServeError::of_log("the group of workers expelled this one", error)))
}

/// Everything that runs.
struct Process {
    ready: Ready,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    gate: Option<(Intake, Ways)>,
    worker: Option<Worker>,
    state: State,
}

/// What every role works with.
struct Common<'a> {
    config: &'a Config,
    cluster: &'a Cluster,
    identity: Arc<Identity>,
    state: State,
    health: Health,
    live: Live,
    stopping: watch::Receiver<bool>,
}

impl Process {
    async fn open(config: &Config, cluster: &Cluster) -> Result<Self, ServeError> {
        let has = |role| cluster.roles.contains(&role);
        let gate_socket = if has(Role::Gate) { Some(bind(config.gate).await?) } else { None };
        let api_socket = if has(Role::Api) { Some(bind(config.api).await?) } else { None };
        let status_socket = match config.status {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let directory = config.identity_dir.clone().unwrap_or_else(|| config.data_dir.join(IDENTITY_DIR));
        let options = IdentityOptions { directory, names: config.gate_names.clone(), now: clock::now() };
        let identity = Arc::new(Identity::open(&options)?);
        let state = State::connect(&config.state).await.map_err(|error| ServeError::of_state(&config.state, error))?;
        let rules = Rules::load(config.rules_dir.as_deref())?;
        let (stop, stopping) = watch::channel(false);
        let (health, live) = (Health::default(), Live::default());
        let common = Common { config, cluster, identity, state, health, live, stopping };
        let mut tasks = JoinSet::new();
        let mut ready = Ready {
            console_url: None,
            sign_in_link: None,
            gate_addr: gate_socket.as_ref().map(local).transpose()?,
            status_addr: status_socket.as_ref().map(local).transpose()?,
            ca_pem: common.identity.authority().pem().to_owned(),
            recovery: None,
            idsr: Vec::new(),
            rules: rules.book.len(),
            inside: None,
        };
        let gate = match gate_socket {
            Some(socket) => Some(common.gate(socket, &mut ready, &mut tasks).await?),
            None => None,
        };
        if let Some(socket) = api_socket {
            common.api(socket, &rules, &mut ready, &mut tasks).await?;
        }
        let worker = if has(Role::Worker) { Some(common.worker(rules).await?) } else { None };
        if let Some(socket) = status_socket {
            let readiness = Readiness::new(common.state.clone(), worker.as_ref().map(Worker::stages));
            tasks.spawn(serve_api(socket, status_router(readiness), common.stopping.clone()));
        }
        let state = common.state;
        Ok(Self { ready, stop, tasks, gate, worker, state })
    }

    /// Completes when the worker was expelled from its group.
    async fn expelled(&mut self) -> rdkafka::error::KafkaError {
        match &mut self.worker {
            Some(worker) => worker.expelled().await,
            None => std::future::pending().await,
        }
    }

    async fn close(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        if let Some((intake, ways)) = self.gate {
            ways.stop().await;
            intake.stop().await;
        }
        if let Some(worker) = self.worker {
            worker.stop().await;
        }
        self.state.close().await;
    }
}

impl Common<'_> {
    async fn gate(
        &self,
        socket: TcpListener,
        ready: &mut Ready,
        tasks: &mut JoinSet<()>,
    ) -> Result<(Intake, Ways), ServeError> {
        let log = self.cluster.log.clone();
        let writer = spawn_blocking(move || LogWriter::open(&log)).await?;
        let counters = Arc::new(Counters::default());
        let intake = Intake::to_log(writer?, self.state.clone(), Arc::clone(&counters));
        let ways = self.config.ways.clone();
        let ways = Ways::open(ways, &self.identity, &self.state, &intake, &counters, &self.stopping).await?;
        ready.idsr = ways.addresses().to_vec();
        let gate = Gate::new(GateParts {
            identity: Arc::clone(&self.identity),
            registry: Arc::new(self.state.clone()),
            intake: intake.clone(),
            counters: Arc::clone(&counters),
            quotas: self.config.quotas.clone(),
        })?;
        let gate = gate.merge(ways.router());
        tasks.spawn(gate.serve(socket, stopped(self.stopping.clone())));
        tasks.spawn(storage::watch(counters, self.health.clone(), stopped(self.stopping.clone())));
        Ok((intake, ways))
    }

    async fn api(
        &self,
        socket: TcpListener,
        rules: &Rules,
        ready: &mut Ready,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), ServeError> {
        let (config, address) = (self.config, local(&socket)?);
        let console_url = config.public_origins.first().cloned().unwrap_or_else(|| format!("http://{address}"));
        ready.sign_in_link = Some(leave_address(&self.state, config, &console_url).await?);
        ready.console_url = Some(console_url);
        let lake = SharedLake::open_at(&self.cluster.lake, 0, config.lake_care).await?;
        let lake = lake.map_err(|error| ServeError::of_lake(Path::new(&self.cluster.lake), error))?;
        let app = App {
            state: self.state.clone(),
            origins: Origins::of(address, &config.public_origins),
            vault: EvidenceLog::Log(LogReader::open(&self.cluster.log)?),
            vault_origin: vault_origin(&self.identity).as_str().into(),
            // The workers publish checkpoints, one a partition.
            checkpoint_file: config.data_dir.join("checkpoint").into(),
            lake,
            tail: Tail::default(),
            rules: Arc::new(rules.book.clone()),
            catalogue: Arc::new(Catalogue::builtin()),
            live: self.live.clone(),
            health: self.health.clone(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            stop: self.stopping.clone(),
            silent_after_us: config.silent_after_us,
        };
        tasks.spawn(serve_api(socket, crate::api::router(app), self.stopping.clone()));
        Ok(())
    }

    async fn worker(&self, rules: Rules) -> Result<Worker, ServeError> {
        let lake = self.cluster.lake.clone();
        let vaults = PartitionVault {
            dir: self.config.data_dir.join(PARTITIONS_DIR),
            origin: vault_origin(&self.identity),
            key: self.identity.vault_key().clone(),
        };
        let parts = WorkerParts {
            log: self.cluster.log.clone(),
            name: self.cluster.worker.clone(),
            vaults,
            state: self.state.clone(),
            lake,
            care: self.config.lake_care,
            rules,
            live: self.live.clone(),
            health: self.health.clone(),
        };
        Worker::start(parts).map_err(|error| ServeError::of_log("the worker cannot start", error))
    }
}
