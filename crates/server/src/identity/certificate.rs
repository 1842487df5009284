//! What a device certificate says: which device, which key, until when.
//!
//! Not a chain check: TLS does that at the handshake, and [`super::Authority`] signed it. Reads X.509 of strangers too
//! (`evidence verify` reads enrolment records), so nothing here panics. Invariant: a [`DeviceCertificate`] names exactly one
//! device and holds a usable Ed25519 key. Cost: ~10 µs, once per connection.

use super::name::device_of_urn;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use yagura_model::{DeviceId, UnixMicros};

/// The longest certificate that is looked at, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;

/// SHA-256 of a certificate's DER.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

impl std::fmt::Display for Fingerprint {
    /// Lower-case hexadecimal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why bytes are not the certificate of a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not DER, not X.509, or longer than [`CERTIFICATE_BYTES_MAX`].
    #[error("not an X.509 certificate")]
    NotX509,
    /// No subject alternative name of the form `urn:yagura:device:TENANT:VEHICLE:SENSOR`, or more than one.
    #[error("certificate does not name exactly one device")]
    NotOneDevice,
    /// The key is not Ed25519, or not a safe point.
    #[error("certificate key is not a usable Ed25519 key")]
    NotEd25519,
}

/// What a device certificate says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeviceCertificate {
    /// Whom it names.
    pub device: DeviceId,
    /// The key that signs this device's reports.
    pub key: VerifyingKey,
    /// Which certificate it is.
    pub fingerprint: Fingerprint,
    /// First instant of validity.
    pub not_before: UnixMicros,
    /// Last instant of validity.
    pub not_after: UnixMicros,
}

impl DeviceCertificate {
    /// Reads the DER of a certificate.
    ///
    /// # Errors
    /// [`CertificateError`] if it is none, or not one of a device.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::NotX509);
        }
        let (rest, x509) = X509Certificate::from_der(der).map_err(|_| CertificateError::NotX509)?;
        if !rest.is_empty() {
            return Err(CertificateError::NotX509);
        }
        let names = x509.subject_alternative_name().map_err(|_| CertificateError::NotX509)?;
        let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
        let spki = x509.public_key();
        if spki.algorithm.algorithm.to_id_string() != ED25519_OID {
            return Err(CertificateError::NotEd25519);
        }
        let unix = |time: x509_parser::time::ASN1Time| UnixMicros(time.timestamp().saturating_mul(1_000_000));
        Ok(Self {
            device: only_device(names).ok_or(CertificateError::NotOneDevice)?,
            key: ed25519_key(&spki.subject_public_key.data).ok_or(CertificateError::NotEd25519)?,
            fingerprint: Fingerprint::of(der),
            not_before: unix(x509.validity().not_before),
            not_after: unix(x509.validity().not_after),
        })
    }
}

/// A certificate's DER as PEM (RFC 7468).
#[must_use]
pub fn pem_of(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
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

/// id-Ed25519, RFC 8410.
pub(super) const ED25519_OID: &str = "1.3.101.112";

/// The one device among subject alternative names; other kinds of names are ignored.
pub(super) fn only_device(names: &[GeneralName<'_>]) -> Option<DeviceId> {
    let mut devices = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => device_of_urn(uri),
        _ => None,
    });
    let device = devices.next()?;
    devices.next().is_none().then_some(device)
}

/// The key of a subject public key field; refuses points of small order, under which any signature would verify.
pub(super) fn ed25519_key(raw: &[u8]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(raw.try_into().ok()?).ok()?;
    (!key.is_weak()).then_some(key)
}
