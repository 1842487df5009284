//! The command line of `yagura evidence`: checks, questions, bundles, proofs and holds.
//!
//! Options as data, as in `args`.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Evidence {
    /// Check everything in a vault, an archive or a bundle: records, order, tree, checkpoint, report signatures and chains.
    Verify {
        /// The vault's directory (DATA/vault), an archive (s3://… or az://…), or a bundle (FILE.zip or its directory).
        #[arg(value_name = "VAULT|URL|BUNDLE")]
        what: String,
        /// The vault's public key: a PEM file, hexadecimal, or as note tools write it; else DIR/../identity/vault.pub is used.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// The server's object store, for a vault whose older segments are only there.
        #[arg(long, value_name = "URL")]
        objects: Option<String>,
        /// File with the certificates of the time stamp authority, PEM; else a stamp must hold by the certificate in it.
        #[arg(long, value_name = "FILE")]
        tsa_ca: Option<PathBuf>,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print headers and decoded events of the records that are asked for.
    Search {
        #[command(flatten)]
        source: EvidenceSource,
        #[command(flatten)]
        records: Records,
        /// One JSON object a record.
        #[arg(long)]
        json: bool,
    },
    /// Print who read evidence through a server or with these commands: when, what, why.
    Reads {
        #[command(flatten)]
        source: EvidenceSource,
        /// By this person only.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// One JSON object a read.
        #[arg(long)]
        json: bool,
    },
    /// Write a bundle for a stranger: records as received, proofs, signed checkpoint, certificates, decoded view, a page of instructions.
    Export {
        #[command(flatten)]
        source: EvidenceSource,
        #[command(flatten)]
        records: Records,
        /// Where the bundle goes: FILE.zip or a new directory.
        #[arg(short, long, value_name = "FILE|DIR")]
        out: PathBuf,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the proof that a record is in the log (C2SP tlog-proof), and that the log grew from an older one.
    Prove {
        #[command(flatten)]
        source: EvidenceSource,
        /// The record's position.
        #[arg(value_name = "POSITION")]
        position: u64,
        /// Also prove that the log grew from the one of so many records.
        #[arg(long, value_name = "SIZE")]
        since: Option<u64>,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Legal holds: evidence that no retention deletes.
    #[command(subcommand)]
    Hold(HoldCommand),
}

/// Where evidence is.
#[derive(Debug, clap::Args)]
pub(crate) struct EvidenceSource {
    /// The vault's directory (DATA/vault), also of a running server; or an archive (s3://… or az://…).
    #[arg(value_name = "VAULT")]
    pub(crate) vault: String,
    /// The vault's public key: a PEM file, hexadecimal, or as note tools write it; else VAULT/../identity/vault.pub is used.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// The server's object store, for segments that are only there.
    #[arg(long, value_name = "URL")]
    pub(crate) objects: Option<String>,
}

/// Which records.
#[derive(Debug, clap::Args)]
pub(crate) struct Records {
    /// Why they are read; stands in the vault's record of this.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Of this vehicle: TENANT/VEHICLE.
    #[arg(long, value_name = "VEHICLE", value_parser = vehicle)]
    pub(crate) vehicle: Option<String>,
    /// Of this device: TENANT/VEHICLE/SENSOR.
    #[arg(long, value_name = "DEVICE", value_parser = device)]
    pub(crate) device: Option<String>,
    /// Received from this time on, like 2026-11-22T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Received before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Reports with this event: its symbol or number.
    #[arg(long, value_name = "EVENT")]
    pub(crate) event: Option<String>,
    /// The report with this SHA-256, or with one that begins so.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) report: Option<String>,
    /// Positions: A..B (without B), A.., or one.
    #[arg(long, value_name = "A..B")]
    pub(crate) position: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Hold evidence from now on.
    Add {
        #[command(flatten)]
        source: EvidenceSource,
        #[command(flatten)]
        hold: HoldAdd,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a hold.
    Remove {
        #[command(flatten)]
        source: EvidenceSource,
        /// The hold's name.
        #[arg(value_name = "HOLD")]
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the holds in force.
    List {
        #[command(flatten)]
        source: EvidenceSource,
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What a hold is about.
#[derive(Debug, clap::Args)]
pub(crate) struct HoldAdd {
    /// The case it is for.
    #[arg(long)]
    pub(crate) case: String,
    /// Of this vehicle only: TENANT/VEHICLE.
    #[arg(long, value_name = "VEHICLE", value_parser = vehicle, conflicts_with = "device")]
    pub(crate) vehicle: Option<String>,
    /// Of this device only: TENANT/VEHICLE/SENSOR.
    #[arg(long, value_name = "DEVICE", value_parser = device)]
    pub(crate) device: Option<String>,
    /// Received from this time on.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Received before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Who asks for it; else who runs this.
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

/// A vehicle with its tenant; a bare name would find nothing, in silence.
fn vehicle(text: &str) -> Result<String, String> {
    named(text, 2, "TENANT/VEHICLE, such as demo/obd-0001")
}

fn device(text: &str) -> Result<String, String> {
    named(text, 3, "TENANT/VEHICLE/SENSOR, such as demo/obd-0001/cgw")
}

fn named(text: &str, parts: usize, form: &str) -> Result<String, String> {
    let found = text.split('/').filter(|part| !part.is_empty()).count();
    if found == parts { Ok(text.to_owned()) } else { Err(format!("a name has the form {form}")) }
}
