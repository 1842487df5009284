//! The filters of one event: mode, state, one-every-n, aggregation, threshold, in that order.
//!
//! Not the limits of the instance (those are in `manager`). An event that one filter drops is not seen by the next.
//! Invariant: a happening leaves with the event that carries it, is dropped with a reason, or is pending.
//! Cost: O(1) an event; state is one event and two counters.

use crate::config::{BlockState, ChosenContext, FilterChain, ReportingMode};
use crate::tally::Dropped;
use crate::window::Window;
use yagura_model::{Micros, SecurityEvent};

/// What the first half of a chain says of an event.
pub(crate) enum Passed {
    /// It goes on to the limits.
    Filtered(SecurityEvent),
    /// It goes out at once: its mode bypasses filters and limits.
    Bypassed(SecurityEvent),
    /// It waits in the aggregation.
    Pending,
    /// It is dropped and counted.
    Dropped,
}

/// One configured chain with its state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    pub(crate) config: FilterChain,
    seen: u16,
    open: Option<(Micros, SecurityEvent)>,
    threshold: Window,
}

impl Chain {
    pub(crate) fn new(config: FilterChain) -> Self {
        Self { config, seen: 0, open: None, threshold: Window::default() }
    }

    /// Runs the filters up to and with the aggregation; a full aggregation comes out as `flushed` first.
    pub(crate) fn report(
        &mut self,
        now: Micros,
        event: SecurityEvent,
        state: Option<BlockState>,
        dropped: &mut Dropped,
    ) -> (Option<SecurityEvent>, Passed) {
        let count = u64::from(event.count);
        match self.config.mode {
            ReportingMode::Off => {
                dropped.off = dropped.off.saturating_add(count);
                return (None, Passed::Dropped);
            }
            ReportingMode::BriefBypassingFilters | ReportingMode::DetailedBypassingFilters => {
                return (None, Passed::Bypassed(event));
            }
            ReportingMode::Brief | ReportingMode::Detailed => {}
        }
        if state.is_some_and(|state| self.config.blocked_in.contains(state)) {
            dropped.blocked = dropped.blocked.saturating_add(count);
            return (None, Passed::Dropped);
        }
        if !self.is_nth() {
            dropped.sampled = dropped.sampled.saturating_add(count);
            return (None, Passed::Dropped);
        }
        match self.config.aggregation {
            Some(aggregation) => (self.aggregate(now, event, aggregation.context), Passed::Pending),
            None => (None, self.above_threshold(now, event, dropped)),
        }
    }

    /// The threshold, for events that came out of the aggregation or passed without one.
    pub(crate) fn above_threshold(&mut self, now: Micros, event: SecurityEvent, dropped: &mut Dropped) -> Passed {
        let Some(threshold) = self.config.threshold else { return Passed::Filtered(event) };
        let count = u64::from(event.count);
        if self.threshold.add(now, threshold.interval_micros, count) < u64::from(threshold.count.get()) {
            dropped.below_threshold = dropped.below_threshold.saturating_add(count);
            return Passed::Dropped;
        }
        Passed::Filtered(event)
    }

    /// When the open aggregation is over; never, if there is none.
    pub(crate) fn deadline(&self) -> Micros {
        match (self.config.aggregation, self.open) {
            (Some(aggregation), Some((began, _))) => began.plus(aggregation.interval_micros),
            _ => Micros::MAX,
        }
    }

    /// Takes the aggregated event if its interval is over at `now`.
    pub(crate) fn flush(&mut self, now: Micros) -> Option<SecurityEvent> {
        let over = self.deadline() <= now && self.open.is_some();
        if over { self.open.take().map(|(_, event)| event) } else { None }
    }

    fn is_nth(&mut self) -> bool {
        let Some(n) = self.config.one_every else { return true };
        self.seen = self.seen.saturating_add(1);
        let nth = self.seen >= n.get();
        if nth {
            self.seen = 0;
        }
        nth
    }

    /// Adds the event to the open aggregation. Counts that one event cannot say close it early: nothing is lost.
    fn aggregate(&mut self, now: Micros, event: SecurityEvent, context: ChosenContext) -> Option<SecurityEvent> {
        let Some((_, open)) = &mut self.open else {
            self.open = Some((now, event));
            return None;
        };
        match open.count.checked_add(event.count) {
            Some(count) => {
                let chosen = if context == ChosenContext::First { *open } else { event };
                *open = SecurityEvent { count, ..chosen };
                None
            }
            None => {
                let full = *open;
                self.open = Some((now, event));
                Some(full)
            }
        }
    }
}
