//! Checks client certificates at the handshake, and knows those it has checked before.
//!
//! Not the check of who may report: that is the registry's, per request. A certificate must come from the device CA and be valid;
//! one that ran out at most [`RENEWAL_GRACE`] ago passes too, and then every endpoint but the renewal refuses it
//! ([`super::peer`]). Invariant: the validity is looked at in every handshake; only the signature of the CA over the same bytes is
//! not verified twice. Cost: ~70 µs for a new certificate, ~1 µs for a known one; ~500 bytes a known one, at most
//! [`KNOWN_MAX`] of them.

use crate::identity::{CertificateError, DeviceCertificate, Fingerprint};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError as TlsCertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// For how long after its end a certificate can still be renewed with itself.
pub const RENEWAL_GRACE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Certificates that are known at the same time.
pub const KNOWN_MAX: usize = 131_072;

/// Certificates that were checked: the two generations together are at most [`KNOWN_MAX`].
#[derive(Debug, Default)]
struct Known {
    young: HashMap<Fingerprint, Arc<DeviceCertificate>>,
    old: HashMap<Fingerprint, Arc<DeviceCertificate>>,
}

impl Known {
    fn get(&mut self, fingerprint: &Fingerprint) -> Option<Arc<DeviceCertificate>> {
        if let Some(known) = self.young.get(fingerprint) {
            return Some(Arc::clone(known));
        }
        let known = self.old.remove(fingerprint)?;
        self.put(Arc::clone(&known));
        Some(known)
    }

    fn put(&mut self, certificate: Arc<DeviceCertificate>) {
        if self.young.len() >= KNOWN_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(certificate.fingerprint, certificate);
    }
}

/// The verifier of client certificates.
#[derive(Debug)]
pub(super) struct DeviceVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    known: Mutex<Known>,
}

impl DeviceVerifier {
    /// Checks what `chain` checks, and more.
    pub(super) fn new(chain: Arc<dyn ClientCertVerifier>) -> Self {
        Self { chain, known: Mutex::default() }
    }

    /// What a certificate that passed a handshake says.
    pub(super) fn certificate(&self, der: &[u8]) -> Result<Arc<DeviceCertificate>, CertificateError> {
        match self.known(&Fingerprint::of(der)) {
            Some(known) => Ok(known),
            None => DeviceCertificate::parse(der).map(Arc::new),
        }
    }

    fn known(&self, fingerprint: &Fingerprint) -> Option<Arc<DeviceCertificate>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(fingerprint)
    }

    fn verify_chain(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let expired = match self.chain.verify_client_cert(leaf, chain, now) {
            Err(
                error @ Error::InvalidCertificate(
                    TlsCertificateError::Expired | TlsCertificateError::ExpiredContext { .. },
                ),
            ) => error,
            other => return other,
        };
        let Ok(certificate) = DeviceCertificate::parse(leaf) else { return Err(expired) };
        let Some(end) = seconds(certificate.not_after.0) else { return Err(expired) };
        if now.as_secs() > end.saturating_add(RENEWAL_GRACE.as_secs()) {
            return Err(expired);
        }
        self.chain.verify_client_cert(leaf, chain, UnixTime::since_unix_epoch(Duration::from_secs(end)))
    }
}

fn seconds(micros: i64) -> Option<u64> {
    u64::try_from(micros.div_euclid(1_000_000)).ok()
}

/// Whether a certificate of the CA is within its validity or the grace after it.
fn is_timely(certificate: &DeviceCertificate, now: UnixTime) -> bool {
    let (start, end) = (seconds(certificate.not_before.0), seconds(certificate.not_after.0));
    let end = end.map_or(0, |end| end.saturating_add(RENEWAL_GRACE.as_secs()));
    start.unwrap_or(0) <= now.as_secs() && now.as_secs() <= end
}

impl ClientCertVerifier for DeviceVerifier {
    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.known(&Fingerprint::of(leaf)).is_some_and(|known| is_timely(&known, now)) {
            return Ok(ClientCertVerified::assertion());
        }
        let verified = self.verify_chain(leaf, chain, now)?;
        if let Ok(certificate) = DeviceCertificate::parse(leaf) {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).put(Arc::new(certificate));
        }
        Ok(verified)
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
