//! A server with a gate, a vault and a fleet, on a directory and a free port of loopback.

use super::disk::{Full, FullDisk};
use super::fleet::Fleet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use yagura_server::clock;
use yagura_server::gate::{Counted, Counters, Gate, GateParts, RawQuotas};
use yagura_server::identity::{Identity, IdentityOptions};
use yagura_server::intake::{AnomalyRecord, Intake};
use yagura_store::{Position, Record, RecordKind, Vault, VaultOptions};

/// How long a count may lag behind what the peer saw.
pub(super) const COUNTED_MAX: Duration = Duration::from_secs(10);

pub(super) struct World {
    pub(super) dir: Arc<TempDir>,
    pub(super) identity: Arc<Identity>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) intake: Intake,
    pub(super) counters: Arc<Counters>,
    pub(super) full: Full,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl World {
    /// Waits until the gate has counted `total`: a peer hears of a refusal a moment before it is counted.
    pub(super) async fn counted(&self, what: Counted, total: u64) {
        let reached = async {
            while self.counters.total(what) < total {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(COUNTED_MAX, reached).await.unwrap();
        assert_eq!(self.counters.total(what), total);
    }

    /// Waits until the gate has counted `total` or more.
    pub(super) async fn at_least(&self, what: Counted, total: u64) {
        let reached = async {
            while self.counters.total(what) < total {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(COUNTED_MAX, reached).await.unwrap();
    }

    /// A new server with nothing in it.
    pub(super) async fn new() -> Self {
        Self::on(Arc::new(TempDir::new().unwrap()), "vault", Arc::default()).await
    }

    /// A server on what is in `dir`, with its vault at `vault`.
    pub(super) async fn on(dir: Arc<TempDir>, vault: &str, fleet: Arc<Fleet>) -> Self {
        Self::with(dir, vault, fleet, RawQuotas::default()).await
    }

    /// A new server with these quotas.
    pub(super) async fn limited(quotas: &str) -> Self {
        let dir = Arc::new(TempDir::new().unwrap());
        Self::with(dir, "vault", Arc::default(), RawQuotas::from_toml(quotas).unwrap()).await
    }

    async fn with(dir: Arc<TempDir>, vault: &str, fleet: Arc<Fleet>, quotas: RawQuotas) -> Self {
        let options = IdentityOptions::loopback(&dir.path().join("identity"), clock::now());
        let identity = Arc::new(Identity::open(&options).unwrap());
        let full = Full::default();
        let options = VaultOptions {
            dir: dir.path().join(vault),
            origin: "yagura.test/vault".to_owned(),
            key: identity.vault_key().clone(),
            segment_bytes: VaultOptions::SEGMENT_BYTES,
        };
        let disk = Arc::new(FullDisk::new(&options.dir, full.clone()));
        let (vault, _) = Vault::open_on(disk, options).unwrap();
        let counters = Arc::new(Counters::default());
        let intake = Intake::open(vault, Arc::clone(&counters)).unwrap();
        let parts = GateParts {
            identity: Arc::clone(&identity),
            registry: Arc::clone(&fleet),
            intake: intake.clone(),
            counters: Arc::clone(&counters),
            quotas: quotas.try_into().unwrap(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let gate = Gate::new(parts).unwrap();
        let served = tokio::spawn(gate.serve(listener, async { drop(stopped.await) }));
        Self { dir, identity, fleet, intake, counters, full, address, stop, served }
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// All durable records.
    pub(super) fn records(&self) -> Vec<Record> {
        self.intake.reader().unwrap().read_from(Position(0)).map(Result::unwrap).collect()
    }

    /// All durable anomalies.
    pub(super) fn anomalies(&self) -> Vec<AnomalyRecord> {
        let records = self.records().into_iter().filter(|record| record.kind == RecordKind::Anomaly);
        records.map(|record| AnomalyRecord::decode(&record.payload).unwrap()).collect()
    }

    /// The payloads of all durable reports.
    pub(super) fn reports(&self) -> Vec<Vec<u8>> {
        let records = self.records().into_iter().filter(|record| record.kind == RecordKind::Report);
        records.map(|record| record.payload).collect()
    }

    /// Stops in good order: gate first, then intake.
    pub(super) async fn stop(self) -> (Arc<TempDir>, Arc<Fleet>) {
        let _ = self.stop.send(());
        self.served.await.unwrap();
        self.intake.stop().await;
        (self.dir, self.fleet)
    }

    /// What a sudden loss of power would leave, as a server of its own: the files as they are now, and nothing from memory.
    pub(super) async fn after_a_crash(&self) -> Self {
        copy(&self.dir.path().join("vault"), &self.dir.path().join("vault-after-crash"));
        Self::on(Arc::clone(&self.dir), "vault-after-crash", Arc::clone(&self.fleet)).await
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
