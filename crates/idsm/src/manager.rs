//! The intrusion detection system manager of one ECU: events in, qualified events out.
//!
//! Not a detector and not the reporter that sends (that is `link`). The order is the standard's: reporting mode → state →
//! one-every-n → aggregation → threshold → rate limit → traffic limit. Invariant: [`Tally::is_balanced`] after every call.
//! Cost: `EVENTS` × 200 bytes and some 180; an event costs a search over the chains and O(1).

use crate::chain::{Chain, Passed};
use crate::config::{BlockState, Config, ConfigError, RateLimit, ReportingMode, TrafficLimit};
use crate::message::{Context, Message, ProtocolVersion};
use crate::tally::Tally;
use crate::window::Window;
use crate::{InstanceId, SensorInstanceId, Timestamp};
use yagura_model::{CanContext, Micros, SecurityEvent};

/// Whether the context data goes with the event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Detail {
    /// Without context data.
    Brief,
    /// With context data.
    Detailed,
}

/// A qualified security event: it passed its chain and the limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Qualified {
    /// Who observed.
    pub instance: InstanceId,
    /// Which of its sensors.
    pub sensor: SensorInstanceId,
    /// With or without context data on the wire.
    pub detail: Detail,
    /// The event, its count summed up; its time and context are those of the first or last event, as configured.
    pub event: SecurityEvent,
}

impl Qualified {
    /// The protocol message, version 2; context data, if any, is laid out in `room`.
    #[must_use]
    pub fn message<'a>(&self, timestamp: Option<Timestamp>, room: &'a mut [u8; CanContext::LEN_MAX]) -> Message<'a> {
        let context = match self.detail {
            Detail::Brief => None,
            Detail::Detailed => {
                let len = self.event.context.encode(room);
                room.get(..len).map(|data| Context::new(self.event.context.version(), data))
            }
        };
        Message {
            version: ProtocolVersion::V2,
            instance: self.instance,
            sensor: self.sensor,
            event: self.event.id,
            count: self.event.count,
            reserved: 0,
            timestamp,
            context,
            signature: None,
        }
    }

    /// Bytes of the message with a timestamp: what the traffic limit counts.
    #[must_use]
    pub fn message_len(&self) -> usize {
        self.message(Some(Timestamp(0)), &mut [0; CanContext::LEN_MAX]).encoded_len()
    }
}

/// The manager with room for `EVENTS` filter chains.
#[derive(Clone, Debug)]
pub struct IdsM<const EVENTS: usize> {
    instance: InstanceId,
    sensor: SensorInstanceId,
    state: Option<BlockState>,
    chains: [Option<Chain>; EVENTS],
    rate: Option<(RateLimit, Window)>,
    traffic: Option<(TrafficLimit, Window)>,
    tally: Tally,
    losses_taken: u64,
    deadline: Micros,
}

impl<const EVENTS: usize> IdsM<EVENTS> {
    /// A manager as configured.
    ///
    /// # Errors
    /// [`ConfigError`] naming the chain or limit that cannot be meant.
    pub fn new(config: &Config<'_>) -> Result<Self, ConfigError> {
        config.check(EVENTS)?;
        let mut chains = [None; EVENTS];
        for (slot, chain) in chains.iter_mut().zip(config.chains) {
            *slot = Some(Chain::new(*chain));
        }
        Ok(Self {
            instance: config.instance,
            sensor: config.sensor,
            state: None,
            chains,
            rate: config.rate.map(|limit| (limit, Window::default())),
            traffic: config.traffic.map(|limit| (limit, Window::default())),
            tally: Tally::default(),
            losses_taken: 0,
            deadline: Micros::MAX,
        })
    }

    /// The state that the vehicle is in now; chains that are blocked in it stay quiet.
    pub fn set_state(&mut self, state: Option<BlockState>) {
        self.state = state;
    }

    /// A detector observed `event`. What qualifies, now or of what waited until now, goes to `sink`.
    ///
    /// A count of 0 is taken as 1: an event that was reported happened.
    pub fn report(&mut self, now: Micros, event: &SecurityEvent, sink: &mut impl FnMut(Qualified)) {
        self.main_function(now, sink);
        let event = SecurityEvent { count: event.count.max(1), ..*event };
        add(&mut self.tally.reported, event.count);
        let dropped = &mut self.tally.dropped;
        let Some(chain) = self.chains.iter_mut().flatten().find(|chain| chain.config.event == event.id) else {
            add(&mut dropped.unconfigured, event.count);
            return;
        };
        let mode = chain.config.mode;
        let (full, passed) = chain.report(now, event, self.state, dropped);
        let full = full.map(|full| (full, chain.above_threshold(now, full, dropped)));
        self.deadline = self.deadline.min(chain.deadline());
        if let Some((full, passed)) = full {
            self.tally.pending = self.tally.pending.saturating_sub(u64::from(full.count));
            self.pass_on(now, mode, passed, sink);
        }
        if matches!(passed, Passed::Pending) {
            add(&mut self.tally.pending, event.count);
        }
        self.pass_on(now, mode, passed, sink);
        debug_assert!(self.tally.is_balanced(), "{:?}", self.tally);
    }

    /// Passes on what waited long enough. Call at [`Self::poll_timeout`], or periodically as AUTOSAR does.
    pub fn main_function(&mut self, now: Micros, sink: &mut impl FnMut(Qualified)) {
        if now < self.deadline {
            return;
        }
        for at in 0..EVENTS {
            let Some(chain) = self.chains.get_mut(at).and_then(Option::as_mut) else { break };
            let Some(event) = chain.flush(now) else { continue };
            let mode = chain.config.mode;
            let passed = chain.above_threshold(now, event, &mut self.tally.dropped);
            self.tally.pending = self.tally.pending.saturating_sub(u64::from(event.count));
            self.pass_on(now, mode, passed, sink);
        }
        self.deadline = self.chains.iter().flatten().map(Chain::deadline).min().unwrap_or(Micros::MAX);
        debug_assert!(self.tally.is_balanced(), "{:?}", self.tally);
    }

    /// When [`Self::main_function`] has something to do next; [`Micros::MAX`] if nothing waits.
    #[must_use]
    pub const fn poll_timeout(&self) -> Micros {
        self.deadline
    }

    /// Where every happening went since the start.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Happenings lost against the owner's will since this was asked last: for the losses of the next report.
    pub fn take_losses(&mut self) -> u64 {
        let lost = self.tally.dropped.lost();
        let fresh = lost.saturating_sub(self.losses_taken);
        self.losses_taken = lost;
        fresh
    }

    /// The limits of the instance, then out.
    fn pass_on(&mut self, now: Micros, mode: ReportingMode, passed: Passed, sink: &mut impl FnMut(Qualified)) {
        let (event, bypassed) = match passed {
            Passed::Filtered(event) => (event, false),
            Passed::Bypassed(event) => (event, true),
            Passed::Pending | Passed::Dropped => return,
        };
        let detail = match mode {
            ReportingMode::Detailed | ReportingMode::DetailedBypassingFilters => Detail::Detailed,
            ReportingMode::Off | ReportingMode::Brief | ReportingMode::BriefBypassingFilters => Detail::Brief,
        };
        let qualified = Qualified { instance: self.instance, sensor: self.sensor, detail, event };
        if !bypassed && !self.within_limits(now, &qualified) {
            return;
        }
        add(&mut self.tally.qualified, event.count);
        sink(qualified);
    }

    fn within_limits(&mut self, now: Micros, qualified: &Qualified) -> bool {
        let count = qualified.event.count;
        if let Some((limit, window)) = &mut self.rate
            && !window.admit(now, limit.interval_micros, 1, u64::from(limit.events_max.get()))
        {
            add(&mut self.tally.dropped.rate, count);
            return false;
        }
        if let Some((limit, window)) = &mut self.traffic {
            let bytes = u64::try_from(qualified.message_len()).unwrap_or(u64::MAX);
            if !window.admit(now, limit.interval_micros, bytes, u64::from(limit.bytes_max.get())) {
                add(&mut self.tally.dropped.traffic, count);
                return false;
            }
        }
        true
    }
}

/// Adds happenings to a counter that stops at its end instead of wrapping.
fn add(counter: &mut u64, count: u16) {
    *counter = counter.saturating_add(u64::from(count));
}

#[cfg(test)]
mod tests;
