//! Reports a second through the gate on loopback: mTLS, signature, decompression, vault on disk, signed receipt; and how long
//! a start takes to rebuild the chains from that vault.
//!
//! Not the pipeline behind it. Sixty-four devices, one connection each, client and server on the same cores; a report holds 40 samples
//! of the vehicle's state. Prints the median of five runs and JSON lines.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding};
use rcgen::{CertificateParams, KeyPair, SanType};
use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use yagura_link::{Clock, Digest, Losses, Place, ReportWriter};
use yagura_model::{DeviceId, Micros, VehicleState};
use yagura_server::clock;
use yagura_server::gate::{Claim, Counters, Enrolled, Enrolment, Gate, GateParts, Redeemed, Registry, RegistryError};
use yagura_server::identity::{DEVICE_VALIDITY, EnrolmentRequest, Identity, IdentityOptions, device_urn};
use yagura_server::intake::Intake;
use yagura_store::{Vault, VaultOptions};

const DEVICES: usize = 64;
const REPORTS: u64 = 200;
const SAMPLES: u32 = 40;
const RUNS: usize = 5;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Knows the devices of the bench.
struct Known(HashMap<DeviceId, Enrolled>);

impl Registry for Known {
    async fn redeem(&self, _: &Claim) -> Result<Redeemed, RegistryError> {
        Ok(Redeemed::Unknown)
    }

    async fn enrolled(&self, _: &Enrolment) -> Result<(), RegistryError> {
        Ok(())
    }

    fn device(&self, device: &DeviceId) -> impl Future<Output = Result<Option<Enrolled>, RegistryError>> + Send {
        std::future::ready(Ok(self.0.get(device).copied()))
    }
}

struct Device {
    id: DeviceId,
    key: SigningKey,
    client: reqwest::Client,
    reports: Vec<Vec<u8>>,
}

fn device(index: usize, identity: &Identity) -> Fallible<(Device, Enrolled)> {
    let id: DeviceId = format!("acme/car-{index}/cgw").parse()?;
    let key = SigningKey::from_bytes(&[u8::try_from(index)?; 32]);
    let pem = key.to_pkcs8_pem(LineEnding::LF)?;
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(device_urn(&id).try_into()?)];
    let request = params.serialize_request(&KeyPair::from_pem(&pem)?)?.pem()?;
    let request = EnrolmentRequest::parse_pem(&request)?;
    let issued = identity.authority().issue(&request, clock::now(), DEVICE_VALIDITY)?;
    let root = reqwest::Certificate::from_pem(identity.authority().pem().as_bytes())?;
    let own = reqwest::Identity::from_pem(format!("{}{}", *pem, issued.pem).as_bytes())?;
    let client = reqwest::Client::builder().tls_certs_only([root]).identity(own).build()?;
    let known = Enrolled { fingerprint: issued.facts.fingerprint, revoked: false };
    Ok((Device { id, key, client, reports: Vec::new() }, known))
}

/// Seals the reports of one run, outside of the measured time.
fn seal(device: &mut Device, boot: u64) -> Fallible<()> {
    let clock = Clock { boot_at: clock::now(), uncertainty: 0 };
    let mut previous = Digest::ZERO;
    device.reports.clear();
    for sequence in 0..REPORTS {
        let mut writer = ReportWriter::new();
        for sample in 0..SAMPLES {
            let speed = i32::try_from(sample)?.wrapping_mul(7) % 13_000;
            let time = Micros::from_millis(u64::from(sample));
            writer.push_state(&VehicleState { time, speed_centi_kmh: Some(speed), ..VehicleState::default() })?;
        }
        let losses = Losses::NONE;
        let place = Place { device: device.id, boot, sequence, previous, losses, oldest_held: sequence };
        let sealed = writer.seal(&place, clock, Micros(0), &device.key)?;
        previous = sealed.digest;
        device.reports.push(sealed.bytes);
    }
    Ok(())
}

async fn send_all(devices: &[Device], url: &str) -> Fallible<()> {
    let mut sending = JoinSet::new();
    for device in devices {
        let (client, url, reports) = (device.client.clone(), url.to_owned(), device.reports.clone());
        sending.spawn(async move {
            for report in reports {
                let answer = client.post(&url).body(report).send().await?.error_for_status()?;
                answer.bytes().await?;
            }
            Ok::<_, reqwest::Error>(())
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent??;
    }
    Ok(())
}

fn vault(dir: &Path, identity: &Identity) -> Fallible<Vault> {
    let (origin, key) = ("yagura.bench/vault".to_owned(), identity.vault_key().clone());
    let options = VaultOptions { dir: dir.join("vault"), origin, key, segment_bytes: VaultOptions::SEGMENT_BYTES };
    Ok(Vault::open(options)?.0)
}

fn print(bench: &str, value: f64, unit: &str) {
    println!("{{\"bench\":\"{bench}\",\"value\":{value:.0},\"unit\":\"{unit}\"}}");
}

#[tokio::main]
async fn main() -> Fallible<()> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let dir = tempfile::tempdir()?;
    let options = IdentityOptions::loopback(&dir.path().join("identity"), clock::now());
    let identity = Arc::new(Identity::open(&options)?);
    let (mut devices, known): (Vec<_>, Vec<_>) =
        (0..DEVICES).map(|index| device(index, &identity)).collect::<Fallible<Vec<_>>>()?.into_iter().unzip();
    let registry = Arc::new(Known(devices.iter().map(|device| device.id).zip(known).collect()));
    let counters = Arc::new(Counters::default());
    let intake = Intake::open(vault(dir.path(), &identity)?, Arc::clone(&counters))?;
    let (identity_, intake_) = (Arc::clone(&identity), intake.clone());
    let parts = GateParts { identity: identity_, registry, intake: intake_, counters: Arc::clone(&counters) };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{}/v1/reports", listener.local_addr()?);
    let gate = tokio::spawn(Gate::new(parts)?.serve(listener, std::future::pending()));
    let mut rates = Vec::with_capacity(RUNS);
    for run in 0..RUNS {
        for device in &mut devices {
            seal(device, u64::try_from(run)?)?;
        }
        let start = Instant::now();
        send_all(&devices, &url).await?;
        rates.push((DEVICES as f64) * (REPORTS as f64) / start.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    print("gate_reports_acknowledged", rates[RUNS / 2], "reports/s");
    gate.abort();
    intake.stop().await;
    let vault = vault(dir.path(), &identity)?;
    let (records, start) = (vault.len(), Instant::now());
    Intake::open(vault, counters)?.stop().await;
    print("intake_chains_rebuilt", (records as f64) / start.elapsed().as_secs_f64(), "records/s");
    Ok(())
}
