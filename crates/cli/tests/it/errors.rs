//! What a user meets when something is in the way: a clear sentence, a documented exit code, and nothing lost.

use crate::fleet::Fleet;
use crate::process::{Addresses, Server, run, testdata, yagura};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use yagura_server::serve::VAULT_DIR;
use yagura_sim::FleetPlan;

/// The most resident memory of a server that has nothing to do.
const IDLE_BYTES_MAX: u64 = 300 << 20;

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn learned(dir: &Path) -> String {
    let profile = dir.join("tesla.profile").display().to_string();
    let output = run(&["ids", "learn", &testdata("captures/tesla-model-3/learn.log.gz"), "-o", &profile]);
    assert!(output.status.success(), "{}", words(&output));
    profile
}

fn serve_until_it_fails(data: &Path, gate: &str, console: &str) -> Output {
    let mut command = yagura();
    command.args(["serve", "--stop-on-stdin-end", "--gate", gate, "--console", console]).arg("--data").arg(data);
    // Standard input stays open, so only an error ends it.
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut child = child;
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Output { status: child.wait().unwrap(), stdout: Vec::new(), stderr: stderr.into_bytes() }
}

#[test]
fn a_clean_capture_raises_nothing_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let profile = learned(dir.path());
    let capture = testdata("captures/tesla-model-3/replay-1.log.gz");
    let output = run(&["ids", "replay", &capture, "--profile", &profile, "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
    assert!(words(&output).starts_with("10000 frames, 0 unreadable lines, "), "{}", words(&output));
    assert!(
        words(&output).trim().ends_with("0 flagged, 0 security events, 0 qualified incidents"),
        "{}",
        words(&output)
    );
}

#[test]
fn a_capture_of_unknown_format_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let profile = learned(dir.path());
    let output = run(&["ids", "replay", env!("CARGO_BIN_EXE_yagura"), "--profile", &profile]);
    assert_eq!(output.status.code(), Some(3));
    assert!(words(&output).contains("not a capture of a known format"), "{}", words(&output));
}

#[test]
fn an_unreadable_line_is_told_with_file_and_line_and_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let profile = learned(dir.path());
    let capture = dir.path().join("broken.log");
    std::fs::write(&capture, "(1.000000) can0 104#0102\nnot a frame\n(1.100000) can0 104#0102030405060708\n").unwrap();
    let capture = capture.display().to_string();
    let output = run(&["ids", "replay", &capture, "--profile", &profile]);
    assert_eq!(output.status.code(), Some(0));
    assert!(words(&output).contains(&format!("{capture}:2: ")), "{}", words(&output));
    assert!(words(&output).contains("2 frames, 1 unreadable lines"), "{}", words(&output));
}

#[test]
fn a_profile_of_a_newer_version_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let profile = learned(dir.path());
    let mut bytes = std::fs::read(&profile).unwrap();
    *bytes.get_mut(5).unwrap() = 9;
    std::fs::write(&profile, bytes).unwrap();
    let capture = testdata("captures/tesla-model-3/replay-1.log.gz");
    let output = run(&["ids", "replay", &capture, "--profile", &profile]);
    assert_eq!(output.status.code(), Some(3));
    assert!(words(&output).contains("this build reads up to 2"), "{}", words(&output));
}

#[test]
fn a_taken_port_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = serve_until_it_fails(dir.path(), &address, "127.0.0.1:0");
    assert_eq!(output.status.code(), Some(4));
    assert!(words(&output).contains(&format!("{address} is taken")), "{}", words(&output));
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    // Nobody, not even root, can make a directory there.
    let output = serve_until_it_fails(Path::new("/sys/yagura"), "127.0.0.1:0", "127.0.0.1:0");
    assert_eq!(output.status.code(), Some(4));
    assert!(words(&output).contains("/sys/yagura"), "{}", words(&output));
}

#[test]
fn a_console_on_an_open_address_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let output = serve_until_it_fails(dir.path(), "127.0.0.1:0", "0.0.0.0:0");
    assert_eq!(output.status.code(), Some(3));
    assert!(words(&output).contains("loopback"), "{}", words(&output));
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), Addresses::free());
    let output = serve_until_it_fails(dir.path(), "127.0.0.1:0", "127.0.0.1:0");
    assert_eq!(output.status.code(), Some(4));
    assert!(words(&output).contains("in use by another server"), "{}", words(&output));
    server.stop();
}

#[test]
fn an_idle_server_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), Addresses::free());
    let resident = server.resident();
    assert!(resident < IDLE_BYTES_MAX, "{resident} bytes resident");
    server.stop();
}

#[test]
fn a_torn_end_of_the_vault_is_cut_off_and_said_and_a_changed_byte_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("server");
    let at = Addresses::free();
    let server = Server::start(&data, at);
    let plan = FleetPlan { vehicles: 2, seed: 1, attack_after: 1, ..FleetPlan::default() };
    let fleet = Fleet::start(&server, dir.path(), plan);
    crate::crash::wait_until("reports", || fleet.acknowledged() >= 4);
    fleet.stop();
    server.stop();

    let segment = newest_segment(&data.join(VAULT_DIR));
    std::fs::OpenOptions::new().append(true).open(&segment).unwrap().write_all(&[7; 100]).unwrap();
    let server = Server::start(&data, at);
    let recovered = server.announcement.recovered.clone().unwrap();
    assert!(recovered.contains("nothing acknowledged was lost"), "{recovered}");
    server.stop();

    let vault = data.join(VAULT_DIR).display().to_string();
    let output = run(&["evidence", "verify", &vault]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let mut bytes = std::fs::read(&segment).unwrap();
    *bytes.get_mut(300).unwrap() ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let output = run(&["evidence", "verify", &vault]);
    assert_eq!(output.status.code(), Some(1));
    let name = segment.file_name().unwrap().to_string_lossy().into_owned();
    assert!(words(&output).contains(&name) && words(&output).contains("at byte"), "{}", words(&output));
}

fn newest_segment(vault: &Path) -> PathBuf {
    let mut segments = Vec::new();
    let mut dirs = vec![vault.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            } else if entry.path().to_string_lossy().ends_with(".seg") {
                segments.push(entry.path());
            }
        }
    }
    segments.sort();
    segments.pop().unwrap()
}
