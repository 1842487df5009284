//! The commands around products and advisories as written.
//!
//! Options only; nothing is opened here.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Version {
    /// Compare versions: lines `A<TAB>B` on standard input, `<`, `=` or `>` a line on standard output.
    ///
    /// A line that cannot be answered gives `error: …`; the exit code is then 1.
    Compare {
        /// The order: a VERS or package URL type (`deb`, `maven`, `npm`, …), an OSV ecosystem, or a CVE `versionType`.
        #[arg(long, value_name = "S")]
        scheme: String,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

/// A line filter without options of its own.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Csaf {
    /// Hold CSAF 2.0 and 2.1 documents against their schema and the tests of section 6 of the standard.
    ///
    /// Exit code 1 if a document is invalid: if its schema or a mandatory test (6.1) fails. Tests of 6.2 and 6.3 are told and do not count.
    Validate {
        /// Documents, directories or archives of them; `-`, or nothing, is standard input: documents one after another, or paths, one a line.
        #[arg(value_name = "FILE|DIR")]
        documents: Vec<PathBuf>,
        /// One JSON object a document.
        #[arg(long)]
        json: bool,
    },
}

/// Where the advisory database is.
#[derive(Debug, Args)]
pub(crate) struct Db {
    /// The advisory database; if not said, `yagura/advisories` below the user's data directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) db: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Feed {
    /// Take advisories, KEV, EPSS, mappings and statements (VEX) from files, directories and archives.
    ///
    /// Everything is told apart by its content. What is known as it is costs nothing; what cannot be read is named in `last-import.jsonl` in
    /// the database, and the rest is taken. A database that was copied is a database.
    Import {
        #[command(flatten)]
        db: Db,
        /// Files, directories and archives (tar, zip; gzip, bzip2, xz, zstd).
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Print what was taken as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Import what changed in a list of sources since the last time; exit code 1 if one of them failed.
    ///
    /// The list is TOML: a `[[source]]` each, with a `name` and one of `path` (file or directory), `url` (document or archive; asked for with
    /// ETag and date) and `git` (repository; needs `git`).
    Sync {
        #[command(flatten)]
        db: Db,
        /// The list.
        #[arg(long, value_name = "FILE")]
        sources: PathBuf,
        /// One JSON object a source.
        #[arg(long)]
        json: bool,
    },
    /// Say what the database holds, from which sources, and how old it is.
    Status {
        #[command(flatten)]
        db: Db,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Read everything and compare it with its digests; exit code 1 if something is damaged.
    Verify {
        #[command(flatten)]
        db: Db,
    },
}

/// From which severity on a scan fails.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, clap::ValueEnum)]
pub(crate) enum FailOn {
    /// Any open finding.
    Low,
    /// CVSS 4.0 and more.
    Medium,
    /// CVSS 7.0 and more.
    High,
    /// CVSS 9.0 and more.
    Critical,
    /// Known to be exploited, whatever its score.
    Kev,
}

#[derive(Debug, Args)]
pub(crate) struct Scan {
    #[command(flatten)]
    pub(crate) db: Db,
    /// SBOMs in any format, directories of them, or - for standard input.
    #[arg(required = true, value_name = "SBOM|DIR|-")]
    pub(crate) sboms: Vec<PathBuf>,
    /// Documents of statements (VEX) beside those of the SBOMs and the database; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) vex: Vec<PathBuf>,
    /// Only findings of this advisory or vulnerability, each with everything that stands behind it.
    #[arg(long, value_name = "ID")]
    pub(crate) explain: Option<String>,
    /// Exit code 1 if there is an open finding that is so severe.
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<FailOn>,
    /// Print findings and unidentified components as one JSON value (docs/format/findings.md).
    #[arg(long)]
    pub(crate) json: bool,
}

/// A format that statements are written in.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum VexFormat {
    /// OpenVEX 0.2.0.
    Openvex,
    /// CSAF 2.0, profile `csaf_vex`.
    Csaf,
    /// CycloneDX 1.6.
    Cyclonedx,
    /// SPDX 3.0.
    Spdx,
}

/// Who says it, and as which document.
#[derive(Debug, Args)]
pub(crate) struct VexHead {
    /// The format.
    #[arg(long, value_name = "FORMAT", default_value = "openvex")]
    pub(crate) format: VexFormat,
    /// Who says so: a name.
    #[arg(long, value_name = "NAME")]
    pub(crate) author: String,
    /// A URL of the author's; the document's id begins with it.
    #[arg(long, value_name = "URL")]
    pub(crate) namespace: String,
    /// The document's id, an IRI; made of the namespace and the time if not said.
    #[arg(long, value_name = "IRI")]
    pub(crate) id: Option<String>,
    /// The document's version.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) revision: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Vex {
    /// Say how a product stands to a vulnerability; the document goes to standard output.
    Make(Box<VexMake>),
    /// Write the statements of documents in a format; what it cannot say is listed on standard error.
    Convert {
        #[command(flatten)]
        head: VexHead,
        /// OpenVEX, CSAF, CycloneDX or SPDX 3 documents.
        #[arg(required = true, value_name = "FILE")]
        documents: Vec<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct VexMake {
    #[command(flatten)]
    pub(crate) head: VexHead,
    /// The product: a package URL, a CPE name or another IRI; may be given several times.
    #[arg(long, required = true, value_name = "PRODUCT")]
    pub(crate) product: Vec<String>,
    /// A component of the product that the statement is limited to; may be given several times.
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) within: Vec<String>,
    /// The vulnerability's id; the first is its name, further ones are aliases.
    #[arg(long, required = true, value_name = "ID")]
    pub(crate) vulnerability: Vec<String>,
    /// `affected`, `not_affected`, `fixed` or `under_investigation`.
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: String,
    /// Why it is not affected: `component_not_present`, `vulnerable_code_not_present`, `vulnerable_code_not_in_execute_path`,
    /// `vulnerable_code_cannot_be_controlled_by_adversary` or `inline_mitigations_already_exist`.
    #[arg(long, value_name = "WORD")]
    pub(crate) justification: Option<String>,
    /// The same in words.
    #[arg(long, value_name = "TEXT")]
    pub(crate) impact: Option<String>,
    /// What is to be done.
    #[arg(long, value_name = "TEXT")]
    pub(crate) action: Option<String>,
}

/// A format that SBOMs are written in.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum SbomFormat {
    /// CycloneDX 1.6 JSON.
    Cyclonedx,
    /// SPDX 2.3 JSON.
    Spdx2,
    /// SPDX 3.0.1 JSON-LD.
    Spdx3,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sbom {
    /// Write an SBOM of any format in another one; what that has no word for is listed on standard error.
    Convert {
        /// The format.
        #[arg(long, value_name = "FORMAT")]
        to: SbomFormat,
        /// The SBOM, or - for standard input.
        #[arg(value_name = "SBOM")]
        sbom: PathBuf,
    },
    /// Say what changed between two SBOMs of a product, whatever their formats.
    Diff {
        /// The earlier one.
        #[arg(value_name = "BEFORE")]
        before: PathBuf,
        /// The later one.
        #[arg(value_name = "AFTER")]
        after: PathBuf,
        /// One JSON object a change.
        #[arg(long)]
        json: bool,
    },
    /// Hold SBOMs against the schemas of their formats; exit code 1 if one is invalid.
    Check {
        /// The SBOMs.
        #[arg(required = true, value_name = "SBOM")]
        sboms: Vec<PathBuf>,
        /// One JSON object an SBOM.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Advisory {
    /// Show what every source says of a vulnerability, side by side, and since when it is known here.
    Show {
        #[command(flatten)]
        db: Db,
        /// An id, an alias or a document.
        #[arg(value_name = "ID")]
        id: String,
        /// One JSON object a record.
        #[arg(long)]
        json: bool,
    },
}
