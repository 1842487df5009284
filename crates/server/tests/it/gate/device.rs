//! A device: its key, its chain of reports, its HTTPS client.

use super::world::World;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use rcgen::{CertificateParams, KeyPair, SanType};
use reqwest::{Certificate, Client, ClientBuilder, Response};
use std::time::Duration;
use yagura_link::{Clock, Digest, Losses, Place, Receipt, ReportWriter, Sealed};
use yagura_model::{DeviceId, Micros, UnixMicros, VehicleState};
use yagura_server::gate::EnrolmentAnswer;
use yagura_server::identity::device_urn;

/// What came back: status and body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        Self { status: response.status().as_u16(), retry_after, body: response.bytes().await.unwrap().to_vec() }
    }

    /// The name of the problem, after asserting that it is one.
    pub(super) fn problem(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        problem["type"].as_str().unwrap().strip_prefix("/problems/").unwrap().to_owned()
    }
}

pub(super) struct Device {
    pub(super) id: DeviceId,
    pub(super) key: SigningKey,
    pub(super) certificate: String,
    pub(super) place: Place,
    pub(super) clock: Clock,
}

impl Device {
    /// A device that is not enrolled yet. Same name and seed, same key.
    pub(super) fn new(name: &str, seed: u8) -> Self {
        let id: DeviceId = name.parse().unwrap();
        let place =
            Place { device: id, boot: 1, sequence: 0, previous: Digest::ZERO, losses: Losses::NONE, oldest_held: 0 };
        let clock = Clock { boot_at: yagura_server::clock::now(), uncertainty: 1_000 };
        Self { id, key: SigningKey::from_bytes(&[seed; 32]), certificate: String::new(), place, clock }
    }

    /// A device that enrolled at `world`.
    pub(super) async fn enrolled(world: &World, name: &str) -> Self {
        let mut device = Self::new(name, 7);
        let token = format!("token of {name}");
        world.fleet.give_token(&token, device.id, UnixMicros(i64::MAX));
        let answer = device.enrol(world, &token).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let answer: EnrolmentAnswer = serde_json::from_slice(&answer.body).unwrap();
        device.certificate = answer.certificate;
        device
    }

    /// The certificate request, PEM.
    pub(super) fn csr(&self) -> String {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(device_urn(&self.id).try_into().unwrap())];
        let key = KeyPair::from_pem(&self.key_pem()).unwrap();
        params.serialize_request(&key).unwrap().pem().unwrap()
    }

    pub(super) async fn enrol(&self, world: &World, token: &str) -> Answer {
        let body = serde_json::json!({ "token": token, "csr": self.csr() });
        let request = stranger(world).post(world.url("/v1/enrol")).json(&body);
        Answer::of(request.send().await.unwrap()).await
    }

    pub(super) fn key_pem(&self) -> String {
        self.key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    /// An HTTPS client with this device's certificate.
    pub(super) fn client(&self, world: &World) -> Client {
        self.builder(world).build().unwrap()
    }

    /// The same, with more to be said about it.
    pub(super) fn builder(&self, world: &World) -> ClientBuilder {
        let pem = format!("{}{}", self.key_pem(), self.certificate);
        builder(world).identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap())
    }

    /// The next report of this device; `speed` makes its content.
    pub(super) fn report(&mut self, speed: i32) -> Sealed {
        let sealed = self.seal(speed);
        self.place.sequence += 1;
        self.place.oldest_held = self.place.sequence;
        self.place.previous = sealed.digest;
        sealed
    }

    /// A report at this place, without moving on.
    pub(super) fn seal(&self, speed: i32) -> Sealed {
        let mut writer = ReportWriter::new();
        let time = Micros::from_millis(100);
        writer.push_state(&VehicleState { time, speed_centi_kmh: Some(speed), ..VehicleState::default() }).unwrap();
        writer.seal(&self.place, self.clock, time, &self.key).unwrap()
    }

    /// Sends bytes as a report over a connection of its own.
    pub(super) async fn send(&self, world: &World, bytes: &[u8]) -> Answer {
        let request = self.client(world).post(world.url("/v1/reports")).body(bytes.to_vec());
        Answer::of(request.send().await.unwrap()).await
    }

    /// Sends a report that must be accepted and returns its verified receipt.
    pub(super) async fn deliver(&self, world: &World, report: &Sealed) -> Receipt {
        let answer = self.send(world, &report.bytes).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let receipt = Receipt::open(&answer.body, &world.identity.receipt_key().verifying_key()).unwrap();
        let named = (receipt.device, receipt.boot, receipt.sequence, receipt.report);
        assert_eq!(named, (self.id, report.header.boot, report.header.sequence, report.digest));
        receipt
    }
}

/// An HTTPS client without a certificate.
pub(super) fn stranger(world: &World) -> Client {
    builder(world).build().unwrap()
}

pub(super) fn builder(world: &World) -> ClientBuilder {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = Certificate::from_pem(world.identity.authority().pem().as_bytes()).unwrap();
    Client::builder().tls_certs_only([root]).timeout(Duration::from_secs(30))
}
