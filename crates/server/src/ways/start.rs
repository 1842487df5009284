//! Starts and stops the ways in of a server.
//!
//! Not the gate. Invariant: after [`Ways::stop`] nothing more goes into the intake from here.

use super::counters::Counters;
use super::idsr::{self, Address, Feed};
use super::logs::{self, LogParts};
use super::mqtt::{self, MqttConfig, MqttParts};
use super::sources::{Sources, SourcesError};
use crate::gate;
use crate::identity::Identity;
use crate::intake::Intake;
use crate::state::State;
use axum::Router;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Which ways are open.
#[derive(Clone, Debug, Default)]
pub struct WaysConfig {
    /// Directory of sources files.
    pub sources: Option<PathBuf>,
    /// The broker.
    pub mqtt: Option<MqttConfig>,
    /// Where to listen for foreign sensors.
    pub idsr: Vec<Address>,
}

/// Why a way cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaysError {
    /// The sources cannot be used.
    #[error("sources")]
    Sources(#[from] SourcesError),
    /// A socket cannot be opened.
    #[error("cannot listen on {0}")]
    Bind(SocketAddr, #[source] std::io::Error),
}

/// The open ways.
pub struct Ways {
    tasks: JoinSet<()>,
    addresses: Vec<Address>,
    counters: Arc<Counters>,
    router: Router,
}

impl Ways {
    /// Opens them.
    ///
    /// # Errors
    /// [`WaysError`]
    pub async fn open(
        config: WaysConfig,
        identity: &Arc<Identity>,
        state: &State,
        intake: &Intake,
        gate: &Arc<gate::Counters>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Self, WaysError> {
        let counters = Arc::new(Counters::default());
        let sources = Arc::new(config.sources.as_deref().map(Sources::load).transpose()?.unwrap_or_default());
        let feed = Feed::start(Arc::clone(&sources), intake.clone(), Arc::clone(&counters));
        let (mut tasks, mut addresses) = (JoinSet::new(), Vec::new());
        for address in config.idsr {
            addresses.push(listen(address, &feed, stop, &mut tasks).await?);
        }
        if let Some(mqtt) = config.mqtt {
            let parts = MqttParts {
                identity: Arc::clone(identity),
                state: state.clone(),
                intake: intake.clone(),
                gate: Arc::clone(gate),
                counters: Arc::clone(&counters),
                foreign: Some(feed.clone()),
            };
            let mark = crate::auth::hex(identity.vault_key().verifying_key().as_bytes());
            let server = mark.get(..16).unwrap_or(&mark).to_owned();
            tasks.spawn(mqtt::serve(mqtt, parts, server, stop.clone()));
        }
        let router = logs::router(LogParts { sources, intake: intake.clone(), counters: Arc::clone(&counters) });
        Ok(Self { tasks, addresses, counters, router })
    }

    /// Endpoints to be added to the gate's.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Where it listens for foreign sensors, with the ports that the system chose.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// What is counted.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Waits until all ways are closed, after the order to stop.
    pub async fn stop(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn listen(
    address: Address,
    feed: &Feed,
    stop: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Result<Address, WaysError> {
    match address {
        Address::Udp(address) => {
            let refused = |error| WaysError::Bind(address, error);
            let socket = UdpSocket::bind(address).await.map_err(refused)?;
            let local = socket.local_addr().map_err(refused)?;
            tasks.spawn(idsr::serve_udp(socket, feed.clone(), stop.clone()));
            Ok(Address::Udp(local))
        }
        Address::Tcp(address) => {
            let refused = |error| WaysError::Bind(address, error);
            let listener = TcpListener::bind(address).await.map_err(refused)?;
            let local = listener.local_addr().map_err(refused)?;
            tasks.spawn(idsr::serve_tcp(listener, feed.clone(), stop.clone()));
            Ok(Address::Tcp(local))
        }
    }
}
