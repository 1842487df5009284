//! The words of four formats for the same statuses and justifications: one mapping for every reader and writer.
//!
//! Not a reader. Invariant: `status` and `justification` of a word that was written give back what was written; a word that says more than
//! the model (`false_positive`) is kept beside it by whoever reads, under [`crate::vex::Statement::beyond`].

use crate::vex::{Justification, Status};

/// CISA's words, which OpenVEX and the flags of CSAF use.
pub mod cisa {
    use super::{Justification, Status};

    const STATUSES: [(&str, Status); 4] = [
        ("affected", Status::Affected),
        ("not_affected", Status::NotAffected),
        ("fixed", Status::Fixed),
        ("under_investigation", Status::UnderInvestigation),
    ];
    const JUSTIFICATIONS: [(&str, Justification); 5] = [
        ("component_not_present", Justification::ComponentNotPresent),
        ("vulnerable_code_not_present", Justification::CodeNotPresent),
        ("vulnerable_code_not_in_execute_path", Justification::CodeNotInExecutePath),
        ("vulnerable_code_cannot_be_controlled_by_adversary", Justification::CodeNotControllable),
        ("inline_mitigations_already_exist", Justification::Mitigated),
    ];

    /// The status that a word names.
    #[must_use]
    pub fn status(word: &str) -> Option<Status> {
        super::meaning(&STATUSES, word)
    }

    /// The word for a status.
    #[must_use]
    pub fn status_word(status: Status) -> &'static str {
        super::word(&STATUSES, status)
    }

    /// The justification that a word names.
    #[must_use]
    pub fn justification(word: &str) -> Option<Justification> {
        super::meaning(&JUSTIFICATIONS, word)
    }

    /// The word for a justification.
    #[must_use]
    pub fn justification_word(justification: Justification) -> &'static str {
        super::word(&JUSTIFICATIONS, justification)
    }
}

/// The words of CycloneDX `vulnerabilities[].analysis`. The first word of a meaning is the one that is written.
pub mod cyclonedx {
    use super::{Justification, Status};

    const STATUSES: [(&str, Status); 6] = [
        ("exploitable", Status::Affected),
        ("not_affected", Status::NotAffected),
        ("resolved", Status::Fixed),
        ("in_triage", Status::UnderInvestigation),
        ("false_positive", Status::NotAffected),
        ("resolved_with_pedigree", Status::Fixed),
    ];
    const JUSTIFICATIONS: [(&str, Justification); 9] = [
        ("code_not_present", Justification::CodeNotPresent),
        ("code_not_reachable", Justification::CodeNotInExecutePath),
        ("protected_by_mitigating_control", Justification::Mitigated),
        ("requires_environment", Justification::CodeNotControllable),
        ("requires_dependency", Justification::ComponentNotPresent),
        ("requires_configuration", Justification::CodeNotInExecutePath),
        ("protected_by_compiler", Justification::Mitigated),
        ("protected_at_runtime", Justification::Mitigated),
        ("protected_at_perimeter", Justification::Mitigated),
    ];

    /// The status that an analysis state names.
    #[must_use]
    pub fn status(state: &str) -> Option<Status> {
        super::meaning(&STATUSES, state)
    }

    /// The analysis state for a status.
    #[must_use]
    pub fn status_word(status: Status) -> &'static str {
        super::word(&STATUSES, status)
    }

    /// The justification that an analysis justification names.
    #[must_use]
    pub fn justification(word: &str) -> Option<Justification> {
        super::meaning(&JUSTIFICATIONS, word)
    }

    /// The analysis justification for a justification.
    #[must_use]
    pub fn justification_word(justification: Justification) -> &'static str {
        super::word(&JUSTIFICATIONS, justification)
    }

    /// Whether the model keeps all that the word says.
    #[must_use]
    pub fn is_exact(word: &str) -> bool {
        status(word).is_some_and(|meaning| status_word(meaning) == word)
            || justification(word).is_some_and(|meaning| justification_word(meaning) == word)
    }
}

/// The words of the SPDX 3.0 security profile.
pub mod spdx {
    use super::{Justification, Status};

    /// Relationship class and relationship type of a status.
    const STATUSES: [(&str, &str, Status); 4] = [
        ("VexAffectedVulnAssessmentRelationship", "affects", Status::Affected),
        ("VexNotAffectedVulnAssessmentRelationship", "doesNotAffect", Status::NotAffected),
        ("VexFixedVulnAssessmentRelationship", "fixedIn", Status::Fixed),
        ("VexUnderInvestigationVulnAssessmentRelationship", "underInvestigationFor", Status::UnderInvestigation),
    ];
    const JUSTIFICATIONS: [(&str, Justification); 5] = [
        ("componentNotPresent", Justification::ComponentNotPresent),
        ("vulnerableCodeNotPresent", Justification::CodeNotPresent),
        ("vulnerableCodeNotInExecutePath", Justification::CodeNotInExecutePath),
        ("vulnerableCodeCannotBeControlledByAdversary", Justification::CodeNotControllable),
        ("inlineMitigationsAlreadyExist", Justification::Mitigated),
    ];

    /// The status of a relationship's class, with or without its `security_` prefix.
    #[must_use]
    pub fn status(class: &str) -> Option<Status> {
        let class = class.strip_prefix("security_").unwrap_or(class);
        STATUSES.iter().find(|(name, _, _)| *name == class).map(|(_, _, status)| *status)
    }

    /// The class of relationship (without prefix) and its type for a status.
    #[must_use]
    pub fn relationship(status: Status) -> (&'static str, &'static str) {
        STATUSES.iter().find(|(_, _, meaning)| *meaning == status).map_or(("", ""), |(class, kind, _)| (class, kind))
    }

    /// The justification that a word names.
    #[must_use]
    pub fn justification(word: &str) -> Option<Justification> {
        super::meaning(&JUSTIFICATIONS, word)
    }

    /// The word for a justification.
    #[must_use]
    pub fn justification_word(justification: Justification) -> &'static str {
        super::word(&JUSTIFICATIONS, justification)
    }
}

fn meaning<T: Copy>(table: &[(&'static str, T)], word: &str) -> Option<T> {
    table.iter().find(|(name, _)| *name == word).map(|(_, meaning)| *meaning)
}

fn word<T: PartialEq>(table: &[(&'static str, T)], meaning: T) -> &'static str {
    table.iter().find(|(_, other)| *other == meaning).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::{cisa, cyclonedx, spdx};
    use crate::vex::{Justification, Status};

    #[test]
    fn what_is_written_is_read_back() {
        for status in [Status::Affected, Status::NotAffected, Status::Fixed, Status::UnderInvestigation] {
            assert_eq!(cisa::status(cisa::status_word(status)), Some(status));
            assert_eq!(cyclonedx::status(cyclonedx::status_word(status)), Some(status));
            assert_eq!(spdx::status(&format!("security_{}", spdx::relationship(status).0)), Some(status));
        }
        for justification in [
            Justification::ComponentNotPresent,
            Justification::CodeNotPresent,
            Justification::CodeNotInExecutePath,
            Justification::CodeNotControllable,
            Justification::Mitigated,
        ] {
            assert_eq!(cisa::justification(cisa::justification_word(justification)), Some(justification));
            assert_eq!(cyclonedx::justification(cyclonedx::justification_word(justification)), Some(justification));
            assert_eq!(spdx::justification(spdx::justification_word(justification)), Some(justification));
        }
    }

    #[test]
    fn words_that_say_more_than_the_model_are_known_to() {
        assert!(cyclonedx::is_exact("exploitable") && cyclonedx::is_exact("code_not_present"));
        assert!(!cyclonedx::is_exact("false_positive") && !cyclonedx::is_exact("requires_configuration"));
    }
}
