//! A server without its gate: vault, intake, state, lake, pipeline and API on a directory, fed straight into the intake.
//!
//! Devices are enrolled as the gate would do it. A rig can crash (nothing is flushed or closed in order) and come up again on the
//! same directory.

mod authority;
pub(crate) mod database;
mod device;
mod person;

pub(crate) use authority::{Answers, Authority};
pub(crate) use device::Device;
pub(crate) use person::{Person, client};

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use yagura_columns::Catalogue;
use yagura_detect::RuleFile;
use yagura_link::{Receipt, Sealed};
use yagura_model::Name;
use yagura_server::api::{App, EvidenceLog, Health, Live, STREAMS_MAX, router};
use yagura_server::auth::{Origins, mint_sign_in_link};
use yagura_server::clock;
use yagura_server::evidence::reads::Reads;
use yagura_server::gate::{Claim, Counters, Enrolment, Redeemed, Registry, TokenHash};
use yagura_server::hunt::Hunts;
use yagura_server::identity::{DEVICE_VALIDITY, EnrolmentRequest, Identity, IdentityOptions};
use yagura_server::intake::{Intake, Verified};
use yagura_server::lake::SharedLake;
use yagura_server::pipeline::{ActiveRules, Ordered, Parts, Pipeline, RulePlaces, Rules, Tail};
use yagura_server::psirt::Knowledge;
use yagura_server::state::{self, PartitionNumber, State, StateUrl};
use yagura_server::tenant::Tenant;
use yagura_store::{Vault, VaultOptions};

/// One rule of each kind, so that tests do not move with the shipped ones.
pub(crate) const RULES: &str = include_str!("rig/rules.yml");

/// One that is not among them.
pub(crate) const SKEW: &str = "
title: Clock of a sender is off
id: 6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0009
status: test
level: low
logsource: {product: vehicle, service: can}
detection:
  selection: {event_name: CAN_CLOCK_SKEW}
  condition: selection
";

pub(crate) struct Rig {
    pub(crate) dir: Arc<TempDir>,
    pub(crate) identity: Identity,
    pub(crate) app: App,
    pub(crate) intake: Intake,
    pipeline: Pipeline,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Rig {
    /// A server with nothing in it.
    pub(crate) async fn new() -> Self {
        Self::on(Arc::new(TempDir::new().unwrap())).await
    }

    /// A server on what is in `dir`.
    pub(crate) async fn on(dir: Arc<TempDir>) -> Self {
        let url = database::parsed_url(dir.path()).await;
        Self::on_state(dir, &url).await
    }

    /// A server on a copy of the evidence in `dir`, and nothing else of it.
    pub(crate) async fn on_copy_of(dir: &Path) -> Self {
        Self::on(copy_of_evidence(dir)).await
    }

    /// A server on what is in `dir`, with its state elsewhere.
    pub(crate) async fn on_state(dir: Arc<TempDir>, url: &StateUrl) -> Self {
        Self::by(dir, url, |_, _| ActiveRules::fixed(rules())).await
    }

    /// A new server that looks whether the rules in `rules` change.
    pub(crate) async fn attending(rules: &Path) -> Self {
        let places = RulePlaces { rules: Some(rules.to_owned()), indicators: None };
        let (dir, first) =
            (Arc::new(TempDir::new().unwrap()), Rules::load(&places).map_err(|e| e.to_string()).unwrap());
        let url = database::parsed_url(dir.path()).await;
        Self::by(dir, &url, |health, stop| ActiveRules::attended(first, places, health, stop)).await
    }

    async fn by(
        dir: Arc<TempDir>,
        url: &StateUrl,
        rules: impl FnOnce(Health, watch::Receiver<bool>) -> ActiveRules,
    ) -> Self {
        let at = |name: &str| dir.path().join(name);
        let identity = Identity::open(&IdentityOptions::loopback(&at("identity"), clock::now())).unwrap();
        let intake = Intake::open(vault(&at("vault"), &identity), Arc::new(Counters::default())).unwrap();
        let state = State::connect(url).await.unwrap();
        let lake = SharedLake::open(&at("lake")).await.unwrap().unwrap();
        let (health, live, tail) = (Health::default(), Live::default(), Tail::default());
        let (stop, stopping) = watch::channel(false);
        let knowledge = Knowledge::of(&at("advisories"));
        let rules = rules(health.clone(), stopping.clone());
        let pipeline = Pipeline::start(Parts {
            state: state.clone(),
            partition: state.take_over(PartitionNumber::SINGLE).await.unwrap(),
            ordered: Ordered::Before,
            matches: None,
            vault: intake.reader().unwrap(),
            durable: intake.durable().unwrap(),
            vouched: intake.vouched(),
            lake: lake.clone(),
            tail: tail.clone(),
            live: live.clone(),
            health: health.clone(),
            rules: rules.clone(),
            knowledge: knowledge.clone(),
        });
        let pipeline = pipeline.await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = App {
            reads: Reads::default(),
            state,
            origins: Origins::of(address, &[]),
            vault: EvidenceLog::Vault(intake.reader().unwrap()),
            vault_origin: "yagura.test/vault".into(),
            checkpoint_file: at("vault").join("checkpoint").into(),
            lake,
            tail,
            rules,
            knowledge,
            catalogue: Arc::new(Catalogue::builtin()),
            live,
            health,
            hunts: Hunts::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            stop: stopping,
            silent_after_us: 120_000_000,
        };
        let service = router(app.clone());
        let served = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { dir, identity, app, intake, pipeline, address, stop, served }
    }

    /// A server on the vault in `dir` that knows the devices of another server and nothing else of its state.
    pub(crate) async fn with_devices_of(dir: Arc<TempDir>, other: &Path) -> Self {
        State::connect(&database::parsed_url(dir.path()).await).await.unwrap().close().await;
        for table in ["devices", "certificates"] {
            database::copy_table(other, dir.path(), table).await;
        }
        Self::on(dir).await
    }

    /// The server's keys and certificates.
    pub(crate) fn identity(&self) -> Identity {
        Identity::open(&IdentityOptions::loopback(&self.dir.path().join("identity"), clock::now())).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A device that has its certificate, as after `POST /v1/enrol`.
    pub(crate) async fn enrol(&self, name: &str, model: &str) -> Device {
        let device = Device::new(name);
        let (now, token) = (clock::now(), TokenHash::of(name));
        self.app.state.put_enrolment_token(&device.id, model, token, now).await.unwrap();
        let key = device.key.verifying_key();
        let claim = Claim { token, device: device.id, key: *key.as_bytes(), now };
        assert_eq!(self.app.state.redeem(&claim).await.unwrap(), Redeemed::Granted);
        let request = EnrolmentRequest { device: device.id, key };
        let issued = self.identity.authority().issue(&request, now, DEVICE_VALIDITY).unwrap();
        let position = self.intake.enrolment(issued.der.clone()).await.unwrap();
        let enrolment = Enrolment { token, certificate: issued.facts, der: issued.der, position, now };
        self.app.state.enrolled(&enrolment).await.unwrap();
        device
    }

    /// Makes a report durable, as after `POST /v1/reports`.
    pub(crate) async fn deliver(&self, report: &Sealed) -> Receipt {
        let verified =
            Verified { header: report.header, digest: report.digest, bytes: report.bytes.clone().into(), sent: None };
        let room = self.intake.room(report.bytes.len()).unwrap();
        self.intake.report(verified, room).await.unwrap().receipt
    }

    /// Waits until everything durable is judged and applied.
    pub(crate) async fn judged(&self) {
        let durable = *self.intake.durable().unwrap().borrow();
        self.pipeline.position().wait_for(|position| *position >= durable).await.unwrap();
    }

    /// Waits until every alert is in its incident.
    pub(crate) async fn grouped(&self) {
        self.judged().await;
        while self.app.state.incidents_waiting().await.unwrap() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Somebody of this tenant who is signed in.
    pub(crate) async fn person(&self, tenant: &str) -> Person {
        Person::sign_in(self, &self.link(tenant).await).await
    }

    /// A sign-in token for this tenant.
    pub(crate) async fn link(&self, tenant: &str) -> String {
        let tenant = Tenant::named(Name::new(tenant).unwrap());
        let person = state::Person { tenant, user: "operator".to_owned() };
        let link = mint_sign_in_link(&self.app.state, "http://x", &person).await.unwrap();
        link.url.split_once("#token=").unwrap().1.to_owned()
    }

    /// Ends as a crash would, except that what may only be open once is closed. The directory stays.
    pub(crate) async fn crash(self) -> Arc<TempDir> {
        self.pipeline.abort().await;
        self.served.abort();
        self.intake.stop().await;
        let (dir, lake_ended) = (self.dir, self.app.lake.ended());
        drop((self.app, self.served, self.intake));
        // A write to the lake that was under way cannot be called back; a real crash would have ended it.
        while !lake_ended() {
            tokio::task::yield_now().await;
        }
        dir
    }

    /// Ends in order. The directory stays.
    pub(crate) async fn end(self) -> Arc<TempDir> {
        self.stop.send_replace(true);
        self.served.abort();
        self.intake.stop().await;
        self.pipeline.stop().await;
        self.app.state.close().await;
        self.dir
    }
}

pub(crate) fn rules() -> Rules {
    let file = RuleFile { path: "rules/test.yml".to_owned(), text: RULES.to_owned() };
    Rules::of(vec![file]).map_err(|error| error.to_string()).unwrap()
}

pub(crate) fn vault(dir: &Path, identity: &Identity) -> Vault {
    let options = VaultOptions {
        dir: dir.to_owned(),
        origin: "yagura.test/vault".to_owned(),
        key: identity.vault_key().clone(),
        segment_bytes: VaultOptions::SEGMENT_BYTES,
    };
    Vault::open(options).unwrap().0
}

/// A copy of the evidence in `dir`, and of the keys.
pub(crate) fn copy_of_evidence(dir: &Path) -> Arc<TempDir> {
    let fresh = Arc::new(TempDir::new().unwrap());
    for part in ["vault", "identity"] {
        copy(&dir.join(part), &fresh.path().join(part));
    }
    fresh
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
