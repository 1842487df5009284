//! The worker of a cluster: judges the partitions that its group gives it, and keeps their evidence.
//!
//! Not the group (that is `crate::cluster::worker`): gives it what it works with.

use super::Common;
use crate::cluster::{PartitionVault, Worker, WorkerParts};
use crate::pipeline::Rules;
use crate::serve::{ServeError, vault_origin};

/// Directory of the vaults of a worker's partitions in the data directory.
pub const PARTITIONS_DIR: &str = "partitions";

impl Common<'_> {
    pub(super) async fn worker(&mut self, rules: Rules) -> Result<Worker, ServeError> {
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
            health: self.parts.health.clone(),
            told: self.parts.partitions.clone(),
        };
        let worker = Worker::start(parts).map_err(|error| ServeError::of_log("the worker cannot start", error))?;
        self.parts.stages = Some(worker.stages());
        Ok(worker)
    }
}
