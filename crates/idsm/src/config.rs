//! How events are filtered, as the security extract (SecXT) configures it.
//!
//! Not an ARXML reader. `Config` is as written; [`crate::IdsM::new`] checks it once and refuses what cannot be meant.
//! All intervals are in µs of sensor time.

use crate::{InstanceId, SensorInstanceId};
use core::fmt;
use core::num::{NonZeroU16, NonZeroU32};
use yagura_model::EventId;

/// What becomes of an event before the filters look at it (IdsM reporting mode; the numbers are AUTOSAR's).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum ReportingMode {
    /// Dropped.
    Off = 0,
    /// Filtered, reported without context data.
    Brief = 1,
    /// Filtered, reported with context data.
    #[default]
    Detailed = 2,
    /// Reported without context data; neither chain nor limits apply.
    BriefBypassingFilters = 3,
    /// Reported with context data; neither chain nor limits apply.
    DetailedBypassingFilters = 4,
}

/// A state of the vehicle or ECU in which chains may be told to stay quiet: production, workshop, update…
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BlockState(u8);

impl BlockState {
    /// States 0 to 31 can be told apart.
    pub const MAX: u8 = 31;

    /// A state from its number; `None` above [`Self::MAX`].
    #[must_use]
    pub const fn new(raw: u8) -> Option<Self> {
        if raw > Self::MAX { None } else { Some(Self(raw)) }
    }
}

/// A set of block states.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BlockStates(u32);

impl BlockStates {
    /// No state.
    pub const NONE: Self = Self(0);

    /// This set and `state`.
    #[must_use]
    pub const fn with(self, state: BlockState) -> Self {
        Self(self.0 | (1 << state.0))
    }

    /// Whether `state` is in the set.
    #[must_use]
    pub const fn contains(self, state: BlockState) -> bool {
        self.0 & (1 << state.0) != 0
    }
}

/// Whose context data an aggregated event carries.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ChosenContext {
    /// The first event's: how it began.
    #[default]
    First,
    /// The last event's: how it stands.
    Last,
}

/// Events of one kind become one: counts add up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Aggregation {
    /// From the first event until the one event is passed on, in µs.
    pub interval_micros: u64,
    /// Whose context data and time it carries.
    pub context: ChosenContext,
}

/// The first `count` − 1 happenings in an interval are dropped, all others pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Threshold {
    /// From the first event until counting starts anew, in µs.
    pub interval_micros: u64,
    /// The happening that passes first.
    pub count: NonZeroU16,
}

/// At most so many qualified events of the whole instance in an interval.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateLimit {
    /// From the first event until counting starts anew, in µs.
    pub interval_micros: u64,
    /// Events that pass.
    pub events_max: NonZeroU32,
}

/// At most so many bytes of messages of the whole instance in an interval.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TrafficLimit {
    /// From the first event until counting starts anew, in µs.
    pub interval_micros: u64,
    /// Bytes that pass, counted as protocol version 2 with timestamp.
    pub bytes_max: NonZeroU32,
}

/// The filters of one event, applied in this order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FilterChain {
    /// Which event.
    pub event: EventId,
    /// Off, brief or detailed; with or without filters.
    pub mode: ReportingMode,
    /// In these states the event is dropped.
    pub blocked_in: BlockStates,
    /// Only every n-th event passes; `None` or 1 passes all.
    pub one_every: Option<NonZeroU16>,
    /// Many become one.
    pub aggregation: Option<Aggregation>,
    /// A few are none.
    pub threshold: Option<Threshold>,
}

impl FilterChain {
    /// A chain that passes every event in detail.
    #[must_use]
    pub const fn pass(event: EventId) -> Self {
        Self {
            event,
            mode: ReportingMode::Detailed,
            blocked_in: BlockStates::NONE,
            one_every: None,
            aggregation: None,
            threshold: None,
        }
    }

    /// A chain that passes at most one event an interval, with the context of the first and all counts.
    #[must_use]
    pub const fn aggregate(event: EventId, interval_micros: u64) -> Self {
        let aggregation = Aggregation { interval_micros, context: ChosenContext::First };
        Self { aggregation: Some(aggregation), ..Self::pass(event) }
    }
}

/// The configuration of one IdsM instance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Config<'a> {
    /// Which instance this is.
    pub instance: InstanceId,
    /// Which of its sensors reports here.
    pub sensor: SensorInstanceId,
    /// One chain per event; an event without a chain is dropped and counted.
    pub chains: &'a [FilterChain],
    /// Limit of events over all chains.
    pub rate: Option<RateLimit>,
    /// Limit of bytes over all chains.
    pub traffic: Option<TrafficLimit>,
}

/// The chains of [`Config::default_chains`].
static DEFAULT_CHAINS: [FilterChain; 21] = [
    FilterChain::aggregate(EventId::CAN_UNKNOWN_ID, 200_000),
    FilterChain::aggregate(EventId::CAN_WRONG_LENGTH, 200_000),
    FilterChain::pass(EventId::CAN_EARLY_FRAME),
    FilterChain::pass(EventId::CAN_SILENT_ID),
    FilterChain::pass(EventId::CAN_BUS_FLOOD),
    FilterChain::pass(EventId::CAN_WRONG_BUS),
    FilterChain::pass(EventId::CAN_CLOCK_SKEW),
    FilterChain::pass(EventId::CAN_BUS_ERROR),
    FilterChain::pass(EventId::CAN_WRONG_CHECKSUM),
    FilterChain::pass(EventId::CAN_WRONG_COUNTER),
    FilterChain::pass(EventId::CAN_IMPOSSIBLE_CHANGE),
    FilterChain::pass(EventId::CAN_SIGNAL_CONTRADICTION),
    FilterChain::pass(EventId::CAN_OUT_OF_SPECIFICATION),
    FilterChain::pass(EventId::DIAG_TRANSPORT_ABUSE),
    FilterChain::pass(EventId::DIAG_SECURITY_ACCESS),
    FilterChain::pass(EventId::DIAG_SCAN),
    FilterChain::pass(EventId::DIAG_UNSAFE_REQUEST),
    FilterChain::pass(EventId::J1939_TRANSPORT_ABUSE),
    FilterChain::pass(EventId::J1939_REQUEST_FLOOD),
    FilterChain::pass(EventId::J1939_ADDRESS_THEFT),
    FilterChain::pass(EventId::J1939_WRONG_SOURCE),
];

impl Config<'static> {
    /// How many chains [`Self::default_chains`] has.
    pub const DEFAULT_CHAINS: usize = DEFAULT_CHAINS.len();

    /// All events of the detectors in detail. Unknown identifiers and wrong lengths come by the thousand under a fuzzer and
    /// are aggregated over 200 ms; the other detectors speak once per second, identifier and attack, and pass. At most 100 events and
    /// 16 KiB leave in a second.
    #[must_use]
    pub fn default_chains() -> Self {
        let second = 1_000_000;
        Self {
            instance: InstanceId::default(),
            sensor: SensorInstanceId::default(),
            chains: &DEFAULT_CHAINS,
            rate: NonZeroU32::new(100).map(|events_max| RateLimit { interval_micros: second, events_max }),
            traffic: NonZeroU32::new(16 << 10).map(|bytes_max| TrafficLimit { interval_micros: second, bytes_max }),
        }
    }
}

/// Why a configuration is refused. Whoever wrote it must act.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// More chains than the instance has room for.
    TooManyChains {
        /// Chains that were given.
        given: usize,
        /// Chains that fit.
        max: usize,
    },
    /// Two chains for the same event.
    DuplicateEvent(EventId),
    /// An interval of 0 µs in the chain of this event.
    ChainInterval(EventId),
    /// An interval of 0 µs in a limit of the instance.
    LimitInterval,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyChains { given, max } => write!(f, "{given} filter chains exceed the maximum {max}"),
            Self::DuplicateEvent(event) => write!(f, "event {event} has two filter chains"),
            Self::ChainInterval(event) => write!(f, "filter chain of event {event} has an interval of 0 µs"),
            Self::LimitInterval => f.write_str("rate or traffic limit has an interval of 0 µs"),
        }
    }
}

impl core::error::Error for ConfigError {}

impl Config<'_> {
    pub(crate) fn check(&self, chains_max: usize) -> Result<(), ConfigError> {
        let given = self.chains.len();
        if given > chains_max {
            return Err(ConfigError::TooManyChains { given, max: chains_max });
        }
        for (at, chain) in self.chains.iter().enumerate() {
            if self.chains.iter().take(at).any(|earlier| earlier.event == chain.event) {
                return Err(ConfigError::DuplicateEvent(chain.event));
            }
            let intervals = [chain.aggregation.map(|a| a.interval_micros), chain.threshold.map(|t| t.interval_micros)];
            if intervals.contains(&Some(0)) {
                return Err(ConfigError::ChainInterval(chain.event));
            }
        }
        let intervals = [self.rate.map(|r| r.interval_micros), self.traffic.map(|t| t.interval_micros)];
        if intervals.contains(&Some(0)) {
            return Err(ConfigError::LimitInterval);
        }
        Ok(())
    }
}
