//! `yagura demo`: a server as its own process, and a simulated fleet that reports to it.
//!
//! Not a mock: the server is `yagura serve`, the vehicles run the sensor's own `ids`, `idsm` and `link`. Ends cleanly: the fleet says
//! farewell first, then the server stops when its standard input ends, so it cannot outlive the demo.

use crate::args;
use crate::failure::Failure;
use crate::serve::{Announcement, chain, runtime, signalled};
use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use yagura_model::Name;
use yagura_server::clock;
use yagura_server::serve::STATE_FILE;
use yagura_server::state::{StateUrl, enrolment_token};
use yagura_sim::{FleetOptions, FleetPlan, FleetSummary, Happening, Progress, TokenSource, run_fleet};

const TENANT: &str = "demo";
/// Seconds between status lines when standard output is not a terminal.
const STATUS_EVERY: u64 = 10;
/// How long the server may take to stop.
const STOP_MAX: Duration = Duration::from_secs(20);

/// Runs the demo until Ctrl-C, or for `--seconds`.
pub(crate) fn run(args: &args::Demo) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let mut server = Server::start(args).await?;
        greet(args, &server.announcement);
        let fleet = run_the_fleet(args, &server.announcement, &mut server.child).await;
        let stopped = server.stop().await;
        let summary = fleet?;
        stopped?;
        farewell(args, &summary);
        Ok(())
    })
}

struct Server {
    child: Child,
    /// As long as this is open, the server runs. Kept apart, because waiting for a child closes its standard input.
    lifeline: ChildStdin,
    announcement: Announcement,
}

impl Server {
    async fn start(args: &args::Demo) -> Result<Self, Failure> {
        let data = server_dir(&args.data);
        std::fs::create_dir_all(&data).map_err(|error| Failure::file(&data, &error))?;
        let log = args.data.join("server.log");
        let log_file = File::create(&log).map_err(|error| Failure::file(&log, &error))?;
        let program =
            std::env::current_exe().map_err(|error| Failure::Internal(format!("own program file: {error}")))?;
        let mut child = Command::new(program)
            .arg("serve")
            .args(["--json", "--stop-on-stdin-end", "--tenant", TENANT])
            .arg("--data")
            .arg(&data)
            .args(["--gate", &args.gate.to_string(), "--console", &args.console.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::Machine(format!("cannot start the server: {error}")))?;
        let (Some(stdout), Some(lifeline)) = (child.stdout.take(), child.stdin.take()) else {
            return Err(Failure::Internal("the server has no standard input or output".to_owned()));
        };
        let line = BufReader::new(stdout).lines().next_line().await.ok().flatten();
        match line.and_then(|line| serde_json::from_str(&line).ok()) {
            Some(announcement) => Ok(Self { child, lifeline, announcement }),
            None => Err(Self::why_not(child, &log).await),
        }
    }

    /// The server's own last words.
    async fn why_not(mut child: Child, log: &Path) -> Failure {
        let status = child.wait().await.map_or(5, |status| status.code().unwrap_or(5));
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let words = text.lines().rev().find_map(|line| line.strip_prefix("yagura: "));
        let words = words.map_or_else(|| format!("the server did not start; see {}", log.display()), str::to_owned);
        match status {
            1 => Failure::Check(words),
            3 => Failure::Input(words),
            4 => Failure::Machine(words),
            _ => Failure::Internal(words),
        }
    }

    async fn stop(mut self) -> Result<(), Failure> {
        drop(self.lifeline);
        match tokio::time::timeout(STOP_MAX, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failure::Internal(format!("the server ended with {status}"))),
            Ok(Err(error)) => Err(Failure::Internal(format!("the server's end: {error}"))),
            Err(_) => {
                let _ = self.child.kill().await;
                Err(Failure::Internal(format!(
                    "the server did not stop within {} s and was killed",
                    STOP_MAX.as_secs()
                )))
            }
        }
    }
}

fn server_dir(data: &Path) -> PathBuf {
    data.join("server")
}

async fn run_the_fleet(
    args: &args::Demo,
    announcement: &Announcement,
    server: &mut Child,
) -> Result<FleetSummary, Failure> {
    let tenant = Name::new(TENANT).map_err(|error| Failure::Internal(error.to_string()))?;
    let plan =
        FleetPlan { vehicles: args.fleet, seed: args.seed, attack_after: args.attack_after, ..FleetPlan::default() };
    let options = FleetOptions {
        plan,
        tenant,
        gate: announcement.gate.clone().unwrap_or_default(),
        trust: announcement.ca_pem.clone(),
        directory: args.data.join("vehicles"),
        tokens: tokens(StateUrl::file(&server_dir(&args.data).join(STATE_FILE))),
        now: clock::now(),
        ledger: None,
    };
    let time_is_up = async {
        match args.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let mut server_ended = false;
    let until = async {
        tokio::select! {
            () = signalled() => {}
            () = time_is_up => {}
            _ = server.wait() => server_ended = true,
        }
    };
    let mut board = Board::new();
    let summary = run_fleet(options, |progress| board.show(progress), until).await;
    if server_ended {
        return Err(Failure::Internal(format!("the server ended; see {}", args.data.join("server.log").display())));
    }
    summary.map_err(|error| Failure::Internal(chain(&error)))
}

/// One-time enrolment tokens straight from the server's state, as `yagura device token` makes them.
fn tokens(state: StateUrl) -> TokenSource {
    Arc::new(move |device, model| {
        let state = state.clone();
        Box::pin(async move { enrolment_token(&state, &device, model).await.map_err(|error| chain(&error)) })
    })
}

fn greet(args: &args::Demo, announcement: &Announcement) {
    let Announcement { console, sign_in, gate, rules, recovered, .. } = announcement;
    println!("Yagura demo: {} vehicles on real traffic · {rules} rules · data in {}", args.fleet, args.data.display());
    println!();
    // A server of the demo has all three.
    println!("  console    {}", console.as_deref().unwrap_or_default());
    println!("  sign in    {}   (works once)", sign_in.as_deref().unwrap_or_default());
    println!("  gate       {}", gate.as_deref().unwrap_or_default());
    println!("  another    yagura sign-in-link --data {}", server_dir(&args.data).display());
    if let Some(recovered) = recovered {
        println!("  recovered  {recovered}");
    }
    println!();
    println!(
        "The first attacks begin in {} s. Ctrl-C ends everything; the next run goes on with this data.",
        args.attack_after
    );
    println!();
}

fn farewell(args: &args::Demo, summary: &FleetSummary) {
    let FleetSummary { sealed, acknowledged, waiting, .. } = summary;
    println!(
        "Stopped. {acknowledged} of {sealed} reports acknowledged, {waiting} kept in the vehicles for the next run."
    );
    println!("Evidence: yagura evidence verify {}", server_dir(&args.data).join("vault").display());
}

/// What the fleet does, on the terminal: a line that is written over, and lines that stay.
struct Board {
    terminal: bool,
    ticks: u64,
    frames: u64,
}

impl Board {
    fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), ticks: 0, frames: 0 }
    }

    fn show(&mut self, progress: &Progress<'_>) {
        for line in progress.happenings.iter().filter_map(told) {
            self.clear();
            println!("{} {line}", now());
        }
        let status = self.status(&progress.summary);
        if self.terminal {
            self.clear();
            print!("{status}");
            let _ = std::io::stdout().flush();
        } else if self.ticks % STATUS_EVERY == 1 {
            println!("{status}");
        }
    }

    fn clear(&self) {
        if self.terminal {
            print!("\r\x1b[K");
        }
    }

    fn status(&mut self, summary: &FleetSummary) -> String {
        let rate = summary.frames.saturating_sub(self.frames);
        self.frames = summary.frames;
        self.ticks += 1;
        let FleetSummary { vehicles, started, raised, qualified, acknowledged, waiting, .. } = summary;
        format!(
            "{} {started}/{vehicles} vehicles · {rate} frames/s · {raised} events raised, {qualified} qualified · \
             {acknowledged} reports acknowledged, {waiting} waiting",
            now()
        )
    }
}

fn told(happening: &Happening) -> Option<String> {
    match happening {
        Happening::AttackBegins { device, kind } => Some(format!("attack on {}: {}", device.vehicle, kind.name())),
        Happening::Waiting { device, reason } => Some(format!("{} cannot start yet: {reason}", device.vehicle)),
        Happening::Disconnected { device, reason } => {
            Some(format!("{} does not reach the gate and keeps its reports: {reason}", device.vehicle))
        }
        Happening::NotKept { device, reason } => Some(format!("{}: memory not written: {reason}", device.vehicle)),
        _ => None,
    }
}

/// Time of day, UTC.
fn now() -> String {
    let seconds = clock::now().0.div_euclid(1_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
