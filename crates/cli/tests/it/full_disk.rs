//! A disk that is really full: the real server on a small tmpfs of its own, filled to the last byte while vehicles report.
//!
//! Vehicles are told to come again, the server says what ails it, SQLite and the lake try again; and when there is room everything goes
//! on: nothing acknowledged is lost, nothing is doubled.

use crate::crash::{copy_dir, nothing_lost_and_nothing_doubled, wait_until};
use crate::fleet::Fleet;
use crate::process::{Addresses, Server, serve, yagura};
use crate::telemetry::{scrape, value};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;
use yagura_model::DeviceId;
use yagura_sim::{FleetPlan, TokenSource};

/// How large the disk is, MiB.
const DISK_MIB: u32 = 96;
const FULL: &str = "yagura_gate_turned_away_storage_total";

/// A small disk that only the processes in its name space see.
struct SmallDisk {
    holder: Child,
    mount: PathBuf,
}

impl SmallDisk {
    /// `None` where the system does not let this user mount.
    fn new(mount: &Path) -> Option<Self> {
        std::fs::create_dir_all(mount).unwrap();
        let script = format!("mount -t tmpfs -o size={DISK_MIB}m tmpfs \"$1\" && echo mounted && read -r _");
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"]).arg(mount);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut holder = command.spawn().ok()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take()?).read_line(&mut line).ok()?;
        (line == "mounted\n").then(|| Self { holder, mount: mount.to_owned() })
    }

    /// The same command, where the disk is seen; its log is on that disk too.
    fn enter(&self, command: &Command) -> Command {
        let mut inside = inside(self.holder.id(), &self.mount.join("log"), command);
        inside.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        inside
    }

    /// Tokens from the command, run where the disk is seen.
    fn tokens(&self) -> TokenSource {
        let (holder, data) = (self.holder.id(), self.mount.join("server"));
        Arc::new(move |device: DeviceId, model| {
            let mut command = inside(holder, Path::new("/dev/null"), &yagura());
            command.args(["device", "token", &device.to_string(), "--model", model, "--data"]).arg(&data);
            Box::pin(async move {
                let output = command.output().map_err(|error| error.to_string())?;
                let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                if output.status.success() { Ok(token) } else { Err(output.status.to_string()) }
            })
        })
    }

    /// A path on the disk, from outside.
    fn seen(&self, name: &str) -> PathBuf {
        let below = self.mount.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(below).join(name)
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut filler = std::fs::OpenOptions::new().create(true).append(true).open(self.seen("filler")).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let block = vec![0; size];
            while filler.write_all(&block).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.seen("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It ends at the end of its input, and the disk with it.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// A command in the name space of `holder`, with a log of its own.
fn inside(holder: u32, log: &Path, command: &Command) -> Command {
    let mut inside = Command::new("nsenter");
    inside.args(["--preserve-credentials", "--user", "--mount", "--target", &holder.to_string()]);
    inside.args(["sh", "-c", "exec \"$@\" 2>>\"$0\""]).arg(log);
    inside.arg(command.get_program()).args(command.get_args());
    inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    inside
}

fn problems(console: SocketAddr) -> Vec<String> {
    let text = scrape(console);
    text.lines().filter(|line| line.starts_with("yagura_problem{")).map(str::to_owned).collect()
}

#[test]
fn a_full_disk_turns_reports_away_loses_none_and_everything_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::new(&dir.path().join("disk")) else {
        println!("skipped: this user may not mount a file system of its own (unshare --user --mount)");
        return;
    };
    let at = Addresses::free();
    let server = Server::of(disk.enter(&serve(&disk.mount.join("server"), at)));
    let plan = FleetPlan { vehicles: 6, seed: 11, attacked_permille: 1_000, ..FleetPlan::default() };
    let fleet = Fleet::with(&server, dir.path(), disk.tokens(), plan);
    wait_until("the first reports", || fleet.acknowledged() >= 20);
    for round in 1..=2 {
        let turned_away = value(&scrape(at.console), FULL);
        disk.fill();
        // What the server deletes makes room again: it is filled until reports have been turned away several times.
        wait_until("reports to be turned away", || {
            disk.fill();
            value(&scrape(at.console), FULL) >= turned_away + 5.0
        });
        let ails = problems(at.console);
        assert!(ails.iter().any(|line| line.contains("storage")), "{ails:?}");
        let (before, since) = (fleet.acknowledged(), Instant::now());
        disk.make_room();
        wait_until("a report after there is room", || fleet.acknowledged() > before);
        let first = since.elapsed();
        wait_until("everything to be well", || problems(at.console).is_empty());
        wait_until("more reports", || fleet.acknowledged() >= before + 20);
        eprintln!(
            "round {round}: full with {ails:?}; first receipt {first:?}, all well {:?} after there was room",
            since.elapsed()
        );
    }
    let ledger = Arc::clone(&fleet.ledger);
    fleet.stop();
    server.stop();
    let data = dir.path().join("server");
    copy_dir(&disk.seen("server"), &data);
    nothing_lost_and_nothing_doubled(dir.path(), &data, &ledger.entries());
}
