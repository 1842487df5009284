//! What an incident's score is made of, in points: the whole of it, so that it can be read, argued about and changed in one place.
//!
//! Not the arithmetic (that is `assess`). docs/incidents.md shows the same table (test). Invariant: the largest points of the four
//! parts add up to 100.

use yagura_model::Severity;

/// What an alert's rule looks at, after the log source of the rule. It says how close to the driving functions the events are.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Domain {
    /// In-vehicle buses.
    Can,
    /// Diagnosis.
    Diag,
    /// In-vehicle Ethernet.
    Ethernet,
    /// Updates.
    Ota,
    /// Workshop access.
    Workshop,
    /// Remote commands.
    Telematics,
    /// Messages between vehicles.
    V2x,
    /// Keys.
    DigitalKey,
    /// Charging.
    Charging,
    /// Certificates and enrolment.
    Pki,
    /// Infotainment.
    Ivi,
    /// Apps and accounts.
    Mobile,
    /// Interfaces of the back end.
    Api,
    /// Reports on their way.
    Link,
    /// The sensors themselves.
    Sensor,
    /// Anything else.
    Other,
}

impl Domain {
    /// All.
    pub const ALL: [Self; 16] = [
        Self::Can,
        Self::Diag,
        Self::Ethernet,
        Self::Ota,
        Self::Workshop,
        Self::Telematics,
        Self::V2x,
        Self::DigitalKey,
        Self::Charging,
        Self::Pki,
        Self::Ivi,
        Self::Mobile,
        Self::Api,
        Self::Link,
        Self::Sensor,
        Self::Other,
    ];

    /// Its name: the service of a vehicle's log source, or its product.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Can => "can",
            Self::Diag => "diag",
            Self::Ethernet => "ethernet",
            Self::Ota => "ota",
            Self::Workshop => "workshop",
            Self::Telematics => "telematics",
            Self::V2x => "v2x",
            Self::DigitalKey => "digitalkey",
            Self::Charging => "charging",
            Self::Pki => "pki",
            Self::Ivi => "ivi",
            Self::Mobile => "mobile",
            Self::Api => "api",
            Self::Link => "link",
            Self::Sensor => "sensor",
            Self::Other => "other",
        }
    }

    /// The inverse of [`Self::name`]; a name that is none of these is [`Self::Other`].
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|domain| domain.name().eq_ignore_ascii_case(name)).unwrap_or(Self::Other)
    }
}

/// The table of points.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// The most for safety impact, confidence, spread and vehicle state.
    pub most: [u8; 4],
    /// Impact: what the events touch.
    pub domain: fn(Domain) -> u8,
    /// Impact: the technique changes what control units do or run.
    pub acts: u8,
    /// Impact: the share of the two above that counts at a level of the rule, in per cent.
    pub level_percent: fn(Severity) -> u8,
    /// Impact: the severity of the event itself, from the event catalogue.
    pub event: fn(Severity) -> u8,
    /// Confidence: for each further rule that fired.
    pub rule: u8,
    /// Confidence: the most for further rules.
    pub rules_most: u8,
    /// Confidence: for each further domain that saw something.
    pub observer: u8,
    /// Confidence: the most for further domains.
    pub observers_most: u8,
    /// Confidence: for each step from one tactic to a later one.
    pub step: u8,
    /// Confidence: the most for steps.
    pub steps_most: u8,
    /// Spread: so many vehicles give so many points; ascending.
    pub vehicles: [(u64, u8); 5],
    /// Spread: vehicles of several models.
    pub models: u8,
    /// State: a vehicle was moving.
    pub moving: u8,
    /// State: nobody knows whether it was.
    pub unknown: u8,
    /// State: no vehicle was moving.
    pub standing: u8,
}

/// The points in force.
pub const WEIGHTS: Weights = Weights {
    most: [50, 20, 15, 15],
    domain: domain_points,
    acts: 6,
    level_percent: |level| match level {
        Severity::Informational => 10,
        Severity::Low => 30,
        Severity::Medium => 55,
        Severity::High => 80,
        Severity::Critical => 100,
    },
    event: |severity| match severity {
        Severity::Informational => 0,
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    },
    rule: 4,
    rules_most: 8,
    observer: 3,
    observers_most: 6,
    step: 3,
    steps_most: 6,
    vehicles: [(2, 3), (3, 6), (10, 9), (100, 11), (1_000, 12)],
    models: 3,
    moving: 15,
    unknown: 6,
    standing: 3,
};

const fn domain_points(domain: Domain) -> u8 {
    match domain {
        Domain::Can | Domain::Diag => 42,
        Domain::Ota | Domain::Workshop => 40,
        Domain::Ethernet | Domain::Telematics => 36,
        Domain::V2x => 34,
        Domain::DigitalKey => 30,
        Domain::Charging => 28,
        Domain::Pki => 26,
        Domain::Ivi | Domain::Other => 24,
        Domain::Mobile | Domain::Api => 20,
        Domain::Link => 18,
        Domain::Sensor => 16,
    }
}

impl Weights {
    /// How bad an incident of this score may be.
    #[must_use]
    pub const fn severity(&self, score: u8) -> Severity {
        match score {
            70.. => Severity::Critical,
            50.. => Severity::High,
            30.. => Severity::Medium,
            15.. => Severity::Low,
            _ => Severity::Informational,
        }
    }
}
