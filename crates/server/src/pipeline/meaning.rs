//! What a batch of records means for the state: counts, chains, losses.
//!
//! Not alerts (those are `judge`'s). Invariant: the same records give the same [`Delta`], however they are cut into batches, once the
//! deltas are added up. Times are receive times, so a late report counts when it came.

use super::decode::Content;
use crate::intake::{
    AnomalyRecord, DEVICE_REVOKED, LINK_BAD_SIGNATURE, LINK_MALFORMED, LINK_OVERSIZE, LINK_REPLAY, LINK_SEQUENCE_GAP,
    LINK_WRONG_DEVICE,
};
use crate::state::{ChainRow, Delta, EnrolledCertificate, LastReport, RateStep, RecordedRevocation};
use crate::tenant::Tenant;
use std::collections::BTreeMap;
use yagura_link::Header;
use yagura_model::{DeviceId, UnixMicros};

/// Length of a step of the event rate.
const STEP_US: i64 = 5_000_000;
const HOUR_US: i64 = 3_600_000_000;

/// Adds up what records mean.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    chains: BTreeMap<DeviceId, ChainRow>,
    rates: BTreeMap<(Tenant, UnixMicros), (u64, u64)>,
    hours: BTreeMap<(Tenant, String, UnixMicros), u64>,
    losses: BTreeMap<(Tenant, &'static str), (u64, UnixMicros)>,
    certificates: Vec<EnrolledCertificate>,
    revocations: Vec<RecordedRevocation>,
}

impl Meaning {
    /// Takes what a readable record says.
    pub(super) fn take(&mut self, position: u64, received: UnixMicros, content: &Content) {
        let tenant = content.tenant();
        match content {
            Content::Enrolment(certificate, der) => {
                let (certificate, der) = ((**certificate).clone(), der.clone());
                self.certificates.push(EnrolledCertificate { certificate, der, position, received });
            }
            Content::Report { header, digest, events, undecodable } => {
                self.count(&header.device, received, *events, 1);
                self.report(position, received, header, *digest);
                self.lose(tenant, "undecodable", *undecodable, received);
            }
            Content::Anomaly(anomaly) => {
                self.count(&anomaly.device, received, 1, 0);
                if anomaly.event == DEVICE_REVOKED {
                    let reason = anomaly.reason.as_ref().map(|reason| reason.as_str().to_owned());
                    let (device, at) = (anomaly.device, anomaly.first);
                    self.revocations.push(RecordedRevocation { device, at, reason, place: position });
                }
                self.anomaly(anomaly, received);
            }
            Content::Foreign(device, read) => {
                self.count(device, received, read.rows, 0);
                self.lose(tenant, "undecodable", read.unreadable, received);
                self.lose(tenant, "untrusted_messages", read.untrusted, received);
            }
            Content::Logs(_, read) => {
                self.rate(tenant, received, read.rows, 0);
                self.lose(tenant, "unreadable_log_lines", read.unreadable, received);
            }
        }
    }

    /// Takes that a record could not be read.
    pub(super) fn unreadable(&mut self, device: &DeviceId, received: UnixMicros) {
        self.count(device, received, 0, 1);
        self.lose(Tenant::of(device), "undecodable", 1, received);
    }

    /// Adds a loss.
    pub(super) fn lose(&mut self, tenant: Tenant, kind: &'static str, count: u64, received: UnixMicros) {
        if count > 0 {
            let loss = self.losses.entry((tenant, kind)).or_insert((0, received));
            loss.0 = loss.0.saturating_add(count);
        }
    }

    /// Everything taken, as one change of the state.
    pub(super) fn into_delta(self, position: u64) -> Delta {
        let rate = |((tenant, step), (events, reports))| RateStep { tenant, step, events, reports };
        let hours = self.hours.into_iter().map(|((tenant, vehicle, hour), events)| (tenant, vehicle, hour, events));
        let losses = self.losses.into_iter().map(|((tenant, kind), (count, since))| (tenant, kind, count, since));
        Delta {
            position,
            alerts: Vec::new(),
            late: Vec::new(),
            chains: self.chains.into_values().collect(),
            rates: self.rates.into_iter().map(rate).collect(),
            hours: hours.collect(),
            losses: losses.collect(),
            certificates: self.certificates,
            revocations: self.revocations,
            unjudged: Vec::new(),
            hidden: Vec::new(),
        }
    }

    fn count(&mut self, device: &DeviceId, received: UnixMicros, events: u64, reports: u64) {
        let tenant = Tenant::of(device);
        self.rate(tenant, received, events, reports);
        if events > 0 {
            let hour = (tenant, device.vehicle.to_string(), floor(received, HOUR_US));
            let count = self.hours.entry(hour).or_default();
            *count = count.saturating_add(events);
        }
    }

    fn rate(&mut self, tenant: Tenant, received: UnixMicros, events: u64, reports: u64) {
        let rate = self.rates.entry((tenant, floor(received, STEP_US))).or_default();
        *rate = (rate.0.saturating_add(events), rate.1.saturating_add(reports));
    }

    fn chain(&mut self, device: &DeviceId) -> &mut ChainRow {
        self.chains.entry(*device).or_insert_with(|| ChainRow {
            device: *device,
            highest: None,
            last_seen: None,
            lost: [0; 4],
            missing: 0,
        })
    }

    fn report(&mut self, position: u64, received: UnixMicros, header: &Header, digest: [u8; 32]) {
        let losses = header.losses;
        let lost = [losses.events, losses.frames, losses.excerpts, losses.reports];
        let last = LastReport { boot: header.boot, sequence: header.sequence, digest, position };
        let chain = self.chain(&header.device);
        chain.last_seen = chain.last_seen.max(Some(received));
        if chain.highest.is_none_or(|known| (known.boot, known.sequence) < (last.boot, last.sequence)) {
            chain.highest = Some(last);
        }
        for (sum, more) in chain.lost.iter_mut().zip(lost) {
            *sum = sum.saturating_add(more);
        }
        let kinds = ["sensor_events", "sensor_frames", "sensor_excerpts", "sensor_reports"];
        for (kind, count) in kinds.into_iter().zip(lost) {
            self.lose(Tenant::of(&header.device), kind, count, received);
        }
    }

    fn anomaly(&mut self, anomaly: &AnomalyRecord, received: UnixMicros) {
        let tenant = Tenant::of(&anomaly.device);
        match anomaly.event {
            LINK_SEQUENCE_GAP => {
                let missing = u64::try_from(anomaly.observed.saturating_sub(anomaly.expected)).unwrap_or(0);
                let chain = self.chain(&anomaly.device);
                chain.missing = chain.missing.saturating_add(missing);
                self.lose(tenant, "missing_reports", missing, received);
            }
            LINK_REPLAY | LINK_BAD_SIGNATURE | LINK_WRONG_DEVICE | LINK_OVERSIZE | LINK_MALFORMED => {
                self.lose(tenant, "refused_reports", anomaly.count, received);
            }
            _ => {}
        }
    }
}

fn floor(time: UnixMicros, unit: i64) -> UnixMicros {
    UnixMicros(time.0.div_euclid(unit).saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_link::{Clock, Digest, Losses};
    use yagura_model::Micros;

    fn header(boot: u64, sequence: u64) -> Header {
        Header {
            device: "acme/kona-1/cgw".parse().unwrap(),
            boot,
            sequence,
            previous: Digest::ZERO,
            first: Micros(0),
            last: Micros(0),
            clock: Clock { boot_at: UnixMicros(0), uncertainty: 0 },
            losses: Losses { events: 2, frames: 0, excerpts: 0, reports: 1 },
            oldest_held: 0,
            body_len: 0,
        }
    }

    fn report(boot: u64, sequence: u64) -> Content {
        Content::Report { header: Box::new(header(boot, sequence)), digest: [7; 32], events: 3, undecodable: 0 }
    }

    #[test]
    fn the_highest_report_stands_whatever_the_order() {
        let mut meaning = Meaning::default();
        for (position, (boot, sequence)) in (0..).zip([(1, 5), (2, 0), (1, 6)]) {
            meaning.take(position, UnixMicros(12_000_000), &report(boot, sequence));
        }
        let delta = meaning.into_delta(3);
        let chain = &delta.chains[0];
        assert_eq!(chain.highest.map(|last| (last.boot, last.sequence, last.position)), Some((2, 0, 1)));
        assert_eq!(chain.lost, [6, 0, 0, 3]);
        assert_eq!(
            delta.rates.iter().map(|r| (r.step.0, r.events, r.reports)).collect::<Vec<_>>(),
            [(10_000_000, 9, 3)]
        );
        assert_eq!(
            delta.losses.iter().map(|l| (l.1, l.2)).collect::<Vec<_>>(),
            [("sensor_events", 6), ("sensor_reports", 3)]
        );
    }

    #[test]
    fn a_gap_counts_what_is_missing() {
        let mut meaning = Meaning::default();
        let gap = AnomalyRecord::one(LINK_SEQUENCE_GAP, header(1, 1).device, UnixMicros(0)).numbers(4, 9);
        meaning.take(0, UnixMicros(0), &Content::Anomaly(Box::new(gap)));
        let delta = meaning.into_delta(1);
        assert_eq!((delta.chains[0].missing, delta.chains[0].highest), (5, None));
        assert_eq!(delta.losses.iter().map(|l| (l.1, l.2)).collect::<Vec<_>>(), [("missing_reports", 5)]);
    }
}
