//! Flags a periodic identifier that stays away while its bus is busy: suspension.
//!
//! Not a bus-off detector and not an ignition switch: a bus on which nothing moves is nobody's silence, because the busy clock
//! stands still, and when a good part of a bus falls silent together (`Attendance::is_common`) the vehicle is going to sleep. To know that,
//! an overdue identifier is told only after [`SILENCE_HOLD`], and after [`COMMON_HOLD`] if it is not the only one. Each frame looks at [`STEPS`] identifiers in turn, so an absence
//! is found at most ids / STEPS frames late and no frame costs more than another. Invariant: at most one event an absence.
//! State: 16 bytes an identifier, 16 a bus.

/// How many identifiers a frame looks at.
pub(crate) const STEPS: usize = 4;

/// How long an overdue identifier is held back to see whether others follow, µs of its bus's busy clock. When LEAFs shut down,
/// the second identifier leaves 0.2 to 0.25 s after the first.
pub const SILENCE_HOLD: u64 = 500_000;
/// How long, if others left before it or did follow. LEAFs take 2.6 s until all have left.
pub const COMMON_HOLD: u64 = 3_000_000;

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
    /// Overdue; told after this instant, unless an identifier left since the bus had counted so many.
    Overdue(u64, u16),
    /// Overdue, and not alone; told after this instant.
    Common(u64),
    /// Absent, told or not.
    Absent,
}

/// How many judged identifiers of a bus are there, and how many are not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attendance {
    present: u16,
    missing: u16,
    /// How many left so far, wrapping.
    left: u16,
    /// Nobody left for so long that the next one is alone, from this instant on; busy clock, µs.
    calm_from: u64,
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
            Presence::Overdue(..) | Presence::Common(_) | Presence::Absent => {
                self.missing = self.missing.saturating_sub(1)
            }
        }
        self.present = self.present.saturating_add(1);
    }

    /// One leaves at `busy`. Returns whether others left shortly before.
    fn leave(&mut self, busy: u64) -> bool {
        self.present = self.present.saturating_sub(1);
        self.missing = self.missing.saturating_add(1);
        self.left = self.left.wrapping_add(1);
        let others = busy < self.calm_from;
        self.calm_from = busy.saturating_add(COMMON_HOLD);
        others
    }

    fn forget(&mut self, from: Presence) {
        match from {
            Presence::Unknown => {}
            Presence::Until(_) => self.present = self.present.saturating_sub(1),
            Presence::Overdue(..) | Presence::Common(_) | Presence::Absent => {
                self.missing = self.missing.saturating_sub(1)
            }
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
            Self::Until(until) | Self::Overdue(until, _) | Self::Common(until) => busy <= until,
        }
    }

    /// Moves on at `busy`; `session` is when the bus started anew, `hold` how long one that is alone is held back. Returns
    /// whether the absence is to be told.
    pub(crate) fn check(
        &mut self,
        busy: u64,
        session: u64,
        (silence, hold): (u32, u64),
        attendance: &mut Attendance,
    ) -> bool {
        match *self {
            Self::Unknown | Self::Absent => false,
            Self::Until(until) if until < session.saturating_add(u64::from(silence)) => {
                attendance.forget(*self);
                *self = Self::Unknown;
                false
            }
            Self::Until(_) => {
                let others = attendance.leave(busy);
                let common = Self::Common(busy.saturating_add(COMMON_HOLD));
                *self = if others { common } else { Self::Overdue(busy.saturating_add(hold), attendance.left) };
                hold == 0 && !others && self.tell(attendance)
            }
            Self::Overdue(until, left) if left != attendance.left => {
                *self = Self::Common(until.saturating_sub(hold).saturating_add(COMMON_HOLD));
                false
            }
            Self::Overdue(..) | Self::Common(_) => self.tell(attendance),
        }
    }

    fn tell(&mut self, attendance: &Attendance) -> bool {
        *self = Self::Absent;
        !attendance.is_common()
    }
}
