//! What is to be forged.
//!
//! Not how (`inject`). Invariant: an order and its seed say everything; nothing is taken from a clock. Cost: none.

use std::str::FromStr;
use thiserror::Error;
use yagura_ids::Field;
use yagura_model::{BusId, CanId, Micros};

/// The kinds of attack.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Identifier 0, back to back.
    Flood,
    /// Random standard identifiers, lengths and data.
    Fuzz,
    /// A tester tries one diagnostic service after the other.
    UdsScan,
    /// A false frame 0.1 to 0.3 ms after each one of the owner.
    InjectFlam,
    /// Four false frames for each one of the owner.
    InjectFast,
    /// The owner is silenced.
    Suspension,
    /// The owner is silenced and replaced, at its pace; one field shows a false constant value.
    MasqConst,
    /// The field drifts away from the truth, steadily.
    MasqRamp,
    /// The field is off by a constant amount.
    MasqOffset,
    /// The field shows what it showed earlier.
    MasqReplay,
    /// The field shows random values of its range.
    MasqRandom,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Flood,
        Self::Fuzz,
        Self::UdsScan,
        Self::InjectFlam,
        Self::InjectFast,
        Self::Suspension,
        Self::MasqConst,
        Self::MasqRamp,
        Self::MasqOffset,
        Self::MasqReplay,
        Self::MasqRandom,
    ];
    /// Those that change one field and nothing else.
    pub const MASQUERADES: [Self; 5] =
        [Self::MasqConst, Self::MasqRamp, Self::MasqOffset, Self::MasqReplay, Self::MasqRandom];

    /// Its name, as labels and the command line have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::Fuzz => "fuzz",
            Self::UdsScan => "uds-scan",
            Self::InjectFlam => "inject-flam",
            Self::InjectFast => "inject-fast",
            Self::Suspension => "suspension",
            Self::MasqConst => "masq-const",
            Self::MasqRamp => "masq-ramp",
            Self::MasqOffset => "masq-offset",
            Self::MasqReplay => "masq-replay",
            Self::MasqRandom => "masq-random",
        }
    }

    /// Whether it concerns one identifier of the vehicle.
    #[must_use]
    pub const fn has_target(self) -> bool {
        !matches!(self, Self::Flood | Self::Fuzz | Self::UdsScan)
    }

    /// Whether it writes false values into a field.
    #[must_use]
    pub const fn has_field(self) -> bool {
        self.has_target() && !matches!(self, Self::Suspension)
    }
}

impl FromStr for Kind {
    type Err = InjectError;

    fn from_str(name: &str) -> Result<Self, InjectError> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(InjectError::Kind)
    }
}

/// What is to be forged.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// How.
    pub kind: Kind,
    /// From when, counted from the first frame.
    pub start: Micros,
    /// Until before when, counted from the first frame.
    pub end: Micros,
    /// On which bus; the first frame's if not said.
    pub bus: Option<BusId>,
    /// Whose frames; a periodic identifier whose data move if not said.
    pub target: Option<CanId>,
    /// Which bits; the byte with the most values if not said.
    pub field: Option<Field>,
    /// What all other choices follow from.
    pub seed: u64,
}

/// Why an order cannot be carried out.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InjectError {
    /// There is no attack of this name.
    #[error(
        "no such attack; there are flood, fuzz, uds-scan, inject-flam, inject-fast, suspension, masq-const, masq-ramp, masq-offset, masq-replay and masq-random"
    )]
    Kind,
    /// The capture has no frames.
    #[error("the capture holds no frame")]
    Empty,
    /// No frame of the capture is inside of the window.
    #[error("no frame between start and end")]
    Window,
    /// The target sends nothing in the window.
    #[error("the identifier sends no data in the window")]
    Target,
    /// The field never changes, or lies outside of the data.
    #[error("the field lies outside of the data, or never changes before the window ends")]
    Field,
}
