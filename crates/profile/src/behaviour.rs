//! From arrivals to behaviour: class, period, pace, distance and patience of an identifier; pace and idle cap of a bus.
//!
//! Not fitted to any attack: every margin here is a statement about clean traffic, with its reason beside it (ADR-0003).
//! What was seen too seldom is not judged, and said so by a zero. Invariant: training traffic replayed against what was
//! learned from it raises nothing.

use crate::observe::{Arrival, IdTraffic, Logger, LoggerBytes, LoggerClock};
use yagura_ids::{BusRow, Class, IdRow, Lengths, Novelty, Pace};
use yagura_model::BusId;

/// Fewer distances than this say nothing about timing: the chance that the next one exceeds all seen is 1 in so many.
pub(crate) const GAPS_MIN: usize = 50;
/// Fewer frames than this say nothing about lengths.
pub(crate) const LENGTHS_MIN: u32 = 20;
/// Timing seen for less than this, µs of busy bus, says nothing about patience.
pub(crate) const SPAN_MIN: u64 = 5_000_000;
/// Fewer frames in between a cycle do not tell the sender's shortest distance.
const EXTRAS_MIN: usize = 20;
/// Slower cycles than this, µs, are often sent on change as well,
const TIMER_PERIOD_MAX: u32 = 50_000;
/// and fewer frames do not show that one is not.
const TIMER_FRAMES_MIN: usize = 300;
/// Few frames a second on some occasion do not tell how many there may be on another.
const EVENT_PEAK_MIN: u32 = 10;
/// A sender's shortest distance is never demanded to exceed this, µs: the fastest tasks of control units run at 5 ms.
const DISTANCE_MAX: u32 = 5_000;
/// Fewer frames a second are no flood: a twentieth of what a bus of 500 kbit/s carries.
const FLOOD_MIN: u32 = 200;
/// Fewer frames at once are no flood: a tester's answer of several frames, one from each of several control units.
const BURST_MIN: u32 = 50;

/// The row of an identifier.
pub(crate) fn id_row(bus: BusId, traffic: &IdTraffic, logger: Logger) -> IdRow {
    let arrivals = if logger.clock == LoggerClock::Useless { &[] } else { traffic.arrivals.as_slice() };
    let (mut class, period) = classify(&differences(arrivals, u32::MAX, |arrival| arrival.busy));
    // A pause shifts frames by its length; only what is long against the period spoils a distance.
    let held_max = period / 4;
    let gap_min = differences(arrivals, held_max, |arrival| arrival.steady).first().copied().unwrap_or(0);
    let gap_max = differences(arrivals, held_max, |arrival| arrival.busy).last().copied().unwrap_or(0);
    let mut distance = 0;
    if class == Class::Periodic && sends_on_change(arrivals, period) {
        class = Class::Mixed;
    }
    let pace = match class {
        // Half of the frames at the same instant: the logger's clock is too coarse, or it writes in heaps.
        Class::Event if period == 0 => Pace::default(),
        Class::Event => event_pace(arrivals),
        Class::Mixed => mixed_pace(arrivals, period, gap_min),
        Class::Periodic => periodic_pace(arrivals, period),
    };
    if class != Class::Event {
        distance = (gap_min / 2).min(period / 16).min(DISTANCE_MAX);
    }
    let silence = if class == Class::Event { 0 } else { patience(arrivals, period, gap_max) };
    let lengths = lengths(traffic, logger);
    let (id, frames) = (traffic.id, traffic.frames);
    IdRow { bus, id, class, lengths, period, pace, distance, silence, frames, gap_min, gap_max }
}

/// The row of a bus.
pub(crate) fn bus_row(bus: BusId, gaps: &[u32], idle_cap: u32, novelty: Novelty) -> BusRow {
    let (peak_per_second, pace) = bus_pace(gaps);
    BusRow { bus, idle_cap, pace, peak_per_second, frames: u32::try_from(gaps.len()).unwrap_or(u32::MAX), novelty }
}

/// From which distance on a bus counts as idle: four times what all but one in a thousand of its distances reach.
pub(crate) fn idle_cap(gaps: &[u32]) -> u32 {
    let mut sorted: Vec<u32> = gaps.iter().skip(1).copied().collect();
    sorted.sort_unstable();
    quantile(&sorted, 999, 1000).saturating_mul(4).clamp(1_000, 1_000_000)
}

/// The value below which `numerator / denominator` of the sorted values lie.
fn quantile(sorted: &[u32], numerator: usize, denominator: usize) -> u32 {
    let index = sorted.len().saturating_mul(numerator).checked_div(denominator).unwrap_or(0);
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}

/// Sorted distances of frames that no pause above `held_max` held back.
fn differences(arrivals: &[Arrival], held_max: u32, clock: impl Fn(&Arrival) -> u64) -> Vec<u32> {
    let pairs = arrivals.iter().zip(arrivals.iter().skip(1)).filter(|(_, after)| after.held <= held_max);
    let distance = |(before, after)| u32::try_from(clock(after).saturating_sub(clock(before))).unwrap_or(u32::MAX);
    let mut distances: Vec<u32> = pairs.map(distance).collect();
    distances.sort_unstable();
    distances
}

/// Class and period from the sorted distances.
fn classify(sorted: &[u32]) -> (Class, u32) {
    let median = quantile(sorted, 1, 2);
    if sorted.len() < GAPS_MIN || median == 0 {
        return (Class::Event, median);
    }
    let near = (median / 2)..=median.saturating_add(median / 2);
    let count = sorted.iter().filter(|gap| near.contains(gap)).count();
    if count.saturating_mul(20) >= sorted.len().saturating_mul(19) {
        return (Class::Periodic, median);
    }
    // A cycle with more in between: no distance exceeds the cycle by much, and the cycle itself is seen often.
    let cycle = quantile(sorted, 9, 10);
    let bounded = quantile(sorted, 99, 100) <= cycle.saturating_add(cycle / 4);
    let near = cycle.saturating_sub(cycle / 10)..=cycle.saturating_add(cycle / 10);
    let often = sorted.iter().filter(|gap| near.contains(gap)).count().saturating_mul(4) >= sorted.len();
    if bounded && often { (Class::Mixed, cycle) } else { (Class::Event, median) }
}

/// Whether an identifier on a cycle was seen to send in between, too.
///
/// Jitter and arbitration move a frame, so a short distance comes with a long one before or after it. A short distance between
/// others that are not long is an additional frame.
fn sends_on_change(arrivals: &[Arrival], period: u32) -> bool {
    extra_frames(arrivals, period) > 0
}

fn extra_frames(arrivals: &[Arrival], period: u32) -> usize {
    let short = u64::from(period.saturating_sub(period / 4));
    let long = u64::from(period.saturating_add(period / 10));
    let gap = |pair: &[Arrival]| match pair {
        [before, after] => after.steady.saturating_sub(before.steady),
        _ => 0,
    };
    let is_extra = |four: &&[Arrival]| {
        let mut gaps = four.windows(2).map(gap);
        let (Some(before), Some(this), Some(after)) = (gaps.next(), gaps.next(), gaps.next()) else { return false };
        let held = four.iter().any(|arrival| arrival.held > period / 4);
        !held && this < short && before < long && after < long
    };
    arrivals.windows(4).filter(is_extra).count()
}

/// The pace of a periodic identifier.
///
/// Nine tenths of the period: senders' clocks differ by far less, and a surplus of one frame in ten still shows. Twice as far
/// ahead as ever in training for jitter, and two periods and a half for frames sent on change that training did not show: room
/// for two of them, four if the cycle is slow and not long known, not for a doubled rate.
fn periodic_pace(arrivals: &[Arrival], period: u32) -> Pace {
    let interval = period.saturating_sub(period / 10);
    let unsure = period > TIMER_PERIOD_MAX && arrivals.len() < TIMER_FRAMES_MIN;
    let frames = if unsure { 4_u32 } else { 2 };
    let room = period.saturating_mul(frames).saturating_add(period / 2);
    let ahead = ahead_max(arrivals, interval, period / 4);
    Pace { interval, tolerance: ahead.saturating_mul(2).saturating_add(room) }
}

/// The pace of an identifier that sends on change: its sender keeps a shortest distance, and may do so for long. Seen too
/// seldom, that distance is not known; a tenth of the cycle is the shortest that is common.
fn mixed_pace(arrivals: &[Arrival], period: u32, gap_min: u32) -> Pace {
    let known = extra_frames(arrivals, period) >= EXTRAS_MIN;
    let shortest = if known { gap_min } else { gap_min.min(period / 10) };
    Pace { interval: shortest.saturating_sub(shortest / 10), tolerance: shortest.saturating_mul(2) }
}

/// The pace of an identifier without a cycle, or one seen too seldom to know it: four times its fullest second, a second and
/// more at once. Nobody operates a vehicle that much faster than in training.
fn event_pace(arrivals: &[Arrival]) -> Pace {
    if arrivals.is_empty() {
        return Pace::default();
    }
    let peak = peak_per_second(arrivals).max(EVENT_PEAK_MIN);
    let interval = 1_000_000_u32.checked_div(peak.saturating_mul(4)).unwrap_or(0);
    Pace { interval, tolerance: interval.saturating_mul(peak.saturating_mul(2).max(BURST_MIN)) }
}

/// How far a stream ever ran ahead of one frame each `interval`, µs.
fn ahead_max(arrivals: &[Arrival], interval: u32, held_max: u32) -> u32 {
    let pace = Pace { interval, tolerance: u32::MAX };
    let mut due = 0;
    let judged = arrivals.iter().filter(|arrival| arrival.held <= held_max);
    let ahead = judged.map(|arrival| pace.judge(&mut due, arrival.steady).ahead).max().unwrap_or(0);
    u32::try_from(ahead).unwrap_or(u32::MAX)
}

/// How long an identifier may stay away: three frames in a row lost and half a period of jitter, or twice what was ever seen; of
/// a timer's cycle that training never saw broken, one lost frame. One that ever stayed away for long has reasons to; it is
/// not judged.
fn patience(arrivals: &[Arrival], period: u32, gap_max: u32) -> u32 {
    let span = arrivals.last().zip(arrivals.first()).map_or(0, |(last, first)| last.busy.saturating_sub(first.busy));
    if span < SPAN_MIN || gap_max > period.saturating_mul(3) {
        return 0;
    }
    let half = period / 2;
    let unbroken = period <= TIMER_PERIOD_MAX && gap_max <= period.saturating_add(half);
    let lost = if unbroken && arrivals.len() >= TIMER_FRAMES_MIN { 2_u32 } else { 4 };
    gap_max.saturating_mul(2).max(period.saturating_mul(lost).saturating_add(half))
}

/// An identifier with several lengths is a transport channel, one seen seldom says nothing, and a logger that loses bytes does so
/// with any: all may have any length of the formats seen.
fn lengths(traffic: &IdTraffic, logger: Logger) -> Lengths {
    let seen = traffic.lengths;
    let several = |mask: u16| {
        mask.count_ones() > 1 || (mask != 0 && (traffic.frames < LENGTHS_MIN || logger.bytes == LoggerBytes::Lost))
    };
    Lengths {
        classic: if several(seen.classic) { 0x1FF } else { seen.classic },
        fd: if several(seen.fd) { u16::MAX } else { seen.fd },
        remote: seen.remote,
    }
}

/// The most frames of a bus in any second, and the pace of all its frames together: half as many again. Bursts are tolerated
/// twice as long as any was in training, at least 50 ms and [`BURST_MIN`] frames.
fn bus_pace(gaps: &[u32]) -> (u32, Pace) {
    let mut steady = 0_u64;
    let arrive = |gap: &u32| {
        steady = steady.saturating_add(u64::from(*gap));
        Arrival { steady, busy: 0, held: 0 }
    };
    let arrivals: Vec<Arrival> = gaps.iter().map(arrive).collect();
    let peak = peak_per_second(&arrivals);
    let limit = peak.saturating_add(peak / 2).max(FLOOD_MIN);
    let interval = 1_000_000_u32.checked_div(limit).unwrap_or(0);
    if arrivals.len() < GAPS_MIN || interval == 0 {
        return (peak, Pace::default());
    }
    let ahead = ahead_max(&arrivals, interval, u32::MAX);
    let least = interval.saturating_mul(BURST_MIN).max(50_000);
    (peak, Pace { interval, tolerance: ahead.saturating_mul(2).max(least) })
}

fn peak_per_second(arrivals: &[Arrival]) -> u32 {
    let mut start = 0_usize;
    let mut peak = 0_usize;
    for (index, arrival) in arrivals.iter().enumerate() {
        while arrivals.get(start).is_some_and(|first| first.steady.saturating_add(1_000_000) <= arrival.steady) {
            start = start.saturating_add(1);
        }
        peak = peak.max(index.saturating_sub(start).saturating_add(1));
    }
    u32::try_from(peak).unwrap_or(u32::MAX)
}
