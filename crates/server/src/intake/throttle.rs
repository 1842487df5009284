//! Keeps a misbehaving device from filling the vault: per device and kind, [`ANOMALIES_MAX`] anomaly records a window (of being over
//! a quota, one), the rest as one number at its end.
//!
//! Not a filter of reports and not a judgement. Invariant: the counts of the records that come out add up to the number of
//! happenings that went in, once [`Throttle::flush`] was called (DESIGN 4). Cost: one map entry per device and kind that had an
//! anomaly within [`WINDOW_US`].

use super::anomaly::{AnomalyRecord, LINK_THROTTLED};
use std::collections::HashMap;
use yagura_model::{DeviceId, EventId, UnixMicros};

/// Anomaly records of one kind that one device may cause in a window.
pub const ANOMALIES_MAX: u32 = 16;
/// Records of being over a quota that one device may cause in a window: the number says the rest.
pub const THROTTLED_RECORDS_MAX: u32 = 1;
/// How long a window is, in microseconds.
pub const WINDOW_US: i64 = 60_000_000;
/// Devices and kinds watched at the same time; above it, further ones are recorded without a rate limit. Only enrolled devices
/// get here, so the size of the fleet bounds it in any case.
pub(super) const WATCHED_MAX: usize = 100_000;

#[derive(Debug)]
struct Window {
    start: UnixMicros,
    passed: u32,
    held: Option<AnomalyRecord>,
}

/// The windows of all devices.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    windows: HashMap<(DeviceId, EventId), Window>,
}

impl Throttle {
    /// Takes one happening. `Some` is to be recorded now; `None` is held back and counted.
    pub(super) fn admit(&mut self, record: AnomalyRecord) -> Option<AnomalyRecord> {
        let key = (record.device, record.event);
        if self.windows.len() >= WATCHED_MAX && !self.windows.contains_key(&key) {
            return Some(record);
        }
        let window = self.windows.entry(key).or_insert(Window { start: record.first, passed: 0, held: None });
        let allowed = if record.event == LINK_THROTTLED { THROTTLED_RECORDS_MAX } else { ANOMALIES_MAX };
        if window.passed < allowed {
            window.passed = window.passed.saturating_add(1);
            return Some(record);
        }
        self.hold(record);
        None
    }

    /// Counts what could not be recorded now, to be recorded at the end of its window.
    pub(super) fn hold(&mut self, record: AnomalyRecord) {
        let key = (record.device, record.event);
        let window = self.windows.entry(key).or_insert(Window { start: record.first, passed: 0, held: None });
        let held = window.held.get_or_insert(AnomalyRecord { count: 0, ..record });
        held.count = held.count.saturating_add(record.count);
    }

    /// Ends the windows that are over at `now` and returns the numbers of what they held back.
    pub(super) fn ended(&mut self, now: UnixMicros) -> Vec<AnomalyRecord> {
        self.take(|window| !(0..WINDOW_US).contains(&now.since(window.start)))
    }

    /// Ends all windows.
    pub(super) fn flush(&mut self) -> Vec<AnomalyRecord> {
        self.take(|_| true)
    }

    fn take(&mut self, over: impl Fn(&Window) -> bool) -> Vec<AnomalyRecord> {
        let mut held: Vec<AnomalyRecord> =
            self.windows.extract_if(|_, window| over(window)).filter_map(|(_, window)| window.held).collect();
        held.sort_unstable_by_key(|record| (record.first, record.device, record.event));
        held
    }
}

#[cfg(test)]
mod tests {
    use super::super::anomaly::{LINK_MALFORMED, LINK_OVERSIZE};
    use super::*;
    use proptest::prelude::*;

    fn happening(device: u8, kind: bool, at: i64) -> AnomalyRecord {
        let device = format!("acme/kona-{device}/cgw").parse().unwrap();
        AnomalyRecord::one(if kind { LINK_MALFORMED } else { LINK_OVERSIZE }, device, UnixMicros(at))
    }

    #[test]
    fn the_excess_comes_out_as_one_record_with_its_number() {
        let mut throttle = Throttle::default();
        let passed = (0..100).filter_map(|at| throttle.admit(happening(1, true, at))).count();
        assert_eq!(passed, 16);
        assert_eq!(throttle.ended(UnixMicros(WINDOW_US - 1)), []);
        let held = throttle.ended(UnixMicros(WINDOW_US));
        assert_eq!(held, [AnomalyRecord { count: 84, ..happening(1, true, 16) }]);
        assert!(throttle.windows.is_empty());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_between_happenings_and_records(
            happenings in proptest::collection::vec((0..3_u8, any::<bool>(), 0..40_000_000_i64, any::<bool>()), 0..400),
        ) {
            let (mut throttle, mut now, mut out) = (Throttle::default(), 0, 0);
            for (device, kind, later, tick) in &happenings {
                now += later;
                out += throttle.admit(happening(*device, *kind, now)).map_or(0, |record| record.count);
                if *tick {
                    out += throttle.ended(UnixMicros(now)).iter().map(|record| record.count).sum::<u64>();
                }
            }
            out += throttle.flush().iter().map(|record| record.count).sum::<u64>();
            prop_assert_eq!(out, happenings.len() as u64);
        }
    }
}
