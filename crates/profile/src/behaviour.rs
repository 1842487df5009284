//! From distances to behaviour: class, period, pace and patience of an identifier; pace and idle cap of a bus.
//!
//! Not fitted to any attack: every margin here is a statement about clean traffic, with its reason beside it (ADR-0003).
//! Invariant: training traffic replayed against what is learned from it raises nothing.

use crate::observe::IdTraffic;
use yagura_ids::{Class, Pace};

/// Fewer distances than this say nothing about timing.
const GAPS_MIN: usize = 20;

/// Everything about an identifier's timing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Timing {
    pub(crate) class: Class,
    pub(crate) period: u32,
    pub(crate) pace: Pace,
    pub(crate) silence: u32,
    pub(crate) gap_min: u32,
    pub(crate) gap_max: u32,
}

/// The value below which `numerator / denominator` of the sorted values lie.
fn quantile(sorted: &[u32], numerator: usize, denominator: usize) -> u32 {
    let index = sorted.len().saturating_mul(numerator).checked_div(denominator).unwrap_or(0);
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}

fn differences(times: &[u64]) -> Vec<u32> {
    let pairs = times.iter().zip(times.iter().skip(1));
    pairs.map(|(before, after)| u32::try_from(after.saturating_sub(*before)).unwrap_or(u32::MAX)).collect()
}

impl Timing {
    /// Judges one identifier.
    pub(crate) fn of(traffic: &IdTraffic) -> Self {
        let mut busy = differences(&traffic.busy);
        let mut gaps = differences(&traffic.times);
        gaps.sort_unstable();
        busy.sort_unstable();
        let gap_max = quantile(&busy, 1, 1);
        let (class, period) = classify(&busy);
        let pace = match class {
            Class::Event => Pace::default(),
            Class::Mixed | Class::Periodic => pace_of(&traffic.times, period, class),
        };
        let silence = match class {
            Class::Event => 0,
            Class::Mixed | Class::Periodic => {
                gap_max.saturating_mul(2).max(period.saturating_mul(9).saturating_div(2))
            }
        };
        Self { class, period, pace, silence, gap_min: quantile(&gaps, 0, 1), gap_max }
    }
}

/// Class and period from the sorted distances.
fn classify(sorted: &[u32]) -> (Class, u32) {
    let median = quantile(sorted, 1, 2);
    if sorted.len() < GAPS_MIN || median == 0 {
        return (Class::Event, median);
    }
    let (low, high) = (median / 2, median.saturating_add(median / 2));
    let near = sorted.iter().filter(|gap| (low..=high).contains(gap)).count();
    if near.saturating_mul(20) >= sorted.len().saturating_mul(19) {
        return (Class::Periodic, median);
    }
    let cycle = quantile(sorted, 9, 10);
    let bounded = quantile(sorted, 99, 100) <= cycle.saturating_add(cycle / 2);
    if bounded { (Class::Mixed, cycle) } else { (Class::Event, median) }
}

/// The pace of a periodic identifier: nine tenths of its period, and twice as far ahead as training ever was.
fn pace_of(times: &[u64], period: u32, class: Class) -> Pace {
    if class == Class::Mixed {
        return Pace::default();
    }
    let pace = Pace { interval: period.saturating_sub(period / 10), tolerance: u32::MAX };
    let ahead = ahead_max(times, pace);
    Pace { tolerance: ahead.saturating_mul(2).max(period / 2), ..pace }
}

/// How far a stream ever ran ahead of `pace`, µs.
fn ahead_max(times: &[u64], pace: Pace) -> u32 {
    let mut due = 0;
    let ahead = times.iter().map(|time| pace.judge(&mut due, *time).ahead).max().unwrap_or(0);
    u32::try_from(ahead).unwrap_or(u32::MAX)
}

/// From which distance on a bus counts as idle: four times what all but one in a thousand of its distances reach.
pub(crate) fn idle_cap(gaps: &[u32]) -> u32 {
    let mut sorted: Vec<u32> = gaps.iter().skip(1).copied().collect();
    sorted.sort_unstable();
    quantile(&sorted, 999, 1000).saturating_mul(4).clamp(1_000, 1_000_000)
}

/// The most frames of a bus in any second, and the pace of all its frames together.
pub(crate) fn bus_pace(gaps: &[u32]) -> (u32, Pace) {
    let mut now = 0_u64;
    let times: Vec<u64> = gaps
        .iter()
        .enumerate()
        .map(|(index, gap)| {
            now = now.saturating_add(if index == 0 { 0 } else { u64::from(*gap) });
            now
        })
        .collect();
    let peak = peak_per_second(&times);
    let interval = 800_000_u32.checked_div(peak).unwrap_or(0);
    if times.len() < GAPS_MIN || interval == 0 {
        return (peak, Pace::default());
    }
    let ahead = ahead_max(&times, Pace { interval, tolerance: u32::MAX });
    (peak, Pace { interval, tolerance: ahead.saturating_mul(2).max(50_000) })
}

fn peak_per_second(times: &[u64]) -> u32 {
    let mut start = 0_usize;
    let mut peak = 0_usize;
    for (index, time) in times.iter().enumerate() {
        while times.get(start).is_some_and(|first| first.saturating_add(1_000_000) <= *time) {
            start = start.saturating_add(1);
        }
        peak = peak.max(index.saturating_sub(start).saturating_add(1));
    }
    u32::try_from(peak).unwrap_or(u32::MAX)
}
