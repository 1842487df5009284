//! Where every reported happening went.
//!
//! Not a log. A happening is one count of an event: an event with count 7 is seven happenings. Invariant, in one predicate:
//! reported = qualified + dropped + pending.

/// Happenings that were dropped, by the filter that did it. All since the instance started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Dropped {
    /// No chain is configured for the event.
    pub unconfigured: u64,
    /// Reporting mode off.
    pub off: u64,
    /// Blocked in the current state.
    pub blocked: u64,
    /// Not the n-th.
    pub sampled: u64,
    /// Below the threshold.
    pub below_threshold: u64,
    /// Over the instance's rate limit.
    pub rate: u64,
    /// Over the instance's traffic limit.
    pub traffic: u64,
}

impl Dropped {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let configured = self.off.saturating_add(self.blocked).saturating_add(self.sampled);
        configured.saturating_add(self.below_threshold).saturating_add(self.lost())
    }

    /// Those that nobody wanted dropped: over a limit, or without a chain. They reach a person as losses of the sensor.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.unconfigured.saturating_add(self.rate).saturating_add(self.traffic)
    }
}

/// The balance of one instance since it started, in happenings.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Came in.
    pub reported: u64,
    /// Went out as qualified events.
    pub qualified: u64,
    /// Did not go out.
    pub dropped: Dropped,
    /// Wait in an aggregation.
    pub pending: u64,
}

impl Tally {
    /// Whether every happening is accounted for.
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        let gone = self.qualified.saturating_add(self.dropped.total());
        self.reported == gone.saturating_add(self.pending)
    }
}
