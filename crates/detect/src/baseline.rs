//! Baselines: rules that compare an event with the past of its own group (ADR-0032).
//!
//! Not a model that learns: what fires is a pure function of the set of events that the rule's `detection` matches. [`Baseline`] is
//! what a rule says, `read` reads it, `past` compares and remembers, `group` waits for late events, `room` holds all groups of a rule,
//! `engine` is how rows come in and hits go out, `state` writes it all as bytes. Cost: see `benches/baselines.rs`.

mod engine;
mod group;
mod past;
mod read;
mod room;
mod state;

pub(crate) use engine::Baselines;
pub(crate) use read::parse;
pub(crate) use room::Room;
pub(crate) use state::Stored;

/// A day, in µs.
pub(crate) const DAY: i64 = 86_400_000_000;

/// What an event of a rule is compared with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Baseline {
    /// What is compared, and when that is unusual.
    pub compares: Compares,
    /// Whose past: events are compared apart for each combination of these fields' values, and always for each tenant.
    pub group_by: Vec<String>,
    /// How far the past reaches back, in µs.
    pub history: i64,
    /// How long a group's past must be before it may fire, in µs; at most `history`.
    pub warm_up: i64,
    /// How long an event waits for those before it, in µs.
    pub lateness: i64,
}

/// What is compared with the past.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Compares {
    /// An event fires if no event of the past has its value.
    FirstSeen(Values),
    /// An event fires if few events of the past have its value.
    Rare {
        /// Whose values.
        values: Values,
        /// Fewer than so many millionths of the past's events.
        millionths: u32,
        /// Only if the past has so many events.
        at_least: u32,
    },
    /// An event fires if its span of the clock has many more events than any span of the past.
    Rate {
        /// Length of a span, in µs.
        span: i64,
        /// More than so many times the largest span of the past.
        factor: u32,
        /// Only if the span has so many events.
        at_least: u32,
    },
}

/// The values that are compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Values {
    /// The field.
    pub field: String,
    /// Addresses that agree in so many bits, twice as many for IPv6, count as one value.
    pub prefix: Option<u8>,
}

impl Baseline {
    /// The values that it compares; `None` if it counts events.
    #[must_use]
    pub const fn values(&self) -> Option<&Values> {
        match &self.compares {
            Compares::FirstSeen(values) | Compares::Rare { values, .. } => Some(values),
            Compares::Rate { .. } => None,
        }
    }

    /// All fields that it reads.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.group_by.iter().chain(self.values().map(|values| &values.field)).map(String::as_str)
    }

    /// Whether each group is within one vehicle.
    #[must_use]
    pub fn is_per_vehicle(&self) -> bool {
        self.group_by.iter().any(|field| field == crate::view::VEHICLE)
    }

    /// The past is cut into pieces of this length, in µs; `None` if it is not cut.
    pub(crate) const fn piece(&self) -> Option<i64> {
        match self.compares {
            Compares::FirstSeen(_) => None,
            Compares::Rare { .. } => Some(DAY),
            Compares::Rate { span, .. } => Some(span),
        }
    }

    /// How far before an event lies what decides whether it fires, in µs: its past, and what tells whether that is long enough.
    #[must_use]
    pub fn reach(&self) -> i64 {
        self.history.saturating_add(self.warm_up).saturating_add(self.piece().unwrap_or(0))
    }
}
