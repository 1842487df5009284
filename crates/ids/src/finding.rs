//! What a detector found in one frame, and how much that alone is worth.
//!
//! Not an event yet: the judgement (`judge`) decides what is told. Invariant: a finding names the frame that proves it, or the
//! frame at which an absence became certain.

use yagura_model::{CanContext, EventId, Micros, Place, SecurityEvent};

/// Takes what the detector tells.
pub trait Sink {
    /// Takes a security event: the first happening of an episode at once, further ones counted.
    fn raise(&mut self, event: SecurityEvent);

    /// Takes every finding that is told, one per frame and check. Vehicles do not need them; the desk does.
    fn find(&mut self, finding: &Finding) {
        let _ = finding;
    }
}

impl<F: FnMut(SecurityEvent)> Sink for F {
    fn raise(&mut self, event: SecurityEvent) {
        self(event);
    }
}

/// Which detector.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Check {
    /// An identifier that the profile does not know.
    UnknownId,
    /// A known identifier on a bus where it does not belong.
    WrongBus,
    /// A format or length that the identifier does not have.
    Length,
    /// A frame before its time.
    Early,
    /// An identifier that stays away.
    Silent,
    /// A bus that carries more than it ever did.
    Flood,
    /// A sender whose clock is not the one that was learned.
    Skew,
    /// Error frames, error-passive or bus-off.
    BusError,
    /// A checksum that does not fit the data.
    Checksum,
    /// A counter that does not count.
    Counter,
    /// A signal that jumps to and fro.
    Jump,
    /// Values between the steps that the sender can make.
    Grid,
    /// A signal that only grows goes back.
    Monotone,
    /// Signals that no longer agree with each other.
    Relation,
    /// A value outside of its range.
    Range,
    /// A value without a meaning.
    Enumeration,
    /// Bits set that carry nothing.
    UnusedBits,
    /// A signal that changes faster than it can.
    Rate,
    /// ISO-TP used against its rules.
    IsoTp,
    /// Security access attempted without the key.
    SecurityAccess,
    /// Diagnostic services or identifiers tried one after the other.
    Scan,
    /// A diagnostic action that the vehicle's state or session forbids.
    UnsafeRequest,
    /// The transport protocol of J1939 used against its rules.
    J1939Transport,
    /// More J1939 requests than a network needs.
    J1939Request,
    /// A J1939 address taken from its owner.
    J1939Address,
    /// A J1939 message from a source that does not send it.
    J1939Source,
}

impl Check {
    /// Its stable name, as `yagura ids replay --json` gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownId => "unknown-id",
            Self::WrongBus => "wrong-bus",
            Self::Length => "length",
            Self::Early => "early",
            Self::Silent => "silent",
            Self::Flood => "flood",
            Self::Skew => "skew",
            Self::BusError => "bus-error",
            Self::Checksum => "checksum",
            Self::Counter => "counter",
            Self::Jump => "jump",
            Self::Grid => "grid",
            Self::Monotone => "monotone",
            Self::Relation => "relation",
            Self::Range => "range",
            Self::Enumeration => "enumeration",
            Self::UnusedBits => "unused-bits",
            Self::Rate => "rate",
            Self::IsoTp => "iso-tp",
            Self::SecurityAccess => "security-access",
            Self::Scan => "scan",
            Self::UnsafeRequest => "unsafe-request",
            Self::J1939Transport => "j1939-transport",
            Self::J1939Request => "j1939-request",
            Self::J1939Address => "j1939-address",
            Self::J1939Source => "j1939-source",
        }
    }

    /// The security event that tells of it.
    #[must_use]
    pub const fn event(self) -> EventId {
        match self {
            Self::UnknownId => EventId::CAN_UNKNOWN_ID,
            Self::WrongBus => EventId::CAN_WRONG_BUS,
            Self::Length => EventId::CAN_WRONG_LENGTH,
            Self::Early => EventId::CAN_EARLY_FRAME,
            Self::Silent => EventId::CAN_SILENT_ID,
            Self::Flood => EventId::CAN_BUS_FLOOD,
            Self::Skew => EventId::CAN_CLOCK_SKEW,
            Self::BusError => EventId::CAN_BUS_ERROR,
            Self::Checksum => EventId::CAN_WRONG_CHECKSUM,
            Self::Counter => EventId::CAN_WRONG_COUNTER,
            Self::Jump | Self::Grid | Self::Monotone => EventId::CAN_IMPOSSIBLE_CHANGE,
            Self::Relation => EventId::CAN_SIGNAL_CONTRADICTION,
            Self::Range | Self::Enumeration | Self::UnusedBits | Self::Rate => EventId::CAN_OUT_OF_SPECIFICATION,
            Self::IsoTp => EventId::DIAG_TRANSPORT_ABUSE,
            Self::SecurityAccess => EventId::DIAG_SECURITY_ACCESS,
            Self::Scan => EventId::DIAG_SCAN,
            Self::UnsafeRequest => EventId::DIAG_UNSAFE_REQUEST,
            Self::J1939Transport => EventId::J1939_TRANSPORT_ABUSE,
            Self::J1939Request => EventId::J1939_REQUEST_FLOOD,
            Self::J1939Address => EventId::J1939_ADDRESS_THEFT,
            Self::J1939Source => EventId::J1939_WRONG_SOURCE,
        }
    }

    /// Which kind of observation it rests on. Two findings confirm each other only if their kinds differ.
    pub(crate) const fn family(self) -> u8 {
        match self {
            Self::UnknownId | Self::WrongBus | Self::Length | Self::BusError => 1,
            Self::Early | Self::Silent | Self::Flood | Self::Skew => 2,
            Self::Checksum | Self::Counter => 4,
            Self::Jump
            | Self::Grid
            | Self::Monotone
            | Self::Range
            | Self::Enumeration
            | Self::UnusedBits
            | Self::Rate => 8,
            Self::Relation => 16,
            Self::IsoTp | Self::SecurityAccess | Self::Scan | Self::UnsafeRequest => 32,
            Self::J1939Transport | Self::J1939Request | Self::J1939Address | Self::J1939Source => 64,
        }
    }
}

/// What a finding is worth.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Strength {
    /// Told only if a check of another family finds something about the same identifier at about the same time.
    Hint,
    /// Told as it is; the second within a short time qualifies.
    Likely,
    /// Qualifies at once: clean traffic does not do this.
    Certain,
}

impl Strength {
    /// As rows of a profile write it.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Hint => 1,
            Self::Likely => 2,
            Self::Certain => 3,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Hint),
            2 => Some(Self::Likely),
            3 => Some(Self::Certain),
            _ => None,
        }
    }
}

/// What was found in a frame, or at it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Finding {
    /// By which detector.
    pub check: Check,
    /// How much it is worth alone.
    pub strength: Strength,
    /// Time of the frame.
    pub time: Micros,
    /// What proves it.
    pub context: CanContext,
    /// Whether the evidence about its subject suffices to tell a person.
    pub qualified: bool,
    /// Number of the attack that it belongs to, from 1 per detector.
    pub incident: u32,
}

/// The most findings of one frame; further ones are counted by none, since the first tell of the same frame.
pub(crate) const FINDINGS_MAX: usize = 6;

/// A finding before judgement: what of it is not already in its frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) check: Check,
    pub(crate) strength: Strength,
    expected: u32,
    observed: u32,
    place: Place,
}

impl Found {
    /// Makes the context of another finding of the same frame that of this one.
    pub(crate) const fn put_into(&self, context: &mut CanContext) {
        (context.expected, context.observed, context.place) = (self.expected, self.observed, self.place);
    }
}

/// Findings of one frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tray {
    found: [Option<Found>; FINDINGS_MAX],
    len: usize,
}

impl Tray {
    /// Takes one; its context is that of the frame at hand.
    #[inline]
    pub(crate) fn put(&mut self, check: Check, strength: Strength, context: CanContext) {
        let CanContext { expected, observed, place, .. } = context;
        if let Some(room) = self.found.get_mut(self.len) {
            *room = Some(Found { check, strength, expected, observed, place });
            self.len = self.len.saturating_add(1);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Found> + '_ {
        self.found.iter().flatten()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }
}
