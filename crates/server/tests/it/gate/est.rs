//! Enrolment over Secure Transport: with OpenSSL and curl as a device would have them, and by hand where those cannot go wrong.

use super::device::{Answer, Device, stranger};
use super::world::World;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, KeyPair, SanType};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use yagura_model::UnixMicros;
use yagura_server::clock;
use yagura_server::gate::{Counted, RENEWAL_GRACE};
use yagura_server::identity::{EnrolmentRequest, device_urn, pem_of};
use yagura_sim::{Https, Keep, Transport, certificates_of};
use yagura_store::RecordKind;

const EST: &str = "/.well-known/est";
const FOREVER: UnixMicros = UnixMicros(i64::MAX);

/// A request in DER as base64, as EST wants it.
fn request(device: &Device) -> String {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(device_urn(&device.id).try_into().unwrap())];
    let key = KeyPair::from_pem(&device.key_pem()).unwrap();
    BASE64_STANDARD.encode(params.serialize_request(&key).unwrap().der())
}

/// The only certificate of a certs-only answer.
fn certificate(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let text: String = String::from_utf8(answer.body.clone()).unwrap().split_whitespace().collect();
    let mut certificates = certificates_of(&BASE64_STANDARD.decode(text).unwrap()).unwrap();
    assert_eq!(certificates.len(), 1);
    certificates.remove(0)
}

async fn renew(world: &World, device: &Device, request: String) -> Answer {
    let request = device.client(world).post(world.url(&format!("{EST}/simplereenroll"))).body(request);
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_as_password_or_bearer_gives_one_certificate() {
    let world = World::new().await;
    let device = Device::new("acme/kona-1/cgw", 7);
    world.fleet.give_token("secret", device.id, FOREVER);
    let client = stranger(&world);
    let post = || client.post(world.url(&format!("{EST}/simpleenroll"))).body(request(&device));
    let answer = post().send().await.unwrap();
    assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
    let answer = Answer::of(answer).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "no-token"));
    let answer = Answer::of(post().bearer_auth("guess").send().await.unwrap()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "token-unknown"));
    let answer = post().basic_auth("car", Some("secret")).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/pkcs7-mime; smime-type=certs-only");
    let key: Vec<u8> = hex(answer.headers()["yagura-receipt-key"].to_str().unwrap());
    assert_eq!(key, world.identity.receipt_key().verifying_key().as_bytes());
    let first = certificate(&Answer::of(answer).await);
    assert_eq!(certificate(&Answer::of(post().bearer_auth("secret").send().await.unwrap()).await), first);
    let kinds: Vec<RecordKind> = world.records().iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [RecordKind::Enrolment]);
    let nonsense = client.post(world.url(&format!("{EST}/simpleenroll"))).bearer_auth("secret").body("{}");
    let answer = Answer::of(nonsense.send().await.unwrap()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (400, "enrolment-malformed"));
    world.stop().await;
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_supersedes_and_may_be_asked_again_after_a_lost_answer() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let renewed = certificate(&renew(&world, &device, request(&device)).await);
    let before = device.report(0);
    let answer = device.send(&world, &before.bytes).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "superseded"));
    assert_eq!(certificate(&renew(&world, &device, request(&device)).await), renewed);
    let mut other_key = Device::new("acme/kona-1/cgw", 99);
    other_key.certificate.clone_from(&device.certificate);
    let answer = renew(&world, &device, request(&other_key)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "superseded"));
    device.certificate = pem_of(&renewed);
    device.deliver(&world, &before).await;
    let kinds: Vec<RecordKind> = world.records().iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [RecordKind::Enrolment, RecordKind::Enrolment, RecordKind::Report]);
    assert_eq!(world.counters.total(Counted::Renewed), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_is_for_the_device_itself_and_not_for_a_revoked_one() {
    let world = World::new().await;
    let device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let other = Device::new("acme/kona-2/cgw", 7);
    let answer = renew(&world, &device, request(&other)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "renewal-other-device"));
    let answer = stranger(&world).post(world.url(&format!("{EST}/simplereenroll"))).body(request(&device));
    let answer = Answer::of(answer.send().await.unwrap()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (401, "no-certificate"));
    world.fleet.revoke(device.id, "stolen");
    let answer = renew(&world, &device, request(&device)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "revoked"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_ended_within_the_grace_can_be_renewed_and_do_nothing_else() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let parsed = EnrolmentRequest::parse_pem(&device.csr()).unwrap();
    let ended = clock::now().plus(-i64::try_from(RENEWAL_GRACE.as_micros()).unwrap() / 2);
    let old = world.identity.authority().issue(&parsed, ended, Duration::from_secs(3600)).unwrap();
    world.fleet.know(&old.der);
    device.certificate = old.pem;
    let report = device.report(0);
    let answer = device.send(&world, &report.bytes).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "certificate-expired"));
    device.certificate = pem_of(&certificate(&renew(&world, &device, request(&device)).await));
    device.deliver(&world, &report).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulated_vehicle_renews_by_itself_before_its_next_report() {
    let world = World::new().await;
    let mut device = Device::enrolled(&world, "acme/kona-1/cgw").await;
    let parsed = EnrolmentRequest::parse_pem(&device.csr()).unwrap();
    // Valid for two hours yet, after a day before its making: more than two thirds are over.
    let old = world.identity.authority().issue(&parsed, clock::now(), Duration::from_secs(7200)).unwrap();
    world.fleet.know(&old.der);
    let folder = tempfile::tempdir().unwrap();
    let keep = Arc::new(Keep::open(folder.path(), &device.id.vehicle).unwrap());
    let (certificate, ca) = (old.pem.clone(), world.identity.authority().pem().to_owned());
    let identity = yagura_sim::Identity { certificate, ca, receipt_key: String::new() };
    let road = Https::new(&world.url(""), &identity, &device.key_pem()).unwrap();
    let road = road.renewing(device.id, &identity, &device.key_pem(), Arc::clone(&keep)).unwrap();
    for speed in 0..3 {
        let answer = road.send(device.report(speed).bytes, clock::now().0).await;
        assert!(matches!(answer, yagura_sim::Answer::Receipt(_)), "{answer:?}");
    }
    assert_eq!((road.renewals(), world.counters.total(Counted::Renewed)), (1, 1));
    let kept = keep.identity().unwrap().unwrap().certificate;
    assert_ne!(kept, old.pem);
    let der = world.records().iter().rfind(|record| record.kind == RecordKind::Enrolment).unwrap().payload.clone();
    assert_eq!(kept, pem_of(&der));
    world.stop().await;
}

/// Whether a tool of the system is there; it may be missing only on a machine without the project's services.
fn is_there(name: &str) -> bool {
    if Command::new(name).arg("version").output().is_ok() {
        return true;
    }
    assert!(std::env::var_os("YAGURA_TEST_SERVICES").is_none(), "{name} is not installed");
    println!("skipped: {name} is not installed");
    false
}

/// Runs a shell script with `set -e`; its output.
fn script(dir: &Path, text: &str) -> String {
    let output = Command::new("sh").arg("-ec").arg(text).current_dir(dir).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_and_curl_enrol_renew_and_connect() {
    if !is_there("openssl") || !is_there("curl") {
        return;
    }
    let world = World::new().await;
    let device = Device::new("acme/kona-1/cgw", 7);
    world.fleet.give_token("secret", device.id, FOREVER);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("trust.pem"), world.identity.authority().pem()).unwrap();
    let (est, urn) = (world.url(EST), device_urn(&device.id));
    let (curl, address) = ("curl --silent --show-error --fail --cacert trust.pem", world.address());
    let text = format!(
        "openssl genpkey -algorithm ed25519 -out key.pem
         {curl} {est}/csrattrs | openssl base64 -d | openssl asn1parse -inform DER | grep -i ed25519
         {curl} {est}/cacerts | openssl base64 -d | openssl pkcs7 -inform DER -print_certs -out ca.pem
         openssl verify -CAfile trust.pem ca.pem
         openssl req -new -key key.pem -subj /CN=kona-1 -addext subjectAltName=URI:{urn} -outform DER | openssl base64 > csr.b64
         {curl} -u car:secret -H 'Content-Type: application/pkcs10' --data-binary @csr.b64 {est}/simpleenroll > first.b64
         openssl base64 -d -in first.b64 | openssl pkcs7 -inform DER -print_certs -out first.pem
         {curl} --cert first.pem --key key.pem --data-binary @csr.b64 {est}/simplereenroll > second.b64
         openssl base64 -d -in second.b64 | openssl pkcs7 -inform DER -print_certs -out second.pem
         openssl verify -CAfile trust.pem first.pem second.pem
         {curl} --cert second.pem --key key.pem -o nothing -w '%{{http_version}} %{{http_code}}\\n' https://{address}/v1/resume
         printf 'GET /v1/resume HTTP/1.1\\r\\nHost: gate\\r\\nConnection: close\\r\\n\\r\\n' |
             openssl s_client -quiet -connect {address} -CAfile trust.pem -verify_return_error -cert second.pem -key key.pem"
    );
    let directory = dir.path().to_owned();
    let output = tokio::task::spawn_blocking(move || script(&directory, &text)).await.unwrap();
    for expected in ["ed25519", "ca.pem: OK", "first.pem: OK", "second.pem: OK", "2 204", "HTTP/1.1 204"] {
        assert!(output.to_lowercase().contains(&expected.to_lowercase()), "{expected} is not in {output}");
    }
    let kinds: Vec<RecordKind> = world.records().iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [RecordKind::Enrolment, RecordKind::Enrolment]);
    assert_eq!((world.counters.total(Counted::Enrolled), world.counters.total(Counted::Renewed)), (1, 1));
    world.stop().await;
}
