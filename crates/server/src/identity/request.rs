//! A device's certificate signing request (PKCS #10): who asks, with which key, and the proof that it holds that key.
//!
//! Not the right to the name: that is the enrolment token's. Whatever else a request asks for (validity, usages, other names)
//! is ignored, because the authority writes the certificate from its own template. Invariant: the request is signed by the key
//! it carries. Cost: one Ed25519 verification, ~40 µs.

use super::certificate::{ED25519_OID, ed25519_key, only_device};
use ed25519_dalek::{Signature, VerifyingKey};
use x509_parser::prelude::{FromDer, ParsedExtension, X509CertificationRequest};
use yagura_model::DeviceId;

/// The longest request, PEM or DER, in bytes.
pub const REQUEST_BYTES_MAX: usize = 8 * 1024;

/// Why a certificate signing request is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Not PEM of one `CERTIFICATE REQUEST`, or longer than [`REQUEST_BYTES_MAX`].
    #[error("not a PEM certificate request of at most {REQUEST_BYTES_MAX} bytes")]
    NotPem,
    /// The PEM does not hold a PKCS #10 request.
    #[error("not a PKCS #10 certificate request")]
    NotPkcs10,
    /// The key is not Ed25519, or not a safe point.
    #[error("key of the certificate request is not a usable Ed25519 key")]
    NotEd25519,
    /// The request is not signed by its own key.
    #[error("certificate request is not signed by the key it carries")]
    NotItsOwnKey,
    /// No subject alternative name of the form `urn:yagura:device:TENANT:VEHICLE:SENSOR`, or more than one.
    #[error("certificate request does not name exactly one device")]
    NotOneDevice,
}

/// A checked certificate signing request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnrolmentRequest {
    /// Whom the request names; still only a claim.
    pub device: DeviceId,
    /// The key that the requester proved to hold.
    pub key: VerifyingKey,
}

impl EnrolmentRequest {
    /// Reads and checks a request in PEM.
    ///
    /// # Errors
    /// [`RequestError`] naming what is wrong with it.
    pub fn parse_pem(pem: &str) -> Result<Self, RequestError> {
        if pem.len() > REQUEST_BYTES_MAX {
            return Err(RequestError::NotPem);
        }
        let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|_| RequestError::NotPem)?;
        if !matches!(block.label.as_str(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") {
            return Err(RequestError::NotPem);
        }
        Self::parse_der(&block.contents)
    }

    /// Reads and checks a request in DER.
    ///
    /// # Errors
    /// [`RequestError`] naming what is wrong with it.
    pub fn parse_der(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > REQUEST_BYTES_MAX {
            return Err(RequestError::NotPkcs10);
        }
        let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| RequestError::NotPkcs10)?;
        if !rest.is_empty() {
            return Err(RequestError::NotPkcs10);
        }
        let info = &request.certification_request_info;
        let algorithms = [&info.subject_pki.algorithm, &request.signature_algorithm];
        if algorithms.iter().any(|algorithm| algorithm.algorithm.to_id_string() != ED25519_OID) {
            return Err(RequestError::NotEd25519);
        }
        let key = ed25519_key(&info.subject_pki.subject_public_key.data).ok_or(RequestError::NotEd25519)?;
        let signature = Signature::from_slice(&request.signature_value.data).map_err(|_| RequestError::NotItsOwnKey)?;
        key.verify_strict(info.raw, &signature).map_err(|_| RequestError::NotItsOwnKey)?;
        let mut names = request.requested_extensions().into_iter().flatten().filter_map(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(names) => Some(names),
            _ => None,
        });
        let device = names.next().and_then(|names| only_device(&names.general_names));
        Ok(Self { device: device.ok_or(RequestError::NotOneDevice)?, key })
    }
}
