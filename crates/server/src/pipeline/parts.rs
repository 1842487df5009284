//! What a pipeline is given, and why it may not start.
//!
//! Nothing happens here: `runner` does it.

use super::active::ActiveRules;
use super::tail::Tail;
use crate::api::{Health, Live};
use crate::cluster::MatchWriter;
use crate::intake::Vouched;
use crate::lake::SharedLake;
use crate::psirt::Knowledge;
use crate::state::{Partition, State, StateError};
use tokio::sync::watch;
use yagura_store::{VaultError, VaultReader};

/// What the pipeline works with.
pub struct Parts {
    /// Where it looks devices up.
    pub state: State,
    /// Where it writes what records mean, as the owner of the partition.
    pub partition: Partition,
    /// Who judges the order of reports.
    pub ordered: Ordered,
    /// What it reads.
    pub vault: VaultReader,
    /// How many records are durable.
    pub durable: watch::Receiver<u64>,
    /// What needs no second look at its signature.
    pub vouched: Vouched,
    /// Where rows go.
    pub lake: SharedLake,
    /// Where rows wait.
    pub tail: Tail,
    /// Who looks now.
    pub live: Live,
    /// What ails the server.
    pub health: Health,
    /// The advisories that products are matched with.
    pub knowledge: Knowledge,
    /// By what it judges.
    pub rules: ActiveRules,
    /// Where what concerns the whole fleet is sent, to be judged by others; `None`: it is judged here.
    pub matches: Option<MatchWriter>,
}

/// Who judges whether a report is the next of its device, again, or out of place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ordered {
    /// The intake has: what is in the vault is in order.
    Before,
    /// The pipeline does: the vault is a copy of a log in which reports may be repeated or out of place.
    Here,
}

/// Why the pipeline cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The vault cannot be read.
    #[error("the vault cannot be read to rebuild the chains of the devices")]
    Vault(#[from] VaultError),
    /// The start ended by a panic.
    #[error("the start of the pipeline ended by a panic")]
    Panic(#[from] tokio::task::JoinError),
    /// Records that were judged are not in the vault any more: it was cut, or is an older copy. The operator restores it.
    #[error("{judged} records were judged, but the vault has {records}: records were lost, or it is an older copy")]
    AheadOfVault {
        /// How many were judged.
        judged: u64,
        /// How many there are.
        records: u64,
    },
}
