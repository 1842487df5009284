//! What a running server tells machines: metrics that can be scraped and hold every name that dashboard, alerts and documentation
//! use; traces that a real OTLP/HTTP receiver decodes.

use crate::fleet::Fleet;
use crate::process::{Addresses, Server};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use yagura_sim::FleetPlan;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_running_server_tells_its_metrics_and_traces() {
    let receiver = Receiver::start();
    let dir = tempfile::tempdir().unwrap();
    let (data, at) = (dir.path().join("server"), Addresses::free());
    let server = Server::start_with(&data, at, &["--otlp", &format!("http://{}", receiver.address)]);
    let plan = FleetPlan { vehicles: 2, seed: 3, ..FleetPlan::default() };
    let fleet = Fleet::start(&server, dir.path(), plan);
    let whole = ["report", "intake", "append", "judge", "flush"];
    wait_until("a whole trace", || {
        receiver.traces().values().any(|names| whole.iter().all(|name| names.contains(*name)))
    });
    let text = scrape(at.console);
    tells_what_is_wanted(&text);
    let accepted = value(&text, "yagura_gate_reports_accepted_total");
    assert!(accepted > 0.0 && value(&text, "yagura_vault_records{partition=\"0\"}") >= accepted, "{text}");
    assert!(text.ends_with("# EOF\n"));
    receiver.check_parents();
    fleet.stop();
    server.stop();
}

#[test]
fn a_collector_that_cannot_be_spoken_to_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().display().to_string();
    let output = crate::process::run(&[
        "serve",
        "--data",
        &data,
        "--gate",
        "127.0.0.1:0",
        "--console",
        "127.0.0.1:0",
        "--otlp",
        "https://x",
    ]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("http://HOST:PORT"));
}

/// Every metric that dashboard, alerts and documentation name is told.
pub(crate) fn tells_what_is_wanted(text: &str) {
    let told: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for (place, names) in wanted() {
        for name in names {
            let known = std::iter::once(name.as_str()).chain(FORMS.iter().filter_map(|form| name.strip_suffix(form)));
            assert!(
                known.into_iter().any(|name| told.contains(name)),
                "{place} names {name}, which /metrics does not tell: {told:?}"
            );
        }
    }
}

/// What a family's name may end with in a query.
const FORMS: [&str; 5] = ["_total", "_bucket", "_sum", "_count", "_info"];

/// The metrics that the dashboard, the alerts and the documentation name.
fn wanted() -> Vec<(&'static str, BTreeSet<String>)> {
    let docs = include_str!("../../../../docs/operations.md");
    let section = docs.split_once("## Metrics, traces and dashboards").unwrap().1.split("\n## ").next().unwrap();
    let all = [
        ("deploy/grafana/yagura.json", include_str!("../../../../deploy/grafana/yagura.json")),
        ("deploy/prometheus/alerts.yml", include_str!("../../../../deploy/prometheus/alerts.yml")),
        ("docs/operations.md", section),
    ];
    let legal = |c: char| c.is_ascii_lowercase() || c == '_';
    all.map(|(place, text)| {
        let names = text.match_indices("yagura_").map(|(at, _)| {
            let name: String = text[at..].chars().take_while(|c| legal(*c)).collect();
            name
        });
        let names: BTreeSet<String> = names.collect();
        assert!(names.len() > 5, "{place} names next to nothing");
        (place, names)
    })
    .into()
}

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

/// `GET /metrics` as a scraper does it.
pub(crate) fn scrape(console: SocketAddr) -> String {
    let mut stream = TcpStream::connect(console).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {console}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("application/openmetrics-text"), "{head}");
    body.to_owned()
}

/// A collector: OTLP over HTTP, protobuf.
struct Receiver {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let spans = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&spans);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let keep = Arc::clone(&keep);
                std::thread::spawn(move || take(stream, &keep));
            }
        });
        Self { address, spans }
    }

    /// Names of the spans of each trace.
    fn traces(&self) -> BTreeMap<Vec<u8>, BTreeSet<String>> {
        let mut all: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for span in self.spans.lock().unwrap().iter() {
            all.entry(span.trace_id.clone()).or_default().insert(span.name.clone());
        }
        all
    }

    /// Every span but a report has a parent in its own trace, where that has arrived.
    fn check_parents(&self) {
        let spans = self.spans.lock().unwrap();
        for span in spans.iter() {
            assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
            assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
            assert_eq!(span.parent_span_id.is_empty(), span.name == "report", "{span:?}");
            let parent = spans.iter().find(|other| other.span_id == span.parent_span_id);
            assert!(parent.is_none_or(|parent| parent.trace_id == span.trace_id), "{span:?}");
        }
    }
}

/// Requests of one connection.
fn take(mut stream: TcpStream, keep: &Mutex<Vec<Span>>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        let head_len = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head_len) = head_len {
            let head = String::from_utf8_lossy(&bytes[..head_len]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
            let length: usize = length.trim().parse().unwrap();
            if bytes.len() >= head_len + length {
                assert!(head.starts_with("post /v1/traces ") && head.contains("application/x-protobuf"), "{head}");
                let request = ExportTraceServiceRequest::decode(&bytes[head_len..head_len + length]).unwrap();
                let spans = request.resource_spans.into_iter().flat_map(|all| all.scope_spans);
                keep.lock().unwrap().extend(spans.flat_map(|all| all.spans));
                bytes.drain(..head_len + length);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                continue;
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited {} s in vain for {what}", PATIENCE.as_secs());
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
