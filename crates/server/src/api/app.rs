//! What every handler of the API may use.
//!
//! Not a service locator for the rest of the crate: the gate and the pipeline get their parts by name. Cheap to clone.

use super::ApiError;
use super::evidence_log::EvidenceLog;
use super::live::{Health, Live};
use crate::auth::{Origins, Session};
use crate::clock;
use crate::evidence::reads::{Read, Reads, reason};
use crate::hunt::Hunts;
use crate::lake::SharedLake;
use crate::pipeline::{ActiveRules, Tail};
use crate::psirt::Knowledge;
use crate::records::device_of;
use crate::state::State;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use tokio::sync::{Semaphore, watch};
use yagura_columns::Catalogue;
use yagura_model::UnixMicros;
use yagura_store::Record;

/// What every handler of the API may use.
#[derive(Clone)]
pub struct App {
    /// Devices, people, alerts.
    pub state: State,
    /// Which pages may talk to the API.
    pub origins: Origins,
    /// The evidence.
    pub vault: EvidenceLog,
    /// The evidence log's name in its checkpoints.
    pub vault_origin: Arc<str>,
    /// Where its checkpoint is published.
    pub checkpoint_file: Arc<Path>,
    /// Analytical data.
    pub lake: SharedLake,
    /// Rows that are not in the lake yet.
    pub tail: Tail,
    /// The rules, which explain alerts.
    pub rules: ActiveRules,
    /// The advisories that SBOMs are matched with.
    pub knowledge: Knowledge,
    /// What events mean.
    pub catalogue: Arc<Catalogue>,
    /// Alerts as they are raised.
    pub live: Live,
    /// Who reads evidence.
    pub reads: Reads,
    /// What ails the server.
    pub health: Health,
    /// Hunts under way.
    pub hunts: Hunts,
    /// Room for streams.
    pub streams: Arc<Semaphore>,
    /// Turns true when the server ends; streams end with it.
    pub stop: watch::Receiver<bool>,
    /// After how many microseconds without a report a vehicle counts as silent.
    pub silent_after_us: i64,
}

impl App {
    /// The record at `position`; `None` if there is none.
    pub(crate) async fn record(&self, position: u64) -> Result<Option<Record>, ApiError> {
        let vault = self.vault.clone();
        let read = tokio::task::spawn_blocking(move || vault.record(position)).await;
        read.map_err(ApiError::internal)?.map_err(ApiError::internal)
    }

    /// Notes that somebody reads these records of the session's tenant.
    pub(crate) fn note_read(&self, session: &Session, how: &'static str, records: &[&Record], why: Option<&str>) {
        let positions: Vec<String> = records.iter().map(|record| record.position.to_string()).collect();
        if positions.is_empty() {
            return;
        }
        let read = Read {
            tenant: session.tenant().name(),
            by: session.person.user.clone(),
            how,
            asked: format!("record {}", positions.join(", ")),
            why: why.and_then(reason),
            device: records.first().and_then(|record| device_of(record)),
            records: positions.len() as u64,
        };
        self.reads.note(read, clock::now());
    }

    /// How many records the evidence has, and in how many partitions.
    pub(crate) async fn records(&self) -> Result<(u64, u16), ApiError> {
        let vault = self.vault.clone();
        let counted = tokio::task::spawn_blocking(move || vault.records()).await;
        counted.map_err(ApiError::internal)?.map_err(ApiError::internal)
    }

    /// When the newest checkpoint was published, by its file; `None` before the first.
    pub(crate) async fn checkpoint_time(&self) -> Option<UnixMicros> {
        let modified = tokio::fs::metadata(&self.checkpoint_file).await.ok()?.modified().ok()?;
        let since = modified.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_micros()).ok().map(UnixMicros)
    }
}
