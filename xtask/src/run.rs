//! Runs commands, says which, how long they took, and which one failed.
//!
//! Not a shell: no quoting, no pipes.

use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// One named command of a task.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    program: &'static str,
    args: Vec<String>,
    dir: &'static str,
    env: Vec<(String, String)>,
}

impl Step {
    /// `line` is a program and its arguments, separated by blanks.
    pub(crate) fn new(name: &'static str, line: &'static str) -> Self {
        let mut words = line.split_whitespace();
        let program = words.next().unwrap_or("true");
        Self { name, program, args: words.map(str::to_owned).collect(), dir: ".", env: Vec::new() }
    }

    /// More arguments, known only at run time.
    pub(crate) fn args(mut self, more: impl IntoIterator<Item = String>) -> Self {
        self.args.extend(more);
        self
    }

    /// Runs in this directory below the root.
    pub(crate) fn dir(mut self, dir: &'static str) -> Self {
        self.dir = dir;
        self
    }

    /// Runs with this environment variable.
    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Runs with these environment variables.
    pub(crate) fn envs(mut self, more: &[(String, String)]) -> Self {
        self.env.extend_from_slice(more);
        self
    }

    /// Runs the command and fails if it fails.
    pub(crate) fn run(&self, root: &Path) -> anyhow::Result<()> {
        println!("── {} · {} {}", self.name, self.program, self.args.join(" "));
        let start = Instant::now();
        let mut command = Command::new(self.program);
        own_variables().for_each(|name| {
            command.env_remove(name);
        });
        let status = command
            .args(&self.args)
            .current_dir(root.join(self.dir))
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .status()
            .with_context(|| format!("cannot start {} (run `make setup` first)", self.program))?;
        if !status.success() {
            bail!("step `{}` failed: {} {} ({status})", self.name, self.program, self.args.join(" "));
        }
        println!("   {} done in {:.1} s", self.name, start.elapsed().as_secs_f64());
        Ok(())
    }
}

/// What `cargo run` tells xtask about xtask. The build script of `ring` looks at these: if they reached the cargo that we start, it
/// and everything above it would be compiled anew, and again when a person calls cargo without us.
fn own_variables() -> impl Iterator<Item = String> {
    std::env::vars().map(|(name, _)| name).filter(|name| {
        ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix)) || name == "CARGO"
    })
}
