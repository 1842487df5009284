//! Flags a periodic identifier that stays away while its bus is busy: suspension.
//!
//! Not a bus-off detector: a bus on which nothing moves is nobody's silence, because the busy clock stands still. Each frame
//! looks at [`STEPS`] identifiers in turn, so an absence is found at most ids / STEPS frames late and no frame costs more
//! than another. Invariant: one event an absence. State: 9 bytes an identifier.

/// How many identifiers a frame looks at.
pub(crate) const STEPS: usize = 4;

/// What is known of an identifier's presence; times on the busy clock of its bus, µs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Presence {
    /// Not seen yet, or not judged.
    #[default]
    Unknown,
    /// Seen; overdue after this instant.
    Until(u64),
    /// Told as absent.
    Silent,
}

impl Presence {
    /// A frame came at `busy`; the identifier may stay away for `silence`, 0 = not judged.
    pub(crate) const fn seen(busy: u64, silence: u32) -> Self {
        if silence == 0 { Self::Unknown } else { Self::Until(busy.saturating_add(silence as u64)) }
    }

    /// Whether it has just become overdue.
    pub(crate) fn falls_silent(&mut self, busy: u64) -> bool {
        let overdue = matches!(self, Self::Until(until) if busy > *until);
        if overdue {
            *self = Self::Silent;
        }
        overdue
    }
}
