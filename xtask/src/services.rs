//! The real servers that tests talk to, for as long as the value lives.
//!
//! Not how they are installed and started (that is `scripts/services`). Each run has its own set, so that runs side by side do not meet.

use anyhow::{Context as _, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// All that a test may ask for.
const NAMES: [&str; 5] = ["kafka", "postgres", "mosquitto", "azurite", "s3"];

/// The running servers.
pub(crate) struct Services {
    script: PathBuf,
    dir: PathBuf,
    /// What tests read, as `NAME` and value.
    pub(crate) env: Vec<(String, String)>,
}

impl Services {
    /// Starts them, installing what is missing.
    pub(crate) fn start(root: &Path) -> anyhow::Result<Self> {
        println!("── services");
        let dir = std::env::temp_dir().join(format!("yagura-services-{}", std::process::id()));
        let mut services = Self { script: root.join("scripts/services"), dir, env: Vec::new() };
        let output = services.command().arg("start").args(NAMES).stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("start {}", services.script.display()))?;
        ensure!(output.status.success(), "the services do not start: {}", output.status);
        let text = String::from_utf8(output.stdout).context("what scripts/services prints is no text")?;
        services.env = text.lines().filter_map(|line| line.split_once('=')).map(owned).collect();
        services.env.push(("YAGURA_TEST_SERVICES".to_owned(), "1".to_owned()));
        Ok(services)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.script);
        command.env("YAGURA_SERVICES_DIR", &self.dir);
        command
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        if let Err(error) = self.command().arg("stop").status() {
            println!("the services do not stop: {error}");
        }
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
