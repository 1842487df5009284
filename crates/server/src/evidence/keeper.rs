//! Keeps the evidence in the background: archives closed segments, lets local copies and what is too old go, records what people did.
//!
//! Not in the way of a report: it reads the vault and asks the intake like everybody. Invariants: nothing goes before the archive has it;
//! nothing is deleted that a hold or a tenant's retention keeps; while the object store is away nothing is lost and a person is told.
//! Cost: a listing of one directory a second; a segment's bytes twice when it is archived; once a day a read of segments that are old
//! enough to go.

use super::select::{device_of_payload, tenant_of_payload};
use super::{Evidence, inbox};
use crate::api::Health;
use crate::clock;
use crate::cluster::PartitionCustody;
use crate::happenings::{EvidenceArchived, EvidenceDeleted, EvidenceNotArchived, chain, emit};
use crate::intake::Intake;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use yagura_model::UnixMicros;
use yagura_store::{ArchiveError, Archiver, Custody, Hold, RecordRef, VaultError, VaultReader};

/// How often it looks what is to be done.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it waits after the object store refused, at first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How often it looks for what is too old.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);
const DAY_US: i64 = 86_400_000_000;
const KIND: &str = "archive";

/// What the keeper needs.
pub struct Parts {
    /// Reads the vault.
    pub vault: VaultReader,
    /// Makes custody records durable.
    pub custodian: Custodian,
    /// Puts segments into the object store, if there is one.
    pub archiver: Option<Archiver>,
    /// How long what is kept.
    pub evidence: Evidence,
    /// Where requests of the command line are, if they are looked for here.
    pub inbox: Option<PathBuf>,
    /// Where people are told.
    pub health: Health,
}

/// Who makes custody records of a vault durable.
#[derive(Clone)]
pub enum Custodian {
    /// The intake that writes the vault.
    Intake(Intake),
    /// The log of a cluster, of which the vault is a copy.
    Partition(PartitionCustody),
}

impl Custodian {
    /// Closes a segment that has waited long enough for its next record. A vault of its own has the disk that it was acknowledged on.
    async fn close_if_idle(&self) {
        if let Self::Partition(partition) = self {
            partition.close_if_idle(clock::now()).await;
        }
    }

    /// Makes a custody record durable; whether it is in the vault.
    async fn record(&self, payload: Vec<u8>) -> bool {
        match self {
            Self::Intake(intake) => intake.custody(payload).await.is_ok(),
            Self::Partition(partition) => partition.record(&payload).await,
        }
    }
}

/// Works until told to stop.
pub async fn keep(parts: Parts, mut stop: watch::Receiver<bool>) {
    let Parts { vault, custodian, archiver, evidence, inbox, health } = parts;
    let mut archiver = archiver;
    let (mut wait, mut due) = (BACK_OFF.0, Instant::now());
    let mut tidy_due = Instant::now();
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if let Some(inbox) = &inbox {
            record_requests(inbox, &custodian).await;
        }
        custodian.close_if_idle().await;
        let Some(mut working) = archiver.take() else { continue };
        if due > Instant::now() {
            archiver = Some(working);
            continue;
        }
        let hold = evidence.object_lock_days.map(|days| later(clock::now(), days));
        let Ok((back, result)) = tokio::task::spawn_blocking(move || {
            let result = catch_up(&mut working, hold);
            (working, result)
        })
        .await
        else {
            health.ails(KIND, "The thread that archives evidence died.", "Restart the server; the log says why.");
            return;
        };
        archiver = Some(back);
        match result {
            Ok(()) => {
                health.heals(KIND);
                (wait, due) = (BACK_OFF.0, Instant::now());
            }
            Err(error) => {
                emit(&EvidenceNotArchived { cause: &chain(&error), retry_seconds: wait.as_secs() });
                health.ails(KIND, &ailment(&error), next_step(&error));
                due = Instant::now() + wait;
                wait = (wait * 2).min(BACK_OFF.1);
                continue;
            }
        }
        if tidy_due <= Instant::now() {
            tidy_due = Instant::now() + TIDY_EVERY;
            let Some(working) = archiver.take() else { continue };
            let (back, result) = tidy(working, &vault, &custodian, &evidence).await;
            archiver = back;
            if let Err(error) = result {
                emit(&EvidenceNotArchived { cause: &chain(&error), retry_seconds: TIDY_EVERY.as_secs() });
            }
        }
    }
}

/// Archives all that is closed.
fn catch_up(archiver: &mut Archiver, hold: Option<UnixMicros>) -> Result<(), ArchiveError> {
    loop {
        let archived = archiver.round(hold)?;
        if !archived.progressed {
            archiver.copy_stamps()?;
            return Ok(());
        }
        emit(&EvidenceArchived { records: archived.records, waiting: archived.waiting });
    }
}

fn ailment(error: &ArchiveError) -> String {
    match error {
        ArchiveError::Objects(_) => {
            "The object store does not take evidence. Nothing is lost: it stays here until it does.".to_owned()
        }
        error => format!("Evidence cannot be archived: {error}."),
    }
}

const fn next_step(error: &ArchiveError) -> &'static str {
    match error {
        ArchiveError::Objects(_) => {
            "See that the store answers and its credentials hold; the log names the cause. It goes on by itself."
        }
        ArchiveError::Fork { .. } => "Another vault writes under the same URL. Give this one a prefix of its own.",
        _ => "Run `yagura evidence verify` on the vault; it names what is damaged.",
    }
}

/// Lets go what is too old: local copies, then whole segments.
async fn tidy(
    archiver: Archiver,
    vault: &VaultReader,
    custodian: &Custodian,
    evidence: &Evidence,
) -> (Option<Archiver>, Result<(), ArchiveError>) {
    let (evidence, vault, custodian) = (evidence.clone(), vault.clone(), custodian.clone());
    let runtime = tokio::runtime::Handle::current();
    let tidied = tokio::task::spawn_blocking(move || {
        let mut archiver = archiver;
        let mut record = |custody: &Custody| runtime.block_on(custodian.record(custody.encode()));
        let result = tidy_now(&mut archiver, &vault, &evidence, clock::now(), &mut record);
        (archiver, result)
    });
    match tidied.await {
        Ok((archiver, result)) => (Some(archiver), result),
        Err(_) => (None, Ok(())),
    }
}

/// What [`keep`] does once an hour. `record` makes a custody record durable.
///
/// # Errors
/// [`ArchiveError`]
pub fn tidy_now(
    archiver: &mut Archiver,
    vault: &VaultReader,
    evidence: &Evidence,
    now: UnixMicros,
    record: &mut dyn FnMut(&Custody) -> bool,
) -> Result<(), ArchiveError> {
    for deletion in archiver.unfinished_deletions()? {
        archiver.delete(&deletion)?;
    }
    if let Some(days) = evidence.local_days {
        archiver.evict(earlier(now, days))?;
    }
    let Some(shortest) = evidence.shortest_days() else { return Ok(()) };
    let holds = vault.holds()?;
    let (before, reason) = (earlier(now, shortest), evidence.reason());
    let mut from = 0;
    loop {
        let mut keep = |record: RecordRef<'_>| kept(record, &holds, evidence, now);
        let Some(deletion) = archiver.expired(from, before, &reason, &mut keep)? else { return Ok(()) };
        from = deletion.end;
        if !record(&Custody::Deleted(deletion.clone())) {
            return Ok(());
        }
        archiver.delete(&deletion)?;
        emit(&EvidenceDeleted { first: deletion.first, end: deletion.end, reason: &reason });
    }
}

/// Whether a record stays: its tenant's retention is not over, or a hold is on it.
fn kept(record: RecordRef<'_>, holds: &[Hold], evidence: &Evidence, now: UnixMicros) -> bool {
    let device = device_of_payload(record.kind, record.payload);
    let tenant = tenant_of_payload(record.kind, record.payload);
    let young = evidence.days_of(tenant.as_deref()).is_none_or(|days| record.received >= earlier(now, days));
    let name = device.as_ref().map(ToString::to_string);
    young || holds.iter().any(|hold| hold.keeps(name.as_deref(), record.received))
}

fn earlier(now: UnixMicros, days: u32) -> UnixMicros {
    UnixMicros(now.0.saturating_sub(i64::from(days) * DAY_US))
}

fn later(now: UnixMicros, days: u32) -> UnixMicros {
    UnixMicros(now.0.saturating_add(i64::from(days) * DAY_US))
}

/// Makes records of what the command line asked for.
async fn record_requests(dir: &std::path::Path, custodian: &Custodian) {
    let directory = dir.to_owned();
    let Ok(Ok(waiting)) = tokio::task::spawn_blocking(move || inbox::waiting(&directory)).await else { return };
    for (file, payload) in waiting {
        if custodian.record(payload).await {
            let _ = tokio::task::spawn_blocking(move || std::fs::remove_file(file)).await;
        }
    }
}

/// An archiver for a vault with an archive, if there is one.
///
/// # Errors
/// [`VaultError`]
pub fn archiver(
    vault: &VaultReader,
    objects: Option<&Arc<dyn yagura_store::objects::Objects>>,
    origin: &str,
    key: &ed25519_dalek::SigningKey,
) -> Result<Option<Archiver>, VaultError> {
    objects.map(|objects| Archiver::new(vault.clone(), Arc::clone(objects), origin, key.clone())).transpose()
}
