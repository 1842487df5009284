//! Reports over MQTT, through a real Mosquitto.
//!
//! Each test has a broker of its own: a broker keeps the session of every server that it has ever seen, and would give a share of one
//! test's reports to the servers of another.

use crate::rig::database::service;
use crate::rig::{Device, Rig};
use crate::ways::records;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v5::{Packet, Publish};
use rumqttc::{AsyncClient, Event, MqttOptions, PublishOptions};
use serde_json::Value;
use std::io;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use yagura_link::{Receipt, Sealed};
use yagura_model::EventId;
use yagura_server::gate;
use yagura_server::ways::counters::{Counted, Counters};
use yagura_server::ways::mqtt::{MqttConfig, MqttParts, RawMqtt, serve};
use yagura_store::RecordKind;

const SOON: Duration = Duration::from_secs(20);

/// A server's connection to the broker.
struct Served {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    counters: Arc<Counters>,
}

impl Served {
    async fn start(rig: &Rig, url: &str, name: &str) -> Self {
        let raw = RawMqtt { url: Some(url.to_owned()), client: Some(name.to_owned()), ..RawMqtt::default() };
        let config = MqttConfig::of(raw).unwrap().unwrap();
        let counters = Arc::new(Counters::default());
        let parts = MqttParts {
            identity: Arc::new(rig.identity()),
            state: rig.app.state.clone(),
            intake: rig.intake.clone(),
            gate: Arc::new(gate::Counters::default()),
            counters: Arc::clone(&counters),
            foreign: None,
        };
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(serve(config, parts, "test".to_owned(), stopping));
        let served = Self { task, stop, counters };
        served.connected(1).await;
        served
    }

    async fn connected(&self, times: u64) {
        let up = async {
            while self.counters.total(Counted::MqttConnected) < times {
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON, up).await.unwrap();
    }

    /// As when the process is killed: nothing is said to the broker.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

/// A vehicle at the broker; it leaves when it is dropped.
struct Vehicle {
    client: AsyncClient,
    heard: mpsc::Receiver<Publish>,
    device: Device,
    task: JoinHandle<()>,
}

impl Drop for Vehicle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Vehicle {
    async fn join(url: &str, device: Device) -> Self {
        let (host, port) = url.strip_prefix("mqtt://").unwrap().rsplit_once(':').unwrap();
        let mut options =
            MqttOptions::new(device.id.vehicle.to_string(), (host.to_owned(), port.parse::<u16>().unwrap()));
        options.set_clean_start(true).set_max_packet_size(Some(1 << 20));
        let (client, mut events) = AsyncClient::builder(options).build();
        let (say, heard) = mpsc::channel(1_000);
        for kind in ["receipt", "problem", "standing"] {
            client.subscribe(format!("yagura/v1/{}/{kind}", device.id), QoS::AtLeastOnce).await.unwrap();
        }
        let (up, mut is_up) = mpsc::channel(8);
        let task = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::Publish(publish))) => drop(say.send(publish).await),
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(up.send(()).await),
                    Ok(_) => {}
                    // The client connects again by itself.
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        for _ in 0..3 {
            timeout(SOON, is_up.recv()).await.unwrap().unwrap();
        }
        Self { client, heard, device, task }
    }

    async fn say(&self, topic: &str, payload: Vec<u8>) {
        let topic = format!("yagura/v1/{}/{topic}", self.device.id);
        self.client.publish(topic, payload, PublishOptions::new(QoS::AtLeastOnce)).await.unwrap();
    }

    async fn report(&mut self) -> Sealed {
        let sealed = self.device.report(&[EventId(0x8001), EventId(0x8002)]);
        self.say("report", sealed.bytes.clone()).await;
        sealed
    }

    async fn hear(&mut self) -> (String, Vec<u8>) {
        let publish = timeout(SOON, self.heard.recv()).await.unwrap().unwrap();
        let topic = String::from_utf8(publish.topic.to_vec()).unwrap();
        (topic.rsplit_once('/').unwrap().1.to_owned(), publish.payload.to_vec())
    }

    async fn receipt(&mut self, rig: &Rig) -> Receipt {
        let (kind, payload) = self.hear().await;
        assert_eq!(kind, "receipt", "{}", String::from_utf8_lossy(&payload));
        Receipt::open(&payload, &rig.identity().receipt_key().verifying_key()).unwrap()
    }
}

/// A broker of one test's own. `YAGURA_TEST_MQTT` says that there may be one.
struct Broker {
    dir: TempDir,
    url: String,
}

impl Broker {
    fn start() -> Option<Self> {
        service("YAGURA_TEST_MQTT", "mosquitto")?;
        let dir = TempDir::new().unwrap();
        let done = services(&dir, &["start", "mosquitto"]).unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        let url = said.lines().find_map(|line| line.strip_prefix("YAGURA_TEST_MQTT="));
        let url = url.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&done.stderr))).to_owned();
        Some(Self { dir, url })
    }

    /// Kills it (-9) and brings it back.
    fn kill_and_restart(&self) {
        for word in ["kill", "restart"] {
            let done = services(&self.dir, &[word, "mosquitto"]).unwrap();
            assert!(done.status.success(), "{word}: {}", String::from_utf8_lossy(&done.stderr));
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // A failure here must not hide the failure of the test.
        let _ = services(&self.dir, &["stop"]);
    }
}

fn services(dir: &TempDir, words: &[&str]) -> io::Result<Output> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/services");
    Command::new(script).args(words).env("YAGURA_SERVICES_DIR", dir.path().join("s")).output()
}

#[tokio::test]
async fn a_report_gets_its_receipt_and_the_same_report_the_same_receipt() {
    let Some(broker) = Broker::start() else { return };
    let rig = Rig::new().await;
    let served = Served::start(&rig, &broker.url, "a").await;
    let device = rig.enrol("receipt/kona-1/cgw", "kona").await;
    let mut vehicle = Vehicle::join(&broker.url, device).await;
    let sealed = vehicle.report().await;
    let receipt = vehicle.receipt(&rig).await;
    assert_eq!((receipt.device, receipt.report), (vehicle.device.id, sealed.digest));
    vehicle.say("report", sealed.bytes.clone()).await;
    assert_eq!(vehicle.receipt(&rig).await, receipt);
    vehicle.say("resume", Vec::new()).await;
    let (kind, standing) = vehicle.hear().await;
    let standing: Value = serde_json::from_slice(&standing).unwrap();
    assert_eq!((kind.as_str(), standing["sequence"].as_u64()), ("standing", Some(0)));
    let reports = rig.intake.reader().unwrap().read_from(yagura_store::Position(0)).map(Result::unwrap);
    assert_eq!(reports.filter(|record| record.kind == RecordKind::Report).count(), 1);
    served.end().await;
    rig.end().await;
}

#[tokio::test]
async fn what_is_refused_is_answered_and_recorded() {
    let Some(broker) = Broker::start() else { return };
    let rig = Rig::new().await;
    let served = Served::start(&rig, &broker.url, "a").await;
    let mut other = rig.enrol("refused/kona-2/cgw", "kona").await;
    let device = rig.enrol("refused/kona-1/cgw", "kona").await;
    let mut vehicle = Vehicle::join(&broker.url, device).await;
    let mut forged = vehicle.device.report(&[EventId(0x8001)]).bytes;
    let at = forged.len() - 5;
    forged[at] ^= 1;
    for (payload, expected) in [
        (b"no report".to_vec(), "/problems/malformed"),
        (forged, "/problems/bad-signature"),
        (other.report(&[EventId(0x8001)]).bytes, "/problems/wrong-device"),
    ] {
        vehicle.say("report", payload).await;
        let (kind, problem) = vehicle.hear().await;
        let problem: Value = serde_json::from_slice(&problem).unwrap();
        assert_eq!((kind.as_str(), problem["type"].as_str()), ("problem", Some(expected)));
    }
    let stranger = Device::new("refused/nobody/cgw");
    let mut stranger = Vehicle::join(&broker.url, stranger).await;
    stranger.report().await;
    let (_, problem) = stranger.hear().await;
    assert!(String::from_utf8_lossy(&problem).contains("not-enrolled"));
    let anomalies = rig.intake.reader().unwrap().read_from(yagura_store::Position(0)).map(Result::unwrap);
    assert_eq!(anomalies.filter(|record| record.kind == RecordKind::Anomaly).count(), 3);
    served.end().await;
    rig.end().await;
}

#[tokio::test]
async fn two_servers_share_the_reports_and_each_report_is_taken_once() {
    let Some(broker) = Broker::start() else { return };
    let rig = Rig::new().await;
    let (one, two) = (Served::start(&rig, &broker.url, "a").await, Served::start(&rig, &broker.url, "b").await);
    let device = rig.enrol("shared/kona-1/cgw", "kona").await;
    let mut vehicle = Vehicle::join(&broker.url, device).await;
    for _ in 0..20 {
        let sealed = vehicle.report().await;
        assert_eq!(vehicle.receipt(&rig).await.report, sealed.digest);
    }
    let taken = [&one, &two].map(|served| served.counters.total(Counted::MqttReport));
    assert!(taken.iter().all(|count| *count > 0) && taken.iter().sum::<u64>() == 20, "{taken:?}");
    one.end().await;
    two.end().await;
    rig.end().await;
}

#[tokio::test]
async fn a_server_killed_between_vault_and_acknowledgement_gives_the_same_receipt_and_one_record() {
    let Some(broker) = Broker::start() else { return };
    let rig = Rig::new().await;
    let device = rig.enrol("killed/kona-1/cgw", "kona").await;
    let mut vehicle = Vehicle::join(&broker.url, device).await;
    Served::start(&rig, &broker.url, "a").await.kill().await;
    // The broker keeps the report for the dead server; the vault has it already, as if the server had died right after writing it.
    let sealed = vehicle.report().await;
    let promised = rig.deliver(&sealed).await;
    let served = Served::start(&rig, &broker.url, "a").await;
    assert_eq!(vehicle.receipt(&rig).await, promised);
    assert_eq!(served.counters.total(Counted::MqttRepeated), 1);
    assert_eq!(*rig.intake.durable().unwrap().borrow(), 2, "an enrolment and one report");
    served.end().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_dies_costs_no_report() {
    let Some(broker) = Broker::start() else { return };
    let rig = Rig::new().await;
    let served = Served::start(&rig, &broker.url, "a").await;
    let device = rig.enrol("broker/kona-1/cgw", "kona").await;
    let mut vehicle = Vehicle::join(&broker.url, device).await;
    vehicle.report().await;
    vehicle.receipt(&rig).await;
    // What a vehicle sends without a receipt it sends again: here it does so once the broker is back.
    let sealed = vehicle.device.report(&[EventId(0x8001)]);
    let device = Device::new(&vehicle.device.id.to_string());
    drop(vehicle);
    broker.kill_and_restart();
    served.connected(2).await;
    let mut back = Vehicle::join(&broker.url, device).await;
    back.say("report", sealed.bytes.clone()).await;
    assert_eq!(back.receipt(&rig).await.report, sealed.digest);
    records(&rig, 3).await;
    served.end().await;
    rig.end().await;
}
