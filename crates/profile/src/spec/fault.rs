//! What is wrong in a specification, with its line, so that its author can mend it.
//!
//! Not an error: the rest of the file is used.

use std::fmt;

/// A statement that was left out or mended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Line of the text, from 1; 0 if it is not known.
    pub line: usize,
    /// Message or signal.
    pub subject: String,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong with a statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Wrong {
    /// An identifier above 11 or 29 bits.
    Identifier,
    /// The identifier has a message already; both are kept, the first is used.
    Twice,
    /// A signal of no bits or of more than 64.
    Size,
    /// A signal that does not lie within 64 bytes.
    Place,
    /// A signal that ends after its message.
    BeyondLength,
    /// A floating-point signal of another size than 32 or 64 bits.
    Float,
    /// A multiplexed signal whose multiplexor does not exist.
    Multiplexor,
    /// Multiplexors that select each other, or too many one in the other.
    Nesting,
    /// A factor of zero or one that is no number.
    Factor,
    /// A range whose least value is above its greatest.
    Range,
    /// Something about a message or signal that does not exist.
    Unknown,
    /// More messages or signals than a specification may have.
    TooMany,
}

impl Wrong {
    const fn text(self) -> &'static str {
        match self {
            Self::Identifier => "identifier exceeds its width",
            Self::Twice => "identifier has a message already",
            Self::Size => "size is not 1 to 64 bits",
            Self::Place => "signal ends after 64 bytes",
            Self::BeyondLength => "signal ends after its message",
            Self::Float => "floating-point signal is not of 32 or 64 bits",
            Self::Multiplexor => "multiplexor does not exist",
            Self::Nesting => "multiplexors select each other or are nested too deeply",
            Self::Factor => "factor is zero or no number",
            Self::Range => "range is empty",
            Self::Unknown => "no such message or signal",
            Self::TooMany => "too many messages or signals",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.line, self.subject, self.wrong.text())
    }
}
