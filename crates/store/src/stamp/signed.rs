//! The signed part of a time stamp: CMS SignedData (RFC 5652) with one signer, and the signer's certificate.
//!
//! Not CMS at large: one signer, signed attributes, the certificate within. Invariants: what was signed are the attributes as they came, byte
//! by byte; they name the digest of the content and the certificate of the signer.

use super::der::{Der, INTEGER, OCTETS, OID, SEQUENCE, SET, context, encode};
use super::{CERTIFICATES_MAX, ID_SHA256, StampError};
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use yagura_model::UnixMicros;

const SIGNED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const TST_INFO: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x04];
const CONTENT_TYPE: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x04];
const SIGNING_CERTIFICATE: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x02, 0x0C];
const SIGNING_CERTIFICATE_V2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x02, 0x2F];
/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8.
const TIME_STAMPING: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

const RSA: &str = "1.2.840.113549.1.1.1";
const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const RSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A];
const RSA_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B];
const RSA_SHA384: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0C];
const RSA_SHA512: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0D];
const ECDSA_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
const ECDSA_SHA384: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03];

/// Who signed, as the signer's part names it.
#[derive(Debug)]
enum Signer {
    /// Issuer and serial number.
    Issued(Vec<u8>, Vec<u8>),
    /// Subject key identifier.
    Key(Vec<u8>),
}

/// A signed content with everything that its check needs.
#[derive(Debug)]
pub(super) struct Signed {
    /// The TSTInfo.
    pub(super) content: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    signer: Signer,
    hash: &'static Algorithm,
    /// As they came, with the tag of a set: what was signed.
    attributes: Vec<u8>,
    algorithm: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl Signed {
    /// Reads a ContentInfo.
    pub(super) fn read(token: &[u8]) -> Result<Self, StampError> {
        let mut info = Der::new(token, "token").inside(SEQUENCE, "token")?;
        if info.content(OID)? != SIGNED_DATA {
            return Err(StampError::Malformed("type of the token"));
        }
        let mut data = info.inside(context(0), "SignedData")?.inside(SEQUENCE, "SignedData")?;
        info.end()?;
        data.content(INTEGER)?;
        data.content(SET)?;
        let mut encapsulated = data.inside(SEQUENCE, "content")?;
        if encapsulated.content(OID)? != TST_INFO {
            return Err(StampError::Malformed("type of the content"));
        }
        let content = encapsulated.inside(context(0), "content")?.content(OCTETS)?.to_vec();
        let certificates = match data.optional(context(0))? {
            Some(set) => certificates_of(set.content)?,
            None => Vec::new(),
        };
        data.optional(context(1))?;
        let mut signers = data.inside(SET, "signers")?;
        data.end()?;
        let mut signer = signers.inside(SEQUENCE, "signer")?;
        signers.end()?;
        signer.content(INTEGER)?;
        let named = if signer.tag() == Some(SEQUENCE) {
            let mut issued = signer.inside(SEQUENCE, "signer's name")?;
            Signer::Issued(issued.element(SEQUENCE)?.whole.to_vec(), issued.content(INTEGER)?.to_vec())
        } else {
            Signer::Key(signer.content(0x80)?.to_vec())
        };
        let hash = hash_of(signer.algorithm()?).ok_or(StampError::Algorithm("digest"))?;
        let attributes = encode(SET, signer.content(context(0))?);
        let algorithm = signer.algorithm()?.to_vec();
        let signature = signer.content(OCTETS)?.to_vec();
        signer.optional(context(1))?;
        signer.end()?;
        Ok(Self { content, certificates, signer: named, hash, attributes, algorithm, signature })
    }

    /// Checks attributes, signature, certificate and, if there are any, that it comes from one of the anchors.
    pub(super) fn check(&self, at: UnixMicros, anchors: Option<&[TrustAnchor<'_>]>) -> Result<(), StampError> {
        let der = self.signer_der().ok_or(StampError::NoCertificate)?;
        let certificate = parsed(der).ok_or(StampError::Malformed("certificate"))?;
        let attribute = |id: &[u8], what| self.attribute(id)?.ok_or(StampError::Attribute(what));
        if attribute(CONTENT_TYPE, "content type")?.content(OID)? != TST_INFO {
            return Err(StampError::Attribute("content type"));
        }
        if attribute(MESSAGE_DIGEST, "digest")?.content(OCTETS)? != digest(self.hash, &self.content).as_ref() {
            return Err(StampError::Attribute("digest"));
        }
        self.names_its_certificate(der)?;
        let key = certificate.public_key();
        let curve = key.algorithm.parameters.as_ref().and_then(|it| it.as_oid().ok()).map(|oid| oid.to_id_string());
        let scheme = scheme(&key.algorithm.algorithm.to_id_string(), curve.as_deref(), &self.algorithm, self.hash);
        let scheme = scheme.ok_or(StampError::Algorithm("signature"))?;
        let key = UnparsedPublicKey::new(scheme, &key.subject_public_key.data);
        key.verify(&self.attributes, &self.signature).map_err(|_| StampError::Signature)?;
        is_for_stamps(&certificate)?;
        let seconds = at.0.div_euclid(1_000_000);
        let validity = certificate.validity();
        if !(validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&seconds) {
            return Err(StampError::Validity);
        }
        anchors.map_or(Ok(()), |anchors| self.comes_from(der, anchors, seconds))
    }

    /// The subject of the signer's certificate.
    pub(super) fn subject(&self) -> Option<String> {
        Some(parsed(self.signer_der()?)?.subject().to_string())
    }

    fn signer_der(&self) -> Option<&[u8]> {
        let is_signer = |der: &&Vec<u8>| {
            parsed(der).is_some_and(|certificate| {
                match &self.signer {
                Signer::Issued(issuer, serial) => {
                    certificate.issuer().as_raw() == issuer && certificate.raw_serial() == serial
                }
                Signer::Key(id) => certificate.extensions().iter().any(|extension| {
                    matches!(extension.parsed_extension(), ParsedExtension::SubjectKeyIdentifier(it) if it.0 == id)
                }),
            }
            })
        };
        self.certificates.iter().find(is_signer).map(Vec::as_slice)
    }

    /// The value of an attribute that stands there once.
    fn attribute(&self, id: &[u8]) -> Result<Option<Der<'_>>, StampError> {
        let mut all = Der::new(&self.attributes, "attributes").inside(SET, "attributes")?;
        let mut found = None;
        while all.tag().is_some() {
            let mut attribute = all.inside(SEQUENCE, "attribute")?;
            let (named, values) = (attribute.content(OID)?, attribute.inside(SET, "attribute")?);
            if named == id && found.replace(values).is_some() {
                return Err(StampError::Malformed("attributes"));
            }
        }
        Ok(found)
    }

    /// The signed attributes name the certificate by its hash (RFC 2634, RFC 5816).
    fn names_its_certificate(&self, der: &[u8]) -> Result<(), StampError> {
        let missing = StampError::Attribute("certificate");
        let (value, v2) = match self.attribute(SIGNING_CERTIFICATE_V2)? {
            Some(value) => (value, true),
            None => (self.attribute(SIGNING_CERTIFICATE)?.ok_or(missing)?, false),
        };
        let mut value = value;
        let mut first =
            value.inside(SEQUENCE, "attribute")?.inside(SEQUENCE, "attribute")?.inside(SEQUENCE, "attribute")?;
        let hash = match (v2, first.tag()) {
            (false, _) => &SHA1_FOR_LEGACY_USE_ONLY,
            (true, Some(SEQUENCE)) => hash_of(first.algorithm()?).ok_or(StampError::Algorithm("digest"))?,
            (true, _) => &SHA256,
        };
        if first.content(OCTETS)? == digest(hash, der).as_ref() { Ok(()) } else { Err(missing) }
    }

    fn comes_from(&self, der: &[u8], anchors: &[TrustAnchor<'_>], seconds: i64) -> Result<(), StampError> {
        let others: Vec<CertificateDer<'_>> = self.certificates.iter().map(|der| der.as_slice().into()).collect();
        let der = CertificateDer::from(der);
        let end = EndEntityCert::try_from(&der).map_err(|_| StampError::Chain)?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        let usage = KeyUsage::required(TIME_STAMPING);
        let path = end.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, anchors, &others, time, usage, None, None);
        path.map(drop).map_err(|_| StampError::Chain)
    }
}

fn certificates_of(set: &[u8]) -> Result<Vec<Vec<u8>>, StampError> {
    let mut set = Der::new(set, "certificates");
    let mut certificates = Vec::new();
    while set.tag().is_some() {
        let element = set.any()?;
        // Attribute certificates and the like have other tags, and sign nothing here.
        if element.whole.first() == Some(&SEQUENCE) {
            certificates.push(element.whole.to_vec());
        }
        if certificates.len() > CERTIFICATES_MAX {
            return Err(StampError::Malformed("certificates"));
        }
    }
    Ok(certificates)
}

fn parsed(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, certificate)| certificate)
}

fn hash_of(id: &[u8]) -> Option<&'static Algorithm> {
    let (last, family) = id.split_last()?;
    let known = ID_SHA256.split_last().is_some_and(|(_, sha2)| family == sha2);
    match last {
        1 => Some(&SHA256),
        2 => Some(&SHA384),
        3 => Some(&SHA512),
        _ => None,
    }
    .filter(|_| known)
}

/// How the signature is checked, by the kind of key, its curve, and what the signer says.
fn scheme(key: &str, curve: Option<&str>, said: &[u8], hash: &Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    use signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    };
    let bits = hash.output_len() * 8;
    let rsa = [(RSA_SHA256, 256), (RSA_SHA384, 384), (RSA_SHA512, 512)];
    let plain = said == RSA_ENCRYPTION || rsa.contains(&(said, bits));
    let ecdsa = [(ECDSA_SHA256, 256), (ECDSA_SHA384, 384)].contains(&(said, bits));
    let scheme: &'static dyn VerificationAlgorithm = match (key, curve, bits) {
        (RSA, _, 256) if plain => &RSA_PKCS1_2048_8192_SHA256,
        (RSA, _, 384) if plain => &RSA_PKCS1_2048_8192_SHA384,
        (RSA, _, 512) if plain => &RSA_PKCS1_2048_8192_SHA512,
        (RSA, _, 256) if said == RSA_PSS => &RSA_PSS_2048_8192_SHA256,
        (RSA, _, 384) if said == RSA_PSS => &RSA_PSS_2048_8192_SHA384,
        (RSA, _, 512) if said == RSA_PSS => &RSA_PSS_2048_8192_SHA512,
        (EC, Some(P256), 256) if ecdsa => &ECDSA_P256_SHA256_ASN1,
        (EC, Some(P256), 384) if ecdsa => &ECDSA_P256_SHA384_ASN1,
        (EC, Some(P384), 256) if ecdsa => &ECDSA_P384_SHA256_ASN1,
        (EC, Some(P384), 384) if ecdsa => &ECDSA_P384_SHA384_ASN1,
        _ => return None,
    };
    Some(scheme)
}

/// Extended key usage is there, critical, and says time stamps and nothing else (RFC 3161, section 2.3).
fn is_for_stamps(certificate: &X509Certificate<'_>) -> Result<(), StampError> {
    let usage = certificate.extended_key_usage().ok().flatten().ok_or(StampError::Purpose)?;
    let it = usage.value;
    let others =
        it.any || it.server_auth || it.client_auth || it.code_signing || it.email_protection || it.ocsp_signing;
    let alone = it.time_stamping && !others && it.other.is_empty();
    if usage.critical && alone { Ok(()) } else { Err(StampError::Purpose) }
}
