//! Which pairs of signals may be related.
//!
//! Not proof: a candidate becomes a relation only if it holds frame by frame (`proof`). Invariant: a candidate held on the first
//! part of the training as on all of it. Cost: signals² × ticks, ticks bounded by [`PAIRS_MAX`].

use super::grid::{Column, Line, RATE, STEP, both_ways, line, ray, turns};
use crate::fields::{FieldClass, LearnedField};
use yagura_ids::{Comparison, Derived};

/// Ticks looked at per pair; more are thinned out.
const PAIRS_MAX: usize = 20_000;
/// Share of the variance that must be explained.
const LEVEL_R2: f64 = 0.97;
const RATE_R2: f64 = 0.95;
const DRIFT_R2: f64 = 0.95;
/// Correlation of changes within a second: two signals that only share a trend are not related.
const CHANGE_R: f64 = 0.8;
/// The slopes of both halves differ from that of all by less than this.
const SLOPE_STABLE: f64 = 0.15;

/// A signal: which field, and what is made of it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Source {
    pub(super) field: usize,
    pub(super) derived: Derived,
}

/// A pair that may be related, in units of the grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) judged: Source,
    pub(super) witness: Source,
    pub(super) comparison: Comparison,
    pub(super) line: Line,
    /// The fewer turning points of the two.
    pub(super) turns: u32,
    /// The smaller share of the two ranges that was passed both upwards and downwards.
    pub(super) both_ways: f64,
    /// Most that the judged counter moves within a second.
    pub(super) fastest: f64,
}

/// All views of one field that a comparison needs.
struct Views {
    level: Vec<f64>,
    change: Vec<f64>,
    mean: Vec<f64>,
    mean_change: Vec<f64>,
    rate: Vec<f64>,
    rate_change: Vec<f64>,
    moved: Vec<f64>,
    travelled: Vec<f64>,
    turns: u32,
    both_ways: f64,
    fastest: f64,
    /// Whether it may be an odometer.
    counts: bool,
    /// Whether its value means something by itself.
    levels: bool,
}

impl Views {
    fn of(field: &LearnedField, column: &Column) -> Self {
        let stride = (column.level.len() / PAIRS_MAX).saturating_add(1);
        let thin = |values: &[f64]| values.iter().copied().step_by(stride).collect::<Vec<f64>>();
        let delta = |values: &[f64]| {
            let mut all = vec![f64::NAN; values.len()];
            for ((d, after), before) in all.iter_mut().skip(STEP).zip(values.iter().skip(STEP)).zip(values) {
                *d = after - before;
            }
            all
        };
        let (mean, rate) = (column.mean(RATE), column.moved(RATE));
        let travelled: Vec<f64> = column.mean(STEP).iter().map(|mean| mean * 10.0).collect();
        let counts = matches!(field.class, FieldClass::Modular | FieldClass::Monotone);
        Self {
            both_ways: both_ways(if counts { &rate } else { &column.level }),
            turns: turns(if counts { &rate } else { &column.level }),
            mean_change: thin(&delta(&mean)),
            rate_change: thin(&delta(&rate)),
            level: thin(&column.level),
            change: thin(&column.change(STEP)),
            mean: thin(&mean),
            rate: thin(&rate),
            fastest: column
                .moved(STEP)
                .iter()
                .filter(|m| !m.is_nan())
                .fold(0.0, |most: f64, moved| most.max(moved.abs())),
            moved: thin(&column.moved(STEP)),
            travelled: thin(&travelled),
            counts,
            levels: field.class != FieldClass::Modular,
        }
    }
}

/// All candidates among the fields; those that explain most come first.
pub(super) fn candidates(fields: &[LearnedField], columns: &[Column]) -> Vec<Candidate> {
    let views: Vec<Views> = fields.iter().zip(columns).map(|(field, column)| Views::of(field, column)).collect();
    let mut found = Vec::new();
    for (y, judged) in views.iter().enumerate() {
        for (x, witness) in views.iter().enumerate().filter(|(x, _)| *x != y) {
            let (turns, both_ways) = (judged.turns.min(witness.turns), judged.both_ways.min(witness.both_ways));
            let fastest = judged.fastest;
            let mut add = |of: Derived, by: Derived, comparison, line: Option<Line>| {
                if let Some(line) = line {
                    let (judged, witness) = (Source { field: y, derived: of }, Source { field: x, derived: by });
                    found.push(Candidate { judged, witness, comparison, line, turns, both_ways, fastest });
                }
            };
            if judged.levels && witness.levels && !(judged.counts && witness.counts) {
                add(Derived::Level, Derived::Level, Comparison::Band, level_by_level(judged, witness));
            }
            if judged.levels && !judged.counts && witness.counts {
                add(Derived::Level, Derived::Rate, Comparison::Band, level_by_rate(judged, witness));
            }
            if judged.counts && witness.counts {
                add(Derived::Count, Derived::Count, Comparison::Drift, drift(&judged.moved, &witness.moved));
            }
            if judged.counts && witness.levels && !witness.counts {
                add(Derived::Count, Derived::Integral, Comparison::Drift, drift(&judged.moved, &witness.travelled));
            }
        }
    }
    found.sort_by(|a, b| b.line.r.abs().total_cmp(&a.line.r.abs()));
    found
}

fn level_by_level(judged: &Views, witness: &Views) -> Option<Line> {
    let all = line(&witness.level, &judged.level);
    let good = all.r * all.r >= LEVEL_R2 && line(&witness.change, &judged.change).r.abs() >= CHANGE_R;
    (good && is_stable(all, &witness.level, &judged.level, line)).then_some(all)
}

fn level_by_rate(judged: &Views, witness: &Views) -> Option<Line> {
    let all = line(&witness.rate, &judged.mean);
    let good = all.r * all.r >= RATE_R2 && line(&witness.rate_change, &judged.mean_change).r.abs() >= CHANGE_R;
    (good && is_stable(all, &witness.rate, &judged.mean, line)).then_some(all)
}

fn drift(judged: &[f64], witness: &[f64]) -> Option<Line> {
    let all = ray(witness, judged);
    let spread = line(witness, judged);
    let good = all.r * all.r >= DRIFT_R2 && spread.r * spread.r >= RATE_R2;
    (good && is_stable(all, witness, judged, ray)).then_some(all)
}

/// Whether both halves of the way that the witness went give the same slope.
fn is_stable(all: Line, x: &[f64], y: &[f64], fit: impl Fn(&[f64], &[f64]) -> Line) -> bool {
    let steps = |x: &[f64]| {
        x.iter().zip(x.iter().skip(1)).map(|(a, b)| (b - a).abs()).map(|s| if s.is_nan() { 0.0 } else { s }).collect()
    };
    let steps: Vec<f64> = steps(x);
    let mut left = steps.iter().sum::<f64>() / 2.0;
    let middle = steps.iter().position(|step| {
        left -= step;
        left <= 0.0
    });
    let (x, y) = (x.split_at(middle.unwrap_or(0)), y.split_at(middle.unwrap_or(0)));
    let (first, second) = (fit(x.0, y.0), fit(x.1, y.1));
    let near = |line: Line| line.pairs > 0 && (line.slope / all.slope - 1.0).abs() < SLOPE_STABLE;
    near(first) && near(second)
}
