//! What an alert turned out to be, in the words and numbers of OCSF (`verdict_id`).
//!
//! Not a status: only a closed alert has one.

/// What an alert turned out to be, as it is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DispositionCode {
    /// The rule was wrong: what it says did not happen.
    FalsePositive,
    /// What the rule says happened, and should not have.
    TruePositive,
    /// What the rule says happened, and was expected or allowed.
    Benign,
    /// Nobody can tell from what there is.
    InsufficientData,
}

impl DispositionCode {
    /// The kept number.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::FalsePositive => 1,
            Self::TruePositive => 2,
            Self::Benign => 5,
            Self::InsufficientData => 7,
        }
    }

    /// The inverse of [`Self::code`]; `None` for a number that this program does not know.
    #[must_use]
    pub const fn of(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::FalsePositive),
            2 => Some(Self::TruePositive),
            5 => Some(Self::Benign),
            7 => Some(Self::InsufficientData),
            _ => None,
        }
    }
}
