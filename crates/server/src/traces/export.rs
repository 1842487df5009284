//! Spans to a collector: OTLP over HTTP with protobuf, in batches, in a task of its own.
//!
//! Not a retry queue: a batch that the collector does not take is dropped and counted, because traces are no evidence. Plain HTTP
//! alone: a collector stands beside the node. Cost: one request every [`BATCH_EVERY`] or [`BATCH_MAX`] spans.

use super::TRACES;
use crate::happenings::{TracesRefused, emit};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Wire, span::SpanKind};
use prost::Message as _;
use reqwest::{Client, Url};
use rustls::crypto::ring;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use yagura_model::UnixMicros;

/// Spans that wait for the collector at most.
pub const SPANS_MAX: usize = 4_096;
/// Spans of one request.
const BATCH_MAX: usize = 512;
/// How long a span waits for company.
const BATCH_EVERY: Duration = Duration::from_secs(1);
/// How long the collector may take.
const SEND_MAX: Duration = Duration::from_secs(5);

/// Why no traces can be told. The operator corrects the URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TracesError {
    /// Not the URL of a collector.
    #[error("collector {0:?} is not of the form http://HOST:PORT")]
    Url(String),
    /// The HTTP client cannot be made.
    #[error("cannot make the client of the collector")]
    Client(#[from] reqwest::Error),
    /// The TLS library refuses its own settings.
    #[error("cannot make the client of the collector")]
    Tls(#[from] rustls::Error),
    /// Traces were started before in this process.
    #[error("traces are told already")]
    Twice,
}

/// Something that took from one instant to another.
#[derive(Clone, Debug)]
pub(super) struct Span {
    trace: [u8; 16],
    /// Its own identifier, for what is a part of it.
    pub(super) id: [u8; 8],
    parent: Option<[u8; 8]>,
    name: &'static str,
    during: (UnixMicros, UnixMicros),
    attributes: Vec<(&'static str, i64)>,
}

impl Span {
    /// A part of what `parent` is.
    pub(super) fn child(
        trace: [u8; 16],
        parent: [u8; 8],
        name: &'static str,
        during: (UnixMicros, UnixMicros),
        attributes: Vec<(&'static str, i64)>,
    ) -> Self {
        let mut id = [0; 8];
        // An identifier of zeros is refused by the collector, and the span with it; there is no randomness then.
        let _ = getrandom::fill(&mut id);
        Self { trace, id, parent: Some(parent), name, during, attributes }
    }

    /// What everything else of its trace is a part of.
    pub(super) const fn root(
        trace: [u8; 16],
        id: [u8; 8],
        name: &'static str,
        during: (UnixMicros, UnixMicros),
        attributes: Vec<(&'static str, i64)>,
    ) -> Self {
        Self { trace, id, parent: None, name, during, attributes }
    }

    fn wire(self) -> Wire {
        let nanos = |time: UnixMicros| u64::try_from(time.0).unwrap_or(0).saturating_mul(1_000);
        let kind = if self.parent.is_none() { SpanKind::Server } else { SpanKind::Internal };
        Wire {
            trace_id: self.trace.into(),
            span_id: self.id.into(),
            parent_span_id: self.parent.map(Into::into).unwrap_or_default(),
            name: self.name.to_owned(),
            kind: kind.into(),
            start_time_unix_nano: nanos(self.during.0),
            end_time_unix_nano: nanos(self.during.1),
            attributes: self.attributes.into_iter().map(|(key, value)| pair(key, Value::IntValue(value))).collect(),
            ..Wire::default()
        }
    }
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Sends what waits.
pub(super) struct Exporter {
    client: Client,
    url: Url,
    refused: bool,
}

impl Exporter {
    pub(super) fn new(collector: &str) -> Result<Self, TracesError> {
        let bad = || TracesError::Url(collector.to_owned());
        let base = Url::parse(collector).map_err(|_| bad())?;
        if base.scheme() != "http" || base.host_str().is_none() {
            return Err(bad());
        }
        let url = Url::parse(&format!("{}/v1/traces", collector.trim_end_matches('/'))).map_err(|_| bad())?;
        // The client wants a TLS setting though none is spoken.
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let tls = tls.with_safe_default_protocol_versions()?.with_root_certificates(rustls::RootCertStore::empty());
        let client = Client::builder().tls_backend_preconfigured(tls.with_no_client_auth());
        let client = client.no_proxy().timeout(SEND_MAX).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { client, url, refused: false })
    }

    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Span>) {
        let mut ticks = interval(BATCH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            let room = BATCH_MAX.saturating_sub(batch.len());
            tokio::select! {
                taken = waiting.recv_many(&mut batch, room), if room > 0 => if taken == 0 { return },
                _ = ticks.tick() => self.send(std::mem::take(&mut batch)).await,
            }
            if batch.len() >= BATCH_MAX {
                self.send(std::mem::take(&mut batch)).await;
            }
        }
    }

    async fn send(&mut self, spans: Vec<Span>) {
        if spans.is_empty() {
            return;
        }
        let count = spans.len();
        let body = request(spans).encode_to_vec();
        let sent = self.client.post(self.url.clone()).header("content-type", "application/x-protobuf").body(body);
        let answer = sent.send().await.and_then(reqwest::Response::error_for_status);
        match answer {
            Ok(_) => self.refused = false,
            Err(error) => {
                if let Some(traces) = TRACES.get() {
                    traces.dropped.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
                }
                // Told once until a batch is taken again; the spans are counted in any case.
                if !std::mem::replace(&mut self.refused, true) {
                    emit(&TracesRefused { collector: self.url.as_str(), cause: &error });
                }
            }
        }
    }
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let text = |key, value: &str| pair(key, Value::StringValue(value.to_owned()));
    let attributes = vec![text("service.name", "yagura"), text("service.version", env!("CARGO_PKG_VERSION"))];
    let scope = InstrumentationScope { name: "yagura".to_owned(), ..InstrumentationScope::default() };
    let spans = spans.into_iter().map(Span::wire).collect();
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_is_taken() {
        for bad in ["https://collector:4318", "collector:4318", "", "http://"] {
            let error = Exporter::new(bad).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(bad) && error.contains("http://HOST:PORT"), "{error}");
        }
        assert_eq!(Exporter::new("http://127.0.0.1:4318/").unwrap().url.as_str(), "http://127.0.0.1:4318/v1/traces");
    }

    #[test]
    fn a_span_keeps_its_place_and_times() {
        let during = (UnixMicros(1_000), UnixMicros(3_000));
        let wire = Span::child([1; 16], [2; 8], "judge", during, vec![("yagura.records", 7)]).wire();
        assert_eq!((wire.trace_id, wire.parent_span_id), (vec![1; 16], vec![2; 8]));
        assert_eq!((wire.start_time_unix_nano, wire.end_time_unix_nano), (1_000_000, 3_000_000));
    }
}
