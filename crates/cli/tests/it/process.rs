//! `yagura` as a child process, with ports and directories of its own.

use serde::Deserialize;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub(crate) const TENANT: &str = "demo";

/// What `serve --json` says of itself.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Announcement {
    pub(crate) console: Option<String>,
    pub(crate) sign_in: Option<String>,
    pub(crate) gate: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) ca_pem: String,
    pub(crate) recovered: Option<String>,
}

/// The two addresses of a server; the same at each restart, so that vehicles find it again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) gate: SocketAddr,
    pub(crate) console: SocketAddr,
}

impl Addresses {
    pub(crate) fn free() -> Self {
        let sockets = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [gate, console] = sockets.map(|socket| socket.local_addr().unwrap());
        Self { gate, console }
    }
}

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    pub(crate) announcement: Announcement,
}

impl Server {
    /// Starts a server and waits until it says that it is up.
    pub(crate) fn start(data: &Path, at: Addresses) -> Self {
        Self::of(serve(data, at))
    }

    /// The same with more options.
    pub(crate) fn start_with(data: &Path, at: Addresses, more: &[&str]) -> Self {
        let mut command = serve(data, at);
        command.args(more);
        Self::of(command)
    }

    /// As [`Self::start`], with a command line of its own.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announcement = serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut words = String::new();
            child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
            panic!("the server did not start: {error}; it said {line:?} and {words}");
        });
        // Nobody reads the log; a full pipe must not stop the server.
        let mut log = child.stderr.take().unwrap();
        // With YAGURA_TEST_LOGS it goes to the test's own output.
        let loud = std::env::var("YAGURA_TEST_LOGS").is_ok();
        std::thread::spawn(move || match loud {
            true => std::io::copy(&mut log, &mut std::io::stderr()),
            false => std::io::copy(&mut log, &mut std::io::sink()),
        });
        Self { child, announcement }
    }

    /// Starts a server and does not wait for it.
    pub(crate) fn launch(data: &Path, at: Addresses) -> Child {
        serve(data, at).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no farewell.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as the demo does, and checks that it ended well.
    pub(crate) fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    /// Resident memory, bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

fn serve(data: &Path, at: Addresses) -> Command {
    let mut command = yagura();
    command.args(["serve", "--json", "--stop-on-stdin-end", "--tenant", TENANT]);
    command.args(["--gate", &at.gate.to_string(), "--console", &at.console.to_string()]);
    command.arg("--data").arg(data).env("YAGURA_LOG", "warn");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn yagura() -> Command {
    Command::new(env!("CARGO_BIN_EXE_yagura"))
}

/// Runs to the end with no standard input.
pub(crate) fn run(args: &[&str]) -> Output {
    yagura().args(args).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn testdata(path: &str) -> String {
    format!("{}/../../testdata/{path}", env!("CARGO_MANIFEST_DIR"))
}
