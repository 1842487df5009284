//! Scores what was told against labels: by frame, by attack, by second, with the false alarms of clean traffic apart.
//!
//! Not a tuner: labels are read here and nowhere else, after the detectors have spoken. Invariant: every line told is counted in
//! exactly one of four places (on an attack's frame, beside one during an attack, just after one, in clean traffic). Cost: the
//! capture is held in memory, 100 bytes a frame.

mod page;
mod score;
mod table;
mod truth;

pub use page::page;
pub use score::{AFTERMATH, AttackScore, DetectorScore, Mark, Score, Seconds, Stand};
pub(crate) use table::{markdown, quantile};
pub use table::{row, table};
pub use truth::{Labelled, SEGMENT_GAP, Segment, Truth, windows_of, windows_text};

use crate::{DeskError, Replay, Tally};
use yagura_ids::Profile;
use yagura_model::Micros;

/// Judges labelled frames from `from` on and scores what is told.
///
/// # Errors
/// [`DeskError::Capacity`] if the profile is too large for a detector.
pub fn evaluate(
    frames: &[Labelled],
    truth: &Truth,
    from: Micros,
    profile: Profile<'_>,
) -> Result<(Score, Tally), DeskError> {
    let mut replay = Replay::new(profile)?;
    let mut score = Score::new(truth);
    for labelled in frames.iter().filter(|labelled| labelled.frame.time >= from) {
        score.start_frame(labelled);
        replay.judge(&labelled.frame, &mut |alert| score.take(alert));
    }
    let tally = replay.finish(&mut |alert| score.take(alert));
    Ok((score.finish(), tally))
}
