//! `yagura demo`: a server as its own process, and a simulated fleet that reports to it.
//!
//! Not a mock: the server is `yagura serve`, the vehicles run the sensor's own `ids`, `idsm` and `link`. Ends cleanly: the fleet says
//! farewell first, then the server stops when its standard input ends, so it cannot outlive the demo.

use crate::args;
use crate::child::{Launch, Server};
use crate::failure::Failure;
use crate::serve::{Announcement, chain, runtime, signalled};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Child;
use yagura_model::Name;
use yagura_server::clock;
use yagura_server::serve::STATE_FILE;
use yagura_server::state::{StateUrl, enrolment_token};
use yagura_sim::{FleetOptions, FleetPlan, FleetSummary, Happening, Progress, TokenSource, run_fleet};

const TENANT: &str = "demo";
/// Seconds between status lines when standard output is not a terminal.
const STATUS_EVERY: u64 = 10;

/// Runs the demo until Ctrl-C, or for `--seconds`.
pub(crate) fn run(args: &args::Demo) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let (data, log) = (server_dir(&args.data), args.data.join("server.log"));
        std::fs::create_dir_all(&args.data).map_err(|error| Failure::file(&args.data, &error))?;
        let (gate, console) = (args.gate, args.console);
        let launch = Launch { data: &data, tenant: TENANT, gate, console, rules: None, quotas: None, log: &log };
        let mut server = Server::start(&launch).await?;
        greet(args, &server.announcement);
        let fleet = run_the_fleet(args, &server.announcement, &mut server.child).await;
        let stopped = server.stop().await;
        let summary = fleet?;
        stopped?;
        farewell(args, &summary);
        Ok(())
    })
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
