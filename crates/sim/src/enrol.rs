//! A vehicle's way in: makes its key, asks the gate with a one-time token, keeps what it gets.
//!
//! Not the gate's side (that is the server's). Invariants: the private key never leaves the vehicle's folder; a key that was
//! made is kept before anybody is asked, so asking again is asking with the same key.

use crate::https::{Https, HttpsError, hex32};
use crate::keep::{Identity, Keep};
use crate::vehicle::Credentials;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{SigningKey, VerifyingKey};
use rcgen::{CertificateParams, CertificateSigningRequest, DistinguishedName, DnType, KeyPair, PKCS_ED25519, SanType};
use std::io;
use thiserror::Error;
use yagura_model::DeviceId;

/// Why a vehicle has no identity.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// Its folder cannot be read or written.
    #[error("folder of the vehicle")]
    Keep(#[from] io::Error),
    /// Its key cannot be made, or the one in its folder cannot be read.
    #[error("key of the vehicle")]
    Key(#[from] rcgen::Error),
    /// The key in its folder is not an Ed25519 key.
    #[error("key of the vehicle is not an Ed25519 key in PKCS #8")]
    NotEd25519,
    /// The key that verifies receipts is none.
    #[error("receipt key of the gate is not an Ed25519 key in hexadecimal")]
    ReceiptKey,
    /// No token for it.
    #[error("no enrolment token: {0}")]
    Token(String),
    /// The gate did not let it in.
    #[error(transparent)]
    Gate(#[from] HttpsError),
}

/// A vehicle that was let in.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// Its private key, PEM.
    pub key_pem: String,
    /// What the gate gave it.
    pub identity: Identity,
    /// The same, ready for use.
    pub credentials: Credentials,
    /// Whether that happened just now.
    pub is_new: bool,
}

/// The identity from the vehicle's folder, or a fresh one from the gate if there is none that `trust` (PEM) signed. `token` is
/// asked only then.
///
/// # Errors
/// [`EnrolError`]; trying again later is always right.
pub async fn enrol(
    keep: &Keep,
    device: &DeviceId,
    gate: &Https,
    trust: &str,
    token: impl Future<Output = Result<String, String>>,
) -> Result<Enrolled, EnrolError> {
    let key_pem = match keep.key()? {
        Some(pem) => pem,
        None => {
            let pem = KeyPair::generate_for(&PKCS_ED25519)?.serialize_pem();
            keep.write_key(&pem)?;
            pem
        }
    };
    let kept = keep.identity()?.filter(|identity| identity.ca.trim() == trust.trim());
    let is_new = kept.is_none();
    let identity = match kept {
        Some(identity) => identity,
        None => {
            let csr = request(device, &key_pem)?;
            let identity = gate.enrol(&token.await.map_err(EnrolError::Token)?, &csr).await?;
            keep.write_identity(&identity)?;
            identity
        }
    };
    let key = SigningKey::from_pkcs8_pem(&key_pem).map_err(|_| EnrolError::NotEd25519)?;
    let receipt_key = hex32(&identity.receipt_key).ok_or(EnrolError::ReceiptKey)?;
    let receipt_key = VerifyingKey::from_bytes(&receipt_key).map_err(|_| EnrolError::ReceiptKey)?;
    Ok(Enrolled { key_pem, identity, credentials: Credentials { key, receipt_key }, is_new })
}

/// A certificate request (PKCS #10, PEM) that names the device.
fn request(device: &DeviceId, key_pem: &str) -> Result<String, rcgen::Error> {
    signed_request(device, key_pem)?.pem()
}

/// The same in DER, as EST wants it.
pub(crate) fn renewal_request(device: &DeviceId, key_pem: &str) -> Result<Vec<u8>, rcgen::Error> {
    Ok(signed_request(device, key_pem)?.der().to_vec())
}

fn signed_request(device: &DeviceId, key_pem: &str) -> Result<CertificateSigningRequest, rcgen::Error> {
    let key = KeyPair::from_pem(key_pem)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, device.vehicle.as_str());
    let urn = format!("urn:yagura:device:{}:{}:{}", device.tenant, device.vehicle, device.sensor);
    params.subject_alt_names = vec![SanType::URI(urn.try_into()?)];
    params.serialize_request(&key)
}
