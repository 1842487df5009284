//! The console and the API of a cluster: reads what the workers wrote to the state and to the lake.
//!
//! Not a worker: it judges nothing and owns no partition, so several of them serve side by side.

use super::Common;
use crate::api::{App, EvidenceLog, Live, STREAMS_MAX, follow};
use crate::auth::Origins;
use crate::cluster::{Archives, LogReader, LogWriter};
use crate::evidence::reads::{self, Reads};
use crate::hunt::Hunts;
use crate::intake::Intake;
use crate::lake::SharedLake;
use crate::pipeline::{ActiveRules, Tail};
use crate::serve::{Ready, ServeError, leave_address, local, vault_origin};
use crate::stop::stopped;
use axum::Router;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use yagura_columns::Catalogue;

/// What is served when the process is open.
pub(super) struct Api {
    pub(super) socket: TcpListener,
    pub(super) router: Router,
}

impl Common<'_> {
    pub(super) async fn api(
        &mut self,
        socket: TcpListener,
        rules: &ActiveRules,
        ready: &mut Ready,
        tasks: &mut JoinSet<()>,
    ) -> Result<Api, ServeError> {
        let (config, address) = (self.config, local(&socket)?);
        let console_url = config.public_origins.first().cloned().unwrap_or_else(|| format!("http://{address}"));
        ready.sign_in_link = Some(leave_address(&self.state, config, &console_url).await?);
        ready.console_url = Some(console_url);
        let lake = SharedLake::reader(&self.cluster.lake, config.lake_care).await?;
        let lake = lake.map_err(|error| ServeError::of_lake(Path::new(&self.cluster.lake), error))?;
        self.parts.lake = Some(lake.clone());
        let live = Live::default();
        let following =
            follow(self.state.clone(), live.clone(), self.parts.health.clone(), stopped(self.stopping.clone()));
        tasks.spawn(following);
        let archives = Archives::new(&self.cluster.objects, self.identity.vault_key().verifying_key());
        let reads = Reads::default();
        tasks.spawn(keep_reads(reads.clone(), self.writes().await?, self.stopping.clone()));
        let app = App {
            reads,
            state: self.state.clone(),
            origins: Origins::of(address, &config.public_origins),
            vault: EvidenceLog::Log(LogReader::open(&self.cluster.log).map_err(ServeError::of_client)?, archives),
            vault_origin: vault_origin(&self.identity).as_str().into(),
            // The workers publish checkpoints, one a partition.
            checkpoint_file: config.data_dir.join("checkpoint").into(),
            lake,
            tail: Tail::default(),
            rules: rules.clone(),
            knowledge: self.knowledge.clone(),
            catalogue: Arc::new(Catalogue::builtin()),
            live,
            health: self.parts.health.clone(),
            hunts: Hunts::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            stop: self.stopping.clone(),
            silent_after_us: config.silent_after_us,
        };
        Ok(Api { socket, router: crate::api::router(app) })
    }

    /// Where the records of what people read go: to the log, like those of devices.
    async fn writes(&self) -> Result<Intake, ServeError> {
        let writer = LogWriter::open(&self.cluster.log, self.topics().await?).map_err(ServeError::of_client)?;
        Ok(Intake::to_log(writer, self.state.clone(), Arc::default()))
    }
}

async fn keep_reads(reads: Reads, intake: Intake, stop: watch::Receiver<bool>) {
    reads::keep(reads, intake.clone(), stop).await;
    intake.stop().await;
}
