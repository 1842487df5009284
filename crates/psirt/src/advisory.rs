//! The one advisory model that every source is read into: CVE, OSV, CSAF, NVD, JVN and private reports.
//!
//! Not a judgement: sources are kept side by side, each as it speaks; which packages and versions they mean is read by the compiled index
//! (ADR-0037). Limits: what a source enumerates is kept whole, the compiler bounds it.

mod context;
mod cpe_match;
mod csaf;
mod csaf_products;
mod cve;
mod cve_versions;
mod documents;
mod jvn;
mod jvn_xml;
mod kernel;
mod nvd;
mod osv;
mod private;
mod reading;
mod rustsec;
mod wording;
mod yaml;

pub(crate) use context::kind as kind_of;
pub use reading::{Sink, is_foreign, read};

use crate::Instant;
use crate::vex::Status;

/// Where an advisory comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Source {
    /// A CVE record (JSON 5.x).
    Cve,
    /// An OSV record of any database.
    Osv,
    /// A CSAF 2.0 or 2.1 document.
    Csaf,
    /// NVD JSON 2.0.
    Nvd,
    /// JVN or JVN iPedia.
    Jvn,
    /// A distribution's security data that is none of the above.
    Distribution,
    /// A report that is not public.
    Private,
}

/// A score as its source gives it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Score {
    /// The CVSS vector, or another system's text (`HIGH`).
    pub vector: String,
    /// Who gave it: `CNA`, `CISA-ADP`, `nvd@nist.gov`.
    pub by: String,
}

/// Which versions, as the source writes them. The scheme is named if the source names it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Versions {
    /// From `introduced` (inclusive; `None` is the first ever) to `end`.
    Interval {
        /// The source's word for the scheme: `semver`, `ECOSYSTEM`, `custom`, `rpm`.
        scheme: Option<String>,
        /// The first affected version.
        introduced: Option<String>,
        /// Where it ends.
        end: End,
    },
    /// These versions and no others.
    Exactly(Vec<String>),
    /// All versions that there are.
    All,
    /// Between commits of a repository.
    Commits {
        /// The repository's URL.
        repository: Option<String>,
        /// Commits that brought it; `0` is the first ever.
        introduced: Vec<String>,
        /// Commits that removed it.
        fixed: Vec<String>,
        /// Last commits that have it.
        last_affected: Vec<String>,
    },
    /// A range in the VERS notation, or a native notation that a scheme reads.
    Notation(String),
}

/// Where an interval of versions ends.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum End {
    /// Before this version, which holds the fix.
    Before(String),
    /// With this version; `3.16.*` is every version that begins with `3.16.`.
    With(String),
    /// Nowhere yet.
    Open,
}

/// The package that an advisory speaks of, as it names it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Package {
    /// A package URL, with or without a version.
    Purl(String),
    /// A CPE 2.3 name or 2.2 URI; its version may be given apart.
    Cpe(String),
    /// A name within an ecosystem (OSV): `PyPI`, `Debian:12`.
    Ecosystem {
        /// The ecosystem with its suffix.
        ecosystem: String,
        /// The package's name there.
        name: String,
    },
    /// A vendor's product (CVE, CSAF, JVN).
    Product {
        /// The vendor.
        vendor: String,
        /// The product.
        product: String,
    },
    /// A repository's content.
    Repository(String),
    /// A digest of content: algorithm and lower-case hexadecimal.
    Digest(String, String),
}

/// One package of an advisory, with what is said of its versions.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Affected {
    /// The same thing by every name that the source gives it.
    pub packages: Vec<Package>,
    /// Each range with how versions in it stand.
    pub ranges: Vec<(Versions, Status)>,
    /// How versions stand that no range names.
    pub otherwise: Option<Status>,
    /// What it must run on or with for the rest to hold. Context, never a match by itself.
    pub running_on: Vec<Package>,
    /// Functions, files, modules or configuration that hold the flaw, as (kind, name).
    pub parts: Vec<(String, String)>,
    /// Who says so, within the source: a CNA's or ADP's short name, a CSAF publisher.
    pub by: String,
}

/// One advisory of one source.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Advisory {
    /// Its id in its source. For CSAF one advisory is made per vulnerability: the id is that of the vulnerability.
    pub id: String,
    /// Its source.
    pub source: Source,
    /// The document that holds it, if that is another thing (`ICSA-24-100-01`).
    pub document: Option<String>,
    /// Other ids of the same vulnerability.
    pub aliases: Vec<String>,
    /// Ids of vulnerabilities that this one is upstream or downstream of, and no more.
    pub related: Vec<String>,
    /// When it was published.
    pub published: Option<Instant>,
    /// When it was last changed.
    pub modified: Option<Instant>,
    /// When it was withdrawn or rejected.
    pub withdrawn: Option<Instant>,
    /// One line.
    pub title: String,
    /// More lines.
    pub description: String,
    /// CWE numbers.
    pub weaknesses: Vec<u32>,
    /// Scores, side by side.
    pub scores: Vec<Score>,
    /// SSVC decision points as (point, value), such as CISA's `Exploitation` = `active`.
    pub ssvc: Vec<(String, String)>,
    /// URLs of what else there is to read.
    pub references: Vec<String>,
    /// What to do, as the source says it.
    pub remedies: Vec<String>,
    /// The packages.
    pub affected: Vec<Affected>,
}

impl Advisory {
    /// An advisory of which nothing but its id is known.
    #[must_use]
    pub fn new(id: impl Into<String>, source: Source) -> Self {
        Self {
            id: id.into(),
            source,
            document: None,
            aliases: Vec::new(),
            related: Vec::new(),
            published: None,
            modified: None,
            withdrawn: None,
            title: String::new(),
            description: String::new(),
            weaknesses: Vec::new(),
            scores: Vec::new(),
            ssvc: Vec::new(),
            references: Vec::new(),
            remedies: Vec::new(),
            affected: Vec::new(),
        }
    }
}
