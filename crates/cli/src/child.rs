//! `yagura serve` as a child process that never outlives its parent.
//!
//! Not the server. It stops when its standard input ends: by [`Server::stop`], by a drop, or because this process was killed. It has a
//! process group of its own, so that Ctrl-C reaches the parent alone, which then stops it in order.

use crate::failure::Failure;
use crate::serve::Announcement;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// How long the server may take to stop.
const STOP_MAX: Duration = Duration::from_secs(30);

/// How to start it.
pub(crate) struct Launch<'a> {
    pub(crate) data: &'a Path,
    pub(crate) tenant: &'a str,
    pub(crate) gate: SocketAddr,
    pub(crate) console: SocketAddr,
    pub(crate) rules: Option<&'a Path>,
    pub(crate) quotas: Option<&'a Path>,
    /// File that its log goes to.
    pub(crate) log: &'a Path,
}

/// A server that runs.
pub(crate) struct Server {
    pub(crate) child: Child,
    /// As long as this is open, the server runs. Kept apart, because waiting for a child closes its standard input.
    lifeline: ChildStdin,
    pub(crate) announcement: Announcement,
}

impl Server {
    /// Starts it and waits until it says that it is up.
    pub(crate) async fn start(launch: &Launch<'_>) -> Result<Self, Failure> {
        std::fs::create_dir_all(launch.data).map_err(|error| Failure::file(launch.data, &error))?;
        let log_file = File::create(launch.log).map_err(|error| Failure::file(launch.log, &error))?;
        let mut command = Command::new(own_program()?);
        command.arg("serve").args(["--json", "--stop-on-stdin-end", "--tenant", launch.tenant]);
        command.arg("--data").arg(launch.data);
        command.args(["--gate", &launch.gate.to_string(), "--console", &launch.console.to_string()]);
        if let Some(rules) = launch.rules {
            command.arg("--rules").arg(rules);
        }
        if let Some(quotas) = launch.quotas {
            command.arg("--quotas").arg(quotas);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log_file).process_group(0).kill_on_drop(true);
        let child = command.spawn();
        let mut child = child.map_err(|error| Failure::Machine(format!("cannot start the server: {error}")))?;
        let (Some(stdout), Some(lifeline)) = (child.stdout.take(), child.stdin.take()) else {
            return Err(Failure::Internal("the server has no standard input or output".to_owned()));
        };
        let line = BufReader::new(stdout).lines().next_line().await.ok().flatten();
        match line.and_then(|line| serde_json::from_str(&line).ok()) {
            Some(announcement) => Ok(Self { child, lifeline, announcement }),
            None => Err(why_not(child, launch.log).await),
        }
    }

    /// Ends it in order.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        drop(self.lifeline);
        match tokio::time::timeout(STOP_MAX, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failure::Internal(format!("the server ended with {status}"))),
            Ok(Err(error)) => Err(Failure::Internal(format!("the server's end: {error}"))),
            Err(_) => {
                let _ = self.child.kill().await;
                let seconds = STOP_MAX.as_secs();
                Err(Failure::Internal(format!("the server did not stop within {seconds} s and was killed")))
            }
        }
    }
}

/// The file of this program.
pub(crate) fn own_program() -> Result<std::path::PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::Internal(format!("own program file: {error}")))
}

/// The server's own last words.
async fn why_not(mut child: Child, log: &Path) -> Failure {
    let status = child.wait().await.map_or(5, |status| status.code().unwrap_or(5));
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let words = text.lines().rev().find_map(|line| line.strip_prefix("yagura: "));
    let words = words.map_or_else(|| format!("the server did not start; see {}", log.display()), str::to_owned);
    Failure::of_code(status, words)
}
