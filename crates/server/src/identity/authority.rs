//! The embedded certificate authority: one ECDSA P-256 root that signs device certificates and the gate's own.
//!
//! Not a public CA and not an OCSP responder: revocation is the registry's answer at the gate (ADR-0011). The certificate is
//! written from the template here, never from what a request asks for. Invariants: a device certificate names one device, may
//! only authenticate a client, and outlives neither [`DEVICE_VALIDITY`] nor the root. Cost: ~100 µs a certificate.

use super::certificate::DeviceCertificate;
use super::name::device_urn;
use super::request::EnrolmentRequest;
use super::{IdentityError, keys};
use ed25519_dalek::VerifyingKey;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::Path;
use std::time::Duration;
use time::OffsetDateTime;
use yagura_model::UnixMicros;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the root lives: longer than a vehicle.
pub const ROOT_VALIDITY: Duration = DAY.saturating_mul(30 * 365);
/// How long a device certificate lives.
pub const DEVICE_VALIDITY: Duration = DAY.saturating_mul(2 * 365);
/// How long the gate's own certificate lives; it is made anew at every start.
pub const SERVER_VALIDITY: Duration = DAY.saturating_mul(2 * 365);
/// How far before its making a certificate is already valid, for devices whose clock is slow.
pub const BACKDATE: Duration = DAY;

/// The embedded certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// The gate's certificate chain and key for TLS.
pub struct ServerCertificate {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's private key.
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    /// The authority kept in `dir` (`ca.key`, `ca.pem`), made on first use.
    pub(super) fn open(dir: &Path, now: UnixMicros) -> Result<Self, IdentityError> {
        let (key_path, pem_path) = (dir.join("ca.key"), dir.join("ca.pem"));
        let pem = keys::read(&pem_path)?;
        let key = match keys::read_private(&key_path)? {
            Some(text) => KeyPair::from_pem(&text)
                .map_err(|_| IdentityError::Unreadable { path: key_path, reason: "not a private key in PKCS#8 PEM" })?,
            None if pem.is_some() => return Err(IdentityError::KeyMissing { path: key_path, certificate: pem_path }),
            None => {
                let key = KeyPair::generate()?;
                keys::write(&key_path, &key.serialize_pem(), 0o600)?;
                key
            }
        };
        let pem = match pem {
            Some(pem) => pem,
            None => {
                let pem = root_template(now)?.self_signed(&key)?.pem();
                keys::write(&pem_path, &pem, 0o644)?;
                pem
            }
        };
        Self::assemble(key, pem, &pem_path)
    }

    fn assemble(key: KeyPair, pem: String, path: &Path) -> Result<Self, IdentityError> {
        let unreadable = |reason| IdentityError::Unreadable { path: path.into(), reason };
        let (_, block) =
            x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|_| unreadable("not a certificate in PEM"))?;
        let x509 = block.parse_x509().map_err(|_| unreadable("not an X.509 certificate"))?;
        if x509.public_key().raw != key.subject_public_key_info() {
            return Err(unreadable("not the certificate of the key beside it"));
        }
        let certificate = CertificateDer::from(block.contents);
        Ok(Self { issuer: Issuer::from_ca_cert_der(&certificate, key)?, certificate, pem })
    }

    /// The root certificate, DER.
    #[must_use]
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The root certificate, PEM: what devices and verifiers trust.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for the key and the device of `request`, valid from `now` for `validity`, DER.
    ///
    /// The caller has checked that the requester may have that name.
    ///
    /// # Errors
    /// [`IdentityError`] if there is no randomness or the instant cannot be written in a certificate.
    pub fn issue(
        &self,
        request: &EnrolmentRequest,
        now: UnixMicros,
        validity: Duration,
    ) -> Result<IssuedCertificate, IdentityError> {
        let mut template = template(request.device.vehicle.as_str(), now, validity)?;
        let urn = device_urn(&request.device).try_into()?;
        template.subject_alt_names = vec![SanType::URI(urn)];
        template.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = template.signed_by(&DeviceKey(request.key), &self.issuer)?;
        let facts = DeviceCertificate::parse(certificate.der()).map_err(|_| IdentityError::Encoding)?;
        Ok(IssuedCertificate { pem: certificate.pem(), der: certificate.der().to_vec(), facts })
    }

    /// A certificate for the gate itself, for `names` (DNS names or IP addresses).
    pub(super) fn issue_server(&self, names: &[String], now: UnixMicros) -> Result<ServerCertificate, IdentityError> {
        let mut params = template("Yagura gate", now, SERVER_VALIDITY)?;
        params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok(ServerCertificate { chain: vec![leaf.der().clone()], key: key.into() })
    }
}

/// A certificate fresh from the authority.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// As it goes to the device.
    pub pem: String,
    /// As it goes to the vault.
    pub der: Vec<u8>,
    /// What it says.
    pub facts: DeviceCertificate,
}

/// A device's public key in the form that the certificate writer takes.
struct DeviceKey(VerifyingKey);

impl PublicKeyData for DeviceKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

fn root_template(now: UnixMicros) -> Result<CertificateParams, IdentityError> {
    let mut params = template("Yagura device CA", now, ROOT_VALIDITY)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = false;
    Ok(params)
}

fn template(common_name: &str, now: UnixMicros, validity: Duration) -> Result<CertificateParams, IdentityError> {
    let mut params = CertificateParams::default();
    let now = OffsetDateTime::from_unix_timestamp(now.0.div_euclid(1_000_000)).map_err(|_| IdentityError::Instant)?;
    params.not_before = now - BACKDATE;
    params.not_after = now + validity;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(IdentityError::Randomness)?;
    serial[0] = serial[0] & 0x7F | 0x40; // positive, and without leading zeros (RFC 5280, 4.1.2.2)
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}
