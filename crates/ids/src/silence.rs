//! Flags a periodic identifier that stays away while its bus is busy: suspension.
//!
//! Not a bus-off detector and not an ignition switch: a bus on which nothing moves is nobody's silence, because the busy clock
//! stands still, and when a good part of a bus falls silent together (`Attendance::is_common`) the vehicle is going to sleep. To know that,
//! an overdue identifier is told only after [`SILENCE_HOLD`], and after [`COMMON_HOLD`] if it is not the only one. Each frame looks at [`STEPS`] identifiers in turn, so an absence
//! is found at most ids / STEPS frames late and no frame costs more than another. Invariant: at most one event an absence.
//! State: 8 bytes an identifier, 16 a bus.

/// How many identifiers a frame looks at.
pub(crate) const STEPS: usize = 4;

/// How long an overdue identifier is held back to see whether others follow, µs of its bus's busy clock. When LEAFs shut down,
/// the second identifier leaves 0.2 to 0.25 s after the first.
pub const SILENCE_HOLD: u64 = 500_000;
/// How long, if others left before it or did follow. LEAFs take 2.6 s until all have left.
pub const COMMON_HOLD: u64 = 3_000_000;

/// A bus that was quiet for so long has started anew: who does not come back was not expected, µs.
pub const SESSION_GAP: u64 = 2_000_000;

/// A [`Standing`] in eight bytes: an instant of 46 bits (two years, saturating), 16 bits for a count, 2 for which it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Presence(u64);

/// What is known of an identifier's presence; times on the busy clock of its bus, µs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    /// Not seen yet, or not judged.
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
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { present: 0, missing: 0, left: 0, calm_from: 0 };
}

impl Attendance {
    /// Whether so many are missing that it is no attack on one sender: more than a quarter, and at least three.
    const fn is_common(self) -> bool {
        self.missing >= 3 && (self.missing as u32).saturating_mul(3) > self.present as u32
    }

    fn arrive(&mut self, from: Standing) {
        match from {
            Standing::Unknown => {}
            Standing::Until(_) => return,
            Standing::Overdue(..) | Standing::Common(_) | Standing::Absent => {
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

    fn forget(&mut self, from: Standing) {
        match from {
            Standing::Unknown => {}
            Standing::Until(_) => self.present = self.present.saturating_sub(1),
            Standing::Overdue(..) | Standing::Common(_) | Standing::Absent => {
                self.missing = self.missing.saturating_sub(1)
            }
        }
    }
}

impl Presence {
    /// Not seen yet: all bytes zero.
    pub(crate) const REST: Self = Self(0);
    const TIME_SHIFT: u32 = 18;
    const TIME_MAX: u64 = u64::MAX >> Self::TIME_SHIFT;

    const fn of(standing: Standing) -> Self {
        let (until, left, tag) = match standing {
            Standing::Unknown => (0, 0, 0),
            Standing::Until(until) => (until, 0, 0),
            Standing::Overdue(until, left) => (until, left as u64, 1),
            Standing::Common(until) => (until, 0, 2),
            Standing::Absent => (Self::TIME_MAX, 0, 3),
        };
        let until = if until > Self::TIME_MAX { Self::TIME_MAX } else { until };
        Self(until << Self::TIME_SHIFT | left << 2 | tag)
    }

    fn standing(self) -> Standing {
        let until = self.0 >> Self::TIME_SHIFT;
        match self.0 & 3 {
            0 if self.0 == 0 => Standing::Unknown,
            0 => Standing::Until(until),
            1 => Standing::Overdue(until, u16::try_from(self.0 >> 2 & 0xFFFF).unwrap_or(0)),
            2 => Standing::Common(until),
            _ => Standing::Absent,
        }
    }

    /// A frame came at `busy`; the identifier may stay away for `silence`, 0 = not judged.
    pub(crate) fn see(&mut self, busy: u64, silence: u32, attendance: &mut Attendance) {
        if silence == 0 {
            return;
        }
        attendance.arrive(self.standing());
        *self = Self::of(Standing::Until(busy.saturating_add(u64::from(silence))));
    }

    /// Whether nothing can be due at `busy`: the common case, without a look at the profile.
    pub(crate) const fn is_calm(self, busy: u64) -> bool {
        self.0 == 0 || busy <= self.0 >> Self::TIME_SHIFT
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
        let standing = self.standing();
        match standing {
            Standing::Unknown | Standing::Absent => false,
            Standing::Until(until) if until < session.saturating_add(u64::from(silence)) => {
                attendance.forget(standing);
                *self = Self::REST;
                false
            }
            Standing::Until(_) => {
                let others = attendance.leave(busy);
                let common = Standing::Common(busy.saturating_add(COMMON_HOLD));
                let alone = Standing::Overdue(busy.saturating_add(hold), attendance.left);
                *self = Self::of(if others { common } else { alone });
                hold == 0 && !others && self.tell(attendance)
            }
            Standing::Overdue(until, left) if left != attendance.left => {
                *self = Self::of(Standing::Common(until.saturating_sub(hold).saturating_add(COMMON_HOLD)));
                false
            }
            Standing::Overdue(..) | Standing::Common(_) => self.tell(attendance),
        }
    }

    fn tell(&mut self, attendance: &Attendance) -> bool {
        *self = Self::of(Standing::Absent);
        !attendance.is_common()
    }
}
