//! Devices of the benches, and a gate that knows them.
//!
//! Not the state: the registry is a map. All devices may share one key, because only their names matter here.

use crate::Fallible;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use yagura_link::{Clock, Digest, Losses, Place, ReportWriter};
use yagura_model::{DeviceId, Micros, UnixMicros, VehicleState};
use yagura_server::clock;
use yagura_server::gate::{
    Change, Claim, Counters, Enrolled, Enrolment, Gate, GateParts, RawQuotas, Redeemed, Registry, RegistryError,
    Renewable, Renewal,
};
use yagura_server::identity::{DEVICE_VALIDITY, EnrolmentRequest, Fingerprint, Identity, IdentityOptions};
use yagura_server::intake::Intake;
use yagura_store::{Vault, VaultOptions};

const SAMPLES: u32 = 40;

/// Knows the devices of the bench.
pub(crate) struct Known(HashMap<DeviceId, Enrolled>);

impl Registry for Known {
    async fn redeem(&self, _: &Claim) -> Result<Redeemed, RegistryError> {
        Ok(Redeemed::Unknown)
    }

    async fn enrolled(&self, _: &Enrolment) -> Result<(), RegistryError> {
        Ok(())
    }

    async fn device(&self, device: &DeviceId) -> Result<Option<Enrolled>, RegistryError> {
        Ok(self.0.get(device).copied())
    }

    async fn renewable(&self, _: &DeviceId, _: Fingerprint, _: [u8; 32]) -> Result<Renewable, RegistryError> {
        Ok(Renewable::Unknown)
    }

    async fn renewed(&self, _: &Renewal) -> Result<bool, RegistryError> {
        Ok(false)
    }

    async fn changes(&self, _: UnixMicros) -> Result<Vec<Change>, RegistryError> {
        Ok(Vec::new())
    }

    async fn revocation_recorded(&self, _: &DeviceId, _: UnixMicros, _: u64) -> Result<(), RegistryError> {
        Ok(())
    }
}

/// A device and where it stands in its chain.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) key: SigningKey,
    pub(crate) certificate: String,
    place: Place,
}

impl Device {
    /// A device with this key that holds a certificate; and what the registry knows of it.
    pub(crate) fn new(name: &str, key: &SigningKey, identity: &Identity) -> Fallible<(Self, Enrolled)> {
        let id: DeviceId = name.parse()?;
        let request = EnrolmentRequest { device: id, key: key.verifying_key() };
        let issued = identity.authority().issue(&request, clock::now(), DEVICE_VALIDITY)?;
        let known = Enrolled { fingerprint: issued.facts.fingerprint, revoked: false };
        let losses = Losses::NONE;
        let place = Place { device: id, boot: 1, sequence: 0, previous: Digest::ZERO, losses, oldest_held: 0 };
        Ok((Self { id, key: key.clone(), certificate: issued.pem, place }, known))
    }

    /// The next report: samples of the vehicle's state.
    pub(crate) fn report(&mut self) -> Fallible<Vec<u8>> {
        let mut writer = ReportWriter::new();
        for sample in 0..SAMPLES {
            let speed = i32::try_from(sample)?.wrapping_mul(7) % 13_000;
            let time = Micros::from_millis(u64::from(sample));
            writer.push_state(&VehicleState { time, speed_centi_kmh: Some(speed), ..VehicleState::default() })?;
        }
        let clock = Clock { boot_at: clock::now(), uncertainty: 0 };
        let sealed = writer.seal(&self.place, clock, Micros(0), &self.key)?;
        self.place.sequence += 1;
        self.place.oldest_held = self.place.sequence;
        self.place.previous = sealed.digest;
        Ok(sealed.bytes)
    }

    /// What its TLS needs.
    pub(crate) fn tls(&self, trust: &str) -> Fallible<ClientConfig> {
        tls(&self.certificate, &self.key, trust)
    }

    /// The same, and every handshake is a full one.
    pub(crate) fn forgetful_tls(&self, trust: &str) -> Fallible<Arc<ClientConfig>> {
        let mut config = self.tls(trust)?;
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}

/// What the TLS of a device with this certificate needs.
pub(crate) fn tls(certificate: &str, key: &SigningKey, trust: &str) -> Fallible<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trust.as_bytes())?)?;
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes())?];
    let pem = key.to_pkcs8_pem(LineEnding::LF)?;
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_client_auth_cert(chain, key)?)
}

/// A client of one device.
pub(crate) fn client(device: &Device, trust: &str) -> Fallible<reqwest::Client> {
    Ok(reqwest::Client::builder().tls_backend_preconfigured(device.tls(trust)?).no_proxy().build()?)
}

/// A gate on loopback with these devices.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) trust: String,
    pub(crate) counters: Arc<Counters>,
    pub(crate) intake: Intake,
    pub(crate) identity: Arc<Identity>,
    pub(crate) devices: Vec<Device>,
}

impl World {
    /// Opens a gate in `dir` that is served by `server`.
    pub(crate) async fn open(
        dir: &Path,
        names: impl Iterator<Item = String>,
        server: &tokio::runtime::Runtime,
    ) -> Fallible<Self> {
        let options = IdentityOptions::loopback(&dir.join("identity"), clock::now());
        let identity = Arc::new(Identity::open(&options)?);
        let key = SigningKey::from_bytes(&[7; 32]);
        let made: Fallible<Vec<_>> = names.map(|name| Device::new(&name, &key, &identity)).collect();
        let (devices, known): (Vec<Device>, Vec<Enrolled>) = made?.into_iter().unzip();
        let registry = Arc::new(Known(devices.iter().map(|device| device.id).zip(known).collect()));
        let counters = Arc::new(Counters::default());
        let intake = Intake::open(vault(dir, &identity)?, Arc::clone(&counters))?;
        let quotas = RawQuotas::default().try_into()?;
        let (identity_, intake_, counters_) = (Arc::clone(&identity), intake.clone(), Arc::clone(&counters));
        let parts = GateParts { identity: identity_, registry, intake: intake_, counters: counters_, quotas };
        let listener = TcpListener::bind("127.0.0.1:0").await?.into_std()?;
        let address = listener.local_addr()?;
        let gate = Gate::new(parts)?;
        server.spawn(async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => gate.serve(listener, std::future::pending()).await,
                Err(_) => std::process::exit(1),
            }
        });
        let trust = identity.authority().pem().to_owned();
        Ok(Self { address, trust, counters, intake, identity, devices })
    }
}

pub(crate) fn vault(dir: &Path, identity: &Identity) -> Fallible<Vault> {
    let (origin, key) = ("yagura.bench/vault".to_owned(), identity.vault_key().clone());
    let options = VaultOptions { dir: dir.join("vault"), origin, key, segment_bytes: VaultOptions::SEGMENT_BYTES };
    Ok(Vault::open(options)?.0)
}
