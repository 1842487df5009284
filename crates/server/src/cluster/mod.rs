//! Many processes, one Yagura: gates append records to a shared log, workers own its partitions.
//!
//! Not a consensus, a replication or a scheduler of our own: the log's broker orders and replicates records and says who owns a
//! partition; the state fences whoever no longer does (ADR-0020). Invariants: record N of a partition's vault is the message at offset N
//! of that partition; a receipt is given on the broker's acknowledgement; what a worker makes of a partition is a function of its
//! records, so another one that takes over makes the same.

mod archives;
mod feed;
mod group;
mod log;
mod partition_vault;
mod reader;
mod worker;
mod writer;

pub use archives::{Archives, ArchivesError, archive_of};
pub use feed::FeedError;
pub use group::{REVOKE_MAX, SESSION_MAX};
pub use log::{LogAddress, LogAddressError, MESSAGE_BYTES_MAX, RawLog};
pub use partition_vault::{PartitionVault, PartitionVaultError};
pub use reader::{LogReader, ReadLogError};
pub use worker::{Stage, Stages, Worker, WorkerError, WorkerParts};
pub use writer::{AppendError, DELIVERY_MAX, LogWriter, OpenLogError, QUEUE_KIB_MAX};
