//! Enrolment and certificates: who gets one, and which ones TLS refuses.

use super::device::{Answer, Device, stranger};
use super::world::World;
use std::error::Error;
use std::time::Duration;
use yagura_model::UnixMicros;
use yagura_server::clock;
use yagura_server::gate::{Counted, EnrolmentAnswer, TokenHash};
use yagura_server::identity::{EnrolmentRequest, Identity, IdentityOptions};
use yagura_store::RecordKind;

const FOREVER: UnixMicros = UnixMicros(i64::MAX);

fn check(answer: &Answer, status: u16, problem: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (status, problem));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_costs_nothing_because_the_same_key_may_ask_again() {
    let world = World::new().await;
    let device = Device::new("acme/kona-1/cgw", 7);
    world.fleet.give_token("secret", device.id, FOREVER);
    let certificate = |answer: Answer| {
        assert_eq!(answer.status, 200);
        serde_json::from_slice::<EnrolmentAnswer>(&answer.body).unwrap().certificate
    };
    let first = certificate(device.enrol(&world, "secret").await);
    assert_eq!(certificate(device.enrol(&world, "secret").await), first);
    let kinds: Vec<RecordKind> = world.records().iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [RecordKind::Enrolment]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_works_for_one_key_one_device_and_its_time() {
    let world = World::new().await;
    let device = Device::new("acme/kona-1/cgw", 7);
    let (thief, other) = (Device::new("acme/kona-1/cgw", 8), Device::new("acme/kona-2/cgw", 9));
    world.fleet.give_token("secret", device.id, FOREVER);
    world.fleet.give_token("old", other.id, clock::now());
    check(&device.enrol(&world, "guess").await, 403, "token-unknown");
    check(&other.enrol(&world, "secret").await, 403, "token-other-device");
    check(&other.enrol(&world, "old").await, 403, "token-expired");
    assert_eq!(device.enrol(&world, "secret").await.status, 200);
    check(&thief.enrol(&world, "secret").await, 409, "token-used");
    assert_eq!(world.counters.total(Counted::EnrolmentRefused), 4);
    assert_eq!(world.records().len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_enrolment_is_refused_without_touching_the_token() {
    let world = World::new().await;
    let device = Device::new("acme/kona-1/cgw", 7);
    world.fleet.give_token("secret", device.id, FOREVER);
    let client = stranger(&world);
    let post = |body: String| client.post(world.url("/v1/enrol")).body(body).send();
    check(&Answer::of(post("{}".to_owned()).await.unwrap()).await, 400, "enrolment-malformed");
    let nonsense = serde_json::json!({ "token": "secret", "csr": "nonsense" }).to_string();
    check(&Answer::of(post(nonsense).await.unwrap()).await, 400, "request-refused");
    check(&Answer::of(post("x".repeat(20_000)).await.unwrap()).await, 413, "too-large");
    assert_eq!(device.enrol(&world, "secret").await.status, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolment_survives_a_registry_that_fails_half_way() {
    let world = World::new().await;
    let device = Device::new("acme/kona-1/cgw", 7);
    world.fleet.give_token("secret", device.id, FOREVER);
    world.fleet.inner().down = true;
    let answer = device.enrol(&world, "secret").await;
    check(&answer, 503, "registry");
    assert_eq!(answer.retry_after.as_deref(), Some("5"));
    world.fleet.inner().down = false;
    assert_eq!(device.enrol(&world, "secret").await.status, 200);
    world.stop().await;
}

/// How often a client that did not read the alert may try again.
const TRIES_MAX: usize = 5;

/// Sends a report with the certificate that `issuer` makes for the device now + `from`, valid for `validity`.
async fn refused_by_tls(world: &World, issuer: &Identity, from: i64, validity: Duration) -> String {
    let mut device = Device::new("acme/kona-1/cgw", 7);
    let request = EnrolmentRequest::parse_pem(&device.csr()).unwrap();
    let issued = issuer.authority().issue(&request, clock::now().plus(from), validity).unwrap();
    device.certificate = issued.pem;
    let report = device.report(0).bytes;
    for _ in 0..TRIES_MAX {
        let client = device.builder(world).http1_only().build().unwrap();
        let error = client.post(world.url("/v1/reports")).body(report.clone()).send().await.unwrap_err();
        let mut text = String::new();
        let mut next: Option<&dyn Error> = Some(&error);
        while let Some(error) = next {
            text = format!("{text}{error}; ");
            next = error.source();
        }
        // The client may give the connection up before it has read the alert, and then keeps the reason to itself.
        if !text.contains("connection was not ready") {
            return text;
        }
    }
    panic!("the client never read the alert");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_names_the_reason_when_it_refuses_a_certificate() {
    const DAY_US: i64 = 86_400_000_000;
    let (world, foreign) = (World::new().await, tempfile::tempdir().unwrap());
    let hour = Duration::from_secs(3600);
    let expired = refused_by_tls(&world, &world.identity, -40 * DAY_US, hour).await;
    assert!(expired.contains("CertificateExpired"), "{expired}");
    let early = refused_by_tls(&world, &world.identity, 10 * DAY_US, hour).await;
    assert!(early.contains("received fatal alert"), "{early}");
    let options = IdentityOptions::loopback(&foreign.path().join("identity"), clock::now());
    let foreign = refused_by_tls(&world, &Identity::open(&options).unwrap(), 0, hour).await;
    assert!(foreign.contains("received fatal alert"), "{foreign}");
    world.at_least(Counted::HandshakeFailed, 3).await;
    assert_eq!(world.records(), []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_the_root_that_was_never_registered_is_not_enough() {
    let world = World::new().await;
    let mut device = Device::new("acme/kona-1/cgw", 7);
    let request = EnrolmentRequest::parse_pem(&device.csr()).unwrap();
    let hour = Duration::from_secs(3600);
    device.certificate = world.identity.authority().issue(&request, clock::now(), hour).unwrap().pem;
    let report = device.report(0);
    check(&device.send(&world, &report.bytes).await, 403, "not-enrolled");
    assert_ne!(TokenHash::of("a"), TokenHash::of("b"));
    world.stop().await;
}
