//! Flags a periodic identifier that stays away while its bus is busy: suspension.
//!
//! Not a bus-off detector and not an ignition switch: a bus on which nothing moves is nobody's silence, because the busy clock
//! stands still, and when a good part of a bus falls silent together (`Attendance::is_common`) the vehicle is going to sleep. To know that,
//! an overdue identifier is told only after [`SILENCE_HOLD`]. Each frame looks at [`STEPS`] identifiers in turn, so an absence
//! is found at most ids / STEPS frames late and no frame costs more than another. Invariant: at most one event an absence.
//! State: 16 bytes an identifier, 4 a bus.

/// How many identifiers a frame looks at.
pub(crate) const STEPS: usize = 4;

/// How long an overdue identifier is held back to see whether others follow, µs of its bus's busy clock.
pub const SILENCE_HOLD: u64 = 3_000_000;

/// A bus that was quiet for so long has started anew: who does not come back was not expected, µs.
pub const SESSION_GAP: u64 = 2_000_000;

/// What is known of an identifier's presence; times on the busy clock of its bus, µs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Presence {
    /// Not seen yet, or not judged.
    #[default]
    Unknown,
    /// Seen; overdue after this instant.
    Until(u64),
    /// Overdue; told after this instant.
    Overdue(u64),
    /// Absent, told or not.
    Absent,
}

/// How many judged identifiers of a bus are there, and how many are not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attendance {
    present: u16,
    missing: u16,
}

impl Attendance {
    /// Whether so many are missing that it is no attack on one sender: more than a quarter, and at least three.
    const fn is_common(self) -> bool {
        self.missing >= 3 && (self.missing as u32).saturating_mul(3) > self.present as u32
    }

    fn arrive(&mut self, from: Presence) {
        match from {
            Presence::Unknown => {}
            Presence::Until(_) => return,
            Presence::Overdue(_) | Presence::Absent => self.missing = self.missing.saturating_sub(1),
        }
        self.present = self.present.saturating_add(1);
    }

    fn leave(&mut self) {
        self.present = self.present.saturating_sub(1);
        self.missing = self.missing.saturating_add(1);
    }

    fn forget(&mut self, from: Presence) {
        match from {
            Presence::Unknown => {}
            Presence::Until(_) => self.present = self.present.saturating_sub(1),
            Presence::Overdue(_) | Presence::Absent => self.missing = self.missing.saturating_sub(1),
        }
    }
}

impl Presence {
    /// A frame came at `busy`; the identifier may stay away for `silence`, 0 = not judged.
    pub(crate) fn see(&mut self, busy: u64, silence: u32, attendance: &mut Attendance) {
        if silence == 0 {
            return;
        }
        attendance.arrive(*self);
        *self = Self::Until(busy.saturating_add(u64::from(silence)));
    }

    /// Whether nothing can be due at `busy`: the common case, without a look at the profile.
    pub(crate) const fn is_calm(self, busy: u64) -> bool {
        match self {
            Self::Unknown | Self::Absent => true,
            Self::Until(until) | Self::Overdue(until) => busy <= until,
        }
    }

    /// Moves on at `busy`; `session` is when the bus started anew. Returns whether the absence is to be told.
    pub(crate) fn check(&mut self, busy: u64, session: u64, silence: u32, attendance: &mut Attendance) -> bool {
        match *self {
            Self::Unknown | Self::Absent => false,
            Self::Until(until) if until < session.saturating_add(u64::from(silence)) => {
                attendance.forget(*self);
                *self = Self::Unknown;
                false
            }
            Self::Until(_) => {
                attendance.leave();
                *self = Self::Overdue(busy.saturating_add(SILENCE_HOLD));
                false
            }
            Self::Overdue(_) => {
                *self = Self::Absent;
                !attendance.is_common()
            }
        }
    }
}
