//! What happens in this crate that an operator may want to know: one struct each, one log line and one counter each.
//!
//! Not a place for decisions, and nothing per frame or per event. Levels: ERROR means that data is lost or a person must act.
//! Cost: a relaxed atomic addition and a log line.

use crate::gate::Capacity;
use crate::state::PartitionNumber;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::{error, info, warn};

/// Something that happened.
pub trait Happening {
    /// Its name, as `yagura_happenings_total` gives it.
    const NAME: &'static str;
    /// How often it happened since the start.
    fn counter() -> &'static AtomicU64;
    /// Writes its log line.
    fn log(&self);
}

/// Counts and logs what happened.
pub fn emit<H: Happening>(happening: &H) {
    H::counter().fetch_add(1, Ordering::Relaxed);
    happening.log();
}

/// How often it happened since the start.
#[must_use]
pub fn count<H: Happening>() -> u64 {
    H::counter().load(Ordering::Relaxed)
}

/// All happenings by name, and how often each happened since the start: for `/metrics`.
#[must_use]
pub fn all() -> Vec<(&'static str, u64)> {
    fn told<H: Happening>() -> (&'static str, u64) {
        (H::NAME, count::<H>())
    }
    vec![
        told::<RequestFailed<'_>>(),
        told::<Started<'_>>(),
        told::<GateLimited>(),
        told::<AlertsNotFollowed<'_>>(),
        told::<Stopped>(),
        told::<SnapshotRefused<'_>>(),
        told::<CorrelationsForgotten<'_>>(),
        told::<RulesChanged>(),
        told::<RulesRefused<'_>>(),
        told::<RulePaused<'_>>(),
        told::<RuleResumed<'_>>(),
        told::<PipelineStalled<'_>>(),
        told::<PipelineResumed>(),
        told::<PartitionLost>(),
        told::<MatchUnreadable<'_>>(),
        told::<RecordUnreadable<'_>>(),
        told::<ReportRepeated>(),
        told::<PartitionWaits<'_>>(),
        told::<PartitionTaken>(),
        told::<PartitionReleased>(),
        told::<PartitionFenced>(),
        told::<PartitionFailed<'_>>(),
        told::<MatchesRemoved>(),
        told::<CustodyWaits<'_>>(),
        told::<GroupWaits<'_>>(),
        told::<LakeFlushed>(),
        told::<EvidenceArchived>(),
        told::<EvidenceNotArchived<'_>>(),
        told::<EvidenceDeleted<'_>>(),
        told::<EvidenceReadsHeld>(),
        told::<EvidenceStamped<'_>>(),
        told::<ChainsNotRestored<'_>>(),
        told::<ChainsNotSaved<'_>>(),
        told::<EvidenceNotStamped<'_>>(),
        told::<ConnectionFailed<'_>>(),
        told::<MqttUp<'_>>(),
        told::<MqttBroken<'_>>(),
        told::<MqttStateFailed<'_>>(),
        told::<IdsrListenFailed<'_>>(),
        told::<TracesRefused<'_>>(),
        told::<AdvisoriesOpened>(),
        told::<AdvisoriesRefused<'_>>(),
    ]
}

/// Declares the counter of a happening and its log line.
macro_rules! happening {
    ($name:ident $(<$life:lifetime>)?, |$self:ident| $log:expr) => {
        impl Happening for $name $(<$life>)? {
            const NAME: &'static str = stringify!($name);
            fn counter() -> &'static AtomicU64 {
                static COUNTER: AtomicU64 = AtomicU64::new(0);
                &COUNTER
            }
            fn log(&self) {
                let $self = self;
                $log
            }
        }
    };
}

mod products;
mod rules;
mod ways;
pub use products::{AdvisoriesOpened, AdvisoriesRefused};
pub use rules::{RulePaused, RuleResumed};
pub use ways::{IdsrListenFailed, MqttBroken, MqttStateFailed, MqttUp};

/// A request failed by a fault of ours.
pub struct RequestFailed<'a> {
    /// What the answer carries.
    pub error_id: &'a str,
    /// Why.
    pub cause: Option<&'a (dyn Error + 'static)>,
}
happening!(RequestFailed<'_>, |it| error!(error_id = it.error_id, cause = it.cause.map(chain), "request failed"));

/// The server is up.
pub struct Started<'a> {
    /// Where people look.
    pub console: &'a str,
    /// Where devices report.
    pub gate: &'a str,
    /// Records in the vault.
    pub records: u64,
}
happening!(Started<'_>, |it| info!(console = it.console, gate = it.gate, records = it.records, "server started"));

/// The system allows fewer connections than the gate could take.
pub struct GateLimited {
    /// What it allows.
    pub capacity: Capacity,
}
happening!(GateLimited, |it| warn!(
    connections = it.capacity.connections,
    descriptors = it.capacity.descriptors,
    "the limit of file descriptors allows fewer connections than the gate could take; raise LimitNOFILE or ulimit -n"
));

/// Alerts are not shown as they come, because the state does not answer.
pub struct AlertsNotFollowed<'a> {
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(AlertsNotFollowed<'_>, |it| warn!(cause = chain(it.cause), "alerts are not shown as they come"));

/// The server ends.
pub struct Stopped {
    /// The next record that the pipeline would have judged.
    pub position: u64,
}
happening!(Stopped, |it| info!(position = it.position, "server stopped"));

/// The saved detection state cannot be read: correlations start anew.
pub struct SnapshotRefused<'a> {
    /// Why.
    pub cause: &'a (dyn Error + 'static),
    /// From which record the engine starts with nothing.
    pub position: u64,
}
happening!(SnapshotRefused<'_>, |it| warn!(
    cause = chain(it.cause),
    position = it.position,
    "detection state not restored; correlations start anew"
));

/// Rules changed: the state of these correlations does not fit them any more.
pub struct CorrelationsForgotten<'a> {
    /// Ids of the rules.
    pub rules: &'a [String],
}
happening!(CorrelationsForgotten<'_>, |it| info!(rules = ?it.rules, "correlations of changed rules start anew"));

/// Rule files changed, and the rules in them are active.
pub struct RulesChanged {
    /// How many there are.
    pub rules: usize,
}
happening!(RulesChanged, |it| info!(rules = it.rules, "changed rules are active"));

/// Rule files changed, and the rules in them cannot be used; those before stay active.
pub struct RulesRefused<'a> {
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(RulesRefused<'_>, |it| error!(
    cause = chain(it.cause),
    "changed rules cannot be used; those before stay active"
));

/// A step of the pipeline failed and is tried again.
pub struct PipelineStalled<'a> {
    /// Which step.
    pub step: &'static str,
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(PipelineStalled<'_>, |it| error!(step = it.step, cause = chain(it.cause), "pipeline waits and tries again"));

/// The pipeline goes on after it was stalled.
pub struct PipelineResumed {
    /// Which step.
    pub step: &'static str,
}
happening!(PipelineResumed, |it| info!(step = it.step, "pipeline goes on"));

/// Another process has taken a partition over; this one lets go of it.
pub struct PartitionLost {
    /// Which.
    pub partition: PartitionNumber,
    /// The epoch that is over.
    pub epoch: i64,
}
happening!(PartitionLost, |it| warn!(partition = %it.partition, epoch = it.epoch, "partition has another owner now"));

/// A record of the log of matches cannot be read; it is left out.
pub struct MatchUnreadable<'a> {
    /// Which.
    pub offset: u64,
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(MatchUnreadable<'_>, |it| error!(
    offset = it.offset,
    cause = chain(it.cause),
    "match record cannot be read"
));

/// A record of the vault cannot be read; it stays there and is counted as undecodable.
pub struct RecordUnreadable<'a> {
    /// Which.
    pub position: u64,
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(RecordUnreadable<'_>, |it| warn!(position = it.position, cause = chain(it.cause), "record cannot be read"));

/// A report is in the log more than once; the first gave the rows.
pub struct ReportRepeated {
    /// This one.
    pub place: u64,
    /// The first one.
    pub first: u64,
}
happening!(ReportRepeated, |it| tracing::debug!(place = it.place, first = it.first, "report is in the log again"));

/// A partition of the log cannot be read, or its vault not be written, for now.
pub struct PartitionWaits<'a> {
    /// Which.
    pub partition: PartitionNumber,
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(PartitionWaits<'_>, |it| warn!(
    partition = %it.partition,
    cause = chain(it.cause),
    "partition waits and tries again"
));

/// This worker owns a partition and works on it.
pub struct PartitionTaken {
    /// Which.
    pub partition: PartitionNumber,
    /// The epoch of its owner.
    pub epoch: i64,
    /// Records of its vault.
    pub records: u64,
    /// From the assignment to here, milliseconds.
    pub millis: u64,
}
happening!(PartitionTaken, |it| info!(
    partition = %it.partition,
    epoch = it.epoch,
    records = it.records,
    millis = it.millis,
    "partition taken over"
));

/// This worker let go of a partition.
pub struct PartitionReleased {
    /// Which.
    pub partition: PartitionNumber,
    /// The next record that would have been judged, if that is known.
    pub position: Option<u64>,
}
happening!(PartitionReleased, |it| info!(partition = %it.partition, position = it.position, "partition released"));

/// Another worker owns a partition that this one worked on: it was paused or cut off for too long.
pub struct PartitionFenced {
    /// Which.
    pub partition: PartitionNumber,
}
happening!(PartitionFenced, |it| warn!(partition = %it.partition, "partition has another owner now; dropped"));

/// A partition cannot be worked on; it is tried again.
pub struct PartitionFailed<'a> {
    /// Which.
    pub partition: PartitionNumber,
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(PartitionFailed<'_>, |it| error!(
    partition = %it.partition,
    cause = chain(it.cause),
    "partition stands still; tried again in a while"
));

/// The log's retention removed matches before they were judged: alerts over the fleet may be missing.
pub struct MatchesRemoved {
    /// Of which partition.
    pub partition: PartitionNumber,
    /// How many.
    pub count: u64,
}
happening!(MatchesRemoved, |it| error!(
    partition = %it.partition,
    count = it.count,
    "the log's retention removed matches that were not judged"
));

/// What the command line left cannot be recorded now; it stays and is tried again.
pub struct CustodyWaits<'a> {
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(CustodyWaits<'_>, |it| warn!(cause = chain(it.cause), "a hold or its like waits for the log; tried again"));

/// The group of workers cannot be asked for now.
pub struct GroupWaits<'a> {
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(GroupWaits<'_>, |it| warn!(cause = chain(it.cause), "group of workers does not answer; tried again"));

/// Rows went to the lake.
pub struct LakeFlushed {
    /// The next record whose rows are not in it.
    pub position: u64,
    /// Rows in this flush.
    pub rows: usize,
}
happening!(LakeFlushed, |it| tracing::debug!(position = it.position, rows = it.rows, "lake flushed"));

/// Evidence went to the object store.
pub struct EvidenceArchived {
    /// Records that are there, from position 0 on.
    pub records: u64,
    /// Closed segments that are not there yet.
    pub waiting: u64,
}
happening!(EvidenceArchived, |it| info!(records = it.records, waiting = it.waiting, "evidence archived"));

/// The object store did not take evidence, or a retention could not be carried out. Nothing is lost.
pub struct EvidenceNotArchived<'a> {
    /// Why.
    pub cause: &'a str,
    /// When it is tried again.
    pub retry_seconds: u64,
}
happening!(EvidenceNotArchived<'_>, |it| warn!(
    cause = it.cause,
    retry_seconds = it.retry_seconds,
    "evidence not archived; it stays here"
));

/// Evidence whose time was over was deleted; a record of the vault says so.
pub struct EvidenceDeleted<'a> {
    /// First position of the segment.
    pub first: u64,
    /// The position behind it.
    pub end: u64,
    /// By which retention.
    pub reason: &'a str,
}
happening!(EvidenceDeleted<'_>, |it| info!(first = it.first, end = it.end, reason = it.reason, "evidence deleted"));

/// A time stamp authority stamped a checkpoint.
pub struct EvidenceStamped<'a> {
    /// Records that the checkpoint covers.
    pub records: u64,
    /// Who stamped.
    pub authority: &'a str,
}
happening!(EvidenceStamped<'_>, |it| info!(records = it.records, authority = it.authority, "checkpoint stamped"));

/// No time stamp could be had. Nothing is lost: the next one covers more.
pub struct EvidenceNotStamped<'a> {
    /// Why.
    pub cause: &'a str,
    /// When it is tried again.
    pub retry_seconds: u64,
}
happening!(EvidenceNotStamped<'_>, |it| warn!(
    cause = it.cause,
    retry_seconds = it.retry_seconds,
    "checkpoint not stamped"
));

/// Reads of evidence could not be recorded now. They are kept and recorded later.
pub struct EvidenceReadsHeld {
    /// How many different ones.
    pub reads: u64,
}
happening!(EvidenceReadsHeld, |it| warn!(reads = it.reads, "reads of evidence are not recorded yet"));

/// A snapshot of the devices' chains cannot be used; they are made anew from the vault.
pub struct ChainsNotRestored<'a> {
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(ChainsNotRestored<'_>, |it| warn!(cause = chain(it.cause), "a snapshot of the chains is not used"));

/// A snapshot of the devices' chains cannot be written; the next start reads more of the vault.
pub struct ChainsNotSaved<'a> {
    /// Up to which record it would have gone.
    pub position: u64,
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(ChainsNotSaved<'_>, |it| warn!(
    position = it.position,
    cause = chain(it.cause),
    "no snapshot of the chains; the next start takes longer"
));

/// A connection of the API ended with an error.
pub struct ConnectionFailed<'a> {
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(ConnectionFailed<'_>, |it| tracing::debug!(cause = chain(it.cause), "API connection failed"));

/// The collector does not take traces; told once until it does again.
pub struct TracesRefused<'a> {
    /// Which.
    pub collector: &'a str,
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(TracesRefused<'_>, |it| warn!(
    collector = it.collector,
    cause = chain(it.cause),
    "traces are dropped: the collector does not take them"
));

/// An error and its sources on one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_happening_is_told_once() {
        let files = [
            include_str!("happenings.rs"),
            include_str!("happenings/products.rs"),
            include_str!("happenings/rules.rs"),
            include_str!("happenings/ways.rs"),
        ];
        let mut declared: Vec<&str> = files
            .iter()
            .flat_map(|file| file.lines())
            .filter_map(|line| line.strip_prefix("happening!(")?.split([',', '<']).next())
            .collect();
        let mut told: Vec<&str> = all().into_iter().map(|(name, _)| name).collect();
        declared.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, declared, "a new happening needs its line in `all`");
    }
}
