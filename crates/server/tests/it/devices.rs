//! Devices in the state: enrolled, renewed, revoked, let in again; what a gate is told of it, and what the operator sees.

use crate::rig::database::parsed_url;
use ed25519_dalek::SigningKey;
use tempfile::TempDir;
use yagura_model::{DeviceId, UnixMicros};
use yagura_server::clock;
use yagura_server::gate::{Change, Claim, Enrolment, Redeemed, Registry, Renewable, Renewal, Revocation, TokenHash};
use yagura_server::identity::{EnrolmentRequest, Fingerprint, Identity, IdentityOptions, IssuedCertificate};
use yagura_server::intake::Reason;
use yagura_server::state::{KnownDevice, Revoked, State, for_each_device, revoke};

struct World {
    dir: TempDir,
    state: State,
    identity: Identity,
    device: DeviceId,
}

impl World {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let state = State::connect(&parsed_url(dir.path()).await).await.unwrap();
        let options = IdentityOptions::loopback(&dir.path().join("identity"), clock::now());
        let identity = Identity::open(&options).unwrap();
        Self { dir, state, identity, device: "acme/kona-1/cgw".parse().unwrap() }
    }

    fn issue(&self, seed: u8) -> IssuedCertificate {
        let request =
            EnrolmentRequest { device: self.device, key: SigningKey::from_bytes(&[seed; 32]).verifying_key() };
        let day = std::time::Duration::from_secs(86_400);
        self.identity.authority().issue(&request, clock::now(), day).unwrap()
    }

    async fn enrol(&self, token: &str, seed: u8, position: u64) -> Fingerprint {
        let (token, now, issued) = (TokenHash::of(token), clock::now(), self.issue(seed));
        self.state.put_enrolment_token(&self.device, "Kona", token, now).await.unwrap();
        let claim = Claim { token, device: self.device, key: issued.facts.key.to_bytes(), now };
        assert_eq!(self.state.redeem(&claim).await.unwrap(), Redeemed::Granted);
        let fingerprint = issued.facts.fingerprint;
        let enrolment = Enrolment { token, certificate: issued.facts, der: issued.der, position, now };
        self.state.enrolled(&enrolment).await.unwrap();
        fingerprint
    }

    async fn renew(&self, before: Fingerprint, seed: u8, position: u64) -> (bool, IssuedCertificate) {
        let issued = self.issue(seed);
        let (certificate, der) = (issued.facts.clone(), issued.der.clone());
        let renewal = Renewal { before, certificate, der, position, now: clock::now() };
        (self.state.renewed(&renewal).await.unwrap(), issued)
    }

    async fn known(&self) -> Vec<KnownDevice> {
        let mut known = Vec::new();
        for_each_device(&parsed_url(self.dir.path()).await, None, &mut |device| known.push(device)).await.unwrap();
        known
    }
}

#[tokio::test]
async fn a_renewal_moves_a_device_from_the_certificate_in_force_and_from_no_other() {
    let world = World::new().await;
    let key = |seed| SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
    let (state, device) = (&world.state, &world.device);
    let first = world.enrol("one", 1, 0).await;
    assert_eq!(state.renewable(device, first, key(1)).await.unwrap(), Renewable::Yes);
    let (moved, second) = world.renew(first, 1, 1).await;
    assert!(moved);
    assert_eq!(state.device(device).await.unwrap().unwrap().fingerprint, second.facts.fingerprint);
    assert_eq!(state.renewable(device, first, key(1)).await.unwrap(), Renewable::Again(second.der.clone()));
    assert_eq!(state.renewable(device, first, key(2)).await.unwrap(), Renewable::Superseded);
    assert_eq!(state.renewable(device, Fingerprint([9; 32]), key(1)).await.unwrap(), Renewable::Superseded);
    assert_eq!(state.renewable(&"acme/kona-2/cgw".parse().unwrap(), first, key(1)).await.unwrap(), Renewable::Unknown);
    assert!(!world.renew(first, 3, 2).await.0, "the certificate before is not in force any more");
    let [known] = &world.known().await[..] else { panic!() };
    assert_eq!((known.certificates, known.model.as_str(), known.revoked), (2, "Kona", None));
    assert_eq!((known.fingerprint, known.expires), (second.facts.fingerprint, Some(second.facts.not_after)));
    state.close().await;
}

#[tokio::test]
async fn a_revocation_is_told_to_the_gates_until_it_is_recorded_and_ended_by_a_newer_token() {
    let world = World::new().await;
    let (state, device, url) = (&world.state, &world.device, parsed_url(world.dir.path()).await);
    let since = clock::now();
    let first = world.enrol("one", 1, 0).await;
    let changes = state.changes(since).await.unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].device, changes[0].unrecorded_revocation), (*device, None));
    let reason = Reason::new("key leaked");
    assert_eq!(revoke(&url, device, reason).await.unwrap(), Revoked::Now);
    assert_eq!(revoke(&url, device, None).await.unwrap(), Revoked::Before);
    assert_eq!(revoke(&url, &"acme/kona-9/cgw".parse().unwrap(), None).await.unwrap(), Revoked::Unknown);
    assert!(state.device(device).await.unwrap().unwrap().revoked);
    assert_eq!(state.renewable(device, first, [0; 32]).await.unwrap(), Renewable::Revoked);
    assert!(!world.renew(first, 1, 1).await.0);
    let forever = UnixMicros(i64::MAX);
    let [Change { at, unrecorded_revocation: Some(revocation), .. }] = state.changes(forever).await.unwrap()[..] else {
        panic!("{:?}", state.changes(forever).await)
    };
    assert_eq!(revocation, Revocation { at, reason });
    state.revocation_recorded(device, at, 7).await.unwrap();
    assert_eq!(state.changes(forever).await.unwrap(), []);
    assert!(state.changes(at).await.unwrap().iter().any(|change| change.unrecorded_revocation.is_none()));
    let second = world.enrol("two", 2, 8).await;
    let enrolled = state.device(device).await.unwrap().unwrap();
    assert_eq!((enrolled.fingerprint, enrolled.revoked), (second, false));
    assert_eq!(revoke(&url, device, None).await.unwrap(), Revoked::Now);
    assert_eq!(state.changes(forever).await.unwrap().len(), 1, "the second revocation is to be recorded too");
    let [known] = &world.known().await[..] else { panic!() };
    assert_eq!(known.revoked.map(|revoked| revoked.reason), Some(None));
    state.close().await;
}

crate::on_postgres!(
    "devices.rs":
    a_renewal_moves_a_device_from_the_certificate_in_force_and_from_no_other,
    a_revocation_is_told_to_the_gates_until_it_is_recorded_and_ended_by_a_newer_token
);
