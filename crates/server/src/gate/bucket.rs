//! A token bucket: so many a second, so many at once, and how long until there is one again.
//!
//! Not a queue: nothing waits here. The level may go below zero when the price of something is known only afterwards (the events
//! of a report), and then the next one waits for the debt. Pure: time is an argument. Cost: 16 bytes and a few additions.

use std::time::Duration;

/// Seconds' worth of its rate that a full bucket holds.
pub const BURST_SECONDS: u32 = 10;
/// How far a bucket may be in debt, in seconds of its rate.
const DEBT_SECONDS_MAX: u32 = 60;

/// How much a bucket is filled in a second; a full one holds [`BURST_SECONDS`] of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate(u32);

impl Rate {
    /// A rate of so many a second; `None` for zero, which would let nothing pass ever.
    #[must_use]
    pub const fn per_second(count: u32) -> Option<Self> {
        if count == 0 { None } else { Some(Self(count)) }
    }

    /// How many a second.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }

    fn full(self) -> f64 {
        f64::from(self.0) * f64::from(BURST_SECONDS)
    }
}

/// The level of a bucket. Full at first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    level: f64,
    at: Duration,
}

impl Bucket {
    pub(super) fn full(rate: Rate, now: Duration) -> Self {
        Self { level: rate.full(), at: now }
    }

    /// Fills up to `now` and says how long until the bucket is out of debt and holds `price`, or a full bucket if the price is
    /// higher than that; zero if it does.
    pub(super) fn wait(&mut self, rate: Rate, price: f64, now: Duration) -> Duration {
        self.fill(rate, now);
        let lacking = price.min(rate.full()) - self.level;
        if lacking <= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(lacking / f64::from(rate.0)) }
    }

    /// Takes `price` out, into debt if need be.
    pub(super) fn pay(&mut self, rate: Rate, price: f64) {
        self.level = (self.level - price).max(-f64::from(rate.0) * f64::from(DEBT_SECONDS_MAX));
    }

    /// Whether nobody would see a difference if this were forgotten.
    pub(super) fn is_full(&mut self, rate: Rate, now: Duration) -> bool {
        self.fill(rate, now);
        self.level >= rate.full()
    }

    fn fill(&mut self, rate: Rate, now: Duration) {
        let passed = now.saturating_sub(self.at);
        self.level = (self.level + passed.as_secs_f64() * f64::from(rate.0)).min(rate.full());
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let (rate, mut passed) = (Rate::per_second(5).unwrap(), 0);
        let mut bucket = Bucket::full(rate, Duration::ZERO);
        while bucket.wait(rate, 1.0, Duration::ZERO).is_zero() {
            bucket.pay(rate, 1.0);
            passed += 1;
        }
        assert_eq!(passed, 50);
        assert_eq!(bucket.wait(rate, 1.0, Duration::ZERO), Duration::from_millis(200));
        assert!(bucket.wait(rate, 1.0, SECOND).is_zero());
    }

    #[test]
    fn a_debt_is_waited_for_and_has_a_limit() {
        let rate = Rate::per_second(10).unwrap();
        let mut bucket = Bucket::full(rate, Duration::ZERO);
        bucket.pay(rate, 1e9);
        assert_eq!(bucket.wait(rate, 0.0, Duration::ZERO).as_secs(), 60);
        assert!(!bucket.is_full(rate, 69 * SECOND) && bucket.is_full(rate, 70 * SECOND));
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate_pass(
            rate in 1..1000_u32, asks in proptest::collection::vec((0..3_000_u64, 1..50_u32), 1..200),
        ) {
            let rate = Rate::per_second(rate).unwrap();
            let mut bucket = Bucket::full(rate, Duration::ZERO);
            let (mut now, mut passed) = (Duration::ZERO, 0.0);
            for (later, price) in asks {
                now += Duration::from_millis(later);
                let price = f64::from(price).min(rate.full());
                if bucket.wait(rate, price, now).is_zero() {
                    bucket.pay(rate, price);
                    passed += price;
                }
                prop_assert!(passed <= rate.full() + now.as_secs_f64() * f64::from(rate.0) + 1e-6);
            }
        }
    }
}
