//! The command line as written: every command, option and its help.
//!
//! Options as data; nothing is opened or checked against the world here. `yagura --help` tells the whole story.

mod evidence;
mod lake;
mod psirt;
mod replay;
mod rule;
mod serve;

pub(crate) use evidence::{Evidence, EvidenceSource, HoldAdd, HoldCommand, Records};
pub(crate) use lake::{Lake, LakeCare, LakeForget, LakeQuery};
pub(crate) use psirt::{
    Advisory, Csaf, Db, FailOn, Feed, Filter, Sbom, SbomFormat, Scan, Version, Vex, VexFormat, VexHead, VexMake,
};
pub(crate) use replay::RuleReplay;
pub(crate) use rule::{Indicators, Rule, RuleBench, RuleEval, RuleExplain, RuleTest, Surroundings};
pub(crate) use serve::{Serve, Stamps, Ways};

use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

const STORY: &str = "\
From a frame on a bus to a person:
  learn a profile of clean traffic     yagura ids learn --out vehicle.profile clean.log
  see what a capture would raise       yagura ids replay --profile vehicle.profile drive.log
  what is seen, what is not            yagura ids eval --profile vehicle.profile attacked.csv
  run the cloud side                   yagura serve --data /var/lib/yagura
  let a vehicle in                     yagura device token acme/vehicle-7/cgw --data /var/lib/yagura
  open the console                     yagura sign-in-link --data /var/lib/yagura
  prove that evidence is untouched     yagura evidence verify /var/lib/yagura/vault
  see all of it at once                yagura demo
  measure this machine                 yagura bench

Exit codes: 0 done · 1 a check failed (corrupt evidence, faulty rules) · 2 wrong usage · 3 input cannot be used ·
4 the machine is in the way (port taken, disk full, no permission) · 5 internal error.";

/// The open platform that sees attacks on a fleet of connected products, proves them, and leads to a response.
#[derive(Debug, Parser)]
#[command(name = "yagura", version, after_help = STORY, max_term_width = 110)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the cloud side: gate for vehicles, vault, lake, detection, console.
    Serve(Box<Serve>),
    /// Run a server and a simulated fleet whose buses replay real captures, and attack some of them.
    Demo(Demo),
    /// Measure this machine end to end with a simulated fleet: events a second, latency, memory, bytes.
    Bench(Bench),
    /// Desk tools of the in-vehicle sensor: no server needed.
    #[command(subcommand)]
    Ids(Ids),
    /// Check and read evidence, offline.
    #[command(subcommand)]
    Evidence(Evidence),
    /// Check detection rules, run them over events, measure them.
    #[command(subcommand)]
    Rule(Rule),
    /// Let devices in.
    #[command(subcommand)]
    Device(Device),
    /// Check what other observers send: back ends' log lines, foreign sensors.
    #[command(subcommand)]
    Source(Source),
    /// Copy what the server knows besides vault and lake.
    #[command(subcommand)]
    State(State),
    /// Ask the analytical tables, and take a vehicle's rows out of them.
    #[command(subcommand)]
    Lake(Lake),
    /// Say which known vulnerabilities concern the components of SBOMs, and why; no server needed.
    Scan(Scan),
    /// Keep the advisory database that `scan` asks.
    #[command(subcommand)]
    Feed(Feed),
    /// Say how products stand to vulnerabilities, and convert what others say.
    #[command(subcommand)]
    Vex(Vex),
    /// Convert, compare and check SBOMs.
    #[command(subcommand)]
    Sbom(Sbom),
    /// Read the advisory database.
    #[command(subcommand)]
    Advisory(Advisory),
    /// Check CSAF advisories.
    #[command(subcommand)]
    Csaf(Csaf),
    /// Score CVSS vectors: a vector a line on standard input, a JSON object with its scores, or its error, a line.
    Cvss(Filter),
    /// Write package URLs in their canonical form: one a line on standard input; what is none gives `error: …`, and exit code 1.
    Purl(Filter),
    /// Say whether versions lie in ranges: lines `RANGE<TAB>VERSION` (a VERS range) on standard input, `in` or `out` a line.
    Vers(Filter),
    /// Compare versions by the order of their ecosystem.
    #[command(subcommand)]
    Version(Version),
    /// Print a new one-time link that signs you in to the console of a running server.
    SignInLink {
        #[command(flatten)]
        server: ServerState,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum State {
    /// Write the whole state to a file; the server may run on.
    Export {
        /// The file; must not be there yet.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: ServerState,
    },
    /// Read an export into a state that nobody has used, also into one of the other kind of database.
    Import {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: ServerState,
    },
}

/// Where a server keeps its state.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerState {
    /// The server's data directory.
    #[arg(long, value_name = "DIR", required_unless_present = "state")]
    pub(crate) data: Option<PathBuf>,
    /// Where the server keeps its state, if not in its data directory.
    #[arg(long, value_name = "URL")]
    pub(crate) state: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// How many vehicles.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=2000))]
    pub(crate) fleet: u32,
    /// Where the demo keeps its data; the next run continues there.
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    pub(crate) data: PathBuf,
    /// The seed that decides who is attacked, how and when.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Seconds of clean traffic before the first attack.
    #[arg(long, value_name = "SECONDS", default_value_t = 8)]
    pub(crate) attack_after: u32,
    /// Stop by itself after this many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
    /// Where devices report.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    pub(crate) gate: SocketAddr,
    /// Where people look.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) console: SocketAddr,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// Print the figures as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// How long is measured: half of it the pipeline, a quarter the gate, a quarter the latency. Signing comes on top.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
    /// How many vehicles.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) fleet: u32,
    /// How many events a report holds.
    #[arg(long, value_name = "N", default_value_t = 60,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(yagura_sim::EVENTS_MAX)))]
    pub(crate) events_per_report: u32,
    /// Directory of Sigma rules instead of those that ship.
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Option<PathBuf>,
    /// An empty directory for the data, which stays; a temporary one is used and removed if not said.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Hand in the reports that this file orders: what the bench starts for its first phase.
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) feed: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ids {
    /// Learn a profile from captures of clean traffic.
    Learn {
        /// Captures of one vehicle, without attacks, in any format that is read; plain or .gz.
        #[arg(required = true, value_name = "CAPTURE")]
        captures: Vec<PathBuf>,
        /// What the makers wrote of the vehicle's messages (DBC or ARXML); may be given several times. What training traffic contradicts
        /// is not believed.
        #[arg(long, value_name = "FILE")]
        dbc: Vec<PathBuf>,
        /// Where the profile goes.
        #[arg(short, long, value_name = "FILE", alias = "output")]
        out: PathBuf,
        /// Print what was learned as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run a capture through the detectors: one line a flagged frame or silence, with the reason in words.
    Replay {
        /// The capture, in any format that is read, plain or .gz; or - for standard input.
        #[arg(value_name = "CAPTURE")]
        capture: PathBuf,
        /// The profile to judge it by.
        #[arg(long, value_name = "FILE")]
        profile: PathBuf,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Say what a profile knows; or, of one alert of a capture, everything that stands behind it.
    Explain {
        /// The profile.
        #[arg(value_name = "PROFILE")]
        profile: PathBuf,
        /// The capture that raised the alert.
        #[arg(long, value_name = "FILE")]
        capture: Option<PathBuf>,
        /// The alert: a line of `replay --json`.
        #[arg(long, value_name = "LINE", requires = "capture", conflicts_with = "at")]
        event: Option<String>,
        /// The alert: the first one from this time of the capture's own clock on, seconds.
        #[arg(long, value_name = "SECONDS", requires = "capture")]
        at: Option<f64>,
        /// The alert is about this identifier, hexadecimal.
        #[arg(long, value_name = "ID", requires = "at")]
        id: Option<String>,
        /// Print what the profile knows as JSON.
        #[arg(long, conflicts_with = "capture")]
        json: bool,
    },
    /// Judge a labelled capture and score what is told: by frame, by attack, by second.
    Eval(Eval),
    /// Say what differs between two profiles.
    Diff {
        /// The first profile.
        #[arg(value_name = "BEFORE")]
        before: PathBuf,
        /// The second profile.
        #[arg(value_name = "AFTER")]
        after: PathBuf,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put an attack into a clean capture: the simulator. Writes CSV with labels.
    Inject(Inject),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Eval {
    /// Labelled captures: CSV with the columns label and attack, or any format with --windows or --attack-windows.
    #[arg(value_name = "CAPTURE", required_unless_present = "suite")]
    pub(crate) captures: Vec<PathBuf>,
    /// The profile to judge them by.
    #[arg(long, value_name = "FILE", required_unless_present = "suite")]
    pub(crate) profile: Option<PathBuf>,
    /// Table of attack windows: columns file, attack, and pairs win1_start_s, win1_end_s, …; seconds from the first frame.
    #[arg(long, value_name = "FILE", conflicts_with = "attack_windows")]
    pub(crate) windows: Option<PathBuf>,
    /// Attack windows, `27.2-35.2,45.4-53.4`: seconds from the first frame.
    #[arg(long, value_name = "WINDOWS")]
    pub(crate) attack_windows: Option<String>,
    /// Judge only from so many seconds after the first frame on: what lies before may have been learned.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub(crate) from: f64,
    /// Run the evaluation of docs/detection.md on the data under this directory instead.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["profile", "windows", "attack_windows", "json"])]
    pub(crate) suite: Option<PathBuf>,
    /// Sections of the suite: truck, car, gm, simulated, drives, repaired, clean; all if not said.
    #[arg(long, value_name = "NAME", requires = "suite")]
    pub(crate) section: Vec<String>,
    /// Write a page with plots.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// One JSON object a capture.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Inject {
    /// The clean capture.
    #[arg(value_name = "CAPTURE")]
    pub(crate) capture: PathBuf,
    /// Where the attacked capture goes.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// flood, fuzz, uds-scan, inject-flam, inject-fast, suspension, masq-const, masq-ramp, masq-offset, masq-replay or masq-random.
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: String,
    /// From when, seconds after the first frame.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) start: f64,
    /// Until when, seconds after the first frame.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) end: f64,
    /// On which bus; the first frame's if not said.
    #[arg(long)]
    pub(crate) bus: Option<u8>,
    /// Whose frames, hexadecimal; drawn by the seed if not said.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Which bits, START:LENGTH counted from the most significant bit of the first byte, or START:LENGTH:le counted as a DBC
    /// does for little-endian signals; the byte with the most values if not said.
    #[arg(long, value_name = "FIELD")]
    pub(crate) field: Option<String>,
    /// What all other choices follow from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The attacker knows the checksums and counters of this profile, and repairs them.
    #[arg(long, value_name = "PROFILE")]
    pub(crate) repair: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Source {
    /// Check a sources file, and show what lines of a log would become.
    Check {
        /// The file; its name without .toml is the source's name.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// JSON lines, or OTLP in JSON if the name ends in .otlp.json.
        #[arg(long, value_name = "LOG")]
        sample: Option<PathBuf>,
        /// One JSON object a row or bad line.
        #[arg(long)]
        json: bool,
    },
    /// Print a new ingestion token and its hash for a sources file.
    Token,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// Print a one-time enrolment token for a device.
    Token {
        /// The device, written TENANT/VEHICLE/SENSOR.
        #[arg(value_name = "DEVICE")]
        device: String,
        /// The vehicle's model, shown in the console.
        #[arg(long, default_value = "unknown")]
        model: String,
        #[command(flatten)]
        server: ServerState,
    },
    /// List the devices that ever enrolled.
    List {
        #[command(flatten)]
        server: ServerState,
        /// Print one JSON value a device.
        #[arg(long)]
        json: bool,
    },
    /// Show one device: certificate in force, validity, revocation.
    Show {
        /// The device, written TENANT/VEHICLE/SENSOR.
        #[arg(value_name = "DEVICE")]
        device: String,
        #[command(flatten)]
        server: ServerState,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a device: within a second no gate takes anything from it. A new token lets it in again.
    Revoke {
        /// The device, written TENANT/VEHICLE/SENSOR.
        #[arg(value_name = "DEVICE")]
        device: String,
        #[command(flatten)]
        server: ServerState,
        /// Why; it is kept with the revocation in the vault.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

#[cfg(test)]
mod deployed;
