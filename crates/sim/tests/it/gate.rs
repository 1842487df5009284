//! The real road: enrolment and reports over TLS with client certificates, against a gate of a hundred lines.
//!
//! Not the server's gate, which its own tests drive: here only that the vehicle's side speaks as docs/format/gate.md says.

use crate::{WALL, cloud, device, key};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use hyper::body::{Body, Buf, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair, PublicKeyData as _,
    SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::convert::Infallible;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use yagura_sim::{
    Answer, FleetOptions, FleetPlan, FleetSummary, Happening, Https, Keep, Ledger, MemoryCloud, MemoryLink, Standing,
    TokenSource, Transport, Weather, enrol, run_fleet,
};

/// A whole body at once.
struct Whole(Option<hyper::body::Bytes>);

impl Body for Whole {
    type Data = hyper::body::Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.remaining() as u64))
    }
}

async fn read(body: Incoming) -> Vec<u8> {
    let (mut body, mut bytes) = (pin!(body), Vec::new());
    std::future::poll_fn(|context| {
        while let Some(frame) = ready!(body.as_mut().poll_frame(context)) {
            bytes.extend_from_slice(frame.unwrap().data_ref().map_or(&[][..], |data| data));
        }
        Poll::Ready(())
    })
    .await;
    bytes
}

/// A gate in front of a cloud in memory.
struct Gate {
    cloud: Arc<MemoryCloud>,
    authority: Issuer<'static, KeyPair>,
    ca: String,
    tokens: Mutex<Vec<String>>,
}

impl Gate {
    fn new() -> (Arc<Self>, Arc<ServerConfig>) {
        let authority_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&authority_key).unwrap();
        let authority = Issuer::new(params, authority_key);
        let server_key = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&server_key, &authority).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(server_key.serialize_der()).unwrap())
            .unwrap();
        let gate = Self { cloud: cloud(), authority, ca: root.pem(), tokens: Mutex::default() };
        (Arc::new(gate), Arc::new(config))
    }

    /// Serves on a free port; gives its address.
    async fn open(self: &Arc<Self>, config: Arc<ServerConfig>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let (gate, acceptor) = (Arc::clone(self), TlsAcceptor::from(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (gate, acceptor) = (Arc::clone(&gate), acceptor.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let leaf = stream.get_ref().1.peer_certificates().map(|chain| chain[0].clone().into_owned());
                    let answer = service_fn(move |request| {
                        let (gate, leaf) = (Arc::clone(&gate), leaf.clone());
                        async move { Ok::<_, Infallible>(gate.answer(request, leaf).await) }
                    });
                    let _ =
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        address
    }

    async fn answer(&self, request: Request<Incoming>, leaf: Option<CertificateDer<'static>>) -> Response<Whole> {
        let answer = |status: StatusCode, bytes: Vec<u8>| {
            Response::builder().status(status).body(Whole(Some(bytes.into()))).unwrap()
        };
        let place = (request.method().clone(), request.uri().path().to_owned());
        if place == (Method::POST, "/v1/enrol".to_owned()) {
            let body: serde_json::Value = serde_json::from_slice(&read(request.into_body()).await).unwrap();
            return match self.let_in(body["token"].as_str().unwrap(), body["csr"].as_str().unwrap()) {
                Some(identity) => answer(StatusCode::OK, identity.to_string().into_bytes()),
                None => answer(StatusCode::FORBIDDEN, br#"{"title":"token unknown"}"#.to_vec()),
            };
        }
        let Some(device) = leaf.as_deref().and_then(device_of) else {
            return answer(StatusCode::UNAUTHORIZED, Vec::new());
        };
        let link = MemoryLink::new(Arc::clone(&self.cloud), device, Weather::default(), 0);
        if place == (Method::GET, "/v1/resume".to_owned()) {
            let Standing::At(resume) = link.resume().await else { panic!("fair weather") };
            let Some(resume) = resume else { return answer(StatusCode::NO_CONTENT, Vec::new()) };
            let digest: String = resume.digest.0.iter().map(|byte| format!("{byte:02x}")).collect();
            let body = serde_json::json!({"boot": resume.boot, "sequence": resume.sequence, "digest": digest});
            return answer(StatusCode::OK, body.to_string().into_bytes());
        }
        let unix = request.headers()["yagura-time"].to_str().unwrap().parse().unwrap();
        match link.send(read(request.into_body()).await, unix).await {
            Answer::Receipt(bytes) => answer(StatusCode::OK, bytes),
            Answer::Refused(why) => {
                eprintln!("refused: {why}");
                answer(StatusCode::CONFLICT, br#"{"title":"conflict"}"#.to_vec())
            }
            _ => answer(StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
        }
    }

    fn let_in(&self, token: &str, csr: &str) -> Option<serde_json::Value> {
        let mut tokens = self.tokens.lock().unwrap();
        let at = tokens.iter().position(|known| known == token)?;
        tokens.remove(at);
        let request = CertificateSigningRequestParams::from_pem(csr).unwrap();
        let [SanType::URI(urn)] = request.params.subject_alt_names.as_slice() else { panic!("not one name") };
        let name = urn.as_str().strip_prefix("urn:yagura:device:").unwrap().replace(':', "/");
        let key: [u8; 32] = request.public_key.der_bytes().try_into().unwrap();
        self.cloud.enrol(name.parse().unwrap(), ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap());
        let certificate = request.signed_by(&self.authority).unwrap().pem();
        let receipt_key: String =
            self.cloud.receipt_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(serde_json::json!({"certificate": certificate, "ca": self.ca, "receipt_key": receipt_key}))
    }

    /// A source of tokens that this gate knows.
    fn tokens(self: &Arc<Self>) -> TokenSource {
        let gate = Arc::clone(self);
        Arc::new(move |device, _| {
            let token = format!("token-of-{device}");
            gate.tokens.lock().unwrap().push(token.clone());
            Box::pin(async { Ok(token) })
        })
    }
}

/// The device that a certificate names: the URN stands in it as text, behind one byte that says its length (DER).
fn device_of(certificate: &[u8]) -> Option<yagura_model::DeviceId> {
    let prefix = b"urn:yagura:device:";
    let at = certificate.windows(prefix.len()).position(|window| window == prefix)?;
    let urn = certificate.get(at..at + usize::from(certificate[at - 1]))?;
    std::str::from_utf8(&urn[prefix.len()..]).ok()?.replace(':', "/").parse().ok()
}

#[tokio::test]
async fn a_vehicle_enrols_once_and_keeps_its_identity() {
    let (gate, config) = Gate::new();
    let address = gate.open(config).await;
    let directory = tempfile::tempdir().unwrap();
    let keep = Keep::open(directory.path(), &device(1).vehicle).unwrap();
    let road = Https::anonymous(&address, &gate.ca).unwrap();
    let refused = enrol(&keep, &device(1), &road, &gate.ca, async { Ok("stolen".to_owned()) }).await.unwrap_err();
    assert_eq!(refused.to_string(), "gate refuses: token unknown");
    let token = (gate.tokens())(device(1), "model");
    let enrolled = enrol(&keep, &device(1), &road, &gate.ca, token).await.unwrap();
    assert!(enrolled.is_new);
    let again = enrol(&keep, &device(1), &road, &gate.ca, async { panic!("asked again") }).await.unwrap();
    assert_eq!((again.is_new, &again.identity), (false, &enrolled.identity));
    assert_eq!(SigningKey::from_pkcs8_pem(&enrolled.key_pem).unwrap(), enrolled.credentials.key);
    let own = Https::new(&address, &enrolled.identity, &enrolled.key_pem).unwrap();
    assert_eq!(own.resume().await, Standing::At(None));
    assert!(matches!(own.send(vec![1, 2, 3], WALL.0).await, Answer::Refused(reason) if reason == "conflict"));
}

#[tokio::test]
async fn a_gate_of_another_authority_is_no_gate() {
    let (gate, config) = Gate::new();
    let address = gate.open(config).await;
    let (stranger, _) = Gate::new();
    let directory = tempfile::tempdir().unwrap();
    let keep = Keep::open(directory.path(), &device(1).vehicle).unwrap();
    let road = Https::anonymous(&address, &stranger.ca).unwrap();
    let error = enrol(&keep, &device(1), &road, &stranger.ca, async { Ok("token".to_owned()) }).await.unwrap_err();
    assert_eq!(error.to_string(), "gate cannot be reached");
    assert!(keep.identity().unwrap().is_none());
    let _ = key(1);
}

async fn run(
    gate: &Arc<Gate>,
    address: &str,
    directory: &Path,
    ledger: &Arc<Ledger>,
) -> (FleetSummary, Vec<Happening>) {
    let plan = FleetPlan { vehicles: 10, attack_after: 3, attack_length: 2, ..FleetPlan::default() };
    let options = FleetOptions {
        plan,
        tenant: "demo".parse().unwrap(),
        gate: address.to_owned(),
        trust: gate.ca.clone(),
        directory: directory.to_owned(),
        tokens: gate.tokens(),
        now: WALL,
        ledger: Some(Arc::clone(ledger)),
    };
    let mut told = Vec::new();
    let shutdown = tokio::time::sleep(Duration::from_secs(6));
    let summary = run_fleet(options, |progress| told.extend_from_slice(progress.happenings), shutdown).await.unwrap();
    (summary, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_reports_over_tls_and_goes_on_in_the_next_run() {
    let (gate, config) = Gate::new();
    let address = gate.open(config).await;
    let (directory, ledger) = (tempfile::tempdir().unwrap(), Arc::new(Ledger::default()));
    let count = |told: &[Happening], is: fn(&Happening) -> bool| told.iter().filter(|happening| is(happening)).count();
    for boot in 1..=2 {
        let (summary, told) = run(&gate, &address, directory.path(), &ledger).await;
        assert_eq!((summary.vehicles, summary.started, summary.waiting, summary.refused), (10, 10, 0, 0), "{told:?}");
        assert_eq!(summary.sealed, summary.acknowledged);
        assert!(summary.qualified > 0 && summary.forged > 0 && summary.frames > 1_000, "{summary:?}");
        let enrolled = count(&told, |happening| matches!(happening, Happening::Enrolled(_)));
        assert_eq!(enrolled, if boot == 1 { 10 } else { 0 });
        assert!(count(&told, |happening| matches!(happening, Happening::AttackBegins { .. })) >= 1);
    }
    let reports = gate.cloud.reports();
    assert_eq!(reports.len(), ledger.entries().len());
    assert!(reports.iter().all(|kept| kept.anomalies.is_empty() && kept.report.header.boot <= 2));
}
