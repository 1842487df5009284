//! The penalty box: whoever does wrong again and again is not listened to for a while.
//!
//! Not a quota: it counts what is wrong, not how much there is. Strikes are forgiven with time, so a single bad report costs
//! nothing; each stay in the box is twice as long as the one before. Bounded: at most [`WATCHED_MAX`] offenders are known; when all
//! of them are still under suspicion, a new one is not followed. Pure: time is an argument. Cost: one map entry an offender.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// Offenders of one kind that are known at the same time.
pub const WATCHED_MAX: usize = 65_536;

/// How patient a box is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Strikes that are forgiven before the box.
    pub(super) strikes: u32,
    /// After how long one strike is forgotten.
    pub(super) forgiven: Duration,
    /// The first stay.
    pub(super) first: Duration,
    /// The longest stay; whoever was good for as long starts anew.
    pub(super) longest: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    strikes: f64,
    at: Duration,
    until: Duration,
    stay: Duration,
}

/// Who did wrong lately.
#[derive(Debug)]
pub(super) struct PenaltyBox<K> {
    patience: Patience,
    records: HashMap<K, Record>,
}

impl<K: Copy + Eq + Hash> PenaltyBox<K> {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, records: HashMap::new() }
    }

    /// How much longer `who` is in the box; `None` if it is not.
    pub(super) fn remaining(&self, who: &K, now: Duration) -> Option<Duration> {
        let record = self.records.get(who)?;
        Some(record.until.saturating_sub(now)).filter(|left| !left.is_zero())
    }

    /// Counts a wrong; `Some` with the stay if `who` is in the box from now on.
    pub(super) fn strike(&mut self, who: K, now: Duration) -> Option<Duration> {
        let patience = self.patience;
        if self.records.len() >= WATCHED_MAX && !self.records.contains_key(&who) {
            self.forget(now);
            if self.records.len() >= WATCHED_MAX {
                return None;
            }
        }
        let fresh = Record { strikes: 0.0, at: now, until: Duration::ZERO, stay: Duration::ZERO };
        let record = self.records.entry(who).or_insert(fresh);
        record.settle(&patience, now);
        record.strikes += 1.0;
        if record.strikes <= f64::from(patience.strikes) {
            return None;
        }
        record.strikes = f64::from(patience.strikes);
        record.stay = record.stay.saturating_mul(2).clamp(patience.first, patience.longest);
        record.until = now.saturating_add(record.stay);
        Some(record.stay)
    }

    /// Takes one strike back: somebody good came the same way.
    pub(super) fn pardon(&mut self, who: &K) {
        if let Some(record) = self.records.get_mut(who) {
            record.strikes = (record.strikes - 1.0).max(0.0);
        }
    }

    /// Forgets those of whom nothing is left.
    pub(super) fn forget(&mut self, now: Duration) {
        let patience = self.patience;
        self.records.retain(|_, record| {
            record.settle(&patience, now);
            record.strikes > 0.0 || record.until > now || !record.stay.is_zero()
        });
    }
}

impl Record {
    /// Forgives what time has healed.
    fn settle(&mut self, patience: &Patience, now: Duration) {
        let passed = now.saturating_sub(self.at);
        self.strikes = (self.strikes - passed.as_secs_f64() / patience.forgiven.as_secs_f64()).max(0.0);
        self.at = now;
        if now >= self.until.saturating_add(patience.longest) {
            self.stay = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Patience =
        Patience { strikes: 3, forgiven: SECOND, first: SECOND, longest: Duration::from_secs(8) };

    #[test]
    fn stays_double_up_to_the_longest_and_start_anew_after_good_conduct() {
        let (mut penalty, mut now, mut stays) = (PenaltyBox::new(PATIENCE), Duration::ZERO, Vec::new());
        for _ in 0..3 {
            assert_eq!(penalty.strike('a', now), None);
        }
        for _ in 0..5 {
            let stay = penalty.strike('a', now).unwrap();
            assert_eq!(penalty.remaining(&'a', now), Some(stay));
            assert_eq!((penalty.remaining(&'b', now), penalty.remaining(&'a', now + stay)), (None, None));
            now += Duration::from_millis(10);
            stays.push(stay.as_secs());
        }
        assert_eq!(stays, [1, 2, 4, 8, 8]);
        now += 30 * SECOND;
        penalty.forget(now);
        assert!(penalty.records.is_empty());
        assert_eq!(penalty.strike('a', now), None);
    }

    #[test]
    fn whoever_is_good_as_often_as_bad_stays_out() {
        let mut penalty = PenaltyBox::new(PATIENCE);
        for _ in 0..1000 {
            assert_eq!(penalty.strike('a', Duration::ZERO), None);
            penalty.pardon(&'a');
        }
    }

    proptest! {
        #[test]
        fn an_offence_a_second_is_forgiven_and_a_storm_is_not(rate in 1..50_u32, seconds in 20..60_u32) {
            let (mut penalty, mut listened) = (PenaltyBox::new(PATIENCE), 0_u32);
            for nth in 0..rate * seconds {
                let now = SECOND * nth / rate;
                if penalty.remaining(&(), now).is_none() {
                    listened += 1;
                    let _ = penalty.strike((), now);
                }
            }
            prop_assert!(rate == 1 || listened <= 3 + 2 * seconds, "{} of {}", listened, rate * seconds);
            prop_assert!(rate > 1 || listened == seconds);
        }
    }
}
