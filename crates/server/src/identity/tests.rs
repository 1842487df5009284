//! The identity as a whole: what it writes, what it refuses to use, what it issues.

use super::*;
use ed25519_dalek::VerifyingKey;
use rcgen::{CertificateParams, KeyPair, SanType};
use std::path::Path;
use std::time::Duration;
use yagura_model::DeviceId;

const NOW: UnixMicros = UnixMicros(1_790_000_000_000_000);

fn request_pem(key: &KeyPair, urns: &[&str]) -> String {
    let mut params = CertificateParams::default();
    params.subject_alt_names = urns.iter().map(|urn| SanType::URI((*urn).try_into().unwrap())).collect();
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn device_request() -> EnrolmentRequest {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    EnrolmentRequest::parse_pem(&request_pem(&key, &["urn:yagura:device:acme:kona-1:cgw"])).unwrap()
}

fn open(dir: &Path) -> Result<Identity, IdentityError> {
    Identity::open(&IdentityOptions::loopback(&dir.join("identity"), NOW))
}

#[test]
fn keys_are_made_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let again = open(dir.path()).unwrap();
    assert_eq!(first.authority().pem(), again.authority().pem());
    assert_eq!(first.receipt_key(), again.receipt_key());
    assert_eq!(first.vault_key(), again.vault_key());
    assert_ne!(first.receipt_key(), first.vault_key());
    let public = std::fs::read_to_string(dir.path().join("identity/receipt.pub")).unwrap();
    let public: VerifyingKey = ed25519_dalek::pkcs8::DecodePublicKey::from_public_key_pem(&public).unwrap();
    assert_eq!(public, first.receipt_key().verifying_key());
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let path = dir.path().join("identity/receipt.key");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(open(dir.path()), Err(IdentityError::KeyOpenToOthers { mode: 0o640, .. })));
}

#[test]
fn a_lost_root_key_is_an_error_and_not_a_new_root() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    std::fs::remove_file(dir.path().join("identity/ca.key")).unwrap();
    assert!(matches!(open(dir.path()), Err(IdentityError::KeyMissing { .. })));
}

#[test]
fn a_root_key_of_another_root_is_an_error() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop((open(dir.path()).unwrap(), open(other.path()).unwrap()));
    std::fs::copy(other.path().join("identity/ca.key"), dir.path().join("identity/ca.key")).unwrap();
    assert!(matches!(open(dir.path()), Err(IdentityError::Unreadable { .. })));
}

#[test]
fn an_issued_certificate_names_the_device_and_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let identity = open(dir.path()).unwrap();
    let request = device_request();
    let issued = identity.authority().issue(&request, NOW, DEVICE_VALIDITY).unwrap();
    let facts = DeviceCertificate::parse(&issued.der).unwrap();
    assert_eq!(facts, issued.facts);
    assert_eq!(facts.device, "acme/kona-1/cgw".parse::<DeviceId>().unwrap());
    assert_eq!(facts.key, request.key);
    assert_eq!(facts.not_before.since(NOW), -86_400_000_000);
    assert_eq!(facts.not_after.since(NOW), 2 * 365 * 86_400_000_000);
    let (_, block) = x509_parser::pem::parse_x509_pem(issued.pem.as_bytes()).unwrap();
    assert_eq!(block.contents, issued.der);
    assert_eq!(pem_of(&issued.der), issued.pem);
}

#[test]
fn two_certificates_for_one_key_differ() {
    let dir = tempfile::tempdir().unwrap();
    let identity = open(dir.path()).unwrap();
    let request = device_request();
    let issue = || identity.authority().issue(&request, NOW, Duration::from_secs(60)).unwrap().facts.fingerprint;
    assert_ne!(issue(), issue());
}

#[test]
fn a_request_must_carry_ed25519_and_name_one_device() {
    let check = |key: &KeyPair, urns: &[&str]| EnrolmentRequest::parse_pem(&request_pem(key, urns)).map(|r| r.device);
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let urn = "urn:yagura:device:acme:kona-1:cgw";
    assert_eq!(check(&key, &[urn]), Ok("acme/kona-1/cgw".parse().unwrap()));
    assert_eq!(check(&key, &[]), Err(RequestError::NotOneDevice));
    assert_eq!(check(&key, &[urn, "urn:yagura:device:acme:kona-2:cgw"]), Err(RequestError::NotOneDevice));
    assert_eq!(check(&key, &["https://example.org/"]), Err(RequestError::NotOneDevice));
    assert_eq!(check(&KeyPair::generate().unwrap(), &[urn]), Err(RequestError::NotEd25519));
    assert_eq!(EnrolmentRequest::parse_pem("nonsense"), Err(RequestError::NotPem));
}

#[test]
fn a_request_signed_by_another_key_is_refused() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let pem = request_pem(&key, &["urn:yagura:device:acme:kona-1:cgw"]);
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    let other = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let at = block.contents.windows(32).position(|window| window == key.public_key_raw()).unwrap();
    let mut der = block.contents;
    der[at..at + 32].copy_from_slice(other.public_key_raw());
    assert_eq!(EnrolmentRequest::parse_der(&der), Err(RequestError::NotItsOwnKey));
}

#[test]
fn garbage_is_neither_certificate_nor_request() {
    let dir = tempfile::tempdir().unwrap();
    let issued = open(dir.path()).unwrap().authority().issue(&device_request(), NOW, DEVICE_VALIDITY).unwrap();
    for at in 0..issued.der.len() {
        let mut der = issued.der.clone();
        der[at] ^= 0xFF;
        if let Ok(facts) = DeviceCertificate::parse(&der) {
            assert_ne!(facts.fingerprint, issued.facts.fingerprint);
        }
        assert_eq!(DeviceCertificate::parse(&issued.der[..at]), Err(CertificateError::NotX509));
    }
    let root = open(dir.path()).unwrap();
    assert_eq!(DeviceCertificate::parse(root.authority().certificate()), Err(CertificateError::NotEd25519));
}
