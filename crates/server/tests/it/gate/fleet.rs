//! A registry in memory, with the semantics that the gate asks of one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use yagura_model::{DeviceId, UnixMicros};
use yagura_server::clock;
use yagura_server::gate::{
    Change, Claim, Enrolled, Enrolment, Redeemed, Registry, RegistryError, Renewable, Renewal, Revocation, TokenHash,
};
use yagura_server::identity::{DeviceCertificate, Fingerprint};
use yagura_server::intake::Reason;

pub(super) struct Token {
    device: DeviceId,
    expires: UnixMicros,
    key: Option<[u8; 32]>,
    issued: Option<Vec<u8>>,
}

#[derive(Default)]
pub(super) struct Inner {
    tokens: HashMap<[u8; 32], Token>,
    pub(super) devices: HashMap<DeviceId, Enrolled>,
    certificates: HashMap<Fingerprint, Vec<u8>>,
    changed: HashMap<DeviceId, UnixMicros>,
    unrecorded: HashMap<DeviceId, Revocation>,
    pub(super) down: bool,
}

/// Tokens and devices.
#[derive(Default)]
pub(super) struct Fleet(Mutex<Inner>);

impl Fleet {
    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(super) fn give_token(&self, token: &str, device: DeviceId, expires: UnixMicros) {
        let entry = Token { device, expires, key: None, issued: None };
        self.inner().tokens.insert(TokenHash::of(token).0, entry);
    }

    /// What another process does when the operator revokes a device.
    pub(super) fn revoke(&self, device: DeviceId, reason: &str) {
        let (at, mut inner) = (clock::now(), self.inner());
        inner.devices.get_mut(&device).unwrap().revoked = true;
        inner.changed.insert(device, at);
        inner.unrecorded.insert(device, Revocation { at, reason: Reason::new(reason) });
    }

    /// Makes a certificate the one in force.
    pub(super) fn know(&self, der: &[u8]) {
        let (certificate, mut inner) = (DeviceCertificate::parse(der).unwrap(), self.inner());
        let fingerprint = certificate.fingerprint;
        inner.devices.insert(certificate.device, Enrolled { fingerprint, revoked: false });
        inner.certificates.insert(fingerprint, der.to_vec());
    }

    /// Whether every revocation is in the vault.
    pub(super) fn is_recorded(&self) -> bool {
        self.inner().unrecorded.is_empty()
    }

    fn up(&self) -> Result<MutexGuard<'_, Inner>, RegistryError> {
        let inner = self.inner();
        if inner.down { Err(RegistryError("the test took the registry down".into())) } else { Ok(inner) }
    }
}

impl Registry for Fleet {
    async fn redeem(&self, claim: &Claim) -> Result<Redeemed, RegistryError> {
        let mut inner = self.up()?;
        let Some(token) = inner.tokens.get_mut(&claim.token.0) else { return Ok(Redeemed::Unknown) };
        Ok(match (&token.key, &token.issued) {
            _ if token.device != claim.device => Redeemed::OtherDevice,
            (Some(key), _) if *key != claim.key => Redeemed::Used,
            (Some(_), Some(der)) => Redeemed::Again(der.clone()),
            (None, _) if token.expires <= claim.now => Redeemed::Expired,
            _ => {
                token.key = Some(claim.key);
                Redeemed::Granted
            }
        })
    }

    async fn enrolled(&self, enrolment: &Enrolment) -> Result<(), RegistryError> {
        let mut inner = self.up()?;
        let fingerprint = enrolment.certificate.fingerprint;
        inner.devices.insert(enrolment.certificate.device, Enrolled { fingerprint, revoked: false });
        inner.tokens.get_mut(&enrolment.token.0).unwrap().issued = Some(enrolment.der.clone());
        inner.certificates.insert(fingerprint, enrolment.der.clone());
        inner.changed.insert(enrolment.certificate.device, clock::now());
        Ok(())
    }

    async fn device(&self, device: &DeviceId) -> Result<Option<Enrolled>, RegistryError> {
        Ok(self.up()?.devices.get(device).copied())
    }

    async fn renewable(
        &self,
        device: &DeviceId,
        before: Fingerprint,
        key: [u8; 32],
    ) -> Result<Renewable, RegistryError> {
        let inner = self.up()?;
        let Some(known) = inner.devices.get(device) else { return Ok(Renewable::Unknown) };
        let der = &inner.certificates[&known.fingerprint];
        Ok(match known {
            _ if known.revoked => Renewable::Revoked,
            _ if known.fingerprint == before => Renewable::Yes,
            _ if inner.certificates.contains_key(&before)
                && DeviceCertificate::parse(der).unwrap().key.to_bytes() == key =>
            {
                Renewable::Again(der.clone())
            }
            _ => Renewable::Superseded,
        })
    }

    async fn renewed(&self, renewal: &Renewal) -> Result<bool, RegistryError> {
        let mut inner = self.up()?;
        let device = renewal.certificate.device;
        let known = inner.devices.get_mut(&device).unwrap();
        if known.revoked || known.fingerprint != renewal.before {
            return Ok(false);
        }
        known.fingerprint = renewal.certificate.fingerprint;
        inner.certificates.insert(renewal.certificate.fingerprint, renewal.der.clone());
        inner.changed.insert(device, clock::now());
        Ok(true)
    }

    async fn changes(&self, since: UnixMicros) -> Result<Vec<Change>, RegistryError> {
        let inner = self.up()?;
        let changed =
            inner.changed.iter().filter(|(device, at)| **at >= since || inner.unrecorded.contains_key(device));
        let change = |(device, at): (&DeviceId, &UnixMicros)| Change {
            device: *device,
            at: *at,
            unrecorded_revocation: inner.unrecorded.get(device).copied(),
        };
        Ok(changed.map(change).collect())
    }

    async fn revocation_recorded(&self, device: &DeviceId, _: UnixMicros, _: u64) -> Result<(), RegistryError> {
        self.up()?.unrecorded.remove(device);
        Ok(())
    }
}
