//! Which of the newest records are reports whose signature this process has verified itself: so that nothing is verified twice.
//!
//! Not durable and not a source of truth: what is not in here (after a restart, or when the pipeline is far behind) is verified
//! when it is read. Invariant: an entry is a record that is in the vault and was verified before it went there; the reader compares the
//! digest with the bytes on disk. Cost: 40 bytes a report, at most [`VOUCHED_MAX`] of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use yagura_link::Digest;

/// For how many reports it is remembered that they are verified; of more, the oldest are verified again.
pub const VOUCHED_MAX: usize = 1 << 18;

/// Positions and digests of verified reports. Cheap to clone; all clones share them.
#[derive(Clone, Debug, Default)]
pub struct Vouched(Arc<Mutex<VecDeque<(u64, Digest)>>>);

impl Vouched {
    /// Adds reports that are durable now, in the order of their positions.
    pub(super) fn add(&self, reports: impl IntoIterator<Item = (u64, Digest)>) {
        let mut known = self.lock();
        known.extend(reports);
        let excess = known.len().saturating_sub(VOUCHED_MAX);
        known.drain(..excess);
    }

    /// Hands out what is known of the records in `from..end` and forgets all before `end`.
    #[must_use]
    pub fn take(&self, from: u64, end: u64) -> VecDeque<(u64, Digest)> {
        let mut known = self.lock();
        let stale = known.partition_point(|(position, _)| *position < from);
        known.drain(..stale);
        let wanted = known.partition_point(|(position, _)| *position < end);
        let rest = known.split_off(wanted);
        std::mem::replace(&mut known, rest)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, Digest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(of: u64) -> Digest {
        Digest::of(&of.to_be_bytes())
    }

    #[test]
    fn what_was_verified_is_handed_out_once_and_in_order() {
        let vouched = Vouched::default();
        vouched.add([1, 3, 4, 9].map(|position| (position, digest(position))));
        assert_eq!(vouched.take(2, 5), [3, 4].map(|position| (position, digest(position))));
        assert_eq!(vouched.take(2, 5), []);
        assert_eq!(vouched.take(5, 100), [(9, digest(9))]);
    }

    #[test]
    fn the_oldest_are_given_up_when_the_pipeline_is_far_behind() {
        let vouched = Vouched::default();
        for position in 0..VOUCHED_MAX as u64 + 2 {
            vouched.add([(position, Digest::ZERO)]);
        }
        assert_eq!(vouched.take(0, 4), [2, 3].map(|position| (position, Digest::ZERO)));
    }
}
