//! A whole server: opens everything in order, says that it is ready, serves until it is told to stop, closes in order.
//!
//! Prints nothing: the caller gets a [`Ready`] and does. Order of opening: sockets (a taken port costs nothing), keys, vault (whose
//! lock keeps a second server out), state, lake, intake, pipeline, gate, API. Order of closing: streams and API, gate, intake,
//! pipeline, state; so every report that got a receipt is in the vault, and almost all of it in the views.

mod cluster;
mod error;
mod status;
mod storage;

pub use cluster::PARTITIONS_DIR;
pub use error::{Blame, ServeError};

use crate::api::{App, EvidenceLog, Health, Live, STREAMS_MAX};
use crate::auth::{CONSOLE_URL, OPERATOR, OPERATOR_TENANT, Origins, SignInLink, mint_sign_in_link};
use crate::clock;
use crate::config::Config;
use crate::evidence::inbox::INBOX_DIR;
use crate::evidence::keeper;
use crate::evidence::reads::{self, Reads};
use crate::evidence::stamper::Stamper;
use crate::facts;
use crate::gate::{Counters, Gate, GateParts, Quotas};
use crate::happenings::{Started, Stopped, emit};
use crate::hunt::Hunts;
use crate::identity::{Identity, IdentityOptions};
use crate::intake::Intake;
use crate::lake::SharedLake;
use crate::metrics::{Metrics, Owned, PartitionParts, ServerParts};
use crate::pipeline::{ActiveRules, Ordered, Parts, Pipeline, RuleCosts, Rules, Tail};
use crate::psirt::Knowledge;
use crate::state::{Partition, PartitionNumber, Person, State};
use crate::stop::stopped;
use crate::ways::{Ways, idsr};
use axum::Router;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;
use yagura_columns::Catalogue;
use yagura_detect::Facts;
use yagura_store::objects::{self, Objects};
use yagura_store::{Archiver, Recovery, Repair, Vault, VaultOptions, VaultReader};

/// File of the state in the data directory.
pub const STATE_FILE: &str = "state.db";
/// Directory of the evidence in the data directory.
pub const VAULT_DIR: &str = "vault";
/// Directory of the analytical tables in the data directory.
pub const LAKE_DIR: &str = "lake";
/// Directory of keys and certificates in the data directory.
pub const IDENTITY_DIR: &str = "identity";

/// How long API requests under way may take after the order to stop.
const API_DRAIN_MAX: Duration = Duration::from_secs(5);

/// What a server that is up says about itself.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Where people look, if this process serves them.
    pub console_url: Option<String>,
    /// Signs the operator in, once.
    pub sign_in_link: Option<SignInLink>,
    /// Where devices report, if this process takes reports.
    pub gate_addr: Option<SocketAddr>,
    /// Where `/healthz` and `/readyz` answer, if anywhere.
    pub status_addr: Option<SocketAddr>,
    /// Where foreign sensors send to.
    pub idsr: Vec<idsr::Address>,
    /// The root certificate that devices and verifiers trust, PEM.
    pub ca_pem: String,
    /// What the vault found and mended, if anything.
    pub recovery: Option<Recovery>,
    /// How many rules are active.
    pub rules: usize,
    /// For programs that run a server within themselves.
    pub inside: Option<Inside>,
}

/// What a program that runs a server within itself may use besides its sockets; `yagura bench` does.
#[derive(Clone, Debug)]
pub struct Inside {
    /// Takes verified reports, as the gate gives them to it.
    pub intake: Intake,
    /// How many records are durable, as it grows.
    pub durable: watch::Receiver<u64>,
    /// The next record to be judged, as it grows.
    pub position: watch::Receiver<u64>,
}

/// Serves until `shutdown` completes. `ready` is told once, when everything is up.
///
/// # Errors
/// [`ServeError`], by who must act.
pub async fn serve(
    config: Config,
    ready: oneshot::Sender<Ready>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    if let Some(process) = config.cluster.clone() {
        return cluster::serve(config, process, ready, shutdown).await;
    }
    let server = Server::open(config).await?;
    emit(&Started {
        console: server.ready.console_url.as_deref().unwrap_or_default(),
        gate: &server.ready.gate_addr.map(|address| address.to_string()).unwrap_or_default(),
        records: server.vault.len(),
    });
    // The caller may have lost interest in the address, not in the server.
    let _ = ready.send(server.ready.clone());
    shutdown.await;
    server.close().await;
    Ok(())
}

/// Everything that runs.
struct Server {
    ready: Ready,
    stop: watch::Sender<bool>,
    gate: JoinHandle<()>,
    ways: Ways,
    api: JoinHandle<()>,
    storage: JoinHandle<()>,
    keeper: JoinHandle<()>,
    stamper: Option<JoinHandle<()>>,
    reads: JoinHandle<()>,
    intake: Intake,
    pipeline: Pipeline,
    state: State,
    vault: VaultReader,
    /// For as long as the metrics tell of the partition.
    _owned: Owned,
}

/// What is opened before anything runs.
struct Opened {
    identity: Arc<Identity>,
    state: State,
    partition: Partition,
    lake: SharedLake,
    intake: Intake,
    reader: VaultReader,
    durable: watch::Receiver<u64>,
    counters: Arc<Counters>,
    recovery: Recovery,
    vault_origin: String,
    archiver: Option<Archiver>,
}

impl Server {
    async fn open(config: Config) -> Result<Self, ServeError> {
        let api_socket = bind(config.api).await?;
        let gate_socket = bind(config.gate).await?;
        let (api_addr, gate_addr) = (local(&api_socket)?, local(&gate_socket)?);
        let rules = Rules::load(&config.rules)?;
        let rules_count = rules.book.len();
        let mut opened = Opened::open(&config).await?;
        let console_url = config.public_origins.first().cloned().unwrap_or_else(|| format!("http://{api_addr}"));
        let sign_in_link = leave_address(&opened.state, &config, &console_url).await?;
        let (stop, stopping) = watch::channel(false);
        let common = Common { knowledge: Knowledge::of(&config.advisories_dir), ..Common::default() };
        let stamper = opened.stamper(&config, &common.health, &stopping).await?;
        let (keeper, gate) = (opened.keeper(&config, &common.health), opened.gate(config.quotas.clone())?);
        let rules = opened.rules(rules, &config, &common.health, &stopping).await?;
        let app = opened.app(&config, (api_addr, &rules), &common, stopping.clone());
        let costs = rules.costs().clone();
        let pipeline = opened.pipeline(rules, &common).await?;
        let recovery = Some(opened.recovery.clone()).filter(|it| it.cut.is_some() || it.repair != Repair::Nothing);
        let ca_pem = opened.identity.authority().pem().to_owned();
        let (identity, intake, state) = (&opened.identity, &opened.intake, &opened.state);
        let ways = Ways::open(config.ways, identity, state, intake, &opened.counters, &stopping).await?;
        let (owned, metrics) = opened.metrics((&pipeline, costs), &ways, &common);
        let status_socket = match config.status {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let (durable, position) = (opened.durable, pipeline.position());
        let ready = Ready {
            console_url: Some(console_url),
            sign_in_link: Some(sign_in_link),
            gate_addr: Some(gate_addr),
            status_addr: status_socket.as_ref().map(local).transpose()?,
            idsr: ways.addresses().to_vec(),
            ca_pem,
            recovery,
            rules: rules_count,
            inside: Some(Inside { intake: opened.intake.clone(), durable, position }),
        };
        let gate = gate.merge(ways.router());
        let gate = tokio::spawn(gate.serve(gate_socket, stopped(stopping.clone())));
        let router = crate::api::router(app).merge(metrics.routes());
        let api = tokio::spawn(serve_api(api_socket, router, stopping.clone()));
        let keeper = tokio::spawn(keeper::keep(keeper, stopping.clone()));
        let reads = tokio::spawn(reads::keep(common.reads, opened.intake.clone(), stopping.clone()));
        let ready_stop = stopping.clone();
        let storage = tokio::spawn(storage::watch(opened.counters, common.health, stopped(stopping)));
        if let Some(socket) = status_socket {
            let readiness = status::Readiness::new(opened.state.clone(), None);
            let router = status::status_router(readiness).merge(metrics.routes());
            tokio::spawn(serve_api(socket, router, ready_stop));
        }
        let vault = opened.reader;
        Ok(Self {
            ready,
            stop,
            gate,
            ways,
            api,
            storage,
            keeper,
            stamper,
            reads,
            intake: opened.intake,
            pipeline,
            state: opened.state,
            vault,
            _owned: owned,
        })
    }

    /// Stops in order. A task that panicked has said so; the others still close.
    async fn close(self) {
        self.stop.send_replace(true);
        let (_, _, _, _, ()) = tokio::join!(self.api, self.gate, self.storage, self.keeper, self.ways.stop());
        if let Some(stamper) = self.stamper {
            // A panic has said so itself.
            let _ = stamper.await;
        }
        // The last reads are recorded before nothing is taken any more.
        let _ = self.reads.await;
        self.intake.stop().await;
        let position = self.pipeline.stop().await;
        self.state.close().await;
        emit(&Stopped { position });
    }
}

/// What pipeline and API share.
#[derive(Default)]
struct Common {
    health: Health,
    live: Live,
    tail: Tail,
    reads: Reads,
    knowledge: Knowledge,
}

impl Opened {
    /// The rules at work: they know the register, and are followed as they change.
    async fn rules(
        &self,
        rules: Rules,
        config: &Config,
        health: &Health,
        stopping: &watch::Receiver<bool>,
    ) -> Result<ActiveRules, ServeError> {
        let facts = Facts::default();
        facts::learn_all(&self.state, &facts).await.map_err(|error| ServeError::of_state(&config.state, error))?;
        tokio::spawn(facts::attend(self.state.clone(), facts.clone(), stopping.clone()));
        let attended =
            ActiveRules::attended(rules.with_facts(facts), config.rules.clone(), health.clone(), stopping.clone());
        Ok(attended.with_budget(config.rule_cost_max))
    }

    /// The pipeline, running.
    async fn pipeline(&self, rules: ActiveRules, common: &Common) -> Result<Pipeline, ServeError> {
        let parts = Parts {
            state: self.state.clone(),
            partition: self.partition.clone(),
            ordered: Ordered::Before,
            vault: self.reader.clone(),
            durable: self.durable.clone(),
            vouched: self.intake.vouched(),
            lake: self.lake.clone(),
            tail: common.tail.clone(),
            live: common.live.clone(),
            health: common.health.clone(),
            rules,
            knowledge: common.knowledge.clone(),
            matches: None,
        };
        Ok(Pipeline::start(parts).await?)
    }

    /// What this server tells at `/metrics`: all parts, and its partition for as long as the first value is held.
    fn metrics(&self, (pipeline, costs): (&Pipeline, RuleCosts), ways: &Ways, common: &Common) -> (Owned, Metrics) {
        let parts = ServerParts {
            gate: Some(Arc::clone(&self.counters)),
            ways: Some(ways.counters()),
            lake: Some(self.lake.clone()),
            health: common.health.clone(),
            costs,
            ..ServerParts::default()
        };
        let told = PartitionParts {
            vault: self.reader.clone(),
            position: pipeline.position(),
            tail: common.tail.clone(),
            epoch: self.partition.epoch(),
            log_end: None,
        };
        (parts.partitions.own(self.partition.number().get(), told), parts.metrics())
    }

    /// What the API works with.
    fn app(
        &self,
        config: &Config,
        (address, rules): (SocketAddr, &ActiveRules),
        common: &Common,
        stop: watch::Receiver<bool>,
    ) -> App {
        App {
            state: self.state.clone(),
            origins: Origins::of(address, &config.public_origins),
            vault: EvidenceLog::Vault(self.reader.clone()),
            vault_origin: self.vault_origin.as_str().into(),
            checkpoint_file: config.data_dir.join(VAULT_DIR).join("checkpoint").into(),
            lake: self.lake.clone(),
            tail: common.tail.clone(),
            rules: rules.clone(),
            knowledge: common.knowledge.clone(),
            catalogue: Arc::new(Catalogue::builtin()),
            live: common.live.clone(),
            reads: common.reads.clone(),
            health: common.health.clone(),
            hunts: Hunts::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            stop,
            silent_after_us: config.silent_after_us,
        }
    }

    /// The gate, closed.
    fn gate(&self, quotas: Quotas) -> Result<Gate<State>, ServeError> {
        Ok(Gate::new(GateParts {
            identity: Arc::clone(&self.identity),
            registry: Arc::new(self.state.clone()),
            intake: self.intake.clone(),
            counters: Arc::clone(&self.counters),
            quotas,
        })?)
    }

    /// What keeps the evidence in the background.
    fn keeper(&mut self, config: &Config, health: &Health) -> keeper::Parts {
        keeper::Parts {
            vault: self.reader.clone(),
            custodian: keeper::Custodian::Intake(self.intake.clone()),
            archiver: self.archiver.take(),
            evidence: config.evidence.clone(),
            inbox: Some(config.data_dir.join(INBOX_DIR)),
            health: health.clone(),
        }
    }

    /// What asks for time stamps, running.
    async fn stamper(
        &self,
        config: &Config,
        health: &Health,
        stop: &watch::Receiver<bool>,
    ) -> Result<Option<JoinHandle<()>>, ServeError> {
        let Some(stamping) = config.evidence.stamping.clone() else { return Ok(None) };
        let vault = self.reader.clone();
        let stamper = tokio::task::spawn_blocking(move || Stamper::new(vault, stamping)).await?;
        let stamper = stamper.map_err(|error| ServeError::of_stamper(&config.data_dir.join(VAULT_DIR), error))?;
        Ok(Some(tokio::spawn(stamper.run(health.clone(), stop.clone()))))
    }

    async fn open(config: &Config) -> Result<Self, ServeError> {
        let dir = &config.data_dir;
        std::fs::create_dir_all(dir).map_err(|source| ServeError::of_io(dir, source))?;
        let identity = identity(config)?;
        let key = identity.vault_key();
        let vault_origin = vault_origin(&identity);
        let options = VaultOptions {
            dir: dir.join(VAULT_DIR),
            origin: vault_origin.clone(),
            key: key.clone(),
            segment_bytes: VaultOptions::SEGMENT_BYTES,
        };
        let objects = config.objects.as_deref().map(archive).transpose()?;
        let behind = objects.clone();
        let opened = tokio::task::spawn_blocking(move || match behind {
            Some(objects) => Vault::restore_from(objects, options),
            None => Vault::open(options),
        })
        .await?;
        let (vault, recovery) = opened.map_err(|error| ServeError::of_vault(&dir.join(VAULT_DIR), error))?;
        let archiver = keeper::archiver(&vault.reader(), objects.as_ref(), &vault_origin, key);
        let archiver = archiver.map_err(|error| ServeError::of_vault(&dir.join(VAULT_DIR), error))?;
        let state = State::connect(&config.state).await.map_err(|error| ServeError::of_state(&config.state, error))?;
        let partition = state.take_over(PartitionNumber::SINGLE).await?;
        let lake_dir = dir.join(LAKE_DIR);
        let lake = SharedLake::open_at(&lake_dir.to_string_lossy(), 0, config.lake_care).await?;
        let lake = lake.map_err(|error| ServeError::of_lake(&lake_dir, error))?;
        let counters = Arc::new(Counters::default());
        let counting = Arc::clone(&counters);
        let reader = vault.reader();
        let intake = tokio::task::spawn_blocking(move || Intake::open(vault, counting)).await?;
        let intake = intake.map_err(|error| ServeError::of_intake(&dir.join(VAULT_DIR), error))?;
        let durable = intake.durable().unwrap_or_else(|| watch::channel(0).1);
        let identity = Arc::new(identity);
        Ok(Self {
            identity,
            state,
            partition,
            lake,
            intake,
            reader,
            durable,
            counters,
            recovery,
            vault_origin,
            archiver,
        })
    }
}

/// The archive below the object store's URL.
fn archive(url: &str) -> Result<Arc<dyn Objects>, ServeError> {
    objects::open(&format!("{}/vault", url.trim_end_matches('/'))).map_err(ServeError::Objects)
}

/// The evidence log's name in its checkpoints.
fn vault_origin(identity: &Identity) -> String {
    let mark = crate::auth::hex(identity.vault_key().verifying_key().as_bytes());
    format!("yagura.local/{}", mark.get(..16).unwrap_or(&mark))
}

fn identity(config: &Config) -> Result<Identity, ServeError> {
    let directory = config.identity_dir.clone().unwrap_or_else(|| config.data_dir.join(IDENTITY_DIR));
    let options = IdentityOptions { directory, names: config.gate_names.clone(), now: clock::now() };
    Ok(Identity::open(&options)?)
}

/// Leaves in the state what `yagura sign-in-link` needs, and makes the first link.
async fn leave_address(state: &State, config: &Config, console_url: &str) -> Result<SignInLink, ServeError> {
    state.set_setting(CONSOLE_URL, console_url).await?;
    state.set_setting(OPERATOR_TENANT, config.tenant.as_str()).await?;
    let operator = Person { tenant: config.tenant, user: OPERATOR.to_owned() };
    Ok(mint_sign_in_link(state, console_url, &operator).await?)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::of_bind(address, source))
}

fn local(socket: &TcpListener) -> Result<SocketAddr, ServeError> {
    socket.local_addr().map_err(|source| ServeError::of_io(Path::new("socket"), source))
}

async fn serve_api(socket: TcpListener, router: Router, stop: watch::Receiver<bool>) {
    let serving = axum::serve(socket, router).with_graceful_shutdown(stopped(stop.clone()));
    let drained = async {
        stopped(stop).await;
        tokio::time::sleep(API_DRAIN_MAX).await;
    };
    tokio::select! {
        _ = async { serving.await } => {}
        () = drained => {}
    }
}
