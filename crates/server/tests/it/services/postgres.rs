//! PostgreSQL goes away in the middle of the work: the pipeline waits for it, and nothing is lost or doubled.
//!
//! The server is one of this test's own, so that killing it hurts nobody else.

use crate::rig::Rig;
use crate::rig::database::{schema_url, service};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use yagura_model::{EventId, UnixMicros};
use yagura_server::state::{AlertFilter, AlertRow, State};
use yagura_server::tenant::Tenant;

const REPORTS: usize = 120;
/// How long it may take until nothing ails any more.
const HEALED_MAX: Duration = Duration::from_secs(60);

/// A PostgreSQL server with its data in a directory; it ends with this value.
struct Server {
    dir: TempDir,
    url: String,
}

impl Server {
    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let said = script(&dir, &["start", "postgres"]);
        let url = said.lines().find_map(|line| line.strip_prefix("YAGURA_TEST_POSTGRES=")).unwrap().to_owned();
        Self { dir, url }
    }

    /// Kills it (-9) and brings it back.
    fn kill_and_restart(&self) {
        script(&self.dir, &["kill", "postgres"]);
        script(&self.dir, &["restart", "postgres"]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        script(&self.dir, &["stop"]);
    }
}

fn script(dir: &TempDir, words: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/services");
    let done = Command::new(script).args(words).env("YAGURA_SERVICES_DIR", dir.path().join("s")).output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_killed_and_restarted_in_mid_run_loses_and_doubles_nothing() {
    // One set of services is there at all; this test starts another.
    if service("YAGURA_TEST_POSTGRES", "postgres").is_none() {
        return;
    }
    let server = Arc::new(tokio::task::spawn_blocking(Server::start).await.unwrap());
    let dir = Arc::new(TempDir::new().unwrap());
    let url = schema_url(&server.url, dir.path()).await;
    let rig = Rig::on_state(Arc::clone(&dir), &url.parse().unwrap()).await;
    let mut device = rig.enrol("acme/kona-1/cgw", "Kona").await;
    for _ in 0..3 {
        for _ in 0..REPORTS / 3 {
            rig.deliver(&device.report(&[EventId::CAN_EARLY_FRAME, EventId::CAN_UNKNOWN_ID])).await;
        }
        let again = Arc::clone(&server);
        let restarted = tokio::task::spawn_blocking(move || again.kill_and_restart());
        // Reports go on coming while the database is away.
        for _ in 0..10 {
            rig.deliver(&device.report(&[EventId::CAN_EARLY_FRAME])).await;
        }
        restarted.await.unwrap();
        rig.judged().await;
    }
    // Whatever ailed while the database was away heals by itself.
    let healed = async {
        while !rig.app.health.problems().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(HEALED_MAX, healed).await.unwrap();
    let tenant = Tenant::of(&device.id);
    // The intake's last words about anomalies are records too.
    rig.end().await;
    let state = State::connect(&url.parse().unwrap()).await.unwrap();
    let lived = views(&state, &tenant).await;
    state.close().await;
    assert_eq!(lived.0, REPORTS as u64 + 30);
    let fresh = Rig::on_copy_of(dir.path()).await;
    fresh.judged().await;
    assert_eq!(views(&fresh.app.state, &tenant).await, lived);
    fresh.end().await;
}

/// Reports, events, losses and alerts of a tenant.
async fn views(state: &State, tenant: &Tenant) -> (u64, u64, Vec<String>, Vec<String>) {
    let rates = state.rates(tenant, UnixMicros(0)).await.unwrap();
    let losses = state.losses(tenant).await.unwrap().iter().map(|loss| format!("{loss:?}")).collect();
    let alerts = state.alerts(tenant, &AlertFilter::default(), 500).await.unwrap();
    assert!(!alerts.is_empty());
    // When people were told is the one thing that a second telling changes.
    let mut alerts: Vec<_> = alerts.into_iter().map(|row| format!("{:?}", AlertRow { raised_us: 0, ..row })).collect();
    alerts.sort();
    (rates.reports, rates.events, losses, alerts)
}
