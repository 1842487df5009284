//! The evaluation of docs/detection.md, for anyone who has the data: what is learned from what, and what is judged.
//!
//! Not a benchmark of speed. Data that is absent is named and left out. Invariant: no capture, and no part of one, is judged by
//! a profile that has seen it; what else is alike between two captures is said in `cases`. Cost: minutes, one core.

mod cases;
mod repaired;
mod sections;

pub use sections::{Section, run, score};

use crate::eval::{Labelled, Score, Segment, Truth, evaluate};
use crate::learn::learn_frames;
use crate::{DeskError, Quiet};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use yagura_model::{Frame, Micros};
use yagura_profile::Specification;

/// Which part of a capture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// Its first frames, in hundredths of its frames.
    First(u8),
    /// What [`Part::First`] leaves.
    Rest(u8),
    /// Up to so many hundredths of its duration.
    Until(u8),
    /// What [`Part::Until`] leaves.
    From(u8),
}

/// One profile and one capture that it judges.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) learn: Vec<(PathBuf, Part)>,
    pub(crate) judge: (PathBuf, Part),
    pub(crate) windows: Vec<Segment>,
}

type Read = Rc<(Vec<Labelled>, Truth)>;

/// Captures that were read, since most are used more than once.
#[derive(Default)]
pub(crate) struct Shelf {
    captures: BTreeMap<PathBuf, Read>,
}

impl Shelf {
    fn read(&mut self, path: &Path) -> Result<Read, DeskError> {
        if let Some(read) = self.captures.get(path) {
            return Ok(Rc::clone(read));
        }
        let read = Rc::new(Truth::read(path, &[], &mut Quiet)?);
        self.captures.insert(path.to_owned(), Rc::clone(&read));
        Ok(read)
    }

    /// The frames of a part.
    fn part(&mut self, path: &Path, part: Part) -> Result<Vec<Labelled>, DeskError> {
        let read = self.read(path)?;
        Ok(part.of(&read.0).to_vec())
    }

    /// Learns and judges.
    pub(crate) fn score(&mut self, case: &Case) -> Result<Score, DeskError> {
        let mut traffic: Vec<Vec<Frame>> = Vec::new();
        for (path, part) in &case.learn {
            let frames = self.part(path, *part)?;
            traffic.push(frames.iter().map(|labelled| labelled.frame).collect());
        }
        let learned = learn_frames(&traffic, &Specification::default())?;
        let (path, part) = &case.judge;
        let frames = self.part(path, *part)?;
        let read = self.read(path)?;
        let mut truth = read.1.clone();
        truth.set_windows(&read.0, &case.windows);
        Ok(evaluate(&frames, &truth, Micros(0), learned.profile()?)?.0)
    }
}

impl Part {
    fn of(self, frames: &[Labelled]) -> &[Labelled] {
        let by_count = |percent: u8| frames.len().saturating_mul(usize::from(percent)).checked_div(100).unwrap_or(0);
        let by_time = |percent: u8| {
            let times = || frames.iter().map(|labelled| labelled.frame.time);
            let (first, last) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
            let at = last.since(first).saturating_mul(u64::from(percent)).checked_div(100).unwrap_or(0);
            frames.partition_point(|labelled| labelled.frame.time < first.plus(at))
        };
        let (at, is_rest) = match self {
            Self::Whole => (0, true),
            Self::First(percent) => (by_count(percent), false),
            Self::Rest(percent) => (by_count(percent), true),
            Self::Until(percent) => (by_time(percent), false),
            Self::From(percent) => (by_time(percent), true),
        };
        let (first, rest) = frames.split_at_checked(at).unwrap_or((frames, &[]));
        if is_rest { rest } else { first }
    }
}
