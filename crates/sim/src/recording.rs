//! A recorded drive that goes round and round: one capture, shared by every vehicle that replays it.
//!
//! Not a reader (`capture` is). Invariants: frames are sorted, times start at 0 and end before [`Recording::period`]; times of
//! a [`Replay`] never go back. Cost: 96 bytes a frame, once per recording; a replayed frame costs a copy.
//!
//! The seam. Where the end meets the beginning, an identifier's gap is `period + first − last`: if it were not what that
//! identifier's gaps are elsewhere, the seam itself would look like an injection or a suspension. So the recording is cut:
//! of all periods between half its length and its length plus one gap, the one is taken at which the worst identifier's gap
//! is least outside the range it had anyway, and the mean deviation from the median gaps plus what is cut away
//! ([`CUT_WEIGHT`]) is smallest. The frames behind the cut are dropped. For traffic of 10 ms to 1 s periods this finds a cut where every gap is ordinary
//! ([`Recording::seam_excess`] is 0).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use thiserror::Error;
use yagura_model::{BusId, CanId, Frame, Micros};

/// The most frames of one recording: 96 MB.
pub const RECORDING_FRAMES_MAX: usize = 1_000_000;
/// Steps in which the period is searched, µs: coarse over everything, then fine around the best.
const COARSE_STEP: u64 = 1_000;
const FINE_STEP: u64 = 50;

/// What cutting away the whole recording would cost, in median gaps of deviation per identifier.
const CUT_WEIGHT: f64 = 0.5;

/// Why frames cannot be replayed in a loop.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RecordingError {
    /// No two frames with different times.
    #[error("recording has no duration")]
    NoDuration,
    /// More than [`RECORDING_FRAMES_MAX`].
    #[error("recording exceeds {RECORDING_FRAMES_MAX} frames")]
    TooLong,
}

/// What distinguishes one sender's message from another's.
pub type Subject = (BusId, CanId);

/// How one identifier comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rhythm {
    /// Shortest gap, µs.
    pub shortest: u64,
    /// Median gap, µs.
    pub median: u64,
    /// Longest gap, µs.
    pub longest: u64,
    /// Frames in the recording.
    pub frames: usize,
}

impl Rhythm {
    /// Whether the identifier comes like clockwork: no gap beyond half and one and a half of the median.
    #[must_use]
    pub fn is_periodic(&self) -> bool {
        self.frames >= 8 && self.shortest * 2 >= self.median && self.longest * 2 <= self.median * 3
    }
}

/// Frames to be replayed in a loop.
#[derive(Clone, Debug)]
pub struct Recording {
    frames: Vec<Frame>,
    period: u64,
    seam_excess: f64,
    rhythms: BTreeMap<Subject, Rhythm>,
    protected: BTreeSet<Subject>,
}

impl Recording {
    /// Sorts the frames by time and finds the seam.
    ///
    /// # Errors
    /// [`RecordingError`] if there is nothing to loop or too much.
    pub fn new(frames: impl IntoIterator<Item = Frame>) -> Result<Self, RecordingError> {
        let mut frames: Vec<Frame> = frames.into_iter().take(RECORDING_FRAMES_MAX + 1).collect();
        if frames.len() > RECORDING_FRAMES_MAX {
            return Err(RecordingError::TooLong);
        }
        frames.sort_by_key(|frame| frame.time);
        let first = frames.first().map_or(Micros(0), |frame| frame.time);
        for frame in &mut frames {
            frame.time = Micros(frame.time.since(first));
        }
        let span = frames.last().map_or(0, |frame| frame.time.0);
        if span == 0 {
            return Err(RecordingError::NoDuration);
        }
        let tracks = tracks(&frames);
        let (seam_excess, period) = best_period(&tracks, span);
        frames.retain(|frame| frame.time.0 < period);
        let rhythms = tracks.iter().map(|track| (track.subject, track.rhythm)).collect();
        Ok(Self { frames, period, seam_excess, rhythms, protected: BTreeSet::new() })
    }

    /// The same, with the identifiers whose data carries a checksum: a masquerade is tried on these.
    #[must_use]
    pub fn with_protected(mut self, subjects: impl IntoIterator<Item = Subject>) -> Self {
        self.protected = subjects.into_iter().collect();
        self
    }

    /// One round, times from 0.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// How long one round takes, µs.
    #[must_use]
    pub const fn period(&self) -> u64 {
        self.period
    }

    /// By how much the worst identifier's gap at the seam is outside the gaps it has elsewhere, in parts of its median gap.
    #[must_use]
    pub const fn seam_excess(&self) -> f64 {
        self.seam_excess
    }

    /// How each identifier comes.
    #[must_use]
    pub const fn rhythms(&self) -> &BTreeMap<Subject, Rhythm> {
        &self.rhythms
    }

    /// Whether the identifier's data carries a checksum.
    #[must_use]
    pub fn is_protected(&self, subject: &Subject) -> bool {
        self.protected.contains(subject)
    }
}

/// All times of one identifier.
struct Track {
    subject: Subject,
    times: Vec<u64>,
    rhythm: Rhythm,
}

fn tracks(frames: &[Frame]) -> Vec<Track> {
    let mut times: BTreeMap<Subject, Vec<u64>> = BTreeMap::new();
    for frame in frames {
        times.entry((frame.bus, frame.id)).or_default().push(frame.time.0);
    }
    let track = |(subject, times): (Subject, Vec<u64>)| {
        let mut gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable();
        let at = |index: usize| gaps.get(index).copied().unwrap_or(0);
        let rhythm = Rhythm {
            shortest: at(0),
            median: at(gaps.len() / 2),
            longest: at(gaps.len().saturating_sub(1)),
            frames: times.len(),
        };
        Track { subject, times, rhythm }
    };
    times.into_iter().map(track).collect()
}

/// The best period and how far its worst gap is out of range.
fn best_period(tracks: &[Track], span: u64) -> (f64, u64) {
    let shortest_gap = tracks.iter().map(|track| track.rhythm.median).filter(|gap| *gap > 0).min().unwrap_or(1_000);
    let longest = span + shortest_gap;
    let around = |from: u64, to: u64, step: usize| {
        (from..=to).step_by(step).map(|period| (seam_cost(tracks, period, span), period)).min_by(compare)
    };
    let (_, coarse) = around(span / 2 + 1, longest, COARSE_STEP as usize).unwrap_or(((0.0, 0.0), longest));
    let from = coarse.saturating_sub(COARSE_STEP).max(1);
    let ((excess, _), period) = around(from, coarse + COARSE_STEP, FINE_STEP as usize).unwrap_or(((0.0, 0.0), coarse));
    (excess, period)
}

type Cost = (f64, f64);

/// Smaller cost first, an excess of a hundredth of a gap more or less not counted; between equals the longer period.
fn compare(a: &(Cost, u64), b: &(Cost, u64)) -> std::cmp::Ordering {
    let hundredths = |cost: &Cost| (cost.0 * 100.0).floor();
    hundredths(&a.0).total_cmp(&hundredths(&b.0)).then(a.0.1.total_cmp(&b.0.1)).then(b.1.cmp(&a.1))
}

/// The worst excess over the ordinary range; and the mean deviation from the median of all gaps at the seam, with the cut.
#[expect(clippy::cast_precision_loss, reason = "microseconds of a recording are far below 2^52")]
fn seam_cost(tracks: &[Track], period: u64, span: u64) -> Cost {
    let (mut worst, mut sum) = (0.0_f64, 0.0);
    for track in tracks {
        let kept = track.times.partition_point(|time| *time < period);
        let (Some(first), Some(last)) = (track.times.first(), kept.checked_sub(1).and_then(|at| track.times.get(at)))
        else {
            continue;
        };
        let Rhythm { shortest, median, longest, frames } = track.rhythm;
        if frames < 2 {
            continue;
        }
        let gap = period + first - last;
        let unit = median.max(1) as f64;
        let outside = shortest.saturating_sub(gap).max(gap.saturating_sub(longest));
        worst = worst.max(outside as f64 / unit);
        sum += gap.abs_diff(median) as f64 / unit;
    }
    let cut = span.saturating_sub(period) as f64 / span.max(1) as f64;
    (worst, sum / tracks.len().max(1) as f64 + cut * CUT_WEIGHT)
}

/// A recording from some point on, for ever.
#[derive(Clone, Debug)]
pub struct Replay {
    recording: Arc<Recording>,
    next: usize,
    /// Time of the round's beginning on the replay's clock; before the first round's end it is negative.
    round_start: i128,
}

impl Replay {
    /// A replay that begins `phase` (in thousandths of the round) into the recording; its first frame has time 0.
    #[must_use]
    pub fn new(recording: Arc<Recording>, phase_permille: u16) -> Self {
        let next = recording.frames.len() * usize::from(phase_permille.min(999)) / 1_000;
        let start = recording.frames.get(next).map_or(0, |frame| frame.time.0);
        Self { recording, next, round_start: -i128::from(start) }
    }

    /// The recording that is replayed.
    #[must_use]
    pub fn recording(&self) -> &Arc<Recording> {
        &self.recording
    }
}

impl Iterator for Replay {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        if self.next >= self.recording.frames.len() {
            self.next = 0;
            self.round_start += i128::from(self.recording.period);
        }
        let frame = self.recording.frames.get(self.next)?;
        self.next += 1;
        let time = u64::try_from(self.round_start + i128::from(frame.time.0)).ok()?;
        Some(Frame { time: Micros(time), ..*frame })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use yagura_model::{FrameKind, Payload};

    fn frame(time: u64, id: u32) -> Frame {
        Frame {
            time: Micros(time),
            bus: BusId(0),
            id: CanId::from_key(id).unwrap(),
            kind: FrameKind::Data,
            payload: Payload::EMPTY,
        }
    }

    /// Two identifiers of 10 ms and 100 ms with a jitter that depends on the index, over `span` µs.
    fn bus(start: u64, span: u64) -> Vec<Frame> {
        let jitter = |n: u64| n * 7919 % 400;
        let fast = (0..span / 10_000).map(move |n| frame(start + n * 10_000 + jitter(n), 0x100));
        let slow = (0..span / 100_000).map(move |n| frame(start + n * 100_000 + 3_000 + jitter(n), 0x200));
        fast.chain(slow).collect()
    }

    #[test]
    fn every_gap_over_the_seam_is_an_ordinary_one() {
        let recording = Arc::new(Recording::new(bus(1_600_000_000_000_000, 2_345_678)).unwrap());
        assert!(recording.seam_excess() < 0.01);
        for (id, range) in [(0x100, 9_500..=10_500), (0x200, 98_600..=101_400)] {
            let times: Vec<u64> = Replay::new(Arc::clone(&recording), 300)
                .take(3_000)
                .filter(|frame| frame.id.raw() == id)
                .map(|frame| frame.time.0)
                .collect();
            let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(gaps.iter().all(|gap| range.contains(gap)), "{id:x}: {gaps:?}");
        }
    }

    #[test]
    fn a_recording_without_duration_is_refused() {
        assert_eq!(Recording::new([]).unwrap_err(), RecordingError::NoDuration);
        assert_eq!(Recording::new([frame(5, 1), frame(5, 2)]).unwrap_err(), RecordingError::NoDuration);
    }

    proptest! {
        #[test]
        fn times_of_a_replay_start_at_zero_and_never_go_back(
            times in proptest::collection::vec(0..500_000_u64, 2..40), phase in 0..1_200_u16,
        ) {
            let Ok(recording) = Recording::new(times.iter().map(|time| frame(*time, 0x100))) else { return Ok(()) };
            let replayed: Vec<u64> = Replay::new(Arc::new(recording), phase).take(200).map(|frame| frame.time.0).collect();
            prop_assert_eq!(replayed[0], 0);
            prop_assert!(replayed.is_sorted());
            prop_assert_eq!(replayed.len(), 200);
        }
    }
}
