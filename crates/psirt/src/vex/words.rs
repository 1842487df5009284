//! The words of four formats for the same statuses and justifications: one mapping for every reader and writer.
//!
//! Not a reader. Invariant: `status` and `justification` of a word that was written give back what was written; a word that says more than
//! the model (`false_positive`) is kept beside it by whoever reads, under [`crate::vex::Statement::beyond`].

use crate::vex::{Justification, Status};

/// The words of one format. The first word of a meaning is the one that is written.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    statuses: &'static [(&'static str, Status)],
    justifications: &'static [(&'static str, Justification)],
}

/// CISA's words, which OpenVEX and the flags of CSAF use.
pub const CISA: Words = Words {
    statuses: &[
        ("affected", Status::Affected),
        ("not_affected", Status::NotAffected),
        ("fixed", Status::Fixed),
        ("under_investigation", Status::UnderInvestigation),
    ],
    justifications: &[
        ("component_not_present", Justification::ComponentNotPresent),
        ("vulnerable_code_not_present", Justification::CodeNotPresent),
        ("vulnerable_code_not_in_execute_path", Justification::CodeNotInExecutePath),
        ("vulnerable_code_cannot_be_controlled_by_adversary", Justification::CodeNotControllable),
        ("inline_mitigations_already_exist", Justification::Mitigated),
    ],
};

/// The words of CycloneDX `vulnerabilities[].analysis`: nine justifications for CISA's five.
pub const CYCLONEDX: Words = Words {
    statuses: &[
        ("exploitable", Status::Affected),
        ("not_affected", Status::NotAffected),
        ("resolved", Status::Fixed),
        ("in_triage", Status::UnderInvestigation),
        ("false_positive", Status::NotAffected),
        ("resolved_with_pedigree", Status::Fixed),
    ],
    justifications: &[
        ("code_not_present", Justification::CodeNotPresent),
        ("code_not_reachable", Justification::CodeNotInExecutePath),
        ("protected_by_mitigating_control", Justification::Mitigated),
        ("requires_environment", Justification::CodeNotControllable),
        ("requires_dependency", Justification::ComponentNotPresent),
        ("requires_configuration", Justification::CodeNotInExecutePath),
        ("protected_by_compiler", Justification::Mitigated),
        ("protected_at_runtime", Justification::Mitigated),
        ("protected_at_perimeter", Justification::Mitigated),
    ],
};

/// The words of the SPDX 3.0 security profile; a status is the class of a relationship, without its `security_` prefix.
pub const SPDX: Words = Words {
    statuses: &[
        ("VexAffectedVulnAssessmentRelationship", Status::Affected),
        ("VexNotAffectedVulnAssessmentRelationship", Status::NotAffected),
        ("VexFixedVulnAssessmentRelationship", Status::Fixed),
        ("VexUnderInvestigationVulnAssessmentRelationship", Status::UnderInvestigation),
    ],
    justifications: &[
        ("componentNotPresent", Justification::ComponentNotPresent),
        ("vulnerableCodeNotPresent", Justification::CodeNotPresent),
        ("vulnerableCodeNotInExecutePath", Justification::CodeNotInExecutePath),
        ("vulnerableCodeCannotBeControlledByAdversary", Justification::CodeNotControllable),
        ("inlineMitigationsAlreadyExist", Justification::Mitigated),
    ],
};

impl Words {
    /// The status that a word names.
    #[must_use]
    pub fn status(&self, word: &str) -> Option<Status> {
        meaning(self.statuses, word)
    }

    /// The word for a status.
    #[must_use]
    pub fn status_word(&self, status: Status) -> &'static str {
        written(self.statuses, status)
    }

    /// The justification that a word names.
    #[must_use]
    pub fn justification(&self, word: &str) -> Option<Justification> {
        meaning(self.justifications, word)
    }

    /// The word for a justification.
    #[must_use]
    pub fn justification_word(&self, justification: Justification) -> &'static str {
        written(self.justifications, justification)
    }

    /// Whether the model keeps all that the word says.
    #[must_use]
    pub fn is_exact(&self, word: &str) -> bool {
        self.status(word).is_some_and(|status| self.status_word(status) == word)
            || self.justification(word).is_some_and(|justification| self.justification_word(justification) == word)
    }
}

fn meaning<T: Copy>(table: &[(&'static str, T)], word: &str) -> Option<T> {
    table.iter().find(|(name, _)| *name == word).map(|(_, meaning)| *meaning)
}

fn written<T: PartialEq>(table: &[(&'static str, T)], meaning: T) -> &'static str {
    table.iter().find(|(_, other)| *other == meaning).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::{CISA, CYCLONEDX, SPDX};
    use crate::vex::{Justification, Status};

    #[test]
    fn what_is_written_is_read_back() {
        for words in [CISA, CYCLONEDX, SPDX] {
            for status in [Status::Affected, Status::NotAffected, Status::Fixed, Status::UnderInvestigation] {
                assert_eq!(words.status(words.status_word(status)), Some(status));
            }
            for justification in [
                Justification::ComponentNotPresent,
                Justification::CodeNotPresent,
                Justification::CodeNotInExecutePath,
                Justification::CodeNotControllable,
                Justification::Mitigated,
            ] {
                assert_eq!(words.justification(words.justification_word(justification)), Some(justification));
            }
        }
    }

    #[test]
    fn words_that_say_more_than_the_model_are_known_to() {
        assert!(CYCLONEDX.is_exact("exploitable") && CYCLONEDX.is_exact("code_not_present"));
        assert!(!CYCLONEDX.is_exact("false_positive") && !CYCLONEDX.is_exact("requires_configuration"));
    }
}
