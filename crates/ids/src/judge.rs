//! Weighs findings: what is told, what qualifies, and which findings are one attack.
//!
//! Not a filter chain (`idsm` is): nothing here depends on rates or bandwidth. Evidence is kept per subject (an identifier, or
//! all unknown ones of a bus) and decays. A hint is told once a check of another family speaks of the same subject; a likely
//! finding is told and qualifies with the second; a certain one qualifies at once. Findings of the whole vehicle with less than
//! [`INCIDENT_GAP`] between them are one incident. State: 6 bytes a subject.

use crate::finding::{Check, Strength};

/// Findings further apart than this are two incidents, µs.
pub const INCIDENT_GAP: u64 = 3_000_000;
/// How long a finding speaks for its subject, µs.
pub const EVIDENCE_SPAN: u64 = 2_000_000;

/// What has been found about a subject lately.
/// Packed: there is one for each identifier.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, packed(2))]
pub(crate) struct Evidence {
    /// Steady time until which it counts, in units of 1,024 µs.
    until: u32,
    /// Bits of [`Check::family`].
    families: u8,
    likely: u8,
}

impl Evidence {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { until: 0, families: 0, likely: 0 };
}

/// What becomes of a finding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ruling {
    /// Kept as evidence only.
    Hold,
    /// Told, not qualified.
    Tell,
    /// Told and qualified.
    Qualify,
}

impl Evidence {
    /// Weighs a finding at `now`, steady time, µs.
    pub(crate) fn weigh(&mut self, check: Check, strength: Strength, now: u64) -> Ruling {
        let unit = |micros: u64| u32::try_from(micros >> 10).unwrap_or(u32::MAX);
        if unit(now) > self.until {
            *self = Self::default();
        }
        // A hint prolongs only evidence of its own kind, else harmless ones would keep what confirmed them alive for ever.
        if strength != Strength::Hint || self.families & !check.family() == 0 {
            self.until = unit(now.saturating_add(EVIDENCE_SPAN));
        }
        self.families |= check.family();
        let confirmed = self.families.count_ones() > 1;
        match strength {
            Strength::Certain => {
                self.likely = 2;
                Ruling::Qualify
            }
            Strength::Likely => {
                self.likely = self.likely.saturating_add(1);
                if self.likely > 1 || confirmed { Ruling::Qualify } else { Ruling::Tell }
            }
            Strength::Hint if confirmed => Ruling::Qualify,
            Strength::Hint => Ruling::Hold,
        }
    }
}

/// Numbers incidents.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Incidents {
    number: u32,
    until: u64,
}

impl Incidents {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { number: 0, until: 0 };
}

impl Incidents {
    /// The incident that a finding told at `now`, steady time, belongs to.
    pub(crate) fn number(&mut self, now: u64) -> u32 {
        if now > self.until || self.number == 0 {
            self.number = self.number.saturating_add(1);
        }
        self.until = now.saturating_add(INCIDENT_GAP);
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_told_only_with_another_family_beside_it() {
        let mut evidence = Evidence::default();
        assert_eq!(evidence.weigh(Check::Early, Strength::Hint, 1_000), Ruling::Hold);
        assert_eq!(evidence.weigh(Check::Early, Strength::Hint, 2_000), Ruling::Hold);
        assert_eq!(evidence.weigh(Check::Range, Strength::Hint, 3_000), Ruling::Qualify);
        assert_eq!(evidence.weigh(Check::Range, Strength::Hint, 5_000_000), Ruling::Hold);
    }

    #[test]
    fn the_second_likely_finding_qualifies() {
        let mut evidence = Evidence::default();
        assert_eq!(evidence.weigh(Check::Checksum, Strength::Likely, 1_000), Ruling::Tell);
        assert_eq!(evidence.weigh(Check::Checksum, Strength::Likely, 2_000), Ruling::Qualify);
        assert_eq!(evidence.weigh(Check::Checksum, Strength::Likely, 9_000_000), Ruling::Tell);
    }

    #[test]
    fn a_pause_separates_incidents() {
        let mut incidents = Incidents::default();
        let numbers = [5, 6, 2_000_000, 5_000_000, 5_000_002].map(|now| incidents.number(now));
        assert_eq!(numbers, [1, 1, 1, 1, 1]);
        assert_eq!(incidents.number(9_000_000), 2);
    }
}
