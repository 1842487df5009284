//! Watches the registry for devices whose standing changed, so that open connections learn of it at once.
//!
//! Not the standing itself: a connection keeps what the registry said, and asks again when its device changed or
//! [`STANDING_MAX`] has passed. Another process may have revoked the device; therefore the registry is asked for changes every
//! [`WATCH_INTERVAL`]. Revocations that are not in the vault yet are written there, by whichever gate sees them first.
//! Invariant: a change is known here within [`REVOCATION_LAG_MAX`] while the registry answers; when it has not answered for
//! [`WATCH_STALE_MAX`], every request asks it. Cost: one indexed query an interval; a map entry a changed device for [`STANDING_MAX`].

use super::GateParts;
use super::counters::Counted;
use super::registry::{Change, Registry, RegistryError};
use crate::clock;
use crate::happenings::chain;
use crate::intake::{AnomalyRecord, DEVICE_REVOKED, IntakeError};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use yagura_model::{DeviceId, UnixMicros};

/// How long a device that was revoked can still report, whoever revoked it.
pub const REVOCATION_LAG_MAX: Duration = Duration::from_secs(1);
/// How often the registry is asked for changes.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);
/// How long a registry that does not answer is overlooked.
const WATCH_STALE_MAX: Duration = Duration::from_secs(5);
/// How long the standing of a device is believed without a change.
const STANDING_MAX: Duration = Duration::from_secs(60);
/// How far back changes are asked for again: clocks of other processes may be behind this one, and their transactions slow.
const OVERLAP_US: i64 = 5_000_000;

/// Devices that changed lately.
#[derive(Debug)]
pub(super) struct Standings {
    inner: RwLock<Inner>,
}

#[derive(Debug)]
struct Inner {
    changed: HashMap<DeviceId, (UnixMicros, Instant)>,
    watched: Instant,
}

impl Default for Standings {
    fn default() -> Self {
        Self { inner: RwLock::new(Inner { changed: HashMap::new(), watched: Instant::now() }) }
    }
}

impl Standings {
    /// Whether what the registry said at `asked` may still be believed.
    pub(super) fn holds(&self, device: &DeviceId, asked: Instant) -> bool {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        asked.elapsed() < STANDING_MAX
            && inner.watched.elapsed() < WATCH_STALE_MAX
            && inner.changed.get(device).is_none_or(|(_, seen)| *seen < asked)
    }

    /// Takes what the registry said; changes that were seen before are no news.
    fn take(&self, changes: &[Change], now: Instant) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.watched = now;
        for change in changes {
            let known = inner.changed.entry(change.device).or_insert((change.at, now));
            if known.0 != change.at {
                *known = (change.at, now);
            }
        }
        inner.changed.retain(|_, (_, seen)| seen.elapsed() < STANDING_MAX);
    }
}

/// Watches for ever.
pub(super) async fn watch<R: Registry>(parts: Arc<GateParts<R>>, standings: Arc<Standings>) {
    let mut ticks = interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since = clock::now().plus(OVERLAP_US.saturating_neg());
    loop {
        ticks.tick().await;
        let (asked, now) = (clock::now(), Instant::now());
        match parts.registry.changes(since).await {
            Ok(changes) => {
                standings.take(&changes, now);
                let written = record_revocations(&parts, &changes).await;
                if written.is_ok() {
                    since = asked.plus(OVERLAP_US.saturating_neg());
                }
            }
            Err(error) => {
                parts
                    .counters
                    .emit(Counted::RegistryFailed, &format_args!("cannot watch the registry: {}", chain(&error)));
            }
        }
    }
}

/// Why a revocation is not in the vault yet; it is tried again.
enum NotRecorded {
    Intake(IntakeError),
    Registry(RegistryError),
}

/// Writes revocations to the vault that are not there.
async fn record_revocations<R: Registry>(parts: &GateParts<R>, changes: &[Change]) -> Result<(), NotRecorded> {
    for change in changes {
        let Some(revoked) = change.unrecorded_revocation else { continue };
        let record =
            AnomalyRecord { reason: revoked.reason, ..AnomalyRecord::one(DEVICE_REVOKED, change.device, revoked.at) };
        let recorded = async {
            let position = parts.intake.record(record).await.map_err(NotRecorded::Intake)?;
            parts
                .registry
                .revocation_recorded(&change.device, revoked.at, position)
                .await
                .map_err(NotRecorded::Registry)
        };
        match recorded.await {
            Ok(()) => parts.counters.emit(Counted::Revoked, &format_args!("{} was revoked", change.device)),
            Err(not) => {
                let why = match &not {
                    NotRecorded::Intake(error) => chain(error),
                    NotRecorded::Registry(error) => chain(error),
                };
                let device = change.device;
                parts
                    .counters
                    .emit(Counted::RegistryFailed, &format_args!("revocation of {device} not recorded: {why}"));
                return Err(not);
            }
        }
    }
    Ok(())
}
