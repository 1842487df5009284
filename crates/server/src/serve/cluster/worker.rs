//! The worker of a cluster: judges the partitions that its group gives it, and keeps their evidence.
//!
//! Not the group (that is `crate::cluster::worker`): gives it what it works with.

use super::Common;
use crate::cluster::{LogWriter, MatchWriter, PartitionVault, Worker, WorkerParts, attend_inbox};
use crate::evidence::inbox::INBOX_DIR;
use crate::pipeline::ActiveRules;
use crate::serve::{ServeError, vault_origin};
use tokio::task::JoinSet;

/// Directory of the vaults of a worker's partitions in the data directory.
pub const PARTITIONS_DIR: &str = "partitions";

impl Common<'_> {
    pub(super) async fn worker(&mut self, rules: ActiveRules, tasks: &mut JoinSet<()>) -> Result<Worker, ServeError> {
        let (topics, lake) = (self.topics().await?, self.cluster.lake.clone());
        let vaults = PartitionVault {
            dir: self.config.data_dir.join(PARTITIONS_DIR),
            origin: vault_origin(&self.identity),
            key: self.identity.vault_key().clone(),
            objects: self.cluster.objects.clone(),
            segment_bytes: PartitionVault::pinned_segment_bytes(&self.state).await?,
        };
        let records = LogWriter::open(&self.cluster.log, topics).map_err(ServeError::of_client)?;
        // Beside the vaults, where the command line leaves it.
        let inbox = vaults.dir.join(INBOX_DIR);
        tasks.spawn(attend_inbox(inbox, records.clone(), self.stopping.clone()));
        let parts = WorkerParts {
            log: self.cluster.log.clone(),
            topics,
            matches: MatchWriter::open(&self.cluster.log, topics).map_err(ServeError::of_client)?,
            name: self.cluster.worker.clone(),
            vaults,
            records,
            evidence: self.config.evidence.clone(),
            state: self.state.clone(),
            lake,
            care: self.config.lake_care,
            rules,
            knowledge: self.knowledge.clone(),
            health: self.parts.health.clone(),
            told: self.parts.partitions.clone(),
        };
        let worker = Worker::start(parts).map_err(|error| ServeError::of_log("the worker cannot start", error))?;
        self.parts.stages = Some(worker.stages());
        Ok(worker)
    }
}
