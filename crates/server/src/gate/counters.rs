//! What the gate counts and, at most once a second a kind, says in the log: so that no refusal is silent.
//!
//! Not the evidence: what a known device did wrong is an anomaly record in the vault. Here are also those that have no device
//! (a failed handshake) or no room (the vault's disk is full). Counts start at zero with the process; `since` says when.
//! Cost: one atomic add a happening.

use crate::clock;
use crate::counted::counted;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use yagura_model::UnixMicros;

counted! {
    /// A kind of happening at the gate.
    pub enum Counted {
        /// A report became durable and got its receipt.
        Accepted = "gate_reports_accepted",
        /// A report that was there already got its receipt again.
        Duplicate = "gate_reports_repeated",
        /// A device got its certificate.
        Enrolled = "gate_devices_enrolled",
        /// A device got a new certificate for the one it had.
        Renewed = "gate_devices_renewed",
        /// A revocation was written to the vault.
        Revoked = "gate_devices_revoked",
        /// A report was refused for its content, its signature or its place in the chain; the next five kinds say which.
        ReportRefused = "gate_reports_refused",
        /// Of the refused reports: not a report, or one that cannot be unpacked.
        ReportMalformed = "gate_reports_malformed",
        /// Of the refused reports: too large as sent, or as it says it unpacks to.
        ReportTooLarge = "gate_reports_too_large",
        /// Of the refused reports: not signed by the key of the connection's certificate.
        ReportForged = "gate_reports_bad_signature",
        /// Of the refused reports: names another device.
        ReportOfOther = "gate_reports_wrong_device",
        /// Of the refused reports: a number that is taken or too old, or a boot that is over.
        ReportStale = "gate_reports_stale",
        /// A report was turned away because its device is over its quota.
        OverDeviceQuota = "gate_turned_away_device_quota",
        /// A report was turned away because its tenant is over its quota.
        OverTenantQuota = "gate_turned_away_tenant_quota",
        /// A request was turned away because its device did wrong too often lately.
        Penalised = "gate_turned_away_penalty",
        /// A report was turned away because its device has too many under way.
        DeviceBusy = "gate_turned_away_device_busy",
        /// An enrolment was refused.
        EnrolmentRefused = "gate_enrolments_refused",
        /// A request without a usable device identity.
        NotAuthenticated = "gate_requests_unauthenticated",
        /// A request of a device that was revoked.
        RevokedRefused = "gate_requests_revoked",
        /// A TLS handshake with certificates and signatures.
        HandshakeFull = "gate_handshakes_full",
        /// A TLS handshake that resumed a session.
        HandshakeResumed = "gate_handshakes_resumed",
        /// A TLS handshake that was not finished in time.
        HandshakeTooSlow = "gate_handshakes_too_slow",
        /// A connection was opened.
        ConnectionOpened = "gate_connections_opened",
        /// A connection was closed; those opened less these are open.
        ConnectionClosed = "gate_connections_closed",
        /// A connection was not accepted: too many handshakes of its address failed.
        AddressPenalised = "gate_connections_refused_penalty",
        /// A connection was not accepted: its address has too many unfinished handshakes.
        HalfOpenRefused = "gate_connections_refused_half_open",
        /// A connection was closed: its device has too many.
        DeviceConnectionRefused = "gate_connections_refused_device",
        /// A connection was closed: too many have no device certificate.
        StrangerRefused = "gate_connections_refused_stranger",
        /// A TLS handshake failed: expired, foreign or no longer valid certificate, or no TLS at all.
        HandshakeFailed = "gate_handshakes_failed",
        /// A connection broke or was too slow.
        ConnectionBroken = "gate_connections_broken",
        /// A report was turned away because the queue to the vault is full; the device sends it again.
        Busy = "gate_turned_away_busy",
        /// A report was turned away because the vault or the registry cannot write; the device sends it again.
        StorageFailed = "gate_turned_away_storage",
        /// The vault failed to write, to read or to sign; the log says why.
        VaultFailed = "gate_vault_failures",
        /// The registry did not say what changed, or did not keep that a revocation is recorded.
        RegistryFailed = "gate_registry_failures",
        /// An anomaly was held back by the rate limit; a later record carries the number.
        AnomalyHeldBack = "gate_anomalies_held_back",
        /// No connection could be accepted, mostly for want of file descriptors.
        AcceptFailed = "gate_accepts_failed",
    }
}

/// How often a kind is logged at most.
const LOG_INTERVAL_US: i64 = 1_000_000;

#[derive(Debug, Default)]
struct Count {
    total: AtomicU64,
    logged: AtomicU64,
    logged_at: AtomicI64,
}

/// Counts of all kinds since the start.
#[derive(Debug)]
pub struct Counters {
    counts: [Count; Counted::ALL.len()],
    since: UnixMicros,
}

impl Default for Counters {
    fn default() -> Self {
        Self { counts: std::array::from_fn(|_| Count::default()), since: clock::now() }
    }
}

impl Counters {
    /// When counting began.
    #[must_use]
    pub const fn since(&self) -> UnixMicros {
        self.since
    }

    /// How many of this kind there were.
    #[must_use]
    pub fn total(&self, kind: Counted) -> u64 {
        self.counts.get(kind as usize).map_or(0, |count| count.total.load(Ordering::Relaxed))
    }

    /// Counts without a word; for what goes well.
    pub(crate) fn count(&self, kind: Counted) {
        if let Some(count) = self.counts.get(kind as usize) {
            count.total.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts, and logs unless this kind was logged within the last second.
    pub(crate) fn emit(&self, kind: Counted, what: &dyn fmt::Display) {
        let Some(count) = self.counts.get(kind as usize) else { return };
        let total = count.total.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let (now, last) = (clock::now().0, count.logged_at.load(Ordering::Relaxed));
        let due = now.saturating_sub(last) >= LOG_INTERVAL_US || now < last;
        if due && count.logged_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let unsaid = total.saturating_sub(count.logged.swap(total, Ordering::Relaxed)).saturating_sub(1);
            tracing::warn!(kind = kind.name(), total, unsaid, "{what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_counts_for_itself_and_has_its_own_name() {
        let counters = Counters::default();
        for kind in Counted::ALL {
            counters.count(kind);
            counters.emit(kind, &"said once");
        }
        assert!(Counted::ALL.iter().all(|kind| counters.total(*kind) == 2));
        let mut names: Vec<&str> = Counted::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Counted::ALL.len());
    }
}
