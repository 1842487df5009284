//! Signals side by side, ten times a second.
//!
//! Not what `ids` judges by (that is measured frame by frame in `proof`); this finds out which pairs are worth that. Invariant:
//! a value stands in the grid only while its identifier was heard lately. Cost: 16 bytes a signal and tick.

use crate::fields::{Drive, LearnedField, Track};

/// Distance of ticks, µs.
pub(super) const TICK: u64 = 100_000;
/// A value is used for so long, µs.
const FRESH: u64 = 300_000;
/// Ticks of a rate.
pub(super) const RATE: usize = 5;
/// Ticks of a step.
pub(super) const STEP: usize = 10;

/// One signal on the grid.
pub(super) struct Column {
    /// Value; NaN where unknown.
    pub(super) level: Vec<f64>,
    /// Steps added up; NaN where unknown.
    pub(super) count: Vec<f64>,
}

impl Column {
    /// The signal of `field`, in all `drives`.
    pub(super) fn of(track: &Track, field: &LearnedField, drives: &[Drive]) -> Self {
        let mut column = Self { level: Vec::new(), count: Vec::new() };
        let mut frames = track.times.iter().zip(&track.words).peekable();
        for Drive { start, end } in drives {
            let (mut last, mut count, mut value) = (0_u64, 0.0, 0_i32);
            let mut known = false;
            for tick in 0..ticks(*start, *end) {
                let now = start.saturating_add(tick.saturating_mul(TICK));
                while let Some((time, word)) = frames.next_if(|(time, _)| **time <= now) {
                    let next = field.bits.value(*word);
                    if known {
                        count += f64::from(field.bits.step(value, next));
                    }
                    (last, value, known) = (*time, next, field.bits.is_plain(*word));
                }
                let fresh = known && now.saturating_sub(last) <= FRESH;
                column.level.push(if fresh { f64::from(value) } else { f64::NAN });
                column.count.push(if fresh { count } else { f64::NAN });
            }
            // Two drives never meet within a difference.
            column.level.extend([f64::NAN; STEP]);
            column.count.extend([f64::NAN; STEP]);
            while frames.next_if(|(time, _)| **time <= *end).is_some() {}
        }
        column
    }

    /// Change of the count over the last `ticks` ticks.
    pub(super) fn moved(&self, ticks: usize) -> Vec<f64> {
        differences(&self.count, ticks)
    }

    /// Change of the value over the last `ticks` ticks.
    pub(super) fn change(&self, ticks: usize) -> Vec<f64> {
        differences(&self.level, ticks)
    }

    /// Mean of the value over the last `ticks` ticks.
    pub(super) fn mean(&self, ticks: usize) -> Vec<f64> {
        let mut means = vec![f64::NAN; self.level.len()];
        for (mean, window) in means.iter_mut().skip(ticks).zip(self.level.windows(ticks.saturating_add(1))) {
            let sum: f64 = window.iter().sum();
            let ends = window.first().copied().unwrap_or(0.0) + window.last().copied().unwrap_or(0.0);
            *mean = (sum - ends / 2.0) / f64::from(u32::try_from(ticks).unwrap_or(1));
        }
        means
    }
}

fn ticks(start: u64, end: u64) -> u64 {
    end.saturating_sub(start) / TICK
}

fn differences(values: &[f64], ticks: usize) -> Vec<f64> {
    let mut all = vec![f64::NAN; values.len()];
    for ((difference, after), before) in all.iter_mut().skip(ticks).zip(values.iter().skip(ticks)).zip(values) {
        *difference = after - before;
    }
    all
}

/// Fewer pairs of values make no line.
const PAIRS_MIN: usize = 20;

/// A straight line through pairs of values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    pub(super) slope: f64,
    pub(super) offset: f64,
    pub(super) r: f64,
    pub(super) pairs: usize,
}

/// The line through `y` over `x`; both are measured with error, so its slope is the ratio of their spreads.
pub(super) fn line(x: &[f64], y: &[f64]) -> Line {
    let (mut n, mut sx, mut sy, mut sxx, mut syy, mut sxy) = (0_usize, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y).filter(|(x, y)| !(**x - **y).is_nan()) {
        n = n.saturating_add(1);
        (sx, sy, sxx, syy, sxy) = (sx + x, sy + y, sxx + x * x, syy + y * y, sxy + x * y);
    }
    if n < PAIRS_MIN {
        return Line::default();
    }
    let count = f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let (vx, vy, vxy) = (sxx - sx * sx / count, syy - sy * sy / count, sxy - sx * sy / count);
    if vx <= 0.0 || vy <= 0.0 {
        return Line::default();
    }
    let slope = (vy / vx).sqrt() * vxy.signum();
    Line { slope, offset: (sy - slope * sx) / count, r: vxy / (vx * vy).sqrt(), pairs: n }
}

/// The line through the origin.
pub(super) fn ray(x: &[f64], y: &[f64]) -> Line {
    let (mut n, mut sxx, mut syy, mut sxy) = (0_usize, 0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y).filter(|(x, y)| !(**x - **y).is_nan()) {
        n = n.saturating_add(1);
        (sxx, syy, sxy) = (sxx + x * x, syy + y * y, sxy + x * y);
    }
    if n < PAIRS_MIN || sxx <= 0.0 || syy <= 0.0 {
        return Line::default();
    }
    Line { slope: (syy / sxx).sqrt() * sxy.signum(), offset: 0.0, r: sxy / (sxx * syy).sqrt(), pairs: n }
}

/// How often the values turn round, moves of less than a tenth of their range not counted.
pub(super) fn turns(values: &[f64]) -> u32 {
    let known = || values.iter().copied().filter(|value| !value.is_nan());
    let (low, high) = known().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    let swing = (high - low) / 10.0;
    if swing <= 0.0 || !swing.is_finite() {
        return 0;
    }
    let (mut turns, mut direction, mut extreme) = (0_u32, 0_i8, f64::NAN);
    for value in known() {
        if extreme.is_nan() {
            extreme = value;
        }
        let towards = if value > extreme + swing {
            1
        } else if value < extreme - swing {
            -1
        } else {
            0
        };
        match direction {
            0 if towards != 0 => (direction, extreme) = (towards, value),
            1 if value > extreme => extreme = value,
            -1 if value < extreme => extreme = value,
            _ if towards != 0 && towards != direction => {
                turns = turns.saturating_add(1);
                (direction, extreme) = (towards, value);
            }
            _ => {}
        }
    }
    turns
}

/// Parts of a range that are looked at one by one.
const RANGE_PARTS: usize = 16;

/// Which share of their range the values passed both upwards and downwards, moves of less than a twentieth of it not counted.
pub(super) fn both_ways(values: &[f64]) -> f64 {
    let known = || values.iter().copied().filter(|value| !value.is_nan());
    let (low, high) = known().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    let swing = (high - low) / 20.0;
    if swing <= 0.0 || !swing.is_finite() {
        return 0.0;
    }
    let parts = f64::from(u32::try_from(RANGE_PARTS).unwrap_or(1));
    let middles: Vec<f64> =
        (0_u32..).take(RANGE_PARTS).map(|part| low + (f64::from(part) + 0.5) / parts * (high - low)).collect();
    let mut passed = [[false; 2]; RANGE_PARTS];
    let (mut direction, mut extreme) = (None, known().next().unwrap_or(low));
    for value in known() {
        let rises = match direction {
            _ if (value - extreme).abs() > swing => value > extreme,
            Some(rises) if (value > extreme) == rises => rises,
            _ => continue,
        };
        let (bottom, top) = (extreme.min(value), extreme.max(value));
        let crossed = passed.iter_mut().zip(&middles).filter(|(_, middle)| (bottom..=top).contains(*middle));
        for ([up, down], _) in crossed {
            (*up, *down) = (*up || rises, *down || !rises);
        }
        (direction, extreme) = (Some(rises), value);
    }
    let both = passed.iter().filter(|[up, down]| *up && *down).count();
    f64::from(u32::try_from(both).unwrap_or(0)) / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_passed_upwards_and_downwards_count_as_both_ways() {
        let way = |from: i32, to: i32| -> Vec<f64> {
            let values = from.min(to)..=from.max(to);
            if from < to { values.map(f64::from).collect() } else { values.rev().map(f64::from).collect() }
        };
        let share = |parts: &[Vec<f64>]| both_ways(&parts.concat());
        assert_eq!(share(&[way(0, 160)]), 0.0);
        assert_eq!(share(&[way(0, 160), way(160, 120)]), 0.25);
        assert_eq!(share(&[way(0, 160), way(160, 0)]), 1.0);
        assert_eq!(both_ways(&[f64::NAN, 5.0, 5.0]), 0.0);
    }
}
