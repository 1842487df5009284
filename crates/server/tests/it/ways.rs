//! The ways in besides the gate: log lines over HTTP, messages of foreign sensors over UDP and TCP.
//!
//! What needs a broker is in `services`.

use crate::rig::{Rig, client};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use yagura_idsm::{InstanceId, Message, ProtocolVersion, SensorInstanceId};
use yagura_model::EventId;
use yagura_server::gate;
use yagura_server::ways::counters::Counted;
use yagura_server::ways::idsr::Address;
use yagura_server::ways::{Ways, WaysConfig};
use yagura_sources::TokenHash;
use yagura_store::{Position, RecordKind};

pub(crate) const TOKEN: &str = "a token of thirty-two characters";

/// Ways in front of a rig.
pub(crate) struct Open {
    pub(crate) ways: Ways,
    pub(crate) url: String,
    stop: watch::Sender<bool>,
    _sources: TempDir,
}

/// Opens ways with one source of logs and one of foreign sensors on this machine.
pub(crate) async fn open(rig: &Rig) -> Open {
    let sources = TempDir::new().unwrap();
    let hash: String = TokenHash::of(TOKEN).0.iter().map(|byte| format!("{byte:02x}")).collect();
    let logs = format!(
        "kind = 'logs'\ntenant = 'acme'\nproduct = 'ota'\ntokens = ['{hash}']\n[columns]\nvehicle = {{ field = 'vin' }}\n\
         action = {{ field = 'event' }}\ntime = {{ field = 'ts' }}\nmessage = {{ field = 'said' }}\n"
    );
    let idsr = "kind = 'idsr'\ntenant = 'acme'\n[[sender]]\naddress = '127.0.0.1'\nvehicle = 'kona-7'\nsensor = 'adas'\n\
                messages_per_second_max = 50\n";
    std::fs::write(sources.path().join("ota-backend.toml"), logs).unwrap();
    std::fs::write(sources.path().join("vendor.toml"), idsr).unwrap();
    let config = WaysConfig {
        sources: Some(sources.path().to_owned()),
        mqtt: None,
        idsr: vec!["udp://127.0.0.1:0".parse().unwrap(), "tcp://127.0.0.1:0".parse().unwrap()],
    };
    let (stop, stopping) = watch::channel(false);
    let (identity, counters) = (Arc::new(rig.identity()), Arc::new(gate::Counters::default()));
    let ways = Ways::open(config, &identity, &rig.app.state, &rig.intake, &counters, &stopping).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = ways.router();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    Open { ways, url, stop, _sources: sources }
}

impl Open {
    async fn end(self) {
        self.stop.send_replace(true);
        self.ways.stop().await;
    }
}

/// Waits until this many records are in the vault.
pub(crate) async fn records(rig: &Rig, count: u64) {
    let mut durable = rig.intake.durable().unwrap();
    let grown = tokio::time::timeout(Duration::from_secs(20), durable.wait_for(|len| *len >= count)).await;
    grown.unwrap().unwrap();
}

#[tokio::test]
async fn log_lines_are_evidence_rows_and_bad_ones_are_named() {
    let rig = Rig::new().await;
    let open = open(&rig).await;
    let body = "{\"vin\":\"kona-7\",\"event\":\"package_download\",\"ts\":\"2026-11-22T10:00:00Z\",\"signed\":false}\nnot json\n";
    let post = |path: &str, token: &str| {
        client().post(format!("{}{path}", open.url)).header("authorization", format!("Bearer {token}"))
    };
    let answer = post("/v1/logs/ota-backend", TOKEN).body(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!((&answer["accepted"], &answer["unreadable"]), (&json!(1), &json!(1)));
    assert_eq!(answer["bad_lines"][0]["line"], json!(2));

    // The lines are in the vault, whatever they are, with what is needed to read them again.
    let record = rig.intake.reader().unwrap().record(Position(0)).unwrap();
    assert_eq!(record.kind, RecordKind::Logs);
    let logs = yagura_sources::LogRecord::decode(&record.payload).unwrap();
    assert_eq!(yagura_sources::inflate(logs.encoding, logs.body).unwrap(), body.as_bytes());
    rig.judged().await;
    let (events, _) = rig.app.tail.parts();
    assert_eq!(events.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    let squeezed = post("/v1/logs/ota-backend", TOKEN).header("content-encoding", "gzip").body(gzip.finish().unwrap());
    assert_eq!(squeezed.send().await.unwrap().status(), StatusCode::OK);

    let statuses = [
        client().post(format!("{}/v1/logs/ota-backend", open.url)).body(body),
        post("/v1/logs/ota-backend", "wrong").body(body),
        post("/v1/logs/other", TOKEN).body(body),
        post("/v1/logs", TOKEN).header("content-type", "text/plain").body(body),
        post("/v1/logs", TOKEN).header("content-type", "application/x-protobuf").body("\u{1}\u{2}"),
        post("/v1/logs/ota-backend", TOKEN).header("content-encoding", "gzip").body(body),
        post("/v1/logs/ota-backend", TOKEN).header("content-encoding", "br").body(body),
        post("/v1/logs/ota-backend", TOKEN).body(vec![b' '; 5 << 20]),
    ];
    let mut found = Vec::new();
    for request in statuses {
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        found.push(response.status().as_u16());
    }
    assert_eq!(found, [401, 403, 403, 415, 400, 400, 415, 413]);
    assert_eq!(*rig.intake.durable().unwrap().borrow(), 2, "nothing of what is refused is kept");
    open.end().await;
    rig.end().await;
}

#[tokio::test]
async fn otlp_is_answered_as_otlp() {
    let rig = Rig::new().await;
    let open = open(&rig).await;
    let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1795348800500000000","body":{"stringValue":"x"}},{"timeUnixNano":"?"}]}]}]}"#;
    let request = client().post(format!("{}/v1/logs", open.url)).header("content-type", "application/json");
    let answer = request.header("authorization", format!("Bearer {TOKEN}")).body(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedLogRecords"].to_string().trim_matches('"'), "1");
    open.end().await;
    rig.end().await;
}

fn message(event: u16) -> Vec<u8> {
    let message = Message {
        version: ProtocolVersion::V1,
        instance: InstanceId::new(3).unwrap(),
        sensor: SensorInstanceId::new(1).unwrap(),
        event: EventId(event),
        count: 1,
        reserved: 0,
        timestamp: None,
        context: None,
        signature: None,
    };
    let mut bytes = vec![0; message.encoded_len()];
    message.encode(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn foreign_messages_come_by_datagram_and_by_stream_and_are_rows() {
    let rig = Rig::new().await;
    let open = open(&rig).await;
    let [Address::Udp(udp), Address::Tcp(tcp)] = *open.ways.addresses() else { panic!("two addresses") };
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&[message(0x8001), message(0x1234)].concat(), udp).await.unwrap();
    records(&rig, 1).await;
    let mut stream = TcpStream::connect(tcp).await.unwrap();
    let (front, back) = (message(0x8002), message(0x8003));
    stream.write_all(&[&front[..], &back[..3]].concat()).await.unwrap();
    records(&rig, 2).await;
    stream.write_all(&back[3..]).await.unwrap();
    records(&rig, 3).await;
    rig.judged().await;
    let rows: usize = rig.app.tail.parts().0.iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(rows, 4, "every message is a row, also one cut by the network");
    let person = rig.person("acme").await;
    let signed = tokio::time::timeout(Duration::from_secs(20), async {
        while person.status("/evidence/0").await == 503 {
            tokio::task::yield_now().await;
        }
    });
    signed.await.unwrap();
    assert_eq!(person.json("/evidence/0").await["kind"], json!("foreign"));
    let other = rig.person("other").await;
    assert_eq!(other.status("/evidence/0").await, 404, "a record is its tenant's alone");
    open.end().await;
    rig.end().await;
}

#[tokio::test]
async fn a_flood_of_datagrams_is_held_to_its_rate_and_counted() {
    let rig = Rig::new().await;
    let open = open(&rig).await;
    let [Address::Udp(udp), _] = *open.ways.addresses() else { panic!("two addresses") };
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let counters = open.ways.counters();
    for _ in 0..500 {
        socket.send_to(&message(0x8001), udp).await.unwrap();
        tokio::task::yield_now().await;
    }
    let of = |kind| counters.total(kind);
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        while of(Counted::IdsrFrame) == 0 || of(Counted::IdsrOverRate) == 0 {
            tokio::task::yield_now().await;
        }
    });
    told.await.unwrap();
    open.end().await;
    rig.end().await;
}
