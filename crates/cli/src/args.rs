//! The command line as written: every command, option and its help.
//!
//! Options as data; nothing is opened or checked against the world here. `yagura --help` tells the whole story.

use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

const STORY: &str = "\
From a frame on a bus to a person:
  learn a profile of clean traffic     yagura ids learn --out vehicle.profile clean.log
  see what a capture would raise       yagura ids replay --profile vehicle.profile drive.log
  run the cloud side                   yagura serve --data /var/lib/yagura
  let a vehicle in                     yagura device token acme/vehicle-7/cgw --data /var/lib/yagura
  open the console                     yagura sign-in-link --data /var/lib/yagura
  prove that evidence is untouched     yagura evidence verify /var/lib/yagura/vault
  see all of it at once                yagura demo

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
    Serve(Serve),
    /// Run a server and a simulated fleet whose buses replay real captures, and attack some of them.
    Demo(Demo),
    /// Desk tools of the in-vehicle sensor: no server needed.
    #[command(subcommand)]
    Ids(Ids),
    /// Check and read evidence, offline.
    #[command(subcommand)]
    Evidence(Evidence),
    /// Check detection rules.
    #[command(subcommand)]
    Rule(Rule),
    /// Let devices in.
    #[command(subcommand)]
    Device(Device),
    /// Print a new one-time link that signs you in to the console of a running server.
    SignInLink {
        /// The server's data directory.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where everything is kept; made if absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Where devices report, with TLS and device certificates.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    pub(crate) gate: SocketAddr,
    /// Where people look; loopback only.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) console: SocketAddr,
    /// The tenant that this server's sign-in links belong to.
    #[arg(long, default_value = "demo")]
    pub(crate) tenant: String,
    /// Directory of Sigma rules used instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Option<PathBuf>,
    /// Host names and addresses that the gate's certificate is valid for, besides localhost.
    #[arg(long, value_name = "NAME")]
    pub(crate) gate_name: Vec<String>,
    /// Print where people and devices find the server as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Stop when standard input ends: for programs that start a server and must not leave it behind.
    #[arg(long)]
    pub(crate) stop_on_stdin_end: bool,
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

#[derive(Debug, Subcommand)]
pub(crate) enum Ids {
    /// Learn a profile from captures of clean traffic.
    Learn {
        /// Captures of one vehicle, without attacks, in any format that is read; plain or .gz.
        #[arg(required = true, value_name = "CAPTURE")]
        captures: Vec<PathBuf>,
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
    /// Say what a profile knows.
    Explain {
        /// The profile.
        #[arg(value_name = "FILE")]
        profile: PathBuf,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Evidence {
    /// Check everything in a vault: records, order, tree, checkpoint, report signatures and chains.
    Verify {
        /// The vault's directory (DATA/vault).
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// The vault's public key, a PEM file or hexadecimal; else DIR/../identity/vault.pub is used.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Rule {
    /// Parse rules as a server would, and name what is wrong with file and line.
    Check {
        /// Directory of rules.
        #[arg(value_name = "DIR", default_value = "rules")]
        dir: PathBuf,
    },
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
        /// The server's data directory.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}
