//! One process of a cluster: the roles that it has, opened in order, closed in order.
//!
//! Not a single node (that is `serve` itself). Order of opening: sockets, keys, state, log, gate, worker, API. Order of closing: API and
//! gate, intake, worker, state; so every receipt is for what the broker has, and a worker lets go of its partitions flushed. A worker that
//! the broker expels ends the process: another one runs under its name.

mod api;
mod gate;
mod worker;

use api::Api;
pub use worker::PARTITIONS_DIR;

use super::status::{Readiness, status_router};
use super::{IDENTITY_DIR, Ready, ServeError, bind, local, serve_api};
use crate::clock;
use crate::cluster::{Topics, Worker};
use crate::config::{Cluster, Config, Role};
use crate::facts;
use crate::identity::{Identity, IdentityOptions};
use crate::intake::Intake;
use crate::metrics::ServerParts;
use crate::pipeline::{ActiveRules, Rules};
use crate::psirt::Knowledge;
use crate::state::State;
use crate::ways::Ways;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use yagura_detect::Facts;

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
    knowledge: Knowledge,
    /// What metrics tell: each role adds what it has.
    parts: ServerParts,
    stopping: watch::Receiver<bool>,
}

impl Common<'_> {
    /// How many partitions there are, as the cluster began with.
    async fn topics(&self) -> Result<Topics, ServeError> {
        Topics::pinned(&self.cluster.log, &self.state).await.map_err(ServeError::of_topics)
    }
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
        let rules = Rules::load(&config.rules)?;
        let (stop, stopping) = watch::channel(false);
        let mut parts = ServerParts::default();
        let facts = Facts::default();
        if has(Role::Worker) || has(Role::Api) {
            facts::learn_all(&state, &facts).await.map_err(|error| ServeError::of_state(&config.state, error))?;
            tokio::spawn(facts::attend(state.clone(), facts.clone(), stopping.clone()));
        }
        let rules = rules.with_facts(facts);
        let rules = ActiveRules::attended(rules, config.rules.clone(), parts.health.clone(), stopping.clone())
            .with_budget(config.rule_cost_max);
        parts.costs = rules.costs().clone();
        let knowledge = Knowledge::of(&config.advisories_dir);
        let mut common = Common { config, cluster, identity, state, knowledge, parts, stopping };
        let mut tasks = JoinSet::new();
        let mut ready = Ready {
            console_url: None,
            sign_in_link: None,
            gate_addr: gate_socket.as_ref().map(local).transpose()?,
            status_addr: status_socket.as_ref().map(local).transpose()?,
            ca_pem: common.identity.authority().pem().to_owned(),
            recovery: None,
            idsr: Vec::new(),
            rules: rules.now().book.len(),
            inside: None,
        };
        let gate = match gate_socket {
            Some(socket) => Some(common.gate(socket, &mut ready, &mut tasks).await?),
            None => None,
        };
        let api = match api_socket {
            Some(socket) => Some(common.api(socket, &rules, &mut ready, &mut tasks).await?),
            None => None,
        };
        let worker = if has(Role::Worker) { Some(common.worker(rules, &mut tasks).await?) } else { None };
        let metrics = common.parts.metrics();
        if let Some(socket) = status_socket {
            let readiness = Readiness::new(common.state.clone(), worker.as_ref().map(Worker::stages));
            let router = status_router(readiness).merge(metrics.routes());
            tasks.spawn(serve_api(socket, router, common.stopping.clone()));
        }
        if let Some(Api { socket, router }) = api {
            tasks.spawn(serve_api(socket, router.merge(metrics.routes()), common.stopping.clone()));
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
