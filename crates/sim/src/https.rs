//! The real road: HTTPS with client certificates to the gate, and enrolment (docs/format/gate.md).
//!
//! Not a browser: HTTP/1.1, one connection a vehicle (its calls come one after the other, and an idle connection is a third as large as
//! one of HTTP/2), no redirects, no proxies. Invariants: a vehicle trusts only the authority it was given; answers are bounded; a
//! certificate that has lived two thirds of its time is renewed before the next report, with the same key. Cost: one TLS handshake a connection (~0.3 ms of the gate's core), then a round trip a
//! report.

use crate::certs_only::certificates_of;
use crate::enrol::renewal_request;
use crate::keep::{Identity, Keep};
use crate::transport::{Answer, Call, Standing, Transport};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::Mutex;
use x509_parser::prelude::{FromDer, X509Certificate};
use yagura_link::{Digest, RECEIPT_BYTES_MAX, Resume};
use yagura_model::DeviceId;

/// How long a call may take.
pub const CALL_MAX: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// A vehicle whose identity the gate does not accept asks again after this long, µs.
const IDENTITY_PAUSE: u64 = 30_000_000;
/// After a renewal that failed, the next is tried after this long, µs.
const RENEWAL_PAUSE: i64 = 60_000_000;

/// Why there is no road, or why the gate does not let a vehicle in.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HttpsError {
    /// A certificate or key in PEM cannot be read.
    #[error("{what} is not valid PEM")]
    Pem {
        /// Which.
        what: &'static str,
    },
    /// The TLS library refuses a certificate or key.
    #[error("TLS refuses the identity")]
    Tls(#[from] rustls::Error),
    /// The gate cannot be reached.
    #[error("gate cannot be reached")]
    Reach(#[from] reqwest::Error),
    /// The gate refuses.
    #[error("gate refuses: {0}")]
    Refused(String),
    /// The new identity cannot be kept.
    #[error("folder of the vehicle")]
    Keep(#[source] std::io::Error),
    /// The gate's answer is not what was agreed.
    #[error("answer of the gate is not {0}")]
    Answer(&'static str),
}

/// A road to the gate. Clones share it.
#[derive(Clone, Debug)]
pub struct Https {
    client: Arc<RwLock<Client>>,
    gate: Arc<str>,
    renewal: Option<Arc<Renewal>>,
}

/// What a vehicle needs to renew its certificate.
struct Renewal {
    device: DeviceId,
    key_pem: String,
    keep: Arc<Keep>,
    /// The identity, and when it is to be renewed, µs since 1970.
    state: Mutex<(Identity, i64)>,
    done: AtomicU64,
}

impl std::fmt::Debug for Renewal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renewal").field("device", &self.device).finish_non_exhaustive()
    }
}

impl Https {
    /// A road for a vehicle without a certificate: good for [`Self::enrol`] only. `trust` is the authority in PEM, `gate` like
    /// `https://host:port`.
    ///
    /// # Errors
    /// [`HttpsError`] if `trust` cannot be used.
    pub fn anonymous(gate: &str, trust: &str) -> Result<Self, HttpsError> {
        let config = tls(trust)?.with_no_client_auth();
        Self::with(gate, config)
    }

    /// A vehicle's road.
    ///
    /// # Errors
    /// [`HttpsError`] if the identity or key cannot be used.
    pub fn new(gate: &str, identity: &Identity, key_pem: &str) -> Result<Self, HttpsError> {
        Self::with(gate, with_identity(identity, key_pem)?)
    }

    /// The same road, on which the vehicle renews its certificate in time and keeps the new one.
    ///
    /// # Errors
    /// [`HttpsError`] if the certificate cannot be read.
    pub fn renewing(
        self,
        device: DeviceId,
        identity: &Identity,
        key_pem: &str,
        keep: Arc<Keep>,
    ) -> Result<Self, HttpsError> {
        let state = Mutex::new((identity.clone(), due(identity)?));
        let renewal = Renewal { device, key_pem: key_pem.to_owned(), keep, state, done: AtomicU64::new(0) };
        Ok(Self { renewal: Some(Arc::new(renewal)), ..self })
    }

    /// How often the certificate was renewed on this road.
    #[must_use]
    pub fn renewals(&self) -> u64 {
        self.renewal.as_ref().map_or(0, |renewal| renewal.done.load(Ordering::Relaxed))
    }

    /// Renews the certificate if it is time. If that fails, the old one is used on, and it is tried again later.
    async fn renew_if_due(&self, now: i64) {
        let Some(renewal) = &self.renewal else { return };
        let mut state = renewal.state.lock().await;
        if now < state.1 {
            return;
        }
        match self.renew(renewal, &state.0).await {
            Ok((identity, client, due)) => {
                *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
                *state = (identity, due);
                renewal.done.fetch_add(1, Ordering::Relaxed);
            }
            // The gate says why when the certificate is over; until then the vehicle reports with it.
            Err(_) => state.1 = now.saturating_add(RENEWAL_PAUSE),
        }
    }

    async fn renew(&self, renewal: &Renewal, before: &Identity) -> Result<(Identity, Client, i64), HttpsError> {
        let request =
            renewal_request(&renewal.device, &renewal.key_pem).map_err(|_| HttpsError::Pem { what: "key" })?;
        let request = self
            .client()
            .post(format!("{}/.well-known/est/simplereenroll", self.gate))
            .header("content-type", "application/pkcs10")
            .body(BASE64_STANDARD.encode(request));
        let response = request.send().await?;
        let status = response.status();
        let bytes = bounded(response, ANSWER_BYTES_MAX).await.map_err(|_| HttpsError::Answer("short enough"))?;
        if status != StatusCode::OK {
            return Err(HttpsError::Refused(problem(status, &bytes)));
        }
        let compact: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let message = BASE64_STANDARD.decode(compact).map_err(|_| HttpsError::Answer("base64"))?;
        let certificates = certificates_of(&message).ok_or(HttpsError::Answer("a certs-only message"))?;
        let certificate = certificates.first().ok_or(HttpsError::Answer("a certificate"))?;
        let identity = Identity { certificate: pem_of(certificate), ..before.clone() };
        let client = client(with_identity(&identity, &renewal.key_pem)?)?;
        let due = due(&identity)?;
        renewal.keep.write_identity(&identity).map_err(HttpsError::Keep)?;
        Ok((identity, client, due))
    }

    fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with(gate: &str, config: ClientConfig) -> Result<Self, HttpsError> {
        let client = Arc::new(RwLock::new(client(config)?));
        Ok(Self { client, gate: gate.trim_end_matches('/').into(), renewal: None })
    }

    /// Asks to be let in, with a one-time token and a certificate request in PEM.
    ///
    /// # Errors
    /// [`HttpsError`] if the gate is out of reach or refuses.
    pub async fn enrol(&self, token: &str, csr: &str) -> Result<Identity, HttpsError> {
        let body = serde_json::to_vec(&EnrolmentBody { token, csr }).map_err(|_| HttpsError::Answer("possible"))?;
        let request = self.client().post(format!("{}/v1/enrol", self.gate)).body(body);
        let response = request.header("content-type", "application/json").send().await?;
        let status = response.status();
        let bytes = bounded(response, ANSWER_BYTES_MAX).await.map_err(|_| HttpsError::Answer("short enough"))?;
        if status != StatusCode::OK {
            return Err(HttpsError::Refused(problem(status, &bytes)));
        }
        serde_json::from_slice(&bytes).map_err(|_| HttpsError::Answer("an identity"))
    }
}

impl Transport for Https {
    fn send(&self, report: Vec<u8>, unix_micros: i64) -> Call<Answer> {
        let road = self.clone();
        Box::pin(async move {
            road.renew_if_due(unix_micros).await;
            let request = road.client().post(format!("{}/v1/reports", road.gate)).body(report);
            let request = request
                .header("content-type", "application/cose; cose-type=\"cose-sign1\"")
                .header("yagura-time", unix_micros);
            match call(request, RECEIPT_BYTES_MAX).await {
                Ok((StatusCode::OK, bytes, _)) => Answer::Receipt(bytes),
                Ok((status, bytes, pause)) => match on_failure(status, pause) {
                    Some(retry_after_micros) => Answer::Busy { retry_after_micros },
                    None => Answer::Refused(problem(status, &bytes)),
                },
                Err(reason) => Answer::Lost(reason),
            }
        })
    }

    fn resume(&self) -> Call<Standing> {
        let request = self.client().get(format!("{}/v1/resume", self.gate));
        Box::pin(async move {
            match call(request, ANSWER_BYTES_MAX).await {
                Ok((StatusCode::NO_CONTENT, _, _)) => Standing::At(None),
                Ok((StatusCode::OK, bytes, _)) => match resume_of(&bytes) {
                    Some(resume) => Standing::At(Some(resume)),
                    None => Standing::Lost("answer of the gate is no place in a chain".to_owned()),
                },
                Ok((status, bytes, pause)) => match on_failure(status, pause) {
                    Some(retry_after_micros) => Standing::Busy { retry_after_micros },
                    None => Standing::Lost(problem(status, &bytes)),
                },
                Err(reason) => Standing::Lost(reason),
            }
        })
    }
}

fn client(config: ClientConfig) -> Result<Client, HttpsError> {
    let client = Client::builder()
        .tls_backend_preconfigured(config)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(CALL_MAX)
        .pool_max_idle_per_host(1);
    Ok(client.build()?)
}

fn with_identity(identity: &Identity, key_pem: &str) -> Result<ClientConfig, HttpsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect();
    let chain = chain.map_err(|_| HttpsError::Pem { what: "certificate" })?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| HttpsError::Pem { what: "key" })?;
    Ok(tls(&identity.ca)?.with_client_auth_cert(chain, key)?)
}

/// When a certificate has lived two thirds of its time, µs since 1970.
fn due(identity: &Identity) -> Result<i64, HttpsError> {
    let unreadable = || HttpsError::Pem { what: "certificate" };
    let der = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).map_err(|_| unreadable())?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| unreadable())?;
    let validity = certificate.validity();
    let (start, end) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let lived = end.saturating_sub(start) / 3 * 2;
    Ok(start.saturating_add(lived).saturating_mul(1_000_000))
}

/// A certificate's DER as PEM (RFC 7468).
fn pem_of(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, later) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = later;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[derive(Serialize)]
struct EnrolmentBody<'a> {
    token: &'a str,
    csr: &'a str,
}

#[derive(Deserialize)]
struct ResumeBody {
    boot: u64,
    sequence: u64,
    digest: String,
}

#[derive(Deserialize)]
struct Problem {
    title: String,
    #[serde(default)]
    detail: String,
}

fn tls(trust: &str) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, HttpsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(trust.as_bytes()) {
        roots.add(certificate.map_err(|_| HttpsError::Pem { what: "authority" })?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots))
}

/// Status, body and the pause that the answer asks for; or why there is no answer.
async fn call(request: RequestBuilder, bytes_max: usize) -> Result<(StatusCode, Vec<u8>, Option<u64>), String> {
    let response = request.send().await.map_err(|error| innermost(&error))?;
    let status = response.status();
    let pause = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let bytes_max = if status.is_success() { bytes_max } else { ANSWER_BYTES_MAX };
    Ok((status, bounded(response, bytes_max).await?, pause))
}

async fn bounded(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| innermost(&error))? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(format!("answer exceeds {bytes_max} bytes"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The cause at the bottom: the layers above it only say that a request failed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

/// How long to wait before the same bytes are sent again, µs; `None` if they never are.
fn on_failure(status: StatusCode, retry_after_secs: Option<u64>) -> Option<u64> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(IDENTITY_PAUSE),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Some(retry_after_secs.unwrap_or(1) * 1_000_000),
        status if status.is_server_error() => Some(retry_after_secs.unwrap_or(1) * 1_000_000),
        _ => None,
    }
}

fn problem(status: StatusCode, bytes: &[u8]) -> String {
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(Problem { title, detail }) if detail.is_empty() => title,
        Ok(Problem { title, detail }) => format!("{title}: {detail}"),
        Err(_) => status.to_string(),
    }
}

fn resume_of(bytes: &[u8]) -> Option<Resume> {
    let body: ResumeBody = serde_json::from_slice(bytes).ok()?;
    Some(Resume { boot: body.boot, sequence: body.sequence, digest: Digest(hex32(&body.digest)?) })
}

/// 32 bytes from 64 hexadecimal digits.
pub(crate) fn hex32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
