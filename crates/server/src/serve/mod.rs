//! A whole server: opens everything in order, says that it is ready, serves until it is told to stop, closes in order.
//!
//! Prints nothing: the caller gets a [`Ready`] and does. Order of opening: sockets (a taken port costs nothing), keys, vault (whose
//! lock keeps a second server out), state, lake, intake, pipeline, gate, API. Order of closing: streams and API, gate, intake,
//! pipeline, state; so every report that got a receipt is in the vault, and almost all of it in the views.

mod error;
mod storage;

pub use error::{Blame, ServeError};

use crate::api::{App, Health, Live, STREAMS_MAX};
use crate::auth::{CONSOLE_URL, OPERATOR, OPERATOR_TENANT, Origins, SignInLink, mint_sign_in_link};
use crate::clock;
use crate::config::Config;
use crate::gate::{Counters, Gate, GateParts};
use crate::happenings::{GateLimited, Started, Stopped, emit};
use crate::identity::{Identity, IdentityOptions};
use crate::intake::Intake;
use crate::lake::SharedLake;
use crate::pipeline::{Ordered, Parts, Pipeline, Rules, Tail};
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
use yagura_store::{Recovery, Repair, Vault, VaultOptions, VaultReader};

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
    /// Where people look.
    pub console_url: String,
    /// Signs the operator in, once.
    pub sign_in_link: SignInLink,
    /// Where devices report.
    pub gate_addr: SocketAddr,
    /// Where foreign sensors send to.
    pub idsr: Vec<idsr::Address>,
    /// The root certificate that devices and verifiers trust, PEM.
    pub ca_pem: String,
    /// What the vault found and mended, if anything.
    pub recovery: Option<Recovery>,
    /// How many rules are active.
    pub rules: usize,
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
    let server = Server::open(config).await?;
    emit(&Started {
        console: &server.ready.console_url,
        gate: &server.ready.gate_addr.to_string(),
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
    intake: Intake,
    pipeline: Pipeline,
    state: State,
    vault: VaultReader,
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
}

impl Server {
    async fn open(config: Config) -> Result<Self, ServeError> {
        let api_socket = bind(config.api).await?;
        let gate_socket = bind(config.gate).await?;
        let (api_addr, gate_addr) = (local(&api_socket)?, local(&gate_socket)?);
        let rules = Rules::load(config.rules_dir.as_deref())?;
        let rules_count = rules.book.len();
        let opened = Opened::open(&config).await?;
        let console_url = config.public_origins.first().cloned().unwrap_or_else(|| format!("http://{api_addr}"));
        let sign_in_link = leave_address(&opened.state, &config, &console_url).await?;
        let (stop, stopping) = watch::channel(false);
        let (health, live, tail) = (Health::default(), Live::default(), Tail::default());
        let book = Arc::new(rules.book.clone());
        let pipeline = Pipeline::start(Parts {
            state: opened.state.clone(),
            partition: opened.partition,
            ordered: Ordered::Before,
            vault: opened.reader.clone(),
            durable: opened.durable,
            lake: opened.lake.clone(),
            tail: tail.clone(),
            live: live.clone(),
            health: health.clone(),
            rules,
        })
        .await?;
        let app = App {
            state: opened.state.clone(),
            origins: Origins::of(api_addr, &config.public_origins),
            vault: opened.reader.clone(),
            vault_origin: opened.vault_origin.as_str().into(),
            checkpoint_file: config.data_dir.join(VAULT_DIR).join("checkpoint").into(),
            lake: opened.lake.clone(),
            tail,
            rules: book,
            catalogue: Arc::new(Catalogue::builtin()),
            live,
            health: health.clone(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            stop: stopping.clone(),
            silent_after_us: config.silent_after_us,
        };
        let recovery = Some(opened.recovery).filter(|it| it.cut.is_some() || it.repair != Repair::Nothing);
        let ca_pem = opened.identity.authority().pem().to_owned();
        let (identity, intake, state) = (&opened.identity, &opened.intake, &opened.state);
        let ways = Ways::open(config.ways, identity, state, intake, &opened.counters, &stopping).await?;
        let idsr = ways.addresses().to_vec();
        let ready = Ready { console_url, sign_in_link, gate_addr, idsr, ca_pem, recovery, rules: rules_count };
        let gate = Gate::new(GateParts {
            identity: opened.identity,
            registry: Arc::new(opened.state.clone()),
            intake: opened.intake.clone(),
            counters: Arc::clone(&opened.counters),
            quotas: config.quotas,
        })?;
        let gate = gate.merge(ways.router());
        let capacity = gate.capacity();
        if capacity.is_limited() {
            emit(&GateLimited { capacity });
        }
        let gate = tokio::spawn(gate.serve(gate_socket, stopped(stopping.clone())));
        let api = tokio::spawn(serve_api(api_socket, crate::api::router(app), stopping.clone()));
        let storage = tokio::spawn(storage::watch(opened.counters, health, stopped(stopping)));
        let vault = opened.reader;
        Ok(Self { ready, stop, gate, ways, api, storage, intake: opened.intake, pipeline, state: opened.state, vault })
    }

    /// Stops in order. A task that panicked has said so; the others still close.
    async fn close(self) {
        self.stop.send_replace(true);
        let (_, _, _, ()) = tokio::join!(self.api, self.gate, self.storage, self.ways.stop());
        self.intake.stop().await;
        let position = self.pipeline.stop().await;
        self.state.close().await;
        emit(&Stopped { position });
    }
}

impl Opened {
    async fn open(config: &Config) -> Result<Self, ServeError> {
        let dir = &config.data_dir;
        std::fs::create_dir_all(dir).map_err(|source| ServeError::of_io(dir, source))?;
        let identity = identity(config)?;
        let key = identity.vault_key();
        let mark = crate::auth::hex(key.verifying_key().as_bytes());
        let vault_origin = format!("yagura.local/{}", mark.get(..16).unwrap_or(&mark));
        let options = VaultOptions {
            dir: dir.join(VAULT_DIR),
            origin: vault_origin.clone(),
            key: key.clone(),
            segment_bytes: VaultOptions::SEGMENT_BYTES,
        };
        let opened = tokio::task::spawn_blocking(move || Vault::open(options)).await?;
        let (vault, recovery) = opened.map_err(|error| ServeError::of_vault(&dir.join(VAULT_DIR), error))?;
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
        Ok(Self { identity, state, partition, lake, intake, reader, durable, counters, recovery, vault_origin })
    }
}

fn identity(config: &Config) -> Result<Identity, ServeError> {
    let directory = config.data_dir.join(IDENTITY_DIR);
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
