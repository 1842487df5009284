//! Which tactic a technique of MITRE ATT&CK serves, for the techniques that shipped rules name.
//!
//! Not the matrices: ids and the names of tactics only (ATT&CK for ICS and for Mobile). Where a technique serves several tactics, the
//! one that it serves in a vehicle is taken. Invariant: every technique of a shipped rule is here (test).

/// What an attacker is after, in the order in which attacks usually go on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tactic {
    /// Getting in.
    InitialAccess,
    /// Running something.
    Execution,
    /// Staying.
    Persistence,
    /// Getting more rights.
    PrivilegeEscalation,
    /// Staying unseen.
    Evasion,
    /// Getting keys and passwords.
    CredentialAccess,
    /// Looking around.
    Discovery,
    /// Getting on to the next unit.
    LateralMovement,
    /// Gathering data.
    Collection,
    /// Talking to what got in.
    CommandAndControl,
    /// Keeping protection and reporting from working.
    InhibitResponseFunction,
    /// Making the vehicle do what it should not.
    ImpairProcessControl,
    /// Doing damage.
    Impact,
}

use Tactic::{
    Collection, CommandAndControl, CredentialAccess, Discovery, Evasion, Execution, Impact, ImpairProcessControl,
    InhibitResponseFunction, InitialAccess, LateralMovement, Persistence, PrivilegeEscalation,
};

impl Tactic {
    /// All, in their order.
    pub const ALL: [Self; 13] = [
        InitialAccess,
        Execution,
        Persistence,
        PrivilegeEscalation,
        Evasion,
        CredentialAccess,
        Discovery,
        LateralMovement,
        Collection,
        Self::CommandAndControl,
        InhibitResponseFunction,
        ImpairProcessControl,
        Impact,
    ];

    /// Its name as ATT&CK writes it in data.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            InitialAccess => "initial-access",
            Execution => "execution",
            Persistence => "persistence",
            PrivilegeEscalation => "privilege-escalation",
            Evasion => "evasion",
            CredentialAccess => "credential-access",
            Discovery => "discovery",
            LateralMovement => "lateral-movement",
            Collection => "collection",
            Self::CommandAndControl => "command-and-control",
            InhibitResponseFunction => "inhibit-response-function",
            ImpairProcessControl => "impair-process-control",
            Impact => "impact",
        }
    }
}

/// What is known of a technique.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Technique {
    /// The tactic that it serves.
    pub tactic: Tactic,
    /// Whether it changes what control units do or run.
    pub acts: bool,
}

const fn looks(tactic: Tactic) -> Technique {
    Technique { tactic, acts: false }
}

const fn acts(tactic: Tactic) -> Technique {
    Technique { tactic, acts: true }
}

/// Sorted by id.
const TECHNIQUES: [(&str, Technique); 57] = [
    ("T0800", acts(InhibitResponseFunction)),
    ("T0803", acts(InhibitResponseFunction)),
    ("T0804", acts(InhibitResponseFunction)),
    ("T0807", looks(Execution)),
    ("T0811", looks(Collection)),
    ("T0813", acts(Impact)),
    ("T0814", acts(InhibitResponseFunction)),
    ("T0816", acts(InhibitResponseFunction)),
    ("T0819", looks(InitialAccess)),
    ("T0822", looks(InitialAccess)),
    ("T0826", acts(Impact)),
    ("T0830", looks(Collection)),
    ("T0831", acts(Impact)),
    ("T0836", acts(ImpairProcessControl)),
    ("T0840", looks(Discovery)),
    ("T0843", acts(LateralMovement)),
    ("T0846", looks(Discovery)),
    ("T0847", looks(InitialAccess)),
    ("T0848", acts(InitialAccess)),
    ("T0849", looks(Evasion)),
    ("T0855", acts(ImpairProcessControl)),
    ("T0856", acts(ImpairProcessControl)),
    ("T0857", acts(Persistence)),
    ("T0858", acts(Execution)),
    ("T0859", looks(LateralMovement)),
    ("T0860", looks(InitialAccess)),
    ("T0862", looks(InitialAccess)),
    ("T0863", looks(Execution)),
    ("T0864", looks(InitialAccess)),
    ("T0866", looks(InitialAccess)),
    ("T0867", looks(LateralMovement)),
    ("T0869", looks(CommandAndControl)),
    ("T0872", looks(Evasion)),
    ("T0878", acts(InhibitResponseFunction)),
    ("T0880", acts(Impact)),
    ("T0882", looks(Impact)),
    ("T0883", looks(InitialAccess)),
    ("T0886", looks(LateralMovement)),
    ("T0888", looks(Discovery)),
    ("T0890", looks(PrivilegeEscalation)),
    ("T0892", looks(InhibitResponseFunction)),
    ("T1404", looks(PrivilegeEscalation)),
    ("T1430", looks(Collection)),
    ("T1437", looks(CommandAndControl)),
    ("T1458", looks(InitialAccess)),
    ("T1474", looks(InitialAccess)),
    ("T1577", looks(Persistence)),
    ("T1623", looks(Execution)),
    ("T1626", looks(PrivilegeEscalation)),
    ("T1629", looks(Evasion)),
    ("T1630", looks(Evasion)),
    ("T1632", looks(Evasion)),
    ("T1635", looks(CredentialAccess)),
    ("T1638", looks(Collection)),
    ("T1640", looks(Impact)),
    ("T1645", looks(Persistence)),
    ("T1658", looks(Execution)),
];

/// What is known of a technique by its id, such as `T0855` or `T1623.001`; `None` of one that no shipped rule names.
#[must_use]
pub fn technique(id: &str) -> Option<Technique> {
    let whole = id.split('.').next().unwrap_or(id);
    let at = TECHNIQUES.binary_search_by(|(known, _)| (*known).cmp(whole)).ok()?;
    TECHNIQUES.get(at).map(|(_, technique)| *technique)
}
