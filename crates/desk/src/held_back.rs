//! How often a profile would alarm for nothing: learned on a part of the clean traffic, judged on the rest, in turn.
//!
//! Not a promise: the profile that is written has seen all of the traffic and alarms less, another day has states that none of
//! it shows. Several captures are divided between captures, one is cut into pieces. Invariant: no piece is judged by a profile
//! that has seen it. Cost: at most [`FOLDS_MAX`] times learning and replaying.

use crate::learn::learn_frames;
use crate::{DeskError, Replay};
use std::collections::BTreeMap;
use yagura_model::Frame;
use yagura_profile::{Learned, Specification};

/// Into how many parts traffic is divided at most.
pub const FOLDS_MAX: usize = 3;
/// Longer traffic is not judged again: learning from it takes long enough once.
const FRAMES_MAX: usize = 3_000_000;
/// Shorter traffic is not divided.
const FRAMES_MIN: usize = 300;

/// What clean traffic raised that its profile had not seen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HeldBack {
    /// Into how many parts the traffic was divided.
    pub parts: usize,
    /// Frames judged.
    pub frames: u64,
    /// Traffic judged, µs.
    pub micros: u64,
    /// Frames and silences flagged; all of them false.
    pub alerts: u64,
    /// Incidents told to a person; all of them false.
    pub incidents: u64,
    /// False alerts by detector.
    pub by_detector: BTreeMap<&'static str, u64>,
}

impl HeldBack {
    /// Measures on captures of one vehicle; `None` if they are too long or too short.
    pub(crate) fn measure(captures: &[Vec<Frame>], specification: &Specification) -> Result<Option<Self>, DeskError> {
        let frames: usize = captures.iter().map(Vec::len).sum();
        if !(FRAMES_MIN..=FRAMES_MAX).contains(&frames) {
            return Ok(None);
        }
        let parts = parts(captures);
        let mut measured = Self { parts: parts.len(), ..Self::default() };
        for (index, part) in parts.iter().enumerate() {
            let others = parts.iter().enumerate().filter(|(other, _)| *other != index);
            let others: Vec<&[Frame]> = others.flat_map(|(_, part)| part.iter().copied()).collect();
            let learned = learn_frames(&others, specification)?;
            measured.judge(&learned, part)?;
        }
        Ok(Some(measured))
    }

    fn judge(&mut self, learned: &Learned, judged: &[&[Frame]]) -> Result<(), DeskError> {
        for frames in judged {
            let mut replay = Replay::new(learned.profile()?)?;
            let by_detector = &mut self.by_detector;
            let mut tell = |alert: &crate::Alert<'_>| {
                let count = by_detector.entry(alert.finding().check.name()).or_default();
                *count = count.saturating_add(1);
            };
            frames.iter().for_each(|frame| replay.judge(frame, &mut tell));
            let tally = replay.finish(&mut tell);
            self.frames = self.frames.saturating_add(tally.frames);
            self.micros = self.micros.saturating_add(tally.micros);
            self.alerts = self.alerts.saturating_add(tally.alerts);
            self.incidents = self.incidents.saturating_add(tally.incidents);
        }
        Ok(())
    }

    /// Hours judged.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a duration for people")]
    pub fn hours(&self) -> f64 {
        self.micros as f64 / 3.6e9
    }

    /// The rate of false incidents an hour that is exceeded with at most 5 % probability.
    #[must_use]
    pub fn incidents_bound(&self) -> f64 {
        rate_bound(self.incidents, self.hours())
    }
}

/// The captures dealt out to at most [`FOLDS_MAX`] parts; a single one is cut into as many.
fn parts(captures: &[Vec<Frame>]) -> Vec<Vec<&[Frame]>> {
    if let [only] = captures {
        let len = only.len().div_ceil(FOLDS_MAX).max(1);
        return only.chunks(len).map(|piece| vec![piece]).collect();
    }
    let mut parts = vec![Vec::new(); captures.len().min(FOLDS_MAX)];
    let count = parts.len().max(1);
    for (index, capture) in captures.iter().enumerate() {
        if let Some(part) = index.checked_rem(count).and_then(|part| parts.get_mut(part)) {
            part.push(capture.as_slice());
        }
    }
    parts
}

/// The upper 95 % bound of a Poisson rate: `count` happenings in `hours`. 3 / hours if there was none (rule of three);
/// otherwise Wilson and Hilferty's approximation of the χ² quantile.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a count of alarms")]
pub fn rate_bound(count: u64, hours: f64) -> f64 {
    if count == 0 {
        return 3.0 / hours;
    }
    let n = count as f64 + 1.0;
    let root = 1.0 - 1.0 / (9.0 * n) + 1.645 / (3.0 * n.sqrt());
    n * root.powi(3) / hours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_that_of_the_tables_of_the_poisson_distribution() {
        for (count, bound) in [(0, 3.0), (1, 4.74), (2, 6.30), (5, 10.51), (10, 16.96), (100, 118.08)] {
            assert!((rate_bound(count, 1.0) - bound).abs() < 0.02 * bound, "{count}: {}", rate_bound(count, 1.0));
        }
    }

    #[test]
    fn captures_are_divided_between_captures_and_one_is_cut() {
        let frame = Frame {
            time: yagura_model::Micros(0),
            bus: yagura_model::BusId(0),
            id: yagura_model::CanId::from_key(1).unwrap(),
            kind: yagura_model::FrameKind::Data,
            payload: yagura_model::Payload::EMPTY,
        };
        let lens = |captures: &[usize]| -> Vec<usize> {
            let captures: Vec<Vec<Frame>> = captures.iter().map(|len| vec![frame; *len]).collect();
            parts(&captures).iter().map(|part| part.iter().map(|piece| piece.len()).sum()).collect()
        };
        assert_eq!(lens(&[10]), [4, 4, 2]);
        assert_eq!(lens(&[10, 20]), [10, 20]);
        assert_eq!(lens(&[1, 2, 4, 8]), [9, 2, 4]);
    }
}
