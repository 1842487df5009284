//! Repository tasks: `cargo xtask tidy | ci | bench | soak`.
//!
//! Not part of the product and not a build system: each task is a list of commands that a person could type.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a developer's tool talks to its terminal")]

mod bench;
mod ci;
mod run;
mod services;
mod tidy;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

#[derive(Parser)]
#[command(about = "Repository tasks of Yagura")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check layers, file lengths, module docs, banned names and test habits.
    Tidy,
    /// Run everything that CI runs.
    Ci {
        /// Only the steps whose name contains this text.
        #[arg(long)]
        only: Option<String>,
    },
    /// Build release benches and print one JSON line per figure.
    Bench {
        /// Only benches of this crate, for example `ids`.
        package: Option<String>,
    },
    /// Long runs that are too slow for CI: many kill points, many property cases.
    Soak,
}

fn main() -> anyhow::Result<()> {
    let root = root()?;
    match Args::parse().task {
        Task::Tidy => tidy::tidy(&root),
        Task::Ci { only } => ci::ci(&root, only.as_deref()),
        Task::Bench { package } => bench::bench(&root, package.as_deref()),
        Task::Soak => ci::soak(&root),
    }
}

/// The repository's root: where this crate's parent is. Asked when it runs: a clone may run what another one compiled.
fn root() -> anyhow::Result<PathBuf> {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").context("run it as `cargo xtask`")?);
    here.parent().map(PathBuf::from).context("xtask has no parent directory")
}
